import type { AttrSchema } from "./attrs";
import { complexOf, type DType, realOf } from "./dtype";
import { BacksolveError } from "./errors";
import type { ValueType } from "./ir";
import { type AnyRow, type Attrs, nameOf, type Port } from "./row";
import { bind, broadcastOrThrow, parseSignature, type Signature } from "./signature";
import { checkSize, type Shape } from "./tensor";

export const portDType = (port: Port | undefined, t: DType): DType =>
  port === undefined || port === "T" ? t : port === "real" ? realOf(t) : port === "complex" ? complexOf(t) : port;

/** The op's dtype T from its operands; undefined: one that a fused rule does without. */
export function dtypeOf(row: AnyRow, inputs: readonly ({ dtype: DType } | undefined)[]): DType {
  for (let i = 0; i < inputs.length; i++) {
    const port = row.dtypes?.[row.inputs[i] as string] ?? "T";
    const given = inputs[i];
    if (port === "T" && given) return given.dtype;
  }
  throw new BacksolveError("ERR_INTERNAL", nameOf(row), "no input carries the op's dtype.");
}

export const signatureOf = (row: AnyRow, attrs: Attrs): Signature | undefined =>
  row.signature === undefined ? undefined : parseSignature(typeof row.signature === "string" ? row.signature : row.signature(attrs));

/** Names of what the row's native kernel gives: outputs, then aux. */
export const kernelOutputs = (row: AnyRow): readonly string[] => [...row.outputs, ...Object.keys(row.aux ?? {})];

/** The signature with aux as further outputs. */
export const withAux = (row: AnyRow, attrs: Attrs): Signature => {
  const plain = signatureOf(row, attrs) as Signature;
  return row.aux ? parseSignature([plain.text, ...Object.values(row.aux)].join(",")) : plain;
};

const elementwise = (row: AnyRow): boolean => row.signature === undefined && row.infer === undefined;

/** Shapes and dtypes of the outputs and aux; throws ShapeError in the words of the op. */
export function inferAll(row: AnyRow, inputs: readonly ValueType[], attrs: Attrs): ValueType[] {
  const t = dtypeOf(row, inputs);
  const shapes = outputShapes(
    row,
    inputs.map((i) => i.shape),
    attrs,
  );
  return kernelOutputs(row).map((name, i) => ({
    dtype: portDType(row.dtypes?.[name], t),
    shape: checkSize(nameOf(row), shapes[i] as Shape),
  }));
}

/** Of the outputs alone. */
export const infer = (row: AnyRow, inputs: readonly ValueType[], attrs: Attrs): ValueType[] =>
  inferAll(row, inputs, attrs).slice(0, row.outputs.length);

function outputShapes(row: AnyRow, shapes: readonly Shape[], attrs: Attrs): readonly Shape[] {
  if (elementwise(row)) {
    const first = shapes[0] as Shape;
    const shape = shapes.length === 1 ? first : broadcastOrThrow(nameOf(row), row.inputs, shapes);
    return row.outputs.map(() => shape);
  }
  if (row.infer) {
    const named: Record<string, Shape> = {};
    row.inputs.forEach((name, i) => (named[name] = shapes[i] as Shape));
    const out = row.infer(named, attrs);
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
