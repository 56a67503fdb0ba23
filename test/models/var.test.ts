// Growth, consumption and investment in the US against statsmodels.
import { expect } from "chai";
import {
  compile,
  diag,
  diff,
  eye,
  float64,
  grad,
  hessian,
  jacobian,
  linalg,
  log,
  mul,
  sqrt,
  stack,
  sum,
  type Tensor,
  vmap,
} from "../../lib/index";
import { checkGrads } from "../../lib/testing/index";
import { agree, fitted, load } from "./golden";
import { fit, forecast, loglik } from "./var";

type T = Tensor<"float64">;
type Fit = ReturnType<typeof fit>;
const { var: golden } = fitted;
const ys = diff(log(load(golden.levels)), { axis: 0 });
const found = fit(ys, 2);
const symmetric = (x: T): T => mul(0.5, x.add(x.transpose()));

describe("vector autoregression", () => {
  it("has statsmodels' coefficients, covariance and likelihood", () => {
    expect(ys.shape).to.deep.equal([202, 3]);
    agree("coefficients", found.coefficients, golden.params, 1e-11);
    agree("covariance", found.sigma, golden.sigma, 1e-12);
    agree("log-likelihood", loglik(found, ys, 2), golden.loglik, 1e-13);
  });
  it("is the most likely, with statsmodels' standard errors by the Hessian", () => {
    const slope = grad((m: Fit) => loglik({ ...m, sigma: symmetric(m.sigma) }, ys, 2))(found);
    expect(linalg.vectorNorm(slope.coefficients).item()).to.be.below(1e-6);
    expect(linalg.vectorNorm(mul(slope.sigma, found.sigma)).item()).to.be.below(1e-9);
    const information = hessian((c: T) => loglik({ ...found, coefficients: c }, ys, 2))(found.coefficients).reshape([21, 21]);
    const errors = sqrt(diag(linalg.inv(mul(-1, information)))).reshape([7, 3]);
    agree("standard errors", mul(Math.sqrt(200 / (200 - 7)), errors), golden.stderr, 1e-10);
  });
  it("has statsmodels' forecast and responses", () => {
    agree("forecast", forecast(found, ys, 2, 4), golden.forecast, 1e-12);
    const [past, last] = [ys.index(":-1"), ys.index("-1:")];
    const responses = jacobian((y: T) => forecast(found, stack([past.index(-1), y.index(0)]), 2, 4))(last);
    agree("responses", responses.index(":", ":", 0), load(golden.responses).index("1:"), 1e-12);
  });
  it("has the gradients that differences show", () => {
    const few = ys.index(":30");
    checkGrads(
      (m: Fit, ys: T) => loglik({ ...m, sigma: symmetric(m.sigma) }, ys, 2),
      [{ ...found, sigma: mul(1e-3, found.sigma).add(eye(3)) }, few],
      { order: 2 },
    );
    checkGrads((ys: T) => sum(fit(ys, 2).coefficients).add(linalg.logdet(fit(ys, 2).sigma)), [mul(100, few)], { order: 2 });
  });
  it("is the same for one series and for several", () => {
    const model = (ys: T) => ({ ...fit(ys, 2), loglik: loglik(fit(ys, 2), ys, 2), next: forecast(fit(ys, 2), ys, 2, 4) });
    const many = stack([0, 50, 100].map((i) => ys.index(`${i}:${i + 100}`)));
    for (const got of [vmap(model)(many), compile(model, float64(100, 3)).runSync([many])])
      for (const i of [0, 1, 2]) {
        const alone = model(many.index(i));
        for (const k of ["coefficients", "sigma", "loglik", "next"] as const) agree(`${k} ${i}`, got[k].index(i), alone[k], 1e-10);
      }
  });
});
