// Adam (Kingma & Ba 2015, algorithm 1), with weights that decay by themselves (Loshchilov & Hutter 2019, "Decoupled weight decay regularization").
import { ArgumentError, describe } from "../core/errors";
import { optimality, project } from "./bounds";
import { type Minimum, minimum } from "./descent";
import { firstPoint, type Objective, objectiveOf, type Point, pointAt } from "./objective";
import { type Problem, problemOf, type Steps } from "./problem";
import { settingsOf, Watch } from "./settings";

const NUMBERS = {
  maxIterations: [1000, "count"],
  gradientTolerance: [0, "tolerance"],
  beta1: [0.9, "fraction"],
  beta2: [0.999, "fraction"],
  epsilon: [1e-8, "positive"],
  weightDecay: [0, "tolerance"],
} as const;
type Settings = ReturnType<typeof settingsOf<keyof typeof NUMBERS>>;

export function adamSteps(f: unknown, x0: unknown, options: unknown): { problem: Problem; steps: Steps<Minimum<unknown>> } {
  const settings = settingsOf("adam", options, NUMBERS, ["learningRate"]);
  const problem = problemOf("adam", f, x0, settings);
  return { problem, steps: walk(objectiveOf(problem), settings, rateOf(settings.learningRate)) };
}

function rateOf(given: unknown = 1e-3): (iteration: number) => number {
  const checked = (rate: unknown): number => {
    if (typeof rate === "number" && rate > 0 && rate < Number.POSITIVE_INFINITY) return rate;
    throw new ArgumentError(
      "adam",
      `option learningRate must be a finite number above 0, or a function that gives it, got ${describe(rate)}.`,
    );
  };
  if (typeof given === "function") return (iteration) => checked((given as (iteration: number) => unknown)(iteration));
  const rate = checked(given);
  return () => rate;
}

function* walk(f: Objective, settings: Settings, rate: (iteration: number) => number): Steps<Minimum<unknown>> {
  const { problem } = f;
  const { box, start } = problem;
  const { beta1, beta2, epsilon, weightDecay, maxIterations, gradientTolerance } = settings;
  const watch = new Watch(problem, settings.callback, settings.history);
  const [m, v] = [new Float64Array(start.length), new Float64Array(start.length)];
  let at: Point = yield* firstPoint(f);
  for (let nit = 0; ; nit++) {
    const residual = optimality(box, at.x, at.gradient);
    const ended = (status: 0 | 3 | 4, why?: string): Minimum<unknown> => minimum(f, at, { nit, residual, status, why, watch });
    if (watch.stops(nit, f.both.count, { x: at.x, fun: at.value, optimality: residual })) return ended(3);
    if (residual <= gradientTolerance) return ended(0, `the gradient is at most ${gradientTolerance}`);
    if (nit === maxIterations)
      return gradientTolerance > 0 ? minimum(f, at, { nit, residual, status: 1, watch }) : ended(0, `all ${nit} iterations are done`);
    const [c1, c2, step] = [1 - beta1 ** (nit + 1), 1 - beta2 ** (nit + 1), rate(nit)];
    const x = at.x.map((value, i) => {
      const g = at.gradient[i] as number;
      m[i] = beta1 * (m[i] as number) + (1 - beta1) * g;
      v[i] = beta2 * (v[i] as number) + (1 - beta2) * g * g;
      return value - step * ((m[i] as number) / c1 / (Math.sqrt((v[i] as number) / c2) + epsilon) + weightDecay * value);
    });
    problem.iteration = nit + 1;
    const next = yield* pointAt(f, project(box, x));
    if (!Number.isFinite(next.value)) return ended(4);
    at = next;
  }
}
