// Elementwise functions of lib/ops/{powers,trigonometry,activations,special,rounding}.ts against mpmath and NumPy; where numbers end; derivatives
// where formulas that are right elsewhere give NaN.
import { expect } from "chai";
import * as bs from "../lib/index";
import { grad, hessian, jvp, type Program, registry, sum, type Tensor, tensor } from "../lib/index";
import { type Kind, kinds, results } from "./columns";
import goldens from "./golden/functions.json";

type F64 = Tensor<"float64">;
const { POSITIVE_INFINITY: inf, NaN: nan } = Number;
const formats = { float64: { bits: 52, least: -1022 }, float32: { bits: 23, least: -126 } } as const;

/** What documentation says, in units of the last place. */
const UNITS: Readonly<Record<string, number>> = {
  erfc: 5,
  erfInv: 8,
  normCdf: 8,
  normLogCdf: 8,
  normHazard: 8,
  normQuantile: 8,
  digamma: 5,
  polygamma: 10,
  "lgamma float32": 4,
  cbrt: 1,
  pow: 1,
  tan: 1,
  log2: 1,
  log10: 1,
  exp2: 1,
  "erf float64": 1,
  "lgamma float64": 1,
  mod: 0.5,
  reciprocal: 0.5,
};
/** How much of an argument's rounding a complex value has. */
const AMPLIFIED: Readonly<Record<string, (z: readonly number[]) => number>> = {
  exp2: ([x, y]) => Math.hypot(x as number, y as number),
  pow: ([a, b, c, d]) => Math.hypot(Math.log(Math.hypot(a as number, b as number)), Math.PI) * Math.hypot(c as number, d as number),
};

describe("elementwise functions", () => {
  for (const [key, rows] of Object.entries(goldens as Record<string, number[][]>)) {
    const [name, dtype] = key.split(" ") as [string, Kind];
    if (dtype === "float64" || dtype === "float32") {
      const most = UNITS[key] ?? UNITS[name] ?? 2;
      const { bits, least } = formats[dtype];
      it(`${key}: within ${most} ulp of mpmath`, () => {
        const columns = (rows[0] as number[]).slice(0, -2).map((_, i) => rows.map((r) => r[i] as number));
        const [list, ...others] = results(name, dtype, columns) as [number[], number[], number[]];
        for (const other of others) expect(other, "lanes and single").to.deep.equal(list);
        rows.forEach((r, i) => {
          const [high, low] = r.slice(-2) as [number, number];
          const exponent = high === 0 ? least : Math.max(Math.floor(Math.log2(Math.abs(high))), least);
          const off = (((list[i] as number) - high) / 2 ** (exponent + 100)) * 2 ** (bits + 100); // 2^-1074 is the last that there is
          expect(Math.abs(off - low), `${name}(${r.slice(0, -2)}): ${list[i]}, not ${high}`).to.be.at.most(most);
        });
      });
    } else {
      it(`${key}: within 8 epsilon of mpmath, on cuts where NumPy has it`, () => {
        const pairs = ((rows[0] as number[]).length - 2) / 2;
        const columns = [...Array(pairs).keys()].map((i) => rows.flatMap((r) => r.slice(2 * i, 2 * i + 2)));
        for (const type of ["complex128", "complex64"] as const)
          for (const list of results(name, type, columns))
            rows.forEach((r, i) => {
              const [re, im] = r.slice(-2) as [number, number];
              const size = Math.hypot(re, im) * (type === "complex64" ? 8 : 1); // arguments are rounded, too
              const tolerance = 8 * kinds[type].eps * size * (1 + (AMPLIFIED[name]?.(r) ?? 0));
              const text = `${name}(${r.slice(0, -2)}), ${type}: (${list[2 * i]}, ${list[2 * i + 1]}), not (${re}, ${im})`;
              expect(Math.hypot((list[2 * i] as number) - re, (list[2 * i + 1] as number) - im), text).to.be.at.most(tolerance);
            });
      });
    }
  }

  const HALF_PI = Math.PI / 2;
  const ODD = ["cbrt", "tan", "asin", "atan", "asinh", "atanh", "erf", "erfInv", "floor", "round", "trunc", "reciprocal"];
  /** Argument and value, exactly, zeros with their signs; of ODD ones the other sign, too. */
  const ENDS: Readonly<Record<string, readonly (readonly [...number[], number])[]>> = {
    cbrt: [[0, 0], [inf, inf], [27, 3], [-8, -2]],
    log2: [[0, -inf], [-0, -inf], [-1, nan], [-inf, nan], [inf, inf], [1, 0], [8, 3], [2 ** -100, -100]],
    log10: [[0, -inf], [-0, -inf], [-1, nan], [inf, inf], [1, 0], [1000, 3]],
    exp2: [[0, 1], [-0, 1], [inf, inf], [-inf, 0], [10, 1024], [-3, 0.125], [2000, inf], [-2000, 0]],
    tan: [[0, 0], [inf, nan]],
    asin: [[0, 0], [1.5, nan], [inf, nan]],
    acos: [[1, 0], [1.5, nan], [-inf, nan]],
    atan: [[0, 0]],
    asinh: [[0, 0], [inf, inf]],
    acosh: [[1, 0], [0.5, nan], [-inf, nan], [inf, inf]],
    atanh: [[0, 0], [1, inf], [1.5, nan], [inf, nan]],
    reciprocal: [[0, inf], [inf, 0], [4, 0.25]],
    rsqrt: [[0, inf], [-0, -inf], [inf, 0], [-1, nan], [16, 0.25]],
    sigmoid: [[0, 0.5], [-0, 0.5], [inf, 1], [-inf, 0]],
    softplus: [[inf, inf], [-inf, 0]],
    logSigmoid: [[-inf, -inf]],
    relu: [[-1, 0], [3, 3], [inf, inf], [-inf, 0]],
    floor: [[0, 0], [inf, inf], [2 ** 60, 2 ** 60]],
    ceil: [[0, 0], [-0, -0], [inf, inf], [-0.5, -0]],
    round: [[0, 0], [0.5, 0], [1.5, 2], [2.5, 2], [0.25, 0], [4194305, 4194305], [4194303.5, 4194304], [inf, inf]],
    trunc: [[0, 0], [0.75, 0], [2.75, 2], [inf, inf]],
    erf: [[0, 0], [inf, 1], [40, 1]],
    erfc: [[0, 1], [inf, 0], [-inf, 2], [40, 0], [-40, 2]],
    erfInv: [[0, 0], [1, inf], [1.5, nan], [inf, nan]],
    normCdf: [[0, 0.5], [inf, 1], [-inf, 0], [50, 1], [-50, 0]],
    normLogCdf: [[-inf, -inf], [inf, -0], [50, -0], [-1e19, -5e37]],
    normHazard: [[-inf, inf], [inf, 0], [50, 0]],
    normQuantile: [[0, -inf], [-0, -inf], [1, inf], [0.5, 0], [-1, nan], [2, nan]],
    lgamma: [[0, inf], [-0, inf], [-3, inf], [inf, inf], [-inf, inf], [1, 0], [2, 0]],
    digamma: [[0, -inf], [-0, inf], [-3, nan], [inf, inf], [-inf, nan]],
    hypot: [[inf, nan, inf], [nan, -inf, inf], [0, -0, 0], [3, -4, 5], [nan, 1, nan]],
    atan2: [[0, 1, 0], [-0, 1, -0], [0, 0, 0], [-0, 0, -0], [inf, 1, HALF_PI], [1, inf, 0], [-1, inf, -0], [nan, 1, nan]],
    pow: [[0, 0, 1], [nan, 0, 1], [1, nan, 1], [-8, 1 / 3, nan], [-2, 3, -8], [0, -1, inf], [-0, -3, -inf], [-0, 3, -0], [0.5, inf, 0], [2, -inf, 0],
      [-1, inf, 1], [-inf, 3, -inf], [inf, -2, 0], [-inf, -3, -0]],
    mod: [[5, 3, 2], [-5, 3, 1], [5, -3, -1], [-5, -3, -2], [6, 3, 0], [-6, 3, 0], [6, -3, -0], [1, 0, nan], [inf, 2, nan], [-1, inf, inf], [1, inf, 1],
      [0, -inf, -0], [nan, 1, nan]],
    logaddexp: [[inf, inf, inf], [-inf, -inf, -inf], [-inf, 3, 3], [inf, -inf, inf], [nan, 1, nan]],
    xlogy: [[0, 0, 0], [0, inf, 0], [0, nan, nan], [1, 0, -inf], [2, -1, nan]],
    polygamma: [[1, 0, inf], [1, inf, 0], [2, inf, 0], [0, inf, inf], [0.5, 1, nan], [-1, 1, nan], [1, -2, inf], [1, -1001.5, nan], [1, nan, nan]],
    isNaN: [[nan, 1], [inf, 0]],
    isFinite: [[nan, 0], [inf, 0], [-inf, 0], [0, 1]],
    isInf: [[nan, 0], [-inf, 1], [1, 0]],
    logicalNot: [[-0, 1], [nan, 0], [2, 0]],
    logicalAnd: [[nan, 1, 1], [0, 1, 0], [-0, nan, 0]],
    logicalXor: [[nan, 1, 0], [0, 1, 1], [0, -0, 0]],
    angle: [[-0, Math.PI], [0, 0], [nan, nan]],
  }; // biome-ignore format: pairs
  for (const [name, given] of Object.entries(ENDS)) {
    it(`${name} where numbers end`, () => {
      const nanOf = given.some((r) => r.some((x) => Number.isNaN(x))) ? [] : [given[0]?.map(() => nan) as number[]];
      const rows = [...given, ...(ODD.includes(name) ? given.map((r) => r.map((x) => -x)) : []), ...nanOf];
      for (const dtype of ["float32", "float64"] as const) {
        const round = (x: number): number => kinds[dtype].array.of(x)[0] as number;
        const columns = (rows[0] as number[]).slice(0, -1).map((_, i) => rows.map((r) => r[i] as number));
        for (const list of results(name, dtype, columns))
          rows.forEach((r, i) => {
            const want = round(r.at(-1) as number);
            const same =
              Object.is(list[i], want) || (want !== 0 && Math.abs((list[i] as number) - want) <= 2 * kinds[dtype].eps * Math.abs(want));
            expect(same, `${name}(${r.slice(0, -1)}), ${dtype}: ${list[i]}, not ${want}`).to.equal(true);
          });
      }
    });
  }

  /** Every function of real numbers between others, so that it stands in a loop of a compiled program. */
  for (const dtype of ["float32", "float64"] as const)
    it(`in loops of programs, ${dtype}: the bits of the op alone, for few items and many`, () => {
      for (const key of Object.keys(ENDS).concat("normLogPdf", "hypot", "clip")) {
        const op = registry.op(key) as unknown as ((...xs: Tensor[]) => Tensor) & { readonly row: { inputs: readonly string[] } };
        const arity = op.row.inputs.length;
        const f = (...xs: Tensor[]): Tensor => {
          const y = op(...xs.map((x) => bs.mul(x as F64, 1)));
          return bs.where(
            y.dtype === "bool" ? (y as Tensor<"bool">) : bs.less(y as F64, 0.5),
            bs.neg(y.dtype === "bool" ? 2 : (y as F64)),
            3,
          );
        };
        const columns = [...Array(arity).keys()].map((i) =>
          [-2.5, 0, 0.3, nan, 2, 1, inf, 0.7, -0.1, 5, 40].map((x) => (i > 0 ? x + 0.25 : x)),
        );
        for (const batch of [1, 3, 5, 17]) {
          const given = columns.map(
            (c) => tensor([...Array(batch).keys()].map((b) => c.map((_, i) => c[(i + b) % c.length])) as never, { dtype }) as Tensor,
          );
          const want = Array.from(f(...given).data as ArrayLike<number>);
          const spec = kinds[dtype].spec as (n: number) => unknown;
          const program = bs.compile(f as never, ...(columns.map((c) => spec(c.length)) as never[])) as unknown as Program<
            unknown[],
            Tensor
          >;
          for (const layout of ["lanes", "single"] as const)
            expect(Array.from(program.runSync(given, { layout }).data as ArrayLike<number>), `${key}, ${batch} ${layout}`).to.deep.equal(
              want,
            );
        }
      }
    });

  const slopeAt = (f: (x: F64) => F64, x: number): number[] => {
    const at = tensor(x);
    return [grad(f)(at).item(), jvp(f, [at], [tensor(1)]).tangent.item(), hessian(f)(at as never).item()] as number[];
  };
  const close = (got: number, want: number, what: string): void => {
    const same = Object.is(got + 0, want + 0) || Math.abs(got - want) <= 1e-13 * Math.abs(want);
    expect(same, `${what}: ${got}, not ${want}`).to.equal(true);
  };
  /** Function, argument, first and second derivative. */
  const SLOPES: readonly (readonly [string, (x: F64) => F64, number, number, number?])[] = [
    ["x² by a number", (x) => bs.pow(x, 2), 0, 0, 2],
    ["x³ by a number", (x) => bs.pow(x, 3), -2, 12, -12],
    ["x⁴ at 0", (x) => bs.pow(x, 4), 0, 0, 0],
    ["x⁵ of a negative number", (x) => bs.pow(x, 5), -1, 5, -20],
    ["x¹ by a tensor at 0", (x) => bs.pow(x, tensor(1)), 0, 1, 0],
    ["x² by a tensor at 0", (x) => bs.pow(x, tensor(2)), 0, 0, 2],
    ["x⁰ at 0", (x) => bs.pow(x, 0), 0, 0, 0],
    ["x⁰ by a tensor at 0", (x) => bs.pow(x, tensor(0)), 0, 0, 0],
    ["√x by a number at 0", (x) => bs.pow(x, 0.5), 0, inf],
    ["1/x by a number", (x) => bs.pow(x, -1), -2, -0.25, -0.25],
    ["x^1.5 at 0", (x) => bs.pow(x, 1.5), 0, 0, inf],
    ["2^x", (x) => bs.pow(2, x), 1, 2 * Math.LN2, 2 * Math.LN2 ** 2],
    ["0^x", (x) => bs.pow(0, x), 2, 0, 0],
    ["0^x at 0", (x) => bs.pow(0, x), 0, 0, 0],
    ["relu at 0", bs.relu as never, 0, 0, 0],
    ["softplus far left", bs.softplus as never, -700, Math.exp(-700), Math.exp(-700)],
    ["softplus far right", bs.softplus as never, 800, 1, 0],
    ["logSigmoid far left", bs.logSigmoid as never, -800, 1, 0],
    ["logSigmoid far right", bs.logSigmoid as never, 600, Math.exp(-600), -Math.exp(-600)],
    ["sigmoid far left", bs.sigmoid as never, -500, Math.exp(-500), Math.exp(-500)],
    ["normLogCdf far left", bs.normLogCdf as never, -1e5, 1e5 + 1e-5 - 2e-15],
    ["normLogCdf", bs.normLogCdf as never, 0, Math.sqrt(2 / Math.PI), -2 / Math.PI],
    ["normCdf far left", bs.normCdf as never, -30, Math.exp(-450) / Math.sqrt(2 * Math.PI)],
    ["floor", bs.floor as never, 0.3, 0, 0],
    ["floor at a step", bs.floor as never, 2, 0, 0],
    ["round", bs.round as never, 0.5, 0, 0],
    ["clip below", (x) => bs.clip(x, -1, 1), -2, 0, 0],
    ["clip at a bound", (x) => bs.clip(x, -1, 1), -1, 1, 0],
    ["clip at the other", (x) => bs.clip(x, -1, 1), 1, 1, 0],
    ["the lower bound", (x) => bs.clip(-3, x, 1), -1, 1, 0],
    ["the lower bound, not taken", (x) => bs.clip(0, x, 1), -1, 0, 0],
    ["the upper bound", (x) => bs.clip(3, 0, x), 1, 1, 0],
    ["mod by its second", (x) => bs.mod(7.5, x), 2, -3, 0],
    ["hypot at 0", (x) => bs.hypot(x, 0), 0, 0],
    ["hypot with 0", (x) => bs.hypot(x, 3), 0, 0, 1 / 3],
    ["atan2 at 0", (x) => bs.atan2(x, 0), 0, 0],
    ["atan2", (x) => bs.atan2(x, 2), 0, 0.5, 0],
    ["logaddexp of infinities", (x) => bs.logaddexp(x, -inf), -inf, 0.5],
    ["logaddexp at a tie", (x) => bs.logaddexp(x, 3), 3, 0.5, 0.25],
    ["xlogy at 0", (x) => bs.xlogy(0, x), 0, 0, 0],
    ["nanToNum", (x) => bs.nanToNum(x), 3, 1, 0],
    ["nanToNum of NaN", (x) => bs.nanToNum(x), nan, 0, 0],
    ["lgamma", bs.lgamma as never, 1, -0.5772156649015329, Math.PI ** 2 / 6],
    ["lgamma of a negative number", bs.lgamma as never, -0.5, 0.03648997397857652, 8.934802200544679],
    ["digamma", bs.digamma as never, 1, Math.PI ** 2 / 6, -2.404113806319188],
    ["erfInv", bs.erfInv as never, 0, Math.sqrt(Math.PI) / 2, 0],
    ["normQuantile", bs.normQuantile as never, 0.5, Math.sqrt(2 * Math.PI), 0],
    ["acosh", bs.acosh as never, 1, inf],
  ];
  for (const [name, f, x, first, second] of SLOPES) {
    it(`derivatives of ${name}`, () => {
      const [g, t, h] = slopeAt((t) => sum(f(t)) as F64, x) as [number, number, number];
      close(g, first, "grad");
      close(t, first, "jvp");
      if (second !== undefined) close(h, second, "hessian");
    });
  }

  it("of int32 and bool as NumPy", () => {
    const [a, b] = [tensor([-7, 7, -7, 7, 5, -(2 ** 31)], { dtype: "int32" }), tensor([3, -3, -3, 3, 0, -1], { dtype: "int32" })];
    expect(bs.mod(a, b).toArray()).to.deep.equal([2, -2, -1, 1, 0, 0]);
    for (const f of [bs.floor, bs.ceil, bs.round, bs.trunc]) expect(f(a as never)).to.deep.equal(a);
    expect(bs.clip(a, -5, 6).toArray()).to.deep.equal([-5, 6, -5, 6, 5, -5]);
    expect(bs.relu(a).toArray()).to.deep.equal([0, 7, 0, 7, 5, 0]);
    expect(bs.sign(a).toArray()).to.deep.equal([-1, 1, -1, 1, 1, -1]);
    const [p, q] = [tensor([true, true, false, false]), tensor([true, false, true, false])];
    expect(bs.logicalAnd(p, q).toArray()).to.deep.equal([true, false, false, false]);
    expect(bs.logicalOr(p, q).toArray()).to.deep.equal([true, true, true, false]);
    expect(bs.logicalXor(p, q).toArray()).to.deep.equal([false, true, true, false]);
    expect(bs.logicalNot(p).toArray()).to.deep.equal([false, false, true, true]);
    expect(bs.logicalOr(tensor([0, 2], { dtype: "int32" }), tensor([0, 0], { dtype: "int32" })).toArray()).to.deep.equal([false, true]);
    expect([bs.isNaN(a), bs.isInf(p), bs.logicalNot(bs.isFinite(b))].every((t) => !(t.toArray() as boolean[]).includes(true))).to.equal(
      true,
    );
  });
  it("of complex numbers: NaN, infinities, truth, angle; 0 to a power", () => {
    const z = tensor([{ re: nan, im: 0 }, { re: 0, im: -inf }, { re: 0, im: 0 }, { re: 0, im: -2 }, { re: 1.7e308, im: 1.7e308 }] as never); // biome-ignore format: one line
    const of = (f: (z: never) => Tensor) => f(z as never).toArray();
    expect(of(bs.isNaN)).to.deep.equal([true, false, false, false, false]);
    expect(of(bs.isInf)).to.deep.equal([false, true, false, false, false]);
    expect(of(bs.isFinite)).to.deep.equal([false, false, true, true, true]);
    expect(of(bs.logicalNot)).to.deep.equal([false, false, true, false, false]);
    expect(of(bs.angle)).to.deep.equal([nan, -HALF_PI, 0, -HALF_PI, Math.PI / 4]);
    expect((of((t) => bs.nanToNum(t, { posInf: 5, negInf: -5 })) as unknown[]).slice(0, 2)).to.deep.equal([{ re: 0, im: 0 }, { re: 0, im: -5 }]); // biome-ignore format: one line
    const zero = tensor([{ re: 0, im: 0 }] as never) as unknown as Tensor<"complex128">;
    const power = (b: number) => bs.pow(zero, tensor([{ re: b, im: 0 }] as never) as never).toArray();
    expect([power(0), power(2)]).to.deep.equal([[{ re: 1, im: 0 }], [{ re: 0, im: 0 }]]);
    expect(bs.isNaN(bs.pow(zero, tensor([{ re: -1, im: 0 }] as never) as never)).toArray()).to.deep.equal([true]);
  });
  it("real functions refuse complex numbers; errors name what was called", () => {
    const z = tensor([{ re: 1, im: 0 }] as never);
    for (const name of [
      "cbrt",
      "hypot",
      "atan2",
      "mod",
      "floor",
      "logaddexp",
      "softplus",
      "erf",
      "lgamma",
      "polygamma",
      "normCdf",
      "clip",
      "relu",
    ]) {
      const op = registry.op(name) as unknown as ((...args: unknown[]) => unknown) & { row: { inputs: readonly string[] } };
      expect(() => op(...op.row.inputs.map(() => z)), name)
        .to.throw(new RegExp(`^${name}:`))
        .with.property("code", "ERR_DTYPE");
    }
    expect(() => bs.tan(tensor([1], { dtype: "int32" }) as never)).to.throw(/^tan:/).with.property("code", "ERR_DTYPE"); // biome-ignore format: one line
  });
  it("nanToNum: the largest numbers for infinities, or what is said", () => {
    const x = tensor([nan, inf, -inf, 2]);
    expect(bs.nanToNum(x).toArray()).to.deep.equal([0, Number.MAX_VALUE, -Number.MAX_VALUE, 2]);
    expect(bs.nanToNum(x, { nan: 1, posInf: 7, negInf: -7 }).toArray()).to.deep.equal([1, 7, -7, 2]);
    expect(bs.nanToNum(tensor([inf], { dtype: "float32" })).toArray()).to.deep.equal([3.4028234663852886e38]);
  });
  it("in vmap, scan, program files, asynchronous calls; of nothing; of numbers", async () => {
    const x = tensor([0.2, 0.5, 0.7]);
    const f = (t: F64): F64 => sum(bs.lgamma(bs.add(1, bs.softplus(bs.asin(bs.pow(t, 1.5)))))) as F64;
    const file = bs.Program.from(bs.compile(grad(f), bs.float64(3)).toJSON()) as unknown as Program<unknown[], Tensor>;
    expect(file.runSync([x]).toArray()).to.deep.equal(grad(f)(x).toArray());
    expect(
      bs
        .vmap((t: F64) => bs.atan2(t, bs.erf(t)))(x)
        .toArray(),
    ).to.deep.equal(bs.atan2(x, bs.erf(x)).toArray());
    const step = (s: F64, t: F64) => ({ carry: bs.logaddexp(s, t) as F64, y: bs.normCdf(t) as F64 });
    const last = (t: F64): F64 => bs.scan(step, tensor(0.1) as F64, t).carry as F64;
    const terms = Array.from(bs.exp(x).data);
    const total = Math.exp(0.1) + terms.reduce((s, t) => s + t, 0);
    grad(last)(x).data.forEach((g, i) => expect(g).to.be.closeTo((terms[i] as number) / total, 1e-15));
    for (const op of [bs.lgamma, bs.tan, bs.sigmoid]) expect((await op.async(x)).toArray()).to.deep.equal(op(x).toArray());
    const none = bs.zeros([0, 3]);
    expect([bs.normCdf(none), bs.pow(none, 2.5), bs.clip(none, 0, bs.ones([3])), bs.isNaN(none)].map((t) => t.shape)).to.deep.equal(
      Array(4).fill([0, 3]),
    );
    expect([bs.pow(2, 10), bs.hypot(3, 4), bs.relu(-1), bs.lgamma(1)].map((t) => t.item())).to.deep.equal([1024, 5, 0, 0]);
  });
  it("methods", () => {
    const x = tensor([-1.5, 0.25]);
    expect(x.clip(-1, 1).toArray()).to.deep.equal([-1, 0.25]);
    expect(x.pow(2).toArray()).to.deep.equal([2.25, 0.0625]);
    expect([x.floor(), x.ceil(), x.round(), x.sign(), x.relu()].map((t) => t.toArray())).to.deep.equal([[-2, 0], [-1, 1], [-2, 0], [-1, 1], [0, 0.25]]); // biome-ignore format: one line
  });
});
