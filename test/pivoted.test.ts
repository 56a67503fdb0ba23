// QR with column pivoting, and products of reflectors, against SciPy and PyTorch (tools/goldens/structured.py).
import { expect } from "chai";
import {
  abs,
  adjoint,
  diagonal,
  eye,
  gather,
  grad,
  linalg,
  matmul,
  mul,
  random,
  registry,
  sub,
  sum,
  type Tensor,
  tensor,
  vjp,
} from "../lib/index";
import { relativeError } from "../lib/testing/index";
import { cases, close, load, type Stored, type T, weighted, weights } from "./structured";
import { caught } from "./support";

describe("qrPivoted", () => {
  it("is SciPy's, pivots from 0", () => {
    for (const g of cases<"a" | "q" | "r" | "pivots">("pivoted")) {
      const { q, r, pivots } = linalg.qrPivoted(load(g.a));
      expect(pivots.toArray()).to.deep.equal(g.pivots);
      close("q", q, g.q, 1e-12);
      close("r", r, g.r, 1e-12);
    }
  });
  it("has the gradient of qr of the columns in their order", () => {
    for (const g of cases<"a">("pivoted")) {
      const a = load(g.a);
      const { pivots } = linalg.qrPivoted(a);
      const of = ({ q, r }: { q: Tensor; r: Tensor }): T => weighted(q as T).add(weighted(r as T)) as T;
      const order = pivots.reshape([1, -1]);
      close("gradient", grad((x: T) => of(linalg.qrPivoted(x)))(a), grad((x: T) => of(linalg.qr(gather(x, order))))(a), 1e-12);
    }
  });
  it("shows the rank, at any scale, to LAPACK's residuals", () => {
    for (const scale of [1e-300, 1, 1e300]) {
      const a = mul(scale, matmul(random.normal(1, [60, 7]), random.normal(2, [7, 50]))) as T;
      const { q, r, pivots } = linalg.qrPivoted(a);
      const sizes = abs(diagonal(r)).data;
      expect(sizes.every((x, i) => i === 0 || x <= (sizes[i - 1] as number) * (1 + 1e-12))).to.equal(true);
      expect((sizes[6] as number) / (sizes[7] as number)).to.be.above(1e10);
      expect(relativeError(matmul(q, r), gather(a, pivots.reshape([1, -1]))) / (50 * 2 ** -52)).to.be.below(2);
      expect(relativeError(matmul(q, q, { adjointA: true }), eye(50)) / (50 * 2 ** -52)).to.be.below(2);
    }
  });
  it("of nothing, of what is not finite, and where the gradient does not exist", () => {
    const empty = linalg.qrPivoted(tensor(new Float64Array(0), { shape: [0, 3] }));
    expect([empty.pivots.toArray(), empty.q.shape, empty.r.shape]).to.deep.equal([
      [0, 1, 2],
      [0, 0],
      [0, 3],
    ]);
    expect(linalg.qrPivoted(tensor(new Float64Array(0), { shape: [3, 0] })).q.shape).to.deep.equal([3, 0]);
    expect(caught(() => linalg.qrPivoted(tensor([[1, Number.POSITIVE_INFINITY]]))).code).to.equal("ERR_NOT_FINITE");
    const low = matmul(weights([3, 1]), weights([1, 3])) as T;
    const gradient = () => grad((x: T) => weighted(linalg.qrPivoted(x).q as T))(mul(low, tensor([1, 0, 0])) as T);
    expect(caught(gradient).code).to.equal("ERR_RANK_DEFICIENT");
  });
});

describe("householderProduct", () => {
  it("is PyTorch's, with its gradients", () => {
    for (const g of cases<"a" | "tau" | "q" | "gradients">("reflectors")) {
      const [a, tau] = [load(g.a), load(g.tau)];
      close("q", linalg.householderProduct(a, tau), g.q, 1e-12);
      const { pullback } = vjp((p: T, q: T) => weighted(linalg.householderProduct(p, q) as T), a, tau);
      (pullback(tensor(1) as never) as unknown as T[]).forEach((got, i) => close(`gradient ${i}`, got, g.gradients[i] as Stored, 1e-10));
    }
  });
  it("of no reflector is the identity's columns; reflectors with tau 0 are the identity", () => {
    const none = linalg.householderProduct(weights([3, 2]), tensor(new Float64Array(0)));
    close("none", none, eye(3).index(":", "0:2") as T);
    const a = weights([3, 3]);
    const by = (tau: T): T => linalg.householderProduct(a, tau) as T;
    const v = tensor([[0], [1], [a.at(2, 1)]]);
    const one = sub(eye(3), mul(0.5, matmul(v, v, { adjointB: true })));
    close("one", by(tensor([0, 0.5, 0])), one, 1e-15);
    const gradient = grad((t: T) => sum(mul(weights([3, 3]), by(t))))(tensor([0, 0, 0]));
    const first = tensor([[1], [a.at(1, 0)], [a.at(2, 0)]]);
    close("at 0", gradient.data[0] === undefined ? gradient : tensor(gradient.data[0]), mul(-1, sum(mul(weights([3, 3]), matmul(first, first, { adjointB: true })))), 1e-13); // biome-ignore format: one line
  });
  it("says what is wrong", () => {
    expect(caught(() => linalg.householderProduct(weights([2, 3]), weights([2]))).message).to.match(
      /^householderProduct: a must have at least as many rows/,
    );
    expect(caught(() => linalg.householderProduct(weights([3, 2]), weights([3]))).code).to.equal("ERR_SHAPE");
    for (const batch of [3, 17])
      for (const bad of [Number.NaN, Number.POSITIVE_INFINITY]) {
        const tau = weights([batch, 2]).data.slice() as Float64Array;
        tau[2 * 2 + 1] = bad;
        const error = caught(() => linalg.householderProduct(weights([batch, 3, 2]), tensor(tau, { shape: [batch, 2] })));
        expect([error.code, (error as { item?: number }).item]).to.deep.equal(["ERR_NOT_FINITE", 2]);
        expect(error.message).to.match(/^householderProduct: /);
      }
  });
  it("of more reflectors than columns, which programs may bring, is that of as many", () => {
    const columns = registry.op("householderColumns") as unknown as (a: T, tau: T) => T;
    for (const batch of [1, 9]) {
      const [a, tau] = [weights([batch, 3, 2]), weights([batch, 4])];
      close("tall", columns(a, tau), linalg.householderProduct(a, tau.index("...", "0:2") as T), 1e-15);
      const wide = columns(adjoint(a), tau) as T;
      close("wide", wide.index(":", ":", 2) as T, mul(0, wide.index(":", ":", 2)) as T, 1e-15);
    }
  });
});
