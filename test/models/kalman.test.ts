// The local level model of the Nile series against statsmodels.
import { readFileSync } from "node:fs";
import { expect } from "chai";
import { compile, exp, eye, float64, mul, neg, ones, stack, type Tensor, tensor, valueAndGrad, zeros } from "../../lib/index";
import { newton } from "../../lib/optimize/index";
import { checkGrads } from "../../lib/testing/index";
import { agree, golden } from "./golden";
import { filter, type Model, smooth } from "./kalman";

type T = Tensor<"float64">;
const { volume } = JSON.parse(readFileSync("test/models/nile.json", "utf8")) as { volume: number[] };
const ys = tensor(volume.map((v) => [v]));
const { nile } = golden;
const [r, q] = nile.at as [number, number];

/** Variances of the observations and of the level. */
interface Variances {
  readonly r: T;
  readonly q: T;
}
const localLevel = ({ r, q }: Variances): Model => ({
  a: ones([1, 1]),
  h: ones([1, 1]),
  q: mul(q, eye(1)),
  r: mul(r, eye(1)),
  m1: zeros([1]),
  p1: mul(1e7, eye(1)),
});
const symmetric = (x: T): T => mul(0.5, x.add(x.transpose()));
const loglik = (v: Variances): T => filter(localLevel(v), ys).loglik;
const at = { r: tensor(r), q: tensor(q) };

describe("Kalman smoother of the Nile series", () => {
  it("has the likelihood and the gradient of statsmodels", () => {
    expect(ys.shape).to.deep.equal([100, 1]);
    const { value, grad: g } = valueAndGrad(loglik)(at);
    agree("log-likelihood", value, nile.loglik, 1e-12);
    agree("gradient", tensor([g.r.item(), g.q.item()]), nile.gradient, 1e-9);
  });
  it("has the gradients that differences show, of all matrices", () => {
    const two = {
      ...localLevel(at),
      a: tensor([
        [1, 0.5],
        [0, 0.9],
      ]),
      h: tensor([[1, 0.3]]),
      q: tensor([
        [2, 0.1],
        [0.1, 1],
      ]),
      r: tensor([[3]]),
    };
    const model: Model = {
      ...two,
      m1: tensor([11, 0]),
      p1: tensor([
        [4, 1],
        [1, 2],
      ]),
    };
    checkGrads(
      (m: Model, ys: T) => filter({ ...m, p1: symmetric(m.p1), q: symmetric(m.q) }, ys).loglik,
      [model, mul(0.01, ys.index(":20"))],
      { order: 2 },
    );
  });
  it("has its filtered and smoothed levels", () => {
    const model = localLevel(at);
    agree("filtered", filter(model, ys).m.reshape([100]), nile.filtered, 1e-11);
    const { m, p } = smooth(model, ys);
    agree("smoothed", m.reshape([100]), nile.smoothed, 1e-11);
    agree("variances", p.reshape([100]), nile.variances, 1e-11);
  });
  it("compiled, is the same for many variances at once", () => {
    const program = compile(valueAndGrad(loglik), { r: float64(), q: float64() });
    const n = 9;
    const scale = Array.from({ length: n }, (_, i) => 1 + (i - 4) / 10);
    const got = program.runSync([{ r: tensor(scale.map((s) => s * r)), q }]);
    expect(got.value.shape).to.deep.equal([n]);
    agree("log-likelihood", tensor(got.value.at(4)), nile.loglik, 1e-12);
    agree("gradient", tensor([got.grad.r.at(4), got.grad.q.at(4)]), nile.gradient, 1e-9);
    for (const i of [0, 8])
      agree(`value ${i}`, tensor(got.value.at(i)), loglik({ r: tensor((scale[i] as number) * r), q: at.q }).item(), 1e-12);
    const smoother = compile(({ r, q }: Variances) => smooth(localLevel({ r, q }), ys).m, { r: float64(), q: float64() });
    agree("smoothed", smoother.runSync([{ r, q }]).reshape([100]), nile.smoothed, 1e-11);
  });
  it("is fitted by Newton's method to what statsmodels finds", () => {
    const loss = ({ r, q }: Variances): T => neg(loglik({ r: exp(r), q: exp(q) }));
    const { x, fun, success, nit } = newton(loss, { r: Math.log(15000), q: Math.log(1500) });
    expect(success).to.equal(true);
    expect(nit).to.be.at.most(8);
    agree("variances", exp(stack([x.r, x.q])), nile.best, 1e-4); // to which powell goes at a flat maximum
    expect(-fun).to.be.at.least((nile.bestLoglik as number) - 1e-9);
  });
});
