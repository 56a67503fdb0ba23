// Spectra of Hermitian matrices. Derivations: docs/derivations/eigh.md

import { within } from "../core/apply";
import { int, oneOf } from "../core/attrs";
import type { Sym } from "../core/dtype";
import { defineOp } from "../core/op";
import { native } from "../core/row";
import type { Tensor } from "../core/tensor";
import { eye, ones } from "./creation";
import { diag, diagEmbed, tril } from "./diagonals";
import { ascending, hermitian } from "./domains";
import { add, conj, mul, real, sub } from "./elementwise";
import { matmul } from "./products";
import { sum } from "./reductions";
import { adjoint, expandDims } from "./structure";

type T = Tensor<Sym<"T">>;
type R = Tensor<Sym<"real">>;

export const POLICIES = ["throw", "nan", "mask"] as const;
export type Policy = (typeof POLICIES)[number];
export const codeOf = (policy: Policy): number => POLICIES.indexOf(policy);
interface Options {
  readonly triangle: "full" | "lower";
  readonly degenerate: Policy;
}
const options = { triangle: oneOf(["full", "lower"], "full"), degenerate: oneOf(POLICIES, "throw") };
const policyAndTriangle = ({ degenerate, triangle }: Options) => [codeOf(degenerate), Number(triangle === "lower")];

export const PHASE = 1;
export const STRICT = 2;
export const nameFor = (checks: number): string => (checks & STRICT ? "eigvalsh" : "eigh");

const POLICY = 'the option degenerate: "nan" or "mask"';
const FUNCTIONS = "use funmHermitian, expmHermitian and their like for functions of the matrix";
export const hints = {
  degenerate: `${FUNCTIONS}, eigvalsh for symmetric functions of the eigenvalues, or ${POLICY}`,
  degenerateValues: `${FUNCTIONS}, or ${POLICY}`,
};

/**
 * q_ij = m_ij / (w_j - w_i), zero on the diagonal: what perturbation theory divides by. Pairs no further apart than n ε max|w| are equal;
 * where such a pair has an m beyond rounding, `degenerate` says what happens: "throw" ERR_DEGENERATE, "nan" or "mask" (0). `checks`: 1 tests
 * that Im m_ii, the derivative along the phase of vector i, vanishes; 2 takes a pair as degenerate even where m is zero.
 */
export const gapQuotient = defineOp({
  name: "gapQuotient",
  hidden: true,
  publicName: "eigh",
  inputs: ["w", "m"],
  outputs: ["q"],
  signature: "(n),(n,n)->(n,n)",
  dtypes: { w: "real" },
  attrs: { degenerate: oneOf(POLICIES, "throw"), checks: int(0) },
  domain: { w: ascending },
  failures: ["ERR_DEGENERATE"],
  hints,
  kernel: native("gapQuotient", ({ degenerate, checks }: { degenerate: Policy; checks: number }) => [codeOf(degenerate), checks]),
  saves: ["w", "q"],
  // F is real: m̄ = F ∘ q̄. dq_ij = -q_ij F_ij (dw_j - dw_i): with c = Re(conj(q̄) ∘ F ∘ q), w̄_k = Σ_j c_kj - Σ_i c_ik.
  vjp: ({ w, q }, { q: g }, { degenerate, checks }) => {
    const again = { degenerate, checks: checks & STRICT, ...within(nameFor(checks)) };
    return {
      w: (): R => {
        const c = real(gapQuotient(w, mul(conj(g), q), again)); // q̄ q first: of the loss's size, as F q need not be
        return sub(sum(c, { axis: -1 }), sum(c, { axis: -2 }));
      },
      m: (): T => gapQuotient(w, g, again),
    };
  },
});

export const hermitianPart = (m: T): T => mul(0.5, add(m, adjoint(m)));
/** The lower triangle standing for both, TensorFlow's form of a Hermitian cotangent. */
const lowerForm = (a: T): T => add(mul(2, tril(a, { k: -1 })), diagEmbed(diag(a)));
const onTriangle = (a: T, triangle: Options["triangle"]): T => (triangle === "lower" ? lowerForm(a) : a);

/** M with columns scaled. */
const columns = (m: T, w: R): T => mul(m, expandDims(w, -2));
/** V diag(w) Vᴴ. */
export const assemble = (v: T, w: R): T => matmul(columns(v, w), v, { adjointB: true });

const decomposition = (name: string, checks: number) =>
  defineOp({
    name,
    publicName: nameFor(checks),
    ...(checks & STRICT ? { hidden: true } : { tf: "SelfAdjointEigV2" }),
    inputs: ["a"],
    outputs: ["w", "v"],
    signature: "(n,n)->(n),(n,n)",
    dtypes: { w: "real" },
    attrs: options,
    domain: { a: hermitian },
    // v_i (v_iᴴ c): free of the phase of v_i
    gauge: ({ w, v }) => ({ w, v: mul(v, conj(sum(v, { axis: -2, keepDims: true }))) }),
    law: ({ a }, { w, v }) => {
      const one = eye(v.shape.at(-1) as number, { dtype: v.dtype });
      return [
        [assemble(v, w), a],
        [matmul(v, v, { adjointA: true }), mul(one, ones(v.shape, { dtype: v.dtype }))],
      ];
    },
    failures: ["ERR_NO_CONVERGENCE", "ERR_NOT_FINITE"],
    hints,
    kernel: native("eigh", () => [0]),
    saves: ["w", "v"],
    // Ā = herm(V (diag(w̄) + F ∘ (Vᴴ V̄)) Vᴴ), F_ij = 1/(w_j - w_i), F_ii = 0 (Giles 2008, section 3.1)
    vjp: ({ w, v }, { w: gw, v: gv }, { triangle, degenerate }) => ({
      a: () => {
        const parts: T[] = [];
        if (gw) parts.push(assemble(v, gw));
        if (gv) {
          const q = gapQuotient(w, matmul(v, gv, { adjointA: true }), { degenerate, checks, ...within(nameFor(checks)) });
          parts.push(matmul(matmul(v, q), v, { adjointB: true }));
        }
        return onTriangle(hermitianPart(parts.reduce((p, q) => add(p, q))), triangle);
      },
    }),
    ...(checks & STRICT ? {} : { fused: native("eigh_vjp", policyAndTriangle) }),
  });

/**
 * Eigenvalues w, real and ascending, and eigenvectors, the columns of v, of Hermitian matrices: A = V diag(w) Vᴴ, (..., n, n) -> (..., n),
 * (..., n, n). Reads the lower triangle only. The gradient is Hermitian; with `triangle: "lower"` it is TensorFlow's, lower triangular.
 * A gradient that needs the vectors of equal eigenvalues does not exist: `degenerate` says whether it is ERR_DEGENERATE, NaN, or without
 * the terms concerned ("mask"). It comes from the gradient, never from the call itself; so does ERR_DEGENERATE for a loss that depends on
 * the arbitrary phases of complex vectors. A loss that is stationary under rotations of such vectors, at this matrix, passes for one that
 * does not depend on them: the gradient is then told although the loss may have none, while forward mode, which needs the vectors' own
 * tangents, is ERR_DEGENERATE. Functions of the matrix do better with `funmHermitian`. ERR_NOT_FINITE names the item with a NaN or infinity,
 * or with an eigenvalue beyond the largest number. Derivatives of vectors divide by differences of eigenvalues as rounded to the dtype.
 */
export const eigh = decomposition("eigh", PHASE);

/** As `eigh`, for the rule of `eigvalsh`: at equal eigenvalues a zero in Vᴴ V̄ does not tell that a derivative is zero. */
const eighStrict = decomposition("eighStrict", PHASE | STRICT);

/**
 * Eigenvalues of Hermitian matrices, real and ascending: (..., n, n) -> (..., n). Reads the lower triangle only. The gradient of a symmetric
 * function of the eigenvalues is exact where some are equal, too; its second derivatives are ERR_DEGENERATE there, unless `degenerate` says
 * otherwise: the eigenvalues alone do not hold them. Options and errors as `eigh`.
 */
export const eigvalsh = defineOp({
  name: "eigvalsh",
  inputs: ["a"],
  outputs: ["w"],
  signature: "(n,n)->(n)",
  dtypes: { w: "real" },
  attrs: options,
  domain: { a: hermitian },
  // tr A = Σ w, measured by the largest |w| (the trace itself may cancel), and ‖A‖² = Σ w²
  law: ({ a }, { w }) => {
    const axes = { axis: -1, keepDims: true };
    const squares = sum(sum(real(mul(a, conj(a))), { axis: -1 }), axes);
    const every = ones(w.shape, { dtype: w.dtype });
    return [
      [add(w, sub(sum(w, axes), sum(real(diag(a)), axes))), w],
      [mul(sum(mul(w, w), axes), every), mul(squares, every)],
    ];
  },
  failures: ["ERR_NO_CONVERGENCE", "ERR_NOT_FINITE"],
  kernel: native("eigh", () => [0]),
  aux: { v: "(n,n)" },
  saves: ["a"],
  // Ā = V diag(w̄) Vᴴ (Giles 2008, section 3.1)
  vjp: ({ a }, { w: g }, { triangle, degenerate }) => ({
    a: () => onTriangle(hermitianPart(assemble(eighStrict(a, { degenerate }).v, g)), triangle),
  }),
  fused: native("eigvalsh_vjp", ({ triangle }: Options) => [Number(triangle === "lower")]),
});
