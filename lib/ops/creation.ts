import { optionsOf } from "../core/attrs";
import {
  type AnyArray,
  type ArrayOf,
  allocate,
  type ComplexNumber,
  checkDType,
  type DType,
  dtypeOfArray,
  dtypes,
  type Float,
  isComplex,
  isFloat,
  type Nested,
  type Real,
  roundedUp,
} from "../core/dtype";
import { ArgumentError, DtypeError, describe, guard, ShapeError } from "../core/errors";
import { adopt, checkShape, type Shape, shapeText, sizeOf, storageOf, type Tensor, wrapOwn, wrapView } from "../core/tensor";

export interface TensorOptions<D extends DType> {
  readonly shape?: Shape;
  readonly dtype?: D;
  /**
   * For a typed array: the tensor takes its memory over, without a copy. The array, and every other over its buffer, is left empty; reads
   * and writes of it that are pending must end before. The memory is the tensor's alone, so that asynchronous calls need no copy of it.
   */
  readonly transfer?: boolean;
}

type Leaf = number | boolean | ComplexNumber;
/** An element given by a user, read once. */
function leafOf(op: string, i: number, x: unknown): Leaf {
  if (typeof x === "number" || typeof x === "boolean") return x;
  if (typeof x === "object" && x !== null && !Array.isArray(x)) {
    const { re, im } = x as ComplexNumber;
    if (typeof re === "number" && typeof im === "number") return { re, im };
  }
  throw new DtypeError(op, `element ${i} must be a number, a boolean or { re, im }, got ${describe(x)}.`);
}

/** What `structuredClone`, `postMessage` and their like make of a tensor (elements), and what JSON does (data). */
export interface TensorClone<D extends DType = DType> {
  readonly dtype: D;
  readonly shape: Shape;
  readonly elements?: AnyArray | readonly number[] | undefined;
  readonly data?: AnyArray | readonly (number | string)[];
}

/**
 * A tensor from nested arrays of numbers (float64), booleans (bool) or `{ re, im }` (complex128), from a number, or over a typed array, whose
 * memory it shares: Float32Array is float32, Float64Array float64; with dtype complex64 or complex128 the array holds re, im, re, im, ...
 *
 * A tensor that went through `structuredClone`, `postMessage`, `v8.serialize` or JSON is read back by `tensor(clone)`. These copy the elements;
 * without a copy they go to a worker as their buffer, which is gone here from then on:
 * `worker.postMessage({ data: t.data, dtype: t.dtype, shape: t.shape }, [t.data.buffer])`, and there `tensor(message)`.
 * @throws ShapeError for ragged arrays or a shape that does not fit, DtypeError for a dtype that does not fit the data, ArgumentError for
 *   memory that cannot be transferred: shared between threads, or that of Node's pool of small buffers.
 */
export function tensor(data: Float32Array, options?: TensorOptions<"float32"> & { dtype?: "float32" }): Tensor<"float32">;
export function tensor(data: Float64Array, options?: TensorOptions<"float64"> & { dtype?: "float64" }): Tensor<"float64">;
export function tensor(data: Int32Array, options?: TensorOptions<"int32"> & { dtype?: "int32" }): Tensor<"int32">;
export function tensor<D extends DType>(data: AnyArray | Nested, options: TensorOptions<D> & { readonly dtype: D }): Tensor<D>;
export function tensor(
  data: boolean | readonly boolean[] | readonly (readonly boolean[])[],
  options?: TensorOptions<"bool">,
): Tensor<"bool">;
export function tensor(
  data: ComplexNumber | readonly ComplexNumber[] | readonly (readonly ComplexNumber[])[],
  options?: TensorOptions<"complex128">,
): Tensor<"complex128">;
export function tensor<D extends DType>(clone: TensorClone<D>): Tensor<D>;
export function tensor(data: Nested, options?: { readonly shape?: Shape }): Tensor<"float64">;
export function tensor(data: unknown, options: TensorOptions<DType> = {}): Tensor {
  if (adopt("tensor", data)) throw new ArgumentError("tensor", "data is a tensor already.");
  const { dtype, shape, transfer = false } = optionsOf("tensor", options, ["dtype", "shape", "transfer"]);
  if (typeof transfer !== "boolean") throw new ArgumentError("tensor", `option transfer must be true or false, got ${describe(transfer)}.`);
  const kind = dtype === undefined ? undefined : checkDType("tensor", dtype);
  if (ArrayBuffer.isView(data)) return overArray(data, kind, shape, transfer);
  if (transfer) throw new ArgumentError("tensor", `option transfer needs a typed array, got ${describe(data)}.`);
  return isClone(data) ? fromClone(data, kind, shape) : fromNested(data, kind, shape);
}

const isClone = (x: unknown): x is TensorClone => typeof x === "object" && x !== null && "dtype" in x && "shape" in x;

function fromClone(clone: TensorClone, dtype: DType | undefined, shape: Shape | undefined): Tensor {
  if (dtype !== undefined || shape !== undefined)
    throw new ArgumentError("tensor", "a clone of a tensor has a dtype and a shape: options cannot give others.");
  const list = clone.elements ?? clone.data;
  const type = { dtype: checkDType("tensor", clone.dtype), shape: checkShape("tensor", clone.shape) };
  if (ArrayBuffer.isView(list)) return overArray(list, type.dtype, type.shape, false);
  if (Array.isArray(list)) return fromNested(list, type.dtype, type.shape);
  throw new ArgumentError(
    "tensor",
    `data looks like the clone of a tensor, but its elements are ${describe(list)}: a tensor inside a transform or compile has none to clone.`,
  );
}

function overArray(data: ArrayBufferView, dtype: DType | undefined, shape: Shape | undefined, transfer: boolean): Tensor {
  const own = dtypeOfArray(data);
  if (own === undefined)
    throw new DtypeError("tensor", "data must be a Float32Array, Float64Array, Int32Array or Uint8Array (with dtype bool).");
  if (own === "bool" && dtype !== "bool") throw new DtypeError("tensor", 'a Uint8Array needs dtype "bool".');
  const kind = dtype ?? own;
  return wrapView("tensor", kind, shape === undefined ? undefined : checkShape("tensor", shape), data, transfer);
}

const WORDS = new Map<unknown, number>([NaN, Infinity, -Infinity].map((x) => [String(x), x]));
/** An element as Tensor.toJSON writes it, where the dtype is told: words for NaN and infinities, 0 and 1 for booleans. */
const written = (x: unknown, dtype: DType | undefined): unknown => {
  if (dtype === "bool") return x === 0 || x === 1 ? x === 1 : x;
  return dtype !== undefined && isFloat(dtype) ? (WORDS.get(x) ?? x) : x;
};
/** The sizes of nested arrays, told by the first element of each. */
function sizesOf(data: unknown): number[] {
  const shape: number[] = [];
  for (let x = data; Array.isArray(x); x = x[0]) {
    shape.push(x.length);
    checkShape("tensor", shape);
  }
  return shape;
}

/** Calls take(element, linear index) for every element of nested arrays of these sizes, each read once. */
function visit(data: unknown, shape: Shape, take: (x: unknown, i: number) => void): void {
  const at: number[] = [];
  let next = 0;
  const walk = (x: unknown, axis: number): void => {
    const size = shape[axis];
    if (size === undefined) {
      take(x, next++);
      return;
    }
    if (!Array.isArray(x) || x.length !== size) {
      const [path, got] = [at.slice(0, axis).map((i) => `[${i}]`), Array.isArray(x) ? `${x.length} elements` : describe(x)];
      const where = axis > 0 ? ` at ${path.join("")}` : "";
      throw new ShapeError("tensor", `nested arrays must be rectangular: expected ${size} elements${where}, got ${got}.`);
    }
    for (let i = 0; i < size; i++) {
      at[axis] = i;
      walk(x[i], axis + 1);
    }
  };
  walk(data, 0);
}

const memory = (dtype: DType, size: number): AnyArray => guard("tensor", () => allocate(dtype, size));
/** Real elements, of which the first `done` are there, as complex128. */
function widened(array: AnyArray, size: number, done: number): AnyArray {
  const out = memory("complex128", size);
  for (let i = 0; i < done; i++) {
    out[2 * i] = array[i] as number;
    out[2 * i + 1] = 0;
  }
  return out;
}

function fromNested(data: unknown, dtype: DType | undefined, given: Shape | undefined): Tensor {
  const shape = sizesOf(data);
  const size = sizeOf(shape);
  const full = given === undefined ? shape : checkShape("tensor", given);
  let pairs = dtype !== undefined && isComplex(dtype) && size === 2 * sizeOf(full); // re and im in turn, as toJSON writes them
  let kind = dtype;
  let array: AnyArray | undefined;
  const take = (given: unknown, i: number): void => {
    const x = leafOf("tensor", i, written(given, dtype));
    kind ??= typeof x === "boolean" ? "bool" : "float64";
    if (!array) {
      pairs &&= typeof x === "number";
      array = memory(kind, pairs ? size / 2 : size);
    }
    if (dtype === undefined && kind === "float64" && typeof x === "object") {
      array = widened(array, size, i);
      kind = "complex128";
    }
    put("tensor", array, pairs ? "float64" : kind, i, x);
  };
  // Not through an array of all elements: the same nested array may be an element many times, and what fills V8's heap ends the process.
  visit(data, shape, take);
  if (sizeOf(full) !== (pairs ? size / 2 : size))
    throw new ShapeError("tensor", `shape ${shapeText(full)} needs ${sizeOf(full)} elements, got ${size}.`);
  kind ??= "float64";
  return wrapOwn(kind, full, array ?? memory(kind, 0));
}

function put(op: string, array: AnyArray, dtype: DType, i: number, x: Leaf): void {
  if (isComplex(dtype) && typeof x !== "boolean") {
    array[2 * i] = typeof x === "number" ? x : x.re;
    array[2 * i + 1] = typeof x === "number" ? 0 : x.im;
  } else if (dtype === "bool" && typeof x === "boolean") array[i] = Number(x);
  else if (dtype !== "bool" && typeof x === "number") {
    if (dtype === "int32" && x !== (x | 0)) throw new DtypeError(op, `element ${i} must be an int32, got ${x}.`);
    array[i] = x;
  } else
    throw new DtypeError(
      op,
      `element ${i} must be ${dtype === "bool" ? "a boolean" : isComplex(dtype) ? "a number or { re, im }" : "a number"}, got ${describe(x)}.`,
    );
}

export interface DTypeOption<D extends DType> {
  readonly dtype?: D;
}

const dtypeOption = <D extends DType>(op: string, options: DTypeOption<D>, more: readonly string[] = []): D =>
  checkDType(op, optionsOf(op, options, ["dtype", ...more] as ["dtype"]).dtype ?? "float64") as D;

/** A tensor of one value. */
export const full = <D extends DType = "float64">(
  shape: Shape | number,
  value: number | boolean | ComplexNumber,
  options: DTypeOption<D> = {},
): Tensor<D> => filled("full", shape, value, options);

function filled<D extends DType>(
  op: string,
  shape: Shape | number,
  value: number | boolean | ComplexNumber,
  options: DTypeOption<D>,
): Tensor<D> {
  const dtype = dtypeOption(op, options);
  const dims = checkShape(op, shape);
  const one = new dtypes[dtype].array(dtypes[dtype].width);
  const bit = dtype === "bool" && (value === 0 || value === 1);
  put(op, one, dtype, 0, leafOf(op, 0, bit ? value === 1 : value));
  const array = guard(op, () => allocate(dtype, sizeOf(dims))) as AnyArray;
  repeat(one, array);
  return wrapOwn(dtype, dims, array);
}

const HEAD = 1024; // array elements written one by one, then copied over and over out of the first cache
/** Fills an array with one element: a number, or re and im. */
function repeat(one: AnyArray, array: AnyArray): void {
  if (one.length === 1 || Object.is(one[0], one[1])) {
    array.fill(one[0] as number);
    return;
  }
  const head = Math.min(HEAD, array.length);
  for (let i = 0; i < head; i++) array[i] = one[i % 2] as number;
  for (let done = head; done < array.length; done += head) array.copyWithin(done, 0, head);
}

/** Zeros. */
export const zeros = <D extends DType = "float64">(shape: Shape | number, options: DTypeOption<D> = {}): Tensor<D> =>
  filled("zeros", shape, 0, options);
/** Ones. */
export const ones = <D extends DType = "float64">(shape: Shape | number, options: DTypeOption<D> = {}): Tensor<D> =>
  filled("ones", shape, 1, options);

/** The n x n identity; with `columns`, n x columns. */
export function eye<D extends Float = "float64">(n: number, options: DTypeOption<D> & { readonly columns?: number } = {}): Tensor<D> {
  const dtype = dtypeOption("eye", options, ["columns"]);
  const dims = checkShape("eye", [n, options.columns ?? n]);
  const out = filled("eye", dims, 0, { dtype });
  const { array } = storageOf(out);
  const [rows, columns] = dims as [number, number];
  for (let i = 0; i < Math.min(rows, columns); i++) array[(i * columns + i) * dtypes[out.dtype].width] = 1;
  return out;
}

/**
 * The tensor whose element at i, j, ... is f(i, j, ...): a number, a boolean or { re, im }, of which the first says the dtype where none is named.
 * f is called once for each element, with numbers, row by row.
 */
export function fromFunction<D extends DType = "float64">(
  f: (...index: number[]) => number | boolean | ComplexNumber,
  shape: Shape | number,
  options: DTypeOption<D> = {},
): Tensor<D> {
  const op = "fromFunction";
  if (typeof f !== "function") throw new ArgumentError(op, `f must be a function of indices, got ${describe(f)}.`);
  const dims = checkShape(op, shape);
  const { dtype: given } = optionsOf(op, options, ["dtype"]);
  let dtype: DType | undefined = given === undefined ? undefined : checkDType(op, given);
  let array: AnyArray | undefined;
  const index = dims.map(() => 0);
  for (let i = 0; i < sizeOf(dims); i++) {
    const x = leafOf(op, i, f(...index));
    dtype ??= typeof x === "boolean" ? "bool" : typeof x === "number" ? "float64" : "complex128";
    array ??= guard(op, () => allocate(dtype as DType, sizeOf(dims))) as AnyArray;
    put(op, array, dtype, i, x);
    for (let d = dims.length - 1; d >= 0 && (index[d] = (index[d] as number) + 1) === dims[d]; d--) index[d] = 0;
  }
  dtype ??= "float64";
  return wrapOwn(dtype as D, dims, array ?? (guard(op, () => allocate(dtype as DType, 0)) as AnyArray));
}

const finite = (op: string, name: string, x: unknown): number => {
  if (typeof x === "number" && Number.isFinite(x)) return x;
  throw new ArgumentError(op, `${name} must be a finite number, got ${describe(x)}.`);
};

function sequence<D extends Real | "int32">(op: string, n: number, dtype: D, at: (i: number) => number): Tensor<D> {
  if (isComplex(dtype) || (!isFloat(dtype) && dtype !== "int32")) throw new DtypeError(op, `dtype must be real, got ${dtype}.`);
  const dims = checkShape(op, [n]);
  const array = guard(op, () => allocate(dtype, n)) as ArrayOf<D>;
  const exact = dtype === "int32";
  for (let i = 0; i < n; i++) {
    const x = at(i);
    array[i] = x;
    if (exact && array[i] !== x) put(op, array, dtype, i, x); // says what is wrong
  }
  return wrapOwn(dtype, dims, array);
}

/** How many of f(0), f(1), ..., f(n - 1) are true, where all that are come first. */
function countTrue(n: number, f: (i: number) => boolean): number {
  let [low, high] = [0, n];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (f(middle)) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * start, start + step, ... before stop: below it, or above it where step is negative; arange(stop) starts at 0. In float32 a number that
 * would round to stop, or past it, is the one before.
 * @throws DtypeError where dtype is int32 and a number is not.
 */
export function arange<D extends Real | "int32" = "float64">(
  start: number,
  stop?: number,
  step = 1,
  options: DTypeOption<D> = {},
): Tensor<D> {
  const [from, to] =
    stop === undefined ? [0, finite("arange", "stop", start)] : [finite("arange", "start", start), finite("arange", "stop", stop)];
  if (finite("arange", "step", step) === 0) throw new ArgumentError("arange", "step must not be 0.");
  const dtype = dtypeOption("arange", options);
  const unit = Number.isFinite(to - from) ? 1 : 4; // in units of it to - from does not overflow
  const [a, b, d] = [from / unit, to / unit, step / unit];
  const at = (i: number): number => (a + i * d) * unit;
  const before = (x: number): boolean => (step > 0 ? x < to : x > to);
  const about = Math.max(0, Math.ceil((b - a) / d));
  const n = Number.isSafeInteger(about) ? countTrue(about + 1, (i) => before(at(i))) : about;
  const single = (x: number): number => {
    const near = Math.fround(x);
    if (before(near) || !Number.isFinite(near)) return near;
    return step > 0 ? -roundedUp("float32", -x) : roundedUp("float32", x);
  };
  return sequence("arange", n, dtype, dtype === "float32" ? (i) => single(at(i)) : at);
}

/** n numbers from start to stop, both included; never decreasing (increasing), and the same backwards from stop to start. */
export function linspace<D extends Real = "float64">(start: number, stop: number, n = 50, options: DTypeOption<D> = {}): Tensor<D> {
  const [from, to] = [finite("linspace", "start", start), finite("linspace", "stop", stop)];
  const last = sizeOf(checkShape("linspace", [n])) - 1;
  const unit = Number.isFinite(last * (to - from)) ? 1 : 2 ** 64; // in units of it no product overflows
  const [a, b] = [from / unit, to / unit];
  const d = b - a;
  const up = (i: number): number => a + (i * d) / last;
  const down = (i: number): number => b - ((last - i) * d) / last;
  const halves = (i: number): number => (2 * i < last ? up(i) : 2 * i > last ? down(i) : (up(i) + down(i)) / 2);
  const nearer = Math.abs(a) - Math.abs(b);
  const between = nearer < 0 ? up : nearer > 0 ? down : halves; // from the end that is nearer to 0
  return sequence("linspace", n, dtypeOption("linspace", options), (i) => (i === 0 ? from : i === last ? to : between(i) * unit));
}
