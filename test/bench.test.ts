// The benchmark: that its rows compute what they say, its statistics, how cells are stored and gone on with, how bands are told.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { type Cell, grid, isQuick, itemsOf, keyOf, rows } from "../bench/cells";
import { measure, type Player } from "../bench/measure";
import { bands, compiledTarget, gains, reached } from "../bench/report/bands";
import { figuresOf } from "../bench/report/figures";
import { peakOf, ratios, roofline } from "../bench/report/pictures";
import { bandsTable, worst } from "../bench/report/tables";
import { smoke } from "../bench/smoke";
import { geometricMean, median, medianInterval, ratioInterval, within } from "../bench/statistics";
import { type Entry, Store, wanting } from "../bench/store";
import * as backsolve from "../lib/index";
import { long } from "./grid";

const cell = (changes: Partial<Cell> = {}): Cell => ({
  op: "cholesky",
  n: 8,
  batch: "256K",
  dtype: "float64",
  way: "forward",
  threads: 1,
  ...changes,
});
const entry = (c: Cell, changes: Partial<Entry> = {}, ratio = 2, seconds = 1e-3): Entry => ({
  cell: keyOf(c),
  commit: "abc",
  machine: "m",
  at: "2026-01-01T00:00",
  clock: "wall",
  ours: { seconds, faults: 3, first: 0.1 },
  peers: { jax: { seconds: ratio * seconds, faults: 0, first: 1, ratio, interval: [ratio * 0.95, ratio * 1.05], rounds: 9 } },
  trouble: {},
  settled: true,
  ...changes,
});

const EVERYWHERE = ["pytorch", "jax_", "tensorflow_"];

describe("benchmark: the table", () => {
  long("computes what it says, forward, backward and compiled", () => {
    const wrong = smoke(backsolve).filter(({ error, tolerance }) => !(error <= tolerance));
    expect(wrong).to.deep.equal([]);
  });
  it("has every row in the peers that it is compared with", () => {
    const peer = (file: string): string => readFileSync(`bench/peers/${file}.py`, "utf8");
    for (const { op, kind } of rows.values())
      for (const file of kind === "program" ? ["jax_workloads"] : kind === "further" ? [] : EVERYWHERE)
        expect(peer(file), file).to.include(`"${op}": `);
    for (const { op, kind } of rows.values())
      if (kind === "further")
        expect(
          [...EVERYWHERE, "numpy_"].filter((file) => peer(file).includes(`"${op}": `)),
          op,
        ).to.not.deep.equal([]);
  });
  it("has no names in the peers that no row has", () => {
    for (const file of [...EVERYWHERE, "numpy_"])
      for (const [, name] of readFileSync(`bench/peers/${file}.py`, "utf8").matchAll(/^ {4}"(\w+)": /gm))
        expect(rows.has(name as string), `${file}: ${name}`).to.equal(true);
  });
  long("has cells with names of their own, and of every kind among the first and among the quick ones", () => {
    const cells = grid();
    expect(new Set(cells.map(keyOf)).size).to.equal(cells.length);
    for (const some of [cells.slice(0, 500), cells.filter(isQuick)])
      expect(new Set(some.map(({ op }) => op))).to.deep.equal(new Set(rows.keys()));
    expect(itemsOf(cell({ n: 16 }))).to.equal(128);
    expect(itemsOf(cell({ n: 16, dtype: "float32" }))).to.equal(256);
    expect(itemsOf(cell({ n: 1024, batch: "32M" }))).to.equal(4);
  });
});

describe("benchmark: statistics", () => {
  it("the median's interval is between order statistics that hold it in 95 % of cases", () => {
    expect(medianInterval([3, 1, 2])).to.deep.equal({ middle: 2, low: Number.NEGATIVE_INFINITY, high: Number.POSITIVE_INFINITY });
    expect(medianInterval([6, 5, 4, 3, 2, 1])).to.deep.equal({ middle: 3.5, low: 1, high: 6 });
    // Conover's table of the binomial distribution: ranks 2 and 8 of 9, 6 and 15 of 20
    expect(medianInterval(Array.from({ length: 9 }, (_, i) => i + 1))).to.deep.equal({ middle: 5, low: 2, high: 8 });
    expect(medianInterval(Array.from({ length: 20 }, (_, i) => i + 1))).to.deep.equal({ middle: 10.5, low: 6, high: 15 });
  });
  it("goes over to the normal distribution without a jump", () => {
    const ranks = (n: number) => medianInterval(Array.from({ length: n }, (_, i) => i + 1));
    expect([ranks(500), ranks(501), ranks(5000)].map(({ low, high }) => [low, high])).to.deep.equal([
      [228, 273],
      [228, 274],
      [2430, 2571],
    ]);
  });
  it("covers the median of skewed numbers as often as it says", () => {
    const draws = backsolve.random.uniform(5, [2000, 15]).toArray() as number[][];
    const covered = draws.filter((u) => {
      const { low, high } = medianInterval(u.map((x) => (-Math.log(x)) ** 3));
      return low <= Math.log(2) ** 3 && Math.log(2) ** 3 <= high;
    }).length;
    expect(covered / draws.length).to.be.within(0.94, 0.985); // ranks 4 and 12 of 15: 96.5 %, give or take 3.5 deviations of 0.4 %
  });
  it("a ratio turned round has its interval turned round; pairs take out what slows both", () => {
    const [p, q] = [
      [1, 2, 4, 8, 1, 3, 5],
      [2, 4.4, 7.6, 16, 2, 6, 10],
    ] as const;
    const [r, s] = [ratioInterval(q, p), ratioInterval(p, q)];
    expect(r.middle).to.be.closeTo(2, 1e-12);
    expect(s.low).to.be.closeTo(1 / r.high, 1e-12);
    expect(within(r, 0.11) && !within(r, 0.04)).to.equal(true);
    expect(median([1, 9, 4, 2])).to.equal(3);
    expect(geometricMean([1, 4, 16])).to.be.closeTo(4, 1e-12);
  });
});

describe("benchmark: a cell", () => {
  /** A side whose calls take these seconds, in turn. */
  const player = (name: string, times: readonly number[], sums = [1], asked: number[] = []): Player => ({
    hello: { name, version: "" },
    prepare: async () => ({ first: 0, sums }),
    time: async (calls) => {
      const each = times[asked.push(calls) % times.length] as number;
      return { wall: each * calls, cpu: each * calls, faults: 2 * calls };
    },
  });
  const rules = { seconds: 0.2, sample: 0.01, share: 0.1, clock: "wall" } as const;
  const run = (own: Player, ...peers: Player[]) => measure(cell(), own, peers, [], rules);

  it("ends when the ratio to the best peer is known; who is behind another runs no more", async () => {
    const asked: number[] = [];
    const found = await run(player("backsolve", [1e-3]), player("a", [2e-3, 2.04e-3]), player("b", [3.5e-3]), player("c", [1], [1], asked));
    expect(found.settled).to.equal(true);
    expect(found.ours).to.deep.equal({ seconds: 1e-3, faults: 2, first: 0 });
    expect(found.peers.a?.ratio).to.be.closeTo(2.02, 0.03);
    expect(found.peers.a).to.have.property("rounds", 6);
    expect(found.peers.b).to.include({ ratio: 3.5, rounds: 3 }).and.not.have.property("interval");
    expect([found.peers.c?.ratio, found.peers.c?.rounds, asked.length]).to.deep.equal([1000, 0, 1]);
  });
  it("takes sides in pairs: what slows all of them for a while moves no ratio", async () => {
    // ours is slow in most of its rounds, the peer in fewer of its own samples, but both in the same phases
    const phases = [1, 1, 1, 1.5, 1.5];
    const of = (name: string, seconds: number) =>
      player(
        name,
        phases.map((p) => p * seconds),
      );
    const { peers, settled } = await run(of("backsolve", 1e-3), of("a", 3e-3), of("b", 3.3e-3));
    expect(settled).to.equal(true);
    expect(peers.a?.ratio).to.be.closeTo(3, 1e-9);
    expect(peers.b?.ratio).to.be.closeTo(3.3, 1e-9);
  });
  it("says so when time is up before", async () => {
    const found = await run(player("backsolve", [1e-3]), player("a", [1e-3, 4e-3]));
    expect(found.settled).to.equal(false);
    expect(found.peers.a?.interval?.map(Math.round)).to.deep.equal([1, 4]);
  });
  it("leaves out whose results differ, and who fails", async () => {
    const failing: Player = { ...player("b", [1e-3]), prepare: async () => ({ error: "it broke" }) };
    const found = await run(player("backsolve", [1e-3]), player("a", [1e-4], [1.001]), failing);
    expect(found.peers).to.deep.equal({});
    expect(found.trouble).to.deep.equal({ a: "result 0 sums to 1.001 instead of 1", b: "it broke" });
  });
});

describe("benchmark: the store", () => {
  let folder: string;
  let store: Store;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "backsolve-store-"));
    store = new Store(join(folder, "cells.jsonl"));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it("goes on after a run that was cut off in the middle of a line", () => {
    store.append(entry(cell()));
    writeFileSync(join(folder, "cells.jsonl"), `${JSON.stringify(entry(cell()))}\n${JSON.stringify(entry(cell({ n: 16 }))).slice(0, 40)}`);
    store.append(entry(cell({ n: 32 })));
    expect(store.read().map((e) => e.cell)).to.deep.equal([keyOf(cell()), keyOf(cell({ n: 32 }))]);
  });
  it("the last entry of a cell and machine counts, and compacting keeps it alone", () => {
    const all = [
      entry(cell(), { commit: "old" }),
      entry(cell(), { machine: "other" }),
      entry(cell({ n: 16 })),
      entry(cell(), { commit: "new" }),
    ];
    for (const e of all) store.append(e);
    store.compact();
    expect(readFileSync(join(folder, "cells.jsonl"), "utf8").trim().split("\n")).to.have.length(3);
    expect(store.read().map((e) => `${e.machine} ${e.cell.split(" ")[1]} ${e.commit}`)).to.deep.equal([
      "m n=16 abc",
      "m n=8 new",
      "other n=8 abc",
    ]);
  });
  it("wants what is missing, and what is asked for again", () => {
    const cells = [cell({ n: 2 }), cell({ n: 4 }), cell({ n: 8 }), cell({ n: 16 })];
    const stored = [
      entry(cell({ n: 2 })),
      entry(cell({ n: 4 }), { commit: "old", settled: false }),
      entry(cell({ n: 16 }), { machine: "other" }),
    ];
    const sizes = (redo?: Parameters<typeof wanting>[4]) => wanting(cells, stored, "m", "abc", redo).map(({ n }) => n);
    expect(sizes()).to.deep.equal([8, 16]);
    expect(sizes("stale")).to.deep.equal([4, 8, 16]);
    expect(sizes("unsettled")).to.deep.equal([4, 8, 16]);
    expect(sizes(/n=2 /)).to.deep.equal([2, 8, 16]);
  });
});

describe("benchmark: the report", () => {
  const stored = grid()
    .filter(({ n, threads, dtype }) => n <= 32 || (threads === 1 && dtype === "float64"))
    .map((c, i) => entry(c, {}, 1 + (i % 7) / 2));
  const behind = cell({ op: "inv", n: 6, way: "both" });
  const { figures } = figuresOf([
    ...stored.filter((e) => e.cell !== keyOf(behind)),
    entry(behind, {}, 0.5),
    entry(cell(), { machine: "other" }, 9),
  ]);

  it("the best peer is one that ran to the end", () => {
    const two = entry(cell());
    const peers = { ...two.peers, numpy: { seconds: 1e-4, faults: 0, first: 0, ratio: 0.1, rounds: 3 } };
    expect(figuresOf([{ ...two, peers }]).figures[0]?.best).to.equal("jax");
  });
  it("is of the machine with the most cells, worst cells first", () => {
    expect(figures.every(({ entry: { machine } }) => machine === "m")).to.equal(true);
    expect(worst(figures, 3).split("\n")[2]).to.match(/^\| inv n=6 batch=256K float64 both threads=1 \| \*\*0\.50x\*\*/);
  });
  long("every band is a geometric mean, and each matrix cell is in one band", () => {
    const pair = [entry(cell({ n: 2 }), {}, 2), entry(cell({ n: 16 }), {}, 8), entry(cell({ n: 24 }), {}, 100)];
    const found = reached(figuresOf(pair).figures, (bands[0] as (typeof bands)[number]).has, "forward");
    expect(found?.mean).to.be.closeTo(4, 1e-9);
    expect(found?.worst.ratio).to.equal(2);
    for (const c of grid().filter(({ batch }) => batch !== "compiled"))
      expect(
        bands.filter(({ has }) => has(c)),
        keyOf(c),
      ).to.have.length(1);
    expect(bandsTable(figures)).to.include("0.50x inv 6");
  });
  it("an equal cell of large products is not behind at 0.97", () => {
    const [product, factor] = [cell({ op: "matmul", n: 128 }), cell({ n: 128 })].map((c) => entry(c, {}, 0.98)) as [Entry, Entry];
    expect(worst(figuresOf([product, factor]).figures).split("\n")[2]).to.include("cholesky");
  });
  it("tells ours with one trait exchanged, per item", () => {
    const [c, f] = [cell({ n: 16 }), cell({ n: 16, dtype: "float32" })];
    const gain = gains(figuresOf([entry(c), entry(f)]).figures, { dtype: "float64" }, { dtype: "float32" });
    expect(gain?.mean).to.be.closeTo(2, 1e-9); // twice the items in the same time
    expect(compiledTarget(cell({ op: "gp", n: 32 }))).to.equal(20);
  });
  it("draws", () => {
    const svg = ratios(figures, "made up");
    expect(svg).to.match(/^<svg[^>]+xmlns="http:\/\/www.w3.org\/2000\/svg"/);
    for (const op of ["cholesky", "eigvalsh", "sum"]) expect(svg).to.include(`>${op}<`);
    expect(peakOf(figures)).to.be.above(0);
    expect(roofline(figures, "made up")).to.include(">lstsq<");
  });
});
