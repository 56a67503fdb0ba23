// Loops and conditions written out with plain ops: what those of the package are checked against.
import { flattenTensors } from "../../lib/core/tree";
import { compile, cond, reshape, type ScanOptions, Spec, scan, slice, stack, type Tensor, vmap, whileLoop, zeros } from "../../lib/index";

/** A tree of tensors. */
export type Tree = Tensor | readonly Tree[] | { readonly [key: string]: Tree };
export interface Stepped {
  readonly carry: Tree;
  readonly y: Tree;
}
export interface Controls {
  scan(f: (carry: Tree, x: Tree) => Stepped, carry: Tree, xs: Tree | undefined, options: ScanOptions): { carry: Tree; ys: Tree };
  /** Over the first axis of every tensor. */
  vmap(f: (x: Tree) => Tree, xs: Tree): Tree;
  cond(pred: Tensor<"bool">, then: (x: Tree) => Tree, otherwise: (x: Tree) => Tree, x: Tree): Tree;
  whileLoop(test: (carry: Tree) => Tensor<"bool">, body: (carry: Tree) => Tree, carry: Tree): Tree;
  /** f as a program of its own. */
  program(f: (x: Tree) => Tree, x: Tree): Tree;
}

export const leavesOf = (tree: unknown): Tensor[] => flattenTensors("test", tree).leaves;
/** The tree with what f makes of its tensors. */
export const mapTree = (tree: Tree, f: (t: Tensor, i: number) => Tensor): Tree => {
  const flat = flattenTensors("test", tree);
  return flat.rebuild(flat.leaves.map(f)) as Tree;
};
/** Element t along the first axis. */
export const element = (x: Tensor, t: number): Tensor => {
  const item = x.shape.slice(1);
  return reshape(slice(x, [t, ...item.map(() => 0)], [1, ...item]), item);
};
const stacked = (trees: readonly Tree[]): Tree => {
  const lists = trees.map(leavesOf);
  return mapTree(trees[0] as Tree, (_, i) => stack(lists.map((list) => list[i] as Tensor)));
};
/** What stands for the stack of nothing, by the types of one. */
const none = (like: Tree): Tree => mapTree(like, (t) => zeros([0, ...t.shape], { dtype: t.dtype }));
const blank = (x: Tensor): Tensor => zeros(x.shape.slice(1), { dtype: x.dtype });

/** One after the other. */
export const written: Controls = {
  scan(f, start, xs, { length: given, reverse = false }) {
    const length = given ?? (leavesOf(xs)[0] as Tensor).shape[0] ?? 0;
    const x = (t: number): Tree => (xs === undefined ? [] : mapTree(xs, (leaf) => element(leaf, t)));
    if (length === 0) return { carry: start, ys: none(f(start, xs === undefined ? [] : mapTree(xs, blank)).y) };
    let carry = start;
    const ys: Tree[] = [];
    for (let k = 0; k < length; k++) {
      const t = reverse ? length - 1 - k : k;
      const next = f(carry, x(t));
      carry = next.carry;
      ys[t] = next.y;
    }
    return { carry, ys: stacked(ys) };
  },
  vmap(f, xs) {
    const size = (leavesOf(xs)[0] as Tensor).shape[0] as number;
    if (size === 0) return none(f(mapTree(xs, blank)));
    return stacked(Array.from({ length: size }, (_, t) => f(mapTree(xs, (leaf) => element(leaf, t)))));
  },
  cond: (pred, then, otherwise, x) => (pred.item() ? then : otherwise)(x),
  whileLoop(test, body, start) {
    let carry = start;
    while (test(carry).item()) carry = body(carry);
    return carry;
  },
  program: (f, x) => f(x),
};

/** Those of the package. */
export const real: Controls = {
  scan: (f, carry, xs, options) => scan(f as never, carry as never, xs as never, options) as never,
  vmap: (f, xs) => vmap(f as never)(xs as never) as Tree,
  cond: (pred, then, otherwise, x) => cond(pred, then as never, otherwise as never, x as never) as never,
  whileLoop: (test, body, carry) => whileLoop(test as never, body as never, carry as never) as never,
  program: (f, x) => compile(f as never, mapTree(x, (t) => new Spec(t.dtype, t.shape) as never) as never).runSync([x] as never) as Tree,
};
