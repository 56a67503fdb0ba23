// Solves whose right-hand sides or answers are subnormal lose nothing, alone, in batches and compiled. All is made of small integers times powers
// of two, so that every step is exact and the answer is so to the bit.
import { expect } from "chai";
import { allocate, type Float, realOf } from "../lib/core/dtype";
import { storageOf, wrap } from "../lib/core/tensor";
import * as b from "../lib/index";
import { cells } from "./grid";
import { randoms } from "./hostile/randoms";

type T = b.Tensor<"float64">; // or another dtype, as the loops say
const SPECS = { float32: b.float32, float64: b.float64, complex64: b.complex64, complex128: b.complex128 } as const;
const DTYPES = Object.keys(SPECS) as Float[];
const OPS = [{}, { transpose: true }, { adjoint: true }] as const;
const SHAPES = [1, 2, 5, 17, 40].flatMap((n) => [1, 3, 17].map((columns) => [n, columns] as const));
/** Exponents of the least number, and of the largest power of two. */
const ends = (dtype: Float): readonly [number, number] => (realOf(dtype) === "float32" ? [-149, 127] : [-1074, 1023]);

const widthOf = (dtype: Float): number => (realOf(dtype) === dtype ? 1 : 2);
/** Integers up to `most`, n x m: of a triangle, zeros beyond it, `diagonal` on it. */
function integers(
  dtype: Float,
  n: number,
  m: number,
  most: number,
  random: () => number,
  triangle?: { lower: boolean; diagonal: number },
): T {
  const width = widthOf(dtype);
  const array = allocate(dtype, n * m) as Float64Array;
  for (let i = 0; i < n; i++)
    for (let j = 0; j < m; j++) {
      const [at, inside] = [(i * m + j) * width, triangle === undefined || (triangle.lower ? j < i : j > i)];
      for (let part = 0; part < width; part++) array[at + part] = inside ? Math.floor(random() * (2 * most + 1)) - most : 0;
      if (i === j && triangle !== undefined) array[at] = triangle.diagonal;
    }
  return wrap(dtype, [n, m], array) as unknown as T;
}
/** t 2^e, where 2^e is not a number, either. */
function times(t: T, e: number): T {
  const half = Math.trunc(e / 2);
  const array = (storageOf(t).array as Float64Array).map((x) => x * 2 ** half * 2 ** (e - half));
  return wrap(t.dtype, t.shape, array) as unknown as T;
}
const repeated = (t: T, count: number): T => b.stack(Array.from({ length: count }, () => t)) as T;
const numbers = (t: b.Tensor): number[] => Array.from(storageOf(t).array, Number);

/** f of A and B in every way that it runs is X. */
function expectSolved(f: (a: T, y: T) => T, a: T, y: T, x: T, what: string): void {
  const want = numbers(x);
  const check = (got: T, how: string): void => {
    const all = numbers(got);
    expect(all.length % want.length, what).to.equal(0);
    all.forEach((v, i) => {
      const w = want[i % want.length] as number;
      if (v !== w) expect.fail(`${what}, ${how}: element ${i} is ${v}, not ${w}`);
    });
  };
  check(f(a, y), "alone");
  const lanes = b.info().lanes * (realOf(a.dtype as Float) === "float32" ? 2 : 1);
  for (const count of [1, lanes, lanes + 1]) check(f(repeated(a, count), repeated(y, count)), `${count} together`);
  const spec = SPECS[a.dtype as Float] as typeof b.float64;
  const program = b.compile(f, spec(...a.shape), spec(...y.shape));
  for (const layout of ["lanes", "single"] as const)
    check(program.runSync([repeated(a, lanes + 1), repeated(y, lanes + 1)], { layout }), `compiled, ${layout}`);
}
/** Exponents of A: of a right-hand side that is subnormal, and of one that is not though the answer is. */
const scales = (dtype: Float): readonly number[] => [0, 20, Math.floor(-ends(dtype)[0] / 2), ends(dtype)[1] - 3];

describe("solves with subnormal right-hand sides and answers", () => {
  for (const [dtype, lower, op, side] of cells("subnormal triangular systems", [DTYPES, [true, false], OPS, ["left", "right"] as const]))
    it(`triangular: ${dtype} ${lower ? "lower" : "upper"} ${Object.keys(op)[0] ?? "plain"} ${side}`, () => {
      for (const [n, columns] of SHAPES)
        for (const unitDiagonal of [false, true])
          for (const scale of unitDiagonal ? [0] : scales(dtype)) {
            const random = randoms(n + 50 * columns);
            const diagonal = unitDiagonal ? 1 : 2 ** Math.floor(random() * 3);
            const a = integers(dtype, n, n, 1, random, { lower, diagonal });
            const x = side === "left" ? integers(dtype, n, columns, 99, random) : integers(dtype, columns, n, 99, random);
            const m = ("adjoint" in op ? b.linalg.adjoint(a) : "transpose" in op ? b.transpose(a) : a) as T;
            const y = (side === "left" ? b.matmul(m, x) : b.matmul(x, m)) as T;
            const least = ends(dtype)[0];
            const options = { lower, side, unitDiagonal, ...op } as never;
            expectSolved(
              (p, q) => b.linalg.solveTriangular(p, q, options) as T,
              times(a, scale),
              times(y, least + scale),
              times(x, least),
              `${n} rows, ${columns} columns, ${scale}`,
            );
          }
    });
  for (const [dtype, form] of cells("subnormal systems", [DTYPES, ["solve", "adjoint", "cholesky", "upper", "lu"] as const]))
    it(`general and positive definite: ${dtype} ${form}`, () => {
      for (const [n, columns] of SHAPES)
        for (const scale of form === "cholesky" || form === "upper" ? [0, 20] : scales(dtype)) {
          const random = randoms(n + 50 * columns);
          const f = integers(dtype, n, n, 1, random, { lower: form === "cholesky", diagonal: 2 });
          const x = integers(dtype, n, columns, 99, random);
          const turned = b.linalg.adjoint(f) as T;
          const least = ends(dtype)[0];
          const [y, twice] = {
            solve: [b.matmul(f, x), 1],
            lu: [b.matmul(f, x), 1],
            adjoint: [b.matmul(turned, x), 1],
            cholesky: [b.matmul(f, b.matmul(turned, x) as T), 2],
            upper: [b.matmul(turned, b.matmul(f, x) as T), 2],
          }[form] as [T, number];
          const solve = (p: T, q: T): T => {
            if (form === "cholesky") return b.linalg.choleskySolve(p, q) as T;
            if (form === "upper")
              return b.linalg.solveTriangular(p, b.linalg.solveTriangular(p, q, { lower: false, adjoint: true }), { lower: false }) as T;
            if (form === "adjoint") return b.linalg.solve(p, q, { adjoint: true }) as T;
            if (form === "solve") return b.linalg.solve(p, q) as T;
            const { lu, pivots } = b.linalg.luFactor(p);
            return b.linalg.luSolve(lu, pivots, q) as T;
          };
          expectSolved(solve, times(f, scale), times(y, least + twice * scale), times(x, least), `${n} rows, ${columns} columns, ${scale}`);
        }
    });
  it("inverses of the largest matrices", () => {
    for (const dtype of DTYPES)
      for (const n of [1, 2, 5, 17, 40]) {
        // ones on and above the diagonal: the inverse has 1 there and -1 beside it
        const e = ends(dtype)[1];
        const ones = b.cast(b.triu(b.ones([n, n])), dtype) as T;
        const inverse = b.cast(b.sub(b.eye(n), n > 1 ? b.diagEmbed(b.ones([n - 1]), { k: 1 } as never) : 0), dtype) as T;
        expectSolved((p) => b.linalg.inv(p) as T, times(ones, e), times(ones, 0), times(inverse, -e), `${dtype}, ${n} rows`);
      }
  });
});
