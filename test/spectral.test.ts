// Functions of Hermitian matrices against power series of block matrices, which know nothing of eigenvalues.
import { expect } from "chai";
import {
  add,
  compile,
  complex,
  complex128,
  cos,
  div,
  exp,
  type Float,
  float64,
  grad,
  hessian,
  hvp,
  imag,
  jvp,
  type LinalgError,
  linalg,
  log,
  matmul,
  mul,
  random,
  real,
  sin,
  slice,
  sqrt,
  square,
  sub,
  sum,
  type Tensor,
  tensor,
  valueAndGrad,
  vjp,
} from "../lib/index";
import { checkGrads, relativeError } from "../lib/testing/index";
import { cells } from "./grid";

type F64 = Tensor<"float64">;
type Rows = number[][];

const GAPS = [1e-1, 1e-2, 1e-3, 1e-4, 1e-6, 1e-8, 1e-10, 1e-12, 1e-14, 1e-16, 1e-18, 0];
const EPS = 2 ** -52;

// ---- The reference: f(X) = Σ c_k (X - m)^k of a block upper triangular X has Df(A)[E] and D²f(A)[E, H] in its corners
// (Higham 2008, theorem 3.6) ----

const product = (a: Rows, b: Rows): Rows =>
  a.map((row) => b[0]!.map((_, j) => row.reduce((s, x, k) => (x === 0 ? s : s + x * b[k]![j]!), 0)));
function series(x: Rows, m: number, c: (k: number) => number): Rows {
  const shifted = x.map((row, i) => row.map((v, j) => (i === j ? v - m : v)));
  const last = 48; // of norms up to 0.55; Horner
  let y = x.map((row, i) => row.map((_, j) => (i === j ? c(last) : 0)));
  for (let k = last - 1; k >= 0; k--) y = product(y, shifted).map((row, i) => row.map((v, j) => (i === j ? v + c(k) : v)));
  return y;
}
const join = (blocks: (Rows | undefined)[][], n: number): Rows =>
  blocks.flatMap((line) => Array.from({ length: n }, (_, i) => line.flatMap((b) => b?.[i] ?? new Array<number>(n).fill(0))));
/** A complex matrix as a real one of twice the size. */
function embedded(a: Tensor): Rows {
  const [re, im] = [real(a as F64).toArray(), imag(a as F64).toArray()] as unknown as [Rows, Rows];
  if (a.dtype === "float64") return re;
  return [...re.map((row, i) => [...row, ...im[i]!.map((v) => -v)]), ...im.map((row, i) => [...row, ...re[i]!])];
}
function corner(y: Rows, n: number, dtype: Float): Tensor {
  const size = y.length / n; // blocks
  const part = (i: number, j: number) => y.slice(i, i + n).map((row) => row.slice(j, j + n));
  if (dtype === "float64") return tensor(part(0, (size - 1) * n));
  const half = size / 2;
  const at = 2 * n * (half - 1);
  return complex(tensor(part(0, at)), tensor(part(n, at)));
}
interface Reference {
  readonly m: number;
  c(k: number): number;
}
function exact({ m, c }: Reference, a: Tensor, e: Tensor, h?: Tensor): Tensor {
  const [A, E, H] = [embedded(a), embedded(e), h && embedded(h)];
  const n = A.length;
  const rows = H
    ? join(
        [
          [A, E, H, undefined],
          [undefined, A, undefined, H],
          [undefined, undefined, A, E],
          [undefined, undefined, undefined, A],
        ],
        n,
      )
    : join(
        [
          [A, E],
          [undefined, A],
        ],
        n,
      );
  return corner(series(rows, m, c), a.shape[0] as number, a.dtype as Float);
}

const factorial = (k: number): number => (k < 2 ? 1 : k * factorial(k - 1));
const binomial = (p: number, k: number): number => (k === 0 ? 1 : (binomial(p, k - 1) * (p - k + 1)) / k);
const table: Record<string, Reference & { low: number; named?: (a: F64) => F64; f?: (x: F64) => F64 }> = {
  exp: { m: 0, c: (k) => 1 / factorial(k), low: 0, named: (a) => linalg.expmHermitian(a), f: (x) => exp(x) },
  log: { m: 1, c: (k) => (k === 0 ? 0 : (-1) ** (k - 1) / k), low: 0.7, named: (a) => linalg.logmHermitian(a), f: (x) => log(x) },
  sqrt: { m: 1, c: (k) => binomial(0.5, k), low: 0.7, named: (a) => linalg.sqrtmHermitian(a), f: (x) => sqrt(x) },
  inverseSqrt: { m: 1, c: (k) => binomial(-0.5, k), low: 0.7, named: (a) => linalg.inverseSqrtmHermitian(a), f: (x) => div(1, sqrt(x)) },
  "power 1/3": {
    m: 1,
    c: (k) => binomial(1 / 3, k),
    low: 0.7,
    named: (a) => linalg.powmHermitian(a, 1 / 3),
    f: (x) => exp(div(log(x), 3)),
  },
  "power 2.7": { m: 1, c: (k) => binomial(2.7, k), low: 0.7, named: (a) => linalg.powmHermitian(a, 2.7) },
  "power -1.2": { m: 1, c: (k) => binomial(-1.2, k), low: 0.7, named: (a) => linalg.powmHermitian(a, -1.2) },
  "power 12.5": { m: 1, c: (k) => binomial(12.5, k), low: 0.7, named: (a) => linalg.powmHermitian(a, 12.5) },
  "power 3": { m: 0, c: (k) => (k === 3 ? 1 : 0), low: -0.2, named: (a) => linalg.powmHermitian(a, 3), f: (x) => mul(x, square(x)) },
  inverse: { m: 1, c: (k) => (-1) ** k, low: 0.7, named: (a) => linalg.powmHermitian(a, -1), f: (x) => div(1, x) },
  sin: { m: 0, c: (k) => (k % 2 === 0 ? 0 : (-1) ** ((k - 1) / 2) / factorial(k)), low: 0, f: (x) => sin(x) },
  rational: { m: 0, c: (k) => (k % 2 === 0 ? (-1) ** (k / 2) : 0), low: -0.2, f: (x) => div(1, add(1, square(x))) },
};

// ---- Matrices with given eigenvalues ----

const herm = (a: F64): F64 => mul(0.5, add(a, a.adjoint()));
const hermitian = (n: number, dtype: Float, key: number): F64 => herm(random.normal(key, [n, n], { dtype }) as F64);
function withSpectrum(w: readonly number[], dtype: Float): F64 {
  const v = linalg.eigh(hermitian(w.length, dtype, 9)).v as F64;
  return herm(matmul(mul(v, tensor(w)), v, { adjointB: true }));
}
const inner = (a: F64, b: F64): F64 => sum(real(mul(a.conj(), b))) as F64;

describe("functions of Hermitian matrices", () => {
  for (const [name, { named, f, low, ...reference }] of Object.entries(table)) {
    const ways: [string, (a: F64) => F64][] = [];
    if (named) ways.push(["named", named]);
    if (f) ways.push(["funm", (a: F64) => linalg.funmHermitian(a, f)]);
    for (const [way, op] of ways) {
      it(`${name} (${way}): gradients and Hessian-vector products at every gap`, () => {
        const worst = [0, 0];
        for (const [dtype, gap] of cells(`${name} ${way}`, [["float64", "complex128"], GAPS])) {
          const [e, h] = [hermitian(4, dtype, 31), hermitian(4, dtype, 32)];
          const w = [low, low + gap, low + 1.7 * gap, low + 0.55];
          const diagonal = dtype === "float64" ? [tensor(w).diag()] : []; // exactly these gaps
          for (const a of [withSpectrum(w, dtype), ...diagonal]) {
            const loss = (x: F64) => inner(e, op(x));
            worst[0] = Math.max(worst[0]!, relativeError(grad(loss)(a), exact(reference, a, e), 1e-3));
            const second = exact(reference, a, e, h);
            worst[1] = Math.max(worst[1]!, relativeError(hvp(loss, a, h), second, 1e-3));
            const twice = grad((x: F64) => inner(h, grad(loss)(x)))(a);
            worst[1] = Math.max(worst[1]!, relativeError(twice, second, 1e-3));
          }
        }
        expect(worst[0]).to.be.below(1e-13);
        expect(worst[1]).to.be.below(1e-13);
      });
    }
  }

  it("x² is the product A A, with all its derivatives, whatever the eigenvalues", () => {
    for (const dtype of ["float64", "complex128"] as const) {
      const [b, u] = [hermitian(4, dtype, 41), hermitian(4, dtype, 42)];
      for (const w of [
        [1, 1, 1, 1],
        [0, 0, 0, 0],
        [-1, -1, 2, 2 + 1e-9],
        [1e-3, 5, 5, 70],
      ]) {
        const a = withSpectrum(w, dtype);
        const losses = [
          (x: F64) => linalg.funmHermitian(x, square),
          (x: F64) => linalg.powmHermitian(x, 2),
          (x: F64) => matmul(herm(x), herm(x)),
        ].map((f) => (x: F64) => sum(square(real(matmul(b, f(x))))) as F64);
        const want = [grad(losses[2]!)(a), hvp(losses[2]!, a, u)] as const;
        for (const loss of losses.slice(0, 2)) {
          expect(relativeError(grad(loss)(a), want[0])).to.be.below(100 * EPS);
          expect(relativeError(hvp(loss, a, u), want[1])).to.be.below(100 * EPS);
        }
      }
    }
  });
  it("far eigenvalues: quotients, overflow and all", () => {
    const a = tensor([-700, 0, 700]).diag();
    const e = tensor([[0, 1, 1], [1, 0, 1], [1, 1, 0]]); // biome-ignore format: a matrix
    const slope = jvp((x: F64) => linalg.expmHermitian(x), [a], [e]).tangent;
    expect(slope.at(0, 2) / (Math.exp(700) / 1400)).to.be.closeTo(1, 4 * EPS);
    expect(slope.at(0, 1)).to.be.closeTo(1 / 700, EPS);
    const b = tensor([1e-12, 1, 1e12]).diag();
    expect(jvp((x: F64) => linalg.logmHermitian(x), [b], [e]).tangent.at(0, 2) / (Math.log(1e24) / 1e12)).to.be.closeTo(1, 4 * EPS);
    expect(jvp((x: F64) => linalg.funmHermitian(x, log), [b], [e]).tangent.at(0, 2) / (Math.log(1e24) / 1e12)).to.be.closeTo(1, 8 * EPS);
  });
  it("parameters of the closure have gradients, mixed ones, too", () => {
    const loss = (p: { a: F64; s: F64 }) =>
      inner(
        hermitian(3, "float64", 51),
        linalg.funmHermitian(herm(p.a), (x) => cos(mul(p.s, x))),
      );
    const a = withSpectrum([1, 1, 2], "float64");
    const whole = (x: F64, s: F64) => loss({ a: x, s });
    checkGrads(whole as never, [a, tensor(0.7)], { order: 2, tolerance: 1e-6 });
  });
  it("batches, broadcasts and compiles", () => {
    const a = random.normal(61, [5, 3, 3]);
    const f = (x: F64) => sum(linalg.funmHermitian(x, (t) => sin(square(t))));
    const whole = grad(f)(a);
    const [eager, traced] = [
      compile(grad(f), float64(3, 3)),
      compile(
        valueAndGrad((x: F64) => sum(linalg.expmHermitian(x))),
        float64(3, 3),
      ),
    ];
    expect(relativeError(eager.runSync([a]), whole)).to.be.below(1e-13);
    const got = traced.runSync([a]);
    expect(relativeError(got.grad, grad((x: F64) => sum(linalg.expmHermitian(x)))(a))).to.be.below(1e-13);
    const item = slice(a, [2, 0, 0], [1, 3, 3]).reshape([3, 3]);
    expect(relativeError(slice(whole, [2, 0, 0], [1, 3, 3]).reshape([3, 3]), grad(f)(item))).to.be.below(1e-13);
    const h = compile(
      (x: Tensor<"complex128">) => hvp((y: Tensor<"complex128">) => real(sum(linalg.logmHermitian(y))) as F64, x, x),
      complex128(2, 2),
    );
    expect(Array.from(h.runSync([hermitianPositive()]).data).every(Number.isFinite)).to.equal(true);
  });
  it("empty matrices and batches", () => {
    for (const shape of [
      [0, 0],
      [3, 0, 0],
      [0, 2, 2],
    ]) {
      const a = random.normal(1, shape);
      expect(linalg.funmHermitian(a, exp).shape).to.deep.equal(shape);
      expect(grad((x: F64) => sum(linalg.funmHermitian(x, exp)))(a).shape).to.deep.equal(shape);
      expect(hvp((x: F64) => sum(linalg.funmHermitian(x, exp)), a, a).shape).to.deep.equal(shape);
      expect(hvp((x: F64) => sum(linalg.sqrtmHermitian(x)), a, a).shape).to.deep.equal(shape);
    }
  });
  it("single precision", () => {
    const a = random.normal(2, [4, 4], { dtype: "float32" });
    const g = grad((x: Tensor<"float32">) => sum(linalg.funmHermitian(x, (t) => sin(t))))(a);
    const exactly = grad((x: F64) => sum(linalg.funmHermitian(x, (t) => sin(t))))(tensor(Float64Array.from(a.data), { shape: [4, 4] }));
    expect(g.dtype).to.equal("float32");
    Array.from(g.data).forEach((x, i) => expect(x).to.be.closeTo(exactly.data[i] as number, 1e-5));
  });
  it("eigenvalues outside the domain are named; 0 is in where the function and its derivatives are", () => {
    const bad = (f: () => unknown) => {
      try {
        f();
      } catch (error) {
        return [(error as LinalgError).code, (error as LinalgError).op, (error as LinalgError).index];
      }
      return undefined;
    };
    const at = (...w: number[]) => tensor(w).diag();
    expect(bad(() => linalg.logmHermitian(at(2, -1)))).to.deep.equal(["ERR_NOT_POSITIVE_DEFINITE", "logmHermitian", 1]);
    expect(bad(() => linalg.logmHermitian(at(2, 0)))).to.deep.equal(["ERR_NOT_POSITIVE_DEFINITE", "logmHermitian", 1]);
    expect(bad(() => linalg.sqrtmHermitian(at(-1, 2)))).to.deep.equal(["ERR_NOT_POSITIVE_DEFINITE", "sqrtmHermitian", 1]);
    expect(linalg.sqrtmHermitian(at(-1e-17, 4)).toArray()).to.deep.equal([[0, 0], [0, 2]]); // biome-ignore format: a matrix
    const gradient = (f: (x: F64) => F64, a: F64) => () => grad((x: F64) => sum(f(x)))(a);
    expect(bad(gradient((x) => linalg.sqrtmHermitian(x), at(0, 4)))).to.deep.equal(["ERR_NOT_POSITIVE_DEFINITE", "sqrtmHermitian", 1]);
    expect(bad(gradient((x) => linalg.powmHermitian(x, 1.5), at(0, 4)))).to.equal(undefined);
    expect(bad(() => hvp((x: F64) => sum(linalg.powmHermitian(x, 1.5)), at(0, 4), at(1, 1)))).to.deep.equal([
      "ERR_NOT_POSITIVE_DEFINITE",
      "powmHermitian",
      1,
    ]);
    expect(bad(() => linalg.powmHermitian(at(-1, 2), 0.5))?.[0]).to.equal("ERR_NOT_POSITIVE_DEFINITE");
    expect(linalg.powmHermitian(at(-1, 2), -1).toArray()).to.deep.equal([[-1, 0], [0, 0.5]]); // biome-ignore format: a matrix
    expect(bad(() => linalg.powmHermitian(at(0, 2), -1))).to.deep.equal(["ERR_NOT_POSITIVE_DEFINITE", "powmHermitian", 1]);
    expect(linalg.powmHermitian(at(0, 3), 0).toArray()).to.deep.equal([[1, 0], [0, 1]]); // biome-ignore format: a matrix
    expect(() => linalg.powmHermitian(at(1), Number.NaN)).to.throw(/p must be a finite number, got NaN/);
    expect(bad(() => linalg.funmHermitian(at(1, Number.NaN), exp))?.slice(0, 2)).to.deep.equal(["ERR_NOT_FINITE", "funmHermitian"]);
  });
  it("a third derivative is refused, in every mode; f must be elementwise", () => {
    const a = withSpectrum([1, 2], "float64");
    const ops = [(x: F64) => linalg.expmHermitian(x), (x: F64) => linalg.funmHermitian(x, exp)];
    for (const op of ops) {
      const loss = (x: F64) => sum(op(x)) as F64;
      const third = /second order only/;
      expect(() => grad((x: F64) => sum(hvp(loss, x, a)))(a)).to.throw(third);
      expect(() => jvp((x: F64) => hvp(loss, x, a), [a], [a])).to.throw(third);
      const along = (f: (x: F64) => F64) => (x: F64) => jvp(f, [x], [a]).tangent;
      expect(() => along(along(along(op)))(a)).to.throw(third);
      expect(hessian(loss)(a).shape).to.deep.equal([2, 2, 2, 2]);
    }
    expect(() => linalg.funmHermitian(a, (x) => sum(x) as never)).to.throw(/f must map a float64 tensor of shape \[2\]/);
    expect(() => linalg.funmHermitian(a, 3 as never)).to.throw(/f must be a function/);
  });
  it("funmHermitian in its three forms, with failing items", async () => {
    const a = random.normal(71, [3, 3, 3]);
    const f = (x: F64) => sin(x);
    const want = linalg.funmHermitian(a, f);
    expect(relativeError(await linalg.funmHermitian.async(a, f), want)).to.equal(0);
    const bad = a.data.slice();
    bad[9] = Number.NaN;
    const b = tensor(bad, { shape: [3, 3, 3] });
    const nan = linalg.funmHermitian(b, f, { onFailure: "nan" });
    const { value, failures } = linalg.funmHermitian.checked(b, f);
    for (const t of [nan, value, await linalg.funmHermitian.async(b, f, { onFailure: "nan" })]) {
      for (let i = 0; i < 27; i++) {
        if (i >= 9 && i < 18) expect(t.data[i]).to.be.NaN;
        else expect(t.data[i]).to.equal(want.data[i]);
      }
    }
    expect(failures.map((x) => [x.item, x.code, x.op])).to.deep.equal([[1, "ERR_NOT_FINITE", "funmHermitian"]]);
    const error = await linalg.funmHermitian.async(b, f).catch((e: LinalgError) => e);
    expect([(error as LinalgError).code, (error as LinalgError).op, (error as LinalgError).item]).to.deep.equal([
      "ERR_NOT_FINITE",
      "funmHermitian",
      1,
    ]);
    expect(() => linalg.funmHermitian(a, f, { onFailure: "zero" } as never)).to.throw(/funmHermitian: option onFailure must be/);
    expect(() => linalg.funmHermitian(a, f, { degenerate: "nan" } as never)).to.throw(/funmHermitian: unknown option "degenerate"/);
    let inside: Promise<unknown> | undefined;
    grad((x: F64) => {
      inside = linalg.funmHermitian.async(x, f);
      return sum(x);
    })(a);
    expect(await inside?.catch((e: LinalgError) => e.code)).to.equal("ERR_TRACED");
  });
  it("cotangents that are not Hermitian, and matrices read by their lower triangle", () => {
    const a = withSpectrum([0.5, 0.5, 2], "float64");
    const g = random.normal(7, [3, 3]);
    for (const op of [(x: F64) => linalg.logmHermitian(x), (x: F64) => linalg.funmHermitian(x, log)]) {
      const pulled = vjp(op, a).pullback(g)[0];
      expect(relativeError(pulled, pulled.adjoint())).to.equal(0);
      expect(relativeError(pulled, vjp(op, a).pullback(herm(g))[0])).to.be.below(10 * EPS);
      const upper = add(a, mul(7, sub(g, g.tril()))); // other values above the diagonal
      expect(relativeError(op(upper), op(a))).to.be.below(10 * EPS);
      expect(relativeError(vjp(op, upper).pullback(g)[0], pulled)).to.be.below(10 * EPS);
    }
  });
});

function hermitianPositive(): Tensor<"complex128"> {
  return complex(tensor([[2, 0.5], [0.5, 2]]), tensor([[0, 0.3], [-0.3, 0]])); // biome-ignore format: matrices
}
