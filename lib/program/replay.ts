// Runs the code of a program op by op, on whatever its inputs are: traced, which inlines it, or boxed, which differentiates it.

import { apply, applyAll } from "../core/apply";
import { ArgumentError, ShapeError } from "../core/errors";
import { signatureOf } from "../core/form";
import { fusedLetters } from "../core/fused";
import type { Code, Control, Instruction, ValueType } from "../core/ir";
import { rowOf, ruleFor } from "../core/registry";
import { applyFused } from "../core/reverse";
import { type AnyRow, type Attrs, nameOf } from "../core/row";
import { broadcast, sameShape } from "../core/signature";
import { primal, type Shape, shapeText, type Tensor, wrap } from "../core/tensor";
import { rowOfCall } from "./callee";
import { resolve } from "./code";

/** Outputs for inputs of shape [...batch, ...item], batches broadcast; every output has the whole batch. */
export function replay(code: Code, inputs: readonly Tensor[]): Tensor[] {
  const batches = inputs.map((t, i) => t.shape.slice(0, t.rank - itemOf(code, (code.inputs[i] as { id: number }).id).length));
  const batch = broadcast(batches);
  if (!batch) throw new ShapeError("program", `batch dimensions do not broadcast together: ${batches.map(shapeText).join(", ")}.`);
  const values: (Tensor | undefined)[] = [];
  code.inputs.forEach(({ id }, i) => {
    const [t, own] = [inputs[i] as Tensor, batches[i] as Shape];
    // A batch of its own is as long as the whole one, so that it is told from dimensions of the item.
    values[id] = own.length === 0 ? t : padded(t, 0, batch.length - own.length);
  });
  for (const { id, array } of code.constants) values[id] = wrap((code.values[id] as ValueType).dtype, itemOf(code, id), array);
  for (const instruction of code.code) {
    const ins = instruction.in.map((i) => (i === null ? undefined : values[i]));
    const outs = step(code, instruction, ins, batch.length);
    instruction.out.forEach((o, i) => {
      if (o !== null) values[o] = outs[i];
    });
  }
  return code.outputs.map(({ id }) => {
    const [t, shape] = [values[id] as Tensor, [...batch, ...itemOf(code, id)]];
    return sameShape(t.shape, shape) ? t : call("broadcastTo", padded(t, 0, shape.length - t.rank), { shape });
  });
}

const call = (name: string, t: Tensor, attrs: Attrs): Tensor => apply(rowOf(name), [t], attrs)[0] as Tensor;
const itemOf = (code: Code, id: number): Shape => (code.values[id] as ValueType).shape;
/** t with `count` axes of size 1 before axis `at`. */
const padded = (t: Tensor, at: number, count: number): Tensor =>
  count === 0 ? t : call("reshape", t, { shape: [...t.shape.slice(0, at), ...new Array<number>(count).fill(1), ...t.shape.slice(at)] });

/** Of controls: what they are made of is built on this file. */
let rowOfControl: (control: Control) => AnyRow;
export const whenControlled = (f: typeof rowOfControl): void => void (rowOfControl = f);

/** No level records what lies behind a stop. */
function stopped({ attrs }: Instruction, given: Tensor): Tensor {
  const x = primal(given);
  return x.traced ? call("stopGradient", x, attrs) : x;
}

function control(instruction: Instruction, of: Control, given: readonly Tensor[]): Tensor[] {
  const run = instruction.within === undefined ? undefined : { collect: false, failures: [], out: undefined, op: instruction.within };
  if (of.kind !== "call") return applyAll(rowOfControl(of), given, {}, false, run);
  if (!of.row.vjp && !ruleFor(of.row)) return replay(of.body, given); // a rule that was put back
  return applyAll(rowOfCall(of, replay), given, instruction.attrs, false, run);
}

function step(code: Code, instruction: Instruction, given: readonly (Tensor | undefined)[], rank: number) {
  const { op, attrs, in: ids, out, within } = instruction;
  if (instruction.control) return control(instruction, instruction.control, given as Tensor[]);
  if (op === "stopGradient") return [stopped(instruction, given[0] as Tensor)];
  const found = resolve(op) as NonNullable<ReturnType<typeof resolve>>;
  const isBatched = (t: Tensor | undefined, i: number) => t !== undefined && t.rank > itemOf(code, ids[i] as number).length;
  const first = given.find(isBatched);
  const align = found.row.infer && ids.length > 1 ? together : aligned;
  const lifted = first ? align(code, found, attrs, ids, given, rank) : given;
  const own = first && found.row.infer ? liftedAttrs(found.row, attrs, (lifted[0] as Tensor).shape.slice(0, rank)) : attrs;
  const wanted = out.map((o) => o !== null);
  if (found.fused) return applyFused(found.of, lifted, own, wanted);
  const run = within === undefined ? undefined : { collect: false, failures: [], out: undefined, op: within };
  return applyAll(found.row, lifted as Tensor[], own, wanted.slice(found.row.outputs.length).includes(true), run);
}

/** Batched operands with as many dimensions between their batch and their core as the operand that has most: ops broadcast from the right. */
function aligned(
  code: Code,
  { row, of, fused }: NonNullable<ReturnType<typeof resolve>>,
  attrs: Attrs,
  ids: readonly (number | null)[],
  given: readonly (Tensor | undefined)[],
  rank: number,
): (Tensor | undefined)[] {
  const letters = fused ? fusedLetters(of, attrs) : signatureOf(row, attrs)?.inputs;
  const between = given.map((t, i) => (t ? itemOf(code, ids[i] as number).length - (letters?.[i]?.length ?? 0) : 0));
  const most = row.name === "broadcastTo" ? (attrs.shape as Shape).length : Math.max(...between);
  return given.map((t, i) => {
    if (!t || t.rank === itemOf(code, ids[i] as number).length) return t;
    return padded(t, rank, most - (between[i] as number));
  });
}

/** All operands with the whole batch: a row with `infer` broadcasts none. */
function together(
  code: Code,
  _found: unknown,
  _attrs: Attrs,
  ids: readonly (number | null)[],
  given: readonly (Tensor | undefined)[],
  rank: number,
): (Tensor | undefined)[] {
  const items = ids.map((id) => itemOf(code, id as number));
  const batches = given.map((t, i) => (t && t.rank > (items[i] as Shape).length ? t.shape.slice(0, rank) : []));
  const batch = broadcast(batches) as Shape;
  return given.map((t, i) => {
    const shape = [...batch, ...(items[i] as Shape)];
    return !t || sameShape(t.shape, shape) ? t : call("broadcastTo", t, { shape });
  });
}

function liftedAttrs(row: AnyRow, attrs: Attrs, batch: Shape): Attrs {
  if (row.lift) return { ...attrs, ...row.lift(attrs, batch) };
  throw new ArgumentError(nameOf(row), "cannot be inlined with a batch: its row has no lift. Call the program with single items.");
}
