// Cox's model of proportional hazards, with Breslow's way with ties: who died at t was one of all who lived until then, with odds exp(xᵀβ).
import { cumlogsumexp, diag, linalg, matvec, mul, neg, searchSorted, sqrt, sub, sum, type Tensor, take } from "../../lib/index";
import { newton } from "../../lib/optimize/index";

type T = Tensor<"float64">;
/** Times in ascending order, 1 where it was death that ended them, and covariates. */
export interface Survival {
  readonly t: T;
  readonly died: T;
  readonly x: T;
}

/** The partial log-likelihood Σ xᵀβ - log Σ exp(xᵀβ), the inner sum over those who lived until t. */
export function loglik(beta: T, { t, died, x }: Survival): T {
  const eta = matvec(x, beta);
  const atRisk = take(cumlogsumexp(eta, { reverse: true }), searchSorted(t, t)); // of equal times the place of the first
  return sum(mul(died, sub(eta, atRisk)));
}

/** The most likely coefficients, and their standard errors by the observed information. */
export function fit(data: Survival, start: T) {
  const { x: beta, fun, hess, success } = newton((beta: T, data: Survival) => neg(loglik(beta, data)), start, { args: [data] });
  return { beta, loglik: -fun, errors: sqrt(diag(linalg.inv(hess))), success };
}
