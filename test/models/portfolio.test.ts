// The portfolio of He and Litterman (1999) against NumPy, and what it owes to the views.
import {
  compile,
  float64,
  index,
  jacfwd,
  jacobian,
  jacrev,
  matvec,
  mul,
  ones,
  stack,
  sub,
  sum,
  type Tensor,
  tensor,
  vmap,
} from "../../lib/index";
import { checkGrads } from "../../lib/testing/index";
import { agree, fitted, load } from "./golden";
import { blackLitterman, type Market, meanVariance, type Views } from "./portfolio";

type T = Tensor<"float64">;
const { portfolio: golden } = fitted;
const market: Market = {
  correlations: load(golden.correlations),
  sd: load(golden.sd),
  weights: load(golden.market),
  delta: load(golden.delta),
  tau: load(golden.tau),
};
const views: Views = { p: load(golden.p), q: load(golden.q) };
const [all, one] = [ones([1, 7]), ones([1])];
const optimal = (market: Market, views: Views) => {
  const { mean, covariance } = blackLitterman(market, views);
  return meanVariance(mean, covariance, market.delta, all, one);
};

describe("mean-variance portfolio with views", () => {
  it("has the returns of He and Litterman's formulas, and the weights", () => {
    const { mean, covariance } = blackLitterman(market, views);
    agree("mean", mean, golden.mean, 1e-12);
    agree("covariance", covariance, golden.covariance, 1e-12);
    agree("weights", optimal(market, views).weights, golden.weights, 1e-11);
  });
  it("holds its constraints, and the multipliers price them", () => {
    const { mean, covariance } = blackLitterman(market, views);
    const [a, b] = [stack([ones([7]), tensor([1, 1, 0, 0, 0, 0, 0])]), tensor([1, 0.2])];
    const utility = (b: T) => {
      const { weights } = meanVariance(mean, covariance, market.delta, a, b);
      return sub(mul(0.5, mul(market.delta, sum(mul(weights, matvec(covariance, weights))))), sum(mul(mean, weights)));
    };
    const { weights, multipliers } = meanVariance(mean, covariance, market.delta, a, b);
    agree("constraints", matvec(a, weights), b.toArray(), 1e-13);
    agree("prices", mul(-1, multipliers), jacobian(utility)(b).toArray(), 1e-12);
  });
  it("has the sensitivities to the views, in both modes", () => {
    const weights = (q: T) => optimal(market, { ...views, q }).weights;
    agree("forward", jacfwd(weights)(views.q), golden.byViews, 1e-10);
    agree("reverse", jacrev(weights)(views.q), golden.byViews, 1e-10);
    const c = tensor([1, -2, 3, -1, 2, 1, -3]);
    checkGrads((m: Market, v: Views) => sum(mul(c, optimal(m, v).weights)), [market, views], { order: 2 });
  });
  it("is the same for one set of views and for several", () => {
    const qs = tensor([golden.q, [0, 0], [0.1, -0.05]] as number[][]);
    const sensitive = (q: T) => ({
      weights: optimal(market, { ...views, q }).weights,
      jacobian: jacobian((q: T) => optimal(market, { ...views, q }).weights)(q),
    });
    const together = vmap(sensitive)(qs);
    const compiled = compile(sensitive, float64(2)).runSync([qs]);
    for (const i of [0, 1, 2]) {
      const alone = sensitive(qs.index(i));
      for (const many of [together, compiled]) {
        agree(`weights ${i}`, index(many.weights, i), alone.weights.toArray(), 1e-12);
        agree(`sensitivities ${i}`, index(many.jacobian, i), alone.jacobian.toArray(), 1e-12);
      }
    }
    agree("weights", compiled.weights.index(0), golden.weights, 1e-11);
  });
});
