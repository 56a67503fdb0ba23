// Factors of one large matrix over the pool, Cholesky's gradient by block columns: the same bits for any threads, and right, in every place
// that is cut.
import { expect } from "chai";
import * as b from "../lib/index";
import { libraryChild } from "./child";
import { cells } from "./grid";

type F = b.Tensor<"float64">; // or any floating dtype
type Dtype = "float64" | "float32" | "complex128" | "complex64";
const EPS: Readonly<Record<Dtype, number>> = { float64: 2 ** -52, complex128: 2 ** -52, float32: 2 ** -23, complex64: 2 ** -23 };
const { linalg } = b;
const normal = (seed: number, shape: number[], dtype: Dtype): F => b.random.normal(b.random.key(seed), shape, { dtype }) as F;
const definite = (n: number, dtype: Dtype): F => {
  const g = normal(2, [n, n], dtype);
  return b.add(b.matmul(g, g, { adjointB: true }), b.mul(b.eye(n, { dtype }), n)) as F;
};
const bytes = (t: F): Buffer => Buffer.from(Uint8Array.from(new Uint8Array(t.data.buffer, t.data.byteOffset, t.data.byteLength)));
const largest = (t: F): number => Number(b.max(b.abs(t)).data[0]);
/** Sums of n terms: 8 n ε of the largest. */
function close(got: F, want: F, n: number, dtype: Dtype, what: string): void {
  expect(got.shape, what).to.deep.equal(want.shape);
  expect(largest(b.sub(got, want) as F), what).to.be.at.most(8 * n * EPS[dtype] * largest(want));
}
/** Ā = S + Sᴴ over 2, S = L⁻ᴴ Φ(Lᴴ L̄) L⁻¹ (Murray 2016, arXiv 1602.07527, equation 10), for L̄ = tril(W). */
function choleskyCotangent(l: F, w: F): F {
  const p = b.matmul(l, b.tril(w) as F, { adjointA: true }) as F;
  const phi = b.sub(b.tril(p), b.mul(b.diagEmbed(b.diag(p) as F), 0.5)) as F;
  const left = linalg.solveTriangular(l, phi, { adjoint: true }) as F;
  const s = linalg.solveTriangular(l, left, { side: "right" }) as F;
  return b.mul(b.add(s, b.adjoint(s)), 0.5) as F;
}
const pull = (f: (x: F) => F, x: F, w: F): F => {
  const g = (b.vjp(f as never, x as never) as unknown as { pullback(w: F): [F] | F }).pullback(w);
  return Array.isArray(g) ? (g[0] as F) : g;
};

/** All that is factored, with what follows it. */
const CALLS: Readonly<Record<string, (n: number, dtype: Dtype) => F[]>> = {
  cholesky: (n, dtype) => [linalg.cholesky(definite(n, dtype)) as F],
  "cholesky, gradient": (n, dtype) => [pull((x) => linalg.cholesky(x) as F, definite(n, dtype), normal(5, [n, n], dtype))],
  luFactor: (n, dtype) => Object.values(linalg.luFactor(normal(3, [n, n], dtype))) as F[],
  "luFactor, tall": (n, dtype) => Object.values(linalg.luFactor(normal(3, [n + 77, n], dtype))) as F[],
  "luFactor, wide": (n, dtype) => Object.values(linalg.luFactor(normal(3, [n, n + 77], dtype))) as F[],
  slogdet: (n, dtype) => Object.values(linalg.slogdet(normal(3, [n, n], dtype))) as F[],
  "solve, one right-hand side": (n, dtype) => [linalg.solve(normal(3, [n, n], dtype), normal(4, [n, 1], dtype)) as F],
  "solve, gradient": (n, dtype) => [
    pull((x) => linalg.solve(x, normal(4, [n, 3], dtype)) as F, normal(3, [n, n], dtype), normal(5, [n, 3], dtype)),
  ],
  inv: (n, dtype) => [linalg.inv(normal(3, [n, n], dtype)) as F],
};

function bits(n: number, dtype: Dtype): void {
  it(`${dtype}, n = ${n}: the same bits for any threads`, () => {
    for (const [name, threads] of cells(`block columns ${dtype} ${n}`, [Object.keys(CALLS), [2, 3, 7]])) {
      const f = CALLS[name] as (n: number, dtype: Dtype) => F[];
      b.setThreads(1);
      const one = f(n, dtype).map(bytes);
      b.setThreads(threads);
      f(n, dtype).forEach((got, i) => {
        expect(bytes(got).equals(one[i] as Buffer), `${name}, ${threads} threads`).to.equal(true);
      });
    }
  });
}

describe("factors of large matrices", function () {
  this.timeout(120_000);
  const threads = b.info().threads;
  afterEach(() => b.setThreads(threads));

  for (const [n, dtype] of [
    [512, "float64"],
    [530, "float32"],
    [577, "complex128"],
    [800, "float64"],
  ] as const)
    bits(n, dtype);

  for (const dtype of ["float64", "float32", "complex128"] as const)
    it(`${dtype}: factors make the matrix again, on several threads`, () => {
      b.setThreads(4);
      for (const [m, n] of [
        [384, 384],
        [481, 481],
        [800, 800],
        [960, 900],
        [500, 940],
      ] as const) {
        const a = normal(m, [m, n], dtype);
        const { p, l, u } = linalg.lu(a) as unknown as { p: F; l: F; u: F };
        close(b.matmul(b.cast(p, dtype) as F, b.matmul(l, u) as F) as F, a, n, dtype, `lu ${m} x ${n}`);
        expect(largest(l), `pivots of ${m} x ${n}`).to.be.at.most(dtype === "complex128" ? Math.SQRT2 : 1);
      }
      for (const n of [384, 512, 577, 800]) {
        const spd = definite(n, dtype);
        const l = linalg.cholesky(spd) as F;
        close(b.matmul(l, l, { adjointB: true }) as F, spd, n, dtype, `cholesky ${n}`);
        const w = normal(9, [n, n], dtype);
        close(
          pull((x) => linalg.cholesky(x) as F, spd, w),
          choleskyCotangent(l, w),
          n,
          dtype,
          `gradient of cholesky ${n}`,
        );
      }
    });

  it("a column of zeros is named", () => {
    b.setThreads(3);
    for (const [n, column] of [
      [500, 1],
      [500, 97],
      [800, 300],
      [800, 800],
    ] as const) {
      const a = b.where(b.equal(b.arange(n), column - 1), 0, normal(1, [n, n], "float64")) as F;
      const index = (() => {
        try {
          linalg.solve(a, b.ones([n, 1]));
        } catch (error) {
          return (error as b.LinalgError).index;
        }
        return undefined;
      })();
      expect(index, `${n}, column ${column}`).to.equal(column);
    }
  });

  it("several calls at once share the pool", () => {
    const { status, out, err } = libraryChild(`
      b.setThreads(3);
      const a = b.add(b.random.normal(b.random.key(1), [600, 600]), b.mul(b.eye(600), 60));
      const want = b.linalg.slogdet(a).logabsdet.data[0];
      const calls = Array.from({ length: 6 }, () => b.linalg.slogdet.async(a));
      Promise.all(calls).then((all) => console.log(all.every((x) => x.logabsdet.data[0] === want)));`);
    expect(`${status} ${out.trim()} ${err}`).to.equal("0 true ");
  });
});
