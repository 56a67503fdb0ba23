// Matrices with a structure in lanes: every lane next to what the same item gives alone, and lanes that must not see what their neighbours hold.
import { expect } from "chai";
import * as b from "../lib/index";
import { cells } from "./grid";
import { DTYPES, epsOf } from "./spectra";

type F = b.Float;
type T = b.Tensor<F>;
interface Checked {
  readonly value: T;
  readonly failures: readonly { readonly item: number; readonly code: string }[];
}
type Op = ((...args: unknown[]) => T) & { checked(...args: unknown[]): Checked };
interface Subject {
  readonly name: string;
  readonly op: Op;
  /** Shapes of the operands of one item. */
  readonly shapes: (n: number) => readonly (readonly number[])[];
  readonly options?: readonly object[];
  /** From normal numbers. */
  readonly domain?: (args: readonly T[], options: object) => readonly T[];
  readonly sizes?: readonly number[];
  /** NaN where an operand is not read. */
  readonly unread?: (args: readonly T[], n: number, options: object) => readonly T[];
}

const { linalg } = b;
/** With NaN at a place of the last axis. */
const marked = (t: T, at: number): T => b.where(b.equal(b.arange(t.shape.at(-1) as number), at), Number.NaN as never, t as never) as never;
const ADJOINT = [{}, { adjoint: true }];
const SUBJECTS: readonly Subject[] = [
  {
    name: "tridiagonalSolve",
    op: linalg.tridiagonalSolve as never,
    shapes: (n) => [[n], [n], [n], [n, n % 6]],
    options: ADJOINT,
    unread: ([dl, d, du, c], n) => [marked(dl as T, 0), d as T, marked(du as T, n - 1), c as T],
  },
  {
    name: "tridiagonalSolve of one vector",
    op: linalg.tridiagonalSolve as never,
    shapes: (n) => [[n], [n], [n], [n, 1]],
    options: ADJOINT,
    sizes: [2, 3, 4, 5],
    unread: ([dl, d, du, c], n) => [marked(dl as T, 0), d as T, marked(du as T, n - 1), c as T],
  },
  {
    name: "tridiagonalMatmul",
    op: linalg.tridiagonalMatmul as never,
    shapes: (n) => [[n], [n], [n], [n, n % 6]],
    unread: ([dl, d, du, c], n) => [marked(dl as T, 0), d as T, marked(du as T, n - 1), c as T],
  },
  {
    name: "eigvalshTridiagonal",
    op: linalg.eigvalshTridiagonal as never,
    shapes: (n) => [[n], [n - 1]],
    domain: ([d, e]) => [b.real(d as never) as never, e as T],
  },
  {
    name: "householderProduct",
    op: linalg.householderProduct as never,
    shapes: (n) => [[n + (n % 3), n], [n - (n % 2)]],
    unread: ([a, tau]) => [
      b.where(b.tril(b.ones(a?.shape as number[], { dtype: "bool" }) as never, { k: -1 }), a as never, Number.NaN as never) as never,
      tau as T,
    ],
    domain: ([a, tau]) => [b.mul(a as T, 0.5) as T, b.mul(tau as T, 0.5) as T],
  },
];

const SIZES = [1, 2, 3, 5, 8, 9, 17, 33];
const COUNTS = [1, 7, 8, 9, 19];
const drawn = (dtype: F, key: number, shape: readonly number[]): T => b.random.normal(key, shape, { dtype }) as T;
const inputsOf = ({ shapes, domain }: Subject, options: object, dtype: F, n: number, count: number, key = 1): T[] => {
  const args = shapes(n).map((shape, i) => drawn(dtype, key + i, [count, ...shape]));
  return [...(domain?.(args, options) ?? args)];
};
const item = (t: T, i: number, keep = false): T => {
  const one = b.slice(t, [i, ...t.shape.slice(1).map(() => 0)], [1, ...t.shape.slice(1)]) as T;
  return keep ? one : (b.reshape(one, t.shape.slice(1)) as T);
};
const numbers = (t: T): number[] => Array.from(t.data, Number);
const sizeOf = (x: readonly number[]): number => x.reduce((m, v) => Math.max(m, Math.abs(v)), 0);
/** Everything of the item multiplied by `by`. */
const changed = (t: T, at: number, by: number): T => {
  const factor = Float64Array.from({ length: t.shape[0] as number }, (_, i) => (i === at ? by : 1));
  const column = b.reshape(b.tensor(factor), [factor.length, ...t.shape.slice(1).map(() => 1)]);
  return b.where(b.equal(column, 1), t as never, b.mul(t as never, b.cast(column, t.dtype as never)) as never) as unknown as T;
};

describe("structured matrices in lanes", () => {
  for (const subject of SUBJECTS) {
    const { name, op, options = [{}] } = subject;
    it(`${name}: every lane is what the item is alone, of every dtype, size and batch`, () => {
      for (const [dtype, n, count, of] of cells(`${name} in lanes`, [DTYPES, subject.sizes ?? SIZES, COUNTS, options])) {
        const args = inputsOf(subject, of, dtype, n, count);
        const specs = args.map((t) => new b.Spec(t.dtype, t.shape.slice(1)));
        const program = b.compile((...xs: never[]) => op(...xs, of) as never, ...(specs as never[])) as never as {
          runSync(xs: readonly T[], o: object): T;
        };
        const eager = op(...args, of);
        const [lanes, single] = (["lanes", "single"] as const).map((layout) => program.runSync(args, { layout })) as [T, T];
        for (let i = 0; i < count; i++) {
          const alone = numbers(op(...args.map((t) => item(t, i)), of));
          const spread = conditionOf(subject, of, args, i);
          for (const batch of [eager, lanes, single]) {
            const far = sizeOf(numbers(item(batch, i)).map((x, e) => x - (alone[e] as number)));
            expect(far, `${dtype} n=${n} item ${i} of ${count} ${JSON.stringify(of)}`).to.be.at.most(
              64 * (n + 1) * epsOf(dtype) * spread * (sizeOf(alone) || 1),
            );
          }
        }
      }
    });
    if (subject.unread)
      it(`${name}: what is not read may be anything`, () => {
        for (const [dtype, n, of] of cells(`${name} unread`, [DTYPES, SIZES, options])) {
          const args = inputsOf(subject, of, dtype, n, 9);
          const other = subject.unread?.(args, n, of) as readonly T[];
          expect(numbers(op(...other, of)), `${dtype} n=${n} ${JSON.stringify(of)}`).to.deep.equal(numbers(op(...args, of)));
        }
      });
    it(`${name}: a bad item fails as it does alone, and its neighbours have the bits that they have without it`, () => {
      const POISON = [Number.NaN, Number.POSITIVE_INFINITY, 0, 2 ** -1060, 2 ** -500, 2 ** 500, 2 ** 1000];
      const places = subject.shapes(4).map((_, i) => i);
      for (const [dtype, n, by, place, of] of cells(`${name} poisoned`, [DTYPES, [1, 4, 9], POISON, places, options])) {
        const wide = dtype === "float64" || dtype === "complex128";
        const clean = inputsOf(subject, of, dtype, n, 19);
        const factor = wide || !Number.isFinite(by) || by === 0 ? by : 2 ** (Math.log2(by) / 8);
        const args = clean.map((t, i) => (i === place ? changed(t, 5, factor) : t));
        const [was, is] = [op.checked(...clean, of), op.checked(...args, of)];
        const alone = op.checked(...args.map((t) => item(t, 5, true)), of);
        const what = `${dtype} n=${n} ${by} at ${place} ${JSON.stringify(of)}`;
        expect(
          is.failures.map((f) => [f.item, f.code]),
          what,
        ).to.deep.equal(alone.failures.map((f) => [5, f.code]));
        for (let i = 0; i < 19; i++)
          if (i !== 5) expect(numbers(item(is.value, i)), `${what}, item ${i}`).to.deep.equal(numbers(item(was.value, i)));
        if (alone.failures.length > 0) continue;
        const [x, y] = [numbers(item(is.value, 5)), numbers(item(alone.value, 0))];
        if (!Number.isFinite(sizeOf(y))) {
          expect(x.map(Number.isFinite), what).to.deep.equal(y.map(Number.isFinite)); // of an op that computes with what it is given
          continue;
        }
        const far = sizeOf(x.map((v, e) => v - (y[e] as number)));
        expect(far, what).to.be.at.most(
          64 * (n + 1) * epsOf(dtype) * conditionOf(subject, of, clean, 5) * sizeOf(y) + (wide ? 2 ** -1070 : 2 ** -145),
        );
      }
    });
  }
});

describe("spectra of tridiagonal matrices in lanes", () => {
  it("have vectors with the bits that they have beside any other matrix", () => {
    for (const [dtype, n, by] of cells("tridiagonal neighbours", [DTYPES, [1, 2, 5, 17], [Number.NaN, 0, 2 ** -100, 2 ** 100]])) {
      const [d, e] = [b.real(drawn(dtype, 1, [19, n]) as never) as unknown as T, drawn(dtype, 2, [19, n - 1])];
      const of = (p: T) =>
        linalg.eighTridiagonal.checked(p as never, e as never) as never as {
          w: T;
          v: T;
          value: { w: T; v: T };
          failures: readonly { item: number }[];
        };
      const [was, is] = [of(d), of(changed(d, 5, by))];
      expect(is.failures.map((f) => f.item)).to.deep.equal(Number.isNaN(by) ? [5] : []);
      for (const part of ["w", "v"] as const)
        for (let i = 0; i < 19; i++)
          if (i !== 5)
            expect(numbers(item(is.value[part], i)), `${dtype} n=${n} ${by} ${i}`).to.deep.equal(numbers(item(was.value[part], i)));
    }
  });
  it("have vectors with residuals and orthogonality of a few n ε, whatever stands in the lanes beside", () => {
    for (const [dtype, n, count] of cells("tridiagonal spectra", [DTYPES, [1, 2, 4, 5, 15, 16, 33], COUNTS])) {
      const [d, e] = [b.real(drawn(dtype, 1, [count, n]) as never) as unknown as T, drawn(dtype, 2, [count, n - 1])];
      // zeros beside the diagonal, nothing but zeros, and a scale that is left to the single kernel
      const scales = Float64Array.from({ length: count }, (_, i) => [1, 0, 1, 2 ** -100][i % 4] as number);
      const by = (t: T): T => b.mul(t, b.cast(b.reshape(b.tensor(scales), [count, 1]), t.dtype)) as T;
      const holes = b.where(b.equal(b.arange(Math.max(0, n - 1)), 2), 0 as never, e as never) as unknown as T;
      const { w, v } = linalg.eighTridiagonal(by(d) as never, by(holes) as never) as unknown as { w: T; v: T };
      const rows = [b.pad(by(holes) as never, [[0, 0], [1, 0]] as never), b.pad(by(holes) as never, [[0, 0], [0, 1]] as never)] as unknown as [T, T]; // biome-ignore format: one line
      const av = linalg.tridiagonalMatmul(rows[0] as never, b.cast(by(d), dtype) as never, b.conj(rows[1] as never) as never, v as never);
      const far = b.sub(av as never, b.mul(v, b.expandDims(w, -2)) as never) as unknown as T;
      const gram = b.sub(b.matmul(v, v, { adjointA: true }) as never, b.eye(n, { dtype }) as never) as unknown as T;
      for (let i = 0; i < count; i++) {
        const most = sizeOf(numbers(item(w, i)));
        expect(sizeOf(numbers(item(far, i))), `${dtype} n=${n} item ${i} of ${count}`).to.be.at.most(8 * n * epsOf(dtype) * most);
        expect(sizeOf(numbers(item(gram, i))), `${dtype} n=${n} item ${i} of ${count}`).to.be.at.most(8 * n * epsOf(dtype));
        const values = numbers(item(w, i));
        expect(values).to.deep.equal(values.slice().sort((p, q) => p - q));
      }
    }
  });
});

/** By how much a relative change of 1e-6 (1e-3) of the operands changes the answer, as a factor: at least 1. */
function conditionOf({ op }: Subject, options: object, args: readonly T[], i: number): number {
  const wide = args[0]?.dtype === "float64" || args[0]?.dtype === "complex128";
  const h = wide ? 1e-6 : 1e-3;
  const one = args.map((t) => item(t, i));
  const near = one.map((t, k) => b.mul(t, b.add(1, b.mul(h, b.random.normal(70 + k, t.shape, { dtype: t.dtype })))) as T);
  const [x, y] = [numbers(op(...one, options)), numbers(op(...near, options))];
  return Math.max(1, sizeOf(x.map((v, e) => v - (y[e] as number))) / (h * (sizeOf(x) || 1)));
}
