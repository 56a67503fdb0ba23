// Grids and triangles to begin with.
import { optionsOf } from "../core/attrs";
import type { DType } from "../core/dtype";
import { ArgumentError, describe, ShapeError } from "../core/errors";
import { asTensor } from "../core/operands";
import { checkShape, shapeText, type Tensor } from "../core/tensor";
import { type DTypeOption, ones } from "./creation";
import { tril } from "./diagonals";
import { broadcastTo, reshape } from "./structure";

/** n x n ones on and below the k-th diagonal, zeros above it; with `columns`, n x columns. NumPy's tri. */
export function tri<D extends DType = "float64">(
  n: number,
  options: DTypeOption<D> & { readonly columns?: number; readonly k?: number } = {},
): Tensor<D> {
  const { columns = n, k = 0, ...rest } = optionsOf("tri", options, ["dtype", "columns", "k"]);
  return tril(ones<D>(checkShape("tri", [n, columns]), rest), { k }) as Tensor<D>;
}

/**
 * The coordinates of a grid: a tensor for each vector, all of one shape, whose elements are those of the vector along its axis and alike along the
 * others. With indexing "xy" the first vector goes along the second axis, as in NumPy; with "ij" each goes along the axis of its own place.
 */
export function meshgrid<D extends DType>(xs: readonly Tensor<D>[], options: { readonly indexing?: "xy" | "ij" } = {}): Tensor<D>[] {
  const { indexing = "xy" } = optionsOf("meshgrid", options, ["indexing"]);
  if (indexing !== "xy" && indexing !== "ij")
    throw new ArgumentError("meshgrid", `option indexing must be "xy" or "ij", got ${describe(indexing)}.`);
  if (!Array.isArray(xs)) throw new ArgumentError("meshgrid", `xs must be an array of tensors, got ${describe(xs)}.`);
  const list = Array.from(xs, (x: unknown, i) => asTensor("meshgrid", `xs[${i}]`, x) as Tensor<D>);
  const wide = list.findIndex((t) => t.rank > 1);
  if (wide >= 0) throw new ShapeError("meshgrid", `xs[${wide}] must be a vector, got shape ${shapeText((list[wide] as Tensor).shape)}.`);
  const axis = (i: number): number => (indexing === "xy" && i < 2 && list.length > 1 ? 1 - i : i);
  const shape: number[] = [];
  list.forEach((t, i) => {
    shape[axis(i)] = t.size;
  });
  return list.map((t, i) =>
    broadcastTo(
      reshape(
        t,
        shape.map((n, d) => (d === axis(i) ? n : 1)),
      ),
      shape,
    ),
  );
}
