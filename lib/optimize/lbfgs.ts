// L-BFGS: Nocedal & Wright (2006), algorithms 7.4 and 7.5; within bounds on the numbers that these leave free (Bertsekas 1982).
import { freed } from "./bounds";
import { type Directions, descend, type Minimum } from "./descent";
import { type Objective, objectiveOf, type Point } from "./objective";
import { type Problem, problemOf, type Steps } from "./problem";
import { backtrack, wolfe } from "./search";
import { settingsOf } from "./settings";
import { along, dot, largest, minus, negated, type Vector } from "./vector";

interface Pair {
  readonly s: Vector;
  readonly y: Vector;
}

class Pairs implements Directions {
  readonly #pairs: Pair[] = [];
  readonly search;

  constructor(
    { box }: Problem,
    private readonly memory: number,
  ) {
    this.search = box ? backtrack : wolfe;
  }
  *choose(at: Point, held: Uint8Array | undefined): Steps<{ d: Vector; first: number }> {
    const gradient = freed(at.gradient, held);
    const pairs = held ? this.#pairs.map(({ s, y }) => ({ s: freed(s, held), y: freed(y, held) })) : this.#pairs;
    const usable = pairs.filter(curved);
    return { d: direction(gradient, usable), first: usable.length > 0 ? 1 : Math.min(1, 1 / largest(gradient)) };
  }
  moved(from: Point, to: Point): void {
    const pair = { s: minus(to.x, from.x), y: minus(to.gradient, from.gradient) };
    if (curved(pair)) this.#pairs.push(pair);
    if (this.#pairs.length > this.memory) this.#pairs.shift();
  }
  lost(): void {
    this.#pairs.length = 0;
  }
}
/** Whether the gradient grows along the step, so that the inverse of the Hessian that pairs stand for is positive definite. */
const curved = ({ s, y }: Pair): boolean => dot(s, y) > 1e-14 * dot(y, y);

/** -H g by the two-loop recursion, algorithm 7.4, with H0 of eq. 7.20. */
function direction(g: Vector, pairs: readonly Pair[]): Vector {
  let q: Vector = Float64Array.from(g);
  const rho = pairs.map(({ s, y }) => 1 / dot(s, y));
  const alpha = new Float64Array(pairs.length);
  for (let i = pairs.length - 1; i >= 0; i--) {
    const { s, y } = pairs[i] as Pair;
    alpha[i] = (rho[i] as number) * dot(s, q);
    q = along(q, -(alpha[i] as number), y);
  }
  const last = pairs.at(-1);
  if (last) {
    const scale = dot(last.s, last.y) / dot(last.y, last.y);
    q = q.map((v) => v * scale);
  }
  pairs.forEach(({ s, y }, i) => {
    q = along(q, (alpha[i] as number) - (rho[i] as number) * dot(y, q), s);
  });
  return negated(q);
}

const NUMBERS = {
  maxIterations: [1000, "count"],
  gradientTolerance: [1e-5, "tolerance"],
  valueTolerance: [1e-12, "tolerance"],
  stepTolerance: [0, "tolerance"],
  memory: [10, "count"],
} as const;

export function lbfgsSteps(f: unknown, x0: unknown, options: unknown): { problem: Problem; steps: Steps<Minimum<unknown>> } {
  const settings = settingsOf("lbfgs", options, NUMBERS);
  const problem = problemOf("lbfgs", f, x0, settings);
  return { problem, steps: steps(objectiveOf(problem), new Pairs(problem, settings.memory), settings) };
}
function* steps(
  f: Objective,
  pairs: Pairs,
  settings: Parameters<typeof descend>[2] & Parameters<typeof descend>[3],
): Steps<Minimum<unknown>> {
  return (yield* descend(f, pairs, settings, settings)).result;
}
