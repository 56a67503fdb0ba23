// Constants of one repeated number, as that number broadcast.
import { dtypes } from "../core/dtype";
import type { Code, Instruction, ValueType } from "../core/ir";
import { sizeOf } from "../core/tensor";

/** Whether every element is as the first one, to the bit. */
function repeats(bytes: Uint8Array, each: number): boolean {
  for (let i = each; i < bytes.length; i++) if (bytes[i] !== bytes[i - each]) return false;
  return true;
}

/** The same code, where constants of several elements that are all alike are one element and an instruction. */
export function uniform(code: Code): Code {
  const values: ValueType[] = [...code.values];
  const first: Instruction[] = [];
  const constants = code.constants.map((constant) => {
    const { dtype, shape } = values[constant.id] as ValueType;
    const { width } = dtypes[dtype];
    const { buffer, byteOffset, byteLength, BYTES_PER_ELEMENT } = constant.array;
    if (sizeOf(shape) < 2 || !repeats(new Uint8Array(buffer, byteOffset, byteLength), width * BYTES_PER_ELEMENT)) return constant;
    const id = values.push({ dtype, shape: [] }) - 1;
    first.push({ op: "broadcastTo", attrs: { shape }, in: [id], out: [constant.id] });
    return { id, array: constant.array.slice(0, width) };
  });
  return first.length === 0 ? code : { ...code, values, constants, code: [...first, ...code.code] };
}
