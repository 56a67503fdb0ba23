import { kernelId } from "../boundary/descriptor";
import { type AnyArray, type DType, dtypes } from "../core/dtype";
import { BacksolveError } from "../core/errors";
import type { Site } from "../core/failures";
import { dtypeOf, kernelName } from "../core/form";
import { fusedRow } from "../core/fused";
import { encodeAttrs } from "../core/infer";
import type { Code, Instruction, ValueType } from "../core/ir";
import { registry } from "../core/registry";
import { type AnyRow, type Native, nameOf } from "../core/row";
import { type Shape, sizeOf } from "../core/tensor";

/** The row and the kernel that an instruction names: "cholesky", or "cholesky_vjp" for its fused rule. */
export function resolve(op: string): { row: AnyRow; of: AnyRow; kernel: Native; fused: boolean } | undefined {
  const row = registry.get(op);
  if (row && row.name === op) return typeof row.kernel === "function" ? undefined : { row, of: row, kernel: row.kernel, fused: false };
  const base = op.endsWith("_vjp") ? registry.get(op.slice(0, -4)) : undefined;
  if (!base?.fused || base.name !== op.slice(0, -4)) return undefined;
  return { row: fusedRow(base), of: base, kernel: base.fused, fused: true };
}

/** What errors say of an instruction. */
export const siteOf = (instruction: Instruction | undefined): Site => {
  const found = instruction && resolve(instruction.op);
  return found ? { op: instruction.within ?? nameOf(found.row), hints: found.row.hints } : { op: "program", hints: undefined };
};

/** Whether output i of an instruction may be left out: every one of a fused rule, aux of the others. */
export const optional = (found: { row: AnyRow; fused: boolean }, i: number): boolean => found.fused || i >= found.row.outputs.length;

/** The descriptor of docs/native-boundary.md. */
export function describeProgram(code: Code): { descriptor: Float64Array; constants: AnyArray[] } {
  const words: number[] = [1, code.values.length];
  const push = (ids: readonly number[]) => {
    words.push(ids.length);
    for (const id of ids) words.push(id);
  };
  for (const v of code.values) words.push(dtypes[v.dtype].code, v.shape.length, ...v.shape);
  push(code.inputs.map((i) => i.id));
  push(code.constants.map((c) => c.id));
  words.push(code.code.length);
  for (const instruction of code.code) describeInstruction(code, instruction, words);
  push(outputIds(code));
  return { descriptor: Float64Array.from(words), constants: code.constants.map((c) => c.array) };
}

/** The values to compute: an id that two outputs share is computed once. */
export const outputIds = (code: Code): number[] => [...new Set(code.outputs.map((o) => o.id))];

function describeInstruction(code: Code, { op, attrs, in: ins, out: outs }: Instruction, words: number[]): void {
  const found = resolve(op);
  if (!found) throw new BacksolveError("ERR_INTERNAL", op, "is not an instruction.");
  const typesOf = (ids: readonly (number | null)[]): { dtype: DType; shape: Shape }[] =>
    ids.filter((i) => i !== null).map((i) => code.values[i] as ValueType);
  const [inputs, outputs] = [typesOf(ins), typesOf(outs)];
  const numbers = encodeAttrs(
    found.of,
    found.kernel,
    attrs,
    inputs.map((t) => t.shape),
    outputs.map((t) => t.shape),
  );
  const column = dtypeOf(
    found.row,
    attrs,
    ins.map((i) => (i === null ? undefined : code.values[i])),
  );
  words.push(kernelId(kernelName(found.kernel, attrs)), dtypes[column].code, numbers.length, ...numbers);
  words.push(ins.length, ...ins.map((i) => i ?? -1), outs.length, ...outs.map((i) => i ?? -1));
}

/** Strides of the dimensions of `batch`, in elements, of an input of this shape whose own batch is `own`; 0 along what it shares. */
export function batchStrides(shape: Shape, own: Shape, batch: Shape): number[] {
  const shift = batch.length - own.length;
  let step = sizeOf(shape.slice(own.length));
  const out = new Array<number>(batch.length).fill(0);
  for (let i = own.length - 1; i >= 0; i--) {
    if (own[i] !== 1) out[shift + i] = step;
    step *= own[i] as number;
  }
  return out;
}
