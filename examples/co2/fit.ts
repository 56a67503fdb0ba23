import { LinalgError, type Tensor, tensor, valueAndGrad } from "../../lib/index";
import { type LbfgsOptions, lbfgs, type Minimum, type Objective } from "./lbfgs";
import { type Distances, logLikelihood, names, type Parameters } from "./model";

type T = Tensor<"float64">;

export const parametersOf = (x: ArrayLike<number>): Parameters<number> =>
  Object.fromEntries(names.map((n, i) => [n, x[i]])) as unknown as Parameters<number>;
export const vectorOf = (p: Parameters<number>): Float64Array => Float64Array.from(names, (n) => p[n]);
export const tensorsOf = (p: Parameters<number>): Parameters =>
  Object.fromEntries(names.map((n) => [n, tensor(p[n])])) as unknown as Parameters;

/** The negative log marginal likelihood and its gradient with respect to the log-parameters. */
export function objective(d: Distances, y: T): Objective {
  const both = valueAndGrad((p: Parameters) => logLikelihood(p, d, y));
  return (x) => {
    try {
      const { value, grad } = both(parametersOf(x));
      return {
        value: -value.item(),
        gradient: vectorOf(Object.fromEntries(names.map((n) => [n, -grad[n].item()])) as unknown as Parameters<number>),
      };
    } catch (error) {
      // Numerically singular for extreme parameters: the line search steps back from an infinite value.
      if (error instanceof LinalgError) return { value: Number.POSITIVE_INFINITY, gradient: new Float64Array(names.length) };
      throw error;
    }
  };
}

export const fit = (d: Distances, y: T, from: Parameters<number>, options: LbfgsOptions): Minimum =>
  lbfgs(objective(d, y), vectorOf(from).map(Math.log), options);
