// How processes and threads end while jobs compute: at once, with their exit code and all they wrote, and never by a signal.
import { expect } from "chai";
import { cells, long } from "./grid";
import { child, script } from "./native";

/** What a script does with a routine of minutes in flight: its exit code and output. A process that waits for it is killed. */
const ending = (how: string) => script("ending.ts", [how]);

describe("in the middle of a routine that takes minutes", () => {
  long("process.exit ends the process, after its handlers, with all output", () => {
    const [code, out] = ending("exit");
    expect([code, out.length, out.slice(0, 8)]).to.deep.equal([5, 60_007, "exit 5 x"]);
  });
  long("an uncaught error does", () => expect(ending("throw")).to.deep.equal([6, "mine\n"]));
  it("an aborted call keeps no process alive", () => expect(ending("abort")).to.deep.equal([0, "aborted mine\n"]));
  long("worker.terminate() ends the thread, and the process goes on", () =>
    expect(ending("worker")).to.deep.equal([0, "terminated 1\n2 2\n"]),
  );
  it("the jobs of a thread that was ended leave theirs to others", () => expect(ending("orphans")).to.deep.equal([0, "2\n"]));
});

describe("jobs in flight", () => {
  long("let the process end at any moment", () => {
    const many = `const n = 300, jobs = Array.from({ length: 20 }, () => start(cholesky(0, n, n), spd(n)).promise);`;
    for (const delay of ["process.exit(0)", "setTimeout(() => process.exit(0), 3)", "jobs[0].then(() => process.exit(0))"]) {
      expect(child(`${many}${delay}`)).to.equal("");
    }
    expect(child(`${many}Promise.all(jobs).then(() => console.log("all"))`)).to.equal("all");
    expect(child(`console.log("idle")`)).to.equal("idle");
    // Small routines, that take and leave OpenBLAS's lock again and again, and larger ones; on one thread and on many.
    // biome-ignore format: axes
    for (const [n, threads, delay] of cells("ends", [[20, 60, 140, 500], [1, 2, 3], [0, 2, 5, 9, 18]])) {
      const big = `native.setThreads(${threads});
        const a = Float64Array.from({ length: 8 }, () => spd(${n})).reduce((all, m, k) => (all.set(m, k * m.length), all), new Float64Array(8 * ${n * n}));
        for (let k = 0; k < 12; k++) start(cholesky(0, 8, ${n}, ${n}), a);`;
      expect(
        child(`${big} process.stdout.write("out"); setTimeout(() => process.exit(0), ${delay});`),
        `n = ${n}, ${threads} threads, ${delay} ms`,
      ).to.equal("out");
    }
  });

  long("survive the end of worker threads", () => {
    const script = `
      const { Worker } = require("node:worker_threads");
      const source = HELPERS + \`
        const n = 150;
        const one = () => start(cholesky(0, n, n), spd(n));
        for (let i = 0; i < 6; i++) one().promise.then(one);
        for (let i = 0; i < 3; i++) { const j = one(); j.promise.catch(() => {}); native.cancel(j); }
        for (let i = 0; i < 4; i++) start(cholesky(0, 400, 400), native.own(spd(400)));
        require("node:worker_threads").parentPort.postMessage(0);
      \`;
      const one = (i) => new Promise((done, fail) => {
        const w = new Worker(source, { eval: true });
        w.on("error", fail);
        w.on("exit", () => done());
        w.on("message", () => setTimeout(() => w.terminate(), i % 5));
      });
      (async () => {
        for (let i = 0; i < 48; i += 4) await Promise.all([one(i), one(i + 1), one(i + 2), one(i + 3)]);
        console.log("alive");
      })();`;
    expect(child(script, { inWorker: true })).to.equal("alive");
  });
});
