// How tensors look from outside: as text, and as own properties that are compared and cloned.
import { type AnyArray, type DType, dtypes, nested } from "./dtype";
import { ArgumentError, guard } from "./errors";
import { inspect } from "./node";
import { type Shape, shapeText, sizeOf } from "./shape";

const MAX_PRINTED = 1000;
const MAX_EMPTY = 2 ** 20;
/** How many elements or empty arrays nested arrays of this shape have. */
const spread = (shape: Shape): number => sizeOf(shape.includes(0) ? shape.slice(0, shape.indexOf(0)) : shape);

/** @throws ArgumentError for millions of arrays without an element. */
export function checkNested(shape: Shape): void {
  if (sizeOf(shape) === 0 && spread(shape) > MAX_EMPTY)
    throw new ArgumentError("toArray", `shape ${shapeText(shape)} has no elements, but more than ${MAX_EMPTY} empty arrays.`);
}

/** A tensor as text; without an array it is traced. Never throws. */
export function textOf(dtype: DType, shape: Shape, array: AnyArray | undefined, note: string, options: object): string {
  const head = `Tensor<${dtype}> ${shapeText(shape)}`;
  if (!array) return `${head} (traced: no data)`;
  if (!(array.length >= sizeOf(shape) * dtypes[dtype].width)) return `${head} (its memory is gone)${note}`;
  if (!(spread(shape) <= MAX_PRINTED)) return `${head} [${sizeOf(shape)} elements]${note}`;
  return `${head} ${inspect(nested(array, dtype, shape), { ...options, depth: 20 })}${note}`;
}

/**
 * A copy: who only compares does not make the memory one that others may write to. NaN is in an array of numbers, while that is not too long
 * for the heap: in typed arrays assert.deepEqual has NaN differ from itself, assert.deepStrictEqual from a NaN of other bits. Partial comparisons
 * take a shape for equal to one that it is a part of; the text beside the elements, which no clone carries, is compared whole.
 */
export function comparable(array: AnyArray, shape: Shape): AnyArray | number[] {
  const inNumbers = array.length <= 2 ** 20 && array.some(Number.isNaN);
  const copy = guard("elements", () => (inNumbers ? Array.from(array) : array.slice()));
  return Object.defineProperty(copy, "shape", { value: shapeText(shape), enumerable: true });
}
