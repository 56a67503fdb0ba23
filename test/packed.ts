// Factors and solves of one real matrix, at sizes around the blocks of native/packed/: for packed.test.ts, and as a program for the other
// instruction sets.
import { expect } from "chai";
import { info, LinalgError, linalg, matmul, random, sub, tensor } from "../lib/index";
import { cells } from "./grid";
import * as qr from "./packed-qr";
import { DTYPES, elsewhere, type F64, made, norm, type Real, ratio, wide } from "./ratios";

const ranges = (...pairs: [number, number][]): number[] =>
  pairs.flatMap(([from, to]) => Array.from({ length: to - from + 1 }, (_, i) => from + i));
export const SIZES = ranges([1, 70], [127, 130], [160, 162], [191, 193], [255, 257], [300, 300], [512, 513]);
/** Symmetric, with eigenvalues from about 1 to 3; above the diagonal is NaN, as nobody may look there. */
const definite = (n: number, dtype: Real): F64 =>
  made(n, n, dtype, (i, j, x) => (i === j ? 2 : j > i ? Number.NaN : (0.4 * x) / Math.sqrt(n)));
const mirrored = (a: F64): F64 => {
  const n = a.shape[0] as number;
  return made(n, n, "float64", (i, j) => a.data[Math.max(i, j) * n + Math.min(i, j)] as number);
};

function checkCholesky(n: number, dtype: Real): void {
  const a = definite(n, dtype);
  const l = linalg.cholesky(a);
  const [whole, factor] = [mirrored(a), wide(l)];
  elsewhere(l, (i, j, x) => j <= i || x === 0, `above the diagonal ${dtype} ${n}`);
  ratio(`cholesky ${dtype} ${n}`, sub(whole, matmul(factor, factor, { adjointB: true })), norm(whole), n, dtype);
}

/** The first leading minor that is not positive is told: where the pivot is negative, zero, and where the sum of squares overflows. */
function checkMinors(n: number, dtype: Real): void {
  for (const at of new Set([1, 2, 8, 9, Math.ceil(n / 2), n - 1, n].filter((k) => k >= 1 && k <= n))) {
    for (const bad of [-1, 0]) {
      const a = made(n, n, dtype, (i, j, x) =>
        i === j ? (i === at - 1 ? bad : 2) : Math.max(i, j) >= at - 1 ? 0 : (0.4 * x) / Math.sqrt(n),
      );
      expect(() => linalg.cholesky(a), `${dtype} ${n} ${at}`)
        .to.throw(LinalgError)
        .with.property("index", at);
    }
  }
}

const flags = [false, true] as const;
export const COUNTS = [1, 3, 8, 17, 49] as const;
const SOLVES = cells("packed solves", [flags, flags, flags, ["left", "right"], COUNTS], {});

/** All sides, triangles, transposes and numbers of right-hand sides; the other triangle, and a diagonal of ones, are NaN. */
function checkSolves(n: number, dtype: Real): void {
  const turn = SOLVES.filter((_, i) => (i + n) % 8 === 0);
  for (const [lower, transpose, unitDiagonal, side, count] of turn) {
    const used = (i: number, j: number): boolean => (i === j ? !unitDiagonal : i > j === lower);
    const draw = (i: number, j: number, x: number): number => (i === j ? 2 + Math.abs(x) : x / n);
    const a = made(n, n, dtype, (i, j, x) => (used(i, j) ? draw(i, j, x) : Number.NaN));
    const t = made(n, n, "float64", (i, j) => (used(i, j) ? (a.data[i * n + j] as number) : Number(i === j)));
    const left = side === "left";
    const b = left ? made(n, count, dtype, (_i, _j, x) => x) : (random.normal(5, [count, n], { dtype }) as F64);
    const x = linalg.solveTriangular(a, b, { lower, transpose, unitDiagonal, side }) as F64;
    const back = left ? matmul(t, wide(x), { adjointA: transpose }) : matmul(wide(x), t, { adjointB: transpose });
    const what = `solveTriangular ${dtype} ${n} ${JSON.stringify({ lower, transpose, unitDiagonal, side, count })}`;
    ratio(what, sub(wide(b), back), norm(t) * norm(x) * (left ? 1 : n), n, dtype);
  }
}

/** P A = L U, solves and the inverse, of matrices whose pivots are out of order. */
function checkLu(n: number, dtype: Real): void {
  const a = made(n, n, dtype, (_i, _j, x) => x);
  const { lu, pivots } = linalg.luFactor(a);
  const [l, u] = flags.map((upper) =>
    made(n, n, "float64", (i, j) => (i === j && !upper ? 1 : (upper ? j >= i : i > j) ? (lu.data[i * n + j] as number) : 0)),
  ) as [F64, F64];
  elsewhere(lu, (i, j, x) => j >= i || Math.abs(x) <= 1, "a multiplier is at most 1");
  const permuted = linalg.applyPivots(pivots, wide(a));
  ratio(`luFactor ${dtype} ${n}`, sub(permuted, matmul(l, u)), norm(a), n, dtype);
  const b = made(n, 9, dtype, (_i, _j, x) => x);
  const x = linalg.solve(a, b);
  ratio(`solve ${dtype} ${n}`, sub(wide(b), matmul(wide(a), wide(x))), norm(a) * norm(x), n, dtype);
  const y = linalg.inv(a);
  const identity = made(n, n, "float64", (i, j) => Number(i === j));
  ratio(`inv ${dtype} ${n}`, sub(identity, matmul(wide(a), wide(y))), norm(a) * norm(y), n, dtype);
}

/** The column of the first zero pivot: of matrices with a zero column, and with equal ones. */
function checkSingular(n: number, dtype: Real): void {
  for (const at of new Set([1, 2, 9, n].filter((k) => k >= 1 && k <= n))) {
    const a = made(n, n, dtype, (_i, j, x) => (j === at - 1 ? 0 : x));
    for (const call of [() => linalg.inv(a), () => linalg.solve(a, a)])
      expect(call, `${dtype} ${n} ${at}`).to.throw(LinalgError).with.property("index", at);
  }
}

/** Small whole numbers, whose products and sums are exact: C x = op(A) (op(B) x), x of numbers that differ. */
function checkProducts(n: number, dtype: Real): void {
  const sizes: readonly [number, number, number][] = [
    [n, n, n],
    [n, (n * 7) % 300, 17],
    [5, n, 2 * n + 1],
    [n + 3, 257, n],
    [n, n + 1, 1],
    [1, 300, n],
    [n + 2, 9, 1],
    [1, n, 3],
  ];
  const whole = (rows: number, cols: number): F64 => made(rows, cols, dtype, (_, __, x) => Math.round(2 * x));
  const times = (a: F64, adjoint: boolean, x: readonly number[]): number[] => {
    const [rows, cols] = a.shape as [number, number];
    const y = new Array(adjoint ? cols : rows).fill(0);
    for (let i = 0; i < rows; i++)
      for (let j = 0; j < cols; j++) y[adjoint ? j : i] += (a.data[i * cols + j] as number) * (x[adjoint ? i : j] as number);
    return y;
  };
  for (const [m, k, cols] of sizes)
    for (const adjointA of [false, true])
      for (const adjointB of [false, true]) {
        const a = adjointA ? whole(k, m) : whole(m, k);
        const b = adjointB ? whole(cols, k) : whole(k, cols);
        const x = Array.from({ length: cols }, (_, j) => (j % 7) + 1);
        const c = matmul(a, b, { adjointA, adjointB });
        expect(times(c, false, x), `${dtype} ${m} ${k} ${cols} ${adjointA} ${adjointB}`).to.deep.equal(
          times(a, adjointA, times(b, adjointB, x)),
        );
      }
}

/** Of a matrix and a vector every element has the bits that its row, or column, has alone. */
function checkVectors(n: number, dtype: Real): void {
  const k = ((n * 7) % 61) + 1;
  const [a, x] = [random.normal(5, [n, k], { dtype }) as F64, random.normal(6, [k, 1], { dtype }) as F64];
  const row = (i: number): F64 => tensor(Array.from(a.data.subarray(i * k, (i + 1) * k)), { shape: [1, k], dtype }) as F64;
  const all = Array.from(matmul(a, x).data);
  for (const i of new Set([0, n >> 1, n - 1]))
    expect(Array.from(matmul(row(i), x).data), `row ${i} of ${n} x ${k} ${dtype}`).to.deep.equal([all[i]]);
  const flat = x.data.slice() as Float64Array<ArrayBuffer>;
  const turned = [
    matmul(tensor(flat, { shape: [1, k], dtype }) as F64, a, { adjointB: true }), // xᵀ Aᵀ
    matmul(a, tensor(flat, { shape: [1, k], dtype }) as F64, { adjointB: true }), // A (xᵀ)ᵀ
  ];
  for (const t of turned) expect(Array.from(t.data), `${n} x ${k} ${dtype}`).to.deep.equal(all);
  const bad = random.normal(7, [n, k], { dtype }) as F64;
  bad.data[(n - 1) * k + (k >> 1)] = Infinity;
  const sums = Array.from(matmul(bad, x).data);
  expect(sums.slice(0, -1).every(Number.isFinite), "other rows").to.equal(true);
  expect(Math.abs(sums[n - 1] as number), "its own").to.equal(Infinity);
}

/** Items of a batch, one matrix of which several share, have the bits that they have alone. */
function checkManyProducts(n: number, dtype: Real): void {
  if (n > 40) return;
  const [m, k] = [((n * 5) % 13) + 1, ((n * 3) % 11) + (n % 2)];
  const draw = (key: number, ...shape: number[]): F64 => random.normal(key, shape, { dtype }) as F64;
  const item = (t: F64, at: number): F64 => {
    const [rows, cols] = t.shape.slice(-2) as [number, number];
    return tensor(Array.from(t.data.subarray(at * rows * cols, (at + 1) * rows * cols)), { shape: [rows, cols], dtype }) as F64;
  };
  const empty = matmul(draw(1, 70, 3, 0), draw(2, 70, 0, n), { out: draw(3, 70, 3, n) });
  expect(Array.from(new Set(empty.data)), `empty sums ${dtype} ${n}`).to.deep.equal([0]);
  for (const adjointA of flags)
    for (const adjointB of flags) {
      const [a, b] = [draw(1, 7, 13, ...(adjointA ? [k, m] : [m, k])), draw(2, 13, ...(adjointB ? [n, k] : [k, n]))];
      const all = matmul(a, b, { adjointA, adjointB });
      for (const at of [0, 64, 90]) {
        const alone = matmul(item(a, at), item(b, at % 13), { adjointA, adjointB });
        const what = `${dtype} ${m} ${k} ${n} ${adjointA} ${adjointB} item ${at}`;
        expect(Array.from(item(all, at).data), what).to.deep.equal(Array.from(alone.data));
      }
    }
}

/** What is not a number stays in its row and column; infinity times zero is no number. */
function checkProductsOfNaN(n: number, dtype: Real): void {
  const a = made(n, n, dtype, (i, j, x) => (i === n - 1 && j === 0 ? Number.NaN : x));
  const b = made(n, n, dtype, (i, j, x) => (j === n - 1 && i === n - 1 ? Infinity : i === n - 1 ? 0 : x));
  const c = matmul(a, b);
  const kind = (x: number): string => (Number.isNaN(x) ? "NaN" : Math.abs(x) === Infinity ? "Infinity" : "finite");
  elsewhere(c, (i, j, x) => kind(x) === (i === n - 1 ? "NaN" : j === n - 1 ? "Infinity" : "finite"), `products of NaN ${dtype} ${n}`);
}

/** A = V diag(w) Vᵀ with orthonormal V, where vectors come back in blocks of reflectors, and below. */
function checkEigh(n: number, dtype: Real): void {
  if (n < 120 && n % 32 !== 0) return;
  const a = definite(n, dtype);
  const { w, v } = linalg.eigh(a);
  const [whole, vectors] = [mirrored(a), wide(v)];
  const scaled = made(n, n, "float64", (i, j) => (v.data[i * n + j] as number) * (w.data[j] as number));
  ratio(`eigh ${dtype} ${n}`, sub(matmul(whole, vectors), scaled), norm(whole), n, dtype);
  const identity = made(n, n, "float64", (i, j) => Number(i === j));
  ratio(`vectors ${dtype} ${n}`, sub(matmul(vectors, vectors, { adjointA: true }), identity), 1, n, dtype);
}

export const CHECKS = {
  checkEigh,
  checkCholesky,
  checkMinors,
  checkSolves,
  checkLu,
  checkSingular,
  checkProducts,
  checkManyProducts,
  checkVectors,
  checkProductsOfNaN,
  ...qr,
};

if (require.main === module) {
  expect(info().isa).to.equal(process.env.BACKSOLVE_ISA);
  const few = [1, 5, 8, 13, 16, 31, 33, 64, 97, 129, 257];
  for (const check of Object.values(CHECKS)) for (const dtype of DTYPES) for (const n of few) check(n, dtype);
  console.log("checked");
}
