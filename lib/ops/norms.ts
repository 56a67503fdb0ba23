// Norms of vectors and matrices.
import { within } from "../core/apply";
import { optionsOf } from "../core/attrs";
import { type Float, isComplex, isFloat, type Real, type RealOf } from "../core/dtype";
import { ArgumentError, DtypeError, describe, ShapeError } from "../core/errors";
import { asTensor } from "../core/operands";
import { type ReduceOptions, shapeText, sizeOf, type Tensor } from "../core/tensor";
import { cast } from "./cast";
import { conj, div, exp, log, mul, real, sqrt, square } from "./elementwise";
import { max, min } from "./extremes";
import { abs } from "./magnitude";
import { nuclearNorm } from "./polar";
import { axesOf, reduced, sum } from "./reductions";
import { scaleOf } from "./scales";
import { expandDims, reshape } from "./structure";
import { svdvals } from "./svd";
import { countNonzero } from "./truth";

type R = Tensor<Real>;
/** @internal x, a floating tensor. @throws DtypeError */
export function needFloat(op: string, x: unknown, name = "x"): Tensor<Float> {
  const t: Tensor = asTensor(op, name, x);
  if (isFloat(t.dtype)) return t as Tensor<Float>;
  throw new DtypeError(op, `${name} must be float32, float64, complex64 or complex128, got ${t.dtype}. Cast it: cast(${name}, "float64").`);
}
const size = (x: Tensor<Float>): R => abs(x) as Tensor as R;
/**
 * A norm by powers of what is of size 1: of x over the largest |x| of each vector, times that, a constant that the result does not depend on. Powers of x
 * itself would leave the range of numbers far inside it.
 */
function scaled(x: Tensor<Float>, options: ReduceOptions, of: (x: Tensor<Float>) => R): R {
  const scale = scaleOf(x, options.axis);
  if (scale === 1) return of(x);
  const y = of(div(x as R, scale) as Tensor as Tensor<Float>);
  return mul(y, reshape(scale, y.shape)) as R;
}
/** (Σ |x|²)^½, without the square roots of |x|. */
export const euclidean = (whole: Tensor<Float>, options: ReduceOptions): R =>
  scaled(whole, options, (x) => sqrt(sum((isComplex(x.dtype) ? real(mul(conj(x), x) as never) : square(x)) as R, options)) as R);

/** Of nothing there is no largest and no smallest. `axes`: of which lengths none may be 0. @throws ShapeError */
export function needSome(op: string, name: string, x: Tensor, what: string, axes: readonly number[], over = axes): void {
  const places = over.map((axis) => (axis < 0 ? axis + x.rank : axis));
  if (axes.every((axis) => x.shape.at(axis) !== 0) || sizeOf(reduced(x.shape, places, false)) === 0) return;
  throw new ShapeError(op, `${name} has no ${what}, of which the largest or the smallest is wanted: got shape ${shapeText(x.shape)}.`);
}

function vector(op: string, x: Tensor<Float>, ord: unknown, options: ReduceOptions): R {
  if (typeof ord !== "number" || Number.isNaN(ord)) throw new ArgumentError(op, `option ord must be a number, got ${describe(ord)}.`);
  if (ord === 2) return euclidean(x, options);
  if (ord === 1) return sum(size(x), options);
  if (ord === Number.POSITIVE_INFINITY || ord === Number.NEGATIVE_INFINITY) {
    needSome(op, "x", x, "elements", axesOf(op, x, options));
    return (ord > 0 ? max : min)(size(x), options);
  }
  if (ord === 0) return cast(countNonzero(x, options), size(x).dtype);
  // |x|^p = e^(p log |x|); 0 has a derivative of 0 where that of the power is 0 or none
  const power = (x: Tensor<Float>): R => exp(div(log(sum(exp(mul(ord, log(size(x)))) as R, options) as R), ord)) as R;
  return ord > 0 ? scaled(x, options, power) : power(x);
}

export interface VectorNormOptions extends ReduceOptions {
  /** (Σ |x|^ord)^(1/ord), 2 where nothing is said; ±Infinity: the largest and the smallest |x|; 0: how many are not 0. */
  readonly ord?: number;
}
/** The norm of vectors over axes, or of all elements as one vector; real. Where it is 0 its derivative is 0. NumPy's linalg.vector_norm. */
export function vectorNorm<D extends Float>(x: Tensor<D>, options: VectorNormOptions = {}): Tensor<RealOf<D>> {
  const { ord = 2, ...rest } = optionsOf("vectorNorm", options, ["ord", "axis", "keepDims"]);
  return vector("vectorNorm", needFloat("vectorNorm", x), ord, rest) as Tensor as Tensor<RealOf<D>>;
}

export interface NormOptions {
  /**
   * Of matrices "fro", where nothing is said; 1, -1: the largest and the smallest sum of a column's |a|; Infinity, -Infinity: of a row's; 2, -2: the
   * largest and the smallest singular value, "nuc": their sum. Of vectors as for `vectorNorm`.
   */
  readonly ord?: "fro" | "nuc" | number;
  readonly keepDims?: boolean;
}
/** The norm of matrices, over the last two axes, or of one vector; real. Of equal singular values the gradient is exact, of "nuc" (`nuclearNorm`) all derivatives are; of a matrix without full rank it has one of its subgradients. NumPy's linalg.norm. */
export function norm<D extends Float>(x: Tensor<D>, options: NormOptions = {}): Tensor<RealOf<D>> {
  const { ord, keepDims = false } = optionsOf("norm", options, ["ord", "keepDims"]);
  if (typeof keepDims !== "boolean") throw new ArgumentError("norm", `option keepDims must be true or false, got ${describe(keepDims)}.`);
  const t = needFloat("norm", x);
  if (t.rank === 0) throw new ShapeError("norm", `x must be a vector or a matrix, got shape ${shapeText(t.shape)}.`);
  const done = (y: R): Tensor<RealOf<D>> => y as Tensor as Tensor<RealOf<D>>;
  if (t.rank === 1) return done(vector("norm", t, ord ?? 2, { keepDims }));
  if (ord === undefined || ord === "fro") return done(euclidean(t, { axis: [-2, -1], keepDims }));
  const both = [-2, -1];
  if (ord === 2 || ord === -2) needSome("norm", "x", t, "singular values", both);
  if (ord === 2 || ord === -2 || ord === "nuc") {
    const y =
      ord === "nuc"
        ? nuclearNorm(t as Tensor<"float64">, within("norm"))
        : (ord > 0 ? max : min)(svdvals(t as Tensor<"float64">, within("norm")), { axis: -1 });
    return done((keepDims ? expandDims(expandDims(y, -1), -1) : y) as Tensor as R);
  }
  const along = ord === 1 || ord === -1 ? -2 : ord === Number.POSITIVE_INFINITY || ord === Number.NEGATIVE_INFINITY ? -1 : undefined;
  if (along === undefined)
    throw new ArgumentError(
      "norm",
      `option ord of matrices must be "fro", "nuc", 1, -1, 2, -2, Infinity or -Infinity, got ${describe(ord)}.`,
    );
  needSome("norm", "x", t, along === -2 ? "columns" : "rows", [-3 - along], both);
  const sums = sum(size(t), { axis: along, keepDims: true });
  const extreme = (ord as number) > 0 ? max : min;
  return done(extreme(sums, { axis: [-2, -1], keepDims }));
}
