// The largest and the smallest, and the logarithm of a sum of exponentials.
import { flag, ints } from "../core/attrs";
import type { Real, Sym } from "../core/dtype";
import { ShapeError } from "../core/errors";
import { defineOp } from "../core/op";
import { asTensor } from "../core/operands";
import { native } from "../core/row";
import { type ReduceOptions, type Shape, shapeText, sizeOf, type Tensor } from "../core/tensor";
import { cast } from "./cast";
import { full } from "./creation";
import { distinct } from "./domains";
import { add, div, equal, exp, less, log, mul, sub, where } from "./elementwise";
import { abs } from "./magnitude";
import { axesOf, checkAxes, reduced, sum } from "./reductions";
import { reshape } from "./structure";

interface Axes {
  readonly axis: readonly number[];
  readonly keepDims: boolean;
}
/** The fields of a reduction `name`; of nothing it has an answer, or throws. */
const reduction = (name: string) =>
  ({
    name,
    inputs: ["x"],
    outputs: ["y"],
    attrs: { axis: ints(), keepDims: flag(false) },
    infer: ({ x }: { readonly x: Shape }, { axis, keepDims }: Axes) => {
      checkAxes(name, x, axis);
      return { y: reduced(x, axis, keepDims) };
    },
  }) as const;
const samples = (n: number) => all(n).filter(({ shapes, attrs }) => attrs.axis.every((a) => shapes.x[a] !== 0)); // no differences of -∞
const all = (n: number) => [
  { shapes: { x: [n] }, attrs: { axis: [0] } },
  { shapes: { x: [2, n, 3] }, attrs: { axis: [0, 2], keepDims: true } },
  { shapes: { x: [n, 2] }, attrs: { axis: [] } },
  { shapes: { x: [3, n] }, attrs: { axis: [1] } },
  { shapes: { x: [n, 2, 3] }, attrs: { axis: [0, 2] } },
];
const encode = ({ axis }: Axes): readonly number[] => axis;

type R = Tensor<Sym<"real">>;
/** y, or what has its shape, with the reduced axes as 1. */
const kept = (y: R, x: Tensor, axis: readonly number[]): R => reshape(y, reduced(x.shape, axis, true));

/** The largest or smallest element, NaN if there is one; of nothing there is none. Its cotangent is shared by those that are equal to it. */
const extreme = (name: "max" | "min", tf: string) => {
  const { infer, ...rest } = reduction(name);
  /** For each element 1 / the number of those that share. */
  const shares = (x: R, y: R, axis: readonly number[]): R => {
    const among = cast(equal(x, kept(y, x, axis)), x.dtype);
    return div(among, sum(among, { axis, keepDims: true }));
  };
  return defineOp({
    ...rest,
    tf,
    samples,
    infer: (shapes, attrs) => {
      const y = infer(shapes, attrs);
      if (attrs.axis.some((a) => shapes.x[a] === 0) && sizeOf(y.y) > 0)
        throw new ShapeError(name, `x has no elements along the axes [${attrs.axis.join(", ")}], got shape ${shapeText(shapes.x)}.`);
      return y;
    },
    types: "ordered",
    domain: { x: distinct },
    kernel: native(name, encode),
    saves: ["x", "y"],
    vjp: ({ x, y }, { y: g }, { axis }) => ({ x: () => mul(kept(g, x, axis), shares(x, y, axis)) }),
    jvp: ({ x, y }, { x: t }, { axis, keepDims }) => ({ y: t && (() => sum(mul(t, shares(x, y, axis)), { axis, keepDims })) }),
  });
};
const [maxOp, minOp] = [extreme("max", "Max"), extreme("min", "Min")];

/** e^(x - y) with y = log Σ e^x, 0 where that is -∞: no part of the sum is more than another. */
const softmax = (x: R, y: R, axis: readonly number[]): R => {
  const total = kept(y, x, axis);
  return exp(sub(x, where(equal(total, Number.NEGATIVE_INFINITY), 0, total)));
};

/** In the words of the ops that it is made of: a native kernel would save passes over x, of which the exponentials are most of the time. */
const logsumexpOp = defineOp({
  ...reduction("logsumexp"),
  samples,
  types: "real",
  // log Σ e^(x - m) + m for m = max x, or 0 where that is not finite
  kernel: ({ x }, { axis, keepDims }) => {
    const shape = reduced(x.shape, axis, keepDims);
    if (axis.some((a) => x.shape[a] === 0)) return full(shape, Number.NEGATIVE_INFINITY, { dtype: x.dtype });
    const most = maxOp(x, { axis, keepDims: true });
    const shift = where(less(abs(most), Number.POSITIVE_INFINITY), most, 0);
    const total = sum(exp(sub(x, shift)), { axis, keepDims: true });
    return reshape(add(log(total), shift), shape);
  },
  saves: ["x", "y"],
  vjp: ({ x, y }, { y: g }, { axis }) => ({ x: () => mul(kept(g, x, axis), softmax(x, y, axis)) }),
  jvp: ({ x, y }, { x: t }, { axis, keepDims }) => ({ y: t && (() => sum(mul(t, softmax(x, y, axis)), { axis, keepDims })) }),
});

const over =
  <K extends Real | "int32">(op: typeof maxOp) =>
  <D extends K>(x: Tensor<D>, options: ReduceOptions = {}): Tensor<D> => {
    const t = asTensor(op.row.name, "x", x);
    return op(t, { axis: axesOf(op.row.name, t, options), keepDims: options.keepDims ?? false });
  };
/** The largest element over axes; NaN if one is. Where several are largest they share the cotangent. ERR_SHAPE: of nothing there is none. */
export const max = over<Real | "int32">(maxOp);
/** The smallest element over axes; NaN if one is. Where several are smallest they share the cotangent. ERR_SHAPE: of nothing there is none. */
export const min = over<Real | "int32">(minOp);
/** log Σ eˣ over axes, without overflow on the way; of nothing, or of -∞ alone, -∞. */
export const logsumexp = over<Real>(logsumexpOp as typeof maxOp);
