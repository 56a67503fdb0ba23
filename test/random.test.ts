// Random numbers: where they lie, that they are the same everywhere, and how they are distributed. Keys are fixed, so that nothing is left to
// chance: a statistic that passes once passes always.
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { expect } from "chai";
import { binding } from "../lib/boundary/addon";
import { type AnyArray, allocate, dtypes, type Float } from "../lib/core/dtype";
import { info, random, setThreads } from "../lib/index";
import { long } from "./grid";
import { checkGolden, drawn, golden, hashOf, numbersFrom } from "./random-golden";

const FLOATS = ["float32", "float64", "complex64", "complex128"] as const;
type Interval = readonly [low: number, high: number];
const uniform = (key: number, size: number, dtype: Float, [low, high]: Interval): AnyArray =>
  random.uniform(key, [size], { low, high, dtype }).data;
const isSingle = (dtype: Float): boolean => dtype === "float32" || dtype === "complex64";
/** The smallest and the largest; NaN where any is. */
function ends(a: AnyArray): [number, number] {
  let [low, high] = [Infinity, -Infinity];
  for (const x of a) [low, high] = [Math.min(low, x), Math.max(high, x)];
  return [low, high];
}

describe("random.uniform: the interval", () => {
  const everywhere: Interval[] = [
    [1000, 1001],
    [-1001, -1000],
    [-1, 1],
    [0.1, 0.7],
    [0, 1e-40],
    [-1e-40, 1e-40],
    [1, 1 + 2 ** -20],
  ];
  for (const dtype of FLOATS) {
    it(`lies in [low, high): ${dtype}`, () => {
      for (const [low, high] of [...everywhere, [0, 1]] as Interval[]) {
        const [first, last] = ends(uniform(7, 100_000, dtype, [low, high]));
        expect(first).to.be.at.least(low);
        expect(last).to.be.below(high);
      }
    });
  }

  it("lies in [low, high) where doubles are few or huge", () => {
    const max = Number.MAX_VALUE;
    const intervals: Interval[] = [
      [1, 1 + 2 ** -40],
      [1, 1 + 2 ** -52],
      [-1 - 2 ** -50, -1],
      [-1.7e308, 1.7e308],
      [-max, max],
      [0, 5e-324],
    ];
    for (const [low, high] of [...intervals, [-5e-324, 5e-324], [1e-320, max], [-(2 ** -1022), 5e-324]] as Interval[]) {
      const [first, last] = ends(uniform(3, 20_000, "float64", [low, high]));
      expect(first).to.be.at.least(low);
      expect(last).to.be.below(high);
    }
  });

  it("takes each of few numbers as often: chi-square of 8 to 16384 of them", () => {
    const cases = [
      [[1000, 1001], "float32", 2 ** 14, 2 ** 22],
      [[-1001, -1000], "complex64", 2 ** 14, 2 ** 21],
      [[1, 1 + 2 ** -40], "float64", 2 ** 12, 2 ** 20],
      [[1, 1 + 2 ** -48], "complex128", 2 ** 4, 2 ** 14],
      [[-8, 8 * (2 ** -21 - 1)], "float32", 2 ** 3, 2 ** 14],
      [[2 - 2 ** -40, 2 + 2 ** -40], "float64", 3 * 2 ** 11, 2 ** 20], // half of the interval has numbers twice as dense
    ] as const;
    for (const [[low, high], dtype, bins, size] of cases) {
      const got = uniform(11, size, dtype, [low, high]);
      const counts = new Map<number, number>();
      for (const x of got) counts.set(x, (counts.get(x) ?? 0) + 1);
      expect(counts.size).to.equal(bins);
      let chi = 0;
      for (const [x, count] of counts) {
        const share = low < 2 && high > 2 ? (x < 2 ? 2 ** -13 : 2 ** -12) : 1 / bins;
        const expected = got.length * share;
        chi += (count - expected) ** 2 / expected;
      }
      expect(Math.abs(chi - bins)).to.be.below(4 * Math.sqrt(2 * bins)); // mean and deviation of chi-square, four deviations
    }
  });

  long("never rounds to 1 in single precision, and to the largest number below it as often as to any other", () => {
    let top = 0;
    const [chunk, chunks] = [2 ** 22, 16];
    for (let i = 0; i < chunks; i++) {
      const got = numbersFrom({ kind: "uniform", key: [0, 5], dtype: "float32" }, i * chunk, chunk);
      for (const x of got) if (x >= 1 - 2 ** -24) top += x === 1 ? 1000 : 1;
    }
    // 3/2 of a spacing of 2^-24 rounds to it: 6 of 2^26 numbers, four deviations
    expect(Math.abs(top - 6)).to.be.at.most(4 * Math.sqrt(6));
  });

  it("is low where both are equal, at every number", () => {
    for (const x of [0, 3, -1e308, 5e-324]) expect([...uniform(1, 3, "complex128", [x, x])]).to.deep.equal(Array(6).fill(x));
    expect([...uniform(1, 2, "float32", [0.1, 0.1])]).to.deep.equal([Math.fround(0.1), Math.fround(0.1)]);
  });

  it("refuses what is no interval of the dtype", () => {
    const refused = (dtype: Float, interval: Interval, message: RegExp): void => {
      expect(() => uniform(1, 1, dtype, interval))
        .to.throw(message)
        .with.property("code", "ERR_ARGUMENT");
    };
    refused("float64", [3, 1], /^random\.uniform: low must not be greater than high, got 3 and 1\.$/);
    refused("complex64", [1, 0], /low must not be greater than high/);
    refused("float64", [Number.NaN, 1], /low and high must be finite numbers, got NaN and 1/);
    refused("float64", [0, Infinity], /low and high must be finite numbers/);
    refused("float32", [0, 1e39], /low and high must be finite in float32/);
    refused("float32", [-1e300, -1e300], /low and high must be finite in float32/);
    refused(
      "float32",
      [1 + 2 ** -30, 1 + 2 ** -29],
      /no number of float32 is at least 1\.0000000009313226 and less than 1\.0000000018626451/,
    );
  });
});

describe("random: the same numbers", () => {
  it("as written down, on this instruction set", checkGolden);

  for (const isa of info().isas) {
    if (isa === info().isa) continue;
    it(`as written down, on ${isa}`, () => {
      const done = spawnSync(process.execPath, ["--import", "tsx", join(__dirname, "random-golden.ts")], {
        encoding: "utf8",
        env: { ...process.env, BACKSOLVE_ISA: isa },
      });
      expect(`${done.stderr}${done.stdout}`).to.equal(`${isa} gives the same numbers\n`);
    });
  }

  it("normal ones are within three units in the last place of what their random bits stand for", () => {
    const eps = 2 ** -52;
    let checked = 0;
    for (const c of golden.numbers) {
      c.exact?.forEach((x, i) => {
        expect(Math.abs((c.data[i] as number) - x)).to.be.at.most(3 * eps * Math.abs(x));
        checked++;
      });
    }
    expect(checked).to.be.above(150);
  });

  it("whatever the shape, the length and the chunks", () => {
    const lengths = [0, 1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 33, 255, 256, 257, 511, 513, 16383, 16384, 16385, 32769];
    for (const dtype of FLOATS) {
      for (const kind of ["uniform", "normal"] as const) {
        const c = { kind, dtype, key: [8, 9], low: -3, high: 4.5 } as const;
        const whole = drawn(c, 40_000);
        for (const n of lengths) expect(drawn(c, n)).to.deep.equal(whole.subarray(0, n * dtypes[dtype].width));
      }
    }
    const shaped = random.normal(5, [3, 7, 11]);
    expect(shaped.shape).to.deep.equal([3, 7, 11]);
    expect(shaped.data).to.deep.equal(random.normal(5, 231).data);
  });

  it("whatever the number of threads", () => {
    const { threads } = info();
    const c = { kind: "normal", dtype: "float64", key: [1, 1] } as const;
    try {
      const hashes = [1, 2, 3, 8].map((n) => {
        setThreads(n);
        return hashOf(drawn(c, 300_001));
      });
      expect(new Set(hashes).size).to.equal(1);
    } finally {
      setThreads(threads);
    }
  });

  it("single precision is double precision rounded, and complex numbers are two of a real stream", () => {
    for (const kind of ["uniform", "normal"] as const) {
      const key = [4, 2] as const;
      const wide = drawn({ kind, key, dtype: "float64" }, 3001);
      expect(drawn({ kind, key, dtype: "float32" }, 3001)).to.deep.equal(Float32Array.from(wide));
    }
    const [parts, real] = [random.normal(3, 500, { dtype: "complex128" }).data, random.normal(3, 1000).data];
    parts.forEach((x, i) => {
      // a root, a product and a multiplication by sqrt(2) each round
      expect(Math.abs(x * Math.SQRT2 - (real[i] as number))).to.be.at.most(6 * 2 ** -53 * Math.abs(real[i] as number));
    });
  });

  it("beyond 2^32 of them", () => {
    for (const c of golden.numbers) {
      if (c.first === 0) continue;
      expect([...numbersFrom(c, c.first, c.data.length)]).to.deep.equal(c.data);
    }
    const over = numbersFrom({ kind: "normal", key: [3, 4], dtype: "float64" }, 2 ** 32 - 256, 512);
    expect(over.subarray(256)).to.deep.equal(numbersFrom({ kind: "normal", key: [3, 4], dtype: "float64" }, 2 ** 32, 256));
  });
});

/** The normal distribution function, by the series of Abramowitz and Stegun 26.2.10, or for large |x| the continued fraction 26.2.14. */
function normalCdf(x: number): number {
  const density = Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI);
  if (Math.abs(x) > 4) {
    let f = Math.abs(x);
    for (let k = 60; k > 0; k--) f = Math.abs(x) + k / f;
    return x < 0 ? density / f : 1 - density / f;
  }
  let [sum, term] = [x, x];
  for (let k = 1; k < 80; k++) sum += term *= (x * x) / (2 * k + 1);
  return 0.5 + density * sum;
}
/** Kolmogorov's statistic sqrt(n) max |F_n - F|: above 1.95 for one sample in a thousand. */
function kolmogorov(data: AnyArray, cdf: (x: number) => number): number {
  const sorted = data.slice().sort();
  let d = 0;
  sorted.forEach((x, i) => {
    const f = cdf(x);
    d = Math.max(d, f - i / sorted.length, (i + 1) / sorted.length - f);
  });
  return Math.sqrt(sorted.length) * d;
}
const mean = (a: AnyArray, f: (x: number) => number): number => {
  let sum = 0;
  for (const x of a) sum += f(x);
  return sum / a.length;
};
/** sqrt(n) times the correlation of numbers of mean 0 and variance 1: normal, nearly. */
const correlation = (a: AnyArray, b: AnyArray): number => {
  let sum = 0;
  for (let i = 0; i < b.length; i++) sum += (a[i] as number) * (b[i] as number);
  return sum / Math.sqrt(b.length);
};

describe("random: the distribution", () => {
  const N = 200_000;
  it("Kolmogorov: uniform, of intervals too", () => {
    for (const [key, dtype] of FLOATS.entries()) {
      expect(kolmogorov(uniform(key, N, dtype, [0, 1]), (x) => x)).to.be.below(1.95);
      const step = isSingle(dtype) ? 2 ** -21 : 2 ** -50; // rounded down: the share below x is that of x + spacing
      expect(kolmogorov(uniform(key + 10, N, dtype, [-3, 5]), (x) => (x + 3 + step / 2) / 8)).to.be.below(1.95);
    }
  });

  it("Kolmogorov: normal, complex of variance 1/2 per part", () => {
    for (const [key, dtype] of FLOATS.entries()) {
      const scale = dtypes[dtype].width === 2 ? Math.SQRT2 : 1;
      expect(kolmogorov(random.normal(key, N, { dtype }).data, (x) => normalCdf(scale * x))).to.be.below(1.95);
    }
  });

  it("moments of a normal number, to the sixth", () => {
    const z = random.normal(21, 1_000_000).data;
    const moments = [1, 0, 1, 0, 3, 0, 15, 0, 105, 0, 945, 0, 10395];
    for (let k = 1; k <= 6; k++) {
      const deviation = Math.sqrt(((moments[2 * k] as number) - (moments[k] as number) ** 2) / z.length);
      expect(Math.abs(mean(z, (x) => x ** k) - (moments[k] as number))).to.be.below(4 * deviation);
    }
    expect(ends(z.map(Math.abs))[1]).to.be.within(4, 8.7); // sqrt(2 54 log 2)
  });

  it("numbers do not tell of each other, pairs of Box and Muller included, nor streams of split keys", () => {
    const z = random.normal(31, N).data;
    for (let lag = 1; lag <= 4; lag++) {
      expect(Math.abs(correlation(z, z.subarray(lag)))).to.be.below(4);
      const squares = z.map((x) => (x * x - 1) / Math.SQRT2);
      expect(Math.abs(correlation(squares, squares.subarray(lag)))).to.be.below(4);
    }
    const streams = random.split(31, 6).map((k) => random.normal(k, N).data);
    streams.push(z, random.normal(32, N).data);
    streams.forEach((a, i) => {
      for (const b of streams.slice(0, i)) expect(Math.abs(correlation(a, b))).to.be.below(4);
    });
  });
});

describe("random: the native boundary", () => {
  const kernels = binding().kernels();
  /** Calls a kernel on these attributes, shapes and buffers. */
  const run = (kernel: string, attrs: number[], dims: number[][], ...buffers: AnyArray[]): unknown => {
    const id = kernels.find((k) => k.name === kernel)?.id as number;
    const operands = dims.flatMap((d, i) => [1, i === 0 || kernel === "randomSplit" ? 5 : 1, d.length, ...d, 0]);
    return binding().run(Float64Array.of(id, 0, 5, attrs.length, ...attrs, 2, ...operands), ...buffers);
  };
  const key = Int32Array.of(0, 1);
  it("refuses descriptors that do not fit", () => {
    const refused = (kernel: string, attrs: number[], dims: number[][], why: RegExp): void => {
      const [k, out] = dims.map((d) => d.reduce((a, b) => a * b, 1)) as [number, number];
      const memory = kernel === "randomSplit" ? new Int32Array(out) : new Float64Array(out);
      expect(() => run(kernel, attrs, dims, new Int32Array(k), memory)).to.throw(why);
    };
    for (const first of [-1, 0.5, 2 ** 53, Infinity, Number.NaN]) refused("randomNormalFloat64", [first], [[2], [4]], /bad first number/);
    for (const attrs of [[], [0, 0]]) refused("randomNormalFloat64", attrs, [[2], [4]], /wrong number of attributes/);
    refused("randomUniformFloat64", [0, 1], [[2], [4]], /wrong number of attributes/);
    for (const [low, high] of [
      [1, 0],
      [Number.NaN, 1],
      [0, Number.NaN],
      [-Infinity, 0],
      [0, Infinity],
    ] as const)
      refused("randomUniformFloat64", [0, low, high], [[2], [4]], /low and high are no interval/);
    for (const k of [[], [1], [3], [2, 1]]) refused("randomNormalFloat64", [0], [k, [4]], /a key is two words/);
    for (const x of [[4], [2, 4], [], [4, 3]])
      refused("randomNormalFloat64", [0], [[3, 2], x], /leading dimensions are not those of the keys/);
    for (const x of [[2], [5, 3], [2, 2, 2], [5, 2, 1]]) refused("randomSplit", [0], [[2], x], /a key is two words/);
    expect(() => run("randomNormalFloat64", [0], [[2], [4]], key, new Float64Array(3))).to.throw(/a buffer is too small/);
    expect(() => run("randomNormalFloat64", [0], [[2], [4]], key, new Float32Array(4))).to.throw(/wrong type of array/);
    const whole = new Float64Array(4);
    run("randomNormalFloat64", [0], [[2], [4]], key, whole);
    expect(whole).to.deep.equal(drawn({ kind: "normal", key: [0, 1], dtype: "float64" }, 4));
  });

  it("writes as many as the operand has", () => {
    const whole = allocate("float64", 1000).fill(7);
    run("randomNormalFloat64", [0], [[2], [997]], key, whole.subarray(1, 998));
    expect([whole[0], whole[998], whole[999]]).to.deep.equal([7, 7, 7]);
    expect(whole.subarray(1, 998)).to.deep.equal(drawn({ kind: "normal", key: [0, 1], dtype: "float64" }, 997));
  });
});
