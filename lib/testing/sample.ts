// Inputs of a row: shapes from its signature, values from its domains.
import { optionsOf } from "../core/attrs";
import type { Domain } from "../core/domain";
import type { Float } from "../core/dtype";
import { ArgumentError, describe } from "../core/errors";
import { arityOf, inputName, inputsByName, inputsInOrder, plainName, portDType, portOfInput, signatureOf } from "../core/form";
import type { AnyRow, Attrs } from "../core/row";
import { isLiteral, sameShape } from "../core/signature";
import { isTensor, type Shape, shapeText, storageOf, type Tensor } from "../core/tensor";
import { tensor } from "../ops/creation";
import { any } from "../ops/domains";
import { mul } from "../ops/elementwise";
import { type Key, random } from "../ops/random";

export interface Case {
  readonly label: string;
  readonly attrs: Attrs;
  readonly batch: Shape | undefined; // undefined: the row has no batch of its own
  readonly shapes: readonly Shape[];
}

const SIZES = [0, 1, 2, 5, 9, 33]; // 33: past the unblocked kernels and one block
const BATCHES: readonly Shape[] = [[], [0], [3], [2, 1]];

/** The option values of a row: every combination of flags and choices that it takes, numbers at their default. */
export function attrGrid(row: AnyRow): Attrs[] {
  let grid: Attrs[] = [{}];
  for (const [name, attr] of Object.entries(row.attrs ?? {})) {
    const values = attr.values ?? [attr.fallback];
    grid = grid.flatMap((a) => values.map((v) => ({ ...a, [name]: v })));
  }
  return grid.filter((attrs) => !row.conflict?.(attrs));
}

const letterSize = (letter: string, letters: readonly string[], n: number): number =>
  n === 0 ? (letter === letters[0] ? 0 : 2) : n + letters.indexOf(letter);

export function signatureCase(row: AnyRow, attrs: Attrs, n: number, batch: Shape, sizes?: { readonly [letter: string]: number }): Case {
  const sig = signatureOf(row, attrs);
  const letters = sig ? [...new Set(sig.inputs.flat())].filter((l) => !isLiteral(l)).sort() : [];
  const label = `${sizes ? JSON.stringify(sizes) : `n=${n}`} batch=[${batch}] ${JSON.stringify(attrs)}`;
  if (!sig) return { label, attrs, batch, shapes: row.inputs.map(() => [...batch, n]) };
  const size = (l: string): number => (isLiteral(l) ? Number(l) : (sizes?.[l] ?? letterSize(l, letters, n)));
  return { label, attrs, batch, shapes: sig.inputs.map((ls) => [...batch, ...ls.map(size)]) };
}

/** The cases that `checkOp` goes through. */
export function casesOf(row: AnyRow, sizes: readonly number[] = SIZES): Case[] {
  if (row.infer) {
    const samples = row.samples;
    if (!samples) throw new Error(`${row.name}: a row with infer needs samples(n) to be checked.`);
    const fallbacks = attrGrid(row)[0] as Attrs;
    return sizes.flatMap((n) =>
      samples(n).map((s) => {
        const attrs = { ...fallbacks, ...s.attrs } as Attrs;
        return { label: `n=${n} ${JSON.stringify(attrs)}`, attrs, batch: undefined, shapes: shapesOf(row, s.shapes) };
      }),
    );
  }
  const grid = attrGrid(row);
  const usual = Object.fromEntries(Object.entries(row.attrs ?? {}).map(([k, a]) => [k, a.fallback])) as Attrs;
  return [
    ...sizes.flatMap((n) => (n > 5 ? [[], [3]] : BATCHES).map((batch) => signatureCase(row, usual, n, batch))),
    ...sizes.flatMap((n) => (row.sizes?.(n) ?? []).flatMap((given) => [[], [3]].map((b) => signatureCase(row, usual, n, b, given)))),
    ...(row.sizes?.(4) ?? []).flatMap((given) => grid.map((attrs) => signatureCase(row, attrs, 4, [2], given))),
    ...(grid.length > 1 ? grid.flatMap((attrs) => [signatureCase(row, attrs, 3, []), signatureCase(row, attrs, 4, [2])]) : []),
  ];
}

/** Of the inputs in order. */
const shapesOf = (row: AnyRow, by: { readonly [name: string]: Shape }): Shape[] => inputsInOrder(row, by, arityOf(row, by)) as Shape[];

/** A part of the cases: this share of them, drawn by this seed. The same seed draws the same cases. */
export interface Sample {
  /** Above 0, at most 1. */
  readonly share: number;
  /** An integer from 0 to 2^32 - 1. */
  readonly seed: number;
}

export function sampleOf(op: string, given: Sample): Sample {
  const { share, seed } = optionsOf(op, given, ["share", "seed"]);
  if (!(typeof share === "number" && share > 0 && share <= 1))
    throw new ArgumentError(op, `option sample: share must be a number above 0, at most 1, got ${describe(share)}.`);
  if (!(Number.isInteger(seed) && seed >= 0 && seed < 2 ** 32))
    throw new ArgumentError(op, `option sample: seed must be an integer from 0 to 4294967295, got ${describe(seed)}.`);
  return { share, seed };
}

/** The order of a sample and how many of it suffice; all where there is no sample. What another `name` draws is independent of it. */
export function drawn<X>(list: readonly X[], sample: Sample | undefined, name: string): { order: readonly X[]; enough: number } {
  if (!sample) return { order: list, enough: list.length };
  let hash = 0x811c9dc5; // FNV-1a
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  const u = storageOf(random.uniform(tensor(Int32Array.of(sample.seed, hash)), [list.length])).array as Float64Array;
  const order = Array.from(list.keys()).sort((i, j) => (u[i] as number) - (u[j] as number));
  return { order: order.map((i) => list[i] as X), enough: Math.ceil(sample.share * list.length) };
}

/** The inputs of a case in this dtype. */
export function inputsOf(row: AnyRow, c: Case, dtype: Float, seed = 1): Tensor[] {
  const keys = random.split(seed, c.shapes.length);
  const shapes = inputsByName(row, c.shapes);
  return c.shapes.map((shape, i) => {
    const own = { shape, dtype: portDType(portOfInput(row, c.attrs, i), dtype) };
    const domain = domainOf(row, i);
    const x: unknown = domain.sample({ ...own, key: keys[i] as Key, shapes, attrs: c.attrs });
    if (isTensor(x) && x.dtype === own.dtype && sameShape(x.shape, own.shape)) return x;
    const got = isTensor(x) ? `${x.dtype} ${shapeText(x.shape)}` : describe(x);
    throw new ArgumentError(
      "checkOp",
      `domain ${domain.name ?? "(no name)"} of input ${inputName(row, i)} must sample ${own.dtype} ${shapeText(own.shape)}, got ${got}.`,
    );
  });
}

export const domainOf = (row: AnyRow, i: number): Domain =>
  row.domain?.[plainName(row.inputs[Math.min(i, row.inputs.length - 1)] as string)] ?? any;

/** A direction in the tangent space of the domain, as long as differences need. */
export function tangent(domain: Domain, like: Tensor, key: Key): Tensor {
  const x = random.normal(key, like.shape, { dtype: like.dtype as Float }) as Tensor;
  const v = domain.tangent?.(x) ?? x;
  const reach = domain.reach?.(like.shape) ?? 1;
  return reach === 1 ? v : (mul(reach, v) as Tensor);
}
