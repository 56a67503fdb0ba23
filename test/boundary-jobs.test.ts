// Jobs through the native boundary: their memory is native code's own, whatever becomes of the arrays that were sent.
import { expect } from "chai";
import { cells, long } from "./grid";
import { batchRun, child, cholesky, job, native, program, refusal, spd, transfer } from "./native";
import { rejected } from "./support";

const LARGE = 400; // 400 x 400 doubles are more than a megabyte: mapped, held and handed out without a copy

describe("native jobs", () => {
  long("computes many at once", async () => {
    const jobs = Array.from({ length: 1000 }, async (_, i) => {
      const one = native.runAsync(
        job(cholesky(0, 4, 4)),
        spd(4).map((x) => x * (i + 1)),
      );
      await one.promise;
      return native.outputs(one)[0]?.[0];
    });
    for (const [i, x] of (await Promise.all(jobs)).entries()) {
      const expected = Math.sqrt(4 * (i + 1));
      expect(x).to.be.closeTo(expected, 8 * Number.EPSILON * expected);
    }
  });

  it("copies inputs: what the caller does to them later has no effect, and what it says about them is not believed", async () => {
    for (const n of [200, LARGE]) {
      const expected = new Float64Array(n * n);
      native.run(cholesky(0, n, n), spd(n), expected);
      for (const quiet of [0, 1]) {
        const a = spd(n);
        const one = native.runAsync(job(cholesky(0, n, n), quiet), a);
        a.fill(-1);
        transfer(a);
        expect(await one.promise).to.equal(undefined);
        expect(native.outputs(one)).to.deep.equal([expected]);
      }
    }
  });

  it("hands outputs out once, when all is done", async () => {
    const one = native.runAsync(job(cholesky(0, 300, 300)), spd(300));
    refusal(() => native.outputs(one));
    await one.promise;
    expect(native.outputs(one)[0]?.length).to.equal(90000);
    refusal(() => native.outputs(one));
    for (const other of [undefined, {}, Object.create(one), new Proxy(one, {}), 1]) {
      refusal(() => native.outputs(other));
      refusal(() => native.cancel(other));
      refusal(() => native.done(other));
      refusal(() => native.copyOutput(other, 0, new Float64Array(1), 0));
    }
  });

  it("copies outputs in parts where that is wanted", async () => {
    const n = 1024; // two parts
    const expected = new Float64Array(n * n);
    native.run(cholesky(0, n, n), spd(n), expected);
    const one = native.runAsync(job(cholesky(0, n, n)), spd(n));
    const to = new Float64Array(n * n);
    refusal(() => native.copyOutput(one, 0, to, 0));
    await one.promise;
    refusal(() => native.copyOutput(one, 1, to, 0));
    refusal(() => native.copyOutput(one, 0, to, to.byteLength + 1));
    for (const x of [-1, 0.5, Number.NaN, "0", undefined]) refusal(() => native.copyOutput(one, 0, to, x));
    refusal(() => native.copyOutput(one, 0, new Float32Array(n * n), 0));
    expect(refusal(() => native.copyOutput(one, 0, new Float64Array(n * n - 1), 0)).code).to.equal("ERR_BUFFER");
    let [at, parts] = [0, 0];
    for (; at < to.byteLength; parts++) at = native.copyOutput(one, 0, to, at);
    expect([at, parts > 1]).to.deep.equal([to.byteLength, true]);
    expect(to).to.deep.equal(expected);
  });

  it("gives no outputs after a failure", async () => {
    for (const n of [64, LARGE]) {
      const one = native.runAsync(job(cholesky(0, n, n)), new Float64Array(n * n).fill(Number.NaN));
      expect((await one.promise)?.length).to.equal(4);
      expect(native.outputs(one)).to.deep.equal([]);
      const all = native.runAsync(job(cholesky(1, n, n)), new Float64Array(n * n).fill(Number.NaN));
      expect((await all.promise)?.length).to.equal(4);
      expect(native.outputs(all)[0]?.every(Number.isNaN)).to.equal(true);
    }
  });

  it("cancels, at once where the job has not begun", async () => {
    const handle = native.createProgram(Float64Array.from(program(32)));
    const items = 2000;
    const a = new Float64Array(items * 1024);
    for (let i = 0; i < items; i++) a.set(spd(32), i * 1024);
    const start = () => native.runProgramAsync(handle, job(batchRun(0, items, 32)), a);
    const jobs = Array.from({ length: 12 }, start);
    const last = jobs.at(-1);
    native.cancel(last);
    native.cancel(last);
    expect((await rejected(last?.promise as Promise<unknown>)).code).to.equal("ERR_ABORTED");
    for (const one of jobs) native.cancel(one);
    await Promise.allSettled(jobs.map((one) => one.promise));
    native.cancel(last);
    expect(native.outputs(last)).to.deep.equal([]);
  });

  it("keeps programs and memory alive while it runs", () => {
    const script = `
      const a = new Float64Array(100 * 64);
      for (let i = 0; i < 100; i++) a.set(spd(8), i * 64);
      const jobs = [];
      for (let k = 0; k < 50; k++) {
        jobs.push(native.runProgramAsync(native.createProgram(Float64Array.from(program(8))), Float64Array.of(0, 0, 0, 0, 1, 100, 64, 0, 0), a).promise);
        if (k % 10 === 0) gc();
      }
      Promise.all(jobs).then((r) => console.log(r.every((x) => x === undefined)));`;
    expect(child(script)).to.equal("true");
  });
});

describe("more failures than there is memory to list", () => {
  long("are an error with a code, of calls and of jobs", () => {
    const script = `
      const N = 2 ** 22 + 1, d = (n, more) => Float64Array.from([id("cholesky"), 1, 0, 0, 2, 1, 0, 3, n, 1, 1, 0, 1, 0, 3, n, 1, 1, 0, ...more]);
      const sync = (n, a) => native.run(d(n, []), a, new Float32Array(n));
      const job = (n, a) => native.runAsync(d(n, [0]), a).promise;
      native.setThreads(1);
      (async () => {
        for (const run of [sync, job]) await run(8, new Float32Array(8).fill(-1));
        const all = new Float32Array(N).fill(-1);
        if (process.argv[1] === "size") return console.log(/VmSize:\\s*(\\d+)/.exec(require("node:fs").readFileSync("/proc/self/status", "utf8"))[1]);
        try {
          console.log((await { sync, job }[process.argv[1]](N, all)).length / 4 === N);
        } catch (error) {
          console.log(error?.code === "ERR_OUT_OF_MEMORY");
        }
      })();`;
    const before = process.platform === "linux" ? Number(child(script, { args: ["size"] })) : 0;
    for (const [how, more] of cells("failures to list", [["sync", "job"], [160, 270, 290, 310, 400]])) // biome-ignore format: axes
      expect(child(script, { args: [how], memory: before + more * 1024 }), `${how} ${more} MiB`).to.equal("true");
  });
});

describe("native memory", () => {
  const large = (): Float64Array => Float64Array.from({ length: LARGE * LARGE }, (_, i) => i);

  it("passes to native code and back, with its elements; who had it has it no more", () => {
    for (const n of [2 ** 17, 2 ** 17 + 1, LARGE * LARGE, 2 ** 22 + 3]) {
      const mine = Float64Array.from({ length: n }, (_, i) => i);
      const owned = native.own(mine);
      expect([mine.length, mine.buffer.byteLength, owned.length]).to.deep.equal([0, 0, n]);
      expect(native.own(owned)).to.equal(owned);
      expect([native.owned(owned), native.owned(new Float64Array(n))]).to.deep.equal([true, false]);
      const given = new Float64Array(n);
      for (const other of [new Float64Array(n - 1), new Float64Array(n + 1), new Int32Array(2 * n), owned, owned.subarray(1), undefined])
        refusal(() => native.give(owned, other));
      native.give(owned, given);
      expect([owned.length, given.length, native.owned(given)]).to.deep.equal([0, n, false]);
      expect(given.every((x, i) => x === i)).to.equal(true);
      refusal(() => native.give(given, new Float64Array(n)));
      refusal(() => native.give(owned, given));
    }
  });

  it("that is small, part of a buffer or shared stays where it is", () => {
    const room = new Float64Array(2 ** 18);
    for (const a of [
      new Float64Array(100),
      room.subarray(1),
      room.subarray(0, 2 ** 17),
      new Float64Array(new SharedArrayBuffer(2 ** 21)),
    ]) {
      expect([native.own(a), native.owned(a)]).to.deep.equal([a, false]);
    }
    for (const a of [undefined, {}, new ArrayBuffer(8), new DataView(new ArrayBuffer(8)), new Proxy(room, {})]) {
      refusal(() => native.own(a));
      refusal(() => native.owned(a));
    }
    const detached = large();
    transfer(detached);
    expect(native.own(detached)).to.equal(detached);
  });

  it("that a job holds stays, whatever its array becomes", async () => {
    const expected = new Float64Array(LARGE * LARGE);
    native.run(cholesky(0, LARGE, LARGE), spd(LARGE), expected);
    const back = new Float64Array(LARGE * LARGE);
    const move = (a: Float64Array) => (a.buffer as ArrayBuffer & { transfer?(): unknown }).transfer?.() ?? transfer(a);
    const ends: ((a: Float64Array) => unknown)[] = [move, (a) => native.give(a, back), () => {}];
    for (const end of ends) {
      let owned: Float64Array | undefined = native.own(spd(LARGE));
      const one = native.runAsync(job(cholesky(0, LARGE, LARGE), 1), owned);
      end(owned);
      owned = undefined;
      await one.promise;
      expect(native.outputs(one)).to.deep.equal([expected]);
    }
    expect(back).to.deep.equal(spd(LARGE));
  });

  long("is freed with its last array", () => {
    const script = `
      (async () => {
        for (let k = 0; k < 30; k++) {
          const one = start(cholesky(1, 1000, 1000), native.own(new Float64Array(1e6).fill(1)));
          await one.promise;
          native.outputs(one);
          const a = native.own(new Float64Array(4e6).fill(1));
          gc();
          await new Promise((done) => setTimeout(done, 5));
        }
        console.log(process.memoryUsage().rss < 500e6);
      })();`;
    expect(child(script)).to.equal("true");
  });

  it("that was transferred can be read when its environment is gone", () => {
    const script = `
      const { Worker } = require("node:worker_threads");
      const source = HELPERS + \`
        const { parentPort } = require("node:worker_threads");
        const owned = native.own(new Float64Array(2 ** 20).fill(7));
        const moved = owned.buffer.transfer ? owned.buffer.transfer() : owned.buffer;
        try { parentPort.postMessage(moved, [moved]); } catch { parentPort.postMessage(moved); }
      \`;
      const worker = new Worker(source, { eval: true });
      let got;
      worker.on("message", (b) => (got = new Float64Array(b)));
      worker.on("exit", () => setTimeout(() => console.log(got.length, got.every((x) => x === 7 || x === 0)), 20));`;
    expect(child(script, { inWorker: true })).to.equal("1048576 true");
  });
});
