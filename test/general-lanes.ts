// Batches of general matrices whose lanes have nothing in common, and what must hold of their forms and spectra: for lanes-general.test.ts, and on
// the other instruction sets for isa-child.ts.
import { expect } from "chai";
import { compile, complex64, complex128, type Float, float32, float64, linalg, random, type Tensor, tensor } from "../lib/index";
import { epsOf } from "./spectra";

const SPECS = { float32, float64, complex64, complex128 } as const;
export const GENERAL_SIZES = [0, 1, 2, 3, 4, 5, 7, 8, 9, 16, 17, 31, 32, 33] as const;
const isComplex = (dtype: Float) => dtype.startsWith("complex");
const isSingle = (dtype: Float) => dtype === "float32" || dtype === "complex64";

type Draw = () => readonly [number, number];
/** Element (i, j) of an n x n matrix; `huge` is far from the ends of the exponents by n squares. */
type Kind = (i: number, j: number, n: number, draw: Draw, huge: number) => readonly [number, number];
const times = (s: number, [x, y]: readonly [number, number]) => [s * x, s * y] as const;
const real = (x: number) => [x, 0] as const;
export const KINDS: Readonly<Record<string, Kind>> = {
  any: (_i, _j, _n, draw) => draw(),
  jordan: (i, j) => real(i === j ? 2 : j === i + 1 ? 1 : 0),
  nilpotent: (i, j) => real(i === j + 1 ? 1 : 0),
  companion: (i, j, n, draw) => (j === n - 1 ? draw() : real(i === j + 1 ? 1 : 0)),
  graded: (i, j, n, draw) => times(10 ** ((-6 * (i + j)) / n), draw()),
  symmetric: (i, j) => real(Math.sin(1 + Math.min(i, j) + 7 * Math.max(i, j))),
  skew: (i, j) => real(i === j ? 0 : Math.sign(i - j) * Math.cos(Math.min(i, j) + 7 * Math.max(i, j))),
  cyclic: (i, j, n) => real(j === (i + 1) % n ? 1 : 0),
  orthogonal: (i, j, n) => real(Math.sqrt(2 / (n + 1)) * Math.sin((Math.PI * (i + 1) * (j + 1)) / (n + 1))),
  zero: () => real(0),
  ones: () => real(1),
  identity: (i, j) => real(i === j ? 1 : 0),
  lower: (i, j, _n, draw) => (j > i ? real(0) : draw()),
  tiny: (_i, _j, _n, draw, huge) => times(1 / huge, draw()),
  huge: (_i, _j, _n, draw, huge) => times(huge, draw()),
  unbalanced: (i, j, n, draw, huge) => times(huge ** ((0.2 * (i - j)) / n), draw()),
  frank: (i, j, n) => real(j >= i - 1 ? n - Math.max(i, j) : 0),
  blocks: (i, j, _n, draw, huge) => (Math.floor(i / 3) === Math.floor(j / 3) ? draw() : times(huge ** -0.5, draw())),
};
const KIND_LIST = Object.values(KINDS);

export interface Item {
  readonly re: Float64Array;
  readonly im: Float64Array;
}
/** Of each item another kind. */
export function generalBatch(dtype: Float, n: number, count: number, key = 1): Tensor {
  const parts = isComplex(dtype) ? 2 : 1;
  const huge = isSingle(dtype) ? 1e30 : 1e300;
  const data: number[] = [];
  for (let item = 0; item < count; item++) {
    const kind = KIND_LIST[(item * 5 + key) % KIND_LIST.length] as Kind;
    const draws = random.normal(1000 * key + item, [2 * n * n + 2]).data;
    let at = 0;
    const draw: Draw = () => [draws[at++] as number, parts === 2 ? (draws[at++] as number) : 0];
    for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) data.push(...kind(i, j, n, draw, huge).slice(0, parts));
  }
  const array = isSingle(dtype) ? Float32Array.from(data) : Float64Array.from(data);
  return tensor(array as never, { shape: [count, n, n], dtype: dtype as never });
}

/** Item k of a batch as parts. */
export function itemOf(t: Tensor, k: number): Item {
  const size = t.shape.slice(1).reduce((p, q) => p * q, 1);
  const parts = isComplex(t.dtype as Float) ? 2 : 1;
  const data = (t.data as Float64Array).subarray(k * size * parts, (k + 1) * size * parts);
  const pick = (part: number) => Float64Array.from({ length: size }, (_, e) => (part < parts ? (data[e * parts + part] as number) : 0));
  return { re: pick(0), im: pick(1) };
}
const scaled = (x: Item, s: number): Item => ({ re: x.re.map((e) => e * s), im: x.im.map((e) => e * s) });
const largest = (x: Item) => x.re.reduce((m, e, k) => Math.max(m, Math.abs(e), Math.abs(x.im[k] as number)), 0);
const norm = (x: Item) => Math.sqrt(x.re.reduce((s, e, k) => s + e * e + (x.im[k] as number) ** 2, 0));
const minus = (x: Item, y: Item): Item => ({
  re: x.re.map((e, k) => e - (y.re[k] as number)),
  im: x.im.map((e, k) => e - (y.im[k] as number)),
});
const adjoint = (x: Item, n: number): Item => ({
  re: x.re.map((_, e) => x.re[(e % n) * n + Math.floor(e / n)] as number),
  im: x.im.map((_, e) => -(x.im[(e % n) * n + Math.floor(e / n)] as number)),
});
function product(x: Item, y: Item, n: number): Item {
  const out = { re: new Float64Array(n * n), im: new Float64Array(n * n) };
  for (let i = 0; i < n; i++)
    for (let k = 0; k < n; k++) {
      const [a, b] = [x.re[i * n + k] as number, x.im[i * n + k] as number];
      for (let j = 0; j < n; j++) {
        const [c, d] = [y.re[k * n + j] as number, y.im[k * n + j] as number];
        (out.re[i * n + j] as number) += a * c - b * d;
        (out.im[i * n + j] as number) += a * d + b * c;
      }
    }
  return out;
}
const identity = (n: number): Item => ({
  re: Float64Array.from({ length: n * n }, (_, e) => (e % (n + 1) === 0 ? 1 : 0)),
  im: new Float64Array(n * n),
});
const diagonal = (w: Item, n: number): Item => ({
  re: Float64Array.from({ length: n * n }, (_, e) => (e % (n + 1) === 0 ? (w.re[e % n] as number) : 0)),
  im: Float64Array.from({ length: n * n }, (_, e) => (e % (n + 1) === 0 ? (w.im[e % n] as number) : 0)),
});

/** ‖A Z - Z T‖ <= 5 (n + 2) ε ‖A‖, ‖ZᴴZ - I‖ <= 5 (n + 2) ε in the Frobenius norm (those of order 3 take more sweeps for each row), zeros where T has them, blocks of two as LAPACK has them. */
function checkForm(what: string, a: Item, t: Item, z: Item, n: number, eps: number, below: number): void {
  const bound = 5 * (n + 2) * eps;
  expect(norm(minus(product(a, z, n), product(z, t, n))), `${what}: A Z - Z T`).to.be.at.most(bound * norm(a));
  expect(norm(minus(product(adjoint(z, n), z, n), identity(n))), `${what}: Z`).to.be.at.most(bound);
  for (let i = 0; i < n; i++)
    for (let j = 0; j < i - below; j++) expect(t.re[i * n + j] || t.im[i * n + j], `${what}: t(${i},${j})`).to.equal(0);
}
function checkBlocks(what: string, t: Item, n: number): void {
  const at = (i: number, j: number) => t.re[i * n + j] as number;
  for (let k = 0; k + 1 < n; k++) {
    if (at(k + 1, k) === 0) continue;
    expect(at(k, k), `${what}: a block's diagonal`).to.equal(at(k + 1, k + 1));
    expect(Math.sign(at(k + 1, k)) * Math.sign(at(k, k + 1)), `${what}: a block's signs`).to.equal(-1);
    if (k > 0) expect(at(k, k - 1), `${what}: a block of three`).to.equal(0);
  }
}
/** Vectors of norm 1, the largest element real; ‖A v - w v‖ <= 5 n ε ‖A‖ where D of a balanced A is near I, else but for its condition. */
function checkVectors(what: string, a: Item, w: Item, v: Item, n: number, eps: number, condition: number): void {
  const left = minus(product(a, v, n), product(v, diagonal(w, n), n));
  expect(norm(left), `${what}: A V - V W`).to.be.at.most(5 * n * eps * norm(a) * Math.sqrt(n) * condition);
  for (let j = 0; j < n; j++) {
    const column = { re: v.re.filter((_, e) => e % n === j), im: v.im.filter((_, e) => e % n === j) };
    expect(Math.abs(norm(column) - 1), `${what}: vector ${j}`).to.be.below(10 * n * eps);
    const sizes = Array.from(column.re, (x, k) => Math.hypot(x, column.im[k] as number));
    const top = Math.max(...sizes);
    const least = Math.min(...sizes.flatMap((s, k) => (s > top * (1 - 4 * eps) ? [Math.abs(column.im[k] as number)] : [])));
    expect(least, `${what}: the phase of vector ${j}`).to.be.at.most(10 * eps);
  }
}

/** Forms and spectra of a batch in lanes. */
export function checkGeneral(dtype: Float, n: number, count: number, key = 1): void {
  const a = generalBatch(dtype, n, count, key);
  const spec = SPECS[dtype](n, n) as ReturnType<typeof float64>;
  const run = <O>(f: (x: never) => O, layout = "lanes"): O =>
    (compile(f as never, spec) as unknown as { runSync(a: readonly unknown[], o: object): O }).runSync([a], { layout });
  const schur = run((x: Tensor<"float64">) => linalg.schur(x));
  const hessenberg = run((x: Tensor<"float64">) => linalg.hessenberg(x));
  const { w, v } = run((x: Tensor<"float64">) => linalg.eig(x));
  const values = run((x: Tensor<"float64">) => linalg.eigvals(x));
  const alone = run((x: Tensor<"float64">) => linalg.eig(x).w, "single");
  const eps = epsOf(dtype);
  for (let k = 0; k < count; k++) {
    const name = Object.keys(KINDS)[(k * 5 + key) % KIND_LIST.length] as string;
    const what = `${dtype} ${n}, item ${k}: ${name}`;
    const unit = largest(itemOf(a, k)) || 1;
    const [own, of] = [scaled(itemOf(a, k), 1 / unit), (t: Tensor) => scaled(itemOf(t, k), 1 / unit)];
    // those without vectors are the same, but where LAPACK had to find the vectors
    const same = String(itemOf(w, k).re) === String(itemOf(alone, k).re) || String(itemOf(values, k).re) === String(itemOf(w, k).re);
    expect(same, `${what}: values`).to.equal(true);
    checkForm(`${what}, schur`, own, of(schur.t), itemOf(schur.z, k), n, eps, isComplex(dtype) ? 0 : 1);
    if (!isComplex(dtype)) checkBlocks(what, itemOf(schur.t, k), n);
    checkForm(`${what}, hessenberg`, own, of(hessenberg.h), itemOf(hessenberg.q, k), n, eps, 1);
    checkVectors(`${what}, eig`, own, of(w), itemOf(v, k), n, eps, name === "unbalanced" ? 10 : 1);
  }
}
