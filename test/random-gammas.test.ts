// Gamma numbers, their derivative, what is made of them, and Poisson numbers. Keys are fixed, so that nothing is left to chance.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { allocate } from "../lib/core/dtype";
import {
  type BacksolveError,
  cast,
  compile,
  float64,
  grad,
  info,
  int32,
  jvp,
  type Key,
  LinalgError,
  log,
  mul,
  random,
  registry,
  scan,
  stack,
  sum,
  type Tensor,
  tensor,
  valueAndGrad,
  vmap,
  zeros,
} from "../lib/index";
import { sameBits } from "../lib/testing/index";
import { hashOf, keyOf } from "./random-golden";
import { caught, wrong } from "./support";

type F64 = Tensor<"float64">;
type Words = readonly [number, number];
interface Golden {
  readonly gamma: readonly { key: Words; log: boolean; a: readonly number[]; data: readonly number[] }[];
  readonly gammaHashes: readonly { key: Words; a: number; count: number; hash: number }[];
  readonly poisson: readonly { key: Words; rate: readonly number[]; data: readonly number[] }[];
  readonly poissonHashes: readonly { key: Words; rate: number; count: number; hash: number }[];
  readonly slopes: readonly (readonly [log: boolean, a: number, y: number, slope: number])[];
}
const golden = JSON.parse(readFileSync(join(__dirname, "golden/random-distributions.json"), "utf8")) as Golden;

const gammaRow = registry.op("randomGamma") as unknown as (key: Tensor, a: Tensor, attrs: { log: boolean }) => F64;
const slopeRow = registry.op("gammaSlope") as unknown as (a: Tensor, y: Tensor, attrs: { log: boolean }) => F64;
const constant = (x: number, n: number): F64 => tensor(allocate("float64", n).fill(x));

function checkNumbers(): void {
  for (const { key, log: isLog, a, data } of golden.gamma)
    expect([...gammaRow(keyOf(key), tensor([...a]), { log: isLog }).data], `key ${key}, log ${isLog}`).to.deep.equal(data);
  for (const { key, a, count, hash } of golden.gammaHashes)
    expect(hashOf(gammaRow(keyOf(key), constant(a, count), { log: true }).data), `a = ${a}`).to.equal(hash);
  for (const { key, rate, data } of golden.poisson)
    expect([...random.poisson(keyOf(key), tensor([...rate])).data], `key ${key}`).to.deep.equal(data);
  for (const { key, rate, count, hash } of golden.poissonHashes)
    expect(hashOf(random.poisson(keyOf(key), rate, { shape: count }).data), `rate ${rate}`).to.equal(hash);
}
if (require.main === module) {
  checkNumbers();
  console.log(`${info().isa} gives the same numbers`);
  process.exit(0);
}

const N = 20_000;
/** sqrt(n) max |F_n - F|, above 1.95 for one sample in a thousand. */
function kolmogorov(x: Tensor, cdf: (x: number) => number): number {
  let d = 0;
  const sorted = x.data.slice().sort();
  sorted.forEach((v, i) => {
    d = Math.max(d, cdf(v) - i / sorted.length, (i + 1) / sorted.length - cdf(v));
  });
  return Math.sqrt(sorted.length) * d;
}
const meanOf = (x: Tensor, f: (x: number) => number): number => {
  let total = 0;
  for (const v of x.data) total += f(v);
  return total / x.data.length;
};
/** How far the mean of f lies from what it should be, in deviations of it. */
const off = (x: Tensor, f: (x: number) => number, want: number): number => {
  const [first, second] = [meanOf(x, f), meanOf(x, (v) => f(v) ** 2)];
  return Math.abs(first - want) / Math.sqrt((second - first * first) / x.data.length);
};
/** P(a, x) = x^a e^-x / Γ(a + 1) Σ x^n / ((a + 1) ... (a + n)), `gamma`: Γ(a + 1). */
function gammaCdf(a: number, gamma: number, x: number): number {
  let [total, term] = [1, 1];
  for (let n = 1; n < 2000 && term > 1e-17 * total; n++) total += term *= x / (a + n);
  return (x ** a * Math.exp(-x) * total) / gamma;
}

describe("random.gamma and random.poisson: the same numbers", () => {
  it("as written down, by another program", checkNumbers);
  it("on every instruction set", () => {
    for (const isa of info().isas.filter((name) => name !== info().isa)) {
      const env = { ...process.env, BACKSOLVE_ISA: isa };
      const done = spawnSync(process.execPath, ["--import", "tsx", __filename], { encoding: "utf8", env });
      expect(`${done.stderr}${done.stdout}`).to.equal(`${isa} gives the same numbers\n`);
    }
  });
  it("number i is that of key, a and i alone; single precision is double precision rounded", () => {
    const a = random.uniform(1, [300], { low: 0.1, high: 9 });
    const [whole, counts] = [random.gamma(2, a), random.poisson(2, mul(4, a))];
    expect([...random.gamma(2, a.index(":7") as F64).data]).to.deep.equal([...whole.data.slice(0, 7)]);
    expect([...random.poisson(2, mul(4, a.index(":7") as F64)).data]).to.deep.equal([...counts.data.slice(0, 7)]);
    expect(random.gamma(2, a.reshape([3, 1, 100]), { shape: [3, 1, 100] }).data).to.deep.equal(whole.data);
    const single = cast(a, "float32");
    expect(random.gamma(2, single).data).to.deep.equal(Float32Array.from(random.gamma(2, cast(single, "float64")).data));
    expect(random.poisson(2, single).data).to.deep.equal(random.poisson(2, cast(single, "float64")).data);
    expect(gammaRow(zeros([0], { dtype: "int32" }), tensor([2]), { log: false }).data).to.deep.equal(random.gamma(0, 2, { shape: 1 }).data);
  });
  it("streams do not meet: those of normal numbers, of gamma and Poisson numbers, of one key", () => {
    const scores = [random.normal(5, N), mul(1 / 100, random.gamma(5, 1e4, { shape: N }).sub(1e4)), mul(1 / 100, cast(random.poisson(5, 1e4, { shape: N }), "float64").sub(1e4))]; // biome-ignore format: one line
    scores.forEach((x, i) => {
      for (const y of scores.slice(0, i)) expect(Math.abs(sum(mul(x, y)).item()) / Math.sqrt(N)).to.be.below(4);
      expect(Math.abs(sum(mul(x.index("1:") as F64, x.index(":-1") as F64)).item()) / Math.sqrt(N)).to.be.below(4);
    });
  });
});

describe("random.gamma, beta, studentT, poisson: the distribution", () => {
  const gammas = [[0.2, 0.9181687423997607], [0.5, 0.886226925452758], [1, 1], [1.5, 1.329340388179137], [4, 24], [20.5, 1.10827981137869e+19]] as const; // biome-ignore format: one line
  for (const [a, gamma] of gammas) {
    it(`gamma of ${a}: Kolmogorov, of the logarithm too`, () => {
      expect(kolmogorov(random.gamma(11, a, { shape: N }), (x) => gammaCdf(a, gamma, x))).to.be.below(1.95);
      const logs = gammaRow(random.key(12), constant(a, N), { log: true });
      expect(kolmogorov(logs, (y) => gammaCdf(a, gamma, Math.exp(y)))).to.be.below(1.95);
    });
  }
  it("gamma of tiny and large a: log x is log u / a, and a + √a z", () => {
    const tiny = gammaRow(random.key(13), constant(1e-300, N), { log: true });
    expect(kolmogorov(tiny, (y) => Math.exp(1e-300 * y))).to.be.below(1.95);
    for (const a of [1e8, 1e15]) {
      const z = mul(1 / Math.sqrt(a), random.gamma(14, a, { shape: N }).sub(a));
      expect(off(z, (x) => x, 0)).to.be.below(4);
      expect(off(z, (x) => x * x, 1)).to.be.below(4);
      expect(off(z, (x) => x ** 4, 3)).to.be.below(4);
    }
    random.gamma(14, 1e300, { shape: 20 }).data.forEach((x) => expect(x).to.be.closeTo(1e300, 1e285));
  });
  it("beta: moments, the arcsine law, tiny parameters", () => {
    expect(kolmogorov(random.beta(15, 0.5, 0.5, { shape: N }), (x) => (2 / Math.PI) * Math.asin(Math.sqrt(x)))).to.be.below(1.95);
    expect(kolmogorov(random.beta(16, 3, 1, { shape: N }), (x) => x ** 3)).to.be.below(1.95);
    expect(off(random.beta(17, 2, 5, { shape: N }), (x) => x, 2 / 7)).to.be.below(4);
    expect(off(random.beta(17, 1e6, 3e6, { shape: N }), (x) => (x - 0.25) ** 2, 0.1875 / (4e6 + 1))).to.be.below(4);
    const far = random.beta(18, 1e-300, 3e-300, { shape: N }); // 1 with probability a / (a + b), else 0
    expect(far.data.every((x) => x === 0 || x === 1)).to.equal(true);
    expect(off(far, (x) => x, 0.25)).to.be.below(4);
  });
  it("studentT: Cauchy's law, that of two degrees, normal, tiny", () => {
    expect(kolmogorov(random.studentT(19, 1, { shape: N }), (x) => 0.5 + Math.atan(x) / Math.PI)).to.be.below(1.95);
    expect(kolmogorov(random.studentT(20, 2, { shape: N }), (x) => 0.5 + x / (2 * Math.sqrt(2 + x * x)))).to.be.below(1.95);
    const normal = random.normal(random.split(21)[0] as Key, [N]);
    expect(sameBits(random.studentT(21, Number.POSITIVE_INFINITY, { shape: N }), normal)).to.equal(true);
    const near = random.studentT(21, 1e12, { shape: N });
    near.data.forEach((x, i) => expect(Math.abs(x - (normal.data[i] as number))).to.be.below(1e-4));
    // |t| > e^700 with probability nearly e^-(700 df)
    const share = meanOf(random.studentT(22, 1e-3, { shape: N }), (x) => Number(Math.abs(x) > 1e304));
    expect(Math.abs(share - Math.exp(-0.7))).to.be.below(4 * Math.sqrt(0.25 / N));
  });
  for (const rate of [0.3, 4.5, 9.99, 10, 31.7, 2000]) {
    it(`poisson of ${rate}: chi-square and moments`, () => {
      const k = random.poisson(23, rate, { shape: N });
      const counts = new Map<number, number>();
      for (const x of k.data) counts.set(x, (counts.get(x) ?? 0) + 1);
      let [p, chi, bins, logs] = [Math.exp(-rate), 0, -1, 0];
      for (let i = 0; i < rate + 40 * Math.sqrt(rate) + 10; i++) {
        if (i > 0) logs += Math.log(rate / i);
        p = Math.exp(logs - rate);
        if (p * N < 5) continue;
        chi += ((counts.get(i) ?? 0) - p * N) ** 2 / (p * N);
        bins++;
      }
      expect(Math.abs(chi - bins)).to.be.below(4 * Math.sqrt(2 * Math.max(bins, 4)));
      expect(off(k, (x) => x, rate)).to.be.below(4);
      expect(off(k, (x) => (x - rate) ** 2, rate)).to.be.below(4);
    });
  }
  it("poisson of 0, of tiny and of the largest rates", () => {
    expect(random.poisson(24, tensor([0, -0, 1e-300, 5e-324])).toArray()).to.deep.equal([0, 0, 0, 0]);
    for (const rate of [1e9, 2 ** 31 - 2 ** 20]) {
      const k = random.poisson(25, rate, { shape: N });
      expect(off(k, (x) => (x - rate) / Math.sqrt(rate), 0)).to.be.below(4);
      expect(off(k, (x) => (x - rate) ** 2 / rate, 1)).to.be.below(4);
    }
  });
});

describe("random.gamma: derivatives", () => {
  it("by a are those of the number of the same share, to 1e-10", () => {
    for (const [isLog, a, y, want] of golden.slopes) {
      const got = slopeRow(tensor(a), tensor(y), { log: isLog }).item();
      expect(Math.abs(got - want), `${isLog} ${a} ${y}: ${got} for ${want}`).to.be.at.most(1e-10 * want);
    }
    expect(golden.slopes.length).to.be.above(120);
  });
  it("of both modes, in programs and batches, of the logarithm in beta and studentT", () => {
    const [a, key] = [tensor([0.3, 1.2, 40]), random.key(31)];
    const x = random.gamma(key, a);
    const slope = slopeRow(a, x, { log: false });
    expect(sameBits(grad((p: F64) => sum(random.gamma(key, p)))(a), slope)).to.equal(true);
    expect(sameBits(jvp((p: F64) => random.gamma(key, p), [a], [tensor([1, 1, 1])]).tangent, slope)).to.equal(true);
    // a number given twice has both parts
    expect(grad((p: F64) => sum(random.gamma(key, p, { shape: 5 })))(tensor(2)).item()).to.be.closeTo(
      sum(slopeRow(constant(2, 5), random.gamma(key, 2, { shape: 5 }), { log: false })).item(),
      1e-13,
    );
    const keys = random.split(32, 7);
    const f = (p: F64, k: Key): F64 => sum(random.beta(k, p, 2)).add(sum(log(random.studentT(k, p).mul(random.studentT(k, p)))));
    const program = compile(valueAndGrad(f), float64(3), int32(2));
    for (const layout of ["single", "lanes"] as const) {
      const got = program.runSync([a, stack(keys)], { layout });
      keys.forEach((k, i) => {
        const want = grad((p: F64) => f(p, k))(a);
        want.data.forEach((g, j) => expect(got.grad.data[3 * i + j]).to.be.closeTo(g, 1e-12 * Math.abs(g)));
      });
    }
  });
  it("of means: d E[x] = d a, of E[beta] and of the variance of t", () => {
    const each = grad((a: F64) => sum(random.gamma(33, a)))(constant(0.7, N));
    expect(off(each, (g) => g, 1)).to.be.below(4);
    const b = grad((a: F64) => sum(random.beta(34, a, 3)))(constant(2, N));
    expect(off(b, (g) => g, 3 / 25)).to.be.below(4); // a / (a + b)
    const t = grad((df: F64) => sum(random.studentT(35, df).square()))(constant(12, N));
    expect(off(t, (g) => g, -2 / 100)).to.be.below(4); // df / (df - 2)
  });
  it("are finite where parameters are tiny, and of the first order alone", () => {
    const tiny = grad((a: F64) => sum(random.beta(36, a, 1e-300)))(constant(1e-300, 8));
    expect([...tiny.data].every((g) => g === 0)).to.equal(true);
    expect(grad((a: F64) => sum(random.gamma(36, a)))(tensor([1e-3, 1e8])).data.every(Number.isFinite)).to.equal(true);
    const error = caught(() => grad((a: F64) => grad((p: F64) => random.gamma(1, p))(a))(tensor(2)));
    expect([error.code, error.message]).to.deep.equal(["ERR_ARGUMENT", "random.gamma: has derivatives of the first order only."]);
    expect(grad((a: F64) => sum(mul(a, cast(random.poisson(1, a), "float64"))))(tensor([5])).data).to.deep.equal(cast(random.poisson(1, 5, { shape: 1 }), "float64").data); // biome-ignore format: one line
  });
});

describe("random.gamma, beta, studentT, poisson: shapes, keys, edges, errors", () => {
  const draws: Readonly<Record<string, (key: Key) => Tensor>> = {
    gamma: (k) => random.gamma(k, tensor([0.2, 3]), { shape: [3, 2] }),
    beta: (k) => random.beta(k, tensor([0.2, 3]), 2),
    studentT: (k) => random.studentT(k, 3, { shape: [4] }),
    poisson: (k) => random.poisson(k, tensor([[0.5], [80]]), { shape: [2, 3] }),
    single: (k) => random.beta(k, cast(tensor([2, 3]), "float32"), 2),
    scalar: (k) => random.gamma(k, 2),
  };
  const keys = random.split(41, 9);
  for (const [name, draw] of Object.entries(draws)) {
    it(`${name}: each has the numbers of its key, in vmap, scan and programs of both layouts`, () => {
      const [whole, want] = [stack(keys), stack(keys.map(draw) as F64[])];
      expect(sameBits(vmap(draw)(whole), want), "vmap").to.equal(true);
      const { ys } = scan((carry: F64, k: Key) => ({ carry, y: draw(k) }), tensor(0), whole);
      expect(sameBits(ys, want), "scan").to.equal(true);
      const program = compile(draw, int32(2));
      for (const layout of ["single", "lanes"] as const)
        expect(sameBits(program.runSync([whole], { layout }), want), layout).to.equal(true);
      expect(program.runSync([zeros([0, 2], { dtype: "int32" })]).shape).to.deep.equal([0, ...want.shape.slice(1)]);
    });
  }
  it("shapes", () => {
    expect(random.gamma(1, zeros([0, 3])).shape).to.deep.equal([0, 3]);
    expect(random.poisson(1, 3, { shape: [2, 0] }).shape).to.deep.equal([2, 0]);
    expect(random.beta(1, zeros([4, 1]), zeros([3])).shape).to.deep.equal([4, 3]);
    expect([random.gamma(1, 1).shape, random.studentT(1, 1).shape, random.poisson(1, 1).dtype]).to.deep.equal([[], [], "int32"]);
  });
  it("edges", () => {
    const edges = tensor([0, Number.POSITIVE_INFINITY, -1, Number.NaN, -0]);
    expect([...random.gamma(1, edges).data]).to.deep.equal([0, Number.POSITIVE_INFINITY, Number.NaN, Number.NaN, 0]);
    expect([...gammaRow(random.key(1), edges, { log: true }).data].slice(0, 2)).to.deep.equal([-Infinity, Infinity]);
    expect(Number.isFinite(gammaRow(random.key(1), tensor([5e-324]), { log: true }).item())).to.equal(true);
    expect([...random.gamma(1, tensor(Float32Array.of(1e-40, 3e38))).data].every(Number.isFinite)).to.equal(true);
    expect([...random.beta(1, tensor([0, -1, 2]), tensor([2, 2, 0])).data]).to.deep.equal([0, Number.NaN, 1]);
  });
  const z = zeros(3, { dtype: "complex64" });
  const cases: [() => unknown, BacksolveError["code"], RegExp][] = [
    [() => random.gamma(1, wrong(z)), "ERR_DTYPE", /^random\.gamma: a must be float32 or float64, got complex64\.$/],
    [() => random.beta(1, zeros(3), wrong(zeros(3, { dtype: "float32" }))), "ERR_DTYPE", /^random\.beta: b is float32, a is float64: convert/],
    [() => random.beta(1, zeros(3), zeros(2)), "ERR_SHAPE", /^random\.beta: shapes do not broadcast together: a \[3\], b \[2\]/],
    [() => random.studentT(1, zeros(3), { shape: 2 }), "ERR_SHAPE", /^random\.studentT: option shape .* got \[2\] for df \[3\]/],
    [() => random.poisson(1, wrong("3")), "ERR_ARGUMENT", /^random\.poisson: rate must be a tensor or a number, got "3"/],
    [() => random.poisson(1, tensor([1, -1])), "ERR_ARGUMENT", /^random\.poisson: .*has a rate out of range, at place 1: it must be from 0 to 2³¹ - 2²⁰/],
    [() => random.poisson(1, Number.NaN), "ERR_ARGUMENT", /has a rate out of range, at place 0/],
    [() => random.poisson(1, tensor([2 ** 31 - 2 ** 20 + 1])), "ERR_ARGUMENT", /has a rate out of range, at place 0/],
    [() => random.poisson(wrong([1, 2]), 1), "ERR_ARGUMENT", /^random\.poisson: key must be/],
  ]; // biome-ignore format: one line each
  for (const [f, code, message] of cases) {
    it(message.source, () => {
      const error = caught(f);
      expect(error.message).to.match(message);
      expect(error.code).to.equal(code);
    });
  }
  it("a rate of a batch that is out of range is told by its item", () => {
    const program = compile((k: Key, r: F64) => random.poisson(k, r), int32(2), float64(2));
    const error = caught(() => program.runSync([random.key(1), tensor([[1, 2], [3, Number.NaN]])])); // biome-ignore format: one line
    expect(error).to.be.instanceOf(LinalgError);
    expect([(error as LinalgError).item, (error as LinalgError).index]).to.deep.equal([1, 1]);
  });
});
