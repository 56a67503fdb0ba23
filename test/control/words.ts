// What makes of one step another one, by a loop or a condition over it; so they nest to any depth. A problem is a step of some depth, with inputs.
import type { Float } from "../../lib/core/dtype";
import { isComplex, isFloat } from "../../lib/core/dtype";
import { flattenTensors } from "../../lib/core/tree";
import {
  add,
  conj,
  grad,
  jvp,
  less,
  mul,
  notEqual,
  real,
  reshape,
  sin,
  slice,
  square,
  stack,
  sum,
  type Tensor,
  tensor,
} from "../../lib/index";
import { type Body, Draw } from "./bodies";
import { type Controls, element, leavesOf, mapTree, type Stepped, type Tree } from "./reference";

export type Step = (l: Controls, c: Tree, x: Tree, s: Tree) => Stepped;
type Control = (step: Step) => Step;

/** `count` different elements of x. */
const several = (x: Tree, count: number): Tree =>
  mapTree(x, (t) => {
    const list = Array.from({ length: count }, (_, k): Tensor => {
      if (t.dtype === "bool") return k % 2 === 0 ? t : notEqual(t, tensor(true));
      return isFloat(t.dtype) ? mul(1 - 0.3 * k, t) : k === 0 ? t : mul(t, t.rank === 0 ? k : 1);
    });
    return stack(list);
  });
const nothing = (x: Tree): Tree =>
  mapTree(x, (t) => {
    const one = reshape(t, [1, ...t.shape]);
    return slice(one, [0, ...t.shape.map(() => 0)], [0, ...t.shape]);
  });
/** A number that depends on everything that floats in a tree, which is different for every item of a batch. */
function measure(tree: Tree): Tensor<"float64" | "float32"> {
  const parts = leavesOf(tree).flatMap((t) => (isFloat(t.dtype) ? [sum(isComplex(t.dtype) ? real(t as never) : t) as Tensor] : []));
  return parts.reduce((a, b) => add(a, b)) as Tensor<"float64">;
}

interface Looped {
  readonly length: number;
  readonly reverse?: boolean;
  readonly checkpoint?: number;
}
const scanned =
  ({ length, ...options }: Looped): Control =>
  (step) =>
  (l, c, x, s) => {
    const xs = length === 0 ? nothing(x) : several(x, length);
    const { carry, ys } = l.scan((d, z) => step(l, d, z, s), c, xs, options);
    return { carry, y: ys };
  };
/** Without elements: the step reads its x from outside. */
const repeated: Control = (step) => (l, c, x, s) => {
  const { carry, ys } = l.scan((d) => step(l, d, x, s), c, undefined, { length: 3 });
  return { carry, y: ys };
};
/** Over elements and carries; the last item's carry goes on. */
const mapped =
  (items: number): Control =>
  (step) =>
  (l, c, x, s) => {
    const [cs, xs] = items === 0 ? [nothing(c), nothing(x)] : [several(c, items), several(x, items)];
    const out = l.vmap(
      (given) => {
        const [d, z] = given as readonly [Tree, Tree];
        return step(l, d, z, s) as never;
      },
      [cs, xs],
    ) as unknown as Stepped;
    return { carry: items === 0 ? c : mapTree(out.carry, (t) => element(t, items - 1)), y: items === 0 ? (out as never) : out.y };
  };
/** Over elements alone: the carry is shared, and the same for all. */
const shared: Control = (step) => (l, c, x, s) => {
  const out = l.vmap((z) => step(l, c, z, s) as never, several(x, 3)) as unknown as Stepped;
  return { carry: mapTree(out.carry, (t) => element(t, 1)), y: out.y };
};
/** Over everything that is shared as well. */
const owned: Control = (step) => (l, c, x, s) => {
  const all = several([c, x, s], 2);
  const out = l.vmap((given) => step(l, ...(given as unknown as [Tree, Tree, Tree])) as never, all) as unknown as Stepped;
  return { carry: mapTree(out.carry, (t) => element(t, 0)), y: out.y };
};
/** The step, or the step of the step. */
const chosen: Control = (step) => (l, c, x, s) =>
  l.cond(
    less(measure([c, x]), 0.1),
    (given) => {
      const [d, z] = given as readonly [Tree, Tree];
      return step(l, d, z, s) as never;
    },
    // reads more from outside than the other
    (given) => {
      const { carry } = step(l, (given as readonly Tree[])[0] as Tree, x, s);
      return step(l, carry, x, s) as never;
    },
    [c, x],
  ) as unknown as Stepped;
/** Once more, up to three times, as the carry says. */
const whiled: Control = (step) => (l, c, x, s) => {
  const size = sin(measure(c) as Tensor<"float64">);
  const most = add(0.5, mul(2.5, square(size))) as Tensor<"float64">;
  const first = step(l, c, x, s);
  const { carry, y } = l.whileLoop(
    (at) => less((at as { k: Tensor<"float64"> }).k, most),
    (at) => {
      const { k, carry: d } = at as unknown as { k: Tensor } & Stepped;
      return { k: add(k, 1), ...step(l, d, x, s) };
    },
    { k: tensor(0, { dtype: most.dtype }), ...first },
  ) as unknown as Stepped;
  return { carry, y };
};

const all = (tree: Tree): { floats: Tensor[]; put(list: readonly Tensor[]): Tree } => ({
  floats: leavesOf(tree).filter((t) => isFloat(t.dtype)),
  put: (list) => {
    const rest = [...list];
    return mapTree(tree, (t) => (isFloat(t.dtype) ? (rest.shift() as Tensor) : t));
  },
});
/** Of what floats, the sum of the squared sizes. */
export const loss = (tree: unknown): Tensor => {
  const parts = leavesOf(tree).flatMap((t): Tensor[] => (isFloat(t.dtype) ? [sum(real(mul(t, conj(t)) as never))] : []));
  return parts.reduce((a, b) => add(a, b));
};
/** For the next carry, the gradient of the step with respect to the carry. */
const differentiated: Control = (step) => (l, c, x, s) => {
  const { floats, put } = all(c);
  const { carry, y } = step(l, c, x, s);
  const slope = grad((list: Tensor[]) => loss(step(l, put(list), x, s)) as Tensor<"float64">)(floats as never) as unknown as Tensor[];
  return { carry: all(carry).put(slope.map((t): Tensor => mul(0.1, t))), y };
};
/** For what floats of carry and result, how it moves when the carry moves along itself. */
const pushed: Control = (step) => (l, c, x, s) => {
  const { floats, put } = all(c);
  const { carry, y } = step(l, c, x, s);
  const { tangent } = jvp((list: Tensor[]) => all([step(l, put(list), x, s)] as never).floats, [floats], [floats]);
  const parts = all(carry).floats.length;
  return { carry: all(carry).put(tangent.slice(0, parts)), y: all(y).put(tangent.slice(parts)) };
};
const compiled: Control = (step) => (l, c, x, s) =>
  l.program((given) => step(l, ...(given as unknown as [Tree, Tree, Tree])) as never, [c, x, s]) as unknown as Stepped;

const remembered: Control = (step) => (l, c, x, s) =>
  l.remembered((given) => step(l, ...(given as unknown as [Tree, Tree, Tree])) as never, [c, x, s]) as unknown as Stepped;
const linear: Control = (step) => (l, c, x, s) => {
  const { floats, put } = all(c);
  const next = step(l, c, x, s);
  const moved = l.linear((list) => all(step(l, put(list), x, s).carry).floats, floats, floats);
  return { carry: all(next.carry).put(moved), y: next.y };
};
const jacobians: Control = (step) => (l, c, x, s) => {
  const { floats, put } = all(c);
  const { carry, y } = step(l, c, x, s);
  return { carry, y: [y, l.jacobians((list) => all(step(l, put(list), x, s).y).floats, floats)] };
};
/** From the carry z with z = c + step(z) / 500. */
const rooted: Control = (step) => (l, c, x, s) => {
  const { floats, put } = all(c);
  const near = l.fixed(
    (z) => all(step(l, put(z), x, s).carry).floats.map((t, i): Tensor => add(floats[i] as Tensor, mul(0.002, t))),
    floats,
  );
  return step(l, put(near), x, s);
};

export const controls = {
  scan: scanned({ length: 3 }),
  reverse: scanned({ length: 3, reverse: true }),
  one: scanned({ length: 1 }),
  none: scanned({ length: 0 }),
  checkpoint: scanned({ length: 5, checkpoint: 2 }),
  checkpointReverse: scanned({ length: 5, checkpoint: 2, reverse: true }),
  repeated,
  vmap: mapped(3),
  vmapOne: mapped(1),
  vmapNone: mapped(0),
  shared,
  owned,
  cond: chosen,
  while: whiled,
  grad: differentiated,
  jvp: pushed,
  compile: compiled,
  checkpointed: remembered,
  linearize: linear,
  jacobians,
  root: rooted,
} satisfies Record<string, Control>;
export type Word = readonly (keyof typeof controls)[];

/** Whether its derivative in reverse mode is asked for by itself: a while has none. */
const isPossible = (word: Word): boolean => !word.includes("grad") || word.lastIndexOf("while") < word.indexOf("grad");

/** Each alone, and each in each other one. The first is the outermost. */
const kinds = ["scan", "vmap", "cond", "while", "grad", "jvp", "compile"] as const;
export const words: readonly Word[] = [
  ...(Object.keys(controls) as (keyof typeof controls)[]).map((name) => [name]),
  ...kinds.flatMap((outer) => kinds.map((inner): Word => [outer, inner]).filter(isPossible)),
  ["reverse", "reverse"],
  ["shared", "scan"],
  ["scan", "shared"],
  ["repeated", "checkpoint"],
  ["cond", "none"],
  ["vmap", "cond", "scan"],
  ["scan", "vmap", "scan"],
  ["vmap", "grad", "scan"],
  ["scan", "root"],
  ["vmap", "root"],
  ["grad", "root"],
  ["vmap", "grad", "root"],
  ["scan", "grad", "root"],
  ["root", "scan"],
  ["scan", "checkpointed"],
  ["checkpointed", "scan"],
  ["vmap", "jacobians"],
  ["jacobians", "scan"],
  ["grad", "checkpoint", "jvp"],
];

export interface Problem {
  readonly name: string;
  readonly word: Word;
  readonly dtype: Float;
  /** Inputs by number: 0 is the one, and items of a batch have others. */
  inputs(item: number): Tensor[];
  /** All outputs. */
  run(l: Controls, inputs: readonly Tensor[]): Tensor[];
}

export function problemOf(body: Body, word: Word, dtype: Float): Problem {
  const given = (item: number): Tree => {
    const draw = new Draw(100 + item, dtype);
    return [body.carry(draw), body.x(draw), body.shared(draw)];
  };
  const like = flattenTensors("test", given(0));
  const last: Step = (_l, c, x, s) => body.step(c as never, x as never, s as never);
  const step = word.reduceRight((inner, name) => controls[name](inner), last);
  return {
    name: `${word.join(" of ")} of ${body.name}, ${dtype}`,
    word,
    dtype,
    inputs: (item) => leavesOf(given(item)),
    run: (l, inputs) => leavesOf(step(l, ...(like.rebuild(inputs) as [Tree, Tree, Tree]))),
  };
}
