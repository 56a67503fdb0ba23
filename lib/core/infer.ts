import type { AttrSchema } from "./attrs";
import { dtypeOf, inputNames, inputsByName, isElementwise, kernelOutputs, portDType, portOf, signatureOf, withAux } from "./form";
import type { ValueType } from "./ir";
import { type AnyRow, type Attrs, nameOf } from "./row";
import { bind, broadcastOrThrow, type Signature } from "./signature";
import { checkSize, type Shape } from "./tensor";

/** Shapes and dtypes of the outputs and aux; throws ShapeError in the words of the op. */
export function inferAll(row: AnyRow, inputs: readonly ValueType[], attrs: Attrs): ValueType[] {
  const t = dtypeOf(row, attrs, inputs);
  const shapes = outputShapes(
    row,
    inputs.map((i) => i.shape),
    attrs,
  );
  return kernelOutputs(row).map((name, i) => ({
    dtype: portDType(portOf(row, attrs, name), t),
    shape: checkSize(nameOf(row), shapes[i] as Shape),
  }));
}

/** Of the outputs alone. */
export const infer = (row: AnyRow, inputs: readonly ValueType[], attrs: Attrs): ValueType[] =>
  inferAll(row, inputs, attrs).slice(0, row.outputs.length);

function outputShapes(row: AnyRow, shapes: readonly Shape[], attrs: Attrs): readonly Shape[] {
  if (isElementwise(row)) {
    const first = shapes[0] as Shape;
    const shape = shapes.length === 1 ? first : broadcastOrThrow(nameOf(row), inputNames(row, shapes.length), shapes);
    return row.outputs.map(() => shape);
  }
  if (row.infer) {
    const out = row.infer(inputsByName(row, shapes), attrs);
    return row.outputs.map((name) => out[name] as Shape);
  }
  return bind(nameOf(row), row.inputs, withAux(row, attrs), shapes, (signatureOf(row, attrs) as Signature).text).outputs;
}

/** Attributes as the numbers that the native table knows. */
export function encodeAttrs(
  row: AnyRow,
  kernel: { encode: unknown },
  attrs: Attrs,
  inputs: readonly Shape[],
  outputs: readonly Shape[],
): readonly number[] {
  const encode = kernel.encode as ((a: Attrs, i: readonly Shape[], o: readonly Shape[]) => readonly number[]) | undefined;
  if (encode) return encode(attrs, inputs, outputs);
  return Object.keys((row.attrs ?? {}) as AttrSchema).map((k) => Number(attrs[k]));
}
