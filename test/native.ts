// The addon by itself, without the TypeScript that checks what is sent to it (docs/native-boundary.md).
import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import { join } from "node:path";
import { expect } from "chai";

const binary = process.env.BACKSOLVE_BINARY ?? join(process.cwd(), "build/Release/backsolve.node");
type Result = Float64Array | undefined;
export interface Job {
  promise: Promise<Result>;
}
export interface Native {
  kernels(): { id: number; name: string }[];
  run(...args: unknown[]): Result;
  prepare(descriptor: unknown): number;
  call(...args: unknown[]): Result;
  forget(plans: unknown): void;
  runAsync(...args: unknown[]): Job;
  createProgram(...args: unknown[]): object;
  runProgram(...args: unknown[]): Result;
  runProgramAsync(...args: unknown[]): Job;
  explainProgram(...args: unknown[]): string;
  cancel(job: unknown): void;
  done(job: unknown): number;
  outputs(job: unknown): (Float64Array | undefined)[];
  copyOutput(...args: unknown[]): number;
  own(array: unknown): Float64Array;
  owned(array: unknown): boolean;
  give(array: unknown, to: unknown): void;
  info(): { threads: number };
  plansMade(): number;
  setThreads(n: unknown): void;
}
export const native: Native = createRequire(join(process.cwd(), "package.json"))(binary);
export const id = (name: string): number => native.kernels().find((k) => k.name === name)!.id;

export const F64 = 1;
export const operand = (...dims: number[]): number[] => [1, F64, dims.length, ...dims, 0];
export const cholesky = (flags: number, ...dims: number[]): Float64Array =>
  Float64Array.from([id("cholesky"), flags, F64, 0, 2, ...operand(...dims), ...operand(...dims)]);
/** The descriptor of the same call as a job: a number per input, 1 where nobody outside can write to it. */
export const job = (descriptor: Float64Array, ...quiet: number[]): Float64Array =>
  Float64Array.from([...descriptor, ...(quiet.length > 0 ? quiet : [0])]);
export const spd = (n: number): Float64Array => Float64Array.from({ length: n * n }, (_, i) => (i % (n + 1) === 0 ? n : 0.5));
/** One program: L = cholesky(A), items of n x n. */
export const program = (n: number): number[] => [2, 1, 2, F64, 2, n, n, F64, 2, n, n, 1, 0, 0, 1, id("cholesky"), F64, 0, 1, 0, 1, 1, 1, 1];
export const batchRun = (flags: number, items: number, n: number): Float64Array => Float64Array.from([flags, 0, 0, 0, 1, items, n * n, 0]);

/** Takes the memory away from an array. */
export const transfer = (a: Float64Array): unknown => structuredClone(a.buffer, { transfer: [a.buffer as ArrayBuffer] });

/** What the addon throws, which may be none of the package's errors. */
export const refusal = (f: () => unknown): Error & { code?: string } => {
  try {
    f();
  } catch (error) {
    expect(error).to.be.instanceOf(Error);
    return error as Error;
  }
  throw new Error("nothing was thrown");
};

interface Limits {
  readonly node?: readonly string[]; // options of node
  readonly memory?: number; // KiB of addresses, on Linux
}
/** Runs node with these arguments. It has a minute: other tests compute beside it. */
function inProcess(args: readonly string[], { node = [], memory }: Limits) {
  // The trap handler of WebAssembly, which node's loaders use, reserves more addresses than a limit allows.
  const command = [process.execPath, ...node, "--disable-wasm-trap-handler", ...args];
  const [file, ...rest] =
    memory !== undefined && process.platform === "linux" ? ["/bin/sh", "-c", `ulimit -v ${memory}; exec "$@"`, "sh", ...command] : command;
  return spawnSync(file as string, rest, { encoding: "utf8", timeout: 180_000 });
}

interface Child {
  readonly inWorker?: boolean;
  readonly args?: readonly string[];
  readonly memory?: number;
}
/** Runs a script in a process of its own; `native`, `id`, `cholesky`, `spd` and `program` are there. Returns its output. */
export function child(script: string, { inWorker = false, args = [], ...limits }: Child = {}): string {
  const helpers = `
    const native = require(${JSON.stringify(binary)});
    const id = (name) => native.kernels().find((k) => k.name === name).id;
    const F64 = 1, operand = (...d) => [1, F64, d.length, ...d, 0];
    const cholesky = (flags, ...d) => Float64Array.from([id("cholesky"), flags, F64, 0, 2, ...operand(...d), ...operand(...d)]);
    const start = (d, ...inputs) => native.runAsync(Float64Array.from([...d, ...inputs.map(() => 0)]), ...inputs);
    const spd = (n) => Float64Array.from({ length: n * n }, (_, i) => (i % (n + 1) === 0 ? n : 0.5));
    const program = (n) => [2, 1, 2, F64, 2, n, n, F64, 2, n, n, 1, 0, 0, 1, id("cholesky"), F64, 0, 1, 0, 1, 1, 1, 1];
  `;
  const body = inWorker ? script.replace("HELPERS", () => JSON.stringify(helpers)) : helpers + script;
  const done = inProcess(["-e", body, ...args], { ...limits, node: ["--expose-gc"] });
  expect(`${done.signal} ${done.status} ${done.stderr}`).to.equal("null 0 ");
  return done.stdout.trim();
}

/** Runs test/hostile/<file> in a process of its own. @throws where a signal ends it, or it says that something is wrong. */
export function script(file: string, args: readonly (string | number)[] = [], limits: Limits = {}): [code: number | null, out: string] {
  const done = inProcess(["-r", "tsx/cjs", `test/hostile/${file}`, ...args.map(String)], limits);
  expect(`${args} ${done.signal} ${done.stderr}`).to.equal(`${args} null `);
  return [done.status, done.stdout];
}
