// Programs as an enemy would write them: valid ones, mutated, loaded, and run where that is small.
import { rowNames } from "../../lib/core/registry";
import {
  add,
  BacksolveError,
  compile,
  complex128,
  cond,
  diag,
  exp,
  float32,
  float64,
  grad,
  less,
  linalg,
  log,
  matmul,
  mul,
  Program,
  real,
  scan,
  sum,
  type Tensor,
  tensor,
  valueAndGrad,
  vmap,
  whileLoop,
} from "../../lib/index";
import { randoms } from "./randoms";

type F64 = Tensor<"float64">;
type Json = null | boolean | number | string | Json[] | { [k: string]: Json };
const count = Number(process.argv[2]);
const next = randoms(Number(process.argv[3] ?? 0x9e3779b9));
const below = (n: number): number => Math.floor(next() * n);
const pick = <X>(list: readonly X[]): X => list[below(list.length)] as X;

const loss = (a: F64) => sum(log(real(diag(linalg.cholesky(a)))));
const valid = [
  compile(grad(loss), float64(3, 3)),
  compile(
    valueAndGrad((p: { a: F64; b: F64 }) => sum(mul(linalg.solve(p.a, p.b), p.b))),
    { a: float64(3, 3), b: float64(3, 2) },
  ),
  compile(
    grad((a: F64) => linalg.slogdet(a).logabsdet as never),
    float64(4, 4),
  ),
  compile(
    grad((a: F64) => linalg.det(a) as never),
    float64(4, 4),
  ),
  compile((a: F64) => linalg.lu(a), float64(3, 4)),
  compile((a: Tensor<"float32">) => linalg.luFactor(a), float32(20, 20)),
  compile((a: Tensor<"complex128">) => linalg.eigh(a), complex128(3, 3)),
  compile((a: F64) => matmul(a.transpose().tril().expandDims(0).broadcastTo([2, 3, 3]), a).sum({ axis: [0, 2] }), float64(3, 3)),
  compile((a: F64) => linalg.powmHermitian(a, 0.5).reshape([3, 3]).diag({ k: 1 }).diag().swapAxes(0, 1), float64(3, 3)),
  compile((a: F64, b: F64) => linalg.solveTriangular(a, b, { side: "right", adjoint: true }), float64(3, 3), float64(2, 3)),
  compile(
    grad((a: F64, b: F64, l: F64) => sum(linalg.lstsq(a, b, { l2Regularizer: l }))),
    float64(3, 3, 2),
    float64(3, 3, 1),
    float64(),
  ),
  compile(
    grad((a: F64) => sum(linalg.lstsq(a, a, { method: "svd", rcond: 0.3 }))),
    float64(2, 2, 3),
  ),
  // with bodies
  compile(
    (a: F64, xs: F64) => {
      const inner = (c: F64) => sum(vmap((x: F64) => mul(x, c))(xs));
      const { carry, ys } = scan((c: F64, x: F64) => ({ carry: add(mul(a, c), inner(x)), y: c }), a, xs);
      const far = whileLoop((c) => less(c, 100), (c) => mul(c, 2), carry, { maxSteps: 50 }); // biome-ignore format: one line
      return { far, ys, taken: vmap((x: F64) => cond(less(x, 2), (y) => exp(y), (y) => y, x))(xs) }; // biome-ignore format: one line
    },
    float64(),
    float64(3),
  ),
  compile(
    grad(
      (m: F64, xs: F64) => scan((c: F64, x: F64) => ({ carry: add(mul(c, m), loss(x)) }), 0.5, xs, { checkpoint: 2, reverse: true }).carry,
    ),
    float64(),
    float64(5, 2, 2),
  ),
  compile(
    grad((s: F64, m: F64) => sum(vmap((x: F64) => mul(s, loss(x)))(m))),
    float64(),
    float64(4, 2, 2),
  ),
].map((p) => JSON.stringify(p));
const CONTROLS = ["length", "maxSteps", "carries", "mapped", "sums", "body", "test", "whenTrue", "whenFalse", "reverse"];
const OPS = rowNames().flatMap((n) => [n, `${n}_vjp`]);
const STRANGE: readonly Json[] = [
  null,
  true,
  -1,
  0,
  1,
  2,
  3,
  5,
  12,
  13,
  0.5,
  2 ** 45,
  2 ** 53,
  1e308,
  -(2 ** 53),
  "",
  "x",
  "float32",
  "complex64",
  "int32",
  "bool",
  "__proto__",
  "constructor",
  "a.b",
  "a",
  "value",
  "AAAA",
  [],
  {},
  [0],
  [1, 2],
  [-1],
  [2 ** 45],
  "NaN",
  "9".repeat(2000),
  "\u0000",
];

/** A field of an instruction with bodies. */
function inControl(json: Json): [{ [k: string]: Json }, string] | undefined {
  const all: [{ [k: string]: Json }, string][] = [];
  const walk = (x: Json): void => {
    if (typeof x !== "object" || x === null) return;
    for (const [k, v] of Object.entries(x)) {
      if (CONTROLS.includes(k) && !Array.isArray(x)) all.push([x, k]);
      walk(v);
    }
  };
  walk(json);
  return all.length > 0 ? pick(all) : undefined;
}

/** Changes one to three places. */
function mutate(json: Json): Json {
  for (let k = 1 + below(3); k > 0; k--) {
    let at: Json = json;
    let parent: Json[] | { [k: string]: Json } | undefined;
    let key: string | number = "";
    while (typeof at === "object" && at !== null && Object.keys(at).length > 0 && (parent === undefined || next() < 0.85)) {
      parent = at as { [k: string]: Json };
      key = Array.isArray(at) ? below(at.length) : pick(Object.keys(at));
      at = (parent as Record<string | number, Json>)[key] as Json;
    }
    if (parent === undefined) continue;
    if (next() < 0.3) [parent, key] = inControl(json) ?? [parent, key];
    const holder = parent as Record<string | number, Json>;
    at = holder[key] as Json;
    const r = next();
    if (r < 0.4) holder[key] = structuredClone(pick(STRANGE));
    else if (r < 0.6 && typeof at === "number") holder[key] = at + below(5) - 2;
    else if (r < 0.7 && typeof at === "string") holder[key] = pick(OPS);
    else if (r < 0.8 && Array.isArray(at)) holder[key] = [...at, ...structuredClone(at)];
    else if (r < 0.9 && !Array.isArray(parent)) delete holder[key];
    else if (Array.isArray(parent)) parent.splice(Number(key), 1);
  }
  return json;
}

function input(dtype: string, shape: readonly number[]): Tensor {
  const size = shape.reduce((n, d) => n * d, dtype.startsWith("complex") ? 2 : 1);
  const values = Array.from({ length: size }, () => pick([0, 1, next(), -next(), 4, 1e9, -1, Number.NaN]));
  const kind = { float32: Float32Array, complex64: Float32Array, bool: Uint8Array, int32: Int32Array }[dtype] ?? Float64Array;
  return (tensor as unknown as (a: unknown, o: object) => Tensor)(new kind(values), { shape, dtype });
}

let [loaded, ran, failed] = [0, 0, 0];
const fine = (f: () => void, what: unknown): void => {
  try {
    f();
  } catch (error) {
    failed++;
    if (!(error instanceof BacksolveError) || error.code === "ERR_INTERNAL" || error.message.length > 3000)
      console.log(String((error as Error).stack).slice(0, 400), JSON.stringify(what).slice(0, 600));
  }
};
for (let i = 0; i < count; i++) {
  const json = mutate(JSON.parse(pick(valid)) as Json);
  fine(() => {
    const program = Program.from(next() < 0.5 ? json : JSON.stringify(json)) as Program<unknown, unknown>;
    loaded++;
    Program.from(JSON.stringify(program));
    const small = (json as { code: Json[] }).code.length < 50 && program.inputs.every((t) => t.shape.reduce((n, d) => n * d, 1) < 500);
    // A length from outside may say two thousand million: such a program is loaded, and not run.
    const long = [...JSON.stringify(json).matchAll(/"(?:length|maxSteps)":(\d+)/g)].some(([, n]) => Number(n) > 1000);
    if (!small || long) return;
    for (const batch of [[], [9]]) {
      const given = Object.fromEntries(program.inputs.map((t) => [t.name, input(t.dtype, [...batch, ...t.shape])]));
      const args = program.inputs.every((t) => !t.name.includes(".")) ? given : program.inputs.map((t) => given[t.name]);
      for (const layout of ["single", "lanes"] as const)
        fine(() => {
          program.runSync(args, { layout, onFailure: pick(["throw", "nan"]) });
          ran++;
        }, json);
    }
  }, json);
}
if (Object.keys(Object.prototype).length > 0) console.log("Object.prototype was written to");
console.log(`loaded ${loaded > count / 20}, ran ${ran > count / 20}, failed ${failed > count / 4}`);
