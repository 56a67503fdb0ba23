// Singular values and vectors. Derivations: docs/derivations/svd.md
import { flag, oneOf } from "../core/attrs";
import type { Sym } from "../core/dtype";
import { defineOp } from "../core/op";
import { native } from "../core/row";
import type { Tensor } from "../core/tensor";
import { eye, ones } from "./creation";
import { diagEmbed } from "./diagonals";
import { separated } from "./domains";
import { codeOf, PHASE, POLICIES, type Policy, STRICT } from "./eigh";
import { add, conj, mul, real, sub } from "./elementwise";
import { concat } from "./joining";
import { columnsOf, rowsOf } from "./parts";
import { matmul } from "./products";
import { hints, mustVanish, overColumns, overGaps, overSums } from "./quotients";
import { sum } from "./reductions";
import { adjoint, expandDims } from "./structure";

type T = Tensor<Sym<"T">>;
type R = Tensor<Sym<"real">>;

const size = (t: Tensor, axis: -1 | -2): number => t.shape.at(axis) as number;
const skew = (m: T): T => sub(m, adjoint(m));
/** U diag(s) Vᴴ. */
export const assembled = (u: T, s: R, vh: T): T => matmul(mul(u, expandDims(s, -2)), vh);
const total = (parts: readonly T[]): T => parts.reduce((p, q) => add(p, q));

interface Factors {
  readonly u: T;
  readonly s: R;
  readonly vh: T;
}
type Cotangents = { readonly [K in keyof Factors]: Factors[K] | undefined };

/** What the cotangents of thin vectors give between them: ½ F ∘ skew(G + H) + ½ K ∘ skew(G - H), F_ij = 1/(s_j - s_i), K_ij = 1/(s_i + s_j), G = Uᴴ Ū, H = Vᴴ V̄. */
function between({ u, s, vh }: Factors, gu: T | undefined, gv: T | undefined, degenerate: Policy, checks: number): T | undefined {
  if (!gu && !gv) return undefined;
  const g = gu && matmul(u, gu, { adjointA: true });
  const h = gv && matmul(vh, gv);
  const plus = g && h ? add(g, h) : ((g ?? h) as T);
  const minus = g && h ? sub(g, h) : (g ?? mul(-1, h as T));
  const gaps = overGaps(s, plus, plus, degenerate, checks); // of G + H as it stands: where it vanishes, its skew part does in the limit, too
  return mul(0.5, add(add(gaps, adjoint(gaps)), overSums(s, skew(minus), minus, degenerate)));
}

/**
 * Ā = U (diag(s̄) + what is between) Vᴴ + (I - U Uᴴ) Ū S⁻¹ Vᴴ + U S⁻¹ V̄ᴴ (I - V Vᴴ) (Townsend 2016, "Differentiating the singular value
 * decomposition", for complex matrices as Wan & Zhang 2019, arXiv 1909.02659; written in gaps and sums, which lose no digits as s² would).
 */
function thin(f: Factors, { u: gu, s: gs, vh: gvh }: Cotangents, degenerate: Policy, checks: number): T {
  const { u, s, vh } = f;
  const gv = gvh && adjoint(gvh);
  const inner = [...(gs ? [diagEmbed(gs) as Tensor as T] : []), ...[between(f, gu, gv, degenerate, checks)].filter((x) => x !== undefined)];
  const parts = inner.length > 0 ? [matmul(matmul(u, total(inner)), vh)] : [];
  const outside = (basis: T, g: T): T => sub(g, matmul(basis, matmul(basis, g, { adjointA: true })));
  if (gu && size(u, -2) > size(u, -1)) parts.push(matmul(overColumns(s, outside(u, gu), gu, degenerate), vh));
  if (gv && size(vh, -1) > size(vh, -2))
    parts.push(matmul(u, overColumns(s, outside(adjoint(vh), gv), gv, degenerate), { adjointB: true }));
  return total(parts);
}

/** Of [Q1 Q2], columns Q2 that only complete the basis Q1: their cotangent as one of Q1, from Q1ᴴ dQ2 = -dQ1ᴴ Q2. */
function ontoThin(q: T, g: T, k: number, degenerate: Policy): T {
  if (size(q, -1) === k) return g;
  const [q1, q2, g1, g2] = [columnsOf(q, 0, k), columnsOf(q, k), columnsOf(g, 0, k), columnsOf(g, k)];
  const across = matmul(g2, q1, { adjointA: true });
  const turn = mustVanish("svd", skew(matmul(q2, g2, { adjointA: true })), g2, degenerate);
  return sub(g1, matmul(q2, add(across, matmul(turn, across))));
}

const options = { degenerate: oneOf(POLICIES, "throw") };
const failures = ["ERR_NO_CONVERGENCE", "ERR_NOT_FINITE"] as const;
const sizes = (n: number) => [
  { m: n + 2, n },
  { m: n, n },
  { m: n, n: n + 1 },
];

/** u_i (Σ u_i)* and Σ u_i v_iᴴ: free of the pair's phase; of the columns beyond, what they span. */
function gauge({ s, u, vh }: Factors) {
  const k = size(s, -1);
  const phases = sum(columnsOf(u as T, 0, k), { axis: -2, keepDims: true });
  const spanned = (q: T, n: number): T => matmul(q, matmul(q, columnsOf(eye(n, { dtype: q.dtype }) as T, k), { adjointA: true }));
  const fixed = (first: T, rest: T, axis: -1 | -2): T => (size(rest, axis) === 0 ? first : (concat([first, rest], { axis }) as T));
  const [m, n] = [size(u, -2), size(vh, -1)];
  const u2 = columnsOf(u as T, k);
  const v2 = adjoint(rowsOf(vh as T, k));
  return {
    s,
    u: fixed(mul(columnsOf(u as T, 0, k), conj(phases)), size(u2, -1) > 0 ? spanned(u2, m) : u2, -1),
    vh: fixed(mul(rowsOf(vh as T, 0, k), adjoint(conj(phases)) as T), adjoint(size(v2, -1) > 0 ? spanned(v2, n) : v2), -2),
  };
}
function law({ a }: { readonly a: T }, { s, u, vh }: Factors): [T, T][] {
  const k = size(s, -1);
  const one = (n: number): T => eye(n, { dtype: u.dtype }) as T;
  const every = (q: T): T => ones([...q.shape.slice(0, -2), 1, 1], { dtype: q.dtype }) as T;
  return [
    [assembled(columnsOf(u as T, 0, k), s as R, rowsOf(vh as T, 0, k)), a],
    [matmul(u as T, u as T, { adjointA: true }), mul(one(size(u, -1)), every(u as T))],
    [matmul(vh as T, vh as T, { adjointB: true }), mul(one(size(vh, -2)), every(vh as T))],
  ];
}

const decomposition = (name: string, checks: number) =>
  defineOp({
    name,
    publicName: checks & STRICT ? "svdvals" : "svd",
    ...(checks & STRICT ? { hidden: true } : { tf: "Svd" }),
    inputs: ["a"],
    outputs: ["s", "u", "vh"],
    signature: ({ fullMatrices }) => (fullMatrices ? "(m,n)->(m^n),(m,m),(n,n)" : "(m,n)->(m^n),(m,m^n),(m^n,n)"),
    dtypes: { s: "real" },
    attrs: { fullMatrices: flag(false), ...options },
    sizes,
    domain: { a: separated },
    gauge,
    law,
    failures,
    hints,
    kernel: native(
      ({ fullMatrices }) => (fullMatrices ? "svdFull" : "svd"),
      () => [],
    ),
    saves: ["s", "u", "vh"],
    vjp: ({ s, u, vh }, { s: gs, u: gu, vh: gvh }, { degenerate }) => ({
      a: () => {
        const k = size(s, -1);
        const f = { s, u: columnsOf(u, 0, k), vh: rowsOf(vh, 0, k) };
        const onto = {
          s: gs,
          u: gu && ontoThin(u, gu, k, degenerate),
          vh: gvh && adjoint(ontoThin(adjoint(vh), adjoint(gvh), k, degenerate)),
        };
        return thin(f, onto, degenerate, checks);
      },
    }),
    ...(checks & STRICT
      ? {}
      : {
          fused: native("svd_vjp", (attrs: { degenerate: Policy }) => [codeOf(attrs.degenerate)]),
          fusedFor: ({ fullMatrices }: { fullMatrices: boolean }) => !fullMatrices,
        }),
  });

/**
 * Singular values s, real and descending, and vectors of matrices of any shape: A = U diag(s) Vᴴ, (..., m, n) -> s (..., k), u (..., m, k), vh
 * (..., k, n), k = min(m, n); with `fullMatrices` u (..., m, m) and vh (..., n, n). A gradient that needs the vectors of equal singular values,
 * or divides by one that is zero, does not exist: `degenerate` says whether it is ERR_DEGENERATE, NaN, or without the terms concerned ("mask"). So
 * it is of a loss that depends on the arbitrary phase of a pair of complex vectors, or, with `fullMatrices`, on how the columns beyond the k-th are
 * turned. It comes from the gradient, never from the call itself. ERR_NOT_FINITE names an item with a NaN or infinity, or with a singular
 * value beyond the largest number.
 */
export const svd = decomposition("svd", PHASE);
/** As `svd`, for the rule of `svdvals`. */
const svdStrict = decomposition("svdStrict", PHASE | STRICT);

/**
 * Singular values of matrices, real and descending: (..., m, n) -> (..., min(m, n)). The gradient of a symmetric function of them is exact where some
 * are equal, too, as long as it does not need those that are zero. Options and errors as `svd`.
 */
export const svdvals = defineOp({
  name: "svdvals",
  inputs: ["a"],
  outputs: ["s"],
  signature: "(m,n)->(m^n)",
  dtypes: { s: "real" },
  attrs: options,
  sizes,
  domain: { a: separated },
  // ‖A‖² = Σ s²
  law: ({ a }, { s }) => [
    [
      mul(sum(mul(s, s), { axis: -1, keepDims: true }), ones(s.shape, { dtype: s.dtype })),
      mul(expandDims(sum(real(mul(a, conj(a))), { axis: [-2, -1] }), -1), ones(s.shape, { dtype: s.dtype })),
    ],
  ],
  failures,
  hints,
  kernel: native("svd", () => []),
  aux: { u: "(m,m^n)", vh: "(m^n,n)" },
  saves: ["a"],
  // Ā = U diag(s̄) Vᴴ
  vjp: ({ a }, { s: g }, { degenerate }) => ({
    a: (): T => {
      const { u, vh } = svdStrict(a, { degenerate });
      return assembled(u, g, vh);
    },
  }),
  fused: native("svdvals_vjp", () => []),
});
