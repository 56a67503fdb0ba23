import { type DType, isFloat } from "./dtype";
import type { AnyRow, Attrs } from "./row";
import { type Box, boxOver, keep, type Level, type Shape, type Storage, type Tensor } from "./tensor";

/** One recorded op of a reverse level; a leaf has no row. Values are one level down. */
export interface Node {
  readonly id: number; // increases: a node's parents have smaller ids
  readonly row: AnyRow | undefined;
  readonly attrs: Attrs;
  readonly parents: readonly (Edge | undefined)[]; // undefined: a constant
  saved: Readonly<Record<string, Tensor>>;
  readonly inputs: readonly { readonly shape: Shape; readonly dtype: DType }[];
  readonly outputs: readonly { readonly shape: Shape; readonly dtype: DType }[];
}
export interface Edge {
  readonly node: Node;
  readonly output: number;
}

let lastId = 0;

/** A fresh level, above all that exist. Whoever draws it ends it in a `finally`. */
export const openLevel = (mode: Level["mode"]): Level => ({ id: ++lastId, mode, live: true });

/** The tensor without boxes of finished levels on top: those are constants. */
export function strip(t: Tensor): Tensor {
  let u = t;
  while (u.box && !u.box.level.live) u = u.box.value;
  return u;
}

/** The highest live level among tensors that strip() went over. */
export function topLevel(tensors: readonly Tensor[]): Level | undefined {
  let top: Level | undefined;
  for (const t of tensors) if (t.box && (!top || t.box.level.id > top.id)) top = t.box.level;
  return top;
}

/** The box of t at this level, if it has one. */
export const boxAt = (t: Tensor, level: Level): Box | undefined => (t.box?.level === level ? t.box : undefined);

const NO_ATTRS: Attrs = {};

export function leaf(level: Level, value: Tensor): Tensor {
  const type = [{ shape: value.shape, dtype: value.dtype }];
  return boxed(level, value, { id: ++lastId, row: undefined, attrs: NO_ATTRS, parents: [], saved: {}, inputs: [], outputs: type }, 0);
}

export function boxed(level: Level, value: Tensor, node: Node, output: number): Tensor {
  if (!isFloat(value.dtype)) return value;
  return boxOver(value, { level, value, node, output, tangent: undefined });
}

export function dual(level: Level, value: Tensor, tangent: Tensor | (() => Tensor | undefined)): Tensor {
  return boxOver(value, { level, value, node: undefined, output: 0, tangent });
}
/** The tangent of t at this level; undefined: zero. Those of ops with several outputs are computed when they are asked for. */
export function tangentOf(t: Tensor, level: Level): Tensor | undefined {
  const tangent = boxAt(t, level)?.tangent;
  return typeof tangent === "function" ? tangent() : tangent;
}

/** Where t hangs in the graph of this level. */
export function edgeOf(t: Tensor, level: Level): Edge | undefined {
  const box = boxAt(t, level);
  return box ? { node: box.node as Node, output: box.output } : undefined;
}

/** Records a call: keeps what the rule saves, one level down. */
export function record(
  level: Level,
  row: AnyRow,
  attrs: Attrs,
  inputs: readonly Tensor[],
  values: readonly Tensor[],
  given: readonly Tensor[], // outputs, then aux
  all: boolean,
): Tensor[] {
  const outputs = given.slice(0, row.outputs.length);
  const aux = given.slice(row.outputs.length);
  const saved: Record<string, Tensor> = {};
  const keep = all ? [...row.inputs, ...row.outputs] : (row.saves ?? []);
  for (const name of keep) {
    const i = row.inputs.indexOf(name);
    saved[name] = (i >= 0 ? values[i] : outputs[row.outputs.indexOf(name)]) as Tensor;
  }
  Object.keys(row.aux ?? {}).forEach((name, i) => {
    const t = aux[i];
    if (t) saved[name] = t;
  });
  const node: Node = {
    id: ++lastId,
    row,
    attrs,
    parents: inputs.map((t) => edgeOf(t, level)),
    saved,
    inputs: values.map(typeOf),
    outputs: outputs.map(typeOf),
  };
  return [...outputs.map((o, i) => boxed(level, o, node, i)), ...aux];
}

/** All nodes under these, children before parents. */
export function byDescendingId(from: readonly Node[]): Node[] {
  const seen = new Set<Node>(from);
  const stack = [...seen];
  for (let node = stack.pop(); node; node = stack.pop()) {
    for (const parent of node.parents) {
      if (!parent || seen.has(parent.node)) continue;
      seen.add(parent.node);
      stack.push(parent.node);
    }
  }
  return [...seen].sort((a, b) => b.id - a.id);
}

/** Makes what is saved under these nodes independent of what others write to the memory that they see. */
export function keepSaved(from: readonly Node[]): void {
  const known = new Map<Storage, Storage>();
  for (const node of byDescendingId(from))
    node.saved = Object.fromEntries(Object.entries(node.saved).map(([name, t]) => [name, keep(t, known)]));
}

const typeOf = (t: Tensor) => ({ shape: t.shape, dtype: t.dtype });

/** f, run once, when first called. */
export function once<R>(f: () => R): () => R {
  let result: { readonly value: R } | undefined;
  return () => {
    result ??= { value: f() };
    return result.value;
  };
}
