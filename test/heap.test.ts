// Pages of large results stay mapped from one call to the next, and go back when no more are made. docs/memory.md
import { expect } from "chai";
import { info } from "../lib/index";
import { libraryChild } from "./child";
import { long } from "./grid";

const MEASURE = `
const rss = () => process.memoryUsage().rss / 2 ** 20;
const faults = () => process.resourceUsage().minorPageFault;
/** Page faults of one call, of so many, when the process has settled. */
function perCall(f, calls = 300) {
  for (let i = 0; i < calls; i++) f();
  const before = faults();
  for (let i = 0; i < calls; i++) f();
  return (faults() - before) / calls;
}
const of = (kib) => b.ones([kib * 128]);
`;
const measured = (script: string, env: NodeJS.ProcessEnv = {}): number[] => {
  const { out, err } = libraryChild(`${MEASURE}\n${script}`, env);
  expect(err).to.equal("");
  return JSON.parse(out);
};
const FRESH = "const x = of(256); console.log(JSON.stringify([perCall(() => b.add(x, x))]));";

describe("the heap of the C library", function () {
  this.timeout(180_000);
  const tuned = info().malloc === "tuned";
  before(function () {
    if (!tuned) this.skip();
  });

  it("maps no new pages for results that follow each other", () => {
    const [each] = measured(FRESH);
    expect(each).to.be.below(4); // of 64
  });
  it("nor for those that are larger than any threshold of malloc's", () => {
    const [each] = measured("const x = of(33 * 1024); console.log(JSON.stringify([perCall(() => b.add(x, x), 30)]));");
    expect(each).to.be.below(1000); // of 8448
  });
  it("is left alone where a variable says so, and then maps them anew", () => {
    const [each] = measured(FRESH, { BACKSOLVE_MALLOC: "system", MALLOC_MMAP_THRESHOLD_: "131072" });
    expect(each).to.be.above(60);
  });
  long("gives everything back when no results are made for a while", () => {
    const [held, after] = measured(`
      const x = of(512);
      let kept = Array.from({ length: 400 }, () => b.add(x, x));
      const held = rss();
      kept = kept.filter((_, i) => i % 2 === 1); // holes that only a trim closes
      setTimeout(gc, 100);
      setTimeout(() => console.log(JSON.stringify([held, rss(), kept.length])), 3000);`) as [number, number];
    expect(held - after).to.be.above(80); // of 100
  });

  long("serves jobs, too: copies of inputs and results take pages of jobs before, which go back in the end", () => {
    const [each, busy, after] = measured(`
      (async () => {
        const x = of(8192);
        x.data; // users may write to it: every job copies it, once
        for (let i = 0; i < 20; i++) await b.exp.async(x);
        const before = faults();
        for (let i = 0; i < 40; i++) await b.exp.async(x);
        const each = (faults() - before) / 40, busy = rss();
        gc();
        setTimeout(() => console.log(JSON.stringify([each, busy, rss()])), 3000);
      })();`) as [number, number, number];
    expect(each).to.be.below(1000); // of 4096 and more
    expect(busy - after).to.be.above(10); // the job's memory: 16 and more
  });

  long("keeps the workspace of a large program from one run to the next, and gives it back in the end", () => {
    const [each, busy, after] = measured(`
      const n = 528;
      const f = (x) => b.linalg.logdet(b.add(b.exp(b.mul(-0.5, b.square(b.sub(b.reshape(x, [n, 1]), x)))), b.eye(n)));
      const program = b.compile(b.valueAndGrad(f), b.float64(n)); // some 10 MiB, and results of 4 KiB
      const x = b.random.normal(1, [n]);
      const each = perCall(() => program.runSync([x]), 30), busy = rss();
      gc();
      setTimeout(() => console.log(JSON.stringify([each, busy, rss()])), 3000);`) as [number, number, number];
    expect(each).to.be.below(100); // of 2700
    expect(busy - after).to.be.above(5);
  });

  const state = (env: NodeJS.ProcessEnv) => libraryChild("console.log(b.info().malloc);", env).out;
  long("says how it is treated, and why", () => {
    expect(state({})).to.equal("tuned");
    expect(state({ BACKSOLVE_MALLOC: "tuned" })).to.equal("tuned");
    expect(state({ BACKSOLVE_MALLOC: "" })).to.equal("tuned");
    expect(state({ BACKSOLVE_MALLOC: "system" })).to.equal("BACKSOLVE_MALLOC");
    for (const name of ["MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_MAX_", "MALLOC_TOP_PAD_"])
      expect(state({ [name]: "65536" }), name).to.equal("environment");
    expect(state({ GLIBC_TUNABLES: "glibc.malloc.trim_threshold=131072" })).to.equal("environment");
    expect(state({ GLIBC_TUNABLES: "glibc.cpu.x86_shstk=off" })).to.equal("tuned");
  });
  it("refuses a variable that it does not understand", () => {
    const { out } = libraryChild("try { b.info(); } catch (error) { console.log(error.code, error.message); }", {
      BACKSOLVE_MALLOC: "jemalloc",
    });
    expect(out).to.equal('ERR_ARGUMENT backsolve: BACKSOLVE_MALLOC is "jemalloc", expected "tuned" or "system".');
  });
  it("is told in workers, too, once for the process", () => {
    const { out } = libraryChild(`
      const { Worker } = require("node:worker_threads");
      const script = 'require("tsx/cjs/api").register(); const b = require("./lib/index"); console.log(b.info().malloc);';
      console.log(b.info().malloc);
      const run = () => new Promise((done) => new Worker(script, { eval: true, env: { ...process.env, BACKSOLVE_MALLOC: "system" } }).on("exit", done));
      run().then(run);`);
    expect(out.split("\n")).to.deep.equal(["tuned", "tuned", "tuned"]);
  });
});
