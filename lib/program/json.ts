// Programs as JSON. Loading trusts nothing: every name is known, every id defined before use, every shape and dtype recomputed from the rows
// and equal, sizes bounded. After that a program is as safe as eager calls.

import { parseAttrs } from "../core/attrs";
import { type AnyArray, checkDType, type DType, dtypes, isFloat } from "../core/dtype";
import { ArgumentError, DtypeError, describe, ShapeError } from "../core/errors";
import { dtypeOf, inputName, isDefinedFor, kernelOutputs, portDType, portOfInput, takes, withAux } from "../core/form";
import { fusedRow, fusedTypes, residuals } from "../core/fused";
import { inferAll } from "../core/infer";
import type { Instruction, ValueType } from "../core/ir";
import { currentName } from "../core/registry";
import type { AnyRow, Attrs } from "../core/row";
import { broadcast, sameShape } from "../core/signature";
import { checkShape, type Shape, shapeText, sizeOf } from "../core/tensor";
import { type Code, optional, resolve } from "./code";
import { clash } from "./names";

export interface ProgramJSON {
  readonly format: "backsolve-program";
  readonly version: 1;
  readonly inputs: readonly { name: string; id: number; dtype: DType; shape: Shape }[];
  readonly constants: readonly { id: number; dtype: DType; shape: Shape; data: string }[];
  readonly code: readonly { op: string; attrs: Record<string, unknown>; in: readonly (number | null)[]; out: readonly (number | null)[] }[];
  readonly outputs: readonly { name: string; id: number }[];
  /** Absent where empty. */
  readonly opaque?: readonly string[];
}

const MAX_VALUES = 1_000_000; // native/exec/check.cc has 2^20
const MAX_OPERANDS = 2 ** 15; // inputs, constants and outputs are arguments of one native call
const MAX_ELEMENTS = 2 ** 40;

/** @throws ArgumentError: a program beyond what `fromJSON` takes. */
export function toJSON(code: Code): ProgramJSON {
  const atMost = (most: number, count: number, what: string): void => {
    if (count > most) throw new ArgumentError("toJSON", `a saved program has at most ${most} ${what}, this one has ${count}.`);
  };
  atMost(MAX_VALUES, code.code.length, "instructions");
  for (const list of ["inputs", "constants", "outputs"] as const) atMost(MAX_OPERANDS, code[list].length, list);
  for (const { shape } of code.values) atMost(MAX_ELEMENTS, sizeOf(shape), "elements in a value");
  const type = (id: number): ValueType => {
    const { dtype, shape } = code.values[id] as ValueType;
    return { dtype, shape: [...shape] };
  };
  return {
    format: "backsolve-program",
    version: 1,
    inputs: code.inputs.map(({ name, id }) => ({ name, id, ...type(id) })),
    constants: code.constants.map(({ id, array }) => ({ id, ...type(id), data: base64(array) })),
    code: code.code.map(({ op, attrs, in: ins, out }) => ({ op, attrs: { ...attrs }, in: [...ins], out: [...out] })),
    outputs: code.outputs.map((o) => ({ ...o })),
    ...(code.opaque.length > 0 ? { opaque: [...code.opaque] } : {}),
  };
}

// little-endian, as the machines that Node.js runs on
const base64 = (a: AnyArray): string => Buffer.from(a.buffer, a.byteOffset, a.byteLength).toString("base64");

const bad = (text: string): never => {
  throw new ArgumentError("Program.from", text);
};
const object = (x: unknown, what: string): Record<string, unknown> =>
  typeof x === "object" && x !== null && !Array.isArray(x)
    ? (x as Record<string, unknown>)
    : bad(`${what} must be an object, got ${describe(x)}.`);
const list = (x: unknown, what: string, most = MAX_VALUES): unknown[] =>
  Array.isArray(x) && x.length <= most ? x : bad(`${what} must be an array of at most ${most}, got ${describe(x)}.`);
const name = (x: unknown, what: string): string => (typeof x === "string" ? x : bad(`${what} must be a name, got ${describe(x)}.`));
const text = (x: unknown, what: string): string => name(x, what) || bad(`${what} must not be empty.`);

class Loader {
  readonly values: ValueType[] = [];

  define(id: unknown, type: ValueType, what: string): number {
    if (id !== this.values.length) bad(`${what}: ids are defined in order; expected ${this.values.length}, got ${describe(id)}.`);
    if (sizeOf(type.shape) > MAX_ELEMENTS) bad(`${what}: shape ${shapeText(type.shape)} is too large.`);
    this.values.push(type);
    return id as number;
  }
  known(id: unknown, what: string): number {
    if (typeof id === "number" && Number.isInteger(id) && id >= 0 && id < this.values.length) return id;
    return bad(`${what}: id ${describe(id)} is not defined before it is used.`);
  }
  type(x: Record<string, unknown>): ValueType {
    return { dtype: checkDType("Program.from", x.dtype), shape: checkShape("Program.from", x.shape) };
  }
}

/** @throws ArgumentError, ShapeError, DtypeError: what is wrong and where. */
export function fromJSON(json: unknown): Code {
  const root = object(typeof json === "string" ? parse(json) : json, "a program");
  if (root.format !== "backsolve-program") bad(`format must be "backsolve-program", got ${describe(root.format)}.`);
  if (root.version !== 1) bad(`version must be 1, got ${describe(root.version)}.`);
  const loader = new Loader();
  const inputs = list(root.inputs, "inputs", MAX_OPERANDS).map((x, i) => {
    const o = object(x, `input ${i}`);
    return { name: name(o.name, `the name of input ${i}`), id: loader.define(o.id, loader.type(o), `input ${i}`) };
  });
  const constants = list(root.constants, "constants", MAX_OPERANDS).map((x, i) =>
    loadConstant(loader, object(x, `constant ${i}`), `constant ${i}`),
  );
  const code = list(root.code, "code").map((x, i) => loadInstruction(loader, object(x, `instruction ${i}`), `instruction ${i}`));
  const outputs = list(root.outputs, "outputs", MAX_OPERANDS).map((x, i) => {
    const o = object(x, `output ${i}`);
    return { name: text(o.name, `the name of output ${i}`), id: loader.known(o.id, `output ${i}`) };
  });
  for (const named of [inputs, outputs]) {
    const twice = clash(named.map((n) => n.name));
    if (twice !== undefined) bad(`two inputs or outputs have the name ${describe(twice)}, or it is a part of another's.`);
  }
  const opaque = list(root.opaque ?? [], "opaque", MAX_OPERANDS).map((x, i) => text(x, `opaque ${i}`));
  return { values: loader.values, inputs, constants, code, outputs, opaque };
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch (error) {
    return bad(`not JSON: ${(error as Error).message}`);
  }
}

function loadConstant(loader: Loader, o: Record<string, unknown>, what: string) {
  const type = loader.type(o);
  const id = loader.define(o.id, type, what);
  const { array, width } = dtypes[type.dtype];
  const bytes = Buffer.from(typeof o.data === "string" ? o.data : bad(`${what}: data must be base64 text.`), "base64");
  if (bytes.byteLength !== sizeOf(type.shape) * width * array.BYTES_PER_ELEMENT) {
    throw new ShapeError("Program.from", `${what}: ${bytes.byteLength} bytes do not fill shape ${shapeText(type.shape)} of ${type.dtype}.`);
  }
  const copy = new ArrayBuffer(bytes.byteLength);
  new Uint8Array(copy).set(bytes);
  return { id, array: new array(copy) };
}

function loadInstruction(loader: Loader, o: Record<string, unknown>, what: string): Instruction {
  const op = currentName(text(o.op, `${what}: op`));
  const found = resolve(op) ?? bad(`${what}: there is no instruction ${describe(op)}.`);
  const attrs = parseAttrs(op, found.of, object(o.attrs ?? {}, `${what}: attrs`), []) as Attrs;
  const ins = list(o.in, `${what}: in`).map((id) => (id === null && found.fused ? null : loader.known(id, what)));
  if (!takes(found.row, ins.length)) bad(`${what}: ${op} has inputs ${found.row.inputs.join(", ")}, got ${ins.length}.`);
  const reads = ins.map((id) => (id === null ? undefined : (loader.values[id] as ValueType)));
  const types = found.fused ? fusedOutputs(found.of, attrs, reads, what) : plainOutputs(found.row, attrs, reads as ValueType[], what);
  const outs = list(o.out, `${what}: out`);
  if (outs.length !== types.length) bad(`${what}: ${op} has ${types.length} outputs, got ${outs.length}.`);
  if (outs.every((id) => id === null)) bad(`${what}: no output is wanted.`);
  return {
    op,
    attrs,
    in: ins,
    out: outs.map((id, i) => (id === null && optional(found, i) ? null : loader.define(id, types[i] as ValueType, what))),
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
