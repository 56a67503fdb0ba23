// What is made of singular values and of other factorizations: rank, condition number, LQ.
import { within } from "../core/apply";
import { optionsOf } from "../core/attrs";
import { epsOf, type Float, type RealOf, type Sym } from "../core/dtype";
import { ArgumentError, describe, ShapeError } from "../core/errors";
import { defineOp } from "../core/op";
import { shapeText, type Tensor } from "../core/tensor";
import { cast } from "./cast";
import { choleskySolve } from "./cholesky";
import { eye, zeros } from "./creation";
import { leading, triangular } from "./domains";
import { add, div, greater, mul } from "./elementwise";
import { max, min } from "./extremes";
import { inv } from "./lu";
import { needFloat, needSome, norm } from "./norms";
import { matmul } from "./products";
import { qr } from "./qr";
import { sum } from "./reductions";
import { adjoint, slice } from "./structure";
import { svdvals } from "./svd";

type T = Tensor<Sym<"T">>;
type R = Tensor<Sym<"real">>;
const size = (t: Tensor, axis: -1 | -2): number => t.shape.at(axis) as number;
/** The identity, for each matrix of the batch of a. */
const identity = (a: T, n: number): T =>
  add(eye(n, { dtype: a.dtype }) as T, zeros([...a.shape.slice(0, -2), 1, 1], { dtype: a.dtype }) as T);

/** A⁻¹ from the lower Cholesky factor of A: (..., n, n) -> (..., n, n). ERR_SINGULAR: a zero on the diagonal. */
export const choleskyInverse = defineOp({
  name: "choleskyInverse",
  tf: "CholeskyInverse",
  inputs: ["l"],
  outputs: ["x"],
  signature: "(n,n)->(n,n)",
  domain: { l: triangular },
  failures: ["ERR_SINGULAR", "ERR_NOT_FINITE"],
  kernel: ({ l }, _attrs, pass): T => choleskySolve(l, identity(l, size(l, -1)), pass as object) as T,
});

/**
 * A = L Q of matrices of any shape: l lower triangular with a real diagonal, the rows of q orthonormal. (..., m, n) -> l (..., m, k), q (..., k, n),
 * k = min(m, n). As `qr` of the adjoint.
 */
export const lq = defineOp({
  name: "lq",
  inputs: ["a"],
  outputs: ["l", "q"],
  signature: "(m,n)->(m,m^n),(m^n,n)",
  sizes: (n: number) => [
    { m: n + 2, n },
    { m: n, n: n + 1 },
  ],
  domain: { a: leading },
  law: ({ a }, { l, q }) => [[matmul(l, q), a]],
  failures: ["ERR_NOT_FINITE"],
  kernel: ({ a }, _attrs, pass) => {
    const { q, r } = qr(adjoint(a), pass as object);
    return { l: adjoint(r) as T, q: adjoint(q) as T };
  },
});

/** Of functions that are no ops of their own: floating matrices. @throws DtypeError, ShapeError */
function needMatrices(op: string, given: unknown): T {
  const a = needFloat(op, given, "a");
  if (a.rank < 2) throw new ShapeError(op, `a must be a matrix or a batch of them, got shape ${shapeText(a.shape)}.`);
  return a as Tensor as T;
}

export interface RankOptions {
  /** Singular values up to rtol times the largest count as zero. Default max(m, n) ε. */
  readonly rtol?: number;
}
function tolerance(op: string, given: unknown, a: Tensor<Float>): number {
  if (given === undefined) return Math.max(size(a, -2), size(a, -1)) * epsOf(a.dtype);
  if (typeof given === "number" && given >= 0) return given;
  throw new ArgumentError(op, `option rtol must be a number, 0 or more, got ${describe(given)}.`);
}
/** How many singular values are not zero: (..., m, n) -> (...), int32. */
export function matrixRank(a: Tensor<Float>, options: RankOptions = {}): Tensor<"int32"> {
  const { rtol } = optionsOf("matrixRank", options, ["rtol"]);
  const s = svdvals(needMatrices("matrixRank", a), within("matrixRank"));
  const largest = slice(
    s,
    s.shape.map(() => 0),
    [...s.shape.slice(0, -1), Math.min(1, size(s, -1))],
  );
  return sum(cast(greater(s, mul(tolerance("matrixRank", rtol, a), largest)), "int32"), { axis: -1 });
}

const CONDITIONS: readonly unknown[] = [2, -2, "fro", "nuc", 1, -1, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
export interface CondOptions {
  /** 2 (default) and -2 by singular values; else the norm of A times that of its inverse: "fro", "nuc", 1, -1, Infinity, -Infinity. */
  readonly p?: 2 | -2 | "fro" | "nuc" | number;
}
/**
 * The condition number of matrices: (..., m, n) -> (...), real; square ones where p is not 2 or -2. Infinite, in the 2-norm, where a singular value is zero;
 * in others a singular matrix is ERR_SINGULAR.
 */
export function cond<D extends Float>(a: Tensor<D>, options: CondOptions = {}): Tensor<RealOf<D>> {
  const { p = 2 } = optionsOf("cond", options, ["p"]);
  if (!CONDITIONS.includes(p))
    throw new ArgumentError("cond", `option p must be 2, -2, "fro", "nuc", 1, -1, Infinity or -Infinity, got ${describe(p)}.`);
  const t = needMatrices("cond", a);
  const own = within("cond");
  if (p !== 2 && p !== -2) {
    if (size(t, -2) !== size(t, -1))
      throw new ShapeError("cond", `a must be square where p is not 2 or -2, got shape ${shapeText(t.shape)}.`);
    const inverse = inv(t, own);
    if (typeof p === "number") needSome("cond", "a", t, p === 1 || p === -1 ? "columns" : "rows", [-2, -1]);
    return mul(norm(t, { ord: p }) as Tensor as R, norm(inverse, { ord: p }) as Tensor as R) as Tensor as Tensor<RealOf<D>>;
  }
  const s = svdvals(t, own) as R;
  needSome("cond", "a", t, "singular values", [-2, -1]);
  const [largest, least] = [max(s, { axis: -1 }), min(s, { axis: -1 })] as [R, R];
  return (p === 2 ? div(largest, least) : div(least, largest)) as Tensor as Tensor<RealOf<D>>;
}
