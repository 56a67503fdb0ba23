// Zero times an infinite slope: branches not taken, distances of zero, in both modes, every order, compiled, in lanes, every dtype.
import { expect } from "chai";
import {
  add,
  compile,
  complex,
  complex128,
  cosh,
  defineOp,
  div,
  exp,
  expandDims,
  eye,
  float32,
  float64,
  full,
  grad,
  greater,
  greaterEqual,
  hessian,
  hvp,
  jvp,
  less,
  linalg,
  log,
  maximum,
  minimum,
  mul,
  neg,
  ones,
  random,
  real,
  registerGradient,
  registry,
  sqrt,
  square,
  sub,
  sum,
  type Tensor,
  tensor,
  vjp,
  where,
  zeros,
} from "../lib/index";

type T = Tensor<"float64">;
type F = (x: T) => T;

/** First and second derivative of f at x in every way there is. */
function everyWay(f: F, x: number) {
  const at = tensor(x) as T;
  const program = compile((t: T) => ({ d: grad(f)(t), j: jvp(f, [t], [1] as never).tangent, h: hessian(f)(t) }), float64());
  const lanes = program.runSync([full([37], x)], { layout: "lanes" });
  const single = program.runSync([full([37], x)], { layout: "single" });
  const first = [grad(f)(at).item(), jvp(f, [at], [1] as never).tangent.item()];
  const second = [hessian(f)(at).item(), hvp(f, at as never, tensor(1) as never).item()];
  for (const r of [lanes, single]) {
    first.push(r.d.at(0), r.d.at(36), r.j.at(0), r.j.at(36));
    second.push(r.h.at(0), r.h.at(36));
  }
  return { first: new Set(first.map((v) => v + 0)), second: new Set(second.map((v) => v + 0)) };
}

describe("slopes", () => {
  const cases: [string, F, number, number, number?][] = [
    ["√x not taken at 0", (x) => where(less(x, 1), x, sqrt(x)), 0, 1, 0],
    ["log x not taken at 0", (x) => where(greater(x, 0), log(x), 0) as T, 0, 0, 0],
    ["√-x not taken at 1", (x) => where(greaterEqual(x, 0), x, sqrt(neg(x))), 1, 1, 0],
    ["1/x not taken at 0", (x) => where(greater(x, 0), div(1, x), mul(3, x)), 0, 3, 0],
    ["x/0 not taken", (x) => where(greater(x, 2), div(x, sub(x, x)), square(x)) as T, 1.5, 3, 2],
    ["overflow not taken", (x) => where(less(x, 1), exp(mul(x, 1000)), x), 2, 1, 0],
    ["the larger of √x² and a constant", (x) => maximum(sqrt(mul(x, x)), 1e-10), 0, 0, 0],
    ["the smaller of log x and a constant", (x) => minimum(log(square(x)), 5), 0, 0],
    ["√ of a square at 0", (x) => exp(neg(sqrt(square(x)))), 0, 0], // a kink: no second derivative
  ];
  for (const [name, f, x, first, second] of cases) {
    it(`${name}: both modes, both orders, compiled`, () => {
      const got = everyWay(f, x);
      expect([...got.first], "first").to.deep.equal([first]);
      if (second !== undefined) expect([...got.second], "second").to.deep.equal([second]);
    });
  }
  it("slopes that are not finite stay where the direction is not zero", () => {
    expect(grad((x: T) => sqrt(x))(0).item()).to.equal(Number.POSITIVE_INFINITY);
    expect(jvp((x: T) => sqrt(x), [0], [1] as never).tangent.item()).to.equal(Number.POSITIVE_INFINITY);
    expect(grad((x: T) => log(x))(0).item()).to.equal(Number.POSITIVE_INFINITY);
    expect(grad((x: T) => mul(x, Number.POSITIVE_INFINITY) as T)(1).item()).to.equal(Number.POSITIVE_INFINITY);
    expect(grad((x: T) => mul(x, Number.NaN) as T)(1).item()).to.be.NaN;
  });
  it("quotients keep slopes whose reciprocal overflows", () => {
    const small = 1e-310;
    expect(
      vjp((x: T) => log(x), small)
        .pullback(tensor(1e-5))[0]
        .item(),
    ).to.equal(1e-5 / small);
    expect(jvp((x: T) => log(x), [small], [1e-5] as never).tangent.item()).to.equal(1e-5 / small);
    expect(grad((a: T) => div(a, small) as T)(1e-320).item()).to.equal(Number.POSITIVE_INFINITY);
    expect(
      vjp((a: T) => div(a, small) as T, 1)
        .pullback(tensor(1e-5))[0]
        .item(),
    ).to.equal(1e-5 / small);
  });

  const matern: [string, (d: T) => T][] = [
    ["1/2", (d) => exp(neg(sqrt(d)))],
    ["3/2", (d) => mul(add(1, mul(Math.sqrt(3), sqrt(d))), exp(mul(-Math.sqrt(3), sqrt(d))))],
    ["5/2", (d) => mul(add(add(1, mul(Math.sqrt(5), sqrt(d))), mul(5 / 3, d)), exp(mul(-Math.sqrt(5), sqrt(d))))],
  ];
  const points = random.normal(random.key(5), [6, 2]);
  for (const [name, kernel] of matern) {
    const f = (ls: T): T => {
      const z = div(points, ls);
      const d = sum(square(sub(expandDims(z, 1), expandDims(z, 0))), { axis: -1 });
      return linalg.logdet(add(kernel(d), mul(0.1, eye(6)))) as T;
    };
    const at = tensor([1, 1]);
    const h = 2 ** -10;
    const along = (g: (x: T) => Tensor, v: T): Tensor => {
      const near = sub(g(add(at, mul(h, v))) as T, g(sub(at, mul(h, v))) as T);
      const far = sub(g(add(at, mul(2 * h, v))) as T, g(sub(at, mul(2 * h, v))) as T);
      return div(sub(mul(8, near), far), 12 * h);
    };
    const near = (got: Tensor, want: Tensor, tolerance: number) =>
      (Array.from(got.data) as number[]).forEach((x, i) => expect(x).to.be.closeTo(want.data[i] as number, tolerance));
    it(`a Matérn-${name} kernel with a length scale per dimension: gradient, tangent, Hessian, compiled`, () => {
      const units = [tensor([1, 0]), tensor([0, 1])] as const;
      const slopes = tensor(units.map((v) => along(f, v).item() as number));
      near(grad(f)(at), slopes, 1e-9); // h⁴ times a fifth derivative of some tens, and ε / h
      near(tensor(units.map((v) => jvp(f, [at], [v]).tangent.item())), slopes, 1e-9);
      const rows = units.map((v) => along(grad(f), v));
      for (const [i, v] of units.entries()) {
        near(hvp(f, at as never, v as never), rows[i] as Tensor, 1e-9);
        near(vjp(grad(f), at).pullback(v)[0], rows[i] as Tensor, 1e-9);
      }
      for (const layout of ["lanes", "single"] as const) {
        const got = compile(hessian(f), float64(2)).runSync([ones([19, 2])], { layout });
        near(tensor(got.data.slice(-4)), tensor(rows.flatMap((r) => Array.from(r.data) as number[])), 1e-9);
      }
    });
  }
  it("float32 and complex numbers", () => {
    const f32 = (x: Tensor<"float32">) => where(less(x, 1), x, sqrt(x)) as Tensor<"float32">;
    expect(grad(f32)(tensor(Float32Array.of(0), { shape: [] })).item()).to.equal(1);
    expect(
      compile(grad(f32), float32())
        .runSync([tensor(new Float32Array(33))])
        .at(32),
    ).to.equal(1);
    const z = complex(tensor(0), tensor(0));
    const f = (x: Tensor<"complex128">) => real(where(tensor(true), mul(x, complex(tensor(2), tensor(1))), log(x))) as T;
    const want = { re: 2, im: -1 };
    expect(grad(f)(z).item()).to.deep.equal(want);
    expect(jvp(f, [z], [complex(tensor(1), tensor(0))]).tangent.item()).to.equal(2);
    const many = compile(grad(f), complex128()).runSync([complex(full([21], 0), full([21], 0))]);
    expect([many.at(0), many.at(20)]).to.deep.equal([want, want]);
  });
  it("scale and unscale: zero is stronger than infinity and NaN, in every dtype and layout", () => {
    const special = [0, -0, 1, -2, 1e-310, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN];
    const pairs = special.flatMap((a) => special.map((c) => [a, c] as const));
    const [as, cs] = [0, 1].map((i) => pairs.map((p) => p[i] as number)) as [number[], number[]];
    const wants: Record<string, (a: number, c: number) => number> = {
      scale: (a, c) => (a === 0 || c === 0 ? 0 : a * c),
      unscale: (a, c) => (a === 0 || Math.abs(c) === Number.POSITIVE_INFINITY ? 0 : a / c),
    };
    for (const [name, want] of Object.entries(wants)) {
      const op = registry.op(name) as (a: Tensor, c: Tensor) => Tensor;
      for (const dtype of ["float32", "float64"] as const) {
        const round = dtype === "float32" ? Math.fround : (x: number) => x;
        const expected = pairs.map(([a, c]) => round(want(round(a), round(c))));
        const [a, c] = [tensor(as, { dtype }), tensor(cs, { dtype })];
        expect(Array.from(op(a, c).data), name).to.deep.equal(expected);
        const program = compile(op as never, (dtype === "float32" ? float32 : float64)(), (dtype === "float32" ? float32 : float64)());
        expect(Array.from((program.runSync([a, c] as never, { layout: "lanes" }) as Tensor).data), name).to.deep.equal(expected);
      }
      const [zero, infinite] = [complex(0 as never, tensor([0])), complex(tensor([Number.POSITIVE_INFINITY]), tensor([Number.NaN]))];
      expect(Array.from(op(zero, infinite).data), `${name}, complex`).to.deep.equal([0, 0]);
    }
  });
});

describe("forward mode computes the tangents that are asked for", () => {
  const direction = tensor([
    [1, 2],
    [2, -3],
  ]);
  it("eigenvalues where they are equal, eager, compiled, within a gradient", () => {
    const trace = (a: T) => sum(linalg.eigh(a).w) as T;
    expect(jvp(trace, [eye(2)], [direction]).tangent.item()).to.be.closeTo(-2, 1e-15);
    const tangent = (a: T, v: T) => jvp(trace, [a], [v]).tangent;
    const many = compile(tangent, float64(2, 2), float64(2, 2)).runSync([add(eye(2), full([9, 1, 1], 0)), direction]);
    expect(many.at(8)).to.be.closeTo(-2, 1e-15);
    expect(() => jvp((a: T) => sum(linalg.eigh(a).v), [eye(2)], [direction]))
      .to.throw()
      .with.property("code", "ERR_DEGENERATE");
  });
  it("both outputs of one call", () => {
    const a = tensor([
      [2, 1],
      [1, 5],
    ]);
    const f = (x: T) => {
      const { w, v } = linalg.eigh(x);
      return sum(mul(w, square(v))) as T;
    };
    const slope = (sum(mul(grad(f)(a), direction)) as T).item();
    expect(jvp(f, [a], [direction]).tangent.item()).to.be.closeTo(slope, 1e-14);
  });
  it("a tangent of an operand that is broadcast has the shape of the result", () => {
    const wide = zeros([2, 3]);
    for (const f of [(x: T) => add(x, wide), (x: T) => sub(wide, x), (x: T) => where(less(wide, 1), x, wide), (x: T) => mul(x, wide)])
      expect(jvp(f as F, [1], [1] as never).tangent.shape).to.deep.equal([2, 3]);
  });
  it("slopes of a row of one's own, absent or of fewer dimensions than the result", () => {
    const op = defineOp({
      name: "testSlopes",
      inputs: ["a", "b"],
      outputs: ["y"],
      kernel: ({ a, b }) => add(a, mul(2, b)),
      saves: ["a"],
      slopes: ({ a }) => ({ a: () => ({}), b: () => ({ times: tensor(2, { dtype: a.dtype }) }) }),
    }) as unknown as (a: T, b: T) => T;
    expect(jvp((a: T) => op(a, zeros([3])), [1], [1] as never).tangent.toArray()).to.deep.equal([1, 1, 1]);
    expect(jvp((b: T) => op(zeros([2, 1]), b), [1], [1] as never).tangent.toArray()).to.deep.equal([[2], [2]]);
    expect(grad((b: T) => sum(op(zeros([2, 1]), b)) as T)(1).item()).to.equal(4);
  });
  it("a mask among the arguments is no tangent", () => {
    const f = (m: Tensor<"bool">, x: T) => where(m, x, mul(2, x)) as T;
    const mask = tensor([true, false]);
    const { tangent } = jvp(f, [mask, tensor([3, 4])], [tensor([false, false]), tensor([1, 1])]);
    expect(tangent.toArray()).to.deep.equal([1, 2]);
    expect(() => where(0.5 as never, 1, 2))
      .to.throw()
      .with.property("code", "ERR_DTYPE");
    expect(() => where(256 as never, 1, 2)).to.throw(/mask must be bool, got 256/);
    expect(where(1 as never, 1, 2).item()).to.equal(1);
  });
  it("a rule of one's own decides in both modes", () => {
    const restore = registerGradient("cosh", ({ inputs: [x] }, [g]) => [mul(g as T, mul(7, x as T)) as Tensor]);
    try {
      expect(grad((x: T) => cosh(x))(2).item()).to.equal(14);
      expect(jvp((x: T) => cosh(x), [2], [1] as never).tangent.item()).to.equal(14);
    } finally {
      restore();
    }
  });
});
