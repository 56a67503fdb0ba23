import { type AnyArray, type DType, dtypes } from "../core/dtype";
import { BacksolveError, type Code, LinalgError, translate } from "../core/errors";
import { call as apply } from "../core/primordials";
import { memoryOf, type Shape, shapeText } from "../core/tensor";
import { binding, type Job } from "./addon";

let ids: Map<string, number> | undefined;

/** The id of a kernel by name. */
export function kernelId(name: string): number {
  ids ??= new Map(
    binding()
      .kernels()
      .map((k) => [k.name, k.id]),
  );
  const id = ids.get(name);
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
/** What failures are told of: the batch, and the shape of one matrix. */
export interface BatchContext {
  readonly batch: Shape;
  readonly item: Shape | undefined;
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

/** One item that has no answer. */
export interface Failure {
  readonly item: number;
  readonly code: Code;
  readonly index: number;
  readonly op: string;
  readonly message: string;
}

const KINDS: readonly { code: Code; text(index: number): string }[] = [
  { code: "ERR_INTERNAL", text: () => "failed" },
  { code: "ERR_NOT_POSITIVE_DEFINITE", text: (i) => `is not positive definite: its leading minor of order ${i} is not positive` },
  { code: "ERR_SINGULAR", text: (i) => `is singular: the pivot in column ${i} is exactly zero` },
  { code: "ERR_NOT_FINITE", text: () => "contains NaN or infinity" },
  { code: "ERR_NO_CONVERGENCE", text: (i) => `did not converge (LAPACK's info ${i})` },
  { code: "ERR_RANK_DEFICIENT", text: () => 'is rank-deficient: use method "svd", or a positive l2Regularizer' },
  { code: "ERR_OUT_OF_MEMORY", text: () => "needs more workspace than there is" },
  {
    code: "ERR_DEGENERATE",
    text: (i) =>
      `has equal eigenvalues (${i} and ${i + 1}), whose eigenvectors have no derivative: use funmHermitian, expmHermitian and their like for functions of the matrix, eigvalsh for symmetric functions of the eigenvalues, or the option degenerate: "nan" or "mask"`,
  },
  {
    code: "ERR_DEGENERATE",
    text: (i) => `has a loss that depends on the arbitrary phase of eigenvector ${i}: only what does not change with it has a derivative`,
  },
  { code: "ERR_NOT_POSITIVE_DEFINITE", text: (i) => `has eigenvalue ${i} outside the domain of the function` },
  { code: "ERR_ARGUMENT", text: () => "has a negative regularizer" },
  { code: "ERR_ARGUMENT", text: (i) => `has pivot ${i} out of range` },
  { code: "ERR_ARGUMENT", text: () => "is too large: its workspace does not fit LAPACK's 32-bit integers" },
  {
    code: "ERR_DEGENERATE",
    text: (i) =>
      `has equal eigenvalues (${i} and ${i + 1}), whose derivatives beyond the first, and in forward mode, they do not determine: use funmHermitian, expmHermitian and their like for functions of the matrix, or the option degenerate: "nan" or "mask"`,
  },
  {
    code: "ERR_NOT_FINITE",
    text: (i) => `has ${i === 0 ? "an answer" : `eigenvalue ${i}`} beyond the largest number of its dtype`,
  },
  { code: "ERR_INTERNAL", text: () => "was declined" },
  {
    code: "ERR_DEGENERATE",
    text: (i) =>
      `has singular value ${i} at the cut of option rcond, where the truncated solution jumps and has no derivative: use another rcond, or an l2Regularizer without one`,
  },
];

/** `[item, instruction, kind, index, ...]` as failures; `opOf` names the op of an instruction. */
export function readFailures(
  flat: Float64Array | undefined,
  opOf: (instruction: number) => string,
  batch: Shape,
  item: Shape | undefined,
  reportBatch: Shape = batch,
): Failure[] {
  const out: Failure[] = [];
  const items = spread(batch, reportBatch);
  for (let i = 0; flat && i < flat.length; i += 4) {
    const [at, instruction, kind, index] = [flat[i] as number, flat[i + 1] as number, flat[i + 2] as number, flat[i + 3] as number];
    const { code, text } = KINDS[kind] ?? (KINDS[0] as (typeof KINDS)[0]);
    const shape = item ? ` (shape ${shapeText([...reportBatch, ...item])})` : "";
    for (const n of items(at)) {
      const which =
        reportBatch.length === 0
          ? `the matrix${shape}`
          : item
            ? `matrix ${n} of the batch${shape}`
            : `item ${n} of the batch (batch shape ${shapeText(reportBatch)})`;
      out.push({ item: n, code, index, op: opOf(instruction), message: `${which} ${text(index)}.` });
    }
  }
  return out;
}

/** Which items of the batch `into` an item of a batch that broadcasts to it stands for, in order. */
function spread(batch: Shape, reportBatch: Shape): (item: number) => number[] {
  const shift = reportBatch.length - batch.length;
  if (
    shift < 0 ||
    batch.some((d, i) => d !== 1 && d !== reportBatch[shift + i]) ||
    reportBatch.every((d, i) => d === (batch[i - shift] ?? 1))
  )
    return (item) => [item];
  return (item) => {
    let found = [0];
    let [rest, step] = [item, 1];
    for (let i = reportBatch.length - 1; i >= 0; i--) {
      const [d, n] = [batch[i - shift] ?? 1, reportBatch[i] as number];
      const at = d === n ? [rest % d] : Array.from({ length: n }, (_, k) => k);
      found = at.flatMap((k) => found.map((f) => f + k * step));
      rest = Math.floor(rest / d);
      step *= n;
    }
    return found.sort((a, b) => a - b);
  };
}

export const failureOf = (f: Failure): LinalgError => new LinalgError(f.code, f.op, f.message, f.item, f.index);

/** What became of a call. @throws LinalgError unless it collects. */
export function settle(
  call: Pick<KernelCall, "op" | "collect" | "batchContext" | "reportBatch">,
  flat: Float64Array | undefined,
): Failure[] {
  if (!flat || flat.length === 0) return [];
  const { batch, item } = call.batchContext();
  const failures = readFailures(flat, () => call.op, batch, item, call.reportBatch);
  if (!call.collect) throw failureOf(failures[0] as Failure);
  return failures;
}
