// Einstein's sums.
import { optionsOf, text } from "../core/attrs";
import type { Agree, TOfList } from "../core/callable";
import type { Sym } from "../core/dtype";
import { ArgumentError, describe, ShapeError } from "../core/errors";
import { defineOp } from "../core/op";
import { adopt, type Operand, type Shape, shapeText, type Tensor } from "../core/tensor";
import { contract, type Labelled } from "./contraction";
import { diagonal } from "./diagonals";
import { reshape } from "./structure";

type N = Tensor<Sym<"T">>;
const OP = "einsum";

/** Names of the axes of each operand and of the result; those that "..." stands for are numbers, counted from the last. */
interface Spec {
  readonly terms: readonly (readonly string[])[];
  readonly result: readonly string[];
}

function labelsOf(term: string, rank: number, spec: string): string[] {
  const match = /^([A-Za-z]*)(\.\.\.)?([A-Za-z]*)$/.exec(term);
  if (!match)
    throw new ArgumentError(OP, `subscripts have letters and one "..." for each operand, got ${describe(term)} in ${describe(spec)}.`);
  const [, before, dots, behind] = match as unknown as [string, string, string | undefined, string];
  const free = rank - before.length - behind.length;
  if (free < 0 || (free > 0 && !dots))
    throw new ShapeError(OP, `subscripts ${describe(term)} do not fit an operand of ${rank} ${rank === 1 ? "axis" : "axes"}.`);
  return [...before, ...Array.from({ length: dots ? free : 0 }, (_, i) => String(free - 1 - i)), ...behind];
}

const isNumber = (label: string): boolean => /\d/.test(label);
function parse(spec: string, shapes: readonly Shape[]): Spec {
  const [left, right, ...more] = spec.replaceAll(/\s/g, "").split("->") as [string, string | undefined, ...string[]];
  const given = left.split(",");
  if (more.length > 0) throw new ArgumentError(OP, `subscripts have one "->", got ${describe(spec)}.`);
  if (given.length !== shapes.length)
    throw new ArgumentError(OP, `subscripts ${describe(spec)} are for ${given.length} operands, got ${shapes.length}.`);
  const terms = given.map((term, i) => labelsOf(term, (shapes[i] as Shape).length, spec));
  const all = terms.flat();
  const dots = [...new Set(all.filter(isNumber))].sort((a, b) => Number(b) - Number(a));
  if (right === undefined) {
    const once = all.filter((l) => !isNumber(l) && all.indexOf(l) === all.lastIndexOf(l)).sort();
    return { terms, result: [...dots, ...once] };
  }
  const result = labelsOf(right, right.replace("...", "").length + (right.includes("...") ? dots.length : 0), spec);
  const bad = result.find((l, i) => !all.includes(l) || result.indexOf(l) !== i);
  if (bad !== undefined)
    throw new ArgumentError(
      OP,
      `the result names ${describe(bad)} ${all.includes(bad) ? "twice" : "which no operand has"}, got ${describe(spec)}.`,
    );
  if (dots.length > 0 && !right.includes("..."))
    throw new ArgumentError(OP, `the result must have the "..." of the operands, got ${describe(spec)}.`);
  return { terms, result };
}

/** How long each named axis is. Those of "..." broadcast. */
function sizesOf({ terms }: Spec, shapes: readonly Shape[], spec: string): Map<string, number> {
  const sizes = new Map<string, number>();
  terms.forEach((labels, i) => {
    labels.forEach((l, axis) => {
      const [n, known] = [(shapes[i] as Shape)[axis] as number, sizes.get(l)];
      if (known === undefined || (isNumber(l) && known === 1)) sizes.set(l, n);
      else if (known !== n && !(isNumber(l) && n === 1))
        throw new ShapeError(
          OP,
          `${isNumber(l) ? 'axes of "..." do not broadcast' : `${l} is ${known} and ${n}`} in ${describe(spec)} for shapes ${shapes.map(shapeText).join(", ")}.`,
        );
    });
  });
  return sizes;
}

/** x with its axes of one name as one, and without those of size 1 that broadcast. */
function single(t: Tensor, labels: readonly string[], sizes: ReadonlyMap<string, number>): Labelled {
  const twice = labels.findIndex((l, i) => labels.indexOf(l) !== i);
  if (twice >= 0) {
    const [first, label] = [labels.indexOf(labels[twice] as string), labels[twice] as string];
    const rest = labels.filter((_, i) => i !== first && i !== twice);
    return single(diagonal(t, { axis1: first, axis2: twice }), [...rest, label], sizes);
  }
  const kept = labels.map((l, i) => !isNumber(l) || t.shape[i] === sizes.get(l));
  if (kept.every((k) => k)) return { t, labels };
  return {
    t: reshape(
      t,
      t.shape.filter((_, i) => kept[i]),
    ),
    labels: labels.filter((_, i) => kept[i]),
  };
}

const einsumOp = defineOp({
  name: OP,
  tf: "Einsum",
  inputs: ["...xs"],
  outputs: ["y"],
  attrs: { spec: text() },
  samples: (n) => {
    const of = (spec: string, ...xs: Shape[]) => ({ shapes: { xs }, attrs: { spec } });
    return [
      of("ij,jk->ik", [n, 2], [2, 3]),
      of("ij,kj", [n, 2], [3, 2]),
      of("ji,jk->ki", [2, n], [2, 3]),
      of("ii", [n, n]),
      of("iij->ji", [2, 2, n]),
      of("i,j,ij->", [n], [2], [n, 2]),
      of("...i,...i", [2, 1, n], [3, n]),
      of("bij,bjk,bk->bi", [2, n, 2], [2, 2, 3], [2, 3]),
      of("ij->", [n, 2]),
      of(",i->i", [], [n]),
    ];
  },
  infer: ({ xs }, { spec }) => {
    const parsed = parse(spec, xs);
    const sizes = sizesOf(parsed, xs, spec);
    return { y: parsed.result.map((l) => sizes.get(l) as number) };
  },
  types: "number",
  kernel: ({ xs }, { spec }) => {
    const shapes = xs.map((x) => x.shape);
    const parsed = parse(spec, shapes);
    const sizes = sizesOf(parsed, shapes, spec);
    const terms = xs.map((x, i) => single(x, parsed.terms[i] as readonly string[], sizes));
    return contract(terms, parsed.result, sizes) as Tensor as N;
  },
});

/**
 * The sum of products that the subscripts name, as NumPy's: einsum("ij,jk->ik", a, b) is a product of matrices. One letter stands for an axis, a
 * letter twice in an operand for a diagonal, "..." for the axes without a letter, which broadcast. Letters that the result does not name are summed
 * over; without "->" the result has "...", then the letters that stand once, in their order. Products are made two at a time, in the order
 * with the fewest multiplications.
 */
export function einsum<A extends Operand>(spec: string, ...xs: readonly A[] & Agree<A>): Tensor<TOfList<A>> {
  if (typeof spec !== "string") throw new ArgumentError(OP, `subscripts must be a text as "ij,jk->ik", got ${describe(spec)}.`);
  const last = xs.at(-1);
  const behind = xs.length > 0 && typeof last === "object" && last !== null && !Array.isArray(last) && !adopt(OP, last);
  if (behind) optionsOf(OP, last, []);
  const list: readonly unknown[] = behind ? xs.slice(0, -1) : xs;
  if (list.length === 0) throw new ArgumentError(OP, "expected one operand or more behind the subscripts.");
  return einsumOp(list as never, { spec }) as Tensor as Tensor<TOfList<A>>;
}
