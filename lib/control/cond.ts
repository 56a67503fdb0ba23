import { ArgumentError, DtypeError, describe, ShapeError } from "../core/errors";
import type { ValueType } from "../core/ir";
import { unwrapIfDead } from "../core/levels";
import { isTensor, shapeText, type Tensor, tracedOf } from "../core/tensor";
import { flattenTensors } from "../core/tree";
import { internControl } from "../program/intern";
import { type Arguments, asFunction } from "../transforms/arguments";
import { applyControl } from "./rows";
import { together, traceTree, typeOfTensor } from "./trees";

function checkPredicate(pred: unknown): Tensor<"bool"> | boolean {
  if (typeof pred === "boolean") return pred;
  if (!isTensor(pred))
    throw new ArgumentError("cond", `the predicate must be true, false or a bool tensor of shape [], got ${describe(pred)}.`);
  if (pred.dtype !== "bool") throw new DtypeError("cond", `the predicate must be bool, got ${pred.dtype}: compare, less(x, 0).`);
  if (pred.rank !== 0)
    throw new ShapeError(
      "cond",
      `the predicate must have shape [], got ${shapeText(pred.shape)}: to choose by element use where, by item vmap.`,
    );
  return pred as Tensor<"bool">;
}

/**
 * then(...args) where the predicate holds, otherwise(...args) where not. In `compile`, `vmap` and `scan`, where it is not known yet, both become
 * bodies that must give the same tree, shapes and dtypes: by item only one is computed, or in lanes both and one is taken; the other's failures
 * are dropped, and what the taken one does not read has derivative zero.
 */
export function cond<P extends readonly unknown[], R>(
  pred: Tensor<"bool"> | boolean,
  then: (...args: P) => R,
  otherwise: (...args: P) => NoInfer<R>,
  ...args: Arguments<P>
): R {
  asFunction("cond", then);
  asFunction("cond", otherwise);
  const given = checkPredicate(pred);
  const flat = flattenTensors("cond", args);
  if (typeof given === "boolean" || !tracedOf(given)) {
    const holds = typeof given === "boolean" ? given : given.item();
    const chosen = holds ? then : otherwise;
    const out = flattenTensors("cond", chosen(...(flat.rebuild(flat.leaves) as P)));
    return out.rebuild(out.leaves) as R;
  }
  const types = flat.leaves.map(typeOfTensor);
  const branch = (f: (...args: P) => R) => traceTree("cond", types, (leaves) => flattenTensors("cond", f(...(flat.rebuild(leaves) as P))));
  const [a, b] = [branch(then), branch(otherwise)];
  const paths = (f: { readonly paths: readonly string[] }) => f.paths.map((p) => p || "one tensor").join(", ");
  if (paths(a.out) !== paths(b.out))
    throw new ArgumentError("cond", `both branches must give the same tree: then gives (${paths(a.out)}), otherwise (${paths(b.out)}).`);
  a.out.leaves.forEach((t, i) => sameType(typeOfTensor(t), typeOfTensor(b.out.leaves[i] as Tensor), a.out.paths[i] as string));
  const { bodies, captures } = together(types.length, a, b);
  const control = internControl({ kind: "cond", name: "cond", whenTrue: bodies[0], whenFalse: bodies[1] });
  return a.out.rebuild(applyControl(control, [unwrapIfDead(given), ...flat.leaves, ...captures])) as R;
}

function sameType(a: ValueType, b: ValueType, path: string): void {
  const text = ({ dtype, shape }: ValueType): string => `${dtype} of shape ${shapeText(shape)}`;
  if (text(a) === text(b)) return;
  const Kind = a.dtype === b.dtype ? ShapeError : DtypeError;
  throw new Kind("cond", `both branches must give the same types: then gives ${text(a)}${path && ` at ${path}`}, otherwise ${text(b)}.`);
}
