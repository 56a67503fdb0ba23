// To whole numbers and into intervals; what is finite; truth.

import type { Attr } from "../core/attrs";
import { real as number } from "../core/attrs";
import { isComplex, realOf, type Sym } from "../core/dtype";
import { defineOp, scalar } from "../core/op";
import { native, type Slope } from "../core/row";
import type { Tensor } from "../core/tensor";
import { between } from "./domains";
import { complex, div, equal, greater, greaterEqual, imag, less, lessEqual, maximum, minimum, neg, real, where } from "./elementwise";

type T = Tensor<Sym<"T">>;
type R = Tensor<Sym<"real">>;
const x = { inputs: ["x"], outputs: ["y"] } as const;

/** A step function: its derivative is 0, at the steps, too. */
const steps = (name: string, tf?: string) =>
  defineOp({
    ...x,
    name,
    ...(tf !== undefined && { tf }),
    types: "ordered",
    domain: { x: between(0.1, 0.4) },
    kernel: native(name),
    vjp: () => ({}),
  });
/** The largest whole number that is not above x; real x and int32. -0 and what rounds to it stay -0. The derivative is 0. */
export const floor = steps("floor", "Floor");
/** The smallest whole number that is not below x; real x and int32. The derivative is 0. */
export const ceil = steps("ceil", "Ceil");
/** The nearest whole number, of halves the even one, as NumPy and IEEE 754; real x and int32. The derivative is 0. */
export const round = steps("round", "Round");
/** x without its fraction; real x and int32. The derivative is 0. */
export const trunc = steps("trunc");

/**
 * a - b floor(a / b), exact before it is rounded once, with the sign of b, as Python's and NumPy's; real and int32. Of b = 0 NaN, of int32 0; of
 * infinite b a, or b where the signs differ. Derivatives: 1 and -floor(a / b).
 */
export const mod = defineOp({
  name: "mod",
  tf: "FloorMod",
  inputs: ["a", "b"],
  outputs: ["y"],
  types: "ordered",
  domain: { a: between(2.3, 2.6), b: between(0.95, 1.05) },
  kernel: native("mod"),
  saves: ["a", "b"],
  slopes: ({ a, b }) => ({ a: () => ({}), b: (): Slope<R> => ({ times: neg(floor(div(a, b))) }) }),
});

/** 1 where a mask holds, else 0, beside t. */
const indicator = (mask: Tensor<"bool">, t: R): R => where(mask, scalar(t.dtype, 1), scalar(t.dtype, 0));
/**
 * The smaller of high and the larger of low and x, broadcast; NaN if one is; real and int32. The cotangent goes to x from low to high, these
 * included, else to the bound that was taken.
 */
export const clip = defineOp({
  name: "clip",
  tf: "ClipByValue",
  inputs: ["x", "low", "high"],
  outputs: ["y"],
  types: "ordered",
  domain: { x: between(-0.3, 0.3), low: between(-1, -0.5), high: between(0.5, 1) },
  kernel: ({ x, low, high }) => minimum(maximum(x, low), high),
  saves: ["x", "low", "high"],
  slopes: ({ x, low, high }) => ({
    x: (): Slope<R> => ({ times: indicator(logicalAnd(greaterEqual(x, low), lessEqual(x, high)), x) }),
    low: (): Slope<R> => ({ times: indicator(logicalAnd(less(x, low), lessEqual(low, high)), x) }),
    high: (): Slope<R> => ({ times: indicator(greater(maximum(x, low), high), x) }),
  }),
});

const query = (name: string, tf?: string) =>
  defineOp({ ...x, name, ...(tf !== undefined && { tf }), types: "any", dtypes: { y: "bool" }, kernel: native(name), vjp: () => ({}) });
/** Whether x is NaN, complex x in either part; any dtype. */
// biome-ignore lint/suspicious/noShadowRestrictedNames: everybody's name for it
export const isNaN = query("isNaN", "IsNan");
/** Whether x is neither infinite nor NaN, complex x in both parts; any dtype. */
// biome-ignore lint/suspicious/noShadowRestrictedNames: everybody's name for it
export const isFinite = query("isFinite", "IsFinite");
/** Whether x is infinite, complex x in either part; any dtype. */
export const isInf = query("isInf", "IsInf");

const optional: Attr<number | undefined> = {
  fallback: undefined,
  expected: "a finite number",
  parse: (v) => (v === undefined || Number.isFinite(v) ? (v as number | undefined) : undefined),
};
const MOST = { float32: 3.4028234663852886e38, float64: Number.MAX_VALUE };
/**
 * x with `nan` (0) for NaN, `posInf` and `negInf` (the largest and the smallest number of the dtype) for infinities; complex x part by part.
 * What was replaced gets a zero cotangent.
 */
export const nanToNum = defineOp({
  ...x,
  name: "nanToNum",
  attrs: { nan: number(0), posInf: optional, negInf: optional },
  kernel: ({ x }, { nan, posInf, negInf }) => {
    const most = MOST[realOf(x.dtype) as keyof typeof MOST];
    const part = (p: R): R => {
      const finite = where(
        equal(p, Number.POSITIVE_INFINITY),
        posInf ?? most,
        where(equal(p, Number.NEGATIVE_INFINITY), negInf ?? -most, p),
      );
      return where(isNaN(p), nan, finite) as R;
    };
    const whole: Tensor = isComplex(x.dtype) ? complex(part(real(x) as R), part(imag(x) as R)) : part(x as unknown as R);
    return whole as T;
  },
});

const logical = (name: string, tf?: string) =>
  defineOp({
    name,
    ...(tf !== undefined && { tf }),
    inputs: ["a", "b"],
    outputs: ["y"],
    types: "any",
    dtypes: { y: "bool" },
    kernel: native(name),
    vjp: () => ({}),
  });
/** Whether a and b hold, broadcast: bools as they are, numbers where they are not 0, NaN too; any dtype, the same of both. */
export const logicalAnd = logical("logicalAnd", "LogicalAnd");
/** Whether a or b holds, or both; numbers as in `logicalAnd`. */
export const logicalOr = logical("logicalOr", "LogicalOr");
/** Whether one of a and b holds, not both; numbers as in `logicalAnd`. */
export const logicalXor = logical("logicalXor");
/** Whether x does not hold; numbers as in `logicalAnd`. */
export const logicalNot = query("logicalNot", "LogicalNot");
