// Derivatives of functions of trees of tensors. Every call draws a level of its own (core/levels.ts), so calls nest to any order.

import { isFloat } from "../core/dtype";
import { zerosLike } from "../core/evaluate";
import { unwrapIfDead, valuesAt } from "../core/levels";
import { backward, type Node, Reverse } from "../core/reverse";
import type { Tensor } from "../core/tensor";
import { type Flat, flattenTensors } from "../core/tree";

interface Pulled {
  readonly out: Flat<Tensor>; // outputs one level down
  readonly roots: readonly Node[];
  pullback(cotangents: readonly (Tensor | undefined)[]): Tensor[]; // per input leaf, zeros where nothing arrives
}

/** Runs f on boxed leaves of `tree` and keeps the graph. */
export function linearize(op: string, input: Flat<Tensor>, f: (tree: unknown) => unknown): Pulled {
  const level = new Reverse();
  try {
    const leaves = input.leaves.map(unwrapIfDead);
    const boxes = leaves.map((t) => (isFloat(t.dtype) ? level.leaf(t) : t));
    const out = flattenTensors(op, f(input.rebuild(boxes)));
    const results = out.leaves.map(unwrapIfDead);
    const edges = results.map((t) => level.edgeOf(t));
    const nodes = boxes.map((b) => level.edgeOf(b)?.node);
    const pullback = (cotangents: readonly (Tensor | undefined)[]): Tensor[] => {
      const roots = edges.flatMap((edge, i) => (edge && cotangents[i] ? [{ edge, cotangent: cotangents[i] as Tensor }] : []));
      const found = backward(
        roots,
        nodes.filter((n) => n !== undefined),
      );
      let next = 0;
      return nodes.map((n, i) => (n ? found[next++] : undefined) ?? zerosLike(leaves[i] as Tensor));
    };
    return { out: { ...out, leaves: valuesAt(results, level) }, roots: edges.flatMap((edge) => edge?.node ?? []), pullback };
  } finally {
    level.live = false;
  }
}
