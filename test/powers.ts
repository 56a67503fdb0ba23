// Tensors times powers of two, and their numbers.
import { isFloat } from "../lib/core/dtype";
import { sizeOf, storageOf, wrap } from "../lib/core/tensor";
import type { Tensor } from "../lib/index";

/** Multiples of 2^-8, so that the same matrix stays exact among the subnormal numbers. */
export const coarse = (t: Tensor): Tensor => scaled(t, 0, (x) => Math.round(x * 256) / 256);
/** t 2^e, without overflow on the way. */
export function scaled(t: Tensor, e: number, f = (x: number) => x): Tensor {
  if (!isFloat(t.dtype)) return t;
  const half = Math.trunc(e / 2);
  const array = storageOf(t).array.map((x) => f(x as number) * 2 ** half * 2 ** (e - half)) as Float64Array;
  return wrap(t.dtype, t.shape, array) as Tensor;
}
/** Adds x to every element, or to the diagonals' of matrices; to real parts. */
export function raised(t: Tensor, x: number, where: number | "diagonal"): Tensor {
  const array = storageOf(t).array.slice() as Float64Array;
  const width = array.length / Math.max(1, sizeOf(t.shape));
  const n = t.shape.at(-1) ?? 1;
  for (let i = 0; i < array.length / width; i++)
    if (where !== "diagonal" || Math.floor(i / n) % n === i % n)
      array[i * width] = (array[i * width] as number) + (where === "diagonal" ? x : where * x);
  return wrap(t.dtype, t.shape, array) as Tensor;
}
export const numbers = (t: Tensor): number[] => Array.from(storageOf(t).array, Number);
export const largest = (t: Tensor): number => numbers(t).reduce((m, x) => Math.max(m, Math.abs(x)), 0);
