// Inputs of a row: shapes from its signature, values from its domains.
import { optionsOf } from "../core/attrs";
import { allocate, type DType, type Float, isComplex, realOf } from "../core/dtype";
import { ArgumentError, describe } from "../core/errors";
import { arityOf, inputsInOrder, portDType, portOfInput, signatureOf } from "../core/form";
import type { AnyRow, Attrs, Domain } from "../core/row";
import { isLiteral } from "../core/signature";
import { type Shape, sizeOf, storageOf, type Tensor, wrap } from "../core/tensor";
import { arange, eye } from "../ops/creation";
import { add, exp, mul, sin, sub, toComplex } from "../ops/elementwise";
import { matmul } from "../ops/products";
import { type Key, random } from "../ops/random";
import { adjoint, broadcastTo } from "../ops/structure";

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
  const u = storageOf(random.uniform({ hi: sample.seed | 0, lo: hash }, [list.length])).array as Float64Array;
  const order = Array.from(list.keys()).sort((i, j) => (u[i] as number) - (u[j] as number));
  return { order: order.map((i) => list[i] as X), enough: Math.ceil(sample.share * list.length) };
}

/** One tensor of a domain. Well conditioned, so that tolerances need no condition number. */
export function sample(domain: Domain, dtype: DType, shape: Shape, key: Key): Tensor {
  if (dtype === "bool" || domain === "mask") return mask(shape, key);
  if (domain === "pivots") return pivots(shape, key);
  const option = { dtype: dtype as Float };
  const x = random.normal(key, shape, option) as Tensor<never>;
  switch (domain) {
    case "positive":
      return add(exp(mul(0.4, x)), 0.5);
    case "nonzero":
      return awayFromZero(x);
    case "hpd": {
      const n = shape.at(-1) as number;
      return add(mul(1 / Math.max(n, 1), matmul(x, adjoint(x))), eye(n, option) as Tensor<never>);
    }
    case "invertible": {
      // Dominated by a cyclic permutation of the rows: pivots are needed, far from ties, and their order matters, as not with one that is its own
      // inverse.
      const [m, n] = shape.slice(-2) as [number, number];
      const flipped = allocate(dtype, m * n).fill(0 as never);
      const width = flipped.length / Math.max(1, m * n);
      for (let i = 0; i < Math.min(m, n); i++) flipped[(((i + m - 1) % m) * n + i) * width] = 1.5;
      return add(mul(0.4 / Math.sqrt(Math.max(m, n, 1)), x), wrap(dtype, [m, n], flipped) as Tensor<never>);
    }
    case "ascending":
      return add(ramp(shape, option), mul(0.1, sin(x))) as Tensor;
    case "hermitian": {
      // Eigenvalues of both signs, 1 apart or more: a diagonal matrix, perturbed by less than 0.25 in norm, reflected.
      const n = shape.at(-1) as number;
      const one = eye(n, option) as Tensor<never>;
      const centred = sub(ramp([n], option), 0.75 * (n - 1) - 0.25) as Tensor<never>;
      const noise = mul(0.08 / Math.sqrt(Math.max(n, 1)), add(x, adjoint(x))) as Tensor<never>;
      const reflection = sub(one, 2 / Math.max(n, 1)) as Tensor<never>;
      const middle = add(noise, mul(one, centred)) as Tensor<never>;
      return matmul(matmul(reflection, middle), reflection);
    }
    case "lowerTriangular": {
      // Both triangles are filled: an op that reads the wrong one is seen.
      const n = shape.at(-1) as number;
      return add(mul(0.4 / Math.sqrt(Math.max(n, 1)), x), mul(1.5, eye(n, option) as Tensor<never>));
    }
    default:
      return x;
  }
}

function mask(shape: Shape, key: Key): Tensor {
  const array = allocate("bool", sizeOf(shape));
  const u = storageOf(random.uniform(key, shape)).array;
  for (let i = 0; i < array.length; i++) array[i] = (u[i] as number) < 0.5 ? 0 : 1;
  return wrap("bool", shape, array);
}

function pivots(shape: Shape, key: Key): Tensor {
  const array = allocate("int32", sizeOf(shape));
  const [n, u] = [shape.at(-1) as number, storageOf(random.uniform(key, shape)).array];
  for (let i = 0; i < array.length; i++) array[i] = (i % n) + Math.floor((u[i] as number) * (n - (i % n)));
  return wrap("int32", shape, array);
}

/** 0, 1.5, 3, ... along the last axis. */
function ramp(shape: Shape, option: { dtype: Float }): Tensor<never> {
  const n = shape.at(-1) as number;
  const steps = arange(0, n, 1, { dtype: realOf(option.dtype) as "float64" });
  const scaled = mul(1.5, isComplex(option.dtype) ? toComplex(steps as Tensor<never>) : steps) as Tensor<never>;
  return broadcastTo(scaled, shape) as Tensor<never>;
}

// real: 1/2 more in magnitude; complex: exp of something small is far from 0
function awayFromZero(x: Tensor<never>): Tensor {
  if (isComplex(x.dtype)) return exp(mul(0.5, x));
  const array = storageOf(x).array.map((v) => v + Math.sign(v) * 0.5) as Float64Array;
  return wrap(x.dtype, x.shape, array);
}

export const isHermitian = (domain: Domain): boolean => domain === "hpd" || domain === "hermitian";

/** A direction in the tangent space of the domain. */
export function tangent(domain: Domain, like: Tensor, key: Key): Tensor {
  const x = random.normal(key, like.shape, { dtype: like.dtype as Float }) as Tensor<never>;
  if (domain === "invertible") return mul(1 / Math.sqrt(Math.max(1, ...like.shape.slice(-2))), x);
  if (!isHermitian(domain)) return x;
  // of spectral norm about 1, as differences need
  return mul(0.5 / Math.sqrt(Math.max(1, like.shape.at(-1) as number)), add(x, adjoint(x)));
}

/** The inputs of a case in this dtype. */
export function inputsOf(row: AnyRow, c: Case, dtype: Float, seed = 1): Tensor[] {
  const keys = random.split(seed, c.shapes.length);
  return c.shapes.map((shape, i) => sample(domainOf(row, i), portDType(portOfInput(row, c.attrs, i), dtype), shape, keys[i] as Key));
}

export const domainOf = (row: AnyRow, i: number): Domain => row.domain?.[row.inputs[Math.min(i, row.inputs.length - 1)] as string] ?? "any";
