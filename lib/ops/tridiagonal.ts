// Tridiagonal matrices. Derivations: docs/derivations/structured.md
import { flag } from "../core/attrs";
import type { Sym } from "../core/dtype";
import { once } from "../core/levels";
import { defineOp } from "../core/op";
import { native } from "../core/row";
import type { Shape, Tensor } from "../core/tensor";
import { part } from "./arrange";
import { zeros } from "./creation";
import { between, positive } from "./domains";
import { add, conj, mul, neg } from "./elementwise";
import { sum } from "./reductions";
import { expandDims, padTo } from "./structure";
import { withVectors } from "./vectors";

type T = Tensor<Sym<"T">>;

/** y_(i + by) = x_i along an axis from the end, zeros where nothing comes. */
export function shifted(x: T, axis: -1 | -2, by: number): T {
  const at = x.rank + axis;
  const n = x.shape[at] as number;
  if (by === 0) return x;
  if (Math.abs(by) >= n) return zeros(x.shape, { dtype: x.dtype }) as T;
  const start = (from: number): Shape => x.shape.map((_, i) => (i === at ? from : 0));
  return padTo(part(x, at, Math.max(0, -by), n - Math.abs(by)), start(Math.max(0, by)), x.shape) as T;
}
/** Σ_k p_ik conj(q_jk) where i = j + offset, at place j. */
export const alongDiagonal = (p: T, q: T, offset: number): T => sum(mul(shifted(p, -2, -offset), conj(q)), { axis: -1 }) as T;

/** The same of what comes from the row before, which the first one has not, and from the row behind. */
const before = (d: T, x: T): T => shifted(mul(expandDims(shifted(d, -1, -1), -1), x), -2, 1);
const behind = (d: T, x: T): T => shifted(mul(expandDims(shifted(d, -1, 1), -1), x), -2, -1);

const productOp = defineOp({
  name: "tridiagonalMatmul",
  tf: "TridiagonalMatMul",
  inputs: ["dl", "d", "du", "b"],
  outputs: ["y"],
  signature: "(n),(n),(n),(n,k)->(n,k)",
  law: ({ dl, d, du, b }, { y }): [T, T][] => [[y, add(add(mul(expandDims(d, -1), b), before(dl, b)), behind(du, b))]],
  kernel: native("tridiagonalMatmul"),
  saves: ["dl", "d", "du", "b"],
  // B̄ = Aᴴ Ȳ, Ā = Ȳ Bᴴ on the three diagonals
  vjp: ({ dl, d, du, b }, { y: g }) => {
    const of = (offset: number) => (): T => shifted(alongDiagonal(g, b, offset), -1, offset);
    return { dl: of(1), d: of(0), du: of(-1), b: (): T => productOp(conj(shifted(du, -1, 1)), conj(d), conj(shifted(dl, -1, -1)), g) as T };
  },
});
/**
 * A b of tridiagonal matrices, A_i,i-1 = dl_i, A_ii = d_i, A_i,i+1 = du_i: (..., n), (..., n), (..., n), (..., n, k) -> (..., n, k); a 1-D b is one vector. dl_0 and
 * du_(n-1) are not part of it.
 */
export const tridiagonalMatmul = withVectors<typeof productOp>(productOp, () => false, -1);

const solveOp = defineOp({
  name: "tridiagonalSolve",
  tf: "TridiagonalSolve",
  inputs: ["dl", "d", "du", "b"],
  outputs: ["x"],
  signature: "(n),(n),(n),(n,k)->(n,k)",
  attrs: { adjoint: flag(false) },
  domain: { dl: between(-0.2, 0.2), d: positive, du: between(-0.2, 0.2) },
  law: ({ dl, d, du, b }, { x }, { adjoint }): [T, T][] => [
    [adjoint ? (productOp(conj(shifted(du, -1, 1)), conj(d), conj(shifted(dl, -1, -1)), x) as T) : (productOp(dl, d, du, x) as T), b],
  ],
  failures: ["ERR_SINGULAR", "ERR_NOT_FINITE"],
  kernel: native("tridiagonalSolve"),
  saves: ["dl", "d", "du", "x"],
  // As of `solve`: B̄ = A⁻ᴴ X̄, Ā = -B̄ Xᴴ on the three diagonals; of the adjoint Ā = -X B̄ᴴ
  vjp: ({ dl, d, du, x }, { x: g }, { adjoint }) => {
    const back = once((): T => solveOp(dl, d, du, g, { adjoint: !adjoint }));
    // place j of alongDiagonal is column j: an element stands at its row
    const of = (offset: number) => (): T => {
      const b = back();
      const [p, q] = adjoint ? [x, b] : [b, x];
      return neg(shifted(alongDiagonal(p, q, offset), -1, offset));
    };
    return { dl: of(1), d: of(0), du: of(-1), b: back };
  },
  fused: native("tridiagonalSolve_vjp"),
});
/**
 * X with A X = B, or Aᴴ X = B with `adjoint`, of tridiagonal matrices laid out as for `tridiagonalMatmul` (JAX's tridiagonal_solve), by elimination with exchanges of
 * neighbouring rows (LAPACK's gtsv). Derivatives reach dl, d, du and b. ERR_SINGULAR names the column of a pivot that is exactly zero; ERR_NOT_FINITE the item with a NaN
 * or infinity, or with an answer beyond the largest number.
 */
export const tridiagonalSolve = withVectors<typeof solveOp>(solveOp, () => false, -1);
