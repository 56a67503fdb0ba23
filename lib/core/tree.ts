import { ArgumentError, describe } from "./errors";
import { types } from "./node";
import { scalar } from "./op";
import { adopt, isTensor, type Tensor } from "./tensor";

/** A tensor, a number, or plain objects and arrays of them. */
export type Tree = Tensor | number | readonly Tree[] | { readonly [key: string]: Tree };

export type TensorTree = Tensor | readonly TensorTree[] | { readonly [key: string]: TensorTree };

// Of what is as wide as a tree itself, a type parameter or `unknown`, these two do not ask further: it would have no end.
/** The same tree with tensors for numbers: what a transformed function receives, and the form of its gradients. */
export type Tensors<T> = [Tree] extends [T]
  ? TensorTree
  : T extends number
    ? Tensor<"float64">
    : T extends Tensor
      ? T
      : { [K in keyof T]: Tensors<T[K]> };
/** What may be given where a function takes T: numbers for float64 scalars. */
export type Given<T> = [Tree] extends [T]
  ? Tree
  : T extends Tensor<infer D>
    ? "float64" extends D
      ? T | number
      : T
    : T extends object
      ? { readonly [K in keyof T]: Given<T[K]> }
      : T;

export interface Flat<L> {
  readonly leaves: L[];
  readonly paths: string[];
  rebuild(leaves: readonly unknown[]): unknown;
}

const MAX_DEPTH = 64;
/** Whether x is a plain object, of any realm: each has an Object.prototype of its own, the end of a chain, with methods that no class has. */
export const isPlain = (x: object): boolean => {
  const proto: object | null = Object.getPrototypeOf(x);
  if (proto === Object.prototype || proto === null) return true;
  return Object.getPrototypeOf(proto) === null && Object.hasOwn(proto, "hasOwnProperty") && Object.hasOwn(proto, "isPrototypeOf");
};

/** The leaves of a tree with their paths ("layers.0.w"), and how to build the same tree from other leaves. */
export function flatten<L>(op: string, tree: unknown, leafOf: (x: unknown) => L | undefined, what: string): Flat<L> {
  const leaves: L[] = [];
  const paths: string[] = [];
  const visit = (x: unknown, path: string, depth: number): ((leaves: readonly unknown[]) => unknown) => {
    const leaf = leafOf(x);
    if (leaf !== undefined) {
      const i = leaves.push(leaf) - 1;
      paths.push(path);
      return (list) => list[i];
    }
    if (depth < MAX_DEPTH && Array.isArray(x)) {
      const parts = x.map((y, i) => visit(y, path === "" ? `${i}` : `${path}.${i}`, depth + 1));
      return (list) => parts.map((p) => p(list));
    }
    if (depth < MAX_DEPTH && typeof x === "object" && x !== null && isPlain(x)) {
      const parts = Object.keys(x).map(
        (k) => [k, visit((x as Record<string, unknown>)[k], path === "" ? k : `${path}.${k}`, depth + 1)] as const,
      );
      return (list) => Object.fromEntries(parts.map(([k, p]) => [k, p(list)]));
    }
    if (depth === MAX_DEPTH && typeof x === "object" && x !== null)
      throw new ArgumentError(op, `a tree has at most ${MAX_DEPTH} levels; is this one circular?`);
    const where = path === "" ? "" : ` at ${path.length > 100 ? `${path.slice(0, 100)}...` : path}`;
    const hint = types.isPromise(x) ? " Functions given to transforms are synchronous." : "";
    const found = isTensor(x) ? "a tensor" : describe(x);
    throw new ArgumentError(op, `expected ${what}, or plain objects and arrays of them, got ${found}${where}.${hint}`);
  };
  const rebuild = visit(tree, "", 0);
  return { leaves, paths, rebuild };
}

/** The same leaves in the order of these paths, if they are just those: trees do not differ by the order of their keys. */
export function inOrderOf<L>(flat: Flat<L>, paths: readonly string[]): Flat<L> {
  if (flat.paths.length !== paths.length || flat.paths.every((p, i) => p === paths[i])) return flat;
  const at = new Map(flat.paths.map((p, i) => [p, i]));
  const order = paths.map((p) => at.get(p));
  if (order.some((i) => i === undefined)) return flat;
  const back = new Map(order.map((i, k) => [i as number, k]));
  return {
    leaves: order.map((i) => flat.leaves[i as number] as L),
    paths: [...paths],
    rebuild: (leaves) => flat.rebuild(flat.leaves.map((_, i) => leaves[back.get(i) as number])),
  };
}

/** A tree of tensors and numbers; numbers become float64 scalars. */
export const flattenTensors = (op: string, tree: unknown): Flat<Tensor> =>
  flatten(op, tree, (x) => (typeof x === "number" ? scalar("float64", x) : adopt(op, x)), "a tensor or a number");

function checkFunction(op: string, f: unknown): void {
  if (typeof f !== "function") throw new ArgumentError(op, `expected a function, got ${describe(f)}.`);
}

/**
 * f of every leaf, or of the leaves at the same place in several trees of the first one's structure: a tree of the results. Numbers are float64
 * scalars. The function may say of which dtype its leaves are.
 */
export function treeMap<T, L extends Tensor = Tensor>(
  f: (...leaves: L[]) => Tensor | number,
  tree: T,
  ...others: readonly unknown[]
): Tensors<T> {
  checkFunction("treeMap", f);
  const first = flattenTensors("treeMap", tree);
  const rest = others.map((t) => flattenTensors("treeMap", t));
  rest.forEach((other, i) => {
    if (other.paths.length === first.paths.length && other.paths.every((p, k) => p === first.paths[k])) return;
    const text = (flat: Flat<Tensor>): string => flat.paths.map((p) => p || "one tensor").join(", ");
    throw new ArgumentError("treeMap", `trees must be alike: the first has (${text(first)}), tree ${i + 1} (${text(other)}).`);
  });
  return first.rebuild(first.leaves.map((t, k) => f(t as L, ...rest.map((r) => r.leaves[k] as L)))) as Tensors<T>;
}
/** The leaves of a tree, in the order of its keys. */
export const treeLeaves = (tree: unknown): Tensor[] => flattenTensors("treeLeaves", tree).leaves;
/** f of what was found before and the next leaf, from the first leaf to the last. */
export function treeReduce<A, L extends Tensor = Tensor>(f: (found: A, leaf: L) => A, tree: unknown, start: A): A {
  checkFunction("treeReduce", f);
  return flattenTensors("treeReduce", tree).leaves.reduce((found, leaf) => f(found, leaf as L), start);
}
