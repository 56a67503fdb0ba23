// The bottom: a call of a native kernel on data.

import type { KernelCall, Operand } from "../boundary/descriptor";
import { allocate } from "./dtype";
import { guard } from "./errors";
import { columnOf, lowerAttrs } from "./infer";
import type { ValueType } from "./ir";
import { frameOf, type RunOptions } from "./outcome";
import { type AnyRow, type Attrs, type Native, nameOf } from "./row";
import { readable, type Shape, sizeOf, type Tensor, wrap } from "./tensor";
/** Zeros of the dtype and shape of t. */
export const zerosLike = (t: { dtype: Tensor["dtype"]; shape: Shape }): Tensor => {
  const array = guard("zeros", () => allocate(t.dtype, sizeOf(t.shape)));
  array.fill(0);
  return wrap(t.dtype, t.shape, array);
};

const operand = (op: string, t: Tensor, name: string | undefined): Operand => ({
  dtype: t.dtype,
  shape: t.shape,
  name,
  array: readable(op, t, name),
});

/** @internal The native call of a row on concrete tensors. */
export function kernelCall(
  row: AnyRow,
  kernel: Native,
  inputs: readonly (Tensor | undefined)[],
  types: readonly ValueType[],
  outputs: readonly (Tensor | undefined)[],
  attrs: Attrs,
  { collect, op = nameOf(row), batch }: Pick<RunOptions, "collect" | "op" | "batch">,
): KernelCall {
  const present = inputs.filter((t) => t !== undefined);
  const shapes = present.map((t) => t.shape);
  return {
    op,
    kernel: kernel.name,
    column: columnOf(row, inputs),
    attrs: lowerAttrs(
      row,
      kernel,
      attrs,
      shapes,
      types.map((t) => t.shape),
    ),
    inputs: inputs.map((t, i) => t && operand(op, t, row.inputs[i])),
    outputs: outputs.map((t) => t && operand(op, t, "out")),
    collect,
    frame: () => frameOf(row, attrs, inputs, types),
    into: batch,
  };
}
