// Products, triangular systems and Cholesky factors of 1 to 5 rows, whose lanes keep a matrix in registers, against the same one at a time.
// The numbers are such that nothing rounds: whole ones, with powers of two where something is divided by.
import { expect } from "chai";
import { storageOf } from "../lib/core/tensor";
import * as b from "../lib/index";
import { randoms } from "./hostile/randoms";

type T = b.Tensor<"float64">;
type Program = { runSync(args: readonly T[], options?: object): T | T[] };
const DTYPES = ["float64", "float32", "complex128", "complex64"] as const;
type D = (typeof DTYPES)[number];
const { linalg: l } = b;
const ITEMS = [1, 8, 9, 65];

const numbers = (t: T): Float64Array => storageOf(t).array as Float64Array;
const partsOf = (dtype: D): number => (dtype.startsWith("complex") ? 2 : 1);
/** Whole numbers of at most `most`. */
function whole(dtype: D, shape: readonly number[], random: () => number, most: number): T {
  const t = b.zeros(shape as number[], { dtype: dtype as "float64" }) as T;
  const array = numbers(t);
  for (let i = 0; i < array.length; i++) array[i] = Math.round((random() * 2 - 1) * most) + 0;
  return t;
}
/** The same with 1, 2 and, of a triangle, their opposites and multiples of i on the diagonals. */
function withDiagonal(t: T, dtype: D, n: number, random: () => number, positive: boolean): T {
  const [array, parts] = [numbers(t), partsOf(dtype)];
  for (let at = 0; at < array.length; at += n * n * parts)
    for (let i = 0; i < n; i++) {
      const d = at + i * (n + 1) * parts;
      array.fill(0, d, d + parts);
      const turned = !positive && random() < 0.5;
      array[d + (turned ? parts - 1 : 0)] = (random() < 0.5 ? 1 : 2) * (turned ? -1 : 1);
    }
  return t;
}
type Failure = { item: number; code: string; index: number };
const why = (f: Failure | undefined): string => (f ? `${f.code} ${f.index}` : "");
const items = (t: T, count: number, from = 0): T =>
  b.slice(
    t,
    t.shape.map((_, d) => (d === 0 ? from : 0)),
    [count, ...t.shape.slice(1)],
  ) as T;
const item = (t: T, i: number): T => b.reshape(items(t, 1, i), t.shape.slice(1)) as T;
const near = (x: T, y: T): void => {
  const [p, q] = [numbers(x), numbers(y)];
  const most =
    Math.max(...Array.from(q, Math.abs)) * (x.dtype === ("float32" as never) || x.dtype === ("complex64" as never) ? 2 ** -20 : 2 ** -48);
  p.forEach((v, i) => expect(v).to.be.closeTo(q[i] as number, most));
};
const list = (x: T | T[]): T[] => (Array.isArray(x) ? x : [x]);
const compiled = (f: (...xs: T[]) => T | T[], dtype: D, ...shapes: (readonly number[])[]): Program => {
  const spec = (b as unknown as Record<string, (...s: number[]) => never>)[dtype] as (...s: number[]) => never;
  return (b.compile as unknown as (f: unknown, ...s: never[]) => Program)(f, ...shapes.map((s) => spec(...s)));
};
const withGradient =
  (f: (...xs: T[]) => T, count: number) =>
  (...xs: T[]): T[] => {
    const { value, pullback } = b.vjp(f as never, ...(xs.slice(0, count) as never[])) as unknown as { value: T; pullback(g: T): T[] };
    return [value, ...pullback(xs[count] as T)];
  };
/** In lanes what it is in single layout, of any number of items, whatever chunks they come in; 0 is never -0 where `signs`. */
function agrees(f: (...xs: T[]) => T | T[], dtype: D, args: readonly T[], label: string, signs = false): T[] {
  const program = compiled(f, dtype, ...args.map((t) => t.shape.slice(1)));
  const want = list(program.runSync(args, { layout: "single", onFailure: "nan" }));
  const text = (t: T, count: number): string => {
    const array = numbers(t).subarray(0, (numbers(t).length / (t.shape[0] as number)) * count);
    return Array.from(array, (x) => (signs && Object.is(x, -0) && t !== want[0] ? "-0" : `${x}`)).join(" ");
  };
  for (const count of ITEMS)
    for (const chunk of count > 9 ? [undefined, 8] : [undefined]) {
      const given = args.map((t) => items(t, count));
      const got = list(program.runSync(given, { layout: "lanes", onFailure: "nan", ...(chunk && { chunk }) }));
      got.forEach((t, i) => expect(text(t, count), `${label}, ${count} items, output ${i}`).to.equal(text(want[i] as T, count)));
    }
  return want;
}

describe("small products in lanes", () => {
  const SIZES: [number, number, number][] = [];
  for (const k of [1, 2, 3, 4, 5]) for (const n of [1, 2, 3, 4, 5]) SIZES.push([[1, 2, 3, 4, 7][(k + n) % 5] as number, k, n]);
  for (const k of [6, 7, 8, 9]) SIZES.push([3, k, 1], [1, k, 3], [8, k, 1], [1, k, 1], [2, k, 2]);
  for (const [m, n] of [
    [2, 6],
    [3, 9],
    [4, 5],
    [9, 4],
    [6, 6],
  ] as const)
    SIZES.push([m, 2, n], [m, 4, n]); // prettier-ignore
  for (const dtype of DTYPES)
    for (const [adjointA, adjointB] of [
      [false, false],
      [false, true],
      [true, false],
      [true, true],
    ] as const) // prettier-ignore
      it(`${dtype}, ${adjointA ? "adjoint" : "A"} times ${adjointB ? "adjoint" : "B"}`, () => {
        const random = randoms(17 + DTYPES.indexOf(dtype));
        for (const [m, k, n] of SIZES) {
          const a = whole(dtype, [65, ...(adjointA ? [k, m] : [m, k])], random, 3);
          const x = whole(dtype, [65, ...(adjointB ? [n, k] : [k, n])], random, 3);
          agrees((p, q) => b.matmul(p, q, { adjointA, adjointB }) as T, dtype, [a, x], `${m} x ${k} x ${n}`, true);
        }
      });

  it("of what all items share, and with leading dimensions of their own", () => {
    const random = randoms(5);
    for (const [m, k, n] of [
      [4, 4, 4],
      [4, 4, 1],
      [2, 3, 6],
      [1, 8, 2],
    ] as const) {
      // prettier-ignore
      const shared = whole("float64", [m, k], random, 3);
      agrees((q) => b.matmul(shared, q) as T, "float64", [whole("float64", [65, k, n], random, 3)], "shared", true);
      const [a, x] = [whole("float64", [65, 3, 1, m, k], random, 3), whole("float64", [65, 2, k, n], random, 3)];
      agrees((p, q) => b.matmul(p, q) as T, "float64", [a, x], "leading dimensions", true);
    }
  });
});

describe("small triangular systems in lanes", () => {
  const OPS = [{}, { adjoint: true }, { transpose: true }];
  const FORMS = [true, false].flatMap((lower) => OPS.flatMap((op) => (["left", "right"] as const).map((side) => ({ lower, side, ...op }))));
  for (const dtype of DTYPES)
    for (const unitDiagonal of [false, true])
      it(`${dtype}${unitDiagonal ? ", ones on the diagonal" : ""}: values and gradients`, () => {
        const random = randoms(3 + DTYPES.indexOf(dtype));
        for (const form of FORMS)
          for (const n of [1, 2, 3, 4, 5])
            for (const k of n < 5 ? [1, 3] : [2]) {
              const options = { ...form, unitDiagonal };
              const shape = form.side === "left" ? [65, n, k] : [65, k, n];
              const a = withDiagonal(whole(dtype, [65, n, n], random, 1), dtype, n, random, false);
              const [y, g] = [whole(dtype, shape, random, 2), whole(dtype, shape, random, 1)];
              const f = (p: T, q: T): T => l.solveTriangular(p, q, options as never) as T;
              agrees(withGradient(f as never, 2), dtype, [a, y, g], `${JSON.stringify(options)} ${n} x ${k}`);
              // one of the two gradients
              if (k !== 3) continue;
              const of = (which: 0 | 1) => (p: T, q: T, r: T) => withGradient(f as never, 2)(p, q, r)[1 + which] as T;
              for (const which of [0, 1] as const) agrees(of(which) as never, dtype, [a, y, g], `gradient ${which} of ${n}`);
            }
      });

  for (const dtype of DTYPES)
    it(`${dtype}: what fails and why, and the bits of all others`, () => {
      const random = randoms(9);
      const parts = partsOf(dtype);
      const least = dtype === "float64" || dtype === "complex128" ? 1e-310 : 1e-40;
      for (const form of FORMS)
        for (const n of [1, 2, 3, 4])
          for (const k of [1, 3])
            for (const unitDiagonal of [false, true]) {
              const options = { ...form, unitDiagonal } as never;
              const a = withDiagonal(whole(dtype, [40, n, n], random, 1), dtype, n, random, false);
              const y = whole(dtype, form.side === "left" ? [40, n, k] : [40, k, n], random, 2);
              const clean = l.solveTriangular(a, y, options) as T;
              for (let i = 0; i < 40; i += 3) {
                const bad = [Number.NaN, Infinity, -Infinity, 0, least][i % 5] as number;
                const of = i % 2 === 0 || i % 5 > 2 ? a : y;
                const size = numbers(of).length / 40;
                numbers(of)[i * size + Math.floor(random() * (size / parts)) * parts] = bad;
              }
              const { value, failures } = l.solveTriangular.checked(a as never, y as never, options) as never as {
                value: T;
                failures: Failure[];
              };
              for (let i = 0; i < 40; i++) {
                const failure = failures.find((x) => x.item === i);
                const one = l.solveTriangular.checked(item(a, i) as never, item(y, i) as never, options) as never as {
                  value: T;
                  failures: Failure[];
                };
                expect(why(failure), `${JSON.stringify(options)} ${n} x ${k}, item ${i}`).to.equal(why(one.failures[0]));
                if (i % 3 !== 0) expect(item(value, i).data).to.deep.equal(item(clean, i).data);
                else if (!failure) near(item(value, i), one.value);
              }
            }
    });
});

describe("one bad number among all items of small kernels", () => {
  const codes = (f: { failures: readonly Failure[] }, at: number): string[] => f.failures.map((x) => `${x.item - at} ${why(x)}`);
  for (const lower of [true, false])
    for (const bad of [Number.NaN, Infinity, 0])
      it(`${bad} in ${lower ? "lower" : "upper"} triangles and in what they are solved for`, () => {
        const random = randoms(8);
        for (const op of [{}, { transpose: true }] as const)
          for (const n of [1, 2, 3, 4]) {
            const [clean, y] = [whole("float64", [20, n, n], random, 1), whole("float64", [20, n, 1], random, 2)];
            const a = withDiagonal(clean, "float64", n, random, true);
            for (let at = 0; at < n * n + n; at++) {
              const [of, place] = at < n * n ? [a, 11 * n * n + at] : [y, 11 * n + at - n * n];
              const was = numbers(of)[place] as number;
              numbers(of)[place] = bad;
              const solve = (p: T, q: T) =>
                l.solveTriangular.checked(p as never, q as never, { lower, ...op }) as never as { failures: Failure[] };
              const got = codes(solve(a, y), 11);
              expect(got, `${n} rows, ${at}`).to.deep.equal(codes(solve(item(a, 11), item(y, 11)), 0));
              numbers(of)[place] = was;
            }
          }
      });

  for (const bad of [Number.NaN, Infinity, -1])
    it(`${bad} in what Cholesky factors are of`, () => {
      for (const n of [1, 2, 3, 4]) {
        const a = b.add(b.zeros([20, n, n]), b.eye(n)) as T;
        for (let at = 0; at < n * n; at++) {
          const place = 11 * n * n + at;
          const was = numbers(a)[place] as number;
          numbers(a)[place] = bad;
          const factor = (p: T) => l.cholesky.checked(p as never) as never as { failures: Failure[] };
          expect(codes(factor(a), 11), `${n} rows, ${at}`).to.deep.equal(codes(factor(item(a, 11)), 0));
          numbers(a)[place] = was;
        }
      }
    });
});

describe("small Cholesky factors in lanes", () => {
  for (const dtype of DTYPES)
    it(`${dtype}: values and gradients, whatever stands above the diagonal and makes it complex`, () => {
      const random = randoms(21);
      const parts = partsOf(dtype);
      for (const n of [1, 2, 3, 4, 5]) {
        const factor = b.tril(withDiagonal(whole(dtype, [65, n, n], random, 1), dtype, n, random, true) as never) as unknown as T;
        const a = b.matmul(factor, factor, { adjointB: true }) as T;
        for (let at = 0; at < 65 * n * n; at++)
          if (at % n > Math.floor(at / n) % n) numbers(a).fill(Number.NaN, at * parts, (at + 1) * parts);
        for (let row = 0; parts === 2 && row < 65 * n; row++) numbers(a)[2 * (row * n + (row % n)) + 1] = Number.NaN;
        const g = whole(dtype, [65, n, n], random, 1);
        const [value] = agrees(withGradient(((x: T) => l.cholesky(x)) as never, 1), dtype, [a, g], `${n} rows`);
        expect(Array.from(numbers(value as T), (x) => x + 0)).to.deep.equal(Array.from(numbers(factor)));
      }
    });

  for (const dtype of DTYPES)
    it(`${dtype}: what fails and why, and the bits of all others`, () => {
      const random = randoms(4);
      const parts = partsOf(dtype);
      for (const n of [1, 2, 3, 4]) {
        const factor = b.tril(withDiagonal(whole(dtype, [40, n, n], random, 1), dtype, n, random, true) as never) as unknown as T;
        const a = b.matmul(factor, factor, { adjointB: true }) as T;
        for (let i = 0; i < 40; i += 3) {
          const at = Math.floor(random() * n);
          numbers(a)[(i * n * n + at * n + (i % 2 === 0 ? at : 0)) * parts] = [Number.NaN, Infinity, -5, 0, 1e-320][i % 5] as number;
        }
        const { value, failures } = l.cholesky.checked(a as never) as never as { value: T; failures: Failure[] };
        for (let i = 0; i < 40; i++) {
          const one = l.cholesky.checked(item(a, i) as never) as never as { value: T; failures: Failure[] };
          const failure = failures.find((x) => x.item === i);
          expect(why(failure), `${n} rows, item ${i}`).to.equal(why(one.failures[0]));
          if (i % 3 !== 0) expect(item(value, i).data).to.deep.equal(item(factor, i).data);
          else if (!failure) near(item(value, i), one.value);
        }
      }
    });
});
