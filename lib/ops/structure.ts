// Ops that only move elements: out[i] = in[offset + Σ iₖ strideₖ] (readStrided) or the reverse (writeStrided). Each is the other's adjoint.

import { ints, withoutMore, withoutOptions } from "../core/attrs";
import type { DType, Sym } from "../core/dtype";
import { ArgumentError, describe, ShapeError } from "../core/errors";
import { defineOp } from "../core/op";
import { asTensor, needMatrix } from "../core/operands";
import { native } from "../core/row";
import { checkAxis, checkShape, type Shape, shapeText, sizeOf, stridesOf, type Tensor } from "../core/tensor";
import { conj } from "./elementwise";

type T = Tensor<Sym<"any">>;
const at = (list: readonly number[], i: number): number => list[i] as number;

const transposeOp = defineOp({
  name: "transpose",
  tf: "Transpose",
  inputs: ["x"],
  outputs: ["y"],
  attrs: { axes: ints() },
  samples: (n) => [
    { shapes: { x: [n, n + 1] }, attrs: { axes: [1, 0] } },
    { shapes: { x: [2, n, 3] }, attrs: { axes: [2, 0, 1] } },
    { shapes: { x: [] }, attrs: { axes: [] } },
  ],
  infer: ({ x }, { axes }) => {
    if (axes.length !== x.length || new Set(axes).size !== x.length || axes.some((a) => a < 0 || a >= x.length)) {
      throw new ArgumentError(
        "transpose",
        `axes [${axes.join(", ")}] must be a permutation of the ${x.length} axes of shape ${shapeText(x)}.`,
      );
    }
    return { y: axes.map((a) => at(x, a)) };
  },
  types: "any",
  kernel: native("readStrided", ({ axes }: { axes: readonly number[] }, [x]) => {
    const strides = stridesOf(x as Shape);
    return [0, ...axes.map((a) => at(strides, a))];
  }),
  linear: true,
  vjp: (_, { y: g }, { axes }) => ({ x: (): T => transposeOp(g, { axes: axes.map((_a, i) => axes.indexOf(i)) }) }),
});

/** Axes permuted; without `axes` reversed, as NumPy. */
export const transpose = withoutOptions("transpose", 2, <D extends DType>(x: Tensor<D>, axes?: readonly number[]): Tensor<D> => {
  const t = asTensor("transpose", "x", x);
  if (axes !== undefined && !Array.isArray(axes))
    throw new ArgumentError("transpose", `axes must be an array of numbers, got ${describe(axes)}.`);
  const list = axes ? Array.from(axes, (a: unknown) => checkAxis("transpose", a, t.rank)) : t.shape.map((_, i) => t.rank - 1 - i);
  return transposeOp(t, { axes: list });
});

/** Two axes exchanged. */
export const swapAxes = withoutOptions("swapAxes", 3, <D extends DType>(x: Tensor<D>, axis1: number, axis2: number): Tensor<D> => {
  const t = asTensor("swapAxes", "x", x);
  const [i, j] = [checkAxis("swapAxes", axis1, t.rank), checkAxis("swapAxes", axis2, t.rank)];
  return transpose(
    t,
    t.shape.map((_, k) => (k === i ? j : k === j ? i : k)),
  );
});

/** The last two axes exchanged. */
export const matrixTranspose = withoutOptions("matrixTranspose", 1, <D extends DType>(x: Tensor<D>): Tensor<D> => {
  return swapAxes(needMatrix("matrixTranspose", x), -2, -1);
});

/** The conjugate transpose over the last two axes. */
export const adjoint = withoutOptions("adjoint", 1, <D extends DType>(x: Tensor<D>): Tensor<D> => {
  return conj(swapAxes(needMatrix("adjoint", x), -2, -1));
});

const reshapeOp = defineOp({
  name: "reshape",
  tf: "Reshape",
  inputs: ["x"],
  outputs: ["y"],
  attrs: { shape: ints() },
  samples: (n) => [
    { shapes: { x: [n, 6] }, attrs: { shape: [2, n, 3] } },
    { shapes: { x: [1] }, attrs: { shape: [] } },
  ],
  infer: ({ x }, { shape }) => {
    checkShape("reshape", shape);
    if (sizeOf(shape) !== sizeOf(x))
      throw new ShapeError("reshape", `shape ${shapeText(x)} has ${sizeOf(x)} elements, ${shapeText(shape)} has ${sizeOf(shape)}.`);
    return { y: shape };
  },
  types: "any",
  kernel: native("readStrided", (_attrs, _inputs, [y]) => [0, ...stridesOf(y as Shape)], true),
  linear: true,
  vjp: (_, { y: g }, _attrs, { shapes }) => ({ x: (): T => reshape(g, shapes.x) }),
});

/** The same elements in another shape; one size may be -1. Shares memory. */
export const reshape = withoutMore("reshape", "shape", <D extends DType>(x: Tensor<D>, shape: Shape): Tensor<D> => {
  const t = asTensor("reshape", "x", x);
  const free = Array.isArray(shape) ? shape.indexOf(-1) : -1;
  if (free < 0) return reshapeOp(t, { shape: checkShape("reshape", shape) });
  const full = checkShape(
    "reshape",
    Array.from(shape, (d, i) => (i === free ? 1 : d)),
  );
  const rest = sizeOf(full);
  if (rest === 0 || t.size % rest !== 0)
    throw new ShapeError("reshape", `shape ${shapeText(t.shape)} does not fit ${shapeText(full)} with -1 for axis ${free}.`);
  full[free] = t.size / rest;
  return reshapeOp(t, { shape: full });
});

/** A new axis of size 1 before `axis`; -1 appends it. */
export const expandDims = withoutOptions("expandDims", 2, <D extends DType>(x: Tensor<D>, axis: number): Tensor<D> => {
  const t = asTensor("expandDims", "x", x);
  const i = checkAxis("expandDims", axis, t.rank + 1);
  return reshape(t, [...t.shape.slice(0, i), 1, ...t.shape.slice(i)]);
});

const broadcastOp = defineOp({
  name: "broadcastTo",
  tf: "BroadcastTo",
  inputs: ["x"],
  outputs: ["y"],
  attrs: { shape: ints() },
  samples: (n) => [
    { shapes: { x: [n, 1] }, attrs: { shape: [3, n, 2] } },
    { shapes: { x: [] }, attrs: { shape: [n] } },
  ],
  infer: ({ x }, { shape }) => {
    const shift = shape.length - x.length;
    if (shift < 0 || x.some((d, i) => d !== 1 && d !== shape[shift + i])) {
      throw new ShapeError("broadcastTo", `shape ${shapeText(x)} does not broadcast to ${shapeText(shape)}.`);
    }
    return { y: shape };
  },
  types: "any",
  kernel: native("readStrided", (_attrs, [x], [y]) => {
    const [from, to] = [x as Shape, y as Shape];
    const [strides, shift] = [stridesOf(from), to.length - from.length];
    return [0, ...to.map((_d, i) => (i < shift || from[i - shift] === 1 ? 0 : at(strides, i - shift)))];
  }),
  linear: true,
  vjp: (_, { y: g }) => ({ x: (): T => g }), // the engine sums over what was broadcast
});

/** x repeated along new axes and axes of size 1 (NumPy's rule). */
export const broadcastTo = withoutMore("broadcastTo", "shape", <D extends DType>(x: Tensor<D>, shape: Shape): Tensor<D> => {
  return broadcastOp(x, { shape: checkShape("broadcastTo", shape) });
});

const sliceOp = defineOp({
  name: "slice",
  tf: "Slice",
  inputs: ["x"],
  outputs: ["y"],
  attrs: { start: ints(), size: ints() },
  samples: (n) => [{ shapes: { x: [n + 2, 4] }, attrs: { start: [1, 2], size: [n, 2] } }],
  infer: ({ x }, { start, size }) => {
    const fits =
      start.length === x.length &&
      size.length === x.length &&
      x.every((d, i) => at(start, i) >= 0 && at(size, i) >= 0 && at(start, i) + at(size, i) <= d);
    if (!fits)
      throw new ShapeError("slice", `start [${start.join(", ")}] and size [${size.join(", ")}] do not lie inside shape ${shapeText(x)}.`);
    return { y: size };
  },
  types: "any",
  kernel: native("readStrided", ({ start, size }: { start: readonly number[]; size: readonly number[] }, [x]) =>
    window(x as Shape, start, size),
  ),
  linear: true,
  vjp: (_, { y: g }, { start }, { shapes }) => ({ x: (): T => padToOp(g, { start, shape: shapes.x }) }),
});
const padToOp = defineOp({
  name: "padTo",
  inputs: ["x"],
  outputs: ["y"],
  attrs: { start: ints(), shape: ints() },
  samples: (n) => [{ shapes: { x: [n, 2] }, attrs: { start: [1, 2], shape: [n + 2, 4] } }],
  infer: ({ x }, { start, shape }) => {
    const fits =
      start.length === x.length && shape.length === x.length && x.every((d, i) => at(start, i) >= 0 && at(start, i) + d <= at(shape, i));
    if (!fits) throw new ShapeError("padTo", `shape ${shapeText(x)} at [${start.join(", ")}] does not lie inside ${shapeText(shape)}.`);
    return { y: shape };
  },
  types: "any",
  kernel: native("writeStrided", ({ start }: { start: readonly number[] }, [x], [y]) => window(y as Shape, start, x as Shape)),
  linear: true,
  vjp: (_, { y: g }, { start }, { shapes }) => ({ x: (): T => sliceOp(g, { start, size: shapes.x }) }),
});
const window = (whole: Shape, start: readonly number[], size: Shape): number[] => {
  const strides = stridesOf(whole);
  const empty = sizeOf(size) === 0;
  return [empty ? 0 : start.reduce((n, s, i) => n + s * at(strides, i), 0), ...strides];
};

/** The block of x that begins at `start`, `size` long along each axis. */
export const slice = withoutOptions(
  "slice",
  3,
  <D extends DType>(x: Tensor<D>, start: readonly number[], size: readonly number[]): Tensor<D> => {
    return sliceOp(x, { start, size });
  },
);
/** x inside zeros of `shape`, from `start` on: the adjoint of `slice`. */
export const padTo = withoutOptions("padTo", 3, <D extends DType>(x: Tensor<D>, start: readonly number[], shape: Shape): Tensor<D> => {
  return padToOp(x, { start, shape });
});
