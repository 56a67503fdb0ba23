// QR with column pivoting, and products of Householder's reflectors. Derivations: docs/derivations/qr.md
import type { Sym } from "../core/dtype";
import { ShapeError } from "../core/errors";
import { once } from "../core/levels";
import { defineOp } from "../core/op";
import { native } from "../core/row";
import { shapeText, type Tensor } from "../core/tensor";
import { eye, zeros } from "./creation";
import { diagEmbed, tril, triu } from "./diagonals";
import { between, columnsApart, leading } from "./domains";
import { add, conj, mul, neg, sub } from "./elementwise";
import { gather, scatterAdd } from "./indexing";
import { columnsOf, rowsOf } from "./parts";
import { matmul } from "./products";
import { ofTall, ofWide } from "./qr";
import { sum } from "./reductions";
import { adjoint, expandDims, padTo } from "./structure";
import { solveTriangular } from "./triangular";

type T = Tensor<Sym<"T">>;
const size = (t: Tensor, axis: -1 | -2): number => t.shape.at(axis) as number;

/**
 * A P = Q R of matrices of any shape with column pivoting: as `qr` reduced, of the columns of A in the order `pivots`, int32 and from 0, in which |r_jj| falls: (..., m, n)
 * -> q (..., m, k), r (..., k, n), pivots (..., n), k = min(m, n). LAPACK's geqp3, SciPy's qr with `pivoting`. The rank shows in r; the gradient, with the order as a constant, needs the
 * first k pivoted columns to be independent, else it is ERR_RANK_DEFICIENT. ERR_NOT_FINITE names an item with a NaN or infinity.
 */
export const qrPivoted = defineOp({
  name: "qrPivoted",
  inputs: ["a"],
  outputs: ["q", "r", "pivots"],
  signature: "(m,n)->(m,m^n),(m^n,n),(n)",
  dtypes: { pivots: "int32" },
  sizes: (n: number) => [
    { m: n + 2, n },
    { m: n, n },
    { m: n, n: n + 2 },
  ],
  domain: { a: columnsApart },
  law: ({ a }, { q, r, pivots }) => [
    [matmul(q, r), gather(a as Tensor, expandDims(pivots, -2)) as Tensor as T],
    [
      matmul(q, q, { adjointA: true }),
      add(eye(size(q, -1), { dtype: q.dtype }), zeros([...q.shape.slice(0, -2), 1, 1], { dtype: q.dtype })) as T,
    ],
  ],
  failures: ["ERR_NOT_FINITE"],
  kernel: native("qrPivoted"),
  saves: ["q", "r", "pivots"],
  // that of qr, its columns put back
  vjp: ({ q, r, pivots }, { q: gq, r: gr }) => ({
    a: (): T => {
      const g = (size(q, -2) < size(r, -1) ? ofWide : ofTall)("qrPivoted", q, r, gq, gr);
      return scatterAdd(
        zeros(g.shape, { dtype: g.dtype }) as Tensor as Tensor<"float64">,
        expandDims(pivots, -2),
        g as Tensor as never,
      ) as Tensor as T;
    },
  }),
});

/** The first columns of the identity. */
const identity = (like: T, rows: number, columns: number): T => columnsOf(eye(rows, { dtype: like.dtype }) as T, 0, columns);
/** With rows and columns of zeros behind its own. */
const grown = (x: T, rows: number, columns: number): T => {
  const start = x.shape.map(() => 0);
  return padTo(x, start, [...x.shape.slice(0, -2), rows, columns]) as T;
};
/**
 * H_1 ... H_k = I - V T Vᴴ with T = M⁻¹ D, M = I + D S, D = diag(tau), S the strict upper triangle of Vᴴ V (Puglisi 1992; T⁻¹ = D⁻¹ + S where there is a D⁻¹).
 */
function blockOf(a: T, tau: T) {
  const k = size(tau, -1);
  const v = add(tril(columnsOf(a, 0, k), { k: -1 }), identity(a, size(a, -2), k)) as T;
  const s = triu(matmul(v, v, { adjointA: true }), { k: 1 }) as T;
  const m = mul(expandDims(tau, -1), s) as T; // but for its diagonal of ones
  const t = solveTriangular(m, diagEmbed(tau) as T, UNIT) as T;
  return { v, s, m, t };
}
const UNIT = { lower: false, unitDiagonal: true } as const;

const shapesOf = (n: number) => [
  { r: n + 2, n, k: n },
  { r: n, n, k: n },
  { r: n, n, k: Math.floor(n / 2) },
];

const columnsOp = defineOp({
  name: "householderColumns",
  hidden: true,
  publicName: "householderProduct",
  inputs: ["a", "tau"],
  outputs: ["q"],
  signature: "(r,n),(k)->(r,n)",
  sizes: shapesOf,
  domain: { a: leading, tau: between(-0.6, 0.6) },
  law: ({ a, tau }, { q }) => {
    const { v, t } = blockOf(a, tau);
    const n = size(a, -1);
    return [[q, sub(identity(a, size(a, -2), n), matmul(matmul(v, t), columnsOf(adjoint(v) as T, 0, n))) as T]];
  },
  kernel: native("householderColumns"),
  saves: ["a", "tau"],
  // Of Q = E - V T V₁ᴴ, V₁ the first n rows of V: T̄ = -Vᴴ Q̄ V₁, P = M⁻ᴴ T̄, τ̄ = diag(P (I - S T)ᴴ), S̄ = -Dᴴ P Tᴴ above the diagonal,
  // V̄ = V (S̄ + S̄ᴴ) - Q̄ V₁ Tᴴ, V̄₁ -= Q̄ᴴ V T
  vjp: ({ a, tau }, { q: g }) => {
    const [m, n, k] = [size(a, -2), size(a, -1), size(tau, -1)];
    const parts = once(() => {
      const of = blockOf(a, tau);
      const gv = matmul(g, rowsOf(of.v, 0, n)) as T;
      const p = solveTriangular(of.m, neg(matmul(of.v, gv, { adjointA: true })) as T, { ...UNIT, adjoint: true }) as T;
      return { ...of, gv, p };
    });
    const ofV = (): T => {
      const { v, t, gv, p } = parts();
      const s = triu(neg(mul(expandDims(conj(tau), -1), matmul(p, t, { adjointB: true }))), { k: 1 }) as T;
      const whole = sub(matmul(v, add(s, adjoint(s)) as T), matmul(gv, t, { adjointB: true })) as T;
      const first = matmul(g, matmul(v, t), { adjointA: true }) as T;
      return tril(sub(whole, grown(first, m, k)), { k: -1 }) as T;
    };
    return {
      a: () => grown(ofV(), m, n),
      tau: (): T => {
        const { s, t, p } = parts();
        const one = identity(a, k, k);
        return sum(mul(p, conj(sub(one, matmul(s, t)))), { axis: -1 }) as T;
      },
    };
  },
});
/**
 * The first n columns of H_1 H_2 ... H_k, H_i = I - tau_i v vᴴ with v of column i of a below its diagonal, where it is 1: (..., m, n), (..., k) -> (..., m, n), k <= n <= m. LAPACK's
 * orgqr and ungqr, PyTorch's and JAX's householder_product. ERR_NOT_FINITE names an item with a NaN or infinity. What lies above the diagonal of a, and columns beyond the k-th, are not read.
 */
export const householderProduct = defineOp({
  name: "householderProduct",
  inputs: ["a", "tau"],
  outputs: ["q"],
  signature: "(r,n),(k)->(r,n)",
  sizes: shapesOf,
  domain: { a: leading, tau: between(-0.6, 0.6) },
  kernel: ({ a, tau }, _attrs, pass): T => {
    if (size(tau, -1) > size(a, -1) || size(a, -1) > size(a, -2))
      throw new ShapeError(
        "householderProduct",
        `a must have at least as many rows as columns, and as many columns as tau has elements, got shapes ${shapeText(a.shape)} and ${shapeText(tau.shape)}.`,
      );
    return columnsOp(a, tau, pass) as T;
  },
});
