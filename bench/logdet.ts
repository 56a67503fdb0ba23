// The compiled gradient of Σ log diag chol(A) over 10,000 matrices against JAX (jit + vmap), alternating in one run, same threads.
// BACKSOLVE_BENCH_PYTHON names a Python with jax; without it only our side runs.
import { add, compile, diag, eye, float64, grad, info, linalg, log, matmul, mul, random, sum, type Tensor } from "../lib/index";
import { peer } from "./peer";

type T = Tensor<"float64">;
const median = (xs: number[]): number => [...xs].sort((a, b) => a - b)[xs.length >> 1] as number;

export async function benchLogdet(): Promise<void> {
  const jax = await peer("jax_logdet.py");
  const batch = 10_000;
  const loss = (a: T): T => sum(log(diag(linalg.cholesky(a))));
  console.log(
    `compiled gradient of log det by Cholesky, ${batch} items, float64, ${info().isa}, ${info().threads} threads; peer: ${jax?.name ?? "none"}`,
  );
  console.log("   n   ours us/item   jax us/item   ratio of medians");
  for (const n of [4, 8, 16, 32, 64]) {
    const x = random.normal(1, [batch, n, n]);
    const a = add(mul(1 / n, matmul(x, x, { adjointB: true })), eye(n));
    const program = compile(grad(loss), float64(n, n));
    program.runSync([a]);
    const repeats = n <= 16 ? 20 : 4;
    const ours: number[] = [];
    const theirs: number[] = [];
    for (let round = 0; round < 7; round++) {
      const start = performance.now();
      for (let i = 0; i < repeats; i++) program.runSync([a]);
      ours.push((performance.now() - start) / repeats);
      if (jax) theirs.push(await jax.time(`${n} ${batch} ${repeats}`));
    }
    const us = (ms: number[]) => ((1000 * median(ms)) / batch).toFixed(3);
    const ratio = jax ? (median(theirs) / median(ours)).toFixed(1) : "-";
    console.log(`${String(n).padStart(4)} ${us(ours).padStart(14)} ${(jax ? us(theirs) : "-").padStart(13)} ${ratio.padStart(18)}`);
  }
  jax?.close();
}
