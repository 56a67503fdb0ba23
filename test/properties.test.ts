// LAPACK's own measures of the decompositions over random shapes, conditioning and scaling: residuals divided by n ‖A‖ ε, with its threshold of
// 30 (LAPACK Working Note 41). Seeded, so that a failure comes back.
import { expect } from "chai";
import fc from "fast-check";
import { add, div, eye, type Float, linalg, matmul, mul, random, real, sub, type Tensor, tensor, tril, triu } from "../lib/index";
import { maxAbs } from "../lib/testing/close";

type F64 = Tensor<"float64">;
const THRESHOLD = 30;
const isSingle = (t: Tensor) => t.dtype === "float32" || t.dtype === "complex64";
const unit = (t: Tensor): number => (isSingle(t) ? 2 ** -24 : 2 ** -53);
const wide = (d: Float): Float => (d === "float32" ? "float64" : d === "complex64" ? "complex128" : d);
/** The largest column sum of magnitudes (real and imaginary part apart), in double precision. */
function norm1(t: Tensor): number {
  const columns = t.shape.at(-1) as number;
  const width = t.dtype.startsWith("complex") ? 2 : 1;
  const sums = new Float64Array(Math.max(1, columns));
  Array.from(t.data, (x, i) => (sums[Math.floor(i / width) % columns]! += Math.abs(x)));
  return Math.max(...sums);
}
/** The same numbers in another precision. */
const as = (t: Tensor, dtype: Float): F64 =>
  tensor(
    (dtype === "float32" || dtype === "complex64" ? Float32Array : Float64Array).from(t.data) as never,
    { shape: t.shape, dtype } as never,
  ) as never;

interface Sample {
  readonly dtype: Float;
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly condition: number; // 0 to 1: from 1 to the largest that the precision takes
  readonly scale: number; // -1 to 1: towards the ends of the exponents
  readonly batch: number;
  readonly seed: number;
}
const samples = fc.record<Sample>({
  dtype: fc.constantFrom("float32", "float64", "complex64", "complex128"),
  m: fc.integer({ min: 1, max: 40 }),
  n: fc.integer({ min: 1, max: 40 }),
  k: fc.integer({ min: 1, max: 5 }),
  condition: fc.double({ min: 0, max: 1, noNaN: true }),
  scale: fc.constantFrom(-1, -0.5, 0, 0.5, 1),
  batch: fc.constantFrom(1, 1, 9),
  seed: fc.nat(),
});
const check = (runs: number, property: (s: Sample) => void) => fc.assert(fc.property(samples, property), { seed: 20261125, numRuns: runs });

const exponents = (s: Sample) => (s.dtype === "float32" || s.dtype === "complex64" ? { digits: 4, scale: 15 } : { digits: 12, scale: 120 });
const unitary = (seed: number, n: number, dtype: Float): F64 => {
  const x = random.normal(seed, [n, n], { dtype }) as F64;
  return linalg.eigh(add(x, x.adjoint())).v;
};
/** singular values from 1 down to 1/κ, times the scale: U diag(σ) Vᴴ, or with `signs` V diag(±σ) Vᴴ. */
function matrix(s: Sample, m: number, n: number, kind: "general" | "positive" | "hermitian", item: number): F64 {
  const { digits, scale } = exponents(s);
  const p = Math.min(m, n);
  const dtype = wide(s.dtype);
  const sigma = Array.from(
    { length: p },
    (_, i) => 10 ** (-(digits * s.condition * i) / Math.max(1, p - 1)) * (kind === "hermitian" && i % 3 === 1 ? -1 : 1),
  );
  const [u, v] = [unitary(s.seed + item, m, dtype), unitary(s.seed + item + (kind === "general" ? 1000 : 0), n, dtype)];
  const middle = mul(eye(m, { columns: n }), tensor(Array.from({ length: n }, (_, i) => sigma[i] ?? 0)));
  const a = mul(10 ** (scale * s.scale), matmul(matmul(u, middle), v, { adjointB: true }));
  return as(kind === "general" ? a : div(add(a, a.adjoint()), 2), s.dtype);
}
/** What the property sees of each item, after all items went through the op as one batch. */
function batched(
  s: Sample,
  make: (item: number) => F64,
  op: (a: F64) => Record<string, Tensor>,
  see: (a: F64, out: Record<string, F64>, item: number) => void,
): void {
  const items = Array.from({ length: s.batch }, (_, i) => make(i));
  const first = items[0] as F64;
  const data = (isSingle(first) ? Float32Array : Float64Array).from(items.flatMap((t) => Array.from(t.data)));
  const whole = tensor(data as never, { shape: [s.batch, ...first.shape], dtype: s.dtype } as never) as unknown as F64;
  const out = op(whole);
  for (const i of new Set([0, s.batch - 1])) {
    const part = Object.entries(out).map(([name, t]) => {
      const size = t.data.length / s.batch;
      return [name, tensor(t.data.slice(i * size, (i + 1) * size) as never, { shape: t.shape.slice(1), dtype: t.dtype } as never)];
    });
    see(items[i] as F64, Object.fromEntries(part) as Record<string, F64>, i);
  }
}
const ratio = (what: string, residual: Tensor, size: number, n: number, s: Sample): void => {
  const value = norm1(residual) / (size * n * unit(residual));
  const single = s.dtype === "float32" || s.dtype === "complex64";
  const scaled = single ? value * (2 ** -53 / 2 ** -24) : value; // residuals are computed in double
  expect(scaled, `${what} of ${JSON.stringify(s)}`).to.be.below(THRESHOLD);
};
const up = (t: F64): F64 => as(t, wide(t.dtype));
const lower = (t: F64): F64 => add(tril(t), tril(t, { k: -1 }).adjoint()) as F64;

describe("LAPACK's residual ratios", function () {
  this.timeout(180_000);
  it("cholesky: A - L Lᴴ", () => {
    check(120, (s) =>
      batched(s, (i) => matrix(s, s.n, s.n, "positive", i), (a) => ({ l: linalg.cholesky(a) }), (a, { l }) => {
        ratio("A - L Lᴴ", sub(matmul(up(l!), up(l!), { adjointB: true }), up(a)), norm1(a), s.n, s);
      }),
    ); // biome-ignore format: one property a line
  });
  it("lu: A - P L U; |L| <= 1", () => {
    check(120, (s) =>
      batched(
        s,
        (i) => matrix(s, s.m, s.n, "general", i),
        (a) => ({ ...linalg.lu(a) }),
        (a, { p, l, u }) => {
          ratio("A - P L U", sub(matmul(up(p!), matmul(up(l!), up(u!))), up(a)), norm1(a), Math.min(s.m, s.n), s);
          expect(maxAbs(l!)).to.be.at.most(Math.SQRT2);
          expect(maxAbs(sub(tril(l!), l!))).to.equal(0);
          expect(maxAbs(sub(triu(u!), u!))).to.equal(0);
        },
      ),
    );
  });
  it("solve and inv: B - A X, I - A Y", () => {
    check(120, (s) =>
      batched(
        s,
        (i) => matrix(s, s.n, s.n, "general", i),
        (a) => {
          const b = as(random.normal(s.seed, [s.batch, s.n, s.k], { dtype: wide(s.dtype) }), s.dtype);
          return { x: linalg.solve(a, b), h: linalg.solve(a, b, { adjoint: true }), b, y: linalg.inv(a) };
        },
        (a, { x, h, b, y }) => {
          ratio("B - A X", sub(matmul(up(a), up(x!)), up(b!)), norm1(a) * norm1(x!), s.n, s);
          ratio("B - Aᴴ X", sub(matmul(up(a), up(h!), { adjointA: true }), up(b!)), norm1(a.adjoint()) * norm1(h!), s.n, s);
          ratio("I - A Y", sub(matmul(up(a), up(y!)), eye(s.n)), norm1(a) * norm1(y!), s.n, s);
        },
      ),
    );
  });
  it("eigh: A - V diag(w) Vᴴ, I - Vᴴ V; eigvalsh agrees", () => {
    check(120, (s) =>
      batched(
        s,
        (i) => matrix(s, s.n, s.n, "hermitian", i),
        (a) => ({ ...linalg.eigh(a), only: linalg.eigvalsh(a) }),
        (a, { w, v, only }) => {
          ratio("A - V diag(w) Vᴴ", sub(matmul(mul(up(v!), up(w!)), up(v!), { adjointB: true }), lower(up(a))), norm1(a), s.n, s);
          ratio("I - Vᴴ V", sub(matmul(up(v!), up(v!), { adjointA: true }), eye(s.n)), 1, s.n, s);
          ratio("w - eigvalsh", sub(up(w!), up(only!)).reshape([s.n, 1]), norm1(a), s.n, s);
          expect(Array.from(w!.data).every((x, i, all) => i === 0 || x >= (all[i - 1] as number))).to.equal(true);
        },
      ),
    );
  });
  it("lstsq: Aᴴ (B - A X) for tall, B - A X for wide A, by qr and svd", () => {
    check(120, (s) =>
      batched(
        s,
        (i) => matrix(s, s.m, s.n, "general", i),
        (a) => {
          const b = as(random.normal(s.seed, [s.batch, s.m, s.k], { dtype: wide(s.dtype) }), s.dtype);
          return { qr: linalg.lstsq(a, b, { rcond: 0 }), svd: linalg.lstsq(a, b, { method: "svd", rcond: 0 }), b };
        },
        (a, { qr, svd, b }) => {
          for (const x of [qr!, svd!]) {
            const r = sub(matmul(up(a), up(x)), up(b!));
            if (s.m < s.n) ratio("B - A X", r, norm1(a) * norm1(x), s.n, s);
            const unitA = mul(1 / norm1(a), up(a));
            ratio("Aᴴ (B - A X)", matmul(unitA, r, { adjointA: true }), norm1(b!) + norm1(a) * norm1(x), s.m + s.n, s);
          }
        },
      ),
    );
  });
  it("triangular solves: B - op(A) X", () => {
    check(120, (s) =>
      batched(
        s,
        (i) => linalg.cholesky(matrix({ ...s, condition: s.condition / 2 }, s.n, s.n, "positive", i)),
        (a) => {
          const b = as(random.normal(s.seed, [s.batch, s.n, s.k], { dtype: wide(s.dtype) }), s.dtype);
          return { x: linalg.solveTriangular(a, b), h: linalg.solveTriangular(a, b, { adjoint: true }), b };
        },
        (a, { x, h, b }) => {
          ratio("B - L X", sub(matmul(up(a), up(x!)), up(b!)), norm1(a) * norm1(x!), s.n, s);
          ratio("B - Lᴴ X", sub(matmul(up(a), up(h!), { adjointA: true }), up(b!)), norm1(a.adjoint()) * norm1(h!), s.n, s);
        },
      ),
    );
  });
  it("determinants: det, slogdet and logdet tell the same, and the sum of log |w|", () => {
    check(80, (s) =>
      batched(
        s,
        (i) => matrix(s, s.n, s.n, "positive", i),
        (a) => ({ ...linalg.slogdet(a), det: linalg.det(a), logdet: linalg.logdet(a), w: linalg.eigvalsh(a) }),
        (a, all) => {
          const [log, size] = [all.logabsdet!.item(), Math.abs(all.logabsdet!.item())];
          // a relative change of A by nε changes the logarithm by n ε κ at most
          const tolerance = THRESHOLD * s.n * unit(a) * 10 ** (exponents(s).digits * s.condition) * s.n + 4 * s.n * unit(a) * size;
          expect(log).to.be.closeTo(all.logdet!.item(), tolerance);
          expect(log).to.be.closeTo(
            Array.from(all.w!.data).reduce((t, x) => t + Math.log(Math.abs(x)), 0),
            tolerance,
          );
          const value = real(all.det!).item();
          const limit = isSingle(a) ? 80 : 690;
          if (size < limit) expect(Math.log(Math.abs(value))).to.be.closeTo(log, tolerance + 30 * s.n * unit(a));
        },
      ),
    );
  });
});
