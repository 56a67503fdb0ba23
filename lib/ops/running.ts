// Along an axis: of every element what those up to it are together, and products of all.
import { flag, optionsOf } from "../core/attrs";
import type { DType, Real, Sym } from "../core/dtype";
import { ArgumentError, DtypeError, describe } from "../core/errors";
import { defineOp, scalar } from "../core/op";
import { asTensor } from "../core/operands";
import { native } from "../core/row";
import { type ReduceOptions, type Shape, sizeOf, type Tensor } from "../core/tensor";
import { columnsOf } from "./columns";
import { between, distinct } from "./domains";
import { conj, equal, exp, mul, sub, where } from "./elementwise";
import { gather } from "./indexing";
import { concat } from "./joining";
import { axesOf, reduced } from "./reductions";
import { broadcastTo, expandDims, reshape, slice, transpose } from "./structure";

type T = Tensor<Sym<"T">>;
type R = Tensor<Sym<"real">>;

const along = { inputs: ["x"], outputs: ["y"], signature: "(n,c)->(n,c)", attrs: { reverse: flag(false) } } as const;
const inside = { x: between(-1.2, 1.2) };

/** Rows from `from` on, `size` of them. */
const rows = <X extends Tensor>(x: X, from: number, size: number): X => {
  const lead = x.rank - 2;
  const start = x.shape.map((_, i) => (i === lead ? from : 0));
  return slice(
    x,
    start,
    x.shape.map((d, i) => (i === lead ? size : d)),
  ) as Tensor as X;
};
const count = (x: Tensor): number => x.shape.at(-2) as number;
/** x and one more row of a number: before it, or behind it. */
const with1 = <X extends Tensor>(x: X, value: number, behind: boolean): X => {
  const row = broadcastTo(scalar(x.dtype, value) as Tensor, x.shape.toSpliced(-2, 1, 1));
  return concat(behind ? [x, row] : [row, x], { axis: -2 }) as Tensor as X;
};
/** Of each row the one before it, in the order of the kernel; of the first a number. */
const previous = <X extends Tensor>(x: X, value: number, reverse: boolean): X => {
  if (count(x) === 0) return x;
  return with1(rows(x, reverse ? 1 : 0, count(x) - 1), value, reverse);
};

const cumsumOp = defineOp({
  ...along,
  name: "cumsum",
  tf: "Cumsum",
  types: "number",
  kernel: native("cumsum"),
  linear: true,
  vjp: (_, { y: g }, { reverse }) => ({ x: (): typeof g => cumsumOp(g, { reverse: !reverse }) }),
});

/** @internal y_k = a_k y_(k-1) + b_k with y_(-1) = 0; reversed y_k = a_k y_(k+1) + b_k. */
export const recurrence = defineOp({
  name: "recurrence",
  hidden: true,
  inputs: ["a", "b"],
  outputs: ["y"],
  attrs: along.attrs,
  signature: "(n,c),(n,c)->(n,c)",
  domain: { a: between(-0.9, 0.9) },
  kernel: native("recurrence"),
  saves: ["a", "y"],
  // b̄_k = ȳ_k + conj(a_(k+1)) b̄_(k+1), ā_k = b̄_k conj(y_(k-1))
  vjp: ({ a, y }, { y: g }, { reverse }) => {
    const back = (): T => recurrence(conj(previous(a, 0, !reverse)), g, { reverse: !reverse });
    return { b: back, a: () => mul(back(), conj(previous(y, 0, reverse))) };
  },
});

const cumprodOp = defineOp({
  ...along,
  name: "cumprod",
  tf: "Cumprod",
  types: "number",
  domain: inside,
  kernel: native("cumprod"),
  saves: ["x", "y"],
  // without quotients, so that zeros have derivatives: x̄_j = conj(y_(j-1)) r_j, r_j = ȳ_j + conj(x_(j+1)) r_(j+1)
  vjp: ({ x, y }, { y: g }, { reverse }) => ({
    x: () =>
      mul(
        conj(previous(y, 1, reverse)),
        recurrence(conj(previous(x, 0, !reverse)) as Tensor as T, g as Tensor as T, { reverse: !reverse }),
      ) as Tensor as typeof g,
  }),
});

const cumlogsumexpOp = defineOp({
  ...along,
  name: "cumlogsumexp",
  types: "real",
  kernel: native("cumlogsumexp"),
  saves: ["x", "y"],
  // x̄_j = e^(x_j - y_j) r_j, r_j = ȳ_j + e^(y_j - y_(j+1)) r_(j+1): no factor is above 1
  vjp: ({ x, y }, { y: g }, { reverse }) => {
    const share = (of: R, total: R): R => exp(sub(of, where(equal(total, Number.NEGATIVE_INFINITY), 0, total)));
    const n = count(y);
    const factors = (): R => {
      if (n === 0) return y;
      const [first, second] = [rows(y, 0, n - 1), rows(y, 1, n - 1)];
      return with1(reverse ? share(second, first) : share(first, second), 0, !reverse);
    };
    return { x: () => mul(share(x, y), recurrence(factors() as Tensor as T, g as Tensor as T, { reverse: !reverse }) as Tensor as R) };
  },
});

const extreme = (name: "cummax" | "cummin", kernel: "runningMax" | "runningMin", tf: string) => {
  const places = defineOp({ ...along, name: kernel, hidden: true, types: "ordered", dtypes: { y: "int32" }, kernel: native(kernel) });
  return defineOp({
    ...along,
    name,
    tf,
    types: "ordered",
    domain: { x: distinct },
    kernel: ({ x }, attrs) => gather(x, places(x, attrs), { axis: -2 }),
  });
};
const [cummaxOp, cumminOp] = [extreme("cummax", "runningMax", "Cummax"), extreme("cummin", "runningMin", "Cummin")];

export interface RunningOptions {
  /** Along which axis; of all elements row by row where none is named. */
  readonly axis?: number;
  /** From the last element to the first. */
  readonly reverse?: boolean;
}
type Op = (x: Tensor, options: { readonly reverse: boolean }) => Tensor;
const running = <D extends DType>(name: string, op: unknown, x: unknown, options: RunningOptions): Tensor<D> => {
  const { axis, ...rest } = optionsOf(name, options, ["axis", "reverse"]);
  const { flat, back } = columnsOf(name, asTensor(name, "x", x), axis);
  return back((op as Op)(flat, rest as { reverse: boolean })) as Tensor<D>;
};

/** Of each element the sum of those up to it along an axis: NumPy's cumsum. int32 wraps. */
export const cumsum = <D extends DType>(x: Tensor<D>, options: RunningOptions = {}): Tensor<D> => running("cumsum", cumsumOp, x, options);
/** Of each element the product of those up to it along an axis: NumPy's cumprod. int32 wraps. Its derivatives are right where elements are 0. */
export const cumprod = <D extends DType>(x: Tensor<D>, options: RunningOptions = {}): Tensor<D> =>
  running("cumprod", cumprodOp, x, options);
/** Of each element log Σ eˣ over those up to it along an axis, without overflow on the way. */
export const cumlogsumexp = <D extends Real>(x: Tensor<D>, options: RunningOptions = {}): Tensor<D> =>
  running("cumlogsumexp", cumlogsumexpOp, x, options);
/** Of each element the largest of those up to it along an axis; NaN from the first NaN on. Of equal ones the first has the derivative. */
export const cummax = <D extends Real | "int32">(x: Tensor<D>, options: RunningOptions = {}): Tensor<D> =>
  running("cummax", cummaxOp, x, options);
/** Of each element the smallest of those up to it along an axis; NaN from the first NaN on. Of equal ones the first has the derivative. */
export const cummin = <D extends Real | "int32">(x: Tensor<D>, options: RunningOptions = {}): Tensor<D> =>
  running("cummin", cumminOp, x, options);

/**
 * Of each element the next one less it, along the last axis where none is named; `n` times. One element fewer each time, as long as there is one:
 * NumPy's diff. int32 wraps.
 */
export function diff<D extends DType>(x: Tensor<D>, options: { readonly n?: number; readonly axis?: number } = {}): Tensor<D> {
  const { n: times = 1, axis = -1 } = optionsOf("diff", options, ["n", "axis"]);
  if (!Number.isInteger(times) || times < 0)
    throw new ArgumentError("diff", `option n must be a non-negative integer, got ${describe(times)}.`);
  const t: Tensor = asTensor("diff", "x", x);
  if (t.dtype === "bool") throw new DtypeError("diff", 'x must hold numbers, got bool. Cast it: cast(x, "int32").');
  const { flat, back } = columnsOf("diff", t, axis);
  let y = flat;
  for (let i = 0; i < times && count(y) > 0; i++) y = sub(rows(y, 1, count(y) - 1) as never, rows(y, 0, count(y) - 1) as never);
  return back(y) as Tensor<D>;
}

const prodOp = defineOp({
  name: "prod",
  tf: "Prod",
  inputs: ["x"],
  outputs: ["y"],
  signature: "(n,c)->(c)",
  types: "number",
  domain: inside,
  kernel: native("prod"),
  saves: ["x"],
  // ∂ Π x / ∂ x_j: the product of those before j and of those behind it
  vjp: ({ x }, { y: g }) => ({
    x: () => {
      const others = mul(previous(cumprodOp(x), 1, false), previous(cumprodOp(x, { reverse: true }), 1, true));
      return mul(expandDims(g, -2), conj(others)) as Tensor as typeof x;
    },
  }),
});

/** x with the axes that are reduced as one, which is the last but one: [kept, n, c]. */
export function reducedLast(x: Tensor, axes: readonly number[]): Tensor {
  const sorted = [...axes].sort((i, j) => i - j);
  const adjacent = sorted.every((a, i) => a === (sorted[0] as number) + i);
  const size = (list: Shape): number => sizeOf(list);
  if (adjacent && sorted.length > 0) {
    const [from, to] = [sorted[0] as number, (sorted.at(-1) as number) + 1];
    return reshape(x, [...x.shape.slice(0, from), size(x.shape.slice(from, to)), size(x.shape.slice(to))]);
  }
  const kept = [...x.shape.keys()].filter((i) => !axes.includes(i));
  const t = transpose(x, [...kept, ...sorted]);
  return reshape(t, [...kept.map((i) => x.shape[i] as number), size(sorted.map((i) => x.shape[i] as number)), 1]);
}

/** The product over axes; of nothing, 1. int32 wraps. Its derivatives are right where elements are 0. */
export function prod<D extends DType>(x: Tensor<D>, options: ReduceOptions = {}): Tensor<D> {
  const t: Tensor = asTensor("prod", "x", x);
  const axes = axesOf("prod", t, options);
  return reshape(prodOp(reducedLast(t, axes)) as Tensor<D>, reduced(t.shape, axes, options.keepDims ?? false));
}
