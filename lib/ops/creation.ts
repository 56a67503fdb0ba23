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
} from "../core/tensor";

export interface TensorOptions<D extends DType> {
  readonly shape?: Shape;
  readonly dtype?: D;
}

const isComplexNumber = (x: unknown): x is ComplexNumber =>
  typeof x === "object" && x !== null && typeof (x as ComplexNumber).re === "number" && typeof (x as ComplexNumber).im === "number";

/**
 * A tensor from nested arrays of numbers (float64), booleans (bool) or `{ re, im }` (complex128), from a number, or over a typed array, whose
 * memory it shares: Float32Array is float32, Float64Array float64; with dtype complex64 or complex128 the array holds re, im, re, im, ...
 * @throws ShapeError for ragged arrays or a shape that does not fit, DtypeError for a dtype that does not fit the data.
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
  if (typeof options !== "object" || options === null)
    throw new ArgumentError("tensor", `options must be an object, got ${describe(options)}.`);
  const dtype = options.dtype === undefined ? undefined : checkDType("tensor", options.dtype);
  return ArrayBuffer.isView(data) ? overArray(data, dtype, options.shape) : fromNested(data, dtype, options.shape);
}

function overArray(data: ArrayBufferView, dtype: DType | undefined, shape: Shape | undefined): Tensor {
  const own = dtypeOfArray(data) ?? (data instanceof Uint8Array ? "bool" : undefined);
  if (own === undefined)
    throw new DtypeError("tensor", "data must be a Float32Array, Float64Array, Int32Array or Uint8Array (with dtype bool).");
  if (own === "bool" && dtype !== "bool") throw new DtypeError("tensor", 'a Uint8Array needs dtype "bool".');
  const kind = dtype ?? own;
  if (!(data instanceof dtypes[kind].array))
    throw new DtypeError("tensor", `data of dtype ${kind} needs a ${dtypes[kind].array.name}, got a ${own} array.`);
  const array = data as AnyArray;
  const { width } = dtypes[kind];
  const full = shape === undefined ? [array.length / width] : checkShape("tensor", shape);
  if (sizeOf(full) * width !== array.length) {
    throw new ShapeError(
      "tensor",
      `shape ${shapeText(full)} of ${kind} needs ${sizeOf(full) * width} array elements, got ${array.length}.`,
    );
  }
  return wrap(kind, full, array, true);
}

function fromNested(data: unknown, dtype: DType | undefined, given: Shape | undefined): Tensor {
  const shape: number[] = [];
  for (let x = data; Array.isArray(x); x = x[0]) {
    shape.push(x.length);
    checkShape("tensor", shape);
  }
  const leaves: unknown[] = [];
  const visit = (x: unknown, axis: number, path: string): void => {
    if (axis === shape.length) {
      leaves.push(x);
      return;
    }
    if (!Array.isArray(x) || x.length !== shape[axis]) {
      const got = Array.isArray(x) ? `${x.length} elements` : describe(x);
      throw new ShapeError(
        "tensor",
        `nested arrays must be rectangular: expected ${shape[axis]} elements${path ? ` at ${path}` : ""}, got ${got}.`,
      );
    }
    for (let i = 0; i < x.length; i++) visit(x[i], axis + 1, `${path}[${i}]`);
  };
  visit(data, 0, "");
  const first = leaves[0];
  const kind = dtype ?? (typeof first === "boolean" ? "bool" : leaves.some(isComplexNumber) ? "complex128" : "float64");
  const array = guard("tensor", () => allocate(kind, leaves.length));
  leaves.forEach((x, i) => put(array, kind, i, x));
  const full = given === undefined ? shape : checkShape("tensor", given);
  if (sizeOf(full) !== leaves.length)
    throw new ShapeError("tensor", `shape ${shapeText(full)} needs ${sizeOf(full)} elements, got ${leaves.length}.`);
  return wrap(kind, full, array);
}

function put(array: AnyArray, dtype: DType, i: number, x: unknown): void {
  if (isComplex(dtype) && (typeof x === "number" || isComplexNumber(x))) {
    array[2 * i] = typeof x === "number" ? x : x.re;
    array[2 * i + 1] = typeof x === "number" ? 0 : x.im;
  } else if (dtype === "bool" && typeof x === "boolean") array[i] = Number(x);
  else if (dtype !== "bool" && typeof x === "number") {
    if (dtype === "int32" && (!Number.isInteger(x) || Math.abs(x) > 2 ** 31))
      throw new DtypeError("tensor", `element ${i} must be an int32, got ${x}.`);
    array[i] = x;
  } else
    throw new DtypeError(
      "tensor",
      `element ${i} must be ${dtype === "bool" ? "a boolean" : isComplex(dtype) ? "a number or { re, im }" : "a number"}, got ${describe(x)}.`,
    );
}

export interface DTypeOption<D extends DType> {
  readonly dtype?: D;
}

/** A tensor of one value. */
export function full<D extends DType = "float64">(
  shape: Shape | number,
  value: number | boolean | ComplexNumber,
  options: DTypeOption<D> = {},
): Tensor<D> {
  const dtype = checkDType("full", options.dtype ?? "float64") as D;
  const dims = checkShape("full", shape);
  const size = sizeOf(dims);
  const one = new dtypes[dtype].array(dtypes[dtype].width);
  put(one, dtype, 0, dtype === "bool" ? Boolean(value) : value);
  const array = guard("full", () => allocate(dtype, size)) as AnyArray;
  if (isComplex(dtype)) for (let i = 0; i < size; i++) array.set(one, 2 * i);
  else array.fill(one[0] as number);
  return wrap(dtype, dims, array);
}
/** Zeros. */
export const zeros = <D extends DType = "float64">(shape: Shape | number, options: DTypeOption<D> = {}): Tensor<D> =>
  full(shape, 0, options);
/** Ones. */
export const ones = <D extends DType = "float64">(shape: Shape | number, options: DTypeOption<D> = {}): Tensor<D> =>
  full(shape, 1, options);

/** The n x n identity; with `columns`, n x columns. */
export function eye<D extends Float = "float64">(n: number, options: DTypeOption<D> & { readonly columns?: number } = {}): Tensor<D> {
  const dims = checkShape("eye", [n, options.columns ?? n]);
  const out = zeros(dims, options) as Tensor<D>;
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
  const dtype = checkDType(op, options.dtype ?? "float64") as D;
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
