// Linear equations between tensors: NumPy's tensorsolve and tensorinv, which are solves and inverses of matrices under other shapes.
import { type Attr, int, ints } from "../core/attrs";
import type { Domain } from "../core/domain";
import type { Sym } from "../core/dtype";
import { ArgumentError, ShapeError } from "../core/errors";
import { defineOp } from "../core/op";
import { type Shape, shapeText, sizeOf, type Tensor } from "../core/tensor";
import { invertible } from "./domains";
import { inv, solve } from "./lu";
import { reshape, transpose } from "./structure";

type T = Tensor<Sym<"T">>;

/** Invertible as the square matrix that there is of its elements. */
const asMatrix: Domain = {
  name: "asMatrix",
  sample: (draw) => reshape(invertible.sample({ ...draw, shape: square(draw.shape) }), draw.shape),
  reach: (shape) => invertible.reach?.(square(shape)) ?? 1,
};
const square = (shape: Shape): Shape => {
  const n = Math.round(Math.sqrt(sizeOf(shape)));
  return [n, n];
};

/** The axes of a in order, those of `axes` at the end. */
function ordered(rank: number, axes: readonly number[]): number[] {
  const last = axes.map((a) => (a < 0 ? a + rank : a));
  if (last.some((a) => a < 0 || a >= rank) || new Set(last).size < last.length)
    throw new ArgumentError("tensorsolve", `option axes must name different axes of a, which has ${rank}, got [${axes.join(", ")}].`);
  return [...[...Array(rank).keys()].filter((i) => !last.includes(i)), ...last];
}
/** The shape of X. */
function solution(a: Shape, b: Shape, axes: readonly number[]): Shape {
  const moved = ordered(a.length, axes).map((i) => a[i] as number);
  const x = moved.slice(b.length);
  if (a.length >= b.length && sizeOf(x) === sizeOf(b) && sizeOf(moved) === sizeOf(x) * sizeOf(b)) return x;
  throw new ShapeError(
    "tensorsolve",
    `a of shape ${shapeText(a)} must be b's shape, ${shapeText(b)}, then axes of as many elements${axes.length > 0 ? ", once its axes are ordered" : ""}.`,
  );
}

/**
 * X with Σ a x = b, the sum over all axes of x: a has the shape of b, then that of x, which has as many elements, or once `axes` of it are put behind the others.
 * NumPy's tensorsolve. Errors as `solve`; there are no batches.
 */
export const tensorsolve = defineOp({
  name: "tensorsolve",
  inputs: ["a", "b"],
  outputs: ["x"],
  attrs: { axes: ints() },
  samples: (n) => [{ shapes: { a: [n, 2, 2 * n], b: [n, 2] } }, { shapes: { a: [2, n, 2, n], b: [2, n] } }, { shapes: { a: [1], b: [] } }],
  infer: ({ a, b }, { axes }) => ({ x: solution(a, b, axes) }),
  domain: { a: asMatrix },
  kernel: ({ a, b }, { axes }, pass): T => {
    const x = solution(a.shape, b.shape, axes);
    const moved = axes.length > 0 ? transpose(a, ordered(a.rank, axes)) : a;
    return reshape(solve(reshape(moved, [b.size, b.size]), reshape(b, [b.size, 1]), pass as object) as T, x);
  },
});

const first: Attr<number> = {
  ...int(2),
  expected: "a positive integer",
  parse: (v) => (Number.isSafeInteger(v) && (v as number) > 0 ? (v as number) : undefined),
};
function inverseShape(a: Shape, ind: number): Shape {
  const [rows, columns] = [a.slice(0, ind), a.slice(ind)];
  if (ind <= a.length && sizeOf(rows) === sizeOf(columns)) return [...columns, ...rows];
  throw new ShapeError("tensorinv", `the first ${ind} axes of a, shape ${shapeText(a)}, must have as many elements as the others.`);
}
/**
 * The inverse of what `tensorsolve` solves with: a (p.., q..) -> (q.., p..), of which p are the first `ind` axes, 2 where nothing is said. NumPy's tensorinv. Errors
 * as `inv`; there are no batches.
 */
export const tensorinv = defineOp({
  name: "tensorinv",
  inputs: ["a"],
  outputs: ["y"],
  attrs: { ind: first },
  samples: (n) => [{ shapes: { a: [2, n, 2 * n] } }, { shapes: { a: [n, 2, 2, n] } }, { shapes: { a: [3 * n, 3, n] }, attrs: { ind: 1 } }],
  infer: ({ a }, { ind }) => ({ y: inverseShape(a, ind) }),
  domain: { a: asMatrix },
  kernel: ({ a }, { ind }, pass): T => {
    const n = sizeOf(a.shape.slice(0, ind));
    return reshape(inv(reshape(a, [n, n]), pass as object) as T, inverseShape(a.shape, ind));
  },
});
