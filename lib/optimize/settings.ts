// Options that methods share, and what they tell: while they run, and at the end.
import { optionsOf } from "../core/attrs";
import { ArgumentError, describe, LinalgError } from "../core/errors";
import type { Tensors, TensorTree } from "../core/tree";
import type { Bound } from "./bounds";
import type { CommonOptions, Problem } from "./problem";
import { treeOf } from "./unknowns";
import type { Vector } from "./vector";

/** Where a method is after an iteration. */
export interface Progress<X = unknown> {
  /** Iterations so far. */
  readonly nit: number;
  /** Evaluations of the function so far. */
  readonly nfev: number;
  /** The value: of the function, or half the sum of squares of the residuals. */
  readonly fun: number;
  /** The largest component of the gradient, of x - P(x - gradient) within bounds. */
  readonly optimality: number;
  /** The unknowns, made when they are read. */
  readonly x: X;
}

export interface Options<X, A extends readonly unknown[]> extends CommonOptions<A> {
  /** [lower, upper]: each a number, null, or a tree like x0 of numbers, tensors and null. x0 is moved between them. */
  readonly bounds?: readonly [lower: Bound<X>, upper: Bound<X>];
  readonly maxIterations?: number;
  /** Converged where `optimality` is at most this. */
  readonly gradientTolerance?: number;
  /** Converged where an iteration lowers the value by at most this, relative to the larger of 1 and the value. */
  readonly valueTolerance?: number;
  /** Converged where an iteration moves the unknowns by at most this, relative to the larger of 1 and the largest of them. */
  readonly stepTolerance?: number;
  /** Called after every iteration; true ends the run. */
  readonly callback?: (progress: Progress<Tensors<X>>) => unknown;
  /** Whether the result lists value and optimality of every iteration. */
  readonly history?: boolean;
}

/** 0: converged. 1: maxIterations were done. 2: no step lowers the value. 3: the callback said so. 4: a value or gradient was not finite. */
export type Status = 0 | 1 | 2 | 3 | 4;

/** What a method found: names are those of SciPy's `minimize`. */
export interface Result<X> {
  readonly x: X;
  /** The value at x. */
  readonly fun: number;
  /** How many iterations were done, and how often the function and its gradient were evaluated. */
  readonly nit: number;
  readonly nfev: number;
  readonly njev: number;
  readonly success: boolean;
  readonly status: Status;
  readonly message: string;
  /** The largest component of the gradient, of x - P(x - gradient) within bounds. */
  readonly optimality: number;
  /** With `history: true`: of x0, then of every iteration. */
  readonly history?: readonly { readonly fun: number; readonly optimality: number; readonly nfev: number }[];
}

/** Numbers of options: by name, the least that is taken, and what stands where nothing is given. */
type Limits<K extends string> = Readonly<Record<K, readonly [fallback: number, kind: "count" | "tolerance" | "positive" | "fraction"]>>;
const KINDS = {
  count: ["an integer from 0", (v: number) => Number.isSafeInteger(v) && v >= 0],
  tolerance: ["a number from 0", (v: number) => v >= 0],
  positive: ["a finite number above 0", (v: number) => v > 0 && v < Number.POSITIVE_INFINITY],
  fraction: ["a number from 0 and below 1", (v: number) => v >= 0 && v < 1],
} as const;

const COMMON = ["args", "compile", "signal", "bounds", "callback", "history"] as const;
type Common = Pick<Options<unknown, readonly unknown[]>, "args" | "compile" | "signal" | "callback" | "history"> & {
  readonly bounds?: unknown;
};

/** The options of a method, of which `numbers` are its own; unknown ones are errors. */
export function settingsOf<K extends string>(
  op: string,
  given: unknown,
  numbers: Limits<K>,
  others: readonly string[] = [],
): Common & Record<K, number> & Readonly<Record<string, unknown>> {
  const names = Object.keys(numbers) as K[];
  const options: Record<string, unknown> = optionsOf(op, given as Record<string, unknown> | undefined, [...names, ...others, ...COMMON]);
  const read = { ...options };
  for (const name of names) {
    const [fallback, kind] = numbers[name];
    const [expected, fits] = KINDS[kind];
    const value = read[name] ?? fallback;
    if (typeof value !== "number" || !fits(value))
      throw new ArgumentError(op, `option ${name} must be ${expected}, got ${describe(value)}.`);
    read[name] = value;
  }
  const { callback, history } = read;
  if (callback !== undefined && typeof callback !== "function")
    throw new ArgumentError(op, `option callback must be a function, got ${describe(callback)}.`);
  if (history !== undefined && typeof history !== "boolean")
    throw new ArgumentError(op, `option history must be true or false, got ${describe(history)}.`);
  return read as Common & Record<K, number>;
}

/** Tells the callback, and keeps the history. */
export class Watch {
  readonly #list: { fun: number; optimality: number; nfev: number }[] | undefined;

  constructor(
    private readonly problem: Problem,
    private readonly callback: Options<unknown, readonly unknown[]>["callback"],
    history: boolean | undefined,
  ) {
    this.#list = history ? [] : undefined;
  }
  /** Whether the run is to end here. */
  stops(nit: number, nfev: number, at: { readonly x: Vector; readonly fun: number; readonly optimality: number }): boolean {
    const { fun, optimality } = at;
    this.#list?.push({ fun, optimality, nfev });
    if (nit === 0 || !this.callback) return false;
    const { unknowns } = this.problem;
    const ends =
      this.callback({
        nit,
        nfev,
        fun,
        optimality,
        get x() {
          return treeOf(unknowns, at.x) as TensorTree;
        },
      }) === true;
    this.problem.signal?.throwIfAborted(); // the callback may have aborted
    return ends;
  }
  get history(): Pick<Result<unknown>, "history"> {
    return this.#list ? { history: this.#list } : {};
  }
}

/** @throws LinalgError for a start at which the function has no value, or one that is not finite. */
export function refuseStart(op: string, what: string): never {
  throw new LinalgError("ERR_NOT_FINITE", op, `${what} is not finite at x0, where the method is to begin.`, 0, 0);
}
