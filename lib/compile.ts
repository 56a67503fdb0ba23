// Tracing a function of one item into a program that runs natively over batches.
import { inspect } from "node:util";
import { checkSignal, optionsOf, withoutOptions } from "./core/attrs";
import { checkDType, type DType, dtypes, type Float } from "./core/dtype";
import { constant, output } from "./core/engine";
import { ArgumentError, asPrimitive, DtypeError, describe, ShapeError } from "./core/errors";
import { abortable, type Failure, failureOf, guard, type Job, lent, native, readFailures } from "./core/native";
import { asTensor, scalar } from "./core/op";
import { broadcast } from "./core/signature";
import {
  adopt,
  bytesOf,
  checkShape,
  fitting,
  readable,
  type Shape,
  shapeText,
  sizeOf,
  storageOf,
  type Tensor,
  tracedOf,
  wrap,
} from "./core/tensor";
import { Trace } from "./core/trace";
import { flatten, flattenTensors, type TensorTree, type Tree } from "./core/tree";
import { type Code, describeProgram, inputNames, leavesBy, opName, outputIds, type Rebuild, treeOf, unique } from "./program/code";
import { fromJSON, type ProgramJSON, toJSON } from "./program/json";
import { optimize } from "./program/passes";

const SPEC = Symbol.for("backsolve.spec"); // how copies of the package know each other's

/** dtype and shape of one item of an input. */
export class Spec<D extends DType = DType> {
  readonly dtype: D;
  readonly shape: Shape;
  constructor(dtype: D, shape: Shape) {
    this.dtype = checkDType("compile", dtype) as D;
    this.shape = Object.freeze(checkShape(dtype, shape));
    Object.freeze(this);
  }
  /** As it is written: `float64(3, 3)`. */
  toString(): string {
    return `${this.dtype}(${this.shape.join(", ")})`;
  }
  [Symbol.toPrimitive](hint: string): string {
    return asPrimitive("Spec", hint, this, "it as an argument of compile");
  }
  [inspect.custom](): string {
    return this.toString();
  }
}
Object.defineProperty(Spec.prototype, SPEC, { value: true });

function specOf(x: unknown): Spec | undefined {
  if (x instanceof Spec) return x;
  if (typeof x !== "object" || x === null || (x as { [SPEC]?: unknown })[SPEC] !== true) return undefined;
  const { dtype, shape } = x as Spec;
  return new Spec(dtype, shape);
}
const spec =
  <D extends Float>(dtype: D) =>
  (...shape: number[]): Spec<D> =>
    new Spec(dtype, shape);
/** An input of `compile`: float64() is a scalar per item, float64(32, 3) a matrix. */
export const float64 = spec("float64");
export const float32 = spec("float32");
export const complex64 = spec("complex64");
export const complex128 = spec("complex128");

/** A tree of specs as the function sees it. */
export type Specced<T> = T extends Spec<infer D> ? Tensor<D> : { [K in keyof T]: Specced<T[K]> };
/** A tree of specs as `run` takes it: batch dimensions before the item's; a number where an item is a scalar. */
export type Batched<T> = T extends Spec<infer D> ? Tensor<D> | number : { readonly [K in keyof T]: Batched<T[K]> };
/** What `run` returns: the function's tree, and the items that failed when `onFailure` is "nan". */
export type Result<R> = R;

export interface RunOptions {
  readonly onFailure?: "throw" | "nan";
  /** Filled with the failures when onFailure is "nan". */
  readonly failures?: Failure[];
  /** "lanes": matrices side by side in SIMD lanes; "single": one after the other; "auto" decides by size. */
  readonly layout?: "auto" | "single" | "lanes";
  /** Lane groups or items per chunk; by default what fits half of L2. The result does not depend on it, to the bit. */
  readonly chunk?: number;
  /** Threads, at most; by default all of the pool. The result does not depend on it, to the bit. */
  readonly threads?: number;
}
export interface AsyncRunOptions extends RunOptions {
  readonly signal?: AbortSignal;
  readonly onProgress?: (done: number, total: number) => void;
}

const LAYOUTS = ["auto", "single", "lanes"] as const;
const MAX_THREADS = 1024; // more than any pool has
const OPTIONS = ["onFailure", "failures", "layout", "chunk", "threads"] as const;
const ASYNC_OPTIONS = [...OPTIONS, "signal", "onProgress"] as const;

/** Every option, read once. */
function readOptions({ onFailure, failures, layout, chunk, threads }: RunOptions) {
  if (onFailure !== undefined && onFailure !== "nan" && onFailure !== "throw")
    throw new ArgumentError("program", `option onFailure must be "throw" or "nan", got ${describe(onFailure)}.`);
  if (failures !== undefined && !Array.isArray(failures))
    throw new ArgumentError("program", `option failures must be an array to fill, got ${describe(failures)}.`);
  const at = LAYOUTS.indexOf(layout ?? "auto");
  if (at < 0) throw new ArgumentError("program", `option layout must be one of "auto", "single", "lanes", got ${describe(layout)}.`);
  const collect = onFailure === "nan";
  return {
    collect,
    failures: collect ? (failures ?? []) : undefined,
    layout: at,
    chunk: count("chunk", chunk),
    threads: Math.min(count("threads", threads), MAX_THREADS),
  };
}

interface Bound {
  readonly descriptor: Float64Array;
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly Tensor[];
  readonly batch: Shape;
  readonly failures: Failure[] | undefined; // where to list them; undefined: the first is thrown
}

/** The inputs of a program that does not tell their types: the function's arguments, or an object of the inputs' names. */
export type Inputs = readonly Tree[] | { readonly [name: string]: Tree };
const KEY = Symbol("made here");
const MAX_PRINTED = 8;

/** A compiled function: run it over batches, save it as JSON, load it elsewhere. */
export class Program<I = Inputs, O = TensorTree> {
  /** `toJSON()`, for what compares and clones own properties. */
  declare readonly json: ProgramJSON;
  readonly #code: Code;
  readonly #inTree: Rebuild;
  readonly #outTree: Rebuild;
  readonly #inLeaves: (args: unknown) => unknown[];
  #handle: object | undefined;

  /** @internal Use `compile` or `Program.from`. */
  constructor(key: symbol, code: Code, outTree?: Rebuild) {
    if (key !== KEY) throw new ArgumentError("Program", "is not for calling: compile(f, ...) and Program.from(json) make programs.");
    this.#code = code;
    this.#inTree = treeOf(code.inputs.map((i) => i.name));
    this.#outTree = outTree ?? treeOf(code.outputs.map((o) => o.name));
    this.#inLeaves = leavesBy(code.inputs.map((i) => i.name));
    Object.defineProperty(this, "json", { get: () => this.toJSON(), enumerable: true });
  }
  /**
   * Loads a saved program. Everything is validated as if an enemy had written it. Its types are what the caller says:
   * `Program.from<[Tensor], { value: Tensor }>(json)`. @throws ArgumentError, ShapeError, DtypeError
   */
  static readonly from = withoutOptions("Program.from", 1, <I = Inputs, O = TensorTree>(json: unknown): Program<I, O> => {
    return new Program<I, O>(KEY, fromJSON(json));
  });
  toJSON(): ProgramJSON {
    return toJSON(this.#code);
  }
  /** Names, dtypes and item shapes of the inputs, in the order of the arguments' leaves. */
  get inputs(): readonly { name: string; dtype: DType; shape: Shape }[] {
    return this.#code.inputs.map((i) => this.#typed(i));
  }
  get outputs(): readonly { name: string; dtype: DType; shape: Shape }[] {
    return this.#code.outputs.map((o) => this.#typed(o));
  }
  /** Runs over the broadcast batch of the inputs, on this thread and the pool's idle ones. */
  runSync(args: I, options: RunOptions = {}): O {
    const b = this.#bind(args, runOptions(options, OPTIONS));
    const flat = guard("program", () => native().runProgram(this.#native(), b.descriptor, ...this.#buffers(b)));
    return this.#finish(b, flat);
  }
  /** The same off the event loop. Inputs that others could change meanwhile are copied first. */
  async run(args: I, options: AsyncRunOptions = {}): Promise<O> {
    const { signal: given, onProgress } = runOptions(options, ASYNC_OPTIONS);
    const signal = checkSignal("program", given);
    if (onProgress !== undefined && typeof onProgress !== "function")
      throw new ArgumentError("program", `option onProgress must be a function, got ${describe(onProgress)}.`);
    signal?.throwIfAborted();
    const b = this.#bind(args, options);
    const storages = b.inputs.map(storageOf);
    const start = () => native().runProgramAsync(this.#native(), b.descriptor, ...this.#buffers(b));
    const flat = await lent(storages, async () => {
      const job = guard("program", start);
      const watch = onProgress && follow(job, sizeOf(b.batch), onProgress);
      // Both: a job that a throwing callback cancelled reads the inputs to the end of its chunk.
      const [result, watched] = await Promise.allSettled([abortable("program", job, signal), watch]);
      if (watched.status === "rejected") throw watched.reason;
      if (result.status === "rejected") throw result.reason;
      return result.value;
    });
    return this.#finish(b, flat);
  }
  /** The plan for these arguments: layout, kernels, slots, bytes. */
  explain(args?: I, options: RunOptions = {}): string {
    const given =
      args ?? (this.#inTree(this.#code.inputs.map(({ id }) => filler(this.#code.values[id] as { dtype: DType; shape: Shape }))) as I);
    const b = this.#bind(given, runOptions(options, OPTIONS));
    const plan: unknown = JSON.parse(guard("program", () => native().explainProgram(this.#native(), b.descriptor, ...this.#buffers(b))));
    return JSON.stringify(plan, null, 2);
  }

  /** Inputs, outputs and how many instructions, on one line. */
  toString(): string {
    const list = (ports: readonly { name: string; dtype: DType; shape: Shape }[]) => {
      const shown = ports.slice(0, MAX_PRINTED).map(({ name, dtype, shape }) => `${name}: ${dtype} ${shapeText(shape)}`);
      return [...shown, ...(ports.length > MAX_PRINTED ? [`... ${ports.length - MAX_PRINTED} more`] : [])].join(", ");
    };
    const { length } = this.#code.code;
    return `Program (${list(this.inputs)}) -> { ${list(this.outputs)} }, ${length} ${length === 1 ? "instruction" : "instructions"}`;
  }
  [Symbol.toPrimitive](hint: string): string {
    return asPrimitive("Program", hint, this, "its runSync or run");
  }
  [inspect.custom](): string {
    return this.toString();
  }

  #typed({ name, id }: { name: string; id: number }) {
    const { dtype, shape } = this.#code.values[id] as { dtype: DType; shape: Shape };
    return { name, dtype, shape: [...shape] };
  }
  #native(): object {
    this.#handle ??= guard("program", () => {
      const { descriptor, constants } = describeProgram(this.#code);
      return native().createProgram(descriptor, ...constants);
    });
    return this.#handle;
  }
  #buffers(b: Bound) {
    const inputs = b.inputs.map((t, i) => readable("program", t, `input ${this.#code.inputs[i]?.name}`));
    return [...inputs, ...b.outputs.map((t) => storageOf(t).array)];
  }
  #bind(args: unknown, options: RunOptions): Bound {
    const leaves = this.#inLeaves(args);
    const inputs = this.#code.inputs.map(({ name, id }, i) =>
      checkInput(name, leaves[i], this.#code.values[id] as { dtype: DType; shape: Shape }),
    );
    const batches = inputs.map((t, i) => t.shape.slice(0, t.rank - itemRank(this.#code, i)));
    const batch = broadcast(batches);
    if (!batch) {
      const given = inputs.map((t, i) => `${this.#code.inputs[i]?.name} ${shapeText(t.shape)}`).join(", ");
      throw new ShapeError("program", `batch dimensions do not broadcast together: ${given}.`);
    }
    const { collect, failures, layout, chunk, threads } = readOptions(options);
    // After the last of the user's own code: getters could have handed memory out.
    const isPrivate = inputs.every((t) => !storageOf(t).exposed);
    const words = [(collect ? 1 : 0) | (isPrivate ? 2 : 0), layout, chunk, threads, batch.length, ...batch];
    inputs.forEach((t, i) => words.push(...batchStrides(t.shape, batches[i] as Shape, batch)));
    const outputs = outputIds(this.#code).map((id) => {
      const { dtype, shape } = this.#code.values[id] as { dtype: DType; shape: Shape };
      return output("program", { dtype, shape: fitting("program", [...batch, ...shape]) });
    });
    return { descriptor: Float64Array.from(words), inputs, outputs, batch, failures };
  }
  #finish(b: Bound, flat: Float64Array | undefined): O {
    const failures = readFailures(flat, (i) => opName(this.#code.code[i]), b.batch, undefined);
    if (failures.length > 0 && !b.failures) throw failureOf(failures[0] as Failure);
    for (const f of failures) b.failures?.push(f);
    const ids = outputIds(this.#code);
    return this.#outTree(this.#code.outputs.map((o) => b.outputs[ids.indexOf(o.id)])) as O;
  }
}

/** Options of a run. A tensor in their place is an argument that was not put into the array. */
function runOptions<T extends RunOptions>(options: T, known: readonly (keyof T & string)[]): T {
  if (typeof options === "number" || adopt("program", options))
    throw new ArgumentError(
      "program",
      "expected an object of options, got an argument: the arguments are one array, run([a, b], options).",
    );
  return optionsOf("program", options, known);
}

/** Reports progress while the job runs, at most every 50 ms, and once at the end. What the callback throws cancels the job and rejects. */
function follow(job: Job, total: number, onProgress: (done: number, total: number) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const report = (done: number) => {
      try {
        onProgress(done, total);
      } catch (error) {
        clearInterval(timer);
        job.cancel();
        reject(error);
      }
    };
    const timer = setInterval(() => report(job.done()), 50);
    const stop = () => clearInterval(timer);
    job.promise.then(
      () => {
        stop();
        report(total);
        resolve();
      },
      () => {
        stop();
        resolve(); // the job's own promise carries the error
      },
    );
  });
}

const itemRank = (code: Code, input: number): number =>
  (code.values[(code.inputs[input] as { id: number }).id] as { shape: Shape }).shape.length;

function count(name: string, x: number | undefined): number {
  if (x === undefined) return 0;
  if (Number.isSafeInteger(x) && x >= 1 && x <= 2 ** 31) return x;
  throw new ArgumentError("program", `option ${name} must be a positive integer, got ${describe(x)}.`);
}

function checkInput(name: string, given: unknown, want: { dtype: DType; shape: Shape }): Tensor {
  const t = typeof given === "number" ? scalar(want.dtype, given) : asTensor("program", `input ${name}`, given);
  if (tracedOf(t))
    throw new ArgumentError("program", `input ${name} is a traced tensor: call the function itself inside compile, not its program.`);
  if (t.dtype !== want.dtype) throw new DtypeError("program", `input ${name} must be ${want.dtype}, got ${t.dtype}.`);
  const cut = t.rank - want.shape.length;
  if (cut < 0 || want.shape.some((d, i) => d !== t.shape[cut + i])) {
    throw new ShapeError(
      "program",
      `input ${name} must have shape [...batch${want.shape.map((d) => `, ${d}`).join("")}], got ${shapeText(t.shape)}.`,
    );
  }
  return constant(t);
}

function batchStrides(shape: Shape, own: Shape, batch: Shape): number[] {
  const shift = batch.length - own.length;
  let step = sizeOf(shape.slice(own.length));
  const out = new Array<number>(batch.length).fill(0);
  for (let i = own.length - 1; i >= 0; i--) {
    if (own[i] !== 1) out[shift + i] = step;
    step *= own[i] as number;
  }
  return out;
}

const filler = (t: { dtype: DType; shape: Shape }): Tensor =>
  wrap(t.dtype, t.shape, new dtypes[t.dtype].array(bytesOf(t) / dtypes[t.dtype].array.BYTES_PER_ELEMENT));

/**
 * Compiles f, written for one item, by calling it once with traced tensors of the specs' dtypes and shapes. Transforms inside f work as ever.
 * The program runs f over whole batches natively.
 * @throws ArgumentError when two inputs would have one name; BacksolveError ERR_TRACED when f reads values.
 */
export function compile<S extends readonly unknown[], R>(
  f: (...args: { [K in keyof S]: Specced<S[K]> }) => R,
  ...specs: S
): Program<{ [K in keyof S]: Batched<S[K]> }, R> {
  if (typeof f !== "function") throw new ArgumentError("compile", `expected a function, got ${describe(f)}.`);
  const input = flatten("compile", specs, specOf, "a spec such as float64(3, 3)");
  const names = inputNames(input.paths);
  const trace = new Trace();
  const args = input.leaves.map((s) => trace.value(s.dtype, s.shape));
  let out: ReturnType<typeof flattenTensors>;
  try {
    out = flattenTensors("compile", f(...(input.rebuild(args) as { [K in keyof S]: Specced<S[K]> })));
  } finally {
    trace.live = false;
  }
  const ids = out.leaves.map((t) => trace.idOf(t));
  const outputs = out.paths.map((p, i) => ({ name: p === "" ? "value" : p, id: ids[i] as number }));
  unique(outputs.map((o) => o.name));
  const code: Code = {
    values: trace.values,
    inputs: names.map((name, i) => ({ name, id: (args[i] as Tensor).traced?.id as number })),
    constants: [...trace.constants].map(([id, t]) => ({ id, array: storageOf(t).array })),
    code: trace.code,
    outputs,
  };
  return new Program(KEY, optimize(code), out.rebuild) as unknown as Program<{ [K in keyof S]: Batched<S[K]> }, R>;
}
