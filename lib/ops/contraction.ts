// Products of tensors whose axes have names, two at a time.
import { isComplex, isFloat } from "../core/dtype";
import { sameShape } from "../core/signature";
import { type Shape, sizeOf, type Tensor } from "../core/tensor";
import { mul } from "./elementwise";
import { matmul } from "./products";
import { sum } from "./reductions";
import { reshape, transpose } from "./structure";

/** A tensor and the names of its axes, all different. */
export interface Labelled {
  readonly t: Tensor;
  readonly labels: readonly string[];
}
type Sizes = ReadonlyMap<string, number>;

const isSame = (a: readonly string[], b: readonly string[]): boolean => a.length === b.length && a.every((l, i) => l === b[i]);
/** x with its axes in another order. */
export function ordered({ t, labels }: Labelled, wanted: readonly string[]): Tensor {
  return isSame(labels, wanted)
    ? t
    : transpose(
        t,
        wanted.map((l) => labels.indexOf(l)),
      );
}
/** x without these axes, summed over. */
export function summed(x: Labelled, gone: (label: string) => boolean): Labelled {
  const axes = x.labels.flatMap((l, i) => (gone(l) ? [i] : []));
  return axes.length === 0 ? x : { t: sum(x.t, { axis: axes }), labels: x.labels.filter((l) => !gone(l)) };
}

interface Side {
  readonly t: Tensor;
  /** Whether it is given as the transpose of what the product wants. */
  readonly turned: boolean;
}
/** As matrices [batch, first, second], each a group of axes; the transpose where that moves no elements. */
function matrices(x: Labelled, batch: readonly string[], first: readonly string[], second: readonly string[], sizes: Sizes): Side {
  const size = (list: readonly string[]): number => sizeOf(list.map((l) => sizes.get(l) as number));
  const turned =
    !isComplex(x.t.dtype) && isSame(x.labels, [...batch, ...second, ...first]) && !isSame(x.labels, [...batch, ...first, ...second]);
  const groups = turned ? [second, first] : [first, second];
  const t = turned ? x.t : ordered(x, [...batch, ...first, ...second]);
  const shape = [...batch.map((l) => sizes.get(l) as number), ...groups.map(size)];
  return { t: shaped(t, shape), turned };
}
const shaped = (t: Tensor, shape: Shape): Tensor => (sameShape(t.shape, shape) ? t : reshape(t, shape));

/** a b elementwise, with an axis of 1 where one has no such axis. */
function spread(a: Labelled, b: Labelled): Labelled {
  const labels = [...a.labels, ...b.labels.filter((l) => !a.labels.includes(l))];
  const wide = (x: Labelled): Tensor => {
    const own = labels.filter((l) => x.labels.includes(l));
    const t = ordered(x, own);
    return shaped(
      t,
      labels.map((l) => (own.includes(l) ? (t.shape[own.indexOf(l)] as number) : 1)),
    );
  };
  return { t: mul(wide(a) as never, wide(b) as never) as Tensor, labels };
}

/** The product of two, summed over the axes that nobody else needs. */
export function pair(given: Labelled, other: Labelled, kept: ReadonlySet<string>, sizes: Sizes): Labelled {
  const a = summed(given, (l) => !kept.has(l) && !other.labels.includes(l));
  const b = summed(other, (l) => !kept.has(l) && !given.labels.includes(l));
  const both = a.labels.filter((l) => b.labels.includes(l));
  const over = both.filter((l) => !kept.has(l));
  const batch = both.filter((l) => kept.has(l));
  const [rows, columns] = [a, b].map((x) => x.labels.filter((l) => !both.includes(l))) as [string[], string[]];
  const plain = over.length === 0 || (rows.length === 0 && columns.length === 0 && batch.length > 0);
  if (plain || !isFloat(a.t.dtype) || !isFloat(b.t.dtype)) return summed(spread(a, b), (l) => over.includes(l));
  const left = matrices(a, batch, rows, over, sizes);
  const right = matrices(b, batch, over, columns, sizes);
  const c = matmul(left.t, right.t as never, { adjointA: left.turned, adjointB: right.turned }) as Tensor;
  const labels = [...batch, ...rows, ...columns];
  return {
    t: shaped(
      c,
      labels.map((l) => sizes.get(l) as number),
    ),
    labels,
  };
}

/** What is left of two after their product. */
const union = (a: readonly string[], b: readonly string[], kept: ReadonlySet<string>): string[] =>
  [...new Set([...a, ...b])].filter((l) => kept.has(l));
const costOf = (labels: Iterable<string>, sizes: Sizes): number => {
  let n = 1;
  for (const l of labels) n *= Math.max(1, sizes.get(l) as number);
  return n;
};
/** Which names others than i and j, or the result, have. */
const keptBy = (terms: readonly (readonly string[])[], i: number, j: number, result: readonly string[]): Set<string> =>
  new Set([...result, ...terms.flatMap((t, k) => (k === i || k === j ? [] : t))]);

const EXHAUSTIVE = 5; // operands, of which all orders are tried: 180

interface Plan {
  readonly cost: number;
  readonly steps: readonly (readonly [number, number])[];
}
/** In which order to multiply: the one with the fewest multiplications, or of many operands always the cheapest next product. */
export function planOf(terms: readonly (readonly string[])[], result: readonly string[], sizes: Sizes): Plan {
  if (terms.length < 2) return { cost: 0, steps: [] };
  let best: Plan | undefined;
  const pairs = terms.flatMap((_, j) => Array.from({ length: j }, (_u, i) => [i, j] as const));
  const costs = pairs.map(([i, j]) => costOf(new Set([...(terms[i] as string[]), ...(terms[j] as string[])]), sizes));
  const cheapest = Math.min(...costs);
  for (const [k, [i, j]] of pairs.entries()) {
    const cost = costs[k] as number;
    if (terms.length > EXHAUSTIVE && cost > cheapest) continue;
    const left = union(terms[i] as string[], terms[j] as string[], keptBy(terms, i, j, result));
    const rest = planOf([...terms.filter((_, n) => n !== i && n !== j), left], result, sizes);
    if (!best || cost + rest.cost < best.cost) best = { cost: cost + rest.cost, steps: [[i, j], ...rest.steps] };
    if (terms.length > EXHAUSTIVE) break;
  }
  return best as Plan;
}

/** The product of all, with the axes of the result. */
export function contract(given: readonly Labelled[], result: readonly string[], sizes: Sizes): Tensor {
  let terms = [...given];
  const { steps } = planOf(
    terms.map((x) => x.labels),
    result,
    sizes,
  );
  for (const [i, j] of steps) {
    const kept = keptBy(
      terms.map((x) => x.labels),
      i,
      j,
      result,
    );
    const made = pair(terms[i] as Labelled, terms[j] as Labelled, kept, sizes);
    terms = [...terms.filter((_, n) => n !== i && n !== j), made];
  }
  return ordered(
    summed(terms[0] as Labelled, (l) => !result.includes(l)),
    result,
  );
}
