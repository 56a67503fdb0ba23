// Fused rules of factorizations, where checkOp's samples do not lead: next to the composed rule, in both layouts, each item for itself.
import { expect } from "chai";
import * as b from "../lib/index";
import { cells } from "./grid";
import { DTYPES, epsOf } from "./spectra";

type F = b.Float;
type T = b.Tensor<F>;
type Rule = (args: readonly T[], options?: object) => T;
const SPECS = { float32: b.float32, float64: b.float64, complex64: b.complex64, complex128: b.complex128 } as const;
const LAYOUTS = ["lanes", "single"] as const;
const row = b.registry.get("qr") as b.AnyRow;
const composedRow = Object.fromEntries(Object.entries(row).filter(([field]) => !["fused", "fusedFor", "tf"].includes(field)));
const composedQr = b.defineOp({ ...composedRow, name: "qrComposed", hidden: true } as never) as unknown as typeof b.linalg.qr;

const drawn = (dtype: F, key: number, shape: readonly number[]): T => {
  const [re, im] = [b.random.normal(key, shape), b.random.normal(key + 1, shape)];
  return b.cast((dtype.startsWith("complex") ? b.complex(re, im) : re) as never, dtype as never) as unknown as T;
};
/** Which outputs have a cotangent. */
const GIVEN = [["q"], ["r"], ["q", "r"]] as const;
type Given = (typeof GIVEN)[number];

/** The cotangent of A, compiled: of A and cotangents of what is given. */
function ruleOf(op: typeof b.linalg.qr, dtype: F, m: number, n: number, given: Given, layout: string): Rule {
  const k = Math.min(m, n);
  const rule = (a: T, ...g: T[]): T => {
    const f = (x: T) => given.map((name) => (op(x as never) as unknown as Record<"q" | "r", T>)[name]);
    return (b.vjp(f as never, a as never) as unknown as { pullback(g: T[]): [T] }).pullback(g)[0];
  };
  const spec = SPECS[dtype];
  const program = b.compile(rule as never, spec(m, n), ...given.map((name) => (name === "q" ? spec(m, k) : spec(k, n)))) as unknown as {
    runSync: Rule;
  };
  return (args, options) => program.runSync(args, { ...options, layout });
}
const argumentsOf = (dtype: F, m: number, n: number, given: Given, count: number): T[] => {
  const k = Math.min(m, n);
  return [
    drawn(dtype, 31 * m + n, [count, m, n]),
    ...given.map((name, i) => drawn(dtype, 7 + 2 * i, name === "q" ? [count, m, k] : [count, k, n])),
  ];
};
const only = (args: readonly T[], i: number): T[] => args.map((t) => b.slice(t, [i, 0, 0], [1, ...t.shape.slice(1)]));
const bitsOf = (t: T): number[] => [...new Uint32Array(t.data.slice().buffer)];
const isComplex = (dtype: F): boolean => dtype.startsWith("complex");
/** Numbers of one item. */
const itemOf = (t: T, i: number, count: number): ArrayLike<number> => {
  const size = t.data.length / count;
  return t.data.slice(i * size, (i + 1) * size);
};
const SIZES = [
  [1, 1],
  [3, 1],
  [1, 3],
  [2, 2],
  [4, 2],
  [5, 4],
  [4, 7],
  [9, 9],
  [16, 8],
  [6, 13],
  [40, 33],
] as const;

describe("the fused rule of qr", () => {
  it("equals the composed one, whichever cotangents are given, and each item is what it is alone", () => {
    for (const [dtype, [m, n], given, layout, count] of cells("rules of qr", [DTYPES, SIZES, GIVEN, LAYOUTS, [1, 7, 8, 9, 17]])) {
      const args = argumentsOf(dtype, m, n, given, count);
      const run = ruleOf(b.linalg.qr, dtype, m, n, given, layout);
      const [got, want] = [run(args), ruleOf(composedQr, dtype, m, n, given, "single")(args)];
      const what = `${dtype} ${m} x ${n}, ${given}, ${layout}, ${count}`;
      for (let i = 0; i < count; i++) {
        const [x, y] = [itemOf(got, i, count), itemOf(want, i, count)];
        const { r } = b.linalg.qr(only(args, i)[0] as never) as unknown as { r: T };
        const values = b.linalg.svdvals(b.slice(r, [0, 0, 0], [1, Math.min(m, n), Math.min(m, n)])).data;
        const [first, least] = [values[0] as number, values.at(-1) as number];
        const most = (first / least) * Math.max(...Array.from(y, Math.abs)) + 4 / least; // of differences of numbers as large as 1 / R
        const bound = 8 * epsOf(dtype) * Math.max(m, n) * most;
        for (let e = 0; e < x.length; e++)
          expect(Math.abs((x[e] as number) - (y[e] as number)), `element ${e} of item ${i}, ${what}`).to.be.at.most(bound * most);
      }
      const last = count - 1;
      expect(bitsOf(run(only(args, last))), what).to.deep.equal(bitsOf(only([got], last)[0] as T));
    }
  });

  it("no matrices, and matrices of nothing, have gradients of their shape", () => {
    for (const [m, n, count] of [
      [3, 2, 0],
      [0, 0, 3],
      [3, 0, 3],
      [0, 3, 3],
    ] as const) {
      for (const layout of LAYOUTS) {
        const args = argumentsOf("float64", m, n, ["q", "r"], count);
        expect(ruleOf(b.linalg.qr, "float64", m, n, ["q", "r"], layout)(args).shape).to.deep.equal([count, m, n]);
      }
    }
  });

  it("follows the scale of A, from 2^-500 to 2^500, each item by its own", () => {
    const powers = [0, 500, -500, 3, 0, -500, 500, 1, 90];
    for (const [dtype, layout] of cells("scales of rules of qr", [["float64", "complex128"] as const, LAYOUTS])) {
      for (const [given, law] of [
        [["q"], -1],
        [["r"], 0],
      ] as const) {
        const args = argumentsOf(dtype, 8, 4, given, powers.length);
        const scales = b.reshape(b.tensor(powers.map((p) => 2 ** p)), [powers.length, 1, 1]);
        const scaled = [b.mul(args[0] as never, b.cast(scales as never, dtype as never) as never) as unknown as T, ...args.slice(1)];
        const run = ruleOf(b.linalg.qr, dtype, 8, 4, given, layout);
        const [plain, got] = [run(args), run(scaled)];
        powers.forEach((p, i) => {
          const [x, y] = [itemOf(got, i, powers.length), itemOf(plain, i, powers.length)];
          const bound = 1e-12 * Math.max(...Array.from(y, Math.abs));
          for (let e = 0; e < x.length; e++)
            expect(
              Math.abs((x[e] as number) * 2 ** (-law * p) - (y[e] as number)),
              `${given} of ${dtype}, 2^${p}, ${layout}`,
            ).to.be.at.most(bound);
        });
      }
    }
  });

  it("fails as the composed rule where columns are not independent, and leaves the others their bits", () => {
    const count = 11;
    for (const [dtype, [m, n], layout] of cells("dependent columns", [
      DTYPES,
      [[4, 3] as const, [3, 3] as const, [3, 5] as const],
      LAYOUTS,
    ])) {
      const args = argumentsOf(dtype, m, n, ["q", "r"], count);
      const data = (args[0] as T).data.slice();
      const parts = isComplex(dtype) ? 2 : 1;
      // item 6: its second column is zero
      for (let i = 0; i < m; i++) for (let p = 0; p < parts; p++) data[((6 * m + i) * n + 1) * parts + p] = 0;
      const bad = [
        b.cast(
          isComplex(dtype) ? fromParts(data, [count, m, n]) : (b.reshape(b.tensor(data as never), [count, m, n]) as never),
          dtype as never,
        ) as unknown as T,
        ...args.slice(1),
      ];
      const run = ruleOf(b.linalg.qr, dtype, m, n, ["q", "r"], layout);
      const told = (f: () => unknown): { code: string; message: string; item: number } => {
        try {
          f();
        } catch (error) {
          return error as { code: string; message: string; item: number };
        }
        throw new Error("did not fail");
      };
      const [ours, theirs] = [told(() => run(bad)), told(() => ruleOf(composedQr, dtype, m, n, ["q", "r"], layout)(bad))];
      expect(ours.code).to.equal("ERR_RANK_DEFICIENT");
      expect(ours.message).to.match(/^qr: .*\b6\b.*its gradient needs the first columns to be independent\.$/);
      expect(ours.message).to.equal(theirs.message);
      const [some, all] = [run(bad, { onFailure: "nan" }), run(args)];
      for (let i = 0; i < count; i++) {
        const x = Array.from(itemOf(some, i, count));
        if (i === 6) expect(x.every(Number.isNaN)).to.equal(true);
        else expect(x).to.deep.equal(Array.from(itemOf(all, i, count)));
      }
    }
  });

  it("NaN and infinity in a cotangent are that item's failure, and nobody else's", () => {
    const count = 10;
    for (const [dtype, bad, at, layout] of cells("cotangents that are not finite", [
      DTYPES,
      [Number.NaN, Number.POSITIVE_INFINITY],
      [1, 2] as const,
      LAYOUTS,
    ])) {
      const args = argumentsOf(dtype, 5, 3, ["q", "r"], count);
      const hit = [...args];
      const mask = b.tensor(Array.from({ length: count }, (_, i) => [[i === 4 ? bad : 0]]));
      hit[at] = b.add(args[at] as never, b.cast(mask as never, dtype as never) as never) as unknown as T;
      const run = ruleOf(b.linalg.qr, dtype, 5, 3, ["q", "r"], layout);
      expect(() => run(hit))
        .to.throw(b.LinalgError, /^qr: .*\b4\b/)
        .with.property("code", "ERR_NOT_FINITE");
      const [some, all] = [run(hit, { onFailure: "nan" }), run(args)];
      for (let i = 0; i < count; i++)
        if (i !== 4) expect(Array.from(itemOf(some, i, count))).to.deep.equal(Array.from(itemOf(all, i, count)));
    }
  });
});

const svdRow = b.registry.get("svd") as b.AnyRow;
const composedSvd = b.defineOp({
  ...Object.fromEntries(Object.entries(svdRow).filter(([field]) => !["fused", "fusedFor", "tf"].includes(field))),
  name: "svdComposed",
  hidden: true,
} as never) as unknown as typeof b.linalg.svd;
const PARTS = ["s", "u", "vh"] as const;
type Parts = Record<(typeof PARTS)[number], T>;

/** The cotangent of A, of drawn cotangents of vectors without what turns the phases of a pair. */
function svdRuleOf(
  op: typeof b.linalg.svd,
  dtype: F,
  m: number,
  n: number,
  given: readonly (keyof Parts)[],
  layout: string,
  degenerate = "throw",
) {
  const k = Math.min(m, n);
  const shapes = { s: [k], u: [m, k], vh: [k, n] };
  const imaginary = (d: T): T =>
    (isComplex(dtype) ? b.complex(b.mul(0, b.imag(d)) as never, b.imag(d) as never) : b.mul(0, d)) as unknown as T;
  const rule = (a: T, ...drawnOnes: T[]): T => {
    const f = (x: T) => given.map((name) => (op(x as never, { degenerate } as never) as unknown as Parts)[name]);
    const { value, pullback } = b.vjp(f as never, a as never) as unknown as { value: T[]; pullback(g: T[]): [T] };
    const g = given.map((name, i) => {
      const [x, y] = [value[i] as T, drawnOnes[i] as T];
      if (name === "s") return y;
      if (name === "u")
        return b.sub(y, b.mul(x, b.expandDims(imaginary(b.diag(b.matmul(x, y, { adjointA: true }) as never) as never), -2))) as T;
      return b.sub(y, b.mul(b.expandDims(b.conj(imaginary(b.diag(b.matmul(x, y, { adjointB: true }) as never) as never)), -1), x)) as T;
    });
    return pullback(g)[0];
  };
  const single = dtype === "float32" || dtype === "complex64" ? b.float32 : b.float64;
  const specs = given.map((name) => (name === "s" ? single : SPECS[dtype])(...(shapes[name] as [number])));
  const program = b.compile(rule as never, SPECS[dtype](m, n), ...specs) as unknown as { runSync: Rule };
  const cotangents = (count: number): T[] =>
    given.map((name, i) => {
      const x = drawn(dtype, 50 + 2 * i, [count, ...shapes[name]]);
      return (name === "s" && isComplex(dtype) ? b.real(x as never) : x) as T;
    });
  return { cotangents, run: (args: readonly T[], options?: object) => program.runSync(args, { ...options, layout }) };
}
const SVD_SIZES = [
  [1, 1],
  [3, 1],
  [1, 4],
  [2, 2],
  [5, 3],
  [4, 9],
  [8, 8],
  [17, 6],
] as const;
const SVD_GIVEN = [["s"], ["u"], ["vh"], ["s", "u"], ["u", "vh"], ["s", "u", "vh"]] as const;

describe("the fused rule of svd", () => {
  const near = (got: ArrayLike<number>, want: ArrayLike<number>, bound: number, what: string): void => {
    const most = Math.max(...Array.from(want, Math.abs));
    for (let e = 0; e < want.length; e++)
      expect(Math.abs((got[e] as number) - (want[e] as number)), `element ${e}, ${what}`).to.be.at.most(bound * most);
  };

  it("equals the composed one, whichever cotangents are given, and each item is what it is alone", () => {
    for (const [dtype, [m, n], given, layout, count] of cells("rules of svd", [DTYPES, SVD_SIZES, SVD_GIVEN, LAYOUTS, [1, 7, 9, 17]])) {
      if (isComplex(dtype) && given.includes("u" as never) !== given.includes("vh" as never) && Math.min(m, n) === 1) continue; // only rounding
      const { run, cotangents } = svdRuleOf(b.linalg.svd, dtype, m, n, given, layout);
      const args = [drawn(dtype, 31 * m + n, [count, m, n]), ...cotangents(count)];
      const [got, want] = [run(args), svdRuleOf(composedSvd, dtype, m, n, given, layout).run(args)];
      const what = `${dtype} ${m} x ${n}, ${given}, ${layout}, ${count}`;
      const [k, s] = [Math.min(m, n), b.linalg.svdvals(args[0] as T).data];
      for (let i = 0; i < count; i++) {
        const own = Array.from({ length: k }, (_, j) => s[i * k + j] as number);
        const gap = Math.min(...own.map((x, j) => x - (own[j + 1] ?? 0)));
        near(
          itemOf(got, i, count),
          itemOf(want, i, count),
          (64 * epsOf(dtype) * Math.max(m, n) * (own[0] as number)) / gap,
          `item ${i}, ${what}`,
        );
      }
      const last = count - 1;
      const alone = args.map((t) => b.slice(t, [last, ...t.shape.slice(1).map(() => 0)], [1, ...t.shape.slice(1)]));
      expect(bitsOf(run(alone)), what).to.deep.equal(bitsOf(only([got], last)[0] as T));
    }
  });

  it("does as the composed rule at equal and zero singular values, under every policy, and leaves the others their bits", () => {
    const count = 11;
    const kinds = ["equal", "zero", "nothing"] as const;
    const grid = cells("degenerate rules of svd", [
      DTYPES,
      [[3, 3] as const, [5, 3] as const, [3, 5] as const],
      kinds,
      ["throw", "nan", "mask"],
      LAYOUTS,
    ]);
    for (const [dtype, [m, n], kind, degenerate, layout] of grid) {
      const given = ["s", "u", "vh"] as const;
      const { run, cotangents } = svdRuleOf(b.linalg.svd, dtype, m, n, given, layout, degenerate);
      const composed = svdRuleOf(composedSvd, dtype, m, n, given, layout, degenerate);
      const args = [drawn(dtype, 9, [count, m, n]), ...cotangents(count)];
      const one = b.slice(b.eye(5, { dtype }), [0, 0], [m, n]);
      const values = { equal: [2, 2, 1], zero: [3, 1, 0], nothing: [0, 0, 0] }[kind];
      const special = b.mul(one, b.cast(b.tensor(Array.from({ length: n }, (_, j) => values[j] ?? 0)), dtype as never));
      const at = b.tensor(Array.from({ length: count }, (_, i) => [[i === 6 ? 1 : 0]]));
      const mask = b.cast(at, dtype as never);
      const bad = [
        b.add(b.mul(args[0] as T, b.sub(1, mask) as never), b.mul(special as never, mask as never)) as unknown as T,
        ...args.slice(1),
      ];
      const what = `${dtype} ${m} x ${n}, ${kind}, ${degenerate}, ${layout}`;
      const told = (f: () => T): T | string => {
        try {
          return f();
        } catch (error) {
          return (error as Error).message;
        }
      };
      const [ours, theirs] = [told(() => run(bad)), told(() => composed.run(bad))];
      if (typeof theirs === "string" || typeof ours === "string") {
        expect(ours, what).to.equal(theirs);
        expect(degenerate, what).to.equal("throw");
      } else {
        const [x, y] = [itemOf(ours, 6, count), itemOf(theirs, 6, count)];
        expect(Array.from(x, Number.isNaN), what).to.deep.equal(Array.from(y, Number.isNaN));
        if (!Array.from(y).some(Number.isNaN)) near(x, y, 100 * epsOf(dtype), what);
      }
      const [some, all] = [run(bad, { onFailure: "nan" }), run(args)];
      for (let i = 0; i < count; i++)
        if (i !== 6) expect(Array.from(itemOf(some, i, count)), what).to.deep.equal(Array.from(itemOf(all, i, count)));
    }
  });

  it("follows the scale of A, from 2^-400 to 2^400; an item with NaN in a cotangent is NaN alone", () => {
    const powers = [0, 400, -400, 3, 0, -400, 400, 1, 90];
    for (const layout of LAYOUTS) {
      for (const [given, law] of [
        [["u", "vh"], -1],
        [["s"], 0],
      ] as const) {
        const { run, cotangents } = svdRuleOf(b.linalg.svd, "float64", 5, 3, given, layout);
        const args = [drawn("float64", 3, [powers.length, 5, 3]), ...cotangents(powers.length)];
        const scales = b.reshape(b.tensor(powers.map((p) => 2 ** p)), [powers.length, 1, 1]);
        const [plain, got] = [run(args), run([b.mul(args[0] as never, scales) as unknown as T, ...args.slice(1)])];
        powers.forEach((p, i) => {
          const x = Array.from(itemOf(got, i, powers.length), (e) => Math.abs(e) * 2 ** (-law * p)); // of either sign: vectors are
          if (given[0] === "s") near(x, Array.from(itemOf(plain, i, powers.length), Math.abs), 1e-12, `2^${p}`);
          else expect(Math.max(...x), `2^${p}`).to.be.within(1e-3, 1e4);
        });
        const hit = [...args];
        const mask = b.tensor(Array.from({ length: powers.length }, (_, i) => (i === 4 ? Number.NaN : 0)));
        hit[1] = b.add(
          args[1] as T,
          b.reshape(mask, [powers.length, ...(args[1] as T).shape.slice(1).map(() => 1)]) as never,
        ) as unknown as T;
        const some = run(hit);
        for (let i = 0; i < powers.length; i++) {
          const x = Array.from(itemOf(some, i, powers.length));
          if (i === 4) expect(x.some(Number.isNaN)).to.equal(true);
          else expect(x).to.deep.equal(Array.from(itemOf(plain, i, powers.length)));
        }
      }
    }
  });
});

function fromParts(data: ArrayLike<number>, shape: number[]): T {
  const half = (p: number) =>
    b.reshape(b.tensor(Float64Array.from({ length: data.length / 2 }, (_, i) => data[2 * i + p] as number)), shape);
  return b.complex(half(0), half(1)) as unknown as T;
}
