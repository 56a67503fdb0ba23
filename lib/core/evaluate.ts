// The bottom: a call of a native kernel on data.
import { settle } from "../boundary/descriptor";
import type { Bound } from "./bind";
import { bindOp } from "./bind";
import { type AnyArray, allocate, type DType } from "./dtype";
import { guard, translate } from "./errors";
import { inputName } from "./form";
import type { ValueType } from "./ir";
import { noneOpen } from "./open";
import { batchContextOf, checkOut, composed, output, type RunContext } from "./outcome";
import { own } from "./registry";
import { type AnyRow, type Attrs, besides, nameOf } from "./row";
import { anyUnseen, beginUnseen, endUnseen } from "./storage";
import { alias, memoryOf, readable, type Shape, sizeOf, storageOf, type Tensor, wrap } from "./tensor";

/** Zeros of the dtype and shape of t. */
export const zerosLike = <D extends DType>(t: { readonly dtype: D; readonly shape: Shape }): Tensor<D> => {
  const array = guard("zeros", () => allocate(t.dtype, sizeOf(t.shape)));
  array.fill(0);
  const zeros = wrap(t.dtype, t.shape, array);
  storageOf(zeros).literal = true;
  return zeros;
};

/** An op on data. */
export function evaluate(row: AnyRow, inputs: readonly Tensor[], attrs: Attrs, wantAux: boolean, options: RunContext): Tensor[] {
  if (typeof row.kernel === "function")
    return own.has(row) && noneOpen() ? unseen(row, inputs, attrs, options) : composed(row, inputs, attrs, options);
  const bound = bindOp(row, inputs, attrs);
  const { out } = options;
  if (row.kernel.alias && !out) {
    readable(nameOf(row), inputs[0] as Tensor, () => inputName(row, 0));
    return [alias(inputs[0] as Tensor, (bound.outputs[0] as ValueType).shape)];
  }
  if (out) checkOut(row, out, bound.outputs[0], inputs);
  const count = wantAux ? bound.outputs.length : row.outputs.length;
  const outputs: Tensor[] = [];
  for (let i = 0; i < count; i++) outputs.push(i === 0 && out ? out : output(nameOf(row), bound.outputs[i] as ValueType));
  runBound(bound, inputs, outputs, options);
  return outputs;
}

/** A kernel of ours that is made of other ops: what they made on the way is put by. */
function unseen(row: AnyRow, inputs: readonly Tensor[], attrs: Attrs, options: RunContext): Tensor[] {
  const before = beginUnseen();
  let outputs: Tensor[] = [];
  try {
    outputs = composed(row, inputs, attrs, options);
    if (anyUnseen()) for (const t of outputs) storageOf(t).hold();
  } finally {
    endUnseen(before);
  }
  if (anyUnseen()) for (const t of outputs) storageOf(t).handOut();
  return outputs;
}

/** The native call of a bound row on data; what fails is thrown, or put into the list of who collects. */
export function runBound(
  bound: Bound,
  inputs: readonly (Tensor | undefined)[],
  outputs: readonly (Tensor | undefined)[],
  { collect, failures, op = nameOf(bound.row), batch }: RunContext,
): void {
  const { row } = bound;
  const arrays: AnyArray[] = [];
  for (let i = 0; i < inputs.length; i++) {
    const t = inputs[i];
    if (t) arrays.push(readable(op, t, () => inputName(row, i)));
  }
  let wanted = 0;
  for (let i = 0; i < outputs.length; i++) {
    const t = outputs[i];
    if (!t) continue;
    wanted |= 1 << i;
    arrays.push(storageOf(t).array);
  }
  let flat: Float64Array | undefined;
  try {
    flat = bound.call(wanted).run(collect, arrays);
  } catch (error) {
    throw translate(op, error, (buffer) => nameOfBuffer(bound, inputs, buffer));
  }
  if (!flat) return;
  const batchContext = () => batchContextOf(row, bound.attrs, bound.inputs, bound.outputs);
  for (const f of settle({ op, hints: row.hints, beside: besides(row, op), collect, batchContext, reportBatch: batch }, flat))
    failures.push(f);
}

/** What errors call buffer i of a call. */
function nameOfBuffer({ row }: Bound, inputs: readonly (Tensor | undefined)[], buffer: number): string {
  const present = inputs.flatMap((t, i) => (t ? [{ t, i }] : []));
  const found = present[buffer];
  return found ? memoryOf(inputName(row, found.i), found.t) : "the result";
}
