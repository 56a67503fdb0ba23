// npm run bench:eager -- [FOLDER]: what a small call costs, of one 4 x 4 matrix or of scalars, where the kernel is the least of it. The built package
// (npm run build), that of another checkout where one is named, and PyTorch, in alternation: the least of several rounds, in nanoseconds, and the
// ratio to ours.
import { join, resolve } from "node:path";
import type * as B from "../lib/index";
import { type Peer, peer } from "./peer";

const ROUNDS = 15;
const REPEATS = 4000;

type Cells = { readonly [name: string]: () => unknown };
function cellsOf({ add, diag, exp, grad, linalg, log, matmul, sum, tensor }: typeof B): Cells {
  type T = B.Tensor<"float64">;
  const a = tensor([
    [4, 1, 0, 0],
    [1, 3, 0, 0],
    [0, 0, 2, 1],
    [0, 0, 1, 2],
  ]);
  const b = tensor([[1], [2], [3], [4]]);
  const [x, y] = [tensor(1.5), tensor(2.5)];
  const one = grad((t: T) => sum(linalg.cholesky(t)));
  const chain = grad((t: T) => sum(log(diag(linalg.cholesky(t)))));
  return {
    cholesky: () => linalg.cholesky(a),
    "add of two scalars": () => add(x, y),
    "add of a matrix and a number": () => add(a, 2),
    exp: () => exp(a),
    sum: () => sum(a),
    matmul: () => matmul(a, a),
    solve: () => linalg.solve(a, b),
    inv: () => linalg.inv(a),
    eigh: () => linalg.eigh(a),
    "gradient of sum(cholesky)": () => one(a),
    "gradient of sum(log(diag(cholesky)))": () => chain(a),
  };
}

const timeOf = (f: () => unknown): number => {
  const start = performance.now();
  for (let i = 0; i < REPEATS; i++) f();
  return ((performance.now() - start) * 1e6) / REPEATS;
};

async function main(folders: readonly string[]): Promise<void> {
  const built = [".", ...folders].map((f) => require(join(resolve(f), "dist/index.js")) as typeof B);
  for (const b of built) b.setThreads(1);
  const cells = built.map(cellsOf);
  const torch: Peer | undefined = await peer("torch_eager.py");
  const heads = ["ours", ...folders.map((f) => f.split("/").at(-1) as string), ...(torch ? [torch.name] : [])];
  console.log(`${"one small call, ns".padEnd(40)}${heads.map((h) => h.padStart(22)).join("")}`);
  for (const name of Object.keys(cells[0] as Cells)) {
    const least = heads.map(() => Number.POSITIVE_INFINITY);
    for (let round = -2; round < ROUNDS; round++) {
      for (const [i, c] of cells.entries()) {
        const ns = timeOf(c[name] as () => unknown);
        if (round >= 0) least[i] = Math.min(least[i] as number, ns);
      }
      if (torch) least[cells.length] = Math.min(least[cells.length] as number, await torch.time(`${name} ${REPEATS}`));
    }
    const ours = least[0] as number;
    console.log(`${name.padEnd(40)}${least.map((ns) => `${ns.toFixed(0)} (${(ns / ours).toFixed(2)})`.padStart(22)).join("")}`);
  }
  torch?.close();
}
void main(process.argv.slice(2));
