// Regression with outliers by Laplace's approximation against NumPy.

import { expect } from "chai";
import {
  add,
  compile,
  eye,
  float64,
  linalg,
  matvec,
  mul,
  square,
  sub,
  sum,
  type Tensor,
  tensor,
  unstack,
  valueAndGrad,
  vmap,
  zeros,
} from "../../lib/index";
import { newton } from "../../lib/optimize/index";
import { checkGrads } from "../../lib/testing/index";
import { agree, fitted, load } from "./golden";
import { kernel, laplace, logDensity, type Parameters } from "./laplace";

type T = Tensor<"float64">;
const { laplace: golden } = fitted;
const [x, y] = [load(golden.x), load(golden.y)];
const named = (p: T): Parameters => {
  const [amplitude, length, scale, nu] = unstack(p) as [T, T, T, T];
  return { amplitude, length, scale, nu };
};
const at = load(golden.at);
const evidence = (p: T): T => laplace(named(p), x, y).loglik;

describe("Gaussian process with Student-t noise", () => {
  it("has the mode and the evidence of the formulas in NumPy", () => {
    const { mode, loglik } = laplace(named(at), x, y);
    agree("mode", mode, golden.mode, 1e-11);
    agree("evidence", loglik, golden.loglik, 1e-12);
  });
  it("has the mode that Newton's method finds", () => {
    const l = linalg.cholesky(add(kernel(named(at), x, x), mul(1e-10, eye(30)))); // f = L z, z of unit variance
    const negative = (z: T) => sub(mul(0.5, sum(square(z))), sum(logDensity(named(at), matvec(l, z), y)));
    const { x: z, success } = newton(negative, zeros([30]));
    expect(success).to.equal(true);
    agree("mode", matvec(l, z), golden.mode, 1e-8);
  });
  it("has the gradient that differences show", () => {
    agree("gradient", valueAndGrad(evidence)(at).grad, golden.gradient, 1e-8);
    checkGrads((p: Parameters, x: T, y: T) => laplace(p, x, y).loglik, [named(at), x, y]);
  });
  it("is the same for one set of parameters and for several", () => {
    const points = at.add(
      tensor([
        [0, 0, 0, 0],
        [0.3, -0.2, 0.4, 0.5],
        [-0.2, 0.5, -0.3, -0.4],
      ]),
    );
    const one = valueAndGrad(evidence);
    for (const got of [vmap(one)(points), compile(one, float64(4)).runSync([points])])
      for (const i of [0, 1, 2]) {
        const alone = one(points.index(i));
        agree(`evidence ${i}`, got.value.index(i), alone.value, 1e-11);
        agree(`gradient ${i}`, got.grad.index(i), alone.grad, 1e-9);
      }
  });
});
