// Systems, inverses and determinants of 2 to 5 rows, whose lanes keep all of a matrix in registers, against the same one at a time.
import { expect } from "chai";
import { storageOf } from "../lib/core/tensor";
import * as b from "../lib/index";
import { randoms } from "./hostile/randoms";

type T = b.Tensor<"float64">;
type Program = { runSync(args: readonly T[], options?: object): T[] };
const { linalg: l } = b;
const DTYPES = ["float64", "float32", "complex128", "complex64"] as const;
type D = (typeof DTYPES)[number];

/**
 * Small integers with a large one in each row and column, so that pivots exchange in every order; a few items at the edges of the numbers, with a
 * column of zeros, or with NaN.
 */
function matrices(dtype: D, items: number, m: number, n: number, random: () => number, edges: boolean): T {
  const t = b.zeros([items, m, n], { dtype: dtype as "float64" }) as T;
  const array = storageOf(t).array as Float64Array;
  const size = array.length / items;
  const parts = size / (m * n);
  const narrow = dtype === "float32" || dtype === "complex64";
  for (let item = 0; item < items; item++) {
    const kind = edges ? Math.floor(random() * 12) : 9;
    const scale = [1, narrow ? 1e-8 : 1e-60, narrow ? 1e8 : 1e60, narrow ? 1e-42 : 1e-310][kind] ?? 1;
    const own = array.subarray(item * size, (item + 1) * size);
    const order = Array.from({ length: m }, (_, i) => [random(), i] as const).sort(([x], [y]) => x - y);
    for (let e = 0; e < size; e++) own[e] = Math.round(random() * 6 - 3) * scale;
    order.forEach(([, row], i) => i < n && (own[(row * n + i) * parts] = (random() < 0.5 ? 17 : -17) * scale));
    if (kind === 4) own[Math.floor(random() * size)] = [Number.NaN, Infinity, -Infinity][item % 3] as number;
    if (kind === 5) for (let i = 0; i < m; i++) own.fill(0, (i * n + (item % n)) * parts, (i * n + (item % n) + 1) * parts);
  }
  return t;
}
/** Relative to what an item's answer has largest; of one that failed or left the range of numbers, that the other did. */
function worst(got: T, want: T, items: number): number {
  const [g, w] = [got, want].map((t) => storageOf(t).array as Float64Array) as [Float64Array, Float64Array];
  const size = w.length / items;
  let most = 0;
  for (let item = 0; item < items; item++) {
    const [x, y] = [g, w].map((a) => Array.from(a.subarray(item * size, (item + 1) * size))) as [number[], number[]];
    const finite = y.every(Number.isFinite);
    expect(x.every(Number.isFinite), `item ${item}`).to.equal(finite);
    if (!finite) continue;
    const largest = Math.max(...y.map(Math.abs));
    y.forEach((v, i) => {
      if (v !== x[i]) most = Math.max(most, Math.abs((x[i] as number) - v) / largest);
    });
  }
  return most;
}

const functions: Record<string, (k: number) => (...xs: T[]) => T[]> = {
  solve: () => (a, y) => [l.solve(a, y) as T],
  "solve with adjoint": () => (a, y) => [l.solve(a, y, { adjoint: true }) as T],
  inv: () => (a) => [l.inv(a) as T],
  "inv with adjoint": () => (a) => [l.inv(a, { adjoint: true }) as T],
  det: () => (a) => [l.det(a) as T],
  slogdet: () => (a) => Object.values(l.slogdet(a)) as T[],
};

describe("small systems in lanes", () => {
  for (const dtype of DTYPES)
    for (const [name, make] of Object.entries(functions))
      it(`${name}, ${dtype}: values, gradients and failures as one at a time`, () => {
        const random = randoms(DTYPES.indexOf(dtype) * 31 + name.length);
        const eps = dtype === "float32" || dtype === "complex64" ? 2 ** -23 : 2 ** -52;
        for (const n of [2, 3, 4, 5])
          for (const k of name.startsWith("solve") ? [1, 2, n, 6] : [n])
            for (const edges of [false, true]) {
              const items = 43;
              const two = name.startsWith("solve") && name !== "slogdet" && !name.startsWith("slog");
              const args = [matrices(dtype, items, n, n, random, edges), ...(two ? [matrices(dtype, items, n, k, random, edges)] : [])];
              const f = make(k);
              const spec = (...s: number[]) => (b as unknown as Record<string, (...s: number[]) => never>)[dtype]?.(...s) as never;
              const specs = [spec(n, n), ...(two ? [spec(n, k)] : [])];
              const withGradient = (...xs: T[]): T[] => {
                const { value, pullback } = b.vjp(f as never, ...(xs as never[])) as unknown as { value: T[]; pullback(g: T[]): T[] };
                return [...value, ...pullback(value.map((v) => b.add(v, 1) as T))];
              };
              for (const g of [f, withGradient]) {
                const program = (b.compile as unknown as (f: unknown, ...s: never[]) => Program)(g, ...specs);
                const run = (layout: string, given = args, chunk?: number) =>
                  program.runSync(given, { layout, onFailure: "nan", ...(chunk && { chunk }) });
                const [lanes, single] = [run("lanes"), run("single")];
                for (let o = 0; o < lanes.length; o++)
                  expect(worst(lanes[o] as T, single[o] as T, items), `${n} x ${k} output ${o}`).to.be.lessThan(eps * 2 ** 14);
                run("lanes", args, 8).forEach((t, o) => expect(t.data).to.deep.equal((lanes[o] as T).data));
              }
            }
      });
});
