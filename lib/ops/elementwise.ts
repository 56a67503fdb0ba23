// Elementwise ops. Cotangents are gradients of a real loss, dL/dRe z + i dL/dIm z: for holomorphic f, x̄ = ȳ conj(f'(x)).

import { withoutOptions } from "../core/attrs";
import { type DType, isComplex, type RealOf, type Sym, type Takes } from "../core/dtype";
import { zerosLike } from "../core/evaluate";
import { defineOp, scalar } from "../core/op";
import { asTensor } from "../core/operands";
import { native, type Slope } from "../core/row";
import { primal, type Shape, stridesOf, type Tensor } from "../core/tensor";
import { between, nonzero, positive } from "./domains";

/** conj(x), which for real x is x itself and no op. */
export const conj = withoutOptions("conj", 1, <D extends DType>(x: Tensor<D>): Tensor<D> => {
  const t: Tensor = asTensor("conj", "x", x);
  return (isComplex(t.dtype) ? conjugate(t) : t) as Tensor<D>;
});

type T = Tensor<Sym<"T">>;
type R = Tensor<Sym<"real">>;
type Any = Tensor<Sym<"any">>;
const ab = { inputs: ["a", "b"], outputs: ["y"] } as const;
const x = { inputs: ["x"], outputs: ["y"] } as const;

/** a + b, broadcast. */
export const add = defineOp({
  name: "add",
  tf: "AddV2",
  ...ab,
  types: "number",
  kernel: native("add"),
  linear: true,
  vjp: (_, { y: g }) => ({ a: () => g, b: () => g }),
});

/** a - b, broadcast. */
export const sub = defineOp({
  name: "sub",
  tf: "Sub",
  ...ab,
  types: "number",
  kernel: native("sub"),
  linear: true,
  vjp: (_, { y: g }) => ({ a: () => g, b: () => neg(g) }),
});

/** a b elementwise, broadcast. */
export const mul = defineOp({
  name: "mul",
  tf: "Mul",
  ...ab,
  types: "number",
  kernel: native("mul"),
  saves: ["a", "b"],
  slopes: ({ a, b }) => ({ a: () => ({ times: b }), b: () => ({ times: a }) }),
});

/**
 * a / b elementwise, broadcast. Complex quotients with infinities are those of C (Annex G), in which a number with an infinite part is
 * infinite whatever the other part is: finite over infinite is 0, infinite over finite and nonzero over zero are infinite; NumPy and PyTorch
 * give NaN. Infinite over infinite and zero over zero have a NaN.
 */
export const div = defineOp({
  name: "div",
  tf: "RealDiv",
  ...ab,
  domain: { b: nonzero },
  kernel: native("div"),
  saves: ["b", "y"],
  // d(a/b) = da/b - (a/b) db/b
  slopes: ({ b, y }) => ({ a: () => ({ over: b }), b: () => ({ times: neg(y), over: b }) }),
});

/** @internal g s, where 0 times anything is 0: what a derivative g becomes along a slope s. */
defineOp({
  name: "scale",
  hidden: true,
  inputs: ["g", "s"],
  outputs: ["y"],
  kernel: native("scale"),
  saves: ["g", "s"],
  slopes: ({ g, s }) => ({ g: () => ({ times: s }), s: () => ({ times: g }) }),
});
/** @internal g / d, where 0 over anything and anything over infinity is 0. */
defineOp({
  name: "unscale",
  hidden: true,
  inputs: ["g", "d"],
  outputs: ["y"],
  domain: { d: nonzero },
  kernel: native("unscale"),
  saves: ["d", "y"],
  slopes: ({ d, y }) => ({ g: () => ({ over: d }), d: () => ({ times: neg(y), over: d }) }),
});

/** The larger of two real numbers; NaN if either is. At a tie both get half of the cotangent. */
export const maximum = defineOp({
  name: "maximum",
  tf: "Maximum",
  ...ab,
  types: "ordered",
  kernel: native("maximum"),
  saves: ["a", "b"],
  slopes: ({ a, b }) => ({ a: () => ({ times: tieShare(a, b) }), b: () => ({ times: tieShare(b, a) }) }),
});

/** The smaller of two real numbers; NaN if either is. At a tie both get half of the cotangent. */
export const minimum = defineOp({
  name: "minimum",
  tf: "Minimum",
  ...ab,
  types: "ordered",
  kernel: native("minimum"),
  saves: ["a", "b"],
  slopes: ({ a, b }) => ({ a: () => ({ times: tieShare(b, a) }), b: () => ({ times: tieShare(a, b) }) }),
});

// 1 where p > q, 1/2 where equal, else 0; locally constant
const tieShare = (p: R, q: R): R => where(greater(p, q), scalar(p.dtype, 1), where(equal(p, q), scalar(p.dtype, 0.5), scalar(p.dtype, 0)));

/** -x; of int32 with overflow that wraps, as in every op of integers. */
export const neg = defineOp({
  name: "neg",
  tf: "Neg",
  ...x,
  types: "number",
  kernel: native("neg"),
  linear: true,
  vjp: (_, { y: g }) => ({ x: (): T => neg(g) }),
});

/** x². */
export const square = defineOp({
  name: "square",
  tf: "Square",
  ...x,
  types: "number",
  kernel: native("square"),
  saves: ["x"],
  slopes: ({ x }) => ({ x: () => ({ times: mul(2, x) }) }),
});

/** √x, the principal branch for complex x; NaN for negative real x. The derivative at 0 is infinite. */
export const sqrt = defineOp({
  name: "sqrt",
  tf: "Sqrt",
  ...x,
  domain: { x: positive },
  kernel: native("sqrt"),
  saves: ["y"],
  slopes: ({ y }) => ({ x: () => ({ over: mul(2, y) }) }),
});

/** eˣ. */
export const exp = defineOp({
  name: "exp",
  tf: "Exp",
  ...x,
  kernel: native("exp"),
  saves: ["y"],
  slopes: ({ y }) => ({ x: () => ({ times: y }) }),
});

/** The natural logarithm, the principal branch for complex x; NaN for negative real x. */
export const log = defineOp({
  name: "log",
  tf: "Log",
  ...x,
  domain: { x: positive },
  kernel: native("log"),
  saves: ["x"],
  slopes: ({ x }) => ({ x: () => ({ over: x }) }),
});

/**
 * log(1 + x), accurate for tiny x: every part within 2 ulp. -Infinity at -1, NaN for real x below; the principal branch for complex x.
 */
export const log1p = defineOp({
  name: "log1p",
  tf: "Log1p",
  ...x,
  domain: { x: between(-0.5, 3) },
  kernel: native("log1p"),
  saves: ["x"],
  slopes: ({ x }) => ({ x: () => ({ over: add(x, 1) }) }),
});

/**
 * eˣ - 1, accurate for tiny x: within 2 ulp, each part of a complex value, too, where |Im x| < 1/2, else 3; but the real part cancels where
 * e^Re x cos Im x is near 1.
 */
export const expm1 = defineOp({
  name: "expm1",
  tf: "Expm1",
  ...x,
  kernel: native("expm1"),
  saves: ["x"],
  // not y + 1, which is 0 where y rounds to -1
  slopes: ({ x }) => ({ x: (): Slope<T> => ({ times: exp(x) }) }),
});

/** sin x, x in radians. */
export const sin = defineOp({
  name: "sin",
  tf: "Sin",
  ...x,
  kernel: native("sin"),
  saves: ["x"],
  slopes: ({ x }) => ({ x: (): Slope<T> => ({ times: cos(x) }) }),
});

/** cos x, x in radians. */
export const cos = defineOp({
  name: "cos",
  tf: "Cos",
  ...x,
  kernel: native("cos"),
  saves: ["x"],
  slopes: ({ x }) => ({ x: (): Slope<T> => ({ times: neg(sin(x)) }) }),
});

/** The hyperbolic cosine. */
export const cosh = defineOp({
  name: "cosh",
  tf: "Cosh",
  ...x,
  kernel: native("cosh"),
  saves: ["x"],
  slopes: ({ x }) => ({ x: (): Slope<T> => ({ times: sinh(x) }) }),
});

/** The hyperbolic sine. */
export const sinh = defineOp({
  name: "sinh",
  tf: "Sinh",
  ...x,
  kernel: native("sinh"),
  saves: ["x"],
  slopes: ({ x }) => ({ x: (): Slope<T> => ({ times: cosh(x) }) }),
});

/** The hyperbolic tangent. */
export const tanh = defineOp({
  name: "tanh",
  tf: "Tanh",
  ...x,
  domain: { x: between(-1.2, 1.2) }, // poles at ±iπ/2
  kernel: native("tanh"),
  saves: ["x"],
  // 1 / cosh² x: 1 - tanh² x has no correct digit left where tanh x is nearly ±1
  slopes: ({ x }) => ({ x: () => ({ over: square(cosh(x)) }) }),
});

/** The complex conjugate. */
const conjugate = defineOp({
  name: "conj",
  tf: "Conj",
  ...x,
  types: "complex",
  kernel: native("conj"),
  linear: true,
  vjp: (_, { y: g }) => ({ x: () => conj(g) }),
});

const realPart = defineOp({
  name: "real",
  tf: "Real",
  ...x,
  types: "complex",
  dtypes: { y: "real" },
  kernel: native("real"),
  linear: true,
  vjp: (_, { y: g }) => ({ x: () => toComplex(g) }),
});
const imagPart = defineOp({
  name: "imag",
  tf: "Imag",
  ...x,
  types: "complex",
  dtypes: { y: "real" },
  kernel: native("imag"),
  linear: true,
  vjp: (_, { y: g }) => ({ x: () => complex(zerosLike(g), g) }),
});

/** The real part; of a real tensor, itself. */
export const real = withoutOptions("real", 1, <D extends DType>(x: Tensor<D> & Takes[D]): Tensor<RealOf<D>> => {
  const t: Tensor = asTensor("real", "x", x);
  return (isComplex(t.dtype) ? realPart(t) : t) as Tensor<RealOf<D>>;
});
/** The imaginary part; of a real tensor, zeros. */
export const imag = withoutOptions("imag", 1, <D extends DType>(x: Tensor<D> & Takes[D]): Tensor<RealOf<D>> => {
  const t: Tensor = asTensor("imag", "x", x);
  return (isComplex(t.dtype) ? imagPart(t) : zerosLike(t)) as Tensor<RealOf<D>>;
});

/** re + i im, from two real tensors of one dtype. */
export const complex = defineOp({
  name: "complex",
  tf: "Complex",
  inputs: ["re", "im"],
  outputs: ["z"],
  types: "real",
  dtypes: { z: "complex" },
  kernel: native("complex"),
  linear: true,
  vjp: (_, { z: g }) => ({ re: () => real(g), im: () => imag(g) }),
});

/** A real tensor as a complex one with zero imaginary part. */
export const toComplex = defineOp({
  name: "toComplex",
  inputs: ["x"],
  outputs: ["z"],
  types: "real",
  dtypes: { z: "complex" },
  kernel: native("toComplex"),
  linear: true,
  vjp: (_, { z: g }) => ({ x: () => real(g) }),
});

/** a where mask is true, else b; all broadcast. The branch not taken gets an exact zero cotangent. */
export const where = defineOp({
  name: "where",
  tf: "SelectV2",
  inputs: ["mask", "a", "b"],
  outputs: ["y"],
  types: "any",
  dtypes: { mask: "bool" },
  kernel: native("where"),
  linear: true,
  saves: ["mask"],
  vjp: ({ mask }, { y: g }) => ({ a: (): Any => where(mask, g, 0), b: (): Any => where(mask, 0, g) }),
});

const compare = (name: string, tf: string, types: "ordered" | "any") =>
  defineOp({
    name,
    tf,
    ...ab,
    types,
    dtypes: { y: "bool" },
    kernel: native(name),
    vjp: () => ({}),
  });
/** a > b as bool, broadcast; real. */
export const greater = compare("greater", "Greater", "ordered");
/** a >= b as bool, broadcast; real. */
export const greaterEqual = compare("greaterEqual", "GreaterEqual", "ordered");
/** a < b as bool, broadcast; real. */
export const less = compare("less", "Less", "ordered");
/** a <= b as bool, broadcast; real. */
export const lessEqual = compare("lessEqual", "LessEqual", "ordered");
/** a == b as bool, broadcast. */
export const equal = compare("equal", "Equal", "any");
/** a != b as bool, broadcast. */
export const notEqual = compare("notEqual", "NotEqual", "any");

/** What is left of a stopGradient in a program, so that derivatives of the program stop there, too. */
const stopOp = defineOp({
  name: "stopGradient",
  tf: "StopGradient",
  ...x,
  samples: (n) => [{ shapes: { x: [n, 2] } }],
  infer: ({ x }) => ({ y: x }),
  types: "any",
  kernel: native("readStrided", (_attrs, _inputs, [y]) => [0, ...stridesOf(y as Shape)], true),
  order: 0,
  vjp: () => ({}),
  jvp: () => ({}),
});

/** x as a constant: no derivative flows through it. */
export const stopGradient = withoutOptions("stopGradient", 1, <D extends DType>(t: Tensor<D>): Tensor<D> => {
  const x = primal(asTensor("stopGradient", "x", t));
  return (x.traced ? stopOp(x) : x) as Tensor<D>;
});
