import { within } from "../core/apply";
import { flag } from "../core/attrs";
import type { Sym } from "../core/dtype";
import { defineOp } from "../core/op";
import { native } from "../core/row";
import type { Tensor } from "../core/tensor";
import { itemBlock } from "./blocks";
import { eye } from "./creation";
import { tril, triu } from "./diagonals";
import { invertible, pivots, triangular } from "./domains";
import { add, neg } from "./elementwise";
import { concat } from "./joining";
import { matmul } from "./products";
import { overScale } from "./scales";
import { adjoint } from "./structure";
import { solveTriangular } from "./triangular";
import { type Solver, withVectors } from "./vectors";

type T = Tensor<Sym<"T">>;
const sizes = (n: number) => [
  { m: n + 1, n },
  { m: n, n },
];
const identity = (n: number, like: T): T => eye(n, { dtype: like.dtype });

/**
 * Inverse of square matrices, with `adjoint` that of the adjoint: (..., n, n) -> (..., n, n). ERR_SINGULAR names the column of a pivot that
 * is exactly zero; ERR_NOT_FINITE the item with a NaN or infinity, or with an answer beyond the largest number. To solve, use `solve`: it
 * is faster and more accurate.
 */
export const inv = defineOp({
  name: "inv",
  tf: "MatrixInverse",
  inputs: ["a"],
  outputs: ["y"],
  attrs: { adjoint: flag(false) },
  signature: "(n,n)->(n,n)",
  domain: { a: invertible },
  law: ({ a }, { y }, attrs) => {
    const b = attrs.adjoint ? adjoint(a) : a;
    return [[matmul(matmul(b, y), b), b]];
  },
  failures: ["ERR_SINGULAR", "ERR_NOT_FINITE"],
  kernel: native("inv"),
  saves: ["y"],
  // Y = A⁻¹: dY = -Y dA Y, so Ā = -Yᴴ Ȳ Yᴴ. Y = A⁻ᴴ: dY = -Y dAᴴ Y, so Ā = -(Yᴴ Ȳ Yᴴ)ᴴ = -Y Ȳᴴ Y.
  vjp: ({ y }, { y: g }, attrs) => ({
    a: () =>
      attrs.adjoint
        ? neg(matmul(matmul(y, g, { adjointB: true }), y))
        : neg(matmul(matmul(y, g, { adjointA: true }), y, { adjointB: true })),
  }),
  fused: native("inv_vjp"),
});

const solveOp = defineOp({
  name: "solve",
  tf: "MatrixSolve",
  inputs: ["a", "b"],
  outputs: ["x"],
  attrs: { adjoint: flag(false) },
  signature: "(m,m),(m,k)->(m,k)",
  dtypes: { pivots: "int32" },
  domain: { a: invertible },
  law: ({ a, b }, { x }, attrs) => [[matmul(a, x, { adjointA: attrs.adjoint }), b]],
  failures: ["ERR_SINGULAR", "ERR_NOT_FINITE"],
  kernel: native("solve"),
  aux: { lu: "(m,m)", pivots: "(m)" },
  saves: ["a", "x"],
  // A X = B: B̄ = A⁻ᴴ X̄, Ā = -B̄ Xᴴ. Aᴴ X = B: B̄ = A⁻¹ X̄, Ā = -X B̄ᴴ (Giles 2008, section 2.3.1).
  vjp: ({ a, x }, { x: g }, attrs) => {
    const back = (): T => solveOp(a, g, { adjoint: !attrs.adjoint, ...within("solve") });
    const matrix = (b: T) => (attrs.adjoint ? matmul(x, b, { adjointB: true }) : matmul(b, x, { adjointB: true }));
    return { a: () => neg(matrix(back())), b: back };
  },
  fused: native("solve_vjp"),
});

export interface SolveOptions {
  /** Solve with the adjoint of a. */
  readonly adjoint?: boolean;
}

/**
 * X with A X = B, or Aᴴ X = B with `adjoint`, by LU with partial pivoting: (..., m, m), (..., m, k) -> (..., m, k), leading dimensions
 * broadcast; a 1-D b is one vector. ERR_SINGULAR names the column of a pivot that is exactly zero; ERR_NOT_FINITE the item with a NaN or
 * infinity, or with an answer beyond the largest number.
 */
export const solve: Solver<SolveOptions> = withVectors(solveOp);

/**
 * Rows of b exchanged as `pivots` of luFactor say, P b, or back with `inverse`: (..., k), (..., m, n) -> (..., m, n), k <= m.
 * ERR_ARGUMENT names a pivot out of range.
 */
export const applyPivots = defineOp({
  name: "applyPivots",
  inputs: ["pivots", "b"],
  outputs: ["y"],
  attrs: { inverse: flag(false) },
  signature: "(k),(m,n)->(m,n)",
  dtypes: { pivots: "int32" },
  domain: { pivots },
  law: ({ pivots, b }, { y }, attrs): [T, T][] => [[applyPivots(pivots, y, { inverse: !attrs.inverse }), b]],
  failures: ["ERR_ARGUMENT"],
  kernel: native("applyPivots"),
  linear: true,
  saves: ["pivots"],
  // A permutation: its adjoint is its inverse.
  vjp: ({ pivots }, { y: g }, attrs) => ({ b: (): T => applyPivots(pivots, g, { inverse: !attrs.inverse }) }),
});

/**
 * LU with partial pivoting, P A = L U, packed: lu has U on and above the diagonal and L below it, whose ones are not stored; row i was
 * exchanged with row pivots[i] >= i, counted from 0. (..., m, n) -> (..., m, n), (..., min(m, n)) int32. A singular matrix is no error.
 * ERR_NOT_FINITE names the item with a NaN or infinity, or with factors beyond the largest number.
 */
export const luFactor = defineOp({
  name: "luFactor",
  inputs: ["a"],
  outputs: ["lu", "pivots"],
  signature: "(m,n)->(m,n),(m^n)",
  sizes,
  dtypes: { pivots: "int32" },
  domain: { a: invertible },
  failures: ["ERR_NOT_FINITE"],
  kernel: native("luFactor"),
  saves: ["lu", "pivots"],
  // Square: Ā = Pᵀ L⁻ᴴ [stril(Lᴴ L̄) + triu(Ū Uᴴ)] U⁻ᴴ. With L = [L1; L2] or U = [U1, U2] the square part comes first and the rest follows
  // from L2 = A2 U1⁻¹ or U2 = L1⁻¹ A2 (docs/derivations/lu.md). The same of U and L̄ over the size of U, so that Ū Uᴴ is of Ū's size.
  vjp: ({ lu: f, pivots }, { lu: g }) => ({
    a: () => {
      const [m, n] = f.shape.slice(-2) as [number, number];
      const k = Math.min(m, n);
      const f1 = itemBlock(f, 0, 0, k, k);
      const g1 = itemBlock(g, 0, 0, k, k);
      const l = unitLower(f1);
      const { over } = overScale(triu(m < n ? itemBlock(f, 0, 0, k, n) : f1));
      const u = over(triu(f1));
      const left = (x: T): T => solveTriangular(f1, x, { unitDiagonal: true, adjoint: true });
      const right = (x: T): T => solveTriangular(u, x, { lower: false, adjoint: true, side: "right" });
      let [lg, ug] = [over(tril(g1, { k: -1 })), triu(g1)];
      if (m === n) return applyPivots(pivots, core(l, u, lg, ug, left, right), { inverse: true });
      if (m < n) {
        // A2 = L U2: Ā2 = L⁻ᴴ Ū2, L̄ -= L⁻ᴴ Ū2 U2ᴴ
        const a2 = left(itemBlock(g, 0, k, k, n - k));
        lg = add(lg, neg(matmul(a2, over(itemBlock(f, 0, k, k, n - k)), { adjointB: true })));
        return applyPivots(pivots, concat([core(l, u, lg, ug, left, right), a2], { axis: -1 }), { inverse: true });
      }
      // A2 = L2 U: Ā2 = L̄2 U⁻ᴴ, Ū -= L2ᴴ L̄2 U⁻ᴴ
      const a2 = right(over(itemBlock(g, k, 0, m - k, k)));
      ug = add(ug, neg(matmul(itemBlock(f, k, 0, m - k, k), a2, { adjointA: true })));
      return applyPivots(pivots, concat([core(l, u, lg, ug, left, right), a2], { axis: -2 }), { inverse: true });
    },
  }),
});

const unitLower = (f: T): T => add(tril(f, { k: -1 }), identity(f.shape.at(-1) as number, f));

function core(l: T, u: T, lg: T, ug: T, left: (x: T) => T, right: (x: T) => T): T {
  const inner = add(tril(matmul(l, lg, { adjointA: true }), { k: -1 }), triu(matmul(ug, u, { adjointB: true })));
  return right(left(inner));
}

/**
 * A = P L U with P a permutation matrix, L with ones on its diagonal: (..., m, n) -> p (..., m, m), l (..., m, min(m, n)),
 * u (..., min(m, n), n). p is constant under derivatives. A singular matrix is no error.
 */
export const lu = defineOp({
  name: "lu",
  tf: "Lu",
  inputs: ["a"],
  outputs: ["p", "l", "u"],
  signature: "(m,n)->(m,m),(m,m^n),(m^n,n)",
  sizes,
  domain: { a: invertible },
  law: ({ a }, { p, l, u }) => [[matmul(p, matmul(l, u)), a]],
  failures: ["ERR_NOT_FINITE"],
  kernel: ({ a }, _attrs, pass) => {
    const { lu: f, pivots } = luFactor(a, pass);
    const [m, n] = a.shape.slice(-2) as [number, number];
    const k = Math.min(m, n);
    const ones = eye(m, { dtype: a.dtype });
    return {
      p: applyPivots(pivots, ones, { inverse: true }),
      l: add(tril(itemBlock(f, 0, 0, m, k), { k: -1 }), itemBlock(ones, 0, 0, m, k)),
      u: triu(itemBlock(f, 0, 0, k, n)),
    };
  },
});

const luSolveOp = defineOp({
  name: "luSolve",
  inputs: ["lu", "pivots", "b"],
  outputs: ["x"],
  attrs: { adjoint: flag(false) },
  signature: "(m,m),(m),(m,k)->(m,k)",
  dtypes: { pivots: "int32" },
  domain: { lu: triangular, pivots },
  // L U X = P B, or Uᴴ Lᴴ P X = B
  law: ({ lu: f, pivots, b }, { x }, { adjoint: h }): [T, T][] => {
    const [l, u] = [unitLower(f), triu(f)];
    if (!h) return [[matmul(l, matmul(u, x)), applyPivots(pivots, b)]];
    const y = matmul(l, applyPivots(pivots, x), { adjointA: true });
    return [[matmul(u, y, { adjointA: true }), b]];
  },
  failures: ["ERR_SINGULAR", "ERR_NOT_FINITE", "ERR_ARGUMENT"],
  // U⁻¹ L⁻¹ P B, or Pᵀ L⁻ᴴ U⁻ᴴ B
  kernel: ({ lu: f, pivots, b }, { adjoint: h }, pass) => {
    const lower = { unitDiagonal: true, adjoint: h, ...pass };
    const upper = { lower: false, adjoint: h, ...pass };
    if (!h) return solveTriangular(f, solveTriangular(f, applyPivots(pivots, b, pass), lower), upper);
    return applyPivots(pivots, solveTriangular(f, solveTriangular(f, b, upper), lower), { inverse: true, ...pass });
  },
});

/**
 * X with A X = B from luFactor of A, or Aᴴ X = B with `adjoint`: (..., m, m), (..., m), (..., m, k) -> (..., m, k). Derivatives reach lu and
 * b; a 1-D b is one vector. ERR_SINGULAR: a zero on the diagonal of U; ERR_ARGUMENT: a pivot out of range.
 */
export const luSolve = withVectors<typeof luSolveOp>(luSolveOp);
