// Compiled functions: run over batches, saved and loaded.

import { apply } from "../core/apply";
import { checkSignal, optionsOf, withoutOptions } from "../core/attrs";
import { type DType, dtypes } from "../core/dtype";
import { ArgumentError, asPrimitive, DtypeError, describe, ShapeError } from "../core/errors";
import type { Failure } from "../core/failures";
import type { Code, ValueType } from "../core/ir";
import { mayLeave, orLeft } from "../core/left";
import { once, topLevel, unwrapIfDead } from "../core/levels";
import { inspectCustom } from "../core/node";
import { refuseRecorded, scalar } from "../core/op";
import { asTensor } from "../core/operands";
import { ruleEpoch } from "../core/registry";
import { adopt, bytesOf, primal, type Shape, shapeText, type Tensor, tracedOf, wrap } from "../core/tensor";
import { markOpaque } from "../core/trace";
import type { TensorTree, Tree } from "../core/tree";
import { checkOpaque } from "./derive";
import { Executable, type How } from "./executable";
import { fromJSON, type ProgramJSON, toJSON } from "./json";
import { leavesBy, type Rebuild, treeOf } from "./names";
import { programRow, type Runs } from "./op";
import { replayOver } from "./replay";

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
function readOptions({ onFailure, failures, layout, chunk, threads }: RunOptions): How {
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
  readonly #executable: () => Executable;
  readonly #derived = new Map<string, Program>(); // by what they read and give
  #epoch = 0;

  /** @internal Use `compile` or `Program.from`. `sums`: which outputs are summed over the batch. */
  constructor(key: symbol, code: Code, outTree?: Rebuild, sums?: readonly boolean[]) {
    if (key !== KEY) throw new ArgumentError("Program", "is not for calling: compile(f, ...) and Program.from(json) make programs.");
    this.#code = code;
    this.#executable = once(() => new Executable(code, { op: "program", inputName: (i) => `input ${code.inputs[i]?.name}` }, sums));
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
    return toJSON(this.#executable().code);
  }
  /** Names, dtypes and item shapes of the inputs, in the order of the arguments' leaves. */
  get inputs(): readonly { name: string; dtype: DType; shape: Shape }[] {
    return this.#code.inputs.map((i) => this.#typed(i));
  }
  get outputs(): readonly { name: string; dtype: DType; shape: Shape }[] {
    return this.#code.outputs.map((o) => this.#typed(o));
  }
  /**
   * Runs over the broadcast batch of the inputs, on this thread and the pool's idle ones. Inside a transform it is differentiated like any
   * function, to any order: its derivatives are programs, too. Inside `compile` its code becomes a part of the compiled one.
   */
  runSync(args: I, options: RunOptions = {}): O {
    const given = runOptions(options, OPTIONS);
    return this.#tree(this.#call(this.#inputs(args), given));
  }
  /**
   * The same off the event loop. Inputs whose `data` somebody holds are copied first, which takes the time of one memcpy; `tensor(array,
   * { transfer: true })` needs none. An aborted signal, or an onProgress that throws, rejects at once; inputs stay in use until the run has
   * left them.
   */
  async run(args: I, options: AsyncRunOptions = {}): Promise<O> {
    const { signal: given, onProgress } = runOptions(options, ASYNC_OPTIONS);
    const signal = checkSignal("program", given);
    if (onProgress !== undefined && typeof onProgress !== "function")
      throw new ArgumentError("program", `option onProgress must be a function, got ${describe(onProgress)}.`);
    signal?.throwIfAborted();
    const inputs = this.#inputs(args);
    refuseRecorded("program", inputs, "run", "runSync");
    return this.#tree(await this.#executable().later(inputs, readOptions(options), { signal, onProgress }));
  }
  /** The plan for these arguments: layout, kernels, slots, bytes. */
  explain(args?: I, options: RunOptions = {}): string {
    const given = args ?? (this.#inTree(this.#code.inputs.map(({ id }) => filler(this.#code.values[id] as ValueType))) as I);
    const plan = this.#executable().explain(this.#inputs(given).map(primal), readOptions(runOptions(options, OPTIONS)));
    return JSON.stringify(JSON.parse(plan), null, 2);
  }

  /** Inputs, outputs and how many instructions, on one line. */
  toString(): string {
    const list = (ports: readonly { name: string; dtype: DType; shape: Shape }[]) => {
      const shown = ports.slice(0, MAX_PRINTED).map(({ name, dtype, shape }) => `${name}: ${dtype} ${shapeText(shape)}`);
      return [...shown, ...(ports.length > MAX_PRINTED ? [`... ${ports.length - MAX_PRINTED} more`] : [])].join(", ");
    };
    const { length } = this.#executable().code.code;
    return `Program (${list(this.inputs)}) -> { ${list(this.outputs)} }, ${length} ${length === 1 ? "instruction" : "instructions"}`;
  }
  [Symbol.toPrimitive](hint: string): string {
    return asPrimitive("Program", hint, this, "its runSync or run");
  }
  [inspectCustom](): string {
    return this.toString();
  }

  #typed({ name, id }: { name: string; id: number }) {
    const { dtype, shape } = this.#code.values[id] as ValueType;
    return { name, dtype, shape: [...shape] };
  }
  /** What was given, checked, in the order of the code's inputs. */
  #inputs(args: unknown): Tensor[] {
    const leaves = this.#inLeaves(args);
    return this.#code.inputs.map(({ name, id }, i) => checkInput(name, leaves[i], this.#code.values[id] as ValueType));
  }
  #tree(outputs: readonly Tensor[]): O {
    return this.#outTree(outputs) as O;
  }
  /** The outputs, for inputs that are data, boxed or traced. */
  #call(inputs: readonly Tensor[], options: RunOptions): Tensor[] {
    const { opaque } = this.#code;
    if (inputs.some((t) => t.box)) checkOpaque(this.#code);
    if (inputs.some(tracedOf)) {
      for (const name of opaque) markOpaque(inputs, name);
      for (const name of OPTIONS)
        if (options[name] !== undefined && options[name] !== "throw")
          throw new ArgumentError(
            "program",
            `option ${name} cannot be used inside compile: it belongs to the run of the compiled program.`,
          );
      return replayOver(this.#code, inputs);
    }
    const compute = () => (inputs.some((t) => t.box) ? this.#asOp(inputs, options) : this.#executable().run(inputs, readOptions(options)));
    return mayLeave(topLevel(inputs)) ? orLeft(compute, () => replayOver(this.#code, inputs)) : compute();
  }
  #asOp(inputs: readonly Tensor[], options: RunOptions): Tensor[] {
    if (this.#epoch !== ruleEpoch()) this.#derived.clear(); // made with rules of before
    this.#epoch = ruleEpoch();
    const derive = (key: string, make: () => Code): Runs => {
      const program = this.#derived.get(key) ?? new Program(KEY, make());
      this.#derived.set(key, program);
      return (given, failures) => program.#call(given, given.some(tracedOf) ? {} : { ...options, failures });
    };
    const listed = options.failures ?? [];
    const report = (failures: readonly Failure[]) => {
      for (const f of failures) if (!listed.some(({ item }) => item === f.item)) listed.push(f);
    };
    return apply(
      programRow(this.#code, (given) => this.#call(given, options), derive, report),
      inputs,
      {},
    );
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

function count(name: string, x: number | undefined): number {
  if (x === undefined) return 0;
  if (Number.isSafeInteger(x) && x >= 1 && x <= 2 ** 31) return x;
  throw new ArgumentError("program", `option ${name} must be a positive integer, got ${describe(x)}.`);
}

function checkInput(name: string, given: unknown, want: ValueType): Tensor {
  const t = typeof given === "number" ? scalar(want.dtype, given) : asTensor("program", `input ${name}`, given);
  if (t.dtype !== want.dtype) throw new DtypeError("program", `input ${name} must be ${want.dtype}, got ${t.dtype}.`);
  const cut = t.rank - want.shape.length;
  if (cut < 0 || want.shape.some((d, i) => d !== t.shape[cut + i])) {
    throw new ShapeError(
      "program",
      `input ${name} must have shape [...batch${want.shape.map((d) => `, ${d}`).join("")}], got ${shapeText(t.shape)}.`,
    );
  }
  return unwrapIfDead(t);
}

const filler = (t: ValueType): Tensor =>
  wrap(t.dtype, t.shape, new dtypes[t.dtype].array(bytesOf(t) / dtypes[t.dtype].array.BYTES_PER_ELEMENT));

/** @internal A program of this code; `outTree` gives its outputs the tree of the function's; `sums`: which are summed over a run's batch. */
export const programOf = <I, O>(code: Code, outTree?: Rebuild, sums?: readonly boolean[]): Program<I, O> =>
  new Program(KEY, code, outTree, sums);
