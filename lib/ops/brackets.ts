// x[...], and x with other elements there.
import { optionsOf, withoutOptions } from "../core/attrs";
import type { DType } from "../core/dtype";
import { ArgumentError, describe, ShapeError } from "../core/errors";
import { scalar } from "../core/op";
import { asTensor } from "../core/operands";
import { broadcast, sameShape } from "../core/signature";
import { adopt, type IndexPart, type Operand, type Shape, shapeText, sizeOf, type Tensor } from "../core/tensor";
import { add } from "./elementwise";
import { addRows, putRows, takeRows } from "./rows";
import { stridedPad, stridedSlice, stridedUpdate } from "./slices";
import { broadcastTo, reshape, transpose } from "./structure";
import { type Subscript, subscript } from "./subscripts";

const isAll = (s: Subscript, shape: Shape): boolean => sameShape(s.size, shape) && s.step.every((d) => d === 1);
const inOrder = (axes: readonly number[]): boolean => axes.every((a, i) => a === i);
const moved = <D extends DType>(x: Tensor<D>, axes: readonly number[]): Tensor<D> => (inOrder(axes) ? x : transpose(x, axes));
const inverse = (axes: readonly number[]): number[] => axes.map((_, i) => axes.indexOf(i));
const shaped = <D extends DType>(x: Tensor<D>, shape: Shape): Tensor<D> => (sameShape(x.shape, shape) ? x : reshape(x, shape));

/** How the axes of lists come together: an order of the axes of `kept`, and then [before, rows, behind]. */
interface Together {
  readonly axes: readonly number[];
  readonly before: readonly number[];
  readonly rows: readonly number[];
  readonly behind: readonly number[];
  /** From [before, listed, behind] to the axes of the result. */
  readonly result: readonly number[];
}
function together({ kept, axes: lists, listed, at }: Subscript): Together {
  const others = kept.map((_, i) => i).filter((i) => !lists.includes(i));
  const adjacent = lists.every((a, i) => a === (lists[0] as number) + i);
  const place = adjacent ? (lists[0] as number) : at; // among the others
  const axes = others.toSpliced(place, 0, ...lists);
  const size = (list: readonly number[]): number[] => list.map((a) => kept[a] as number);
  // the result's other axes are in order: only where the listed ones stand may differ
  const [l, rest] = [listed.length, others.length];
  const order = [...Array(rest + l).keys()];
  const result = order.toSpliced(place, l).toSpliced(at, 0, ...order.slice(place, place + l));
  return { axes, before: size(others.slice(0, place)), rows: size(lists), behind: size(others.slice(place)), result };
}
const flatOf = ({ before, rows, behind }: Together): number[] => [...before, sizeOf(rows), sizeOf(behind)];

/**
 * The elements of x that an index names, x[i, 1:5:2, [1, 3], None, ...] of NumPy: `index(x, i, "1:5:2", [1, 3], null, "...")`. Numbers may be
 * negative and drop their axis; slices are text with Python's rules. Lists (arrays of numbers, int32 tensors) are NumPy's advanced indices: several
 * broadcast together, and their axes stand where the first list or number stands, or first of all where something else stands between them. Arrays
 * and tensors of truth values are masks, but not inside what is compiled. An int32 tensor may be computed: `index(x, i)` in a loop.
 * ERR_ARGUMENT says which index is out of range.
 */
export function index<D extends DType>(x: Tensor<D>, ...parts: IndexPart[]): Tensor<D> {
  const t = asTensor("index", "x", x);
  return read(t, subscript("index", t.shape, withoutObject(parts)));
}
/** Parts without an object behind them, which would be options: there are none. */
function withoutObject(parts: readonly unknown[]): readonly unknown[] {
  const last = parts.at(-1);
  if (typeof last !== "object" || last === null || Array.isArray(last) || adopt("index", last)) return parts;
  optionsOf("index", last, []);
  return parts.slice(0, -1);
}
function read<D extends DType>(t: Tensor<D>, s: Subscript): Tensor<D> {
  const { start, step, size } = s;
  const part = shaped(isAll(s, t.shape) ? t : (stridedSlice(t, { start, step, size }) as Tensor<D>), s.kept);
  if (!s.rows) return part;
  const to = together(s);
  const found = takeRows(reshape(moved(part, to.axes), flatOf(to)), s.rows) as Tensor<D>;
  return moved(reshape(found, [...to.before, ...s.listed, ...to.behind]), to.result);
}

/** v in the shape that the index gives. */
function valueFor<D extends DType>(op: string, t: Tensor<D>, v: Operand<D>, { shape }: Subscript): Tensor<D> {
  const value = (typeof v === "number" ? scalar(t.dtype, v) : asTensor(op, "v", v)) as Tensor<D>;
  if (sameShape(value.shape, shape)) return value;
  const whole = broadcast([value.shape, shape]);
  if (!whole || !sameShape(whole, shape))
    throw new ShapeError(
      op,
      `v has shape ${shapeText(value.shape)}, which does not broadcast to ${shapeText(shape)}, what the index names.`,
    );
  return broadcastTo(value, shape);
}

type Rows = typeof putRows | typeof addRows;
/** x after the rows that lists name were replaced or added to. */
function write<D extends DType>(part: Tensor<D>, v: Tensor<D>, s: Subscript, op: Rows): Tensor<D> {
  const to = together(s);
  const values = reshape(moved(v, inverse(to.result)), [...to.before, sizeOf(s.listed), sizeOf(to.behind)]);
  const flat = reshape(moved(part, to.axes), flatOf(to));
  const y = (op as typeof putRows)(flat as Tensor, s.rows as Tensor<"int32">, values as Tensor) as Tensor as Tensor<D>;
  return moved(reshape(y, [...to.before, ...to.rows, ...to.behind]), inverse(to.axes));
}

function updated<D extends DType>(op: "indexUpdate" | "indexAdd", x: Tensor<D>, parts: readonly IndexPart[], v: Operand<D>): Tensor<D> {
  const t = asTensor(op, "x", x);
  if (!Array.isArray(parts)) throw new ArgumentError(op, `the index must be an array of its parts, as [0, "2:4"], got ${describe(parts)}.`);
  const s = subscript(op, t.shape, Array.from(parts));
  const value = valueFor(op, t, v, s);
  const { start, step, size } = s;
  if (!s.rows) {
    const there = shaped(value, size);
    if (op === "indexUpdate") return stridedUpdate(t as Tensor, there as Tensor, { start, step }) as Tensor as Tensor<D>;
    return add(t as Tensor, stridedPad(there, { start, step, shape: t.shape }) as Tensor) as Tensor as Tensor<D>;
  }
  const rows = op === "indexUpdate" ? putRows : addRows;
  if (isAll(s, t.shape)) return shaped(write(shaped(t, s.kept), value, s, rows), t.shape);
  const part = shaped(stridedSlice(t, { start, step, size }) as Tensor<D>, s.kept);
  return stridedUpdate(t as Tensor, shaped(write(part, value, s, rows), size) as Tensor, { start, step }) as Tensor as Tensor<D>;
}

/**
 * x with v where the index names elements: NumPy's x[parts] = v, as a new tensor. `parts` are those of `index`, v broadcasts to what they name.
 * Where a list names an element several times the last one stays, and it alone has a derivative.
 */
export const indexUpdate = withoutOptions(
  "indexUpdate",
  3,
  <D extends DType>(x: Tensor<D>, parts: readonly IndexPart[], v: Operand<NoInfer<D>>): Tensor<D> =>
    updated("indexUpdate", x, parts, v as Operand<D>),
);
/** x with v added where the index names elements, several times where a list names one several times: NumPy's add.at, as a new tensor. */
export const indexAdd = withoutOptions(
  "indexAdd",
  3,
  <D extends DType>(x: Tensor<D>, parts: readonly IndexPart[], v: Operand<NoInfer<D>>): Tensor<D> =>
    updated("indexAdd", x, parts, v as Operand<D>),
);
