import * as Plot from "@observablehq/plot";
import { parseHTML } from "linkedom";

export interface Picture {
  readonly record: readonly { t: number; co2: number }[];
  readonly curve: readonly { t: number; mean: number; low: number; high: number }[];
  readonly forecastFrom: number;
}

const COLORS = { record: "#6b7280", fit: "#1d4ed8", forecast: "#c2410c" };

/** The picture as SVG text: data, fitted mean, forecast with its 95 % band. */
export function draw({ record, curve, forecastFrom }: Picture): string {
  const { document } = parseHTML("<!doctype html><html><body></body></html>") as unknown as { document: object };
  const fitted = curve.filter((p) => p.t <= forecastFrom);
  const forecast = curve.filter((p) => p.t >= forecastFrom);
  const first = record[0]?.t ?? 1958;
  const last = curve.at(-1)?.t ?? 2030;
  const top = Math.max(...curve.map((p) => p.high));
  const legend = [
    { label: "monthly mean, Mauna Loa", color: COLORS.record },
    { label: "Gaussian process, posterior mean", color: COLORS.fit },
    { label: "ten-year forecast, 95 % band", color: COLORS.forecast },
  ].map((entry, i) => ({ ...entry, t: first + 2, y: top - 3 - i * 6 }));
  const figure = Plot.plot({
    // linkedom's document has what Plot uses of a browser's
    document: document as unknown as NonNullable<Plot.PlotOptions["document"]>,
    width: 960,
    height: 520,
    marginLeft: 72,
    marginRight: 32,
    marginBottom: 56,
    marginTop: 48,
    style: { background: "white", color: "#111827", fontSize: "13px", fontFamily: "DejaVu Sans, Helvetica, Arial, sans-serif" },
    x: { label: "year", labelAnchor: "center", labelArrow: "none", tickFormat: "d", domain: [first - 1, last + 0.5] },
    y: { label: "CO₂ (ppm)", labelAnchor: "center", labelArrow: "none", grid: true, nice: true },
    marks: [
      Plot.areaY(forecast, { x: "t", y1: "low", y2: "high", fill: COLORS.forecast, fillOpacity: 0.2 }),
      Plot.dot(record, { x: "t", y: "co2", r: 1.6, fill: COLORS.record }),
      Plot.lineY(fitted, { x: "t", y: "mean", stroke: COLORS.fit, strokeWidth: 0.9 }),
      Plot.lineY(forecast, { x: "t", y: "mean", stroke: COLORS.forecast, strokeWidth: 1.2 }),
      Plot.dot(legend, { x: "t", y: "y", r: 5, fill: "color" }),
      Plot.text(legend, { x: "t", y: "y", text: "label", textAnchor: "start", dx: 12 }),
      Plot.text(["Atmospheric CO₂ at Mauna Loa: fit and forecast by a Gaussian process"], {
        frameAnchor: "top",
        dy: -30,
        fontSize: 16,
        fontWeight: "bold",
      }),
    ],
  });
  const svg = figure as unknown as { setAttribute(name: string, value: string): void; outerHTML: string };
  svg.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  return svg.outerHTML;
}

/** The picture as PNG, where the rasteriser works on this platform. */
export async function rasterize(svg: string): Promise<Uint8Array | undefined> {
  try {
    const { Resvg } = await import("@resvg/resvg-js");
    return new Resvg(svg, { fitTo: { mode: "width", value: 1920 }, font: { loadSystemFonts: true } }).render().asPng();
  } catch {
    return undefined;
  }
}
