// Loops and conditions against the same work written out.
import { expect } from "chai";
import {
  ArgumentError,
  add,
  checkpoint,
  compile,
  cond,
  exp,
  eye,
  float64,
  grad,
  hessian,
  jvp,
  less,
  linalg,
  linearize,
  logsumexp,
  matmul,
  mul,
  reshape,
  scan,
  sin,
  sub,
  sum,
  type Tensor,
  tensor,
  vmap,
  whileLoop,
} from "../lib";
import { relativeError } from "../lib/testing/close";

type F64 = Tensor<"float64">;
const a = tensor([
  [0.5, 0.1],
  [0.2, 0.4],
]);
const xs = tensor([
  [1, 2],
  [3, 4],
  [5, 6],
]);
const start = tensor([1, 1]);
const row = (x: F64, i: number): F64 => tensor((x.toArray() as number[][])[i] as number[]);
const step = (m: F64, c: F64, x: F64): F64 => add(sin(reshape(matmul(m, reshape(c, [2, 1])), [2])), x) as F64;

const looped = (m: F64): F64 => {
  const { carry, ys } = scan(
    (c: F64, x: F64) => {
      const next = step(m, c, x);
      return { carry: next, y: sum(mul(next, next)) as F64 };
    },
    start,
    xs,
  );
  return add(sum(carry), sum(ys)) as F64;
};
const unrolled = (m: F64): F64 => {
  let c: F64 = start;
  let total: F64 = tensor(0);
  for (let i = 0; i < 3; i++) {
    c = step(m, c, row(xs, i));
    total = add(total, sum(mul(c, c))) as F64;
  }
  return add(sum(c), total) as F64;
};
const close = (x: Tensor, y: Tensor, tolerance = 1e-13) => expect(relativeError(x, y)).to.be.below(tolerance);

describe("scan", () => {
  it("is the runs one after the other: value, both modes, second order, of what its body takes from outside", () => {
    close(looped(a), unrolled(a));
    close(grad(looped)(a), grad(unrolled)(a));
    close(jvp(looped, [a], [xs.data.length ? a : a]).tangent, jvp(unrolled, [a], [a]).tangent);
    close(hessian(looped)(a) as F64, hessian(unrolled)(a) as F64);
  });
  it("in reverse begins with the last element, whose result stands last", () => {
    const { carry, ys } = scan((c: F64, x: F64) => ({ carry: add(c, x) as F64, y: c }), 0, tensor([1, 2, 3]), { reverse: true });
    expect(carry.item()).to.equal(6);
    expect(ys.toArray()).to.deep.equal([5, 3, 0]);
  });
  it("with checkpoint: the same, however the length is cut", () => {
    for (const k of [1, 2, 3, 4])
      for (const reverse of [false, true]) {
        const f = (checkpoint: number | undefined) => (m: F64) => {
          const out = scan((c: F64, x: F64) => ({ carry: step(m, c, x), y: c }), start, xs, { reverse, ...(checkpoint && { checkpoint }) });
          return sum(mul(add(out.ys, out.carry), out.ys)) as F64;
        };
        close(f(k)(a), f(undefined)(a));
        close(grad(f(k))(a), grad(f(undefined))(a));
      }
  });
  it("with checkpoint says which of all runs failed", () => {
    const seven = tensor([1, 1, 1, 1, -5, 1, -5]);
    const f = (c: F64, x: F64) => ({ carry: add(c, sum(linalg.cholesky(mul(x, eye(2))))) });
    for (const checkpoint of [2, 3, 5]) {
      expect(() => scan(f, 0, seven, { checkpoint })).to.throw(/^scan, step 4: cholesky/);
      expect(() => scan(f, 0, seven, { checkpoint, reverse: true })).to.throw(/^scan, step 6: cholesky/);
    }
  });
  it("off the event loop counts its runs", async () => {
    const seen: [number, number][] = [];
    const onProgress = (done: number, total: number) => void seen.push([done, total]);
    await scan.async((c: F64) => ({ carry: sin(c) }), tensor(1), undefined, { length: 1_000_000, onProgress });
    expect(seen.at(-1)).to.deep.equal([1_000_000, 1_000_000]);
    expect(seen.map(([done]) => done)).to.deep.equal(seen.map(([done]) => done).sort((a, b) => a - b));
  });
  it("of no runs gives the carry and empty results", () => {
    const { carry, ys } = scan((c: F64) => ({ carry: exp(c) as F64, y: c }), start, undefined, { length: 0 });
    expect(carry.toArray()).to.deep.equal([1, 1]);
    expect(ys.shape).to.deep.equal([0, 2]);
    expect(
      grad((c: F64) => sum(scan((d: F64) => ({ carry: exp(d) as F64 }), c, undefined, { length: 0 }).carry))(start).toArray(),
    ).to.deep.equal([1, 1]);
  });
  it("differentiates functions with rules of their own in its body by these", () => {
    const f = (s: F64) =>
      sum(scan((c: F64, x: F64) => ({ carry: reshape(logsumexp(add(c, x)), [1]) as F64 }), s, tensor([[1, 2]])).carry) as F64;
    const g = (s: F64) => logsumexp(add(s, tensor([1, 2]))) as F64;
    close(grad(f)(tensor([0.5])), grad(g)(tensor([0.5])));
  });
  it("names the leaf of a carry that changes", () => {
    const wrong = (f: () => unknown, code: string, text: RegExp) => expect(f).to.throw(text).with.property("code", code);
    wrong(
      () => scan((c: { w: F64 }) => ({ carry: { w: sum(c.w) as F64 } }), { w: start }, undefined, { length: 2 }),
      "ERR_SHAPE",
      /carry at w must keep its shape \[2\].*\[\]/,
    );
    wrong(
      () => scan((c: F64) => ({ carry: less(c, 1) as never }), start, undefined, { length: 2 }),
      "ERR_DTYPE",
      /carry must keep its dtype float64.*bool/,
    );
    wrong(() => scan((c: F64) => ({ carry: [c] as never }), start, undefined, { length: 2 }), "ERR_ARGUMENT", /carry must keep its tree/);
    wrong(() => scan((c: F64) => c as never, start, undefined, { length: 2 }), "ERR_ARGUMENT", /must return \{ carry, y \}/);
    wrong(() => scan((c: F64) => ({ carry: c }), start), "ERR_ARGUMENT", /option length/);
    wrong(() => scan((c: F64) => ({ carry: c }), start, { a: xs, b: start }), "ERR_SHAPE", /b has 2 elements.*a has 3/);
  });
  it("a carried number takes the dtype of what becomes of it", () => {
    const x = tensor([1, 2], { dtype: "float32" });
    expect(scan((c: Tensor<"float32">, t: Tensor<"float32">) => ({ carry: add(c, t) }), 0, x).carry).to.have.property("dtype", "float32");
  });
});

describe("vmap", () => {
  const one = (m: F64) => (x: F64) => exp(sum(mul(reshape(matmul(m, reshape(x, [2, 1])), [2]), x))) as F64;
  const items = mul(xs, 0.1) as F64;
  const batched = (m: F64) => sum(vmap(one(m))(items)) as F64;
  const plain = (m: F64) => [0, 1, 2].map((i) => one(m)(row(items, i))).reduce((x, y) => add(x, y) as F64);
  it("is f of every item; gradients of what is shared are summed", () => {
    close(batched(a), plain(a));
    close(grad(batched)(a), grad(plain)(a));
    close(hessian(batched)(a) as F64, hessian(plain)(a) as F64);
    close(vmap(grad((x: F64) => one(a)(x)))(items), grad((x: F64) => sum(vmap(one(a))(x)))(items));
  });
  it("maps over any axis of any argument, and shares what is null", () => {
    const f = vmap((x: F64, y: F64, s: F64) => mul(s, sub(x, y)) as F64, { in: [1, 0, null], out: 1 });
    expect(f(xs, tensor([[1, 1, 1], [2, 2, 2]]), tensor(2)).toArray()).to.deep.equal([[0, 0], [4, 4], [8, 8]]); // biome-ignore format: a matrix
    const tree = vmap((p: { x: F64; y: F64 }) => add(p.x, p.y) as F64, { in: { x: 0, y: null } });
    expect(tree({ x: start, y: tensor(1) }).toArray()).to.deep.equal([2, 2]);
    expect(vmap(vmap((x: F64) => exp(x) as F64))(xs).shape).to.deep.equal([3, 2]);
  });
  it("refuses what has no items", () => {
    expect(() => vmap((x: F64) => x)(1))
      .to.throw(/no argument has an axis of items/)
      .with.property("code", "ERR_ARGUMENT");
    expect(() => vmap((x: F64) => x)(tensor(1)))
      .to.throw(/argument 0 has no axis of items/)
      .with.property("code", "ERR_SHAPE");
    expect(() => vmap((x: F64, y: F64) => add(x, y))(start, tensor([1, 2, 3]))).to.throw(/argument 1 has 3 items.*argument 0 has 2/);
  });
});

describe("cond", () => {
  const f = (x: F64) => cond(less(sum(x), 4) as Tensor<"bool">, (y: F64) => sum(mul(y, y)) as F64, (y: F64) => sum(y) as F64, x); // biome-ignore format: one line
  it("takes one branch per item, and its derivative", () => {
    expect(vmap(f)(xs).toArray()).to.deep.equal([5, 7, 11]);
    expect(grad((x: F64) => sum(vmap(f)(x)))(xs).toArray()).to.deep.equal([[2, 4], [1, 1], [1, 1]]); // biome-ignore format: a matrix
    expect(jvp((x: F64) => vmap(f)(x), [xs], [xs]).tangent.toArray()).to.deep.equal([10, 7, 11]);
    expect(f(row(xs, 0)).item()).to.equal(5);
  });
  it("of a known truth value does not fail for the other branch, which may call itself", () => {
    const factorial = (n: F64): F64 => cond(less(n, 1), () => 1, (m: F64) => mul(m, factorial(sub(m, 1) as F64)) as F64, n); // biome-ignore format: one line
    expect(factorial(tensor(5)).item()).to.equal(120);
    expect(cond(true, () => 1, () => linalg.cholesky(tensor([1, 2])) as never).item()).to.equal(1); // biome-ignore format: one line
  });
  it("refuses branches that differ", () => {
    const g = (x: F64) => cond(less(x, 1) as Tensor<"bool">, () => start, () => tensor(1)); // biome-ignore format: one line
    expect(() => vmap(g)(start)).to.throw(/both branches.*float64 of shape \[2\].*float64 of shape \[\]/);
  });
});

describe("whileLoop", () => {
  const f = (x: F64) => whileLoop((c: F64) => less(c, 100) as Tensor<"bool">, (c: F64) => mul(c, 3) as F64, x); // biome-ignore format: one line
  it("runs while the test holds, and has a derivative in forward mode", () => {
    expect(f(tensor(1)).item()).to.equal(243);
    expect(jvp(f, [1], [1]).tangent.item()).to.equal(243);
    expect(() => grad(f)(1)).to.throw(/no derivative in reverse mode.*scan.*customRoot/);
  });
});

describe("linearize", () => {
  it("computes values of loops and conditions at once, and records their linear part", () => {
    const square = (x: F64) => mul(x, x) as F64;
    const far = (x: F64) => whileLoop((c: F64) => less(c, 100) as Tensor<"bool">, (c: F64) => mul(c, 3) as F64, x); // biome-ignore format: one line
    const f = (x: F64) => {
      const { carry, ys } = scan((c: F64, e: F64) => ({ carry: mul(c, e) as F64, y: c }), 1, x);
      const chosen = vmap((e: F64) => cond(less(e, 2) as Tensor<"bool">, square, (y: F64) => y, e))(x);
      return [carry, ys, chosen, far(carry)] as const;
    };
    const at = tensor([1, 2, 3]);
    const along = tensor([1, 0.5, -1]);
    const { value, pushforward } = linearize(f, at);
    const wanted = jvp(f, [at], [along]);
    expect(value.map((t) => t.toArray())).to.deep.equal(f(at).map((t) => t.toArray()));
    expect(pushforward(along).map((t) => t.toArray())).to.deep.equal(wanted.tangent.map((t) => t.toArray()));
    // Inside others: the values are theirs.
    const inner = (x: F64) => {
      const l = linearize((y: F64) => f(y)[1], x);
      return add(l.value, l.pushforward(x)) as F64;
    };
    const outer = vmap(inner)(tensor([[1, 2, 3]]));
    expect(outer.toArray()).to.deep.equal([inner(at).toArray() as number[]]);
    close(compile(inner, float64(3)).runSync([at]), inner(at));
    close(grad((x: F64) => sum(inner(x)))(at), tensor([8, 3, 0]));
  });
});

describe("checkpoint", () => {
  it("is no loop to those who read what failed", () => {
    const f = checkpoint((x: F64) => sum(linalg.cholesky(x)) as F64);
    const fails = /^vmap, item 1: cholesky: /;
    expect(() => grad((m: F64) => sum(vmap(f)(m)))(tensor([[[1]], [[-1]]]))).to.throw(fails);
  });
});

describe("functions that call themselves", () => {
  it("are refused, not a stack overflow", () => {
    const scanned = (c: F64): { carry: F64 } => ({ carry: scan(scanned, c, undefined, { length: 2 }).carry });
    const chosen = (c: F64): F64 => cond(less(c, 10) as Tensor<"bool">, chosen, (d: F64) => d, c);
    const whiles = (c: F64): F64 => whileLoop((d: F64) => less(d, 10) as Tensor<"bool">, whiles, c);
    const mapped = (x: F64): F64 => vmap((y: F64) => add(sum(mapped(x)), y) as F64)(x);
    for (const f of [() => scanned(tensor(1)), () => compile(chosen, float64()), () => whiles(tensor(1)), () => mapped(start)])
      for (let twice = 0; twice < 2; twice++)
        expect(f).to.throw(ArgumentError, /^\w+: bodies may stand 8 deep.*does this function call itself/);
    expect(vmap((x: F64) => mul(x, 2))(start).toArray()).to.deep.equal([2, 2]);
  });
});

describe("a compiled function with loops", () => {
  it("inlines what its bodies call", () => {
    const solve = (x: F64) => sum(linalg.solve(add(a, mul(x, x)), tensor([[1], [2]]))) as F64;
    close(compile(solve, float64()).runSync([2]), solve(tensor(2)));
  });
});
