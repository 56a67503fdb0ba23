// Riccati's equations of optimal control and filtering. Derivations: docs/derivations/riccati.md
import type { Sym } from "../core/dtype";
import { defineOp } from "../core/op";
import { native } from "../core/row";
import type { Tensor } from "../core/tensor";
import { contraction, decaying, leading, positiveDefinite } from "./domains";
import { hermitianPart } from "./eigh";
import { add, mul, neg, sub } from "./elementwise";
import { discreteLyapunov, lyapunov } from "./equations";
import { solve } from "./lu";
import { matmul } from "./products";
import { adjoint } from "./structure";

type T = Tensor<Sym<"T">>;
interface Inputs {
  readonly a: T;
  readonly b: T;
  readonly q: T;
  readonly r: T;
}
type Solved = Omit<Inputs, "q"> & { readonly x: T };
/** Of the closed loop: the gain, u = -G x, and K = A - B G. */
interface Loop {
  readonly gain: T;
  readonly closed: T;
}

const inner = (a: T, b: T): T => matmul(a, b, { adjointA: true });
const outer = (a: T, b: T): T => matmul(a, b, { adjointB: true });
const twice = (a: T): T => add(a, adjoint(a)) as T;
const closing = (a: T, b: T, gain: T): Loop => ({ gain, closed: sub(a, matmul(b, gain)) });
const continuous = ({ a, b, r, x }: Solved): Loop => closing(a, b, solve(hermitianPart(r), inner(b, x)) as T);
const discrete = ({ a, b, r, x }: Solved): Loop => {
  const xb = matmul(x, b);
  return closing(a, b, solve(add(hermitianPart(r), inner(b, xb)) as T, inner(xb, a)) as T);
};

/** What the change of the inputs adds to the equation, the gain held, as it is stationary in it: dQ + Gᴴ dR G + herm(2 (dA - dB G)ᴴ Y), or undefined. */
function forced({ gain }: Loop, y: T, { a: da, b: db, q: dq, r: dr }: Partial<Inputs>): T | undefined {
  const parts: T[] = [];
  const moved = db && (da ? sub(da, matmul(db, gain)) : neg(matmul(db, gain)));
  if (moved ?? da) parts.push(twice(inner((moved ?? da) as T, y)));
  if (dq) parts.push(hermitianPart(dq));
  if (dr) parts.push(inner(gain, matmul(hermitianPart(dr), gain)));
  return parts.length > 0 ? parts.reduce((p, q) => add(p, q)) : undefined;
}
/** The cotangents, with S = S(X̄) the solution of the adjoint equation, and Y what A moves: Q̄ = S, R̄ = G S Gᴴ, Ā = 2 Y S, B̄ = -2 Y S Gᴴ. */
function cotangents({ gain }: Loop, y: T, s: T) {
  const ofA = (): T => mul(2, matmul(y, s));
  return {
    a: ofA,
    b: (): T => neg(outer(ofA(), gain)),
    q: (): T => s,
    r: (): T => matmul(gain, outer(s, gain)),
  };
}

const domain = { b: leading, q: positiveDefinite, r: positiveDefinite };
const common = {
  inputs: ["a", "b", "q", "r"],
  outputs: ["x"],
  signature: "(n,n),(n,k),(n,n),(k,k)->(n,n)",
  saves: ["a", "b", "r", "x"],
} as const;
const NONE = "(A, B) must be stabilizable, and nothing that Q does not see may lie on the border of stability";

/**
 * The stabilising solution, Hermitian, of Aᴴ X + X A - X B R⁻¹ Bᴴ X + Q = 0, SciPy's solve_continuous_are: (..., n, n), (..., n, k), (..., n, n), (..., k, k) ->
 * (..., n, n). Of q and r the Hermitian parts count. The eigenvalues of A - B R⁻¹ Bᴴ X lie in the left half-plane; ERR_SINGULAR where there is no such X, or r is singular.
 */
export const care = defineOp({
  ...common,
  name: "care",
  domain: { ...domain, a: decaying },
  law: ({ a, b, q, r }, { x }) => [[sub(inner(inner(b, x), solve(r, inner(b, x)) as T), twice(matmul(x, a))), q]],
  failures: ["ERR_SINGULAR", "ERR_NOT_FINITE", "ERR_NO_CONVERGENCE"],
  hints: { noStabilizing: NONE, singular: "r must be invertible" },
  kernel: native("care"),
  // Kᴴ dX + dX K + M = 0, M = `forced` with Y = X (Kao & Hennequin 2020, arXiv 2011.11430); adjoint: K S + S Kᴴ = -herm(X̄)
  vjp: (saved, { x: g }) => {
    const loop = continuous(saved);
    return cotangents(loop, saved.x, lyapunov(loop.closed, neg(hermitianPart(g))) as T);
  },
  jvp: ({ a, b, r, x }, tangents) => {
    const loop = continuous({ a, b, r, x });
    const m = forced(loop, x, tangents);
    return { x: m && ((): T => lyapunov(loop.closed, neg(m), { adjoint: true }) as T) };
  },
});

/**
 * The stabilising solution, Hermitian, of Aᴴ X A - X - Aᴴ X B (R + Bᴴ X B)⁻¹ Bᴴ X A + Q = 0, SciPy's solve_discrete_are: (..., n, n), (..., n, k), (..., n, n),
 * (..., k, k) -> (..., n, n). Of q and r the Hermitian parts count; a and r may be singular. The eigenvalues of A - B (R + Bᴴ X B)⁻¹ Bᴴ X A lie in the unit circle;
 * ERR_SINGULAR where there is no such X.
 */
export const dare = defineOp({
  ...common,
  name: "dare",
  domain: { ...domain, a: contraction },
  law: ({ a, b, q, r }, { x }) => {
    const { gain, closed } = discrete({ a, b, r, x });
    return [
      [sub(x, inner(a, matmul(x, closed))), q],
      [inner(b, matmul(x, closed)), matmul(r, gain)],
    ];
  },
  failures: ["ERR_SINGULAR", "ERR_NOT_FINITE", "ERR_NO_CONVERGENCE"],
  hints: { noStabilizing: NONE },
  kernel: native("dare"),
  // Kᴴ dX K - dX + M = 0, M = `forced` with Y = X K; adjoint: K S Kᴴ - S + herm(X̄) = 0
  vjp: (saved, { x: g }) => {
    const loop = discrete(saved);
    return cotangents(loop, matmul(saved.x, loop.closed), discreteLyapunov(loop.closed, hermitianPart(g)) as T);
  },
  jvp: ({ a, b, r, x }, tangents) => {
    const loop = discrete({ a, b, r, x });
    const m = forced(loop, matmul(x, loop.closed), tangents);
    return { x: m && ((): T => discreteLyapunov(loop.closed, m, { adjoint: true }) as T) };
  },
});
