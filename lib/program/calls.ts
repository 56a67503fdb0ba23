// Bodies that stand for one function of the user's: in what runs and what is saved, their instructions stand in their place.
import { bodiesOf, type Code, type Control, type Instruction, type ValueType, withBodies } from "../core/ir";
import { internControl } from "./intern";
import { optimize } from "./passes";

/** Whether there is a call in it, at any depth. */
const hasCalls = (code: Code): boolean =>
  code.code.some(({ control }) => control && (control.kind === "call" || bodiesOf(control).some(hasCalls)));
/** The names of the functions that are called, at any depth. */
const callsOf = (code: Code): string[] => {
  const names = code.code.flatMap(({ control }) =>
    control ? [...(control.kind === "call" ? [control.name] : []), ...bodiesOf(control).flatMap(callsOf)] : [],
  );
  return [...new Set(names)];
};

/** The code as it runs. */
export const lowered = (code: Code): Code => (hasCalls(code) ? optimize(inlined(code)) : code);

/** The code with the instructions of what it calls; `opaque` says what has another derivative than these. */
function inlined(code: Code): Code {
  const values: ValueType[] = [...code.values];
  const constants = [...code.constants];
  const alias = new Map<number, number>();
  const to = (id: number): number => alias.get(id) ?? id;
  const out: Instruction[] = [];
  for (const given of code.code) {
    const instruction = { ...given, in: given.in.map((i) => (i === null ? null : to(i))) };
    const { control } = instruction;
    if (control?.kind === "call") expand(instruction, inlined(control.body), values, constants, out, alias);
    else out.push(control ? { ...instruction, control: inlinedBodies(control) } : instruction);
  }
  const opaque = [...new Set([...code.opaque, ...callsOf(code)])];
  return { ...code, values, constants, code: out, outputs: code.outputs.map((o) => ({ ...o, id: to(o.id) })), opaque };
}

function inlinedBodies(control: Control): Control {
  if (!bodiesOf(control).some(hasCalls)) return control;
  return internControl(withBodies(control, lowered));
}

function expand(
  call: Instruction,
  body: Code,
  values: ValueType[],
  constants: Code["constants"][number][],
  out: Instruction[],
  alias: Map<number, number>,
): void {
  const ids = new Map<number, number>();
  body.inputs.forEach(({ id }, i) => ids.set(id, call.in[i] as number));
  const define = (id: number): number => {
    const at = values.push(body.values[id] as ValueType) - 1;
    ids.set(id, at);
    return at;
  };
  for (const { id, array } of body.constants) constants.push({ id: define(id), array });
  for (const i of body.code)
    out.push({
      ...i,
      in: i.in.map((id) => (id === null ? null : (ids.get(id) as number))),
      out: i.out.map((id) => (id === null ? null : define(id))),
    });
  call.out.forEach((id, i) => {
    if (id !== null) alias.set(id, ids.get((body.outputs[i] as { id: number }).id) as number);
  });
}
