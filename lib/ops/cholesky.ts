import { apply } from "../core/apply";
import type { Sym } from "../core/dtype";
import { defineOp } from "../core/op";
import { rowOf } from "../core/registry";
import { native } from "../core/row";
import type { Tensor } from "../core/tensor";
import { diag, diagEmbed, tril } from "./diagonals";
import { positiveDefinite, triangular } from "./domains";
import { add, log, mul, real } from "./elementwise";
import { matmul } from "./products";
import { sum } from "./reductions";
import { adjoint } from "./structure";
import { solveTriangular } from "./triangular";
import { type Solver, withVectors } from "./vectors";

type T = Tensor<Sym<"T">>;

/**
 * Lower Cholesky factor of Hermitian positive-definite matrices, A = L Lᴴ: (..., n, n) -> (..., n, n), zeros above the diagonal. Reads the
 * lower triangle only. ERR_NOT_POSITIVE_DEFINITE names the order of the leading minor, ERR_NOT_FINITE the item with a NaN or infinity.
 */
export const cholesky = defineOp({
  name: "cholesky",
  tf: "Cholesky",
  inputs: ["a"],
  outputs: ["l"],
  signature: "(n,n)->(n,n)",
  domain: { a: positiveDefinite },
  law: ({ a }, { l }) => [
    [matmul(l, adjoint(l)), a],
    [tril(l), l],
  ],
  failures: ["ERR_NOT_POSITIVE_DEFINITE", "ERR_NOT_FINITE"],
  kernel: native("cholesky"),
  saves: ["l"],
  vjp: ({ l }, { l: g }) => ({ a: () => ofFactor(l, g) }),
  fused: native("cholesky_vjp"),
});

/**
 * S = L⁻ᴴ Φ(Lᴴ L̄) L⁻¹, Ā = (S + Sᴴ)/2, Φ = tril with halved diagonal (Murray 2016, arXiv 1602.07527, eq. 10). L has a real diagonal, so that Φ
 * keeps the real part of its own.
 */
export function ofFactor(l: T, g: T): T {
  const m = matmul(l, tril(g), { adjointA: true });
  const s = solveTriangular(l, halved(m), { adjoint: true });
  const t = solveTriangular(l, s, { side: "right" });
  return mul(0.5, add(t, adjoint(t)));
}

// Φ: the strict lower triangle and half of the real diagonal
export const halved = (m: T): T => {
  const d = mul(0.5, real(diag(m)));
  return add(tril(m, { k: -1 }), diagEmbed(d));
};

/** log det A of Hermitian positive-definite matrices by Cholesky: (..., n, n) -> (...), real. Errors as `cholesky`. */
export const logdet = defineOp({
  name: "logdet",
  inputs: ["a"],
  outputs: ["y"],
  signature: "(n,n)->()",
  dtypes: { y: "real" },
  domain: { a: positiveDefinite },
  law: ({ a }, { y }): [Tensor, Tensor][] => [[y, apply(rowOf("slogdet"), [a], {})[1] as Tensor]], // by LU
  failures: ["ERR_NOT_POSITIVE_DEFINITE", "ERR_NOT_FINITE"],
  // log det A = 2 Σ log L_ii
  kernel: ({ a }, _attrs, pass) => mul(2, sum(log(real(diag(cholesky(a, pass)))), { axis: -1 })),
});

/**
 * X with A X = B from the lower Cholesky factor of A: (..., m, m), (..., m, k) -> (..., m, k); a 1-D b is one vector.
 * ERR_SINGULAR: a zero on the diagonal.
 */
export const choleskySolve: Solver<object> = withVectors(
  defineOp({
    name: "choleskySolve",
    inputs: ["l", "b"],
    outputs: ["x"],
    signature: "(m,m),(m,k)->(m,k)",
    domain: { l: triangular },
    law: ({ l: whole, b }, { x }) => {
      const l = tril(whole);
      return [[matmul(l, matmul(l, x, { adjointA: true })), b]];
    },
    failures: ["ERR_SINGULAR", "ERR_NOT_FINITE"],
    // L⁻ᴴ L⁻¹ B
    kernel: ({ l, b }, _attrs, pass) => solveTriangular(l, solveTriangular(l, b, pass), { adjoint: true, ...pass }),
  }),
);
