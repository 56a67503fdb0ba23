// Programs as JSON.
import type { AnyArray, DType } from "../core/dtype";
import { ArgumentError, describe } from "../core/errors";
import type { Code, ValueType } from "../core/ir";
import { type Shape, sizeOf } from "../core/tensor";
import { extentOf, MAX_DEPTH, MAX_RUNS, writeControl } from "./control-json";
import { bad, type Json, MAX_ELEMENTS, MAX_OPERANDS, MAX_VALUES, object } from "./reading";
import { readVersion1 } from "./version1";
import { readVersion2 } from "./version2";

interface ConstantJSON {
  readonly id: number;
  readonly dtype: DType;
  readonly shape: Shape;
  readonly data: string;
}
interface InstructionJSON {
  readonly op: string;
  readonly attrs: Readonly<Record<string, unknown>>;
  readonly in: readonly (number | null)[];
  readonly out: readonly (number | null)[];
}
/** A body; its inputs and outputs are known by position. */
interface BodyJSON {
  readonly inputs: readonly { id: number; dtype: DType; shape: Shape }[];
  readonly constants: readonly ConstantJSON[];
  readonly code: readonly InstructionJSON[];
  readonly outputs: readonly number[];
}
export interface ProgramJSON {
  readonly format: "backsolve-program";
  /** 2 where there are instructions with bodies. */
  readonly version: 1 | 2;
  readonly inputs: readonly { name: string; id: number; dtype: DType; shape: Shape }[];
  readonly constants: readonly ConstantJSON[];
  readonly code: readonly InstructionJSON[];
  readonly outputs: readonly { name: string; id: number }[];
  /** Absent where empty. */
  readonly opaque?: readonly string[];
  /** Of version 2: the bodies that instructions name by position, each before those that use it. */
  readonly programs?: readonly BodyJSON[];
}

function checkSizes(code: Code): void {
  const atMost = (most: number, count: number, what: string): void => {
    if (count > most) throw new ArgumentError("toJSON", `a saved program has at most ${most} ${what}, this one has ${count}.`);
  };
  atMost(MAX_VALUES, code.code.length, "instructions");
  for (const list of ["inputs", "constants", "outputs"] as const) atMost(MAX_OPERANDS, code[list].length, list);
  for (const { shape } of code.values) atMost(MAX_ELEMENTS, sizeOf(shape), "elements in a value");
  const { depth, runs } = extentOf(code);
  atMost(MAX_DEPTH, depth, "bodies in one another");
  atMost(MAX_RUNS, runs, "runs of loops in loops");
}

/** @throws ArgumentError: a program beyond what `fromJSON` takes. */
export function toJSON(code: Code): ProgramJSON {
  const table = new Map<Code, number>();
  const programs: BodyJSON[] = [];
  const at = (body: Code): number => {
    const known = table.get(body);
    if (known !== undefined) return known;
    const { inputs, constants, code: instructions, outputs } = partsOf(body, at);
    programs.push({
      inputs: inputs.map(({ id, dtype, shape }) => ({ id, dtype, shape })),
      constants,
      code: instructions,
      outputs: outputs.map((o) => o.id),
    });
    table.set(body, programs.length - 1);
    return programs.length - 1;
  };
  const parts = partsOf(code, at);
  return {
    format: "backsolve-program",
    version: programs.length > 0 ? 2 : 1,
    ...(programs.length > 0 ? { programs } : {}),
    ...parts,
    ...(code.opaque.length > 0 ? { opaque: [...code.opaque] } : {}),
  };
}

function partsOf(code: Code, at: (body: Code) => number): Pick<ProgramJSON, "inputs" | "constants" | "code" | "outputs"> {
  checkSizes(code);
  const type = (id: number): ValueType => {
    const { dtype, shape } = code.values[id] as ValueType;
    return { dtype, shape: [...shape] };
  };
  return {
    inputs: code.inputs.map(({ name, id }) => ({ name, id, ...type(id) })),
    constants: code.constants.map(({ id, array }) => ({ id, ...type(id), data: base64(array) })),
    code: code.code.map(({ op, attrs, in: ins, out, control }) => ({
      op,
      attrs: control ? writeControl(control, at) : { ...attrs },
      in: [...ins],
      out: [...out],
    })),
    outputs: code.outputs.map((o) => ({ ...o })),
  };
}

// little-endian, as the machines that Node.js runs on
const base64 = (a: AnyArray): string => Buffer.from(a.buffer, a.byteOffset, a.byteLength).toString("base64");

/** Files of every version load for ever: a version that is new has a reader of its own, and those before stay as they are. */
const READERS: ReadonlyMap<unknown, (root: Json) => Code> = new Map([
  [1, readVersion1],
  [2, readVersion2],
]);

/** @throws ArgumentError, ShapeError, DtypeError: what is wrong and where. */
export function fromJSON(json: unknown): Code {
  const root = object(typeof json === "string" ? parse(json) : json, "a program");
  if (root.format !== "backsolve-program") bad(`format must be "backsolve-program", got ${describe(root.format)}.`);
  const read = READERS.get(root.version) ?? refuseVersion(root.version);
  return read(root);
}

function refuseVersion(version: unknown): never {
  const known = [...READERS.keys()] as number[];
  const later = Number.isSafeInteger(version) && (version as number) > Math.max(...known);
  return bad(
    `version must be ${known.join(" or ")}, got ${describe(version)}.${later ? " A later backsolve wrote this program: it needs that one or one after it." : ""}`,
  );
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch (error) {
    return bad(`not JSON: ${(error as Error).message}`);
  }
}
