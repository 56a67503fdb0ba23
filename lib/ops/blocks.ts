// Blocks of the last two axes, for rules.
import type { DType } from "../core/dtype";
import type { Tensor } from "../core/tensor";
import { add } from "./elementwise";
import { padTo, slice } from "./structure";

/** The rows x columns block at (i, j) of the last two axes. */
export const itemBlock = <D extends DType>(x: Tensor<D>, i: number, j: number, rows: number, columns: number): Tensor<D> => {
  const outer = x.shape.slice(0, -2);
  return slice(x, [...outer.map(() => 0), i, j], [...outer, rows, columns]);
};
/** Two blocks side by side (axis -1) or one above the other (axis -2). */
export const joinBlocks = <D extends DType>(x: Tensor<D>, y: Tensor<D>, axis: -1 | -2): Tensor<D> => {
  const shape = x.shape.map((d, i) => (i === x.rank + axis ? d + (y.shape[i] as number) : d));
  const start = x.shape.map((d, i) => (i === x.rank + axis ? d : 0));
  const origin = x.shape.map(() => 0);
  return add(padTo<DType>(x, origin, shape), padTo<DType>(y, start, shape)) as Tensor<D>;
};
