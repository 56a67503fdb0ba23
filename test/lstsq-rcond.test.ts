// lstsq by singular values with an rcond that cuts more than rounding: X = A_k⁺ B is differentiated in full, also where what was cut is not zero.
// docs/derivations/least-squares.md
import { expect } from "chai";
import {
  add,
  BacksolveError,
  compile,
  eye,
  type Float,
  float64,
  full,
  grad,
  hvp,
  jvp,
  type LinalgError,
  linalg,
  matmul,
  mul,
  random,
  real,
  registry,
  Spec,
  sum,
  type Tensor,
  tensor,
  vjp,
} from "../lib/index";
import { checkGrads, relativeError, sameBits } from "../lib/testing/index";

type F64 = Tensor<"float64">;
const normal = (key: number, shape: readonly number[], dtype: Float = "float64"): F64 => random.normal(key, [...shape], { dtype }) as F64;
/** A real scalar with derivatives of all orders. */
const size = (x: F64): F64 => {
  const weight = normal(99, x.shape, x.dtype);
  return sum(real(mul(add(weight, x).conj(), mul(x, weight)))) as F64;
};
/** U diag(values) Vᴴ with some U and V. */
function withValues(m: number, n: number, values: readonly number[], dtype: Float, key = 7): F64 {
  const unitary = (k: number, order: number): F64 => {
    const x = normal(k, [order, order], dtype);
    return linalg.eigh(add(x, x.adjoint())).v;
  };
  const s = new Float64Array(m * n);
  values.forEach((x, i) => (s[i * n + i] = x));
  return matmul(matmul(unitary(key, m), tensor(s, { shape: [m, n] })), unitary(key + 1, n)) as F64;
}
/** The derivative along v by differences of fourth order. */
function difference(f: (x: F64) => F64, x: F64, v: F64): F64 {
  const h = 2 ** -11;
  const [p2, p1, m1, m2] = [2, 1, -1, -2].map((t) => f(add(x, mul(t * h, v)) as F64)) as [F64, F64, F64, F64];
  return mul(1 / (12 * h), add(mul(8, p1.sub(m1)), m2.sub(p2))) as F64;
}
// ε/h, and h⁴ times a fifth derivative of thousands over the gap of 0.8: what weighs the solutions is of size 1
const TOLERANCE = 2e-9;
const SHAPES = [
  [5, 3],
  [3, 5],
  [4, 4],
  [6, 4],
  [4, 6],
] as const;
const VALUES = [3, 2.2, 1.1, 0.3];
const failure = (f: () => unknown): LinalgError => {
  try {
    f();
  } catch (error) {
    expect(error, String(error)).to.be.instanceOf(BacksolveError);
    return error as LinalgError;
  }
  throw new Error("expected an error");
};

describe("lstsq with an rcond that cuts", () => {
  const A = tensor([[2, 0], [0, 0.5]]); // biome-ignore format: a matrix
  const y = tensor([1, 1]);
  const half = { method: "svd", rcond: 0.5 } as const;

  it("a diagonal matrix, by hand", () => {
    const f = (a: F64) => sum(mul(tensor([0.3, -0.7]), linalg.lstsq(a, y, half))) as F64;
    const want = tensor([[-0.075, -1 / 6], [1 / 30, 0]]); // biome-ignore format: a matrix
    expect(relativeError(grad(f)(A), want)).to.be.below(1e-15);
    expect(relativeError(compile(grad(f), float64(2, 2)).runSync([A]), want)).to.be.below(1e-15);
    const { value, tangent } = jvp((a: F64) => linalg.lstsq(a, y, half), [A], [tensor([[0, 1], [0, 0]])]); // biome-ignore format: a matrix
    expect(relativeError(value, tensor([0.5, 0]))).to.be.below(1e-15);
    expect(relativeError(tangent, tensor([1 / 15, 4 / 15]))).to.be.below(1e-15);
  });

  for (const dtype of ["float64", "complex128"] as const) {
    for (const [m, n] of SHAPES) {
      it(`${dtype} ${m} x ${n}: gradients, jvp, second derivatives against differences; λ = 0 and above`, () => {
        const a = withValues(m, n, VALUES.slice(0, Math.min(m, n)), dtype);
        const [b, v] = [normal(3, [m, 2], dtype), normal(5, [m, n], dtype)];
        for (const rcond of [0.5, 0.2]) {
          for (const l of [0, 0.3]) {
            const what = `rcond ${rcond}, λ ${l}`;
            const solve = (p: F64, q: F64, lambda: F64 | number) => linalg.lstsq(p, q, { method: "svd", rcond, l2Regularizer: lambda });
            if (l > 0) checkGrads(((p: F64, q: F64, t: F64) => size(solve(p, q, t))) as never, [a, b, l], { order: 2, tolerance: 1e-7 });
            else checkGrads(((p: F64, q: F64) => size(solve(p, q, 0))) as never, [a, b], { order: 2, tolerance: 1e-7 });
            const x = (p: F64) => solve(p, b, l);
            expect(relativeError(jvp(x, [a], [v]).tangent, difference(x, a, v)), `jvp, ${what}`).to.be.below(TOLERANCE);
            const gradient = grad((p: F64) => size(x(p)));
            const second = difference(gradient, a, v);
            expect(
              relativeError(
                hvp((p: F64) => size(x(p)), a, v),
                second,
              ),
              `forward over reverse, ${what}`,
            ).to.be.below(10 * TOLERANCE);
            const twice = grad((p: F64) => sum(real(mul(gradient(p), v.conj()))) as F64)(a);
            expect(relativeError(twice, second), `reverse over reverse, ${what}`).to.be.below(10 * TOLERANCE);
            const composed = vjp((g: F64) => vjp(x, a).pullback(g)[0], x(a)).value;
            expect(relativeError(vjp(x, a).pullback(x(a))[0], composed), `fused and composed, ${what}`).to.be.below(64 * 2 ** -52);
          }
        }
      });
    }
  }

  it("in single precision, in batches, compiled, the same", () => {
    for (const [wide, narrow] of [
      ["float64", "float32"],
      ["complex128", "complex64"],
    ] as const) {
      // biome-ignore format: pairs
      const items = Array.from({ length: 9 }, (_, i) => withValues(4, 3, [3, 2 + i / 20, 0.4], wide, 20 + 2 * i));
      const weight = normal(99, [3, 2], wide);
      const loss = (a: F64, w: F64, b: F64) => {
        const x = linalg.lstsq(a, b, { method: "svd", rcond: 0.3 });
        return sum(real(mul(add(w, x).conj(), mul(x, w)))) as F64;
      };
      const first = (a: F64, w: F64, b: F64) => grad((p: F64) => loss(p, w, b))(a);
      const second = (a: F64, w: F64, b: F64) => hvp((p: F64) => loss(p, w, b), a, a);
      const b = normal(3, [4, 2], wide);
      const whole = tensor(Float64Array.from(items.flatMap((t) => Array.from(t.data))), { shape: [9, 4, 3], dtype: wide }) as F64;
      const item = (t: F64, i: number) =>
        tensor(t.data.slice(i * (t.data.length / 9), (i + 1) * (t.data.length / 9)), { shape: [4, 3], dtype: wide }) as F64;
      const single = (t: F64) => tensor(Float32Array.from(t.data), { shape: t.shape, dtype: narrow }) as never as F64;
      for (const [f, order] of [
        [first, 1],
        [second, 2],
      ] as const) {
        // biome-ignore format: pairs
        const want = items.map((a) => f(a, weight, b));
        const specs = [new Spec(wide, [4, 3]), new Spec(wide, [3, 2]), new Spec(wide, [4, 2])] as const;
        const program = compile(f as never, ...specs) as unknown as { runSync(inputs: F64[], options: object): F64 };
        const ways = [f(whole, weight, b), ...["single", "lanes"].map((layout) => program.runSync([whole, weight, b], { layout }))];
        want.forEach((one, i) => {
          for (const all of ways) expect(relativeError(item(all, i), one), `order ${order}, item ${i}`).to.be.below(1e-13);
          const narrowed = f(single(items[i] as F64), single(weight), single(b));
          expect(relativeError(narrowed, single(one))).to.be.below(400 * 10 ** (order - 1) * 2 ** -23);
        });
      }
    }
  });

  it("equal singular values among those kept, or among those cut, are nothing special", () => {
    for (const [m, n] of SHAPES.slice(0, 3)) {
      for (const values of [
        [2, 2, 0.3],
        [2, 0.3, 0.3],
        [2, 2, 0],
      ]) {
        // biome-ignore format: rows
        const [a, b, v] = [withValues(m, n, values, "complex128"), normal(3, [m, 2], "complex128"), normal(5, [m, n], "complex128")];
        const loss = (p: F64) => size(linalg.lstsq(p, b, { method: "svd", rcond: 0.4 }));
        checkGrads(loss as never, [a], { order: 2, tolerance: 1e-7 });
        expect(relativeError(hvp(loss, a, v), difference(grad(loss), a, v))).to.be.below(10 * TOLERANCE);
      }
    }
  });

  it("where only rounding is cut, the gradient is what it was: along the matrices of that rank, to the bit", () => {
    for (const [m, n] of SHAPES.slice(0, 3)) {
      const a = matmul(normal(1, [m, 2]), normal(2, [2, n]));
      const b = normal(3, [m, 2]);
      const gradient = (rcond?: number) =>
        grad((p: F64) => size(linalg.lstsq(p, b, { method: "svd", ...(rcond === undefined ? {} : { rcond }) })))(a);
      expect(sameBits(gradient(1e-6), gradient())).to.equal(true);
      const second = (rcond?: number) =>
        hvp(
          (p: F64) =>
            size(
              linalg.lstsq(matmul(p, p, { adjointA: true }), normal(4, [n, 2]), {
                method: "svd",
                ...(rcond === undefined ? {} : { rcond }),
              }),
            ),
          a,
          a,
        );
      expect(relativeError(second(1e-6), second())).to.be.below(1e-9);
    }
  });

  it("a singular value at the cut is refused, in both modes and orders, with the item named", () => {
    const at = (s: number) => tensor([[2, 0], [0, s]]); // biome-ignore format: a matrix
    const x = (a: F64) => linalg.lstsq(a, y, half);
    const text =
      /^lstsq: the matrix \(shape \[2, 2\]\) has singular value 2 at the cut of option rcond, where the truncated solution jumps/;
    for (const s of [1, 1 + 2 ** -52, 1 - 2 ** -53]) {
      expect(x(at(s)).shape).to.deep.equal([2]);
      for (const f of [() => grad((a: F64) => sum(x(a)))(at(s)), () => jvp(x, [at(s)], [A]), () => hvp((a: F64) => size(x(a)), at(s), A)]) {
        const e = failure(f);
        expect([e.code, e.op, e.index]).to.deep.equal(["ERR_DEGENERATE", "lstsq", 2]);
        expect(e.message).to.match(text);
      }
      // B moves nothing of the cut
      expect(grad((b: F64) => sum(linalg.lstsq(at(s), b, half)))(y).shape).to.deep.equal([2]);
    }
    for (const s of [1 + 2 ** -48, 1 - 2 ** -48]) expect(grad((a: F64) => sum(x(a)))(at(s)).shape).to.deep.equal([2, 2]);
    const batch = tensor([[[2, 0], [0, 0.5]], [[2, 0], [0, 1]]]); // biome-ignore format: matrices
    const one = failure(() => grad((a: F64) => sum(linalg.lstsq(a, tensor([[1], [1]]), half)))(batch));
    expect([one.code, one.item]).to.deep.equal(["ERR_DEGENERATE", 1]);
    expect(one.message).to.match(/^lstsq: matrix 1 of the batch \(shape \[2, 2, 2\]\) has singular value 2 at the cut/);
    // a gap that closes between kept and cut values is one at the cut
    const close = withValues(3, 3, [2, 1 + 2 ** -52, 1 - 2 ** -52], "float64");
    expect(failure(() => grad((a: F64) => size(linalg.lstsq(a, normal(1, [3]), half)))(close)).code).to.equal("ERR_DEGENERATE");
  });

  it("rcond of 1 and more keeps nothing; a zero matrix has nothing to keep", () => {
    for (const rcond of [1, 2, 1e6]) {
      expect(linalg.lstsq(A, y, { method: "svd", rcond }).toArray()).to.deep.equal([0, 0]);
      expect(grad((a: F64) => sum(linalg.lstsq(a, y, { method: "svd", rcond })))(A).toArray()).to.deep.equal([[0, 0], [0, 0]]); // biome-ignore format: a matrix
    }
    expect(grad((a: F64) => sum(linalg.lstsq(a, y, half)))(mul(0, A)).toArray()).to.deep.equal([[0, 0], [0, 0]]); // biome-ignore format: a matrix
  });

  it("a third derivative is an error of this package", () => {
    const loss = (a: F64) => size(linalg.lstsq(a, y, half));
    const third = failure(() => grad((t: F64) => sum(hvp(loss, add(A, mul(t, eye(2))), A)))(0));
    expect([third.code, third.op]).to.deep.equal(["ERR_ARGUMENT", "lstsq"]);
    expect(third.message).to.match(/up to the second order only, with an rcond that cuts more than rounding/);
  });

  it("at every scale", () => {
    const loss = (c: number) => (a: F64) => sum(mul(tensor([0.3, -0.7]), linalg.lstsq(a, mul(c, y), half))) as F64;
    for (const c of [2 ** -1000, 2 ** 1000]) {
      // Ā ~ 1/A where B is of A's size
      expect(relativeError(mul(c, grad(loss(c))(mul(c, A))), grad(loss(1))(A))).to.be.below(1e-15);
      const { tangent } = jvp((a: F64) => linalg.lstsq(a, mul(c, y), half), [mul(c, A)], [mul(c, tensor([[0, 1], [0, 0]]))]); // biome-ignore format: a matrix
      expect(relativeError(tangent, tensor([1 / 15, 4 / 15]))).to.be.below(1e-15);
      expect(relativeError(mul(c, hvp(loss(c), mul(c, A), mul(c, A))), hvp(loss(1), A, A))).to.be.below(1e-14);
    }
  });

  it("its helper rows: DT is its own adjoint, D²T symmetric, both against differences of T", () => {
    const [first, second] = ["truncationDerivative", "truncationSecond"].map((n) => registry.op(n)) as unknown as ((
      ...args: unknown[]
    ) => F64)[];
    const inner = (p: F64, q: F64): number => sum(real(mul(p.conj(), q))).item() as number;
    for (const [m, n] of SHAPES) {
      const a = withValues(m, n, VALUES.slice(0, Math.min(m, n)), "complex128");
      const [e, g, h] = [normal(1, [m, n], "complex128"), normal(2, [m, n], "complex128"), normal(3, [m, n], "complex128")];
      const d = (t: F64, x: F64) => first?.(t, x, { rcond: 0.5 }) as F64;
      const dd = (x: F64, z: F64) => second?.(a, x, z, { rcond: 0.5 }) as F64;
      // T(A) = A_k A_k⁺ A
      const truncated = (t: F64) => matmul(t, linalg.lstsq(t, t, { method: "svd", rcond: 0.5 }));
      expect(relativeError(d(a, e), difference(truncated, a, e))).to.be.below(TOLERANCE);
      expect(inner(g, d(a, e))).to.be.closeTo(inner(d(a, g), e), 1e-13);
      expect(
        relativeError(
          dd(e, h),
          difference((t) => d(t, e), a, h),
        ),
      ).to.be.below(10 * TOLERANCE);
      expect(relativeError(dd(e, h), dd(h, e))).to.be.below(1e-14);
      expect(inner(g, dd(e, h))).to.be.closeTo(inner(e, dd(g, h)), 1e-12);
    }
  });
});

describe("lstsq: rcond and λ", () => {
  const A = tensor([[2, 0], [0, 0.5]]); // biome-ignore format: a matrix
  const y = tensor([1, 1]);

  it("what rcond cuts stays cut where λ > 0: X is continuous in λ", () => {
    for (const l of [0, 1e-300, 1e-30, 1e-14, 1e-8]) {
      const x = linalg.lstsq(A, y, { method: "svd", rcond: 0.5, l2Regularizer: l });
      expect(x.at(0)).to.be.closeTo(2 / (4 + l), 1e-15);
      expect(x.at(1)).to.equal(0);
    }
    const x = linalg.lstsq(full([3, 2, 2], 1).mul(A), full([2, 1], 1), { method: "svd", rcond: 0.5, l2Regularizer: tensor([0, 1e-14, 4]) });
    expect(relativeError(x, tensor([[[0.5], [0]], [[2 / (4 + 1e-14)], [0]], [[0.25], [0]]]))).to.be.below(1e-15); // biome-ignore format: items
  });

  it("its gradient by λ at 0 is that from the right", () => {
    const loss = (l: F64) => sum(linalg.lstsq(A, y, { method: "svd", rcond: 0.5, l2Regularizer: l })) as F64;
    expect(grad(loss)(0).item()).to.be.closeTo(-1 / 8, 1e-15); // d 2/(4 + λ)
    expect(grad(loss)(1e-9).item()).to.be.closeTo(-1 / 8, 1e-9);
  });

  it("by default nothing is cut where λ > 0, and nothing by an rcond of rounding size", () => {
    const tiny = tensor([[1, 0], [0, 1e-20]]); // biome-ignore format: a matrix
    expect(linalg.lstsq(tiny, y, { method: "svd" }).toArray()).to.deep.equal([1, 0]);
    for (const rcond of [undefined, 0, 2 ** -52]) {
      const x = linalg.lstsq(tiny, y, { method: "svd", l2Regularizer: 1e-40, ...(rcond === undefined ? {} : { rcond }) });
      expect(x.at(1)).to.be.closeTo(5e19, 1e5);
    }
  });

  it("of qr and cholesky rcond is about [A; √λ I]", () => {
    const tiny = tensor([[1, 0], [0, 1e-9]]); // biome-ignore format: a matrix
    expect(failure(() => linalg.lstsq(tiny, y, { rcond: 1e-8 })).code).to.equal("ERR_RANK_DEFICIENT");
    expect(linalg.lstsq(tiny, y, { rcond: 1e-8, l2Regularizer: 1e-12 }).shape).to.deep.equal([2]);
  });
});
