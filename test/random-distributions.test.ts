// Random distributions made of uniform and normal numbers. Keys are fixed, so that nothing is left to chance: a statistic that passes once passes
// always.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import {
  arange,
  type BacksolveError,
  cast,
  compile,
  complex64,
  type DType,
  float64,
  grad,
  int32,
  type Key,
  linalg,
  matmul,
  mul,
  neg,
  random,
  scan,
  stack,
  sum,
  type Tensor,
  tensor,
  transpose,
  vmap,
  zeros,
} from "../lib/index";
import { relativeError, sameBits } from "../lib/testing/index";
import { caught, wrong } from "./support";

type F64 = Tensor<"float64">;
interface Golden {
  readonly seed: number;
  readonly exponential: readonly number[];
  readonly bernoulli: readonly boolean[];
  readonly categorical: readonly number[];
  readonly permutation: readonly number[];
  readonly integers: readonly number[];
  readonly weighted: readonly number[];
  readonly distinct: readonly number[];
  readonly vectors: readonly (readonly number[])[];
}
const golden = (JSON.parse(readFileSync(join(__dirname, "golden/random-distributions.json"), "utf8")) as { composed: Golden }).composed;

const N = 20_000;
const logits = tensor([0.5, -1, Number.NEGATIVE_INFINITY, 2, 0]);
const weights = tensor([1, 0, 2.5, 0.5, 3]);
const mean = tensor([1, -2]);
const covariance = tensor([
  [4, -2],
  [-2, 1.25],
]);

/** sqrt(n) max |F_n - F|, above 1.95 for one sample in a thousand. */
function kolmogorov(x: F64, cdf: (x: number) => number): number {
  let d = 0;
  const sorted = x.data.slice().sort();
  sorted.forEach((v, i) => {
    d = Math.max(d, cdf(v) - i / sorted.length, (i + 1) / sorted.length - cdf(v));
  });
  return Math.sqrt(sorted.length) * d;
}
/** How far chi-square of counts lies from its mean, in deviations. */
function chiSquare(got: ArrayLike<number>, shares: readonly number[]): number {
  const counts = shares.map(() => 0);
  for (let i = 0; i < got.length; i++) counts[got[i] as number] = (counts[got[i] as number] as number) + 1;
  let [chi, bins] = [0, -1];
  shares.forEach((p, i) => {
    if (p === 0) expect(counts[i], `place ${i}`).to.equal(0);
    if (p === 0) return;
    bins++;
    chi += ((counts[i] as number) - p * got.length) ** 2 / (p * got.length);
  });
  return Math.abs(chi - bins) / Math.sqrt(2 * bins);
}
const shares = (w: readonly number[]): number[] => w.map((x) => x / w.reduce((a, b) => a + b, 0));
const near = (got: ArrayLike<number>, want: readonly number[]): void =>
  want.forEach((x, i) => expect(got[i]).to.be.closeTo(x, 8 * 2 ** -52 * Math.max(1, Math.abs(x))));

describe("random distributions: fixed numbers", () => {
  const { seed } = golden;
  it("are those of the generator in Python", () => {
    near(random.exponential(seed, 12).data, golden.exponential);
    expect(random.bernoulli(seed, 0.3, { shape: 12 }).toArray()).to.deep.equal(golden.bernoulli);
    expect(random.categorical(seed, logits, { shape: 12 }).toArray()).to.deep.equal(golden.categorical);
    expect(random.permutation(seed, 12).toArray()).to.deep.equal(golden.permutation);
    expect(random.choice(seed, 7, { shape: 12 }).toArray()).to.deep.equal(golden.integers);
    expect(random.choice(seed, 5, { shape: 12, p: weights }).toArray()).to.deep.equal(golden.weighted);
    expect(random.choice(seed, 5, { shape: 4, p: weights, replace: false }).toArray()).to.deep.equal(golden.distinct);
    expect(random.choice(seed, 12, { shape: [2, 3], replace: false }).toArray()).to.deep.equal([
      golden.permutation.slice(0, 3),
      golden.permutation.slice(3, 6),
    ]);
    near(random.multivariateNormal(seed, mean, covariance, { shape: 4 }).data, golden.vectors.flat());
  });
  it("do not depend on what else is drawn, and single precision is double precision rounded", () => {
    expect(random.exponential(3, 5).data).to.deep.equal(random.exponential(3, [8]).data.slice(0, 5));
    expect(random.exponential(3, 500, { dtype: "float32" }).data).to.deep.equal(Float32Array.from(random.exponential(3, 500).data));
    const [p, q] = [tensor(Float32Array.of(0.1, 0.6)), cast(tensor(Float32Array.of(0.1, 0.6)), "float64")];
    expect(sameBits(random.bernoulli(3, p, { shape: [200, 2] }), random.bernoulli(3, q, { shape: [200, 2] }))).to.equal(true);
    const single = random.categorical(3, cast(logits, "float32"), { shape: 300 });
    expect(sameBits(single, random.categorical(3, logits, { shape: 300 }))).to.equal(true);
  });
  it("a seed is its key", () => {
    expect(sameBits(random.exponential(9, 4), random.exponential(random.key(9), [4]))).to.equal(true);
    expect(sameBits(random.permutation(9, 40), random.permutation(random.key(9), 40))).to.equal(true);
  });
});

describe("random distributions: the distribution", () => {
  it("exponential", () => {
    const x = random.exponential(1, N);
    expect(kolmogorov(x, (v) => 1 - Math.exp(-v))).to.be.below(1.95);
    expect(Math.min(...x.data)).to.be.above(0);
    expect(Math.max(...x.data)).to.be.within(8, 37);
  });
  it("bernoulli", () => {
    for (const p of [0.01, 0.5, 0.93]) {
      const share = sum(cast(random.bernoulli(2, p, { shape: N }), "float64")).item() / N;
      expect(Math.abs(share - p)).to.be.below(3.3 * Math.sqrt((p * (1 - p)) / N));
    }
    const ends = random.bernoulli(2, tensor([0, 1, -1, 2, Number.NaN]), { shape: [500, 5] });
    expect(sum(cast(ends, "float64"), { axis: 0 }).toArray()).to.deep.equal([0, 500, 0, 500, 0]);
  });
  it("categorical", () => {
    const p = shares([...logits.data].map(Math.exp));
    expect(chiSquare(random.categorical(3, logits, { shape: N }).data, p)).to.be.below(4);
    const columns = random.categorical(4, stack([logits, neg(mul(2, tensor([1, 0, 1, 0, 1])))], { axis: 1 }), { axis: 0, shape: [N, 2] });
    expect(chiSquare(transpose(columns).data.slice(0, N), p)).to.be.below(4);
    expect(chiSquare(transpose(columns).data.slice(N), shares([-2, 0, -2, 0, -2].map(Math.exp)))).to.be.below(4);
    expect(random.categorical(5, tensor([Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY])).item()).to.equal(0);
    expect(random.categorical(5, tensor([9, Number.NaN])).item()).to.equal(1);
  });
  it("permutation: all 24 orders of four", () => {
    const orders = vmap((k: Key) => random.permutation(k, 4))(stack(random.split(6, N)));
    const places = Array.from({ length: N }, (_, i) => {
      const [a, b, c] = orders.data.slice(4 * i, 4 * i + 3) as unknown as [number, number, number];
      const rest = [0, 1, 2, 3].filter((x) => x !== a);
      return 6 * a + 2 * rest.indexOf(b) + (c > (rest.filter((x) => x !== b)[0] as number) ? 1 : 0);
    });
    expect(chiSquare(places, Array(24).fill(1 / 24))).to.be.below(4);
    expect([...random.permutation(7, 1000).data].sort((a, b) => a - b)).to.deep.equal([...Array(1000).keys()]);
  });
  it("choice: with replacement, and pairs without", () => {
    const p = shares([...weights.data]);
    expect(chiSquare(random.choice(8, 9, { shape: N }).data, Array(9).fill(1 / 9))).to.be.below(4);
    expect(chiSquare(random.choice(9, 5, { shape: [N / 2, 2], p: weights }).data, p)).to.be.below(4);
    const pairs = vmap((k: Key) => random.choice(k, 5, { shape: 2, p: weights, replace: false }))(stack(random.split(10, N)));
    const places = Array.from({ length: N }, (_, i) => 5 * (pairs.data[2 * i] as number) + (pairs.data[2 * i + 1] as number));
    const joint = p.flatMap((a, i) => p.map((b, j) => (i === j ? 0 : (a * b) / (1 - a))));
    expect(chiSquare(places, joint)).to.be.below(4);
  });
  it("choice: weights at both ends of the range, never those of 0", () => {
    const halves = random.choice(8, 4, { shape: N, p: tensor([0, 1e308, 0, 1.5e308]) });
    expect(chiSquare(halves.data, [0, 0.4, 0, 0.6])).to.be.below(4);
    const least = tensor([0, 5e-324, 0]);
    expect(random.choice(8, 3, { shape: 500, p: least }).data.every((i) => i === 1)).to.equal(true);
    expect(random.choice(8, 3, { shape: 1, p: least, replace: false }).toArray()).to.deep.equal([1]);
  });
  it("multivariateNormal, by both factors, of singular covariances too", () => {
    const singular = tensor([
      [1, 2, 0],
      [2, 4, 0],
      [0, 0, 1],
    ]);
    for (const [c, method] of [
      [covariance, "cholesky"],
      [covariance, "eigh"],
      [singular, "eigh"],
    ] as const) {
      const n = c.shape[0] as number;
      const x = random.multivariateNormal(11, zeros(n), c, { shape: [N], method });
      const got = mul(1 / N, matmul(x, x, { adjointA: true }));
      for (let i = 0; i < n; i++)
        for (let j = 0; j < n; j++) {
          const [a, b, d] = [c.at(i, i), c.at(i, j), c.at(j, j)] as [number, number, number];
          expect(Math.abs((got.at(i, j) as number) - b)).to.be.at.most(4 * Math.sqrt((a * d + b * b) / N) + 1e-14); // Isserlis
        }
    }
  });
});

/** Draws of one key, of every distribution. */
const draws: Readonly<Record<string, (key: Key) => Tensor>> = {
  exponential: (k) => random.exponential(k, [3]),
  single: (k) => random.exponential(k, [], { dtype: "float32" }),
  bernoulli: (k) => random.bernoulli(k, tensor([0.2, 0.5, 0.9]), { shape: [4, 3] }),
  categorical: (k) => random.categorical(k, logits, { shape: [4] }),
  permutation: (k) => random.permutation(k, 6),
  shuffled: (k) => random.permutation(k, tensor([[1, 2, 3], [4, 5, 6]]), { axis: 1 }), // biome-ignore format: one line
  choice: (k) => random.choice(k, arange(0, 5, 1), { shape: [2, 3] }),
  weighted: (k) => random.choice(k, 5, { shape: 7, p: weights }),
  distinct: (k) => random.choice(k, 5, { shape: [2, 2], p: weights, replace: false }),
  multivariateNormal: (k) => random.multivariateNormal(k, mean, covariance, { shape: [3] }),
  eigh: (k) => random.multivariateNormal(k, mean, covariance, { method: "eigh" }),
};

describe("random distributions: keys of a batch", () => {
  const keys = random.split(12, 9);
  const whole = stack(keys);
  for (const [name, draw] of Object.entries(draws)) {
    it(`${name}: each has the numbers of its key, in vmap, scan and programs of both layouts`, () => {
      const want = stack(keys.map(draw) as F64[]);
      // eigenvectors in lanes are those of another algorithm, to rounding
      const same = (got: Tensor): boolean => (name === "eigh" ? relativeError(got, want) < 1e-14 : sameBits(got, want));
      expect(same(vmap(draw)(whole)), "vmap").to.equal(true);
      const { ys } = scan((carry: F64, k: Key) => ({ carry, y: draw(k) }), tensor(0), whole);
      expect(same(ys), "scan").to.equal(true);
      const program = compile(draw, int32(2));
      for (const layout of ["single", "lanes", undefined] as const)
        expect(same(program.runSync([whole], layout ? { layout } : {})), layout ?? "auto").to.equal(true);
      expect(program.runSync([int32Of([0, 2])]).shape).to.deep.equal([0, ...want.shape.slice(1)]);
    });
  }
});
const int32Of = (shape: number[]): Tensor<"int32"> => zeros(shape, { dtype: "int32" });

describe("random distributions: shapes, parameters that are traced, derivatives", () => {
  it("shapes are those of the parameters, or asked for", () => {
    const shapesOf = (...list: Tensor[]): unknown => list.map((t) => t.shape);
    expect(shapesOf(random.exponential(1, []), random.exponential(1, [0, 3]), random.exponential(1, 2))).to.deep.equal([[], [0, 3], [2]]);
    expect(shapesOf(random.bernoulli(1, 0.5), random.bernoulli(1, zeros([2, 0])), random.bernoulli(1, zeros([2, 1]), { shape: [3, 2, 4] }))).to.deep // biome-ignore format: one line
      .equal([[], [2, 0], [3, 2, 4]]);
    const l = zeros([4, 2, 3]);
    expect(shapesOf(random.categorical(1, l), random.categorical(1, l, { axis: 1 }), random.categorical(1, l, { axis: 0, shape: [5, 2, 3] }))) // biome-ignore format: one line
      .to.deep.equal([[4, 2], [4, 3], [5, 2, 3]]); // biome-ignore format: one line
    expect(random.categorical(1, zeros([0, 0])).shape).to.deep.equal([0]);
    const x = zeros([4, 5]);
    expect(shapesOf(random.permutation(1, x), random.permutation(1, 0), random.choice(1, x), random.choice(1, x, { axis: -1, shape: [2, 3] }))) // biome-ignore format: one line
      .to.deep.equal([[4, 5], [0], [5], [4, 2, 3]]); // biome-ignore format: one line
    expect(shapesOf(random.choice(1, 0, { shape: 0 }), random.choice(1, 3, { replace: false, shape: [0] }))).to.deep.equal([[0], [0]]);
    const c = stack([covariance, covariance, covariance]);
    const batch = (shape?: number[]): Tensor => random.multivariateNormal(1, zeros([2, 1, 2]), c, { shape: shape as number[] });
    expect(shapesOf(batch(), batch([5, 2, 3]), random.multivariateNormal(1, mean, covariance, { shape: [0] }))).to.deep.equal([[2, 3, 2], [5, 2, 3, 2], [0, 2]]); // biome-ignore format: one line
    expect(random.multivariateNormal(1, cast(mean, "float32"), cast(covariance, "float32")).dtype).to.equal("float32");
  });
  it("parameters that are traced", () => {
    const ps = random.uniform(1, [7, 3]);
    const program = compile((k: Key, p: F64) => random.bernoulli(k, p), int32(2), float64(3));
    const [k, c] = [random.key(2), random.key(3)];
    const want = stack(Array.from({ length: 7 }, (_, i) => random.bernoulli(k, ps.index(i) as F64)) as never[]);
    expect(sameBits(program.runSync([k, ps]), want)).to.equal(true);
    const rows = vmap((p: F64) => random.choice(c, 3, { shape: 5, p }))(ps);
    expect(rows.index(4).toArray()).to.deep.equal(random.choice(c, 3, { shape: 5, p: ps.index(4) as F64 }).toArray());
  });
  it("derivatives: those of the elements that were chosen, and of mean and factor", () => {
    const x = tensor([1, 2, 3, 4]);
    const order = random.permutation(1, 4);
    const slope = grad((y: F64) => sum(mul(random.permutation(1, y), tensor([1, 10, 100, 1000]))))(x);
    order.data.forEach((at, i) => expect(slope.at(at)).to.equal(10 ** i));
    const f = (m: F64, c: F64): F64 => sum(mul(random.multivariateNormal(4, m, c), tensor([3, -1])));
    expect(grad(f)(mean, covariance).toArray()).to.deep.equal([3, -1]);
    const z = random.normal(4, [2]);
    const byFactor = grad((c: F64) => sum(mul(matmul(linalg.cholesky(c), z.reshape([2, 1])), tensor([[3], [-1]]))))(covariance);
    expect(
      grad(f, { argnums: 1 })(mean, covariance)
        .sub(byFactor)
        .data.every((d) => Math.abs(d) < 1e-14),
    ).to.equal(true);
    expect(grad((p: F64) => sum(mul(p, cast(random.bernoulli(1, p), "float64"))))(tensor([1, 0])).toArray()).to.deep.equal([1, 0]);
  });
});

describe("random distributions: errors", () => {
  const z = zeros(3, { dtype: "complex64" });
  const cases: [() => unknown, BacksolveError["code"], RegExp][] = [
    [() => random.exponential(1, [2], { dtype: wrong("complex64") }), "ERR_DTYPE", /^random\.exponential: dtype must be float32 or float64, got complex64\.$/],
    [() => random.exponential(1, [-1]), "ERR_SHAPE", /non-negative integers, got -1/],
    [() => random.exponential(-1, [1]), "ERR_ARGUMENT", /seed must be a non-negative integer, got -1/],
    [() => random.exponential(wrong(z), [1]), "ERR_DTYPE", /^random\.exponential: key must be .*, got complex64/],
    [() => random.bernoulli(1, wrong(z)), "ERR_DTYPE", /^random\.bernoulli: p must be float32 or float64, got complex64\.$/],
    [() => random.bernoulli(1, wrong([0.5])), "ERR_ARGUMENT", /^random\.bernoulli: p must be a tensor or a number, got \[0\.5\]\. Wrap it/],
    [() => random.bernoulli(1, zeros([3]), { shape: [2] }), "ERR_SHAPE", /^random\.bernoulli: option shape must be one that the parameters broadcast to, got \[2\] for p \[3\]\.$/],
    [() => random.bernoulli(1, zeros([2, 3]), { shape: [3] }), "ERR_SHAPE", /got \[3\] for p \[2, 3\]/],
    [() => random.categorical(1, wrong(int32Of([3]))), "ERR_DTYPE", /^random\.categorical: logits must be float32 or float64, got int32/],
    [() => random.categorical(1, zeros([2, 0])), "ERR_SHAPE", /logits has no categories along axis 1, got shape \[2, 0\]/],
    [() => random.categorical(1, zeros([2, 3]), { axis: 2 }), "ERR_ARGUMENT", /^random\.categorical: .*axis/],
    [() => random.categorical(1, wrong(1)), "ERR_SHAPE", /logits must have an axis of categories, got a scalar/],
    [() => random.permutation(1, -1), "ERR_ARGUMENT", /^random\.permutation: n must be an integer from 0 to 2147483647, got -1\.$/],
    [() => random.permutation(1, 1.5), "ERR_ARGUMENT", /got 1\.5/],
    [() => random.permutation(1, tensor(3)), "ERR_SHAPE", /x must have an axis, got a scalar tensor/],
    [() => random.choice(1, 0), "ERR_ARGUMENT", /^random\.choice: there is nothing to choose 1 from\.$/],
    [() => random.choice(1, 3, { shape: [2, 2], replace: false }), "ERR_ARGUMENT", /without replacement at most 3 can be chosen, got shape \[2, 2\]/],
    [() => random.choice(1, 3, { replace: wrong(1) }), "ERR_ARGUMENT", /option replace must be true or false, got 1/],
    [() => random.choice(1, 3, { p: zeros([2]) }), "ERR_SHAPE", /option p must have shape \[3\], a weight for each, got \[2\]/],
    [() => random.choice(1, 3, { p: zeros([3]) }), "ERR_ARGUMENT", /option p must have at least 1 weights above 0 for this choice, got 0/],
    [() => random.choice(1, 3, { p: tensor([1, -1, 0]) }), "ERR_ARGUMENT", /finite weights that are not negative, got -1 at 1/],
    [() => random.choice(1, 3, { p: tensor([1, Number.NaN, 0]) }), "ERR_ARGUMENT", /not negative, got NaN at 1/],
    [() => random.choice(1, 5, { shape: 5, p: weights, replace: false }), "ERR_ARGUMENT", /at least 5 weights above 0 for this choice, got 4/],
    [() => random.multivariateNormal(1, mean, zeros([3, 3])), "ERR_SHAPE", /mean must be \(\.\.\., n\) and covariance \(\.\.\., n, n\), got \[2\] and \[3, 3\]/],
    [() => random.multivariateNormal(1, mean, wrong(cast(covariance, "float32"))), "ERR_DTYPE", /covariance is float32, mean is float64/],
    [() => random.multivariateNormal(1, mean, covariance, { method: wrong("svd") }), "ERR_ARGUMENT", /option method must be "cholesky" or "eigh", got "svd"/],
    [() => random.multivariateNormal(1, mean, neg(covariance)), "ERR_NOT_POSITIVE_DEFINITE", /not positive definite/],
  ]; // biome-ignore format: one line each
  for (const [f, code, message] of cases) {
    it(message.source, () => {
      const error = caught(f);
      expect(error.message).to.match(message);
      expect(error.code).to.equal(code);
    });
  }
  it("of traced dtypes, too", () => {
    expect(() => compile((p: Tensor<DType>) => random.bernoulli(1, wrong(p)), complex64(2))).to.throw(
      /p must be float32 or float64, got complex64/,
    );
  });
});
