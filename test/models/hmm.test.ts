// A hidden Markov model of three states against JAX, and against probabilities that are multiplied.
import { expect } from "chai";
import { compile, float64, logsumexp, mul, ones, sub, sum, type Tensor, tensor, valueAndGrad } from "../../lib/index";
import { checkGrads } from "../../lib/testing/index";
import { agree, golden, load } from "./golden";
import { type Hmm, logDensities, loglik, posteriors } from "./hmm";

type T = Tensor<"float64">;
const { hmm } = golden;
const ys = load(hmm.ys);
const NAMES = ["start", "transition", "means", "logStds"] as const;
const model = Object.fromEntries(NAMES.map((k) => [k, load(hmm.parameters[k])])) as unknown as Hmm;
const total = (m: Hmm) => loglik(m, logDensities(m, ys));
const spec = { start: float64(3), transition: float64(3, 3), means: float64(3), logStds: float64(3) };

describe("hidden Markov model", () => {
  it("has JAX's likelihood and gradient", () => {
    const { value, grad } = valueAndGrad(total)(model);
    agree("log-likelihood", value, hmm.loglik, 1e-13);
    for (const k of NAMES) agree(`gradient of ${k}`, grad[k], hmm.gradient[k], 1e-11);
  });
  it("has the gradients that differences show", () => {
    checkGrads((m: Hmm, ys: T) => loglik(m, logDensities(m, ys)), [model, ys], { order: 2 });
  });
  it("has the posteriors of the forward-backward recursion", () => {
    const p = posteriors(model, ys);
    agree("posteriors", p, hmm.posteriors, 1e-11);
    agree("their sums", sum(p, { axis: 1 }), Array(60).fill(1), 1e-12);
  });
  it("compiled, is the same for one model and for several", () => {
    const program = compile((m: Hmm) => ({ ...valueAndGrad(total)(m), posteriors: posteriors(m, ys) }), spec);
    const alone = program.runSync([model]);
    agree("log-likelihood", alone.value, hmm.loglik, 1e-13);
    agree("posteriors", alone.posteriors, hmm.posteriors, 1e-11);
    const shifts = tensor([0, 0.1, -0.2, 0.3, 0.4]).reshape([5, 1]);
    const many = program.runSync([{ ...model, start: mul(shifts, ones([3])).add(model.start) }]); // a constant changes nothing
    for (let i = 0; i < 5; i++) {
      agree(`log-likelihood ${i}`, tensor(many.value.at(i)), hmm.loglik, 1e-13);
    }
    for (const k of NAMES) {
      expect(many.grad[k].shape).to.deep.equal([5, ...model[k].shape]);
      for (const first of [sum(many.grad[k], { axis: 0 })]) agree(`gradient of ${k}`, mul(0.2, first), hmm.gradient[k], 1e-10);
    }
  });
  it("takes a state that cannot be", () => {
    const never = { ...model, start: tensor([0, Number.NEGATIVE_INFINITY, 0]) };
    const { value, grad } = valueAndGrad(total)(never);
    expect(Number.isFinite(value.item())).to.equal(true);
    expect(grad.start.at(1)).to.equal(0);
    expect(Array.from(grad.transition.data).every(Number.isFinite)).to.equal(true);
    expect(logsumexp(sub(never.start, 0)).item()).to.be.closeTo(Math.log(2), 1e-15);
  });
});
