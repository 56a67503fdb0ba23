// Ratios over n, and a roofline, as SVG.
import * as Plot from "@observablehq/plot";
import { parseHTML } from "linkedom";
import { rowOf, rows } from "../cells";
import type { Figure } from "./figures";

const STYLE = { background: "white", color: "#111827", fontSize: "12px", fontFamily: "DejaVu Sans, Helvetica, Arial, sans-serif" };
const COLORS = { ours: "#1d4ed8", theirs: "#c2410c", limit: "#6b7280" };
const SIZES_SHOWN = [2, 8, 32, 128, 512];
const BATCHES: Readonly<Record<string, string>> = { "256K": "batches of 256 KiB", "1": "one matrix", "32M": "batches of 32 MiB" };
const all = [...rows.values()].filter(({ kind }) => kind !== "program").map(({ op }) => op);

function svgOf(options: Plot.PlotOptions): string {
  const { document } = parseHTML("<!doctype html><html><body></body></html>") as unknown as { document: object };
  const figure = Plot.plot({ document: document as unknown as NonNullable<Plot.PlotOptions["document"]>, style: STYLE, ...options });
  const svg = figure as unknown as { setAttribute(name: string, value: string): void; outerHTML: string };
  svg.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  return svg.outerHTML;
}
const sizes = { type: "log", base: 2, label: "n", domain: [2, 1024], ticks: SIZES_SHOWN, tickFormat: "d" } as const;

/** Ops that were measured, in the order of the table. */
const measured = (figures: readonly Figure[]): string[] => all.filter((op) => figures.some(({ cell }) => cell.op === op));

/** How much faster than the best peer, by op and batch. */
export function ratios(figures: readonly Figure[], what: string): string {
  const ops = measured(figures);
  const points = figures
    .filter(({ cell }) => cell.batch !== "compiled")
    .map(({ cell, ratio, interval }) => ({
      ...cell,
      ratio,
      low: interval?.[0] ?? ratio,
      high: interval?.[1] ?? ratio,
      batch: BATCHES[cell.batch] as string,
    }));
  const marks = (["forward", "both"] as const).flatMap((way) => {
    const of = points.filter((p) => p.way === way).sort((p, q) => p.n - q.n);
    const stroke = way === "forward" ? COLORS.theirs : COLORS.ours;
    const at = { x: "n", fx: "batch", fy: "op" } as const;
    return [
      Plot.ruleX(of, { ...at, y1: "low", y2: "high", stroke, strokeOpacity: 0.35 }),
      Plot.line(of, { ...at, y: "ratio", z: "op", stroke, strokeWidth: 1.4 }),
      Plot.dot(of, { ...at, y: "ratio", r: 2, fill: stroke }),
    ];
  });
  return svgOf({
    width: 1080,
    height: 130 + 100 * ops.length,
    marginLeft: 60,
    marginRight: 120,
    marginTop: 56,
    x: sizes,
    y: {
      type: "log",
      base: 2,
      label: `Best peer's time over ours, ${what}, above 1 we are faster: forward in orange, forward + backward in blue`,
      labelArrow: "none",
      domain: [0.125, 32],
      clamp: true,
      grid: true,
      tickFormat: "~r",
      ticks: [0.25, 1, 4, 16],
    },
    fx: { label: null, domain: Object.values(BATCHES) },
    fy: { label: null, domain: ops },
    marks: [Plot.frame({ stroke: "#e5e7eb" }), Plot.ruleY([1], { stroke: "#111827", strokeWidth: 1 }), ...marks],
  });
}

/** Operations a second where the time is known. */
const gflops = ({ cell }: Figure, seconds: number): number | undefined => {
  const count = rowOf(cell.op).flops?.[cell.way === "forward" ? 0 : 1](cell.n);
  return count === undefined ? undefined : count / seconds / 1e9;
};

/** The most that anybody's product of matrices reached. */
export const peakOf = (figures: readonly Figure[]): number =>
  Math.max(0, ...figures.filter(({ cell }) => cell.op === "matmul").flatMap((f) => [gflops(f, f.ours) ?? 0, gflops(f, f.theirs) ?? 0]));

/** Minimal operations over time, ours and the best peer's: batches in cache up to 128, one matrix beyond. */
export function roofline(figures: readonly Figure[], what: string): string {
  const peak = peakOf(figures);
  const panels = measured(figures).filter((op) => rowOf(op).flops);
  const points = figures
    .filter(({ cell }) => panels.includes(cell.op) && (cell.n <= 128 ? cell.batch === "256K" : cell.batch === "1"))
    .flatMap((f) =>
      ([f.ours, f.theirs] as const).map((seconds, i) => ({
        ...f.cell,
        side: i === 0 ? "ours" : "theirs",
        rate: gflops(f, seconds) as number,
        ...panel(panels, f.cell.op),
      })),
    )
    .sort((p, q) => p.n - q.n);
  const marks = (["ours", "theirs"] as const).flatMap((side) =>
    (["forward", "both"] as const).map((way) =>
      Plot.line(
        points.filter((p) => p.side === side && p.way === way),
        {
          x: "n",
          y: "rate",
          z: "op",
          fx: "fx",
          fy: "fy",
          stroke: COLORS[side],
          strokeWidth: 1.5,
          ...(way === "both" ? { strokeDasharray: "4 3" } : {}),
        },
      ),
    ),
  );
  const names = panels.map((op) => ({ op, ...panel(panels, op) }));
  return svgOf({
    width: 1080,
    height: 90 + 190 * Math.ceil(panels.length / COLUMNS),
    marginLeft: 52,
    marginTop: 56,
    x: sizes,
    y: {
      type: "log",
      label: `GFLOP/s by minimal operations, ${what}: ours in blue, best peer in orange, forward + backward dashed; grey: the best product, ${peak.toFixed(0)}`,
      labelArrow: "none",
      grid: true,
      domain: [0.05, peak * 1.5],
      clamp: true,
      ticks: [0.1, 1, 10, 100],
      tickFormat: "~r",
    },
    fx: { axis: null },
    fy: { axis: null },
    marks: [
      Plot.frame({ stroke: "#e5e7eb" }),
      Plot.ruleY([peak], { stroke: COLORS.limit, strokeDasharray: "2 2" }),
      ...marks,
      Plot.text(names, { fx: "fx", fy: "fy", text: "op", frameAnchor: "top-left", dx: 6, dy: 18, fontWeight: "bold" }),
    ],
  });
}
const COLUMNS = 4;
const panel = (panels: readonly string[], op: string): { fx: number; fy: number } => ({
  fx: panels.indexOf(op) % COLUMNS,
  fy: Math.floor(panels.indexOf(op) / COLUMNS),
});
