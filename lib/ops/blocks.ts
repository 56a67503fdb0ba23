// Blocks of the last two axes, for rules.
import type { DType } from "../core/dtype";
import type { Tensor } from "../core/tensor";
import { slice } from "./structure";

/** The rows x columns block at (i, j) of the last two axes. */
export const itemBlock = <D extends DType>(x: Tensor<D>, i: number, j: number, rows: number, columns: number): Tensor<D> => {
  const outer = x.shape.slice(0, -2);
  return slice(x, [...outer.map(() => 0), i, j], [...outer, rows, columns]);
};
