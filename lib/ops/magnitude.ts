// z = |z| sign z. Neither factor is holomorphic: rules are of the real and imaginary parts together. At 0 both have the derivative 0.
import { call } from "../core/apply";
import { isComplex, type Sym } from "../core/dtype";
import { zerosLike } from "../core/evaluate";
import { defineOp } from "../core/op";
import { type NamedTensors, native } from "../core/row";
import type { Tensor } from "../core/tensor";
import { nonzero } from "./domains";
import { complex, conj, imag, mul, real, toComplex } from "./elementwise";

type T = Tensor<Sym<"T">>;
type R = Tensor<Sym<"real">>;
const x = { inputs: ["x"], outputs: ["y"], domain: { x: nonzero } } as const;
/** Real t in the dtype of x. */
const like = (x: T, t: R): T => {
  const whole: Tensor = isComplex(x.dtype) ? toComplex(t) : t;
  return whole as T;
};

/** |x|, of complex x real, without overflow on the way. */
export const abs = defineOp({
  ...x,
  name: "abs",
  tf: "Abs",
  types: "number",
  dtypes: { y: "real" },
  kernel: native("abs"),
  saves: ["x"],
  // d|z| = Re(conj(sign z) dz)
  vjp: ({ x }, { y: g }) => ({ x: () => call("scale", [like(x, g), sign(x)]) as T }),
  jvp: ({ x }, { x: t }) => ({ y: t && (() => real(call("scale", [conj(sign(x)), t]) as T)) }),
});

/** How z turns: d sign z = i sign z Im(conj(sign z) dz) / |z|, its own adjoint. */
const turned = ({ x, y }: NamedTensors<"x" | "y">, t: T): T => {
  if (!isComplex(x.dtype)) return zerosLike(t);
  const across = imag(mul(conj(y), t));
  return call("unscale", [mul(y, complex(zerosLike(across), across)), toComplex(abs(x))]) as T;
};

/** x / |x|: of real x -1, 0 or 1; of complex x on the unit circle, or 0. */
export const sign = defineOp({
  ...x,
  name: "sign",
  tf: "Sign",
  types: "number",
  kernel: native("sign"),
  saves: ["x", "y"],
  vjp: (saved, { y: g }) => ({ x: () => turned(saved, g) }),
  jvp: (values, { x: t }) => ({ y: t && (() => turned(values, t)) }),
});
