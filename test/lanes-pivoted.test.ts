// QR with column pivoting in lanes: every lane with an order of its own, next to LAPACK's of the same matrix.
import { expect } from "chai";
import * as b from "../lib/index";
import { cells } from "./grid";
import { DTYPES, epsOf } from "./spectra";

type F = b.Float;
type T = b.Tensor<F>;
interface Parts {
  readonly q: T;
  readonly r: T;
  readonly pivots: b.Tensor<"int32">;
}
type Run = (args: readonly T[], options?: object) => Parts;
const SPECS = { float32: b.float32, float64: b.float64, complex64: b.complex64, complex128: b.complex128 } as const;
const { qrPivoted } = b.linalg;

const programOf = (dtype: F, m: number, n: number): Run => {
  const program = b.compile(((x: T) => qrPivoted(x as never)) as never, SPECS[dtype](m, n)) as unknown as { runSync: Run };
  return (args, options) => program.runSync(args, options);
};
const drawn = (dtype: F, key: number, shape: readonly number[]): T => b.random.normal(key, shape, { dtype }) as T;
const wide = (dtype: F): boolean => dtype === "float64" || dtype === "complex128";
const take = (t: b.Tensor, order: number | readonly number[]): T => b.take(t, order as never, { axis: 0 }) as T;
const bits = (t: b.Tensor): number[] => Array.from(t.data, Number);
const most = (t: T): number => bits(b.abs(t) as T).reduce((x, y) => Math.max(x, y), 0);
const batch = (...matrices: readonly (readonly (readonly number[])[])[]): T => b.tensor(matrices) as unknown as T;

/** Of another kind in each lane: any; columns of sizes far apart; columns next to each other, whose norms cancel; of lower rank. */
function batchOf(dtype: F, m: number, n: number, count: number): T {
  const eps = epsOf(dtype);
  const kinds: readonly ((key: number) => T)[] = [
    (key) => drawn(dtype, key, [m, n]),
    (key) => b.mul(drawn(dtype, key, [m, n]), b.cast(b.exp(b.mul(3, b.random.normal(key + 1, [n]))), dtype as never)) as T,
    (key) => b.add(drawn(dtype, key, [m, 1]), b.mul(Math.sqrt(eps), drawn(dtype, key + 1, [m, n]))) as T,
    (key) => b.matmul(drawn(dtype, key, [m, 2]), drawn(dtype, key + 1, [2, n])) as T,
  ];
  const list = Array.from({ length: count }, (_, i) => (kinds[i % kinds.length] as (typeof kinds)[0])(10 * i + 1));
  return b.stack(list as never) as unknown as T;
}
/** A P = Q R, the columns of Q orthonormal, and no column behind a diagonal element with more left than that, but for what laqp2 calls lost: √ε of a square. */
function checkOne(a: T, { q, r, pivots }: Parts, what: string): void {
  const dtype = a.dtype;
  const [m, n] = a.shape as [number, number];
  const [k, eps] = [Math.min(m, n), epsOf(dtype)];
  const bound = 8 * eps * Math.max(m, n);
  expect(
    Array.from(pivots.data).sort((x, y) => x - y),
    what,
  ).to.deep.equal(Array.from({ length: n }, (_, i) => i));
  const moved = b.take(a as never, Array.from(pivots.data), { axis: 1 }) as unknown as T;
  expect(most(b.sub(b.matmul(q, r), moved) as T), `A of ${what}`).to.be.at.most(bound * most(a) * Math.sqrt(n));
  const gram = b.sub(b.matmul(q, q, { adjointA: true }), b.eye(k, { dtype })) as T;
  expect(most(gram), `Q of ${what}`).to.be.at.most(bound);
  const [sizes, phases] = [bits(b.abs(r) as T), bits(b.imag(r as never) as never)];
  const size = (i: number, j: number): number => sizes[i * n + j] as number;
  for (let j = 0; j < k; j++) {
    const top = size(j, j) ** 2;
    for (let c = j + 1; c < n; c++) {
      let left = 0;
      for (let i = j; i <= Math.min(c, k - 1); i++) left += size(i, c) ** 2;
      expect(left, `column ${c} behind ${j} of ${what}`).to.be.at.most(top * (1 + 16 * n * Math.sqrt(eps)) + (bound * most(a)) ** 2);
    }
    expect(phases[j * n + j], what).to.equal(0);
  }
}
const SIZES = [
  [1, 1],
  [3, 1],
  [1, 3],
  [2, 2],
  [4, 4],
  [8, 4],
  [5, 3],
  [3, 8],
  [9, 9],
  [16, 8],
  [13, 17],
  [33, 20],
] as const;

describe("QR with column pivoting in lanes", () => {
  it("the largest column first, of every kind, dtype, size and batch", () => {
    for (const [dtype, [m, n], count] of cells("pivoted in lanes", [DTYPES, SIZES, [1, 7, 9, 19]])) {
      const a = batchOf(dtype, m, n, count);
      const got = programOf(dtype, m, n)([a], { layout: "lanes" });
      for (let i = 0; i < count; i++)
        checkOne(
          take(a, i),
          { q: take(got.q, i), r: take(got.r, i), pivots: take(got.pivots as never, i) as never },
          `${dtype} ${m} x ${n}, item ${i}`,
        );
    }
  });

  it("LAPACK's order and signs", () => {
    for (const [dtype, [m, n], count] of cells("pivoted as LAPACK", [["float64", "complex128"] as const, SIZES, [7, 19]])) {
      const a = drawn(dtype, 7 * m + n, [count, m, n]);
      const run = programOf(dtype, m, n);
      const [lanes, single, eager] = [
        run([a], { layout: "lanes" }),
        run([a], { layout: "single" }),
        qrPivoted(a as never) as unknown as Parts,
      ];
      const what = `${dtype} ${m} x ${n}`;
      for (const got of [lanes, eager]) {
        expect(bits(got.pivots as never), what).to.deep.equal(bits(single.pivots as never));
        for (const part of ["q", "r"] as const)
          expect(most(b.sub(got[part], single[part]) as T), `${part} of ${what}`).to.be.at.most(1e4 * epsOf(dtype) * m * most(a));
      }
    }
  });

  it("of columns of one size the first", () => {
    const h = [[1, 1], [1, -1]]; // biome-ignore format: a matrix
    const subjects = [
      [[1, 0, 0], [0, 1, 0], [0, 0, 1]], // biome-ignore format: a matrix
      [[0, 0, 1], [0, 2, 0], [1, 0, 0]], // biome-ignore format: a matrix
      [[1, 1, 1], [1, 1, 1], [1, 1, 1]], // biome-ignore format: a matrix
      [[0, 0, 0], [0, 0, 0], [0, 0, 0]], // biome-ignore format: a matrix
      [[0, 3, -3], [0, 4, -4], [0, 0, 0]], // biome-ignore format: a matrix
      [[3, 4, 0], [4, 3, 0], [0, 0, 5]], // biome-ignore format: a matrix
      h.flatMap((x) => h.map((y) => x.flatMap((s) => y.map((t) => s * t)))),
    ];
    for (const one of subjects) {
      const lanes = qrPivoted(batch(...Array.from({ length: 17 }, () => one)) as never) as unknown as Parts;
      const alone = qrPivoted(b.tensor(one) as never) as unknown as Parts;
      expect(bits(take(lanes.pivots as never, 3)), JSON.stringify(one)).to.deep.equal(bits(alone.pivots as never));
    }
    // sums of the same numbers in another order
    for (const dtype of DTYPES) {
      const rows = drawn(dtype, 5, [190, 1, 9]);
      const circulants = b.concat(
        Array.from({ length: 9 }, (_, i) => b.roll(rows as never, i, { axis: -1 })),
        { axis: -2 },
      );
      expect(new Set(bits(b.index(qrPivoted(circulants as never).pivots as never, ":", 0) as never)), dtype).to.deep.equal(new Set([0]));
    }
  });

  it("zeros, NaN, infinities and extreme sizes, each lane for itself", () => {
    const items = [
      [1, 2, 0, 3, 0, 0],
      [Number.NaN, 1, 0, 2, 1, 1],
      [0, 0, 0, 0, 0, 0],
      [1e300, 1, 1e300, 2, 1, 1e300],
      [1e-300, 1e-310, 1e-300, 0, 0, 1e-300],
      [1, Infinity, 0, 0, 0, 0],
      [-0, 1, 0, -2, 0, 0],
      [1, 1e-200, 0, 0, 0, 2e-200],
      [1, 0, 0, 1e-200, 0, 0],
      [1e-200, 2e-200, 0, 1, 0, 0],
      [0, 1, 0, 2, 0, -3],
    ];
    const shaped = (columns: number): T =>
      batch(...items.map((x) => (columns === 2 ? [x.slice(0, 2), x.slice(2, 4), x.slice(4)] : [x.slice(0, 3), x.slice(3)])));
    for (const columns of [2, 3]) {
      const a = shaped(columns);
      const run = programOf("float64", a.shape[1] as number, columns);
      const [lanes, single] = [run([a], { layout: "lanes", onFailure: "nan" }), run([a], { layout: "single", onFailure: "nan" })];
      expect(bits(lanes.pivots as never)).to.deep.equal(bits(single.pivots as never));
      for (const part of ["q", "r"] as const)
        items.forEach((_, i) => {
          const [got, want] = [bits(take(lanes[part], i)), bits(take(single[part], i))];
          const apart = [3, 4, 7, 8, 9].includes(i); // what the single kernel computes
          const bound = apart ? 0 : 2e-15 * want.reduce((x, y) => Math.max(x, Math.abs(y)), 0);
          want.forEach((x, e) => {
            if (Number.isNaN(x)) expect(got[e], `${part} of ${i}`).to.be.NaN;
            else expect(Math.abs((got[e] as number) - x), `${part} of ${i}`).to.be.at.most(bound);
          });
        });
      const { failures } = qrPivoted.checked(a as never);
      expect(failures.map((f) => [f.item, f.code])).to.deep.equal([1, 5].map((i) => [i, "ERR_NOT_FINITE"]));
    }
  });

  it("a bad item leaves its neighbours the bits that they have without it, as do order, chunks and threads", () => {
    const POISON = [Number.NaN, Number.POSITIVE_INFINITY, 0, 2 ** -1060, 2 ** -500, 2 ** 500, 2 ** 1000];
    for (const [dtype, [m, n], by] of cells("pivoted poisoned", [DTYPES, SIZES, POISON])) {
      const a = batchOf(dtype, m, n, 19);
      const factor = wide(dtype) || !Number.isFinite(by) || by === 0 ? by : 2 ** (Math.log2(by) / 8);
      const at = b.reshape(b.equal(b.arange(19), 5), [19, 1, 1]);
      const spoilt = b.where(at, b.mul(a, factor) as never, a as never) as unknown as T;
      const run = programOf(dtype, m, n);
      const [was, is] = [run([a], { layout: "lanes" }), run([spoilt], { layout: "lanes", onFailure: "nan" })];
      const order = Array.from({ length: 19 }, (_, i) => (7 * i + 3) % 19);
      const moved = run([take(a, order)], { layout: "lanes", chunk: 1, threads: 2 });
      for (const part of ["q", "r", "pivots"] as const) {
        const what = `${part} of ${dtype} ${m} x ${n} ${by}`;
        expect(bits(moved[part]), what).to.deep.equal(bits(take(was[part] as never, order)));
        for (let i = 0; i < 19; i++)
          if (i !== 5) expect(bits(take(is[part] as never, i)), `${what}, item ${i}`).to.deep.equal(bits(take(was[part] as never, i)));
      }
    }
  });

  it("of nothing", () => {
    for (const [m, n] of [
      [0, 3],
      [3, 0],
      [0, 0],
    ] as const) {
      const { q, r, pivots } = programOf("float64", m, n)([b.zeros([19, m, n]) as T], { layout: "lanes" });
      expect([q.shape, r.shape]).to.deep.equal([
        [19, m, 0],
        [19, 0, n],
      ]);
      expect(bits(pivots as never)).to.deep.equal(Array.from({ length: 19 * n }, (_, i) => i % n));
    }
  });

  it("gradients and tangents are those of one matrix", () => {
    for (const [m, n] of [
      [6, 4],
      [4, 4],
      [3, 5],
    ] as const) {
      const a = drawn("float64", 3, [19, m, n]);
      const of = (x: T): T => {
        const { q, r } = qrPivoted(x as never) as unknown as Parts;
        return b.add(b.sum(b.mul(q, drawn("float64", 1, q.shape.slice(-2)))), b.sum(b.mul(r, drawn("float64", 2, r.shape.slice(-2))))) as T;
      };
      const program = b.compile(b.grad(of as never) as never, b.float64(m, n)) as unknown as { runSync(x: readonly T[], o: object): T };
      const whole = b.grad(of as never)(a as never) as unknown as T;
      const [lanes, single] = [program.runSync([a], { layout: "lanes" }), program.runSync([a], { layout: "single" })];
      for (const got of [whole, lanes]) expect(most(b.sub(got, single) as T)).to.be.at.most(1e-11 * most(single));
    }
  });
});
