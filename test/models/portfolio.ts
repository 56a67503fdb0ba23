// Mean-variance portfolios by the equations of Karush, Kuhn and Tucker, and the beliefs of Black and Litterman (He and Litterman 1999).
import {
  add,
  block,
  concat,
  diagEmbed,
  diagonal,
  linalg,
  matmul,
  matvec,
  mul,
  multiDot,
  outer,
  sub,
  type Tensor,
  zeros,
} from "../../lib/index";

type T = Tensor<"float64">;
export interface Market {
  readonly correlations: T;
  readonly sd: T;
  readonly weights: T;
  /** Aversion to risk, and the uncertainty of the mean. */
  readonly delta: T;
  readonly tau: T;
}
/** Portfolios, one a row, and the returns that are expected of them. */
export interface Views {
  readonly p: T;
  readonly q: T;
}

/** Mean and covariance of the returns, given the market's weights and the views; views are as uncertain as the market is about them. */
export function blackLitterman({ correlations, sd, weights, delta, tau }: Market, { p, q }: Views) {
  const sigma = mul(correlations, outer(sd, sd));
  const prior = mul(delta, matvec(sigma, weights));
  const spread = mul(tau, sigma);
  const ofViews = multiDot([p, spread, p.transpose()]);
  const omega = diagEmbed(diagonal(ofViews));
  const gain = linalg.solve(add(ofViews, omega), matmul(p, spread)).transpose();
  const mean = add(prior, matvec(gain, sub(q, matvec(p, prior))));
  return { mean, covariance: sub(add(sigma, spread), multiDot([gain, p, spread])) };
}

/** The weights w of least δ wᵀΣw / 2 - μᵀw where A w = b, and the multipliers of these. */
export function meanVariance(mean: T, covariance: T, delta: T, a: T, b: T) {
  const [m, n] = a.shape as [number, number];
  const kkt = block([
    [mul(delta, covariance), a.transpose()],
    [a, zeros([m, m])],
  ]);
  const solution = linalg.solve(kkt, concat([mean, b]));
  return { weights: solution.index(`:${n}`), multipliers: solution.index(`${n}:`) };
}
