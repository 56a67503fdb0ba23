// What the driver and a side say to each other: one JSON text a line. A side answers every request with one line.
import type { Way } from "./cells";
import type { Operands } from "./data";

export interface Hello {
  readonly name: string;
  readonly version: string;
}
export interface Prepare {
  readonly do: "prepare";
  readonly op: string;
  readonly n: number;
  readonly batch: string;
  readonly dtype: "float64" | "float32";
  readonly way: Way;
  readonly sets: readonly Operands[];
}
/** `skip`: the side has no fair form of this cell, and why. */
export type Prepared =
  | { readonly skip: string }
  | {
      /** Seconds of the first call, with tracing and compiling. */
      readonly first: number;
      /** The sum of absolute values of each output, then of each gradient, of the first set. */
      readonly sums: readonly number[];
    };
export interface Time {
  readonly do: "time";
  readonly calls: number;
}
export interface Timed {
  /** Seconds of all calls together, by the wall clock and by the processor. */
  readonly wall: number;
  readonly cpu: number;
  /** Pages that the kernel had to map. */
  readonly faults: number;
}
export interface Failed {
  readonly error: string;
}
