// A hidden Markov model with normal observations: log-likelihood by the forward recursion, posteriors by its gradient.
import { add, div, exp, expandDims, grad, logsumexp, mul, scan, slice, square, sub, type Tensor } from "../../lib/index";

type T = Tensor<"float64">;
/** Of k states; `start` and `transition` are logarithms up to constants. */
export interface Hmm {
  readonly start: T;
  readonly transition: T;
  readonly means: T;
  readonly logStds: T;
}

const logSoftmax = (x: T): T => sub(x, logsumexp(x, { axis: -1, keepDims: true }));

/** log p(y_t | state): [steps, k]. */
export function logDensities({ means, logStds }: Hmm, ys: T): T {
  const z = div(sub(expandDims(ys, 1), means), exp(logStds));
  return sub(mul(-0.5, square(z)), add(logStds, 0.5 * Math.log(2 * Math.PI)));
}

/** log p(y_1, ..., y_n) where e holds the log densities of the observations. */
export function loglik({ start, transition }: Hmm, e: T): T {
  const [n, k] = e.shape as [number, number];
  const a = logSoftmax(transition);
  const step = (alpha: T, et: T) => ({ carry: add(logsumexp(add(expandDims(alpha, 1), a), { axis: 0 }), et) });
  const first = add(logSoftmax(start), slice(e, [0, 0], [1, k]).reshape([k]));
  return logsumexp(scan(step, first, slice(e, [1, 0], [n - 1, k])).carry);
}

/** p(state at t | y_1, ..., y_n), the derivative of the log-likelihood to the log densities. */
export const posteriors = (model: Hmm, ys: T): T => grad((e: T) => loglik(model, e))(logDensities(model, ys));
