// Blocks of the last two axes, for rules.
import type { Tensor } from "../core/tensor";
import { slice } from "./structure";

/** The rows x columns block at (i, j) of the last two axes. */
export const itemBlock = (x: Tensor, i: number, j: number, rows: number, columns: number): Tensor => {
  const outer = x.shape.slice(0, -2);
  return slice(x as Tensor<never>, [...outer.map(() => 0), i, j], [...outer, rows, columns]);
};
