import { within } from "../core/apply";
import { type DType, isComplex, type Sym } from "../core/dtype";
import { BacksolveError } from "../core/errors";
import { defineOp } from "../core/op";
import { native } from "../core/row";
import type { Tensor } from "../core/tensor";
import { eye } from "./creation";
import { invertible } from "./domains";
import { complex, conj, imag, mul, neg } from "./elementwise";
import { solve } from "./lu";
import { matmul } from "./products";
import { adjoint, expandDims } from "./structure";

type T = Tensor<Sym<"T">>;
type R = Tensor<Sym<"real">>;
const perMatrix = <D extends DType>(x: Tensor<D>): Tensor<D> => expandDims(expandDims(x, -1), -1);

/**
 * Determinant of square matrices by LU: (..., n, n) -> (...); 1 for n = 0. Its derivatives, up to the third order, are right at singular
 * matrices, too. Products keep their exponents apart: only what is itself out of range becomes infinite or 0. ERR_NOT_FINITE names the item
 * with a NaN or infinity, or with factors beyond the largest number.
 */
export const det = defineOp({
  name: "det",
  tf: "MatrixDeterminant",
  inputs: ["a"],
  outputs: ["d"],
  signature: "(n,n)->()",
  dtypes: { pivots: "int32" },
  domain: { a: invertible },
  failures: ["ERR_NOT_FINITE"],
  kernel: native("det"),
  order: 3,
  aux: { lu: "(n,n)", pivots: "(n)" },
  saves: ["a"],
  // Jacobi: d det A = tr(adj(A) dA), so Ā = d̄ adj(A)ᴴ
  vjp: ({ a }, { d: g }) => ({ a: (): T => mul(perMatrix(g), adjoint(adjugate(a, within("det")))) }),
  fused: native("det_vjp"),
});

/**
 * Adjugate of square matrices, adj(A) A = det(A) I, also where A is singular: (..., n, n) -> (..., n, n). By singular values of A with
 * its rows and columns brought to one scale. ERR_NOT_FINITE names the item with a NaN or infinity, or with an answer beyond the largest
 * number; ERR_NO_CONVERGENCE that where LAPACK gave up.
 */
export const adjugate = defineOp({
  name: "adjugate",
  inputs: ["a"],
  outputs: ["y"],
  signature: "(n,n)->(n,n)",
  domain: { a: invertible },
  law: ({ a }, { y }): [Tensor, Tensor][] => [[matmul(matmul(y, a), a), mul(perMatrix(det(a)), a)]],
  failures: ["ERR_NOT_FINITE", "ERR_NO_CONVERGENCE"],
  kernel: native("adjugate"),
  order: 2,
  saves: ["a"],
  // The derivative K(A) is symmetric: tr(F K(A)[E]) = d² det A [E, F]; hence its adjoint is K(A)ᴴ = K(Aᴴ).
  vjp: ({ a }, { y: g }) => ({ a: (): T => adjugateDerivative(adjoint(a), g) }),
});

/** @internal d adj(A)[E]: (..., n, n), (..., n, n) -> (..., n, n). */
export const adjugateDerivative = defineOp({
  name: "adjugateDerivative",
  hidden: true,
  publicName: "adjugate",
  inputs: ["a", "e"],
  outputs: ["y"],
  signature: "(n,n),(n,n)->(n,n)",
  domain: { a: invertible },
  failures: ["ERR_NOT_FINITE", "ERR_NO_CONVERGENCE"],
  kernel: native("adjugateDerivative"),
  saves: ["a", "e"],
  order: 1, // in a
  // D³ det A [E, H, F] = tr(F d² adj(A)[E, H]) is symmetric in E, H and F: ⟨G, d² adj(A)[E, dA]⟩ = ⟨d² adj(A)[E, Gᴴ]ᴴ, dA⟩.
  vjp: ({ a, e }, { y: g }) => ({
    a: (): T => adjugateSecond(adjoint(a), adjoint(e), g),
    e: (): T => adjugateDerivative(adjoint(a), g),
  }),
});

/** d² adj(A)[E, H], at any rank. */
const adjugateSecond = defineOp({
  name: "adjugateSecond",
  hidden: true,
  publicName: "adjugate",
  inputs: ["a", "e", "h"],
  outputs: ["y"],
  signature: "(n,n),(n,n),(n,n)->(n,n)",
  domain: { a: invertible },
  failures: ["ERR_NOT_FINITE", "ERR_NO_CONVERGENCE"],
  kernel: native("adjugateSecond"),
  saves: ["a", "e", "h"],
  order: 0, // in a; linear in e and h
  vjp: ({ a, e, h }, { y: g }) => ({
    a: (): T => {
      throw new BacksolveError(
        "ERR_ARGUMENT",
        "det",
        "has derivatives up to the third order only, adjugate up to the second. Where the matrix is regular, sign and logabsdet of slogdet have all.",
      );
    },
    e: (): T => adjugateSecond(adjoint(a), adjoint(h), g),
    h: (): T => adjugateSecond(adjoint(a), adjoint(e), g),
  }),
});

/** weight A⁻ᴴ; solved for, as A⁻ᴴ alone may be beyond the largest number, or of no use to a tangent of A's own scale. */
const weightedInverse = (a: T, weight: Tensor<Sym<"T" | "real" | "complex">>) => {
  const one = eye(a.shape.at(-1) as number, { dtype: a.dtype });
  return solve(a, mul(perMatrix(weight), one), { adjoint: true, ...within("slogdet") });
};

/**
 * Sign (of magnitude 1, or 0) and logarithm of the magnitude of the determinant: (..., n, n) -> sign (...), logabsdet (...) real; det A =
 * sign · exp(logabsdet). A singular matrix has sign 0 and -Infinity, and no gradient: ERR_SINGULAR. For complex matrices the sign has a
 * gradient. ERR_NOT_FINITE as `det`.
 */
export const slogdet = defineOp({
  name: "slogdet",
  tf: "LogMatrixDeterminant",
  inputs: ["a"],
  outputs: ["sign", "logabsdet"],
  signature: "(n,n)->(),()",
  dtypes: { logabsdet: "real", pivots: "int32" },
  domain: { a: invertible },
  failures: ["ERR_NOT_FINITE", "ERR_SINGULAR"],
  kernel: native("slogdet"),
  aux: { lu: "(n,n)", pivots: "(n)" },
  saves: ["a", "sign"],
  // d logabsdet + i dθ = tr(A⁻¹ dA) and d sign = i sign dθ: Ā = (ḡ - i Im(conj(s̄) s)) A⁻ᴴ
  vjp: ({ a, sign }, { sign: gs, logabsdet: g }) => ({
    a: () => {
      if (!isComplex(a.dtype)) return weightedInverse(a, g ?? mul(0, sign));
      const turn = gs ? neg(imag(mul(conj(gs), sign))) : undefined;
      const re = g ?? mul(0, turn as R);
      return weightedInverse(a, complex(re, turn ?? mul(0, re)));
    },
  }),
  fused: native("slogdet_vjp"),
});
