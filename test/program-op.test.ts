// A program called like any function: inside transforms of any order and mode, over batches, inside compile, loaded, failing.
import { expect } from "chai";
import {
  add,
  broadcastTo,
  type Complex,
  compile,
  complex,
  complex128,
  cos,
  diag,
  exp,
  expandDims,
  eye,
  type Failure,
  float32,
  float64,
  grad,
  greater,
  hessian,
  hvp,
  jacobian,
  jvp,
  linalg,
  log,
  matmul,
  mul,
  Program,
  random,
  real,
  registerGradient,
  reshape,
  slice,
  square,
  sub,
  sum,
  type Tensor,
  tensor,
  transpose,
  valueAndGrad,
  vjp,
  where,
  zeros,
} from "../lib/index";
import { relativeError } from "../lib/testing/index";

type T = Tensor<"float64">;
const same = (got: Tensor, want: Tensor, tolerance = 1e-13) => {
  expect(got.shape).to.deep.equal(want.shape);
  expect(got.dtype).to.equal(want.dtype);
  if (want.size > 0) expect(relativeError(got, want)).to.be.at.most(tolerance);
};
const spd = (key: number, batch: number[], n = 3): T => {
  const a = random.normal(key, [...batch, n, n]);
  return add(matmul(a, a, { adjointB: true }), eye(n)) as T;
};

// A function of every family: elementwise, structure, reductions, products, factors, with a constant, for one item.
const nll = (a: T, y: T): T => {
  const l = linalg.cholesky(a);
  const z = linalg.solveTriangular(l, expandDims(y, -1));
  const w = mul(tensor([1, 2, 3]), reshape(z, [3]));
  const mask = greater(w, 0.1);
  const part = slice(transpose(broadcastTo(where(mask, w, cos(w)), [2, 3])), [1, 0], [2, 2]) as T;
  return add(add(sum(square(w)), sum(log(diag(l)))), sum(mul(part, part))) as T;
};
/** The same over a batch, without any program. */
const overItems =
  (f: (a: T, y: T) => T) =>
  (a: T, y: T): T[] =>
    Array.from({ length: a.shape[0] as number }, (_, i) => {
      const item = (t: T, rank: number) =>
        t.rank === rank ? t : (reshape(slice(t, [i, ...t.shape.slice(1).map(() => 0)], [1, ...t.shape.slice(1)]), t.shape.slice(1)) as T);
      return f(item(a, 2), item(y, 1));
    });
const total = (list: readonly T[]): T => list.reduce((s, t) => add(s, t) as T);

describe("a program inside transforms", () => {
  const program = compile(nll, float64(3, 3), float64(3));
  const run = (a: T, y: T): T => program.runSync([a, y]);
  const [a, y] = [spd(1, []), random.normal(2, [3])];

  it("the function of the report", () => {
    const p = compile((x: T) => sum(exp(x)), float64(2));
    const f = (x: T) => p.runSync([x]) as T;
    expect(grad(f)(tensor([0, 0])).toArray()).to.deep.equal([1, 1]);
    expect(jvp(f, [tensor([0, 0])], [tensor([1, 2])]).tangent.item()).to.equal(3);
    expect((jacobian(f)(tensor([0, 0])) as Tensor).toArray()).to.deep.equal([1, 1]);
    expect((hessian(f)(tensor([0, 0])) as Tensor).toArray()).to.deep.equal([
      [1, 0],
      [0, 1],
    ]);
  });
  it("reverse, forward and second order equal those of the function itself", () => {
    const options = { argnums: [0, 1] } as const;
    const [got, want] = [valueAndGrad(run, options)(a, y), valueAndGrad(nll, options)(a, y)];
    same(got.value, want.value);
    for (const i of [0, 1] as const) same(got.grad[i] as Tensor, want.grad[i] as Tensor);
    const along: [T, T] = [spd(3, []), random.normal(4, [3])];
    same(jvp(run, [a, y], along).tangent, jvp(nll, [a, y], along).tangent);
    same(jvp((v: T) => run(a, v), [y], [along[1]]).tangent, jvp((v: T) => nll(a, v), [y], [along[1]]).tangent);
    const byY = (f: typeof nll) => (v: T) => f(a, v);
    same(hessian(byY(run))(y) as T, hessian(byY(nll))(y) as T);
    const byA = (f: typeof nll) => (m: T) => f(m, y);
    same(hvp(byA(run), a as never, along[0] as never) as T, hvp(byA(nll), a as never, along[0] as never) as T);
    const twice = (f: typeof nll) => vjp(grad(byA(f)), a).pullback(along[0])[0];
    same(twice(run), twice(nll));
  });
  it("third order", () => {
    const third = (f: typeof nll) => grad((u: T) => sum(grad((v: T) => sum(mul(u, grad((w: T) => f(a, w))(v))) as T)(u)) as T)(y);
    same(third(run), third(nll), 1e-12);
  });
  for (const batch of [[1], [3], [17], [0]]) {
    it(`a batch of ${batch}, one input of its own, the other shared: cotangents of what is shared are summed`, () => {
      const many = spd(5, batch);
      const f = (m: T, v: T) => sum(run(m, v)) as T;
      const g = (m: T, v: T) => (batch[0] === 0 ? (sum(mul(0, v)) as T) : total(overItems(nll)(m, v)));
      const [got, want] = [grad(f, { argnums: [0, 1] })(many, y), grad(g, { argnums: [0, 1] })(many, y)];
      if (batch[0] !== 0) same(got[0] as Tensor, want[0] as Tensor);
      else expect((got[0] as Tensor).shape).to.deep.equal([0, 3, 3]);
      same(got[1] as Tensor, want[1] as Tensor);
      const v = random.normal(6, [3]);
      same(hvp((x: T) => f(many, x), y as never, v as never) as T, hvp((x: T) => g(many, x), y as never, v as never) as T);
      const tangent = jvp((x: T) => run(many, x), [y], [v]).tangent;
      const items =
        batch[0] === 0 ? zeros([0]) : tensor(overItems((m, x) => jvp((z: T) => nll(m, z), [x], [v]).tangent)(many, y).map((t) => t.item()));
      same(tangent, items);
    });
  }
  it("batches that broadcast against each other", () => {
    const [many, vs] = [spd(7, [4, 1]), random.normal(8, [1, 3, 3])];
    const whole = (m: T, v: T) => {
      const rows = Array.from({ length: 12 }, (_, k) => {
        const at = (t: T, i: number, j: number, rank: number) => {
          const start = [i, j, ...new Array(rank).fill(0)];
          return reshape(slice(t, start, [1, 1, ...t.shape.slice(2)]), t.shape.slice(2)) as T;
        };
        return nll(at(m, Math.floor(k / 3), 0, 2), at(v, 0, k % 3, 1));
      });
      return total(rows);
    };
    const [got, want] = [(f: typeof whole) => grad(f, { argnums: [0, 1] })(many, vs)].flatMap((d) => [
      d((m, v) => sum(run(m, v)) as T),
      d(whole),
    ]);
    for (const i of [0, 1] as const) same(got?.[i] as Tensor, want?.[i] as Tensor);
  });
  it("a program of a gradient is differentiated through its fused rules", () => {
    const gradient = compile(grad(nll, { argnums: [0, 1] }), float64(3, 3), float64(3));
    const f = (m: T, v: T) => {
      const [ga, gy] = gradient.runSync([m, v]) as unknown as [T, T];
      return add(sum(square(ga)), sum(mul(gy, v))) as T;
    };
    const g = (m: T, v: T) => {
      const [ga, gy] = grad(nll, { argnums: [0, 1] })(m, v) as unknown as [T, T];
      return add(sum(square(ga)), sum(mul(gy, v))) as T;
    };
    const [got, want] = [grad(f, { argnums: [0, 1] })(a, y), grad(g, { argnums: [0, 1] })(a, y)];
    for (const i of [0, 1] as const) same(got[i] as Tensor, want[i] as Tensor, 1e-12);
  });
  it("solvers with factors kept for their rules, determinants, eigenvalues, least squares", () => {
    const f = (m: T, v: T) => {
      const x = linalg.solve(m, linalg.inv(m));
      const { w } = linalg.eigh(add(m, transpose(m)));
      const parts = [sum(square(x)), linalg.det(m), linalg.slogdet(m).logabsdet, sum(mul(w, w)), sum(linalg.lstsq(m, v))];
      return total(parts as T[]);
    };
    const gradient = compile(grad(f), float64(3, 3), float64(3));
    const p = compile(f, float64(3, 3), float64(3));
    same(grad((m: T) => p.runSync([m, y]))(a), grad((m: T) => f(m, y))(a));
    const v = spd(9, []);
    const second = (d: (m: T) => T) => jvp(d, [a], [v]).tangent;
    same(
      second((m) => gradient.runSync([m, y])),
      second((m) => grad((x: T) => f(x, y))(m)),
      1e-11,
    );
  });
  it("complex and float32 programs", () => {
    type C = Tensor<Complex>;
    const f = (z: C) => sum(real(mul(z, linalg.inv(z)))) as T;
    const g = (z: C) => sum(real(mul(mul(z, z), complex(tensor(1), tensor(2))))) as T;
    const z = complex(spd(10, [5]), random.normal(11, [5, 3, 3]));
    for (const h of [f, g]) {
      const p = compile(h as never, complex128(3, 3)) as unknown as Program<[C], T>;
      same(grad((x: C) => sum(p.runSync([x])))(z), grad((x: C) => h(x))(z));
    }
    const p = compile((x: Tensor<"float32">) => sum(exp(x)), float32(2));
    const x = tensor(Float32Array.of(0, 1));
    same(grad((t: typeof x) => p.runSync([t]) as typeof x)(x), exp(x), 1e-6);
  });
  it("trees in and out; one of several outputs used; arguments used twice", () => {
    const p = compile((q: { a: T; b: T }) => ({ s: mul(q.a, q.b), t: { u: exp(q.a) } }), { a: float64(), b: float64() });
    const f = (x: T) => mul(p.runSync([{ a: x, b: x }]).s, 3) as T;
    expect(grad(f)(2).item()).to.equal(12);
    const both = (x: T) => {
      const r = p.runSync([{ a: x, b: 5 }]);
      return add(r.s, r.t.u) as T;
    };
    expect(grad(both)(0).item()).to.equal(6);
    expect(jvp(both, [0], [1] as never).tangent.item()).to.equal(6);
  });
  it("an output that depends on no differentiated input, and masks", () => {
    const p = compile((x: T, z: T) => ({ m: greater(x, z), w: mul(z, 2), v: mul(x, x) }), float64(), float64());
    const r = vjp((x: T) => p.runSync([x, 3]).v, 4);
    expect(r.pullback(tensor(1) as never)[0].item()).to.equal(8);
    expect(grad((x: T) => p.runSync([x, 3]).w as T)(4).item()).to.equal(0);
    expect(jvp((x: T) => p.runSync([x, 3]), [4], [1] as never).tangent.w.item()).to.equal(0);
  });
  it("only the tangents that are asked for", () => {
    const p = compile((m: T) => linalg.eigh(m), float64(2, 2));
    const direction = tensor([
      [1, 2],
      [2, -3],
    ]);
    expect(jvp((m: T) => sum(p.runSync([m]).w), [eye(2)], [direction]).tangent.item()).to.be.closeTo(-2, 1e-15);
    expect(() => jvp((m: T) => sum(p.runSync([m]).v), [eye(2)], [direction]))
      .to.throw()
      .with.property("code", "ERR_DEGENERATE");
  });
  it("loaded programs, with user rules of the moment", () => {
    const loaded = Program.from(JSON.stringify(program)) as unknown as typeof program;
    same(grad((m: T) => loaded.runSync([m, y] as never) as T)(a), grad((m: T) => nll(m, y))(a));
    const p = compile((x: T) => cos(x), float64());
    const f = (x: T) => p.runSync([x]);
    expect(grad(f)(0.5).item()).to.equal(-Math.sin(0.5));
    const restore = registerGradient("cos", (_, [g]) => [mul(g as T, 7) as Tensor]);
    expect(grad(f)(0.5).item()).to.equal(7);
    restore();
    expect(grad(f)(0.5).item()).to.equal(-Math.sin(0.5));
  });
  it("failures: thrown with the item's number, or NaN and listed, in the derivative too", () => {
    const sound = spd(12, [5]);
    const many = sub(sound, mul(reshape(tensor([0, 0, 50, 0, 0]), [5, 1, 1]), eye(3))) as T;
    const vs = random.normal(13, [5, 3]);
    expect(() => grad((m: T) => sum(run(m, vs)))(many))
      .to.throw()
      .include({ code: "ERR_NOT_POSITIVE_DEFINITE", item: 2 });
    const failures: Failure[] = [];
    const f = (m: T) =>
      sum(where(tensor([true, true, false, true, true]), program.runSync([m, vs], { onFailure: "nan", failures }), 0)) as T;
    const g = grad(f)(many);
    expect(failures.map((x) => x.item)).to.deep.equal([2]);
    const want = overItems((m, v) => grad((x: T) => nll(x, v))(m))(sound, vs);
    expect(Number.isNaN(g.at(2, 0, 0))).to.equal(true);
    for (const i of [0, 1, 3, 4]) same(reshape(slice(g, [i, 0, 0], [1, 3, 3]), [3, 3]), want[i] as T);
  });
  it("run is refused there, and says what to use", async () => {
    let refused: Promise<T> | undefined;
    grad((m: T) => {
      refused = program.run([m, y]);
      return sum(m) as T;
    })(a);
    const error = await refused?.catch((e: Error & { code: string }) => e);
    expect(error).to.have.property("code", "ERR_TRACED");
  });
});

describe("a program inside compile", () => {
  const program = compile(nll, float64(3, 3), float64(3));
  it("its code is inlined", () => {
    const outer = compile((a: T, y: T) => mul(2, program.runSync([a, y])), float64(3, 3), float64(3));
    const plain = compile((a: T, y: T) => mul(2, nll(a, y)), float64(3, 3), float64(3));
    expect(outer.toJSON().code).to.deep.equal(plain.toJSON().code);
    const [a, y] = [spd(1, [9]), random.normal(2, [9, 3])];
    same(outer.runSync([a, y]), plain.runSync([a, y]), 0);
  });
  for (const shape of [[2], [5], [3, 2], [1]]) {
    it(`with a batch [${shape}] inside the item, and its gradient`, () => {
      const f = (a: T, y: T) => program.runSync([a, y]);
      const outer = compile(f, float64(...shape, 3, 3), float64(3));
      const [a, y] = [spd(3, [11, ...shape]), random.normal(4, [11, ...shape.map(() => 1), 3])];
      const ys = random.normal(4, [11, 3]);
      same(outer.runSync([a, ys]), program.runSync([a, y]));
      const g = compile(
        grad((m: T, v: T) => sum(f(m, v)) as T, { argnums: [0, 1] }),
        float64(...shape, 3, 3),
        float64(3),
      );
      const [ga, gy] = g.runSync([a, ys]) as unknown as [T, T];
      const want = grad((m: T, v: T) => sum(program.runSync([m, reshape(v, y.shape)])) as T, { argnums: [0, 1] })(a, ys);
      same(ga, want[0] as Tensor);
      same(gy, want[1] as Tensor);
    });
  }
  it("a program of a gradient, batched inside", () => {
    const gradient = compile(grad(nll), float64(3, 3), float64(3));
    const outer = compile((a: T, y: T) => gradient.runSync([a, y]), float64(4, 3, 3), float64(4, 3));
    const [a, y] = [spd(5, [8, 4]), random.normal(6, [8, 4, 3])];
    same(outer.runSync([a, y]), gradient.runSync([a, y]));
  });
  it("options of a run are refused there; so are onFailure and checked of ops", () => {
    const inside = (options: object) => () => compile((a: T, y: T) => program.runSync([a, y], options), float64(3, 3), float64(3));
    expect(inside({ onFailure: "nan" }))
      .to.throw(/belongs to the run/)
      .with.property("code", "ERR_ARGUMENT");
    expect(inside({ threads: 1 })).to.throw(/belongs to the run/);
    expect(inside({ onFailure: "throw" })).not.to.throw();
    const of = (f: (a: T) => unknown) => () => compile(f as never, float64(3, 3));
    expect(of((a) => linalg.cholesky(a, { onFailure: "nan" })))
      .to.throw(/program\.run\(args/)
      .with.property("code", "ERR_ARGUMENT");
    expect(of((a) => linalg.cholesky.checked(a).value)).to.throw(/cholesky: onFailure "nan" and checked/);
    expect(of((a) => linalg.logdet.checked(a).value)).to.throw(/logdet: onFailure "nan" and checked/);
    expect(of((a) => linalg.funmHermitian(a, (x) => exp(x), { onFailure: "nan" }))).to.throw(/funmHermitian: onFailure/);
    expect(of((a) => linalg.cholesky(a, { onFailure: "throw" }))).not.to.throw();
  });
});
