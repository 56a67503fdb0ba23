// A function of the unknowns that is to be as small as it can be.
import { LinalgError } from "../core/errors";
import type { Tensor } from "../core/tensor";
import { flattenTensors } from "../core/tree";
import { scalarLoss, valueAndGrad } from "../transforms/grad";
import { type Asked, ask, type Problem, type Steps, valueAt } from "./problem";
import { refuseStart } from "./settings";
import { rounded } from "./unknowns";
import { allFinite, type Vector } from "./vector";

export interface Point {
  readonly x: Vector;
  /** Infinite where there is none. */
  readonly value: number;
  readonly gradient: Vector;
}
/** The function and its gradient. */
export interface Objective {
  readonly problem: Problem;
  readonly both: Asked;
}

export function objectiveOf(problem: Problem): Objective {
  const both = (leaves: readonly Tensor[], args: readonly Tensor[]): readonly Tensor[] => {
    const f = (list: readonly Tensor[]): Tensor => scalarLoss(problem.op, flattenTensors(problem.op, valueAt(problem, list, args)));
    const { value, grad } = valueAndGrad(f as (list: Tensor[]) => Tensor)(leaves as Tensor[]);
    return [value, ...flattenTensors(problem.op, grad).leaves];
  };
  return { problem, both: problem.asked(both) };
}

/** The point of x, each number as its leaf holds it. A function without value there, or whose value is NaN or infinite, is infinite. */
export function* pointAt({ problem, both }: Objective, x: Vector): Steps<Point> {
  return asPoint(rounded(problem.unknowns, x), yield* ask(both, x));
}
function asPoint(x: Vector, answer: readonly Vector[] | LinalgError): Point {
  if (answer instanceof LinalgError) return { x, value: Number.POSITIVE_INFINITY, gradient: new Float64Array(x.length) };
  const [value, ...parts] = answer as [Vector, ...Vector[]];
  const gradient = new Float64Array(x.length);
  let from = 0;
  for (const part of parts) {
    gradient.set(part, from);
    from += part.length;
  }
  const [v] = value as unknown as [number];
  return { x, value: Number.isFinite(v) && allFinite(gradient) ? v : Number.POSITIVE_INFINITY, gradient };
}

/** @throws LinalgError where the function has no finite value and gradient. */
export function* firstPoint(f: Objective): Steps<Point> {
  const { op, start } = f.problem;
  const answer = yield* ask(f.both, start);
  if (answer instanceof LinalgError) throw answer;
  const point = asPoint(start, answer);
  return Number.isFinite(point.value) ? point : refuseStart(op, "the function, or its gradient,");
}
