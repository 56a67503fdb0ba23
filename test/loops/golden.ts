// Golden values of loops (tools/goldens/loops.py), and what the same functions have here.
import { readFileSync } from "node:fs";
import { expect } from "chai";
import { add, cast, conj, type DType, grad, hvp, isTensor, jvp, mul, real, type Shape, sum, type Tensor, tensor } from "../../lib/index";

// One name for the compiler; the dtype at run time comes from the file.
export type T = Tensor<"float64">;
export type Int = Tensor<"int32">;
export type Bool = Tensor<"bool">;
/** Arguments in, a tree of tensors out. */
export type Case = (...args: never[]) => unknown;

export const ITEMS = 3;
/** A tensor for each of `ITEMS` items, behind one another. */
export interface Stored {
  readonly dtype: DType;
  readonly shape: Shape;
  readonly data: readonly number[];
}
export type Named = Readonly<Record<string, Stored>>;
export interface Golden {
  readonly name: string;
  readonly args: readonly Stored[];
  readonly value: Named;
  readonly tangent?: Named;
  readonly grad?: Named;
  readonly hvp?: Named;
}
export const PARTS = ["value", "tangent", "grad", "hvp"] as const;

export const read = <C>(name: string): C[] => (JSON.parse(readFileSync(`test/golden/${name}.json`, "utf8")) as { cases: C[] }).cases;

export const golden = read<Golden>("loops");
/** Items of a batch of n: those three in turn. */
export const turns = (n: number): number[] => Array.from({ length: n }, (_, i) => i % ITEMS);

const arrays = { float32: Float32Array, float64: Float64Array, complex64: Float32Array, complex128: Float64Array, int32: Int32Array };
/** Items as one tensor: [3, ...shape], or of those that `which` names. */
export function load({ dtype, shape, data }: Stored, which: readonly number[]): T {
  const n = data.length / ITEMS;
  const some = which.flatMap((i) => data.slice(i * n, (i + 1) * n));
  const all = [which.length, ...shape];
  const t: Tensor =
    dtype === "bool"
      ? cast(tensor(Int32Array.from(some), { shape: all }), "bool")
      : tensor(arrays[dtype].from(some), { dtype, shape: all });
  return t as T;
}
/** One item, of the item's own shape. */
export const loadOne = (s: Stored, i: number): T => load(s, [i]).reshape(s.shape);

const isFloating = (t: Tensor): boolean => t.dtype !== "int32" && t.dtype !== "bool";
const wave = (x: Tensor, phase: number, f: (x: number) => number): T => {
  const isComplex = x.dtype.startsWith("complex");
  const w = Array.from({ length: x.size }, (_, j) => f(phase * j + 1)).flatMap((v) => (isComplex ? [v, v / 2] : [v]));
  return load({ dtype: x.dtype, shape: x.shape, data: [...w, ...w, ...w] }, [0]).reshape(x.shape);
};
export const leavesOf = (tree: unknown): T[] =>
  isTensor(tree) || typeof tree === "number" ? [tree as T] : Object.values(tree as object).flatMap(leavesOf);

/** The value and derivatives that tools/goldens/loops.py has of a case, of those that `has`. */
export function derivatives(f: Case, has: Golden): (...args: T[]) => Record<string, unknown> {
  return (...args) => {
    const isOn = args.map(isFloating);
    const on = args.filter((_, i) => isOn[i]);
    const along = on.map((x) => wave(x, 2, Math.sin));
    const call = (xs: readonly T[]): unknown => {
      const left = [...xs];
      return (f as (...a: T[]) => unknown)(...args.map((a, i) => (isOn[i] ? (left.shift() as T) : a)));
    };
    const floats = (xs: readonly T[]): T[] => leavesOf(call(xs)).filter((y) => isTensor(y) && isFloating(y));
    const loss = (xs: readonly T[]): T => {
      const terms = floats(xs).map((y) => {
        const linear = sum(real(mul(conj(wave(y, 1, Math.cos)), y))) as T;
        return add(linear, mul(0.1, sum(real(mul(conj(y), y))) as T)) as T;
      });
      return terms.reduce((a, b) => add(a, b));
    };
    return {
      value: call(on),
      ...(has.tangent && { tangent: jvp((xs: readonly T[]) => floats(xs), [on], [along]).tangent }),
      ...(has.grad && { grad: grad(loss)(on) }),
      ...(has.hvp && { hvp: hvp(loss, on, along) }),
    };
  };
}

/** What lies at a path such as "1.energy". */
const at = (tree: unknown, path: string): unknown =>
  path.split(".").reduce((t, key) => (key === "" ? t : (t as Record<string, unknown> | undefined)?.[key]), tree);

// double: up to 200 steps, whose rounding errors stay below 1e4 ulps of the largest; single: second derivatives of four steps
const TOLERANCE = { float64: 1e-11, complex128: 1e-11, float32: 2e-5, complex64: 2e-5, int32: 0, bool: 0 };

/** Compares items with what is stored of them. */
export function compare(what: string, got: unknown, want: Stored, which: readonly number[], isStacked: boolean): void {
  const y = isTensor(got) ? got : tensor(got as number);
  const expected = load(want, which);
  expect(y.dtype, `${what}: dtype`).to.equal(want.dtype);
  expect(y.shape, `${what}: shape`).to.deep.equal(isStacked ? expected.shape : want.shape);
  const [a, b] = [Array.from(y.data, Number), Array.from(expected.data, Number)];
  const scale = b.reduce((m, v) => Math.max(m, Math.abs(v)), 0) || 1; // a reference of zeros is compared absolutely
  expect(a.every(Number.isFinite), `${what}: finite`).to.equal(true);
  const worst = b.reduce((m, v, i) => Math.max(m, Math.abs(v - (a[i] as number)) / scale), 0);
  expect(worst, what).to.be.at.most(TOLERANCE[want.dtype]);
}

/** Compares a tree of results with a case's golden ones. */
export function compareAll(what: string, got: unknown, want: Golden, which: readonly number[], isStacked: boolean): void {
  for (const part of PARTS) {
    const tree = at(got, part);
    for (const [path, stored] of Object.entries(want[part] ?? {}))
      compare(`${what}: ${part} ${path}`, at(tree, path), stored, which, isStacked);
  }
}
