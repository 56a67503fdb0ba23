// The logistic function, its integral, and what neural networks call by name.
import type { Sym } from "../core/dtype";
import { defineOp, scalar } from "../core/op";
import { native, type Slope } from "../core/row";
import type { Tensor } from "../core/tensor";
import { analytic } from "./analytic";
import { between, nonzero } from "./domains";
import { add, div, exp, greater, less, maximum, mul, neg, real, sub, where } from "./elementwise";
import { clip } from "./rounding";

type R = Tensor<Sym<"real">>;
const x = { inputs: ["x"], outputs: ["y"], types: "real" } as const;

/** 1 / (1 + e⁻ˣ), within 2 ulp, also where it is tiny; of complex x with poles at odd multiples of ±iπ. */
export const sigmoid = analytic({
  name: "sigmoid",
  tf: "Sigmoid",
  domain: between(-1.5, 1.5),
  saves: ["x", "y"],
  // σ(x) σ(-x): 1 - σ has no correct digit left where σ is nearly 1
  slope: ({ x, y }) => ({ times: mul(y, sigmoid(neg(x))) }),
  ofComplex: (z) => {
    const left = less(real(z), 0);
    const e = exp(where(left, z, neg(z)));
    return div(where(left, e, 1), add(1, e));
  },
});

/** An infinity as the largest number: what is left of a difference of two is 0. */
const held = (x: R): R => {
  const most = x.dtype === "float32" ? 3.4028234663852886e38 : Number.MAX_VALUE;
  return clip(x, -most, most) as R;
};
/**
 * log(eᵃ + eᵇ) without overflow, broadcast; real. Within 2 ulp where a, b >= 0 or |a - b| is large; about -log 2, where it is 0, the error is that
 * of the terms. Of equal infinities that infinity. Derivatives: σ(a - b) and σ(b - a), 1/2 each of equal infinities.
 */
export const logaddexp = defineOp({
  name: "logaddexp",
  inputs: ["a", "b"],
  outputs: ["y"],
  types: "real",
  kernel: native("logaddexp"),
  saves: ["a", "b"],
  slopes: ({ a, b }) => {
    const share = (p: R, q: R) => (): Slope<R> => ({ times: sigmoid(sub(held(p), held(q))) });
    return { a: share(a, b), b: share(b, a) };
  },
});

/** log(1 + eˣ), within 2 ulp: eˣ far left, x far right; real. */
export const softplus = defineOp({
  ...x,
  name: "softplus",
  tf: "Softplus",
  kernel: ({ x }) => logaddexp(x, 0) as R,
  saves: ["x"],
  slopes: ({ x }) => ({ x: (): Slope<R> => ({ times: sigmoid(x) }) }),
});
/** log σ(x) = -log(1 + e⁻ˣ), within 2 ulp: x far left, -e⁻ˣ far right; real. */
export const logSigmoid = defineOp({
  ...x,
  name: "logSigmoid",
  kernel: ({ x }) => neg(logaddexp(neg(x), 0)) as R,
  saves: ["x"],
  slopes: ({ x }) => ({ x: (): Slope<R> => ({ times: sigmoid(neg(x)) }) }),
});

/** The larger of x and 0, NaN of NaN; real and int32. The derivative at 0 is 0, as JAX and PyTorch have it. */
export const relu = defineOp({
  ...x,
  name: "relu",
  tf: "Relu",
  types: "ordered",
  domain: { x: nonzero },
  kernel: ({ x }) => maximum(x, 0) as R,
  saves: ["x"],
  slopes: ({ x }) => ({ x: (): Slope<R> => ({ times: where(greater(x, 0), scalar(x.dtype, 1), scalar(x.dtype, 0)) }) }),
});
