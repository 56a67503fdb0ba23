// The fused rule of tridiagonalSolve, where checkOp's samples do not lead: next to the composed rule, in both layouts, each item for itself.
import { expect } from "chai";
import * as b from "../lib/index";
import { cells } from "./grid";
import { DTYPES, epsOf } from "./spectra";

type F = b.Float;
type T = b.Tensor<F>;
type Op = typeof b.linalg.tridiagonalSolve;
type Run = (args: readonly T[], options?: object) => T[];
interface Form {
  readonly dtype: F;
  readonly n: number;
  readonly k: number;
  readonly adjoint: boolean;
}
const LAYOUTS = ["lanes", "single"] as const;
const row = b.registry.get("tridiagonalSolve") as b.AnyRow;
const composed = b.defineOp({
  ...Object.fromEntries(Object.entries(row).filter(([field]) => !["fused", "fusedFor", "tf"].includes(field))),
  name: "tridiagonalComposed",
  publicName: "tridiagonalSolve",
  hidden: true,
} as never) as unknown as Op;
const fused = b.registry.op("tridiagonalSolve") as unknown as Op;
const ALL = [0, 1, 2, 3];

/** Cotangents of the operands in `wanted`, of operands and the cotangent of X. */
const ruleOf = (op: Op, adjoint: boolean, wanted: readonly number[]) => {
  return (...args: T[]): T[] => {
    const [operands, g] = [args.slice(0, 4), args[4] as T];
    const f = (...some: T[]): T => op(...(operands.map((t, i) => some[wanted.indexOf(i)] ?? t) as [T, T, T, T]), { adjoint } as never) as T;
    const { pullback } = b.vjp(f as never, ...(wanted.map((i) => operands[i]) as never[])) as unknown as { pullback(g: T): T[] };
    return pullback(g);
  };
};
function compiled(op: Op, { dtype, n, k, adjoint }: Form, layout: string, wanted: readonly number[] = ALL): Run {
  const specs = [[n], [n], [n], [n, k], [n, k]].map((shape) => new b.Spec(dtype, shape));
  const program = b.compile(ruleOf(op, adjoint, wanted) as never, ...(specs as never[])) as unknown as { runSync: Run };
  return (args, options) => program.runSync(args, { ...options, layout });
}
/** dl, d, du, b and the cotangent; d as `on` says. */
const drawn = ({ dtype, n, k }: Form, count: number, on = 2): T[] => {
  const of = (key: number, shape: number[]): T => b.random.normal(key, [count, ...shape], { dtype }) as T;
  return [of(1, [n]), b.add(of(2, [n]), on) as unknown as T, of(3, [n]), of(4, [n, k]), of(5, [n, k])];
};
const only = (t: T, i: number): T => b.slice(t, [i, ...t.shape.slice(1).map(() => 0)], [1, ...t.shape.slice(1)]) as T;
const numbers = (t: T): number[] => Array.from(t.data, Number);
const bitsOf = (t: T): number[] => [...new Uint32Array(t.data.slice().buffer)];
const sizeOf = (x: readonly number[]): number => x.reduce((m, v) => Math.max(m, Math.abs(v)), 0);
/** Every item times its own factor. */
const times = (t: T, factors: readonly number[]): T =>
  b.mul(t, b.cast(b.reshape(b.tensor(factors), [factors.length, ...t.shape.slice(1).map(() => 1)]), t.dtype as never) as never) as never;
/** With x at one place of item i, of the first part of a complex number. */
const put = (t: T, i: number, at: number, x: number): T => {
  const parts = t.dtype.startsWith("complex") ? 2 : 1;
  const data = Float64Array.from(numbers(t));
  data[((i * t.size) / (t.shape[0] as number) + at) * parts] = x;
  if (parts === 1) return b.cast(b.reshape(b.tensor(data), t.shape), t.dtype as never) as unknown as T;
  const half = (p: number) => b.reshape(b.tensor(Float64Array.from({ length: t.size }, (_, e) => data[2 * e + p] as number)), t.shape);
  return b.cast(b.complex(half(0), half(1)), t.dtype as never) as unknown as T;
};
const told = (f: () => unknown): { code: string; message: string } => {
  try {
    f();
  } catch (error) {
    return error as { code: string; message: string };
  }
  throw new Error("did not fail");
};

describe("the fused rule of tridiagonalSolve", () => {
  const SIZES = [1, 2, 3, 4, 5, 9, 33];
  const RIGHT = [0, 1, 2, 5, 9];
  const DIAGONALS = [2, 0]; // of which the second makes rows change places

  it("equals the composed one, and each item is what it is alone", () => {
    const grid = cells("rules of tridiagonalSolve", [DTYPES, SIZES, RIGHT, [false, true], DIAGONALS, LAYOUTS, [1, 9, 19]]);
    for (const [dtype, n, k, adjoint, on, layout, count] of grid) {
      const form = { dtype, n, k, adjoint };
      const args = drawn(form, count, on);
      const run = compiled(fused, form, layout);
      const [got, want] = [run(args), compiled(composed, form, "single")(args)];
      const near = compiled(composed, form, "single")(args.map((t, i) => b.mul(t, b.add(1, b.mul(1e-3, b.random.normal(40 + i, t.shape, { dtype }))) as never) as never)); // biome-ignore format: one line
      const what = `${dtype} n=${n} k=${k} adjoint=${adjoint} on ${on} ${layout} ${count}`;
      got.forEach((t, place) => {
        for (let i = 0; i < count; i++) {
          const [x, y, z] = [t, want[place] as T, near[place] as T].map((s) => numbers(only(s, i))) as [number[], number[], number[]];
          const spread = Math.max(1, sizeOf(z.map((v, e) => v - (y[e] as number))) / (1e-3 * (sizeOf(y) || 1)));
          const far = sizeOf(x.map((v, e) => v - (y[e] as number)));
          expect(far, `cotangent ${place} of item ${i}, ${what}`).to.be.at.most(64 * (n + k) * epsOf(dtype) * spread * (sizeOf(y) || 1));
        }
      });
      const last = count - 1;
      const alone = run(args.map((t) => only(t, last)));
      expect(alone.map(bitsOf), what).to.deep.equal(got.map((t) => bitsOf(only(t, last))));
    }
  });

  it("gives what is wanted, with the bits that it has beside the others", () => {
    const WANTED = [[0], [1], [2], [3], [0, 2], [1, 3], [0, 1, 2]];
    for (const [dtype, n, k, wanted, adjoint, layout] of cells("wanted cotangents", [
      DTYPES,
      [1, 3, 6],
      [1, 3],
      WANTED,
      [false, true],
      LAYOUTS,
    ])) {
      const form = { dtype, n, k, adjoint };
      const args = drawn(form, 9);
      const all = compiled(fused, form, layout)(args);
      const some = compiled(fused, form, layout, wanted)(args);
      expect(some.map(bitsOf), `${dtype} n=${n} k=${k} ${wanted} ${layout}`).to.deep.equal(wanted.map((i) => bitsOf(all[i] as T)));
    }
  });

  it("is of the shape of its operands where there is nothing, and broadcasts", () => {
    for (const [n, k, count, adjoint, layout] of cells("nothing", [[0, 1, 3], [0, 1, 2], [0, 3], [false, true], LAYOUTS])) {
      const form = { dtype: "float64", n, k, adjoint } as const;
      const args = drawn(form, count);
      const got = compiled(fused, form, layout)(args);
      expect(got.map((t) => t.shape)).to.deep.equal(args.slice(0, 4).map((t) => t.shape));
      if (k === 0) for (const t of got) expect(sizeOf(numbers(t))).to.equal(0);
    }
    const form = { dtype: "float64", n: 5, k: 2, adjoint: false } as const;
    const args = drawn(form, 6).map((t, i) => (i < 3 ? (b.reshape(only(t, 0), [5]) as T) : t));
    const [got, want] = [ruleOf(fused, false, ALL)(...args), ruleOf(composed, false, ALL)(...args)];
    got.forEach((t, i) => {
      expect(t.shape).to.deep.equal(args[i]?.shape);
      expect(sizeOf(numbers(b.sub(t, want[i] as never) as never))).to.be.at.most(1e-13 * sizeOf(numbers(want[i] as T)));
    });
  });

  it("reads neither the first below nor the last above, whose cotangents are 0", () => {
    for (const [dtype, n, k, adjoint, layout] of cells("unread", [DTYPES, [1, 2, 4, 7], [1, 3], [false, true], LAYOUTS])) {
      const form = { dtype, n, k, adjoint };
      const args = drawn(form, 9);
      const run = compiled(fused, form, layout);
      const other = [put(args[0] as T, 4, 0, Number.NaN), args[1] as T, put(args[2] as T, 4, n - 1, Number.NaN), ...args.slice(3)];
      const got = run(other);
      expect(got.map(bitsOf)).to.deep.equal(run(args).map(bitsOf));
      for (const [place, at] of [
        [0, 0],
        [2, n - 1],
      ] as const)
        expect(sizeOf(numbers(b.slice(got[place] as T, [0, at], [9, 1]) as T))).to.equal(0);
    }
  });

  it("follows the scales of A and of cotangents, from subnormal numbers to huge ones, each item by its own", () => {
    const powers = [0, 500, -500, 3, 0, -500, 500, -1030, 90, 1000];
    const grid = cells("scales of tridiagonalSolve", [["float64", "complex128"] as const, [1, 2, 4, 6], [1, 3], [false, true], LAYOUTS]);
    for (const [dtype, n, k, adjoint, layout] of grid) {
      const form = { dtype, n, k, adjoint };
      const args = drawn(form, powers.length, 4);
      const by = powers.map((p) => 2 ** p);
      const run = compiled(fused, form, layout);
      const plain = run(args);
      // A, B and the cotangent of X times s: X stays, and so do all cotangents
      const scaled = run(args.map((t) => times(t, by)));
      powers.forEach((p, i) => {
        scaled.forEach((t, place) => {
          const [x, y] = [numbers(only(t, i)), numbers(only(plain[place] as T, i))];
          const far = sizeOf(x.map((v, e) => v - (y[e] as number)));
          const bound = p < -1000 ? 512 * 2 ** (-1074 - p) : 1e-12; // by the digits that subnormal operands have lost
          expect(far, `${place} of ${dtype} n=${n} k=${k}, 2^${p}, ${layout}`).to.be.at.most(bound * sizeOf(y));
        });
      });
    }
  });

  it("fails as the composed rule does, of that item alone", () => {
    const grid = cells("failures of tridiagonalSolve", [
      DTYPES,
      [2, 4, 6],
      [1, 3],
      [false, true],
      LAYOUTS,
      [Number.NaN, Number.POSITIVE_INFINITY],
    ]);
    for (const [dtype, n, k, adjoint, layout, bad] of grid) {
      const form = { dtype, n, k, adjoint };
      const args = drawn(form, 11);
      const [run, other] = [compiled(fused, form, layout), compiled(composed, form, layout)];
      const hit = [...args.slice(0, 4), put(args[4] as T, 6, 1, bad)];
      const [ours, theirs] = [told(() => run(hit)), told(() => other(hit))];
      expect(ours.code).to.equal("ERR_NOT_FINITE");
      expect(ours.message).to.match(/^tridiagonalSolve: .*\b6\b/);
      expect([ours.code, ours.message]).to.deep.equal([theirs.code, theirs.message]);
      const [some, all] = [run(hit, { onFailure: "nan" }), run(args)];
      some.forEach((t, place) => {
        expect(numbers(only(t, 6)).every(Number.isNaN)).to.equal(true);
        for (let i = 0; i < 11; i++) if (i !== 6) expect(bitsOf(only(t, i))).to.deep.equal(bitsOf(only(all[place] as T, i)));
      });
    }
  });

  it("says where only the adjoint has a pivot that is exactly zero, as the composed rule does", () => {
    // 1 - fl(1 / q) q is not 0, 1 - (q / q) 1 is
    for (const [dtype, q] of [
      ["float64", 49],
      ["float32", 41],
    ] as const)
      for (const layout of LAYOUTS) {
        const form = { dtype, n: 2, k: 1, adjoint: false };
        const args = drawn(form, 10, 4);
        const at = (t: T, values: readonly [number, number]): T => put(put(t, 3, 0, values[0]), 3, 1, values[1]);
        const bad = [at(args[0] as T, [0, 1]), at(args[1] as T, [q, 1]), at(args[2] as T, [q, 0]), ...args.slice(3)];
        const [ours, theirs] = [fused, composed].map((op) => told(() => compiled(op, form, layout)(bad)));
        expect(ours?.code).to.equal("ERR_SINGULAR");
        expect(ours?.message).to.match(/the pivot in column 2 is exactly zero/);
        expect(ours?.message).to.equal(theirs?.message);
      }
  });
});
