// Principal components of iris against scikit-learn.
import { expect } from "chai";
import {
  compile,
  cov,
  eye,
  float64,
  index,
  linalg,
  matmul,
  mul,
  random,
  stack,
  sum,
  type Tensor,
  valueAndGrad,
  vmap,
} from "../../lib/index";
import { checkGrads } from "../../lib/testing/index";
import { agree, fitted, load } from "./golden";
import { mahalanobis, pca, whiten } from "./whitening";

type T = Tensor<"float64">;
const { pca: golden } = fitted;
const x = load(golden.x);
const few = index(x, "::10");
const some = random.normal(4, [15, 4]);

describe("whitening by eigenvectors", () => {
  it("has scikit-learn's components", () => {
    const fit = pca(x, 3);
    agree("mean", fit.mean, golden.mean, 1e-14);
    agree("components", fit.components, golden.components, 1e-12);
    agree("variance", fit.variance, golden.variance, 1e-13);
    agree("ratio", fit.ratio, golden.ratio, 1e-13);
    agree("whitened", whiten(fit, x.index(":5")), golden.whitened, 1e-12);
  });
  it("leaves no correlation, turned or not", () => {
    agree("whitened", cov(whiten(pca(x, 4), x), { rowVar: false }), eye(4).toArray(), 1e-12);
    const straight = mahalanobis(x);
    agree("Mahalanobis", cov(straight, { rowVar: false }), eye(4).toArray(), 1e-12);
    agree(
      "symmetric",
      matmul(straight, straight, { adjointB: true }),
      matmul(whiten(pca(x, 4), x), whiten(pca(x, 4), x), { adjointB: true }).toArray(),
      1e-12,
    );
  });
  it("has the gradients that differences show", () => {
    checkGrads((x: T) => sum(mul(some, whiten(pca(x, 4), x))), [few], { order: 2 });
    checkGrads((x: T) => sum(mul(some, mahalanobis(x))), [few], { order: 2 });
    checkGrads((x: T) => linalg.logdet(cov(x, { rowVar: false })), [few], { order: 2 });
  });
  it("is the same for one set of flowers and for several", () => {
    const sets = stack([0, 1, 2].map((i) => x.index(`${i}::10`)));
    const loss = (x: T) => sum(mul(some, whiten(pca(x, 4), x)));
    const together = vmap(valueAndGrad(loss))(sets);
    const compiled = compile(valueAndGrad(loss), float64(15, 4)).runSync([sets]);
    for (const i of [0, 1, 2]) {
      const alone = valueAndGrad(loss)(sets.index(i));
      for (const many of [together, compiled]) {
        agree(`value ${i}`, many.value.index(i), alone.value.item(), 1e-12);
        agree(`gradient ${i}`, many.grad.index(i), alone.grad.toArray(), 1e-11);
      }
    }
    expect(compiled.value.shape).to.deep.equal([3]);
  });
});
