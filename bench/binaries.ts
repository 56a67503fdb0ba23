// npm run bench:binaries -- OTHER.node [ONE.node]: one addon against another (by default the local build), cell by cell in alternation, in two
// processes of their own. Prints time(other) / time(one), the least of several rounds of each; above 1 the other is slower.
import { type ChildProcess, fork } from "node:child_process";
import { join } from "node:path";
import { add, compile, eye, float32, float64, grad, linalg, matmul, mul, random, setThreads, sum, type Tensor, vjp } from "../lib/index";

type T = Tensor<"float64" | "float32">;
type F = (...args: T[]) => unknown;

/** Cells by name: what is timed, made on first use. */
function cells(): Map<string, () => () => unknown> {
  const all = new Map<string, () => () => unknown>();
  const spd = (batch: number, n: number, dtype: "float64" | "float32"): T => {
    const x = random.normal(0, [batch, n, n], { dtype }) as T;
    return add(mul(1 / n, matmul(x, x, { adjointB: true })), eye(n, { dtype })) as T;
  };
  const ops: Record<string, F> = {
    cholesky: (a) => linalg.cholesky(a as T),
    solve: (a, b) => linalg.solve(a as T, b as T),
    inv: (a) => linalg.inv(a as T),
    det: (a) => linalg.det(a as T),
    lstsq: (a, b) => linalg.lstsq(a as T, b as T),
    matmul: (a, b) => matmul(a as T, b as T),
    eigh: (a) => linalg.eigh(a as T).v,
    exp: (a) => (a as T).exp(),
    log: (a) => (a as T).log(),
    add: (a, b) => add(a as T, b as T),
    sum: (a) => sum(a as T),
  };
  for (const dtype of ["float64", "float32"] as const) {
    for (const n of [4, 8, 16, 32, 64, 256, 512]) {
      const batch = Math.max(1, Math.floor(2 ** 15 / (n * n)));
      for (const [name, f] of Object.entries(ops)) {
        if (n > 64 && ["exp", "log", "add", "sum"].includes(name)) continue;
        all.set(`${name} ${dtype} n=${n}`, () => {
          const a = spd(batch, n, dtype);
          const b = random.normal(1, [batch, n, n], { dtype }) as T;
          const x = name === "log" ? a.mul(a).add(1) : a;
          return () => f(x as T, b);
        });
        if (["cholesky", "solve", "inv", "det", "lstsq", "matmul"].includes(name) && n <= 64)
          all.set(`grad ${name} ${dtype} n=${n}`, () => {
            const [a, b] = [spd(batch, n, dtype), random.normal(1, [batch, n, n], { dtype }) as T];
            const g = f(a, b) as T;
            return () => vjp(f as never, a as never, b as never).pullback(g as never);
          });
      }
    }
    for (const n of [8, 16, 32]) {
      all.set(`program gp ${dtype} n=${n}`, () => {
        const spec = dtype === "float64" ? float64 : float32;
        const loss = (k: T, y: T): T => {
          const l = linalg.cholesky(k.mul(k).add(eye(n, { dtype })) as never) as T;
          return add(linalg.choleskySolve(l, y).mul(y).sum(), l.diag().log().sum()) as T;
        };
        const program = compile(grad(loss as never, { argnums: 0 } as never) as never, spec(n, n) as never, spec(n, 1) as never);
        const [k, y] = [spd(256, n, dtype), random.normal(2, [256, n, 1], { dtype })];
        return () => (program as { runSync(args: unknown[]): unknown }).runSync([k, y]);
      });
    }
  }
  return all;
}

if (process.argv[2] === "--serve") {
  setThreads(1);
  const all = cells();
  const made = new Map<string, () => unknown>();
  process.on("message", ([name, repeats]: [string, number]) => {
    const f = made.get(name) ?? (all.get(name) as () => () => unknown)();
    if (!made.has(name)) f();
    made.clear();
    made.set(name, f);
    const start = performance.now();
    for (let i = 0; i < repeats; i++) f();
    process.send?.((performance.now() - start) / repeats);
  });
} else {
  void main(process.argv.slice(2));
}

async function main([other, one = join(__dirname, "../build/Release/backsolve.node"), only = ""]: string[]): Promise<void> {
  if (!other) throw new Error("which addon? npm run bench:binaries -- OTHER.node [ONE.node [CELLS]]");
  const serve = (binary: string): ChildProcess =>
    fork(__filename, ["--serve"], { env: { ...process.env, BACKSOLVE_BINARY: binary }, execArgv: ["--import", "tsx"] });
  const sides = [serve(one), serve(other)] as const;
  const time = (side: ChildProcess, name: string, repeats: number): Promise<number> =>
    new Promise((resolve) => {
      side.once("message", (ms) => resolve(ms as number));
      side.send([name, repeats]);
    });
  const ratios: [number, string][] = [];
  for (const name of cells().keys()) {
    if (!name.includes(only)) continue;
    const once = Math.min(await time(sides[0], name, 1), await time(sides[0], name, 1));
    const repeats = Math.max(1, Math.min(1000, Math.ceil(4 / once)));
    const least = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
    await time(sides[1], name, 1);
    for (let round = 0; round < 10; round++)
      for (const i of round % 2 ? [1, 0] : [0, 1])
        least[i] = Math.min(least[i] as number, await time(sides[i] as ChildProcess, name, repeats));
    console.error(name, ((least[1] as number) / (least[0] as number)).toFixed(2));
    ratios.push([(least[1] as number) / (least[0] as number), name]);
  }
  ratios.sort((a, b) => b[0] - a[0]);
  for (const [ratio, name] of ratios) console.log(`${ratio.toFixed(2)}  ${name}`);
  const mean = Math.exp(ratios.reduce((s, [r]) => s + Math.log(r), 0) / ratios.length);
  console.log(`${ratios.length} cells, geometric mean ${mean.toFixed(3)}`);
  for (const side of sides) side.kill();
}
