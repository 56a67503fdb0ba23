// Fits a Gaussian process to the CO2 record of Mauna Loa by gradients through LAPACK, and forecasts ten years.
import { mkdirSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { SingleBar } from "cli-progress";
import { random, tensor } from "../../lib/index";
import type { Minimum } from "../../lib/optimize/index";
import { loadRecord } from "./data";
import { fit, mapped } from "./fit";
import { distances, names, type Parameters, predict, start } from "./model";
import { draw, rasterize } from "./plot";

const MAX_ITERATIONS = 150;
const UNITS: Parameters<string> = {
  c1: "ppm",
  l1: "years",
  c2: "ppm",
  l2: "years",
  l3: "",
  c3: "ppm",
  l4: "years",
  alpha: "",
  c4: "ppm",
  l5: "years",
  sigma2: "ppm²",
};

/**
 * The given start; the same with the two short-range terms exchanged, as either can be the irregular one and the likelihood has an optimum
 * for each; and one start near each of them, moved by seeded standard normal numbers in log space.
 */
function starts(): Parameters<number>[] {
  const exchanged = { ...start, c3: start.c4, l4: start.l5, c4: start.c3, l5: start.l4 };
  const moved = [start, exchanged].map((from, k) => {
    const shift = random.normal(random.key(k + 1), names.length).data;
    return mapped(from, (v, name) => v * Math.exp(shift[names.indexOf(name)] as number));
  });
  return [start, exchanged, ...moved];
}

/** A bar on a terminal; elsewhere a line now and then, and one for each start that ends. */
function progress(total: number): { step(text: string, done: number, ends?: boolean): void; end(): void } {
  if (!process.stdout.isTTY) return { step: (text, done, ends) => (ends || done % 20 === 0) && console.log(text), end: () => {} };
  const bar = new SingleBar({ format: "[{bar}] {percentage}% {text}", hideCursor: true });
  bar.start(total, 0, { text: "" });
  return { step: (text, done) => bar.update(Math.min(done, total), { text }), end: () => bar.stop() };
}

type Fit = Minimum<Parameters>;
function table(best: Fit): void {
  console.log("\nhyperparameter        start       fitted");
  for (const name of names) {
    const fitted = Math.exp(best.x[name].item());
    console.log(`${name.padEnd(14)} ${String(start[name]).padStart(12)} ${fitted.toPrecision(6).padStart(12)} ${UNITS[name]}`);
  }
}

async function main(): Promise<void> {
  const began = performance.now();
  const { t, y, mean } = loadRecord();
  const [d, target] = [distances(t, t), tensor(y)];
  const all = starts();
  console.log(
    `${t.length} months from ${t[0]?.toFixed(1)} to ${t.at(-1)?.toFixed(1)}; maximising the likelihood from ${all.length} starts`,
  );
  const bar = progress(all.length * MAX_ITERATIONS);
  let best: Fit | undefined;
  for (const [k, from] of all.entries()) {
    const step = (nit: number, fun: number): void =>
      bar.step(`start ${k + 1}, iteration ${nit}: ${(-fun).toFixed(4)}`, k * MAX_ITERATIONS + nit);
    const found = await fit(d, target, from, MAX_ITERATIONS, ({ nit, fun }) => step(nit, fun));
    bar.step(`start ${k + 1} ends after ${found.nit} iterations: ${(-found.fun).toFixed(4)}`, (k + 1) * MAX_ITERATIONS, true);
    if (!best || found.fun < best.fun) best = found;
  }
  bar.end();
  if (!best) throw new Error("no start gave a likelihood");
  table(best);
  console.log(`\nlargest component of the gradient: ${best.optimality.toExponential(2)}`);
  await picture(best, t, y, mean);
  console.log(`time: ${((performance.now() - began) / 1000).toFixed(1)} s`);
  console.log(`log marginal likelihood: ${-best.fun}`);
}

async function picture(best: Fit, t: number[], y: number[], mean: number): Promise<void> {
  const last = t.at(-1) as number;
  const grid = Array.from({ length: Math.ceil((last + 10 - (t[0] as number)) * 12) + 1 }, (_, i) => (t[0] as number) + i / 12);
  const { mean: m, variance } = predict(best.x, t, tensor(y), grid);
  const curve = grid.map((at, i) => {
    const half = 1.96 * Math.sqrt(variance[i] as number);
    const center = (m[i] as number) + mean;
    return { t: at, mean: center, low: center - half, high: center + half };
  });
  const svg = draw({ record: t.map((at, i) => ({ t: at, co2: (y[i] as number) + mean })), curve, forecastFrom: last });
  const folder = join(__dirname, "../../out");
  mkdirSync(folder, { recursive: true });
  const write = (name: string, data: string | Uint8Array) => {
    writeFileSync(join(folder, name), data);
    console.log(`picture: ${relative(process.cwd(), join(folder, name))}`);
  };
  write("co2.svg", svg);
  const png = await rasterize(svg);
  if (png) write("co2.png", png);
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
