import { checkNested, comparable, textOf } from "./display";
import {
  type AnyArray,
  type ArrayOf,
  checkDType,
  copyOf,
  type DType,
  dtypeOfArray,
  dtypes,
  elementOf,
  type Fits,
  isFloat,
  type Nested,
  nested,
  type RealOf,
  type Scalar,
  takenFrom,
  viewOf,
  type Wider,
} from "./dtype";
import { ArgumentError, asPrimitive, BacksolveError, DtypeError, describe, disposed, gone, guard, ShapeError } from "./errors";
import { disposal, inspectCustom } from "./node";
import { type LevelTag, noneOpen, type Traced } from "./open";
import { checkShape, type ReduceOptions, type Shape, shapeText, sizeOf } from "./shape";
import { Storage } from "./storage";

export type { LevelTag, Traced } from "./open";
export * from "./shape";
export { type Storage, whenExposed } from "./storage";

// What copies of the package, of any version, know of each other's tensors: that they are some, and whether something records them.
const BRAND = Symbol.for("backsolve.tensor");
const RECORDED = Symbol.for("backsolve.tensor.recorded");
const KEY = Symbol("made here");
// The doors to what is private in a tensor: users reach the class through `constructor`, so they are not on it.
let made: (x: object) => x is Tensor;
let ownStorage: (t: Tensor) => Storage | undefined;
let watch: ((t: Tensor) => void) | undefined;
/** @internal Sets who is told of every tensor with memory that is made. */
export const whenMade = (f: ((t: Tensor) => void) | undefined): void => void (watch = f);

/** What a transform wraps around a tensor; `value` is one level down. */
export interface Box {
  readonly level: LevelTag;
  readonly value: Tensor;
  readonly payload: unknown; // the level's own: where the tensor hangs in its graph, or its tangent
}

/** What ops take: a tensor, or a number in the dtype of the others. */
export type Operand<D extends DType = DType> = Tensor<D> | number;

/** The dtype of an operand; never of a number, which takes that of the others. */
export type DTypeOf<A> = A extends Tensor<infer D> ? D : never;
/** The dtype of two operands together: a number adopts the other's, real with complex promotes. */
export type Promote<A, B> = A extends number
  ? B extends Tensor<infer D>
    ? D
    : "float64"
  : A extends Tensor<infer D>
    ? B extends number
      ? D
      : B extends Tensor<infer E>
        ? Wider<D, E>
        : never
    : never;

/** Nested arrays of indices or of truth values. */
export type IndexList = readonly (number | boolean | IndexList)[];
/**
 * One part of an index: a number (its axis goes), a slice "start:stop:step" as text, a list of indices (arrays, an Int32Array, an int32 tensor), a
 * mask (an array or a tensor of truth values, which stands for the places where it is true), null (a new axis), "..." (all axes that no part names).
 */
export type IndexPart = number | string | null | IndexList | Int32Array | Tensor<"int32"> | Tensor<"bool">;

type Functions = "neg" | "square" | "sqrt" | "reciprocal" | "exp" | "expm1" | "log" | "log1p" | "sin" | "cos" | "tan" | "tanh" | "sigmoid";
type Plain = Functions | "sign" | "floor" | "ceil" | "round" | "relu" | "conj" | "matrixTranspose" | "adjoint" | "trace";
type Arithmetic = "add" | "sub" | "mul" | "div" | "pow" | "maximum" | "minimum";
type AxisOption<A> = { readonly axis?: A };
/** The methods, which methods.ts puts on the prototype. Their types stand here: tensors and their methods name each other. */
export interface Methods<D extends DType = DType>
  extends Record<Arithmetic, <A extends Tensor, B extends Operand>(this: A, b: B & Fits<DTypeOf<A>, DTypeOf<B>>) => Tensor<Promote<A, B>>>,
    Record<Plain, () => Tensor<D>>,
    Record<"sum" | "mean" | "prod" | "max" | "min", (options?: ReduceOptions) => Tensor<D>>,
    Record<"variance" | "std", (options?: ReduceOptions & { ddof?: number }) => Tensor<RealOf<D>>>,
    Record<"any" | "all", (options?: ReduceOptions) => Tensor<"bool">>,
    Record<"argmax" | "argmin", (options?: AxisOption<number> & { keepDims?: boolean }) => Tensor<"int32">>,
    Record<"cumsum" | "cumprod", (options?: AxisOption<number> & { reverse?: boolean }) => Tensor<D>>,
    Record<"reshape" | "broadcastTo", (shape: Shape) => Tensor<D>>,
    Record<"squeeze" | "flip", (options?: AxisOption<number | readonly number[]>) => Tensor<D>>,
    Record<"diag" | "tril" | "triu", (options?: { k?: number }) => Tensor<D>>,
    Record<"abs" | "real" | "imag", () => Tensor<RealOf<D>>> {
  matmul<A extends Tensor, B extends Tensor>(
    this: A,
    b: B & Fits<DTypeOf<A>, DTypeOf<B>>,
    options?: { adjointA?: boolean; adjointB?: boolean },
  ): Tensor<Promote<A, B>>;
  clip(low: number | Tensor<D>, high: number | Tensor<D>): Tensor<D>;
  dot<A extends Tensor, B extends Operand>(this: A, b: B & Fits<DTypeOf<A>, DTypeOf<B>>): Tensor<Promote<A, B>>;
  sort(options?: AxisOption<number> & { descending?: boolean }): Tensor<D>;
  transpose(axes?: readonly number[]): Tensor<D>;
  swapAxes(axis1: number, axis2: number): Tensor<D>;
  moveAxis(source: number | readonly number[], destination: number | readonly number[]): Tensor<D>;
  expandDims(axis: number): Tensor<D>;
  index(...parts: IndexPart[]): Tensor<D>;
  take(indices: Tensor<"int32"> | number | readonly number[] | Int32Array, options?: AxisOption<number>): Tensor<D>;
  roll(shift: number | readonly number[], options?: AxisOption<number | readonly number[]>): Tensor<D>;
  tile(times: number | readonly number[]): Tensor<D>;
  repeat(times: number | readonly number[], options?: AxisOption<number>): Tensor<D>;
}

export interface Tensor<out D extends DType = DType> extends Methods<D> {}

/**
 * An immutable, row-major, contiguous n-dimensional array. Complex elements are interleaved (re, im) in `data`.
 * Inside `grad` and its like a tensor also carries what its derivative needs, and its values are not for reading: `data item at toArray toJSON`
 * are ERR_TRACED there, as what they gave would be a constant. Inside `compile` it has no data.
 *
 * Deep comparisons (`node:assert`, `util.isDeepStrictEqual`, chai, Jest, Vitest) tell tensors of other elements apart. `structuredClone`,
 * `postMessage` and `v8.serialize` copy a tensor to `{ dtype, shape, elements }`, which `tensor` takes.
 */
// biome-ignore lint/suspicious/noUnsafeDeclarationMerging: the methods are put on the prototype by methods.ts
export class Tensor<out D extends DType = DType> {
  readonly shape: Shape;
  readonly dtype: D;
  /**
   * A copy of the elements, for what compares, clones and prints own properties: laid out as `data`, or as an array of numbers where some are
   * NaN. Undefined inside a transform or `compile`. To compute, use `data`, which is no copy.
   */
  declare readonly elements: ArrayOf<D> | number[] | undefined;
  #storage: Storage | undefined;
  readonly #box: Box | undefined;
  readonly #traced: Traced | undefined;

  /** @internal Use `tensor(...)`. */
  constructor(key: symbol, dtype: D, shape: Shape, storage: Storage | undefined, box?: Box, traced?: Traced) {
    if (key !== KEY) throw new ArgumentError("Tensor", "is not for calling: tensor(data) makes tensors.");
    this.dtype = dtype;
    this.shape = shape;
    this.#storage = storage;
    this.#box = box;
    this.#traced = traced;
    Object.defineProperty(this, "elements", ELEMENTS);
    Object.freeze(this);
    if (watch && storage && !storage.kept) watch(this);
  }
  static {
    made = (x): x is Tensor => #storage in x;
    ownStorage = (t) => {
      if (#storage in t) return t.#storage;
      throw new ArgumentError("Tensor", `expected a tensor, got ${describe(t)} made to look like one.`);
    };
  }

  /** @internal */
  get box(): Box | undefined {
    return #box in this ? this.#box : undefined;
  }
  /** @internal */
  get traced(): Traced | undefined {
    return #traced in this ? this.#traced : undefined;
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
    return storageOf(still("data", this)).expose() as ArrayOf<D>;
  }
  /** The one element of a tensor of size 1. */
  item(): Scalar<D> {
    if (this.size !== 1) throw new ShapeError("item", `expected a tensor with one element, got shape ${shapeText(this.shape)}.`);
    return elementOf(readable("item", still("item", this)), this.dtype, 0) as Scalar<D>;
  }
  /** The element at an index per axis; negative ones count from the end. */
  at(...index: number[]): Scalar<D> {
    if (index.length !== this.rank) {
      throw new ArgumentError("at", `expected ${this.rank} indices for shape ${shapeText(this.shape)}, got ${index.length}.`);
    }
    let linear = 0;
    index.forEach((given, axis) => {
      const n = this.shape[axis] as number;
      const i = Number.isInteger(given) && given < 0 ? given + n : given;
      if (!Number.isInteger(i) || i < 0 || i >= n) {
        throw new ArgumentError("at", `index ${describe(given)} is out of range for axis ${axis} of shape ${shapeText(this.shape)}.`);
      }
      linear = linear * n + i;
    });
    return elementOf(readable("at", still("at", this)), this.dtype, linear) as Scalar<D>;
  }
  /** Nested arrays of the elements; a bare element for rank 0. @throws ArgumentError for millions of arrays without an element. */
  toArray(): Nested<D> {
    const array = readable("toArray", still("toArray", this));
    checkNested(this.shape);
    return nested(array, this.dtype, this.shape) as Nested<D>;
  }
  /** `{ dtype, shape, data }`, which `tensor` reads back. NaN and infinities are strings, as JSON has none. */
  toJSON(): { dtype: D; shape: Shape; data: (number | string)[] } {
    const data = Array.from(readable("toJSON", still("toJSON", this)), (x) => (Number.isFinite(x) ? x : String(x)));
    return { dtype: this.dtype, shape: this.shape, data };
  }
  /** The dtype, shape and elements, as `console.log` shows them. */
  toString(): string {
    return print(this, {});
  }
  /** Readable as text; arithmetic and comparison operators of JavaScript, which would make NaN of it, are an error. */
  [Symbol.toPrimitive](hint: string): string {
    return asPrimitive("Tensor", hint, this, "add(a, b), mul(a, b), less(a, b) and their like; item() is the number of a tensor of size 1");
  }
  /**
   * For `using`: gives the memory back at once. Whoever uses the tensor afterwards gets ERR_DISPOSED. Jobs in flight, other tensors over the
   * memory (`reshape`) and a user's `data` keep it. Inside transforms and `compile` it does nothing: they need what they saw.
   */
  [disposal](): void {
    if (noneOpen()) this.#storage = this.#storage?.drop();
  }
  [inspectCustom](_depth: number, options: object): string {
    return print(this, options);
  }
}
Object.defineProperty(Tensor.prototype, BRAND, { value: true });
Object.defineProperty(Tensor.prototype, RECORDED, {
  get(this: Tensor): boolean {
    return tracedOf(this) !== undefined || levelOf(this) !== undefined;
  },
});
// One for all tensors, so that they share their hidden class.
const ELEMENTS: PropertyDescriptor = Object.freeze({
  get(this: Tensor) {
    return elementsOf(this);
  },
  enumerable: true,
});

/** Whether x is a tensor that this copy of the package made. */
export const isTensor = (x: unknown): x is Tensor => typeof x === "object" && x !== null && made(x);

/**
 * x, where it is a tensor of this copy of the package; of another copy's, known by its brand, a tensor over the same memory. Undefined for
 * everything else.
 * @throws BacksolveError ERR_TRACED where the other copy records what is computed from x: here it would be a constant.
 */
export function adopt(op: string, x: unknown): Tensor | undefined {
  if (isTensor(x)) return x;
  if (typeof x !== "object" || x === null || x instanceof Tensor || (x as { [BRAND]?: unknown })[BRAND] !== true) return undefined;
  // Versions before the symbol have boxes and traces in the open.
  const { dtype, shape, [RECORDED]: recorded, box, traced } = x as Tensor & { readonly [RECORDED]?: unknown };
  if (recorded ?? box ?? traced)
    throw new BacksolveError(
      "ERR_TRACED",
      op,
      "two copies of backsolve are loaded, and a tensor that one of them differentiates or compiles was given to the other, which would take it " +
        'for a constant. Let all code load the same copy: "npm ls backsolve" lists them; module registries that are reset (jest.resetModules) ' +
        "load one more.",
    );
  return wrapView(op, checkDType(op, dtype), checkShape(op, shape), (x as Tensor).data);
}

/** The value under all boxes: a constant to every level. */
export function primal(t: Tensor): Tensor {
  let u = t;
  while (u.box) u = u.box.value;
  return u;
}

export const tracedOf = (t: Tensor): Traced | undefined => primal(t).traced;

/** The highest live level that t is boxed at; integers and truth values have no derivative to lose. */
function levelOf(t: Tensor): LevelTag | undefined {
  if (!isFloat(t.dtype)) return undefined;
  for (let u = t; u.box; u = u.box.value) if (u.box.level.live) return u.box.level;
  return undefined;
}

/** t, unless what is read of it would be a constant to a derivative that is being taken: then ERR_TRACED. */
function still(op: string, t: Tensor): Tensor {
  const level = tracedOf(t) ? undefined : levelOf(t);
  if (!level) return t;
  throw new BacksolveError(
    "ERR_TRACED",
    op,
    `the tensor is being differentiated in ${level.title}: a number read from it is a constant, through which no derivative flows. ` +
      "Compute with the tensor itself, or, where a constant is meant, read stopGradient(x).",
  );
}

// ---- How tensors look from outside ----

/** Never throws; inside a transform the values are shown, too. */
function print(t: Tensor, options: object): string {
  if (!isTensor(t)) return "Tensor (made to look like one)";
  return textOf(t.dtype, t.shape, ownStorage(primal(t))?.array, levelOf(t) ? " (being differentiated)" : "", options);
}
const elementsOf = (t: Tensor): AnyArray | number[] | undefined =>
  tracedOf(t) || levelOf(t) ? undefined : comparable(readable("elements", t), t.shape);

/** The data under all boxes; a traced tensor has none and says so. */
export function storageOf(t: Tensor): Storage {
  const value = primal(t);
  const storage = ownStorage(value);
  if (storage) return storage;
  throw new BacksolveError(
    "ERR_TRACED",
    value.traced?.trace.title ?? "compile",
    "a traced tensor has no data: the function runs once to record its operations, so it cannot read values (data, item, at, toArray) or " +
      "branch on them. Use where() or cond(), or pass the value in from outside.",
  );
}

/** The data of t, where it is still there: users can take away memory that they hold. */
export function readable(op: string, t: Tensor, name?: string | (() => string)): AnyArray {
  const storage = storageOf(t);
  const { array } = storage;
  if (storage.shared) return array; // nobody has it to take it away
  const n = sizeOf(t.shape) * dtypes[t.dtype].width;
  // V8's optimised `length` may be that of before; the element is not there then.
  if (array.length >= n && (n === 0 ? !storage.disposed : array[n - 1] !== undefined)) return array;
  throw (storage.disposed ? disposed : gone)(op, memoryOf(typeof name === "function" ? name() : name, t));
}
/** What errors call the memory of an operand. */
export const memoryOf = (name: string | undefined, { dtype, shape }: { dtype: DType; shape: Shape }): string =>
  `${name ?? "the tensor"} (${dtype}, shape ${shapeText(shape)})`;

/** @internal A tensor over `array`, which nobody else holds. */
export const wrap = <D extends DType>(dtype: D, shape: Shape, array: AnyArray): Tensor<D> =>
  new Tensor(KEY, dtype, shape, new Storage(array));
/** @internal The same over an array that no program and no caller has either. */
export function wrapOwn<D extends DType>(dtype: D, shape: Shape, array: AnyArray): Tensor<D> {
  const t = wrap(dtype, shape, array);
  storageOf(t).handles = 1;
  return t;
}
/** @internal A tensor for a result. @throws RangeError when there is no memory. */
export const blank = (dtype: DType, shape: Shape): Tensor => new Tensor(KEY, dtype, shape, Storage.forResult(dtype, sizeOf(shape)));
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
    own.kept = true;
    storage.kept ||= !storage.exposed;
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
export function alias(t: Tensor, shape: Shape): Tensor {
  const storage = storageOf(t);
  storage.handles++;
  return new Tensor(KEY, t.dtype, shape, storage);
}
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
    throw new ShapeError(op, `${dtype} needs re and im in turn, an even number of array elements, got ${mine.length}.`);
  const full = shape === undefined ? [mine.length / width] : shape;
  if (sizeOf(full) * width !== mine.length)
    throw new ShapeError(op, `shape ${shapeText(full)} of ${dtype} needs ${sizeOf(full) * width} array elements, got ${mine.length}.`);
  return new Tensor(KEY, dtype, full, transfer ? new Storage(takenFrom(op, mine)) : new Storage(mine, data as AnyArray));
}
