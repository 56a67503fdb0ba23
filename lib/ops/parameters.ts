// What random distributions share: parameters, which are numbers or tensors of one real dtype, and the shape of a draw.
import { isComplex, isFloat, type Real } from "../core/dtype";
import { ArgumentError, DtypeError, describe, ShapeError } from "../core/errors";
import { asTensor } from "../core/operands";
import { scalar } from "../core/outcome";
import { broadcast, broadcastOrThrow, sameShape } from "../core/signature";
import { checkShape, type Shape, shapeText, type Tensor } from "../core/tensor";
import { broadcastTo } from "./structure";

export interface ShapeOption {
  /** Of the draw: one that the parameters broadcast to; that of the parameters together where nothing is said. */
  readonly shape?: Shape | number;
}

/** A real tensor, or a number, which is float64. */
export function realTensor(op: string, name: string, x: unknown): Tensor<Real> {
  const t: Tensor = asTensor(op, name, x);
  if (isFloat(t.dtype) && !isComplex(t.dtype)) return t as Tensor<Real>;
  throw new DtypeError(op, `${name} must be float32 or float64, got ${t.dtype}.`);
}

/** Parameters by name as tensors of one dtype, in order; numbers take that of the tensors. */
export function parameters(op: string, given: Readonly<Record<string, unknown>>): Tensor<Real>[] {
  const names = Object.keys(given);
  const tensors = names.map((name) => (typeof given[name] === "number" ? undefined : realTensor(op, name, given[name])));
  const first = tensors.findIndex((t) => t);
  const dtype = tensors[first]?.dtype ?? "float64";
  return tensors.map((t, i) => {
    if (!t) return scalar(dtype, given[names[i] as string] as number);
    if (t.dtype === dtype) return t;
    throw new DtypeError(op, `${names[i]} is ${t.dtype}, ${names[first]} is ${dtype}: convert one of them, precisions do not mix.`);
  });
}

/** The shape that was asked for, if it is one that shapes of these names broadcast to; where none was, what they are together. */
export function shapeOf(op: string, shapes: Readonly<Record<string, Shape>>, asked: Shape | number | undefined): Shape {
  const [names, list] = [Object.keys(shapes), Object.values(shapes)];
  const own = broadcastOrThrow(op, names, list);
  if (asked === undefined) return own;
  const shape = checkShape(op, asked);
  const whole = broadcast([own, shape]);
  if (whole && sameShape(whole, shape)) return shape;
  const given = names.map((name, i) => `${name} ${shapeText(list[i] as Shape)}`).join(", ");
  throw new ShapeError(op, `option shape must be one that the parameters broadcast to, got ${shapeText(shape)} for ${given}.`);
}

/** x in a shape that it broadcasts to. */
export const spread = <T extends Tensor>(x: T, shape: Shape): T => (sameShape(x.shape, shape) ? x : (broadcastTo(x, shape) as Tensor as T));

const MOST = 2 ** 31 - 1;
/** How many there are to choose from: a number, or the length of an axis of x. */
export function countOf(op: string, x: number): number {
  if (Number.isInteger(x) && x >= 0 && x <= MOST) return x;
  throw new ArgumentError(op, `n must be an integer from 0 to ${MOST}, got ${describe(x)}.`);
}
