import { inspect } from "node:util";
import type { Methods } from "../methods";
import { type AnyArray, type ArrayOf, checkDType, copyOf, type DType, dtypeOfArray, dtypes, isComplex, takenFrom, viewOf } from "./dtype";
import { ArgumentError, BacksolveError, DtypeError, describe, gone, guard, ShapeError } from "./errors";

export type Shape = readonly number[];
export type Nested = number | boolean | ComplexNumber | readonly Nested[];
export interface ComplexNumber {
  readonly re: number;
  readonly im: number;
}
/** What one element reads as. */
export type Scalar<D extends DType> = D extends "complex64" | "complex128" ? ComplexNumber : D extends "bool" ? boolean : number;

export const MAX_RANK = 12; // kMaxRank of native/view.h
const MAX_ELEMENTS = 2 ** 40; // kMaxElements of native/shape.h, for shapes that no memory limits: sizes of 0 count as 1
const BRAND = Symbol.for("backsolve.tensor");
const KEY = Symbol("made here");
// The doors to what is private in a tensor: users reach the class through `constructor`, so they are not on it.
let made: (x: object) => x is Tensor;
let ownStorage: (t: Tensor) => Storage | undefined;

/** Data that several tensors may share (reshape). No user ever holds `array` itself, only another view of its memory. */
export class Storage {
  array: AnyArray;
  /** What users hold. They may write to it or take its memory away, so asynchronous calls copy it first. */
  view: AnyArray | undefined;
  busy = 0; // asynchronous jobs that have not left it, aborted ones included
  kept = false; // a pullback reads its memory whenever it is called

  constructor(array: AnyArray, view?: AnyArray) {
    this.array = array;
    this.view = view;
  }
  get exposed(): boolean {
    return this.view !== undefined;
  }
  /** The data for users. */
  expose(): AnyArray {
    if (!this.view) {
      // A job or a pullback reads the old memory, which from now on nobody else can reach: what is handed out could be changed or transferred.
      this.array = guard("data", () => (this.busy > 0 || this.kept ? copyOf(this.array) : fromNative(this.array)));
      this.kept = false;
      this.view = viewOf(this.array);
    }
    return this.view;
  }
}
let fromNative = (array: AnyArray): AnyArray => array;
/** @internal Sets what makes native memory JavaScript's own before users get it. */
export const whenExposed = (f: (array: AnyArray) => AnyArray): void => void (fromNative = f);

/** One call of a transform. A box of a level that is no longer live is a constant. */
export interface Level {
  readonly id: number;
  readonly mode: "reverse" | "forward";
  live: boolean;
}

/** What a transform wraps around a tensor; `value` is one level down. */
export interface Box {
  readonly level: Level;
  readonly value: Tensor;
  readonly node: unknown; // reverse mode: levels.ts
  readonly output: number; // which output of the node
  readonly tangent: Tensor | (() => Tensor | undefined) | undefined; // forward mode: levels.ts
}

/** A value of a program being traced. */
export interface Traced {
  readonly trace: object;
  readonly id: number;
}

export const sizeOf = (shape: Shape): number => {
  let n = 1;
  for (const d of shape) n *= d;
  return n;
};

/** Row-major strides in elements. */
export const stridesOf = (shape: Shape): number[] => {
  const out = new Array<number>(shape.length);
  let step = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    out[i] = step;
    step *= shape[i] as number;
  }
  return out;
};

// The methods that methods.ts puts on the prototype.
export interface Tensor<out D extends DType = DType> extends Methods<D> {}

/**
 * An immutable, row-major, contiguous n-dimensional array. Complex elements are interleaved (re, im) in `data`.
 * Inside `grad` and its like a tensor also carries what its derivative needs; inside `compile` it has no data.
 */
// biome-ignore lint/suspicious/noUnsafeDeclarationMerging: the methods are put on the prototype by methods.ts
export class Tensor<out D extends DType = DType> {
  readonly shape: Shape;
  readonly dtype: D;
  /** @internal */ readonly box: Box | undefined;
  /** @internal */ readonly traced: Traced | undefined;
  readonly #storage: Storage | undefined;

  /** @internal Use `tensor(...)`. */
  constructor(key: symbol, dtype: D, shape: Shape, storage: Storage | undefined, box?: Box, traced?: Traced) {
    if (key !== KEY) throw new ArgumentError("Tensor", "is not for calling: tensor(data) makes tensors.");
    this.dtype = dtype;
    this.shape = shape;
    this.#storage = storage;
    this.box = box;
    this.traced = traced;
    Object.freeze(this);
  }
  static {
    made = (x): x is Tensor => #storage in x;
    ownStorage = (t) => {
      if (#storage in t) return t.#storage;
      throw new ArgumentError("Tensor", `expected a tensor, got ${describe(t)} made to look like one.`);
    };
  }

  /** Number of axes. */
  get rank(): number {
    return this.shape.length;
  }
  /** Number of elements. */
  get size(): number {
    return sizeOf(this.shape);
  }
  /** The elements, row-major, without a copy: do not write to them. Complex: re, im, re, im, ... */
  get data(): ArrayOf<D> {
    return storageOf(this).expose() as ArrayOf<D>;
  }
  /** The one element of a tensor of size 1. */
  item(): Scalar<D> {
    if (this.size !== 1) throw new ShapeError("item", `expected a tensor with one element, got shape ${shapeText(this.shape)}.`);
    return element(readable("item", this), this.dtype, 0) as Scalar<D>;
  }
  /** The element at an index per axis; negative ones count from the end. */
  at(...index: number[]): Scalar<D> {
    if (index.length !== this.rank) {
      throw new ArgumentError("at", `expected ${this.rank} indices for shape ${shapeText(this.shape)}, got ${index.length}.`);
    }
    let linear = 0;
    index.forEach((given, axis) => {
      const n = this.shape[axis] as number;
      const i = given < 0 ? given + n : given;
      if (!Number.isInteger(given) || i < 0 || i >= n) {
        throw new ArgumentError("at", `index ${describe(given)} is out of range for axis ${axis} of shape ${shapeText(this.shape)}.`);
      }
      linear = linear * n + i;
    });
    return element(readable("at", this), this.dtype, linear) as Scalar<D>;
  }
  /** Nested arrays of the elements; a bare element for rank 0. */
  toArray(): Nested {
    const array = readable("toArray", this);
    let next = 0;
    const build = (axis: number): Nested =>
      axis === this.rank
        ? (element(array, this.dtype, next++) as Nested)
        : Array.from({ length: this.shape[axis] as number }, () => build(axis + 1));
    return build(0);
  }
  /** `{ dtype, shape, data }`, which `tensor(data, { dtype, shape })` reads back. NaN and infinities are strings, as JSON has none. */
  toJSON(): { dtype: D; shape: Shape; data: (number | string)[] } {
    const data = Array.from(readable("toJSON", this), (x) => (Number.isFinite(x) ? x : String(x)));
    return { dtype: this.dtype, shape: this.shape, data };
  }
  [inspect.custom](_depth: number, options: object): string {
    const head = `Tensor<${this.dtype}> ${shapeText(this.shape)}`;
    if (tracedOf(this)) return `${head} (traced: no data)`;
    if (this.size > 1000) return `${head} [${this.size} elements]`;
    return `${head} ${inspect(this.toArray(), { ...options, depth: 20 })}`;
  }
}
Object.defineProperty(Tensor.prototype, BRAND, { value: true });

/** Whether x is a tensor that this copy of the package made. */
export const isTensor = (x: unknown): x is Tensor => typeof x === "object" && x !== null && made(x);

/**
 * x, where it is a tensor of this copy of the package; of another copy's, known by its brand, a tensor over the same memory. Undefined for
 * everything else.
 */
export function adopt(op: string, x: unknown): Tensor | undefined {
  if (isTensor(x)) return x;
  if (typeof x !== "object" || x === null || x instanceof Tensor || (x as { [BRAND]?: unknown })[BRAND] !== true) return undefined;
  const { dtype, shape, data } = x as Tensor;
  return wrapView(op, checkDType(op, dtype), checkShape(op, shape), data);
}

export const shapeText = (shape: Shape): string => `[${shape.join(", ")}]`;

function element(array: AnyArray, dtype: DType, i: number): number | boolean | ComplexNumber {
  if (isComplex(dtype)) return { re: array[2 * i] as number, im: array[2 * i + 1] as number };
  return dtype === "bool" ? array[i] !== 0 : (array[i] as number);
}

/** The tensor under all boxes. */
export function innermost(t: Tensor): Tensor {
  let u = t;
  while (u.box) u = u.box.value;
  return u;
}

export const tracedOf = (t: Tensor): Traced | undefined => innermost(t).traced;

/** The data under all boxes; a traced tensor has none and says so. */
export function storageOf(t: Tensor): Storage {
  const storage = ownStorage(innermost(t));
  if (storage) return storage;
  throw new BacksolveError(
    "ERR_TRACED",
    "compile",
    "a traced tensor has no data: the function runs once to record its operations, so it cannot read values (data, item, at, toArray) or " +
      "branch on them. Use where(), or pass the value in from outside.",
  );
}

/** The data of t, where it is still there: users can take away memory that they hold. */
export function readable(op: string, t: Tensor, name?: string): AnyArray {
  const { array } = storageOf(t);
  const n = sizeOf(t.shape) * dtypes[t.dtype].width;
  // V8's optimised `length` may be that of before; the element is not there then.
  if (array.length >= n && (n === 0 || array[n - 1] !== undefined)) return array;
  throw gone(op, memoryOf(name, t));
}
/** What errors call the memory of an operand. */
export const memoryOf = (name: string | undefined, { dtype, shape }: { dtype: DType; shape: Shape }): string =>
  `${name ?? "the tensor"} (${dtype}, shape ${shapeText(shape)})`;

/** @internal A tensor over `array`, which nobody else holds. */
export const wrap = <D extends DType>(dtype: D, shape: Shape, array: AnyArray): Tensor<D> =>
  new Tensor(KEY, dtype, shape, new Storage(array));
/**
 * @internal t for somebody who reads it later than its owner expects: what others could write to meanwhile is copied, what nobody has seen yet
 * stays where it is, and others get copies. `known`: storages that were met before.
 */
export function keep(t: Tensor, known: Map<Storage, Storage>): Tensor {
  if (t.box) {
    const value = keep(t.box.value, known);
    return boxOver(value, { ...t.box, value });
  }
  const storage = ownStorage(t);
  if (!storage) return t;
  let own = known.get(storage);
  if (!own) {
    own = new Storage(storage.exposed ? guard("vjp", () => copyOf(storage.array)) : storage.array);
    own.kept = storage.kept = !storage.exposed;
    known.set(storage, own);
  }
  return new Tensor(KEY, t.dtype, t.shape, own);
}
/** @internal Tensors for a rule of the user's, who may hand them out or write to them. */
export function keepAll(tensors: readonly Tensor[]): Tensor[] {
  const known = new Map<Storage, Storage>();
  return tensors.map((t) => keep(t, known));
}
/** @internal Another tensor over the same memory. */
export const share = (t: Tensor, shape: Shape): Tensor => new Tensor(KEY, t.dtype, shape, storageOf(t));
/** @internal */
export const boxOver = (t: Tensor, box: Box): Tensor => new Tensor(KEY, t.dtype, t.shape, undefined, box);
/** @internal */
export const tracedTensor = <D extends DType>(dtype: D, shape: Shape, traced: Traced): Tensor<D> =>
  new Tensor(KEY, dtype, shape, undefined, undefined, traced);

function viewOfGiven(op: string, data: AnyArray): AnyArray {
  try {
    return viewOf(data);
  } catch {
    throw new ArgumentError(op, "the memory of data is gone: its buffer was transferred.");
  }
}

/** @internal A tensor over a user's typed array, or, with `transfer`, over its memory, which is taken from the user. */
export function wrapView<D extends DType>(op: string, dtype: D, shape: Shape | undefined, data: unknown, transfer = false): Tensor<D> {
  const { array, width } = dtypes[dtype];
  const own = dtypeOfArray(data);
  if (own === undefined || dtypes[own].array !== array) {
    const got = own === undefined ? describe(data) : `a ${dtypes[own].array.name}`;
    throw new DtypeError(op, `data of dtype ${dtype} needs a ${array.name}, got ${got}.`);
  }
  const mine = viewOfGiven(op, data as AnyArray);
  if (mine.length % width !== 0)
    throw new ShapeError(op, `data of dtype ${dtype} holds re and im in turn, got an odd number of array elements (${mine.length}).`);
  const full = shape === undefined ? [mine.length / width] : shape;
  if (sizeOf(full) * width !== mine.length)
    throw new ShapeError(op, `shape ${shapeText(full)} of ${dtype} needs ${sizeOf(full) * width} array elements, got ${mine.length}.`);
  return new Tensor(KEY, dtype, full, transfer ? new Storage(takenFrom(op, mine)) : new Storage(mine, data as AnyArray));
}

/** A shape given by a user: checked, copied. */
export function checkShape(op: string, shape: unknown): number[] {
  const list = typeof shape === "number" ? [shape] : shape;
  if (!Array.isArray(list)) throw new ShapeError(op, `expected a shape (an array of sizes), got ${describe(shape)}.`);
  const rank: number = list.length;
  if (!(rank <= MAX_RANK)) throw new ShapeError(op, `expected at most ${MAX_RANK} axes, got ${rank}.`);
  const out: number[] = [];
  for (let i = 0; i < rank; i++) {
    const d: unknown = list[i];
    if (typeof d !== "number" || !Number.isSafeInteger(d) || d < 0) {
      throw new ShapeError(op, `a shape has non-negative integers, got ${describe(d)} for axis ${i}.`);
    }
    out.push(d);
  }
  return fitting(op, out);
}

/** shape, if tensors can have it. */
export function fitting<S extends Shape>(op: string, shape: S): S {
  if (shape.length > MAX_RANK) throw new ShapeError(op, `the result of shape ${shapeText(shape)} has more than ${MAX_RANK} axes.`);
  let size = 1;
  for (let i = 0; i < shape.length; i++) size *= (shape[i] as number) >= 0 ? Math.max(shape[i] as number, 1) : Number.NaN;
  if (!(size <= (shape.includes(0) ? MAX_ELEMENTS : Number.MAX_SAFE_INTEGER / 16)))
    throw new ShapeError(op, `shape ${shapeText(shape)} has ${Number.isNaN(size) ? "a negative size" : "too many elements"}.`);
  return shape;
}

/** Axis given by a user, counted from the end when negative. */
export function checkAxis(op: string, axis: unknown, rank: number): number {
  if (typeof axis === "number" && Number.isInteger(axis) && axis >= -rank && axis < rank) return axis < 0 ? axis + rank : axis;
  throw new ArgumentError(op, `axis ${describe(axis)} is out of range for ${rank} ${rank === 1 ? "axis" : "axes"}.`);
}

export const bytesOf = (t: { dtype: DType; shape: Shape }): number =>
  sizeOf(t.shape) * dtypes[t.dtype].width * dtypes[t.dtype].array.BYTES_PER_ELEMENT;
