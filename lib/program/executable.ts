// A code that runs natively over batches of data: planned once per pattern, now or as a job.
import { binding } from "../boundary/addon";
import { failureKinds, type NameOfBuffer } from "../boundary/descriptor";
import { heard } from "../boundary/heap";
import { runJob } from "../boundary/jobs";
import type { AnyArray } from "../core/dtype";
import { guard, ShapeError } from "../core/errors";
import { type Failure, failureOf, readFailures } from "../core/failures";
import type { Code, ValueType } from "../core/ir";
import { output } from "../core/outcome";
import { call } from "../core/primordials";
import { broadcast } from "../core/signature";
import { checkSize, memoryOf, readable, type Shape, shapeText, sizeOf, storageOf, type Tensor } from "../core/tensor";
import { lowered } from "./calls";
import { batchStrides, type Computed, computedOf, depthOf, describeProgram, siteOf } from "./code";

/** How a run goes. */
export interface How {
  readonly collect: boolean;
  /** Where to list failures; undefined: the first is thrown. */
  readonly failures: Failure[] | undefined;
  readonly layout: number; // position in "auto", "single", "lanes"
  readonly chunk: number; // 0: what fits half of L2
  readonly threads: number; // at most; 0: all
}
export interface Later {
  readonly signal: AbortSignal | undefined;
  readonly onProgress: ((done: number, total: number) => void) | undefined;
}
/** What errors say of a run. */
export interface Said {
  readonly op: string;
  inputName(i: number): string;
  /** Of an item of the batch, where it is no item to users but a run of a loop. */
  itemName?(i: number): string;
}

interface Bound {
  readonly descriptor: Float64Array;
  readonly inputs: readonly Tensor[];
  readonly types: readonly ValueType[]; // of the outputs
  readonly batch: Shape;
  readonly failures: Failure[] | undefined;
}

export class Executable {
  /** What runs and is saved: calls are what they are made of. */
  readonly code: Code;
  readonly #said: Said;
  readonly #computed: Computed;
  #handle: object | undefined;

  /** `sums`: which outputs are summed over the batch. */
  constructor(code: Code, said: Said, sums?: readonly boolean[]) {
    this.code = lowered(code);
    this.#said = said;
    this.#computed = computedOf(this.code, sums);
  }
  /** Outputs for inputs of shape [...batch, ...item], batches broadcast. */
  run(inputs: readonly Tensor[], how: How): Tensor[] {
    const b = this.#bind(inputs, how);
    const outputs = b.types.map((t) => output(this.#said.op, t));
    const flat = heard(guard(this.#said.op, () => call(binding().runProgram, this.#buffers(b, outputs)), this.#nameOf(b)));
    return this.#finish(b, flat, outputs);
  }
  /** The same off the event loop. */
  async later(inputs: readonly Tensor[], how: How, { signal, onProgress }: Later): Promise<Tensor[]> {
    const b = this.#bind(inputs, how, true);
    const { flat, outputs } = await runJob({
      op: this.#said.op,
      inputs: b.inputs,
      outputs: b.types,
      begin: () => call(binding().runProgramAsync, this.#buffers(b, [])),
      nameOf: this.#nameOf(b),
      signal,
      progress: onProgress && { total: itemsOf(this.code, b.batch), report: onProgress },
    });
    return this.#finish(b, flat, outputs);
  }
  /** The plan of such a run, as JSON. */
  explain(inputs: readonly Tensor[], how: How): string {
    const b = this.#bind(inputs, how);
    const outputs = b.types.map((t) => output(this.#said.op, t));
    return guard(this.#said.op, () => call(binding().explainProgram, this.#buffers(b, outputs)), this.#nameOf(b));
  }

  #native(): object {
    this.#handle ??= guard(this.#said.op, () => {
      const ids = this.#computed.outputs.map((o) => o.id);
      const { descriptor, constants } = describeProgram(this.code, ids);
      return binding().createProgram(descriptor, ...constants);
    });
    return this.#handle;
  }
  #nameOf(b: Bound): NameOfBuffer {
    return (i) => memoryOf(this.#said.inputName(i), b.inputs[i] ?? (b.types[i - b.inputs.length] as ValueType));
  }
  #buffers(b: Bound, outputs: readonly Tensor[]): [object, Float64Array, ...AnyArray[]] {
    const inputs = b.inputs.map((t, i) => readable(this.#said.op, t, this.#said.inputName(i)));
    return [this.#native(), b.descriptor, ...inputs, ...outputs.map((t) => storageOf(t).array)];
  }
  /** `job`: for an asynchronous run, which makes its outputs itself. */
  #bind(inputs: readonly Tensor[], { collect, failures, layout, chunk, threads }: How, job = false): Bound {
    const batches = inputs.map((t, i) => t.shape.slice(0, t.rank - itemRank(this.code, i)));
    const batch = broadcast(batches);
    if (!batch) {
      const given = inputs.map((t, i) => `${this.#said.inputName(i).replace(/^input /, "")} ${shapeText(t.shape)}`).join(", ");
      throw new ShapeError(this.#said.op, `batch dimensions do not broadcast together: ${given}.`);
    }
    const words = [collect ? 1 : 0, layout, chunk, threads, batch.length, ...batch];
    inputs.forEach((t, i) => words.push(...batchStrides(t.shape, batches[i] as Shape, batch)));
    for (const { sum } of this.#computed.outputs) words.push(sum ? 1 : 0);
    // After the last of the user's own code: getters could have handed memory out.
    if (job) for (const t of inputs) words.push(storageOf(t).exposed ? 0 : 1);
    const types = this.#computed.outputs.map(({ id, sum }) => {
      const { dtype, shape } = this.code.values[id] as ValueType;
      return { dtype, shape: checkSize(this.#said.op, sum ? shape : [...batch, ...shape]) };
    });
    return { descriptor: Float64Array.from(words), inputs, types, batch, failures };
  }
  #finish(b: Bound, flat: Float64Array | undefined, outputs: readonly Tensor[]): Tensor[] {
    const { itemName } = this.#said;
    const site = (at: number, steps: readonly number[]) => siteOf(this.code, at, steps);
    const batch = itemName ? [] : b.batch;
    const found = readFailures(flat, failureKinds, site, batch, undefined, batch, depthOf(this.code));
    const failures = itemName ? found.map((f) => ({ ...f, path: [itemName(f.item), ...(f.path ?? [])] })) : found;
    if (failures.length > 0 && !b.failures) throw failureOf(failures[0] as Failure);
    for (const f of failures) b.failures?.push(f);
    return this.#computed.of.map((i) => outputs[i] as Tensor);
  }
}

const itemRank = (code: Code, input: number): number =>
  (code.values[(code.inputs[input] as { id: number }).id] as { shape: Shape }).shape.length;

/** What progress counts: the items of the batch, of one item the runs of its loops. */
function itemsOf(code: Code, batch: Shape): number {
  const items = sizeOf(batch);
  if (items !== 1) return items;
  const loops = code.code.map(({ control }) => (control?.kind === "loop" ? control.length : 0));
  return Math.max(
    loops.reduce((a, b) => a + b, 0),
    1,
  );
}
