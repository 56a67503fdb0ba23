import { readFileSync } from "node:fs";
import { join } from "node:path";

export interface Record {
  readonly t: number[]; // years
  readonly y: number[]; // ppm, minus the mean
  readonly mean: number; // ppm
}

/** The monthly record: t = year + (month - 1) / 12, y = CO2 minus its mean, not scaled. */
export function loadRecord(): Record {
  const lines = readFileSync(join(__dirname, "../data/co2-concentration.csv"), "utf8").trim().split(/\r?\n/).slice(1);
  const rows = lines.map((line) => {
    const [date = "", co2 = ""] = line.split(",");
    const [year, month] = date.split("-").map(Number) as [number, number];
    return { t: year + (month - 1) / 12, co2: Number(co2) };
  });
  const mean = rows.reduce((s, r) => s + r.co2, 0) / rows.length;
  return { t: rows.map((r) => r.t), y: rows.map((r) => r.co2 - mean), mean };
}
