// The polar factors, and the nuclear norm, whose gradient one of them is. Derivations: docs/derivations/svd.md
import { oneOf } from "../core/attrs";
import type { Sym } from "../core/dtype";
import { defineOp } from "../core/op";
import type { Tensor } from "../core/tensor";
import { separated } from "./domains";
import { POLICIES } from "./eigh";
import { add, mul, sub } from "./elementwise";
import { matmul } from "./products";
import { hints, overColumns, overSums, sharesOf } from "./quotients";
import { sum } from "./reductions";
import { adjoint, expandDims } from "./structure";
import { assembled, svd, svdvals } from "./svd";

type T = Tensor<Sym<"T">>;
type R = Tensor<Sym<"real">>;
const size = (t: Tensor, axis: -1 | -2): number => t.shape.at(axis) as number;

/**
 * A = U P of matrices of any shape: u (..., m, n) the nearest with orthonormal columns, or rows if it is wide, p (..., n, n) Hermitian and positive
 * semidefinite. Exact at equal singular values, where the factors through `svd` have no derivative; where A has not full rank u has none: ERR_DEGENERATE, or what the option
 * `degenerate` says.
 */
export const polar = defineOp({
  name: "polar",
  inputs: ["a"],
  outputs: ["u", "p"],
  signature: "(m,n)->(m,n),(n,n)",
  attrs: { degenerate: oneOf(POLICIES, "throw") },
  sizes: (n: number) => [
    { m: n + 2, n },
    { m: n, n },
  ],
  domain: { a: separated },
  law: ({ a }, { u, p }) => [
    [matmul(u, p), a],
    [p, adjoint(p)],
  ],
  failures: ["ERR_NO_CONVERGENCE", "ERR_NOT_FINITE"],
  hints,
  kernel: ({ a }, _attrs, pass) => {
    const { u, s, vh } = svd(a, pass as object);
    return { u: matmul(u as T, vh as T), p: assembled(adjoint(vh as T), s as R, vh as T) };
  },
  saves: ["a"],
  // With C = Uᴴ dA V, K_ij = 1/(s_i + s_j): dW = U (K ∘ (C - Cᴴ)) Vᴴ + (I - U Uᴴ) dA V S⁻¹ Vᴴ + U S⁻¹ Uᴴ dA (I - V Vᴴ),
  // Vᴴ dP V = K ∘ (S C + Cᴴ S), and V Uᴴ dA (I - V Vᴴ) with its adjoint beside it
  vjp: ({ a }, { u: gw, p: gp }, { degenerate }) => ({
    a: (): T => {
      const { u, s, vh } = svd(a) as { u: T; s: R; vh: T };
      const v = adjoint(vh);
      const parts: T[] = [];
      const beyond = (x: T): T => sub(x, matmul(matmul(x, v), vh)); // X (I - V Vᴴ)
      if (gp) {
        const both = add(gp, adjoint(gp));
        const inner = matmul(matmul(vh, both), v);
        parts.push(matmul(matmul(u, sharesOf(s, inner, degenerate)), vh));
        if (size(u, -1) < size(vh, -1)) parts.push(matmul(u, beyond(matmul(vh, both))));
      }
      if (gw) {
        const across = matmul(u, gw, { adjointA: true });
        const inner = matmul(across, v);
        parts.push(matmul(matmul(u, overSums(s, sub(inner, adjoint(inner)), inner, degenerate)), vh));
        if (size(u, -2) > size(u, -1)) parts.push(matmul(overColumns(s, matmul(sub(gw, matmul(u, across)), v), gw, degenerate), vh));
        if (size(u, -1) < size(vh, -1)) parts.push(matmul(u, overColumns(s, adjoint(beyond(across)), gw, degenerate), { adjointB: true }));
      }
      return parts.reduce((p, q) => add(p, q));
    },
  }),
});

/**
 * The sum of the singular values of matrices, real: (..., m, n) -> (...). Derivatives of any order are exact at equal singular values, where those through `svdvals` end
 * with the first. Where A has not full rank the gradient is one of the subgradients, and a second derivative is ERR_DEGENERATE (of a real square matrix with a single zero that of one side).
 */
export const nuclearNorm = defineOp({
  name: "nuclearNorm",
  inputs: ["a"],
  outputs: ["y"],
  signature: "(m,n)->()",
  dtypes: { y: "real" },
  sizes: (n: number) => [
    { m: n + 2, n },
    { m: n, n },
  ],
  domain: { a: separated },
  failures: ["ERR_NO_CONVERGENCE", "ERR_NOT_FINITE"],
  hints,
  kernel: ({ a }, _attrs, pass): R => sum(svdvals(a, pass as object) as R, { axis: -1 }),
  saves: ["a"],
  // Re tr(Wᴴ dA), A = W P
  vjp: ({ a }, { y: g }) => ({ a: (): T => mul(polar(a).u as T, expandDims(expandDims(g, -1), -1)) as T }),
});
