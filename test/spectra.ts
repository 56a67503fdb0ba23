// Batches of Hermitian matrices whose lanes have nothing in common, and what must hold of their spectra: for lanes-eigh.test.ts, and on the other
// instruction sets for isa-child.ts.
import { expect } from "chai";
import {
  compile,
  complex64,
  complex128,
  type Float,
  float32,
  float64,
  linalg,
  matmul,
  mul,
  random,
  type Tensor,
  tensor,
} from "../lib/index";

type F64 = Tensor<"float64">;
const SPECS = { float32, float64, complex64, complex128 } as const;
export const DTYPES = ["float32", "float64", "complex64", "complex128"] as const;
export const SIZES = [0, 1, 2, 3, 4, 5, 8, 15, 16, 17, 31, 32, 33, 64, 65] as const;
const isSingle = (dtype: Float) => dtype === "float32" || dtype === "complex64";
export const epsOf = (dtype: Float) => (isSingle(dtype) ? 2 ** -23 : 2 ** -52);
const stepOf = (dtype: Float) => (isSingle(dtype) ? 2 ** -149 : 2 ** -1074);

/** Spectra of n values, by name. */
const KINDS: Readonly<Record<string, (i: number, n: number, draw: number) => number>> = {
  any: (_i, _n, draw) => draw,
  graded: (i, n) => (i % 2 ? -1 : 1) * 10 ** ((-16 * i) / n),
  clustered: (_i, _n, draw) => 1 + 1e-14 * draw,
  repeated: (i) => (i % 3) - 1,
  lowRank: (i, n, draw) => (i < n / 4 ? draw : 0),
  opposite: (i, n) => (i < n / 2 ? 1 : -1) * (1 + (i % ((n + 1) >> 1))),
  zero: () => 0,
};
const POWERS = { wide: [0, -1040, -300, 300, 1010], narrow: [0, -140, -20, 60, 118] };
/** x 2^power, also where that power is no number. */
const times = (x: number, power: number): number => {
  const half = Math.trunc(power / 2);
  return x * 2 ** half * 2 ** (power - half);
};

export interface Batch {
  readonly a: Tensor;
  /** The power of two that was taken into each item. */
  readonly powers: readonly number[];
}
/** Matrices of another kind and scale in each lane, every fifth diagonal; above the diagonal there is NaN. */
export function batchOf(dtype: Float, n: number, count: number, key = 1): Batch {
  const parts = dtype.startsWith("complex") ? 2 : 1;
  const kinds = Object.values(KINDS);
  const data: number[] = [];
  const powers: number[] = [];
  for (let item = 0; item < count; item++) {
    const kind = kinds[(item + key) % kinds.length] as (typeof kinds)[number];
    const draws = random.normal(100 * key + item, [n + 1]).data;
    const w = Float64Array.from({ length: n }, (_, i) => kind(i, n, draws[i] as number));
    const exact = dtype.startsWith("complex") ? "complex128" : "float64";
    const start = random.normal(1000 * key + item, [n, n], { dtype: exact });
    const q = item % 5 === 4 ? undefined : (linalg.eigh(start).v as F64);
    const of = q ? (matmul(mul(q, tensor(w)), q, { adjointB: true }).data as Float64Array) : undefined;
    const power = (isSingle(dtype) ? POWERS.narrow : POWERS.wide)[(3 * item + key) % 5] as number;
    powers.push(power);
    for (let i = 0; i < n; i++)
      for (let j = 0; j < n; j++)
        for (let part = 0; part < parts; part++) {
          const x = of ? (of[(i * n + j) * parts + part] as number) : i === j && part === 0 ? (w[i] as number) : 0;
          data.push(j > i ? Number.NaN : times(x, power));
        }
  }
  const array = isSingle(dtype) ? Float32Array.from(data) : Float64Array.from(data);
  return { a: tensor(array, { shape: [count, n, n], dtype }) as Tensor, powers };
}

/** Numbers of one item, of complex dtypes re and im in turn, or with zeros for im, over 2^power. */
function numbers(t: Tensor, item: number, power: number): Float64Array {
  const [data, parts] = [t.data as ArrayLike<number>, t.dtype.startsWith("complex") ? 2 : 1];
  const count = t.shape.slice(1).reduce((p, q) => p * q, 1);
  return Float64Array.from({ length: 2 * count }, (_, e) => {
    const part = e % 2;
    return part < parts ? times(data[(item * count + (e - part) / 2) * parts + part] as number, -power) : 0;
  });
}
/** The largest element of A V - V diag(w), of VᴴV - I, and of A. */
function residuals(a: Float64Array, w: Float64Array, v: Float64Array, n: number): { residual: number; angle: number; norm: number } {
  const out = { residual: 0, angle: 0, norm: 0 };
  const lower = (i: number, k: number, part: number) =>
    i === k && part ? 0 : (a[2 * (Math.max(i, k) * n + Math.min(i, k)) + part] as number);
  for (let i = 0; i < n; i++)
    for (let j = 0; j < n; j++) {
      const [wj, x, y] = [w[2 * j] as number, v[2 * (i * n + j)] as number, v[2 * (i * n + j) + 1] as number];
      let [re, im, p, q] = [-wj * x, -wj * y, i === j ? -1 : 0, 0];
      for (let k = 0; k < n; k++) {
        const [s, t] = [lower(i, k, 0), k > i ? -lower(i, k, 1) : lower(i, k, 1)];
        const [c, d] = [v[2 * (k * n + j)] as number, v[2 * (k * n + j) + 1] as number];
        const [e, f] = [v[2 * (k * n + i)] as number, v[2 * (k * n + i) + 1] as number];
        re += s * c - t * d;
        im += s * d + t * c;
        p += e * c + f * d;
        q += e * d - f * c;
      }
      const grow = (name: keyof typeof out, size: number) => {
        if (!(size <= out[name])) out[name] = size; // NaN stays
      };
      grow("residual", Math.hypot(re, im));
      grow("angle", Math.hypot(p, q));
      grow("norm", Math.hypot(lower(i, j, 0), lower(i, j, 1)));
    }
  return out;
}

/** Values and vectors of a batch by lanes have LAPACK's residuals, and values are the single kernel's. */
export function checkSpectra(dtype: Float, n: number, count: number, key = 1): void {
  const { a, powers } = batchOf(dtype, n, count, key);
  const both = compile((x: F64) => linalg.eigh(x), SPECS[dtype](n, n) as ReturnType<typeof float64>);
  const values = compile((x: F64) => linalg.eigvalsh(x), SPECS[dtype](n, n) as ReturnType<typeof float64>);
  const { w, v } = both.runSync([a as F64], { layout: "lanes" });
  const only = values.runSync([a as F64], { layout: "lanes" });
  const single = values.runSync([a as F64], { layout: "single" });
  expect([w.shape, v.shape, only.shape]).to.deep.equal([
    [count, n],
    [count, n, n],
    [count, n],
  ]);
  for (let item = 0; item < count; item++) {
    const power = powers[item] as number;
    const what = `${dtype}, n = ${n}, batch ${count}, key ${key}, item ${item} (2^${power})`;
    const [of, lanes] = [numbers(a, item, power), numbers(w, item, power)];
    const { residual, angle, norm } = residuals(of, lanes, numbers(v, item, 0), n);
    const steps = times(stepOf(dtype), -power); // what rounding to a subnormal number costs
    const [unit, tolerance] = [6 * (n + 4) * epsOf(dtype), 6 * (n + 4) * (epsOf(dtype) * norm + steps)];
    expect(angle, `orthogonality, ${what}`).to.be.at.most(unit);
    expect(residual, `residual, ${what}`).to.be.at.most(tolerance);
    const [plain, alone] = [numbers(only, item, power), numbers(single, item, power)];
    for (let i = 0; i < n; i++) {
      if (i > 0) expect(lanes[2 * i], `order, ${what}`).to.be.at.least(lanes[2 * i - 2] as number);
      expect(lanes[2 * i], `value ${i}, ${what}`).to.be.closeTo(alone[2 * i] as number, tolerance);
      expect(plain[2 * i], `value ${i} alone, ${what}`).to.be.closeTo(alone[2 * i] as number, tolerance);
    }
  }
}
