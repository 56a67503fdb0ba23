// Derivatives of functions of trees of tensors. Every call draws a level of its own (core/levels.ts), so calls nest to any order.

import { isFloat } from "../core/dtype";
import { zerosLike } from "../core/evaluate";
import { unwrapIfDead, valuesAt } from "../core/levels";
import { backward, type Edge, type Node, Reverse } from "../core/reverse";
import type { Tensor } from "../core/tensor";
import { type Flat, flattenTensors } from "../core/tree";

interface Pulled {
  readonly out: Flat<Tensor>; // outputs one level down
  readonly roots: readonly Node[];
  pullback(cotangents: readonly (Tensor | undefined)[]): Tensor[]; // per input leaf, zeros where nothing arrives
}

/** Runs f on boxed leaves of `tree` and keeps the graph. */
export function withPullback(op: string, input: Flat<Tensor>, f: (tree: unknown) => unknown): Pulled {
  const level = new Reverse();
  try {
    const leaves = input.leaves.map(unwrapIfDead);
    const boxes = leaves.map((t) => (isFloat(t.dtype) ? level.leaf(t) : t));
    const out = flattenTensors(op, f(input.rebuild(boxes)));
    const results = out.leaves.map(unwrapIfDead);
    const edges = results.map((t) => level.edgeOf(t));
    const nodes = boxes.map((b) => level.edgeOf(b)?.node);
    const pullback = (cotangents: readonly (Tensor | undefined)[]): Tensor[] => {
      const roots: { edge: Edge; cotangent: Tensor }[] = [];
      for (const [i, edge] of edges.entries()) {
        const cotangent = cotangents[i];
        if (edge && cotangent) roots.push({ edge, cotangent });
      }
      const found = backward(roots, nodes);
      return found.map((t, i) => t ?? zerosLike(leaves[i] as Tensor));
    };
    const roots = edges.filter((edge) => edge !== undefined).map((edge) => edge.node);
    return { out: { leaves: valuesAt(results, level), paths: out.paths, rebuild: out.rebuild }, roots, pullback };
  } finally {
    level.close();
  }
}
