// Spread, correlation and quantiles.
import { optionsOf } from "../core/attrs";
import { type Float, isComplex, type Real, type RealOf } from "../core/dtype";
import { ArgumentError, DtypeError, describe, ShapeError } from "../core/errors";
import { type ReduceOptions, shapeText, type Tensor } from "../core/tensor";
import { full } from "./creation";
import { diag } from "./diagonals";
import { add, conj, div, mul, notEqual, real, sqrt, square, sub, where } from "./elementwise";
import { stack } from "./joining";
import { euclidean, needFloat } from "./norms";
import { matmul } from "./products";
import { axesOf, mean, reduced, sum } from "./reductions";
import { reducedLast } from "./running";
import { sort } from "./sorting";
import { expandDims, matrixTranspose, reshape, slice } from "./structure";

export interface SpreadOptions extends ReduceOptions {
  /** What is subtracted from the number of elements to divide by: 0 where nothing is said, 1 for the estimate from a sample. */
  readonly ddof?: number;
}
function ddofOf(op: string, ddof: unknown): number {
  if (typeof ddof === "number" && Number.isFinite(ddof)) return ddof;
  throw new ArgumentError(op, `option ddof must be a finite number, got ${describe(ddof)}.`);
}
/** |x|². */
const power = (x: Tensor<Float>): Tensor<Real> =>
  (isComplex(x.dtype) ? real(mul(conj(x), x) as never) : square(x)) as Tensor as Tensor<Real>;

/** x without its mean, over which axes, and what a sum of its squares is divided by. */
function spread(op: string, x: unknown, options: SpreadOptions): { centred: Tensor<Float>; over: ReduceOptions; count: number } {
  const t = needFloat(op, x);
  const { ddof = 0, ...rest } = optionsOf(op, options, ["axis", "keepDims", "ddof"]);
  const axis = axesOf(op, t, rest);
  const count = axis.reduce((n, a) => n * (t.shape[a] as number), 1);
  const centred = sub(t, mean(t, { axis, keepDims: true })) as Tensor<Float>;
  return { centred, over: { ...rest, axis }, count: Math.max(0, count - ddofOf(op, ddof)) };
}
/** The mean of |x - mean|² over axes, real; `ddof: 1` for the unbiased estimate. NumPy's var. Of nothing, NaN. */
export const variance = <D extends Float>(x: Tensor<D>, options: SpreadOptions = {}): Tensor<RealOf<D>> => {
  const { centred, over, count } = spread("variance", x, options);
  return div(sum(power(centred), over), count) as Tensor as Tensor<RealOf<D>>;
};
/** The square root of `variance`, also where that is beyond the range of numbers. Where all elements are equal its derivative is 0. */
export const std = <D extends Float>(x: Tensor<D>, options: SpreadOptions = {}): Tensor<RealOf<D>> => {
  const { centred, over, count } = spread("std", x, options);
  return div(euclidean(centred, over), Math.sqrt(count)) as Tensor as Tensor<RealOf<D>>;
};

export interface CovOptions {
  /** Whether rows are variables and columns observations, as where nothing is said, or the other way round. */
  readonly rowVar?: boolean;
  /** What is subtracted from the number of observations to divide by; 1 where nothing is said. */
  readonly ddof?: number;
}
function covariance(op: string, x: unknown, rowVar: unknown, ddof: unknown): Tensor<Float> {
  const t = needFloat(op, x);
  if (typeof rowVar !== "boolean") throw new ArgumentError(op, `option rowVar must be true or false, got ${describe(rowVar)}.`);
  if (t.rank === 0) throw new ShapeError(op, `x must be a vector or a matrix, got shape ${shapeText(t.shape)}.`);
  const rows = t.rank === 1 ? expandDims(t, 0) : rowVar ? t : matrixTranspose(t);
  const centred = sub(rows, mean(rows, { axis: -1, keepDims: true })) as Tensor<Float>;
  const n = Math.max(0, (rows.shape.at(-1) as number) - ddofOf(op, ddof));
  const c = div(matmul(centred, centred, { adjointB: true }), n) as Tensor<Float>;
  return t.rank === 1 ? reshape(c, []) : c;
}
/**
 * The covariances of variables, which are the rows of a matrix, over its columns; over n - 1 where ddof says nothing else. Of one variable its
 * variance. Batches of matrices give batches. NumPy's cov.
 */
export function cov<D extends Float>(x: Tensor<D>, options: CovOptions = {}): Tensor<D> {
  const { rowVar = true, ddof = 1 } = optionsOf("cov", options, ["rowVar", "ddof"]);
  return covariance("cov", x, rowVar, ddof) as Tensor as Tensor<D>;
}
/** The correlations of variables, which are the rows of a matrix, over its columns. NumPy's corrcoef, but not cut at ±1. */
export function corrcoef<D extends Float>(x: Tensor<D>, options: { readonly rowVar?: boolean } = {}): Tensor<D> {
  const { rowVar = true } = optionsOf("corrcoef", options, ["rowVar"]);
  const c = covariance("corrcoef", x, rowVar, 1);
  if (c.rank === 0) return div(c, c) as Tensor as Tensor<D>;
  const deviation = sqrt(real(diag(c) as never) as Tensor<Real>) as Tensor;
  return div(div(c, expandDims(deviation, -1) as never) as Tensor<Float>, expandDims(deviation, -2) as never) as Tensor as Tensor<D>;
}

const METHODS = ["linear", "lower", "higher", "midpoint", "nearest"] as const;
export interface QuantileOptions extends ReduceOptions {
  /** What stands for a place between two elements: "linear" where nothing is said. */
  readonly method?: (typeof METHODS)[number];
}
/** Between which elements of n, and how far on, the quantile lies. */
function placeOf(q: number, n: number, method: string): [low: number, high: number, part: number] {
  const at = q * (n - 1);
  const [low, high] = [Math.floor(at), Math.ceil(at)];
  if (method === "lower") return [low, low, 0];
  if (method === "higher") return [high, high, 0];
  if (method === "midpoint") return [low, high, low === high ? 0 : 0.5];
  if (method === "linear") return [low, high, at - low];
  const half = at - low === 0.5;
  const near = half ? (low % 2 === 0 ? low : high) : Math.round(at);
  return [near, near, 0];
}

function quantiles(op: string, x: unknown, qs: readonly number[], options: QuantileOptions): Tensor<Real>[] {
  const t = needFloat(op, x);
  if (isComplex(t.dtype)) throw new DtypeError(op, `is defined for real tensors, got ${t.dtype}.`);
  const { method = "linear", ...rest } = optionsOf(op, options, ["axis", "keepDims", "method"]);
  if (!METHODS.includes(method))
    throw new ArgumentError(op, `option method must be one of "${METHODS.join('", "')}", got ${describe(method)}.`);
  const axes = axesOf(op, t, rest);
  const shape = reduced(t.shape, axes, rest.keepDims ?? false);
  const columns = reducedLast(t, axes) as Tensor<Real>;
  const n = columns.shape.at(-2) as number;
  if (n === 0) return qs.map(() => full(shape, Number.NaN, { dtype: t.dtype as Real }));
  const sorted = sort(columns, { axis: -2 });
  const row = (i: number): Tensor<Real> => {
    const part = slice(sorted, [...sorted.shape.slice(0, -2).map(() => 0), i, 0], sorted.shape.toSpliced(-2, 1, 1));
    return reshape(part, shape);
  };
  const last = row(n - 1); // NaN comes last
  return qs.map((q) => {
    const [low, high, part] = placeOf(q, n, method);
    const [a, b] = [row(low), row(high)];
    const step = (): Tensor<Real> => sub(b, a) as Tensor<Real>;
    const middle = (): Tensor => add(mul(a, 0.5), mul(b, 0.5)) as Tensor; // of infinities, too
    const y = part === 0 ? a : part === 0.5 ? middle() : part < 0.5 ? add(a, mul(step(), part)) : sub(b, mul(step(), 1 - part));
    return where(notEqual(last, last), last, y as Tensor<Real>) as Tensor as Tensor<Real>;
  });
}
/**
 * The q-th quantile over axes, 0 <= q <= 1; of an array of them a tensor for each, along a first axis. Between two elements it is linear, or as
 * option method says. NaN where an element is NaN, and of nothing. NumPy's quantile.
 */
export function quantile<D extends Real>(x: Tensor<D>, q: number | readonly number[], options: QuantileOptions = {}): Tensor<D> {
  const list = typeof q === "number" ? [q] : q;
  if (!Array.isArray(list) || !list.every((p) => typeof p === "number" && p >= 0 && p <= 1) || list.length === 0)
    throw new ArgumentError("quantile", `q must be a number from 0 to 1 or an array of such, got ${describe(q)}.`);
  const made = quantiles("quantile", x, Array.from(list), options);
  return (typeof q === "number" ? made[0] : stack(made)) as Tensor as Tensor<D>;
}
/** The middle element over axes, or the mean of the two in the middle; NaN where an element is NaN, and of nothing. */
export function median<D extends Real>(x: Tensor<D>, options: ReduceOptions = {}): Tensor<D> {
  optionsOf("median", options, ["axis", "keepDims"]);
  return quantiles("median", x, [0.5], options)[0] as Tensor as Tensor<D>;
}
