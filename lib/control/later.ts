// The forms of loops that run off the event loop.
import { checkSignal, optionsOf } from "../core/attrs";
import { ArgumentError, describe } from "../core/errors";
import { unwrapIfDead } from "../core/levels";
import { refuseRecorded } from "../core/op";
import type { Tensor } from "../core/tensor";
import { runLater } from "./run";
import type { Run } from "./types";

export interface LaterOptions {
  /** Rejects at once; the loop stops soon after. */
  readonly signal?: AbortSignal;
  /** Called now and then with how many runs are done, and how many there are. */
  readonly onProgress?: (done: number, total: number) => void;
}
export type Checked = ReturnType<typeof checkLater>;

/** What was given, checked. */
export function checkLater(op: string, options: unknown) {
  const { signal, onProgress } = optionsOf(op, options as LaterOptions | undefined, ["signal", "onProgress"]);
  if (onProgress !== undefined && typeof onProgress !== "function")
    throw new ArgumentError(op, `option onProgress must be a function, got ${describe(onProgress)}.`);
  const checked = checkSignal(op, signal);
  checked?.throwIfAborted();
  return { signal: checked, onProgress };
}

/** Whether the last argument of a call says how it runs: no tree of tensors has functions in it. */
export const isLater = (x: unknown): boolean =>
  typeof x === "object" && x !== null && !Array.isArray(x) && ("onProgress" in x || ("signal" in x && checks(x.signal)));
const checks = (x: unknown): boolean => typeof (x as { throwIfAborted?: unknown } | null)?.throwIfAborted === "function";

/** Outputs of a control, off the event loop, of inputs that nobody records. */
export function later(op: string, control: Run, inputs: readonly Tensor[], how: Checked): Promise<Tensor[]> {
  refuseRecorded(op, inputs);
  return runLater(control, inputs.map(unwrapIfDead), how);
}
