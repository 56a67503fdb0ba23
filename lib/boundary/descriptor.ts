import { type AnyArray, type DType, dtypes } from "../core/dtype";
import { BacksolveError, translate } from "../core/errors";
import { type BatchContext, type Failure, failureOf, readFailures, type Site } from "../core/failures";
import { call as apply } from "../core/primordials";
import { memoryOf, type Shape } from "../core/tensor";
import { binding, type Job } from "./addon";

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

export interface KernelOperand {
  readonly dtype: DType;
  readonly shape: Shape;
  readonly name: string | undefined;
  readonly array: AnyArray | undefined; // none: a job's output, which is yet to be made
}
export interface KernelCall {
  readonly op: string; // for messages
  readonly hints: Site["hints"];
  readonly kernel: string;
  readonly dtype: DType;
  readonly attrs: readonly number[];
  readonly inputs: readonly (KernelOperand | undefined)[];
  readonly outputs: readonly (KernelOperand | undefined)[];
  readonly collect: boolean;
  readonly batchContext: () => BatchContext;
  /** The batch whose items failures name, where the call is a part of a composed op. */
  readonly reportBatch: Shape | undefined;
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

/** The descriptor of docs/native-boundary.md and the buffers, as arguments. `quiet`, for jobs: whether others can write to an input. */
function describeCall(call: KernelCall, quiet: readonly boolean[] = []): [Float64Array, ...AnyArray[]] {
  const { attrs, inputs, outputs } = call;
  const operands = [...inputs, ...outputs];
  let length = 5 + attrs.length + 4 * operands.length + quiet.length;
  for (const o of operands) length += o ? o.shape.length : 0;
  const words = room(length);
  let at = 0;
  words[at++] = kernelId(call.kernel);
  words[at++] = call.collect ? 1 : 0;
  words[at++] = dtypes[call.dtype].code;
  words[at++] = attrs.length;
  for (const x of attrs) words[at++] = x;
  words[at++] = operands.length;
  const args: [Float64Array, ...AnyArray[]] = [words];
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
    if (o.array) args.push(o.array);
  }
  for (const q of quiet) words[at++] = q ? 1 : 0;
  return args;
}

/** What errors call buffer i of a call. */
export type NameOfBuffer = (i: number) => string;
const nameOf = (call: KernelCall, i: number): string => {
  const o = [...call.inputs, ...call.outputs].filter((x) => x?.array)[i];
  return o ? memoryOf(o.name, o) : "a tensor";
};

/** Runs a kernel now. Returns the failures when `collect`, else throws the first. */
export function run(call: KernelCall): Failure[] {
  const args = describeCall(call);
  let flat: Float64Array | undefined;
  try {
    flat = apply(binding().run, args);
  } catch (error) {
    throw translate(call.op, error, (i) => nameOf(call, i));
  }
  return settle(call, flat);
}

/** Starts a kernel off the event loop; `quiet`: whether others can write to an input. */
export const startKernel = (call: KernelCall, quiet: readonly boolean[]): Job => apply(binding().runAsync, describeCall(call, quiet));

/** The kinds of failures by the numbers that the addon reports. */
export const failureKinds = (): readonly string[] => binding().failureKinds();

/** What became of a call. @throws LinalgError unless it collects. */
export function settle(
  call: Pick<KernelCall, "op" | "hints" | "collect" | "batchContext" | "reportBatch">,
  flat: Float64Array | undefined,
): Failure[] {
  if (!flat || flat.length === 0) return [];
  const { batch, item } = call.batchContext();
  const failures = readFailures(flat, failureKinds, () => call, batch, item, call.reportBatch);
  if (!call.collect) throw failureOf(failures[0] as Failure);
  return failures;
}
