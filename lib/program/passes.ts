// Passes from program to program; each leaves the results as they are.

import type { Code, Instruction } from "../core/ir";
import { compact, deadCode } from "./dead";
import { keyOf } from "./intern";
import { invariantCode } from "./invariants";
import { mergedLoops } from "./merge";

export const optimize = (code: Code): Code =>
  compact(deadCode(commonSubexpressions(mergedLoops(invariantCode(commonSubexpressions(code)), optimize))));

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
    const key = `${keyOf(instruction)} ${ins.join()} ${wanted}`;
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
