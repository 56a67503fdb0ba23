// Quotients by gaps and sums of singular values, and what must vanish. Derivations: docs/derivations/svd.md
import { within } from "../core/apply";
import { int, oneOf } from "../core/attrs";
import { type Float, realOf, type Sym } from "../core/dtype";
import { defineOp } from "../core/op";
import { native } from "../core/row";
import type { Tensor } from "../core/tensor";
import { zeros } from "./creation";
import { ascending, positive } from "./domains";
import { codeOf, POLICIES, type Policy, STRICT } from "./eigh";
import { conj, div, mul, neg, real, sub } from "./elementwise";
import { max } from "./extremes";
import { abs } from "./magnitude";
import { sum } from "./reductions";
import { scaleOf } from "./scales";
import { expandDims } from "./structure";

type T = Tensor<Sym<"T">>;
type R = Tensor<Sym<"real">>;

/** The largest |x| of each matrix, 0 of none. */
export const sizeOf = (x: T): R => {
  const batch = x.shape.slice(0, -2);
  const empty = x.shape.slice(-2).includes(0);
  return (empty ? zeros(batch, { dtype: realOf(x.dtype) }) : max(abs(x), { axis: [-2, -1] })) as R;
};

/** What helps where singular values are equal, or zero. */
export const SINGULAR =
  'use svdvals for symmetric functions of the singular values, pinv and norms for functions of the matrix, or the option degenerate: "nan" or "mask"';
export const hints = { equalSingular: SINGULAR, singularPhase: SINGULAR, zeroSingular: SINGULAR, degenerateValues: SINGULAR };
const nameFor = (checks: number): string => (checks & STRICT ? "svdvals" : "svd");

/**
 * q_ij = x_ij / (s_j - s_i), zero on the diagonal. Where singular values are equal and x is beyond rounding, in numbers of that `size`, `degenerate`
 * says what happens. `checks`: those of `gapQuotient`.
 */
export const singularGaps = defineOp({
  name: "singularGaps",
  hidden: true,
  publicName: "svd",
  inputs: ["x", "s", "size"],
  outputs: ["q"],
  signature: "(n,n),(n),()->(n,n)",
  dtypes: { s: "real", size: "real" },
  attrs: { degenerate: oneOf(POLICIES, "throw"), checks: int(0) },
  domain: { s: ascending, size: positive },
  failures: ["ERR_DEGENERATE"],
  hints,
  kernel: native("singularGaps", ({ degenerate, checks }: { degenerate: Policy; checks: number }) => [codeOf(degenerate), checks]),
  saves: ["s", "q"],
  // F is real: x̄ = F ∘ q̄; with c = Re(conj(q̄) ∘ F ∘ q), s̄_k = Σ_j c_kj - Σ_i c_ik, as of gapQuotient
  vjp: ({ s, q }, { q: g }, { degenerate, checks }) => {
    const again = { degenerate, checks: checks & STRICT, ...within(nameFor(checks)) };
    return {
      x: (): T => singularGaps(g, s, sizeOf(g), again),
      s: (): R => {
        const x = mul(conj(g), q);
        const c = real(singularGaps(x, s, sizeOf(x), again));
        return sub(sum(c, { axis: -1 }), sum(c, { axis: -2 }));
      },
    };
  },
});
/** x_ij / (s_j - s_i), of numbers of `like`'s size. */
export const overGaps = (s: R, x: T, like: T, degenerate: Policy, checks: number): T =>
  singularGaps(x, s, sizeOf(like), { degenerate, checks, ...within(nameFor(checks)) });

/** What there is to divide by a sum of zero: "any": no quotient; "own": none but on the diagonal of real matrices; "free": what must vanish. */
const ZERO = ["any", "own", "free"] as const;
/**
 * q_ij = x_ij / (a_i + b_j), of what is not negative. Sums within rounding of zero are zero, and `degenerate` says what happens there, also where x is
 * zero: whether the quotient has a limit x does not tell.
 */
export const sumQuotient = defineOp({
  name: "sumQuotient",
  hidden: true,
  publicName: "svd",
  inputs: ["x", "a", "b", "size"],
  outputs: ["q"],
  signature: "(m,n),(m),(n),()->(m,n)",
  dtypes: { a: "real", b: "real", size: "real" },
  attrs: { degenerate: oneOf(POLICIES, "throw"), zero: oneOf(["any", "own"], "any") },
  domain: { a: positive, b: positive, size: positive },
  failures: ["ERR_DEGENERATE"],
  hints,
  kernel: native("sumQuotient", ({ degenerate, zero }: { degenerate: Policy; zero: (typeof ZERO)[number] }) => [
    codeOf(degenerate),
    ZERO.indexOf(zero),
  ]),
  saves: ["a", "b", "q"],
  // x̄_ij = q̄_ij / (a_i + b_j); ā_i = -Σ_j Re(conj(q̄) q)_ij / (a_i + b_j), b̄_j likewise
  vjp: ({ a, b, q }, { q: g }, { degenerate, zero }) => {
    const again = { degenerate, zero, ...within("svd") };
    const both = (): R => {
      const c = mul(conj(g), q);
      return neg(real(sumQuotient(c, a, b, sizeOf(c), again)));
    };
    return {
      x: (): T => sumQuotient(g, a, b, sizeOf(g), again),
      a: (): R => sum(both(), { axis: -1 }),
      b: (): R => sum(both(), { axis: -2 }),
    };
  },
});
/** x (m,p) over s (p), column by column, of numbers of `like`'s size. */
export const overColumns = (s: R, x: T, like: T, degenerate: Policy): T =>
  sumQuotient(x, zeros([x.shape.at(-2) as number], { dtype: s.dtype }) as R, s, sizeOf(like), { degenerate, ...within("svd") });
/** x_ij / (s_i + s_j), of numbers of `like`'s size. */
export const overSums = (s: R, x: T, like: T, degenerate: Policy): T =>
  sumQuotient(x, s, s, sizeOf(like), { degenerate, zero: "own", ...within("svd") });

/** s_i x_ij / (s_i + s_j), which is of x's size whatever that of s is. */
export function sharesOf(s: R, x: T, degenerate: Policy): T {
  const own = div(s, scaleOf(s as Tensor as Tensor<Float>, -1) as R) as R;
  return mul(expandDims(own, -1), overSums(own, x, x, degenerate)) as T;
}

/** As sumQuotient with sums of zero: what fails are columns that only complete a basis. */
const vanishing = defineOp({
  name: "vanishing",
  hidden: true,
  publicName: "svd",
  inputs: ["x", "a", "b", "size"],
  outputs: ["q"],
  signature: "(m,n),(m),(n),()->(m,n)",
  dtypes: { a: "real", b: "real", size: "real" },
  attrs: { degenerate: oneOf(POLICIES, "throw") },
  order: 0,
  domain: { a: positive, b: positive, size: positive },
  failures: ["ERR_DEGENERATE"],
  kernel: native("sumQuotient", ({ degenerate }: { degenerate: Policy }) => [codeOf(degenerate), ZERO.indexOf("free")]),
  vjp: () => ({}),
});
/**
 * x (m,n), which must be zero to within rounding of numbers of `like`'s size: zeros, without a derivative, as it is zero wherever the loss may go.
 * @throws ERR_DEGENERATE of the function `op`.
 */
export function mustVanish(op: string, x: T, like: T, degenerate: Policy = "throw"): T {
  const none = (n: number): R => zeros([n], { dtype: realOf(x.dtype) }) as R;
  return vanishing(x, none(x.shape.at(-2) as number), none(x.shape.at(-1) as number), sizeOf(like), { degenerate, ...within(op) });
}
