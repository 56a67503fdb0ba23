import { type DType, dtypes, isComplex, realOf } from "../core/dtype";
import { storageOf, type Tensor } from "../core/tensor";

/** Unit roundoff times two of a dtype's real type. */
export const epsOf = (dtype: DType): number => dtypes[realOf(dtype)].eps;

const arrayOf = (t: Tensor): ArrayLike<number> => storageOf(t).array;

/** The largest absolute element; NaN counts as infinite. */
export function maxAbs(t: Tensor): number {
  let m = 0;
  for (const x of Array.from(arrayOf(t))) m = Number.isNaN(x) ? Number.POSITIVE_INFINITY : Math.max(m, Math.abs(x));
  return m;
}

/** The largest difference over the larger of the norms' scale and `floor`; Infinity for different shapes or dtypes' widths. NaN equals NaN. */
export function relativeError(a: Tensor, b: Tensor, floor = 1): number {
  if (a.shape.join() !== b.shape.join() || isComplex(a.dtype) !== isComplex(b.dtype)) return Number.POSITIVE_INFINITY;
  const [x, y] = [arrayOf(a), arrayOf(b)];
  let worst = 0;
  let scale = floor;
  for (let i = 0; i < x.length; i++) {
    const [p, q] = [x[i] as number, y[i] as number];
    if (Number.isFinite(q)) scale = Math.max(scale, Math.abs(q));
    if (Object.is(p, q) || (Number.isNaN(p) && Number.isNaN(q)) || p === q) continue;
    const d = Math.abs(p - q);
    worst = Number.isFinite(d) ? Math.max(worst, d) : Number.POSITIVE_INFINITY;
  }
  return worst / scale;
}

/** The same dtype, shape and bits, where every NaN is one NaN. */
export function sameBits(a: Tensor, b: Tensor): boolean {
  if (a.dtype !== b.dtype || a.shape.join() !== b.shape.join()) return false;
  const [x, y] = [arrayOf(a), arrayOf(b)];
  for (let i = 0; i < x.length; i++) if (!Object.is(x[i], y[i])) return false;
  return true;
}

/** Re Σ conj(a) b: the inner product in which a cotangent meets a tangent. */
export function inner(a: Tensor, b: Tensor): number {
  const [x, y] = [arrayOf(a), arrayOf(b)];
  let s = 0;
  for (let i = 0; i < x.length; i++) s += (x[i] as number) * (y[i] as number);
  return s;
}
