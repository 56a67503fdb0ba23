// Calls of native kernels: what crosses, and what became of it. docs/native-boundary.md
import { type AnyArray, type DType, dtypes } from "../core/dtype";
import { BacksolveError } from "../core/errors";
import { type BatchContext, type Failure, failureOf, readFailures, type Site } from "../core/failures";
import type { ValueType } from "../core/ir";
import { call as apply } from "../core/primordials";
import type { Shape } from "../core/tensor";
import { binding, type Job } from "./addon";
import { heard } from "./heap";

let ids: Map<string, number> | undefined;

const table = (): ReadonlyMap<string, number> => {
  ids ??= new Map(
    binding()
      .kernels()
      .map((k) => [k.name, k.id]),
  );
  return ids;
};
export const isKernel = (name: string): boolean => table().has(name);
/** The id of a kernel by name. */
export function kernelId(name: string): number {
  const id = table().get(name);
  if (id === undefined) throw new BacksolveError("ERR_INTERNAL", name, "the native addon has no such kernel: rebuild it (npm run build).");
  return id;
}

/** What native code is told of a call besides its memory; undefined: an operand that is not there. */
export interface KernelCall {
  readonly kernel: string;
  readonly dtype: DType;
  readonly attrs: readonly number[];
  readonly inputs: readonly (ValueType | undefined)[];
  readonly outputs: readonly (ValueType | undefined)[];
}
const MAX_KEPT = 128;
const kept: Float64Array[] = [];
/** Room for a descriptor. Native code copies it before it does anything else, so that one per length is enough: a new one costs a tenth of a call. */
function room(length: number): Float64Array {
  if (length > MAX_KEPT) return new Float64Array(length);
  const known = kept[length];
  if (known?.length === length) return known;
  const made = new Float64Array(length);
  kept[length] = made;
  return made;
}

/** The descriptor. `quiet`, for jobs: whether others can write to an input. */
function describeCall(
  { kernel, dtype, attrs, inputs, outputs }: KernelCall,
  collect: boolean,
  quiet: readonly boolean[] = [],
): Float64Array {
  const operands = [...inputs, ...outputs];
  let length = 5 + attrs.length + 4 * operands.length + quiet.length;
  for (const o of operands) length += o ? o.shape.length : 0;
  const words = room(length);
  let at = 0;
  words[at++] = kernelId(kernel);
  words[at++] = collect ? 1 : 0;
  words[at++] = dtypes[dtype].code;
  words[at++] = attrs.length;
  for (const x of attrs) words[at++] = x;
  words[at++] = operands.length;
  for (const o of operands) {
    if (!o) {
      for (let i = 0; i < 4; i++) words[at++] = 0; // not there
      continue;
    }
    words[at++] = 1;
    words[at++] = dtypes[o.dtype].code;
    words[at++] = o.shape.length;
    for (const d of o.shape) words[at++] = d;
    words[at++] = 0; // no offset
  }
  for (const q of quiet) words[at++] = q ? 1 : 0;
  return words;
}

const MOST_PLANS = 4096; // that native code keeps for us; when there are more, all are forgotten
const plans: number[] = [];
let epoch = 0;

/** One call, to be made again and again: from the second time on native code has its plan, and only memory crosses. */
export class NativeCall {
  readonly #call: KernelCall;
  #seen = false;
  #plan = 0;
  #epoch = -1;

  constructor(call: KernelCall) {
    this.#call = call;
  }
  /** Computes now, on the memory of the operands that are there, inputs then outputs. Failures, if any. */
  run(collect: boolean, arrays: readonly AnyArray[]): Float64Array | undefined {
    const native = binding();
    if (!this.#seen) {
      this.#seen = true;
      return heard(apply(native.run, [describeCall(this.#call, collect), ...arrays]));
    }
    if (this.#epoch !== epoch) this.#prepare();
    const [a, b, c, d] = arrays;
    return heard(arrays.length <= 4 ? native.call(this.#plan, collect, a, b, c, d) : apply(native.call, [this.#plan, collect, ...arrays]));
  }
  /** Starts a job on the memory of the inputs; `quiet`: whether others can write to each. */
  start(collect: boolean, arrays: readonly AnyArray[], quiet: readonly boolean[]): Job {
    return apply(binding().runAsync, [describeCall(this.#call, collect, quiet), ...arrays]);
  }
  #prepare(): void {
    if (plans.length >= MOST_PLANS) {
      binding().forget(Float64Array.from(plans));
      plans.length = 0;
      epoch++;
    }
    this.#plan = binding().prepare(describeCall(this.#call, false));
    this.#epoch = epoch;
    plans.push(this.#plan);
  }
}

/** What errors call buffer i of a call. */
export type NameOfBuffer = (i: number) => string;

/** The kinds of failures by the numbers that the addon reports. */
export const failureKinds = (): readonly string[] => binding().failureKinds();

/** Of a call, for its failures. */
export interface Settling extends Site {
  readonly collect: boolean;
  readonly batchContext: () => BatchContext;
  /** The batch whose items failures name, where the call is a part of a composed op. */
  readonly reportBatch: Shape | undefined;
}

/** What became of a call. @throws LinalgError unless it collects. */
export function settle(call: Settling, flat: Float64Array): Failure[] {
  const { batch, item } = call.batchContext();
  const failures = readFailures(flat, failureKinds, () => call, batch, item, call.reportBatch);
  if (failures.length > 0 && !call.collect) throw failureOf(failures[0] as Failure);
  return failures;
}
