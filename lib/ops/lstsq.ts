// Least squares. Derivations: docs/derivations/least-squares.md
import { type AttrSchema, oneOf, optionsOf, real as realNumber } from "../core/attrs";
import { type DType, epsOf, type Real, type Sym } from "../core/dtype";
import { ArgumentError, BacksolveError, describe } from "../core/errors";
import { once } from "../core/levels";
import { defineOp } from "../core/op";
import { type NamedTensors, native } from "../core/row";
import type { Tensor } from "../core/tensor";
import { invertible, positive } from "./domains";
import { add, conj, equal, mul, neg, real, sub, where } from "./elementwise";
import { choosing, type Forms } from "./forms";
import { matmul } from "./products";
import { sum } from "./reductions";
import { adjoint, expandDims } from "./structure";
import { type Solver, withVectors } from "./vectors";

type T = Tensor<Sym<"T">>;
type R = Tensor<Sym<"real">>;
/** λ, which has the port "real" in all these rows. */
type Saved<K extends string> = NamedTensors<K, { readonly l2Regularizer: "real" }>;

/** X = A_λ⁺ B with A_λ⁺ = (AᴴA + λI)⁻¹ Aᴴ, and Z = (AᴴA + λI)⁻¹ Y for a tall A, by one method. */
interface Method {
  solve(a: T, b: T, l2: R | number): T;
  normal(a: T, y: T, l2: R): T;
  /** What is to be added to the rule of a tall A, where the rank is not full. */
  deficient?(a: T, x: T, g: T, l2: R): T;
  /** The cotangent of A from that of T(A), the part of A above the cut, which the method is a function of. */
  truncated?(a: T, cotangent: T): T;
}

const perMatrix = <D extends DType>(x: Tensor<D>): Tensor<D> => expandDims(expandDims(x, -1), -1);
const minusInner = (p: T, q: T): R => neg(sum(real(mul(conj(p), q)), { axis: [-2, -1] }));
const times = (p: T, q: T): T => matmul(p, q, { adjointB: true }); // P Qᴴ

/**
 * c = 2^e with the larger of c A and c √λ near 1, or 1 where it is moderate; a constant. In rules that scale a problem by it, two inverses
 * after each other leave the range of numbers only where derivatives do. Fused rules scale in native code.
 */
const problemScale = defineOp({
  name: "problemScale",
  hidden: true,
  publicName: "lstsq",
  inputs: ["a", "l2Regularizer"],
  outputs: ["c"],
  signature: "(m,n),()->()",
  dtypes: { l2Regularizer: "real", c: "real" },
  domain: { l2Regularizer: positive },
  kernel: native("problemScale"),
  order: 0,
  vjp: () => ({}),
});

/**
 * m >= n: with Z = (AᴴA + λI)⁻¹ X̄, Ā = (B - A X) Zᴴ - B̄ Xᴴ, B̄ = A Z = (Aᴴ)_λ⁺ X̄, λ̄ = -⟨Z, X⟩ (Golub & Pereyra 1973). m < n: the same of the
 * problem with Aᴴ for A, X̄ and B exchanged, X and B̄ exchanged, as ⟨X̄, A_λ⁺ B⟩ = ⟨(Aᴴ)_λ⁺ X̄, B⟩.
 */
function rule({ solve, normal, deficient, truncated }: Method, saved: Saved<"a" | "b" | "l2Regularizer" | "x">, g: T) {
  const { x } = saved;
  const c = problemScale(saved.a, saved.l2Regularizer);
  const scaled = (t: T): T => mul(perMatrix(c), t);
  const twice = (t: R): R => mul(c, mul(c, t));
  // Of c A, c B and c² λ, whose X is the same; their cotangents are Ā/c, B̄/c and λ̄/c².
  const [a, b, l2] = [scaled(saved.a), scaled(saved.b), twice(saved.l2Regularizer)] as const;
  const tall = (a.shape.at(-2) as number) >= (a.shape.at(-1) as number);
  const [p, y, z] = tall ? [a, b, g] : [adjoint(a), g, b]; // the tall matrix, what it is given, the cotangent of what it gives
  const back = once(() => solve(adjoint(a), g, l2));
  const inner = once(() => normal(p, z, l2));
  const ofTall = (): T => {
    const [solution, cotangent] = tall ? [x, back()] : [back(), x];
    const whole = sub(times(sub(y, matmul(p, solution)), inner()), times(cotangent, solution));
    return deficient ? add(whole, deficient(p, solution, z, l2)) : whole;
  };
  return {
    a: () => {
      const cotangent = tall ? ofTall() : adjoint(ofTall());
      return scaled(truncated ? truncated(a, cotangent) : cotangent);
    },
    b: () => scaled(back()),
    l2Regularizer: () => twice(minusInner(inner(), tall ? x : back())),
  };
}

/** Z = (AᴴA + λI)⁻¹ Y, W = (AᴴA + λI)⁻¹ Z̄: Ȳ = W, Ā = -A (Z Wᴴ + W Zᴴ), λ̄ = -⟨W, Z⟩. */
function normalRule(method: Method, saved: Saved<"a" | "y" | "l2Regularizer" | "z">, g: T) {
  const { a, y, l2Regularizer: l2, z } = saved;
  const back = once(() => method.normal(a, g, l2));
  const { deficient, truncated } = method;
  return {
    a: () => {
      const w = back();
      const whole = neg(matmul(a, add(times(z, w), times(w, z))));
      if (!deficient) return whole;
      // A⁺ᴴ W (N Y)ᴴ + A⁺ᴴ Z (N Z̄)ᴴ, N the projector on the null space
      const cotangent = add(whole, add(deficient(a, w, y, l2), deficient(a, z, g, l2)));
      return truncated ? truncated(a, cotangent) : cotangent;
    },
    y: back,
    l2Regularizer: () => minusInner(back(), z),
  };
}

const common = {
  inputs: ["a", "b", "l2Regularizer"],
  outputs: ["x"],
  signature: "(m,n),(m,k),()->(n,k)",
  sizes: (n: number) => [
    { m: n + 2, n, k: 2 },
    { m: n, n, k: 1 },
  ],
  domain: { a: invertible, l2Regularizer: positive },
  law: ({ a, b, l2Regularizer: l2 }: Saved<"a" | "b" | "l2Regularizer">, { x }: Saved<"x">): [T, T][] => [
    [add(matmul(a, matmul(a, x), { adjointA: true }), mul(perMatrix(l2), x)), matmul(a, b, { adjointA: true })],
  ],
  saves: ["a", "b", "l2Regularizer", "x"],
} as const;
const normalCommon = {
  inputs: ["a", "y", "l2Regularizer"],
  outputs: ["z"],
  signature: "(m,n),(n,k),()->(n,k)",
  domain: { a: invertible, l2Regularizer: positive },
  saves: ["a", "y", "l2Regularizer", "z"],
} as const;
const REAL = { l2Regularizer: "real" } as const;

// ---- By QR or the normal equations ----

const METHODS = ["qr", "cholesky"] as const;
interface Attrs {
  readonly method: (typeof METHODS)[number];
  readonly rcond: number;
}
const attrs = { method: oneOf(METHODS, "qr"), rcond: realNumber(-1) } satisfies AttrSchema;
const encode = ({ method, rcond }: Attrs) => [METHODS.indexOf(method), rcond];
const failures = ["ERR_RANK_DEFICIENT", "ERR_NOT_FINITE", "ERR_ARGUMENT"] as const;
const hints = { rankDeficient: 'use method "svd", or a positive l2Regularizer' };
const direct = (given: Attrs): Method => ({
  solve: (a, b, l2) => lstsqOp(a, b, l2, given),
  normal: (a, y, l2) => normalSolve(a, y, l2, given),
});

const lstsqOp = defineOp({
  ...common,
  name: "lstsq",
  tf: "MatrixSolveLs",
  dtypes: REAL,
  attrs,
  failures,
  hints,
  kernel: native("lstsq", encode),
  aux: { r: "(m^n,m^n)" },
  vjp: (saved, { x: g }, given) => rule(direct(given), saved, g),
  fused: native("lstsq_vjp", encode),
});

/** @internal Z = (AᴴA + λI)⁻¹ Y, from a factor R of AᴴA + λI = RᴴR that `qr` takes from A itself. */
const normalSolve = defineOp({
  ...normalCommon,
  name: "normalSolve",
  hidden: true,
  publicName: "lstsq",
  sizes: (n) => [{ m: n + 2, n, k: 2 }],
  dtypes: REAL,
  attrs,
  failures,
  hints,
  kernel: native("normalSolve", encode),
  vjp: (saved, { z: g }, given) => normalRule(direct(given), saved, g),
});

// ---- By singular values ----

const svdAttrs = { rcond: realNumber(-1) } satisfies AttrSchema;
const svdFailures = ["ERR_NO_CONVERGENCE", "ERR_NOT_FINITE", "ERR_ARGUMENT"] as const;

const cutHints = { cut: "use another rcond, or an l2Regularizer without one" };

/** D²T(A)[E, H] of the T of `truncationDerivative`. */
const truncationSecond = defineOp({
  name: "truncationSecond",
  hidden: true,
  publicName: "lstsq",
  inputs: ["a", "e", "h"],
  outputs: ["d"],
  signature: "(m,n),(m,n),(m,n)->(m,n)",
  sizes: (n) => [{ m: n + 2, n }],
  attrs: svdAttrs,
  domain: { a: invertible },
  failures: ["ERR_NO_CONVERGENCE", "ERR_NOT_FINITE", "ERR_DEGENERATE"],
  hints: cutHints,
  kernel: native("truncationSecond"),
  saves: ["a", "e", "h"],
  order: 0, // in a; linear in e and h
  // T is a gradient, that of Σ σ²/2 above the cut: ⟨G, D²T(A)[E, H]⟩ is symmetric in E, H and G.
  vjp: ({ a, e, h }, { d: g }, given) => ({
    a: (): T => {
      throw new BacksolveError(
        "ERR_ARGUMENT",
        "lstsq",
        "has derivatives up to the second order only, with an rcond that cuts more than rounding.",
      );
    },
    e: (): T => truncationSecond(a, h, g, given),
    h: (): T => truncationSecond(a, e, g, given),
  }),
});

/** DT(A)[E], T(A) = U₁ S₁ V₁ᴴ with the singular values above rcond times the largest. It is its own adjoint, as T is a gradient. */
const truncationDerivative = defineOp({
  name: "truncationDerivative",
  hidden: true,
  publicName: "lstsq",
  inputs: ["a", "e"],
  outputs: ["d"],
  signature: "(m,n),(m,n)->(m,n)",
  sizes: (n) => [{ m: n + 2, n }],
  attrs: svdAttrs,
  domain: { a: invertible },
  failures: ["ERR_NO_CONVERGENCE", "ERR_NOT_FINITE", "ERR_DEGENERATE"],
  hints: cutHints,
  kernel: native("truncationDerivative"),
  saves: ["a", "e"],
  order: 1,
  vjp: ({ a, e }, { d: g }, given) => ({
    a: (): T => truncationSecond(a, e, g, given),
    e: (): T => truncationDerivative(a, g, given),
  }),
});

/** Whether rcond cuts more than rounding: then X is that of T(A), also where λ > 0, and what is cut is not zero. As in native/kernels/truncation.h. */
const truncates = (rcond: number, a: T): boolean => rcond > Math.max(...a.shape.slice(-2)) * epsOf(a.dtype);

const bySvd = (given: { readonly rcond: number }, of: T): Method => {
  const cuts = truncates(given.rcond, of);
  const solve = (a: T, b: T, l2: R | number): T => svdOp(a, b, l2, given);
  return {
    solve,
    normal: (a, y, l2) => normalSolveSvd(a, y, l2, given),
    // A⁺ᴴ X (X̄ - A⁺A X̄)ᴴ, the tangents that leave the rank as it is: where λ = 0, and of T(A) always
    deficient: (a, x, g, l2) => {
      const h = adjoint(a);
      const outside = sub(g, matmul(h, solve(h, g, 0)));
      const term = times(solve(h, x, 0), outside);
      return cuts ? term : where(perMatrix(equal(l2, 0)), term, 0);
    },
    ...(cuts ? { truncated: (a: T, cotangent: T): T => truncationDerivative(a, cotangent, given) } : {}),
  };
};

const svdOp = defineOp({
  ...common,
  name: "lstsqSvd",
  hidden: true,
  publicName: "lstsq",
  dtypes: { ...REAL, s: "real" },
  attrs: svdAttrs,
  failures: svdFailures,
  kernel: native("lstsqSvd"),
  aux: { u: "(m,m^n)", s: "(m^n)", vh: "(m^n,n)" },
  vjp: (saved, { x: g }, given) => rule(bySvd(given, saved.a), saved, g),
  fused: native("lstsqSvd_vjp"),
});

/** @internal Z = (AᴴA + λI)⁺ Y. */
const normalSolveSvd = defineOp({
  ...normalCommon,
  name: "normalSolveSvd",
  hidden: true,
  publicName: "lstsq",
  dtypes: REAL,
  attrs: svdAttrs,
  failures: svdFailures,
  kernel: native("normalSolveSvd"),
  vjp: (saved, { z: g }, given) => normalRule(bySvd(given, saved.a), saved, g),
});

// ---- What users call ----

export interface LstsqOptions {
  /** λ ≥ 0 of ‖A X - B‖² + λ ‖X‖², a number or real tensor (one per matrix of the batch); it has a gradient. Default 0. */
  readonly l2Regularizer?: number | Tensor<Real>;
  /** "qr" (default) and "svd" work on A itself, "cholesky" on AᴴA or AAᴴ, whose condition number is the square. Only "svd" takes any rank. */
  readonly method?: "qr" | "svd" | "cholesky";
  /**
   * "svd": singular values up to rcond times the largest are cut, with any λ. By default those up to max(m, n) ε times the largest where λ = 0,
   * none where λ > 0. With an rcond above max(m, n) ε derivatives exist to the second order, except where a singular value lies at the cut.
   * Otherwise: below this reciprocal condition number of [A; √λ I], as LAPACK estimates it, A is rank-deficient. Default max(m, n) ε; for
   * "cholesky" its square root.
   */
  readonly rcond?: number;
}

const [byFactor, bySingularValues] = [withVectors(lstsqOp), withVectors(svdOp)];

/** The op of the method, and its arguments. */
function chosen(a: unknown, b: unknown, options: unknown): { op: Forms; args: never[] } {
  const { l2Regularizer = 0, method = "qr", rcond, ...rest } = optionsOf("lstsq", options);
  if (method !== "qr" && method !== "svd" && method !== "cholesky") {
    throw new ArgumentError("lstsq", `option method must be one of "qr", "svd", "cholesky", got ${describe(method)}.`);
  }
  if (rcond !== undefined && !(typeof rcond === "number" && Number.isFinite(rcond) && rcond >= 0)) {
    throw new ArgumentError("lstsq", `option rcond must be a number, 0 or more, got ${describe(rcond)}.`);
  }
  const given = { ...rest, ...(rcond === undefined ? {} : { rcond }), ...(method === "svd" ? {} : { method }) };
  return { op: method === "svd" ? bySingularValues : byFactor, args: [a, b, l2Regularizer, given] as never[] };
}

/**
 * X that minimises ‖A X - B‖² + λ ‖X‖², of least norm where that leaves a choice: (..., m, n), (..., m, k) -> (..., n, k), leading dimensions
 * broadcast; a 1-D b is one vector. Over- and under-determined, with gradients to a, b and λ. ERR_RANK_DEFICIENT: A has not full rank, and the
 * method is not "svd". ERR_ARGUMENT: a negative λ. ERR_NOT_FINITE names the item with a NaN or infinity, or with an answer beyond the largest
 * number. ERR_DEGENERATE, of gradients alone: a singular value at the cut of `rcond`, where X jumps.
 */
export const lstsq = choosing<Solver<LstsqOptions> & Forms>(lstsqOp.row, ([a, b, options]) =>
  chosen(a, b, options),
) as Solver<LstsqOptions>;
