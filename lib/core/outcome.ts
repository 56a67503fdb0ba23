// What becomes of a call: where its results go, and which items failed.

import { allocate, type DType, isComplex, isFloat } from "./dtype";
import { ArgumentError, guard, LinalgError, translate } from "./errors";
import { type BatchContext, type Failure, failureOf } from "./failures";
import { inputName, inputsByName, signatureOf } from "./form";
import { infer } from "./infer";
import type { ValueType } from "./ir";
import { type AnyRow, type Attrs, type ComposedKernel, nameOf } from "./row";
import { sameShape } from "./signature";
import { blank, isTensor, primal, readable, type Shape, shapeText, sizeOf, storageOf, type Tensor, wrap } from "./tensor";

/** How a call runs where it reaches data. */
export interface RunContext {
  readonly collect: boolean; // failing items become NaN and are listed in `failures`
  readonly failures: Failure[];
  readonly out: Tensor | undefined;
  readonly op?: string; // the name that errors say: the composed op's that the user called
  readonly batch?: Shape; // whose items failures name: the composed op's
  readonly lenient?: boolean; // its rule collects, though it does not itself
  readonly again?: boolean; // collects as it is in the rule of a call that did: in a trace it is recorded as any other
}
/** The key under which a composed kernel passes its caller's options on to the ops that it is made of. */
export const RUN: unique symbol = Symbol("run");

export function named(names: readonly string[], tensors: readonly (Tensor | undefined)[]): Record<string, Tensor> {
  const out: Record<string, Tensor> = {};
  names.forEach((n, i) => {
    const t = tensors[i];
    if (t) out[n] = t;
  });
  return out;
}

/** The row of a fused rule's. */
export const forwardOf = new WeakMap<AnyRow, AnyRow>();

/** The batch of a call, and the shape of its matrix, which failures tell about. */
export function batchContextOf(
  row: AnyRow,
  attrs: Attrs,
  inputs: readonly (ValueType | undefined)[],
  types: readonly ValueType[],
): BatchContext {
  const of = forwardOf.get(row);
  const sig = signatureOf(of ?? row, attrs);
  const first = types[0];
  if (!sig || !first) return { batch: [], item: undefined };
  const letters = (of ? sig.inputs[0] : sig.outputs[0]) as readonly string[];
  const operands = of ? types : inputs;
  const matrix = operands[sig.inputs.findIndex((l) => l.length === 2)];
  // One that is given by vectors is square; the first matrix is then a right-hand side.
  const order = sig.inputs[0]?.length === 1 ? operands[0]?.shape.at(-1) : undefined;
  const item = sig.inputs.every((l) => l.length === 0) ? [] : matrix && order !== undefined ? [order, order] : matrix?.shape.slice(-2);
  return { batch: first.shape.slice(0, first.shape.length - letters.length), item };
}

// ---- Memory of results ----

const SCALAR: Shape = Object.freeze([]);
/** A tensor whose first element, which for its shape is the only one, is x. */
export function filled<D extends DType>(dtype: D, shape: Shape, x: number): Tensor<D> {
  const t = blank(dtype, shape) as Tensor<D>;
  const storage = storageOf(t);
  storage.array[0] = x;
  if (isComplex(dtype)) storage.array[1] = 0;
  storage.literal = true;
  return t;
}
/** A tensor of one value. */
export function scalar<D extends DType>(dtype: D, x: number): Tensor<D> {
  return filled(dtype, SCALAR, x);
}
/** A new output. */
export function output(op: string, { dtype, shape }: ValueType): Tensor {
  try {
    return blank(dtype, shape);
  } catch (error) {
    throw translate(op, error);
  }
}

/** Whether a result can go to `out`. */
export function checkOut(row: AnyRow, out: Tensor, type: ValueType | undefined, inputs: readonly Tensor[]): void {
  if (type && (out.dtype !== type.dtype || !sameShape(out.shape, type.shape))) {
    const want = `${type.dtype} of shape ${shapeText(type.shape)}`;
    throw new ArgumentError(nameOf(row), `option out must be a tensor of ${want}, got ${out.dtype} of shape ${shapeText(out.shape)}.`);
  }
  if (out.box) throw new ArgumentError(nameOf(row), "option out must be a plain tensor, got one that a transform works on.");
  const storage = storageOf(out);
  if (storage.busy > 0) throw new ArgumentError(nameOf(row), "option out is being read by an asynchronous call.");
  if (storage.kept) {
    storage.array = guard(nameOf(row), () => allocate(out.dtype, out.size)); // the old memory is a pullback's
    storage.kept = storage.shared = false;
  }
  const to = readable(nameOf(row), out, "out");
  inputs.forEach((t, i) => {
    const from = storageOf(t).array;
    if (from.buffer !== to.buffer || from.byteOffset >= to.byteOffset + to.byteLength || to.byteOffset >= from.byteOffset + from.byteLength)
      return;
    throw new ArgumentError(nameOf(row), `option out shares memory with input ${inputName(row, i)}.`);
  });
}
function copyTo(out: Tensor, result: Tensor): Tensor {
  storageOf(out).array.set(storageOf(result).array);
  return out;
}

// ---- Composed ops ----

/** Runs a kernel that is made of other ops. */
export function composed(row: AnyRow, inputs: readonly Tensor[], attrs: Attrs, options: RunContext): Tensor[] {
  const types = row.signature !== undefined || row.infer ? infer(row, inputs, attrs) : []; // shape errors in the words of this op
  const { batch } = batchContextOf(row, attrs, inputs, types);
  const inner = { ...options, out: undefined, op: options.op ?? nameOf(row), batch: options.batch ?? batch };
  if (options.out) checkOut(row, options.out, types[0], inputs);
  const outermost = options.batch === undefined;
  const before = options.failures.length;
  let outputs: Tensor[];
  try {
    outputs = callKernel(row, inputs, attrs, inner);
  } catch (error) {
    if (!(error instanceof LinalgError) || !outermost || sizeOf(batch) < 2) throw error;
    // Its ops ran one after the other over the whole batch: which item comes first is known when all have run.
    const failures: Failure[] = [];
    callKernel(row, inputs.map(primal), attrs, { ...inner, collect: true, failures });
    throw failures.length > 0 ? failureOf(firstPerItem(failures)[0] as Failure) : error;
  }
  if (outermost && options.failures.length > before) {
    const own = firstPerItem(options.failures.splice(before));
    options.failures.push(...own);
    outputs = outputs.map((t, i) => withoutItems(t, batch, types[i], own));
  }
  return options.out ? [copyTo(options.out, outputs[0] as Tensor)] : outputs;
}

function callKernel(row: AnyRow, inputs: readonly Tensor[], attrs: Attrs, options: RunContext): Tensor[] {
  const result = (row.kernel as ComposedKernel)(inputsByName(row, inputs), attrs, { [RUN]: options });
  const list = isTensor(result) ? [result] : row.outputs.map((n) => result?.[n]);
  list.forEach((t, i) => {
    if (!isTensor(t)) throw new ArgumentError(nameOf(row), `its kernel must return a tensor for ${row.outputs[i]}.`);
  });
  return list as Tensor[];
}

/** An op that follows a failed one finds NaN: only the first failure of an item tells why. */
function firstPerItem(failures: readonly Failure[]): Failure[] {
  const first = new Map<number, Failure>();
  for (const f of failures) if (!first.has(f.item)) first.set(f.item, f);
  return [...first.values()].sort((a, b) => a.item - b.item);
}

/** t with NaN in failing items, whatever the ops after the failed one made of them. */
function withoutItems(t: Tensor, batch: Shape, type: ValueType | undefined, failures: readonly Failure[]): Tensor {
  if (t.box || !type || !isFloat(t.dtype) || !sameShape(t.shape, type.shape)) return t;
  const array = storageOf(t).array.slice();
  const each = array.length / sizeOf(batch);
  for (const { item } of failures) array.fill(Number.NaN, item * each, (item + 1) * each);
  return wrap(t.dtype, t.shape, array);
}
