// Memory that nobody reads any more, kept for the next result of its size. docs/memory.md
import { type AnyArray, type DType, dtypeOfArray, dtypes, isFloat, memoryBytes } from "./dtype";

/** Whether what is put by is filled with what no result may show, and small results, whose memory costs little, are put by, too. */
export const debug = !!process.env.BACKSOLVE_DEBUG;
const ENTRY = 256; // bytes that an array costs besides its memory
const spare = new Map<number, AnyArray[]>();
let bytes = 0;
let taken = false;
let most: number | undefined;

const keyOf = (real: DType, length: number): number => length * 8 + dtypes[real].code;

/** An array of this size that was put by; its elements are anything. */
export function takeSpare(dtype: DType, size: number): AnyArray | undefined {
  if (bytes === 0) return undefined;
  const { real, width } = dtypes[dtype];
  const found = spare.get(keyOf(real, size * width))?.pop();
  if (found) bytes -= found.byteLength + ENTRY;
  if (found) taken = true;
  return found;
}
/** Whether some was taken since the last time this was asked. */
export function wasTaken(): boolean {
  const was = taken;
  taken = false;
  return was;
}

/** Puts an array by that nobody else has. */
export function putBy(array: AnyArray): void {
  const room = array.byteLength + ENTRY;
  most ??= Math.min(2 ** 28, memoryBytes() / 16);
  if (array.byteLength === 0) return;
  if (room > most) {
    discard(array);
    return;
  }
  if (bytes + room > most) dropSpare(); // sizes that are in use will be put by again
  const dtype = dtypeOfArray(array) as DType;
  if (debug) array.fill(isFloat(dtype) ? Number.NaN : 0x55);
  const key = keyOf(dtype, array.length);
  const list = spare.get(key);
  if (list) list.push(array);
  else spare.set(key, [array]);
  bytes += room;
}

let discard = (_array: AnyArray): void => {};
/** @internal Sets what frees the memory of an array at once, which nobody has. */
export const whenDropped = (f: (array: AnyArray) => void): void => void (discard = f);
/** Gives all of it back. */
export function dropSpare(): void {
  for (const list of spare.values()) for (const array of list) discard(array);
  spare.clear();
  bytes = 0;
}
