// Newton's method. Where the Hessian is not positive definite its eigenvalues are taken without their signs: Nocedal & Wright (2006), section 3.4.
import { hessian } from "../control/jacobian";
import { LinalgError } from "../core/errors";
import { storageOf, type Tensor, wrapOwn } from "../core/tensor";
import { cholesky, choleskySolve } from "../ops/cholesky";
import { eigh } from "../ops/eigh";
import { matmul } from "../ops/products";
import { freed } from "./bounds";
import { type Directions, descend, type Minimum } from "./descent";
import { type Objective, objectiveOf, type Point } from "./objective";
import { type Asked, ask, type Problem, problemOf, type Steps, valueAt } from "./problem";
import { backtrack } from "./search";
import { settingsOf } from "./settings";
import { ravel, readOut, refuseComplex, unravel } from "./unknowns";
import { allFinite, largest, negated, type Vector } from "./vector";

export interface NewtonMinimum<X> extends Minimum<X> {
  /** The Hessian at x, [n, n]: rows and columns are the numbers of x, leaf after leaf. NaN where it has none. */
  readonly hess: Tensor<"float64">;
  readonly nhev: number;
}

/** The Hessian by all numbers of the unknowns. */
export function curvatureOf(problem: Problem): Asked {
  return problem.asked((leaves, args) => {
    const f = (v: Tensor): Tensor => valueAt(problem, unravel(v, leaves), args) as Tensor;
    return [hessian(f as (v: Tensor<"float64">) => Tensor)(ravel(leaves))] as Tensor[];
  });
}

class Curved implements Directions {
  readonly search = backtrack;
  constructor(private readonly curvature: Asked) {}

  *choose(at: Point, held: Uint8Array | undefined): Steps<{ d: Vector; first: number }> {
    const answer = yield* ask(this.curvature, at.x);
    const steepest = negated(freed(at.gradient, held));
    if (answer instanceof LinalgError || !allFinite(answer[0] as Vector)) return { d: steepest, first: 1 };
    return { d: newtonStep(answer[0] as Vector, steepest, held), first: 1 };
  }
  moved(): void {}
  lost(): void {}
}

/** d with |H| d = b over the numbers that are free, 0 elsewhere; H by rows. */
function newtonStep(h: Vector, b: Vector, held: Uint8Array | undefined): Vector {
  const n = b.length;
  const free = Array.from({ length: n }, (_, i) => i).filter((i) => !held?.[i]);
  const matrix = wrapOwn(
    "float64",
    [free.length, free.length],
    Float64Array.from(free.flatMap((i) => free.map((j) => h[i * n + j] as number))),
  );
  const right = wrapOwn(
    "float64",
    [free.length, 1],
    Float64Array.from(free, (i) => b[i] as number),
  );
  const { value, failures } = cholesky.checked(matrix);
  const d = storageOf(failures.length === 0 ? choleskySolve(value, right) : absoluteSolve(matrix, right)).array;
  const all = new Float64Array(n);
  free.forEach((i, k) => {
    all[i] = d[k] as number;
  });
  return all;
}
const LEAST = 1e-8; // of the largest eigenvalue: what is flatter counts as that flat
function absoluteSolve(h: Tensor<"float64">, b: Tensor<"float64">): Tensor<"float64"> {
  const { w, v } = eigh(h);
  const values = readOut(w);
  const most = largest(values) || 1;
  const parts = readOut(matmul(v, b, { adjointA: true })).map((x, i) => x / Math.max(Math.abs(values[i] as number), LEAST * most));
  return matmul(v, wrapOwn("float64", b.shape, parts));
}

const NUMBERS = {
  maxIterations: [100, "count"],
  gradientTolerance: [1e-8, "tolerance"],
  valueTolerance: [0, "tolerance"],
  stepTolerance: [0, "tolerance"],
} as const;

export function newtonSteps(f: unknown, x0: unknown, options: unknown): { problem: Problem; steps: Steps<NewtonMinimum<unknown>> } {
  const settings = settingsOf("newton", options, NUMBERS);
  const problem = problemOf("newton", f, x0, settings);
  refuseComplex("newton", problem.unknowns);
  return { problem, steps: steps(objectiveOf(problem), curvatureOf(problem), settings) };
}
function* steps(f: Objective, curvature: Asked, settings: Parameters<typeof descend>[2] & Parameters<typeof descend>[3]) {
  const { result, at } = yield* descend(f, new Curved(curvature), settings, settings);
  const answer = yield* ask(curvature, at.x);
  const n = at.x.length;
  const hess = answer instanceof LinalgError ? new Float64Array(n * n).fill(Number.NaN) : (answer[0] as Vector);
  return { ...result, hess: wrapOwn("float64", [n, n], hess), nhev: curvature.count };
}
