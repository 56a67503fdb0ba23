// Loops and conditions written out with plain ops: what those of the package are checked against.
import { flattenTensors } from "../../lib/core/tree";
import {
  add,
  checkpoint,
  compile,
  cond,
  customRoot,
  jacfwd,
  jacrev,
  jvp,
  less,
  linearize,
  mul,
  reshape,
  type ScanOptions,
  Spec,
  scan,
  slice,
  stack,
  sub,
  type Tensor,
  tensor,
  transpose,
  vmap,
  whileLoop,
  zeros,
} from "../../lib/index";

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
  /** f, of which reverse mode keeps less. */
  remembered(f: (x: Tree) => Tree, x: Tree): Tree;
  /** The derivative of f at x along v. */
  linear(f: (x: readonly Tensor[]) => readonly Tensor[], x: readonly Tensor[], v: readonly Tensor[]): readonly Tensor[];
  /** Of every result by every argument, computed in both ways. */
  jacobians(f: (x: readonly Tensor[]) => readonly Tensor[], x: readonly Tensor[]): Tree;
  /** The x with x = f(x), near x0, where f changes little. */
  fixed(f: (x: readonly Tensor[]) => readonly Tensor[], x0: readonly Tensor[]): readonly Tensor[];
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
  remembered: (f, x) => f(x),
  linear: (f, x, v) => jvp((...xs: Tensor[]) => f(xs) as Tensor[], [...x], [...v]).tangent,
  jacobians(f, x) {
    const unit = (t: Tensor, k: number): Tensor =>
      reshape(
        tensor(
          Array.from({ length: t.size }, (_, i) => (i === k ? 1 : 0)),
          { dtype: t.dtype },
        ),
        t.shape,
      );
    const by = x.map((t, i) =>
      Array.from({ length: t.size }, (_, k) =>
        written.linear(
          f,
          x,
          x.map((u, j) => (i === j ? unit(t, k) : mul(0, u))),
        ),
      ),
    );
    const one = f(x).map((_, o) =>
      by.map((list, i) => {
        const columns = stack(list.map((outs) => outs[o] as Tensor));
        const turned = transpose(
          columns,
          columns.shape.map((_d, axis) => (axis + 1) % columns.rank),
        );
        return reshape(turned, [...columns.shape.slice(1), ...(x[i] as Tensor).shape]);
      }),
    );
    return [one, one];
  },
  fixed(f, x0) {
    let x = x0;
    for (let k = 0; k < RUNS; k++) x = f(x);
    return x;
  },
  program: (f, x) => f(x),
};
const RUNS = 16; // the error of the start and of its derivatives, times 0.1 at most in each

/** Those of the package. */
export const real: Controls = {
  remembered: (f, x) => checkpoint(f as never)(x as never) as never,
  linear: (f, x, v) => linearize((...xs: Tensor[]) => f(xs) as Tensor[], ...x).pushforward(...(v as never[])),
  jacobians: (f, x) => [jacfwd(f as never)(x as never), jacrev(f as never)(x as never)] as unknown as Tree,
  // the solver is none that reverse mode could go through
  fixed: (f, x0) =>
    customRoot(
      (x: readonly Tensor[]) => f(x).map((y, i) => sub(x[i] as Tensor, y)),
      (start: readonly Tensor[]) =>
        whileLoop(
          ({ k }) => less(k, RUNS),
          ({ k, x }) => ({ k: add(k, 1) as Tensor<"float64">, x: f(x) as never }),
          { k: tensor(0), x: start as never },
        ).x as never,
    )(x0 as never) as never,
  scan: (f, carry, xs, options) => scan(f as never, carry as never, xs as never, options) as never,
  vmap: (f, xs) => vmap(f as never)(xs as never) as Tree,
  cond: (pred, then, otherwise, x) => cond(pred, then as never, otherwise as never, x as never) as never,
  whileLoop: (test, body, carry) => whileLoop(test as never, body as never, carry as never) as never,
  program: (f, x) => compile(f as never, mapTree(x, (t) => new Spec(t.dtype, t.shape) as never) as never).runSync([x] as never) as Tree,
};
