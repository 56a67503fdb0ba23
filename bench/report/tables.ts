// The tables of docs/performance/README.md.
import { keyOf, rows, SIZES, type Way } from "../cells";
import { type Band, bands, compiledTarget, gains, leastOf, reached } from "./bands";
import type { Figure } from "./figures";

const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
const tableOf = (head: readonly string[], body: readonly (readonly string[])[]): string =>
  [line(head), `|${head.map(() => "---").join("|")}|`, ...body.map(line)].join("\n");
const us = (seconds: number): string => `${Number((seconds * 1e6).toPrecision(3))}`;
const times = (ratio: number): string => `${ratio < 10 ? ratio.toFixed(2) : ratio.toFixed(0)}x`;
const spread = ({ interval }: Figure): string => (interval ? `${interval.map((x) => x.toFixed(2)).join("..")}` : "");
const WAYS = { forward: "forward", both: "forward + backward" } as const;

/** Those most behind first. */
export function worst(figures: readonly Figure[], count = 30): string {
  const order = [...figures].sort((p, q) => p.ratio / leastOf(p.cell) - q.ratio / leastOf(q.cell)).slice(0, count);
  return tableOf(
    ["cell", "ratio", "95 %", "ours, us per item", "best peer", "page faults per call", ""],
    order.map((f) => [
      keyOf(f.cell),
      `**${times(f.ratio)}**`,
      spread(f),
      us(f.ours),
      `${f.best} ${us(f.theirs)}`,
      f.entry.ours.faults.toFixed(0),
      f.entry.settled ? "" : "not settled",
    ]),
  );
}

/** The mean and the worst cell of ways that only batches in cache have. */
function further(figures: readonly Figure[], has: Band["has"], way: "freed" | "program"): string[] {
  const r = reached(figures, has, way);
  return r ? [`**${times(r.mean)}**`, `${times(r.worst.ratio)} ${r.worst.cell.op} ${r.worst.cell.n} (of ${r.count})`] : ["", ""];
}
function bandLine(figures: readonly Figure[], { name, has, targets }: Band): string[] {
  const cells = (["forward", "both"] as const).flatMap((way) => {
    const r = reached(figures, has, way);
    const reach = r ? `**${times(r.mean)}**` : "-";
    return [
      reach,
      targets?.[way] ? `${targets[way]}x` : "",
      r ? `${times(r.worst.ratio)} ${r.worst.cell.op} ${r.worst.cell.n} (of ${r.count})` : "",
    ];
  });
  return [name, ...cells.slice(0, 3), ...further(figures, has, "freed"), ...cells.slice(3), ...further(figures, has, "program")];
}
const all: Band = { name: "**worst cell of all**", has: ({ batch }) => batch !== "compiled", targets: { forward: 1, both: 1 } };
function allLine(figures: readonly Figure[]): string[] {
  const cells = (["forward", "both"] as const).flatMap((way) => {
    const r = reached(figures, all.has, way);
    const behind = figures.filter((f) => f.cell.way === way && all.has(f.cell) && f.ratio < leastOf(f.cell)).length;
    return r
      ? [
          `**${times(r.worst.ratio)}**`,
          `1x, matmul n >= 96 0.97x`,
          `${r.worst.cell.op} ${r.worst.cell.n}; behind in ${behind} of ${r.count}`,
        ]
      : ["-", "1x", ""];
  });
  const worstOf = (way: "freed" | "program"): string[] => {
    const r = reached(figures, all.has, way);
    return r ? [`**${times(r.worst.ratio)}**`, `${r.worst.cell.op} ${r.worst.cell.n} (of ${r.count})`] : ["", ""];
  };
  return [all.name, ...cells.slice(0, 3), ...worstOf("freed"), ...cells.slice(3), ...worstOf("program")];
}
/** Geometric means by band beside their targets. */
export const bandsTable = (figures: readonly Figure[]): string =>
  tableOf(
    [
      "band",
      WAYS.forward,
      "target",
      "worst",
      "forward, results given back",
      "worst",
      WAYS.both,
      "target",
      "worst",
      "forward + backward, compiled, results given back",
      "worst",
    ],
    [...bands.map((band) => bandLine(figures, band)), allLine(figures)],
  );

export const compiled = (figures: readonly Figure[]): string =>
  tableOf(
    ["program", "n", "us per item", "JAX", "ratio", "95 %", "target", "compiling, ms", "JAX"],
    [...rows.values()].flatMap(({ op }) =>
      figures
        .filter(({ cell }) => cell.op === op && cell.batch === "compiled")
        .sort((p, q) => p.cell.n - q.cell.n || (p.cell.way < q.cell.way ? 1 : -1))
        .map((f) => {
          const target = f.cell.way === "both" ? compiledTarget(f.cell) : undefined;
          const [first, theirs] = [f.entry.ours.first, f.entry.peers[f.best]?.first ?? 0].map((s) => (1000 * s).toPrecision(2)) as [
            string,
            string,
          ];
          const ends = [times(f.ratio), spread(f), target ? `${target}x` : "", first, theirs];
          return [`${op}${f.cell.way === "forward" ? ", value alone" : ""}`, String(f.cell.n), us(f.ours), us(f.theirs), ...ends];
        }),
    ),
  );

/** Ratios of one kind of batch, forward and forward + backward or otherwise, by op and n. */
export function byOp(figures: readonly Figure[], batch: string, ways: readonly Way[] = ["forward", "both"]): string {
  const sizes = SIZES.filter((n) => figures.some(({ cell }) => cell.n === n && cell.batch === batch && ways.includes(cell.way)));
  const body = [...rows.values()]
    .filter(
      ({ kind, op }) => kind !== "program" && figures.some(({ cell }) => cell.op === op && cell.batch === batch && ways.includes(cell.way)),
    )
    .map(({ op }) => [
      op,
      ...sizes.map((n) =>
        ways
          .map((way) => figures.find(({ cell }) => cell.op === op && cell.n === n && cell.batch === batch && cell.way === way))
          .map((f) => f?.ratio.toFixed(f.ratio < 10 ? 1 : 0) ?? "-")
          .join(" "),
      ),
    ]);
  return tableOf(["op", ...sizes.map(String)], body);
}

/** float32 over float64, two threads over one: ours alone. */
export function speedups(figures: readonly Figure[]): string {
  const lineOf = (name: string, target: string, gain: ReturnType<typeof gains>): string[] =>
    gain
      ? [name, times(gain.mean), target, `${times(gain.least)} ${keyOf(gain.worst.cell)}`, String(gain.count)]
      : [name, "-", target, "", "0"];
  return tableOf(
    ["ours, batches in cache", "geometric mean", "target", "least", "cells"],
    [
      lineOf("float32 over float64, per item", "1.7x", gains(figures, { dtype: "float64", threads: 1 }, { dtype: "float32" })),
      lineOf("two threads over one", "1.85x", gains(figures, { threads: 1 }, { threads: 2 })),
    ],
  );
}
