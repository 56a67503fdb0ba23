import { type DType, dtypes } from "./dtype";
import { ArgumentError, describe, ShapeError } from "./errors";

export type Shape = readonly number[];

export const MAX_RANK = 12; // kMaxRank of native/base/view.h
const MAX_ELEMENTS = 2 ** 40; // kMaxElements of native/exec/shape.h, for shapes that no memory limits: sizes of 0 count as 1

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

export const shapeText = (shape: Shape): string => `[${shape.join(", ")}]`;

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
  return checkSize(op, out);
}

/** shape, if tensors can have it. */
export function checkSize<S extends Shape>(op: string, shape: S): S {
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

export interface ReduceOptions {
  /** The axis or axes to reduce; all when absent. */
  readonly axis?: number | readonly number[];
  /** Keeps reduced axes with size 1. */
  readonly keepDims?: boolean;
}
