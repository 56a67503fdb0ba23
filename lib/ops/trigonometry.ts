// Trigonometric and hyperbolic functions beside those of elementwise.ts, and angles. Of real numbers within 2 ulp wherever they are defined,
// up to the largest and down to the smallest. Complex inverses after Kahan, "Branch cuts for complex elementary functions" (1987):
// the sides of a cut are told by the sign of a zero, as in NumPy; of infinite arguments parts may be NaN.
import { call } from "../core/apply";
import type { Sym } from "../core/dtype";
import { defineOp } from "../core/op";
import { native, type Slope } from "../core/row";
import type { Tensor } from "../core/tensor";
import { analytic, overI, timesI, type Z } from "./analytic";
import { between, nonzero } from "./domains";
import { add, complex, cos, div, imag, less, log1p, mul, neg, real, sqrt, square, sub, tanh, where } from "./elementwise";
import { abs } from "./magnitude";
import { hypot } from "./powers";

type T = Tensor<Sym<"T">>;
type R = Tensor<Sym<"real">>;
type F = Tensor<"float64">;

/** tan x, x in radians; of complex x -i tanh ix. */
export const tan = analytic({
  name: "tan",
  tf: "Tan",
  domain: between(-0.7, 0.7), // poles at ±π/2
  saves: ["x"],
  slope: ({ x }) => ({ over: square(cos(x)) }),
  ofComplex: (z) => overI(tanh(timesI(z))),
});

/** √(1 - z) and √(1 + z), where y keeps the sign of its zero. */
function roots(z: Z): { readonly below: readonly [F, F]; readonly above: readonly [F, F] } {
  const [x, y] = [real(z), imag(z)];
  const [below, above] = [sqrt(complex(sub(1, x), neg(y))), sqrt(complex(add(1, x), y))];
  return { below: [real(below), imag(below)], above: [real(above), imag(above)] };
}
/** √(1 - x²), without cancellation. */
const complement = (x: T): T => mul(sqrt(sub(1, x)), sqrt(add(1, x)));

/** The inverse sine, in [-π/2, π/2]; of real x beyond ±1 NaN; of complex x cut there, along the real axis. */
export const asin = analytic({
  name: "asin",
  tf: "Asin",
  domain: between(-0.7, 0.7),
  saves: ["x"],
  slope: ({ x }) => ({ over: complement(x) }),
  ofComplex: (z) => {
    const {
      below: [a, b],
      above: [c, d],
    } = roots(z);
    return complex(atan2(real(z), sub(mul(a, c), mul(b, d))), asinh(sub(mul(a, d), mul(b, c))));
  },
});

/** The inverse cosine, in [0, π]; of real x beyond ±1 NaN; of complex x cut there, along the real axis. */
export const acos = analytic({
  name: "acos",
  tf: "Acos",
  domain: between(-0.7, 0.7),
  saves: ["x"],
  slope: ({ x }) => ({ over: neg(complement(x)) }),
  ofComplex: (z) => {
    const {
      below: [a, b],
      above: [c, d],
    } = roots(z);
    return complex(mul(2, atan2(a, c)), asinh(sub(mul(c, b), mul(d, a))));
  },
});

/** The inverse tangent, in [-π/2, π/2]; of complex x cut along the imaginary axis beyond ±i. */
export const atan = analytic({
  name: "atan",
  tf: "Atan",
  domain: between(-0.7, 0.7),
  saves: ["x"],
  slope: ({ x }) => ({ over: add(1, square(x)) }),
  ofComplex: (z) => overI(atanh(timesI(z))),
});

/** The inverse hyperbolic sine; of complex x cut along the imaginary axis beyond ±i. */
export const asinh = analytic({
  name: "asinh",
  tf: "Asinh",
  domain: between(-0.7, 0.7),
  saves: ["x"],
  slope: ({ x }) => ({ over: sqrt(add(1, square(x))) }),
  ofComplex: (z) => overI(asin(timesI(z))),
});

/** The inverse hyperbolic cosine, 0 or more; of real x below 1 NaN; of complex x cut there, along the real axis. */
export const acosh = analytic({
  name: "acosh",
  tf: "Acosh",
  domain: between(1.3, 3),
  saves: ["x"],
  slope: ({ x }) => ({ over: mul(sqrt(sub(x, 1)), sqrt(add(x, 1))) }),
  ofComplex: (z) => {
    const [x, y] = [real(z), imag(z)];
    const [below, above] = [sqrt(complex(sub(x, 1), y)), sqrt(complex(add(x, 1), y))];
    const [a, b, c, d] = [real(below), imag(below), real(above), imag(above)];
    return complex(asinh(add(mul(a, c), mul(b, d))), mul(2, atan2(b, c)));
  },
});

/** The inverse hyperbolic tangent; ±∞ at ±1, of real x beyond NaN; of complex x cut there, along the real axis. */
export const atanh = analytic({
  name: "atanh",
  tf: "Atanh",
  domain: between(-0.6, 0.6),
  saves: ["x"],
  slope: ({ x }) => ({ over: mul(sub(1, x), add(1, x)) }),
  // Re = log1p(4x / ((1 - x)² + y²)) / 4 for x >= 0, odd in x, Im = atan2(2y, (1 - x)(1 + x) - y²) / 2
  ofComplex: (z) => {
    const [x, y] = [real(z), imag(z)];
    const a = abs(x);
    const far = hypot(sub(1, a), y);
    const size = mul(0.25, log1p(div(div(mul(4, a), far), far)));
    const angle = atan2(mul(2, y), sub(mul(sub(1, x), add(1, x)), square(y)));
    const left = less(div(1, x), 0); // -0, too
    return complex(where(left, neg(size), size), mul(0.5, angle));
  },
});

const unscaled = (a: R, b: R): R => call("unscale", [a, b]) as R;
/**
 * The angle of the point (x, y), of y and x in this order, in [-π, π]; real, within 2 ulp. Signs of zeros tell sides as in C: ±0 and ±π on the
 * axis. At (0, 0) the derivatives are 0.
 */
export const atan2 = defineOp({
  name: "atan2",
  tf: "Atan2",
  inputs: ["y", "x"],
  outputs: ["angle"],
  types: "real",
  domain: { y: nonzero, x: nonzero },
  kernel: native("atan2"),
  saves: ["y", "x"],
  // dθ = (x dy - y dx) / (x² + y²)
  slopes: ({ y, x }) => {
    const r = hypot(y, x);
    return { y: (): Slope<R> => ({ times: unscaled(x, r), over: r }), x: (): Slope<R> => ({ times: neg(unscaled(y, r)), over: r }) };
  },
});

/** The argument of x, in [-π, π]; of real x 0, or π where x is negative or -0. At 0 the derivative is 0. */
export const angle = defineOp({
  name: "angle",
  tf: "Angle",
  inputs: ["x"],
  outputs: ["y"],
  dtypes: { y: "real" },
  domain: { x: nonzero },
  kernel: ({ x }): R => atan2(imag(x), real(x)) as R,
});
