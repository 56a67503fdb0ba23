// Linear equations of matrices on both sides. Derivations: docs/derivations/equations.md
import { flag } from "../core/attrs";
import type { Sym } from "../core/dtype";
import { defineOp } from "../core/op";
import { native } from "../core/row";
import type { Tensor } from "../core/tensor";
import { contraction, leading } from "./domains";
import { add, neg, sub } from "./elementwise";
import { matmul } from "./products";
import { adjoint } from "./structure";

type T = Tensor<Sym<"T">>;

const times = (a: T, b: T): T => matmul(a, b);
const outer = (a: T, b: T): T => matmul(a, b, { adjointB: true });
const inner = (a: T, b: T): T => matmul(a, b, { adjointA: true });
const total = (parts: readonly (T | undefined)[]): T | undefined => {
  const given = parts.filter((p): p is T => p !== undefined);
  return given.length > 0 ? given.reduce((p, q) => add(p, q)) : undefined;
};

/**
 * X with A X + X B = C: (..., m, m), (..., n, n), (..., m, n) -> (..., m, n); with `adjoint` Aᴴ X + X Bᴴ = C. By Schur forms, which the gradient uses again.
 * ERR_SINGULAR: an eigenvalue of A is minus one of B, to within rounding, so that there is no single solution. ERR_NOT_FINITE names an item with a NaN
 * or infinity, or with an answer beyond the largest number.
 */
export const sylvester = defineOp({
  name: "sylvester",
  inputs: ["a", "b", "c"],
  outputs: ["x"],
  signature: "(m,m),(n,n),(m,n)->(m,n)",
  attrs: { adjoint: flag(false) },
  domain: { a: leading, b: leading },
  law: ({ a, b, c }, { x }, { adjoint: h }) => {
    const [left, right] = h ? [adjoint(a), adjoint(b)] : [a, b];
    return [[add(times(left, x), times(x, right)), c]];
  },
  failures: ["ERR_SINGULAR", "ERR_NOT_FINITE", "ERR_NO_CONVERGENCE"],
  hints: { commonValues: "an eigenvalue of A is minus one of B, to within rounding" },
  kernel: native("sylvester"),
  aux: { la: "(m,m)", wa: "(m,m)", lb: "(n,n)", wb: "(n,n)" },
  saves: ["a", "b", "x"],
  // A dX + X dB = dC - dA X - X dB: C̄ = Y with Aᴴ Y + Y Bᴴ = X̄, Ā = -Y Xᴴ, B̄ = -Xᴴ Y
  vjp: ({ a, b, x }, { x: g }, { adjoint: h }) => {
    const y = (): T => sylvester(a, b, g, { adjoint: !h });
    return {
      a: () => neg(h ? outer(x, y()) : outer(y(), x)),
      b: () => neg(h ? inner(y(), x) : inner(x, y())),
      c: y,
    };
  },
  jvp: ({ a, b, x }, { a: da, b: db, c: dc }, { adjoint: h }) => ({
    x: (): T | undefined => {
      const by = h ? [da && inner(da, x), db && outer(x, db)] : [da && times(da, x), db && times(x, db)];
      const minus = total(by);
      const right = minus && dc ? sub(dc, minus) : (dc ?? (minus && neg(minus)));
      return right && sylvester(a, b, right, { adjoint: h });
    },
  }),
  fused: native("sylvester_vjp"),
});

/**
 * X with A X + X Aᴴ = Q, SciPy's solve_continuous_lyapunov: (..., n, n), (..., n, n) -> (..., n, n); with `adjoint` Aᴴ X + X A = Q. Of a Hermitian Q X is
 * Hermitian to the bit. Errors as `sylvester`, where an eigenvalue of A is minus the conjugate of one.
 */
export const lyapunov = defineOp({
  name: "lyapunov",
  inputs: ["a", "q"],
  outputs: ["x"],
  signature: "(n,n),(n,n)->(n,n)",
  attrs: { adjoint: flag(false) },
  domain: { a: leading },
  law: ({ a, q }, { x }, { adjoint: h }) => [[h ? add(inner(a, x), times(x, a)) : add(times(a, x), outer(x, a)), q]],
  failures: ["ERR_SINGULAR", "ERR_NOT_FINITE", "ERR_NO_CONVERGENCE"],
  hints: { commonValues: "an eigenvalue of A is minus the conjugate of one, to within rounding" },
  kernel: native("lyapunov"),
  aux: { l: "(n,n)", w: "(n,n)" },
  saves: ["a", "x"],
  // Q̄ = Y with Aᴴ Y + Y A = X̄, Ā = -(Y Xᴴ + Yᴴ X)
  vjp: ({ a, x }, { x: g }, { adjoint: h }) => {
    const y = (): T => lyapunov(a, g, { adjoint: !h });
    return {
      a: (): T => {
        const [p, q] = h ? [x, y()] : [y(), x];
        return neg(add(outer(p, q), inner(p, q)));
      },
      q: y,
    };
  },
  jvp: ({ a, x }, { a: da, q: dq }, { adjoint: h }) => ({
    x: (): T | undefined => {
      const by = da && (h ? add(inner(da, x), times(x, da)) : add(times(da, x), outer(x, da)));
      const right = by && dq ? sub(dq, by) : (dq ?? (by && neg(by)));
      return right && lyapunov(a, right, { adjoint: h });
    },
  }),
  fused: native("lyapunov_vjp"),
});

/**
 * X with A X Aᴴ - X + Q = 0, SciPy's solve_discrete_lyapunov: (..., n, n), (..., n, n) -> (..., n, n); with `adjoint` Aᴴ X A - X + Q = 0. Of a Hermitian
 * Q X is Hermitian to the bit. Errors as `sylvester`, where the product of an eigenvalue of A and the conjugate of one is 1.
 */
export const discreteLyapunov = defineOp({
  name: "discreteLyapunov",
  inputs: ["a", "q"],
  outputs: ["x"],
  signature: "(n,n),(n,n)->(n,n)",
  dtypes: { l: "complex", w: "complex" },
  attrs: { adjoint: flag(false) },
  domain: { a: contraction },
  law: ({ a, q }, { x }, { adjoint: h }) => [[sub(x, h ? inner(a, times(x, a)) : times(a, outer(x, a))), q]],
  failures: ["ERR_SINGULAR", "ERR_NOT_FINITE", "ERR_NO_CONVERGENCE"],
  hints: { commonValues: "an eigenvalue of A times the conjugate of one is 1, to within rounding" },
  kernel: native("discreteLyapunov"),
  aux: { l: "(n,n)", w: "(n,n)" },
  saves: ["a", "x"],
  // dX - A dX Aᴴ = dQ + dA X Aᴴ + A X dAᴴ: Q̄ = Y with Aᴴ Y A - Y + X̄ = 0, Ā = Y A Xᴴ + Yᴴ A X
  vjp: ({ a, x }, { x: g }, { adjoint: h }) => {
    const y = (): T => discreteLyapunov(a, g, { adjoint: !h });
    return {
      a: (): T => {
        const [p, q] = h ? [x, y()] : [y(), x];
        return add(times(p, outer(a, q)), inner(p, times(a, q)));
      },
      q: y,
    };
  },
  jvp: ({ a, x }, { a: da, q: dq }, { adjoint: h }) => ({
    x: (): T | undefined => {
      const by = da && (h ? add(inner(da, times(x, a)), inner(a, times(x, da))) : add(times(da, outer(x, a)), times(a, outer(x, da))));
      const right = by && dq ? add(dq, by) : (dq ?? by);
      return right && discreteLyapunov(a, right, { adjoint: h });
    },
  }),
  fused: native("discreteLyapunov_vjp"),
});
