// Stored entries as figures: what a cell costs us and the best peer, per item.
import { type Cell, grid, itemsOf, keyOf } from "../cells";
import type { Entry } from "../store";

export interface Figure {
  readonly cell: Cell;
  readonly entry: Entry;
  /** Seconds per item. */
  readonly ours: number;
  readonly theirs: number;
  readonly best: string;
  /** Theirs over ours, and its interval. */
  readonly ratio: number;
  readonly interval: readonly [number, number] | undefined;
}

const known = new Map(grid().map((cell) => [keyOf(cell), cell]));

/** The figures of one machine, that with the most entries; cells that the table has no longer are left out, as are those with no peer. */
export function figuresOf(entries: readonly Entry[]): { machine: string; figures: Figure[] } {
  const counts = new Map<string, number>();
  for (const { machine } of entries) counts.set(machine, (counts.get(machine) ?? 0) + 1);
  const machine = [...counts].reduce((p, q) => (q[1] > p[1] ? q : p), ["", 0])[0];
  const figures = entries.filter((e) => e.machine === machine).flatMap((e) => figureOf(e) ?? []);
  return { machine, figures };
}

function figureOf(entry: Entry): Figure | undefined {
  const cell = known.get(entry.cell);
  const all = Object.entries(entry.peers);
  const rounds = Math.max(0, ...all.map(([, p]) => p.rounds));
  const peers = all.filter(([, p]) => p.rounds === rounds); // the others were behind these
  if (!cell || peers.length === 0) return undefined;
  const [best, p] = peers.reduce((x, y) => (y[1].ratio < x[1].ratio ? y : x));
  const items = itemsOf(cell);
  return { cell, entry, ours: entry.ours.seconds / items, theirs: p.seconds / items, best, ratio: p.ratio, interval: p.interval };
}
