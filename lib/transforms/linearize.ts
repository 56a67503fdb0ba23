// Derivatives of functions of trees of tensors. Every call draws a level of its own (core/levels.ts), so calls nest to any order.

import { isFloat } from "../core/dtype";
import { backward } from "../core/engine";
import { zerosLike } from "../core/evaluate";
import { boxAt, leaf, type Node, openLevel, strip } from "../core/levels";
import type { Level, Tensor } from "../core/tensor";
import { type Flat, flattenTensors } from "../core/tree";

interface Pulled {
  readonly out: Flat<Tensor>; // outputs one level down
  readonly roots: readonly Node[];
  pull(cotangents: readonly (Tensor | undefined)[]): Tensor[]; // per input leaf, zeros where nothing arrives
}

/** Runs f on boxed leaves of `tree` and keeps the graph. */
export function linearize(op: string, input: Flat<Tensor>, f: (tree: unknown) => unknown): Pulled {
  const level = openLevel("reverse");
  try {
    const leaves = input.leaves.map(strip);
    const boxes = leaves.map((t) => (isFloat(t.dtype) ? leaf(level, t) : t));
    const out = flattenTensors(op, f(input.rebuild(boxes)));
    const edges = out.leaves.map((t) => {
      const box = boxAt(strip(t), level);
      return box ? { node: box.node as Node, output: box.output } : undefined;
    });
    const values = out.leaves.map((t) => boxAt(strip(t), level)?.value ?? t);
    const pull = (cotangents: readonly (Tensor | undefined)[]): Tensor[] => {
      const roots = edges.flatMap((edge, i) => (edge && cotangents[i] ? [{ edge, cotangent: cotangents[i] as Tensor }] : []));
      const nodes = boxes.map((b) => boxAtFinished(b, level));
      const found = backward(
        roots,
        nodes.filter((n) => n !== undefined),
      );
      let next = 0;
      return nodes.map((n, i) => (n ? found[next++] : undefined) ?? zerosLike(leaves[i] as Tensor));
    };
    return { out: { ...out, leaves: values }, roots: edges.flatMap((edge) => edge?.node ?? []), pull };
  } finally {
    level.live = false;
  }
}
const boxAtFinished = (t: Tensor, level: Level): Node | undefined => (t.box?.level === level ? (t.box.node as Node) : undefined);
