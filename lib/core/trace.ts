import type { DType } from "./dtype";
import { BacksolveError, guard } from "./errors";
import type { Instruction, ValueType } from "./ir";
import { strip } from "./levels";
import type { Attrs } from "./row";
import { readable, type Shape, type Tensor, tracedTensor, wrap } from "./tensor";

/** The record of one call of a traced function. */
export class Trace {
  readonly values: ValueType[] = [];
  readonly constants = new Map<number, Tensor>();
  readonly code: Instruction[] = [];
  /** Functions whose derivative is not that of the instructions that they left here. */
  readonly opaque = new Set<string>();
  private readonly idOfConstant = new Map<object, number>();
  live = true;

  /** A new value of the program, without data. */
  value<D extends DType>(dtype: D, shape: Shape): Tensor<D> {
    this.values.push({ dtype, shape });
    return tracedTensor(dtype, shape, { trace: this, id: this.values.length - 1 });
  }
  /** The id of a tensor in this program; concrete data enters as a constant. */
  idOf(given: Tensor): number {
    const t = strip(given);
    if (t.box)
      throw new BacksolveError(
        "ERR_TRACED",
        "compile",
        "a tensor that a transform outside differentiates is used inside: give it to the program as an input, and run the program in the transform.",
      );
    if (t.traced) {
      if (t.traced.trace !== this) {
        throw new BacksolveError(
          "ERR_TRACED",
          "compile",
          "a tensor of another compile call was used: traced tensors live only inside their own function.",
        );
      }
      return t.traced.id;
    }
    const array = readable("compile", t);
    const known = this.idOfConstant.get(t);
    if (known !== undefined) return known;
    this.values.push({ dtype: t.dtype, shape: t.shape });
    const id = this.values.length - 1;
    // What is exposed can change before the program runs: the constant is a copy.
    const copy = guard("compile", () => array.slice());
    this.constants.set(id, wrap(t.dtype, t.shape, copy));
    this.idOfConstant.set(t, id);
    return id;
  }
  emit(
    op: string,
    attrs: Attrs,
    inputs: readonly (Tensor | undefined)[],
    outputs: readonly (ValueType | undefined)[],
  ): (Tensor | undefined)[] {
    if (!this.live) {
      throw new BacksolveError("ERR_TRACED", op, "a traced tensor was used after its compile call had finished.");
    }
    const ids = inputs.map((t) => (t ? this.idOf(t) : null));
    const results = outputs.map((o) => (o ? this.value(o.dtype, o.shape) : undefined));
    this.code.push({ op, attrs, in: ids, out: results.map((t) => t?.traced?.id ?? null) });
    return results;
  }
}

/** The trace that any of these belongs to. */
export function traceOf(tensors: readonly (Tensor | undefined)[]): Trace | undefined {
  for (const t of tensors) if (t?.traced) return t.traced.trace as Trace;
  return undefined;
}
