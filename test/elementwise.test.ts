// Values of the elementwise ops over the whole range of arguments, against Math: a rule that fits its own op says nothing about the op, and
// checkOp samples arguments of moderate size, away from ties.
import { readFileSync } from "node:fs";
import { expect } from "chai";
import type { AnyRow } from "../lib/core/row";
import {
  abs,
  add,
  broadcastTo,
  exp,
  expm1,
  grad,
  imag,
  log1p,
  maximum,
  minimum,
  mul,
  registry,
  sign,
  sum,
  type Tensor,
  tanh,
  tensor,
  transpose,
} from "../lib/index";
import { type Kind, kinds, results } from "./columns";
import functions from "./golden/functions.json";
import { packageOps } from "./support";

type F64 = Tensor<"float64">;
type Pair = readonly [number, number];
const LARGE = [20, 21, 50, 80, 87, 88.5, 89, 104, 300, 700, 709.5, 710, 740, 746, 1e5, 1e30, 1e38, 1e300];
const SIZES = [0, 1e-300, 1e-40, 1e-20, 1e-8, 0.1, 0.5, 1, 1.5, 2, 3, 7, ...LARGE, Number.POSITIVE_INFINITY];
const ARGUMENTS = [...SIZES, ...SIZES.map((x) => -x), Number.NaN];

const UNARY: Readonly<Record<string, (x: number) => number>> = {
  neg: (x) => -x,
  square: (x) => x * x,
  sqrt: Math.sqrt,
  exp: Math.exp,
  log: Math.log,
  log1p: Math.log1p,
  expm1: Math.expm1,
  sin: Math.sin,
  cos: Math.cos,
  cosh: Math.cosh,
  sinh: Math.sinh,
  tanh: Math.tanh,
  reciprocal: (x) => 1 / x,
  rsqrt: (x) => 1 / Math.sqrt(x),
  cbrt: Math.cbrt,
  log2: Math.log2,
  log10: Math.log10,
  exp2: (x) => 2 ** x,
  tan: Math.tan,
  asin: Math.asin,
  acos: Math.acos,
  atan: Math.atan,
  asinh: (x) => Math.sign(x) * (Math.abs(x) > 1e9 ? Math.log(Math.abs(x)) + Math.LN2 : Math.asinh(Math.abs(x))),
  acosh: (x) => (x > 1e9 ? Math.log(x) + Math.LN2 : Math.acosh(x)),
  atanh: Math.atanh,
  angle: (x) => Math.atan2(0, x),
  sigmoid: (x) => (x < 0 ? Math.exp(x) / (1 + Math.exp(x)) : 1 / (1 + Math.exp(-x))),
  softplus: (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))),
  logSigmoid: (x) => Math.min(x, 0) - Math.log1p(Math.exp(-Math.abs(x))),
  relu: (x) => Math.max(x, 0),
  normLogPdf: (x) => -0.9189385332046727 - (x / 2) * x,
  floor: Math.floor,
  ceil: Math.ceil,
  round: (x) => (Math.abs(x - Math.trunc(x)) === 0.5 ? 2 * Math.round(x / 2) : Math.round(x)),
  trunc: Math.trunc,
  nanToNum: (x) => (Number.isNaN(x) ? 0 : x),
  isNaN: (x) => Number(Number.isNaN(x)),
  isFinite: (x) => Number(Number.isFinite(x)),
  isInf: (x) => Number(Math.abs(x) === Number.POSITIVE_INFINITY),
  logicalNot: (x) => Number(x === 0),
  abs: Math.abs,
  sign: Math.sign,
};
const mod = (a: number, b: number): number => {
  const r = a % b;
  return r !== 0 && r < 0 !== b < 0 ? r + b : r;
};
const BINARY: Readonly<Record<string, (a: number, b: number) => number>> = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  div: (a, b) => a / b,
  scale: (a, b) => (a === 0 || b === 0 ? 0 : a * b),
  unscale: (a, b) => (a === 0 || Math.abs(b) === Number.POSITIVE_INFINITY ? 0 : a / b),
  maximum: Math.max,
  minimum: Math.min,
  pow: (a, b) => (a === 1 || (a === -1 && Math.abs(b) === Number.POSITIVE_INFINITY) ? 1 : a ** b),
  hypot: Math.hypot,
  mod,
  logaddexp: (a, b) => (a === b ? a + Math.LN2 : Math.max(a, b) + Math.log1p(Math.exp(-Math.abs(a - b)))),
  logicalAnd: (a, b) => Number(a !== 0 && b !== 0),
  logicalOr: (a, b) => Number(a !== 0 || b !== 0),
  logicalXor: (a, b) => Number((a !== 0) !== (b !== 0)),
  greater: (a, b) => Number(a > b),
  greaterEqual: (a, b) => Number(a >= b),
  less: (a, b) => Number(a < b),
  lessEqual: (a, b) => Number(a <= b),
  equal: (a, b) => Number(a === b),
  notEqual: (a, b) => Number(a !== b),
};

// e^x e^y without overflow on the way
const scaled = (x: number, factor: number): number => (factor === 0 ? 0 : Math.exp(x / 2) * factor * Math.exp(x / 2));
const COMPLEX: Readonly<Record<string, (re: number, im: number) => Pair>> = {
  exp: (x, y) => [scaled(x, Math.cos(y)), scaled(x, Math.sin(y))],
  log: (x, y) => [Math.log(Math.hypot(x, y)), Math.atan2(y, x)],
  sqrt: (x, y) => {
    const r = Math.hypot(x, y);
    const t = Math.sqrt(r / 2 + Math.abs(x) / 2);
    const u = Math.abs(y) / 2 / t;
    const [re, im] = x >= 0 ? [t, u] : [u, t];
    return r === 0 ? [0, y] : [re, Object.is(y, -0) || y < 0 ? -im : im];
  },
  sin: (x, y) => [Math.sin(x) * Math.cosh(y), Math.cos(x) * Math.sinh(y)],
  cos: (x, y) => [Math.cos(x) * Math.cosh(y), -Math.sin(x) * Math.sinh(y)],
  sinh: (x, y) => [Math.sinh(x) * Math.cos(y), Math.cosh(x) * Math.sin(y)],
  cosh: (x, y) => [Math.cosh(x) * Math.cos(y), Math.sinh(x) * Math.sin(y)],
  square: (x, y) => [(x - y) * (x + y), 2 * x * y],
  neg: (x, y) => [-x, -y],
};
interface Golden {
  readonly name: string;
  readonly dtype: Kind;
  /** Arguments, and values as sums of two numbers: those of a complex number are two each. */
  readonly rows: readonly { x: number[]; y: [number, number][] }[];
}
// abs of complex numbers rounds twice, in a sum of squares that is halved by the root; the parts of tanh are quotients of such sums
const ULPS: Readonly<Record<string, number>> = { abs: 2, tanh: 2, "complex tanh": 6, log1p: 2, expm1: 2 };
/** Of complex expm1, away from 0, the real part has the square of a sine of 1 ulp. */
const mostOf = (name: string, x: readonly number[]): number =>
  name === "expm1" && Math.abs(x[1] ?? 0) >= 0.5 ? 3 : (ULPS[x.length === 2 && name === "tanh" ? "complex tanh" : name] as number);

const PARTS = [0, 0.3, 1, -0.7, 2.5, -3, 20, -20, 60];

describe("elementwise values", () => {
  const elementwise = packageOps
    .map((name) => registry.get(name) as AnyRow)
    .filter((row) => row.signature === undefined && row.infer === undefined && row.outputs.join() === "y" && row.types !== "complex");

  it("every elementwise op of real numbers is here", () => {
    const known = new Set([
      "where",
      "clip",
      ...Object.keys({ ...UNARY, ...BINARY }),
      ...Object.keys(functions).map((key) => key.split(" ")[0]),
    ]);
    const ofReal = (name: string): string => name.replace(/^real(.)/, (_, c: string) => c.toLowerCase());
    expect(elementwise.map((row) => row.name).filter((name) => !known.has(ofReal(name)))).to.deep.equal([]);
  });
  for (const dtype of ["float32", "float64"] as const) {
    const { array, eps, least } = kinds[dtype];
    const round = (x: number): number => array.of(x)[0] as number;
    const max = dtype === "float32" ? 3.4028234663852886e38 : Number.MAX_VALUE;
    const same = (got: number, want: number, what: string): void => {
      if (Object.is(got, want) || got === want || (Number.isNaN(got) && Number.isNaN(want))) return;
      const near = Math.abs(want) > max * (1 - 4 * eps) && got >= max * (1 - 4 * eps); // rounding decides whether it overflows
      expect(near || Math.abs(got - want) <= 4 * eps * Math.max(Math.abs(want), least), `${what}: ${got}, not ${want}`).to.equal(true);
    };
    const given = ARGUMENTS.map(round);
    for (const [name, f] of Object.entries(UNARY)) {
      it(`${name}, ${dtype}`, () => {
        for (const list of results(name, dtype, [given]))
          list.forEach((y, i) => same(y, round(f(given[i] as number)), `${name}(${given[i]})`));
      });
    }
    for (const [name, f] of Object.entries(BINARY)) {
      it(`${name}, ${dtype}`, () => {
        const [a, b] = [given.flatMap((x) => given.map(() => x)), given.flatMap(() => given)];
        for (const list of results(name, dtype, [a, b])) {
          list.forEach((y, i) => same(y, round(f(a[i] as number, b[i] as number)), `${name}(${a[i]}, ${b[i]})`));
        }
      });
    }
  }
  for (const [name, f] of Object.entries(COMPLEX)) {
    it(`${name}, complex`, () => {
      const far: Pair[] = name === "exp" ? [[705, 1.5707], [-730, 0.2], [709.9, 0.785], [709.9, -2.4]] : []; // biome-ignore format: pairs
      for (const dtype of ["complex64", "complex128"] as const) {
        const { array, eps, least } = kinds[dtype];
        const numbers = PARTS.flatMap((x) => PARTS.map((y): Pair => [x, y])).concat(dtype === "complex128" ? far : []);
        const z = Array.from(array.from(numbers.flat()));
        for (const list of results(name, dtype, [z])) {
          for (let i = 0; i < list.length; i += 2) {
            const [re, im] = f(z[i] as number, z[i + 1] as number);
            const tolerance = 16 * eps * Math.max(Math.abs(re), Math.abs(im), least);
            const what = `${name}(${z[i]}, ${z[i + 1]}): (${list[i]}, ${list[i + 1]}), not (${re}, ${im})`;
            const close = (p: number, q: number) => p === q || Math.abs(p - q) <= tolerance;
            expect(close(list[i] as number, re) && close(list[i + 1] as number, im), what).to.equal(true);
          }
        }
      }
    });
  }
  const golden = JSON.parse(readFileSync("test/golden/elementwise.json", "utf8")) as { cases: Golden[] };
  for (const { name, dtype, rows } of golden.cases) {
    it(`${name}, ${dtype}: within ${Math.max(...rows.map(({ x }) => mostOf(name, x)))} ulp of mpmath`, () => {
      const { eps, least } = kinds[dtype];
      const ulp = (v: number): number => eps * 2 ** Math.floor(Math.log2(Math.max(Math.abs(v), least)));
      for (const list of results(name, dtype, [rows.flatMap((r) => r.x)])) {
        const want = rows.flatMap((r) => r.y.map((y) => ({ x: r.x, y })));
        expect(list.length).to.equal(want.length);
        want.forEach(({ x, y: [high, low] }, i) => {
          const error = Math.abs((list[i] as number) - high - low) / ulp(high);
          expect(error, `${name}(${x}): ${list[i]}, not ${high}`).to.be.at.most(mostOf(name, x));
        });
      }
    });
  }
  it("log1p and expm1 of -1, -0, infinities, NaN and the largest numbers", () => {
    const inf = Number.POSITIVE_INFINITY;
    const given: Readonly<Record<string, [number, number][]>> = {
      log1p: [[-0, -0], [0, 0], [-1, -inf], [-1.5, Number.NaN], [-inf, Number.NaN], [inf, inf], [Number.NaN, Number.NaN]], // biome-ignore format: pairs
      expm1: [[-0, -0], [0, 0], [-inf, -1], [-800, -1], [inf, inf], [800, inf], [Number.NaN, Number.NaN]], // biome-ignore format: pairs
    };
    for (const dtype of ["float32", "float64"] as const) {
      for (const [name, pairs] of Object.entries(given))
        for (const list of results(name, dtype, [pairs.map(([x]) => x)]))
          expect(list, `${name}, ${dtype}`).to.deep.equal(pairs.map(([, y]) => y));
      const most = dtype === "float32" ? 3.4028234663852886e38 : Number.MAX_VALUE;
      for (const [y] of results("log1p", dtype, [[most]])) expect(y).to.be.closeTo(Math.log(most), 2e-7 * Math.log(most));
    }
  });
  it("log1p and expm1: derivatives at 0, and where expm1 rounds to -1", () => {
    const slopes = (f: (x: F64) => F64, x: number[]) => grad((t: F64) => sum(f(t)))(tensor(x)).toArray() as number[];
    expect(slopes(log1p, [0, 1, -0.5])).to.deep.equal([1, 0.5, 2]);
    const got = slopes(expm1, [0, 1e-20, -50, Number.NEGATIVE_INFINITY]);
    [1, 1, Math.exp(-50), 0].forEach((s, i) => expect(got[i]).to.be.closeTo(s, 1e-15 * s));
  });
  it("tanh, abs, log1p and expm1 of complex numbers with infinities: as C99 has them", () => {
    const inf = Number.POSITIVE_INFINITY;
    const cases: Readonly<Record<string, [Pair, readonly number[]][]>> = {
      tanh: [[[inf, 1], [1, 0]], [[-inf, -1], [-1, -0]], [[inf, inf], [1, 0]], [[-inf, Number.NaN], [-1, 0]], [[Number.NaN, 0], [Number.NaN, 0]],
        [[1, inf], [Number.NaN, Number.NaN]], [[30, inf], [Number.NaN, Number.NaN]], [[0, 0.5], [0, Math.tan(0.5)]], [[-0, -0], [-0, -0]]], // biome-ignore format: pairs
      log1p: [[[-1, 0], [-inf, 0]], [[-1, -0], [-inf, -0]], [[inf, 1], [inf, 0]], [[-inf, -1], [inf, -Math.PI]], [[inf, inf], [inf, Math.PI / 4]],
        [[1, -inf], [inf, -Math.PI / 2]], [[Number.NaN, inf], [inf, Number.NaN]], [[Number.NaN, 0], [Number.NaN, Number.NaN]], [[-0, -0], [-0, -0]],
        [[-3, -0], [Math.log(2), -Math.PI]], [[-0, 0], [-0, 0]]], // biome-ignore format: pairs
      expm1: [[[-inf, 1], [-1, 0]], [[-inf, -inf], [-1, -0]], [[inf, 0], [inf, 0]], [[inf, Number.NaN], [inf, Number.NaN]],
        [[Number.NaN, 0], [Number.NaN, 0]], [[1, inf], [Number.NaN, Number.NaN]], [[-0, -0], [-0, -0]], [[0, -0], [0, -0]]], // biome-ignore format: pairs
      abs: [[[inf, Number.NaN], [inf]], [[Number.NaN, -inf], [inf]], [[Number.NaN, 1], [Number.NaN]], [[0, -0], [0]], [[-inf, inf], [inf]]], // biome-ignore format: pairs
    };
    for (const [name, list] of Object.entries(cases))
      for (const dtype of ["complex64", "complex128"] as const)
        for (const [z, want] of list)
          for (const got of results(name, dtype, [z]))
            got.forEach((y, i) => {
              const w = kinds[dtype].array.of(want[i] as number)[0] as number;
              const close = Object.is(y, w) || Math.abs(y - w) <= kinds[dtype].eps;
              expect(close && (y !== 0 || z[i] === inf || Object.is(y, w)), `${name}(${z}): ${got}`).to.equal(true);
            });
  });
  it("abs, sign and tanh: derivatives at 0, and where tanh is nearly 1", () => {
    const z = tensor([
      { re: 0, im: 0 },
      { re: 3, im: -4 },
    ]) as unknown as F64;
    const total =
      (f: (x: never) => unknown) =>
      (x: F64): F64 =>
        sum(f(x as never) as F64);
    expect(grad(total(abs))(z).toArray()).to.deep.equal([
      { re: 0, im: 0 },
      { re: 0.6, im: -0.8 },
    ]);
    expect(grad((x: F64) => sum(imag(sign(x) as never) as F64))(z).toArray()).to.deep.equal([
      { re: 0, im: 0 },
      { re: 0.096, im: 0.072 },
    ]);
    const slopes = grad(total(tanh))(tensor([0, 25, -300, 400, Number.POSITIVE_INFINITY])).toArray() as number[];
    [1, 4 * Math.exp(-50), 4 * Math.exp(-600), 0, 0].forEach((s, i) => expect(slopes[i]).to.be.closeTo(s, 1e-13 * s));
    expect(grad(total(abs))(tensor([-2, 0, -0, 5])).toArray()).to.deep.equal([-1, 0, 0, 1]);
    expect(tensor([-1]).abs().toArray()).to.deep.equal([1]);
    expect(tensor([0]).tanh().toArray()).to.deep.equal([0]);
  });
  it("where, by the mask", () => {
    const mask = tensor([true, false, true, false, false]);
    const [a, b] = [tensor([1, 2, 3, 4, 5]), tensor([-1, -2, Number.NaN, -4, Number.NaN])];
    const where = registry.op("where") as unknown as (...xs: Tensor[]) => F64;
    expect(where(mask, a, b).toArray()).to.deep.equal([1, -2, 3, -4, Number.NaN]);
  });
  it("arrays longer than what one thread takes at a time: maps, sums, many short sums", () => {
    const n = 100_003; // three tasks and a bit
    const x = Float64Array.from({ length: n }, (_, i) => (i % 1009) - 504);
    const long = tensor(x);
    expect(Array.from(exp(mul(long, 0)).data).every((y) => y === 1)).to.equal(true);
    expect(Array.from(add(long, long).data)).to.deep.equal(Array.from(x, (v) => 2 * v));
    // whole numbers: every order of summation is exact
    const total = x.reduce((s, v) => s + v, 0);
    expect(sum(long).item()).to.equal(total);
    expect(sum(add(broadcastTo(long, [3, n]), tensor([[0], [1], [2]])), { axis: 1 }).toArray()).to.deep.equal([
      total,
      total + n,
      total + 2 * n,
    ]);
    const table = tensor(x.slice(0, 99_999), { shape: [33_333, 3] });
    for (const axis of [0, 1]) {
      const want = new Float64Array(axis === 0 ? 3 : 33_333);
      for (let i = 0; i < 99_999; i++) want[axis === 0 ? i % 3 : Math.floor(i / 3)]! += x[i] as number;
      expect(sum(table, { axis }).toArray(), `axis ${axis}`).to.deep.equal(Array.from(want));
    }
    expect(transpose(transpose(table)).toArray()).to.deep.equal(table.toArray());
  });
  it("maximum and minimum at a tie: half of the cotangent each; elsewhere to the one taken", () => {
    const [a, b] = [tensor([1, 2, 3, -4]), tensor([1, 5, -3, -4])];
    for (const [f, left] of [
      [maximum, [0.5, 0, 1, 0.5]],
      [minimum, [0.5, 1, 0, 0.5]],
    ] as const) {
      const [ga, gb] = grad((p: F64, q: F64) => sum(f(p, q)), { argnums: [0, 1] })(a, b) as unknown as [F64, F64];
      expect(ga.toArray()).to.deep.equal(left);
      expect(gb.toArray()).to.deep.equal(left.map((x) => 1 - x));
    }
  });
});
