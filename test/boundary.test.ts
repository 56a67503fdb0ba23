// What a lying caller may send through the native boundary (docs/native-boundary.md): it may only ever get an Error.
import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import { join } from "node:path";
import { expect } from "chai";

const binary = process.env.BACKSOLVE_BINARY ?? join(process.cwd(), "build/Release/backsolve.node");
type Result = Float64Array | undefined;
interface Job {
  promise: Promise<Result>;
  cancel(): void;
}
interface Native {
  kernels(): { id: number; name: string }[];
  run(...args: unknown[]): Result;
  runAsync(...args: unknown[]): Job;
  createProgram(...args: unknown[]): object;
  runProgram(...args: unknown[]): Result;
  runProgramAsync(...args: unknown[]): Job;
  explainProgram(...args: unknown[]): string;
  info(): { threads: number };
  setThreads(n: unknown): void;
}
const native: Native = createRequire(join(process.cwd(), "package.json"))(binary);
const id = (name: string): number => native.kernels().find((k) => k.name === name)!.id;

const F64 = 1;
const operand = (...dims: number[]): number[] => [1, F64, dims.length, ...dims, 0];
const cholesky = (flags: number, ...dims: number[]): Float64Array =>
  Float64Array.from([id("cholesky"), flags, F64, 0, 2, ...operand(...dims), ...operand(...dims)]);
const spd = (n: number): Float64Array => Float64Array.from({ length: n * n }, (_, i) => (i % (n + 1) === 0 ? n : 0.5));
/** One program: L = cholesky(A), items of n x n. */
const program = (n: number): number[] => [1, 2, F64, 2, n, n, F64, 2, n, n, 1, 0, 0, 1, id("cholesky"), F64, 0, 1, 0, 1, 1, 1, 1];
/** The descriptor of a rule without attributes: shapes, or "pivots" for two of int32. */
const rules = (name: string, shapes: (number[] | "pivots")[]): number[] => [
  ...[id(name), 0, F64, 0, shapes.length],
  ...shapes.flatMap((s) => (s === "pivots" ? [1, 5, 1, 2, 0] : operand(...s))),
];
/** solve_vjp of a 2 x 2 matrix and three right-hand sides: a, x, lu, pivots, g -> a, b. */
function solveRule(): [Float64Array, (Float64Array | Int32Array)[]] {
  const words = rules("solve_vjp", [[2, 2], [2, 3], [2, 2], "pivots", [2, 3], [2, 2], [2, 3]]);
  words.splice(3, 1, 1, 0); // one attribute: adjoint
  return [
    Float64Array.from(words),
    [spd(2), new Float64Array(6), spd(2), Int32Array.of(0, 1), new Float64Array(6), new Float64Array(4), new Float64Array(6)],
  ];
}
const batchRun = (flags: number, items: number, n: number): Float64Array => Float64Array.from([flags, 0, 0, 0, 1, items, n * n]);

/** Takes the memory away from an array. */
const transfer = (a: Float64Array): unknown => structuredClone(a.buffer, { transfer: [a.buffer as ArrayBuffer] });

const refusal = (f: () => unknown): Error => {
  try {
    f();
  } catch (error) {
    expect(error).to.be.instanceOf(Error);
    return error as Error;
  }
  throw new Error("nothing was thrown");
};
const rejection = (p: Promise<unknown>): Promise<Error & { code?: string }> =>
  p.then(
    () => expect.fail("resolved"),
    (e) => e,
  );

/** Runs a script in a process of its own; `native`, `id`, `cholesky`, `spd` and `program` are there. Returns its output. */
function child(script: string, inWorker = false): string {
  const helpers = `
    const native = require(${JSON.stringify(binary)});
    const id = (name) => native.kernels().find((k) => k.name === name).id;
    const F64 = 1, operand = (...d) => [1, F64, d.length, ...d, 0];
    const cholesky = (flags, ...d) => Float64Array.from([id("cholesky"), flags, F64, 0, 2, ...operand(...d), ...operand(...d)]);
    const spd = (n) => Float64Array.from({ length: n * n }, (_, i) => (i % (n + 1) === 0 ? n : 0.5));
    const program = (n) => [1, 2, F64, 2, n, n, F64, 2, n, n, 1, 0, 0, 1, id("cholesky"), F64, 0, 1, 0, 1, 1, 1, 1];
  `;
  const body = inWorker ? script.replace("HELPERS", () => JSON.stringify(helpers)) : helpers + script;
  const done = spawnSync(process.execPath, ["-e", body], { encoding: "utf8", timeout: 30_000 });
  expect(`${done.signal} ${done.status} ${done.stderr}`).to.equal("null 0 ");
  return done.stdout.trim();
}

/** Fixed seed, so that a failure comes back. Marsaglia's xorshift32. */
function randoms(seed: number): () => number {
  let x = seed;
  return () => {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return (x >>> 0) / 2 ** 32;
  };
}
const STRANGE = [
  Number.NaN,
  Infinity,
  -Infinity,
  -1,
  -0,
  0,
  0.5,
  1,
  2,
  3,
  12,
  13,
  16,
  17,
  255,
  2 ** 31,
  2 ** 32,
  2 ** 40,
  2 ** 53,
  -(2 ** 53),
  1e308,
  5e-324,
];

/** Changes up to three numbers, or the length. */
function mutate(descriptor: Float64Array, random: () => number): Float64Array {
  let d = Float64Array.from(descriptor);
  const pick = (n: number): number => Math.floor(random() * n);
  if (random() < 0.1) d = d.slice(0, pick(d.length + 1));
  if (random() < 0.05) d = Float64Array.from([...d, STRANGE[pick(STRANGE.length)]!]);
  for (let k = 1 + pick(3); k > 0 && d.length > 0; k--) {
    const at = pick(d.length);
    d[at] = random() < 0.5 ? STRANGE[pick(STRANGE.length)]! : d[at]! + pick(5) - 2;
  }
  return d;
}

describe("native boundary", () => {
  const run = (...args: unknown[]): unknown => native.run(...args);

  it("computes what it is asked", () => {
    const out = new Float64Array(4);
    expect(run(cholesky(0, 2, 2), new Float64Array([4, 2, 2, 5]), out)).to.equal(undefined);
    expect([...out]).to.deep.equal([2, 0, 1, 2]);
    expect([...(run(cholesky(1, 2, 1, 1), new Float64Array([1, -1]), out.subarray(0, 2)) as Float64Array)]).to.deep.equal([1, 0, 1, 1]);
    expect(out[1]).to.be.NaN;
  });

  it("refuses descriptors that are no Float64Array", () => {
    for (const d of [undefined, null, 1, "x", {}, [], new Float32Array(20), new Proxy(cholesky(0, 2, 2), {}), new ArrayBuffer(80)]) {
      expect(refusal(() => run(d, spd(2), new Float64Array(4))).message).to.match(/^backsolve internal: /);
    }
    refusal(() => run());
  });

  it("refuses buffers of the wrong kind, length or number", () => {
    const ok = new Float64Array(4);
    const detached = new Float64Array(4);
    transfer(detached);
    const Resizable = ArrayBuffer as unknown as new (
      n: number,
      options: { maxByteLength: number },
    ) => ArrayBuffer & { resize(n: number): void };
    const shrunk = new Resizable(32, { maxByteLength: 64 });
    const fixed = new Float64Array(shrunk, 0, 4);
    const tracking = new Float64Array(shrunk);
    shrunk.resize(16);
    const wrong: unknown[] = [
      undefined,
      null,
      {},
      [1, 0, 0, 1],
      new Float32Array(4),
      new Int32Array(4),
      new BigInt64Array(4),
      new DataView(new ArrayBuffer(32)),
    ];
    wrong.push(
      new ArrayBuffer(32),
      Buffer.alloc(32),
      new Float64Array(3),
      new Float64Array(0),
      detached,
      fixed,
      tracking,
      new Proxy(ok, {}),
    );
    for (const w of wrong) {
      refusal(() => run(cholesky(0, 2, 2), w, ok));
      refusal(() => run(cholesky(0, 2, 2), spd(2), w));
      refusal(() => native.runAsync(cholesky(0, 2, 2), w, ok));
    }
    refusal(() => run(cholesky(0, 2, 2), spd(2)));
    refusal(() => run(cholesky(0, 2, 2), spd(2), ok, ok));
    refusal(() => run(cholesky(0, 2, 2), ...Array.from({ length: 100 }, () => ok)));
  });

  it("refuses outputs that overlap an input or each other", () => {
    const memory = new Float64Array(12);
    memory.set(spd(2));
    const d = cholesky(0, 2, 2);
    refusal(() => run(d, memory.subarray(0, 4), memory.subarray(0, 4)));
    refusal(() => run(d, memory.subarray(0, 4), memory.subarray(3, 7)));
    refusal(() => run(d, memory.subarray(4, 8), memory.subarray(1, 5)));
    expect(run(d, memory.subarray(0, 4), memory.subarray(4, 8))).to.equal(undefined);
    const shared = new SharedArrayBuffer(64);
    expect(run(d, memory.subarray(0, 4), new Float64Array(shared, 0, 4))).to.equal(undefined);
    refusal(() => run(d, new Float64Array(shared, 0, 4), new Float64Array(shared, 24, 4)));
  });

  it("tells its own handles from others", () => {
    const handle = native.createProgram(Float64Array.from(program(2)));
    const d = batchRun(0, 1, 2);
    for (const h of [undefined, null, 0, {}, Object.create(handle), new Proxy(handle, {}), () => 0, d]) {
      refusal(() => native.runProgram(h, d, spd(2), new Float64Array(4)));
      refusal(() => native.explainProgram(h, d, spd(2), new Float64Array(4)));
    }
  });

  it("checks the number of threads", () => {
    const before = native.info().threads;
    for (const n of [0, -1, 1.5, 257, Number.NaN, Infinity, "2", undefined, {}]) refusal(() => native.setThreads(n));
    native.setThreads(2);
    expect(native.info().threads).to.equal(2);
    native.setThreads(before);
  });

  it("refuses pivots that lead out of the matrix, in every rule that takes them", () => {
    const [rule, operands] = solveRule();
    expect(native.run(rule, ...operands)).to.equal(undefined);
    const lists: [string, number[], unknown[]][] = [
      ["solve_vjp", [...rule], operands],
      [
        "det_vjp",
        rules("det_vjp", [[2, 2], [2, 2], "pivots", [], [2, 2]]),
        [spd(2), spd(2), new Int32Array(2), new Float64Array(1), new Float64Array(4)],
      ],
      [
        "slogdet_vjp",
        rules("slogdet_vjp", [[2, 2], [], [2, 2], "pivots", [], [], [2, 2]]),
        [spd(2), new Float64Array(1), spd(2), new Int32Array(2), new Float64Array(1), new Float64Array(1), new Float64Array(4)],
      ],
    ];
    for (const [name, words, arrays] of lists) {
      for (const wrong of [2, -1, 2 ** 31 - 1, -(2 ** 31)]) {
        (arrays.find((a) => a instanceof Int32Array) as Int32Array).set([0, wrong]);
        const failure = native.run(Float64Array.from(words), ...arrays) as Float64Array;
        expect([...failure], name).to.deep.equal([0, 0, 11, 1]); // item, instruction, kind, index
      }
    }
  });

  it("survives mutated descriptors", () => {
    const random = randoms(0x2545f491);
    const memory = new Float64Array(64);
    const f64 = (from: number, n: number): Float64Array => memory.subarray(from, from + n);
    const two = operand(2, 3);
    const eager: [number[], number][] = [
      [[id("cholesky"), 0, F64, 0, 2, ...operand(2, 2, 2), ...operand(2, 2, 2)], 2],
      [[id("solveTriangular"), 1, F64, 4, 1, 0, 0, 0, 3, ...operand(2, 2), ...operand(2, 3), ...operand(2, 3)], 3],
      [[id("add"), 0, F64, 0, 3, ...two, ...operand(3), ...two], 3],
      [[id("sum"), 0, F64, 1, 1, 2, ...two, ...operand(2)], 2],
      [[id("view"), 0, F64, 3, 0, 1, 2, 2, ...two, ...operand(2, 2)], 2],
      [[id("scatter"), 0, F64, 3, 0, 3, 1, 2, ...two, ...two], 2],
      [[id("band"), 0, F64, 2, 0, 0, 2, ...operand(2, 2), ...operand(2, 2)], 2],
    ];
    let accepted = 0;
    const attempt = (f: () => unknown): void => {
      try {
        f();
        accepted++;
      } catch (error) {
        if (!(error instanceof Error)) throw error;
      }
    };
    for (const [words, buffers] of eager) {
      const d = Float64Array.from(words);
      const arrays = Array.from({ length: buffers }, (_, i) => f64(i * 12, 12));
      expect(() => native.run(d, ...arrays), `descriptor of kernel ${words[0]}`).not.to.throw();
      for (let k = 0; k < 6000; k++) attempt(() => native.run(mutate(d, random), ...arrays));
    }
    const [rule, operands] = solveRule();
    for (let k = 0; k < 6000; k++) attempt(() => native.run(mutate(rule, random), ...operands));
    const p = Float64Array.from(program(2));
    const handle = native.createProgram(p);
    const r = batchRun(1, 3, 2);
    expect(native.runProgram(handle, r, f64(0, 12), f64(12, 12))).to.be.instanceOf(Float64Array);
    for (let k = 0; k < 15000; k++) {
      attempt(() => native.createProgram(mutate(p, random)));
      attempt(() => native.runProgram(handle, mutate(r, random), f64(0, 12), f64(12, 12)));
    }
    for (let k = 0; k < 3000; k++) attempt(() => native.explainProgram(handle, mutate(r, random), f64(0, 12), f64(12, 12)));
    expect(accepted).to.be.greaterThan(1000);
  });

  describe("asynchronous", () => {
    it("computes many jobs at once", async () => {
      const jobs = Array.from({ length: 1000 }, (_, i) => {
        const out = new Float64Array(16);
        return native
          .runAsync(
            cholesky(0, 4, 4),
            spd(4).map((x) => x * (i + 1)),
            out,
          )
          .promise.then(() => out[0]);
      });
      for (const [i, x] of (await Promise.all(jobs)).entries()) {
        const expected = Math.sqrt(4 * (i + 1));
        expect(x).to.be.closeTo(expected, 8 * Number.EPSILON * expected);
      }
    });

    it("copies inputs: what the caller does to them later has no effect", async () => {
      const n = 200;
      const a = spd(n);
      const expected = new Float64Array(n * n);
      native.run(cholesky(0, n, n), a, expected);
      const out = new Float64Array(n * n);
      const job = native.runAsync(cholesky(0, n, n), a, out);
      a.fill(-1);
      transfer(a);
      expect(await job.promise).to.equal(undefined);
      expect(out).to.deep.equal(expected);
    });

    it("rejects when an output is gone", async () => {
      const out = new Float64Array(10000);
      const job = native.runAsync(cholesky(0, 100, 100), spd(100), out);
      transfer(out);
      expect((await rejection(job.promise)).message).to.match(/^backsolve internal: /);
    });

    it("writes nothing beside its operand", async () => {
      const out = new Float64Array(12).fill(7);
      const d = cholesky(0, 2, 2);
      d[d.length - 1] = 4; // the output's offset
      expect(native.run(d, spd(2), out)).to.equal(undefined);
      const expected = [...out];
      out.fill(7);
      await native.runAsync(d, spd(2), out).promise;
      expect([...out]).to.deep.equal(expected);
    });

    it("shows nobody's old memory after a failure", async () => {
      const out = new Float64Array(64 * 64).fill(7);
      const failures = (await native.runAsync(cholesky(0, 64, 64), new Float64Array(64 * 64).fill(Number.NaN), out)
        .promise) as Float64Array;
      expect(failures.length).to.equal(4);
      for (const x of out) expect(Number.isNaN(x) || x === 7 || x === 0, `${x}`).to.equal(true);
    });

    it("cancels", async () => {
      const handle = native.createProgram(Float64Array.from(program(32)));
      const items = 2000;
      const a = new Float64Array(items * 1024);
      for (let i = 0; i < items; i++) a.set(spd(32), i * 1024);
      const job = native.runProgramAsync(handle, batchRun(0, items, 32), a, new Float64Array(items * 1024));
      job.cancel();
      job.cancel();
      expect((await rejection(job.promise)).code).to.equal("ERR_ABORTED");
      job.cancel();
    });

    it("keeps a program alive while it runs", () => {
      const script = `
        const a = new Float64Array(100 * 64);
        for (let i = 0; i < 100; i++) a.set(spd(8), i * 64);
        const jobs = [];
        for (let k = 0; k < 50; k++) {
          jobs.push(native.runProgramAsync(native.createProgram(Float64Array.from(program(8))), Float64Array.of(0, 0, 0, 0, 1, 100, 64), a, new Float64Array(6400)).promise);
          if (k % 10 === 0) require("node:v8").setFlagsFromString("--expose-gc"), require("node:vm").runInNewContext("gc")();
        }
        Promise.all(jobs).then((r) => console.log(r.every((x) => x === undefined)));`;
      expect(child(script)).to.equal("true");
    });

    it("lets the process end, whatever is in flight", () => {
      const start = `const n = 300, jobs = Array.from({ length: 20 }, () => native.runAsync(cholesky(0, n, n), spd(n), new Float64Array(n * n)).promise);`;
      for (const delay of ["process.exit(0)", "setTimeout(() => process.exit(0), 3)", "jobs[0].then(() => process.exit(0))"]) {
        expect(child(`${start}${delay}`)).to.equal("");
      }
      expect(child(`${start}Promise.all(jobs).then(() => console.log("all"))`)).to.equal("all");
      expect(child(`console.log("idle")`)).to.equal("idle");
      // OpenBLAS frees its buffers in exit(): a job that computes then would crash, not every time.
      for (let i = 0; i < 12; i++) {
        const big = "const a = spd(500); for (let i = 0; i < 8; i++) native.runAsync(cholesky(0, 500, 500), a, new Float64Array(250000));";
        expect(child(`${big} setTimeout(() => process.exit(0), ${i % 6});`)).to.equal("");
      }
    });

    it("survives the end of worker threads", () => {
      const script = `
        const { Worker } = require("node:worker_threads");
        const source = HELPERS + \`
          const n = 150;
          const start = () => native.runAsync(cholesky(0, n, n), spd(n), new Float64Array(n * n));
          for (let i = 0; i < 6; i++) start().promise.then(start);
          for (let i = 0; i < 3; i++) { const j = start(); j.promise.catch(() => {}); j.cancel(); }
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
      expect(child(script, true)).to.equal("alive");
    });
  });
});
