// The ends of the range of numbers: diagonals of mixed and of subnormal scale, and answers beyond the largest number. test/scale.test.ts has
// every op at every scale.
import { expect } from "chai";
import { allocate } from "../lib/core/dtype";
import { storageOf, wrap } from "../lib/core/tensor";
import {
  compile,
  complex64,
  complex128,
  diag,
  diagEmbed,
  type Float,
  float32,
  float64,
  grad,
  hvp,
  jvp,
  type LinalgError,
  linalg,
  matmul,
  mul,
  random,
  real,
  slice,
  sum,
  type Tensor,
  tensor,
  toComplex,
} from "../lib/index";
import { epsOf, sameBits } from "../lib/testing/close";
import { long } from "./grid";

type T = Tensor<"float64">; // or another dtype, as the loops say
type Op = (a: T) => T;
const SPECS = { float32, float64, complex64, complex128 } as const;
const DTYPES = Object.keys(SPECS) as Float[];
const wide = (dtype: string) => dtype === "float64" || dtype === "complex128";
/** Exponents of a large and of a subnormal number. */
const [LARGE, SUBNORMAL] = [(d: Float) => (wide(d) ? 664 : 80), (d: Float) => (wide(d) ? -1030 : -130)];

function of(values: number[] | number[][], dtype: Float): T {
  const t = tensor(values as number[], { dtype: wide(dtype) ? "float64" : "float32" });
  return (dtype.startsWith("complex") ? toComplex(t as T) : t) as unknown as T;
}
const repeated = (a: T, count: number): T => mul(a, tensor(new Array(count).fill(1), { dtype: a.dtype }).reshape([count, 1, 1])) as T;
const reals = (t: T): number[] => Array.from(real(t).data);
const diagonals = (t: T): number[] => reals(diag(t));
const loss =
  (f: Op): Op =>
  (a) =>
    real(sum(f(a)));
const gradient = (f: Op): Op => grad(loss(f));
const logabsdet: Op = (a) => linalg.slogdet(a).logabsdet;

/** f of one matrix in every way that it can run: alone, in batches around a register's lanes, compiled in both layouts. */
function everyWay(f: Op, a: T, check: (y: T, what: string) => void): void {
  check(f(a), "alone");
  const spec = SPECS[a.dtype as Float](...a.shape);
  const program = compile(f, spec as ReturnType<typeof float64>);
  for (const count of [1, 7, 8, 16, 19]) {
    const many = repeated(a, count);
    check(f(many), `${count} together`);
    for (const layout of ["lanes", "single"] as const) check(program.runSync([many], { layout }), `${count} compiled, ${layout}`);
  }
}
function expectAll(got: readonly number[], want: readonly number[], tolerance: number, what: string): void {
  expect(got.length % want.length, what).to.equal(0);
  got.forEach((x, i) => {
    const w = want[i % want.length] as number;
    if (x !== w) expect(Math.abs(x - w) / Math.abs(w), `${what}: ${x} for ${w}`).to.be.at.most(tolerance);
  });
}

describe("range", () => {
  it("adjugates and gradients of det where products overflow and underflow on the way", () => {
    for (const dtype of DTYPES) {
      const e = LARGE(dtype);
      const d = diagEmbed(of([2 ** e, 2 ** e, 2 ** -e, 2 ** -e], dtype));
      const want = [2 ** -e, 2 ** -e, 2 ** e, 2 ** e];
      const tolerance = 32 * epsOf(dtype);
      everyWay(gradient(linalg.det), d, (y, what) => expectAll(diagonals(y), want, tolerance, `${dtype} gradient ${what}`));
      everyWay(linalg.adjugate, d, (y, what) => expectAll(diagonals(y), want, tolerance, `${dtype} adjugate ${what}`));
      const one = diagEmbed(of([1, 0, 0, 0], dtype));
      expectAll(diagonals(hvp(loss(linalg.det), d, one)), [0, 0, 1, 1], tolerance, `${dtype} second`);
      const { tangent } = jvp((a: T) => linalg.det(a), [d], [one]);
      expectAll(reals(tangent), [2 ** -e], tolerance, `${dtype} tangent`);
    }
    const w = Float32Array.from({ length: 28 }, (_, i) => (i < 14 ? 1e3 : 1e-3)); // no extreme number in it
    const g = diagonals(gradient(linalg.det)(diag(tensor(w)) as unknown as T));
    expectAll(
      g,
      Array.from(w, (x) => 1 / x),
      64 * 28 * epsOf("float32"),
      "28 x 28",
    );
    const singular = diag(tensor(Array.from({ length: 300 }, (_, i) => (i < 150 ? 1e3 : i < 299 ? 1e-3 : 0))));
    const corner = (t: T) => t.at(299, 299) as number;
    expect(corner(gradient(linalg.det)(singular))).to.be.closeTo(1000, 1000 * 300 * 64 * epsOf("float64"));
    expect(corner(linalg.adjugate(singular))).to.be.closeTo(1000, 1000 * 300 * 64 * epsOf("float64"));
  });

  it("adjugates of regular matrices with rows and columns of any scale", () => {
    for (const dtype of DTYPES) {
      const e = LARGE(dtype) / 2;
      const m = random.normal(3, [4, 4], { dtype }) as unknown as T;
      const [rows, cols] = [of([2 ** e, 1, 2 ** -e, 1], dtype), of([1, 2 ** e, 1, 2 ** -e], dtype)];
      const scaledBy = (r: T, a: T, c: T) => matmul(matmul(diagEmbed(r), a), diagEmbed(c));
      const want = linalg.adjugate(m); // both diagonals have determinant 1: adj(R M C) = C⁻¹ adj(M) R⁻¹
      for (const f of [linalg.adjugate, (a: T) => linalg.adjoint(gradient(linalg.det)(a))]) {
        const got = scaledBy(cols, f(scaledBy(rows, m, cols)), rows);
        expect(relative(got, want), dtype).to.be.below(256 * epsOf(dtype));
      }
    }
  });

  it("det, slogdet, luFactor where a pivot's reciprocal overflows", () => {
    for (const dtype of DTYPES) {
      const s = SUBNORMAL(dtype);
      // [[2s, 1], [s, 1]] has det s, and pivots 2s, 1/2
      const a = of(
        [
          [2 ** (s + 1), 1],
          [2 ** s, 1],
        ],
        dtype,
      );
      everyWay(linalg.det, a, (y, what) => expectAll(reals(y), [2 ** s], 2 ** -19, `${dtype} det ${what}`));
      everyWay(logabsdet, a, (y, what) => expectAll(reals(y), [s * Math.LN2], 16 * epsOf(dtype), `${dtype} slogdet ${what}`));
      everyWay(
        (x) => linalg.luFactor(x).lu,
        a,
        (y, what) => expectAll(reals(y), [2 ** (s + 1), 1, 0.5, 0.5], 0, `${dtype} lu ${what}`),
      );
      for (const n of [1, 2, 5, 20, 33]) {
        const tiny = mul(2 ** s, of(matrixOf(n), dtype));
        everyWay(logabsdet, tiny, (y, what) =>
          expectAll(reals(y), [n * s * Math.LN2 + Math.log(n + 1)], 64 * n * epsOf(dtype), `${dtype} ${n} ${what}`),
        );
      }
    }
  });

  long("solves of subnormal matrices, by every op and of every size", () => {
    for (const dtype of DTYPES) {
      const s = 2 ** SUBNORMAL(dtype);
      for (const n of [1, 2, 5, 20, 33, 70]) {
        const a = mul(s, of(matrixOf(n), dtype));
        const identity = Array.from({ length: n * n }, (_, i) => (i % (n + 1) === 0 ? 1 : 0));
        const near = (y: T, what: string) => {
          const error = Math.max(...reals(y).map((x, i) => Math.abs(x - (identity[i % (n * n)] as number))));
          expect(error, `${dtype} ${n} ${what}`).to.be.at.most(64 * n * epsOf(dtype));
        };
        everyWay(
          (x) => linalg.solve(x, x),
          a,
          (y, what) => near(y, `solve ${what}`),
        );
        everyWay(
          (x) => linalg.solve(x, linalg.adjoint(x), { adjoint: true }),
          a,
          (y, what) => near(y, `adjoint ${what}`),
        );
        everyWay(
          (x) => linalg.solveTriangular(x, linalg.tril(x)),
          a,
          (y, what) => near(y, `lower ${what}`),
        );
        everyWay(
          (x) => linalg.solveTriangular(x, linalg.triu(x), { lower: false, side: "right" }),
          a,
          (y, what) => near(y, `right ${what}`),
        );
        const { lu, pivots } = linalg.luFactor(a);
        near(linalg.luSolve(lu, pivots, a), "luSolve");
      }
    }
  });

  it("diagonal matrices of mixed scale: every answer is that of its numbers", () => {
    for (const dtype of DTYPES) {
      const e = wide(dtype) ? 996 : 122;
      const w = [2 ** e, 2 ** -e, 1, 2 ** (e / 2), 2 ** -(e / 2)];
      const d = diagEmbed(of(w, dtype));
      const sorted = [...w].sort((x, y) => x - y);
      const cases: readonly [string, Op, readonly number[]][] = [
        ["solve", (a) => diag(linalg.solve(a, a)), [1]],
        ["inv", (a) => diag(linalg.inv(a)), w.map((x) => 1 / x)],
        ["solveTriangular", (a) => diag(linalg.solveTriangular(a, a)), [1]],
        ["cholesky", (a) => diag(linalg.cholesky(a)), w.map(Math.sqrt)],
        ["logdet", linalg.logdet, [0]],
        ["det", linalg.det, [1]],
        ["slogdet", logabsdet, [0]],
        ["eigvalsh", linalg.eigvalsh, sorted],
        ["sqrtm", (a) => diag(linalg.sqrtmHermitian(a)), w.map(Math.sqrt)],
        ["inverseSqrtm", (a) => diag(linalg.inverseSqrtmHermitian(a)), w.map((x) => 1 / Math.sqrt(x))],
        ["logm", (a) => diag(linalg.logmHermitian(a)), w.map(Math.log)],
        ["gradient of logm", (a) => diag(gradient(linalg.logmHermitian)(a)) as T, w.map((x) => 1 / x)],
        ["gradient of slogdet", (a) => diag(gradient(logabsdet)(a)) as T, w.map((x) => 1 / x)],
      ];
      for (const [name, f, want] of cases)
        everyWay(f, d, (y, what) => {
          const zero = want.length === 1 && want[0] === 0;
          if (zero) expect(Math.max(...reals(y).map(Math.abs)), `${dtype} ${name} ${what}`).to.be.at.most(4096 * epsOf(dtype));
          else expectAll(reals(y), want, 16 * epsOf(dtype), `${dtype} ${name} ${what}`);
        });
    }
  });

  it("what is beyond the largest number is said, of the item that it is of; the others have their answers", () => {
    for (const dtype of DTYPES) {
      const top = wide(dtype) ? 2 ** 1023 : 2 ** 127;
      const tiny = 2 ** SUBNORMAL(dtype);
      const [large, small] = [
        of(
          [
            [1.5 * top, top],
            [top, 1.5 * top],
          ],
          dtype,
        ),
        of(
          [
            [tiny, 0],
            [0, tiny],
          ],
          dtype,
        ),
      ];
      const [eigenvalue, answer] = ["has eigenvalue 2 beyond", "has an answer beyond"];
      const one = of(
        [
          [1, 0],
          [0, 1],
        ],
        dtype,
      );
      const cases: readonly [string, Op, T, string][] = [
        ["eigh", (a) => linalg.eigh(a).w, large, eigenvalue],
        ["eigvalsh", linalg.eigvalsh, large, eigenvalue],
        ["expmHermitian", linalg.expmHermitian, large, eigenvalue],
        [
          "expmHermitian",
          linalg.expmHermitian,
          of(
            [
              [1000, 1],
              [1, 1000],
            ],
            dtype,
          ),
          answer,
        ],
        ["powmHermitian", (a) => linalg.powmHermitian(a, 2), large, answer],
        ["inv", linalg.inv, small, answer],
        ["solve", (a) => linalg.solve(a, one), small, answer],
        ["solveTriangular", (a) => linalg.solveTriangular(a, one), small, answer],
        ["choleskySolve", (a) => linalg.choleskySolve(a, one), small, answer],
        [
          "adjugate",
          linalg.adjugate,
          mul(
            top,
            of(
              [
                [1, 0, 0],
                [0, 1, 0],
                [0, 0, 1],
              ],
              dtype,
            ),
          ),
          answer,
        ],
        [
          "det",
          linalg.det,
          of(
            [
              [top, top],
              [-top, top],
            ],
            dtype,
          ),
          answer,
        ],
        [
          "luFactor",
          (a) => linalg.luFactor(a).lu,
          of(
            [
              [top, top],
              [-top, top],
            ],
            dtype,
          ),
          answer,
        ],
      ];
      for (const [op, f, a, text] of cases) {
        expectRefused(() => f(a), op, text, 0);
        const batch = Array.from({ length: 19 }, (_, i) => (i === 11 ? a : diagEmbed(of(a.shape[0] === 2 ? [2, 2] : [2, 2, 2], dtype))));
        const many = stacked(batch);
        expectRefused(() => f(many), op, text, 11);
        const program = compile(f, SPECS[dtype](...a.shape) as ReturnType<typeof float64>);
        for (const layout of ["lanes", "single"] as const) {
          expectRefused(() => program.runSync([many], { layout }), op, text, 11);
          const y = program.runSync([many], { layout, onFailure: "nan" });
          const each = y.data.length / 19;
          y.data.forEach((x, i) => expect(Number.isNaN(x), `${op} ${dtype} ${layout}`).to.equal(Math.floor(i / each) === 11));
        }
      }
      // representable, though the largest eigenvalue is not
      const near = (y: T, want: number[]) => expectAll(reals(y), want, 64 * epsOf(dtype), dtype);
      everyWay(
        (a) => mul(1 / top, matmul(linalg.sqrtmHermitian(a), linalg.sqrtmHermitian(mul(0.25, a)))),
        large,
        (y) => near(y, [0.75, 0.5, 0.5, 0.75]),
      );
      everyWay(linalg.adjugate, large, (y) => near(y, [1.5 * top, -top, -top, 1.5 * top]));
    }
  });

  it("a lane at the end of the range leaves the bits of the others as they are", () => {
    for (const dtype of DTYPES) {
      const a = mul(1, random.normal(5, [19, 5, 5], { dtype })) as unknown as T;
      const spoilt = stacked(
        Array.from({ length: 19 }, (_, i) => (i % 4 === 1 ? mul(2 ** SUBNORMAL(dtype), of(matrixOf(5), dtype)) : itemOf(a, i))),
      );
      const ops: Op[] = [(x) => linalg.solve(x, x), linalg.det, logabsdet, gradient(linalg.det), (x) => linalg.solveTriangular(x, x)];
      for (const f of ops) {
        const [clean, mixed] = [f(a), f(spoilt)];
        for (let i = 0; i < 19; i++)
          if (i % 4 !== 1) expect(sameBits(itemOf(clean, i), itemOf(mixed, i)), `${dtype} item ${i}`).to.equal(true);
      }
    }
  });

  it("the exponential of matrices near zero and far below it", () => {
    for (const dtype of DTYPES) {
      const m = of(matrixOf(3), dtype);
      const [tiny, far] = [2 ** SUBNORMAL(dtype), wide(dtype) ? -(2 ** 1000) : -(2 ** 120)];
      const identity = of(
        [
          [1, 0, 0],
          [0, 1, 0],
          [0, 0, 1],
        ],
        dtype,
      );
      const nearIdentity = (y: T) => expect(relative(y, identity), dtype).to.be.at.most(16 * epsOf(dtype));
      const near1 = (y: T) => expectAll(reals(y), [1], 16 * epsOf(dtype), dtype);
      everyWay(linalg.expmHermitian, mul(tiny, m), (y) => (y.rank === 2 ? nearIdentity(y) : nearIdentity(itemOf(y, 0))));
      everyWay(gradient(linalg.expmHermitian), mul(tiny, m), near1);
      everyWay(linalg.expmHermitian, mul(far, m), (y) => expectAll(reals(y), [0], 0, dtype));
    }
  });
});

/** 1 + δ_ij: of determinant n + 1, condition number n + 1. */
function matrixOf(n: number): number[][] {
  return Array.from({ length: n }, (_, i) => Array.from({ length: n }, (_, j) => (i === j ? 2 : 1)));
}
const relative = (a: T, b: T): number => {
  const [x, y] = [reals(a), reals(b)];
  return Math.max(...x.map((v, i) => Math.abs(v - (y[i] as number)))) / Math.max(...y.map(Math.abs));
};
const itemOf = (t: T, i: number): T => slice(t, [i, ...t.shape.slice(1).map(() => 0)], [1, ...t.shape.slice(1)]).reshape(t.shape.slice(1));
/** Matrices of one shape as a batch. */
function stacked(list: readonly T[]): T {
  const [n, m] = (list[0] as T).shape as [number, number];
  const whole = list.flatMap((t) => Array.from(storageOf(t).array, Number));
  const array = allocate((list[0] as T).dtype, list.length * n * m);
  whole.forEach((x, i) => (array[i] = x as never));
  return wrap((list[0] as T).dtype, [list.length, n, m], array) as T;
}
function expectRefused(f: () => unknown, op: string, text: string, item: number): void {
  try {
    f();
  } catch (error) {
    const e = error as LinalgError;
    expect([e.code, e.op, e.item], String(error)).to.deep.equal(["ERR_NOT_FINITE", op, item]);
    expect(e.message).to.include(`${text} the largest number of its dtype`);
    return;
  }
  expect.fail(`${op} gave an answer`);
}
