// npm run bench -- [OPTIONS]: measures cells that are not stored yet, most telling ones first, and stores each as it is done; docs/performance/README.md.
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { type Cell, grid, isQuick, itemsOf, keyOf } from "./cells";
import { Files } from "./data";
import { type Measured, measure, type Rules } from "./measure";
import { other, ours, Party, PEERS, python, takeShippedBlas } from "./party";
import { commitOf, type Entry, machineOf, Store, wanting } from "./store";
import type { Backsolve } from "./table/row";

const { values: options } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    only: { type: "string" },
    redo: { type: "string" },
    minutes: { type: "string" },
    seconds: { type: "string" },
    clock: { type: "string", default: "wall" },
    against: { type: "string" },
    list: { type: "boolean", default: false },
  },
});
takeShippedBlas();
const b = require("../dist/index.js") as Backsolve;

const QUICK: Rules = { seconds: 6, sample: 0.008, share: 0.1, clock: "wall" };
const FULL: Rules = { seconds: 60, sample: 0.015, share: 0.1, clock: "wall" };

/** Sides by their number of threads, started when first needed and again after one has died. */
class Sides {
  private readonly started = new Map<string, Party>();

  async get(name: string, threads: number): Promise<Party> {
    const key = `${name} ${threads}`;
    const command =
      name === "backsolve"
        ? ours()
        : name === "other"
          ? other(resolve(options.against as string))
          : (PEERS[name] as (typeof PEERS)[string])(threads);
    const party = this.started.get(key) ?? (await Party.start(command, threads));
    this.started.set(key, party);
    return party;
  }
  close(): void {
    for (const p of this.started.values()) p.close();
    this.started.clear();
  }
}

const us = (seconds: number, items: number): string => `${((seconds * 1e6) / items).toPrecision(3)} us`;
function tell(cell: Cell, { ours: own, peers, trouble, settled }: Measured): void {
  const items = itemsOf(cell);
  const all = Object.entries(peers).sort(([, p], [, q]) => q.rounds - p.rounds || p.ratio - q.ratio);
  const text = all.map(
    ([name, p]) => `${name} ${us(p.seconds, items)} ${p.ratio.toFixed(2)}x [${p.interval?.map((x) => x.toFixed(2)).join(", ") ?? "lost"}]`,
  );
  const troubles = Object.entries(trouble).map(([name, why]) => `${name}: ${why}`);
  console.log(
    `${keyOf(cell).padEnd(56)} ${us(own.seconds, items).padStart(9)} ${own.faults.toFixed(0).padStart(5)} faults  ${[...text, ...troubles].join("; ")}${settled ? "" : " NOT SETTLED"}`,
  );
}

function chosen(): Cell[] {
  const only = options.only === undefined ? undefined : new RegExp(options.only);
  const timed = (c: Cell): boolean => options.clock !== "cpu" || c.threads === 1; // processor time says nothing of two threads
  return grid().filter((c) => (!options.quick || isQuick(c)) && timed(c) && (only?.test(keyOf(c)) ?? true));
}
const redo = (): Parameters<typeof wanting>[4] =>
  options.redo === undefined || options.redo === "stale" || options.redo === "unsettled" ? options.redo : new RegExp(options.redo);

async function run(cells: readonly Cell[], rules: Rules, keep: (cell: Cell, measured: Measured) => void): Promise<void> {
  const until = performance.now() + Number(options.minutes ?? Number.POSITIVE_INFINITY) * 60_000;
  const files = new Files();
  const sides = new Sides();
  try {
    for (const cell of cells) {
      if (performance.now() > until) break;
      try {
        const own = await sides.get("backsolve", cell.threads);
        const names = options.against === undefined ? Object.keys(PEERS) : ["other"];
        const peers = await Promise.all(names.map((name) => sides.get(name, cell.threads)));
        const measured = await measure(cell, own, peers, files.write(b, cell), rules);
        tell(cell, measured);
        keep(cell, measured);
      } catch (error) {
        console.log(`${keyOf(cell)}: ${error instanceof Error ? error.message : error}; all sides start anew`);
        sides.close();
      }
    }
  } finally {
    sides.close();
    files.remove();
  }
}

async function main(): Promise<void> {
  b.setThreads(2);
  const usual = options.quick ? QUICK : FULL;
  const rules: Rules = { ...usual, seconds: Number(options.seconds ?? usual.seconds), clock: options.clock as Rules["clock"] };
  if (options.against !== undefined) return run(chosen(), rules, () => {});
  const store = new Store();
  const [machine, commit] = [machineOf(b.info()), commitOf()];
  const cells = wanting(chosen(), store.read(), machine, commit, redo());
  console.log(`${cells.length} cells to measure of ${chosen().length}; ${machine}; ${commit}`);
  if (options.list) return console.log(cells.map(keyOf).join("\n"));
  if (!python()) throw new Error("no Python with the peers: npm run bench:peers makes one");
  await run(cells, rules, (cell, measured) => {
    const at = new Date().toISOString().slice(0, 16);
    store.append({ cell: keyOf(cell), commit, machine, at, clock: rules.clock, ...measured } satisfies Entry);
  });
  store.compact();
}
main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
