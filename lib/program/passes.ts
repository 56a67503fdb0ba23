// Passes from program to program; each leaves the results as they are.

import { attrsOf } from "../core/bind";
import { numberOf } from "../core/intern";
import type { Code, Instruction } from "../core/ir";
import { optional, resolve } from "./code";

export const optimize = (code: Code): Code => compact(deadCode(commonSubexpressions(code)));

/** Instructions with the same op, attributes and inputs run once; equal constants are one. */
export function commonSubexpressions(code: Code): Code {
  const alias = new Map<number, number>();
  const to = (id: number): number => alias.get(id) ?? id;
  const seen = new Map<string, Instruction>();
  const constants = mergeConstants(code, alias);
  const kept: Instruction[] = [];
  for (const instruction of code.code) {
    const ins = instruction.in.map((i) => (i === null ? null : to(i)));
    const wanted = instruction.out.map((o) => (o === null ? 0 : 1)).join("");
    const found = resolve(instruction.op) as NonNullable<ReturnType<typeof resolve>>;
    const attrs = numberOf(attrsOf(found.of, instruction.attrs));
    const key = `${instruction.op} ${attrs} ${ins.join()} ${wanted}`;
    const before = seen.get(key);
    if (before) {
      instruction.out.forEach((o, i) => o !== null && alias.set(o, before.out[i] as number));
      continue;
    }
    const now = { ...instruction, in: ins };
    seen.set(key, now);
    kept.push(now);
  }
  return { ...code, constants, code: kept, outputs: code.outputs.map((o) => ({ ...o, id: to(o.id) })) };
}

const KEY_BYTES = 256; // larger constants are compared by identity only

function mergeConstants(code: Code, alias: Map<number, number>): Code["constants"] {
  const first = new Map<string, number>();
  return code.constants.filter(({ id, array }) => {
    if (array.byteLength > KEY_BYTES) return true;
    const { dtype, shape } = code.values[id] as Code["values"][number];
    const bits = Buffer.from(array.buffer, array.byteOffset, array.byteLength).toString("latin1"); // bits, so that -0 is not 0
    const key = `${dtype}/${shape.join(",")}/${bits}`;
    const before = first.get(key);
    if (before === undefined) first.set(key, id);
    else alias.set(id, before);
    return before === undefined;
  });
}

/** Instructions and constants that no output needs go; outputs of an instruction that nobody reads are not asked for. */
export function deadCode(code: Code): Code {
  const needed = new Set(code.outputs.map((o) => o.id));
  const kept: Instruction[] = [];
  for (const instruction of [...code.code].reverse()) {
    if (!instruction.out.some((o) => o !== null && needed.has(o))) continue;
    for (const i of instruction.in) if (i !== null) needed.add(i);
    const found = resolve(instruction.op) as NonNullable<ReturnType<typeof resolve>>;
    const out = instruction.out.map((o, i) => (o !== null && !needed.has(o) && optional(found, i) ? null : o));
    kept.push({ ...instruction, out });
  }
  return { ...code, constants: code.constants.filter((c) => needed.has(c.id)), code: kept.reverse() };
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
