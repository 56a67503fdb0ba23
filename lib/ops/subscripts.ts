// What stands in brackets, x[0, 1:5:2, [1, 3], None, ...], by the rules of NumPy.
import { ArgumentError, DtypeError, describe, ShapeError } from "../core/errors";
import { broadcast } from "../core/signature";
import { adopt, MAX_RANK, readable, type Shape, shapeText, sizeOf, type Tensor, tracedOf } from "../core/tensor";
import { tensor, zeros } from "./creation";
import { flatIndex } from "./rows";
import { broadcastTo, reshape } from "./structure";

type Int = Tensor<"int32">;
/** What a part means for the axes that it names. */
type Part =
  | { readonly kind: "number"; readonly start: number }
  | { readonly kind: "slice"; readonly start: number; readonly step: number; readonly size: number }
  | { readonly kind: "list"; readonly list: Int }
  | { readonly kind: "new" };

/** An index into tensors of one shape. First every step-th element of each axis, then the rows that lists name. */
export interface Subscript {
  readonly start: readonly number[];
  readonly step: readonly number[];
  readonly size: readonly number[];
  /** Of what is left of that, without the axes of numbers and with the new ones. */
  readonly kept: readonly number[];
  /** Axes of `kept` that lists name. */
  readonly axes: readonly number[];
  /** Into these axes as one, broadcast and flattened. */
  readonly rows: Int | undefined;
  /** The axes that stand for them in the result, and before which of its other axes. */
  readonly listed: readonly number[];
  readonly at: number;
  /** The shape of the result. */
  readonly shape: readonly number[];
}

const SLICE = /^\s*([+-]?\d+)?\s*:\s*([+-]?\d+)?\s*(?::\s*([+-]?\d+)?\s*)?$/;
/** Python's slice of an axis of n. */
function sliceOf(op: string, text: string, n: number): Part {
  const match = SLICE.exec(text);
  if (!match) throw new ArgumentError(op, `a slice is "start:stop:step", each of which may be left out, or "...", got ${describe(text)}.`);
  const [start, stop, by] = match.slice(1).map((t) => (t === undefined ? undefined : Number(t)));
  const step = by ?? 1;
  if (step === 0) throw new ArgumentError(op, `the step of slice ${describe(text)} must not be 0.`);
  const [low, high] = step > 0 ? [0, n] : [-1, n - 1];
  const place = (i: number | undefined, otherwise: number): number =>
    i === undefined ? otherwise : Math.min(Math.max(i < 0 ? i + n : i, low), high);
  const from = place(start, step > 0 ? low : high);
  const size = Math.max(0, Math.ceil((place(stop, step > 0 ? high : low) - from) / step));
  return { kind: "slice", start: size === 0 ? 0 : from, step, size };
}

function numberOf(op: string, i: number, n: number, axis: number, shape: Shape): Part {
  if (Number.isInteger(i) && i >= -n && i < n) return { kind: "number", start: i < 0 ? i + n : i };
  throw new ArgumentError(op, `index ${describe(i)} is out of range for axis ${axis} of shape ${shapeText(shape)}.`);
}

const isMask = (x: unknown): boolean => {
  let first = x;
  for (let depth = 0; Array.isArray(first) && depth <= MAX_RANK; depth++) first = first[0];
  return typeof first === "boolean";
};
/** The list or mask that a part is, as a tensor; undefined: it is another part. */
function listOf(op: string, part: unknown): Tensor | undefined {
  const given = adopt(op, part);
  if (given) {
    if (given.dtype === "int32" || given.dtype === "bool") return given;
    throw new DtypeError(op, `a tensor of indices must be int32 or bool, got ${given.dtype}. Cast it: cast(i, "int32").`);
  }
  if (!Array.isArray(part)) return undefined;
  return part.length === 0 ? zeros([0], { dtype: "int32" }) : tensor(part as never, { dtype: isMask(part) ? "bool" : "int32" });
}

/** Where a mask is true: a list for each axis that it names. */
function placesOf(op: string, mask: Tensor, axis: number, shape: Shape): Part[] {
  if (tracedOf(mask))
    throw new ArgumentError(
      op,
      "a mask that is computed inside a compiled function, vmap or a loop has no shape to give: use where(mask, a, b).",
    );
  const named = shape.slice(axis, axis + mask.rank);
  if (mask.rank === 0 || !mask.shape.every((d, i) => d === named[i]))
    throw new ShapeError(op, `a mask of shape ${shapeText(mask.shape)} does not fit axis ${axis} of shape ${shapeText(shape)}.`);
  const bits = readable(op, mask);
  const true_ = Array.from(Array(mask.size).keys()).filter((i) => bits[i] !== 0);
  let step = mask.size;
  return mask.shape.map((d) => {
    step /= d || 1;
    const list = tensor(Int32Array.from(true_, (i) => Math.floor(i / step) % d));
    return { kind: "list", list };
  });
}

/** The parts, one for each axis and each new one, and whether what lists stand for is to come first. */
function partsOf(op: string, shape: Shape, given: readonly unknown[]): { parts: Part[]; first: boolean } {
  const lists = given.map((p) => listOf(op, p));
  const named = lists.reduce((n, t, i) => n + (t?.dtype === "bool" ? t.rank : given[i] === null || given[i] === "..." ? 0 : 1), 0);
  if (named > shape.length) throw new ArgumentError(op, `${named} axes are indexed, but shape ${shapeText(shape)} has ${shape.length}.`);
  if (given.filter((p) => p === "...").length > 1) throw new ArgumentError(op, 'only one "..." may stand in an index.');
  const [parts, runs]: [Part[], boolean[]] = [[], []]; // whether numbers and lists
  let axis = 0;
  const rest = (count: number): void => {
    for (let i = 0; i < count; i++) parts.push({ kind: "slice", start: 0, step: 1, size: shape[axis++] as number });
  };
  given.forEach((part, i) => {
    const list = lists[i];
    runs.push(list !== undefined || typeof part === "number");
    if (part === null) parts.push({ kind: "new" });
    else if (part === "...") rest(shape.length - named);
    else if (list?.dtype === "bool") {
      const places = placesOf(op, list, axis, shape);
      parts.push(...places);
      axis += places.length;
    } else if (list) {
      parts.push({ kind: "list", list: list as Int });
      axis++;
    } else if (typeof part === "string") parts.push(sliceOf(op, part, shape[axis++] as number));
    else if (typeof part === "number") parts.push(numberOf(op, part, shape[axis] as number, axis++, shape));
    else
      throw new ArgumentError(
        op,
        `an index has numbers, slices as text, lists of numbers, int32 tensors, null and "...", got ${describe(part)}.`,
      );
  });
  rest(shape.length - axis);
  const [begin, end] = [runs.indexOf(true), runs.lastIndexOf(true)];
  return { parts, first: begin >= 0 && runs.slice(begin, end + 1).includes(false) };
}

/** Lists into axes of these sizes as one list into all, flattened. */
function rowsOf(op: string, lists: readonly Int[], sizes: readonly number[], shape: Shape): Int {
  const flat = lists.map((t) => reshape(broadcastTo(t, shape), [sizeOf(shape)]));
  if (flat.length === 1) return flat[0] as Int;
  if (sizeOf(sizes) > 2 ** 31 - 1)
    throw new ArgumentError(op, `lists index axes of ${sizeOf(sizes)} elements together, which int32 does not hold.`);
  return flat.reduce((rows: Int, list, i) => flatIndex(rows, list, { n: sizes[i] as number }), zeros([sizeOf(shape)], { dtype: "int32" }));
}

/** What a list of parts is to tensors of a shape. */
export function subscript(op: string, shape: Shape, given: readonly unknown[]): Subscript {
  const { parts, first } = partsOf(op, shape, given);
  const named = parts.filter((p) => p.kind !== "new");
  const of = <V>(f: (p: Part, d: number) => V): V[] => named.map((p, i) => f(p, shape[i] as number));
  const size = of((p, d) => (p.kind === "slice" ? p.size : p.kind === "number" ? 1 : d));
  const left = parts.filter((p) => p.kind !== "number");
  const kept: number[] = [];
  let axis = 0;
  for (const p of parts) {
    if (p.kind === "new") kept.push(1);
    else if (p.kind === "number") axis++;
    else kept.push(size[axis++] as number);
  }
  const axes = left.flatMap((p, i) => (p.kind === "list" ? [i] : []));
  const lists = left.flatMap((p) => (p.kind === "list" ? [p.list] : []));
  const listed = broadcast(lists.map((t) => t.shape));
  if (!listed) throw new ShapeError(op, `lists of indices do not broadcast together: ${lists.map((t) => shapeText(t.shape)).join(", ")}.`);
  const others = kept.filter((_, i) => !axes.includes(i));
  const before = parts.findIndex((p) => p.kind === "list" || p.kind === "number");
  const at = first || before < 0 ? 0 : parts.slice(0, before).length;
  const sizes = axes.map((i) => kept[i] as number);
  return {
    start: of((p) => (p.kind === "slice" || p.kind === "number" ? p.start : 0)),
    step: of((p) => (p.kind === "slice" ? p.step : 1)),
    size,
    kept,
    axes,
    rows: lists.length > 0 ? rowsOf(op, lists, sizes, listed) : undefined,
    listed,
    at,
    shape: lists.length > 0 ? others.toSpliced(at, 0, ...listed) : others,
  };
}
