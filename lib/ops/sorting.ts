// Order along an axis, and places in it.
import { flag, int, optionsOf } from "../core/attrs";
import type { DType, Real, Sym } from "../core/dtype";
import { ArgumentError, describe, ShapeError } from "../core/errors";
import { defineOp, scalar } from "../core/op";
import { asTensor } from "../core/operands";
import { native } from "../core/row";
import { checkAxis, type Operand, shapeText, type Tensor } from "../core/tensor";
import { moveAxis } from "./arrange";
import { columnsOf } from "./columns";
import { zeros } from "./creation";
import { ascending, distinct } from "./domains";
import { gather, scatterAdd } from "./indexing";
import { reshape, slice } from "./structure";

type T = Tensor<Sym<"any">>;
const column = {
  inputs: ["x"],
  outputs: ["y"],
  signature: "(n,c)->(n,c)",
  attrs: { descending: flag(false), nanFirst: flag(false) },
} as const;

const argsortOp = defineOp({ ...column, name: "argsort", types: "any", dtypes: { y: "int32" }, kernel: native("argsort") });
const sortOp = defineOp({
  ...column,
  name: "sort",
  types: "any",
  domain: { x: distinct },
  kernel: native("sort"),
  saves: ["x"],
  // a permutation, which is locally constant
  vjp: ({ x }, { y: g }, attrs, { shapes }) => ({
    x: () => scatterAdd(zeros(shapes.x, { dtype: g.dtype as never }), argsortOp(x, attrs), g as never, { axis: -2 }) as Tensor as T,
  }),
  jvp: ({ x }, { x: t }, attrs) => ({ y: t && ((): T => gather(t as Tensor, argsortOp(x, attrs), { axis: -2 }) as Tensor as T) }),
});

export interface SortOptions {
  /** Along which axis; the last where nothing is said. */
  readonly axis?: number;
  readonly descending?: boolean;
}
function sorted(name: string, op: typeof sortOp | typeof argsortOp, x: unknown, options: SortOptions): Tensor {
  const { axis = -1, ...rest } = optionsOf(name, options, ["axis", "descending"]);
  const { flat, back } = columnsOf(name, asTensor(name, "x", x), axis);
  return back(op(flat as never, rest as never) as Tensor);
}
/**
 * The elements in ascending order along an axis, or in descending order; NaN last in both. Complex numbers go by real part, then imaginary part.
 * Derivatives go the way that the elements went, where equal ones keep their order.
 */
export const sort = <D extends DType>(x: Tensor<D>, options: SortOptions = {}): Tensor<D> =>
  sorted("sort", sortOp, x, options) as Tensor<D>;
/** Which element of an axis comes where in the order of `sort`: int32. */
export const argsort = (x: Tensor, options: SortOptions = {}): Tensor<"int32"> =>
  sorted("argsort", argsortOp, x, options) as Tensor<"int32">;

const topKOp = defineOp({
  name: "topK",
  tf: "TopKV2",
  inputs: ["x"],
  outputs: ["values", "indices"],
  attrs: { k: int(1) },
  samples: (n) => [
    { shapes: { x: [n + 2] }, attrs: { k: 2 } },
    { shapes: { x: [2, n] }, attrs: { k: n } },
    { shapes: { x: [n, 3] }, attrs: { k: 0 } },
  ],
  infer: ({ x }, { k }) => {
    const n = x.at(-1);
    if (n === undefined) throw new ShapeError("topK", "x must have an axis, got a scalar.");
    if (!(k >= 0 && k <= n)) throw new ArgumentError("topK", `k must be from 0 to ${n}, got ${k}.`);
    const y = [...x.slice(0, -1), k];
    return { values: y, indices: y };
  },
  types: "any",
  dtypes: { indices: "int32" },
  domain: { x: distinct },
  kernel: ({ x }, { k }) => {
    const order = reshape(argsortOp(reshape(x, [...x.shape, 1]), { descending: true, nanFirst: true }), x.shape);
    const indices = slice(
      order,
      x.shape.map(() => 0),
      [...x.shape.slice(0, -1), k],
    );
    return { values: gather(x, indices), indices };
  },
});
/**
 * The k largest elements along an axis, the last where none is named, in descending order, and where they are: `{ values, indices }`. Of equal
 * ones those that come first; NaN counts as the largest, as in `max`.
 */
export function topK<D extends DType>(
  x: Tensor<D>,
  k: number,
  options: { readonly axis?: number } = {},
): { values: Tensor<D>; indices: Tensor<"int32"> } {
  const t = asTensor("topK", "x", x);
  const { axis = -1 } = optionsOf("topK", options, ["axis"]);
  const at = checkAxis("topK", axis, t.rank);
  if (!Number.isInteger(k)) throw new ArgumentError("topK", `k must be an integer, got ${describe(k)}.`);
  const last = (y: Tensor): Tensor => (at === t.rank - 1 ? y : moveAxis(y, at, -1));
  const { values, indices } = topKOp(last(t), { k });
  const back = <E extends DType>(y: Tensor<E>): Tensor<E> => (at === t.rank - 1 ? y : moveAxis(y, -1, at));
  return { values: back(values as Tensor<D>), indices: back(indices) };
}

const searchOp = defineOp({
  name: "searchSorted",
  tf: "LowerBound",
  inputs: ["sorted", "values"],
  outputs: ["i"],
  attrs: { right: flag(false) },
  signature: "(n),(k)->(k)",
  types: "ordered",
  dtypes: { i: "int32" },
  domain: { sorted: ascending },
  kernel: native("searchSorted"),
  vjp: () => ({}),
});
/**
 * Before which element of `sorted`, which ascends along its last axis, each value would stand: the first such place, or with side "right" the last.
 * NaN stands behind all numbers. NumPy's searchsorted: of a `sorted` of one axis the values have any shape, of batches their last axis is that
 * of the values, too.
 */
export function searchSorted<D extends Real | "int32">(
  sorted: Tensor<D>,
  values: Operand<NoInfer<D>>,
  options: { readonly side?: "left" | "right" } = {},
): Tensor<"int32"> {
  const s: Tensor = asTensor("searchSorted", "sorted", sorted);
  const { side = "left" } = optionsOf("searchSorted", options, ["side"]);
  if (side !== "left" && side !== "right")
    throw new ArgumentError("searchSorted", `option side must be "left" or "right", got ${describe(side)}.`);
  if (s.rank === 0) throw new ShapeError("searchSorted", `sorted must have an axis, got shape ${shapeText(s.shape)}.`);
  const attrs = { right: side === "right" };
  if (s.rank > 1) return searchOp(s as never, values as never, attrs);
  const v = typeof values === "number" ? scalar(s.dtype, values) : asTensor("searchSorted", "values", values as Tensor);
  return reshape(searchOp(s as never, reshape(v, [v.size]) as never, attrs) as Tensor<"int32">, v.shape);
}
