// Counter-based random numbers: Threefry-2x32 with 20 rounds (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3"). The same
// numbers on every platform: integer arithmetic, and V8's own log, sin and cos.

import { optionsOf, withoutOptions } from "../core/attrs";
import { allocate, checkDType, type DType, type Float, isComplex, isDType, isFloat } from "../core/dtype";
import { ArgumentError, DtypeError, describe } from "../core/errors";
import { guard } from "../core/native";
import { checkShape, type Shape, sizeOf, type Tensor, wrap } from "../core/tensor";

/** The state of a stream: two 32-bit words. Immutable; use each key once, and `split` for more. */
export interface Key {
  readonly hi: number;
  readonly lo: number;
}

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

// 53 random bits in (0, 1): never 0, so that its logarithm is finite
const unit = (k: Key, i: number): number => {
  const [a, b] = threefry(k, Math.floor(i / 2 ** 32), i >>> 0);
  return ((a >>> 5) * 67108864 + (b >>> 6) + 0.5) / 9007199254740992;
};

export interface RandomOptions<D extends Float> {
  readonly dtype?: D;
}

function draw<D extends Float>(op: string, shape: Shape | number, options: RandomOptions<D>, at: (i: number) => number): Tensor<D> {
  const dtype: DType = checkDType(op, options.dtype ?? "float64");
  if (!isFloat(dtype)) throw new DtypeError(op, `dtype must be floating, got ${dtype}.`);
  const dims = checkShape(op, shape);
  const array = guard(op, () => allocate(dtype, sizeOf(dims)));
  for (let i = 0; i < array.length; i++) array[i] = at(i);
  return wrap(dtype, dims, array) as Tensor<D>;
}

/** Uniform numbers in (low, high); complex: both parts. */
function uniform<D extends Float = "float64">(
  from: Key | number,
  shape: Shape | number,
  options: RandomOptions<D> & { readonly low?: number; readonly high?: number } = {},
): Tensor<D> {
  const k = checkKey("random.uniform", from);
  const { low = 0, high = 1 } = optionsOf("random.uniform", options, ["dtype", "low", "high"]);
  if (!Number.isFinite(low) || !Number.isFinite(high)) throw new ArgumentError("random.uniform", "low and high must be finite numbers.");
  return draw("random.uniform", shape, options, (i) => low + (high - low) * unit(k, i));
}

/** Standard normal numbers (Box-Muller); complex: independent parts of variance 1/2, so that E|z|² = 1, as in NumPy-like libraries. */
function normal<D extends Float = "float64">(from: Key | number, shape: Shape | number, options: RandomOptions<D> = {}): Tensor<D> {
  const k = checkKey("random.normal", from);
  const { dtype } = optionsOf("random.normal", options, ["dtype"]);
  const scale = isDType(dtype) && isComplex(dtype) ? Math.SQRT1_2 : 1;
  return draw("random.normal", shape, options, (i) => {
    const pair = i - (i % 2);
    const radius = scale * Math.sqrt(-2 * Math.log(unit(k, pair)));
    const angle = 2 * Math.PI * unit(k, pair + 1);
    return radius * (i % 2 === 0 ? Math.cos(angle) : Math.sin(angle));
  });
}

export const random = {
  key: withoutOptions("random.key", 1, key),
  split: withoutOptions("random.split", 2, split),
  uniform,
  normal,
};
