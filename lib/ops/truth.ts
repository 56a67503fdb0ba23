// Whether any, whether all, and how many.
import { flag, ints } from "../core/attrs";
import { defineOp } from "../core/op";
import { asTensor } from "../core/operands";
import { native } from "../core/row";
import type { ReduceOptions, Shape, Tensor } from "../core/tensor";
import { cast } from "./cast";
import { full } from "./creation";
import { where } from "./elementwise";
import { axesOf, checkAxes, reduced, sum } from "./reductions";

type Bool = Tensor<"bool">;
interface Axes {
  readonly axis: readonly number[];
  readonly keepDims: boolean;
}

const truth = (name: "any" | "all", kernel: "max" | "min", tf: string) => {
  const row = {
    inputs: ["x"],
    outputs: ["y"],
    attrs: { axis: ints(), keepDims: flag(false) },
    infer: ({ x }: { readonly x: Shape }, { axis, keepDims }: Axes) => {
      checkAxes(name, x, axis);
      return { y: reduced(x, axis, keepDims) };
    },
    types: "any",
    dtypes: { x: "bool", y: "bool" },
    vjp: () => ({}),
  } as const;
  const samples = (n: number) => [
    { shapes: { x: [n] }, attrs: { axis: [0] } },
    { shapes: { x: [2, n, 3] }, attrs: { axis: [0, 2], keepDims: true } },
    { shapes: { x: [3, n] }, attrs: { axis: [1] } },
  ];
  const some = defineOp({
    ...row,
    name: `${name}True`,
    publicName: name,
    hidden: true,
    samples: (n) => samples(n + 1),
    kernel: native(kernel, ({ axis }: Axes) => axis),
  });
  return defineOp({
    ...row,
    name,
    tf,
    samples,
    kernel: ({ x }, attrs) =>
      attrs.axis.some((a) => x.shape[a] === 0)
        ? full(reduced(x.shape, attrs.axis, attrs.keepDims), name === "all", { dtype: "bool" })
        : some(x, attrs),
  });
};
const [anyOp, allOp] = [truth("any", "max", "Any"), truth("all", "min", "All")];

/** x as truth values: what is not zero, NaN included, is true. */
const truths = (name: string, x: unknown): Bool => {
  const t: Tensor = asTensor(name, "x", x);
  return t.dtype === "bool" ? (t as Bool) : cast(t, "bool");
};
const over =
  (op: typeof anyOp) =>
  (x: Tensor, options: ReduceOptions = {}): Bool => {
    const axis = axesOf(op.row.name, asTensor(op.row.name, "x", x), options);
    return op(truths(op.row.name, x), { axis, keepDims: options.keepDims ?? false });
  };
/** Whether any element over axes is not zero, NaN included; of nothing, false. */
export const any = over(anyOp);
/** Whether all elements over axes are not zero, NaN included; of nothing, true. */
export const all = over(allOp);
/** How many elements over axes are not zero, NaN included: int32. */
export const countNonzero = (x: Tensor, options: ReduceOptions = {}): Tensor<"int32"> => {
  const one = full([], 1, { dtype: "int32" });
  axesOf("countNonzero", asTensor("countNonzero", "x", x), options);
  return sum(where(truths("countNonzero", x), one, 0) as Tensor as Tensor<"int32">, options);
};
