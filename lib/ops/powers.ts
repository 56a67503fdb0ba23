// Powers, roots, logarithms and exponentials of other bases.
import { call } from "../core/apply";
import { isComplex, isFloat, type Sym } from "../core/dtype";
import { defineOp, scalar } from "../core/op";
import { native, type Slope } from "../core/row";
import { isTensor, type Tensor } from "../core/tensor";
import { analytic, stretched, type Z } from "./analytic";
import { nonzero, positive } from "./domains";
import { div, equal, exp, greater, greaterEqual, log, mul, real, sqrt, square, sub, where } from "./elementwise";
import { logicalAnd } from "./rounding";

type T = Tensor<Sym<"T">>;
type R = Tensor<Sym<"real">>;
const x = { inputs: ["x"], outputs: ["y"] } as const;
const ab = { inputs: ["a", "b"], outputs: ["y"] } as const;

/** 1 / x; ±∞ at ±0. */
export const reciprocal = defineOp({ ...x, name: "reciprocal", tf: "Reciprocal", domain: { x: nonzero }, kernel: ({ x }): T => div(1, x) });

/** 1 / √x, within 2 ulp; ±∞ at ±0, NaN for negative real x, the principal branch for complex x. */
export const rsqrt = defineOp({ ...x, name: "rsqrt", tf: "Rsqrt", domain: { x: positive }, kernel: ({ x }): T => div(1, sqrt(x)) });

/** The real cube root, of negative x negative; within 1 ulp. The derivative at 0 is infinite. */
export const cbrt = defineOp({
  ...x,
  name: "cbrt",
  types: "real",
  domain: { x: nonzero },
  kernel: native("cbrt"),
  saves: ["y"],
  slopes: ({ y }) => ({ x: (): Slope<R> => ({ over: mul(3, square(y)) }) }),
});

/** √(a² + b²), real, without overflow on the way; within 2 ulp. ∞ where one is infinite, NaN or not the other. At (0, 0) the derivatives are 0. */
export const hypot = defineOp({
  ...ab,
  name: "hypot",
  types: "real",
  domain: { a: nonzero, b: nonzero },
  kernel: native("hypot"),
  saves: ["a", "b", "y"],
  slopes: ({ a, b, y }) => {
    const part = (p: R) => (): Slope<R> => ({ times: call("unscale", [p, y]) as R });
    return { a: part(a), b: part(b) };
  },
});

/** The logarithm to base 2, within 1 ulp; -∞ at 0, NaN for negative real x, the principal branch for complex x. */
export const log2 = analytic({
  name: "log2",
  domain: positive,
  saves: ["x"],
  slope: ({ x }) => ({ over: mul(Math.LN2, x) }),
  ofComplex: (z) => stretched(Math.LOG2E, log(z)),
});
/** The logarithm to base 10, within 1 ulp; -∞ at 0, NaN for negative real x, the principal branch for complex x. */
export const log10 = analytic({
  name: "log10",
  domain: positive,
  saves: ["x"],
  slope: ({ x }) => ({ over: mul(Math.LN10, x) }),
  ofComplex: (z) => stretched(Math.LOG10E, log(z)),
});
/** 2ˣ, of real x within 1 ulp, subnormal results, too; of complex x within |x| ulp. */
export const exp2 = analytic({
  name: "exp2",
  saves: ["y"],
  slope: ({ y }) => ({ times: mul(Math.LN2, y) }),
  ofComplex: (z) => exp(stretched(Math.LN2, z)),
});

const realPow = defineOp({
  ...ab,
  name: "realPow",
  publicName: "pow",
  hidden: true,
  types: "real",
  domain: { a: positive },
  kernel: native("realPow"),
  saves: ["a", "b", "y"],
  slopes: (saved) => powSlopes(saved),
});
/** e^(b log a); 0 to a power with positive real part is 0, else NaN, but 0⁰ is 1. */
function complexPow(a: Z, b: Z): Z {
  const [zero, one, nan] = [0, 1, Number.NaN].map((x) => scalar(a.dtype, x)) as [Z, Z, Z];
  const ofZero = where(equal(b, zero), one, where(greater(real(b), 0), zero, nan));
  return where(equal(a, zero), ofZero, exp(mul(b, log(where(equal(a, zero), one, a)))));
}
/** b a^(b - 1), 0 where b is; y log a, 0 where a is 0 and the real part of b is not negative. */
function powSlopes<X extends T | R>({ a, b, y }: { readonly a: X; readonly b: X; readonly y: X }) {
  const [p, q, r] = [a, b, y] as unknown as [R, R, R];
  return {
    a: (): Slope<X> => ({ times: where(equal(q, 0), 0, mul(q, powOp(p, sub(q, 1)))) as unknown as X }),
    b: (): Slope<X> => {
      const none = logicalAnd(equal(p, 0), greaterEqual(real(q), 0));
      return { times: mul(r, log(where(none, 1, p) as R)) as unknown as X };
    },
  };
}
const powOp = defineOp({
  ...ab,
  name: "pow",
  tf: "Pow",
  domain: { a: positive },
  kernel: ({ a, b }): T => {
    const [p, q] = [a, b] as unknown as [Tensor, Tensor];
    return (isComplex(p.dtype) ? complexPow(p as Z, q as Z) : realPow(p as Tensor<"float64">, q as Tensor<"float64">)) as unknown as T;
  },
  saves: ["a", "b", "y"],
  slopes: (saved) => powSlopes(saved),
});
/**
 * aᵇ, broadcast; of real numbers within 1 ulp, with C's ends: 1 where b is 0 or a is 1, whatever the other is, NaN of negative a and fractional b.
 * Of complex numbers e^(b log a), the principal branch, within |b log a| ulp, and 0ᵇ is 0 where Re b > 0, 1 where b = 0, else NaN.
 * A number b of 1, 2, 3, 1/2 and -1 is a, `square`, a product, `sqrt` and `reciprocal`, within 2 ulp. Derivatives at a = 0 are those of the
 * polynomial where b is a whole number; that by b is 0 there for b >= 0, as PyTorch has it.
 */
export const pow = Object.assign((...args: Parameters<typeof powOp>) => {
  const [a, b, options] = args as unknown as [unknown, unknown, unknown];
  const short = options === undefined && typeof b === "number" && isTensor(a) && isFloat(a.dtype) ? SHORT[b] : undefined;
  return short ? short(a as Tensor<"float64">) : (powOp as unknown as (...args: unknown[]) => Tensor)(...(args as unknown[]));
}, powOp) as typeof powOp;
const SHORT: { readonly [exponent: number]: (x: Tensor<"float64">) => Tensor } = {
  1: (x) => x,
  2: square,
  3: (x) => mul(square(x), x),
  0.5: sqrt,
  [-1]: reciprocal,
};

/** x log y, 0 where x is 0 and y is no NaN; real, within 2 ulp. By y the derivative is x / y, 0 where x is 0. */
export const xlogy = defineOp({
  name: "xlogy",
  tf: "Xlogy",
  inputs: ["x", "y"],
  outputs: ["z"],
  types: "real",
  domain: { y: positive },
  kernel: native("xlogy"),
  saves: ["x", "y"],
  slopes: ({ x, y }) => ({ x: (): Slope<R> => ({ times: log(y) }), y: (): Slope<R> => ({ times: x, over: y }) }),
});
