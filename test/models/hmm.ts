// A hidden Markov model with normal observations: log-likelihood by the forward recursion, posteriors by its gradient.
import { add, div, exp, expandDims, grad, index, logSoftmax, logsumexp, normLogPdf, scan, sub, type Tensor } from "../../lib/index";

type T = Tensor<"float64">;
/** Of k states; `start` and `transition` are logarithms up to constants. */
export interface Hmm {
  readonly start: T;
  readonly transition: T;
  readonly means: T;
  readonly logStds: T;
}

/** log p(y_t | state): [steps, k]. */
export const logDensities = ({ means, logStds }: Hmm, ys: T): T =>
  sub(normLogPdf(div(sub(expandDims(ys, 1), means), exp(logStds))), logStds);

/** log p(y_1, ..., y_n) where e holds the log densities of the observations. */
export function loglik({ start, transition }: Hmm, e: T): T {
  const a = logSoftmax(transition);
  const step = (alpha: T, et: T) => ({ carry: add(logsumexp(add(expandDims(alpha, 1), a), { axis: 0 }), et) });
  return logsumexp(scan(step, add(logSoftmax(start), index(e, 0)), index(e, "1:")).carry);
}

/** p(state at t | y_1, ..., y_n), the derivative of the log-likelihood to the log densities. */
export const posteriors = (model: Hmm, ys: T): T => grad((e: T) => loglik(model, e))(logDensities(model, ys));
