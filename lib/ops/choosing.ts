// Random orders and choices.
import { optionsOf } from "../core/attrs";
import type { DType, Real } from "../core/dtype";
import { ArgumentError, describe, ShapeError } from "../core/errors";
import type { Key } from "../core/key";
import { areData } from "../core/levels";
import { asTensor } from "../core/operands";
import { checkAxis, checkShape, type Operand, type Shape, shapeText, sizeOf, storageOf, type Tensor } from "../core/tensor";
import { cast } from "./cast";
import { zeros } from "./creation";
import { add, div, log, minimum, mul } from "./elementwise";
import { max } from "./extremes";
import { countOf, realTensor } from "./parameters";
import { checkKey, random as draws } from "./random";
import { take } from "./rows";
import { cumsum } from "./running";
import { argsort, searchSorted } from "./sorting";
import { reshape, slice } from "./structure";
import { gumbel } from "./variates";

type Int = Tensor<"int32">;
type F64 = Tensor<"float64">;

/** What is chosen from: so many numbers from 0 on, or the elements of x along an axis. `pick`: those of these indices. */
function sourceOf(op: string, x: unknown, axis: number): { readonly n: number; pick(indices: Int): Tensor } {
  if (typeof x === "number") {
    checkAxis(op, axis, 1);
    return { n: countOf(op, x), pick: (indices) => indices };
  }
  const t: Tensor = asTensor(op, "x", x);
  if (t.rank === 0) throw new ShapeError(op, "x must have an axis, got a scalar tensor.");
  const at = checkAxis(op, axis, t.rank);
  return { n: t.shape[at] as number, pick: (indices) => take(t, indices, { axis: at }) };
}

/** Integers 0 to n - 1 in the order of random numbers of 53 bits: of equal ones, one pair in 2⁵⁴ / n², the first stays first. */
const order = (key: Key, n: number): Int => argsort(draws.uniform(key, [n]));

/**
 * The numbers from 0 to n - 1, int32, or x along an axis, the first where none is named, in a random order: each order is as likely as every
 * other. NumPy's and JAX's permutation. The derivative by x goes the way that its elements went.
 */
export function permutation(key: Key | number, n: number, options?: { readonly axis?: number }): Int;
export function permutation<D extends DType>(key: Key | number, x: Tensor<D>, options?: { readonly axis?: number }): Tensor<D>;
export function permutation(key: Key | number, x: Operand, options: { readonly axis?: number } = {}): Tensor {
  const op = "random.permutation";
  const from = checkKey(op, key);
  const { axis = 0 } = optionsOf(op, options, ["axis"]);
  const { n, pick } = sourceOf(op, x, axis);
  return pick(order(from, n));
}

export interface ChoiceOptions {
  /** Of the choice; [], one element, where nothing is said. */
  readonly shape?: Shape | number;
  /** Whether an element may be chosen more than once, as where nothing is said. */
  readonly replace?: boolean;
  /** Weights of the n elements, float32 or float64, whose sum need not be 1; all the same where nothing is said. */
  readonly p?: Tensor<Real> | undefined;
  /** Along which axis of x; the first where nothing is said. */
  readonly axis?: number;
}
/** Weights as float64, the largest 1, so that sums neither overflow nor underflow. Those that are traced have no values to check. */
function weights(op: string, p: unknown, n: number, least: number): F64 {
  const t = realTensor(op, "option p", p);
  if (t.rank !== 1 || t.shape[0] !== n)
    throw new ShapeError(op, `option p must have shape [${n}], a weight for each, got ${shapeText(t.shape)}.`);
  if (areData([t])) {
    let positive = 0;
    storageOf(t).array.forEach((x, i) => {
      if (!(x >= 0 && x < Number.POSITIVE_INFINITY))
        throw new ArgumentError(op, `option p must have finite weights that are not negative, got ${x} at ${i}.`);
      if (x > 0) positive++;
    });
    if (positive < least)
      throw new ArgumentError(op, `option p must have at least ${least} weights above 0 for this choice, got ${positive}.`);
  }
  const w = cast(t, "float64");
  return div(w, max(w)) as F64;
}

/** size independent ones of n, in proportion to p: the first whose cumulated weight is above a part of the whole, so never one of weight 0. */
function withReplacement(op: string, key: Key, n: number, size: number, p: unknown): Int {
  if (p === undefined) return cast(draws.uniform(key, [size], { low: 0, high: n }), "int32");
  const cumulated = cumsum(weights(op, p, n, 1), { axis: 0 });
  const part = mul(draws.uniform(key, [size]), slice(cumulated, [n - 1], [1]));
  return minimum(searchSorted(cumulated, part, { side: "right" }), n - 1) as Int;
}

/**
 * Elements of x along an axis, or numbers from 0 to n - 1 (int32), chosen at random: the axis becomes the axes of `shape`. With replacement each by
 * itself, in proportion to `p`; without, the first of a permutation, or with `p` one after the other in proportion to what is left (the largest of
 * log p with Gumbel's noise, Efraimidis and Spirakis 2006). What has weight 0 is never chosen. NumPy's and JAX's choice. Weights that are traced
 * are not checked.
 * @throws ArgumentError where there is nothing, or without replacement too little, to choose from.
 */
export function choice(key: Key | number, n: number, options?: ChoiceOptions): Int;
export function choice<D extends DType>(key: Key | number, x: Tensor<D>, options?: ChoiceOptions): Tensor<D>;
export function choice(key: Key | number, x: Operand, options: ChoiceOptions = {}): Tensor {
  const op = "random.choice";
  const from = checkKey(op, key);
  const { shape: asked = [], replace = true, p, axis = 0 } = optionsOf(op, options, ["shape", "replace", "p", "axis"]);
  if (typeof replace !== "boolean") throw new ArgumentError(op, `option replace must be true or false, got ${describe(replace)}.`);
  const { n, pick } = sourceOf(op, x, axis);
  const shape = checkShape(op, asked);
  const size = sizeOf(shape);
  if (size > 0 && n === 0) throw new ArgumentError(op, `there is nothing to choose ${size} from.`);
  if (!replace && size > n) throw new ArgumentError(op, `without replacement at most ${n} can be chosen, got shape ${shapeText(shape)}.`);
  if (size === 0) return pick(zeros(shape, { dtype: "int32" }));
  const chosen = (): Int => {
    if (replace) return withReplacement(op, from, n, size, p);
    if (p === undefined) return slice(order(from, n), [0], [size]);
    const keys = add(log(weights(op, p, n, size)), gumbel(from, [n]));
    return slice(argsort(keys, { descending: true }), [0], [size]);
  };
  return pick(reshape(chosen(), shape));
}
