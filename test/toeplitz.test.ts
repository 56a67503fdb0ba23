// Levinson's recursion, which solveToeplitz takes for matrices of some size, next to elimination of the whole matrix.
import { expect } from "chai";
import * as b from "../lib/index";
import { relativeError, sameBits } from "../lib/testing/index";
import { cells } from "./grid";
import { DTYPES, epsOf } from "./spectra";
import { caught } from "./support";

type F = b.Float;
type T = b.Tensor<"float64">;
const { solve, solveToeplitz, toeplitz } = b.linalg;

const drawn = (dtype: F, key: number, shape: readonly number[]): T => b.random.normal(key, [...shape], { dtype }) as unknown as T;
/** Vectors whose first element is moved by so much. */
const moved = (x: T, by: number): T => b.add(x, b.mul(by, b.cast(b.equal(b.arange(x.shape.at(-1) as number), 0), x.dtype) as T)) as T;
const most = (x: T): number => b.abs(x).data.reduce((p, q) => Math.max(p, q), 0);
const system = (dtype: F, n: number, batch: readonly number[], by: number): [T, T] => [
  moved(b.mul(0.3 / Math.sqrt(n), drawn(dtype, 1, [...batch, n])) as T, by),
  b.mul(0.3 / Math.sqrt(n), drawn(dtype, 2, [...batch, n])) as T,
];
/** ‖T X - B‖ over n ε (‖T‖ ‖X‖ + ‖B‖). */
const residual = (c: T, r: T, x: T, y: T): number => {
  const t = toeplitz(c, r) as T;
  const size = (x.shape.at(-2) as number) * most(t) * most(x) + most(y);
  return most(b.sub(b.matmul(t, x), y) as T) / (epsOf(x.dtype) * size);
};
const SIZES = [16, 17, 18, 32, 33, 65, 130];

describe("Toeplitz equations by Levinson's recursion", () => {
  it("have the answers and the gradients of the whole matrix, of every dtype, size and batch", () => {
    for (const [dtype, n, k, batch] of cells("levinson", [DTYPES, SIZES, [1, 3], [[], [3]]])) {
      const [c, r] = system(dtype, n, batch, 1);
      const [y, g] = [drawn(dtype, 3, [...batch, n, k]), drawn(dtype, 4, [...batch, n, k])];
      const what = `${dtype} n=${n} k=${k} [${batch}]`;
      const x = solveToeplitz([c, r], y) as T;
      expect(residual(c, r, x, y), what).to.be.below(1);
      const own = b.vjp((p: T, q: T, z: T) => solveToeplitz([p, q], z) as T, c, r, y).pullback(g as never) as T[];
      const want = b.vjp((p: T, q: T, z: T) => solve(toeplitz(p, q) as T, z) as T, c, r, y).pullback(g as never) as T[];
      own.forEach((t, i) => void expect(relativeError(t, want[i] as T), `${what}, gradient ${i}`).to.be.below(300 * n * epsOf(dtype)));
      const tangents = [system(dtype, n, batch, 0.5), drawn(dtype, 5, [...batch, n, k])].flat() as T[];
      const along = (f: (...xs: T[]) => T): T => b.jvp(f as never, [c, r, y] as never, tangents as never).tangent as unknown as T;
      const [one, other] = [
        along((p, q, z) => solveToeplitz([p as T, q as T], z as T) as T),
        along((p, q, z) => solve(toeplitz(p as T, q as T) as T, z as T) as T),
      ];
      expect(relativeError(one, other), `${what}, tangent`).to.be.below(300 * n * epsOf(dtype));
    }
  });
  it("have the bits that each item has alone, later, compiled and under vmap", async () => {
    for (const [dtype, n] of cells("levinson alone", [DTYPES, [17, 40]])) {
      const [c, r] = system(dtype, n, [5], 1);
      const y = drawn(dtype, 3, [5, n, 2]);
      const spoilt = b.where(b.equal(b.reshape(b.arange(5), [5, 1]), 2), Number.NaN as never, c as never) as unknown as T;
      const all = solveToeplitz([c, r], y) as T;
      const { value, failures } = solveToeplitz.checked([spoilt, r], y);
      expect(failures.map((f) => [f.item, f.code, f.op])).to.deep.equal([[2, "ERR_NOT_FINITE", "solveToeplitz"]]);
      for (let i = 0; i < 5; i++) {
        const alone = solveToeplitz([c.index(i) as T, r.index(i) as T], y.index(i) as T) as T;
        expect(sameBits(all.index(i) as T, alone)).to.equal(true);
        if (i !== 2) expect(sameBits((value as T).index(i) as T, alone), `beside NaN, ${i}`).to.equal(true);
      }
      expect(sameBits((await solveToeplitz.async([c, r], y)) as T, all)).to.equal(true);
      expect(
        sameBits(b.vmap(((p: T, q: T, z: T) => solveToeplitz([p, q], z)) as never)(c as never, r as never, y as never) as T, all),
      ).to.equal(true);
      const spec = new b.Spec(dtype, [n]);
      const program = b.compile(
        ((p: T, q: T, z: T) => solveToeplitz([p, q], z)) as never,
        spec as never,
        spec as never,
        new b.Spec(dtype, [n, 2]) as never,
      );
      for (const layout of ["lanes", "single"] as const) {
        const got = (program as never as { runSync(xs: readonly T[], o: object): T }).runSync([c, r, y], { layout });
        expect(relativeError(got, all), layout).to.be.below(n * epsOf(dtype));
      }
    }
  });
  it("are solved by elimination where a leading minor is zero or small, or the matrix close to singular", () => {
    const n = 48;
    for (const [dtype, by] of cells("small minors", [DTYPES, [0, 1e-3, 1e-7, 1e-14, 1e-300]])) {
      const [p, q] = [drawn(dtype, 1, [n]), drawn(dtype, 2, [n])];
      const c = moved(b.mul(p, b.cast(b.notEqual(b.arange(n), 0), dtype) as T) as T, by);
      const y = drawn(dtype, 3, [n, 1]);
      expect(residual(c, q, solveToeplitz([c, q], y) as T, y), `${dtype} ${by}`).to.be.below(1);
    }
    // Slepian's matrix: positive definite, and singular to within rounding
    const sinc = b.tensor(Float64Array.from({ length: n }, (_, i) => (i === 0 ? 0.4 : Math.sin(0.4 * Math.PI * i) / (Math.PI * i)))) as T;
    const y = drawn("float64", 3, [n, 1]);
    expect(sameBits(solveToeplitz(sinc, y) as T, solve(toeplitz(sinc) as T, y) as T)).to.equal(true);
  });
  it("fail as those of the whole matrix do", () => {
    const [n, y] = [40, b.ones([40, 1]) as T];
    const singular = [b.ones([n]), b.zeros([n]), b.tensor(Float64Array.from({ length: n }, (_, i) => i % 2))] as T[];
    for (const c of singular) {
      const [own, want] = [caught(() => solveToeplitz([c, c], y)), caught(() => solve(toeplitz(c, c) as T, y))];
      expect([own.code, own.message.replace(/^\w+/, "")]).to.deep.equal([want.code, want.message.replace(/^\w+/, "")]);
      expect(own.message).to.match(/^solveToeplitz: /);
    }
    const nearly = moved(b.ones([n]) as T, 2 ** -52);
    const [own, want] = [solveToeplitz.checked(nearly, y), solve.checked(toeplitz(nearly) as T, y)];
    expect(own.failures.map((f) => f.code)).to.deep.equal(want.failures.map((f) => f.code));
    const [c, r] = system("float64", n, [], 1);
    const bad = (at: number, value = Number.POSITIVE_INFINITY): T => b.where(b.equal(b.arange(n), at), value as never, r as never) as never;
    expect(caught(() => solveToeplitz([c, bad(3)], y)).code).to.equal("ERR_NOT_FINITE");
    expect(caught(() => solveToeplitz([c, r], b.mul(y, Number.NaN))).code).to.equal("ERR_NOT_FINITE");
    expect(sameBits(solveToeplitz([c, bad(0)], y) as T, solveToeplitz([c, r], y) as T), "r_0 is not read").to.equal(true);
    expect(caught(() => solveToeplitz([b.mul(c, 1e-300) as T, b.mul(r, 1e-300) as T], b.mul(y, 1e300))).code).to.equal("ERR_NOT_FINITE");
  });
  it("are right at every scale, of no right-hand sides and of no items", () => {
    for (const [dtype, n] of cells("levinson scales", [DTYPES, [33, 64]])) {
      const wide = dtype === "float64" || dtype === "complex128";
      const [c, r] = system(dtype, n, [], 1);
      const y = drawn(dtype, 3, [n, 2]);
      const x = solveToeplitz([c, r], y) as T;
      for (const e of wide ? [-1000, -300, 300, 1000] : [-100, 60, 120]) {
        const by = (t: T): T => b.mul(t, 2 ** e) as T;
        expect(sameBits(solveToeplitz([by(c), by(r)], by(y)) as T, x), `${dtype} 2^${e}`).to.equal(true);
        if (Math.abs(e) < (wide ? 1000 : 100))
          expect(sameBits(solveToeplitz([c, r], by(y)) as T, by(x)), `${dtype} 2^${e} of b`).to.equal(true);
      }
      const tiny = (t: T): T => b.mul(b.mul(t, 2 ** (wide ? -1000 : -120)), 2 ** (wide ? -60 : -20)) as T; // digits are lost, of both
      expect(relativeError(solveToeplitz([tiny(c), tiny(r)], tiny(y)) as T, x), dtype).to.be.below(wide ? 1e-2 : 0.2);
      expect((solveToeplitz([c, r], drawn(dtype, 3, [n, 0])) as T).shape).to.deep.equal([n, 0]);
      const none = b.grad((p: T) => b.sum(b.real(solveToeplitz(p, b.zeros([0, n, 1], { dtype }) as T) as never) as never) as never)(
        drawn(dtype, 1, [0, n]) as never,
      );
      expect((none as T).shape).to.deep.equal([0, n]);
    }
  });
});
