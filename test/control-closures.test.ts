// What bodies take from outside, and what fails in them, as users meet it: eager, in derivatives, in programs.
import { expect } from "chai";
import {
  add,
  compile,
  cond,
  eye,
  float64,
  grad,
  greater,
  jvp,
  LinalgError,
  less,
  linalg,
  mul,
  registerGradient,
  type ScanOptions,
  scan,
  sin,
  stack,
  sub,
  sum,
  type Tensor,
  tensor,
  valueAndGrad,
  vmap,
  whileLoop,
  zeros,
} from "../lib/index";
import { relativeError } from "../lib/testing/close";
import { caught } from "./support";

type F64 = Tensor<"float64">;
const close = (x: Tensor, y: Tensor) => expect(relativeError(x, y)).to.be.below(1e-13);
const numbers = tensor([1, 2, 3]);

describe("what a body takes from outside", () => {
  it("is differentiated at the level that it belongs to", () => {
    const looped = (x: F64) => grad((y: F64) => sum(vmap((z: F64) => mul(mul(x, y), mul(z, sin(y))) as F64)(numbers)) as F64)(x);
    const plain = (x: F64) => grad((y: F64) => mul(6, mul(mul(x, y), sin(y))) as F64)(x);
    const at = tensor(0.5);
    close(looped(at), plain(at));
    close(grad(looped)(at), grad(plain)(at));
    close(jvp(looped, [at], [at]).tangent, jvp(plain, [at], [at]).tangent);
    close(vmap(looped)(numbers), stack([1, 2, 3].map((x) => plain(tensor(x)))));
    close(compile(looped, float64()).runSync([numbers]) as Tensor, stack([1, 2, 3].map((x) => plain(tensor(x)))));
  });
  it("may be what it is also given, whole: the start, the elements", () => {
    const looped = (x: F64) => {
      const w = mul(x, numbers) as F64;
      return scan((c: F64, z: F64) => ({ carry: add(mul(c, z), mul(sum(w), x)) as F64 }), x, w).carry;
    };
    const plain = (x: F64) => [1, 2, 3].reduce<F64>((c, k) => add(mul(c, mul(k, x)), mul(6, mul(x, x))) as F64, x);
    close(looped(tensor(0.5)), plain(tensor(0.5)));
    close(grad(looped)(tensor(0.5)), grad(plain)(tensor(0.5)));
    close(grad(grad(looped))(tensor(0.5)), grad(grad(plain))(tensor(0.5)));
  });
  it("is read at the call, not at the call before", () => {
    const memory = Float64Array.of(1, 2);
    const k = tensor(memory);
    const f = vmap((x: F64) => add(x, sum(k)) as F64);
    expect(f(tensor([0])).item()).to.equal(3);
    memory[0] = 10;
    expect(f(tensor([0])).item()).to.equal(12);
    const scaled = (by: number) => scan((c: F64) => ({ carry: mul(by, c) as F64 }), tensor(1), undefined, { length: 2 }).carry.item();
    expect([2, 3, 2, -0, 0].map(scaled)).to.deep.equal([4, 9, 4, 0, 0]);
    const over = (by: number) => vmap((x: F64) => mul(by, x) as F64)(tensor([1])).item();
    expect([0, -0].map((by) => Object.is(over(by), by))).to.deep.equal([true, true]);
  });
  it("is run as asked, also where only that differs from a call before", () => {
    const run = (options: ScanOptions) =>
      scan(
        (c: F64, x: F64) => ({ carry: add(mul(2, c), x) as F64, y: c }),
        tensor(0),
        options.length === 0 ? zeros([0]) : numbers,
        options,
      );
    expect([{}, { reverse: true }, {}].map((options) => run(options).carry.item())).to.deep.equal([11, 17, 11]);
    expect([{}, { length: 0 }, { length: 3 }].map((options) => run(options).ys.toArray())).to.deep.equal([[0, 1, 4], [], [0, 1, 4]]);
    const double = (maxSteps: number) => whileLoop((c: F64) => less(c, 8), (c: F64) => mul(c, 2) as F64, tensor(1), { maxSteps }); // biome-ignore format: one line
    expect(double(3).item()).to.equal(8);
    expect(caught(() => double(2)).code).to.equal("ERR_NO_CONVERGENCE");
    expect(double(4).item()).to.equal(8);
    const summed = (axis: number) => vmap((x: F64) => sum(x, { axis }) as F64)(tensor([[[1, 2], [3, 4]]])).toArray(); // biome-ignore format: one line
    expect([summed(0), summed(1), summed(0)]).to.deep.equal([[[4, 6]], [[3, 7]], [[4, 6]]]);
  });
  it("has the rules that are in force when it is differentiated", () => {
    const f = (x: F64) => scan((c: F64) => ({ carry: sin(c) as F64 }), x, undefined, { length: 1 }).carry;
    const before = grad(f)(tensor(0.5)).item();
    const undo = registerGradient("sin", (_call, [g]) => [mul(7, g as F64)]);
    try {
      expect(grad(f)(tensor(0.5)).item()).to.equal(7);
    } finally {
      undo();
    }
    expect(grad(f)(tensor(0.5)).item()).to.equal(before);
  });
  it("has no cotangent where none arrives: NaN among values that do not matter stays there", () => {
    const nan = tensor([[[1]], [[Number.NaN]], [[2]]]);
    const one = eye(1);
    // by a product of matrices, whose rule multiplies zeros
    const run = (a: F64) => (c: F64) => scan((d: F64, x: F64) => ({ carry: add(linalg.matmul(a, d), x) as F64 }), c, nan).carry;
    const slope = (a: F64) => sum(jvp(run(a), [one], [one]).tangent) as F64; // a³
    expect(grad(slope)(tensor([[2]])).item()).to.equal(12);
    expect(
      compile(grad(slope), float64(1, 1))
        .runSync([tensor([[2]])])
        .item(),
    ).to.equal(12);
  });
  it("leaves nothing behind when the function throws", () => {
    const mine = new RangeError("mine");
    for (const f of [
      () => vmap((_x: F64) => { throw mine; })(numbers), // biome-ignore format: one line
      () => scan(() => { throw mine; }, tensor(0), numbers), // biome-ignore format: one line
      () => grad((x: F64) => sum(vmap((_x: F64) => { throw mine; })(mul(x, numbers)) as F64) as F64)(tensor(1)), // biome-ignore format: one line
    ])
      expect(f).to.throw(mine);
    let kept: F64 | undefined;
    vmap((x: F64) => (kept = x))(numbers);
    expect(() => add(kept as F64, 1)).to.throw(/^vmap: a traced tensor was used after its vmap call had finished/);
    expect(vmap((x: F64) => mul(x, 2))(numbers).toArray()).to.deep.equal([2, 4, 6]);
  });
});

describe("what fails in a body", () => {
  const good = eye(2);
  const bad = sub(eye(2), mul(3, eye(2)));
  const step = (c: F64, a: F64) => ({ carry: add(c, linalg.cholesky(a)) as F64, y: sum(c) });
  const along =
    (xs: readonly F64[], reverse = false) =>
    (s: F64) =>
      sum(scan(step, zeros([2, 2]), mul(s, stack(xs)), { reverse }).carry) as F64;
  const forms = (f: (s: F64) => F64): Readonly<Record<string, () => unknown>> => ({
    value: () => f(tensor(1)),
    reverse: () => grad(f)(tensor(1)),
    forward: () => jvp(f, [1], [1]),
    second: () => jvp(grad(f), [1], [1]),
    single: () => compile(f, float64()).runSync([1], { layout: "single" }),
    lanes: () => compile(valueAndGrad(f), float64()).runSync([1], { layout: "lanes" }),
  });
  const says = (f: (s: F64) => F64, message: RegExp) => {
    for (const [name, run] of Object.entries(forms(f))) {
      const error = caught(run);
      expect(error, name).to.be.instanceOf(LinalgError);
      expect(error.message, name).to.match(message);
      expect(error.code).to.equal("ERR_NOT_POSITIVE_DEFINITE");
    }
  };
  it("names its step: the first in the order of the runs", () => {
    says(along([good, bad, good, bad]), /^scan, step 1: cholesky: /);
    says(along([good, bad, good, bad, good], true), /^scan, step 3: cholesky: /);
  });
  it("names item and step of every loop around it", () => {
    const items = stack([stack([good, good]), stack([good, bad]), stack([bad, good])]);
    const inner = (s: F64) => (xs: F64) => scan(step, zeros([2, 2]), mul(s, xs)).carry;
    const all = (s: F64) => sum(vmap(inner(s))(items)) as F64;
    says(all, /^vmap, item 1: scan, step 1: cholesky: /);
    // the gradient alone needs no values: what fails first fails on the way back, in the first item
    const slope = compile(grad(all), float64());
    for (const layout of ["single", "lanes"] as const)
      expect(caught(() => slope.runSync([1], { layout })).message).to.match(/^vmap, item 1: scan, step 1: cholesky: /);
    const outer = (s: F64) => scan((c: F64, xs: F64) => ({ carry: add(c, sum(vmap((x: F64) => linalg.cholesky(mul(s, x)))(xs))) as F64 }), tensor(0), items); // biome-ignore format: one line
    says((s) => outer(s).carry, /^scan, step 1: vmap, item 1: cholesky: /);
  });
  it("does not where the branch is not taken", () => {
    const f = (s: F64) => (a: F64) => cond(greater(sum(a), 0), (x: F64) => linalg.cholesky(mul(s, x)), (x: F64) => x, a); // biome-ignore format: one line
    const items = stack([good, bad, good]);
    const whole = (s: F64) => sum(vmap(f(s))(items)) as F64;
    close(whole(tensor(4)), tensor(4));
    close(grad(whole)(tensor(4)), tensor(1));
    close(compile(grad(whole), float64()).runSync([tensor([4, 4, 1])], { layout: "lanes" }) as Tensor, tensor([1, 1, 2]));
  });
  it("is NaN and listed where checked says so, and the other items are as they were", () => {
    const f = vmap((a: F64) => linalg.cholesky(a));
    const { value, failures } = f.checked(stack([good, bad, good, bad]));
    expect(failures.map((x) => x.item)).to.deep.equal([1, 3]);
    expect(value.toArray()).to.deep.equal([[[1, 0], [0, 1]], [[Number.NaN, Number.NaN], [Number.NaN, Number.NaN]], [[1, 0], [0, 1]], [[Number.NaN, Number.NaN], [Number.NaN, Number.NaN]]]); // biome-ignore format: matrices
  });
});
