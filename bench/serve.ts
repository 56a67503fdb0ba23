// The side of a process in Node.js that speaks bench/protocol.ts; bench/peers/serve.py is that of Python.
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import type { Stored } from "./data";
import type { Failed, Hello, Prepare, Prepared, Time, Timed } from "./protocol";

/** Computes, and gives outputs, then gradients. */
export type Call = () => readonly unknown[];
export interface Side {
  /** A call for each set of operands; text: there is no fair form of the cell, and why. */
  make(request: Prepare): Call[] | string;
  numbersOf(result: unknown): ArrayLike<number>;
}

export function load({ path }: Stored, dtype: Prepare["dtype"]): Float64Array<ArrayBuffer> | Float32Array<ArrayBuffer> {
  const { buffer, byteOffset, byteLength } = readFileSync(path);
  const bytes = buffer.slice(byteOffset, byteOffset + byteLength) as ArrayBuffer;
  return dtype === "float64" ? new Float64Array(bytes) : new Float32Array(bytes);
}

function sumOf(numbers: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < numbers.length; i++) sum += Math.abs(numbers[i] as number);
  return sum;
}

function timed(calls: readonly Call[], count: number): Timed {
  const used = process.resourceUsage().minorPageFault;
  const cpu = process.cpuUsage();
  const start = performance.now();
  for (let i = 0, k = 0; i < count; i++, k = k + 1 === calls.length ? 0 : k + 1) (calls[k] as Call)();
  const wall = (performance.now() - start) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  return { wall, cpu: (user + system) / 1e6, faults: process.resourceUsage().minorPageFault - used };
}

export function serve(hello: Hello, { make, numbersOf }: Side): void {
  const say = (message: Hello | Prepared | Timed | Failed): void => void process.stdout.write(`${JSON.stringify(message)}\n`);
  let calls: readonly Call[] = [];
  const prepare = (request: Prepare): Prepared => {
    calls = [];
    const made = make(request);
    if (typeof made === "string") return { skip: made };
    const start = performance.now();
    const results = (made[0] as Call)();
    const first = (performance.now() - start) / 1000;
    calls = made;
    return { first, sums: results.map((r) => sumOf(numbersOf(r))) };
  };
  say(hello);
  createInterface({ input: process.stdin }).on("line", (line) => {
    const request = JSON.parse(line) as Prepare | Time;
    try {
      say(request.do === "prepare" ? prepare(request) : timed(calls, request.calls));
    } catch (error) {
      say({ error: String(error) });
    }
  });
}
