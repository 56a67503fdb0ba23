// Work that a test ends in the middle: argv says how.
import { isMainThread, parentPort } from "node:worker_threads";
import { add, compile, eye, float64, linalg, mul, type Tensor, zeros } from "../../lib/index";

type F64 = Tensor<"float64">;
const big = add(mul(eye(200), 200), 1);
const batch = add(mul(eye(8), 8), zeros([20000, 8, 8])) as F64;
const program = compile((x: F64) => linalg.cholesky(linalg.inv(x)), float64(8, 8));
const start = (): Promise<unknown>[] => [
  linalg.inv.async(big),
  linalg.eigh.async(big),
  program.run([batch], { onProgress: () => {} }),
  program.run([batch], { signal: AbortSignal.timeout(5) }),
  linalg.det.async(batch),
];
const again = (): void => {
  for (const job of start()) job.catch(() => {});
};
const jobs = [...start(), ...start()];
for (const job of jobs) job.then(again, again);
if (isMainThread) {
  const delay = Number(process.argv[2]);
  if (delay < 0) process.exit(0);
  setTimeout(() => process.exit(0), delay);
} else parentPort?.postMessage("working");
