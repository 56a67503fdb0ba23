// Numbers of distributions that are functions of uniform and normal ones. They are as exact as logarithms and products, which may differ in their last
// bit from one instruction set to another; truth values do not.
import { optionsOf } from "../core/attrs";
import { checkDType, type DType, type Real } from "../core/dtype";
import { ArgumentError, DtypeError, describe, ShapeError } from "../core/errors";
import type { Key } from "../core/key";
import { checkAxis, checkShape, type Operand, type Shape, shapeText, sizeOf, type Tensor } from "../core/tensor";
import { moveAxis } from "./arrange";
import { cast } from "./cast";
import { cholesky } from "./cholesky";
import { add, less, log, log1p, neg } from "./elementwise";
import { parameters, realTensor, type ShapeOption, shapeOf, spread } from "./parameters";
import { matmul } from "./products";
import { checkKey, random as draws, type RandomOptions } from "./random";
import { argmax } from "./reductions";
import { sqrtmHermitian } from "./spectral";
import { expandDims, reshape } from "./structure";

type F64 = Tensor<"float64">;

/** -log(1 - u): as fine near 0 as u is, and below 37. */
const exponentials = (key: Key, shape: Shape): F64 => neg(log1p(neg(draws.uniform(key, shape))));
/** @internal Gumbel's distribution, e^(-e^-x): the largest of x_i + log p_i is at i with probability p_i / Σ p. */
export const gumbel = (key: Key, shape: Shape): F64 => neg(log(exponentials(key, shape)));

/**
 * Exponential numbers of mean 1, finite and above 0. Those of float32 are those of float64, rounded. Divide by a rate for others.
 * @throws DtypeError where dtype is not real.
 */
export function exponential<D extends Real = "float64">(
  key: Key | number,
  shape: Shape | number,
  options: RandomOptions<D> = {},
): Tensor<D> {
  const op = "random.exponential";
  const from = checkKey(op, key);
  const { dtype: given } = optionsOf(op, options, ["dtype"]);
  const dtype: DType = given === undefined ? "float64" : checkDType(op, given);
  if (dtype !== "float32" && dtype !== "float64") throw new DtypeError(op, `dtype must be float32 or float64, got ${dtype}.`);
  const x: Tensor = exponentials(from, checkShape(op, shape));
  return (dtype === "float64" ? x : cast(x, dtype)) as Tensor<D>;
}

/**
 * Truth values, true with probability p: whether a uniform number of 53 bits is below p. So p of 0 or less, and NaN, give false, 1 or more true. p has
 * no derivative.
 */
export function bernoulli(key: Key | number, p: Operand<Real>, options: ShapeOption = {}): Tensor<"bool"> {
  const op = "random.bernoulli";
  const from = checkKey(op, key);
  const { shape } = optionsOf(op, options, ["shape"]);
  const t = realTensor(op, "p", p);
  return less(draws.uniform(from, shapeOf(op, { p: t.shape }, shape)), cast(t, "float64"));
}

export interface CategoricalOptions extends ShapeOption {
  /** Along which axis of the logits the categories lie; the last where nothing is said. */
  readonly axis?: number;
}
/**
 * Categories, int32: i with probability e^logits_i / Σ e^logits along an axis, where the largest of the logits with Gumbel's noise is. `shape` is that of
 * the draw, to which the shape of the logits without the axis broadcasts; every element has noise of its own. A logit of -∞ is never chosen, unless
 * all are: then category 0; NaN is chosen always.
 */
export function categorical(key: Key | number, logits: Tensor<Real>, options: CategoricalOptions = {}): Tensor<"int32"> {
  const op = "random.categorical";
  const from = checkKey(op, key);
  const { axis = -1, shape: asked } = optionsOf(op, options, ["axis", "shape"]);
  const t = realTensor(op, "logits", logits);
  if (t.rank === 0) throw new ShapeError(op, "logits must have an axis of categories, got a scalar.");
  const at = checkAxis(op, axis, t.rank);
  const last = at === t.rank - 1 ? t : moveAxis(t, at, -1);
  const n = last.shape.at(-1) as number;
  const shape = shapeOf(op, { logits: last.shape.slice(0, -1) }, asked);
  if (n === 0 && sizeOf(shape) > 0) throw new ShapeError(op, `logits has no categories along axis ${at}, got shape ${shapeText(t.shape)}.`);
  return argmax(add(cast(last, "float64"), gumbel(from, [...shape, n])), { axis: -1 });
}

export interface MultivariateNormalOptions {
  /** Of the batch: one that those of mean and covariance broadcast to; theirs together where nothing is said. */
  readonly shape?: Shape | number;
  /** How the covariance becomes a factor F with F Fᵀ the covariance: "eigh" takes singular ones, too. "cholesky" where nothing is said. */
  readonly method?: "cholesky" | "eigh";
}
/** F, by the lower triangle of the covariance. */
function factorOf(covariance: Tensor<Real>, method: "cholesky" | "eigh"): Tensor<Real> {
  if (method === "cholesky") return cholesky(covariance) as Tensor<Real>;
  return sqrtmHermitian(covariance) as Tensor<Real>;
}
/**
 * Normal vectors of a mean (..., n) and a covariance (..., n, n), whose lower triangle is read: mean + F z, z = `random.normal` of the same key. The result
 * is [...shape, n]. Derivatives by mean and covariance are those of the factor. "cholesky" needs a positive definite covariance, "eigh", by its
 * Hermitian square root, one without negative eigenvalues beyond rounding: else ERR_NOT_POSITIVE_DEFINITE.
 */
export function multivariateNormal<D extends Real>(
  key: Key | number,
  mean: Tensor<D>,
  covariance: Tensor<NoInfer<D>>,
  options: MultivariateNormalOptions = {},
): Tensor<D> {
  const op = "random.multivariateNormal";
  const from = checkKey(op, key);
  const { shape: asked, method = "cholesky" } = optionsOf(op, options, ["shape", "method"]);
  if (method !== "cholesky" && method !== "eigh")
    throw new ArgumentError(op, `option method must be "cholesky" or "eigh", got ${describe(method)}.`);
  const [m, c] = parameters(op, { mean, covariance }) as [Tensor<Real>, Tensor<Real>];
  const n = m.shape.at(-1);
  if (n === undefined || c.rank < 2 || c.shape.at(-1) !== n || c.shape.at(-2) !== n)
    throw new ShapeError(op, `mean must be (..., n) and covariance (..., n, n), got ${shapeText(m.shape)} and ${shapeText(c.shape)}.`);
  const shape = shapeOf(op, { mean: m.shape.slice(0, -1), covariance: c.shape.slice(0, -2) }, asked);
  const z = draws.normal(from, [...shape, n], { dtype: m.dtype }) as Tensor<Real>;
  const factor = factorOf(c, method);
  // of one covariance all vectors are the rows of one matrix
  const rows = c.rank === 2 ? reshape(z, [sizeOf(shape), n]) : expandDims(z, -2);
  const x = reshape(matmul(rows, factor, { adjointB: true }), [...shape, n]);
  return add(spread(m, x.shape), x) as Tensor as Tensor<D>;
}
