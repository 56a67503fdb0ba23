// Version 1 of program files: one body, and the names of what it could not hold.
import type { Code } from "../core/ir";
import { readInstruction } from "./instruction";
import { Body, type Json, list, MAX_OPERANDS, text } from "./reading";

export function readVersion1(root: Json): Code {
  const body = new Body();
  const inputs = body.inputs(root.inputs);
  const constants = body.constants(root.constants);
  const code = body.code(root.code, readInstruction);
  const outputs = body.outputs(root.outputs);
  const opaque = list(root.opaque ?? [], "opaque", MAX_OPERANDS).map((x, i) => text(x, `opaque ${i}`));
  return { values: body.values, inputs, constants, code, outputs, opaque };
}
