// Banded matrices in SciPy's storage. Derivations: docs/derivations/structured.md
import { flag, natural } from "../core/attrs";
import type { Sym } from "../core/dtype";
import { once } from "../core/levels";
import { defineOp } from "../core/op";
import { native } from "../core/row";
import type { Tensor } from "../core/tensor";
import { chosen } from "./arrange";
import { ofFactor } from "./cholesky";
import { zeros } from "./creation";
import { diag, diagEmbed, tril } from "./diagonals";
import { banded } from "./domains";
import { add, conj, mul, neg } from "./elementwise";
import { concat } from "./joining";
import { matmul } from "./products";
import { adjoint, expandDims, reshape } from "./structure";
import { alongDiagonal } from "./tridiagonal";
import { withVectors } from "./vectors";

type T = Tensor<Sym<"T">>;
const size = (t: T, axis: -1 | -2): number => t.shape.at(axis) as number;

/** Elements of matrices put at other places, one behind the other; undefined: zero. */
function placed(a: T, rows: number, columns: number, from: (i: number, j: number) => readonly [number, number] | undefined): T {
  const [batch, width] = [a.shape.slice(0, -2), size(a, -1)];
  const count = size(a, -2) * width;
  const flat = concat([reshape(a, [...batch, count]), zeros([...batch, 1], { dtype: a.dtype })] as Tensor[], { axis: -1 }) as Tensor as T;
  const places = Int32Array.from({ length: rows * columns }, (_, k) => {
    const at = from(Math.floor(k / columns), k % columns);
    return at ? at[0] * width + at[1] : count;
  });
  return reshape(chosen(flat, flat.rank - 1, places), [...batch, rows, columns]) as T;
}
/** The matrix of diagonals, `upper` of them above its own. */
const whole = (ab: T, upper: number): T => {
  const [r, n] = [size(ab, -2), size(ab, -1)];
  return placed(ab, n, n, (i, j) => (upper + i - j >= 0 && upper + i - j < r ? [upper + i - j, j] : undefined));
};
/** r diagonals of a matrix. */
const diagonalsOf = (a: T, r: number, upper: number): T => {
  const n = size(a, -1);
  return placed(a, r, n, (p, j) => (p - upper + j >= 0 && p - upper + j < n ? [p - upper + j, j] : undefined));
};
/** -P Qᴴ on these diagonals. */
function minusProduct(p: T, q: T, lower: number, upper: number): T {
  const rows = Array.from({ length: lower + upper + 1 }, (_, k) => expandDims(neg(alongDiagonal(p, q, k - upper)), -2));
  return concat(rows as Tensor[], { axis: -2 }) as Tensor as T;
}

const solveOp = defineOp({
  name: "solveBanded",
  inputs: ["ab", "b"],
  outputs: ["x"],
  signature: ({ lower, upper }) => `(${lower + upper + 1},n),(n,k)->(n,k)`,
  attrs: { lower: natural(1), upper: natural(1), adjoint: flag(false) },
  domain: { ab: banded(({ upper }) => upper as number) },
  law: ({ ab, b }, { x }, { upper, ...attrs }) => [[matmul(whole(ab, upper), x, { adjointA: attrs.adjoint }), b]],
  failures: ["ERR_SINGULAR", "ERR_NOT_FINITE"],
  kernel: native("solveBanded", ({ lower, adjoint: h }: { lower: number; adjoint: boolean }) => [lower, Number(h)]),
  saves: ["ab", "x"],
  // As of `solve`: B̄ = A⁻ᴴ X̄, Ā = -B̄ Xᴴ within the bands; of the adjoint Ā = -X B̄ᴴ
  vjp: ({ ab, x }, { x: g }, attrs) => {
    const back = once((): T => solveOp(ab, g, { ...attrs, adjoint: !attrs.adjoint }));
    const matrix = (b: T): T =>
      attrs.adjoint ? minusProduct(x, b, attrs.lower, attrs.upper) : minusProduct(b, x, attrs.lower, attrs.upper);
    return { ab: () => matrix(back()), b: back };
  },
});
/**
 * X with A X = B, or Aᴴ X = B with `adjoint`, of banded matrices, by elimination with partial pivoting: (..., lower + upper + 1, n), (..., n, k) -> (..., n, k); a 1-D b is
 * one vector. Storage as SciPy's solve_banded: a_ij is ab_(upper + i - j, j), what lies outside the matrix is not read; 1 diagonal below and 1 above where nothing is said.
 * ERR_SINGULAR names the column of a pivot that is exactly zero; ERR_NOT_FINITE the item with a NaN or infinity, or with an answer beyond the largest number.
 */
export const solveBanded = withVectors<typeof solveOp>(solveOp, () => false, -1);

interface Form {
  readonly lower: boolean;
}
/** Of r diagonals of a triangular matrix those above its own. */
const above = (r: number, { lower }: Form): number => (lower ? 0 : Math.max(0, r - 1));
const onDiagonal = banded(({ lower }, rows) => (lower ? 0 : rows - 1));
const sizes = (n: number) => [
  { r: 1, n, k: 1 },
  { r: 3, n, k: 2 },
];

const triangularOp = defineOp({
  name: "bandedSolveTriangular",
  tf: "BandedTriangularSolve",
  inputs: ["ab", "b"],
  outputs: ["x"],
  signature: "(r,n),(n,k)->(n,k)",
  attrs: { lower: flag(true), adjoint: flag(false), unitDiagonal: flag(false) },
  sizes,
  domain: { ab: onDiagonal },
  law: ({ ab, b }, { x }, attrs): [T, T][] => {
    const a = whole(ab, above(size(ab, -2), attrs));
    const unit = attrs.unitDiagonal ? add(matmul(a, x, { adjointA: attrs.adjoint }), mul(ownOf(ab, attrs), x)) : undefined;
    return [[unit ?? matmul(a, x, { adjointA: attrs.adjoint }), b]];
  },
  failures: ["ERR_SINGULAR", "ERR_NOT_FINITE"],
  kernel: native("bandedSolveTriangular"),
  saves: ["ab", "x"],
  vjp: ({ ab, x }, { x: g }, attrs) => {
    const [r, n] = [size(ab, -2), size(ab, -1)];
    const upper = above(r, attrs);
    const back = once((): T => triangularOp(ab, g, { ...attrs, adjoint: !attrs.adjoint }));
    return {
      ab: (): T => {
        const [p, q] = attrs.adjoint ? [x, back()] : [back(), x];
        const every = minusProduct(p, q, r - 1 - upper, upper);
        return attrs.unitDiagonal ? placed(every, r, n, (i, j) => (i === upper ? undefined : [i, j])) : every;
      },
      b: back,
    };
  },
});
/** What a unit diagonal is more than the one that is stored: 1 - d, or of the adjoint its conjugate, as a column. */
function ownOf(ab: T, attrs: Form & { readonly adjoint: boolean }): T {
  const d = expandDims(diag(whole(ab, above(size(ab, -2), attrs))), -1) as T;
  return add(1, neg(attrs.adjoint ? conj(d) : d)) as T;
}
/**
 * X with A X = B, or Aᴴ X = B with `adjoint`, of triangular matrices with r diagonals: (..., r, n), (..., n, k) -> (..., n, k); a 1-D b is one vector. Storage as that of
 * `choleskyBanded`: `lower` (the default) a_ij = ab_(i - j, j), else ab_(r - 1 + i - j, j). With `unitDiagonal` the diagonal is not read. Errors as `solveTriangular`.
 */
export const bandedSolveTriangular = withVectors<typeof triangularOp>(triangularOp, () => false, -1);

/**
 * Cholesky factors of Hermitian positive-definite banded matrices in SciPy's storage: (..., r, n) -> (..., r, n), A = L Lᴴ. `lower` (not the default, as SciPy's): a_ij
 * is ab_(i - j, j), and so is l; else a_ij is ab_(r - 1 + i - j, j), as is Lᴴ. What lies outside the matrix is not read, and zero in the factor. The gradient is one of what is stored: the other triangle is
 * the same numbers. Second derivatives go through n x n matrices. Errors as `cholesky`.
 */
export const choleskyBanded = defineOp({
  name: "choleskyBanded",
  inputs: ["ab"],
  outputs: ["c"],
  signature: "(r,n)->(r,n)",
  attrs: { lower: flag(false) },
  sizes,
  domain: { ab: onDiagonal },
  law: ({ ab }, { c }, attrs) => {
    const [r, n] = [size(ab, -2), size(ab, -1)];
    const l = triangleOf(c, attrs);
    const given = triangleOf(ab, attrs);
    return [[tril(matmul(l, l, { adjointB: true })), placed(given, n, n, (i, j) => (i - j < r ? [i, j] : undefined))]];
  },
  failures: ["ERR_NOT_POSITIVE_DEFINITE", "ERR_NOT_FINITE"],
  kernel: native("choleskyBanded"),
  saves: ["c"],
  vjp: ({ c }, { c: g }, attrs) => ({
    ab: (): T => {
      const a = ofFactor(triangleOf(c, attrs), triangleOf(g, attrs));
      const lower = add(mul(2, tril(a, { k: -1 })), diagEmbed(diag(a)));
      const r = size(c, -2);
      return diagonalsOf(attrs.lower ? lower : adjoint(lower), r, above(r, attrs));
    },
  }),
  fused: native("choleskyBanded_vjp"),
});
/** The lower triangle of what is stored. */
const triangleOf = (ab: T, form: Form): T => {
  const a = whole(ab, above(size(ab, -2), form));
  return form.lower ? a : adjoint(a);
};
