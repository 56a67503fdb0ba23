// One instruction of a program file, with the types of what it gives.
import { parseAttrs } from "../core/attrs";
import { isFloat } from "../core/dtype";
import { DtypeError, describe, ShapeError } from "../core/errors";
import { dtypeOf, inputName, isDefinedFor, kernelOutputs, portDType, portOfInput, takes, withAux } from "../core/form";
import { fusedRow, fusedTypes, hasFused, residuals } from "../core/fused";
import { inferAll } from "../core/infer";
import type { Instruction, ValueType } from "../core/ir";
import { currentName } from "../core/registry";
import type { AnyRow, Attrs } from "../core/row";
import { broadcast, sameShape } from "../core/signature";
import { type Shape, shapeText } from "../core/tensor";
import { optional, resolve } from "./code";
import { type Body, bad, type Json, list, object, text } from "./reading";

/** @throws BacksolveError: what is wrong with it. */
export function readInstruction(body: Body, o: Json, what: string): Instruction {
  const op = currentName(text(o.op, `${what}: op`));
  const found = resolve(op) ?? bad(`${what}: there is no instruction ${describe(op)}.`);
  const attrs = parseAttrs(op, found.of, object(o.attrs ?? {}, `${what}: attrs`), []) as Attrs;
  if (found.fused && !hasFused(found.of, attrs)) bad(`${what}: there is no instruction ${describe(op)} with these attrs.`);
  const ins = list(o.in, `${what}: in`).map((id) => (id === null && found.fused ? null : body.known(id, what)));
  if (!takes(found.row, ins.length)) bad(`${what}: ${op} has inputs ${found.row.inputs.join(", ")}, got ${ins.length}.`);
  const reads = ins.map((id) => (id === null ? undefined : (body.values[id] as ValueType)));
  const types = found.fused ? fusedOutputs(found.of, attrs, reads, what) : plainOutputs(found.row, attrs, reads as ValueType[], what);
  const outs = list(o.out, `${what}: out`);
  if (outs.length !== types.length) bad(`${what}: ${op} has ${types.length} outputs, got ${outs.length}.`);
  if (outs.every((id) => id === null)) bad(`${what}: no output is wanted.`);
  return {
    op,
    attrs,
    in: ins,
    out: outs.map((id, i) => (id === null && optional(found, i) ? null : body.define(id, types[i] as ValueType, what))),
  };
}

function plainOutputs(row: AnyRow, attrs: Attrs, reads: ValueType[], what: string): ValueType[] {
  const t = dtypeOf(row, attrs, reads);
  if (!isDefinedFor(row, t)) throw new DtypeError("Program.from", `${what}: ${row.name} is not defined for ${t}.`);
  reads.forEach((r, i) => {
    const want = portDType(portOfInput(row, attrs, i), t);
    if (r.dtype !== want) throw new DtypeError("Program.from", `${what}: ${inputName(row, i)} must be ${want}, got ${r.dtype}.`);
  });
  return inferAll(row, reads, attrs);
}

function fusedOutputs(of: AnyRow, attrs: Attrs, reads: (ValueType | undefined)[], what: string): ValueType[] {
  const saves = residuals(of).length;
  if (reads.slice(0, saves).some((r) => !r) || reads.slice(saves).every((r) => !r))
    bad(`${what}: a saved value or every cotangent is null.`);
  const row = fusedRow(of);
  const t = dtypeOf(row, attrs, reads);
  reads.forEach((r, i) => {
    const want = portDType(portOfInput(row, attrs, i), t);
    if (!isFloat(t) || (r && r.dtype !== want))
      throw new DtypeError("Program.from", `${what}: ${row.inputs[i]} must be ${want}, got ${r?.dtype}.`);
  });
  const operands = operandsOf(of, attrs, reads, what);
  const types = fusedTypes(of, attrs, reads);
  // The row's own shape rule, forward: what the rule reads must be what the op takes and gives.
  const forward = inferAll(of, types, attrs);
  for (const { input, output, rank, shape, name } of operands) {
    const want = ((input >= 0 ? types[input] : forward[output]) as ValueType).shape;
    const tail = want.slice(want.length - rank);
    if (!sameShape(shape.slice(shape.length - rank), tail))
      throw new ShapeError("Program.from", `${what}: ${name}: shape ${shapeText(shape)} does not end in ${shapeText(tail)}.`);
  }
  return types;
}

interface FusedOperand {
  readonly name: string;
  readonly shape: Shape;
  readonly input: number; // of the op, or -1
  readonly output: number; // of its kernel: outputs, then aux
  readonly rank: number; // of one item
}

/** The operands of a fused rule that are there, of enough dimensions and with batches that broadcast. */
function operandsOf(of: AnyRow, attrs: Attrs, reads: readonly (ValueType | undefined)[], what: string): FusedOperand[] {
  const [sig, outputs, saves] = [withAux(of, attrs), kernelOutputs(of), residuals(of)];
  const operands = [...saves, ...of.outputs].flatMap((name, i): FusedOperand[] => {
    const shape = reads[i]?.shape;
    if (!shape) return [];
    const saved = i < saves.length;
    const [input, output] = [saved ? of.inputs.indexOf(name) : -1, outputs.indexOf(name)];
    const { length: rank } = (input >= 0 ? sig.inputs[input] : sig.outputs[output]) as readonly string[];
    return [{ name: saved ? name : `cotangent of ${name}`, shape, input, output, rank }];
  });
  for (const { name, shape, rank } of operands)
    if (shape.length < rank)
      throw new ShapeError("Program.from", `${what}: ${name}: shape ${shapeText(shape)} has fewer than ${rank} dimensions.`);
  if (!broadcast(operands.map(({ shape, rank }) => shape.slice(0, shape.length - rank)))) {
    const given = operands.map(({ name, shape }) => `${name} ${shapeText(shape)}`).join(", ");
    throw new ShapeError("Program.from", `${what}: batch dimensions do not broadcast together: ${given}.`);
  }
  return operands;
}
