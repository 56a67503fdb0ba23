// npm run bench:loops: what loops cost, against the same work written out and, where BACKSOLVE_BENCH_PYTHON names a Python with jax, against JAX, in
// alternation in one run: the least of several rounds. docs/loops.md has the figures.
import type * as B from "../lib/index";
import { type Peer, peer } from "./peer";

type T = B.Tensor<"float64">;
const b = require("../dist/index.js") as typeof B; // what is shipped
const {
  add,
  compile,
  cos,
  diag,
  diagEmbed,
  exp,
  eye,
  float64,
  grad,
  info,
  jacfwd,
  jacrev,
  linalg,
  log,
  matmul,
  mul,
  neg,
  random,
  reshape,
  scan,
  setThreads,
  slice,
} = b;
const { sub, sum, tensor, valueAndGrad, vmap, zeros } = b; // biome-ignore format: two lists

const ROUNDS = Number(process.env.BACKSOLVE_BENCH_ROUNDS ?? 7);
/** The least time of each, in milliseconds, one after the other in every round. */
async function least(cells: readonly (() => unknown)[]): Promise<number[]> {
  const found = cells.map(() => Number.POSITIVE_INFINITY);
  for (let round = -1; round < ROUNDS; round++)
    for (const [i, f] of cells.entries()) {
      const start = performance.now();
      const result = f();
      const told = result instanceof Promise ? ((await result) as number) : performance.now() - start;
      if (round >= 0) found[i] = Math.min(found[i] as number, told);
    }
  return found;
}
const line = (name: string, text: string): void => console.log(`${name.padEnd(86)} ${text}`);

// ---- A Kalman filter: 4 states, 2 observed ----

interface Model {
  readonly a: T;
  readonly h: T;
  readonly q: T;
  readonly r: T;
}
interface State {
  readonly x: T;
  readonly p: T;
  readonly nll: T;
}
function filterStep({ a, h }: Model, q: T, r: T, { x, p, nll }: State, y: T): State {
  const xp = matmul(a, x);
  const pp = add(matmul(matmul(a, p), a, { adjointB: true }), q);
  const l = linalg.cholesky(add(matmul(matmul(h, pp), h, { adjointB: true }), r));
  const w = linalg.solveTriangular(l, matmul(h, pp));
  const u = linalg.solveTriangular(l, sub(reshape(y, [2, 1]), matmul(h, xp)));
  return {
    x: add(xp, matmul(w, u, { adjointA: true })),
    p: sub(pp, matmul(w, w, { adjointA: true })),
    nll: add(nll, add(mul(0.5, sum(mul(u, u))), sum(log(diag(l))))),
  };
}
const start = (): State => ({ x: tensor([[0], [0], [0], [0]]), p: eye(4), nll: tensor(0) });
function looped(m: Model, ys: T): T {
  const [q, r] = [diagEmbed(exp(m.q)), diagEmbed(exp(m.r))];
  return scan((s: State, y: T) => ({ carry: filterStep(m, q, r, s, y) }), start(), ys).carry.nll;
}
function unrolled(m: Model, ys: T): T {
  const [q, r] = [diagEmbed(exp(m.q)), diagEmbed(exp(m.r))];
  let state = start();
  for (let t = 0; t < (ys.shape[0] as number); t++) state = filterStep(m, q, r, state, reshape(slice(ys, [t, 0], [1, 2]), [2]));
  return state.nll;
}
const modelSpec = { a: float64(4, 4), h: float64(2, 4), q: float64(4), r: float64(2) };
const model: Model = {
  a: tensor([
    [0.9, 0.1, 0, 0],
    [0, 0.8, 0.1, 0],
    [0, 0, 0.7, 0.1],
    [0.1, 0, 0, 0.6],
  ]),
  h: tensor([
    [1, 0, 1, 0],
    [0, 1, 0, 1],
  ]),
  q: tensor([-1, -1, -1, -1]),
  r: tensor([0, 0]),
};

async function kalman(jax: Peer | undefined): Promise<void> {
  const [series, steps] = [2000, 100];
  const ys = random.normal(1, [series, steps, 2]);
  const loop = compile(valueAndGrad(looped), modelSpec, float64(steps, 2));
  const flat = compile(valueAndGrad(unrolled), modelSpec, float64(steps, 2));
  const each = Object.fromEntries(Object.entries(model).map(([k, t]) => [k, add(zeros([series, ...t.shape]), t)])) as unknown as Model;
  const cells: (() => unknown)[] = [model, each].flatMap((m) => [() => loop.runSync([m, ys]), () => flat.runSync([m, ys])]);
  if (jax) cells.push(() => jax.time(`kalman ${series} ${steps}`));
  const us = (await least(cells)).map((ms) => (ms * 1000) / series);
  const shown = (i: number): string => (us[i] === undefined ? "-" : `${us[i].toFixed(1)} us`);
  const what = "Kalman filter, 100 steps, 2000 series, value and gradient, per series";
  line(`${what}; one model`, `scan ${shown(0)}, written out ${shown(1)}, JAX ${shown(4)}`);
  line(`${what}; a model each`, `scan ${shown(2)}, written out ${shown(3)}`);
  const began = performance.now();
  const long = compile(valueAndGrad(looped), modelSpec, float64(10_000, 2));
  const traced = performance.now() - began;
  const json = JSON.stringify(long).length;
  line("the same of 10,000 steps: trace and compile, JSON", `${traced.toFixed(1)} ms, ${(json / 1000).toFixed(1)} KB`);
}

// ---- A shared parameter: its gradient is summed, item by item ----

async function shared(jax: Peer | undefined): Promise<void> {
  const [items, n] = [Number(process.env.BACKSOLVE_BENCH_ITEMS ?? 20_000), 32];
  const x = random.normal(2, [items, n, 1]);
  const gp = (theta: T, points: T): T => {
    const d = sub(points, reshape(points, [1, n]));
    const k = add(exp(neg(mul(mul(d, d), theta))), mul(0.1, eye(n)));
    return sum(log(diag(linalg.cholesky(k))));
  };
  const summed = compile(
    valueAndGrad((theta: T, points: T) => sum(vmap((p: T) => gp(theta, p))(points))),
    float64(),
    float64(items, n, 1),
  );
  const each = compile(valueAndGrad(gp), float64(), float64(n, 1));
  const theta = tensor(0.5);
  const cells: (() => unknown)[] = [
    () => summed.runSync([theta, x]),
    () => each.runSync([theta, x]),
    () => grad((t: T) => sum(vmap((p: T) => gp(t, p))(x)))(theta),
  ];
  if (jax) cells.push(() => jax.time(`shared ${items} ${n}`));
  const us = (await least(cells)).map((ms) => (ms * 1000) / items);
  const [a, c, e, j] = us as [number, number, number, number?];
  line(
    `GP likelihood, n = ${n}, one parameter for ${items} items, value and gradient, per item`,
    `compiled sum of vmap ${a.toFixed(2)} us (${(a / c).toFixed(2)} of per-item gradients, ${c.toFixed(2)}), eager grad ${e.toFixed(2)}, JAX ${j?.toFixed(2) ?? "-"}`,
  );
}

// ---- Jacobians ----

async function jacobians(): Promise<void> {
  const times = tensor(Array.from({ length: 100 }, (_, i) => i / 20));
  const residuals = (p: { a: T; b: T; c: T }): T => sub(add(mul(p.a, exp(neg(mul(p.b, times)))), mul(p.c, cos(times))), exp(neg(times)));
  const spec = { a: float64(), b: float64(), c: float64() };
  const programs = [compile(residuals, spec), compile(jacfwd(residuals), spec), compile(jacrev(residuals), spec)] as const;
  const batch = { a: random.uniform(1, [5000]), b: random.uniform(2, [5000]), c: random.uniform(3, [5000]) };
  const [one, forward, reverse] = (await least(programs.map((p) => () => p.runSync([batch])))) as [number, number, number];
  line(
    "100 residuals of 3 parameters, of 5000 items: passes of the residuals",
    `jacfwd ${(forward / one).toFixed(1)}, jacrev ${(reverse / one).toFixed(1)}`,
  );
}

// ---- Eager loops ----

async function eager(): Promise<void> {
  const xs = random.normal(3, [50]);
  let calls = 0;
  const step = (c: T, x: T) => {
    calls++;
    const y = add(mul(c, 0.5), mul(x, x));
    return { carry: y, y: mul(y, y) };
  };
  const hundred = () => {
    for (let i = 0; i < 100; i++) scan(step, tensor(i), xs);
  };
  const plain = () => {
    for (let i = 0; i < 100; i++) {
      let c: T = tensor(i);
      for (let t = 0; t < 50; t++) {
        const x = reshape(slice(xs, [t], [1]), []);
        c = add(mul(c, 0.5), mul(x, x));
        mul(c, c);
      }
    }
  };
  hundred();
  calls = 0;
  hundred();
  const traces = calls;
  const [a, c] = (await least([hundred, plain])) as [number, number];
  line(
    "100 eager scans of one body, 50 steps of 4 ops, per scan",
    `${(a * 10).toFixed(0)} us (traced ${traces} times, planned once); op by op ${(c * 10).toFixed(0)} us`,
  );
}

async function main(): Promise<void> {
  setThreads(1);
  const jax = await peer("jax_loops.py");
  console.log(`${info().isa}, one thread; peer: ${jax?.name ?? "none"}`);
  await kalman(jax);
  await shared(jax);
  await jacobians();
  await eager();
  jax?.close();
}
void main();
