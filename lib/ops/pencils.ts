// Eigenvalues and vectors of Hermitian matrices, and of pairs of them. Derivations: docs/derivations/eigh.md
import { within } from "../core/apply";
import { oneOf } from "../core/attrs";
import type { Sym } from "../core/dtype";
import { defineOp } from "../core/op";
import { adopt, type Tensor } from "../core/tensor";
import { cholesky } from "./cholesky";
import { eye, ones } from "./creation";
import { diag, diagEmbed, tril } from "./diagonals";
import { hermitian, nearIdentity } from "./domains";
import { eigh as eighOfOne, eigvalsh as eigvalshOfOne, gapQuotient, hermitianPart, hints, nameFor, PHASE, POLICIES, STRICT } from "./eigh";
import { add, conj, mul, neg, real } from "./elementwise";
import { choosing, type Forms } from "./forms";
import { matmul } from "./products";
import { sum } from "./reductions";
import { adjoint, expandDims } from "./structure";
import { solveTriangular } from "./triangular";

type T = Tensor<Sym<"T">>;
type R = Tensor<Sym<"real">>;

const attrs = { degenerate: oneOf(POLICIES, "throw") };
const columns = (m: T, w: R): T => mul(m, expandDims(w, -2));
/** V M Vᴴ. */
const turned = (v: T, m: T): T => matmul(matmul(v, m), v, { adjointB: true });
/** The Hermitian matrix whose lower triangle is that of a. */
const fromLower = (a: T): T => {
  const below = tril(a, { k: -1 });
  return add(add(below, adjoint(below)), diagEmbed(real(diag(a))) as Tensor as T);
};
/** L⁻¹ A L⁻ᴴ, B = L Lᴴ: what has the eigenvalues of the pair. */
function reduced(a: T, b: T, pass: object): { l: T; c: T } {
  const l = cholesky(b, pass) as T;
  return {
    l,
    c: solveTriangular(l, solveTriangular(l, fromLower(a), pass) as T, { side: "right", adjoint: true, ...pass } as object) as T,
  };
}
const failures = ["ERR_NOT_POSITIVE_DEFINITE", "ERR_NO_CONVERGENCE", "ERR_NOT_FINITE"] as const;

const ofPair = (name: string, checks: number) =>
  defineOp({
    name,
    publicName: nameFor(checks),
    hidden: true,
    inputs: ["a", "b"],
    outputs: ["w", "v"],
    signature: "(n,n),(n,n)->(n),(n,n)",
    dtypes: { w: "real" },
    attrs,
    domain: { a: hermitian, b: nearIdentity },
    // v_i (v_iᴴ c): free of the phase of v_i
    gauge: ({ w, v }) => ({ w, v: mul(v, conj(sum(v, { axis: -2, keepDims: true }))) }),
    law: ({ a, b }, { w, v }) => {
      const one = eye(v.shape.at(-1) as number, { dtype: v.dtype });
      return [
        [matmul(a, v), columns(matmul(b, v), w)],
        [matmul(v, matmul(b, v), { adjointA: true }), mul(one, ones(v.shape, { dtype: v.dtype }))],
      ];
    },
    failures,
    hints,
    kernel: ({ a, b }, { degenerate }, pass) => {
      const { l, c } = reduced(a, b, pass);
      const { w, v } = eighOfOne(c, { degenerate, ...pass } as object);
      return { w: w as R, v: solveTriangular(l, v as T, { adjoint: true, ...pass } as object) as T };
    },
    saves: ["w", "v"],
    // With G = Vᴴ V̄ and K = herm(F ∘ G), F_ij = 1/(w_j - w_i): Ā = V (diag(w̄) + K) Vᴴ, B̄ = -V (diag(w̄ w) + herm(K diag(w) + G/2)) Vᴴ
    vjp: ({ w, v }, { w: gw, v: gv }, { degenerate }) => {
      const g = gv && matmul(v, gv, { adjointA: true });
      const between = (): T | undefined => g && hermitianPart(gapQuotient(w, g, { degenerate, checks, ...within(nameFor(checks)) }));
      const whole = (diagonal: R | undefined, m: T | undefined): T => {
        const parts = [diagonal && (diagEmbed(diagonal) as Tensor as T), m].filter((p): p is T => p !== undefined);
        return hermitianPart(
          turned(
            v,
            parts.reduce((p, q) => add(p, q)),
          ),
        );
      };
      return {
        a: (): T => whole(gw, between()),
        b: (): T => {
          const k = between();
          return neg(whole(gw && mul(gw, w), k && g && hermitianPart(add(columns(k, w), mul(0.5, g)))));
        },
      };
    },
  });

const eighOfPair = ofPair("eighPair", PHASE);
/** As eighPair, for the rule of eigvalshPair: at equal eigenvalues a zero in Vᴴ V̄ does not tell that a derivative is zero. */
const eighPairStrict = ofPair("eighPairStrict", PHASE | STRICT);

const eigvalshOfPair = defineOp({
  name: "eigvalshPair",
  publicName: "eigvalsh",
  hidden: true,
  inputs: ["a", "b"],
  outputs: ["w"],
  signature: "(n,n),(n,n)->(n)",
  dtypes: { w: "real" },
  attrs,
  domain: { a: hermitian, b: nearIdentity },
  failures,
  kernel: ({ a, b }, { degenerate }, pass): R => eigvalshOfOne(reduced(a, b, pass).c, { degenerate, ...pass } as object) as R,
  saves: ["a", "b"],
  // Ā = V diag(w̄) Vᴴ, B̄ = -V diag(w̄ w) Vᴴ
  vjp: ({ a, b }, { w: g }, { degenerate }) => {
    const pair = eighPairStrict(a, b, { degenerate }) as { w: R; v: T };
    const assembled = (w: R): T => hermitianPart(matmul(columns(pair.v, w), pair.v, { adjointB: true }));
    return { a: (): T => assembled(g), b: (): T => neg(assembled(mul(g, pair.w))) };
  },
});

/** `one` of (a, options), `pair` of (a, b, options). */
const ofOneOrTwo = <A extends Forms, B extends Forms>(one: A, pair: B): A & B =>
  choosing<A & B>(one.row, (args) => ({ op: adopt(one.row.name, args[1]) ? pair : one, args }));

/**
 * Eigenvalues w, real and ascending, and eigenvectors, the columns of v, of Hermitian matrices: A = V diag(w) Vᴴ, (..., n, n) -> (..., n),
 * (..., n, n); or, `eigh(a, b)`, of pairs with a positive-definite B: A V = B V diag(w), Vᴴ B V = I. Reads the lower triangles only. Gradients are Hermitian;
 * with `triangle: "lower"`, of one matrix, it is TensorFlow's, lower triangular.
 * A gradient that needs the vectors of equal eigenvalues does not exist: `degenerate` says whether it is ERR_DEGENERATE, NaN, or without
 * the terms concerned ("mask"). It comes from the gradient, never from the call itself; so does ERR_DEGENERATE for a loss that depends on
 * the arbitrary phases of complex vectors. A loss that is stationary under rotations of such vectors, at this matrix, passes for one that
 * does not depend on them: the gradient is then told although the loss may have none, while forward mode, which needs the vectors' own
 * tangents, is ERR_DEGENERATE. Functions of the matrix do better with `funmHermitian`. ERR_NOT_FINITE names the item with a NaN or infinity,
 * or with an eigenvalue beyond the largest number, ERR_NOT_POSITIVE_DEFINITE the order of the leading minor of B. Derivatives of vectors divide by differences of
 * eigenvalues as rounded to the dtype.
 */
export const eigh = ofOneOrTwo(eighOfOne, eighOfPair);

/**
 * Eigenvalues of Hermitian matrices, real and ascending: (..., n, n) -> (..., n); or, `eigvalsh(a, b)`, of pairs as `eigh` has them. Reads the lower triangles only.
 * The gradient of a symmetric function of the eigenvalues is exact where some are equal, too; its second derivatives are ERR_DEGENERATE there, unless `degenerate` says
 * otherwise: the eigenvalues alone do not hold them. Options and errors as `eigh`.
 */
export const eigvalsh = ofOneOrTwo(eigvalshOfOne, eigvalshOfPair);
