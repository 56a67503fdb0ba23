import { optionsOf } from "../core/attrs";
import {
  type AnyArray,
  type ArrayOf,
  allocate,
  checkDType,
  type DType,
  dtypeOfArray,
  dtypes,
  type Float,
  isComplex,
  isFloat,
  type Real,
} from "../core/dtype";
import { ArgumentError, DtypeError, describe, ShapeError } from "../core/errors";
import { guard } from "../core/native";
import {
  type ComplexNumber,
  checkShape,
  isTensor,
  type Nested,
  type Shape,
  shapeText,
  sizeOf,
  storageOf,
  type Tensor,
  wrap,
  wrapView,
} from "../core/tensor";

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

/**
 * A tensor from nested arrays of numbers (float64), booleans (bool) or `{ re, im }` (complex128), from a number, or over a typed array, whose
 * memory it shares: Float32Array is float32, Float64Array float64; with dtype complex64 or complex128 the array holds re, im, re, im, ...
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
export function tensor(data: Nested, options?: { readonly shape?: Shape }): Tensor<"float64">;
export function tensor(data: unknown, options: TensorOptions<DType> = {}): Tensor {
  if (isTensor(data)) throw new ArgumentError("tensor", "data is a tensor already.");
  const { dtype, shape, transfer = false } = optionsOf("tensor", options, ["dtype", "shape", "transfer"]);
  if (typeof transfer !== "boolean") throw new ArgumentError("tensor", `option transfer must be true or false, got ${describe(transfer)}.`);
  const kind = dtype === undefined ? undefined : checkDType("tensor", dtype);
  if (ArrayBuffer.isView(data)) return overArray(data, kind, shape, transfer);
  if (transfer) throw new ArgumentError("tensor", `option transfer needs a typed array, got ${describe(data)}.`);
  return fromNested(data, kind, shape);
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
/** Complex numbers from re and im in turn, as toJSON writes them, where that is how many there are. */
function paired(leaves: readonly Leaf[], dtype: DType, size: number): readonly Leaf[] {
  if (!isComplex(dtype) || leaves.length !== 2 * size || leaves.some((x) => typeof x !== "number")) return leaves;
  return Array.from({ length: size }, (_, i) => ({ re: leaves[2 * i] as number, im: leaves[2 * i + 1] as number }));
}

function fromNested(data: unknown, dtype: DType | undefined, given: Shape | undefined): Tensor {
  const shape: number[] = [];
  for (let x = data; Array.isArray(x); x = x[0]) {
    shape.push(x.length);
    checkShape("tensor", shape);
  }
  const leaves: Leaf[] = [];
  const visit = (x: unknown, axis: number, path: string): void => {
    if (axis === shape.length) {
      leaves.push(leafOf("tensor", leaves.length, written(x, dtype)));
      return;
    }
    if (!Array.isArray(x) || x.length !== shape[axis]) {
      const got = Array.isArray(x) ? `${x.length} elements` : describe(x);
      throw new ShapeError(
        "tensor",
        `nested arrays must be rectangular: expected ${shape[axis]} elements${path ? ` at ${path}` : ""}, got ${got}.`,
      );
    }
    for (let i = 0; i < (shape[axis] as number); i++) visit(x[i], axis + 1, `${path}[${i}]`);
  };
  visit(data, 0, "");
  const first = leaves[0];
  const kind = dtype ?? (typeof first === "boolean" ? "bool" : leaves.some((x) => typeof x === "object") ? "complex128" : "float64");
  const full = given === undefined ? shape : checkShape("tensor", given);
  const read = dtype === undefined ? leaves : paired(leaves, dtype, sizeOf(full));
  const array = guard("tensor", () => allocate(kind, read.length));
  read.forEach((x, i) => put("tensor", array, kind, i, x));
  if (sizeOf(full) !== read.length)
    throw new ShapeError("tensor", `shape ${shapeText(full)} needs ${sizeOf(full)} elements, got ${leaves.length}.`);
  return wrap(kind, full, array);
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
  const size = sizeOf(dims);
  const one = new dtypes[dtype].array(dtypes[dtype].width);
  put(op, one, dtype, 0, leafOf(op, 0, typeof value === "number" && dtype === "bool" ? value !== 0 : value));
  const array = guard(op, () => allocate(dtype, size)) as AnyArray;
  if (isComplex(dtype)) for (let i = 0; i < size; i++) array.set(one, 2 * i);
  else array.fill(one[0] as number);
  return wrap(dtype, dims, array);
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

const finite = (op: string, name: string, x: unknown): number => {
  if (typeof x === "number" && Number.isFinite(x)) return x;
  throw new ArgumentError(op, `${name} must be a finite number, got ${describe(x)}.`);
};

function sequence<D extends Real | "int32">(op: string, n: number, options: DTypeOption<D>, at: (i: number) => number): Tensor<D> {
  const dtype = dtypeOption(op, options);
  if (isComplex(dtype) || (!isFloat(dtype) && dtype !== "int32")) throw new DtypeError(op, `dtype must be real, got ${dtype}.`);
  const dims = checkShape(op, [n]);
  const array = guard(op, () => allocate(dtype, n)) as ArrayOf<D>;
  for (let i = 0; i < n; i++) array[i] = at(i);
  return wrap(dtype, dims, array);
}

/** start, start + step, ... below stop; arange(stop) starts at 0. */
export function arange<D extends Real | "int32" = "float64">(
  start: number,
  stop?: number,
  step = 1,
  options: DTypeOption<D> = {},
): Tensor<D> {
  const [from, to] =
    stop === undefined ? [0, finite("arange", "stop", start)] : [finite("arange", "start", start), finite("arange", "stop", stop)];
  if (finite("arange", "step", step) === 0) throw new ArgumentError("arange", "step must not be 0.");
  return sequence("arange", Math.max(0, Math.ceil((to - from) / step)), options, (i) => from + i * step);
}

/** n numbers from start to stop, both included. */
export function linspace<D extends Real = "float64">(start: number, stop: number, n = 50, options: DTypeOption<D> = {}): Tensor<D> {
  const [from, to] = [finite("linspace", "start", start), finite("linspace", "stop", stop)];
  return sequence("linspace", n, options, (i) => (i === n - 1 && n > 1 ? to : from + (i * (to - from)) / Math.max(n - 1, 1)));
}
