// Bunch-Kaufman factors of Hermitian matrices that need not be definite. docs/derivations/ldl.md
import { within } from "../core/apply";
import { flag } from "../core/attrs";
import type { Sym } from "../core/dtype";
import { defineOp } from "../core/op";
import { native } from "../core/row";
import type { Tensor } from "../core/tensor";
import { tril } from "./diagonals";
import { indefinite, pivots as pivotsDomain, positiveDefinite, triangular } from "./domains";
import { add, mul, neg } from "./elementwise";
import { applyPivots } from "./lu";
import { matmul } from "./products";
import { adjoint } from "./structure";
import { solveTriangular } from "./triangular";
import { withVectors } from "./vectors";

type T = Tensor<Sym<"T">>;
const hermitianPart = (x: T): T => mul(0.5, add(x, adjoint(x)));

/** Of M what lies in the blocks of D (`diagonal`), or below them; zeros elsewhere. Blocks are told by what is on the diagonal below D's. */
const ldlBlocks = defineOp({
  name: "ldlBlocks",
  hidden: true,
  inputs: ["m", "d"],
  outputs: ["y"],
  attrs: { diagonal: flag(false) },
  signature: "(n,n),(n,n)->(n,n)",
  kernel: native("ldlBlocks"),
  saves: ["d"],
  vjp: ({ d }, { y: g }, attrs) => ({ m: (): T => ldlBlocks(g, d, attrs) }),
  jvp: ({ d }, { m }, attrs) => ({ y: m && ((): T => ldlBlocks(m, d, attrs)) }),
});

/** X with D X = B, D Hermitian with blocks of 1 x 1 and 2 x 2, told as in ldlBlocks. */
const ldlDivide = defineOp({
  name: "ldlDivide",
  hidden: true,
  inputs: ["d", "b"],
  outputs: ["x"],
  signature: "(n,n),(n,k)->(n,k)",
  domain: { d: positiveDefinite },
  law: ({ d, b }, { x }) => [[matmul(ldlBlocks(d, d, { diagonal: true }), x), b]],
  failures: ["ERR_SINGULAR", "ERR_NOT_FINITE"],
  kernel: native("ldlDivide"),
  saves: ["d", "x"],
  // D = Dᴴ: B̄ = D⁻¹ X̄, D̄ = -herm(B̄ Xᴴ) within the blocks
  vjp: ({ d, x }, { x: g }) => {
    const back = (): T => ldlDivide(d, g, within("ldlDivide"));
    return {
      d: () => ldlBlocks(hermitianPart(neg(matmul(back(), x, { adjointB: true }))), d, { diagonal: true }),
      b: back,
    };
  },
});

/**
 * Factors of Hermitian matrices, definite or not, by Bunch and Kaufman's pivoting: P A Pᵀ = L D Lᴴ with l unit lower triangular, d Hermitian
 * with blocks of 1 x 1 and 2 x 2 along its diagonal, and pivots int32 as those of `luFactor`: row i, and column i, was exchanged with
 * pivots[i] >= i, so that applyPivots(pivots, b) is P b. (..., n, n) -> (..., n, n), (..., n, n), (..., n). SciPy's lu is Pᵀ L, its d is d. Reads the
 * lower triangle only; the gradient is Hermitian, with the pivots, which it does not reach, as constants. A singular matrix is no error, its
 * gradient ERR_SINGULAR. ERR_NOT_FINITE names the item with a NaN or infinity, or with factors beyond the largest number.
 */
export const ldlFactor = defineOp({
  name: "ldlFactor",
  inputs: ["a"],
  outputs: ["l", "d", "pivots"],
  signature: "(n,n)->(n,n),(n,n),(n)",
  dtypes: { pivots: "int32" },
  domain: { a: indefinite },
  law: ({ a }, { l, d, pivots }) => {
    const rows = applyPivots(pivots, a);
    const both = adjoint(applyPivots(pivots, adjoint(rows)));
    return [[matmul(matmul(l, d), l, { adjointB: true }), both]];
  },
  failures: ["ERR_NOT_FINITE"],
  kernel: native("ldlFactor"),
  saves: ["l", "d", "pivots"],
  // Ā = herm(Pᵀ L⁻ᴴ [below(Lᴴ L̄ D⁻¹) + blocks(D̄)] L⁻¹ P)
  vjp: ({ l, d, pivots }, { l: lg, d: dg }) => ({
    a: () => {
      const parts: T[] = [];
      if (lg) {
        const turned = ldlDivide(d, matmul(lg, l, { adjointA: true }), within("ldlFactor")); // (Lᴴ L̄ D⁻¹)ᴴ
        parts.push(ldlBlocks(adjoint(turned), d));
      }
      if (dg) parts.push(ldlBlocks(dg, d, { diagonal: true }));
      const inner = parts.reduce((p, q) => add(p, q));
      const left = solveTriangular(l, inner, { unitDiagonal: true, adjoint: true });
      const core = solveTriangular(l, left, { unitDiagonal: true, side: "right" });
      const rows = applyPivots(pivots, core, { inverse: true });
      return hermitianPart(applyPivots(pivots, adjoint(rows), { inverse: true }));
    },
  }),
  fused: native("ldlFactor_vjp"),
});

const ldlSolveOp = defineOp({
  name: "ldlSolve",
  inputs: ["l", "d", "pivots", "b"],
  outputs: ["x"],
  signature: "(n,n),(n,n),(n),(n,k)->(n,k)",
  dtypes: { pivots: "int32" },
  domain: { l: triangular, d: positiveDefinite, pivots: pivotsDomain },
  failures: ["ERR_SINGULAR", "ERR_NOT_FINITE", "ERR_ARGUMENT"],
  kernel: native("ldlSolve"), // Pᵀ L⁻ᴴ D⁻¹ L⁻¹ P B
  saves: ["l", "d", "pivots", "b", "x"],
  // with Y = L⁻¹ P B, Z = D⁻¹ Y, and Ȳ, Z̄ the same of X̄: B̄ is X of X̄, D̄ = -herm(Z̄ Zᴴ) within the blocks, L̄ = -tril(P X Ȳᴴ + P B̄ Yᴴ)
  vjp: ({ l, d, pivots, b, x }, { x: g }) => {
    const pass = within("ldlSolve");
    const solved = (m: T): T => ldlSolveOp(l, d, pivots, m, pass) as T;
    const half = (m: T): T => solveTriangular(l, applyPivots(pivots, m), { unitDiagonal: true });
    return {
      l: (): T => {
        const turned = (p: T, q: T): T => matmul(applyPivots(pivots, p), half(q), { adjointB: true });
        return neg(tril(add(turned(x, g), turned(solved(g), b)), { k: -1 }));
      },
      d: (): T => {
        const [z, of] = [b, g].map((m) => ldlDivide(d, half(m), pass)) as [T, T];
        return ldlBlocks(hermitianPart(neg(matmul(of, z, { adjointB: true }))), d, { diagonal: true });
      },
      b: (): T => solved(g),
    };
  },
});

/**
 * X with A X = B from the factors of `ldlFactor`: (..., n, n), (..., n, n), (..., n), (..., n, k) -> (..., n, k). Derivatives reach l, d and b; a
 * 1-D b is one vector. ERR_SINGULAR names the column where a singular block of D begins; ERR_ARGUMENT a pivot out of range.
 */
export const ldlSolve = withVectors<typeof ldlSolveOp>(ldlSolveOp);
