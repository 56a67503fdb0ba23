import { optionsOf } from "../core/attrs";
import { ArgumentError, describe, ShapeError } from "../core/errors";
import type { Failure } from "../core/failures";
import type { Loop, ValueType } from "../core/ir";
import { types } from "../core/node";
import { scalar } from "../core/op";
import type { RunContext } from "../core/outcome";
import { isTensor, shapeText, type Tensor } from "../core/tensor";
import { type Flat, inOrderOf, type Tensors } from "../core/tree";
import { internControl } from "../program/intern";
import { asFunction } from "../transforms/arguments";
import { segmented } from "./checkpoint";
import { checkLater, type LaterOptions, later } from "./later";
import { applyControl } from "./rows";
import { checkCarry, dtypesAt, flattenGiven, flattenLike, type Traced, traceTree, typeOfTensor, withNumbers } from "./trees";

export interface ScanOptions {
  /** How many runs, where xs does not say. */
  readonly length?: number;
  /** From the last element to the first; results stand where their elements do. */
  readonly reverse?: boolean;
  /** In reverse mode only the carries of every k-th run are kept, and those between are computed again: memory for length / k + k of them. */
  readonly checkpoint?: number;
}
export interface Scanned<C, Y> {
  /** After the last run. */
  readonly carry: C;
  /** What each run gave, stacked along a new leading axis. */
  readonly ys: Y;
}

/** Any tree; of arrays the compiler infers tuples. */
export type Trees = [] | readonly unknown[] | object | number;
/** The same tree with tensors for numbers, as the function gets it. */
export type Carry<C> = C extends number ? Tensor<"float64"> : C extends Tensor ? C : { -readonly [K in keyof C]: Carry<C[K]> };
/** What may be given for a carry of this type: numbers for scalars. */
export type Carried<C> = C extends Tensor ? C | number : C extends object ? { readonly [K in keyof C]: Carried<C[K]> } : C;

const MAX_LENGTH = 2 ** 31 - 1;

function lengthOf(flat: Flat<Tensor | number>, given: unknown): number {
  if (given !== undefined && !(Number.isSafeInteger(given) && (given as number) >= 0 && (given as number) <= MAX_LENGTH))
    throw new ArgumentError("scan", `option length must be an integer from 0 to ${MAX_LENGTH}, got ${describe(given)}.`);
  let length = given as number | undefined;
  let told = "option length says";
  flat.leaves.forEach((t, i) => {
    const path = flat.paths[i] || "xs";
    if (!isTensor(t) || t.rank === 0) throw new ShapeError("scan", `xs must be tensors with an element per run, got a scalar at ${path}.`);
    const n = t.shape[0] as number;
    if (length !== undefined && n !== length)
      throw new ShapeError("scan", `${path} has ${n} elements along its first axis (shape ${shapeText(t.shape)}), ${told} ${length}.`);
    if (length === undefined) [length, told] = [n, `${path} has`];
  });
  if (length === undefined) throw new ArgumentError("scan", "there are no xs: option length must say how many runs there are.");
  return length;
}

type Stepper = (carry: unknown, x: unknown) => unknown;

interface Given {
  readonly f: Stepper;
  readonly carry: Flat<Tensor | number>;
  readonly xs: Flat<Tensor> | undefined;
  readonly collects: boolean;
}
interface Run {
  readonly carry: Flat<Tensor | number>;
  readonly traced: Traced;
  readonly types: readonly ValueType[]; // of the carries
  readonly next: Flat<Tensor>;
  readonly ys: Flat<Tensor> | undefined;
}

function checkStep(given: unknown): { carry: unknown; y?: unknown } {
  const refuse = (got: string): never => {
    throw new ArgumentError("scan", `the function must return { carry, y }, got ${got}.`);
  };
  if (types.isPromise(given)) refuse("a promise: functions given to transforms are synchronous");
  if (typeof given !== "object" || given === null || isTensor(given)) return refuse(isTensor(given) ? "a tensor" : describe(given));
  if (Array.isArray(given)) return refuse("an array");
  const keys = Object.keys(given);
  const unknown = keys.find((k) => k !== "carry" && k !== "y");
  if (unknown !== undefined || !keys.includes("carry")) refuse(`{ ${keys.join(", ")} }`);
  return given as { carry: unknown; y?: unknown };
}

/** The body of one run, at these dtypes of the carried numbers. */
function traceStep({ f, carry, xs, collects }: Given, numbers: readonly ValueType["dtype"][]): Run {
  const own = carry.leaves.map(
    (t, i): ValueType => (typeof t === "number" ? { dtype: numbers[i] as ValueType["dtype"], shape: [] } : typeOfTensor(t)),
  );
  const each = xs ? xs.leaves.map(({ dtype, shape }) => ({ dtype, shape: shape.slice(1) })) : [];
  let next: Flat<Tensor> | undefined;
  let ys: Flat<Tensor> | undefined;
  const step = (args: readonly Tensor[]): Flat<Tensor> => {
    const given: unknown = f(carry.rebuild(args.slice(0, own.length)), xs?.rebuild(args.slice(own.length)));
    const { carry: c, y } = checkStep(given);
    next = inOrderOf(flattenLike("scan", c, dtypesAt(carry.paths, own)), carry.paths);
    ys = y === undefined ? undefined : flattenLike("scan", y);
    return { leaves: [...next.leaves, ...(ys?.leaves ?? [])], paths: [], rebuild: (l) => l };
  };
  const traced = traceTree("scan", [...own, ...each], step, collects);
  return { carry, traced, types: own, next: next as Flat<Tensor>, ys };
}

/** A carried number takes the dtype that becomes of it. */
function settled(of: Given): Run {
  const { carry, xs } = of;
  const isNumber = (i: number): boolean => typeof carry.leaves[i] === "number";
  const all = (dtype: ValueType["dtype"]) => carry.leaves.map(() => dtype);
  const at = (dtype: ValueType["dtype"]): Run => traceStep(of, all(dtype));
  const { guess, run } = withNumbers([...carry.leaves, ...(xs?.leaves ?? [])], at);
  let step = run;
  const given = step.next.leaves;
  if (given.length === carry.leaves.length && given.some((t, i) => isNumber(i) && t.dtype !== guess))
    step = traceStep(
      of,
      given.map((t) => t.dtype),
    );
  checkCarry("scan", carry, step.types, step.next);
  return step;
}

type Step<C, X, Y> = (carry: C, x: X) => { readonly carry: NoInfer<Carried<C>>; readonly y?: Y };
/** `scan` in its forms. */
export interface Scan {
  /**
   * Runs f from element to element: f(carry, x) gives { carry, y }, the carry for the next run and a result. Carry, elements and results are trees of
   * tensors; the carry keeps its shapes and dtypes, a number in it takes the dtype of what f makes of it. f is traced, and the runs are one
   * instruction, natively, with derivatives of any order and mode.
   * @throws ShapeError, DtypeError, ArgumentError that name the leaf.
   */
  <C extends Trees, X extends Trees | undefined = undefined, Y extends Trees | undefined = undefined>(
    f: Step<Carry<C>, X, Y>,
    carry0: C,
    xs?: X,
    options?: ScanOptions,
  ): Scanned<Carry<C>, Tensors<Y>>;
  <C, X extends Trees | undefined = undefined, Y extends Trees | undefined = undefined>(
    f: Step<C, X, Y>,
    carry0: Carried<C>,
    xs?: X,
    options?: ScanOptions,
  ): Scanned<C, Tensors<Y>>;
  /** A loop that fails gives NaN, and says where. */
  checked<C extends Trees, X extends Trees | undefined = undefined, Y extends Trees | undefined = undefined>(
    f: Step<Carry<C>, X, Y>,
    carry0: C,
    xs?: X,
    options?: ScanOptions,
  ): { readonly value: Scanned<Carry<C>, Tensors<Y>>; readonly failures: readonly Failure[] };
  /** Off the event loop. */
  async<C extends Trees, X extends Trees | undefined = undefined, Y extends Trees | undefined = undefined>(
    f: Step<Carry<C>, X, Y>,
    carry0: C,
    xs?: X,
    options?: ScanOptions & LaterOptions,
  ): Promise<Scanned<Carry<C>, Tensors<Y>>>;
}

function plainScan(f: unknown, carry0: unknown, xs?: unknown, options: ScanOptions = {}): Scanned<unknown, unknown> {
  asFunction("scan", f);
  return run(prepared(f as Stepper, carry0, xs, optionsOf("scan", options, OPTIONS)));
}

interface Prepared {
  readonly loop: Loop;
  readonly inputs: readonly Tensor[];
  readonly checkpoint: number | undefined;
  back(out: readonly Tensor[]): Scanned<unknown, unknown>;
}
function prepared(f: Stepper, carry0: unknown, given: unknown, options: ScanOptions, collects = false): Prepared {
  const { length: asked, reverse = false, checkpoint } = options;
  if (typeof reverse !== "boolean") throw new ArgumentError("scan", `option reverse must be true or false, got ${describe(reverse)}.`);
  if (checkpoint !== undefined && !(Number.isSafeInteger(checkpoint) && checkpoint > 0))
    throw new ArgumentError("scan", `option checkpoint must be a positive integer, got ${describe(checkpoint)}.`);
  const xs = given === undefined || given === null ? undefined : (flattenGiven("scan", given) as Flat<Tensor>);
  const length = lengthOf(xs ?? { leaves: [], paths: [], rebuild: () => undefined }, asked);
  const { carry, traced, types, ys } = settled({ f, carry: flattenGiven("scan", carry0), xs, collects });
  const loop: Loop = {
    kind: "loop",
    name: "scan",
    body: traced.body,
    length,
    reverse,
    carries: types.length,
    mapped: xs?.leaves.length ?? 0,
    sums: new Array<boolean>(ys?.leaves.length ?? 0).fill(false),
  };
  const start = carry.leaves.map((t, i) => (typeof t === "number" ? scalar((types[i] as ValueType).dtype, t) : t));
  return {
    loop,
    inputs: [...start, ...(xs?.leaves ?? []), ...traced.captures],
    checkpoint: checkpoint !== undefined && checkpoint < length ? checkpoint : undefined,
    back: (out) => ({ carry: carry.rebuild(out.slice(0, types.length)), ys: ys?.rebuild(out.slice(types.length)) }),
  };
}

const OPTIONS = ["length", "reverse", "checkpoint"] as const;
function run({ loop, inputs, checkpoint, back }: Prepared, context?: RunContext): Scanned<unknown, unknown> {
  const apply = (l: Loop, ins: readonly Tensor[], inside = false): Tensor[] =>
    applyControl(internControl(l), ins, inside ? undefined : context);
  return back(checkpoint === undefined ? apply(loop, inputs) : segmented(loop, checkpoint, inputs, apply));
}

function checkedScan(f: unknown, carry0: unknown, xs?: unknown, options: ScanOptions = {}) {
  asFunction("scan", f);
  const failures: Failure[] = [];
  const loop = prepared(f as Stepper, carry0, xs, optionsOf("scan", options, OPTIONS), true);
  return { value: run(loop, { collect: true, failures, out: undefined }), failures };
}

async function scanLater(f: unknown, carry0: unknown, xs?: unknown, options: ScanOptions & LaterOptions = {}) {
  asFunction("scan", f);
  const { signal, onProgress, ...rest } = optionsOf("scan", options, [...OPTIONS, "signal", "onProgress"]);
  const how = checkLater("scan", { signal, onProgress });
  const { loop, inputs, back } = prepared(f as Stepper, carry0, xs, rest);
  return back(await later("scan", internControl(loop), inputs, how)); // nothing is kept for a derivative: checkpoint has nothing to do
}

Object.defineProperty(plainScan, "name", { value: "scan" });
export const scan: Scan = Object.assign(plainScan, { checked: checkedScan, async: scanLater }) as never;
