// QR, LQ and QR with column pivoting of columns whose sizes lie further apart than the exponents of their dtype reach from 1: of powers of
// two D, A D = Q (R D) where A = Q R.
import { expect } from "chai";
import * as b from "../lib/index";
import { DTYPES, epsOf } from "./spectra";

type F = b.Float;
type T = b.Tensor<F>;
const { qr, lq, qrPivoted } = b.linalg;
const SHAPES: readonly (readonly [number, number])[] = [
  [2, 2],
  [5, 3],
  [3, 7],
  [1, 3],
  [20, 20],
  [24, 17],
  [18, 40],
  [70, 40],
];
const SPECS = { float32: b.float32, float64: b.float64, complex64: b.complex64, complex128: b.complex128 } as const;
const wide = (dtype: F): boolean => dtype === "float64" || dtype === "complex128";
const tolerance = (dtype: F): number => 30 * epsOf(dtype);
const pivots = (of: { pivots: b.Tensor }, item: number): number[] => {
  const count = of.pivots.shape.at(-1) as number;
  return Array.from(of.pivots.data, Number).slice(item * count, item * count + count);
};
const drawn = (dtype: F, key: number, shape: readonly number[]): T => b.random.normal(key, shape, { dtype }) as T;

/** Exponents of columns, in an order of no meaning, from -reach to reach; one column is zero where there are many. */
function exponents(n: number, reach: number): number[] {
  return Array.from({ length: n }, (_, j) => Math.round(reach * (1 - (2 * ((j * 7 + 3) % n)) / Math.max(1, n - 1))));
}
const powers = (dtype: F, of: readonly number[]): T => b.cast(b.tensor(of.map((e) => 2 ** e)), dtype) as unknown as T;
/** Largest |x - y| over the largest |y| of each column of a batch. */
function apart(x: T, y: T): number {
  const size = b.max(b.abs(y) as never, { axis: -2, keepDims: true }) as b.Tensor<b.Real>;
  const [gaps, sizes] = [b.abs(b.sub(x, y)) as b.Tensor<b.Real>, b.add(size, b.zeros(y.shape, { dtype: size.dtype }))];
  const all = Array.from(sizes.data, Number);
  return Array.from(gaps.data, Number).reduce((most, gap, i) => Math.max(most, gap === 0 ? 0 : gap / (all[i] as number)), 0);
}

describe("QR of columns of any sizes", () => {
  for (const dtype of DTYPES) {
    const reach = wide(dtype) ? 960 : 90;
    for (const [m, n] of SHAPES) {
      it(`${dtype} ${m} x ${n}: Q is that of moderate columns, R's columns follow; alone, in lanes, compiled`, () => {
        const d = powers(dtype, exponents(n, reach));
        const run = b.compile(((x: T) => qr(x as never)) as never, SPECS[dtype](m, n)) as unknown as {
          runSync: (x: T[]) => { q: T; r: T };
        };
        for (const items of [1, 7, 9]) {
          const a = drawn(dtype, m * 100 + n, [items, m, n]);
          const graded = b.mul(a, d) as T;
          const [plain, got] = [qr(a), qr(graded)];
          const bound = tolerance(dtype) * Math.max(m, n);
          expect(apart(got.q as T, plain.q as T), `Q of ${items}`).to.be.at.most(bound);
          expect(apart(got.r as T, b.mul(plain.r, d) as T), `R of ${items}`).to.be.at.most(bound);
          expect(apart(qr(graded, { mode: "r" }) as T, b.mul(plain.r, d) as T), `R alone of ${items}`).to.be.at.most(bound);
          const of = run.runSync([graded]);
          expect(apart(of.q, plain.q as T), `compiled: Q of ${items}`).to.be.at.most(bound);
          expect(apart(of.r, b.mul(plain.r, d) as T), `compiled: R of ${items}`).to.be.at.most(bound);
          const rows = lq(b.adjoint(graded) as T);
          expect(apart(b.adjoint(rows.l) as T, b.mul(plain.r, d) as T), `L of ${items}`).to.be.at.most(bound);
          const complete = qr(graded, { mode: "complete" });
          expect(apart(b.matmul(complete.q, complete.r) as T, graded), `complete of ${items}`).to.be.at.most(bound);
        }
      });
      it(`${dtype} ${m} x ${n}, pivoted: larger columns first, the factors those of columns in that order`, () => {
        const sizes = exponents(n, reach);
        for (const items of [1, 7, 9]) {
          const a = drawn(dtype, m * 100 + n, [items, m, n]);
          const graded = b.mul(a, powers(dtype, sizes)) as T;
          const { q, r, pivots } = qrPivoted(graded);
          const order = Array.from(pivots.data, Number);
          for (let item = 0; item < items; item++) {
            const mine = order.slice(item * n, item * n + n);
            expect([...mine].sort((x, y) => x - y)).to.deep.equal(Array.from({ length: n }, (_, j) => j));
            // a column may not stand behind one that is a thousand times smaller, as no column here has so little left
            if (n <= 7)
              for (let j = 1; j < Math.min(m, n); j++)
                expect(sizes[mine[j] as number] as number).to.be.at.most((sizes[mine[j - 1] as number] as number) + 10);
            const moved = b.take(b.take(graded, item, { axis: 0 }) as never, mine, { axis: 1 }) as unknown as T;
            const [of, triangle] = [b.take(q as never, item, { axis: 0 }), b.take(r as never, item, { axis: 0 })] as unknown as [T, T];
            expect(apart(b.matmul(of, triangle) as T, moved)).to.be.at.most(tolerance(dtype) * Math.max(m, n));
            const gram = b.matmul(of, of, { adjointA: true }) as T;
            expect(apart(gram, b.eye(Math.min(m, n), { dtype }) as T)).to.be.at.most(tolerance(dtype) * Math.max(m, n));
          }
        }
      });
    }
  }

  for (const dtype of DTYPES) {
    it(`${dtype}: columns behind those with reflections, so small that products with these vanish, in lanes and alone`, () => {
      const [lead, tail, last] = wide(dtype) ? [-98, -984, -1060] : [-19, -124, -140];
      for (const [m, n] of [
        [2, 3],
        [5, 9],
        [18, 40],
      ] as const) {
        const exponent = (j: number): number => (j < m ? lead : j < n - 1 ? tail : last);
        const half = powers(
          dtype,
          Array.from({ length: n }, (_, j) => exponent(j) / 2),
        );
        for (const items of [1, 7, 9]) {
          const a = drawn(dtype, m + n, [items, m, n]);
          const graded = b.mul(b.mul(a, half), half) as T;
          const { r } = qr(graded);
          const want = b.mul(b.mul(qr(a).r, half), half) as T;
          const column = (t: T, j: number): T => b.expandDims(b.take(t as never, j, { axis: -1 }), -1) as unknown as T;
          expect(apart(column(r as T, n - 2), column(want, n - 2)), `${m} x ${n}, ${items}`).to.be.at.most(tolerance(dtype) * n);
          const some = b.take(
            graded as never,
            Array.from({ length: n - 1 }, (_, j) => j),
            { axis: -1 },
          ) as unknown as T;
          const pivoted = qrPivoted(some);
          for (let item = 0; item < items; item++) {
            const of = (t: b.Tensor): T => b.take(t as never, item, { axis: 0 }) as unknown as T;
            const moved = b.take(of(some) as never, pivots(pivoted, item), { axis: 1 }) as unknown as T;
            const product = b.matmul(of(pivoted.q), of(pivoted.r)) as T;
            expect(apart(product, moved), `pivoted ${m} x ${n - 1}, ${items}`).to.be.at.most(tolerance(dtype) * n);
          }
          // of so few digits, parts of complex numbers, whose products are summed in another order, may be two apart
          const gaps = b.abs(b.sub(column(r as T, n - 1), column(want, n - 1))) as b.Tensor;
          expect(
            Math.max(...Array.from(gaps.data, Number)) / 2 ** (wide(dtype) ? -1074 : -149),
            `${m} x ${n}, ${items}, last`,
          ).to.be.at.most(2);
        }
      }
    });
  }

  it("a column of zeros and columns smaller than any normal number stay what they are", () => {
    const a = b.tensor([
      [0, 3e-310, 1e300, 2],
      [0, 4e-310, 0, 1],
      [0, 0, 1e300, 5],
    ]) as T;
    for (const items of [1, 9]) {
      const all = b.stack(Array.from({ length: items }, () => a) as never) as unknown as T;
      const { q, r } = qr(all);
      const back = b.matmul(q, r) as T;
      expect(apart(back, all)).to.be.at.most(1e-13);
      expect(Array.from(b.abs(r).data, Number)[1], `${items} items`).to.be.closeTo(3e-310, 1e-323 * 3);
      const pivoted = qrPivoted(all);
      expect(Array.from(pivoted.pivots.data).slice(0, 4)).to.deep.equal([2, 3, 1, 0]);
      const moved = b.take(all as never, [2, 3, 1, 0], { axis: 2 }) as unknown as T;
      expect(apart(b.matmul(pivoted.q, pivoted.r) as T, moved)).to.be.at.most(1e-13);
    }
  });

  it("gradients of Q are those of moderate columns over their powers", () => {
    for (const [m, n] of [
      [4, 3], // of a square matrix, Q does not depend on the last column
      [6, 4],
      [40, 30],
    ] as const) {
      const sizes = exponents(n, 450);
      const [d, inverse] = [
        powers("float64", sizes),
        powers(
          "float64",
          sizes.map((e) => -e),
        ),
      ];
      const weight = drawn("float64", 5, [m, n]);
      const gradient = b.grad((x: T) => b.sum(b.mul(qr(x as never).q, weight) as never) as never) as unknown as (x: T) => T;
      for (const items of [1, 7, 9]) {
        const a = drawn("float64", 3, [items, m, n]);
        expect(apart(gradient(b.mul(a, d) as T), b.mul(gradient(a), inverse) as T)).to.be.at.most(1e-10);
      }
    }
  });
});
