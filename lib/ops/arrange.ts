// Tensors cut, joined, repeated and moved about.
import { flag, ints, optionsOf, withoutMore, withoutOptions } from "../core/attrs";
import type { DType, Sym } from "../core/dtype";
import { ArgumentError, describe, guard, ShapeError } from "../core/errors";
import { defineOp } from "../core/op";
import { asTensor } from "../core/operands";
import { checkAxis, MAX_RANK, type Shape, shapeText, sizeOf, type Tensor } from "../core/tensor";
import { listedAxes } from "./axes";
import { tensor } from "./creation";
import { concat } from "./joining";
import { takeRows } from "./rows";
import { broadcastTo, reshape, slice, transpose } from "./structure";

type T = Tensor<Sym<"any">>;
const sizeAt = (shape: Shape, axis: number): number => shape[axis] as number;

interface AxisOption {
  readonly axis?: number;
}
/** The part of x from `from` on, `size` long along an axis. */
export const part = <D extends DType>(x: Tensor<D>, axis: number, from: number, size: number): Tensor<D> =>
  slice(
    x,
    x.shape.map((_, i) => (i === axis ? from : 0)),
    x.shape.map((d, i) => (i === axis ? size : d)),
  );

/**
 * x cut along an axis, the first where none is named: into so many equal parts, or, given an array, before each of these places. NumPy's split.
 * ERR_SHAPE where the parts would not be equal.
 */
export function split<D extends DType>(x: Tensor<D>, parts: number | readonly number[], options: AxisOption = {}): Tensor<D>[] {
  const t = asTensor("split", "x", x);
  const { axis = 0 } = optionsOf("split", options, ["axis"]);
  const at = checkAxis("split", axis, t.rank);
  const n = sizeAt(t.shape, at);
  return cuts(parts, n).map(([from, to]) => part(t, at, from, Math.max(0, to - from)));
}
function cuts(parts: number | readonly number[], n: number): [number, number][] {
  if (typeof parts === "number") {
    if (!Number.isInteger(parts) || parts < 1)
      throw new ArgumentError("split", `parts must be a positive integer, got ${describe(parts)}.`);
    if (n % parts !== 0) throw new ShapeError("split", `an axis of ${n} is not cut into ${parts} equal parts: give the places to cut at.`);
    checkParts("split", parts);
    return Array.from({ length: parts }, (_, i) => [(i * n) / parts, ((i + 1) * n) / parts]);
  }
  if (!Array.isArray(parts) || !parts.every((p) => Number.isInteger(p)))
    throw new ArgumentError("split", `parts must be a number or an array of integers, got ${describe(parts)}.`);
  const places = parts.map((p: number) => Math.min(Math.max(p < 0 ? p + n : p, 0), n));
  return [...places, n].map((to, i) => [i === 0 ? 0 : (places[i - 1] as number), to]);
}

const MOST = 2 ** 20; // parts of an axis, which may be long where another is empty
function checkParts(op: string, parts: number): void {
  if (parts > MOST) throw new ArgumentError(op, `x would have ${parts} parts, more than ${MOST}.`);
}

/** The tensors that x is a stack of along an axis, the first where none is named; they do not have this axis. */
export function unstack<D extends DType>(x: Tensor<D>, options: AxisOption = {}): Tensor<D>[] {
  const t = asTensor("unstack", "x", x);
  const { axis = 0 } = optionsOf("unstack", options, ["axis"]);
  const at = checkAxis("unstack", axis, t.rank);
  const shape = t.shape.toSpliced(at, 1);
  checkParts("unstack", sizeAt(t.shape, at));
  return Array.from({ length: sizeAt(t.shape, at) }, (_, i) => reshape(part(t, at, i, 1), shape));
}

/** x without its axes of size 1, or without those named, which must be of size 1. */
export function squeeze<D extends DType>(x: Tensor<D>, options: { readonly axis?: number | readonly number[] } = {}): Tensor<D> {
  const t = asTensor("squeeze", "x", x);
  const { axis } = optionsOf("squeeze", options, ["axis"]);
  const axes = axis === undefined ? [...t.shape.keys()].filter((i) => t.shape[i] === 1) : listedAxes("squeeze", t.rank, axis);
  const wide = axes.find((i) => t.shape[i] !== 1);
  if (wide !== undefined) throw new ShapeError("squeeze", `axis ${wide} of shape ${shapeText(t.shape)} is not of size 1.`);
  return reshape(
    t,
    t.shape.filter((_, i) => !axes.includes(i)),
  );
}

/** x with axes at other places, the others in their order: NumPy's moveaxis. */
export const moveAxis = withoutOptions(
  "moveAxis",
  3,
  <D extends DType>(x: Tensor<D>, source: number | readonly number[], destination: number | readonly number[]): Tensor<D> => {
    const t = asTensor("moveAxis", "x", x);
    const [from, to] = [listedAxes("moveAxis", t.rank, source ?? []), listedAxes("moveAxis", t.rank, destination ?? [])];
    if (from.length !== to.length)
      throw new ArgumentError("moveAxis", `source has ${from.length} axes, destination ${to.length}: they must be as many.`);
    const order = [...t.shape.keys()].filter((i) => !from.includes(i));
    for (const [place, axis] of to.map((p, i) => [p, from[i] as number] as const).sort((a, b) => a[0] - b[0])) order.splice(place, 0, axis);
    return transpose(t, order);
  },
);

/** x as often along each axis as `times` says; where x has fewer axes, it has new ones before them. */
const tiled = <D extends DType>(x: Tensor<D>, times: readonly number[], inner: boolean): Tensor<D> => {
  const shape = [...Array<number>(times.length - x.rank).fill(1), ...x.shape];
  const pairs = (d: readonly number[]): number[] => shape.flatMap((n, i) => (inner ? [n, d[i] as number] : [d[i] as number, n]));
  const wide = broadcastTo(reshape(x, pairs(times.map(() => 1))), pairs(times));
  return reshape(
    wide,
    shape.map((n, i) => n * (times[i] as number)),
  );
};
const tileOp = defineOp({
  name: "tile",
  tf: "Tile",
  inputs: ["x"],
  outputs: ["y"],
  attrs: { times: ints(), each: flag(false) },
  samples: (n) => [
    { shapes: { x: [n] }, attrs: { times: [3] } },
    { shapes: { x: [n] }, attrs: { times: [2, 0] } },
    { shapes: { x: [2, n] }, attrs: { times: [1, 3] } },
    { shapes: { x: [n, 2] }, attrs: { times: [3, 1], each: true } },
    { shapes: { x: [] }, attrs: { times: [2, n] } },
  ],
  infer: ({ x }, { times }) => {
    const shift = times.length - x.length;
    if (shift < 0 || times.some((t) => t < 0))
      throw new ArgumentError("tile", `times [${times.join(", ")}] must be non-negative, one for each axis of shape ${shapeText(x)}.`);
    return { y: times.map((t, i) => t * (x[i - shift] ?? 1)) };
  },
  types: "any",
  kernel: ({ x }, { times, each }) => tiled(x, times, each) as T,
});

const counts = (op: string, name: string, given: unknown): number[] => {
  const list = typeof given === "number" ? [given] : given;
  if (Array.isArray(list) && list.every((d) => Number.isInteger(d) && d >= 0)) return Array.from(list);
  throw new ArgumentError(op, `${name} must be a non-negative integer or an array of such, got ${describe(given)}.`);
};

/** x repeated as a whole, so often along each axis: NumPy's tile. One number is for the last axis. */
export const tile = withoutMore("tile", "times", <D extends DType>(x: Tensor<D>, times: number | readonly number[]): Tensor<D> => {
  const t = asTensor("tile", "x", x);
  const list = counts("tile", "times", times);
  const missing = Array<number>(Math.max(0, t.rank - list.length)).fill(1);
  return tileOp(t, { times: [...missing, ...list] }) as Tensor<D>;
});

/**
 * Each element of x so often, one after the other, along an axis, or of all elements row by row where no axis is named: NumPy's repeat. Given an
 * array, element i as often as it says.
 */
export function repeat<D extends DType>(x: Tensor<D>, times: number | readonly number[], options: AxisOption = {}): Tensor<D> {
  const given = asTensor("repeat", "x", x);
  const { axis } = optionsOf("repeat", options, ["axis"]);
  const t = axis === undefined ? reshape(given, [given.size]) : given;
  const at = axis === undefined ? 0 : checkAxis("repeat", axis, t.rank);
  const list = counts("repeat", "times", times);
  if (list.length === 1) return tileOp(t, { times: t.shape.map((_, i) => (i === at ? (list[0] as number) : 1)), each: true }) as Tensor<D>;
  const n = sizeAt(t.shape, at);
  if (list.length !== n) throw new ShapeError("repeat", `times has ${list.length} numbers for an axis of ${n}.`);
  const rows = guard("repeat", () => new Int32Array(list.reduce((n, d) => n + d, 0)));
  let end = 0;
  list.forEach((count, i) => {
    rows.fill(i, end, (end += count));
  });
  return chosen(t, at, rows);
}

/** The elements at these places of an axis. */
export function chosen<D extends DType>(t: Tensor<D>, axis: number, places: Int32Array): Tensor<D> {
  const [before, behind] = [t.shape.slice(0, axis), t.shape.slice(axis + 1)];
  const flat = reshape(t, [...before, sizeAt(t.shape, axis), sizeOf(behind)]);
  const y = takeRows(flat as Tensor, tensor(places)) as Tensor as Tensor<D>;
  return reshape(y, [...before, places.length, ...behind]);
}

const rollOp = defineOp({
  name: "roll",
  tf: "Roll",
  inputs: ["x"],
  outputs: ["y"],
  attrs: { shift: ints(), axis: ints() },
  samples: (n) => [
    { shapes: { x: [n] }, attrs: { shift: [2], axis: [0] } },
    { shapes: { x: [2, n] }, attrs: { shift: [1, -3], axis: [0, 1] } },
    { shapes: { x: [n, 3] }, attrs: { shift: [-1], axis: [0] } },
  ],
  infer: ({ x }, { shift, axis }) => {
    if (shift.length !== axis.length || axis.some((a) => a < 0 || a >= x.length))
      throw new ArgumentError(
        "roll",
        `shift [${shift.join(", ")}] must have a number for each of the axes [${axis.join(", ")}] of ${shapeText(x)}.`,
      );
    return { y: x };
  },
  types: "any",
  kernel: ({ x }, { shift, axis }) => axis.reduce((y: T, a, i) => rolled(y, a, shift[i] as number), x),
});
function rolled(x: T, axis: number, shift: number): T {
  const n = sizeAt(x.shape, axis);
  const by = n === 0 ? 0 : ((shift % n) + n) % n;
  return by === 0 ? x : concat([part(x, axis, n - by, by), part(x, axis, 0, n - by)], { axis });
}

/**
 * x with its elements `shift` places further along axes, where the last come first again; without `axis` along all elements row by row. NumPy's
 * roll. Of several axes each has its shift, or all have one.
 */
export function roll<D extends DType>(
  x: Tensor<D>,
  shift: number | readonly number[],
  options: { readonly axis?: number | readonly number[] } = {},
): Tensor<D> {
  const t = asTensor("roll", "x", x);
  const { axis } = optionsOf("roll", options, ["axis"]);
  const by = typeof shift === "number" ? [shift] : shift;
  if (!Array.isArray(by) || !by.every((d) => Number.isSafeInteger(d)))
    throw new ArgumentError("roll", `shift must be an integer or an array of integers, got ${describe(shift)}.`);
  if (axis === undefined) {
    const total = by.reduce((a: number, b: number) => a + b, 0);
    return reshape(rollOp(reshape(t, [t.size]), { shift: [total], axis: [0] }) as Tensor<D>, t.shape);
  }
  const axes = typeof axis === "number" ? [checkAxis("roll", axis, t.rank)] : listedAxes("roll", t.rank, axis);
  const each = by.length === 1 ? axes.map(() => by[0] as number) : by;
  return rollOp(t, { shift: each, axis: axes }) as Tensor<D>;
}

/** Nested arrays of tensors that stand side by side: the innermost along the last axis, those around them along the axes before it. */
export type Blocks<D extends DType = DType> = Tensor<D> | number | readonly Blocks<D>[];
/** One tensor of nested arrays of them, as NumPy's block: block([[a, b], [c, d]]). Tensors of fewer axes get new ones before theirs. */
export const block = withoutOptions("block", 1, <D extends DType>(blocks: Blocks<D>): Tensor<D> => {
  const depth = (b: unknown, level = 0): number => {
    if (!Array.isArray(b)) return level;
    if (level === MAX_RANK) throw new ArgumentError("block", `arrays of blocks must not be nested more than ${MAX_RANK} deep.`);
    return Math.max(level + 1, ...b.map((x) => depth(x, level + 1)));
  };
  const levels = depth(blocks);
  const rankOf = (b: unknown): number => (Array.isArray(b) ? Math.max(0, ...b.map(rankOf)) : asTensor("block", "a block", b).rank);
  const rank = Math.max(levels, rankOf(blocks));
  const joined = (b: unknown, level: number): Tensor<D> => {
    if (Array.isArray(b) !== level > 0)
      throw new ArgumentError("block", `tensors must stand equally deep in the arrays, got ${describe(b)} at depth ${levels - level}.`);
    if (!Array.isArray(b)) {
      const t = asTensor("block", "a block", b) as Tensor<D>;
      return reshape(t, [...Array<number>(rank - t.rank).fill(1), ...t.shape]);
    }
    if (b.length === 0) throw new ArgumentError("block", "an array of blocks must not be empty.");
    return concat(
      b.map((x) => joined(x, level - 1)),
      { axis: rank - level },
    );
  };
  return joined(blocks, levels);
});
