// npm run bench:report: the stored cells as text, tables and pictures (docs/performance/); --json prints them as one JSON text, --png also draws PNG files.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { rasterize } from "../examples/co2/plot";
import { bands, reached } from "./report/bands";
import { type Figure, figuresOf } from "./report/figures";
import { peakOf, ratios, roofline } from "./report/pictures";
import { bandsTable, byOp, compiled, speedups, worst } from "./report/tables";
import { Store } from "./store";

const { values: options } = parseArgs({ options: { json: { type: "boolean", default: false }, png: { type: "string" } } });
const folder = join(__dirname, "../docs/performance");

function bestOf(figures: readonly Figure[]): string {
  const counts = new Map<string, number>();
  for (const { best } of figures) counts.set(best, (counts.get(best) ?? 0) + 1);
  return [...counts]
    .sort((p, q) => q[1] - p[1])
    .map(([name, count]) => `${name} in ${count}`)
    .join(", ");
}
function measuredBy(machine: string, figures: readonly Figure[]): string {
  const commits = new Map<string, number>();
  for (const { entry } of figures) commits.set(entry.commit, (commits.get(entry.commit) ?? 0) + 1);
  const list = [...commits].sort((p, q) => q[1] - p[1]).map(([commit, count]) => `${count} at ${commit}`);
  const dates = figures.map(({ entry }) => entry.at.slice(0, 10)).sort();
  const cpu = figures.filter(({ entry }) => entry.clock === "cpu").length;
  const loose = figures.filter(({ entry }) => !entry.settled).length;
  return [
    `${figures.length} cells on ${machine}, ${dates[0]} to ${dates.at(-1)}: ${list.join(", ")}.`,
    `In ${loose} of them the interval was still wider than 10 % when time was up.`,
    `The best peer is ${bestOf(figures)}.`,
    cpu > 0 ? `${cpu} of them were measured by processor time on a machine that was not quiet.` : "",
  ]
    .filter(Boolean)
    .join(" ");
}
function troubles(figures: readonly Figure[]): string {
  const by = new Map<string, string[]>();
  for (const { entry } of figures)
    for (const [name, why] of Object.entries(entry.trouble)) {
      const what = `${entry.cell.split(" ")[0]}, ${name}: ${why.replace(/[-\d.]+(e[+-]?\d+)?/g, "#").slice(0, 120)}`;
      by.set(what, [...(by.get(what) ?? []), entry.cell]);
    }
  return by.size === 0 ? "None." : [...by].map(([what, cells]) => `* ${what} (${cells.length} cells, such as \`${cells[0]}\`)`).join("\n");
}

function tablesOf(machine: string, figures: readonly Figure[]): Readonly<Record<string, string>> {
  const of = (dtype: string, threads: number): Figure[] => figures.filter(({ cell }) => cell.dtype === dtype && cell.threads === threads);
  const main = of("float64", 1);
  return {
    measured: measuredBy(machine, figures),
    worst: worst(figures),
    bands: bandsTable(main),
    "bands-float32": bandsTable(of("float32", 1)),
    "bands-threads": bandsTable([...of("float64", 2), ...of("float32", 2)]),
    compiled: compiled(main),
    "compiled-float32": compiled(of("float32", 1)),
    "compiled-threads": compiled(of("float64", 2)),
    speedups: speedups(figures),
    "by-op-256K": byOp(main, "256K"),
    freed: byOp(main, "256K", ["forward", "freed"]),
    program: byOp(main, "256K", ["both", "program"]),
    "by-op-1": byOp(main, "1"),
    "by-op-32M": byOp(main, "32M"),
    trouble: troubles(figures),
  };
}

async function main(): Promise<void> {
  const { machine, figures } = figuresOf(new Store().read());
  if (figures.length === 0) throw new Error("nothing is stored: npm run bench measures");
  const main = figures.filter(({ cell }) => cell.dtype === "float64" && cell.threads === 1);
  if (options.json) {
    const summary = bands.map((band) => ({
      band: band.name,
      forward: reached(main, band.has, "forward")?.mean,
      both: reached(main, band.has, "both")?.mean,
    }));
    return console.log(
      JSON.stringify({ machine, peak: peakOf(main), bands: summary, cells: figures.map(({ entry: _, ...f }) => f) }, null, 1),
    );
  }
  const tables = tablesOf(machine, figures);
  const page = join(folder, "README.md");
  const filled = readFileSync(page, "utf8").replaceAll(/<!-- table: (\S+) -->\n[\s\S]*?<!-- end -->/g, (_, name: string) => {
    const text = tables[name];
    if (text === undefined) throw new Error(`${page}: there is no table ${name}`);
    return `<!-- table: ${name} -->\n${text}\n<!-- end -->`;
  });
  const missing = Object.keys(tables).filter((name) => !filled.includes(`<!-- table: ${name} -->`));
  if (missing.length > 0) throw new Error(`${page} has no place for ${missing.join(", ")}`);
  writeFileSync(page, filled);
  const drawn = { "ratios.svg": ratios(main, "float64, one thread"), "roofline.svg": roofline(main, "float64, one thread") };
  for (const [name, svg] of Object.entries(drawn)) {
    writeFileSync(join(folder, name), svg);
    const png = options.png === undefined ? undefined : await rasterize(svg);
    if (png) writeFileSync(join(options.png as string, name.replace("svg", "png")), png);
  }
  for (const name of ["measured", "worst", "bands", "compiled", "speedups"]) console.log(`${tables[name]}\n`);
}
main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
