// What nobody needs of a program goes, also inside loops; and values are numbered anew.
import type { Code, Instruction, Loop } from "../core/ir";
import { optional, resolve } from "./code";
import { internCode, internControl } from "./intern";

/** Instructions and constants that no output needs go; outputs of an instruction that nobody reads are not asked for. */
export function deadCode(code: Code): Code {
  const needed = new Set(code.outputs.map((o) => o.id));
  const kept: Instruction[] = [];
  for (const instruction of [...code.code].reverse()) {
    if (!instruction.out.some((o) => o !== null && needed.has(o))) continue;
    const live = withoutUnused(instruction, needed);
    for (const i of live.in) if (i !== null) needed.add(i);
    kept.push(live);
  }
  return { ...code, constants: code.constants.filter((c) => needed.has(c.id)), code: kept.reverse() };
}

/** The instruction without outputs that nobody needs. */
function withoutUnused(instruction: Instruction, needed: ReadonlySet<number>): Instruction {
  const unused = (o: number | null): boolean => o !== null && !needed.has(o);
  if (!instruction.out.some(unused)) return instruction;
  if (instruction.control) return trimmed(instruction, needed);
  const found = resolve(instruction.op) as NonNullable<ReturnType<typeof resolve>>;
  return { ...instruction, out: instruction.out.map((o, i) => (unused(o) && optional(found, i) ? null : o)) };
}

/** Values renumbered without gaps: inputs, constants, then in the order of definition. */
export function compact(code: Code): Code {
  const id = new Map<number, number>();
  const values: Code["values"][number][] = [];
  const define = (old: number): number => {
    id.set(old, values.length);
    values.push(code.values[old] as Code["values"][number]);
    return values.length - 1;
  };
  const use = (old: number): number => id.get(old) as number;
  const inputs = code.inputs.map((i) => ({ ...i, id: define(i.id) }));
  const constants = code.constants.map((c) => ({ ...c, id: define(c.id) }));
  const instructions = code.code.map((i) => ({
    ...i,
    in: i.in.map((x) => (x === null ? null : use(x))),
    out: i.out.map((x) => (x === null ? null : define(x))),
  }));
  return {
    values,
    inputs,
    constants,
    code: instructions,
    outputs: code.outputs.map((o) => ({ ...o, id: use(o.id) })),
    opaque: code.opaque,
  };
}

/** The body with these inputs and outputs, by position, in this order. */
export function reshaped(body: Code, inputs: readonly number[], outputs: readonly number[]): Code {
  const at = <V>(list: readonly V[], i: number): V => list[i] as V;
  const named = <N extends { readonly id: number }>(list: readonly N[], letter: string) =>
    list.map(({ id }, i) => ({ name: `${letter}${i}`, id }));
  return internCode(
    compact(
      deadCode({
        ...body,
        inputs: named(
          inputs.map((i) => at(body.inputs, i)),
          "x",
        ),
        outputs: named(
          outputs.map((i) => at(body.outputs, i)),
          "y",
        ),
      }),
    ),
  );
}

interface Trimmed {
  readonly loop: Loop;
  /** What is left, by position before. */
  readonly ins: readonly number[];
  readonly outs: readonly number[];
}

const positions = (n: number, is: (i: number) => boolean): number[] => Array.from({ length: n }, (_, i) => i).filter(is);

/** Which inputs the outputs at these positions come from. */
function reads(body: Code, outputs: readonly number[]): boolean[] {
  const { code } = deadCode({ ...body, outputs: outputs.map((i) => body.outputs[i] as Code["outputs"][number]) });
  const used = new Set<number | null>([...outputs.map((i) => (body.outputs[i] as { id: number }).id), ...code.flatMap((i) => i.in)]);
  return body.inputs.map((i) => used.has(i.id));
}

/** The loop that gives only the wanted outputs, of the carries also those that they need, from the inputs that these read. */
export function trimLoop(loop: Loop, wanted: readonly boolean[]): Trimmed {
  const { body, carries, mapped } = loop;
  const live = body.outputs.map((_, i) => wanted[i] === true);
  let used: boolean[];
  for (;;) {
    used = reads(
      body,
      positions(live.length, (i) => live[i] as boolean),
    );
    const more = positions(carries, (k) => (used[k] as boolean) && !live[k]);
    if (more.length === 0) break;
    for (const k of more) live[k] = true;
  }
  const ins = positions(body.inputs.length, (i) => (i < carries ? (live[i] as boolean) : (used[i] as boolean)));
  const outs = positions(live.length, (i) => live[i] as boolean);
  if (ins.length === body.inputs.length && outs.length === body.outputs.length) return { loop, ins, outs };
  return {
    loop: internControl({
      ...loop,
      body: reshaped(body, ins, outs),
      carries: ins.filter((i) => i < carries).length,
      mapped: ins.filter((i) => i >= carries && i < carries + mapped).length,
      sums: loop.sums.filter((_, i) => live[carries + i]),
    }),
    ins,
    outs,
  };
}

/** An instruction with bodies without outputs that nobody needs; carries stay where the others need them. */
function trimmed(instruction: Instruction, needed: ReadonlySet<number>): Instruction {
  const { control, in: ins, out } = instruction;
  const wanted = out.map((o) => o !== null && needed.has(o));
  if (control?.kind !== "loop") return instruction;
  const left = trimLoop(control, wanted);
  return {
    ...instruction,
    control: left.loop,
    in: left.ins.map((i) => ins[i] as number),
    out: left.outs.map((i) => out[i] as number | null),
  };
}
