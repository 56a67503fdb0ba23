// Loops as a user meets them: what they refuse and in which words, what fails where, nothing at all, numbers and dtypes, calls off the event loop.
import { expect } from "chai";
import {
  add,
  broadcastTo,
  cast,
  compile,
  complex,
  cond,
  customRoot,
  float64,
  grad,
  greater,
  jacfwd,
  jvp,
  less,
  linalg,
  mul,
  ones,
  type Shape,
  scan,
  sin,
  slice,
  sqrt,
  square,
  stack,
  stopGradient,
  sub,
  sum,
  type Tensor,
  tensor,
  vmap,
  whileLoop,
  zeros,
} from "../../lib/index";
import { caught, loose, rejected } from "../support";
import { type Int, leavesOf, type T } from "./golden";

const xs = tensor([1, 2]);
const wrongScan = loose(scan);
const wrongMap = (f: unknown) => loose(loose(vmap)(f));
const wrongCond = loose(cond);
const wrongWhile = loose(whileLoop);
const says = (f: () => unknown, code: string, text: RegExp): void => {
  const error = caught(f);
  expect(error.code, error.message).to.equal(code);
  expect(error.message).to.match(text);
};
const spd = tensor([
  [2, 1],
  [1, 2],
]);
const bad = tensor([
  [1, 2],
  [2, 1],
]);
const matrices = stack([spd, spd, spd, bad, spd]);
const factors = (as: T) =>
  scan(
    (c: T, a: T) => {
      const l = linalg.cholesky(a);
      return { carry: add(c, sum(l)), y: l };
    },
    0,
    as,
  );
const shapes = (tree: unknown): Shape[] => leavesOf(tree).map((t) => t.shape);

describe("scan refuses", () => {
  it("carries that change, by their leaf", () => {
    const narrow = (c: T, x: T) => ({ carry: cast(add(c, x), "float32") });
    says(() => wrongScan(narrow, tensor(0), xs), "ERR_DTYPE", /carry must keep its dtype float64: the function gave float32/);
    const wide = (c: { pos: T[] }, x: T) => ({ carry: { pos: [c.pos[0], stack([c.pos[1] as T, x])] } });
    says(() => wrongScan(wide, { pos: [xs.sum(), xs.sum()] }, xs), "ERR_SHAPE", /carry at pos\.1 must keep its shape \[\]: .* \[2\]/);
    const whole = (c: { a: T; n: Int }) => ({ carry: { a: c.a, n: mul(c.a, 1) } });
    says(() => wrongScan(whole, { a: 1, n: tensor(1, { dtype: "int32" }) }, xs), "ERR_DTYPE", /carry at n must keep its dtype int32/);
    says(
      () => wrongScan((c: { a: T }) => ({ carry: { a: c.a } }), { a: 1, b: 2 }, xs),
      "ERR_ARGUMENT",
      /\(a, b\): the function gave \(a\)/,
    );
  });
  it("functions that give something else", () => {
    for (const [given, text] of [
      [tensor(1), /must return \{ carry, y \}, got a tensor/],
      [undefined, /must return \{ carry, y \}, got undefined/],
      [{ carry: 1, ys: 2 }, /must return \{ carry, y \}, got \{ carry, ys \}/],
      [Promise.resolve(1), /got a promise: functions given to transforms are synchronous/],
    ] as const)
      says(() => wrongScan(() => given, 0, xs), "ERR_ARGUMENT", text);
  });
  it("elements of several lengths, of none, and lengths that are no counts", () => {
    const f = (c: T) => ({ carry: c });
    says(() => wrongScan(f, 0, { a: xs, b: ones([3]) }), "ERR_SHAPE", /b has 3 elements .*, a has 2/);
    says(() => wrongScan(f, 0, { a: xs, b: 1 }), "ERR_SHAPE", /scalar at b/);
    says(() => wrongScan(f, 0, xs, { length: 3 }), "ERR_SHAPE", /xs has 2 elements .*, option length says 3/);
    says(() => wrongScan(f, 0), "ERR_ARGUMENT", /option length must say how many/);
    for (const length of [-1, 1.5, Number.NaN, "3", 2 ** 40]) says(() => wrongScan(f, 0, undefined, { length }), "ERR_ARGUMENT", /length/);
    for (const checkpoint of [0, -1, 1.5, "a"]) says(() => wrongScan(f, 0, xs, { checkpoint }), "ERR_ARGUMENT", /checkpoint/);
    says(() => wrongScan(f, 0, xs, { revers: true }), "ERR_ARGUMENT", /unknown option "revers"/);
    says(() => wrongScan(3, 0, xs), "ERR_ARGUMENT", /expected a function/);
  });
  it("reading values, and values of a body outside of it", () => {
    says(() => scan((c: T, x: T) => ({ carry: x.item() > 0 ? c : x }), 0, xs), "ERR_TRACED", /^scan: a traced tensor has no data/);
    let leaked: T = xs;
    scan((c: T) => ({ carry: (leaked = add(c, 1)) }), 0, xs);
    says(() => add(leaked, 1), "ERR_TRACED", /used after its scan call had finished/);
  });
});

describe("vmap, cond, whileLoop and customRoot refuse", () => {
  it("what has no items", () => {
    const f = (x: T, y: T) => add(x, y);
    says(() => wrongMap(f)(ones([2, 3]), ones([4, 3])), "ERR_SHAPE", /argument 1 has 4 items .*, argument 0 has 2/);
    says(() => vmap(f)(xs, tensor(1)), "ERR_SHAPE", /argument 1 has no axis of items/);
    says(() => vmap(f, { in: null })(xs, xs), "ERR_ARGUMENT", /at least one must be mapped/);
    says(() => vmap(f, { in: [0] })(xs, xs), "ERR_ARGUMENT", /no entry for 1/);
    says(() => vmap(f, { in: 1 })(xs, xs), "ERR_SHAPE", /argument 0 has no axis 1/);
    says(() => vmap((x: T) => x, { out: 1 })(xs), "ERR_SHAPE", /option out: the result has no axis 1/);
    says(() => vmap((x: T) => x, { out: null })(xs), "ERR_ARGUMENT", /option out/);
  });
  it("branches and predicates of other types", () => {
    const one = () => tensor(1);
    says(() => wrongCond(tensor(1), one, one), "ERR_DTYPE", /must be bool, got float64/);
    says(() => wrongCond(1, one, one), "ERR_ARGUMENT", /got 1/);
    says(() => wrongCond(greater(xs, 0), one, one), "ERR_SHAPE", /shape \[\], got \[2\]/);
    const differ = (other: unknown) => () => wrongMap((x: T) => wrongCond(greater(x, 0), one, () => other))(xs);
    says(differ(xs), "ERR_SHAPE", /then gives .*\[\], otherwise .*\[2\]/);
    says(differ(cast(xs.sum(), "float32")), "ERR_DTYPE", /float64.*float32/);
    says(differ({ a: 1 }), "ERR_ARGUMENT", /same tree/);
  });
  it("tests that are none, and loops that do not end", () => {
    const next = (c: T) => add(c, 1);
    says(() => wrongWhile((c: T) => c, next, 0), "ERR_DTYPE", /must return bool, got float64/);
    says(() => wrongWhile(() => false, next, 0), "ERR_ARGUMENT", /bool tensor of shape \[\], got false/);
    says(() => wrongWhile((c: T) => less(c, 1), next, xs), "ERR_SHAPE", /shape \[\], got \[2\]/);
    for (const maxSteps of [-1, 1.5, Number.POSITIVE_INFINITY, "a"])
      says(() => wrongWhile((c: T) => less(c, 1), next, 0, { maxSteps }), "ERR_ARGUMENT", /maxSteps/);
    const count = (maxSteps: number) => whileLoop((c: T) => less(c, 10), next, 0, { maxSteps });
    expect(count(10).item()).to.equal(10);
    says(() => count(9), "ERR_NO_CONVERGENCE", /whileLoop: .* not done after 9 steps/);
    const by = vmap((k: T) =>
      whileLoop(
        (c: T) => less(c, 10),
        (c: T) => add(c, k),
        0,
        { maxSteps: 100 },
      ),
    );
    says(() => by(tensor([1, 2, 0, 3])), "ERR_NO_CONVERGENCE", /^vmap, item 2: whileLoop: /);
    says(() => grad((x: T) => by(stack([x])).sum())(tensor(1)), "ERR_ARGUMENT", /reverse mode.*scan.*customRoot.*jvp/);
  });
  it("solvers of another shape", () => {
    const solve = loose(
      customRoot(
        (x: T, a: T) => sub(square(x), a),
        (_: T, a: T) => sum(sqrt(a)) as T,
      ),
    );
    says(() => solve(ones([2]), ones([2])), "ERR_SHAPE", /solver must return shape \[2\].* \[\]/);
  });
});

describe("what fails in a loop", () => {
  it("is named with its step and its item", () => {
    says(() => factors(matrices), "ERR_NOT_POSITIVE_DEFINITE", /^scan, step 3: cholesky: /);
    says(() => grad((as: T) => factors(as).carry)(matrices), "ERR_NOT_POSITIVE_DEFINITE", /^scan, step 3: cholesky: /);
    says(() => vmap((a: T) => linalg.cholesky(a))(matrices), "ERR_NOT_POSITIVE_DEFINITE", /^vmap, item 3: cholesky: /);
    const two = stack([broadcastTo(spd, [5, 2, 2]), matrices]);
    says(() => vmap(factors)(two), "ERR_NOT_POSITIVE_DEFINITE", /^vmap, item 1: scan, step 3: cholesky: /);
    const rows = (as: T) => scan((c: T, a: T) => ({ carry: add(c, sum(vmap((m: T) => linalg.cholesky(m))(a))) }), 0, as);
    says(() => rows(two), "ERR_NOT_POSITIVE_DEFINITE", /^scan, step 1: vmap, item 3: cholesky: /);
  });
  it("is listed by checked, the others are there", () => {
    const { value, failures } = vmap((a: T) => linalg.logdet(a)).checked(matrices);
    expect(failures.map(({ item, code }) => [item, code])).to.deep.equal([[3, "ERR_NOT_POSITIVE_DEFINITE"]]);
    expect(Array.from(value.data, Number.isNaN)).to.deep.equal([false, false, false, true, false]);
    expect(scan.checked((c: T, a: T) => ({ carry: add(c, linalg.logdet(a)) }), 0, matrices).failures).to.have.length(1);
  });
  it("is dropped in a branch that is not taken", () => {
    const f = (a: T) =>
      cond(
        greater(a.trace(), 3),
        (a: T) => linalg.logdet(a),
        (a: T) => a.trace() as T,
        a,
      );
    expect(vmap(f)(stack([spd, bad])).at(1)).to.equal(2);
    const program = compile(f, float64(2, 2));
    for (const layout of ["lanes", "single"] as const) expect(program.runSync([stack([spd, bad, spd])], { layout }).at(1)).to.equal(2);
    const slopes = grad((as: T) => sum(vmap(f)(as)))(stack([spd, bad]));
    expect(slice(slopes, [1, 0, 0], [1, 2, 2]).toArray()).to.deep.equal([
      [
        [1, 0],
        [0, 1],
      ],
    ]);
  });
});

describe("loops of nothing, of numbers, of closures", () => {
  it("batches of 0, 1 and 7, no steps, no elements", () => {
    const f = (c: T, x: T) => {
      const run = (c: T) => scan((c: T, x: T) => ({ carry: sin(add(c, x)), y: sum(c) }), c, x);
      return { ...run(c), g: grad((c: T) => sum(run(c).ys))(c) };
    };
    for (const batch of [0, 1, 7])
      for (const n of [0, 3])
        for (const steps of [0, 1, 4]) {
          const args = [ones([batch, n]), ones([batch, steps, n])] as [T, T];
          const want = [
            [batch, n],
            [batch, steps],
            [batch, n],
          ];
          expect(shapes(vmap(f)(...args))).to.deep.equal(want);
          expect(shapes(compile(f, float64(n), float64(steps, n)).runSync(args))).to.deep.equal(want);
        }
    expect(grad((t: T) => sum(vmap((x: T) => mul(t, sum(x)))(zeros([0, 3]))))(tensor(2)).item()).to.equal(0);
    expect(scan(() => ({ carry: {}, y: 3 }), {}, undefined, { length: 2 }).ys.toArray()).to.deep.equal([3, 3]);
  });
  it("a number takes the dtype of what becomes of it", () => {
    const total = (x: Tensor) => wrongScan((c: T, x: T) => ({ carry: add(c, x), y: c }), 0, x) as { carry: Tensor; ys: Tensor };
    const given = [xs, cast(xs, "float32"), cast(xs, "int32"), complex(xs, xs)];
    for (const x of given) expect([total(x).carry.dtype, total(x).ys.dtype]).to.deep.equal([x.dtype, x.dtype]);
    const halved = (s: { y: T; n: Int }) => ({ y: mul(s.y, 0.5), n: add(s.n, 1) });
    const { y, n } = whileLoop((s) => greater(s.y, 0.1), halved, { y: 1, n: tensor(0, { dtype: "int32" }) });
    expect([y.dtype, y.item(), n.dtype, n.item()]).to.deep.equal(["float64", 0.0625, "int32", 4]);
  });
  it("a carry is known by its names, in any order", () => {
    const { carry } = scan((c: { a: T; b: T }, x: T) => ({ carry: { b: c.a, a: add(c.b, x) } }), { a: 1, b: 2 }, tensor([1, 5]));
    expect([carry.a.item(), carry.b.item()]).to.deep.equal([6, 3]);
  });
  it("a function is asked again: what it closes over may change", () => {
    let k = 1;
    let t = tensor(1);
    const f = (c: T, x: T) => ({ carry: add(c, mul(mul(x, k), t)) });
    const g = vmap((x: T) => mul(mul(x, k), t));
    expect([scan(f, 0, xs).carry.item(), sum(g(xs)).item()]).to.deep.equal([3, 3]);
    [k, t] = [2, tensor(5)];
    expect([scan(f, 0, xs).carry.item(), sum(g(xs)).item()]).to.deep.equal([30, 30]);
  });
  it("nothing flows through what is stopped, into a loop without a derivative, too", () => {
    const until = (c: T) =>
      whileLoop(
        (k: T) => less(k, 10),
        (k: T) => add(k, 3),
        stopGradient(c),
      );
    const f = (x: T) => scan((c: T) => ({ carry: add(c, until(c)) }), x, undefined, { length: 2 }).carry;
    expect(grad(f)(tensor(2)).item()).to.equal(1);
    const powers = (x: T) =>
      whileLoop(
        (c: T) => less(c, 10),
        (c: T) => mul(c, x),
        1,
      );
    expect([jvp(powers, [2], [1]).tangent.item(), jacfwd(powers)(2).item()]).to.deep.equal([32, 32]); // of x^4
  });
  it("NaN goes where it goes", () => {
    const f = (xs: T) => scan((c: T, x: T) => ({ carry: mul(c, x), y: c }), 1, xs);
    expect(Array.from(f(tensor([1, Number.NaN, 2])).ys.data)).to.deep.equal([1, 1, Number.NaN]);
    expect(Array.from(grad((xs: T) => f(xs).carry)(tensor([1, Number.NaN, 2])).data)).to.deep.equal([Number.NaN, 2, Number.NaN]);
  });
});

describe("loops off the event loop", () => {
  it("give the same, and fail alike", async () => {
    const want = factors(stack([spd, spd]));
    const step = (c: T, a: T) => ({ carry: add(c, sum(linalg.cholesky(a))) });
    expect((await scan.async(step, 0, stack([spd, spd]))).carry.item()).to.equal(want.carry.item());
    expect((await rejected(scan.async(step, 0, matrices))).message).to.match(/^scan, step 3: cholesky: /);
    const inverse = vmap((a: T) => linalg.inv(a));
    expect((await inverse.async(matrices)).toArray()).to.deep.equal(inverse(matrices).toArray());
  });
  it("stop when they are told to", async () => {
    const endless = (signal: AbortSignal) =>
      scan.async((c: T) => ({ carry: sin(add(c, 1)) }), ones([100]), undefined, { length: 2 ** 31 - 1, signal });
    expect((await rejected(endless(AbortSignal.abort(new Error("before"))))).message).to.equal("before");
    const control = new AbortController();
    setTimeout(() => control.abort(new Error("during")), 20);
    expect((await rejected(endless(control.signal))).message).to.equal("during");
    const mapped = vmap((x: T) => scan((c: T) => ({ carry: sin(add(c, x)) }), x, undefined, { length: 2 ** 31 - 1 }).carry);
    const other = new AbortController();
    setTimeout(() => other.abort(new Error("all")), 20);
    expect((await rejected(mapped.async(ones([1000]), { signal: other.signal }))).message).to.equal("all");
  });
});
