// Equal eigenvalues, free phases, and what the gradients of eigh and eigvalsh say about them.
import { expect } from "chai";
import {
  add,
  compile,
  conj,
  diag,
  exp,
  type Float,
  float64,
  grad,
  hvp,
  jvp,
  LinalgError,
  linalg,
  matmul,
  mul,
  random,
  real,
  registry,
  slice,
  square,
  sum,
  type Tensor,
  tensor,
  trace,
} from "../lib/index";
import { checkGrads, relativeError } from "../lib/testing/index";

type F64 = Tensor<"float64">;
type C128 = Tensor<"complex128">;
const EPS = 2 ** -52;

const herm = <D extends Float>(a: Tensor<D>): Tensor<D> => mul(0.5, add(a as F64, a.adjoint() as F64)) as unknown as Tensor<D>;
const hermitian = <D extends Float>(n: number, dtype: D, key = 3): Tensor<D> => herm(random.normal(key, [n, n], { dtype }) as Tensor<D>);
/** Q diag(w) Qᴴ with a random unitary Q. */
function withSpectrum<D extends Float>(w: readonly number[], dtype: D, key = 9): Tensor<D> {
  const { v } = linalg.eigh(hermitian(w.length, dtype, key));
  const scaled = mul(v as F64, tensor(w));
  return herm(matmul(scaled, v as F64, { adjointB: true })) as unknown as Tensor<D>;
}
const failure = (f: () => unknown): LinalgError => {
  try {
    f();
  } catch (error) {
    expect(error).to.be.instanceOf(LinalgError);
    return error as LinalgError;
  }
  throw new Error("expected a LinalgError");
};

describe("eigh", () => {
  it("reconstructs and is unitary, past the sizes that LAPACK blocks", () => {
    for (const dtype of ["float64", "complex128"] as const) {
      const n = 130;
      const a = hermitian(n, dtype) as F64;
      const { w, v } = linalg.eigh(a);
      const tolerance = 10 * n * EPS;
      expect(relativeError(matmul(mul(v, w), v, { adjointB: true }), a)).to.be.below(tolerance);
      expect(relativeError(matmul(v, v, { adjointA: true }), matmul(v.adjoint(), v))).to.be.below(tolerance);
      expect(sum(real(diag(matmul(v, v, { adjointA: true })))).item()).to.be.closeTo(n, n * tolerance);
      expect(relativeError(linalg.eigvalsh(a), w)).to.be.below(tolerance);
      const list = Array.from(w.data);
      expect(list).to.deep.equal([...list].sort((p, q) => p - q));
    }
  });
  it("reads the lower triangle only", () => {
    const a = tensor([
      [2, 1e30],
      [1, 3],
    ]);
    expect(linalg.eigvalsh(a).toArray()).to.deep.equal(linalg.eigvalsh(tensor([[2, 1], [1, 3]])).toArray()); // biome-ignore format: a matrix
    const bad = tensor([
      [2, Number.NaN],
      [1, 3],
    ]);
    expect(linalg.eigh(bad).w.toArray()).to.deep.equal(linalg.eigh(a).w.toArray());
    expect(failure(() => linalg.eigh(tensor([[Number.NaN]]))).code).to.equal("ERR_NOT_FINITE");
  });
  it("goes by TensorFlow's name, and gives its lower-only gradient", () => {
    expect(registry.get("SelfAdjointEigV2")?.name).to.equal("eigh");
    const a = hermitian(4, "float64");
    const loss = (options: object) => (x: F64) => {
      const { w, v } = linalg.eigh(x, options);
      return add(sum(exp(w)), sum(mul(square(slice(v, [0, 0], [4, 1])), tensor([[1], [2], [3], [4]]))));
    };
    const [full, lower] = [grad(loss({}))(a), grad(loss({ triangle: "lower" }))(a)];
    for (let i = 0; i < 4; i++) for (let j = 0; j < 4; j++) expect(lower.at(i, j)).to.equal(j > i ? 0 : (i === j ? 1 : 2) * full.at(i, j));
  });
  it("differentiates gauge-invariant losses, real and complex, to second order", () => {
    for (const dtype of ["float64", "complex128"] as const) {
      const b = hermitian(5, dtype, 11);
      // Σ_k k |v_kᴴ B v_k|² + w_k³: the same for any phases
      const loss = (x: Tensor) => {
        const { w, v } = linalg.eigh(herm(x as F64));
        const r = real(diag(matmul(v, matmul(b as F64, v), { adjointA: true })));
        return sum(add(mul(square(r), tensor([1, 2, 3, 4, 5])), mul(w, square(w))));
      };
      checkGrads(loss as never, [withSpectrum([-2, -0.7, 0.4, 1.6, 3], dtype)], { order: 2, tolerance: 1e-6 });
    }
  });
  it("compiles with its gradient", () => {
    const loss = (x: F64) => {
      const { w, v } = linalg.eigh(x);
      return sum(mul(exp(w), square(slice(v, [0, 0], [1, 4]).reshape([4]))));
    };
    const a = random.normal(2, [10, 4, 4]);
    const program = compile(grad(loss), float64(4, 4));
    const got = program.runSync([a]);
    for (let i = 0; i < 10; i++) {
      const item = slice(a, [i, 0, 0], [1, 4, 4]).reshape([4, 4]);
      expect(relativeError(slice(got, [i, 0, 0], [1, 4, 4]).reshape([4, 4]), grad(loss)(item))).to.be.below(1e-12);
    }
  });
});

describe("equal eigenvalues", () => {
  const w = [1, 2, 2, 2, 5];
  const cases = (["float64", "complex128"] as const).map((dtype) => [dtype, withSpectrum(w, dtype) as F64] as const);

  it("symmetric functions of the values: exact gradients", () => {
    for (const [, a] of cases) {
      // tr A² has the gradient 2A, tr exp(A) the gradient exp(A)
      expect(relativeError(grad((x: F64) => sum(square(linalg.eigvalsh(x))))(a), mul(2, a))).to.be.below(50 * EPS);
      const { w: values, v } = linalg.eigh(a);
      const expA = matmul(mul(v, exp(values)), v, { adjointB: true });
      for (const f of [(x: F64) => sum(exp(linalg.eigvalsh(x))), (x: F64) => sum(exp(linalg.eigh(x).w))]) {
        expect(relativeError(grad(f)(a), expA)).to.be.below(50 * EPS);
      }
    }
  });
  it("their second derivatives: refused, never wrong", () => {
    const shifted = tensor([0, 0, 0]).diag(); // gradient and all of Vᴴ V̄ vanish here, the Hessian does not
    for (const a of [cases[0]![1], cases[1]![1], shifted]) {
      const f = (x: F64) => sum(square(linalg.eigvalsh(x)));
      const h = hermitian(a.shape[0] as number, a.dtype as "float64");
      // reverse over reverse asks for single products, which may vanish where the derivative does not
      const slope = (x: F64) => real(sum(mul(conj(h), grad(f)(x)))) as F64;
      expect(failure(() => grad(slope)(a)).code).to.equal("ERR_DEGENERATE");
      const e = failure(() => hvp(f, a, h));
      expect(e.code).to.equal("ERR_DEGENERATE");
      expect([e.op, e.index]).to.deep.equal(["eigvalsh", a === shifted ? 1 : 2]);
      expect(e.message).to.match(/^eigvalsh: the matrix \(shape .*funmHermitian/);
      expect(e.message).not.to.match(/eigvalsh for/);
    }
    // where they are told apart, right: the Hessian of tr A² is 2 I
    const [a, h] = [withSpectrum([1, 2, 3, 4], "float64"), hermitian(4, "float64", 5)];
    expect(
      relativeError(
        hvp((x: F64) => sum(square(linalg.eigvalsh(x))), a, h),
        mul(2, h),
      ),
    ).to.be.below(1e-13);
  });
  it("vectors: the three policies", () => {
    const p = hermitian(5, "float64", 21);
    for (const [dtype, a] of cases) {
      const weight = dtype === "float64" ? p : (hermitian(5, "complex128", 22) as unknown as F64);
      const loss = (degenerate: "throw" | "nan" | "mask") => (x: F64) => {
        const { w: values, v } = linalg.eigh(x, { degenerate });
        return real(trace(matmul(weight, matmul(mul(v, square(values)), v, { adjointB: true }))));
      };
      const e = failure(() => grad(loss("throw"))(a));
      expect([e.code, e.index, e.op]).to.deep.equal(["ERR_DEGENERATE", 2, "eigh"]);
      expect(e.message).to.match(/funmHermitian.*eigvalsh.*degenerate: "nan" or "mask"/);
      expect(Array.from(real(grad(loss("nan"))(a)).data).every(Number.isNaN)).to.equal(true);
      const masked = grad(loss("mask"))(a);
      expect(Array.from(masked.data).every(Number.isFinite)).to.equal(true);
      // off the equal pairs mask changes nothing: the exact gradient P A + A P, but for its block of the equal ones
      const { v } = linalg.eigh(a);
      const inBasis = (m: F64) => matmul(v, matmul(m, v), { adjointA: true });
      const [got, want] = [inBasis(masked), inBasis(add(matmul(weight, a), matmul(a, weight)))];
      for (let i = 0; i < 5; i++) {
        for (let j = 0; j < 5; j++) {
          const block = i !== j && i >= 1 && i <= 3 && j >= 1 && j <= 3;
          const [x, y] = [got.at(i, j), want.at(i, j)] as unknown as [
            number | { re: number; im: number },
            number | { re: number; im: number },
          ];
          const of = (z: number | { re: number; im: number }) => (typeof z === "number" ? [z, 0] : [z.re, z.im]) as [number, number];
          expect(of(x)[0]).to.be.closeTo(block ? 0 : of(y)[0], 1e-12);
          expect(of(x)[1]).to.be.closeTo(block ? 0 : of(y)[1], 1e-12);
        }
      }
    }
  });
  it("are equal where near ones join them", () => {
    // n eps max|w| = 5.55e-15: the ends, 7.1e-15 apart, are further than that from each other, each is nearer to the one between
    const a = tensor([1, 2 - 2 ** -48, 2, 2 + 2 ** -48, 5]).diag();
    const weight = hermitian(5, "float64", 21);
    const loss = (degenerate: "throw" | "mask") => (x: F64) => {
      const { w: values, v } = linalg.eigh(x, { degenerate });
      return trace(matmul(weight, matmul(mul(v, square(values)), v, { adjointB: true })));
    };
    expect(failure(() => grad(loss("throw"))(a)).code).to.equal("ERR_DEGENERATE");
    const masked = grad(loss("mask"))(a);
    for (let i = 0; i < 5; i++)
      for (let j = 0; j < 5; j++) {
        const block = i !== j && i >= 1 && i <= 3 && j >= 1 && j <= 3;
        const exact = weight.at(i, j) * (a.at(i, i) + a.at(j, j)); // P A + A P
        expect(masked.at(i, j)).to.be.closeTo(block ? 0 : exact, 1e-13);
      }
  });
  it("do not matter to a loss of other vectors; forward mode, which moves all of them, needs mask", () => {
    const a = withSpectrum([1, 1, 1, 4], "float64");
    const of = (degenerate: "throw" | "mask") => (x: F64) =>
      square(sum(mul(slice(linalg.eigh(x, { degenerate }).v, [0, 3], [4, 1]).reshape([4]), tensor([1, 2, 3, 4]))));
    const top = of("throw");
    const v = hermitian(4, "float64", 31);
    const slope = jvp(of("mask"), [a], [v]).tangent.item();
    expect(failure(() => jvp(top, [a], [v])).code).to.equal("ERR_DEGENERATE");
    const h = 1e-4;
    const at = (t: number) => top(add(a, mul(t, v))).item();
    expect(slope).to.be.closeTo((8 * (at(h) - at(-h)) - (at(2 * h) - at(-2 * h))) / (12 * h), 1e-9);
    expect(sum(mul(grad(top)(a), v)).item()).to.be.closeTo(slope, 1e-12);
  });
  it("in a batch: the item is named, others are not touched", () => {
    const a = random.normal(1, [3, 4, 4]);
    const batch = [0, 1, 2].map((i) => slice(a, [i, 0, 0], [1, 4, 4]).reshape([4, 4]));
    batch[1] = tensor([1, 1, 2, 3]).diag();
    const loss = (x: F64) => sum(mul(linalg.eigh(x).v.adjoint(), tensor([1, 2, 3, 4])));
    const whole = tensor(batch.map((m) => m.toArray()) as never) as unknown as F64;
    const e = failure(() => grad(loss)(whole));
    expect([e.code, e.item]).to.deep.equal(["ERR_DEGENERATE", 1]);
    expect(e.message).to.match(/^eigh: matrix 1 of the batch \(shape \[3, 4, 4\]\) has equal eigenvalues \(1 and 2\)/);
    const composed = failure(() => hvp(loss, whole, whole));
    expect([composed.op, composed.item]).to.deep.equal(["eigh", 1]);
    expect(composed.message).to.match(/^eigh: matrix 1 of the batch \(shape \[3, 4, 4\]\)/);
  });
});

describe("phases of complex eigenvectors", () => {
  const a = withSpectrum([1, 2, 3, 4], "complex128");
  it("a loss that depends on one is refused by name", () => {
    const loss = (x: C128) => sum(real(slice(linalg.eigh(x).v, [0, 1], [4, 1])));
    const e = failure(() => grad(loss)(a));
    expect([e.code, e.index]).to.deep.equal(["ERR_DEGENERATE", 2]);
    expect(e.message).to.match(/phase of eigenvector 2/);
    const h = hermitian(4, "complex128", 6);
    const slope = (x: C128) => sum(real(mul(conj(h), grad(loss)(x)))); // by the composed rule
    for (const second of [() => grad(slope)(a), () => hvp(loss, a, h)]) expect(failure(second).code).to.equal("ERR_DEGENERATE");
    const nan = grad((x: C128) => sum(real(slice(linalg.eigh(x, { degenerate: "nan" }).v, [0, 1], [4, 1]))))(a);
    expect(Array.from(nan.data).some(Number.isNaN)).to.equal(true);
    const masked = grad((x: C128) => sum(real(slice(linalg.eigh(x, { degenerate: "mask" }).v, [0, 1], [4, 1]))))(a);
    expect(Array.from(masked.data).every(Number.isFinite)).to.equal(true);
  });
  it("a loss that does not is differentiated, fused and composed", () => {
    const b = random.normal(4, [4], { dtype: "complex128" });
    const loss = (x: C128) => {
      const p = sum(mul(conj(linalg.eigh(herm(x)).v), b.reshape([4, 1])), { axis: 0 });
      return sum(mul(real(mul(p, conj(p))), tensor([1, -2, 3, 0.5])));
    };
    checkGrads(loss as never, [a], { order: 2, tolerance: 1e-6 });
  });
});
