// Our side: a process that prepares and times cells through the public API of a built package. Argument: the folder whose dist/ is used.
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { rowOf } from "./cells";
import type { Stored } from "./data";
import type { Failed, Hello, Prepare, Prepared, Time, Timed } from "./protocol";
import type { Backsolve, Row, T } from "./table/row";

const b = require(join(resolve(process.argv[2] ?? "."), "dist/index.js")) as Backsolve;

function load({ path, shape }: Stored, dtype: Prepare["dtype"]): T {
  const { buffer, byteOffset, byteLength } = readFileSync(path);
  const bytes = buffer.slice(byteOffset, byteOffset + byteLength);
  const flat = dtype === "float64" ? b.tensor(new Float64Array(bytes)) : (b.tensor(new Float32Array(bytes)) as unknown as T);
  return b.reshape(flat, shape);
}

/** A call for each set of operands, which gives outputs, then gradients. */
function callsOf(row: Row, { dtype, way, sets }: Prepare): (() => readonly T[])[] {
  const f = (...args: T[]): T[] => row.call(b, ...args);
  return sets.map(({ inputs, cotangents }) => {
    const args = inputs.map((s) => load(s, dtype));
    if (way === "forward") return () => f(...args);
    const g = cotangents.map((s) => load(s, dtype));
    return () => {
      const { value, pullback } = b.vjp(f, ...args);
      return [...value, ...pullback(g)] as T[];
    };
  });
}

const sumOf = (t: T): number => (t.data as Float64Array).reduce((s: number, x: number) => s + Math.abs(x), 0);

let calls: (() => readonly T[])[] = [];
function prepare(request: Prepare): Prepared {
  calls = [];
  const made = callsOf(rowOf(request.op), request);
  const start = performance.now();
  const results = (made[0] as () => readonly T[])();
  const first = (performance.now() - start) / 1000;
  calls = made;
  return { first, sums: results.map(sumOf) };
}

function time({ calls: count }: Time): Timed {
  const used = process.resourceUsage().minorPageFault;
  const cpu = process.cpuUsage();
  const start = performance.now();
  for (let i = 0, k = 0; i < count; i++, k = k + 1 === calls.length ? 0 : k + 1) (calls[k] as () => unknown)();
  const wall = (performance.now() - start) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  return { wall, cpu: (user + system) / 1e6, faults: process.resourceUsage().minorPageFault - used };
}

const say = (message: Hello | Prepared | Timed | Failed): void => void process.stdout.write(`${JSON.stringify(message)}\n`);

b.setThreads(Number(process.env.BACKSOLVE_BENCH_THREADS ?? 1));
const { blas, isa } = b.info();
say({ name: "backsolve", version: `${isa}, ${blas}` });
createInterface({ input: process.stdin }).on("line", (line) => {
  const request = JSON.parse(line) as Prepare | Time;
  try {
    say(request.do === "prepare" ? prepare(request) : time(request));
  } catch (error) {
    say({ error: String(error) });
  }
});
