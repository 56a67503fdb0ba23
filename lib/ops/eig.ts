// Spectra, Schur and Hessenberg forms of general matrices. Derivations: docs/derivations/eig.md
import { within } from "../core/apply";
import { int, oneOf } from "../core/attrs";
import { type Float, realOf, type Sym } from "../core/dtype";
import { defineOp } from "../core/op";
import { native } from "../core/row";
import type { Tensor } from "../core/tensor";
import { arange, eye, ones, zeros } from "./creation";
import { diag, diagEmbed } from "./diagonals";
import { any, ascending, distinctSpectrum, leading, positive } from "./domains";
import { codeOf, PHASE, POLICIES, type Policy, STRICT } from "./eigh";
import { add, conj, div, mul, real, stopGradient, sub } from "./elementwise";
import { max } from "./extremes";
import { abs } from "./magnitude";
import { matmul } from "./products";
import { sum } from "./reductions";
import { expandDims } from "./structure";

type T = Tensor<Sym<"T">>;
type R = Tensor<Sym<"real">>;
type C = Tensor<Sym<"complex">>;

/** The largest |x| of each matrix, a constant; 0 of none. */
const sizeOf = (x: Tensor): R => {
  const [batch, empty] = [x.shape.slice(0, -2), x.shape.slice(-2).includes(0)];
  const most = empty ? zeros(batch, { dtype: realOf(x.dtype as Float) }) : max(abs(x as Tensor<Float>), { axis: [-2, -1] });
  return stopGradient(most) as Tensor as R;
};

const POLICY = 'the option degenerate: "nan" or "mask"';
const hints = {
  equalComplex: `use functions of the matrix (expm, sqrtm, logm and their like), eigvals for symmetric functions of the eigenvalues, or ${POLICY}`,
  phase: `use what does not change with it, as |v|², or ${POLICY}`,
};
const nameFor = (checks: number): string => (checks & STRICT ? "eigvals" : "eig");

/** V⁻¹ of a basis of eigenvectors, infinite where it is none. */
const eigInverse = defineOp({
  name: "eigInverse",
  hidden: true,
  publicName: "eig",
  inputs: ["v"],
  outputs: ["y"],
  signature: "(n,n)->(n,n)",
  domain: { v: leading },
  law: ({ v }, { y }) => [[matmul(matmul(v, y), v), v]],
  kernel: native("eigInverse"),
  saves: ["y"],
  vjp: ({ y }, { y: g }) => ({ v: () => mul(-1, matmul(matmul(y, g, { adjointA: true }), y, { adjointB: true })) }),
});

/**
 * q_ij = x_ij / conj(w_j - w_i), zero on the diagonal: what perturbation theory divides by. Eigenvalues of reciprocal conditions s of a matrix of that `norm` that
 * rounding cannot tell apart are equal; where x, of numbers of that `size`, is beyond rounding there, `degenerate` says what happens. `checks`: 1 tests
 * that Im x_ii, the derivative along the phase of vector i, vanishes; 2 takes a pair as degenerate even where x is zero.
 */
const eigGaps = defineOp({
  name: "eigGaps",
  hidden: true,
  publicName: "eig",
  inputs: ["x", "w", "s", "size", "norm"],
  outputs: ["q"],
  signature: "(n,n),(n),(n),(),()->(n,n)",
  dtypes: { s: "real", size: "real", norm: "real" },
  attrs: { degenerate: oneOf(POLICIES, "throw"), checks: int(0) },
  domain: { x: any, w: ascending, s: positive, size: positive, norm: positive },
  failures: ["ERR_DEGENERATE"],
  hints,
  kernel: native("eigGaps", ({ degenerate, checks }: { degenerate: Policy; checks: number }) => [codeOf(degenerate), checks]),
  saves: ["w", "s", "norm", "q"],
  // q = x ∘ conj(F), F_ij = 1/(w_j - w_i): x̄ = q̄ ∘ F. dq_ij = -q_ij conj(F_ij (dw_j - dw_i)): with e = conj(q̄) ∘ q ∘ conj(F), w̄_k = Σ_j e_kj - Σ_i e_ik
  vjp: ({ w, s, norm, q }, { q: g }, { degenerate, checks }) => {
    const over = (x: T): T =>
      eigGaps(x, w, s, sizeOf(x), norm, { degenerate, checks: checks & STRICT, ...within(nameFor(checks)) }) as Tensor as T;
    return {
      x: (): T => conj(over(conj(g))),
      w: (): T => {
        const e = over(mul(conj(g), q));
        return sub(sum(e, { axis: -1 }), sum(e, { axis: -2 }));
      },
    };
  },
});

/** y, where eigenvalues w of reciprocal conditions s have a basis of eigenvectors. A matrix without is an error, or NaN: "mask" cannot help there. */
const eigBasis = defineOp({
  name: "eigBasis",
  hidden: true,
  publicName: "eig",
  inputs: ["y", "w", "s", "norm"],
  outputs: ["z"],
  signature: "(n,n),(n),(n),()->(n,n)",
  dtypes: { s: "real", norm: "real" },
  attrs: { degenerate: oneOf(POLICIES, "throw") },
  domain: { y: any, w: ascending, s: positive, norm: positive },
  failures: ["ERR_DEGENERATE"],
  hints: { equalComplex: "the matrix is defective, and has no basis of eigenvectors: use functions of the matrix, as expm" },
  kernel: native("eigBasis", ({ degenerate }: { degenerate: Policy }) => [codeOf(degenerate)]),
  saves: ["w", "s", "norm"],
  vjp: ({ w, s, norm }, { z: g }, { degenerate }) => ({
    y: (): T => eigBasis(g, w, s, norm, { degenerate, ...within("eig") }) as Tensor as T,
  }),
});

interface Spectrum {
  readonly w: C;
  readonly v: C;
}
/**
 * Ā = V⁻ᴴ (diag(w̄) + conj(F) ∘ (M - Vᴴ V diag(Re M_jj))) Vᴴ, M = Vᴴ V̄, F_ij = 1/(w_j - w_i), F_ii = 0 (Boeddeker et al. 2017, arXiv 1701.00392,
 * with vectors of norm 1).
 */
function ruleOf(a: T, { w, v }: Spectrum, gw: C | undefined, gv: C | undefined, degenerate: Policy, checks: number): C {
  const name = within(nameFor(checks));
  const y = eigInverse(v, name) as Tensor as C;
  // reciprocals of the condition numbers of eigenvalues, √n at most too small (Golub & Van Loan, section 7.2.2)
  const [s, norm] = [stopGradient(div(1, sum(abs(y), { axis: -1 }))) as Tensor as R, sizeOf(a)];
  const parts: C[] = gw ? [diagEmbed(gw) as Tensor as C] : [];
  if (gv) {
    const m = matmul(v, gv, { adjointA: true });
    const lengths = mul(matmul(v, v, { adjointA: true }), expandDims(real(diag(m)), -2));
    parts.push(eigGaps(sub(m, lengths), w, s, sizeOf(gv), norm, { degenerate, checks, ...name }) as Tensor as C);
  }
  const inner = eigBasis(
    parts.reduce((p, q) => add(p, q)),
    w,
    s,
    norm,
    { degenerate, ...name },
  ) as Tensor as C;
  return matmul(y, matmul(inner, v, { adjointB: true }), { adjointA: true });
}

/** Σ_i 1/(x_k - w_i) of n points beyond the spectra of the domain: free of the order of eigenvalues. */
const unordered = (w: C): C => {
  const n = w.shape.at(-1) as number;
  const points = arange(2 * n + 2, 3 * n + 2, 1, { dtype: realOf(w.dtype) }) as Tensor as R;
  return sum(div(1, sub(expandDims(points, -1), expandDims(w, -2))), { axis: -1 }) as C;
};
const options = { degenerate: oneOf(POLICIES, "throw") };
const failures = ["ERR_NO_CONVERGENCE", "ERR_NOT_FINITE"] as const;

const decomposition = (name: string, checks: number) =>
  defineOp({
    name,
    publicName: nameFor(checks),
    ...(checks & STRICT ? { hidden: true } : { tf: "Eig" }),
    inputs: ["a"],
    outputs: ["w", "v"],
    signature: "(n,n)->(n),(n,n)",
    dtypes: { w: "complex", v: "complex" },
    attrs: options,
    domain: { a: distinctSpectrum },
    // and V diag(w) Vᴴ, free of order and phases
    gauge: ({ w, v }) => ({ w: unordered(w), v: matmul(mul(v, expandDims(w, -2)), v, { adjointB: true }) }),
    law: ({ a }, { w, v }) => [
      [mul(v, expandDims(w, -2)), matmul(mul(a, ones(v.shape, { dtype: v.dtype })) as Tensor as C, v)],
      [sum(real(mul(v, conj(v))), { axis: -2 }), ones(w.shape, { dtype: realOf(w.dtype) })],
    ],
    failures,
    hints,
    kernel: native("eig", () => []),
    saves: ["a", "w", "v"],
    vjp: ({ a, w, v }, { w: gw, v: gv }, { degenerate }) => ({ a: (): C => ruleOf(a, { w, v }, gw, gv, degenerate, checks) }),
  });

/**
 * Eigenvalues w and eigenvectors, the columns of v, of square matrices, complex whatever the input: A V = V diag(w), (..., n, n) -> (..., n),
 * (..., n, n), in any order, a pair's with the positive imaginary part first. Vectors have norm 1 and their largest element real; derivatives keep the norm and take the phase for free, so that
 * a gradient of a loss that depends on it is ERR_DEGENERATE. So it is where equal eigenvalues' vectors are needed, and of a defective
 * matrix, one without a basis of eigenvectors: `degenerate` says whether it is an error, NaN, or without the terms concerned ("mask"; a defective matrix
 * stays an error). It comes from the gradient, never from the call itself. Eigenvalues are equal where rounding of the matrix, n ε ‖A‖, cannot
 * tell them apart. ERR_NOT_FINITE names an item with a NaN or infinity, or with an eigenvalue beyond the largest number. Of Hermitian matrices use `eigh`.
 */
export const eig = decomposition("eig", PHASE);
/**
 * As `eig`, for the rule of `eigvals`: at equal eigenvalues a zero does not tell that a derivative is zero. That rule does not change with the phases of
 * vectors, and the parts of its derivative along them cancel, to rounding, so that nothing is left to compare them with.
 */
const eigStrict = decomposition("eigStrict", STRICT);

/**
 * Eigenvalues of square matrices, complex whatever the input, in the order of `eig`: (..., n, n) -> (..., n). The gradient of a symmetric function of
 * them is exact where some are equal, too, as long as the matrix has a basis of eigenvectors. Options and errors as `eig`.
 */
export const eigvals = defineOp({
  name: "eigvals",
  inputs: ["a"],
  outputs: ["w"],
  signature: "(n,n)->(n)",
  dtypes: { w: "complex" },
  attrs: options,
  domain: { a: distinctSpectrum },
  gauge: ({ w }) => ({ w: unordered(w) }),
  // tr A = Σ w, measured by the largest |w|
  law: ({ a }, { w }) => {
    const axes = { axis: -1, keepDims: true } as const;
    return [[add(w, sub(sum(w, axes), sum(diag(a), axes))), w]];
  },
  failures,
  hints,
  kernel: native("eigvals", () => []),
  saves: ["a"],
  // Ā = V⁻ᴴ diag(w̄) Vᴴ
  vjp: ({ a }, { w: g }, { degenerate }) => ({
    a: (): C => ruleOf(a, eigStrict(a, { degenerate }) as unknown as Spectrum, g, undefined, degenerate, STRICT),
  }),
});

const identities = (like: T): T =>
  mul(eye(like.shape.at(-1) as number, { dtype: like.dtype }), ones(like.shape, { dtype: like.dtype })) as T;
const similar = (q: T, middle: T): T => matmul(matmul(q, middle), q, { adjointB: true });

/**
 * Schur form A = Z T Zᴴ of square matrices, Z unitary: (..., n, n) -> t, z (..., n, n). T is upper triangular, with the eigenvalues on its diagonal; of
 * a real matrix it is real, with a block of 2 for every pair of complex eigenvalues: cast to a complex dtype for a triangle. Eigenvalues are not in any order
 * of their own. It has no derivative: Z is free in more than what a rule can fix; functions of the matrix (expm, sqrtm, logm) and `eig` have theirs.
 * ERR_NOT_FINITE names an item with a NaN or infinity.
 */
export const schur = defineOp({
  name: "schur",
  inputs: ["a"],
  outputs: ["t", "z"],
  signature: "(n,n)->(n,n),(n,n)",
  domain: { a: distinctSpectrum },
  gauge: ({ t, z }) => ({ t: similar(z, t), z: matmul(z, z, { adjointB: true }) }), // free of order and phases
  law: ({ a }, { t, z }): [T, T][] => [
    [similar(z, t), a],
    [matmul(z, z, { adjointA: true }), identities(z)],
  ],
  failures,
  kernel: native("schur"),
});

/**
 * Hessenberg form A = Q H Qᴴ of square matrices, Q unitary, H zero below its first subdiagonal: (..., n, n) -> h, q (..., n, n). It has no derivative.
 * ERR_NOT_FINITE names an item with a NaN or infinity.
 */
export const hessenberg = defineOp({
  name: "hessenberg",
  inputs: ["a"],
  outputs: ["h", "q"],
  signature: "(n,n)->(n,n),(n,n)",
  domain: { a: distinctSpectrum },
  gauge: ({ h, q }) => ({ h: similar(q, h), q: matmul(q, q, { adjointB: true }) }), // free of phases
  law: ({ a }, { h, q }): [T, T][] => [
    [similar(q, h), a],
    [matmul(q, q, { adjointA: true }), identities(q)],
  ],
  failures: ["ERR_NOT_FINITE"],
  kernel: native("hessenberg"),
});
