// A process or thread that ends in the middle of a routine that takes minutes: argv says how.
import { isMainThread, parentPort, Worker } from "node:worker_threads";
import { add, compile, eye, float64, linalg, mul, setThreads, sum, type Tensor, zeros } from "../../lib/index";

type F64 = Tensor<"float64">;
const how = process.argv[2];
const N = 6000; // one call of LAPACK's gesdd, which nothing interrupts

/** Returns when the job computes. */
async function computing({ signal } = new AbortController()): Promise<void> {
  const a = add(mul(eye(N), N), 1) as F64;
  linalg.lstsq.async(a, a, { method: "svd", signal }).catch((reason) => console.log("aborted", reason));
  const start = process.cpuUsage().user;
  while (process.cpuUsage().user < start + 100_000) await new Promise((done) => setTimeout(done, 5));
}
const ends: Record<string, () => Promise<void>> = {
  async exit() {
    await computing();
    process.on("exit", (code) => process.stdout.write(`exit ${code} ${"x".repeat(60_000)}`));
    process.exit(5);
  },
  async throw() {
    await computing();
    process.on("uncaughtException", (error) => {
      console.log(error.message);
      process.exit(6);
    });
    setTimeout(() => {
      throw new Error("mine");
    });
  },
  /** Nothing is left to do, and nobody waits for what still computes. */
  async abort() {
    const controller = new AbortController();
    await computing(controller);
    controller.abort("mine");
  },
  async worker() {
    const worker = new Worker(`require("tsx/cjs"); require(${JSON.stringify(__filename)});`, { eval: true, argv: ["working"] });
    await new Promise((done) => worker.once("message", done));
    console.log("terminated", await worker.terminate());
    console.log(add(eye(3), 1).at(2, 2), (await add.async(eye(3), 1)).at(2, 2));
  },
  /** Four batches take all threads that jobs have, until their thread is ended. */
  async orphans() {
    const worker = new Worker(`require("tsx/cjs"); require(${JSON.stringify(__filename)});`, { eval: true, argv: ["batches"] });
    await new Promise((done) => worker.once("message", done));
    await worker.terminate();
    console.log((await add.async(eye(3), 1)).at(2, 2));
  },
  async batches() {
    const program = compile((a: F64, x: F64) => sum(linalg.eigvalsh(add(a, x))), float64(60, 60), float64());
    const start = process.cpuUsage().user;
    for (let i = 0; i < 4; i++) program.run([eye(60), zeros([2 ** 22])]).catch(() => {});
    while (process.cpuUsage().user < start + 200_000) await new Promise((done) => setTimeout(done, 5));
    parentPort?.postMessage("working");
  },
  async working() {
    await computing();
    parentPort?.postMessage("working");
    if (isMainThread) throw new Error("not a worker");
  },
};
setThreads(1); // OpenBLAS's own threads would be waited for
void ends[how as string]?.();
