import { flag, ints, optionsOf, withoutOptions } from "../core/attrs";
import { attrsOf } from "../core/bind";
import { type DType, type Float, isFloat } from "../core/dtype";
import { ArgumentError, DtypeError, describe, ShapeError } from "../core/errors";
import { defineOp } from "../core/op";
import { asTensor, needMatrix } from "../core/operands";
import { type Attrs, native } from "../core/row";
import { checkAxis, type ReduceOptions, type Shape, shapeText, sizeOf, type Tensor } from "../core/tensor";
import { listedAxes } from "./axes";
import { diag } from "./diagonals";
import { div } from "./elementwise";
import { broadcastTo, reshape } from "./structure";

/** The shape that is left. */
export const reduced = (shape: Shape, axes: readonly number[], keep: boolean): number[] =>
  shape.map((d, i) => (axes.includes(i) ? 1 : d)).filter((_, i) => keep || !axes.includes(i));

/** @throws ArgumentError unless these can be axes of one op. */
export function checkAxes(op: string, x: Shape, axis: readonly number[]): void {
  if (new Set(axis).size === axis.length && axis.every((a) => a >= 0 && a < x.length)) return;
  throw new ArgumentError(op, `axes [${axis.join(", ")}] must be different and non-negative, below ${x.length}.`);
}

const sumOp = defineOp({
  name: "sum",
  tf: "Sum",
  inputs: ["x"],
  outputs: ["y"],
  attrs: { axis: ints(), keepDims: flag(false) },
  samples: (n) => [
    { shapes: { x: [n] }, attrs: { axis: [0] } },
    { shapes: { x: [2, n, 3] }, attrs: { axis: [0, 2], keepDims: true } },
    { shapes: { x: [n, 2] }, attrs: { axis: [] } },
    { shapes: { x: [3, n] }, attrs: { axis: [1] } },
    { shapes: { x: [n, 2, 3] }, attrs: { axis: [0, 2] } },
  ],
  infer: ({ x }, { axis, keepDims }) => {
    checkAxes("sum", x, axis);
    return { y: reduced(x, axis, keepDims) };
  },
  types: "number",
  kernel: native("sum", ({ axis }: { axis: readonly number[] }) => axis),
  linear: true,
  vjp: (_, { y: g }, { axis }, { shapes }) => ({
    x: () => broadcastTo(g.rank === 0 ? g : reshape(g, reduced(shapes.x, axis, true)), shapes.x),
  }),
});

/** The axes that a user names. */
export function axesOf(op: string, x: Tensor, options: ReduceOptions): number[] {
  return listedAxes(op, x.rank, optionsOf(op, options, ["axis", "keepDims"]).axis);
}

/** Over all axes, of so many. */
const all: Attrs[] = [];
const overAll = (rank: number): Attrs => (all[rank] ??= attrsOf(sumOp.row, { axis: [...Array(rank).keys()], keepDims: false }));

/** The sum over axes; of nothing, 0. Of int32 it is exact; ERR_ARGUMENT where int32 does not hold it. */
export function sum<D extends DType>(x: Tensor<D>, options?: ReduceOptions): Tensor<D> {
  const t: Tensor = asTensor("sum", "x", x);
  if (options === undefined) return sumOp(t, overAll(t.rank)) as Tensor<D>;
  return sumOp(t, { axis: axesOf("sum", t, options), keepDims: options.keepDims ?? false }) as Tensor<D>;
}

/** The mean over axes; of nothing, NaN. */
export function mean<D extends Float>(x: Tensor<D>, options: ReduceOptions = {}): Tensor<D> {
  const t: Tensor = asTensor("mean", "x", x);
  if (!isFloat(t.dtype))
    throw new DtypeError("mean", `x must be float32, float64, complex64 or complex128, got ${t.dtype}. Cast it: cast(x, "float64").`);
  const axes = axesOf("mean", t, options);
  const count = axes.reduce((n, a) => n * (t.shape[a] as number), 1);
  return div(sum(t, { ...options, axis: axes }), count) as Tensor<D>;
}

/** The sum of the diagonal of the last two axes. */
export const trace = withoutOptions("trace", 1, <D extends DType>(a: Tensor<D>): Tensor<D> => {
  return sum(diag(needMatrix("trace", a)), { axis: -1 });
});

const argExtreme = (name: "argmax" | "argmin", tf: string) => {
  const op = defineOp({
    name,
    tf,
    inputs: ["x"],
    outputs: ["i"],
    types: "any",
    dtypes: { i: "int32" },
    signature: "(n,c)->(c)",
    kernel: native(name),
  });
  return <D extends DType>(x: Tensor<D>, options: { axis?: number; keepDims?: boolean } = {}): Tensor<"int32"> => {
    const t = asTensor(name, "x", x);
    const { axis, keepDims = false } = optionsOf(name, options, ["axis", "keepDims"]);
    if (typeof keepDims !== "boolean") throw new ArgumentError(name, `option keepDims must be true or false, got ${describe(keepDims)}.`);
    const at = axis === undefined ? 0 : checkAxis(name, axis, t.rank);
    const [before, n, behind] =
      axis === undefined ? [[], t.size, []] : [t.shape.slice(0, at), t.shape[at] as number, t.shape.slice(at + 1)];
    const columns = sizeOf(behind);
    if (n === 0 && sizeOf(before) * columns > 0)
      throw new ShapeError(
        name,
        `x has no elements along ${axis === undefined ? "any axis" : `axis ${at}`}, got shape ${shapeText(t.shape)}.`,
      );
    const i = op(reshape(t, [...before, n, columns]));
    return reshape(i, reduced(t.shape, axis === undefined ? [...t.shape.keys()] : [at], keepDims));
  };
};

/**
 * Where along an axis, or in all of x row by row, the largest element is: int32, the first of equal ones, and the first NaN where there is one.
 * Complex numbers go by real part, then imaginary part. NumPy's argmax; it has no derivative.
 */
export const argmax = argExtreme("argmax", "ArgMax");
/** Where the smallest element is, otherwise as `argmax`. */
export const argmin = argExtreme("argmin", "ArgMin");
