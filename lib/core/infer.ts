import type { AttrSchema } from "./attrs";
import { complexOf, type DType, realOf } from "./dtype";
import { BacksolveError } from "./errors";
import type { AnyRow, Attrs, Port } from "./row";
import { bind, broadcastOrThrow, parseSignature, type Signature } from "./signature";
import type { Shape } from "./tensor";
import type { ValueType } from "./trace";

export const portDType = (port: Port | undefined, t: DType): DType =>
  port === undefined || port === "T" ? t : port === "real" ? realOf(t) : port === "complex" ? complexOf(t) : port;

/** The op's dtype T from its operands. */
export function columnOf(row: AnyRow, inputs: readonly { dtype: DType }[]): DType {
  for (let i = 0; i < inputs.length; i++) {
    const port = row.dtypes?.[row.inputs[i] as string] ?? "T";
    if (port === "T") return (inputs[i] as { dtype: DType }).dtype;
  }
  throw new BacksolveError("ERR_INTERNAL", row.name, "no input carries the op's dtype.");
}

export const signatureOf = (row: AnyRow, attrs: Attrs): Signature | undefined =>
  row.signature === undefined ? undefined : parseSignature(typeof row.signature === "string" ? row.signature : row.signature(attrs));

const elementwise = (row: AnyRow): boolean => row.signature === undefined && row.infer === undefined;

/** Shapes and dtypes of the outputs; throws ShapeError in the words of the op. */
export function infer(row: AnyRow, inputs: readonly ValueType[], attrs: Attrs): ValueType[] {
  const t = columnOf(row, inputs);
  const shapes = outputShapes(
    row,
    inputs.map((i) => i.shape),
    attrs,
  );
  return row.outputs.map((name, i) => ({ dtype: portDType(row.dtypes?.[name], t), shape: shapes[i] as Shape }));
}

function outputShapes(row: AnyRow, shapes: readonly Shape[], attrs: Attrs): readonly Shape[] {
  if (elementwise(row)) {
    const first = shapes[0] as Shape;
    const shape = shapes.length === 1 ? first : broadcastOrThrow(row.name, row.inputs, shapes);
    return row.outputs.map(() => shape);
  }
  if (row.infer) {
    const named: Record<string, Shape> = {};
    row.inputs.forEach((name, i) => (named[name] = shapes[i] as Shape));
    const out = row.infer(named, attrs);
    return row.outputs.map((name) => out[name] as Shape);
  }
  return bind(row.name, row.inputs, signatureOf(row, attrs) as Signature, shapes).outputs;
}

/** Attributes as the numbers that the native table knows. */
export function lowerAttrs(
  row: AnyRow,
  kernel: { lower: unknown },
  attrs: Attrs,
  inputs: readonly Shape[],
  outputs: readonly Shape[],
): readonly number[] {
  const lower = kernel.lower as ((a: Attrs, i: readonly Shape[], o: readonly Shape[]) => readonly number[]) | undefined;
  if (lower) return lower(attrs, inputs, outputs);
  return Object.keys((row.attrs ?? {}) as AttrSchema).map((k) => Number(attrs[k]));
}
