// Counter-based random numbers: Threefry-2x32 with 20 rounds (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3"). Array
// element i of a draw is a function of the key and of i alone, to the bit, on every processor: native/lanes/kernels/random.cc. A draw is an op on
// its key, so that where keys differ from item to item, or from step to step, numbers do.

import { apply, call } from "../core/apply";
import { int, ints, oneOf, optionsOf, real, withoutOptions } from "../core/attrs";
import { attrsOf } from "../core/bind";
import { checkDType, type DType, type Float, isFloat, realOf, roundedUp } from "../core/dtype";
import { ArgumentError, DtypeError, describe, ShapeError } from "../core/errors";
import type { Key } from "../core/key";
import { areData } from "../core/levels";
import { defineOp } from "../core/op";
import { type AnyRow, type Attrs, native } from "../core/row";
import { adopt, blank, checkShape, type Shape, shapeText, storageOf, type Tensor } from "../core/tensor";

export type { Key };

const [UNIFORM, NORMAL, SPLIT] = ["random.uniform", "random.normal", "random.split"] as const;

// ---- Rows: a draw per key, for any leading dimensions of keys ----

const KERNELS = { float32: "Float32", float64: "Float64", complex64: "Complex64", complex128: "Complex128" } as const;
type Drawn = keyof typeof KERNELS;
const DTYPES = Object.keys(KERNELS) as Drawn[];

const WORDS = 2;
const wanted = "key must be an int32 tensor of shape [2], as random.key(seed) gives, or a seed";
/** The leading dimensions of keys. */
function batchOf(op: string, keys: Shape): Shape {
  if (keys.at(-1) === WORDS) return keys.slice(0, -1);
  throw new ShapeError(op, `${wanted}, got shape ${shapeText(keys)}.`);
}

const common = {
  hidden: true,
  inputs: ["key"],
  outputs: ["x"],
  types: "any",
  vjp: () => ({}), // numbers drawn do not depend on what has a derivative
} as const;
const draws = {
  ...common,
  attrs: { shape: ints(), dtype: oneOf(DTYPES, "float64") },
  dtypes: ({ dtype }: { dtype: Drawn }) => ({ key: "int32", x: dtype }) as const,
  samples: (n: number) => DTYPES.map((dtype, i) => ({ shapes: { key: i % 2 === 0 ? [2] : [3, 2] }, attrs: { shape: [n, i], dtype } })),
};
const FROM_FIRST = 0; // of the stream: docs/native-boundary.md

const normalOp = defineOp({
  ...draws,
  name: "randomNormal",
  publicName: NORMAL,
  infer: ({ key }, { shape }) => ({ x: [...batchOf(NORMAL, key), ...checkShape(NORMAL, shape)] }),
  kernel: native(
    ({ dtype }) => `randomNormal${KERNELS[dtype as Drawn]}`,
    () => [FROM_FIRST],
  ),
});

interface Interval {
  readonly dtype: Drawn;
  readonly low: number;
  readonly high: number;
}
const isUnit = ({ low, high }: Pick<Interval, "low" | "high">): boolean => low === 0 && high === 1;
const wrong = (text: string): ArgumentError => new ArgumentError(UNIFORM, text);
/** The ends as the kernel takes them: numbers of the dtype, of which there is one between them, or equal. @throws ArgumentError for others. */
function interval({ dtype, low, high }: Interval): readonly [number, number] {
  if (!Number.isFinite(low) || !Number.isFinite(high))
    throw wrong(`low and high must be finite numbers, got ${describe(low)} and ${describe(high)}.`);
  if (low > high) throw wrong(`low must not be greater than high, got ${low} and ${high}.`);
  const [first, end] = [roundedUp(dtype, low), roundedUp(dtype, high)];
  if (!Number.isFinite(first) || !Number.isFinite(end)) throw wrong(`low and high must be finite in ${dtype}, got ${low} and ${high}.`);
  if (low === high) {
    const near = realOf(dtype) === "float32" ? Math.fround(low) : low;
    return [near, near];
  }
  if (first === end) throw wrong(`no number of ${dtype} is at least ${low} and less than ${high}.`);
  return [first, end];
}

const uniformOp = defineOp({
  ...draws,
  name: "randomUniform",
  publicName: UNIFORM,
  attrs: { ...draws.attrs, low: real(0), high: real(1) },
  infer: ({ key }, attrs) => {
    interval(attrs);
    return { x: [...batchOf(UNIFORM, key), ...checkShape(UNIFORM, attrs.shape)] };
  },
  samples: (n) => draws.samples(n).map((s, i) => (i < 2 ? s : { ...s, attrs: { ...s.attrs, low: -1, high: 3 - i } })),
  kernel: native(
    ({ dtype, low, high }) => `random${isUnit({ low, high }) ? "Unit" : "Uniform"}${KERNELS[dtype as Drawn]}`,
    (attrs: Interval) => (isUnit(attrs) ? [FROM_FIRST] : [FROM_FIRST, ...interval(attrs)]),
  ),
});

const MAX_KEYS = 2 ** 20; // they are objects: more of them could fill the heap, which ends the process
function checkCount(n: number): number {
  if (Number.isSafeInteger(n) && n >= 0 && n <= MAX_KEYS) return n;
  throw new ArgumentError(SPLIT, `n must be an integer from 0 to ${MAX_KEYS}, got ${describe(n)}.`);
}
const splitOp = defineOp({
  ...common,
  name: "randomSplit",
  publicName: SPLIT,
  attrs: { n: int(2) },
  dtypes: { key: "int32", x: "int32" },
  samples: (n) => [{ shapes: { key: [2] }, attrs: { n } }, { shapes: { key: [n, 1, 2] } }],
  infer: ({ key }, { n }) => ({ x: [...batchOf(SPLIT, key), checkCount(n), WORDS] }),
  kernel: native("randomSplit", () => [FROM_FIRST]),
});

// ---- Functions of one key ----

const KEY: Shape = Object.freeze([WORDS]);
function keyOf(high: number, low: number): Key {
  const key = blank("int32", KEY) as Key;
  const { array } = storageOf(key);
  array[0] = high;
  array[1] = low;
  return key;
}

function key(seed: number): Key {
  if (!Number.isSafeInteger(seed) || seed < 0)
    throw new ArgumentError("random.key", `seed must be a non-negative integer, got ${describe(seed)}.`);
  return keyOf(Math.floor(seed / 2 ** 32), seed | 0);
}

export function checkKey(op: string, given: Key | number): Key {
  if (typeof given === "number") return key(given);
  const t: Tensor | undefined = adopt(op, given);
  if (!t) throw new ArgumentError(op, `${wanted}, got ${describe(given)}.`);
  if (t.dtype !== "int32") throw new DtypeError(op, `${wanted}, got ${t.dtype}.`);
  if (t.rank !== 1 || t.shape[0] !== WORDS) throw new ShapeError(op, `${wanted}, got shape ${shapeText(t.shape)}.`);
  return t as Key;
}

/** The result of an op whose attributes were checked. */
const drawn = (op: { readonly row: AnyRow }, from: Key, attrs: Attrs): Tensor => apply(op.row, [from], attrsOf(op.row, attrs))[0] as Tensor;

type Tuple<N extends number, L extends readonly Key[] = []> = L["length"] extends N
  ? [...L]
  : L["length"] extends 16
    ? Key[]
    : Tuple<N, [...L, Key]>;
/** So many keys: a tuple where the number, at most 16, is written out. */
type Keys<N extends number> = N extends unknown ? (number extends N ? Key[] : Tuple<N>) : never;
/** n keys of independent streams. */
function split(from: Key | number, n = 2): Key[] {
  const keys = drawn(splitOp, checkKey(SPLIT, from), { n: checkCount(n) });
  if (!areData([keys]))
    return Array.from(
      { length: n },
      (_, i) => call("reshape", [call("slice", [keys], { start: [i, 0], size: [1, WORDS] })], { shape: KEY }) as Key,
    );
  const { array } = storageOf(keys);
  return Array.from({ length: n }, (_, i) => keyOf(array[WORDS * i] as number, array[WORDS * i + 1] as number));
}
type Split = <N extends number = 2>(from: Key | number, n?: N) => Keys<N>;

export interface RandomOptions<D extends Float> {
  readonly dtype?: D;
}
export interface UniformOptions<D extends Float> extends RandomOptions<D> {
  readonly low?: number;
  readonly high?: number;
}

function floating(op: string, dtype: Float = "float64"): Float {
  const kind: DType = checkDType(op, dtype);
  if (!isFloat(kind)) throw new DtypeError(op, `dtype must be floating, got ${kind}.`);
  return kind;
}

/**
 * Uniform numbers in [low, high), by default in (0, 1); low where both are equal; complex: both parts. They are low + (high - low) u of 53
 * random bits, rounded down to the dtype: never high, and in an interval of few numbers each comes as often as every other. By default u
 * itself, rounded to the nearest number below 1.
 * @throws ArgumentError where low is greater than high, one of them is not finite in the dtype, or no number of it lies between them.
 */
function uniform<D extends Float = "float64">(from: Key | number, shape: Shape | number, options: UniformOptions<D> = {}): Tensor<D> {
  const k = checkKey(UNIFORM, from);
  const { dtype: given, low = 0, high = 1 } = optionsOf(UNIFORM, options, ["dtype", "low", "high"]);
  const dtype = floating(UNIFORM, given);
  interval({ dtype, low, high });
  return drawn(uniformOp, k, { shape: checkShape(UNIFORM, shape), dtype, low, high }) as Tensor<D>;
}

/** Standard normal numbers (Box-Muller); complex: independent parts of variance 1/2, so that E|z|² = 1, as in NumPy-like libraries. */
function normal<D extends Float = "float64">(from: Key | number, shape: Shape | number, options: RandomOptions<D> = {}): Tensor<D> {
  const k = checkKey(NORMAL, from);
  const { dtype } = optionsOf(NORMAL, options, ["dtype"]);
  return drawn(normalOp, k, { shape: checkShape(NORMAL, shape), dtype: floating(NORMAL, dtype) }) as Tensor<D>;
}

/** Keys and draws; users call them, and the distributions made of them, by `random` of distributions.ts. */
export const random = {
  /** The key of a seed, a non-negative integer. */
  key: withoutOptions("random.key", 1, key),
  split: withoutOptions("random.split", 2, split as Split),
  uniform,
  normal,
};
