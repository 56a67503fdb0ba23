// Projectors onto groups of eigenvectors, and low-rank parts: derivatives by divided differences of a step, exact however the values inside a group lie.
// Derivations: docs/derivations/spectral.md
import { within } from "../core/apply";
import { flag, int, natural } from "../core/attrs";
import type { Sym } from "../core/dtype";
import { BacksolveError } from "../core/errors";
import { once } from "../core/levels";
import { defineOp } from "../core/op";
import { native, type Pass } from "../core/row";
import type { Tensor } from "../core/tensor";
import { hermitian, positive, separated } from "./domains";
import { eigh, hermitianPart } from "./eigh";
import { add, conj, mul, neg, real, sub } from "./elementwise";
import { concat } from "./joining";
import { columnsOf, rowsOf } from "./parts";
import { matmul } from "./products";
import { sum } from "./reductions";
import { overScale } from "./scales";
import { adjoint, padTo } from "./structure";
import { assembled, svd } from "./svd";

type T = Tensor<Sym<"T">>;
type R = Tensor<Sym<"real">>;
const size = (t: Tensor, axis: -1 | -2 = -1): number => t.shape.at(axis) as number;

const CUT = "option rank cuts between them: the part that it keeps jumps there";
const hints = { degenerate: CUT, equalSingular: CUT };

/** q_ij = x_ij / (a_i - b_j), of values on either side of a cut, after the index-th of them. */
const cutQuotient = defineOp({
  name: "cutQuotient",
  hidden: true,
  publicName: "projector",
  inputs: ["x", "a", "b"],
  outputs: ["q"],
  signature: "(m,n),(m),(n)->(m,n)",
  dtypes: { a: "real", b: "real" },
  attrs: { singular: flag(false), index: int(0) },
  domain: { a: positive, b: { name: "negative", sample: (draw) => neg(positive.sample(draw) as R) as Tensor } },
  failures: ["ERR_DEGENERATE"],
  hints,
  kernel: native("cutQuotient", ({ singular, index }: { singular: boolean; index: number }) => [Number(singular), index]),
  saves: ["a", "b", "q"],
  // x̄ = q̄_ij / (a_i - b_j), ā_i = -Σ_j c_ij, b̄_j = Σ_i c_ij with c = Re(conj(q̄) q) / (a_i - b_j)
  vjp: ({ a, b, q }, { q: g }, attrs) => {
    const again = { ...attrs, ...within(nameFor(attrs.singular)) };
    const c = once(() => real(cutQuotient(mul(conj(g), q), a, b, again)) as R);
    return { x: (): T => cutQuotient(g, a, b, again), a: (): R => neg(sum(c(), { axis: -1 })), b: (): R => sum(c(), { axis: -2 }) };
  },
});
const nameFor = (both: boolean): string => (both ? "lowRank" : "projector");

/** Which eigenvalues: the `rank` largest, or with `both` these and as many of the smallest. */
const attrs = { rank: natural(1), both: flag(false) };
interface Group {
  readonly rank: number;
  readonly both: boolean;
}
/** Vectors of the group and of the others, and what divides by the gaps between them. */
function groups(a: T, { rank, both }: Group, pass: Pass) {
  const { w, v } = eigh(a, pass as object) as { w: R; v: T };
  const n = size(v);
  const k = Math.min(rank, both ? Math.floor(n / 2) : n);
  const picked = (x: T): T => (both ? (concat([columnsOf(x, 0, k), columnsOf(x, n - k)], { axis: -1 }) as T) : columnsOf(x, n - k));
  const left = (x: T): T => columnsOf(x, both ? k : 0, n - k);
  const over = (x: T): T =>
    cutQuotient(x, picked(w as Tensor as T) as Tensor as R, left(w as Tensor as T) as Tensor as R, {
      singular: both,
      index: both ? k : n - k,
      ...within(nameFor(both)),
    });
  return { kept: picked(v), others: left(v), over };
}
const within2 = (p: T, m: T, q: T): T => matmul(matmul(p, m, { adjointA: true }), q); // Pᴴ M Q
const between = (p: T, m: T, q: T): T => matmul(matmul(p, m), q, { adjointB: true }); // P M Qᴴ
const half = { failures: ["ERR_NO_CONVERGENCE", "ERR_NOT_FINITE"], hints } as const;

/**
 * D²P(A)[E, H], E and H Hermitian parts. With blocks 1 of the group and 2 of the others, Ê = E_12 over the gaps: in the basis of eigenvectors
 * Y_11 = -(Ê Ĥᴴ + Ĥ Êᴴ), Y_22 = Êᴴ Ĥ + Ĥᴴ Ê, Y_12 = (Ê H_22 + Ĥ E_22 - E_11 Ĥ - H_11 Ê) over the gaps.
 */
const projectorSecond = defineOp({
  ...half,
  name: "projectorSecond",
  hidden: true,
  publicName: "projector",
  inputs: ["a", "e", "h"],
  outputs: ["d"],
  signature: "(n,n),(n,n),(n,n)->(n,n)",
  attrs,
  domain: { a: hermitian },
  order: 0, // in a; linear in e and h
  kernel: ({ a, e: given, h: other }, group, pass): T => {
    const { kept, others, over } = groups(a, group, pass);
    const [e, h] = [hermitianPart(given), hermitianPart(other)];
    const [e12, h12] = [over(within2(kept, e, others)), over(within2(kept, h, others))];
    const far = add(matmul(e12, within2(others, h, others)), matmul(h12, within2(others, e, others)));
    const near = add(matmul(within2(kept, e, kept), h12), matmul(within2(kept, h, kept), e12));
    const across = between(kept, over(sub(far, near)), others);
    const inner = between(kept, matmul(e12, h12, { adjointB: true }), kept);
    const outer = between(others, matmul(e12, h12, { adjointA: true }), others);
    return mul(2, hermitianPart(add(across, sub(outer, inner))));
  },
  saves: ["a", "e", "h"],
  // ⟨G, D²P(A)[E, H]⟩ is symmetric in E, H and G
  vjp: ({ a, e, h }, { d: g }, group) => ({
    a: (): T => {
      throw new BacksolveError("ERR_ARGUMENT", nameFor(group.both), "has derivatives up to the second order only.");
    },
    e: (): T => projectorSecond(a, h, g, { ...group, ...within(nameFor(group.both)) }),
    h: (): T => projectorSecond(a, e, g, { ...group, ...within(nameFor(group.both)) }),
  }),
});

/** DP(A)[herm E] = V_1 Ê V_2ᴴ and its adjoint, Ê_ij = (V_1ᴴ E V_2)_ij / (w_i - w_j). */
const projectorDerivative = defineOp({
  ...half,
  name: "projectorDerivative",
  hidden: true,
  publicName: "projector",
  inputs: ["a", "e"],
  outputs: ["d"],
  signature: "(n,n),(n,n)->(n,n)",
  attrs,
  domain: { a: hermitian },
  order: 1,
  kernel: ({ a, e }, group, pass): T => {
    const { kept, others, over } = groups(a, group, pass);
    return mul(2, hermitianPart(between(kept, over(within2(kept, hermitianPart(e), others)), others)));
  },
  saves: ["a", "e"],
  vjp: ({ a, e }, { d: g }, group) => ({
    a: (): T => projectorSecond(a, e, g, { ...group, ...within(nameFor(group.both)) }),
    e: (): T => projectorDerivative(a, g, { ...group, ...within(nameFor(group.both)) }),
  }),
});

const family = (name: string, both: boolean) =>
  defineOp({
    ...half,
    name,
    publicName: nameFor(both),
    ...(both ? { hidden: true } : {}),
    inputs: ["a"],
    outputs: ["p"],
    signature: "(n,n)->(n,n)",
    attrs: { rank: attrs.rank },
    domain: { a: hermitian },
    law: ({ a }, { p }) => [
      [matmul(p, p), p],
      [matmul(p, a), matmul(a, p)],
    ],
    kernel: ({ a }, { rank }, pass): T => {
      const { kept } = groups(a, { rank, both }, pass);
      return hermitianPart(matmul(kept, kept, { adjointB: true }));
    },
    saves: ["a"],
    order: 2,
    vjp: ({ a }, { p: g }, { rank }) => ({ a: (): T => projectorDerivative(a, g, { rank, both, ...within(nameFor(both)) }) }),
  });

/**
 * The projector onto the eigenvectors of the `rank` largest eigenvalues of Hermitian matrices, 1 where nothing is said, V_1 V_1ᴴ: (..., n, n) -> (..., n, n). Reads the
 * lower triangle only; the gradient is Hermitian. Derivatives to the second order, exact however close eigenvalues inside or outside the group are, where those of
 * eigenvectors do not exist; where the cut is between equal ones they are ERR_DEGENERATE. Errors of values as `eigh`.
 */
export const projector = family("projector", false);
/** As `projector`, onto the `rank` largest and the `rank` smallest. */
const projectorBoth = family("projectorBoth", true);

/** [0 A; Aᴴ 0], whose eigenvalues are the singular values of A, their negatives, and |m - n| zeros (Jordan and Wielandt). */
export function doubled(a: T): T {
  const [m, n] = [size(a, -2), size(a)];
  const whole = [...a.shape.slice(0, -2), m + n, m + n];
  const upper = padTo(
    a,
    whole.map((_, i) => (i === whole.length - 1 ? m : 0)),
    whole,
  ) as T;
  return add(upper, adjoint(upper)) as T;
}

/**
 * The best approximation of rank `rank`, 1 where nothing is said, of matrices of any shape, U_1 S_1 V_1ᴴ with the largest singular values: (..., m, n) -> (..., m, n).
 * Derivatives to the second order, exact however close singular values above or below the cut are; where the cut is between equal ones they are ERR_DEGENERATE. Errors of values as
 * `svd`.
 */
export const lowRank = defineOp({
  ...half,
  name: "lowRank",
  inputs: ["a"],
  outputs: ["y"],
  signature: "(m,n)->(m,n)",
  attrs: { rank: attrs.rank },
  sizes: (n: number) => [
    { m: n + 2, n },
    { m: n, n },
  ],
  domain: { a: separated },
  kernel: ({ a }, { rank }, pass): T => {
    const { u, s, vh } = svd(a, pass as object) as { u: T; s: R; vh: T };
    const k = Math.min(rank, size(s));
    return assembled(columnsOf(u, 0, k), columnsOf(s as Tensor as T, 0, k) as Tensor as R, rowsOf(vh, 0, k));
  },
  saves: ["a"],
  order: 2,
  // A P, P the projector onto the right vectors, a block of that of [0 A; Aᴴ 0]: Ā = Ȳ P + what comes through P, the same of A over its size
  vjp: ({ a: given }, { y: g }, { rank }) => ({
    a: (): T => {
      const a = overScale(given).over(given);
      const [m, n] = [size(a, -2), size(a)];
      if (rank >= Math.min(m, n)) return g;
      const again = { rank, ...within("lowRank") };
      const h = doubled(a);
      const p = columnsOf(rowsOf(projectorBoth(h, again) as T, m), m);
      const inner = hermitianPart(matmul(a, g, { adjointA: true }));
      const whole = [...inner.shape.slice(0, -2), m + n, m + n];
      const start = whole.map((_, i) => (i < whole.length - 2 ? 0 : m));
      const through = projectorDerivative(h, padTo(inner, start, whole) as T, { ...again, both: true }) as T;
      return add(matmul(g, p), mul(2, columnsOf(rowsOf(through, 0, m), m)));
    },
  }),
});
