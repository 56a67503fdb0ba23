// Rows and columns of matrices.
import type { Sym } from "../core/dtype";
import type { Tensor } from "../core/tensor";
import { slice } from "./structure";

type T = Tensor<Sym<"T">>;

/** Columns from..to of matrices. */
export function columnsOf(a: T, from: number, to = a.shape.at(-1) as number): T {
  const start = a.shape.map(() => 0);
  start[a.rank - 1] = from;
  return slice(a, start, [...a.shape.slice(0, -1), to - from]) as T;
}
/** Rows from..to of matrices. */
export function rowsOf(a: T, from: number, to = a.shape.at(-2) as number): T {
  const start = a.shape.map(() => 0);
  start[a.rank - 2] = from;
  return slice(a, start, [...a.shape.slice(0, -2), to - from, a.shape.at(-1) as number]) as T;
}
