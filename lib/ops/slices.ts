// Every step-th element along each axis: taken out, put into zeros, or in the place of what is there.
import { ints, optionsOf } from "../core/attrs";
import type { DType, Sym } from "../core/dtype";
import { ArgumentError, ShapeError } from "../core/errors";
import { defineOp } from "../core/op";
import { asTensor } from "../core/operands";
import { native } from "../core/row";
import { type Shape, shapeText, sizeOf, stridesOf, type Tensor } from "../core/tensor";
import { listedAxes } from "./axes";
import { zeros } from "./creation";

type T = Tensor<Sym<"any">>;
const at = (list: readonly number[], i: number): number => list[i] as number;

/** Elements start, start + step, ... along each axis. */
export interface Strided {
  readonly start: readonly number[];
  readonly step: readonly number[];
}

/** @throws ShapeError unless `size` elements along each axis lie inside the shape. */
function checkInside(op: string, shape: Shape, { start, step }: Strided, size: Shape): void {
  const rank = shape.length;
  const inside = (i: number, d: number): boolean => i >= 0 && i < d;
  const fits =
    [start, step, size].every((l) => l.length === rank) &&
    shape.every((d, i) => {
      const n = at(size, i);
      return n === 0 || (n > 0 && at(step, i) !== 0 && inside(at(start, i), d) && inside(at(start, i) + (n - 1) * at(step, i), d));
    });
  if (fits) return;
  const text = [start, step, size].map(shapeText);
  throw new ShapeError(op, `start ${text[0]}, step ${text[1]} and size ${text[2]} do not lie inside shape ${shapeText(shape)}.`);
}
const layout = (whole: Shape, { start, step }: Strided, size: Shape): number[] => {
  const strides = stridesOf(whole);
  const empty = sizeOf(size) === 0;
  return [empty ? 0 : start.reduce((n, s, i) => n + s * at(strides, i), 0), ...strides.map((s, i) => s * at(step, i))];
};

const samples = (n: number) => [
  { start: [0, 3], step: [1, -2], size: [n, 2], shape: [n + 1, 4] },
  { start: [2 * n, 0], step: [-2, 1], size: [n + 1, 0], shape: [2 * n + 1, 2] },
  { start: [1, 1], step: [2, 3], size: [n, 1], shape: [2 * n + 1, 4] },
];

/** @internal Of x the elements start, start + step, ..., `size` of them along each axis. */
export const stridedSlice = defineOp({
  name: "stridedSlice",
  publicName: "index",
  hidden: true,
  tf: "StridedSlice",
  inputs: ["x"],
  outputs: ["y"],
  attrs: { start: ints(), step: ints(), size: ints() },
  samples: (n) => samples(n).map(({ shape, ...attrs }) => ({ shapes: { x: shape }, attrs })),
  infer: ({ x }, { size, ...strided }) => {
    checkInside("index", x, strided, size);
    return { y: size };
  },
  types: "any",
  kernel: native("readStrided", ({ size, ...strided }: Strided & { readonly size: Shape }, [x]) => layout(x as Shape, strided, size)),
  linear: true,
  vjp: (_, { y: g }, { start, step }, { shapes }) => ({ x: (): T => stridedPad(g, { start, step, shape: shapes.x }) }),
});

/** @internal x at the elements start, start + step, ... of zeros of `shape`. */
export const stridedPad = defineOp({
  name: "stridedPad",
  publicName: "index",
  hidden: true,
  inputs: ["x"],
  outputs: ["y"],
  attrs: { start: ints(), step: ints(), shape: ints() },
  samples: (n) => samples(n).map(({ size, ...attrs }) => ({ shapes: { x: size }, attrs })),
  infer: ({ x }, { shape, ...strided }) => {
    checkInside("index", shape, strided, x);
    return { y: shape };
  },
  types: "any",
  kernel: native("writeStrided", (strided: Strided, [x], [y]) => layout(y as Shape, strided, x as Shape)),
  linear: true,
  vjp: (_, { y: g }, { start, step }, { shapes }) => ({ x: (): T => stridedSlice(g, { start, step, size: shapes.x }) }),
});

/** @internal x with v in the place of the elements start, start + step, ... */
export const stridedUpdate = defineOp({
  name: "stridedUpdate",
  publicName: "indexUpdate",
  hidden: true,
  inputs: ["x", "v"],
  outputs: ["y"],
  attrs: { start: ints(), step: ints() },
  samples: (n) => samples(n).map(({ size, shape, ...attrs }) => ({ shapes: { x: shape, v: size }, attrs })),
  infer: ({ x, v }, strided) => {
    checkInside("indexUpdate", x, strided, v);
    return { y: x };
  },
  types: "any",
  kernel: native("updateStrided", (strided: Strided, [x, v]) => layout(x as Shape, strided, v as Shape)),
  linear: true,
  vjp: (_, { y: g }, attrs, { shapes }) => ({
    x: (): T => stridedUpdate(g, zeros(shapes.v, { dtype: g.dtype as DType }) as Tensor as T, attrs),
    v: (): T => stridedSlice(g, { ...attrs, size: shapes.v }),
  }),
});

const flipOp = defineOp({
  name: "flip",
  tf: "ReverseV2",
  inputs: ["x"],
  outputs: ["y"],
  attrs: { axis: ints() },
  samples: (n) => [
    { shapes: { x: [n] }, attrs: { axis: [0] } },
    { shapes: { x: [2, n, 3] }, attrs: { axis: [0, 2] } },
    { shapes: { x: [n, 2] } },
  ],
  infer: ({ x }, { axis }) => {
    if (new Set(axis).size !== axis.length || axis.some((a) => a < 0 || a >= x.length))
      throw new ArgumentError("flip", `axes [${axis.join(", ")}] must be different and non-negative, below ${x.length}.`);
    return { y: x };
  },
  types: "any",
  kernel: native("readStrided", ({ axis }: { axis: readonly number[] }, [given]) => {
    const x = given as Shape;
    const flipped = (i: number): boolean => axis.includes(i);
    return layout(x, { start: x.map((d, i) => (flipped(i) ? d - 1 : 0)), step: x.map((_, i) => (flipped(i) ? -1 : 1)) }, x);
  }),
  linear: true,
  vjp: (_, { y: g }, attrs) => ({ x: (): T => flipOp(g, attrs) }),
});

/** x with the order of its elements reversed along an axis, along several, or along all: NumPy's flip. */
export function flip<D extends DType>(x: Tensor<D>, options: { readonly axis?: number | readonly number[] } = {}): Tensor<D> {
  const t = asTensor("flip", "x", x);
  const { axis } = optionsOf("flip", options, ["axis"]);
  return flipOp(t, { axis: listedAxes("flip", t.rank, axis) });
}
