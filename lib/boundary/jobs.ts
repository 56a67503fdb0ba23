// Asynchronous calls: the memory they read, how they end, what they leave.

import { type AnyArray, allocate, emptyLike, refuseBeyondMemory } from "../core/dtype";
import { guard, translate } from "../core/errors";
import type { ValueType } from "../core/ir";
import { nextTurn } from "../core/primordials";
import { bytesOf, type Storage, sizeOf, storageOf, type Tensor, whenExposed, wrapOwn } from "../core/tensor";
import { binding, type Job } from "./addon";
import type { NameOfBuffer } from "./descriptor";
import { stirred } from "./heap";

export interface Call {
  readonly op: string; // for messages
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly ValueType[];
  /** Describes the call, of inputs whose memory jobs can hold, and starts it. */
  readonly begin: () => Job;
  readonly nameOf: NameOfBuffer;
  readonly signal?: AbortSignal | undefined;
  readonly progress?: Progress | undefined;
}
export interface Progress {
  readonly total: number;
  readonly report: (done: number, total: number) => void;
}

/**
 * Runs a call off the event loop: what failed, and the outputs unless that is an error. An aborted signal, or a report that throws, rejects
 * at once with the reason; the inputs stay busy until the job has left them.
 */
export async function runJob({ op, inputs, outputs, begin, nameOf, signal, progress }: Call) {
  signal?.throwIfAborted();
  const storages = inputs.map(storageOf);
  const start = () => {
    for (const t of outputs) refuseBeyondMemory(bytesOf(t));
    for (const s of storages) own(s);
    if (outputs.some(isLarge) || inputs.some(isLarge)) stirred();
    return begin();
  };
  const job = guard(op, start, nameOf);
  for (const s of storages) s.busy++;
  const left = () => {
    for (const s of storages) {
      s.busy--;
      s.settle();
    }
  };
  job.promise.then(left, left);
  const flat = await settled(op, job, signal, progress);
  return { flat, outputs: await outputsOf(op, job, outputs) };
}

const isLarge = (t: ValueType): boolean => bytesOf(t) >= LARGE_BYTES;
const LARGE_BYTES = 2 ** 20; // kLargeBytes of native/boundary/memory.h

/** Makes the memory of a large tensor native, so that jobs can hold it. What users hold is copied instead: they may write to it; so
 * is what a pullback reads, as there is another tensor over it. */
function own(storage: Storage): void {
  if (storage.exposed || storage.kept || storage.array.byteLength < LARGE_BYTES) return;
  storage.array = binding().own(storage.array);
  whenExposed(toJavaScript);
}

function toJavaScript(array: AnyArray): AnyArray {
  if (array.byteLength < LARGE_BYTES || !binding().owned(array)) return array;
  const mine = emptyLike(array);
  binding().give(array, mine);
  return mine;
}

function settled(op: string, job: Job, signal: AbortSignal | undefined, progress: Progress | undefined): Promise<Float64Array | undefined> {
  return new Promise((resolve, reject) => {
    const stop = (reason: unknown) => {
      finish();
      binding().cancel(job);
      reject(reason);
    };
    const report = (done: number) => {
      try {
        progress?.report(done, progress.total);
      } catch (error) {
        stop(error);
      }
    };
    const aborted = () => stop(signal?.reason);
    const timer = progress && setInterval(() => report(binding().done(job)), 50);
    const finish = () => {
      clearInterval(timer);
      if (signal) unwatch(signal, aborted);
    };
    if (signal) watch(signal, aborted);
    job.promise.then(
      (flat) => {
        finish();
        if (progress) report(progress.total);
        resolve(flat);
      },
      (error) => {
        finish();
        reject(translate(op, error));
      },
    );
  });
}

/** What to do when a signal is aborted: one listener for all calls that have it, as Node warns of more than ten. */
const watched = new WeakMap<AbortSignal, { stops: Set<() => void>; listener: () => void }>();

function watch(signal: AbortSignal, stop: () => void): void {
  let entry = watched.get(signal);
  if (!entry) {
    const stops = new Set<() => void>();
    entry = {
      stops,
      listener: () => {
        for (const f of [...stops]) f();
      },
    };
    watched.set(signal, entry);
    signal.addEventListener("abort", entry.listener);
  }
  entry.stops.add(stop);
}

function unwatch(signal: AbortSignal, stop: () => void): void {
  const entry = watched.get(signal);
  if (!entry?.stops.delete(stop) || entry.stops.size > 0) return;
  watched.delete(signal);
  signal.removeEventListener("abort", entry.listener);
}

async function outputsOf(op: string, job: Job, types: readonly ValueType[]): Promise<Tensor[]> {
  const arrays = guard(op, () => binding().outputs(job));
  const tensors: Tensor[] = [];
  for (let i = 0; i < arrays.length; i++) {
    const type = types[i] as ValueType;
    tensors.push(wrapOwn(type.dtype, type.shape, arrays[i] ?? (await copied(op, job, i, type))));
  }
  return tensors;
}

/** An output as JavaScript's own memory, copied in parts of a turn each: some runtimes take no other. */
async function copied(op: string, job: Job, output: number, type: ValueType): Promise<AnyArray> {
  const array = guard(op, () => allocate(type.dtype, sizeOf(type.shape)));
  const size = bytesOf(type);
  for (let at = 0; at < size; ) {
    await nextTurn();
    at = guard(op, () => binding().copyOutput(job, output, array, at));
  }
  return array;
}
