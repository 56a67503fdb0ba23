// The ops of TensorFlow's linalg_grad.py, eager, batches of 256 KiB and one thread, against the best of PyTorch, JAX (jit) and TensorFlow
// (tf.function), alternating in one run on data of the same kind. BACKSOLVE_BENCH_PYTHON names a Python with all three.
import { add, eye, info, linalg, matmul, mul, random, setThreads, type Tensor, vjp } from "../lib/index";
import { type Peer, peer } from "./peer";

type F64 = Tensor<"float64">;
const median = (xs: number[]): number => [...xs].sort((a, b) => a - b)[xs.length >> 1] as number;

const OPS: Record<string, (...args: F64[]) => F64[]> = {
  cholesky: (a) => [linalg.cholesky(a as F64)],
  solveTriangular: (a, b) => [linalg.solveTriangular(a as F64, b as F64)],
  solve: (a, b) => [linalg.solve(a as F64, b as F64)],
  inv: (a) => [linalg.inv(a as F64)],
  det: (a) => [linalg.det(a as F64)],
  slogdet: (a) => [linalg.slogdet(a as F64).logabsdet],
  lstsq: (a, b) => [linalg.lstsq(a as F64, b as F64)],
  eigh: (a) => Object.values(linalg.eigh(a as F64)),
  eigvalsh: (a) => [linalg.eigvalsh(a as F64)],
};

/** As bench/peers/ops.py makes them. */
function argumentsOf(op: string, n: number, batch: number): F64[] {
  const x = random.normal(0, [batch, op === "lstsq" ? 2 * n : n, n]);
  if (["cholesky", "eigh", "eigvalsh"].includes(op)) return [add(mul(1 / n, matmul(x, x, { adjointB: true })), eye(n))];
  if (op === "lstsq") return [x, random.normal(1, [batch, 2 * n, 1])];
  const a = add(mul(0.4 / Math.sqrt(n), x), mul(1.5, eye(n)));
  return op === "solve" || op === "solveTriangular" ? [a, random.normal(1, [batch, n, n])] : [a];
}

function ours(op: string, n: number, batch: number, backward: boolean): () => void {
  const f = OPS[op] as (...args: F64[]) => F64[];
  const args = argumentsOf(op, n, batch);
  if (!backward) return () => void f(...args);
  const g = f(...args).map((t, i) => random.normal(i, t.shape));
  return () => void vjp((...xs: F64[]) => f(...xs), ...(args as never[])).pullback(g as never);
}

async function cell(peers: readonly Peer[], op: string, n: number, backward: boolean): Promise<[number, string]> {
  const batch = Math.max(1, Math.floor(2 ** 15 / (n * n)));
  const f = ours(op, n, batch, backward);
  f();
  const once = performance.now();
  f();
  const repeats = Math.max(1, Math.min(50, Math.ceil(20 / (performance.now() - once))));
  const own: number[] = [];
  const theirs = peers.map((): number[] => []);
  for (let round = 0; round < 5; round++) {
    const start = performance.now();
    for (let i = 0; i < repeats; i++) f();
    own.push((performance.now() - start) / repeats);
    for (const [k, p] of peers.entries()) theirs[k]?.push(await p.time(`${op} ${n} ${batch} ${Number(backward)} ${repeats}`));
  }
  const mine = (1000 * median(own)) / batch;
  if (peers.length === 0) return [Number.NaN, `${mine.toPrecision(3)} us`];
  const best = Math.min(...theirs.map((t) => (1000 * median(t)) / batch));
  return [best / mine, `${mine.toPrecision(3)}/${best.toPrecision(3)}`];
}

export async function benchOps(): Promise<void> {
  setThreads(1);
  process.env.BACKSOLVE_BENCH_THREADS = "1";
  const peers = (await Promise.all(["pytorch", "jax", "tensorflow"].map((name) => peer("ops.py", name)))).filter((p) => p !== undefined);
  const sizes = [4, 8, 16, 32, 64, 128] as const;
  console.log(
    `eager ops, float64, 1 thread, ${info().isa}: us per item ours/best of ${peers.map((p) => p.name).join(", ") || "no peer"}; then the ratio of medians`,
  );
  const all: { ratio: number; where: string }[] = [];
  for (const backward of [false, true]) {
    console.log(`${(backward ? "forward + backward" : "forward").padEnd(20)}${sizes.map((n) => `n=${n}`.padStart(22)).join("")}`);
    for (const op of Object.keys(OPS)) {
      const cells: string[] = [];
      for (const n of sizes) {
        const [ratio, text] = await cell(peers, op, n, backward);
        all.push({ ratio, where: `${op}, n = ${n}, ${backward ? "forward + backward" : "forward"}` });
        cells.push(`${text} ${ratio.toFixed(2)}x`.padStart(22));
      }
      console.log(`  ${op.padEnd(18)}${cells.join("")}`);
    }
  }
  for (const p of peers) p.close();
  if (peers.length === 0) return;
  const worst = all.reduce((p, q) => (q.ratio < p.ratio ? q : p));
  const mean = Math.exp(all.reduce((s, { ratio }) => s + Math.log(ratio), 0) / all.length);
  console.log(
    `worst cell: ${worst.ratio.toFixed(2)}x (${worst.where}); geometric mean ${mean.toFixed(2)}x; ahead in ${all.filter((c) => c.ratio > 1).length} of ${all.length}`,
  );
}
