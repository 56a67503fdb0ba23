// npm run bench: every benchmark, ours against peers where a Python with them is named by BACKSOLVE_BENCH_PYTHON.
import { benchFused } from "./fused";
import { benchLogdet } from "./logdet";
import { benchOps } from "./ops";

async function main(): Promise<void> {
  benchFused();
  await benchLogdet();
  await benchOps();
}
main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
