// What transforms take: functions, trees of arguments, cotangents and tangents.
import { ArgumentError, DtypeError, describe, ShapeError } from "../core/errors";
import { scalar } from "../core/op";
import { sameShape } from "../core/signature";
import { shapeText, type Tensor } from "../core/tensor";
import { type Flat, flattenTensors, type Given, inOrderOf } from "../core/tree";

export function asFunction(op: string, f: unknown): void {
  if (typeof f !== "function") throw new ArgumentError(op, `expected a function, got ${describe(f)}.`);
}

/** The arguments of a function of P, with numbers for float64 scalars. */
export type Arguments<P extends readonly unknown[]> = { [K in keyof P]: P[K] | Given<P[K]> };
/** Where a function does not tell its arguments' types. */
export type Untold = Tensor<"float64">[];

export function checkCotangent(op: string, what: string, tree: Flat<Tensor>, like: Flat<Tensor>): (Tensor | undefined)[] {
  const given = inOrderOf(tree, like.paths);
  if (given.leaves.length !== like.leaves.length || given.paths.some((p, i) => p !== like.paths[i])) {
    throw new ArgumentError(op, `the ${what} must have the tree of the value (${like.paths.map((p) => p || "one tensor").join(", ")}).`);
  }
  return given.leaves.map((t, i) => {
    const want = like.leaves[i] as Tensor;
    const at = like.paths[i] ? ` at ${like.paths[i]}` : "";
    if (!sameShape(t.shape, want.shape))
      throw new ShapeError(op, `the ${what}${at} must have shape ${shapeText(want.shape)}, got ${shapeText(t.shape)}.`);
    if (t.dtype !== want.dtype) throw new DtypeError(op, `the ${what}${at} must be ${want.dtype}, got ${t.dtype}.`);
    return t;
  });
}

/** A number in the place of a tensor takes that tensor's dtype, and its shape when it has one element. */
export function likewise(op: string, tree: unknown, like: Flat<Tensor>): Flat<Tensor> {
  const flat = inOrderOf(flattenTensors(op, tree), like.paths);
  if (flat.leaves.length !== like.leaves.length) return flat;
  const leaves = flat.leaves.map((t, i) => {
    const want = like.leaves[i] as Tensor;
    return t.rank === 0 && t.dtype === "float64" && want.rank === 0 && want.dtype === "float32" && !t.box && !t.traced
      ? scalar("float32", t.item() as number)
      : t;
  });
  return { ...flat, leaves };
}
