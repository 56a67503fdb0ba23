// The polar factors, and the nuclear norm, whose gradient one of them is. Derivations: docs/derivations/svd.md
import { within } from "../core/apply";
import { flag, oneOf } from "../core/attrs";
import type { Sym } from "../core/dtype";
import { defineOp } from "../core/op";
import type { Tensor } from "../core/tensor";
import { relu } from "./activations";
import { positiveDefinite, separated } from "./domains";
import { eigh, POLICIES } from "./eigh";
import { add, mul, sub } from "./elementwise";
import { solve } from "./lu";
import { matmul } from "./products";
import { hints, overColumns, overSums, sharesOf, sizeOf, sumQuotient } from "./quotients";
import { sum } from "./reductions";
import { overScale } from "./scales";
import { adjoint, expandDims } from "./structure";
import { assembled, svd, svdvals } from "./svd";

type T = Tensor<Sym<"T">>;
type R = Tensor<Sym<"real">>;
const size = (t: Tensor, axis: -1 | -2): number => t.shape.at(axis) as number;

/**
 * The Y of P Y + Y P = X, P Hermitian and positive semidefinite: through the eigenvectors of P, but with a rule of its own, so that equal eigenvalues do not
 * matter, to any order. Where a sum of two eigenvalues is zero: ERR_DEGENERATE, but for those on the diagonal of real matrices where `square` says so, whose X is none.
 */
const halves = defineOp({
  name: "halves",
  hidden: true,
  publicName: "polar",
  inputs: ["p", "x"],
  outputs: ["y"],
  signature: "(n,n),(n,n)->(n,n)",
  attrs: { square: flag(true) },
  domain: { p: positiveDefinite },
  failures: ["ERR_NO_CONVERGENCE", "ERR_NOT_FINITE", "ERR_DEGENERATE"],
  hints,
  kernel: ({ p, x }, { square }, pass): T => {
    const { w, v } = eigh(p, pass as object) as { w: R; v: T };
    const [inner, s] = [matmul(matmul(v, x, { adjointA: true }), v), relu(w)];
    const y = sumQuotient(inner, s, s, sizeOf(inner), { zero: square ? "own" : "any", ...(pass as object) });
    return matmul(matmul(v, y), v, { adjointB: true });
  },
  saves: ["p", "y"],
  // P Z + Z P = Ȳ: X̄ = Z, P̄ = -(Z Yᴴ + Yᴴ Z), its Hermitian part
  vjp: ({ p, y }, { y: g }, { square }) => {
    const z = (): T => halves(p, g as T, { square, ...within("polar") }) as T;
    const pBar = (): T => {
      const [zz, yh] = [z(), adjoint(y)];
      const both = add(matmul(zz, yh), matmul(yh, zz));
      return mul(-0.5, add(both, adjoint(both)));
    };
    return { x: z, p: pBar };
  },
});

/**
 * Of A = U P that is not wide, without the vectors of P: with Ω = Uᴴ dU, P Ω + Ω P = Uᴴ dA - dAᴴ U, dP = Uᴴ dA - Ω P, and
 * (I - U Uᴴ) dU = (I - U Uᴴ) dA P⁻¹.
 */
function ofTall(u: T, p: T, gw: T | undefined, gp: T | undefined): T {
  const square = size(u, -2) === size(u, -1);
  const parts: T[] = [];
  const across = gw && matmul(u, gw, { adjointA: true });
  const { over } = gp ? overScale(p) : { over: <Y>(y: Y): Y => y }; // so that P P̄ is of the size of P̄
  const own = over(p);
  let turn = over(across);
  if (gp) {
    const g = mul(0.5, add(gp, adjoint(gp)));
    parts.push(matmul(u, g));
    const half = matmul(own, g);
    turn = turn ? add(turn, half) : half; // its skew part is that of Uᴴ Ū - G P
  }
  const skew = sub(turn as T, adjoint(turn as T));
  parts.push(matmul(u, halves(own, skew, { square, ...within("polar") }) as T));
  if (gw && !square) parts.push(adjoint(solve(p, adjoint(sub(gw, matmul(u, across as T))), within("polar"))) as T);
  return parts.reduce((x, y) => add(x, y));
}

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
  saves: ["a", "u", "p"],
  // With C = Uᴴ dA V, K_ij = 1/(s_i + s_j): dW = U (K ∘ (C - Cᴴ)) Vᴴ + (I - U Uᴴ) dA V S⁻¹ Vᴴ + U S⁻¹ Uᴴ dA (I - V Vᴴ),
  // Vᴴ dP V = K ∘ (S C + Cᴴ S), and V Uᴴ dA (I - V Vᴴ) with its adjoint beside it
  // of a matrix that is wide, or where zeros do not throw
  vjp: ({ a, u: w, p }, { u: gw, p: gp }, { degenerate }) => ({
    a: (): T => {
      if (degenerate === "throw" && size(a, -2) >= size(a, -1)) return ofTall(w, p, gw, gp);
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
