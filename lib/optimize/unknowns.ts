// A tree of tensors as one vector of real numbers, leaf after leaf; complex ones as pairs of parts.
import { dtypes, isComplex, isFloat, realOf } from "../core/dtype";
import { DtypeError } from "../core/errors";
import { refuseRecorded } from "../core/op";
import { blank, sizeOf, storageOf, type Tensor } from "../core/tensor";
import { type Flat, flattenTensors } from "../core/tree";
import { cast } from "../ops/cast";
import { zeros } from "../ops/creation";
import { concat } from "../ops/joining";
import { reshape, slice } from "../ops/structure";
import type { Vector } from "./vector";

export interface Unknowns {
  readonly tree: Flat<Tensor>;
  /** How many numbers each leaf is. */
  readonly counts: readonly number[];
  /** The numbers of the leaves. */
  readonly start: Vector;
}

const numbersOf = (t: Tensor): number => sizeOf(t.shape) * dtypes[t.dtype].width;
/** What a tensor of data holds, in double precision. */
export const readOut = (t: Tensor): Vector => Float64Array.from(storageOf(t).array);

function joined(leaves: readonly Tensor[]): Vector {
  const all = new Float64Array(leaves.reduce((n, t) => n + numbersOf(t), 0));
  let from = 0;
  for (const t of leaves) {
    all.set(storageOf(t).array, from);
    from += numbersOf(t);
  }
  return all;
}

/** What to use where a method's loop cannot be recorded. */
export const IMPLICIT = "customRoot, with the method as its solver (in vmap, compile and loops with a whileLoop),";

/** @throws DtypeError unless all leaves are floating; ERR_TRACED within a transform, which a method's loop is not for. */
export function unknownsOf(op: string, x0: unknown): Unknowns {
  const tree = flattenTensors(op, x0);
  refuseRecorded(op, tree.leaves, op, IMPLICIT);
  tree.leaves.forEach((t, i) => {
    if (!isFloat(t.dtype)) throw new DtypeError(op, `x0${at(tree.paths[i])} must be floating, got ${t.dtype}.`);
  });
  return { tree, counts: tree.leaves.map(numbersOf), start: joined(tree.leaves) };
}
export const at = (path: string | undefined): string => (path ? ` at ${path}` : "");

/** x as tensors of the unknowns' dtypes and shapes. */
export function leavesOf({ tree, counts }: Unknowns, x: Vector): Tensor[] {
  let from = 0;
  return tree.leaves.map(({ dtype, shape }, i) => {
    const t = blank(dtype, shape);
    const count = counts[i] as number;
    storageOf(t).array.set(x.subarray(from, from + count));
    from += count;
    return t;
  });
}
/** x, with each number as its leaf holds it. */
export function rounded({ tree, counts }: Unknowns, x: Vector): Vector {
  let from = 0;
  counts.forEach((count, i) => {
    if (realOf((tree.leaves[i] as Tensor).dtype) === "float32") x.set(Float32Array.from(x.subarray(from, from + count)), from);
    from += count;
  });
  return x;
}
export const treeOf = (unknowns: Unknowns, x: Vector): unknown => unknowns.tree.rebuild(leavesOf(unknowns, x));

/** The numbers of real leaves as one tensor, for what is differentiated by all of them. */
export const ravel = (leaves: readonly Tensor[]): Tensor<"float64"> => {
  if (leaves.length === 0) return zeros([0]);
  const flat = leaves.map((t) => reshape(cast(t, "float64"), [t.size]));
  return flat.length === 1 ? (flat[0] as Tensor<"float64">) : concat(flat, { axis: 0 });
};
/** The leaves that `ravel` made v of. */
export function unravel(v: Tensor, like: readonly Tensor[]): Tensor[] {
  let from = 0;
  return like.map(({ dtype, shape, size }) => {
    const part = slice(v, [from], [size]);
    from += size;
    return cast(reshape(part, shape), dtype);
  });
}
/** @throws DtypeError for unknowns that have no Hessian or Jacobian of real numbers. */
export function refuseComplex(op: string, { tree }: Unknowns): void {
  tree.leaves.forEach(({ dtype }, i) => {
    if (isComplex(dtype)) throw new DtypeError(op, `x0${at(tree.paths[i])} must be real, got ${dtype}: take its parts as unknowns.`);
  });
}
