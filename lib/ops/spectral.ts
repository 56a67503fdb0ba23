// Functions of Hermitian matrices, f(A) = V f(w) Vᴴ, with derivatives by divided differences, exact at equal eigenvalues.
// Derivations: docs/derivations/spectral.md

import { within } from "../core/apply";
import { oneOf, optionsOf, real as realNumber } from "../core/attrs";
import type { Float, Sym } from "../core/dtype";
import { ArgumentError, BacksolveError, describe } from "../core/errors";
import { type AsyncOptions, type CallOptions, type Checked, defineOp } from "../core/op";
import { type NamedTensors, native } from "../core/row";
import type { Tensor } from "../core/tensor";
import { eye } from "./creation";
import { positiveDefinite } from "./domains";
import { matmul } from "./products";
import { broadcastTo } from "./structure";

type T = Tensor<Sym<"T">>;
const FUNCTIONS = ["exp", "log", "sqrt", "inverseSqrt", "power"] as const;
type Name = (typeof FUNCTIONS)[number];
interface Attrs {
  readonly f: Name;
  readonly p: number;
}
const OPS = {
  exp: "expmHermitian",
  log: "logmHermitian",
  sqrt: "sqrtmHermitian",
  inverseSqrt: "inverseSqrtmHermitian",
  power: "powmHermitian",
} as const satisfies { [k in Name]: string };

const attrs = { f: oneOf(FUNCTIONS, "exp"), p: realNumber(1.5) };
const encode = ({ f, p }: Attrs) => [FUNCTIONS.indexOf(f), p];
/** The same function, errors under the name of the op that the user called. */
const passed = ({ f, p }: Attrs) => ({ f, p, ...within(OPS[f]) });
const failures = ["ERR_NOT_POSITIVE_DEFINITE", "ERR_NO_CONVERGENCE", "ERR_NOT_FINITE"] as const;

/** D²f(A)[herm E, herm H] = V Y Vᴴ, Y_ij = Σ_k f[w_i,w_k,w_j] (Ẽ_ik H̃_kj + H̃_ik Ẽ_kj), Ẽ = Vᴴ E V. */
const spectralSecond = defineOp({
  name: "spectralSecond",
  hidden: true,
  inputs: ["a", "e", "h"],
  outputs: ["d"],
  signature: "(n,n),(n,n),(n,n)->(n,n)",
  attrs,
  domain: { a: positiveDefinite },
  failures,
  kernel: native("spectralSecond", encode),
  saves: ["a", "e", "h"],
  order: 0, // in a; linear in e and h
  // ⟨G, D²f(A)[E, H]⟩ is symmetric in E, H and G.
  vjp: ({ a, e, h }, { d: g }, given) => ({
    a: (): T => {
      throw new BacksolveError("ERR_ARGUMENT", OPS[given.f], "has derivatives up to the second order only.");
    },
    e: (): T => spectralSecond(a, h, g, passed(given)),
    h: (): T => spectralSecond(a, e, g, passed(given)),
  }),
});

/** Df(A)[herm E] = V (f[w_i,w_j] ∘ Vᴴ E V) Vᴴ (Daleckii & Krein 1965). */
const spectralDerivative = defineOp({
  name: "spectralDerivative",
  hidden: true,
  inputs: ["a", "e"],
  outputs: ["d"],
  signature: "(n,n),(n,n)->(n,n)",
  attrs,
  domain: { a: positiveDefinite },
  failures,
  kernel: native("spectralDerivative", encode),
  saves: ["a", "e"],
  order: 1,
  // Df(A) is its own adjoint; ⟨G, D²f(A)[E, H]⟩ = ⟨H, D²f(A)[E, G]⟩.
  vjp: ({ a, e }, { d: g }, given) => ({
    a: (): T => spectralSecond(a, e, g, passed(given)),
    e: (): T => spectralDerivative(a, g, passed(given)),
  }),
});

type Equations = [T, T][];
type Law = (inputs: NamedTensors<"a">, outputs: NamedTensors<"y">) => Equations;

const named = <const N extends Exclude<Name, "power">>(f: N, law: Law) =>
  defineOp({
    name: OPS[f] as (typeof OPS)[N],
    inputs: ["a"],
    outputs: ["y"],
    signature: "(n,n)->(n,n)",
    domain: { a: positiveDefinite },
    law,
    failures: f === "exp" ? failures.slice(1) : failures, // every Hermitian matrix has an exponential
    kernel: native("hermitianFunction", () => encode({ f, p: 0 })),
    aux: { w: "(n)", v: "(n,n)" },
    dtypes: { w: "real" },
    saves: ["a"],
    order: 2,
    // Ā = Df(A)[herm Ȳ]
    vjp: ({ a }, { y: g }) => ({ a: () => spectralDerivative(a, g, passed({ f, p: 0 })) }),
    fused: native("hermitianFunction_vjp", () => encode({ f, p: 0 })),
  });

/**
 * eᴬ of Hermitian matrices: (..., n, n) -> (..., n, n). Reads the lower triangle only; the gradient is Hermitian. Derivatives to the second
 * order, exact where eigenvalues are equal or close. ERR_NOT_FINITE names the item with a NaN or infinity, or with an eigenvalue or answer
 * beyond the largest number.
 */
export const expmHermitian = named("exp", ({ a }, { y }): Equations => [[logmHermitian(y), a]]);

/** The logarithm of Hermitian positive-definite matrices. ERR_NOT_POSITIVE_DEFINITE names the eigenvalue. Otherwise as `expmHermitian`. */
export const logmHermitian = named("log", ({ a }, { y }): Equations => [[expmHermitian(y), a]]);

/**
 * The square root of Hermitian positive-semidefinite matrices; eigenvalues negative by rounding count as 0. It has derivatives where A is
 * positive definite, otherwise they are ERR_NOT_POSITIVE_DEFINITE. Otherwise as `expmHermitian`.
 */
export const sqrtmHermitian = named("sqrt", ({ a }, { y }) => [[matmul(y, y), a]]);

/** A^(-1/2) of Hermitian positive-definite matrices. Otherwise as `expmHermitian`. */
export const inverseSqrtmHermitian = named("inverseSqrt", ({ a }, { y }) => [[matmul(matmul(y, a), y), eyeLike(a)]]);
const eyeLike = (a: T): T => {
  const n = a.shape.at(-1) as number;
  return broadcastTo(eye(n, { dtype: a.dtype }), a.shape);
};

const power = defineOp({
  name: OPS.power,
  inputs: ["a"],
  outputs: ["y"],
  signature: "(n,n)->(n,n)",
  attrs: { p: attrs.p },
  domain: { a: positiveDefinite },
  law: ({ a }, { y }, { p }): Equations => [[power(y, { p: 1 / p }), a]],
  failures,
  kernel: native("hermitianFunction", ({ p }: { p: number }) => encode({ f: "power", p })),
  aux: { w: "(n)", v: "(n,n)" },
  dtypes: { w: "real" },
  saves: ["a"],
  order: 2,
  vjp: ({ a }, { y: g }, { p }): { a: () => T } => ({ a: () => spectralDerivative(a, g, passed({ f: "power", p })) }),
  fused: native("hermitianFunction_vjp", ({ p }: { p: number }) => encode({ f: "power", p })),
});

/** The exponent beside the options, which have none of that name. */
function withPower<O extends object>(p: unknown, options: O | undefined, known: readonly (keyof O & string)[]): O & { p: number } {
  if (!Number.isFinite(p)) throw new ArgumentError(OPS.power, `p must be a finite number, got ${describe(p)}.`);
  return { ...optionsOf(OPS.power, options, known), p: p as number };
}

/**
 * Aᵖ of Hermitian matrices, p a real number. Whole p (up to 1024 in magnitude) take any eigenvalues, negative ones any but 0; other p take
 * eigenvalues that are positive, or 0 where xᵖ and the derivatives asked for exist there. Otherwise as `expmHermitian`.
 */
export const powmHermitian = Object.assign(
  <D extends Float>(a: Tensor<D>, p: number, options?: CallOptions): Tensor<D> =>
    power(a, withPower(p, options, ["onFailure", "out"])) as Tensor<D>,
  {
    async: async <D extends Float>(a: Tensor<D>, p: number, options?: AsyncOptions): Promise<Tensor<D>> =>
      (await power.async(a, withPower(p, options, ["onFailure", "signal"]))) as Tensor<D>,
    checked: <D extends Float>(a: Tensor<D>, p: number, options?: object): Checked<Tensor<D>> =>
      power.checked(a, withPower(p, options, [])) as Checked<Tensor<D>>,
    row: power.row,
  },
);
