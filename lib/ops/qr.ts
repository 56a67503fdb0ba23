// QR factorizations. Derivations: docs/derivations/qr.md
import { within } from "../core/apply";
import { oneOf } from "../core/attrs";
import type { Sym } from "../core/dtype";
import { defineOp } from "../core/op";
import { native } from "../core/row";
import type { Tensor } from "../core/tensor";
import { eye, zeros } from "./creation";
import { diag, diagEmbed, triu } from "./diagonals";
import { leading, triangular } from "./domains";
import { add, neg, real, sub } from "./elementwise";
import { choosing } from "./forms";
import { concat } from "./joining";
import { columnsOf, rowsOf } from "./parts";
import { matmul } from "./products";
import { mustVanish } from "./quotients";
import { overScale } from "./scales";
import { adjoint } from "./structure";
import { solveTriangular } from "./triangular";

type T = Tensor<Sym<"T">>;

const MODES = ["reduced", "complete"] as const;
const size = (t: T, axis: -1 | -2): number => t.shape.at(axis) as number;
/** The Hermitian matrix with the upper triangle of m, its diagonal real. */
const fromUpper = (m: T): T => {
  const upper = triu(m, { k: 1 });
  return add(add(upper, adjoint(upper)), diagEmbed(real(diag(m))) as Tensor as T);
};

const hints = { rankDeficient: "its gradient needs the first columns to be independent" };
/** R itself, whose columns must be independent: a division by what is rounding gives numbers that are no derivative. */
const independent = defineOp({
  name: "independent",
  hidden: true,
  publicName: "qr",
  inputs: ["r"],
  outputs: ["y"],
  signature: "(n,n)->(n,n)",
  domain: { r: triangular },
  failures: ["ERR_RANK_DEFICIENT"],
  hints,
  kernel: native("independent", () => []),
  saves: [],
  vjp: (_saved, { y: g }) => ({ r: (): T => g as T }),
  jvp: (_values, { r: t }) => ({ y: t ? (): T => t : undefined }),
});

/** Of a square or tall A = Q R: Ā = (Q̄ + Q H) R⁻ᴴ, H Hermitian with the upper triangle of R̄ Rᴴ - Qᴴ Q̄ (Walter & Lehmann 2010, eq. 3.31; the diagonal is real, as that of R is). */
export function ofTall(op: string, q: T, r: T, gq: T | undefined, gr: T | undefined): T {
  return gr ? tall(op, q, ...scaledBeside(r, gq), gr) : tall(op, q, r, gq, gr);
}
/** R and Q̄ over the size of R: R̄ Rᴴ is of R̄'s size then. */
function scaledBeside(r: T, gq: T | undefined): [T, T | undefined] {
  const { over } = overScale(r);
  return [over(r), over(gq)];
}
function tall(op: string, q: T, r: T, gq: T | undefined, gr: T | undefined): T {
  const byR = gr && matmul(gr, r, { adjointB: true });
  const byQ = gq && matmul(q, gq, { adjointA: true });
  const inner = matmul(q, fromUpper(byR && byQ ? sub(byR, byQ) : (byR ?? neg(byQ as T))));
  return solveTriangular(independent(r, within(op)), gq ? add(gq, inner) : inner, { lower: false, side: "right", adjoint: true });
}

/** A wide A = [X Y] = Q [U V]: X = Q U is square, and Y = Q V (Roberts & Roberts 2020, arXiv 2009.10071, section 3). */
export function ofWide(op: string, q: T, r: T, gq: T | undefined, gr: T | undefined): T {
  const m = size(r, -2);
  if (!gr) {
    const v = columnsOf(r, m);
    return concat([tall(op, q, columnsOf(r, 0, m), gq, undefined), zeros(v.shape, { dtype: v.dtype }) as T], { axis: -1 });
  }
  const [r1, g1] = scaledBeside(r, gq);
  const [u, v] = [columnsOf(r1, 0, m), columnsOf(r1, m)];
  const [gu, gv] = [columnsOf(gr, 0, m), columnsOf(gr, m)];
  const ofY = matmul(matmul(q, v), gv, { adjointB: true });
  return concat([tall(op, q, u, g1 ? add(g1, ofY) : ofY, gu), matmul(q, gv)], { axis: -1 });
}

/** Of Q = [Q1 Q2]: columns of Q2 are any that complete Q1. Q1ᴴ dQ2 = -dQ1ᴴ Q2, and what turns Q2 in itself must not change the loss. */
function ofComplete(op: string, q: T, r: T, gq: T | undefined, gr: T | undefined): T {
  const n = size(r, -1);
  const [q1, q2, r1] = [columnsOf(q, 0, n), columnsOf(q, n), rowsOf(r, 0, n)];
  const g1 = gr && rowsOf(gr, 0, n);
  if (!gq) return ofTall(op, q1, r1, undefined, g1);
  const [gq1, gq2] = [columnsOf(gq, 0, n), columnsOf(gq, n)];
  const turn = matmul(q2, gq2, { adjointA: true });
  const none = mustVanish(op, sub(turn, adjoint(turn)), gq2);
  const across = matmul(gq2, q1, { adjointA: true });
  return ofTall(op, q1, r1, sub(gq1, matmul(q2, add(across, matmul(none, across)))), g1);
}

const sizes = (n: number) => [
  { m: n + 2, n },
  { m: n, n },
  { m: n, n: n + 2 },
];
const qrOp = defineOp({
  name: "qr",
  tf: "Qr",
  inputs: ["a"],
  outputs: ["q", "r"],
  signature: ({ mode }) => (mode === "complete" ? "(m,n)->(m,m),(m,n)" : "(m,n)->(m,m^n),(m^n,n)"),
  attrs: { mode: { ...oneOf(MODES, "reduced"), expected: 'one of "reduced", "complete", "r"' } },
  sizes,
  domain: { a: leading },
  gauge: ({ q, r }) => {
    const [m, n] = [size(q as T, -2), size(r as T, -1)];
    if (size(q as T, -1) <= n) return { q, r };
    const [q1, q2] = [columnsOf(q as T, 0, n), columnsOf(q as T, n)];
    const fixed = columnsOf(eye(m, { dtype: q.dtype }) as T, n);
    return { q: concat([q1, matmul(q2, matmul(q2, fixed, { adjointA: true }))], { axis: -1 }), r };
  },
  law: ({ a }, { q, r }) => [
    [matmul(q, r), a],
    [
      matmul(q, q, { adjointA: true }),
      add(eye(size(q as T, -1), { dtype: q.dtype }), zeros([...q.shape.slice(0, -2), 1, 1], { dtype: q.dtype })),
    ],
  ],
  failures: ["ERR_NOT_FINITE"],
  hints,
  kernel: native(
    ({ mode }) => (mode === "complete" ? "qrComplete" : "qr"),
    () => [],
  ),
  saves: ["q", "r"],
  vjp: ({ q, r }, { q: gq, r: gr }) => ({
    a: () => {
      const [m, n] = [size(q, -2), size(r, -1)];
      return (m < n ? ofWide : size(q, -1) > n ? ofComplete : ofTall)("qr", q, r, gq, gr);
    },
  }),
  fused: native("qr_vjp", () => []),
  fusedFor: ({ mode }) => mode === "reduced",
});
/** R alone. */
const triangleOp = defineOp({
  name: "qrTriangle",
  hidden: true,
  publicName: "qr",
  inputs: ["a"],
  outputs: ["r"],
  signature: "(m,n)->(m^n,n)",
  attrs: { mode: oneOf(["r"], "r") },
  sizes,
  domain: { a: leading },
  law: ({ a }, { r }) => [[matmul(r, r, { adjointA: true }), matmul(a, a, { adjointA: true })]],
  failures: ["ERR_NOT_FINITE"],
  kernel: native("qrTriangle", () => []),
  saves: ["a"],
  vjp: ({ a }, { r: g }) => ({
    a: () => {
      const { q, r } = qrOp(a, within("qr")) as { q: T; r: T };
      return (size(q, -2) < size(r, -1) ? ofWide : ofTall)("qr", q, r, undefined, g as T);
    },
  }),
});

/**
 * A = Q R of matrices of any shape: the columns of q orthonormal, r upper triangular with a real diagonal, as LAPACK has it (of either sign).
 * (..., m, n) -> q (..., m, k), r (..., k, n), k = min(m, n); with `mode: "complete"` q (..., m, m) and r (..., m, n), with "r" the tensor r alone. The gradient needs the first k
 * columns of A to be independent, else it is ERR_RANK_DEFICIENT; in mode "complete" of a tall matrix the loss must not change as the columns beyond the
 * n-th are turned among themselves: ERR_DEGENERATE. ERR_NOT_FINITE names an item with a NaN or infinity.
 */
export const qr = choosing<typeof qrOp & typeof triangleOp>(qrOp.row, (args) => ({
  op: (args[1] as { mode?: unknown } | undefined)?.mode === "r" ? triangleOp : qrOp,
  args,
}));
