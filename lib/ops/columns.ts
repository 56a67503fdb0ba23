// Kernels along the columns of matrices, as functions along any axis.
import { checkAxis, type Shape, sizeOf, type Tensor } from "../core/tensor";
import { reshape } from "./structure";

/** x with one axis before the last: [before, n, behind]; all elements row by row where no axis is named. */
export interface Columns<T> {
  readonly flat: T;
  /** The shape before and behind the axis. */
  readonly before: Shape;
  readonly behind: Shape;
  /** A result of the same kind in the shape of x, but for n. */
  back<R extends Tensor>(y: R): R;
}

export function columnsOf<T extends Tensor>(op: string, x: T, axis: unknown): Columns<T> {
  const at = axis === undefined ? 0 : checkAxis(op, axis, x.rank);
  const [before, n, behind] = axis === undefined ? [[], x.size, []] : [x.shape.slice(0, at), x.shape[at] as number, x.shape.slice(at + 1)];
  return {
    flat: reshape(x, [...before, n, sizeOf(behind)]) as T,
    before,
    behind,
    back: <R extends Tensor>(y: R) => reshape(y, [...before, y.shape.at(-2) as number, ...behind]) as R,
  };
}
