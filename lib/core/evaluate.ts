// The bottom: a call of a native kernel on data.
import { type KernelCall, type KernelOperand, run as runNative } from "../boundary/descriptor";
import { allocate, type DType } from "./dtype";
import { guard } from "./errors";
import { dtypeOf, inputName, kernelName } from "./form";
import { encodeAttrs, inferAll } from "./infer";
import type { ValueType } from "./ir";
import { batchContextOf, checkOut, composed, output, type RunContext } from "./outcome";
import { type AnyRow, type Attrs, type Native, nameOf } from "./row";
import { alias, readable, type Shape, sizeOf, type Tensor, wrap } from "./tensor";

/** Zeros of the dtype and shape of t. */
export const zerosLike = <D extends DType>(t: { readonly dtype: D; readonly shape: Shape }): Tensor<D> => {
  const array = guard("zeros", () => allocate(t.dtype, sizeOf(t.shape)));
  array.fill(0);
  return wrap(t.dtype, t.shape, array);
};

/** An op on data. */
export function evaluate(row: AnyRow, inputs: readonly Tensor[], attrs: Attrs, wantAux: boolean, options: RunContext): Tensor[] {
  if (typeof row.kernel === "function") return composed(row, inputs, attrs, options);
  const types = inferAll(row, inputs, attrs);
  if (row.kernel.alias && !options.out) {
    return [alias(inputs[0] as Tensor, (types[0] as ValueType).shape)];
  }
  if (options.out) checkOut(row, options.out, types[0], inputs);
  const wanted = types.map((t, i) => (i < row.outputs.length || wantAux ? t : undefined));
  const outputs = wanted.map((t, i) => t && ((i === 0 && options.out) || output(nameOf(row), t)));
  for (const f of runNative(kernelCall(row, row.kernel, inputs, types, outputs, attrs, options))) options.failures.push(f);
  return outputs.filter((t) => t !== undefined);
}

const operand = (op: string, t: Tensor, name: string | undefined): KernelOperand => ({
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
  { collect, op = nameOf(row), batch }: Pick<RunContext, "collect" | "op" | "batch">,
): KernelCall {
  const present = inputs.filter((t) => t !== undefined);
  const shapes = present.map((t) => t.shape);
  return {
    op,
    hints: row.hints,
    kernel: kernelName(kernel, attrs),
    dtype: dtypeOf(row, attrs, inputs),
    attrs: encodeAttrs(
      row,
      kernel,
      attrs,
      shapes,
      types.map((t) => t.shape),
    ),
    inputs: inputs.map((t, i) => t && operand(op, t, inputName(row, i))),
    outputs: outputs.map((t) => t && operand(op, t, "out")),
    collect,
    batchContext: () => batchContextOf(row, attrs, inputs, types),
    reportBatch: batch,
  };
}
