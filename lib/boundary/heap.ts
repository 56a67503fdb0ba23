// Pages of large results: kept mapped while results are made, given back when none were for a while. docs/memory.md
import { type AnyArray, isPartOfSlab, memoryBytes, whenLarge } from "../core/dtype";
import { later, uninitialized } from "../core/primordials";
import { dropSpare, wasTaken, whenDropped } from "../core/spare";

const MOST_KEPT = 2 ** 28; // free bytes at the end of the heap: more than becomes garbage from one collection to the next
const MAPPED = 2 ** 25 - 64; // from here on malloc maps by itself, whatever its threshold
const [SOON, LATE] = [1000, 16_000]; // milliseconds without a large result

/** What the addon does to the heap: docs/native-boundary.md. */
export interface Heap {
  /** Keeps so many free bytes at the end of the heap mapped; whether malloc is ours to tune. */
  tuneHeap(most: number): boolean;
  /** While it holds, arrays of any size come from the heap. */
  holdHeap(holds: boolean): void;
  useHeap(): void;
  trimHeap(): void;
  /** Frees the memory of an array, all of whose buffer it is. */
  discard(array: AnyArray): void;
}

let stir = (): void => {};
/** Large memory is in use, a job's perhaps: nobody is idle. */
export const stirred = (): void => stir();

/** What native code said; that memory waits stays here. */
export function heard(said: Float64Array | null | undefined): Float64Array | undefined {
  if (said === null) stir();
  return said ?? undefined;
}

/** From now on, where the C library lets us. */
export function keepWarm(native: Heap): void {
  const memory = memoryBytes();
  const tuned = native.tuneHeap(Math.min(MOST_KEPT, memory / 8));
  const most = tuned ? memory / 16 : 0; // a larger hole in the heap is better closed by the system
  whenDropped((array) => {
    if (!isPartOfSlab(array)) native.discard(array);
  });
  let used = false;
  let wait = 0; // until the next look, if there is one
  const look = () => {
    used = wasTaken() || used;
    if (used) native.useHeap();
    else {
      dropSpare();
      native.trimHeap(); // what is garbage still is given back at a later look
    }
    wait = used ? SOON : wait * 2;
    used = false;
    if (wait > LATE) wait = 0;
    else later(look, wait);
  };
  stir = () => {
    used = true;
    if (wait === 0) later(look, (wait = SOON));
  };
  whenLarge((bytes) => {
    stir();
    if (bytes < MAPPED || bytes > most) return uninitialized(bytes);
    native.holdHeap(true);
    try {
      return uninitialized(bytes);
    } finally {
      native.holdHeap(false);
    }
  });
}
