// Tensors with more elements around them.
import { ints, oneOf, optionsOf } from "../core/attrs";
import type { DType, Sym } from "../core/dtype";
import { ArgumentError, describe, guard, ShapeError } from "../core/errors";
import { defineOp, scalar } from "../core/op";
import { asTensor } from "../core/operands";
import { type Operand, type Shape, shapeText, type Tensor } from "../core/tensor";
import { chosen } from "./arrange";
import { stridedUpdate } from "./slices";
import { broadcastTo, padTo } from "./structure";

type T = Tensor<Sym<"any">>;
const MODES = ["edge", "reflect", "symmetric", "wrap"] as const;
type Mode = (typeof MODES)[number];

/** Which of the n elements of an axis stands at place i, from -before on. */
function source(mode: Mode, i: number, n: number): number {
  const within = (period: number): number => ((i % period) + period) % period;
  if (mode === "edge") return Math.min(Math.max(i, 0), n - 1);
  if (mode === "wrap") return within(n);
  if (mode === "symmetric") return Math.min(within(2 * n), 2 * n - 1 - within(2 * n));
  return n === 1 ? 0 : Math.min(within(2 * n - 2), 2 * n - 2 - within(2 * n - 2));
}

function around(shape: Shape, before: readonly number[], after: readonly number[]): number[] {
  const fits = [before, after].every((l) => l.length === shape.length && l.every((d) => d >= 0));
  if (fits) return shape.map((d, i) => d + (before[i] as number) + (after[i] as number));
  throw new ArgumentError(
    "pad",
    `widths [${before.join(", ")}] and [${after.join(", ")}] must be non-negative, one for each axis of ${shapeText(shape)}.`,
  );
}

const padOp = defineOp({
  name: "pad",
  tf: "MirrorPad",
  inputs: ["x"],
  outputs: ["y"],
  attrs: { before: ints(), after: ints(), mode: oneOf(MODES, "edge") },
  samples: (n) =>
    MODES.flatMap((mode) => [
      { shapes: { x: [n + 1] }, attrs: { before: [2], after: [1], mode } },
      { shapes: { x: [2, n] }, attrs: { before: [1, 0], after: [3, 0], mode } },
    ]),
  infer: ({ x }, { before, after, mode }) => {
    const y = around(x, before, after);
    const axis = x.findIndex((d, i) => d === 0 && y[i] !== 0);
    if (axis >= 0) throw new ShapeError("pad", `axis ${axis} of shape ${shapeText(x)} has no elements to pad with in mode "${mode}".`);
    return { y };
  },
  types: "any",
  kernel: ({ x }, { before, after, mode }) =>
    x.shape.reduce((y: T, n, axis) => {
      const [low, high] = [before[axis] as number, after[axis] as number];
      if (low + high === 0) return y;
      const places = guard("pad", () => new Int32Array(n + low + high));
      for (let i = 0; i < places.length; i++) places[i] = source(mode, i - low, n);
      return chosen(y, axis, places);
    }, x),
});

/** How many elements before and after: of all axes, of all axes in turn, or of each. */
export type Widths = number | readonly [number, number] | readonly (number | readonly [number, number])[];
function widthsOf(given: unknown, rank: number): [number, number][] {
  const isWidth = (x: unknown): x is number => typeof x === "number" && Number.isInteger(x) && x >= 0;
  const pair = (x: unknown): [number, number] | undefined => {
    if (isWidth(x)) return [x, x];
    return Array.isArray(x) && x.length === 2 && x.every(isWidth) ? [x[0] as number, x[1] as number] : undefined;
  };
  const one = pair(given);
  const list = one ? Array.from({ length: rank }, () => one) : Array.isArray(given) ? given.map(pair) : [];
  if (list.length === rank && list.every((p) => p !== undefined)) return list;
  throw new ArgumentError(
    "pad",
    `widths must be a number, [before, after], or one of these for each of the ${rank} axes, got ${describe(given)}.`,
  );
}

export interface PadOptions<D extends DType = DType> {
  /** What stands there: "constant" (the value), "edge", "reflect" (without the edge), "symmetric" (with it), "wrap". */
  readonly mode?: "constant" | Mode;
  /** In mode "constant", 0 where nothing is said. */
  readonly value?: Operand<D>;
}

/**
 * x with elements before and after it along its axes, NumPy's pad: widths is a number for all, [before, after] for all, or an array of one of
 * these for each axis. Where x is shorter than what is added, "reflect", "symmetric" and "wrap" go on in turns.
 */
export function pad<D extends DType>(x: Tensor<D>, widths: Widths, options: PadOptions<D> = {}): Tensor<D> {
  const t = asTensor("pad", "x", x);
  const { mode = "constant", value } = optionsOf("pad", options, ["mode", "value"]);
  const pairs = widthsOf(widths, t.rank);
  const [before, after] = [pairs.map((p) => p[0]), pairs.map((p) => p[1])];
  if (mode !== "constant") {
    if (value !== undefined) throw new ArgumentError("pad", 'option value is for mode "constant".');
    return padOp(t, { before, after, mode }) as Tensor<D>;
  }
  const shape = around(t.shape, before, after);
  if (value === undefined || value === 0) return padTo(t, before, shape);
  const fill = typeof value === "number" ? scalar(t.dtype, value) : asTensor("pad", "value", value);
  return stridedUpdate(broadcastTo(fill as Tensor, shape), t as Tensor, {
    start: before,
    step: before.map(() => 1),
  }) as Tensor as Tensor<D>;
}
