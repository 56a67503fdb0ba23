// What is the same in every run of a loop's body is computed once, before it.
import type { Code, Instruction, Loop, ValueType } from "../core/ir";
import { reshaped } from "./dead";
import { internControl } from "./intern";

/** Moves what the body of a loop computes of shared inputs alone before the loop. */
export function invariantCode(code: Code): Code {
  if (!code.code.some(({ control }) => control?.kind === "loop")) return code;
  const values: ValueType[] = [...code.values];
  const constants = [...code.constants];
  const moved = code.code.flatMap((instruction) => {
    const { control } = instruction;
    // A loop that goes over nothing stands for a function that is to be computed where it stands.
    if (control?.kind !== "loop" || control.length === 0 || control.carries + control.mapped === 0) return [instruction];
    return withoutInvariants(instruction, control, values, constants);
  });
  return { ...code, values, constants, code: moved };
}

function withoutInvariants(
  instruction: Instruction,
  loop: Loop,
  values: ValueType[],
  constants: Code["constants"][number][],
): Instruction[] {
  const { body, carries, mapped } = loop;
  const outer = new Map<number, number>(); // of values that are the same in every run, their ids outside
  body.inputs.forEach(({ id }, i) => {
    if (i >= carries + mapped) outer.set(id, instruction.in[i] as number);
  });
  const constant = new Map(body.constants.map((c) => [c.id, c]));
  const isFixed = (id: number | null): boolean => id === null || outer.has(id) || constant.has(id);
  const out: Instruction[] = [];
  const rest: Instruction[] = [];
  const copied = (id: number): number => {
    const known = outer.get(id);
    if (known !== undefined) return known;
    const at = values.push(body.values[id] as ValueType) - 1;
    const { array } = constant.get(id) as Code["constants"][number];
    constants.push({ id: at, array });
    outer.set(id, at);
    return at;
  };
  const defined = new Set<number>(); // by what moves
  for (const i of body.code) {
    if (!i.in.every(isFixed)) {
      rest.push(i);
      continue;
    }
    out.push({
      ...i,
      in: i.in.map((id) => (id === null ? null : copied(id))),
      out: i.out.map((id) => {
        if (id === null) return null;
        const at = values.push(body.values[id] as ValueType) - 1;
        outer.set(id, at);
        defined.add(id);
        return at;
      }),
    });
  }
  if (out.length === 0) return [instruction];
  const used = new Set<number | null>([...rest.flatMap((i) => i.in), ...body.outputs.map((o) => o.id)]);
  const further = [...defined].filter((id) => used.has(id));
  const slim: Code = { ...body, inputs: [...body.inputs, ...further.map((id) => ({ name: "", id }))], code: rest };
  const all = (n: number) => Array.from({ length: n }, (_, i) => i);
  const now = internControl({ ...loop, body: reshaped(slim, all(slim.inputs.length), all(slim.outputs.length)) });
  return [...out, { ...instruction, control: now, in: [...instruction.in, ...further.map((id) => outer.get(id) as number)] }];
}
