// Version 2 of program files: as version 1, and a table of bodies.
import type { Code } from "../core/ir";
import { extentOf, isControl, MAX_DEPTH, MAX_RUNS, readControlled } from "./control-json";
import { readInstruction } from "./instruction";
import { internCode, internControl } from "./intern";
import { Body, bad, type Json, list, MAX_OPERANDS, MAX_VALUES, object, text } from "./reading";

export function readVersion2(root: Json): Code {
  const bodies: Code[] = [];
  const controlled = readControlled(bodies);
  const instruction = (body: Body, o: Json, what: string) => {
    if (!isControl(o.op)) return readInstruction(body, o, what);
    const read = controlled(body, o, what);
    return { ...read, control: internControl(read.control as NonNullable<typeof read.control>) };
  };
  const checked = (code: Code, what: string): Code => {
    const { depth, runs, size } = extentOf(code);
    if (depth > MAX_DEPTH) bad(`${what}: bodies stand at most ${MAX_DEPTH} deep in one another, got ${depth}.`);
    if (size > MAX_VALUES) bad(`${what}: with its bodies, wherever they are named, it has more than ${MAX_VALUES} values or instructions.`);
    if (runs > MAX_RUNS) bad(`${what}: its loops in loops run more than 2^53 times.`);
    return code;
  };
  list(root.programs, "programs", MAX_OPERANDS).forEach((x, i) => {
    const what = `program ${i}`;
    const o = object(x, what);
    const body = new Body(`${what}: `);
    const ins = list(o.inputs, `${what}: inputs`, MAX_OPERANDS).map((t, k) => ({ ...object(t, `${what}: input ${k}`), name: `x${k}` }));
    const inputs = body.inputs(ins);
    const constants = body.constants(o.constants);
    const code = body.code(o.code, instruction);
    const outputs = list(o.outputs, `${what}: outputs`, MAX_OPERANDS).map((id, k) => ({ name: `y${k}`, id: body.known(id, what) }));
    bodies.push(internCode(checked({ values: body.values, inputs, constants, code, outputs, opaque: [] }, what)));
  });
  const body = new Body();
  const inputs = body.inputs(root.inputs);
  const constants = body.constants(root.constants);
  const code = body.code(root.code, instruction);
  const outputs = body.outputs(root.outputs);
  const opaque = list(root.opaque ?? [], "opaque", MAX_OPERANDS).map((x, i) => text(x, `opaque ${i}`));
  return checked({ values: body.values, inputs, constants, code, outputs, opaque }, "the program");
}
