// The cells of the benchmark: what they are called, and in which order they are measured.
import { createHash } from "node:crypto";
import { further } from "./table/further";
import { ops } from "./table/ops";
import type { Row } from "./table/row";
import { structured } from "./table/structured";
import { workloads } from "./table/workloads";

export const SIZES = [2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 256, 512, 1024] as const;
/** Of further ops, some of which take seconds beyond. */
export const FURTHER = [2, 4, 8, 16, 32, 64, 128, 256] as const;
export type Batch = "1" | "256K" | "32M" | "compiled";
export const DTYPES = ["float64", "float32"] as const;
export type DType = (typeof DTYPES)[number];
/**
 * `freed`: forward, where our side gives the last call's results back as it drops them, as the peers do by themselves. `program`: both, where
 * our side is compiled, as those of JAX and TensorFlow always are, and gives results back likewise.
 */
export type Way = "forward" | "both" | "freed" | "program";
/** What a peer, which has one way to do it, is asked for. */
export const asked = (way: Way): "forward" | "both" => (way === "forward" || way === "freed" ? "forward" : "both");

export interface Cell {
  readonly op: string;
  readonly n: number;
  readonly batch: Batch;
  readonly dtype: DType;
  readonly way: Way;
  readonly threads: number;
}

export const rows: ReadonlyMap<string, Row> = new Map([...ops, ...further, ...structured, ...workloads].map((row) => [row.op, row]));
export const rowOf = (op: string): Row => {
  const row = rows.get(op);
  if (!row) throw new Error(`the table has no row ${op}`);
  return row;
};

/** What `--only` and `--redo` are matched with, and cells are stored by. */
export const keyOf = (c: Cell): string => `${c.op} n=${c.n} batch=${c.batch} ${c.dtype} ${c.way} threads=${c.threads}`;

const BYTES = { "256K": 2 ** 18, "32M": 2 ** 25 } as const;
/** Matrices of an operand of n x n numbers, or items of as many as the row says: by the bytes that they fill. */
export function itemsOf({ op, n, batch, dtype }: Cell): number {
  if (batch === "1") return 1;
  if (batch === "compiled") return rowOf(op).compiled?.items(n) ?? 1;
  return Math.floor(BYTES[batch] / ((dtype === "float64" ? 8 : 4) * (rowOf(op).elements?.(n) ?? n * n)));
}

/** All cells, those that say most first: a run that is cut off has gone over everything, not over one op after the other. */
export function grid(): Cell[] {
  const cells: Cell[] = [];
  for (const { op, kind, compiled, ways } of rows.values())
    for (const n of compiled?.sizes ?? (kind === "further" ? FURTHER : SIZES))
      for (const batch of compiled ? (["compiled"] as const) : (["256K", "1", "32M"] as const))
        for (const dtype of DTYPES)
          for (const way of ways ?? (["forward", "both"] as const))
            for (const threads of [1, 2]) {
              const cell: Cell = { op, n, batch, dtype, way, threads };
              if (batch === "1" || batch === "compiled" || itemsOf(cell) > 1) cells.push(cell);
              if (batch === "256K" && dtype === "float64" && threads === 1 && itemsOf(cell) > 1)
                cells.push({ ...cell, way: way === "forward" ? "freed" : "program" });
            }
  return cells.sort((a, b) => rank(a) - rank(b) || (hash(a) < hash(b) ? -1 : 1));
}

const COMMON = new Set([4, 8, 16, 32, 64, 128, 512]);
const hash = (c: Cell): string => createHash("sha256").update(keyOf(c)).digest("hex");
/** How far a cell is from the middle of the grid. */
function rank(c: Cell): number {
  const off = [!COMMON.has(c.n), c.dtype === "float32", c.threads > 1, c.batch === "32M", c.batch === "1", c.way !== asked(c.way)];
  return off.filter(Boolean).length;
}

/** `--quick`: float64 on one thread, batches in cache and a few single matrices, the compiled programs. */
export function isQuick({ n, batch, dtype, way, threads }: Cell): boolean {
  if (dtype !== "float64" || threads !== 1) return false;
  if (batch === "compiled") return way === "both" && n <= 64;
  return batch === "256K" ? [4, 16, 64, 128].includes(n) : batch === "1" && way === "forward" && [4, 256].includes(n);
}
