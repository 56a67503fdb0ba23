import { addon, binding, type From, type NativeInfo } from "./boundary/addon";
import { withoutOptions } from "./core/attrs";
import { ArgumentError, describe } from "./core/errors";

export interface Info extends NativeInfo {
  /** The addon's file, and how it was found. */
  readonly binary: { readonly path: string; readonly from: From };
}

/** What the native addon is and found: its file, instruction set, BLAS, threads. */
export const info = withoutOptions("info", 0, (): Info => {
  const { binding, path, from } = addon();
  return { ...binding.info(), binary: { path, from } };
});

/** Threads of the pool (1 to 256), over which batches are spread and one large matrix is. Results do not depend on it, to the bit. */
export const setThreads = withoutOptions("setThreads", 1, (n: number): void => {
  if (!Number.isInteger(n) || n < 1 || n > 256)
    throw new ArgumentError("setThreads", `n must be an integer from 1 to 256, got ${describe(n)}.`);
  binding().setThreads(n);
});
