// Scales that results do not depend on.
import type { Float, Real } from "../core/dtype";
import type { Tensor } from "../core/tensor";
import { div, greater, stopGradient, where } from "./elementwise";
import { max } from "./extremes";
import { abs } from "./magnitude";
import { isFinite as finite, logicalAnd } from "./rounding";

/**
 * The largest |x| over axes, which are kept: a constant, for what does not change as it is divided by this and multiplied again, but for numbers that would
 * leave their range on the way. 1 where it is zero or not finite, and of nothing.
 */
export function scaleOf(x: Tensor<Float>, axis?: number | readonly number[]): Tensor<Real> | 1 {
  if (x.size === 0) return 1;
  const most = stopGradient(max(abs(x) as Tensor as Tensor<Real>, { ...(axis !== undefined && { axis }), keepDims: true }));
  return where(logicalAnd(greater(most, 0), finite(most)), most, 1) as Tensor<Real>;
}

/**
 * Matrices over `scaleOf` them, and what stands beside them over the same: for rules in which they are multiplied and divided out again, whose products
 * would leave the range of numbers, or lose digits, where the rule itself need not.
 */
export function overScale<T extends Tensor>(x: T): { readonly over: <Y extends Tensor | undefined>(y: Y) => Y } {
  const scale = scaleOf(x as Tensor as Tensor<Float>, [-2, -1]);
  return { over: (y) => (y === undefined || scale === 1 ? y : div(y as Tensor as Tensor<Real>, scale)) as typeof y };
}
