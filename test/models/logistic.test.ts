// Three kinds of iris against scikit-learn.
import { expect } from "chai";
import {
  cast,
  compile,
  div,
  exp,
  float64,
  grad,
  linalg,
  mean,
  stack,
  std,
  sub,
  type Tensor,
  take,
  treeMap,
  valueAndGrad,
  vmap,
  zeros,
} from "../../lib/index";
import { lbfgs } from "../../lib/optimize/index";
import { checkGrads } from "../../lib/testing/index";
import { agree, fitted, load } from "./golden";
import { type Classifier, fit, logProbabilities, loss } from "./logistic";

type T = Tensor<"float64">;
const { logistic: golden } = fitted;
const raw = load(fitted.pca.x);
const x = div(sub(raw, mean(raw, { axis: 0 })), std(raw, { axis: 0 }));
const labels = cast(load(golden.labels), "int32");
const penalty = 1 / 150; // scikit-learn's C = 1 of the sum over 150 flowers
const best: Classifier = { weights: load(golden.weights), bias: load(golden.bias) };
const start: Classifier = { weights: zeros([4, 3]), bias: zeros([3]) };
const total = (c: Classifier): T => loss(c, x, labels, penalty);

describe("logistic regression", () => {
  it("has its minimum where scikit-learn's is", () => {
    const slope = grad(total)(best);
    expect(linalg.norm(slope.weights).item()).to.be.below(1e-7);
    expect(linalg.vectorNorm(slope.bias).item()).to.be.below(1e-7);
    agree("probabilities", exp(logProbabilities(best, take(x, [60, 70, 100], { axis: 0 }))), golden.probabilities, 1e-12);
  });
  it("is fitted by batches to near that, by L-BFGS to that", () => {
    const found = fit(x, labels, start, { penalty });
    agree("weights by Adam", found.x.weights, golden.weights, 0.02);
    expect(total(found.x).item()).to.be.within(total(best).item(), total(best).item() + 1e-4);
    agree("weights by L-BFGS", lbfgs(total, start, { gradientTolerance: 1e-9, valueTolerance: 0 }).x.weights, golden.weights, 1e-6);
  });
  it("has the gradients that differences show", () => {
    checkGrads((c: Classifier, x: T) => loss(c, x, labels, penalty), [best, x], { order: 2 });
  });
  it("is the same for one set of weights and for several", () => {
    const half = treeMap((w) => w.mul(0.5), best);
    const many = treeMap((...xs) => stack(xs), half, start);
    const one = valueAndGrad(total);
    for (const got of [vmap(one)(many), compile(one, { weights: float64(4, 3), bias: float64(3) }).runSync([many])])
      [half, start].forEach((c, i) => {
        const alone = one(c);
        agree(`value ${i}`, got.value.index(i), alone.value, 1e-14);
        agree(`gradient ${i}`, got.grad.weights.index(i), alone.grad.weights, 1e-13);
      });
  });
});
