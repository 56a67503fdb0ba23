// Products of vectors and tensors, by NumPy's names.
import { optionsOf, withoutOptions } from "../core/attrs";
import type { Fits } from "../core/dtype";
import { ArgumentError, describe, ShapeError } from "../core/errors";
import { asTensor } from "../core/operands";
import { checkAxis, type DTypeOf, type Operand, type Promote, type Shape, shapeText, type Tensor } from "../core/tensor";
import { moveAxis, roll } from "./arrange";
import { listedAxes } from "./axes";
import { contract, type Labelled } from "./contraction";
import { ones } from "./creation";
import { conj, mul, sub } from "./elementwise";
import { matmul } from "./products";
import { sum } from "./reductions";
import { expandDims, reshape } from "./structure";

type Product = <A extends Operand, B extends Operand>(a: A, b: B & Fits<DTypeOf<A>, DTypeOf<B>>) => Tensor<Promote<A, B>>;
/** A function of two tensors and nothing else. */
const product = (op: string, f: (a: Tensor, b: Tensor) => Tensor): Product =>
  withoutOptions(op, 2, ((a: unknown, b: unknown) => f(...operandsOf(op, a, b))) as Product);
/** Two operands, a number in the dtype of the other. */
function operandsOf(op: string, a: unknown, b: unknown): [Tensor, Tensor] {
  const [x, y] = [asTensor(op, "a", a), asTensor(op, "b", b)];
  if (typeof a === "number" && typeof b !== "number") return [mul(a, like(y)) as Tensor, y];
  if (typeof b === "number" && typeof a !== "number") return [x, mul(b, like(x)) as Tensor];
  return [x, y];
}
const like = (t: Tensor): Tensor => ones([], { dtype: t.dtype });
const times = (a: Tensor, b: Tensor): Tensor => mul(a as never, b as never) as Tensor;

/** a_i b_j, of all elements of both row by row: NumPy's outer. */
export const outer = product("outer", (a, b) => times(reshape(a, [a.size, 1]), reshape(b, [1, b.size])));

const names = (count: number, prefix: string): string[] => Array.from({ length: count }, (_, i) => `${prefix}${i}`);
/** The sum over axes of a and of b, a pair at a time; the axes that are left of a, then those of b. */
function over(op: string, a: Tensor, b: Tensor, axesA: readonly number[], axesB: readonly number[]): Tensor {
  const [left, right] = [names(a.rank, "a"), names(b.rank, "b")];
  const sizes = new Map<string, number>();
  axesA.forEach((i, k) => {
    const j = axesB[k] as number;
    if (a.shape[i] !== b.shape[j])
      throw new ShapeError(
        op,
        `axis ${i} of a, shape ${shapeText(a.shape)}, and axis ${j} of b, shape ${shapeText(b.shape)}, must be equal.`,
      );
    right[j] = left[i] as string;
  });
  left.forEach((l, i) => sizes.set(l, a.shape[i] as number));
  right.forEach((l, i) => sizes.set(l, b.shape[i] as number));
  const terms: Labelled[] = [
    { t: a, labels: left },
    { t: b, labels: right },
  ];
  return contract(terms, [...left.filter((_, i) => !axesA.includes(i)), ...right.filter((_, j) => !axesB.includes(j))], sizes);
}

/** Σ a b over the last axes of both, for all others of a, then of b; with a scalar the product. NumPy's inner. */
export const inner = product("inner", (a, b) =>
  a.rank === 0 || b.rank === 0 ? times(a, b) : over("inner", a, b, [a.rank - 1], [b.rank - 1]),
);
/**
 * NumPy's dot: of vectors Σ a b, of matrices their product, of more axes the sum over the last axis of a and the last but one of b, with a scalar
 * the product.
 */
export const dot = product("dot", (a, b) =>
  a.rank === 0 || b.rank === 0 ? times(a, b) : over("dot", a, b, [a.rank - 1], [b.rank === 1 ? 0 : b.rank - 2]),
);
/** Σ conj(a) b over all elements, of which both have as many: NumPy's vdot. */
export const vdot = product("vdot", (a, b) => {
  if (a.size !== b.size)
    throw new ShapeError("vdot", `a and b must have as many elements, got shapes ${shapeText(a.shape)} and ${shapeText(b.shape)}.`);
  return over("vdot", reshape(conj(a), [a.size]), reshape(b, [b.size]), [0], [0]);
});

/** The axis of vectors as the last of both. */
function vectors(op: string, a: Tensor, b: Tensor, axis: number): [Tensor, Tensor] {
  const last = (t: Tensor): Tensor => {
    const at = checkAxis(op, axis, t.rank);
    return at === t.rank - 1 ? t : moveAxis(t, at, -1);
  };
  return [last(a), last(b)];
}
/** Σ conj(a) b along an axis of both, the last where none is named; the others broadcast. NumPy's vecdot. */
export function vecdot<A extends Tensor, B extends Tensor>(
  a: A,
  b: B & Fits<DTypeOf<A>, DTypeOf<B>>,
  options: { readonly axis?: number } = {},
): Tensor<Promote<A, B>> {
  const { axis = -1 } = optionsOf("vecdot", options, ["axis"]);
  const [x, y] = vectors("vecdot", asTensor("vecdot", "a", a as unknown) as Tensor, asTensor("vecdot", "b", b as unknown) as Tensor, axis);
  if (x.shape.at(-1) !== y.shape.at(-1))
    throw new ShapeError("vecdot", `vectors must be equally long, got shapes ${shapeText(x.shape)} and ${shapeText(y.shape)}.`);
  return sum(times(conj(x), y), { axis: -1 }) as Tensor<Promote<A, B>>;
}
/** Matrices a times vectors b, (..., m, n) and (..., n); the axes before broadcast. NumPy's matvec. */
export const matvec = product("matvec", (a, b) => {
  if (a.rank < 2 || b.rank < 1)
    throw new ShapeError("matvec", `a must be a matrix and b a vector, got shapes ${shapeText(a.shape)} and ${shapeText(b.shape)}.`);
  if (a.shape.at(-1) !== b.shape.at(-1))
    throw new ShapeError(
      "matvec",
      `a must have as many columns as b has elements, got shapes ${shapeText(a.shape)} and ${shapeText(b.shape)}.`,
    );
  const y = matmul(a, expandDims(b, -1) as never) as Tensor;
  return reshape(y, y.shape.slice(0, -1));
});

/** The cross product of vectors of three along an axis of both, the last where none is named; the others broadcast. */
export function cross<A extends Tensor, B extends Tensor>(
  a: A,
  b: B & Fits<DTypeOf<A>, DTypeOf<B>>,
  options: { readonly axis?: number } = {},
): Tensor<Promote<A, B>> {
  const { axis = -1 } = optionsOf("cross", options, ["axis"]);
  const [x, y] = vectors("cross", asTensor("cross", "a", a as unknown) as Tensor, asTensor("cross", "b", b as unknown) as Tensor, axis);
  if (x.shape.at(-1) !== 3 || y.shape.at(-1) !== 3)
    throw new ShapeError("cross", `vectors must have 3 elements, got shapes ${shapeText(x.shape)} and ${shapeText(y.shape)}.`);
  const next = (t: Tensor): Tensor => roll(t, -1, { axis: -1 });
  const c = next(sub(times(x, next(y)) as never, times(next(x), y) as never) as Tensor);
  const at = axis < 0 ? axis + c.rank : axis;
  return (at === c.rank - 1 ? c : moveAxis(c, -1, at)) as Tensor<Promote<A, B>>;
}

/** The Kronecker product: every element of a times b. Of more axes than two, too; missing ones are of size 1, before the others. */
export const kron = product("kron", (a, b) => {
  const rank = Math.max(a.rank, b.rank);
  const full = (t: Tensor): Shape => [...Array<number>(rank - t.rank).fill(1), ...t.shape];
  const [p, q] = [full(a), full(b)];
  const c = times(
    reshape(
      a,
      p.flatMap((d) => [d, 1]),
    ),
    reshape(
      b,
      q.flatMap((d) => [1, d]),
    ),
  );
  return reshape(
    c,
    p.map((d, i) => d * (q[i] as number)),
  );
});

/**
 * The sum over the last axes of a and the first of b, so many of each, 2 where nothing is said; or over the axes that are named of each, in pairs.
 * NumPy's tensordot.
 */
export const tensordot = withoutOptions(
  "tensordot",
  3,
  <A extends Tensor, B extends Tensor>(
    a: A,
    b: B & Fits<DTypeOf<A>, DTypeOf<B>>,
    axes: number | readonly [number | readonly number[], number | readonly number[]] = 2,
  ): Tensor<Promote<A, B>> => {
    const [x, y] = operandsOf("tensordot", a, b);
    const [left, right] = axesOf(x, y, axes);
    return over("tensordot", x, y, left, right) as Tensor<Promote<A, B>>;
  },
);
function axesOf(x: Tensor, y: Tensor, axes: unknown): [number[], number[]] {
  const op = "tensordot";
  if (typeof axes === "number") {
    if (!Number.isInteger(axes) || axes < 0 || axes > Math.min(x.rank, y.rank))
      throw new ArgumentError(op, `axes must be from 0 to ${Math.min(x.rank, y.rank)}, got ${describe(axes)}.`);
    const count = [...Array(axes).keys()];
    return [count.map((i) => x.rank - axes + i), count];
  }
  if (!Array.isArray(axes) || axes.length !== 2)
    throw new ArgumentError(op, `axes must be a number, or the axes of a and those of b, got ${describe(axes)}.`);
  const lists: [number[], number[]] = [listedAxes(op, x.rank, axes[0] ?? []), listedAxes(op, y.rank, axes[1] ?? [])];
  if (lists[0].length !== lists[1].length)
    throw new ArgumentError(op, `axes names ${lists[0].length} axes of a and ${lists[1].length} of b: they must be as many.`);
  return lists;
}

/**
 * The product of several matrices, multiplied in the order with the fewest multiplications; the first and the last may be vectors. NumPy's
 * multi_dot.
 */
export const multiDot = withoutOptions("multiDot", 1, <A extends Tensor>(xs: readonly A[]): Tensor<DTypeOf<A>> => {
  if (!Array.isArray(xs) || xs.length < 2)
    throw new ArgumentError("multiDot", `xs must be an array of two tensors or more, got ${describe(xs)}.`);
  const list: Tensor[] = Array.from(xs, (x: unknown, i) => asTensor("multiDot", `xs[${i}]`, x) as Tensor);
  const end = list.length - 1;
  list.forEach((t, i) => {
    if (t.rank === 2 || (t.rank === 1 && (i === 0 || i === end))) return;
    throw new ShapeError(
      "multiDot",
      `xs[${i}] must be a matrix${i === 0 || i === end ? " or a vector" : ""}, got shape ${shapeText(t.shape)}.`,
    );
  });
  const sides = list.map((t, i) => (t.rank === 2 ? t.shape : i === 0 ? [1, t.size] : [t.size, 1])) as [number, number][];
  const sizes = [...sides.map((s) => s[0]), (sides[end] as [number, number])[1]];
  const splits = order(sizes);
  const multiply = (i: number, j: number): Tensor => {
    if (i === j) return list[i] as Tensor;
    const k = splits.get(i * sizes.length + j) as number;
    return matmul(multiply(i, k), multiply(k + 1, j) as never) as Tensor;
  };
  return multiply(0, end) as Tensor<DTypeOf<A>>;
});
/** Where to split the product of i to j, by i sizes.length + j (Cormen et al., Introduction to Algorithms, section 15.2). */
function order(sizes: readonly number[]): Map<number, number> {
  const [n, cost, splits] = [sizes.length - 1, new Map<number, number>(), new Map<number, number>()];
  const of = (i: number, j: number): number => cost.get(i * sizes.length + j) ?? 0;
  const size = (i: number): number => sizes[i] as number;
  for (let length = 1; length < n; length++) {
    for (let i = 0; i + length < n; i++) {
      const j = i + length;
      let best = Number.POSITIVE_INFINITY;
      for (let k = i; k < j; k++) {
        const total = of(i, k) + of(k + 1, j) + size(i) * size(k + 1) * size(j + 1);
        if (total >= best) continue;
        best = total;
        splits.set(i * sizes.length + j, k);
      }
      cost.set(i * sizes.length + j, best);
    }
  }
  return splits;
}
