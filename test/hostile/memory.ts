// Memory that is taken away, shared or written to while the engine works. Run with --expose-gc; a mistake here is a crash.
import { expect } from "chai";
import {
  ArgumentError,
  add,
  compile,
  eye,
  float64,
  grad,
  LinalgError,
  linalg,
  mul,
  sum,
  type Tensor,
  tensor,
  zeros,
} from "../../lib/index";

type F64 = Tensor<"float64">;
const gc = (globalThis as unknown as { gc(): void }).gc;
const N = 120;
/** Moves the memory elsewhere, where it is freed. */
const take = (t: Tensor): void => {
  structuredClone(t.data.buffer, { transfer: [t.data.buffer as ArrayBuffer] });
  gc();
};
const matrix = (): F64 => add(mul(eye(N), N), 1);
const batch = (): F64 => add(mul(eye(4), 4), zeros([5000, 4, 4])) as F64;
const gone = (f: () => unknown): void => {
  expect(f).to.throw(
    ArgumentError,
    /^\w+: the memory of [\w ]+ \(float64, shape \[.*\]\) is gone: its buffer was transferred or resized\.$/,
  );
};
const rejected = (p: Promise<unknown>): Promise<Error> =>
  p.then(
    () => expect.fail("resolved"),
    (e) => e,
  );
const program = compile((x: F64) => linalg.inv(x), float64(4, 4));

async function detached(): Promise<void> {
  const t = zeros([2, 4, 4]);
  const view = t.reshape([32]);
  take(t);
  gone(() => linalg.cholesky(t));
  gone(() => add(1, t));
  gone(() => view.toArray());
  gone(() => t.at(0, 0, 0));
  gone(() => JSON.stringify(t));
  gone(() => view.transpose());
  gone(() => program.runSync([t]));
  gone(() => program.explain([t]));
  gone(() => grad((x: F64) => sum(mul(x, x)))(t));
  gone(() => compile((x: F64) => add(x, t), float64(4, 4)));
  gone(() => add(zeros([2, 4, 4]), 1, { out: t }));
  for (const p of [linalg.inv.async(t), add.async(1, t), linalg.logdet.async(t), program.run([t])]) {
    const error = await rejected(p);
    gone(() => {
      throw error;
    });
  }
  expect(t.shape).to.deep.equal([2, 4, 4]); // what needs no memory still works
}

async function whileItRuns(): Promise<void> {
  const expected = [...linalg.inv(matrix()).data];
  const expectedBatch = [...program.runSync([batch()]).data];
  const attacks: ((t: F64) => void)[] = [take, (t) => void t.data.fill(Number.NaN), (t) => take(t.reshape([t.size])), () => gc()];
  for (const attack of attacks) {
    for (const exposedBefore of [false, true]) {
      const [a, b] = [matrix(), batch()];
      if (exposedBefore) void [a.data, b.data];
      const jobs = [linalg.inv.async(a), program.run([b]), linalg.inv.async(a)];
      attack(a);
      attack(b);
      const results = await Promise.all(jobs);
      expect([...(results[0] as F64).data]).to.deep.equal(expected);
      expect([...(results[1] as F64).data]).to.deep.equal(expectedBatch);
      expect([...(results[2] as F64).data]).to.deep.equal(expected);
    }
  }
}

/** Options and trees with getters that take the memory after it was looked at. */
async function getters(): Promise<void> {
  for (const name of ["onFailure", "failures", "layout", "chunk", "threads", "signal", "onProgress"]) {
    const b = batch();
    const options = Object.defineProperty({}, name, {
      enumerable: true,
      get: () => void take(b),
    });
    if (name !== "signal" && name !== "onProgress") gone(() => program.runSync([b], options));
    const c = batch();
    const again = Object.defineProperty({}, name, { enumerable: true, get: () => void take(c) });
    expect(await rejected(program.run([c], again))).to.be.instanceOf(ArgumentError);
  }
  const m = matrix();
  const options = {
    get onFailure() {
      take(m);
      return "throw" as const;
    },
  };
  expect(await rejected(linalg.inv.async(m, options))).to.be.instanceOf(ArgumentError);
}

function resizable(): void {
  const Resizable = ArrayBuffer as unknown as new (n: number, o: object) => ArrayBuffer & { resize(n: number): void };
  const buffer = new Resizable(128, { maxByteLength: 256 });
  for (const array of [new Float64Array(buffer), new Float64Array(buffer, 0, 16)]) {
    buffer.resize(128);
    array.set(eye(4).data);
    const t = tensor(array, { shape: [4, 4] });
    buffer.resize(256);
    expect(linalg.det(t).item()).to.equal(1);
    buffer.resize(64);
    gone(() => linalg.det(t));
    gone(() => t.toArray());
    gone(() => program.runSync([t]));
    buffer.resize(128);
  }
}

/** Another thread changes pivots between every two reads of ours. */
async function shared(): Promise<void> {
  const { Worker } = await import("node:worker_threads");
  const buffer = new SharedArrayBuffer(4 * 64);
  const stop = new SharedArrayBuffer(4);
  const script = `const { workerData: { buffer, stop } } = require("node:worker_threads");
    const p = new Int32Array(buffer), s = new Int32Array(stop);
    for (let k = 0; Atomics.load(s, 0) === 0; k++) p[k % 64] = k % 3 === 0 ? 1000000000 : k % 64;`;
  const worker = new Worker(script, { eval: true, workerData: { buffer, stop } });
  await new Promise((done) => worker.once("online", done));
  const pivots = tensor(new Int32Array(buffer));
  const b = zeros([64, 3]);
  let outcomes = 0;
  for (let k = 0; k < 3000; k++) {
    try {
      linalg.applyPivots(pivots as never, b);
    } catch (error) {
      if (!(error instanceof LinalgError)) throw error;
    }
    outcomes++;
  }
  Atomics.store(new Int32Array(stop), 0, 1);
  await worker.terminate();
  expect(outcomes).to.equal(3000);
  const memory = new Float64Array(new SharedArrayBuffer(128));
  memory.set(eye(4).data);
  const t = tensor(memory, { shape: [4, 4] });
  const job = linalg.inv.async(t);
  memory.fill(Number.NaN);
  expect((await job).toArray()).to.deep.equal(eye(4).toArray());
}

async function main(): Promise<void> {
  await detached();
  await whileItRuns();
  await getters();
  resizable();
  await shared();
  console.log("done");
}
void main();
