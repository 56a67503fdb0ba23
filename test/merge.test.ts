// Loops side by side that become one.
import { expect } from "chai";
import {
  add,
  compile,
  diag,
  exp,
  eye,
  float64,
  linalg,
  log,
  mul,
  Program,
  reshape,
  sub,
  sum,
  type Tensor,
  tensor,
  valueAndGrad,
  vmap,
} from "../lib";
import { relativeError } from "../lib/testing/close";

type T = Tensor<"float64">;
interface Json {
  readonly op: string;
  readonly attrs: { readonly mapped?: number; readonly sums?: readonly boolean[] };
}
const loops = (p: { toJSON(): { readonly code: readonly unknown[] } }) => (p.toJSON().code as Json[]).filter((i) => i.op === "vmap");
const points = tensor([[0, 1, 3], [2, 0, 1], [1, 1, 4], [0, 0.5, 2]]); // biome-ignore format: a matrix
const gp = (theta: T, x: T): T => {
  const d = sub(reshape(x, [3, 1]), reshape(x, [1, 3]));
  return sum(log(diag(linalg.cholesky(add(exp(mul(mul(d, d), mul(-1, theta))), mul(0.1, eye(3)))))));
};

describe("loops without carries side by side", () => {
  it("are one where the second does not wait for the first: a vmap and its pullback factor once", () => {
    const p = compile(valueAndGrad((theta: T, xs: T) => sum(vmap((x: T) => gp(theta, x))(xs))), float64(), float64(4, 3)); // biome-ignore format: one line
    const found = loops(p);
    expect(found.length).to.equal(1);
    expect(found[0]?.attrs.mapped).to.equal(1); // the cotangent, 1 for every item, is shared
    expect(found[0]?.attrs.sums).to.deep.equal([false, true]);
    const bodies = p.toJSON().programs as unknown as { code: Json[] }[];
    expect(bodies.flatMap((b) => b.code).filter((i) => i.op === "cholesky").length).to.equal(1);
    const each = compile(valueAndGrad(gp), float64(), float64(3)).runSync([0.5, points]);
    const { value, grad } = p.runSync([0.5, points]);
    expect(relativeError(value, sum(each.value))).to.be.below(1e-14);
    expect(relativeError(grad, sum(each.grad))).to.be.below(1e-14);
  });
  it("stay where it does", () => {
    const f = (xs: T) => {
      const a = vmap((x: T) => exp(x))(xs);
      return vmap((x: T) => mul(x, sum(a)))(xs);
    };
    const p = compile(f, float64(4));
    expect(loops(p).length).to.equal(2);
    expect(relativeError(p.runSync([tensor([1, 2, 3, 4])]), f(tensor([1, 2, 3, 4])))).to.be.below(1e-15);
  });
  it("keep their order to what lies between", () => {
    const f = (xs: T, ys: T) => {
      const a = vmap((x: T) => exp(x))(xs);
      const [s, t] = [sum(a), sum(ys)];
      const b = vmap((x: T, y: T) => mul(x, mul(y, t)))(xs, ys);
      return { c: add(b, s), a };
    };
    const p = compile(f, float64(4), float64(4));
    expect(loops(p).length).to.equal(1);
    const [xs, ys] = [tensor([1, 2, 3, 4]), tensor([0.1, 0.2, 0.3, 0.4])];
    const [one, other] = [p.runSync([xs, ys]), f(xs, ys)];
    expect(relativeError(one.c, other.c)).to.be.below(1e-15);
    expect(relativeError(one.a, other.a)).to.be.below(1e-15);
  });
  it("that go over one array twice, the first of them or the second", () => {
    const twice = (xs: T) => vmap((x: T, y: T) => mul(exp(x), y))(xs, xs);
    const once = (xs: T) => vmap((x: T) => sub(1, x))(xs);
    const xs = tensor([0.1, 0.2, 0.3]);
    for (const f of [(x: T) => [twice(x), once(x)], (x: T) => [once(x), twice(x)]]) {
      const p = compile(f, float64(3));
      expect(loops(p).length).to.equal(1);
      const [got, loaded] = [p.runSync([xs]), Program.from<[T], T[]>(JSON.parse(JSON.stringify(p))).runSync([xs])];
      f(xs).forEach((want, i) => {
        expect(relativeError(got[i] as T, want)).to.be.below(1e-15);
        expect(relativeError(loaded[i] as T, want)).to.be.below(1e-15);
      });
    }
  });
  it("of other lengths stay apart", () => {
    const p = compile((xs: T, ys: T) => [vmap((x: T) => exp(x))(xs), vmap((x: T) => exp(x))(ys)], float64(4), float64(3));
    expect(loops(p).length).to.equal(2);
  });
});
