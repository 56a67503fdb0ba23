// The error function, the standard normal distribution and the logarithm of Γ with its derivatives; real numbers alone. Sources are in
// native/lanes/kernels/normal.h and gamma.h; float32 is computed in float64 and within 1 ulp, but for erf and lgamma, which are SLEEF's.
import { call } from "../core/apply";
import type { Domain } from "../core/domain";
import { allocate, type Sym } from "../core/dtype";
import { defineOp } from "../core/op";
import { native, type Slope } from "../core/row";
import { sizeOf, type Tensor, wrap } from "../core/tensor";
import { between, positive } from "./domains";
import { add, exp, mul, neg, square, sub } from "./elementwise";

type R = Tensor<Sym<"real">>;
const x = { inputs: ["x"], outputs: ["y"], types: "real" } as const;

const bell = (x: R, height: number): R => mul(height, exp(neg(square(x)))) as R;
/** The error function, within 1 ulp (float32: 2). ±1 at ±∞. */
export const erf = defineOp({
  ...x,
  name: "erf",
  tf: "Erf",
  kernel: native("erf"),
  saves: ["x"],
  slopes: ({ x }) => ({ x: (): Slope<R> => ({ times: bell(x, 2 / Math.sqrt(Math.PI)) }) }),
});
/** 1 - erf x, within 5 ulp also where it is tiny, down to subnormal numbers (x = 27); 2 at -∞. */
export const erfc = defineOp({
  ...x,
  name: "erfc",
  tf: "Erfc",
  kernel: native("erfc"),
  saves: ["x"],
  slopes: ({ x }) => ({ x: (): Slope<R> => ({ times: bell(x, -2 / Math.sqrt(Math.PI)) }) }),
});
/** The inverse of erf, within 8 ulp; ±∞ at ±1, NaN beyond. */
export const erfInv = defineOp({
  ...x,
  name: "erfInv",
  tf: "Erfinv",
  domain: { x: between(-0.5, 0.5) },
  kernel: native("erfInv"),
  saves: ["y"],
  slopes: ({ y }) => ({ x: (): Slope<R> => ({ times: mul(Math.sqrt(Math.PI) / 2, exp(square(y))) }) }),
});

/** The logarithm of the standard normal density, -(x² + log 2π) / 2, within 2 ulp. */
export const normLogPdf = defineOp({
  ...x,
  name: "normLogPdf",
  kernel: ({ x }) => sub(-0.9189385332046727, mul(mul(0.5, x), x)) as R,
  saves: ["x"],
  slopes: ({ x }) => ({ x: (): Slope<R> => ({ times: neg(x) }) }),
});
const density = (x: R): R => exp(normLogPdf(x)) as R;
/** The standard normal distribution function Φ, within 8 ulp also where it is tiny, down to subnormal numbers (x = -38). */
export const normCdf = defineOp({
  ...x,
  name: "normCdf",
  tf: "Ndtr",
  kernel: native("normCdf"),
  saves: ["x"],
  slopes: ({ x }) => ({ x: (): Slope<R> => ({ times: density(x) }) }),
});
/** log Φ(x), within 8 ulp in both tails: as -x²/2 far left, as -Φ(-x) far right. */
export const normLogCdf = defineOp({
  ...x,
  name: "normLogCdf",
  tf: "LogNdtr",
  kernel: native("normLogCdf"),
  saves: ["x"],
  slopes: ({ x }) => ({ x: (): Slope<R> => ({ times: normHazard(x) }) }),
});
/** @internal The derivative of log Φ: the density over Φ, as -x far left. */
const normHazard = defineOp({
  ...x,
  name: "normHazard",
  hidden: true,
  kernel: native("normHazard"),
  saves: ["x", "y"],
  slopes: ({ x, y }) => ({ x: (): Slope<R> => ({ times: neg(mul(y, add(x, y))) }) }),
});
/** The inverse of Φ, within 8 ulp of p in (0, 1); ∓∞ at 0 and 1, NaN beyond. Near 1 as exact as p itself is. */
export const normQuantile = defineOp({
  ...x,
  name: "normQuantile",
  tf: "Ndtri",
  domain: { x: between(0.4, 0.6) },
  kernel: native("normQuantile"),
  saves: ["y"],
  slopes: ({ y }) => ({ x: (): Slope<R> => ({ over: density(y) }) }),
});

/**
 * log |Γ(x)|, within 1 ulp (float32 of negative x: 4); ∞ at 0, at negative whole numbers and at ±∞. Its derivative is digamma, that of which is
 * polygamma(1, x), and so on.
 */
export const lgamma = defineOp({
  ...x,
  name: "lgamma",
  tf: "Lgamma",
  domain: { x: positive },
  kernel: native("lgamma"),
  saves: ["x"],
  slopes: ({ x }) => ({ x: (): Slope<R> => ({ times: digamma(x) }) }),
});
/**
 * ψ = Γ'/Γ, within 5 ulp of x > 0, at the root too; of negative x within 5 ulp of the larger of its terms ψ(1 - x) and π cot πx. ∓∞ at ±0, NaN at
 * negative whole numbers and at -∞.
 */
export const digamma = defineOp({
  ...x,
  name: "digamma",
  tf: "Digamma",
  domain: { x: positive },
  kernel: native("digamma"),
  saves: ["x"],
  slopes: ({ x }) => ({ x: (): Slope<R> => ({ times: polygamma(1, x) }) }),
});

/** Whole numbers 0 to 2, which stay. */
const orders: Domain = {
  name: "orders",
  sample: ({ dtype, shape }) => wrap(dtype, shape, allocate(dtype, sizeOf(shape)).map((_: number, i: number) => i % 3) as never),
  tangent: (direction) => mul(0, direction as Tensor<"float64">) as Tensor,
};
/**
 * The derivative of order n of digamma, n a number or a tensor of whole numbers from 0 on (else NaN), broadcast: (-1)ⁿ⁺¹ n! ζ(n + 1, x), within 10
 * ulp of x >= -1000, below NaN. Infinite at 0 and negative whole numbers. No derivative by n.
 */
export const polygamma = defineOp({
  name: "polygamma",
  tf: "Polygamma",
  inputs: ["n", "x"],
  outputs: ["y"],
  types: "real",
  domain: { n: orders, x: positive },
  kernel: native("polygamma"),
  saves: ["n", "x"],
  slopes: ({ n, x }) => ({ x: (): Slope<R> => ({ times: call("polygamma", [add(n, 1), x]) as R }) }),
});
