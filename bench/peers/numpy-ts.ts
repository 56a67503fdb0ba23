// numpy-ts, NumPy for JavaScript by WebAssembly: forward, on one thread, up to the sizes that it is for. Argument: the folder with its node_modules.
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Prepare } from "../protocol";
import { type Call, load, serve } from "../serve";

interface Nd {
  dispose(): void;
  readonly data: ArrayLike<number>;
  reshape(shape: readonly number[]): Nd;
}
type F = (...args: Nd[]) => Nd;
interface NumpyTs {
  readonly linalg: Readonly<Record<"cholesky" | "solve" | "inv" | "det" | "eigvalsh", F>> & {
    eigh(a: Nd): { readonly w: Nd; readonly v: Nd };
  };
  readonly exp: F;
  readonly add: F;
  readonly matmul: F;
  sum(x: Nd, axis: number): Nd;
  array(numbers: ArrayLike<number>, dtype: string): Nd;
}
const BATCHED = new Set(["cholesky", "inv", "det", "eigh", "eigvalsh", "matmul", "exp", "add", "sum"]);

async function main(folder: string): Promise<void> {
  const at = join(folder, "node_modules/numpy-ts/");
  const np = (await import(pathToFileURL(join(at, "dist/esm/index.js")).href)) as NumpyTs;
  const { version } = require(join(at, "package.json")) as { version: string };
  const { linalg } = np;
  const ops: Readonly<Record<string, (...args: Nd[]) => (Nd | number)[]>> = {
    ...Object.fromEntries(
      (["cholesky", "inv", "det", "eigvalsh", "solve"] as const).map((op) => [op, (...args: Nd[]) => [linalg[op](...args)]]),
    ),
    ...Object.fromEntries((["exp", "add", "matmul"] as const).map((op) => [op, (...args: Nd[]) => [np[op](...args)]])),
    solve1: (a, b) => [linalg.solve(a as Nd, b as Nd)],
    eigh: (a) => {
      const { w, v } = linalg.eigh(a as Nd);
      return [w, v];
    },
    sum: (x) => [np.sum(x as Nd, -1)],
  };
  const make = ({ op, n, batch, dtype, way, sets }: Prepare): Call[] | string => {
    const f = ops[op];
    if (!f || way === "both" || process.env.BACKSOLVE_BENCH_THREADS !== "1") return "no gradients, no threads, not this op";
    if (n > 128 || batch === "32M" || (batch !== "1" && !BATCHED.has(op))) return "not for large matrices and batches";
    return sets.map(({ inputs }) => {
      const args = inputs.map((s) => np.array(load(s, dtype), dtype).reshape(s.shape));
      // its results lie in a heap that nobody collects
      let last: (Nd | number)[] = [];
      return () => {
        for (const r of last) if (typeof r !== "number") r.dispose();
        return (last = f(...args));
      };
    });
  };
  serve({ name: "numpy-ts", version }, { make, numbersOf: (r) => (typeof r === "number" ? [r] : (r as Nd).data) });
}
void main(process.argv[2] as string);
