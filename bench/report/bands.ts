// The targets, and what was reached: geometric means over the cells of a band, and the worst cell.
import { type Cell, keyOf, rowOf, type Way } from "../cells";
import { geometricMean } from "../statistics";
import type { Figure } from "./figures";

export interface Band {
  readonly name: string;
  has(cell: Cell): boolean;
  readonly targets?: Partial<Readonly<Record<Way, number>>>;
}
const matrix = ({ op }: Cell): boolean => rowOf(op).kind === "matrix";
const further = ({ op }: Cell): boolean => rowOf(op).kind === "further";
const between = (low: number, n: number, high: number): boolean => low <= n && n <= high;

export const bands: readonly Band[] = [
  {
    name: "n = 2..16, batches in cache",
    has: (c) => matrix(c) && c.batch === "256K" && c.n <= 16,
    targets: { forward: 3.5, both: 5 },
  },
  { name: "n = 24..64", has: (c) => matrix(c) && c.batch === "256K" && between(24, c.n, 64), targets: { forward: 3, both: 4 } },
  { name: "n = 96..128", has: (c) => matrix(c) && c.batch === "256K" && between(96, c.n, 128), targets: { forward: 2, both: 2.5 } },
  {
    name: "n = 256..1024, and single matrices of 32..512",
    has: (c) => matrix(c) && (c.batch === "1" ? c.n >= 32 : c.batch === "32M" && c.n >= 256),
    targets: { forward: 1.3, both: 1.6 },
  },
  { name: "batches of 32 MiB, n = 2..16", has: (c) => matrix(c) && c.batch === "32M" && c.n <= 16, targets: { forward: 2, both: 3 } },
  { name: "batches of 32 MiB, n = 24..128", has: (c) => matrix(c) && c.batch === "32M" && between(24, c.n, 128) },
  { name: "single matrices of 2..24", has: (c) => matrix(c) && c.batch === "1" && c.n <= 24 },
  {
    name: "further matrix functions, n = 2..32, batches in cache",
    has: (c) => further(c) && c.batch === "256K" && c.n <= 32,
    targets: { forward: 2 },
  },
  { name: "further matrix functions, larger, in other batches", has: (c) => further(c) && (c.batch !== "256K" || c.n > 32) },
  { name: "elementwise and sums, batches in cache", has: (c) => rowOf(c.op).kind === "elements" && c.batch === "256K" },
  { name: "elementwise and sums, one array, 32 MiB", has: (c) => rowOf(c.op).kind === "elements" && c.batch !== "256K" },
];

/** No cell is to be behind; products of large matrices are level with the same BLAS, but for noise. */
export const leastOf = ({ op, n }: Cell): number => (op === "matmul" && n >= 96 ? 0.97 : 1);

export interface Reached {
  readonly mean: number;
  readonly count: number;
  readonly worst: Figure;
}
export function reached(figures: readonly Figure[], has: (cell: Cell) => boolean, way: Way): Reached | undefined {
  const inside = figures.filter(({ cell }) => cell.way === way && has(cell));
  if (inside.length === 0) return undefined;
  return {
    mean: geometricMean(inside.map((f) => f.ratio)),
    count: inside.length,
    worst: inside.reduce((p, q) => (q.ratio / leastOf(q.cell) < p.ratio / leastOf(p.cell) ? q : p)),
  };
}

/** Compiled programs, value and gradient, against jit and vmap. */
export function compiledTarget({ op, n }: Cell): number | undefined {
  if (op === "gp") return n === 8 ? 10 : n <= 64 ? 20 : undefined;
  return ({ meanVariance: 5, ridge: 5, kalman: 35 } as Readonly<Record<string, number>>)[op];
}

/** How much faster ours is with one trait of a cell exchanged, per item, over batches in cache. */
export function gains(
  figures: readonly Figure[],
  from: Partial<Cell>,
  to: Partial<Cell>,
): { mean: number; count: number; worst: Figure; least: number } | undefined {
  const byKey = new Map(figures.map((f) => [keyOf(f.cell), f]));
  const found = figures.flatMap((f) => {
    const traits = Object.entries(from) as [keyof Cell, unknown][];
    if (f.cell.batch !== "256K" || traits.some(([k, v]) => f.cell[k] !== v)) return [];
    const other = byKey.get(keyOf({ ...f.cell, ...to }));
    return other ? [{ f, gain: f.ours / other.ours }] : [];
  });
  if (found.length === 0) return undefined;
  const least = found.reduce((p, q) => (q.gain < p.gain ? q : p));
  return { mean: geometricMean(found.map(({ gain }) => gain)), count: found.length, worst: least.f, least: least.gain };
}
