// Whole rows chosen by index: taken, replaced, added to.
import { within } from "../core/apply";
import { int, optionsOf } from "../core/attrs";
import type { DType, Sym } from "../core/dtype";
import { ArgumentError } from "../core/errors";
import { type AsyncOptions, type CallOptions, type Checked, defineOp } from "../core/op";
import { asTensor } from "../core/operands";
import { type AnyRow, native } from "../core/row";
import { adopt, checkAxis, sizeOf, type Tensor } from "../core/tensor";
import { arange, tensor, zeros } from "./creation";
import { between, indexInto } from "./domains";
import { equal, where } from "./elementwise";
import { inForms } from "./forms";
import { expandDims, reshape } from "./structure";

type T = Tensor<Sym<"any">>;
type Int = Tensor<"int32">;

const dtypes = { indices: "int32" } as const;
const domain = { indices: indexInto("x", -2) };
const failures = ["ERR_ARGUMENT"] as const;
const sizes = (n: number) => [{ n, c: 1, k: 2 * n }];
const nothing = (like: T, shape: readonly number[]): T => zeros(shape, { dtype: like.dtype as DType }) as Tensor as T;

/** @internal y_i = x_p(i), rows. */
export const takeRows = defineOp({
  name: "take",
  tf: "GatherV2",
  inputs: ["x", "indices"],
  outputs: ["y"],
  types: "any",
  signature: "(n,c),(k)->(k,c)",
  sizes,
  dtypes,
  domain,
  failures,
  kernel: native("take"),
  linear: true,
  saves: ["indices"],
  // x̄_p = Σ ȳ_i over p(i) = p
  vjp: ({ indices }, { y: g }, _attrs, { shapes }) => ({
    x: () => addRows(nothing(g, shapes.x.slice(-2)), indices, g, within("take")) as T,
  }),
});

const update = {
  hidden: true,
  inputs: ["x", "indices", "v"],
  outputs: ["y"],
  signature: "(n,c),(k),(k,c)->(n,c)",
  sizes,
  dtypes,
  domain,
  failures,
  linear: true,
  saves: ["indices"],
} as const;

/** @internal x with v_i added to row p(i), for each i in order. */
export const addRows = defineOp({
  ...update,
  name: "addRows",
  publicName: "indexAdd",
  types: "number",
  kernel: native("addRows"),
  vjp: ({ indices }, { y: g }) => ({ x: () => g, v: (): typeof g => takeRows(g, indices, within("indexAdd")) }),
});

/** Of each i whether it is the last of its row. */
function last(indices: Int, n: number): Tensor<"bool"> {
  const order = arange(0, indices.shape.at(-1) as number, 1, { dtype: "int32" });
  const column = expandDims(order, -1);
  const winner = putRows(zeros([n, 1], { dtype: "int32" }), indices, column, within("indexUpdate")) as Int;
  return equal(takeRows(winner, indices, within("indexUpdate")), column);
}
/** @internal x with v_i in the place of row p(i), for each i in order. */
export const putRows = defineOp({
  ...update,
  name: "putRows",
  publicName: "indexUpdate",
  types: "any",
  kernel: native("putRows"),
  // x̄ is 0 where something was put; v̄_i = ȳ_p(i) where i was the last that was put there
  vjp: ({ indices }, { y: g }, _attrs, { shapes }) => ({
    x: (): T => putRows(g, indices, nothing(g, shapes.v.slice(-2)), within("indexUpdate")) as T,
    v: (): T => where(last(indices, shapes.x.at(-2) as number), takeRows(g, indices, within("indexUpdate")), 0),
  }),
});

/** @internal x n + i, for an index i into an axis of n: into several axes at once, one after the other. */
export const flatIndex = defineOp({
  name: "flatIndex",
  publicName: "index",
  hidden: true,
  inputs: ["x", "i"],
  outputs: ["y"],
  attrs: { n: int(4) },
  domain: { i: between(0, 4) },
  signature: "(k),(k)->(k)",
  types: "any",
  dtypes: { x: "int32", i: "int32", y: "int32" },
  failures,
  kernel: native("flatIndex"),
  vjp: () => ({}),
});

/** Indices as users give them: an int32 tensor, a number, or nested arrays of these. */
export type Indices = Int | number | readonly Indices[];

/** @throws DtypeError for others than int32. */
export function asIndices(op: string, name: string, given: unknown): Int {
  if (adopt(op, given)) return asTensor(op, name, given) as Int;
  if (typeof given !== "number" && !Array.isArray(given)) return asTensor(op, name, given) as Int; // says what is wrong
  return tensor(given as never, { dtype: "int32" }) as Int;
}

/** Without `axis` from all elements. */
export interface TakeOptions {
  readonly axis?: number;
}
export interface Take {
  <D extends DType>(x: Tensor<D>, indices: Int | number | readonly number[], options?: TakeOptions & CallOptions): Tensor<D>;
  async<D extends DType>(x: Tensor<D>, indices: Int | number | readonly number[], options?: TakeOptions & AsyncOptions): Promise<Tensor<D>>;
  checked<D extends DType>(x: Tensor<D>, indices: Int | number | readonly number[], options?: TakeOptions): Checked<Tensor<D>>;
  readonly row: AnyRow;
}

/**
 * The elements of x at these indices along an axis, or of all its elements row by row where no axis is named: NumPy's take. The axis becomes
 * the axes of the indices, of which negative ones count from the end. ERR_ARGUMENT names an index out of range. For indices of each row its
 * own there is `gather`.
 */
export const take = inForms(takeRows, (args, common) => {
  const x = asTensor("take", "x", args[0]);
  const indices = asIndices("take", "indices", args[1]);
  const { axis, out, ...options } = optionsOf<TakeOptions & { out?: unknown }>(
    "take",
    args[2] as TakeOptions,
    ["axis", ...common] as never,
  );
  const at = axis === undefined ? 0 : checkAxis("take", axis, x.rank);
  const [before, n, behind] = axis === undefined ? [[], x.size, []] : [x.shape.slice(0, at), x.shape[at] as number, x.shape.slice(at + 1)];
  const c = sizeOf(behind);
  const to = out === undefined ? undefined : adopt("take", out);
  if (out !== undefined && !to) throw new ArgumentError("take", "option out must be a tensor.");
  const room = to && { out: reshape(to, [...before, indices.size, c]) };
  const flat = [reshape(x, [...before, n, c]), reshape(indices, [indices.size])];
  return {
    args: [...flat, { ...options, ...room }, ...args.slice(3)],
    back: (y: Tensor) => reshape(y, [...before, ...indices.shape, ...behind]),
  };
}) as unknown as Take;
