// What a method asks of the function that it works on, and who answers: at once, or off the event loop. A method is a generator that yields its
// questions, so that one text of it serves both.
import { checkSignal } from "../core/attrs";
import { ArgumentError, describe, LinalgError } from "../core/errors";
import { throwing } from "../core/left";
import { refuseRecorded } from "../core/op";
import type { Tensor } from "../core/tensor";
import { type Flat, flattenTensors } from "../core/tree";
import { compile } from "../program/compile";
import type { Program } from "../program/program";
import { Spec } from "../program/spec";
import { asFunction } from "../transforms/arguments";
import { type Box, boxOf, project } from "./bounds";
import { IMPLICIT, leavesOf, readOut, rounded, type Unknowns, unknownsOf } from "./unknowns";
import type { Vector } from "./vector";

/** Of the leaves of the unknowns and of the other arguments: what a question is about. */
export type Evaluated = (leaves: readonly Tensor[], args: readonly Tensor[]) => readonly Tensor[];
interface Question {
  readonly about: Asked;
  readonly x: Vector;
}
/** The error where a matrix on the way had no answer: not positive definite, singular. */
export type Answer = readonly Vector[] | LinalgError;
export type Steps<R> = Generator<Question, R, Answer>;

/** A function of the unknowns, compiled for each form of its other arguments. */
export class Asked {
  /** How often it was asked. */
  count = 0;
  readonly #programs = new Map<string, Program<[Tensor[], Tensor[]], readonly Tensor[]>>();

  constructor(
    private readonly op: string,
    private readonly f: Evaluated,
    private readonly compiles: boolean,
  ) {}

  /** @internal */
  now(leaves: Tensor[], args: Arguments): readonly Tensor[] {
    this.count++;
    if (this.compiles) return this.#program(leaves, args).runSync([leaves, args.leaves]);
    const answer = this.f(leaves, args.leaves);
    refuseRecorded(this.op, answer, this.op, IMPLICIT); // what the function closes over may be a transform's
    return answer;
  }
  /** @internal */
  async later(leaves: Tensor[], args: Arguments, signal: AbortSignal | undefined): Promise<readonly Tensor[]> {
    if (!this.compiles) return this.now(leaves, args);
    this.count++;
    return this.#program(leaves, args).run([leaves, args.leaves], signal ? { signal } : {});
  }
  #program(leaves: readonly Tensor[], { leaves: args, form }: Arguments): Program<[Tensor[], Tensor[]], readonly Tensor[]> {
    const known = this.#programs.get(form);
    if (known) return known;
    const specs = [leaves, args].map((list) => list.map(({ dtype, shape }) => new Spec(dtype, shape)));
    const [a, b] = specs as [Spec[], Spec[]];
    const made = compile((x, y) => this.f(x as Tensor[], y as Tensor[]), a, b) as Program<[Tensor[], Tensor[]], readonly Tensor[]>;
    this.#programs.set(form, made);
    return made;
  }
}

export interface CommonOptions<A extends readonly unknown[] = readonly unknown[]> {
  /** Further arguments of the function, which stay as they are: trees of tensors. */
  readonly args?: readonly [...A];
  /** Whether the function is compiled, once, by tracing. Default true; false for one that reads values as it runs. */
  readonly compile?: boolean;
  /** Asked between evaluations, and within one off the event loop: the call ends with its reason. */
  readonly signal?: AbortSignal;
}

/** Other arguments, with what a program was compiled for: their tree, and the dtypes and shapes of its leaves. */
interface Arguments extends Flat<Tensor> {
  readonly form: string;
}

/** A function of unknowns, with what every method knows of it. */
export interface Problem {
  readonly op: string;
  readonly unknowns: Unknowns;
  readonly box: Box | undefined;
  /** Where to begin: x0, within the bounds. */
  readonly start: Vector;
  readonly signal: AbortSignal | undefined;
  /** The function, of trees. */
  readonly f: (...args: unknown[]) => unknown;
  readonly args: (iteration: number) => Arguments;
  asked(f: Evaluated): Asked;
  /** The iteration whose arguments are used. */
  iteration: number;
}

export function problemOf(op: string, f: unknown, x0: unknown, options: CommonOptions & { bounds?: unknown }): Problem {
  asFunction(op, f);
  const { args = [], compile: compiles = true, signal, bounds } = options;
  if (typeof compiles !== "boolean") throw new ArgumentError(op, `option compile must be true or false, got ${describe(compiles)}.`);
  const unknowns = unknownsOf(op, x0);
  const box = boxOf(op, unknowns, bounds);
  const flatArgs = (given: unknown): Arguments => {
    if (!Array.isArray(given)) throw new ArgumentError(op, `option args must be an array of arguments, got ${describe(given)}.`);
    const flat = flattenTensors(op, given);
    refuseRecorded(op, flat.leaves, op, IMPLICIT);
    const tree = flat.rebuild(flat.leaves.map(({ dtype, shape }) => `${new Spec(dtype, shape)}`));
    return { ...flat, form: JSON.stringify(tree) };
  };
  const drawn = typeof args === "function" ? (args as (iteration: number) => unknown) : undefined;
  const fixed = drawn ? undefined : flatArgs(args);
  let last: { readonly iteration: number; readonly flat: Arguments } | undefined; // who draws is asked once for each iteration
  return {
    op,
    unknowns,
    box,
    start: rounded(unknowns, project(box, Float64Array.from(unknowns.start))),
    signal: checkSignal(op, signal),
    f: f as Problem["f"],
    args: (iteration) => {
      if (fixed) return fixed;
      if (last?.iteration !== iteration) last = { iteration, flat: flatArgs(drawn?.(iteration)) };
      return last.flat;
    },
    asked: (g) => new Asked(op, g, compiles),
    iteration: 0,
  };
}

/** The function's value at leaves: of the trees that it takes. */
export const valueAt = ({ f, unknowns, args, iteration }: Problem, leaves: readonly Tensor[], others: readonly Tensor[]): unknown =>
  f(unknowns.tree.rebuild(leaves), ...(args(iteration).rebuild(others) as unknown[]));

export function* ask(about: Asked, x: Vector): Steps<Answer> {
  return yield { about, x };
}

function failed(error: unknown): LinalgError {
  if (error instanceof LinalgError) return error;
  throw error;
}
const inputs = ({ unknowns, args, iteration }: Problem, { x }: Question): [Tensor[], Arguments] => [leavesOf(unknowns, x), args(iteration)];

/** Answers every question at once. */
export function run<R>(problem: Problem, steps: Steps<R>): R {
  let step = steps.next();
  while (!step.done) {
    problem.signal?.throwIfAborted();
    let answer: Answer;
    try {
      const { about } = step.value;
      const given = inputs(problem, step.value);
      answer = throwing(() => about.now(...given)).map(readOut);
    } catch (error) {
      answer = failed(error);
    }
    step = steps.next(answer);
  }
  return step.value;
}

/** Answers every question off the event loop. */
export async function runLater<R>(problem: Problem, steps: Steps<R>): Promise<R> {
  problem.signal?.throwIfAborted();
  let step = steps.next();
  while (!step.done) {
    problem.signal?.throwIfAborted();
    let answer: Answer;
    try {
      answer = (await step.value.about.later(...inputs(problem, step.value), problem.signal)).map(readOut);
    } catch (error) {
      answer = failed(error);
    }
    step = steps.next(answer);
  }
  return step.value;
}
