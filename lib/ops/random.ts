// Counter-based random numbers: Threefry-2x32 with 20 rounds (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3"). Array
// element i of a draw is a function of the key and of i alone, to the bit, on every processor: native/lanes/kernels/random.cc.

import { binding } from "../boundary/addon";
import { optionsOf, withoutOptions } from "../core/attrs";
import { type AnyArray, allocate, checkDType, type DType, dtypes, type Float, isFloat, roundedUp } from "../core/dtype";
import { ArgumentError, DtypeError, describe, guard } from "../core/errors";
import type { Key } from "../core/key";
import { checkShape, type Shape, sizeOf, type Tensor, wrap } from "../core/tensor";

export type { Key };

const ROTATIONS = [13, 15, 26, 6, 17, 29, 16, 24] as const;
const PARITY = 0x1bd11bda;

function threefry({ hi, lo }: Key, counterHi: number, counterLo: number): [number, number] {
  const keys = [hi, lo, hi ^ lo ^ PARITY] as const;
  let x = (counterHi + hi) | 0;
  let y = (counterLo + lo) | 0;
  for (let round = 0; round < 20; round++) {
    const r = ROTATIONS[round % 8] as number;
    x = (x + y) | 0;
    y = ((y << r) | (y >>> (32 - r))) ^ x;
    if (round % 4 === 3) {
      const s = (round + 1) / 4;
      x = (x + (keys[s % 3] as number)) | 0;
      y = (y + (keys[(s + 1) % 3] as number) + s) | 0;
    }
  }
  return [x >>> 0, y >>> 0];
}

function key(seed: number): Key {
  if (!Number.isSafeInteger(seed) || seed < 0)
    throw new ArgumentError("random.key", `seed must be a non-negative integer, got ${describe(seed)}.`);
  return Object.freeze({ hi: Math.floor(seed / 2 ** 32) | 0, lo: seed | 0 });
}

function checkKey(op: string, given: Key | number): Key {
  if (typeof given === "number") return key(given);
  if (typeof given === "object" && given !== null) {
    const { hi, lo } = given;
    if (Number.isInteger(hi) && Number.isInteger(lo)) return { hi, lo };
  }
  throw new ArgumentError(op, `key must be random.key(seed) or a seed, got ${describe(given)}.`);
}

const MAX_KEYS = 2 ** 20; // they are objects: more of them could fill the heap, which ends the process

/** n keys of independent streams. */
function split(from: Key | number, n = 2): Key[] {
  const k = checkKey("random.split", from);
  if (!Number.isSafeInteger(n) || n < 0 || n > MAX_KEYS)
    throw new ArgumentError("random.split", `n must be an integer from 0 to ${MAX_KEYS}, got ${describe(n)}.`);
  return Array.from({ length: n }, (_, i) => {
    const [hi, lo] = threefry(k, 0x73706c74, i); // a counter range that draws below never use
    return Object.freeze({ hi: hi | 0, lo: lo | 0 });
  });
}

export interface RandomOptions<D extends Float> {
  readonly dtype?: D;
}
export interface UniformOptions<D extends Float> extends RandomOptions<D> {
  readonly low?: number;
  readonly high?: number;
}

function floating<D extends Float>(op: string, dtype: D | undefined): D {
  const kind: DType = checkDType(op, dtype ?? "float64");
  if (!isFloat(kind)) throw new DtypeError(op, `dtype must be floating, got ${kind}.`);
  return kind as D;
}

type Write = (array: AnyArray) => unknown;
function drawn<D extends Float>(op: string, shape: Shape | number, dtype: D, write: Write): Tensor<D> {
  const dims = checkShape(op, shape);
  return guard(op, () => {
    const array = allocate(dtype, sizeOf(dims));
    write(array);
    return wrap(dtype, dims, array);
  });
}

const KINDS = { unit: 0, uniform: 1, normal: 2 } as const; // of native/kernels/random.h
const numbers =
  (kind: keyof typeof KINDS, k: Key, dtype: Float, low = 0, high = 1): Write =>
  (array) =>
    binding().fillRandom(Float64Array.of(KINDS[kind], dtypes[dtype].code, k.hi >>> 0, k.lo >>> 0, 0, low, high), array);

/**
 * Uniform numbers in [low, high), by default in (0, 1); low where both are equal; complex: both parts. They are low + (high - low) u of 53
 * random bits, rounded down to the dtype: never high, and in an interval of few numbers each comes as often as every other. By default u
 * itself, rounded to the nearest number below 1.
 * @throws ArgumentError where low is greater than high, one of them is not finite in the dtype, or no number of it lies between them.
 */
function uniform<D extends Float = "float64">(from: Key | number, shape: Shape | number, options: UniformOptions<D> = {}): Tensor<D> {
  const op = "random.uniform";
  const k = checkKey(op, from);
  const { dtype: given, low = 0, high = 1 } = optionsOf(op, options, ["dtype", "low", "high"]);
  const dtype = floating(op, given);
  if (!Number.isFinite(low) || !Number.isFinite(high))
    throw new ArgumentError(op, `low and high must be finite numbers, got ${describe(low)} and ${describe(high)}.`);
  if (low > high) throw new ArgumentError(op, `low must not be greater than high, got ${low} and ${high}.`);
  if (low === 0 && high === 1) return drawn(op, shape, dtype, numbers("unit", k, dtype));
  const [first, end] = [roundedUp(dtype, low), roundedUp(dtype, high)];
  if (!Number.isFinite(first) || !Number.isFinite(end))
    throw new ArgumentError(op, `low and high must be finite in ${dtype}, got ${low} and ${high}.`);
  if (low === high) return drawn(op, shape, dtype, (array) => array.fill(low));
  if (first === end) throw new ArgumentError(op, `no number of ${dtype} is at least ${low} and less than ${high}.`);
  return drawn(op, shape, dtype, numbers("uniform", k, dtype, first, end));
}

/** Standard normal numbers (Box-Muller); complex: independent parts of variance 1/2, so that E|z|² = 1, as in NumPy-like libraries. */
function normal<D extends Float = "float64">(from: Key | number, shape: Shape | number, options: RandomOptions<D> = {}): Tensor<D> {
  const k = checkKey("random.normal", from);
  const { dtype } = optionsOf("random.normal", options, ["dtype"]);
  const kind = floating("random.normal", dtype);
  return drawn("random.normal", shape, kind, numbers("normal", k, kind));
}

export const random = {
  key: withoutOptions("random.key", 1, key),
  split: withoutOptions("random.split", 2, split),
  uniform,
  normal,
};
