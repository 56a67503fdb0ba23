// What random.json says (tools/goldens/random_numbers.py), against this process's instruction set; also run as a program of its own, by
// random.test.ts with BACKSOLVE_ISA set.
import { deepStrictEqual, strictEqual } from "node:assert";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { NativeCall } from "../lib/boundary/descriptor";
import { type AnyArray, allocate, dtypes, type Float } from "../lib/core/dtype";
import { info, type Key, random, tensor } from "../lib/index";

interface Case {
  readonly kind: "uniform" | "normal";
  readonly key: readonly [number, number];
  readonly dtype: Float;
  readonly low?: number;
  readonly high?: number;
}
export interface Golden {
  readonly numbers: readonly (Case & { first: number; data: readonly number[]; exact?: readonly number[] })[];
  readonly long: readonly (Case & { count: number; hash: number })[];
}
export const golden = JSON.parse(readFileSync(join(__dirname, "golden/random.json"), "utf8")) as Golden;

export const keyOf = (words: readonly [number, number]): Key => tensor(Int32Array.from(words, (x) => x | 0));
export function drawn({ kind, key, dtype, low = 0, high = 1 }: Case, size: number): AnyArray {
  return (kind === "normal" ? random.normal(keyOf(key), size, { dtype }) : random.uniform(keyOf(key), size, { dtype, low, high })).data;
}

/** Numbers from `first` on, which no tensor small enough for a test has. */
export function numbersFrom({ kind, key, dtype }: Case, first: number, size: number): AnyArray {
  const array = allocate(dtype, size);
  const kernel = `random${kind === "normal" ? "Normal" : "Unit"}${dtype[0]?.toUpperCase()}${dtype.slice(1)}`;
  const [types, attrs] = [{ key: { dtype: "int32", shape: [2] }, x: { dtype, shape: [size] } } as const, [first / 256]];
  const call = new NativeCall({ kernel, dtype: "int32", attrs, inputs: [types.key], outputs: [types.x] });
  call.run(false, [Int32Array.from(key, (x) => x | 0), array]);
  return array;
}

/** FNV-1a over the 32-bit words of an array. */
export function hashOf(array: AnyArray): number {
  const words = new Uint32Array(array.buffer, array.byteOffset, array.byteLength / 4);
  let h = 2166136261;
  for (const w of words) h = Math.imul(h ^ w, 16777619);
  return h >>> 0;
}

const ROTATIONS = [13, 15, 26, 6, 17, 29, 16, 24] as const;
/** Threefry-2x32 of a counter, as the paper has it. */
function threefry([hi, lo]: readonly [number, number], counterHi: number, counterLo: number): [number, number] {
  const keys = [hi, lo, hi ^ lo ^ 0x1bd11bda] as const;
  let [x, y] = [(counterHi + hi) | 0, (counterLo + lo) | 0];
  for (let round = 0; round < 20; round++) {
    const r = ROTATIONS[round % 8] as number;
    x = (x + y) | 0;
    y = ((y << r) | (y >>> (32 - r))) ^ x;
    if (round % 4 !== 3) continue;
    const s = (round + 1) / 4;
    x = (x + (keys[s % 3] as number)) | 0;
    y = (y + (keys[(s + 1) % 3] as number) + s) | 0;
  }
  return [x, y];
}
/** Key i of a split has the words of counter i in a range of its own. */
function checkSplit(): void {
  const words = [7, 2 ** 32 - 3] as const;
  for (const n of [0, 1, 2, 3, 17, 127, 128, 129, 1000])
    for (const [i, key] of random.split(keyOf(words), n).entries()) deepStrictEqual([...key.data], threefry(words, 0x73706c74, i));
}

export function checkGolden(): void {
  checkSplit();
  for (const c of golden.numbers) {
    const size = c.data.length / dtypes[c.dtype].width;
    const got = c.first === 0 ? drawn(c, size) : numbersFrom(c, c.first, size);
    c.data.forEach((x, i) => {
      strictEqual(got[i], x, `${c.kind} ${c.dtype} of key ${c.key} in [${c.low}, ${c.high}), number ${c.first + i}`);
    });
  }
  for (const c of golden.long)
    strictEqual(hashOf(drawn(c, c.count)), c.hash, `${c.count} numbers: ${c.kind} ${c.dtype} in [${c.low}, ${c.high})`);
}

if (require.main === module) {
  strictEqual(info().isa, process.env.BACKSOLVE_ISA);
  checkGolden();
  console.log(`${info().isa} gives the same numbers`);
}
