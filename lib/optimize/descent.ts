// Descent along directions that a method chooses, to a minimum within bounds.
import { freed, heldBy, optimality } from "./bounds";
import { firstPoint, type Objective, type Point } from "./objective";
import type { Steps } from "./problem";
import type { Search } from "./search";
import type { Options, Result, Status } from "./settings";
import { Watch } from "./settings";
import { treeOf } from "./unknowns";
import { dot, largest, minus, negated, type Vector } from "./vector";

/** How a method chooses its way. */
export interface Directions {
  readonly search: Search;
  /** A direction in which no held number moves, with the length of the first step to try. */
  choose(at: Point, held: Uint8Array | undefined): Steps<{ readonly d: Vector; readonly first: number }>;
  moved(from: Point, to: Point): void;
  /** No way down was found along what was chosen: steepest descent is next. */
  lost(): void;
}
export interface Tolerances {
  readonly maxIterations: number;
  readonly gradientTolerance: number;
  readonly valueTolerance: number;
  readonly stepTolerance: number;
}

export interface Minimum<X> extends Result<X> {
  /** The gradient at x, as `grad` gives it. */
  readonly jac: X;
}

const ROUNDING = 64 * Number.EPSILON;

const MESSAGES: Readonly<Record<Status, string>> = {
  0: "converged",
  1: "the most iterations that were asked for are done",
  2: "no step along the gradient lowers the value: is it differentiable, and its gradient right?",
  3: "the callback ended the run",
  4: "the function, or its gradient, is not finite at the next step",
};

/** The way from x0 to where the method ends. */
export function* descend(
  f: Objective,
  how: Directions,
  limits: Tolerances,
  given: Pick<Options<unknown, readonly unknown[]>, "callback" | "history">,
): Steps<{ readonly result: Minimum<unknown>; readonly at: Point }> {
  const { problem } = f;
  const { box } = problem;
  const watch = new Watch(problem, given.callback, given.history);
  let at = yield* firstPoint(f);
  for (let nit = 0; ; nit++) {
    const residual = optimality(box, at.x, at.gradient);
    const ended = (status: Status, why?: string) => ({ at, result: minimum(f, at, { nit, residual, status, why, watch }) });
    if (watch.stops(nit, f.both.count, { x: at.x, fun: at.value, optimality: residual })) return ended(3);
    if (residual <= limits.gradientTolerance) return ended(0, `the gradient is at most ${limits.gradientTolerance}`);
    if (nit >= limits.maxIterations) return ended(1);
    const next = yield* step(f, how, at);
    if (!next) return atRounding(at, box, residual) ? ended(0, "no step lowers the value beyond rounding") : ended(2);
    const gained = at.value - next.value;
    const moved = largest(minus(next.x, at.x));
    how.moved(at, next);
    const scale = Math.max(1, Math.abs(at.value), Math.abs(next.value));
    at = next;
    const after = optimality(box, at.x, at.gradient);
    const small = limits.valueTolerance > 0 && gained <= limits.valueTolerance * scale;
    const short = moved <= limits.stepTolerance * Math.max(1, largest(at.x));
    const stuck = gained <= 0 && after >= residual;
    if (!small && !short && !stuck) continue;
    nit++;
    const told = watch.stops(nit, f.both.count, { x: at.x, fun: at.value, optimality: after });
    const why = small
      ? "an iteration lowers the value by no more than valueTolerance"
      : short
        ? "an iteration moves x by no more than stepTolerance"
        : "no step lowers the value or the gradient beyond rounding";
    return { at, result: minimum(f, at, { nit, residual: after, status: told ? 3 : 0, why: told ? undefined : why, watch }) };
  }
}

/** Along what the method chooses; where that leads nowhere, along the gradient. */
function* step(f: Objective, how: Directions, at: Point): Steps<Point | undefined> {
  const held = heldBy(f.problem.box, at.x, at.gradient);
  const steepest = negated(freed(at.gradient, held));
  const { d, first } = yield* how.choose(at, held);
  if (dot(d, at.gradient) < 0) {
    const next = yield* how.search(f, at, d, first);
    if (next) return next;
  }
  how.lost();
  return yield* how.search(f, at, steepest, Math.min(1, 1 / largest(steepest)));
}

/** Whether what a step of steepest descent can gain is less than the value's own rounding. */
const atRounding = (at: Point, box: Objective["problem"]["box"], residual: number): boolean =>
  residual * Math.min(1, residual) <= ROUNDING * Math.max(1, Math.abs(at.value)) || (box !== undefined && residual === 0);

interface End {
  readonly nit: number;
  readonly residual: number;
  readonly status: Status;
  readonly why?: string | undefined;
  readonly watch: Watch;
}
export function minimum({ problem, both }: Objective, at: Point, { nit, residual, status, why, watch }: End): Minimum<unknown> {
  return {
    x: treeOf(problem.unknowns, at.x),
    fun: at.value,
    jac: treeOf(problem.unknowns, at.gradient),
    nit,
    nfev: both.count,
    njev: both.count,
    success: status === 0,
    status,
    message: why ? `${MESSAGES[status]}: ${why}` : MESSAGES[status],
    optimality: residual,
    ...watch.history,
  };
}
