import { neg, type Tensor, tensor } from "../../lib/index";
import { lbfgs, type Minimum, type Progress } from "../../lib/optimize/index";
import { type Distances, logLikelihood, names, type Parameters } from "./model";

type T = Tensor<"float64">;
type Numbers = Parameters<number>;

export const mapped = <V, W>(p: Parameters<V>, f: (value: V, name: (typeof names)[number]) => W): Parameters<W> =>
  Object.fromEntries(names.map((n) => [n, f(p[n], n)])) as unknown as Parameters<W>;
export const tensorsOf = (p: Numbers): Parameters => mapped(p, (v) => tensor(v));

/** The negative log marginal likelihood of the log-parameters. */
export const loss = (p: Parameters, d: Distances, y: T): T => neg(logLikelihood(p, d, y));

/** The fit from a start of parameters, in their logarithms; off the event loop. Where the covariance is numerically singular, the search steps back. */
export const fit = (
  d: Distances,
  y: T,
  from: Numbers,
  maxIterations: number,
  callback?: (progress: Progress<Parameters>) => void,
): Promise<Minimum<Parameters>> =>
  lbfgs.async(loss, mapped(from, Math.log), { args: [d, y], maxIterations, ...(callback && { callback }) });
