import { kernelId } from "../boundary/descriptor";
import { type AnyArray, type DType, dtypes } from "../core/dtype";
import { BacksolveError } from "../core/errors";
import type { Site } from "../core/failures";
import { dtypeOf, kernelName } from "../core/form";
import { fusedRow } from "../core/fused";
import { encodeAttrs } from "../core/infer";
import { bodiesOf, type Code, type Control, type Instruction, type ValueType } from "../core/ir";
import { registry } from "../core/registry";
import { type AnyRow, besides, type Native, nameOf } from "../core/row";
import { type Shape, sizeOf } from "../core/tensor";

/** The row and the kernel that an instruction names: "cholesky", or "cholesky_vjp" for its fused rule. */
export function resolve(op: string): { row: AnyRow; of: AnyRow; kernel: Native; fused: boolean } | undefined {
  const row = registry.get(op);
  if (row && row.name === op) return typeof row.kernel === "function" ? undefined : { row, of: row, kernel: row.kernel, fused: false };
  const base = op.endsWith("_vjp") ? registry.get(op.slice(0, -4)) : undefined;
  if (!base?.fused || base.name !== op.slice(0, -4)) return undefined;
  return { row: fusedRow(base), of: base, kernel: base.fused, fused: true };
}

/** What errors say of instruction `site`, which counts those of bodies behind who runs them, where the loops around it were at `steps`. */
export function siteOf({ code }: Code, site: number, steps: readonly number[] = [], path: readonly string[] = [], segment = 0): Site {
  let at = site;
  for (const instruction of code) {
    if (at === 0) return { ...named(instruction), path };
    at--;
    const { control } = instruction;
    for (const body of control ? bodiesOf(control) : []) {
      const count = sitesOf(body);
      if (at < count && control) {
        if (control.kind === "cond" || control.kind === "call") return siteOf(body, at, steps, path);
        const [step, ...rest] = steps as [number, ...number[]];
        if (control.name === "checkpoint") return siteOf(body, at, rest, path); // of one run, and no loop to users
        if (control.name === "segments") return siteOf(body, at, rest, path, step);
        const number = control.kind === "loop" ? step + segment * control.length + (control.from ?? 0) : step;
        return siteOf(body, at, rest, [...path, `${control.name}, ${control.name === "vmap" ? "item" : "step"} ${number}`]);
      }
      at -= count;
    }
  }
  return { op: "program", hints: undefined };
}
function named({ op, within, control }: Instruction): Site {
  if (control) return { op: within ?? control.name, hints: undefined };
  const found = resolve(op);
  if (!found) return { op: "program", hints: undefined };
  const name = within ?? nameOf(found.row);
  return { op: name, hints: found.row.hints, beside: besides(found.row, name) };
}

/** A property of code and of its bodies, computed once. */
function memoized(compute: (code: Code) => number): (code: Code) => number {
  const known = new WeakMap<Code, number>();
  return (code) => {
    const found = known.get(code) ?? compute(code);
    known.set(code, found);
    return found;
  };
}
const bodiesIn = ({ code }: Code): Code[] => code.flatMap(({ control }) => (control ? bodiesOf(control) : []));
const sitesOf = memoized((code) => bodiesIn(code).reduce((n, body) => n + sitesOf(body), code.code.length));
/** How many loops and whiles are in each other. */
export const depthOf = memoized(({ code }) =>
  code.reduce((most, { control }) => {
    const loops = control?.kind === "loop" || control?.kind === "while" ? 1 : 0;
    return control ? Math.max(most, ...bodiesOf(control).map((body) => depthOf(body) + loops)) : most;
  }, 0),
);

/** Whether output i of an instruction may be left out: every one of a fused rule, aux of the others. */
export const optional = (found: { row: AnyRow; fused: boolean }, i: number): boolean => found.fused || i >= found.row.outputs.length;

/** The descriptor of docs/native-boundary.md: bodies before whoever runs them, the program itself last. */
export function describeProgram(code: Code, outputs: readonly number[]): { descriptor: Float64Array; constants: AnyArray[] } {
  const words: number[] = [2, 0];
  const constants: AnyArray[] = [];
  const known = new Map<Code, number>();
  const add = (part: Code, given: readonly number[]): void => {
    if (known.has(part)) return;
    for (const body of bodiesIn(part))
      add(
        body,
        body.outputs.map((o) => o.id),
      );
    describeCode(part, (body) => known.get(body) as number, words, given);
    for (const c of part.constants) constants.push(c.array);
    known.set(part, known.size);
  };
  add(code, outputs);
  words[1] = known.size;
  return { descriptor: Float64Array.from(words), constants };
}

function describeCode(code: Code, numberOf: (body: Code) => number, words: number[], outputs: readonly number[]): void {
  words.push(code.values.length);
  const push = (ids: readonly number[]) => {
    words.push(ids.length);
    for (const id of ids) words.push(id);
  };
  for (const v of code.values) words.push(dtypes[v.dtype].code, v.shape.length, ...v.shape);
  push(code.inputs.map((i) => i.id));
  push(code.constants.map((c) => c.id));
  words.push(code.code.length);
  for (const instruction of code.code) {
    if (instruction.control) describeControl(instruction, instruction.control, numberOf, words);
    else describeInstruction(code, instruction, words);
  }
  push(outputs);
}

function describeControl({ in: ins, out: outs }: Instruction, control: Control, numberOf: (body: Code) => number, words: number[]): void {
  const kind = KINDS.indexOf(control.kind);
  if (kind < 0) throw new BacksolveError("ERR_INTERNAL", control.name, "is not an instruction.");
  const numbers = numbersOf(control);
  const bodies = bodiesOf(control);
  words.push(-1, kind);
  for (const list of [numbers, bodies.map(numberOf), ins, outs]) {
    words.push(list.length);
    for (const x of list) words.push(x ?? -1);
  }
}
const KINDS: readonly Control["kind"][] = ["loop", "cond", "while"];

function numbersOf(control: Control): number[] {
  if (control.kind === "loop")
    return [control.length, Number(control.reverse), control.carries, control.mapped, ...control.sums.map(Number)];
  return control.kind === "while" ? [control.maxSteps, control.carries] : [];
}

/** What a run computes: an id that two outputs share once, but for one that is summed over the batch and one that is not. */
export interface Computed {
  readonly outputs: readonly { readonly id: number; readonly sum: boolean }[];
  /** Which of these each output of the code is. */
  readonly of: readonly number[];
}
export function computedOf(code: Code, sums: readonly boolean[] | undefined): Computed {
  const outputs: { id: number; sum: boolean }[] = [];
  const known = new Map<string, number>();
  const of = code.outputs.map(({ id }, i) => {
    const sum = sums?.[i] ?? false;
    const at = known.get(`${id} ${sum}`) ?? outputs.push({ id, sum }) - 1;
    known.set(`${id} ${sum}`, at);
    return at;
  });
  return { outputs, of };
}

function describeInstruction(code: Code, { op, attrs, in: ins, out: outs }: Instruction, words: number[]): void {
  const found = resolve(op);
  if (!found) throw new BacksolveError("ERR_INTERNAL", op, "is not an instruction.");
  const typesOf = (ids: readonly (number | null)[]): { dtype: DType; shape: Shape }[] =>
    ids.filter((i) => i !== null).map((i) => code.values[i] as ValueType);
  const [inputs, outputs] = [typesOf(ins), typesOf(outs)];
  const numbers = encodeAttrs(
    found.of,
    found.kernel,
    attrs,
    inputs.map((t) => t.shape),
    outputs.map((t) => t.shape),
  );
  const column = dtypeOf(
    found.row,
    attrs,
    ins.map((i) => (i === null ? undefined : code.values[i])),
  );
  words.push(kernelId(kernelName(found.kernel, attrs)), dtypes[column].code, numbers.length, ...numbers);
  words.push(ins.length, ...ins.map((i) => i ?? -1), outs.length, ...outs.map((i) => i ?? -1));
}

/** Strides of the dimensions of `batch`, in elements, of an input of this shape whose own batch is `own`; 0 along what it shares. */
export function batchStrides(shape: Shape, own: Shape, batch: Shape): number[] {
  const shift = batch.length - own.length;
  let step = sizeOf(shape.slice(own.length));
  const out = new Array<number>(batch.length).fill(0);
  for (let i = own.length - 1; i >= 0; i--) {
    if (own[i] !== 1) out[shift + i] = step;
    step *= own[i] as number;
  }
  return out;
}
