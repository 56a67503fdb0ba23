// Runs the code of a program op by op, on whatever its inputs are: traced, which inlines it, or boxed, which differentiates it.

import { apply, applyAll } from "../core/apply";
import { ShapeError } from "../core/errors";
import type { Code, Control, Instruction, ValueType } from "../core/ir";
import { rowOf, ruleFor } from "../core/registry";
import { applyFused } from "../core/reverse";
import type { AnyRow, Attrs } from "../core/row";
import { broadcast, sameShape } from "../core/signature";
import { primal, type Shape, shapeText, sizeOf, type Tensor, wrap } from "../core/tensor";
import { rowOfCall } from "./callee";
import { resolve } from "./code";
import { internControl } from "./intern";

/** Outputs for inputs of the code's own shapes. */
export function replay(code: Code, inputs: readonly Tensor[]): Tensor[] {
  const values: (Tensor | undefined)[] = [];
  code.inputs.forEach(({ id }, i) => {
    values[id] = inputs[i];
  });
  for (const { id, array } of code.constants) values[id] = wrap((code.values[id] as ValueType).dtype, itemOf(code, id), array);
  for (const instruction of code.code) {
    const outs = step(
      instruction,
      instruction.in.map((i) => (i === null ? undefined : values[i])),
    );
    instruction.out.forEach((o, i) => {
      if (o !== null) values[o] = outs[i];
    });
  }
  return code.outputs.map(({ id }) => values[id] as Tensor);
}

/** Outputs for inputs of shape [...batch, ...item], batches broadcast: of a batch, those of a loop over its items; every output has the whole one. */
export function replayOver(code: Code, inputs: readonly Tensor[]): Tensor[] {
  const batches = inputs.map((t, i) => t.shape.slice(0, t.rank - itemOf(code, (code.inputs[i] as { id: number }).id).length));
  const batch = broadcast(batches);
  if (!batch) throw new ShapeError("program", `batch dimensions do not broadcast together: ${batches.map(shapeText).join(", ")}.`);
  const mapped = inputs.map((_, i) => (batches[i] as Shape).length > 0);
  if (!mapped.includes(true)) return replay(code, inputs);
  const length = sizeOf(batch);
  const items = inputs.flatMap((t, i) => {
    if (!mapped[i]) return [];
    const item = t.shape.slice((batches[i] as Shape).length);
    const shape = [...batch, ...item];
    const padded = [...batch.map(() => 1).slice((batches[i] as Shape).length), ...t.shape]; // as long as the whole batch
    const long = padded.length === t.rank ? t : call("reshape", t, { shape: padded });
    const whole = sameShape(long.shape, shape) ? long : call("broadcastTo", long, { shape });
    return batch.length === 1 ? [whole] : [call("reshape", whole, { shape: [length, ...item] })];
  });
  const order = [...mapped.keys()].sort((a, b) => Number(mapped[b]) - Number(mapped[a]) || a - b);
  const body: Code = { ...code, inputs: order.map((i) => code.inputs[i] as Code["inputs"][number]) };
  const sums = code.outputs.map(() => false);
  const loop: Control = { kind: "loop", name: "vmap", body, length, reverse: false, carries: 0, mapped: items.length, sums };
  const row = rowOfControl(internControl(loop));
  const results = applyAll(row, [...items, ...inputs.filter((_, i) => !mapped[i])], {}, false);
  return results.map((y, i) => {
    const shape = [...batch, ...itemOf(code, (code.outputs[i] as { id: number }).id)];
    return batch.length === 1 ? y : call("reshape", y, { shape });
  });
}

const call = (name: string, t: Tensor, attrs: Attrs): Tensor => apply(rowOf(name), [t], attrs)[0] as Tensor;
const itemOf = (code: Code, id: number): Shape => (code.values[id] as ValueType).shape;

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

function step(instruction: Instruction, given: readonly (Tensor | undefined)[]) {
  const { op, attrs, out, within } = instruction;
  if (instruction.control) return control(instruction, instruction.control, given as Tensor[]);
  if (op === "stopGradient") return [stopped(instruction, given[0] as Tensor)];
  const found = resolve(op) as NonNullable<ReturnType<typeof resolve>>;
  const wanted = out.map((o) => o !== null);
  if (found.fused) return applyFused(found.of, given, attrs, wanted);
  const run = within === undefined ? undefined : { collect: false, failures: [], out: undefined, op: within };
  return applyAll(found.row, given as Tensor[], attrs, wanted.slice(found.row.outputs.length).includes(true), run);
}
