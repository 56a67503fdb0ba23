// QR, SVD and exponentials in lanes, where checkOp's samples do not lead: lanes with nothing in common, next to what the single kernel gives.
import { expect } from "chai";
import * as b from "../lib/index";
import { relativeError } from "../lib/testing/index";
import { cells } from "./grid";
import { DTYPES, epsOf } from "./spectra";

type F = b.Float;
type T = b.Tensor<F>;
type Run = (args: readonly T[], options?: object) => { readonly [name: string]: T };
const SPECS = { float32: b.float32, float64: b.float64, complex64: b.complex64, complex128: b.complex128 } as const;
const { expm, qr, svd, svdvals } = b.linalg;

/** Singular values of a matrix, by kind; the last two are those of all. */
const KINDS: readonly ((i: number, n: number, draw: number) => number)[] = [
  (_i, _n, draw) => Math.abs(draw),
  (i, n) => 10 ** ((-16 * i) / n),
  () => 1,
  (i, n, draw) => (i < n / 3 ? Math.abs(draw) : 0),
  () => 0,
  (i) => 1 + (i % 2),
];
const POWERS = [0, 60, -60, 0, 0, 90];

const drawn = (dtype: F, key: number, shape: readonly number[]): T => {
  const [re, im] = [b.random.normal(key, shape), b.random.normal(key + 1, shape)];
  return (dtype.startsWith("complex") ? b.complex(re, im) : re) as T;
};
/** Of another kind and scale in each lane. */
function batchOf(dtype: F, m: number, n: number, count: number): T {
  const k = Math.min(m, n);
  const wide = dtype === "float64" || dtype === "complex128";
  const list = Array.from({ length: count }, (_, item) => {
    const [u, v] = [qr(drawn(dtype, 10 * item + 1, [m, k]) as never).q, qr(drawn(dtype, 10 * item + 3, [n, k]) as never).q] as unknown as [
      T,
      T,
    ];
    const draws = b.random.normal(10 * item + 5, [k]).data;
    const power = 2 ** ((POWERS[item % POWERS.length] as number) / (wide ? 1 : 8));
    const s = Float64Array.from(
      { length: k },
      (_, i) => power * (KINDS[item % KINDS.length] as (typeof KINDS)[0])(i, k, draws[i] as number),
    );
    return b.matmul(b.mul(u, b.cast(b.tensor(s), u.dtype)) as T, v.adjoint());
  });
  return b.cast(b.stack(list as never) as unknown as T, dtype) as unknown as T;
}
const programOf = (f: (x: T) => object, dtype: F, m: number, n: number): Run => {
  const program = b.compile(f as never, SPECS[dtype](m, n)) as unknown as { runSync: Run };
  return (args, options) => program.runSync(args, options);
};
/** Of each item: ‖x - y‖ / size, the largest. */
const distance = (x: T, y: T, sizes: ArrayLike<number>): number => {
  const d = b.linalg.norm(b.sub(x, y) as never).data as Float64Array;
  return Math.max(0, ...Array.from(d, (e, i) => ((sizes[i] as number) > 0 ? e / (sizes[i] as number) : e)));
};
const identity = (x: T): T => b.add(b.eye(x.shape.at(-1) as number, { dtype: x.dtype }), b.mul(x, 0)) as T;
const SIZES = [
  [1, 1],
  [3, 1],
  [1, 3],
  [2, 2],
  [4, 4],
  [5, 3],
  [3, 8],
  [9, 9],
  [16, 8],
  [13, 17],
  [33, 20],
  [40, 40],
] as const;

describe("QR, SVD and exponentials in lanes", () => {
  it("QR: the signs of LAPACK, residuals of a few n ε", () => {
    for (const [dtype, [m, n], mode, count] of cells("QR in lanes", [DTYPES, SIZES, ["reduced", "complete"] as const, [1, 7, 19]])) {
      const a = drawn(dtype, m * 100 + n, [count, m, n]) as b.Tensor<never>;
      const x = b.cast(a, dtype as never) as unknown as T;
      const run = programOf((y) => qr(y as never, { mode }), dtype, m, n);
      const [lanes, single] = [run([x], { layout: "lanes" }), run([x], { layout: "single" })] as const;
      const eps = epsOf(dtype) * Math.max(m, n);
      for (const part of ["q", "r"] as const)
        expect(relativeError(lanes[part] as T, single[part] as T), `${part} of ${dtype} ${m} x ${n}`).to.be.below(1e3 * eps);
      const [q, r] = [lanes.q as T, lanes.r as T];
      expect(distance(b.matmul(q, r) as T, x, b.linalg.norm(x as never).data as Float64Array)).to.be.below(3 * eps);
      const g = b.matmul(q.adjoint(), q) as T;
      expect(distance(g, identity(g), new Float64Array(count))).to.be.below(6 * eps);
    }
  });

  it("QR: zeros, infinities and extreme sizes, each lane for itself", () => {
    const items = [
      [0, 0, 0, 0, 0, 0],
      [1, 2, 0, 3, 0, 0],
      [0, 1, 0, 2, 0, -3],
      [1, 1, 1e-200, 2, 0, 0],
      [Number.NaN, 1, 0, 2, 1, 1],
      [1e300, 1, 1e300, 2, 1, 1e300],
      [1e-300, 1e-310, 1e-300, 0, 0, 1e-300],
      [-0, 1, 0, -2, 0, 0],
      [1, Infinity, 0, 0, 0, 0],
    ];
    const a = b.tensor(items.map((x) => [x.slice(0, 2), x.slice(2, 4), x.slice(4)])) as unknown as T;
    const run = programOf((x) => qr(x as never), "float64", 3, 2);
    const [lanes, single] = [run([a], { layout: "lanes", onFailure: "nan" }), run([a], { layout: "single", onFailure: "nan" })];
    for (const part of ["q", "r"] as const)
      (single[part] as T).data.forEach((want, i) => {
        const got = (lanes[part] as T).data[i] as number;
        if (Number.isNaN(want)) expect(got, `${part} ${i}`).to.be.NaN;
        else expect(Math.abs(got - want), `${part} ${i}`).to.be.at.most(1e-15 * Math.abs(want) + 1e-15 * (part === "q" ? 1 : 0));
      });
  });

  it("SVD: residuals of a few n ε, values of the single kernel, whatever the neighbours", () => {
    for (const [dtype, [m, n], count] of cells("SVD in lanes", [DTYPES, SIZES, [1, 7, 19]])) {
      const k = Math.min(m, n);
      const a = batchOf(dtype, m, n, count);
      const run = programOf((x) => ({ ...svd(x as never), only: svdvals(x as never) }), dtype, m, n);
      const [lanes, single] = [run([a], { layout: "lanes" }), run([a], { layout: "single" })] as const;
      const { s, u, vh, only } = lanes as { s: T; u: T; vh: T; only: T };
      const tops = Array.from({ length: count }, (_, i) => (single.s as T).data[i * k] as number);
      const bound = 8 * epsOf(dtype) * Math.max(m, n);
      const what = `${dtype} ${m} x ${n}, ${count}`;
      const back = b.matmul(b.mul(u, b.cast(b.reshape(s, [count, 1, k]), dtype as never)) as T, vh) as T;
      expect(distance(back, a, tops), `A of ${what}`).to.be.below(bound);
      for (const g of [b.matmul(u.adjoint(), u), b.matmul(vh, vh.adjoint())] as T[])
        expect(distance(g, identity(g), new Float64Array(count)), `vectors of ${what}`).to.be.below(bound);
      for (const values of [s, only])
        values.data.forEach((x, i) => {
          const top = tops[Math.floor(i / k)] as number;
          expect(Math.abs(x - ((single.s as T).data[i] as number)), `value ${i} of ${what}`).to.be.at.most(bound * top);
          if (i % k > 0) expect(x).to.be.at.most(values.data[i - 1] as number);
        });
    }
  });

  it("exponentials: those of the single kernel, each lane scaled for itself", () => {
    const sizes = [1, 2, 3, 5, 8, 13, 24];
    for (const [dtype, n, count] of cells("expm in lanes", [DTYPES, sizes, [1, 7, 19]])) {
      const scale = Float64Array.from({ length: count }, (_, i) => 10 ** ((i % 7) - 5) / Math.sqrt(n));
      const shape = (x: Float64Array) => b.cast(b.reshape(b.tensor(x), [count, 1, 1]), drawn(dtype, 1, [1]).dtype);
      const draw = b.mul(drawn(dtype, n, [count, n, n]), shape(scale)) as T;
      // of the last ones skew, so that nothing overflows, and of every third the upper triangle alone
      const skew = b.sub(draw, draw.adjoint()) as T;
      const list = Array.from({ length: count }, (_, i) =>
        b.take((i % 7 > 4 ? skew : i % 3 === 2 ? b.triu(draw) : draw) as T, i, { axis: 0 }),
      );
      const x = b.cast(b.stack(list as never) as unknown as T, dtype) as unknown as T;
      const run = programOf((y) => ({ y: expm(y as never) }), dtype, n, n);
      const [lanes, single] = [run([x], { layout: "lanes" }).y as T, run([x], { layout: "single" }).y as T];
      const norms = b.linalg.norm(single as never).data as Float64Array;
      const conditions = norms.map((e, i) => e * (1 + (scale[i] as number) * n));
      expect(distance(lanes, single, conditions), `${dtype} ${n}, ${count}`).to.be.below(30 * epsOf(dtype) * n);
    }
    // triangular ones, whose diagonals are exact, are the single kernel's
    const upper = b.triu(b.mul(3, b.random.normal(5, [9, 6, 6]))) as T;
    const run = programOf((y) => ({ y: expm(y as never) }), "float64", 6, 6);
    const [lanes, single] = ["lanes", "single"].map((layout) => run([upper], { layout }).y as T) as [T, T];
    expect(Array.from(lanes.data)).to.deep.equal(Array.from(single.data));
    // of float32, whose powers overflow long before the matrix does
    const far = b.tensor([[[-1e7, 0], [1e7, -1e7]]], { dtype: "float32" }); // biome-ignore format: a matrix
    expect(expm(far).toArray()).to.deep.equal([[[0, 0], [0, 0]]]); // biome-ignore format: a matrix
  });

  it("bits do not depend on neighbours, chunks or threads", () => {
    for (const dtype of ["float64", "complex128"] as const)
      for (const [m, n] of [
        [4, 4],
        [9, 5],
        [6, 11],
        [20, 20],
      ] as const) {
        const all = batchOf(dtype, m, n, 19);
        const a = b.mul(all, b.cast(b.div(1, b.maximum(b.linalg.norm(all as never), 1)).reshape([19, 1, 1]), all.dtype as never)) as T;
        const order = Array.from({ length: 19 }, (_, i) => (7 * i + 3) % 19);
        const moved = b.take(a, order, { axis: 0 }) as T;
        const exps = (x: T) => (m === n ? { y: expm(x as never) } : {});
        const run = programOf((x) => ({ ...qr(x as never), ...svd(x as never), only: svdvals(x as never), ...exps(x) }), dtype, m, n);
        const whole = run([a], { layout: "lanes" });
        const other = run([moved], { layout: "lanes", chunk: 1, threads: 2 });
        for (const name of Object.keys(whole)) {
          const want = (b.take(whole[name] as T, order, { axis: 0 }) as T).data;
          (other[name] as T).data.forEach((x, i) => {
            if (!Object.is(x, want[i])) expect.fail(`${name} of ${dtype} ${m} x ${n}: ${x} and ${want[i]}`);
          });
        }
      }
  });

  it("numbers too large or small for squares, and NaN, go to the single kernel", () => {
    const a = b.mul(
      b.random.normal(1, [9, 4, 3]),
      b.reshape(b.tensor([1, 1e200, 1e-200, 1, Number.NaN, 1e300, 1e-310, 1, Infinity]), [9, 1, 1]),
    ) as T;
    const run = programOf((x) => ({ ...svd(x as never), only: svdvals(x as never) }), "float64", 4, 3);
    const [lanes, single] = [run([a], { layout: "lanes", onFailure: "nan" }), run([a], { layout: "single", onFailure: "nan" })];
    for (const values of ["s", "only"] as const)
      (single[values] as T).data.forEach((want, i) => {
        const got = (lanes[values] as T).data[i] as number;
        if (Number.isNaN(want)) expect(got).to.be.NaN;
        else expect(Math.abs(got - want), `${values} ${i}`).to.be.at.most(1e-14 * ((single.s as T).data[i - (i % 3)] as number));
      });
    for (const item of [1, 2, 5, 6])
      for (const part of ["u", "vh"] as const) {
        const [x, y] = [lanes, single].map((r) => (b.take(r[part] as T, [item], { axis: 0 }) as T).data);
        expect(Array.from(x as Float64Array), `${part} of item ${item}`).to.deep.equal(Array.from(y as Float64Array));
      }
  });

  it("complex columns whose cubes underflow, and diagonals with an imaginary part next to nothing, are LAPACK's", () => {
    for (const matrix of [
      ...[1e-104, 1e-120, 1e-145].map((t) => [
        [1, 0],
        [0, t],
        [0, t],
      ]),
      [
        [5, 1],
        [0, 2],
      ],
    ]) {
      const im = b.mul(matrix[2] ? 0 : 1e-17, b.ones([matrix.length, 2]));
      const one = b.complex(b.tensor(matrix), im) as b.Tensor as T;
      const lanes = qr(b.stack(Array.from({ length: 2 * b.info().lanes }, () => one)) as never) as unknown as { q: T; r: T };
      const alone = qr(one as never) as unknown as { q: T; r: T };
      for (const part of ["q", "r"] as const)
        expect(relativeError(b.index(lanes[part], 3) as T, alone[part]), `${part} of ${matrix}`).to.be.below(1e-14);
      expect(Array.from(b.imag(b.diag(b.index(lanes.r, 0))).data).every((x) => x === 0)).to.equal(true);
    }
  });
});
