// Levels: any order without confusion.
import { expect } from "chai";
import * as bs from "../lib/index";
import {
  add,
  compile,
  complex,
  conj,
  customGrad,
  diag,
  float64,
  grad,
  hessian,
  hvp,
  jacobian,
  jvp,
  linalg,
  log,
  matmul,
  mul,
  random,
  real,
  registerGradient,
  registry,
  sin,
  square,
  stopGradient,
  sum,
  type Tensor,
  tensor,
  valueAndGrad,
  vjp,
} from "../lib/index";
import { checkGrads, relativeError } from "../lib/testing/index";

type F64 = Tensor<"float64">;
const spd = tensor([
  [4, 1, 0.5],
  [1, 3, 0.2],
  [0.5, 0.2, 2],
]);
const logdet = (a: F64): F64 => sum(log(diag(linalg.cholesky(a))));

describe("levels", () => {
  it("keeps nested derivatives apart", () => {
    expect(grad((x: F64) => mul(x, grad((y: F64) => add(x, y))(1)))(1).item()).to.equal(1);
    expect(grad((x: F64) => mul(x, grad((y: F64) => mul(x, y))(2)))(3).item()).to.equal(6);
  });
  it("differentiates through a closure over an outer variable", () => {
    const f = (x: F64) => grad((y: F64) => mul(square(x), sin(y)))(0.5);
    expect(grad(f)(3).item()).to.be.closeTo(6 * Math.cos(0.5), 1e-14);
  });
  it("takes a tensor of a finished level as a constant", () => {
    let leaked: F64 | undefined;
    grad((x: F64) => {
      leaked = mul(x, 2);
      return leaked;
    })(3);
    expect(leaked?.item()).to.equal(6);
    expect(grad((x: F64) => mul(x, leaked as F64))(5).item()).to.equal(6);
  });
  it("hessian through the fused Cholesky rule equals differences", () => {
    const h = hessian(logdet)(spd);
    expect(h.shape).to.deep.equal([3, 3, 3, 3]);
    const g = grad(logdet);
    const e = 1e-4;
    for (const [i, j] of [
      [0, 0],
      [1, 0],
      [2, 1],
    ] as const) {
      const bump = (t: number) =>
        tensor((spd.toArray() as number[][]).map((r, p) => r.map((v, q) => v + ((p === i && q === j) || (p === j && q === i) ? t : 0))));
      const d = tensor(
        Array.from(g(bump(e)).data, (v, k) => (v - (g(bump(-e)).data[k] as number)) / (2 * e)),
        { shape: [3, 3] } as never,
      ) as F64;
      for (let p = 0; p < 3; p++)
        for (let q = 0; q < 3; q++) {
          const twice = i === j ? 1 : 2; // h is the Hermitian-symmetrised derivative: both bumped elements count
          expect(twice * h.at(p, q, i, j)).to.be.closeTo(d.at(p, q), 1e-7);
        }
    }
  });
  it("hvp equals the Hessian times the vector; third order runs", () => {
    const v = tensor([
      [1, 0.3, 0],
      [0.3, -1, 0.2],
      [0, 0.2, 0.5],
    ]);
    const h = hessian(logdet)(spd);
    const hv = hvp(logdet, spd, v);
    const expected = matmul(h.reshape([9, 9]), v.reshape([9])).reshape([3, 3]);
    expect(relativeError(hv, expected)).to.be.below(1e-13);
    const symmetric = (a: F64): F64 => mul(0.5, add(a, a.adjoint())); // the op reads one triangle: differences need Hermitian directions
    checkGrads((a: F64) => sum(square(hvp(logdet, symmetric(a), v))), [spd], { order: 1 });
  });
  it("forward over forward, reverse over forward, forward over reverse agree", () => {
    const f = (x: F64) => sum(mul(sin(x), square(x)));
    const x = tensor([0.3, -1.2]);
    const v = tensor([1, 2]);
    const fr = hvp(f, x, v);
    const rf = grad((y: F64) => jvp(f, [y], [v]).tangent)(x);
    const ff = jvp((y: F64) => jvp(f, [y], [v]).tangent, [x], [v]).tangent;
    expect(relativeError(rf, fr)).to.be.below(1e-14);
    expect(ff.item()).to.be.closeTo(sum(mul(fr, v)).item(), 1e-13);
  });
  it("maps trees to trees, with argnums", () => {
    const f = (p: { w: F64; layers: F64[] }, s: F64) => mul(sum(mul(p.w, p.layers[0] as F64)), s);
    const p = { w: tensor([1, 2]), layers: [tensor([3, 4])] };
    const { value, grad: g } = valueAndGrad(f)(p, 2);
    expect(value.item()).to.equal(22);
    expect(g.layers[0]?.toArray()).to.deep.equal([2, 4]);
    const [gs] = grad(f, { argnums: [1] })(p, 2) as [F64];
    expect(gs.item()).to.equal(11);
  });
  it("vjp and jvp of functions with several results", () => {
    const f = (a: F64, b: F64) => ({ product: mul(a, b), sum: add(a, b) });
    const { value, pullback } = vjp(f, tensor([1, 2]), tensor([3, 4]));
    expect(value.product.toArray()).to.deep.equal([3, 8]);
    const [ga, gb] = pullback({ product: tensor([1, 1]), sum: tensor([10, 10]) });
    expect(ga.toArray()).to.deep.equal([13, 14]);
    expect(gb.toArray()).to.deep.equal([11, 12]);
    expect(jvp(f, [tensor([1, 2]), tensor([3, 4])], [tensor([1, 0]), tensor([0, 1])]).tangent.product.toArray()).to.deep.equal([3, 2]);
  });
  it("jacobian; refused for complex functions with the way out", () => {
    const j = jacobian((x: F64) => mul(x, x))(tensor([1, 2]));
    expect(j.toArray()).to.deep.equal([
      [2, 0],
      [0, 4],
    ]);
    expect(() => jacobian((x: Tensor<"complex128">) => x)(tensor([{ re: 1, im: 0 }]))).to.throw(/use vjp and jvp/);
    expect(() => grad((x: F64) => mul(x, x))(tensor([1, 2]))).to.throw(/must return a scalar, got shape \[2\]/);
  });
  it("a recorded Jacobian costs little more than its elements", () => {
    const cubes = (x: F64): F64 => sum(mul(x, square(x)));
    const bytes = (n: number): number => {
      const plan = JSON.parse(compile(hessian(cubes), float64(n)).explain()) as { code: { bytes: number }[] };
      return plan.code.reduce((total, { bytes: b }) => total + b, 0);
    };
    expect(bytes(128) / bytes(64)).to.be.below(5); // n² log n: 4.7; n³: 8
    for (const n of [0, 1, 2, 5]) {
      const x = bs.arange(n) as F64;
      const diagonal = (bs.zeros([n, n]) as F64).toArray() as number[][];
      for (let i = 0; i < n; i++) diagonal[i]![i] = 6 * i;
      expect((compile(hessian(cubes), float64(n)).runSync([x]) as F64).toArray(), `n=${n}`).to.deep.equal(diagonal);
    }
  });
  it("stopGradient and customGrad", () => {
    expect(grad((x: F64) => mul(x, stopGradient(x)))(3).item()).to.equal(3);
    const clipped = customGrad(
      (x: F64) => square(x),
      (_, [g]) => [mul(g as F64, 100)],
    );
    expect(clipped(3).item()).to.equal(9);
    expect(grad((x: F64) => clipped(x))(3).item()).to.equal(100);
  });
  it("registerGradient replaces a rule, in reverse, forward and compiled, and says so", async () => {
    const op = bs.defineOp({
      name: "testTwice",
      inputs: ["x"],
      outputs: ["y"],
      kernel: ({ x }) => mul(2, x),
      vjp: (_s, { y: g }) => ({ x: () => mul(2, g) }),
    });
    const warned = new Promise<Error>((resolve) => process.once("warning", resolve));
    registerGradient("testTwice", (_call, [g]) => [g && mul(g as F64, 7)]);
    expect((await warned).message).to.match(/testTwice/);
    expect(grad((x: F64) => op(x))(1).item()).to.equal(7);
    expect(jvp((x: F64) => op(x), [1], [1]).tangent.item()).to.equal(7);
    expect(
      compile(
        grad((x: F64) => op(x)),
        float64(),
      )
        .runSync([1])
        .item(),
    ).to.equal(7);
    expect(registry.get("Cholesky")?.name).to.equal("cholesky");
  });
  it("a real input has a real gradient, beside a complex one and where a rule gives a complex one", () => {
    const [x, z] = [random.normal(1, [3]), random.normal(2, [3], { dtype: "complex128" })];
    const op = bs.defineOp({
      name: "testTurned",
      inputs: ["x"],
      outputs: ["y"],
      types: "real",
      dtypes: { y: "complex" },
      kernel: ({ x: t }) => mul(t, turn(t.dtype)),
      saves: ["x"],
      vjp: ({ x: t }, { y: g }) => ({ x: () => mul(g, conj(turn(t.dtype))) }), // the engine takes the real part
    });
    const turn = <D extends bs.Real>(dtype: D) => complex(tensor(0.6, { dtype }), tensor(0.8, { dtype }));
    const ways = [mul, (a: F64, b: F64) => mul(op(a) as Tensor as F64, b)];
    for (const f of ways) {
      const loss = (a: F64, b: F64) => sum(mul(real(f(a, b) as F64), tensor([1, 2, 3])));
      checkGrads(loss as never, [x, z], { order: 2 });
      expect(grad(loss)(x, z as Tensor as F64).dtype).to.equal("float64");
    }
  });
  it("what a rule gives has the input's dtype, and a shape that becomes the input's", () => {
    const twice = (given: (g: Tensor) => Tensor) =>
      customGrad(
        (y: Tensor) => mul(y, 2),
        (_, [g]) => [given(g as Tensor)],
      );
    const z = bs.complex(tensor([1, 2]), tensor([3, 4]));
    const loss = (w: Tensor) => sum(bs.real(twice((g) => mul(2, bs.real(g as F64)))(w) as never)) as F64;
    const g = grad(loss as never)(z as never) as Tensor;
    expect(g.dtype).to.equal("complex128");
    expect(g.toArray()).to.deep.equal([
      { re: 2, im: 0 },
      { re: 2, im: 0 },
    ]);
    const wrong = (given: Tensor, x: Tensor) => () => grad((t: Tensor) => sum(twice(() => given)(t)) as F64)(x as never);
    expect(wrong(tensor([1, 2, 3]), tensor([1, 2]))).to.throw(/customGrad: its gradient rule gave shape \[3\] for x0, expected \[2\]/);
    expect(wrong(tensor(1), tensor([1, 2]))).to.throw(/gave shape \[\] for x0, expected \[2\]/);
    expect(wrong(tensor(new Float32Array(2)), tensor([1, 2]))).to.throw(/gave dtype float32 for x0, expected float64/);
  });
  it("matmul has its asynchronous twin, vectors included", async () => {
    const v = tensor([1, 2, 3]);
    for (const [a, b, options] of [
      [spd, spd, { adjointB: true }],
      [v, spd, {}],
      [spd, v, {}],
      [v, v, {}],
    ] as const)
      expect((await matmul.async(a, b, options)).toJSON()).to.deep.equal(matmul(a, b, options).toJSON());
    const reason = await matmul.async(spd, spd, { signal: AbortSignal.abort("no") }).catch((e: unknown) => e);
    expect(reason).to.equal("no");
  });
  it("survives an exception in the function", () => {
    expect(() =>
      grad((_x: F64): F64 => {
        throw new Error("mine");
      })(1),
    ).to.throw("mine");
    expect(grad((x: F64) => square(x))(3).item()).to.equal(6);
  });
});
