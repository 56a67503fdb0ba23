// Four threads that load the package and are ended while they work, again and again.
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { eye, linalg } from "../../lib/index";

const one = (i: number): Promise<void> =>
  new Promise((done, fail) => {
    const worker = new Worker(`require("tsx/cjs"); require(${JSON.stringify(join(__dirname, "worker.ts"))});`, { eval: true });
    worker.on("error", fail);
    worker.on("exit", () => done());
    worker.on("message", () => setTimeout(() => void worker.terminate(), (i * 7) % 20));
    if (i % 4 === 3) setTimeout(() => void worker.terminate(), 30 * (i % 8)); // while it loads
  });
async function main(): Promise<void> {
  for (let round = 0; round < 3; round++) {
    const mine = linalg.inv.async(eye(100));
    await Promise.all([0, 1, 2, 3].map((k) => one(4 * round + k)));
    if ((await mine).at(0, 0) !== 1) throw new Error("a wrong result");
  }
  console.log("alive", linalg.det(eye(3)).item());
}
void main();
