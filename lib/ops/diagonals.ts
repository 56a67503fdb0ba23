// Diagonals and triangles of matrices.
import { int, optionsOf, withoutOptions } from "../core/attrs";
import type { DType, Sym } from "../core/dtype";
import { ArgumentError, describe, ShapeError } from "../core/errors";
import { defineOp, scalar } from "../core/op";
import { asTensor, needMatrix } from "../core/operands";
import { native } from "../core/row";
import { sameShape } from "../core/signature";
import { checkAxis, type Operand, type Shape, shapeText, stridesOf, type Tensor } from "../core/tensor";
import { moveAxis } from "./arrange";
import { zeros } from "./creation";
import { broadcastTo } from "./structure";

type T = Tensor<Sym<"any">>;
const at = (list: readonly number[], i: number): number => list[i] as number;

// The k-th diagonal of m x n has this length and starts at this (row, column).
const diagonalOf = (m: number, n: number, k: number) => {
  const [row, column] = [Math.max(-k, 0), Math.max(k, 0)];
  return { row, column, length: Math.max(0, Math.min(m - row, n - column)) };
};
const diagonalLayout = (matrix: Shape, k: number): number[] => {
  const [m, n] = [at(matrix, matrix.length - 2), at(matrix, matrix.length - 1)];
  const { row, column, length } = diagonalOf(m, n, k);
  return [length === 0 ? 0 : row * n + column, ...stridesOf(matrix).slice(0, -2), n + 1];
};

const diagonalOp = defineOp({
  name: "diagonal",
  tf: "MatrixDiagPart",
  inputs: ["a"],
  outputs: ["d"],
  attrs: { k: int(0) },
  samples: (n) => [
    { shapes: { a: [n, n] } },
    { shapes: { a: [2, n, n + 2] }, attrs: { k: 1 } },
    { shapes: { a: [n + 1, n] }, attrs: { k: -1 } },
    { shapes: { a: [n, n] }, attrs: { k: 40 } },
  ],
  infer: ({ a }, { k }) => {
    if (a.length < 2) throw new ShapeError("diagonal", `a must be a matrix or a batch of them, got shape ${shapeText(a)}.`);
    return { d: [...a.slice(0, -2), diagonalOf(at(a, a.length - 2), at(a, a.length - 1), k).length] };
  },
  types: "any",
  kernel: native("readStrided", ({ k }: { k: number }, [a]) => diagonalLayout(a as Shape, k)),
  linear: true,
  vjp: (_, { d: g }, { k }, { shapes: { a } }) => ({
    a: (): T => embed(g, { k, rows: at(a, a.length - 2), columns: at(a, a.length - 1) }),
  }),
});

const diagEmbedOp = defineOp({
  name: "diagEmbed",
  tf: "MatrixDiag",
  inputs: ["d"],
  outputs: ["a"],
  attrs: { k: int(0), rows: int(0), columns: int(0) },
  samples: (n) => [
    { shapes: { d: [n] }, attrs: { rows: n, columns: n } },
    { shapes: { d: [2, n] }, attrs: { k: 1, rows: n, columns: n + 1 } },
    { shapes: { d: [n] }, attrs: { k: -2, rows: n + 2, columns: n } },
  ],
  infer: ({ d }, { k, rows, columns }) => {
    const length = rows >= 0 && columns >= 0 ? diagonalOf(rows, columns, k).length : -1;
    if (d.length < 1 || d.at(-1) !== length) {
      throw new ShapeError(
        "diagEmbed",
        `diagonal ${k} of a ${rows} x ${columns} matrix has ${length} elements, got shape ${shapeText(d)}.`,
      );
    }
    return { a: [...d.slice(0, -1), rows, columns] };
  },
  types: "any",
  kernel: native("writeStrided", ({ k }: { k: number }, _inputs, [a]) => diagonalLayout(a as Shape, k)),
  linear: true,
  vjp: (_, { a: g }, { k }) => ({ d: (): T => diagonalOp(g, { k }) }),
});
const embed = <D extends DType>(d: Tensor<D>, attrs: { k: number; rows: number; columns: number }): Tensor<D> => diagEmbedOp(d, attrs);

/** The k-th diagonal of the last two axes; of a 1-D tensor, the square matrix with that diagonal. For batches of diagonals: `diagEmbed`. */
export function diag<D extends DType>(x: Tensor<D>, options: { k?: number } = {}): Tensor<D> {
  const t = asTensor("diag", "x", x);
  if (t.rank === 0) throw new ShapeError("diag", "x must have one axis or more, got a scalar.");
  return t.rank === 1 ? diagEmbed(t, options) : diagonalOp(t, options);
}

/** Square matrices with the last axis of d on their k-th diagonal, zeros elsewhere. */
export function diagEmbed<D extends DType>(d: Tensor<D>, options: { k?: number } = {}): Tensor<D> {
  const t = asTensor("diagEmbed", "d", d);
  if (t.rank === 0) throw new ShapeError("diagEmbed", "d must have one axis or more, got a scalar.");
  const { k = 0 } = optionsOf("diagEmbed", options, ["k"]);
  if (!Number.isSafeInteger(k) || Math.abs(k) > 2 ** 31)
    throw new ArgumentError("diagEmbed", `option k must be an integer, got ${describe(k)}.`);
  const n = at(t.shape, t.rank - 1) + Math.abs(k);
  return embed(t, { k, rows: n, columns: n }) as Tensor<D>;
}

const band = (name: string, upper: 0 | 1, keeps: string) => {
  const op = defineOp({
    name,
    inputs: ["a"],
    outputs: ["y"],
    attrs: { k: int(0) },
    doc: keeps,
    signature: "(m,n)->(m,n)",
    types: "any",
    kernel: native("band", ({ k }: { k: number }) => [upper, Math.max(-(2 ** 40), Math.min(2 ** 40, k))]),
    linear: true,
    vjp: (_, { y: g }, { k }) => ({ a: (): T => op(g, { k }) }),
  });
  return op;
};
/** The lower triangle of the last two axes, up to diagonal k; zeros above. */
export const tril = band("tril", 0, "lower triangle");
/** The upper triangle of the last two axes, from diagonal k; zeros below. */
export const triu = band("triu", 1, "upper triangle");

/** The k-th diagonal over two axes, the last two where none are named, as the last axis: NumPy's diagonal, whose axes are 0 and 1. */
export function diagonal<D extends DType>(
  a: Tensor<D>,
  options: { readonly k?: number; readonly axis1?: number; readonly axis2?: number } = {},
): Tensor<D> {
  const t = asTensor("diagonal", "a", a);
  const { k = 0, axis1 = -2, axis2 = -1 } = optionsOf("diagonal", options, ["k", "axis1", "axis2"]);
  const [i, j] = [checkAxis("diagonal", axis1, t.rank), checkAxis("diagonal", axis2, t.rank)];
  if (i === j) throw new ArgumentError("diagonal", `axis1 and axis2 must be different, got ${axis1} and ${axis2}.`);
  return diagonalOp(i === t.rank - 2 && j === t.rank - 1 ? t : moveAxis(t, [i, j], [-2, -1]), { k });
}

const setDiagOp = defineOp({
  name: "setDiag",
  tf: "MatrixSetDiag",
  inputs: ["a", "d"],
  outputs: ["y"],
  attrs: { k: int(0) },
  samples: (n) => [
    { shapes: { a: [n, n], d: [n] } },
    { shapes: { a: [2, n, n + 2], d: [2, n] }, attrs: { k: 1 } },
    { shapes: { a: [n + 1, n], d: [n] }, attrs: { k: -1 } },
    { shapes: { a: [n, n], d: [0] }, attrs: { k: 40 } },
  ],
  infer: ({ a, d }, { k }) => {
    if (a.length < 2) throw new ShapeError("setDiag", `a must be a matrix or a batch of them, got shape ${shapeText(a)}.`);
    const shape = [...a.slice(0, -2), diagonalOf(at(a, a.length - 2), at(a, a.length - 1), k).length];
    if (!sameShape(d, shape))
      throw new ShapeError("setDiag", `diagonal ${k} of shape ${shapeText(a)} has shape ${shapeText(shape)}, got ${shapeText(d)}.`);
    return { y: a };
  },
  types: "any",
  kernel: native("updateStrided", ({ k }: { k: number }, [a]) => diagonalLayout(a as Shape, k)),
  linear: true,
  vjp: (_, { y: g }, { k }, { shapes }) => ({
    a: (): T => setDiagOp(g, zeros(shapes.d, { dtype: g.dtype as DType }) as Tensor as T, { k }),
    d: (): T => diagonalOp(g, { k }),
  }),
});
/** Matrices a with d, which broadcasts, as their k-th diagonal. */
export function setDiag<D extends DType>(a: Tensor<D>, d: Operand<NoInfer<D>>, options: { readonly k?: number } = {}): Tensor<D> {
  const t: Tensor = needMatrix("setDiag", a);
  const { k = 0 } = optionsOf("setDiag", options, ["k"]);
  const [m, n] = t.shape.slice(-2) as [number, number];
  const given = typeof d === "number" ? scalar(t.dtype, d) : asTensor("setDiag", "d", d as Tensor);
  const shape = [...t.shape.slice(0, -2), diagonalOf(m, n, k).length];
  return setDiagOp(t, sameShape(given.shape, shape) ? given : broadcastTo(given, shape), { k }) as Tensor as Tensor<D>;
}

/**
 * The band of the last two axes with so many diagonals below the main one and so many above it, zeros elsewhere; a negative number keeps all.
 * TensorFlow's band_part.
 */
export const bandPart = withoutOptions("bandPart", 3, <D extends DType>(a: Tensor<D>, below: number, above: number): Tensor<D> => {
  const t = needMatrix("bandPart", a);
  for (const n of [below, above])
    if (!Number.isSafeInteger(n)) throw new ArgumentError("bandPart", `numbers of diagonals must be integers, got ${describe(n)}.`);
  const upper = above < 0 ? t : (tril(t, { k: above }) as Tensor<D>);
  return below < 0 ? upper : (triu(upper, { k: -below }) as Tensor<D>);
});
