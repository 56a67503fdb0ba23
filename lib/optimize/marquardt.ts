// Nonlinear least squares by Levenberg and Marquardt: Moré (1978), "The Levenberg-Marquardt algorithm: implementation and theory", with the damping of
// Madsen, Nielsen & Tingleff (2004), algorithm 3.16; within bounds on the numbers that these leave free.
import { jacfwd, jacrev } from "../control/jacobian";
import { isComplex, isFloat } from "../core/dtype";
import { DtypeError, LinalgError, ShapeError } from "../core/errors";
import { storageOf, type Tensor, wrapOwn } from "../core/tensor";
import { flattenTensors } from "../core/tree";
import { lstsq } from "../ops/lstsq";
import { heldBy, project } from "./bounds";
import { type Asked, ask, type Problem, problemOf, type Steps, valueAt } from "./problem";
import { type Result, refuseStart, type Status, settingsOf, Watch } from "./settings";
import { ravel, refuseComplex, rounded, treeOf, unravel, at as where } from "./unknowns";
import { allFinite, along, dot, largest, minus, type Vector } from "./vector";

/** What the method found: names are those of SciPy's `least_squares`; `fun` is the cost, as in `minimize`. */
export interface LeastSquares<X> extends Result<X> {
  /** The residuals at x, one tensor of the tree's numbers: [m]. */
  readonly residuals: Tensor<"float64">;
  /** Their Jacobian at x, [m, n]: a column for each number of x, leaf after leaf. */
  readonly jac: Tensor<"float64">;
  /** The gradient of the cost. */
  readonly grad: X;
}

interface Functions {
  readonly problem: Problem;
  readonly residuals: Asked;
  readonly jacobian: Asked;
}
interface Linear {
  readonly x: Vector;
  readonly r: Vector;
  /** By rows, a row for each residual. */
  readonly j: Vector;
  readonly gradient: Vector; // Jᵀ r
  readonly cost: number;
}

function functionsOf(problem: Problem): Functions {
  const { op } = problem;
  const vector = (leaves: readonly Tensor[], args: readonly Tensor[]): Tensor<"float64"> => {
    const flat = flattenTensors(op, valueAt(problem, leaves, args));
    flat.leaves.forEach(({ dtype }, i) => {
      if (!isFloat(dtype) || isComplex(dtype))
        throw new DtypeError(op, `residuals${where(flat.paths[i])} must be real floating tensors, got ${dtype}.`);
    });
    return ravel(flat.leaves);
  };
  const jacobian = (leaves: readonly Tensor[], args: readonly Tensor[]): readonly Tensor[] => {
    const r = vector(leaves, args);
    const f = (v: Tensor): Tensor<"float64"> => vector(unravel(v, leaves), args);
    const v = ravel(leaves);
    return [r, (v.size <= r.size ? jacfwd : jacrev)(f as (v: Tensor<"float64">) => Tensor<"float64">)(v) as Tensor];
  };
  return { problem, residuals: problem.asked((leaves, args) => [vector(leaves, args)]), jacobian: problem.asked(jacobian) };
}

/** @throws ShapeError where a function that is not compiled gives now more, now fewer residuals. */
function sameCount({ problem: { op } }: Functions, wanted: number, r: Vector): Vector {
  if (r.length === wanted) return r;
  throw new ShapeError(op, `the function gave ${wanted} residuals before, and gives ${r.length} now: their number may not change.`);
}
const costOf = (r: Vector): number => 0.5 * dot(r, r);

function* linearAt(f: Functions, x: Vector, before?: Linear): Steps<Linear | LinalgError> {
  const answer = yield* ask(f.jacobian, x);
  if (answer instanceof LinalgError) return answer;
  const [r, j] = answer as [Vector, Vector];
  const n = x.length;
  sameCount(f, before?.r.length ?? r.length, r);
  if (n > 0) sameCount(f, r.length, j.subarray(0, j.length / n));
  const gradient = new Float64Array(n);
  r.forEach((value, i) => {
    for (let k = 0; k < n; k++) gradient[k] = (gradient[k] as number) + value * (j[i * n + k] as number);
  });
  return { x, r, j, gradient, cost: costOf(r) };
}

/** Norms of the Jacobian's columns, the largest so far: Moré's scaling, in which the unit of an unknown does not matter. */
function scales(before: Vector | undefined, { j, r, x }: Linear): Vector {
  const n = x.length;
  return x.map((_, k) => {
    let sum = 0;
    for (let i = 0; i < r.length; i++) sum += (j[i * n + k] as number) ** 2;
    return Math.max(before?.[k] ?? 0, Math.sqrt(sum)) || 1;
  });
}

/**
 * The p that minimises |J p + r|² + damping |D p|² over the numbers that are free, 0 elsewhere: by QR of both parts below each other, for D p, in which
 * columns have norms of 1 at most.
 */
function step({ j, r, x }: Linear, scale: Vector, damping: number, held: Uint8Array | undefined): Vector {
  const [m, n] = [r.length, x.length];
  const free = Array.from(x.keys()).filter((k) => !held?.[k]);
  const count = free.length;
  const a = new Float64Array((m + count) * count);
  free.forEach((k, c) => {
    for (let i = 0; i < m; i++) a[i * count + c] = (j[i * n + k] as number) / (scale[k] as number);
    a[(m + c) * count + c] = Math.sqrt(damping);
  });
  const b = new Float64Array(m + count);
  r.forEach((v, i) => {
    b[i] = -v;
  });
  const solved = storageOf(lstsq(wrapOwn("float64", [m + count, count], a), wrapOwn("float64", [m + count, 1], b))).array;
  const p = new Float64Array(n);
  free.forEach((k, c) => {
    p[k] = (solved[c] as number) / (scale[k] as number);
  });
  return p;
}

/** What p lowers the cost by where residuals are linear: |r|²/2 - |r + J p|²/2 = -(Jᵀr)ᵀp - |J p|²/2. */
function predicted({ j, r, gradient }: Linear, p: Vector): number {
  const n = p.length;
  return -dot(gradient, p) - costOf(r.map((_, i) => dot(j.subarray(i * n, (i + 1) * n), p)));
}

/** The largest cosine of the angle between the residuals and a column of the Jacobian, of those that may move: 0 at a minimum, in any units. */
function cosine({ problem: { box } }: Functions, at: Linear): number {
  const held = heldBy(box, at.x, at.gradient);
  const most = largest(at.r) || 1; // the squares of tiny residuals are below the smallest number
  const norm = Math.sqrt(2 * costOf(at.r.map((v) => v / most)));
  const own = scales(undefined, at);
  return largest(at.gradient.map((g, k) => (held?.[k] || g === 0 ? 0 : g / (own[k] as number) / most / norm)));
}

const NUMBERS = {
  maxIterations: [200, "count"],
  gradientTolerance: [1e-10, "tolerance"],
  valueTolerance: [1e-15, "tolerance"],
  stepTolerance: [1e-12, "tolerance"],
  damping: [1e-3, "positive"],
} as const;
type Settings = ReturnType<typeof settingsOf<keyof typeof NUMBERS>>;

export function marquardtSteps(f: unknown, x0: unknown, options: unknown): { problem: Problem; steps: Steps<LeastSquares<unknown>> } {
  const settings = settingsOf("levenbergMarquardt", options, NUMBERS);
  const problem = problemOf("levenbergMarquardt", f, x0, settings);
  refuseComplex(problem.op, problem.unknowns);
  return { problem, steps: walk(functionsOf(problem), settings) };
}

function* start(f: Functions): Steps<Linear> {
  const { op, start: x } = f.problem;
  const at = yield* linearAt(f, x);
  if (at instanceof LinalgError) throw at;
  return Number.isFinite(at.cost) && allFinite(at.j) ? at : refuseStart(op, "a residual, or its derivative,");
}

const MESSAGES: Readonly<Record<Status, string>> = {
  0: "converged",
  1: "the most iterations that were asked for are done",
  2: "no step lowers the sum of squares: are the residuals finite there, and differentiable?",
  3: "the callback ended the run",
  4: "the Jacobian is not finite at the next step",
};
const LEAST_DAMPING = 1e-18; // below that a rank that is not full would be seen
const MOST_DAMPING = 1e20;

function* walk(f: Functions, settings: Settings): Steps<LeastSquares<unknown>> {
  const { problem } = f;
  const watch = new Watch(problem, settings.callback, settings.history);
  let at = yield* start(f);
  let scale = scales(undefined, at);
  const damper = new Damper(settings.damping);
  for (let nit = 0; ; nit++) {
    const residual = cosine(f, at);
    const ended = (status: Status, why?: string): LeastSquares<unknown> => result(f, at, { nit, residual, status, why, watch });
    const nfev = f.residuals.count + f.jacobian.count;
    if (watch.stops(nit, nfev, { x: at.x, fun: at.cost, optimality: residual })) return ended(3);
    if (residual <= settings.gradientTolerance)
      return ended(0, `no column of the Jacobian has a cosine with the residuals above ${settings.gradientTolerance}`);
    if (nit >= settings.maxIterations) return ended(1);
    const tried = yield* lower(f, at, scale, damper, settings);
    if (typeof tried === "string") return ended(0, tried);
    if (!tried) return ended(2);
    const next = yield* linearAt(f, tried, at);
    if (next instanceof LinalgError || !allFinite(next.j)) return ended(4);
    at = next;
    scale = scales(scale, at);
  }
}

/** Nielsen's rule: less damping after steps that went as predicted, ever more after those that did not. */
class Damper {
  #factor = 2;
  constructor(public value: number) {}
  good(ratio: number): void {
    this.value = Math.max(LEAST_DAMPING, this.value * Math.max(1 / 3, 1 - (2 * ratio - 1) ** 3));
    this.#factor = 2;
  }
  bad(): void {
    this.value *= this.#factor;
    this.#factor *= 2;
  }
}

const ROUNDING = 16 * Number.EPSILON;
/** The x of the next step that lowers the cost; a text where none can by more than the tolerances say. */
function* lower(f: Functions, at: Linear, scale: Vector, damper: Damper, settings: Settings): Steps<Vector | string | undefined> {
  const { box, unknowns } = f.problem;
  const held = heldBy(box, at.x, at.gradient);
  let valued = true;
  while (damper.value < MOST_DAMPING) {
    const x = rounded(unknowns, project(box, along(at.x, 1, step(at, scale, damper.value, held))));
    const p = minus(x, at.x);
    const expected = predicted(at, p);
    if (largest(p) <= settings.stepTolerance * Math.max(settings.stepTolerance, largest(at.x)))
      return valued ? "the next step is within stepTolerance" : undefined;
    const answer = yield* ask(f.residuals, x);
    const cost = answer instanceof LinalgError ? Number.NaN : costOf(sameCount(f, at.r.length, answer[0] as Vector));
    valued = Number.isFinite(cost);
    const gained = at.cost - cost;
    const least = settings.valueTolerance * at.cost;
    if (Math.abs(gained) <= Math.max(least, ROUNDING * at.cost) && expected <= least)
      return "the next step lowers the cost by no more than valueTolerance";
    if (gained > 0 && expected > 0) {
      damper.good(gained / expected);
      return x;
    }
    damper.bad();
  }
  return undefined;
}

interface End {
  readonly nit: number;
  readonly residual: number;
  readonly status: Status;
  readonly why: string | undefined;
  readonly watch: Watch;
}
function result(
  { problem, residuals, jacobian }: Functions,
  at: Linear,
  { nit, residual, status, why, watch }: End,
): LeastSquares<unknown> {
  const [m, n] = [at.r.length, at.x.length];
  return {
    x: treeOf(problem.unknowns, at.x),
    fun: at.cost,
    residuals: wrapOwn("float64", [m], at.r),
    jac: wrapOwn("float64", [m, n], at.j),
    grad: treeOf(problem.unknowns, at.gradient),
    nit,
    nfev: residuals.count + jacobian.count,
    njev: jacobian.count,
    success: status === 0,
    status,
    message: why ? `${MESSAGES[status]}: ${why}` : MESSAGES[status],
    optimality: residual,
    ...watch.history,
  };
}
