// A trace is a level, too: what runs on its values becomes an instruction. docs/adr/0013-levels.md

import { bindOp } from "./bind";
import type { DType } from "./dtype";
import { ArgumentError, BacksolveError } from "./errors";
import { bodiesOf, type Code, type Control, type Instruction, type ValueType } from "./ir";
import { type Level, unwrapIfDead } from "./levels";
import { Open } from "./open";
import { composed, type RunContext } from "./outcome";
import { type AnyRow, type Attrs, nameOf } from "./row";
import { primal, type Shape, type Tensor, tracedTensor } from "./tensor";

/** A tensor from outside that the program reads: one more input of it. */
export interface Capture {
  readonly id: number;
  readonly tensor: Tensor;
}

/** The record of one call of a traced function. */
export class Trace extends Open implements Level {
  readonly title: string;
  readonly values: ValueType[] = [];
  readonly captures: Capture[] = [];
  readonly code: Instruction[] = [];
  /** Functions whose derivative is not that of the instructions that they left here. */
  readonly opaque = new Set<string>();
  readonly #idOfCapture = new Map<Tensor, number>();
  readonly #hold: (captured: Tensor) => Tensor;

  /** `hold` gives what is kept of a tensor from outside: data, boxed by a level below, or a value of a trace below. */
  constructor(title: string, hold: (captured: Tensor) => Tensor) {
    super();
    this.title = title;
    this.#hold = hold;
  }
  /** A new value of the program, without data. */
  value<D extends DType>(dtype: D, shape: Shape): Tensor<D> {
    this.values.push({ dtype, shape });
    return tracedTensor(dtype, shape, { trace: this, id: this.values.length - 1 });
  }
  /** The id of a tensor in this program. What comes from outside is captured whole, once, with its boxes: they are those of levels below. */
  idOf(given: Tensor): number {
    const t = unwrapIfDead(given);
    if (t.traced?.trace === this) return t.traced.id;
    if (t.traced && !t.traced.trace.live) throw finished(t.traced.trace.title);
    const known = this.#idOfCapture.get(t);
    if (known !== undefined) return known;
    const tensor = this.#hold(t);
    const id = this.values.push({ dtype: t.dtype, shape: t.shape }) - 1;
    this.captures.push({ id, tensor });
    this.#idOfCapture.set(t, id);
    return id;
  }
  interpret(row: AnyRow, inputs: readonly Tensor[], attrs: Attrs, wantAux: boolean, options: RunContext): Tensor[] {
    if (options.collect && !options.again)
      throw new ArgumentError(
        options.op ?? nameOf(row),
        'onFailure "nan" and checked cannot be used inside a compiled function: what fails is decided by its run, program.run(args, { onFailure: "nan", failures }).',
      );
    const within = options.op === nameOf(row) ? undefined : options.op;
    if (row.control) return this.emit(row.name, attrs, inputs, row.control.types, within, row.control.control as Control) as Tensor[];
    if (typeof row.kernel === "function") return this.#call(row, inputs, attrs, options);
    const { outputs: types, attrs: own } = bindOp(row, inputs, attrs);
    const wanted = types.map((t, i) => (i < row.outputs.length || wantAux ? t : undefined));
    return this.emit(row.name, own, inputs, wanted, within).filter((t) => t !== undefined);
  }
  /** A function of other ops with a rule of its own: its ops as a body, which stands where it was called. */
  #call(row: AnyRow, inputs: readonly Tensor[], attrs: Attrs, options: RunContext): Tensor[] {
    const inner = new Trace(nameOf(row), (t) => t);
    const args = inputs.map((t) => inner.value(t.dtype, t.shape));
    let results: Tensor[];
    try {
      results = composed(row, args, attrs, options);
    } finally {
      inner.close();
    }
    const outputs = results.map((t) => inner.idOf(t));
    const body: Code = {
      values: inner.values,
      inputs: [...args.map((t) => inner.idOf(t)), ...inner.captures.map((c) => c.id)].map((id, i) => ({ name: `x${i}`, id })),
      constants: [],
      code: inner.code,
      outputs: outputs.map((id, i) => ({ name: `y${i}`, id })),
      opaque: [...inner.opaque],
    };
    const given = [...inputs, ...inner.captures.map((c) => this.#under(c.tensor))];
    const types = results.map(({ dtype, shape }) => ({ dtype, shape }));
    return this.emit(row.name, attrs, given, types, undefined, {
      kind: "call",
      name: nameOf(row),
      body,
      row,
      arity: inputs.length,
    }) as Tensor[];
  }
  /** What a closure of a function with a rule of its own reached, without the boxes of levels above: the rule stands for the function there. */
  #under(t: Tensor): Tensor {
    let u = t;
    while (u.box && u.box.level.id > this.id) u = u.box.value;
    return u;
  }
  emit(
    op: string,
    attrs: Attrs,
    inputs: readonly (Tensor | undefined)[],
    outputs: readonly (ValueType | undefined)[],
    within?: string,
    control?: Control,
  ): (Tensor | undefined)[] {
    if (!this.live) throw finished(this.title);
    // What a body holds, the program holds: also when instructions move out of it, and in its file. A call has a rule, which stands for its body.
    if (control && control.kind !== "call") for (const body of bodiesOf(control)) for (const name of body.opaque) this.opaque.add(name);
    const ids = inputs.map((t) => (t ? this.idOf(t) : null));
    const results = outputs.map((o) => (o ? this.value(o.dtype, o.shape) : undefined));
    const out = results.map((t) => t?.traced?.id ?? null);
    this.code.push({ op, attrs, in: ids, out, ...(within === undefined ? {} : { within }), ...(control && { control }) });
    return results;
  }
}

const finished = (op: string): BacksolveError =>
  new BacksolveError("ERR_TRACED", op, `a traced tensor was used after its ${op} call had finished.`);

/** Says of every program that records what these become that the derivative of its instructions is not that of this function. */
export function markOpaque(tensors: readonly Tensor[], name: string): void {
  for (const t of tensors) (primal(t).traced?.trace as Trace | undefined)?.opaque.add(name); // the tag of a trace is the trace itself
}
