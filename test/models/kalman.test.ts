// The local level model of the Nile series against statsmodels.
import { readFileSync } from "node:fs";
import { expect } from "chai";
import {
  compile,
  exp,
  eye,
  float64,
  grad,
  hessian,
  linalg,
  log,
  mul,
  ones,
  slice,
  sub,
  type Tensor,
  tensor,
  valueAndGrad,
  zeros,
} from "../../lib/index";
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
const loglik = (v: Variances): T => filter(localLevel(v), ys).loglik;
const at = { r: tensor(r), q: tensor(q) };

describe("Kalman smoother of the Nile series", () => {
  it("has the likelihood and the gradient of statsmodels", () => {
    expect(ys.shape).to.deep.equal([100, 1]);
    const { value, grad: g } = valueAndGrad(loglik)(at);
    agree("log-likelihood", value, nile.loglik, 1e-12);
    agree("gradient", tensor([g.r.item(), g.q.item()]), nile.gradient, 1e-9);
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
    const loss = (logs: T): T => {
      const [r, q] = [0, 1].map((i) => slice(exp(logs), [i], [1]).reshape([])) as [T, T];
      return mul(-1, loglik({ r, q }));
    };
    let x = log(tensor([15000, 1500]));
    for (let i = 0; i < 8; i++) x = sub(x, linalg.solve(hessian(loss)(x), grad(loss)(x)));
    agree("variances", exp(x), nile.best, 1e-4); // to which powell goes at a flat maximum
    expect(-loss(x).item()).to.be.at.least((nile.bestLoglik as number) - 1e-9);
  });
});
