import { ArgumentError, DtypeError, describe, ShapeError } from "../core/errors";
import type { ValueType } from "../core/ir";
import { throwing } from "../core/left";
import { unwrapIfDead } from "../core/levels";
import { isTensor, shapeText, type Tensor, tracedOf } from "../core/tensor";
import { flattenTensors, inOrderOf } from "../core/tree";
import { reshaped } from "../program/dead";
import { internControl } from "../program/intern";
import { type Arguments, asFunction } from "../transforms/arguments";
import { applyControl } from "./rows";
import type { Carried, Carry, Trees } from "./scan";
import { type DTypeAt, dtypesAt, flattenGiven, flattenLike, range, type Traced, together, traceTree, typeOfTensor } from "./trees";

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

type Branch = (...args: unknown[]) => unknown;

/**
 * then(...args) where the predicate holds, otherwise(...args) where not. In `compile`, `vmap` and `scan`, where it is not known yet, both become
 * bodies that must give the same tree, shapes and dtypes: by item only one is computed, or in lanes both and one is taken; the other's failures
 * are dropped, and what the taken one does not read has derivative zero.
 */
export function cond<A extends readonly Trees[], R extends Trees>(
  pred: Tensor<"bool"> | boolean,
  then: (...args: Carry<A>) => R,
  otherwise: (...args: Carry<A>) => NoInfer<Carried<R>> | number,
  ...args: A
): Carry<R>;
export function cond<A extends readonly Trees[], R extends Trees>(
  pred: Tensor<"bool"> | boolean,
  then: (...args: Carry<A>) => number,
  otherwise: (...args: Carry<A>) => R,
  ...args: A
): Carry<R>;
export function cond<P extends readonly unknown[], R>(
  pred: Tensor<"bool"> | boolean,
  then: (...args: P) => R,
  otherwise: (...args: P) => NoInfer<R> | number,
  ...args: Arguments<P>
): R;
export function cond(pred: unknown, then: Branch, otherwise: Branch, ...args: unknown[]): unknown {
  asFunction("cond", then);
  asFunction("cond", otherwise);
  const given = checkPredicate(pred);
  const flat = flattenTensors("cond", args);
  const types = flat.leaves.map(typeOfTensor);
  const ofBranch = (f: Branch, leaves: readonly Tensor[]): unknown => f(...(flat.rebuild(leaves) as unknown[]));
  const branch = (f: Branch, like?: DTypeAt) => traceTree("cond", types, (leaves) => flattenLike("cond", ofBranch(f, leaves), like));
  const known = ({ out }: Traced): DTypeAt => dtypesAt(out.paths, out.leaves.map(typeOfTensor));
  if (typeof given === "boolean" || !tracedOf(given)) {
    const holds = typeof given === "boolean" ? given : given.item();
    const [taken, other] = holds ? [then, otherwise] : [otherwise, then];
    const result = ofBranch(taken, flat.leaves);
    const numbers = flattenGiven("cond", result).leaves.some((t) => typeof t === "number");
    const out = flattenLike("cond", result, numbers ? ofOther(() => known(branch(other))) : undefined);
    return out.rebuild(out.leaves);
  }
  const first = branch(then);
  const b = branch(otherwise, known(first));
  const a = branchAgain(first, () => branch(then, known(b)), b);
  const { out: other } = b;
  const aligned = inOrderOf(a.out, other.paths);
  const paths = (f: { readonly paths: readonly string[] }) => f.paths.map((p) => p || "one tensor").join(", ");
  if (paths(aligned) !== paths(other))
    throw new ArgumentError("cond", `both branches must give the same tree: then gives (${paths(a.out)}), otherwise (${paths(other)}).`);
  aligned.leaves.forEach((t, i) => sameType(typeOfTensor(t), typeOfTensor(other.leaves[i] as Tensor), other.paths[i] as string));
  const order = other.paths.map((p) => a.out.paths.indexOf(p));
  const { bodies, captures } = together(types.length, { ...a, body: reshaped(a.body, range(a.body.inputs.length), order) }, b);
  const control = internControl({ kind: "cond", name: "cond", whenTrue: bodies[0], whenFalse: bodies[1] });
  return other.rebuild(applyControl(control, [unwrapIfDead(given), ...flat.leaves, ...captures]));
}

/** Dtypes of the branch that is not taken, for numbers of the other; what it throws is nobody's failure. */
function ofOther(dtypes: () => DTypeAt): DTypeAt | undefined {
  try {
    return throwing(dtypes);
  } catch {
    return undefined;
  }
}

/** The first branch was traced before the dtypes of the second were known: where a number of it became another dtype it is traced again. */
function branchAgain(first: Traced, again: () => Traced, second: Traced): Traced {
  const like = new Map(second.out.paths.map((p, i) => [p, second.out.leaves[i]?.dtype]));
  const differs = first.out.paths.some((p, i) => like.has(p) && like.get(p) !== first.out.leaves[i]?.dtype);
  return differs ? again() : first;
}

function sameType(a: ValueType, b: ValueType, path: string): void {
  const text = ({ dtype, shape }: ValueType): string => `${dtype} of shape ${shapeText(shape)}`;
  if (text(a) === text(b)) return;
  const Kind = a.dtype === b.dtype ? ShapeError : DtypeError;
  throw new Kind("cond", `both branches must give the same types: then gives ${text(a)}${path && ` at ${path}`}, otherwise ${text(b)}.`);
}
