import { checkDType, type DType } from "../core/dtype";
import { asPrimitive } from "../core/errors";
import { inspectCustom } from "../core/node";
import { checkShape, type Shape } from "../core/tensor";

const SPEC = Symbol.for("backsolve.spec"); // how copies of the package know each other's

/** dtype and shape of one item of an input. */
export class Spec<D extends DType = DType> {
  readonly dtype: D;
  readonly shape: Shape;
  constructor(dtype: D, shape: Shape) {
    this.dtype = checkDType("compile", dtype) as D;
    this.shape = Object.freeze(checkShape(dtype, shape));
    Object.freeze(this);
  }
  /** As it is written: `float64(3, 3)`. */
  toString(): string {
    return `${this.dtype}(${this.shape.join(", ")})`;
  }
  [Symbol.toPrimitive](hint: string): string {
    return asPrimitive("Spec", hint, this, "it as an argument of compile");
  }
  [inspectCustom](): string {
    return this.toString();
  }
}
Object.defineProperty(Spec.prototype, SPEC, { value: true });

/** @internal x, where it is a spec, of whichever copy of the package. */
export function specOf(x: unknown): Spec | undefined {
  if (x instanceof Spec) return x;
  if (typeof x !== "object" || x === null || (x as { [SPEC]?: unknown })[SPEC] !== true) return undefined;
  const { dtype, shape } = x as Spec;
  return new Spec(dtype, shape);
}
const spec =
  <D extends DType>(dtype: D) =>
  (...shape: number[]): Spec<D> =>
    new Spec(dtype, shape);
/** An input of `compile`: float64() is a scalar per item, float64(32, 3) a matrix. */
export const float64 = spec("float64");
export const float32 = spec("float32");
export const complex64 = spec("complex64");
export const complex128 = spec("complex128");
export const int32 = spec("int32");
export const bool = spec("bool");
