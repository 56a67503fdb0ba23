import { withoutOptions } from "./core/attrs";
import { ArgumentError, describe } from "./core/errors";
import { type NativeInfo, native } from "./core/native";

/** What the native addon found: instruction set, BLAS, threads. */
export const info = withoutOptions("info", 0, (): NativeInfo => native().info());

/** Threads of the pool (1 to 256), over which batches are spread and one large matrix is. Results do not depend on it, to the bit. */
export const setThreads = withoutOptions("setThreads", 1, (n: number): void => {
  if (!Number.isInteger(n) || n < 1 || n > 256)
    throw new ArgumentError("setThreads", `n must be an integer from 1 to 256, got ${describe(n)}.`);
  native().setThreads(n);
});
