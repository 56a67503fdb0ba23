// Bounds of the unknowns, and what they leave free (Bertsekas 1982, "Projected Newton methods for optimization problems with simple constraints").
import { isComplex, isFloat } from "../core/dtype";
import { ArgumentError, DtypeError, describe, ShapeError } from "../core/errors";
import { refuseRecorded } from "../core/op";
import { adopt, shapeText, storageOf, type Tensor } from "../core/tensor";
import type { Tree } from "../core/tree";
import { broadcastTo } from "../ops/structure";
import { at, IMPLICIT, rounded, type Unknowns } from "./unknowns";
import { largest, type Vector } from "./vector";

/** A number for all that is below, a tensor that broadcasts to a leaf, or null for no bound; a tree of these, from which keys may be missing. */
export type Bound<X> =
  | number
  | null
  | undefined
  | Tensor
  | ([Tree] extends [X] ? BoundTree : X extends Tensor | number ? never : { readonly [K in keyof X]?: Bound<X[K]> });
type BoundTree = { readonly [key: string]: unknown } | readonly unknown[];

export interface Box {
  readonly lower: Vector;
  readonly upper: Vector;
}

/** One side as numbers, `none` where there is no bound. */
function side(op: string, unknowns: Unknowns, name: string, given: unknown, none: number): Vector {
  const { tree, counts, start } = unknowns;
  const all = new Float64Array(start.length).fill(none);
  const starts = counts.map((_, i) => counts.slice(0, i).reduce((a, b) => a + b, 0));
  const fill = (i: number, bound: number | Tensor): void => {
    const leaf = tree.leaves[i] as Tensor;
    const where = `${name}${at(tree.paths[i])}`;
    if (isComplex(leaf.dtype)) throw new DtypeError(op, `${where}: complex numbers have no order, so no bounds.`);
    const [from, count] = [starts[i] as number, counts[i] as number];
    if (typeof bound === "number") all.fill(bound, from, from + count);
    else {
      refuseRecorded(op, [bound], op, IMPLICIT);
      if (!isFloat(bound.dtype) || isComplex(bound.dtype)) throw new DtypeError(op, `${where} must be real, got ${bound.dtype}.`);
      all.set(storageOf(fitted(op, where, bound, leaf)).array, from);
    }
  };
  const visit = (node: unknown, bound: unknown, path: string): void => {
    if (bound === null || bound === undefined) return;
    const value = typeof bound === "number" ? bound : adopt(op, bound);
    if (typeof node === "number") {
      if (value === undefined)
        throw new ArgumentError(op, `${name}${at(path)} must be a number, a tensor or null, got ${describe(bound)}.`);
      fill(node, value);
      return;
    }
    if (typeof value === "object")
      throw new ArgumentError(op, `${name}${at(path)} must be a number or a tree as x0 is there, got a tensor.`);
    if (value === undefined && (typeof bound !== "object" || Array.isArray(bound) !== Array.isArray(node)))
      throw new ArgumentError(op, `${name}${at(path)} must be a number or a tree as x0 is there, got ${describe(bound)}.`);
    const inner = node as Readonly<Record<string, unknown>>;
    const below = (key: string): string => (path ? `${path}.${key}` : key);
    if (typeof bound === "object")
      for (const key of Object.keys(bound))
        if (!Object.hasOwn(inner, key)) throw new ArgumentError(op, `${name} has ${below(key)}, which x0 has not.`);
    const given = (key: string): unknown =>
      Object.hasOwn(bound as object, key) ? (bound as Readonly<Record<string, unknown>>)[key] : undefined;
    for (const key of Object.keys(inner)) visit(inner[key], value ?? given(key), below(key));
  };
  visit(tree.rebuild(tree.leaves.map((_, i) => i)), given, "");
  return all;
}
function fitted(op: string, where: string, bound: Tensor, leaf: Tensor): Tensor {
  const wrong = new ShapeError(op, `${where} must broadcast to ${shapeText(leaf.shape)}, got ${shapeText(bound.shape)}.`);
  const { rank } = bound;
  if (rank > leaf.rank || bound.shape.some((n, i) => n !== 1 && n !== leaf.shape[leaf.rank - rank + i])) throw wrong;
  return broadcastTo(bound as Tensor<"float64">, leaf.shape);
}

/** Numbers of the unknowns' dtypes. @throws ArgumentError where bounds are no pair, NaN, or leave no finite number between them. */
export function boxOf(op: string, unknowns: Unknowns, bounds: unknown): Box | undefined {
  if (bounds === undefined) return undefined;
  if (!Array.isArray(bounds) || bounds.length !== 2)
    throw new ArgumentError(op, `option bounds must be [lower, upper], each a number, null or a tree as x0 is, got ${describe(bounds)}.`);
  const lower = rounded(unknowns, side(op, unknowns, "the lower bound", bounds[0], Number.NEGATIVE_INFINITY));
  const upper = rounded(unknowns, side(op, unknowns, "the upper bound", bounds[1], Number.POSITIVE_INFINITY));
  lower.forEach((low, i) => {
    const high = upper[i] as number;
    if (!(low <= high && low < Number.POSITIVE_INFINITY && high > Number.NEGATIVE_INFINITY))
      throw new ArgumentError(op, `option bounds: number ${i} of x0 is to be between ${low} and ${high}.`);
  });
  return { lower, upper };
}

/** x, each number moved to the nearest within the bounds. */
export function project(box: Box | undefined, x: Vector): Vector {
  if (box) x.forEach((v, i) => (x[i] = Math.min(Math.max(v, box.lower[i] as number), box.upper[i] as number)));
  return x;
}
/** Which numbers are at a bound that the gradient holds them to; undefined where none is. */
export function heldBy(box: Box | undefined, x: Vector, gradient: Vector): Uint8Array | undefined {
  if (!box) return undefined;
  const held = Uint8Array.from(x, (v, i) => {
    const g = gradient[i] as number;
    return Number((v <= (box.lower[i] as number) && g >= 0) || (v >= (box.upper[i] as number) && g <= 0));
  });
  return held.includes(1) ? held : undefined;
}
export const freed = (v: Vector, held: Uint8Array | undefined): Vector => (held ? v.map((x, i) => (held[i] ? 0 : x)) : v);
/** The largest component of the gradient, of x - P(x - g) within bounds: 0 at a minimum. */
export const optimality = (box: Box | undefined, x: Vector, gradient: Vector): number =>
  largest(
    box
      ? project(
          box,
          x.map((v, i) => v - (gradient[i] as number)),
        ).map((v, i) => v - (x[i] as number))
      : gradient,
  );
