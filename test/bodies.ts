// Code with loops, conditions and whiles, built by hand, and what it means: the same work done one op at a time in JavaScript.
import { type DType, dtypes, isComplex, isFloat } from "../lib/core/dtype";
import { LinalgError } from "../lib/core/errors";
import type { Code, Cond, Control, Instruction, Loop, ValueType, While } from "../lib/core/ir";
import { sizeOf, storageOf, type Tensor, wrap } from "../lib/core/tensor";
import { type Program, programOf } from "../lib/program/program";
import { record } from "../lib/program/record";
import { replay } from "../lib/program/replay";
import { relativeError } from "../lib/testing/close";

export const type = (dtype: DType, ...shape: number[]): ValueType => ({ dtype, shape });
export const f64 = (...shape: number[]): ValueType => type("float64", ...shape);

/** The code of a function of such tensors. */
export const body = (types: readonly ValueType[], f: (...args: never[]) => Tensor | readonly Tensor[]): Code =>
  record(
    types.map((value, i) => ({ name: `x${i}`, value })),
    (args) => {
      const out = f(...(args as never[]));
      return (Array.isArray(out) ? out : [out]).map((value, i) => ({ name: `y${i}`, value: value as Tensor }));
    },
  );
const typeOf = (code: Code, id: number): ValueType => code.values[id] as ValueType;
const outputTypes = (code: Code): ValueType[] => code.outputs.map(({ id }) => typeOf(code, id));

/** Code in the making: values by their ids. */
export class Builder {
  readonly values: ValueType[] = [];
  readonly #inputs: number[] = [];
  readonly #constants: Code["constants"][number][] = [];
  readonly #code: Instruction[] = [];

  value(t: ValueType): number {
    return this.values.push(t) - 1;
  }
  input(t: ValueType): number {
    const id = this.value(t);
    this.#inputs.push(id);
    return id;
  }
  /** The instructions of such code, on these. */
  inline(code: Code, ids: readonly number[]): number[] {
    const map = new Map<number, number>();
    code.inputs.forEach(({ id }, i) => map.set(id, ids[i] as number));
    const define = (id: number): number => {
      map.set(id, this.value(typeOf(code, id)));
      return map.get(id) as number;
    };
    for (const { id, array } of code.constants) this.#constants.push({ id: define(id), array });
    for (const i of code.code)
      this.#code.push({
        ...i,
        in: i.in.map((x) => (x === null ? null : (map.get(x) as number))),
        out: i.out.map((x) => (x === null ? null : define(x))),
      });
    return code.outputs.map(({ id }) => map.get(id) as number);
  }
  /** A function of these. */
  call(ids: readonly number[], f: (...args: never[]) => Tensor | readonly Tensor[]): number[] {
    return this.inline(
      body(
        ids.map((id) => this.values[id] as ValueType),
        f,
      ),
      ids,
    );
  }
  /** An instruction with bodies; `unwanted`: outputs that nobody reads. */
  control(control: Control, ids: readonly number[], types: readonly ValueType[], unwanted: readonly number[] = []): number[] {
    const out = types.map((t) => this.value(t));
    this.#code.push({ op: control.name, attrs: {}, in: ids, out: out.map((id, i) => (unwanted.includes(i) ? null : id)), control });
    return out;
  }
  loop(code: Code, ids: readonly number[], options: Partial<Loop> & { length: number; unwanted?: number[] }): number[] {
    const { carries = 0, mapped = 0, length, unwanted, ...rest } = options;
    const results = outputTypes(code).slice(carries);
    const sums = options.sums ?? results.map(() => false);
    const loop: Loop = {
      kind: "loop",
      name: carries > 0 ? "scan" : "vmap",
      body: code,
      reverse: false,
      ...rest,
      length,
      carries,
      mapped,
      sums,
    };
    const stacked = results.map((t, i) => (sums[i] ? t : type(t.dtype, length, ...t.shape)));
    return this.control(loop, ids, [...outputTypes(code).slice(0, carries), ...stacked], unwanted);
  }
  cond(then: Code, otherwise: Code, ids: readonly number[], unwanted?: number[]): number[] {
    const cond: Cond = { kind: "cond", name: "cond", whenTrue: then, whenFalse: otherwise };
    return this.control(cond, ids, outputTypes(then), unwanted);
  }
  whileLoop(test: Code, code: Code, ids: readonly number[], maxSteps: number): number[] {
    const carries = code.outputs.length;
    const loop: While = { kind: "while", name: "whileLoop", test, body: code, carries, maxSteps };
    return this.control(loop, ids, outputTypes(code));
  }
  code(outputs: readonly number[]): Code {
    return {
      values: this.values,
      inputs: this.#inputs.map((id, i) => ({ name: `x${i}`, id })),
      constants: this.#constants,
      code: this.#code,
      outputs: outputs.map((id, i) => ({ name: `y${i}`, id })),
      opaque: [],
    };
  }
}
/** Code of one function of a builder and its inputs. */
export function built(types: readonly ValueType[], f: (b: Builder, ...ids: number[]) => readonly number[]): Code {
  const b = new Builder();
  const ids = types.map((t) => b.input(t));
  return b.code(f(b, ...ids));
}

/** Element t along the first axis. */
function element(t: Tensor, at: number): Tensor {
  const { array } = storageOf(t);
  const shape = t.shape.slice(1);
  const size = (array.length / Math.max(t.shape[0] as number, 1)) | 0;
  return wrap(t.dtype, shape, array.slice(at * size, (at + 1) * size));
}
function stacked({ dtype, shape }: ValueType, list: readonly Tensor[]): Tensor {
  const each = sizeOf(shape) * (isComplex(dtype) ? 2 : 1);
  const array = new dtypes[dtype].array(each * list.length);
  list.forEach((t, i) => array.set(storageOf(t).array, i * each));
  return wrap(dtype, [list.length, ...shape], array);
}
function summed({ dtype, shape }: ValueType, list: readonly Tensor[]): Tensor {
  const array = new dtypes[dtype].array(sizeOf(shape) * (isComplex(dtype) ? 2 : 1));
  for (const t of list) {
    const from = storageOf(t).array;
    for (let i = 0; i < array.length; i++) array[i] = (array[i] as number) + (from[i] as number);
  }
  return wrap(dtype, shape, array);
}

/** The outputs of code for one item. @throws LinalgError as its ops do, where they run one after the other. */
export function interpret(code: Code, inputs: readonly Tensor[]): Tensor[] {
  const values: Tensor[] = [];
  code.inputs.forEach(({ id }, i) => (values[id] = inputs[i] as Tensor));
  for (const { id, array } of code.constants) values[id] = wrap(typeOf(code, id).dtype, typeOf(code, id).shape, array);
  for (const instruction of code.code) {
    const given = instruction.in.map((i) => values[i as number] as Tensor);
    const out = instruction.control ? controlled(instruction.control, given) : plain(code, instruction, given);
    instruction.out.forEach((o, i) => o !== null && (values[o] = out[i] as Tensor));
  }
  return code.outputs.map(({ id }) => values[id] as Tensor);
}
function plain(code: Code, instruction: Instruction, given: readonly Tensor[]): Tensor[] {
  const inputs = instruction.in.map((id, i) => ({ name: `${i}`, id: id as number }));
  const once = inputs.filter(({ id }, i) => inputs.findIndex((x) => x.id === id) === i);
  const outputs = instruction.out.flatMap((id, i) => (id === null ? [] : [{ name: `${i}`, id }]));
  const out = replay(
    { ...code, inputs: once, constants: [], code: [instruction], outputs },
    once.map((x) => given[inputs.indexOf(x)] as Tensor),
  );
  let next = 0;
  return instruction.out.map((id) => (id === null ? undefined : out[next++]) as Tensor);
}
function controlled(control: Control, given: readonly Tensor[]): Tensor[] {
  if (control.kind === "call") throw new Error("not executed");
  if (control.kind === "cond")
    return interpret(storageOf(given[0] as Tensor).array[0] ? control.whenTrue : control.whenFalse, given.slice(1));
  if (control.kind === "while") {
    const shared = given.slice(control.carries);
    let carries = given.slice(0, control.carries);
    for (let step = 0; storageOf(interpret(control.test, [...carries, ...shared])[0] as Tensor).array[0]; step++) {
      if (step === control.maxSteps) throw new LinalgError("ERR_NO_CONVERGENCE", "whileLoop", "", 0, step);
      carries = interpret(control.body, [...carries, ...shared]);
    }
    return carries;
  }
  const { body: code, length, reverse, carries: n, mapped, sums } = control;
  let carries = given.slice(0, n);
  const results: Tensor[][] = sums.map(() => []);
  for (let k = 0; k < length; k++) {
    const at = reverse ? length - 1 - k : k;
    const elements = given.slice(n, n + mapped).map((t) => element(t, at));
    const out = interpret(code, [...carries, ...elements, ...given.slice(n + mapped)]);
    carries = out.slice(0, n);
    out.slice(n).forEach((t, i) => ((results[i] as Tensor[])[at] = t));
  }
  return [...carries, ...results.map((list, i) => (sums[i] ? summed : stacked)(outputTypes(code)[n + i] as ValueType, list))];
}

/** Numbers around 0 of this type, with a batch. */
export function numbers({ dtype, shape }: ValueType, seed: number, batch: readonly number[] = []): Tensor {
  let state = (seed * 2654435761) >>> 0;
  const next = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  };
  const whole = [...batch, ...shape];
  const array = new dtypes[dtype].array(sizeOf(whole) * (isComplex(dtype) ? 2 : 1));
  for (let i = 0; i < array.length; i++)
    array[i] = dtype === "bool" ? Number(next() > 0) : dtype === "int32" ? Math.round(5 * next()) : next();
  return wrap(dtype, whole, array);
}

/** Item i of a tensor with a batch, or one that all share. */
const itemAt = (t: Tensor, shape: readonly number[], i: number): Tensor => (t.rank > shape.length ? element(t, i) : t);

export type Options = Parameters<Program["runSync"]>[1];
export const LAYOUTS: readonly Options[] = [
  {},
  { layout: "single" },
  { layout: "lanes" },
  { layout: "lanes", chunk: 1 },
  { layout: "single", chunk: 1, threads: 2 },
  { layout: "lanes", threads: 1 },
];
export const BATCHES = [1, 3, 7, 9, 100];

interface Checks {
  readonly shared?: readonly number[];
  readonly batches?: readonly number[];
  readonly options?: readonly Options[];
  readonly tolerance?: number;
  readonly prepare?: (t: Tensor, input: number) => Tensor;
}
/** Runs the code over batches, in every layout, and says where it is not what the interpreter gives. `shared`: inputs without a batch. */
export function differences(
  code: Code,
  { shared = [], batches = BATCHES, options = LAYOUTS, tolerance = 0, prepare = (t) => t }: Checks = {},
): string[] {
  const program = programOf<readonly Tensor[], Record<string, Tensor>>(code);
  const wrong: string[] = [];
  for (const n of [undefined, ...batches]) {
    if (n !== undefined && shared.length === code.inputs.length) continue;
    const inputs = code.inputs.map(({ id }, i) => {
      const batch = n === undefined || shared.includes(i) ? [] : [n];
      return prepare(numbers(typeOf(code, id), 1 + i + (n ?? 0), batch), i);
    });
    const want = Array.from({ length: n ?? 1 }, (_, item) =>
      interpret(
        code,
        inputs.map((t, i) => itemAt(t, typeOf(code, (code.inputs[i] as { id: number }).id).shape, item)),
      ),
    );
    for (const option of options) {
      const got = Object.values(program.runSync(Object.fromEntries(inputs.map((t, i) => [`x${i}`, t])) as never, option));
      outputTypes(code).forEach((t, o) => {
        const items = want.map((list) => list[o] as Tensor);
        const whole = n === undefined ? (items[0] as Tensor) : stacked(t, items);
        const error = relativeError(got[o] as Tensor, whole);
        const allowed = isFloat(t.dtype) ? tolerance || 50 * dtypes[t.dtype].eps : 0;
        if (!(error <= allowed) || (got[o] as Tensor).dtype !== t.dtype)
          wrong.push(`batch ${n} ${JSON.stringify(option)} output ${o}: ${error} > ${allowed}`);
      });
    }
  }
  return wrong;
}
