// Random calls of everything public. Prints what was thrown that is no error of the package; a crash shows by itself.
import { rowNames } from "../../lib/core/registry";
import * as backsolve from "../../lib/index";
import { randoms } from "./randoms";

const { BacksolveError, isTensor, linalg, random: rng, registry, tensor } = backsolve;
const calls = Number(process.argv[2]);
const next = randoms(Number(process.argv[3] ?? 0x1234abcd));
const pick = <X>(list: readonly X[]): X => list[Math.floor(next() * list.length)] as X;
const below = (n: number): number => Math.floor(next() * n);

type Any = (...args: unknown[]) => unknown;
const functions: Record<string, Any> = {};
// What defines ops, acts on the process, or is no function for users.
const skip = new Set(["defineOp", "registerGradient", "setThreads", "native", "info", "flag", "int", "ints", "oneOf"]);
for (const group of [backsolve, linalg, rng] as Record<string, unknown>[]) {
  for (const [name, f] of Object.entries(group)) {
    if (typeof f !== "function" || skip.has(name) || /^[A-Z]/.test(name)) continue;
    functions[name] = f as Any;
    const { checked } = f as { checked?: Any };
    if (checked) functions[`${name}.checked`] = checked;
  }
}
for (const name of rowNames()) functions[`op ${name}`] = registry.op(name) as Any;

const DTYPES = ["float32", "float64", "complex64", "complex128", "bool", "int32"] as const;
const SIZES = [0, 1, 1, 2, 2, 2, 3, 4, 5];
const shape = (): number[] => {
  const n = pick(SIZES);
  return pick([[], [n], [n, n], [n, n], [n, n], [3, n, n], [2, 1, n, n], [n, 2], [2, n], [pick(SIZES), pick(SIZES), pick(SIZES)]]);
};
function sample(): unknown {
  const dims = shape();
  const dtype = next() < 0.7 ? "float64" : pick(DTYPES);
  const size = dims.reduce((n, d) => n * d, 1);
  const fill = pick([() => next() * 2 - 1, () => 0, () => below(5) - 1, () => (next() < 0.1 ? Number.NaN : 1), () => 1e300]);
  const width = dtype.startsWith("complex") ? 2 : 1;
  const kind = {
    float32: Float32Array,
    complex64: Float32Array,
    float64: Float64Array,
    complex128: Float64Array,
    bool: Uint8Array,
    int32: Int32Array,
  }[dtype];
  const make = tensor as Any;
  return make(new kind(Array.from({ length: size * width }, fill)), { shape: dims, dtype });
}
const circular: unknown[] = [];
circular.push(circular);
const WRONG: readonly unknown[] = [
  undefined,
  null,
  true,
  false,
  "",
  "float32",
  "left",
  "x",
  1n,
  Symbol("s"),
  Number.NaN,
  Infinity,
  -Infinity,
  -1,
  -0,
  0.5,
  2 ** 36,
  2 ** 40,
  2 ** 53,
  1e308,
  [],
  {},
  [1, 2],
  [[1], [2, 3]],
  [-1],
  [0.5],
  ["3"],
  [2 ** 40, 2 ** 40],
  new Array(20).fill(1),
  circular,
  () => 1,
  (x: unknown) => x,
  new Date(0),
  /x/,
  new Map(),
  new Float64Array(4),
  new Uint8Array(3),
  new DataView(new ArrayBuffer(8)),
  new ArrayBuffer(8),
  Object.create(null),
  new Proxy({}, {}),
  Object.create(backsolve.Tensor.prototype),
  { [Symbol.for("backsolve.tensor")]: true },
  { [Symbol.for("backsolve.tensor")]: true, shape: [2], dtype: "float64", data: new Float64Array(1) },
  Promise.resolve(1),
];
const NAMES = [
  "axis",
  "keepDims",
  "k",
  "dtype",
  "adjoint",
  "transpose",
  "lower",
  "side",
  "unitDiagonal",
  "adjointA",
  "adjointB",
  "onFailure",
  "out",
  "p",
  "triangle",
  "degenerate",
  "checks",
  "shape",
  "start",
  "size",
  "axes",
  "rows",
  "columns",
  "low",
  "high",
  "argnums",
  "signal",
  "f",
  "inverse",
  "zzz",
  "__proto__",
];
const RIGHT: readonly unknown[] = [
  true,
  false,
  0,
  1,
  2,
  -1,
  [0],
  [1, 0],
  [2, 2],
  [0, 0],
  "left",
  "right",
  "nan",
  "throw",
  "lower",
  "full",
  "mask",
  "exp",
  "float32",
  "complex128",
];
const options = (): unknown => {
  const o: Record<string, unknown> = {};
  for (let k = below(3); k > 0; k--) {
    const value = next() < 0.7 ? pick(RIGHT) : next() < 0.5 ? sample() : pick(WRONG);
    Object.defineProperty(o, pick(NAMES), { value, enumerable: true, configurable: true });
  }
  return o;
};
const argument = (): unknown => {
  const r = next();
  return r < 0.62 ? sample() : r < 0.7 ? below(4) - 1 : r < 0.8 ? options() : r < 0.86 ? pick(RIGHT) : pick(WRONG);
};
const deep = (x: unknown): unknown => {
  let tree = x;
  for (let k = 0; k < 1000; k++) tree = next() < 0.5 ? [tree] : { a: tree };
  return tree;
};

async function main(): Promise<void> {
  const strange = new Map<string, string>();
  let answered = 0;
  const note = (name: string, args: readonly unknown[], error: unknown): void => {
    if (error instanceof BacksolveError) {
      if (!error.message.includes("undefined (reading") && error.code !== "ERR_INTERNAL" && error.op !== "" && error.message.length < 2000)
        return;
    }
    const text = String((error as Error)?.stack ?? error)
      .split("\n")
      .slice(0, 4)
      .join(" | ");
    if (!strange.has(`${name} ${text}`))
      strange.set(`${name} ${text}`, args.map((a) => (isTensor(a) ? `${a.dtype}[${a.shape}]` : typeof a)).join(", "));
  };
  const names = Object.keys(functions);
  const waiting: Promise<unknown>[] = [];
  for (let i = 0; i < calls; i++) {
    const name = pick(names);
    const f = functions[name] as Any & { async?: Any };
    const args = Array.from({ length: pick([0, 1, 1, 1, 2, 2, 2, 2, 3, 3, 4]) }, argument);
    if (next() < 0.01) args[0] = deep(args[0]);
    try {
      let result: unknown;
      if (f.async && next() < 0.1) {
        waiting.push((f.async(...args) as Promise<unknown>).catch((e: unknown) => note(`${name}.async`, args, e)));
        if (waiting.length > 50) await Promise.all(waiting.splice(0));
      } else if (next() < 0.1 && isTensor(args[0])) {
        result = backsolve.grad((...xs: unknown[]) => backsolve.sum(f(...xs) as never))(...(args as never[]));
      } else if (next() < 0.05) {
        const specs = args.map((a) =>
          isTensor(a) && a.dtype in backsolve ? (backsolve as never as Record<string, Any>)[a.dtype]?.(...a.shape) : a,
        );
        result = backsolve.compile(((...xs: unknown[]) => f(...xs)) as never, ...(specs as never[])).runSync(args as never);
      } else result = f(...args);
      if (isTensor(result)) {
        answered++;
        void [result.size, result.rank, result.data.length];
      }
      if (typeof result === "function") (result as Any)(...args);
    } catch (error) {
      note(name, args, error);
    }
  }
  await Promise.all(waiting);
  for (const [what, args] of strange) console.log(`${what} (${args})`);
  console.log(`answered ${answered > calls / 20}`);
}
void main();
