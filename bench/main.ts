// npm run bench: every benchmark, ours against peers where a Python with them is named by BACKSOLVE_BENCH_PYTHON.
import { benchEager } from "./eager";
import { benchFused } from "./fused";
import { benchLogdet } from "./logdet";

async function main(): Promise<void> {
  benchEager();
  benchFused();
  await benchLogdet();
}
main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
