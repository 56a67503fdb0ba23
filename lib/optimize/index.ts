// Published as "backsolve/optimize": minimisers of functions of trees of tensors.
import "../methods"; // functions are given tensors, on which users call them
import type { Tensor } from "../core/tensor";
import type { Tensors } from "../core/tree";
import { adamSteps } from "./adam";
import type { Minimum } from "./descent";
import { lbfgsSteps } from "./lbfgs";
import { type LeastSquares, marquardtSteps } from "./marquardt";
import { type NewtonMinimum, newtonSteps } from "./newton";
import { type Problem, run, runLater, type Steps } from "./problem";
import type { Options } from "./settings";

export type { Bound } from "./bounds";
export type { Minimum } from "./descent";
export type { LeastSquares } from "./marquardt";
export type { NewtonMinimum } from "./newton";
export type { Options, Progress, Result, Status } from "./settings";

/** Trees of arguments as a function takes them. */
type Taken<A extends readonly unknown[]> = { [K in keyof A]: Tensors<A[K]> };
/** A tree of the function's own, which it may change: lists and objects of x0 are readonly in its type. */
type Own<T> = T extends Tensor ? T : T extends object ? { -readonly [K in keyof T]: Own<T[K]> } : T;
/** X itself, which is not inferred from here: x0 says what it is. (`NoInfer` of a list is no list to a mapped type.) */
type Of<X> = [X][X extends unknown ? 0 : never];
/** The function that is minimised: of the unknowns, and of what `args` gives. */
export type Loss<X, A extends readonly unknown[]> = (x: Own<Tensors<Of<X>>>, ...args: Taken<A>) => Tensor;
/** Residuals: a real tensor, or a tree of them. */
export type Residuals<X, A extends readonly unknown[]> = (x: Own<Tensors<Of<X>>>, ...args: Taken<A>) => unknown;

export interface LbfgsOptions<X, A extends readonly unknown[]> extends Options<X, A> {
  /** How many of the last steps stand for the Hessian. Default 10. */
  readonly memory?: number;
}
export interface AdamOptions<X, A extends readonly unknown[]> extends Omit<Options<X, A>, "args" | "valueTolerance" | "stepTolerance"> {
  /** Further arguments of the function; or of the number of an iteration what it takes then: minibatches. Arguments of another shape compile once more. */
  readonly args?: readonly [...A] | ((iteration: number) => readonly [...A]);
  /** The size of a step, or that of an iteration. Default 1e-3. */
  readonly learningRate?: number | ((iteration: number) => number);
  /** How slowly the means of the gradient and of its square forget. Default 0.9 and 0.999. */
  readonly beta1?: number;
  readonly beta2?: number;
  /** Default 1e-8. */
  readonly epsilon?: number;
  /** The share of the unknowns, times the learning rate, that each step takes away: AdamW. Default 0. */
  readonly weightDecay?: number;
}
export interface LevenbergMarquardtOptions<X, A extends readonly unknown[]> extends Options<X, A> {
  /** The damping of the first step, in units of the Jacobian's columns. Default 1e-3. */
  readonly damping?: number;
}

type Method = (f: unknown, x0: unknown, options: unknown) => { readonly problem: Problem; readonly steps: Steps<unknown> };
/** A method, with its form off the event loop. */
function both<F>(name: string, method: Method): F {
  const now = (f: unknown, x0: unknown, options?: unknown): unknown => {
    const { problem, steps } = method(f, x0, options);
    return run(problem, steps);
  };
  const later = async (f: unknown, x0: unknown, options?: unknown): Promise<unknown> => {
    const { problem, steps } = method(f, x0, options);
    return runLater(problem, steps);
  };
  return Object.assign(Object.defineProperty(now, "name", { value: name }), { async: later }) as F;
}

export interface Lbfgs {
  /**
   * A minimum of a smooth function by L-BFGS, with a strong Wolfe line search, or within bounds by projected steps. For any number of unknowns: a
   * tree of real or complex tensors and numbers, which the function is given as tensors. It is compiled once; where a matrix has no answer (not
   * positive definite), or the value is not finite, it counts as infinite, and the search steps back.
   * Stops where the gradient is at most `gradientTolerance` (1e-5), an iteration gains at most `valueTolerance` (1e-12), after `maxIterations` (1000).
   * @throws LinalgError where the function has no finite value at x0; ArgumentError, DtypeError for options and unknowns that are none.
   * @see Nocedal & Wright (2006), "Numerical optimization", chapters 3 and 7; Bertsekas (1982) for bounds.
   */
  <const X, A extends readonly unknown[] = []>(f: Loss<X, A>, x0: X, options?: LbfgsOptions<NoInfer<X>, A>): Minimum<Tensors<X>>;
  /** The same, with the function off the event loop. */
  async<const X, A extends readonly unknown[] = []>(
    f: Loss<X, A>,
    x0: X,
    options?: LbfgsOptions<NoInfer<X>, A>,
  ): Promise<Minimum<Tensors<X>>>;
}
export const lbfgs = both<Lbfgs>("lbfgs", lbfgsSteps);

export interface Newton {
  /**
   * A minimum of a twice differentiable function of real unknowns by Newton's method: a Cholesky factorization of the dense Hessian, whose eigenvalues
   * are taken without their signs where it is not positive definite; steps are cut until they lower the value. For up to some hundred unknowns.
   * The result has the Hessian at x: `hess`. `gradientTolerance` is 1e-8, `maxIterations` 100.
   * @throws As `lbfgs` does.
   * @see Nocedal & Wright (2006), section 3.4; Bertsekas (1982) for bounds.
   */
  <const X, A extends readonly unknown[] = []>(f: Loss<X, A>, x0: X, options?: Options<NoInfer<X>, A>): NewtonMinimum<Tensors<X>>;
  /** The same, with the function off the event loop. */
  async<const X, A extends readonly unknown[] = []>(
    f: Loss<X, A>,
    x0: X,
    options?: Options<NoInfer<X>, A>,
  ): Promise<NewtonMinimum<Tensors<X>>>;
}
export const newton = both<Newton>("newton", newtonSteps);

export interface Adam {
  /**
   * Steps of Adam along a gradient that may be noisy: with `args: (iteration) => [...]` each iteration has its own minibatch. All of `maxIterations`
   * (1000) are done unless a `gradientTolerance` is given. Value and gradient of the result are those at its x, of the last arguments.
   * @throws As `lbfgs` does.
   * @see Kingma & Ba (2015), algorithm 1; Loshchilov & Hutter (2019) for `weightDecay`.
   */
  <const X, A extends readonly unknown[] = []>(f: Loss<X, A>, x0: X, options?: AdamOptions<NoInfer<X>, A>): Minimum<Tensors<X>>;
  /** The same, with the function off the event loop. */
  async<const X, A extends readonly unknown[] = []>(
    f: Loss<X, A>,
    x0: X,
    options?: AdamOptions<NoInfer<X>, A>,
  ): Promise<Minimum<Tensors<X>>>;
}
export const adam = both<Adam>("adam", adamSteps);

export interface LevenbergMarquardt {
  /**
   * Real unknowns with the least sum of squares of the residuals that f gives, by Levenberg and Marquardt: steps by QR, columns scaled as Moré does,
   * damping by Nielsen's rule. The Jacobian is formed, in the mode that takes fewer passes. `fun` is half the sum of squares. Tolerances: of the
   * gradient 1e-8, of value and step 1e-12; `maxIterations` 200.
   * @throws As `lbfgs` does.
   * @see Moré (1978); Madsen, Nielsen & Tingleff (2004), "Methods for non-linear least squares problems", algorithm 3.16.
   */
  <const X, A extends readonly unknown[] = []>(
    f: Residuals<X, A>,
    x0: X,
    options?: LevenbergMarquardtOptions<NoInfer<X>, A>,
  ): LeastSquares<Tensors<X>>;
  /** The same, with the function off the event loop. */
  async<const X, A extends readonly unknown[] = []>(
    f: Residuals<X, A>,
    x0: X,
    options?: LevenbergMarquardtOptions<NoInfer<X>, A>,
  ): Promise<LeastSquares<Tensors<X>>>;
}
export const levenbergMarquardt = both<LevenbergMarquardt>("levenbergMarquardt", marquardtSteps);
