// What random.json says (tools/goldens/random_numbers.py), against this process's instruction set; also run as a program of its own, by
// random.test.ts with BACKSOLVE_ISA set.
import { strictEqual } from "node:assert";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { binding } from "../lib/boundary/addon";
import { type AnyArray, allocate, dtypes, type Float } from "../lib/core/dtype";
import { info, type Key, random } from "../lib/index";

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

export const keyOf = ([hi, lo]: readonly [number, number]): Key => ({ hi: hi | 0, lo: lo | 0 });
export function drawn({ kind, key, dtype, low = 0, high = 1 }: Case, size: number): AnyArray {
  return (kind === "normal" ? random.normal(keyOf(key), size, { dtype }) : random.uniform(keyOf(key), size, { dtype, low, high })).data;
}

/** Numbers from `first` on, which no tensor small enough for a test has. */
export function numbersFrom({ kind, key, dtype }: Case, first: number, size: number): AnyArray {
  const array = allocate(dtype, size);
  const code = kind === "normal" ? 2 : 0;
  binding().fillRandom(Float64Array.of(code, dtypes[dtype].code, ...key, first / 256, 0, 1), array);
  return array;
}

/** FNV-1a over the 32-bit words of an array. */
export function hashOf(array: AnyArray): number {
  const words = new Uint32Array(array.buffer, array.byteOffset, array.byteLength / 4);
  let h = 2166136261;
  for (const w of words) h = Math.imul(h ^ w, 16777619);
  return h >>> 0;
}

export function checkGolden(): void {
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
