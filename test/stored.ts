// Golden values as the tests of linear algebra store them, and how answers are compared with them.
import { expect } from "chai";
import { abs, add, arange, complex, cos, isTensor, mul, square, sum, type Tensor, tensor } from "../lib/index";
import { relativeError } from "../lib/testing/index";

/** Complex tensors go by the type of real ones. */
export type T = Tensor<"float64">;
type Nested = number | readonly Nested[];
export type Stored = Nested | { readonly re: Nested; readonly im: Nested };

/** A stored array, float64 or, where it has two parts, complex128; an empty one of this shape. */
export function load(x: Stored, shape?: readonly number[]): T {
  const real = (y: Nested): T => tensor(y as number[], shape && { shape: [...shape] }) as T;
  return (typeof x === "object" && "re" in x ? complex(real(x.re), real(x.im)) : real(x)) as T;
}
export const close = (what: string, got: Tensor, want: Stored | Tensor, tolerance = 1e-12): void => {
  const wanted = isTensor(want) ? want : load(want, got.size === 0 ? got.shape : undefined);
  expect(got.shape, what).to.deep.equal(wanted.shape);
  expect(got.size === 0 ? 0 : relativeError(got, wanted, 1e-300), what).to.be.below(tolerance);
};
export const weights = (shape: readonly number[]): T => cos(add(arange(shape.reduce((a, b) => a * b, 1)), 1)).reshape([...shape]) as T;
/** Σ w |x|², the loss of the golden gradients. */
export const weighted = (x: T): T => sum(mul(weights(x.shape), square(abs(x)))) as T;
