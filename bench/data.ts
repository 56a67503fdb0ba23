// The operands of a cell, as raw files that all sides read: everybody computes on the same numbers.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Cell, itemsOf, rowOf } from "./cells";
import { cotangentsOf } from "./program";
import { type Backsolve, type Kind, type Sizes, shapeOf, type T } from "./table/row";

export interface Stored {
  readonly path: string;
  readonly shape: readonly number[];
}
/** One of the sets that calls go through in turn: operands, and cotangents of the outputs. */
export interface Operands {
  readonly inputs: readonly Stored[];
  readonly cotangents: readonly Stored[];
}

/** Numbers of a kind; nothing is near singular, at any size and dtype. */
export function make(b: Backsolve, kind: Kind, seed: number, shape: readonly number[], dtype: Cell["dtype"]): T {
  const n = shape.at(-1) as number;
  const of = { dtype } as const;
  const uniform = (range: number): T => b.random.uniform(seed, shape, { dtype, low: -range, high: range }) as T;
  if (kind === "normal") return b.random.normal(seed, shape, of) as T;
  if (kind === "uniform") return uniform(Math.sqrt(3));
  if (kind === "positive") return b.random.uniform(seed, shape, { dtype, low: 0.5, high: 1.5 }) as T;
  if (kind === "dominant") return b.add(uniform(1), 4) as T;
  if (kind === "small") return uniform(0.7 / Math.sqrt(n));
  if (kind === "spd") {
    const x = b.random.normal(seed, [...shape.slice(0, -1), 2 * n], of) as T;
    return b.add(b.mul(0.5 / n, b.matmul(x, x, { adjointB: true })), b.eye(n, of)) as T;
  }
  if (kind === "symmetric") {
    const x = b.random.normal(seed, shape, of) as T;
    return b.mul(Math.SQRT1_2 / Math.sqrt(n), b.add(x, b.matrixTranspose(x))) as T; // eigenvalues in [-2, 2], which repel each other
  }
  if (kind === "banded" || kind === "bandedUpper") {
    // a diagonal of about 2, in the middle row or in the last one
    const at = kind === "banded" ? (shape.at(-2) as number) >> 1 : (shape.at(-2) as number) - 1;
    const rows = b.eye(shape.at(-2) as number, of);
    const all = b.add(uniform(0.3), b.mul(2, b.slice(rows, [0, at], [shape.at(-2) as number, 1]))) as T;
    return kind === "banded" ? all : b.mul(all, inside(b, shape.at(-2) as number, n, dtype)); // whose corners SciPy leaves as they are
  }
  if (kind === "toeplitz") return b.add(uniform(0.3 / Math.sqrt(n)), b.cast(b.equal(b.arange(n), 0), dtype)) as T;
  if (kind === "indefinite") {
    const signs = b.diag(b.tensor(Float64Array.from({ length: n }, (_, i) => (i % 2 ? -1 : 1))));
    return b.add(uniform(0.5 / Math.sqrt(n)), b.cast(signs, dtype)) as T;
  }
  const general = b.add(uniform(0.7 / Math.sqrt(n)), b.eye(n, of)) as T;
  return kind === "lower" ? b.tril(general) : general;
}

/** Ones where diagonals above, by columns, are in the matrix. */
const inside = (b: Backsolve, rows: number, n: number, dtype: Cell["dtype"]): T =>
  b.cast(b.greaterEqual(b.arange(n), b.expandDims(b.sub(rows - 1, b.arange(rows)) as T, -1)), dtype) as T;

/** Sets enough that one call does not find its operands where the last left them in L1. */
export const setsOf = (cell: Cell): number => (cell.batch === "1" && cell.n <= 32 ? 4 : 2);

export function operandsOf(b: Backsolve, cell: Cell): { inputs: T[]; cotangents: T[] }[] {
  const row = rowOf(cell.op);
  const batch = cell.batch === "1" ? [] : [itemsOf(cell)];
  let seed = 1;
  const of = (kind: Kind, sizes: Sizes): T => make(b, kind, seed++, [...batch, ...shapeOf(sizes, cell.n)], cell.dtype);
  return Array.from({ length: setsOf(cell) }, () => ({
    inputs: row.inputs.map(([kind, sizes]) => of(kind, sizes)),
    cotangents: cotangentsOf(row, cell.way).map((sizes) => of("normal", sizes)),
  }));
}

/** A folder of the operands of one cell at a time. */
export class Files {
  private readonly root = mkdtempSync(join(tmpdir(), "backsolve-bench-"));

  write(b: Backsolve, cell: Cell): Operands[] {
    rmSync(this.root, { recursive: true, force: true });
    mkdirSync(this.root);
    let count = 0;
    const store = (t: T): Stored => {
      const path = join(this.root, String(count++));
      writeFileSync(path, new Uint8Array(t.data.buffer, t.data.byteOffset, t.data.byteLength));
      return { path, shape: t.shape };
    };
    return operandsOf(b, cell).map(({ inputs, cotangents }) => ({ inputs: inputs.map(store), cotangents: cotangents.map(store) }));
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}
