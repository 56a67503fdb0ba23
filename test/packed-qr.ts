// QR and least squares of one real matrix, at sizes around the strips of native/packed/qr.h.
import { expect } from "chai";
import { concat, eye, LinalgError, linalg, matmul, matrixTranspose, mul, sub } from "../lib/index";
import { elsewhere, type F64, made, norm, type Real, ratio, wide } from "./ratios";

const shapes = (n: number): [number, number][] => [
  [n, n],
  [n + ((n * 3) % 29), n],
  [n, n + ((n * 5) % 31)],
  [2 * n + 1, n],
];
const product = (a: F64, b: F64, adjointA = false): F64 => matmul(wide(a), wide(b), { adjointA });
function orthonormal(q: F64, dtype: Real, what: string): void {
  const [rows, cols] = q.shape as [number, number];
  ratio(`${what}: Q`, sub(eye(cols), product(q, q, true)), 1, rows, dtype);
}
function checkFactors(a: F64, q: F64, r: F64, dtype: Real, what: string): void {
  elsewhere(r, (i, j, x) => j >= i || x === 0, `${what}: below the diagonal`);
  ratio(`${what}: A - Q R`, sub(wide(a), product(q, r)), norm(a), Math.max(...(a.shape as number[])), dtype);
  orthonormal(q, dtype, what);
}

/** A = Q R, reduced, complete and R alone; signs are those of the reflections: R(j,j) is against what it was made of. */
export function checkQr(n: number, dtype: Real): void {
  for (const [rows, cols] of shapes(n)) {
    const a = made(rows, cols, dtype, (_i, _j, x) => x);
    const what = `qr ${dtype} ${rows} ${cols}`;
    const { q, r } = linalg.qr(a);
    checkFactors(a, q, r, dtype, what);
    if (rows > 1) expect(Math.sign(r.data[0] as number), `${what}: sign`).to.equal(-Math.sign(a.data[0] as number));
    expect(Array.from(linalg.qr(a, { mode: "r" }).data), what).to.deep.equal(Array.from(r.data));
    if (rows <= cols || n > 200) continue;
    const whole = linalg.qr(a, { mode: "complete" });
    checkFactors(a, whole.q, whole.r, dtype, `${what} complete`);
  }
}

/** Columns times powers of two down to where their squares are no more, or up to where they overflow: Q is the same, R's columns are times these. */
export function checkGradedQr(n: number, dtype: Real): void {
  if (n > 130) return;
  const [rows, cols] = [n + 7, n];
  const a = made(rows, cols, dtype, (_i, _j, x) => x);
  const plain = linalg.qr(a);
  for (const end of dtype === "float64" ? [-540, 520] : [-70, 62]) {
    const power = (j: number): number => 2 ** Math.round((end * j) / cols);
    const what = `qr ${dtype} ${rows} ${cols}, columns to 2^${end}`;
    const { q, r } = linalg.qr(made(rows, cols, dtype, (i, j) => (a.data[i * cols + j] as number) * power(j)));
    const unscaled = made(cols, cols, "float64", (i, j) => (r.data[i * cols + j] as number) / power(j));
    ratio(`${what}: Q`, sub(wide(q), wide(plain.q)), 1, 8 * rows, dtype);
    ratio(`${what}: R`, sub(unscaled, wide(plain.r)), norm(a), 8 * rows, dtype);
  }
}

/** Q of reflections that are given; A of sizes that pivoting takes. */
export function checkPivotedQr(n: number, dtype: Real): void {
  for (const [rows, cols] of shapes(n)) {
    const a = made(rows, cols, dtype, (_i, j, x) => x / (j + 1));
    const { q, r, pivots } = linalg.qrPivoted(a);
    const moved = made(rows, cols, "float64", (i, j) => a.data[i * cols + (pivots.data[j] as number)] as number);
    checkFactors(moved, q, r, dtype, `qrPivoted ${dtype} ${rows} ${cols}`);
  }
}

/** H_1 H_2 ... of reflections with the zeros of τ that LAPACK has, too: the product is that of each by itself. */
export function checkReflections(n: number, dtype: Real): void {
  if (n > 130) return;
  const cols = Math.max(1, (n * 5) % (n + 1));
  const v = made(n, cols, dtype, (i, j, x) => (i === j ? Number.NaN : i < j ? Infinity : x / Math.sqrt(n)));
  const unit = made(n, cols, "float64", (i, j) => (i === j ? 1 : i < j ? 0 : (v.data[i * cols + j] as number)));
  const tau = made(cols, 1, dtype, (j) => {
    let square = 0;
    for (let i = 0; i < n; i++) square += (unit.data[i * cols + j] as number) ** 2;
    return j % 5 === 3 ? 0 : 2 / square;
  });
  const given = made(n, cols, dtype, (i, j) => (i > j ? (v.data[i * cols + j] as number) : 3));
  const q = linalg.householderProduct(given, tau.reshape([cols]) as F64);
  const want = new Float64Array(n * cols);
  for (let j = 0; j < cols; j++) want[j * cols + j] = 1;
  for (let p = cols - 1; p >= 0; p--)
    for (let j = 0; j < cols; j++) {
      let sum = 0;
      for (let i = p; i < n; i++) sum += (unit.data[i * cols + p] as number) * (want[i * cols + j] as number);
      for (let i = p; i < n; i++)
        want[i * cols + j] = (want[i * cols + j] as number) - (tau.data[p] as number) * sum * (unit.data[i * cols + p] as number);
    }
  const what = `householderProduct ${dtype} ${n} ${cols}`;
  ratio(
    what,
    made(n, cols, "float64", (i, j) => (q.data[i * cols + j] as number) - (want[i * cols + j] as number)),
    1,
    n,
    dtype,
  );
}

/** What is left of B is orthogonal to A, and X of a wide A to what A takes to zero; with λ, of A above √λ I. */
export function checkLeastSquares(n: number, dtype: Real): void {
  for (const [at, [rows, cols]] of shapes(n).entries()) {
    if (rows === cols) continue;
    const a = made(rows, cols, dtype, (_i, _j, x) => x);
    for (const count of [1, [2, 9, 30, 49][(at + n) % 4] as number]) {
      const b = made(rows, count, dtype, (i, j, x) => x + ((i + j) % 3));
      for (const l2Regularizer of [0, 0.25]) {
        const what = `lstsq ${dtype} ${rows} ${cols} ${count} ${l2Regularizer}`;
        const x = linalg.lstsq(a, b, { l2Regularizer });
        const left = sub(wide(b), product(a, x));
        const normal = sub(product(a, left, true), mul(wide(x), l2Regularizer)) as F64;
        ratio(what, normal, norm(a) * (norm(matrixTranspose(a) as F64) * norm(x) + norm(b)), Math.max(rows, cols), dtype);
        if (rows > cols || l2Regularizer > 0) continue;
        const { q } = linalg.qr(matrixTranspose(wide(a)) as F64);
        ratio(`${what}: least norm`, sub(wide(x), product(q, product(q, x, true))), norm(x) * norm(a), cols, dtype);
      }
    }
  }
}

/** Columns whose squares, or those of what is left of them, leave the range of numbers; of zeros; and ones that are the same. */
export function checkColumns(n: number, dtype: Real): void {
  if (n < 2) return;
  const far = dtype === "float64" ? 2 ** -600 : 2 ** -80;
  const at = n >> 1;
  for (const scale of [far, 0]) {
    const a = made(n + 3, n, dtype, (_i, j, x) => (j === at ? x * scale : x));
    const { q, r } = linalg.qr(a);
    checkFactors(a, q, r, dtype, `qr ${dtype} ${n}, column ${at} times ${scale}`);
    const column = made(n + 3, 1, "float64", (i) => ((a.data[i * n + at] as number) / far) as number);
    const again = made(n, 1, "float64", (i) => ((r.data[i * n + at] as number) / far) as number);
    ratio(`column ${at} of ${n} times ${scale} ${dtype}`, sub(column, product(q, again)), norm(column), n, dtype);
    if (scale === 0)
      expect(
        () =>
          linalg.lstsq(
            a,
            made(n + 3, 1, dtype, (i) => i),
          ),
        `${n}`,
      ).to.throw(LinalgError);
  }
  const half = made(n + 3, n, dtype, (_i, _j, x) => x);
  const twice = concat([half, half], { axis: 1 }) as F64;
  const { q, r } = linalg.qr(twice);
  checkFactors(twice, q, r, dtype, `qr ${dtype} of ${n} columns twice`);
}
