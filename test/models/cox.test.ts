// Stanford's heart transplants against statsmodels.
import { expect } from "chai";
import { argsort, compile, float64, grad, stack, type Tensor, take, tensor, valueAndGrad, vmap } from "../../lib/index";
import { checkGrads } from "../../lib/testing/index";
import { fit, loglik, type Survival } from "./cox";
import { agree, fitted, load } from "./golden";

type T = Tensor<"float64">;
const { cox: golden } = fitted;
const order = argsort(load(golden.t));
const data: Survival = {
  t: take(load(golden.t), order),
  died: take(load(golden.status), order),
  x: take(load(golden.x), order, { axis: 0 }),
};
const at = load(golden.at);

describe("Cox's proportional hazards", () => {
  it("has statsmodels' likelihood and score", () => {
    expect(new Set(data.t.data).size).to.be.below(data.t.size); // there are ties
    const { value, grad } = valueAndGrad((beta: T) => loglik(beta, data))(at);
    agree("log-likelihood", value, golden.loglikAt, 1e-14);
    agree("score", grad, golden.scoreAt, 1e-12);
  });
  it("is fitted by Newton's method to what statsmodels finds", () => {
    const { beta, loglik, errors, success } = fit(data, tensor([0, 0]));
    expect(success).to.equal(true);
    agree("coefficients", beta, golden.beta, 1e-7);
    expect(loglik).to.be.closeTo(golden.loglik as number, 1e-10);
    agree("standard errors", errors, golden.bse, 1e-7);
  });
  it("has the gradients that differences show", () => {
    checkGrads((beta: T, x: T) => loglik(beta, { ...data, x }), [at, data.x], { order: 2 });
  });
  it("is the same for one set of coefficients and for several", () => {
    const betas = stack([at, tensor([0, 0]), tensor([-0.5, 0.4])]); // not the best, whose score is rounding
    const one = valueAndGrad((beta: T) => loglik(beta, data));
    for (const got of [vmap(one)(betas), compile(one, float64(2)).runSync([betas])])
      for (const i of [0, 1, 2]) {
        agree(`value ${i}`, got.value.index(i), one(betas.index(i)).value.item(), 1e-13);
        agree(`score ${i}`, got.grad.index(i), grad((b: T) => loglik(b, data))(betas.index(i)).toArray(), 1e-11);
      }
  });
});
