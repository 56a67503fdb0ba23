// Built-ins that keep the typed arrays that pass through them; what they kept is transferred while jobs compute. A mistake here is a crash.
// Run with --expose-gc; argv[2] "before": the built-ins are replaced before the calls; "between": only when the inputs are made.
import { types } from "node:util";
import { add, BacksolveError, compile, eye, float64, linalg, mul, type Tensor, tensor, zeros } from "../../lib/index";

type F64 = Tensor<"float64">;
type Fn = (this: unknown, ...args: unknown[]) => unknown;
const { apply, construct, ownKeys } = Reflect;
const { isView } = ArrayBuffer;
const isBuffer = types.isArrayBuffer;
const [clone, isArray, define] = [structuredClone, Array.isArray, Object.defineProperty];
const gc = (globalThis as unknown as { gc(): void }).gc;
const bufferOf = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Uint8Array.prototype), "buffer")?.get as Fn;

const kept: { [i: number]: unknown; length: number } = { __proto__: null, length: 0 } as never;
function note(x: unknown, depth = 0): void {
  if (typeof x !== "object" || x === null) return;
  const buffer = isView(x) ? apply(bufferOf, x, []) : x;
  if (isBuffer(buffer)) {
    if (buffer.byteLength > 100_000) kept[kept.length++] = buffer; // not Node's own, without which it crashes by itself
  } else if (isArray(x) && depth < 2 && x.length < 20) for (let i = 0; i < x.length; i++) note(x[i], depth + 1);
}
const seen = { on: false };
const wrapped = (real: Fn): Fn =>
  function (this: unknown, ...args) {
    if (!seen.on) return apply(real, this, args);
    seen.on = false; // not what this does itself
    try {
      note(this);
      note(args);
      const out = apply(real, this, args);
      note(out);
      return out;
    } finally {
      seen.on = true;
    }
  };

/** Every function on these that can be replaced. */
function replace(holder: object, except: readonly PropertyKey[] = []): void {
  for (const key of ownKeys(holder)) {
    const d = Object.getOwnPropertyDescriptor(holder, key) as PropertyDescriptor;
    if (!d.configurable || key === "constructor" || except.includes(key)) continue;
    if (typeof d.value === "function") define(holder, key, { ...d, value: wrapped(d.value) });
    else if (d.get && key !== Symbol.toStringTag) define(holder, key, { ...d, get: wrapped(d.get) });
  }
}
const typed = Object.getPrototypeOf(Float64Array.prototype) as object;
function replaceAll(): void {
  for (const p of [Array.prototype, typed, Map.prototype, Set.prototype, WeakMap.prototype, Promise.prototype]) replace(p);
  for (const f of [Buffer, Array, Reflect, Object.getPrototypeOf(Float64Array)]) replace(f, ["prototype", Symbol.hasInstance]);
  replace(Function.prototype, [Symbol.hasInstance]);
  for (const p of [EventTarget.prototype, ArrayBuffer.prototype, MessagePort.prototype]) replace(p);
  for (const name of ["structuredClone", "setImmediate", "setTimeout"] as const)
    define(globalThis, name, { value: wrapped(globalThis[name] as Fn) });
  for (const name of ["Float64Array", "ArrayBuffer", "Uint8Array"] as const) {
    const real = globalThis[name] as unknown as new (...args: unknown[]) => object;
    const fake: typeof real = new Proxy(real, {
      construct(_, args, target) {
        const made = construct(real, args, target === fake ? real : target) as object;
        if (seen.on) note(made);
        return made;
      },
    });
    define(real.prototype, "constructor", { value: fake, configurable: true });
    define(globalThis, name, { value: fake });
  }
}
/** Moves all that was kept elsewhere, where it is freed. */
function take(): number {
  seen.on = false;
  let taken = 0;
  for (let i = 0; i < kept.length; i++) {
    try {
      clone(kept[i], { transfer: [kept[i] as ArrayBuffer] });
      taken++;
    } catch {} // gone already, or nobody's to give
    try {
      (kept[i] as { transfer?(): unknown }).transfer?.(); // takes external buffers, too
      taken++;
    } catch {}
    kept[i] = undefined;
  }
  kept.length = 0;
  gc();
  return taken;
}

const N = 500;
const program = compile((x: F64) => linalg.inv(x), float64(N, N));
const small = compile((x: F64) => linalg.cholesky(x), float64(4, 4));
const matrix = (): F64 => add(mul(eye(N), N), 1) as F64;
const batch = (): F64 => add(mul(eye(4), 4), zeros([3000, 4, 4])) as F64;
const moved = (): F64 => tensor(matrix().data.slice(), { shape: [N, N], transfer: true });
const calls: [make: () => F64, run: (t: F64) => Promise<F64>, want: F64][] = [
  [matrix, (t) => linalg.inv.async(t), linalg.inv(matrix())],
  [matrix, (t) => program.run([t]), linalg.inv(matrix())],
  [matrix, (t) => program.run([t], { onProgress: () => {}, signal: new AbortController().signal }), linalg.inv(matrix())],
  [matrix, async (t) => (await linalg.eigh.async(t)).w as F64, linalg.eigh(matrix()).w as F64],
  [moved, (t) => linalg.cholesky.async(t), linalg.cholesky(matrix())],
  [moved, (t) => linalg.solve.async(t, t), linalg.solve(matrix(), matrix())],
  [batch, (t) => small.run([t]), linalg.cholesky(batch())],
];

async function main(): Promise<void> {
  const before = process.argv[2] === "before";
  let [right, refused, taken] = [0, 0, 0];
  replaceAll();
  for (let round = 0; round < 2; round++) {
    for (const [make, run, want] of calls) {
      seen.on = before;
      const t = make();
      seen.on = true;
      try {
        const job = run(t);
        taken += take();
        seen.on = true;
        const got = await job;
        seen.on = false;
        const [a, b] = [got.toArray(), want.toArray()];
        if (JSON.stringify(a) !== JSON.stringify(b)) throw new Error(`a wrong result of ${run}`);
        right++;
      } catch (error) {
        seen.on = false;
        if (!(error instanceof BacksolveError) || error.code !== "ERR_ARGUMENT") throw error;
        refused++;
      }
      take();
    }
  }
  console.log(right > 0 && right + refused === 2 * calls.length && taken > 0);
}
void main();
