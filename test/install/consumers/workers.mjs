// Four threads compute at once, each with an addon environment of its own; a fifth is ended while it computes.
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { eye, linalg, mul, random, tensor } from "backsolve";

if (isMainThread) {
  const answer = (data) =>
    new Promise((resolve, reject) => {
      const worker = new Worker(new URL(import.meta.url), { workerData: data });
      worker.once("message", (message) => resolve([worker, message]));
      worker.once("error", reject);
    });
  const answers = await Promise.all([2, 3, 4, 5].map((n) => answer({ a: mul(eye(n), 2 ** n) })));
  console.log(answers.map(([, message]) => tensor(message).at(0, 0)).join());
  const [worker] = await answer("busy");
  await worker.terminate();
  console.log("terminated");
} else if (workerData === "busy") {
  const jobs = Array.from({ length: 20 }, (_, i) => linalg.inv.async(random.normal(random.key(i), [300, 300])));
  parentPort.postMessage("computing");
  await Promise.all(jobs);
} else {
  parentPort.postMessage(await linalg.inv.async(tensor(workerData.a)));
}
