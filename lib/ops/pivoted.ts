// QR with column pivoting, and products of Householder's reflectors. Derivations: docs/derivations/qr.md
import type { Sym } from "../core/dtype";
import { ShapeError } from "../core/errors";
import { defineOp } from "../core/op";
import { native } from "../core/row";
import { shapeText, type Tensor } from "../core/tensor";
import { eye, zeros } from "./creation";
import { diag, diagEmbed, tril, triu } from "./diagonals";
import { between, columnsApart, leading } from "./domains";
import { add, mul, sub } from "./elementwise";
import { gather, scatterAdd } from "./indexing";
import { columnsOf } from "./parts";
import { matmul } from "./products";
import { ofTall, ofWide } from "./qr";
import { adjoint, expandDims } from "./structure";
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

/**
 * The first n columns of H_1 H_2 ... H_k, H_i = I - tau_i v vᴴ with v of column i of a below its diagonal, where it is 1: (..., m, n), (..., k) -> (..., m, n), k <= n <= m. LAPACK's
 * orgqr and ungqr, PyTorch's and JAX's householder_product. ERR_NOT_FINITE names an item with a NaN or infinity. What lies above the diagonal of a, and columns beyond the k-th, are not read.
 */
export const householderProduct = defineOp({
  name: "householderProduct",
  inputs: ["a", "tau"],
  outputs: ["q"],
  signature: "(r,n),(k)->(r,n)",
  sizes: (n: number) => [
    { r: n + 2, n, k: n },
    { r: n, n, k: n },
    { r: n, n, k: Math.floor(n / 2) },
  ],
  // I - V T Vᴴ with T = (I + D S)⁻¹ D, D = diag(tau), S the strict upper triangle of Vᴴ V (Puglisi 1992; T⁻¹ = D⁻¹ + S where there is a D⁻¹)
  domain: { a: leading, tau: between(-0.6, 0.6) },
  kernel: ({ a, tau }, _attrs, pass): T => {
    const [m, n, k] = [size(a, -2), size(a, -1), size(tau, -1)];
    if (k > n || n > m)
      throw new ShapeError(
        "householderProduct",
        `a must have at least as many rows as columns, and as many columns as tau has elements, got shapes ${shapeText(a.shape)} and ${shapeText(tau.shape)}.`,
      );
    const one = (rows: number, columns: number): T => columnsOf(eye(rows, { dtype: a.dtype }) as T, 0, columns);
    const v = add(tril(columnsOf(a, 0, k), { k: -1 }), one(m, k)) as T;
    const gram = matmul(v, v, { adjointA: true });
    const ones = diagEmbed(add(1, mul(0, diag(gram)))) as T; // NaN where v is not finite, which the solve tells
    const inner = add(mul(expandDims(tau, -1), triu(gram, { k: 1 })), ones) as T;
    const t = solveTriangular(inner, diagEmbed(tau) as T, { lower: false, ...pass }) as T;
    return sub(one(m, n), matmul(matmul(v, t), columnsOf(adjoint(v) as T, 0, n))) as T;
  },
});
