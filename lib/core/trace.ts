// A trace is a level, too: what runs on its values becomes an instruction. docs/adr/0013-levels.md

import { bindOp } from "./bind";
import type { DType } from "./dtype";
import { ArgumentError, BacksolveError } from "./errors";
import type { Instruction, ValueType } from "./ir";
import { type Level, nextId, unwrapIfDead } from "./levels";
import { composed, type RunContext } from "./outcome";
import { type AnyRow, type Attrs, nameOf } from "./row";
import { primal, type Shape, type Tensor, tracedTensor } from "./tensor";

/** A tensor from outside that the program reads: one more input of it. */
export interface Capture {
  readonly id: number;
  readonly tensor: Tensor;
}

/** The record of one call of a traced function. */
export class Trace implements Level {
  readonly id = nextId();
  readonly title = "compile";
  live = true;
  readonly values: ValueType[] = [];
  readonly captures: Capture[] = [];
  readonly code: Instruction[] = [];
  /** Functions whose derivative is not that of the instructions that they left here. */
  readonly opaque = new Set<string>();
  readonly #idOfCapture = new Map<Tensor, number>();
  readonly #hold: (captured: Tensor) => Tensor;

  /** `hold` gives what is kept of a tensor from outside: data, boxed by a level below, or a value of a trace below. */
  constructor(hold: (captured: Tensor) => Tensor) {
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
    if (t.traced && !t.traced.trace.live) throw finished(this.title);
    const known = this.#idOfCapture.get(t);
    if (known !== undefined) return known;
    const tensor = this.#hold(t);
    const id = this.values.push({ dtype: t.dtype, shape: t.shape }) - 1;
    this.captures.push({ id, tensor });
    this.#idOfCapture.set(t, id);
    return id;
  }
  interpret(row: AnyRow, inputs: readonly Tensor[], attrs: Attrs, wantAux: boolean, options: RunContext): Tensor[] {
    if (typeof row.kernel === "function") {
      markOpaque(inputs, nameOf(row)); // here because the row has a rule of its own, which a program cannot hold
      return composed(row, inputs, attrs, options);
    }
    const { outputs: types, attrs: own } = bindOp(row, inputs, attrs);
    if (options.collect && !options.again)
      throw new ArgumentError(
        options.op ?? nameOf(row),
        'onFailure "nan" and checked cannot be used inside a compiled function: what fails is decided by its run, program.run(args, { onFailure: "nan", failures }).',
      );
    const wanted = types.map((t, i) => (i < row.outputs.length || wantAux ? t : undefined));
    return this.emit(row.name, own, inputs, wanted, options.op === nameOf(row) ? undefined : options.op).filter((t) => t !== undefined);
  }
  emit(
    op: string,
    attrs: Attrs,
    inputs: readonly (Tensor | undefined)[],
    outputs: readonly (ValueType | undefined)[],
    within?: string,
  ): (Tensor | undefined)[] {
    if (!this.live) throw finished(op);
    const ids = inputs.map((t) => (t ? this.idOf(t) : null));
    const results = outputs.map((o) => (o ? this.value(o.dtype, o.shape) : undefined));
    const out = results.map((t) => t?.traced?.id ?? null);
    this.code.push({ op, attrs, in: ids, out, ...(within === undefined ? {} : { within }) });
    return results;
  }
}

const finished = (op: string): BacksolveError =>
  new BacksolveError("ERR_TRACED", op, "a traced tensor was used after its compile call had finished.");

/** Says of every program that records what these become that the derivative of its instructions is not that of this function. */
export function markOpaque(tensors: readonly Tensor[], name: string): void {
  for (const t of tensors) (primal(t).traced?.trace as Trace | undefined)?.opaque.add(name); // the tag of a trace is the trace itself
}
