import { ArgumentError, DtypeError, describe } from "./errors";
import { constants, totalmem, types } from "./node";
import { fill, transferred, uninitialized } from "./primordials";

export type Real = "float32" | "float64";
export type Complex = "complex64" | "complex128";
export type Float = Real | Complex;
export type DType = Float | "bool" | "int32";

declare const symbol: unique symbol;
interface Symbolic<P> {
  readonly [symbol]: P;
}
interface Kinds {
  readonly T: Float;
  readonly real: Real;
  readonly complex: Complex;
  readonly any: DType;
}
/**
 * A dtype that the call decides, as rules see it: the op's T, its real or complex companion; "any": a T that may be int32 or bool. Of types
 * alone: no tensor has it at run time.
 */
export type Sym<P extends keyof Kinds> = Kinds[P] & Symbolic<P>;

export type RealOf<D extends DType> =
  D extends Symbolic<infer P>
    ? P extends "any"
      ? D
      : Sym<"real">
    : D extends "complex64"
      ? "float32"
      : D extends "complex128"
        ? "float64"
        : D;
export type ComplexOf<D extends DType> =
  D extends Symbolic<infer P>
    ? P extends "any"
      ? D
      : Sym<"complex">
    : D extends "float32"
      ? "complex64"
      : D extends "float64"
        ? "complex128"
        : D;

/** The dtype of two tensors together, for every pair that has one: precisions do not mix, integers and truth values stand by themselves. */
interface Joins {
  readonly float32: { readonly float32: "float32"; readonly complex64: "complex64" };
  readonly complex64: { readonly float32: "complex64"; readonly complex64: "complex64" };
  readonly float64: { readonly float64: "float64"; readonly complex128: "complex128" };
  readonly complex128: { readonly float64: "complex128"; readonly complex128: "complex128" };
  readonly int32: { readonly int32: "int32" };
  readonly bool: { readonly bool: "bool" };
  readonly T: { readonly T: "T"; readonly real: "T"; readonly complex: "complex" };
  readonly real: { readonly T: "T"; readonly real: "real"; readonly complex: "complex" };
  readonly complex: { readonly T: "complex"; readonly real: "complex"; readonly complex: "complex" };
  readonly any: { readonly any: "any" };
}
type NameOf<D extends DType> = D extends Symbolic<infer P> ? P : D;
type Named<N> = N extends keyof Kinds ? Sym<N> : N extends DType ? N : never;
type Joined<M, N> = M extends keyof Joins ? (N extends keyof Joins[M] ? Joins[M][N] : never) : never;
type Join<D extends DType, E extends DType> = Named<Joined<NameOf<D>, NameOf<E>>>;
/** Without the table where D and E are type parameters: of one it is known that it joins itself. */
export type Wider<D extends DType, E extends DType> = [Held<D>, Held<E>, Held<RealOf<D>>] extends
  | [Held<E>, Held<D>, unknown]
  | [unknown, Held<RealOf<D>>, Held<E>]
  ? D
  : [Held<D>, Held<RealOf<E>>] extends [Held<RealOf<E>>, Held<D>]
    ? E
    : Join<D, E>;
/** Not a type parameter to the compiler, which decides conditions on it where they hold for all. */
export interface Held<out D> {
  readonly dtype: D;
}
/** The dtypes that may stand beside D. */
export type Mates<D extends DType> = D | RealOf<D> | ComplexOf<D> | Named<keyof Joins[NameOf<D> & keyof Joins]>;
/** unknown, which refuses nothing, where E may stand beside D, or where that is not known; never: a number, which takes the other's dtype. */
export type Fits<D extends DType, E extends DType> = [Held<E>, Held<D>, Held<Real>] extends
  | [Held<Mates<D>>, unknown, unknown]
  | [unknown, Held<Mates<E>>, unknown]
  | [unknown, unknown, Held<RealOf<D>>]
  | [unknown, unknown, Held<RealOf<E>>]
  ? unknown
  : [Join<D, E>] extends [never]
    ? DoNotMix<D, E>
    : unknown;
/** What the compiler says where an op is given two tensors that have no dtype together: convert one of them. */
export interface DoNotMix<D, E> {
  readonly "precisions do not mix: convert one of the tensors": [D, E];
}
/** unknown for the dtypes of most ops. Not a condition on D: of a type parameter it holds by its constraint. */
export interface Takes extends Record<Float, unknown> {
  readonly int32: NotFloat<"int32">;
  readonly bool: NotFloat<"bool">;
  readonly [symbolic: string]: unknown;
}
/** The same of ops that take int32, too. */
export interface TakesNumbers extends Record<Float | "int32", unknown> {
  readonly bool: NotNumber<"bool">;
  readonly [symbolic: string]: unknown;
}
/** What the compiler says where an op of numbers is given truth values. */
export interface NotNumber<D> {
  readonly "must be float32, float64, complex64, complex128 or int32": D;
}
/** What the compiler says where an op of floating dtypes is given another. */
export interface NotFloat<D> {
  readonly "must be float32, float64, complex64 or complex128": D;
}

/** The typed array that holds a dtype; complex is interleaved (re, im) in the array of its real type. */
export type ArrayOf<D extends DType> = D extends "float32" | "complex64"
  ? Float32Array
  : D extends "float64" | "complex128"
    ? Float64Array
    : D extends "bool"
      ? Uint8Array
      : Int32Array;
export type AnyArray = Float32Array | Float64Array | Uint8Array | Int32Array;

export interface ComplexNumber {
  readonly re: number;
  readonly im: number;
}
/** What one element reads as. */
export type Scalar<D extends DType> = D extends "complex64" | "complex128" ? ComplexNumber : D extends "bool" ? boolean : number;
/** Such elements in nested arrays; a bare one for rank 0. */
export type Nested<D extends DType = DType> = Scalar<D> | readonly Nested<D>[];

type ArrayClass = {
  new (n: number): AnyArray;
  new (b: ArrayBufferLike, offset?: number, n?: number): AnyArray;
  readonly BYTES_PER_ELEMENT: number;
};
interface Info {
  readonly code: number; // of native/base/view.h
  readonly array: ArrayClass;
  readonly width: number; // array elements per tensor element
  readonly real: DType;
  readonly complex: DType;
  readonly eps: number;
}

export const dtypes: { readonly [D in DType]: Info } = {
  float32: { code: 0, array: Float32Array, width: 1, real: "float32", complex: "complex64", eps: 2 ** -23 },
  float64: { code: 1, array: Float64Array, width: 1, real: "float64", complex: "complex128", eps: 2 ** -52 },
  complex64: { code: 2, array: Float32Array, width: 2, real: "float32", complex: "complex64", eps: 2 ** -23 },
  complex128: { code: 3, array: Float64Array, width: 2, real: "float64", complex: "complex128", eps: 2 ** -52 },
  bool: { code: 4, array: Uint8Array, width: 1, real: "bool", complex: "bool", eps: 0 },
  int32: { code: 5, array: Int32Array, width: 1, real: "int32", complex: "int32", eps: 0 },
};

export const isDType = (x: unknown): x is DType => typeof x === "string" && Object.hasOwn(dtypes, x);
export const isComplex = (d: DType): d is Complex => d === "complex64" || d === "complex128";
/** Unit roundoff times two. */
export const epsOf = (d: DType): number => dtypes[d].eps;
export const isFloat = (d: DType): d is Float => d !== "bool" && d !== "int32";
export const realOf = <D extends DType>(d: D): RealOf<D> => dtypes[d].real as RealOf<D>;
export const complexOf = <D extends DType>(d: D): ComplexOf<D> => dtypes[d].complex as ComplexOf<D>;

export function checkDType(op: string, x: unknown): DType {
  if (!isDType(x)) throw new DtypeError(op, `expected a dtype (${Object.keys(dtypes).join(", ")}), got ${describe(x)}.`);
  return x;
}

const single = new Float32Array(1);
const singleBits = new Int32Array(single.buffer);
/** The smallest number of a floating dtype that is not below x; infinite where x rounds to an infinity. */
export function roundedUp(dtype: Float, x: number): number {
  if (realOf(dtype) === "float64") return x;
  single[0] = x;
  const near = single[0];
  if (near < x && Number.isFinite(near)) singleBits[0] = (singleBits[0] as number) + (near < 0 ? -1 : 1);
  return single[0];
}

const UNZEROED_BYTES = 4096; // below, V8's own zeroed allocation is cheaper

const LARGE_BYTES = 2 ** 30;
/** Of the machine, or of the container. */
export const memoryBytes = (): number => Math.min(totalmem(), process.constrainedMemory() || Number.POSITIVE_INFINITY);

/** Where the system promises more memory than it has, the process would die when it is written to. RangeError then. */
export function refuseBeyondMemory(bytes: number): void {
  if (bytes > LARGE_BYTES && bytes > memoryBytes()) throw new RangeError("Array buffer allocation failed");
}

/** Memory for `size` tensor elements; large arrays are not zeroed: whoever asks writes them in full. RangeError when there is none. */
export function allocate<D extends DType>(dtype: D, size: number): ArrayOf<D> {
  const { array, width } = dtypes[dtype];
  const bytes = size * width * array.BYTES_PER_ELEMENT;
  if (bytes < UNZEROED_BYTES) return new array(size * width) as ArrayOf<D>;
  refuseBeyondMemory(bytes);
  if (bytes > constants.MAX_LENGTH) return new array(size * width) as ArrayOf<D>;
  return new array(bytes < WARM_BYTES ? uninitialized(bytes) : warm(bytes)) as ArrayOf<D>;
}
const WARM_BYTES = 2 ** 17; // below, malloc keeps pages by itself
let warm = uninitialized;
/** @internal Sets how memory is had whose pages are worth keeping. */
export const whenLarge = (f: (bytes: number) => ArrayBuffer): void => void (warm = f);

const [SMALLEST, LARGEST] = [3, 10]; // powers of 2: of 8 bytes to 1 KiB
const slabs: { memory: ArrayBuffer; at: number }[] = [];
/**
 * A small array cut from a larger one, or undefined: an ArrayBuffer for each costs ten times as much. A slab holds results of one class of size,
 * at most 32 of the larger ones, so that one that is kept for long keeps little else.
 */
export function partOfSlab(dtype: DType, size: number): AnyArray | undefined {
  const { array, width } = dtypes[dtype];
  const bytes = size * width * array.BYTES_PER_ELEMENT;
  if (bytes === 0 || bytes > 2 ** LARGEST) return undefined;
  const power = Math.max(SMALLEST, 32 - Math.clz32(bytes - 1));
  let slab = slabs[power];
  if (!slab || slab.at === slab.memory.byteLength) {
    slab = { memory: new ArrayBuffer(Math.max(2048, 32 << power)), at: 0 };
    slabs[power] = slab;
  }
  const part = new array(slab.memory, slab.at, size * width);
  slab.at += 1 << power;
  return part;
}

/** Whether a result's array is one of these. */
export const isPartOfSlab = ({ byteLength }: AnyArray): boolean => byteLength > 0 && byteLength <= 2 ** LARGEST;

// What a typed array really is, whatever has been done to its prototype and properties.
const typedArray = Object.getPrototypeOf(Uint8Array.prototype) as object;
const getter = (name: string | symbol) => Object.getOwnPropertyDescriptor(typedArray, name)?.get as () => unknown;
const [kindOf, lengthOf, bufferOf, offsetOf] = [Symbol.toStringTag, "length", "buffer", "byteOffset"].map(getter) as [
  () => string | undefined,
  () => number,
  () => ArrayBufferLike,
  () => number,
];
const DTYPES: { readonly [kind: string]: DType } = {
  Float64Array: "float64",
  Float32Array: "float32",
  Int32Array: "int32",
  Uint8Array: "bool",
};

/** The dtype that a typed array, of any realm, stands for by itself, if any. */
export function dtypeOfArray(x: unknown): DType | undefined {
  const kind = kindOf.call(x);
  return kind !== undefined && Object.hasOwn(DTYPES, kind) ? DTYPES[kind] : undefined;
}

/** Another array over the memory of one that `dtypeOfArray` knows: nobody else can give it properties or another prototype. */
export function viewOf(x: AnyArray): AnyArray {
  const { array } = dtypes[dtypeOfArray(x) as DType];
  return new array(bufferOf.call(x), offsetOf.call(x), lengthOf.call(x));
}

/** Memory for as many elements, to be written in full. */
export function emptyLike(x: AnyArray): AnyArray {
  const { array } = dtypes[dtypeOfArray(x) as DType];
  const bytes = x.length * array.BYTES_PER_ELEMENT;
  refuseBeyondMemory(bytes);
  return bytes > constants.MAX_LENGTH ? new array(x.length) : new array(uninitialized(bytes));
}
/** A copy that nobody else holds. */
export function copyOf(x: AnyArray): AnyArray {
  const copy = emptyLike(x);
  fill(copy, x);
  return copy;
}

/** The same elements in the same memory, which is taken from x and everybody who has it. */
export function takenFrom(op: string, x: AnyArray): AnyArray {
  const { array } = dtypes[dtypeOfArray(x) as DType];
  const [buffer, offset, length] = [bufferOf.call(x), offsetOf.call(x), lengthOf.call(x)];
  const bad = (why: string) => new ArgumentError(op, `option transfer: the memory of data cannot be taken over: ${why}.`);
  if (!types.isArrayBuffer(buffer)) throw bad("threads share it");
  let mine: ArrayBuffer;
  try {
    mine = transferred(buffer);
  } catch {
    throw bad("its owner does not let it go");
  }
  if (length > 0 && (lengthOf.call(x) as number) > 0) throw bad("its owner does not let it go");
  return new array(mine, offset, length);
}

/** Element i of an array that holds a dtype. */
export function elementOf(array: AnyArray, dtype: DType, i: number): number | boolean | ComplexNumber {
  if (isComplex(dtype)) return { re: array[2 * i] as number, im: array[2 * i + 1] as number };
  return dtype === "bool" ? array[i] !== 0 : (array[i] as number);
}

/** Nested arrays of the elements; a bare element for rank 0. */
export function nested(array: AnyArray, dtype: DType, shape: readonly number[]): Nested {
  let next = 0;
  const build = (axis: number): Nested =>
    axis === shape.length ? elementOf(array, dtype, next++) : Array.from({ length: shape[axis] as number }, () => build(axis + 1));
  return build(0);
}
