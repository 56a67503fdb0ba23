// Instructions with bodies in program files: bodies stand in a table, each before those that use it.
import { isFloat } from "../core/dtype";
import { DtypeError, describe, ShapeError } from "../core/errors";
import { bodiesOf, type Code, type Control, type Instruction, type Loop, type ValueType } from "../core/ir";
import { sameShape } from "../core/signature";
import { shapeText, sizeOf } from "../core/tensor";
import { type Body, bad, type Json, list, MAX_ELEMENTS, MAX_OPERANDS, object } from "./reading";

export const MAX_DEPTH = 8; // native/exec/check.cc
export const MAX_LENGTH = 2 ** 31 - 1;
/** Runs of bodies in bodies, multiplied: a program that was loaded ends. */
export const MAX_RUNS = 2 ** 53;

/** A control with the positions of its bodies in the table. */
export type ControlJSON = { readonly [name: string]: number | boolean | readonly boolean[] };

export function writeControl(control: Control, at: (body: Code) => number): ControlJSON {
  const bodies = bodiesOf(control).map(at);
  if (control.kind === "cond") return { whenTrue: bodies[0] as number, whenFalse: bodies[1] as number };
  if (control.kind === "while")
    return { test: bodies[0] as number, body: bodies[1] as number, carries: control.carries, maxSteps: control.maxSteps };
  const { length, reverse, carries, mapped, sums } = control as Loop;
  return { body: bodies[0] as number, length, reverse, carries, mapped, sums };
}

/** How deep bodies stand in bodies, how often the innermost can run, and how long the code is with its bodies wherever they are named. */
interface Extent {
  readonly depth: number;
  readonly runs: number;
  readonly size: number;
}
const extents = new WeakMap<Code, Extent>();
export function extentOf(code: Code): Extent {
  const known = extents.get(code);
  if (known) return known;
  let [depth, runs, size] = [0, 1, Math.max(code.values.length, code.code.length)];
  for (const { control } of code.code) {
    if (!control) continue;
    const times = control.kind === "loop" ? Math.max(control.length, 1) : control.kind === "while" ? control.maxSteps : 1;
    for (const body of bodiesOf(control)) {
      const inner = extentOf(body);
      depth = Math.max(depth, inner.depth + 1);
      runs = Math.max(runs, inner.runs * times);
      size += inner.size;
    }
  }
  const extent = { depth, runs, size };
  extents.set(code, extent);
  return extent;
}

const integer = (x: unknown, low: number, high: number, what: string): number =>
  typeof x === "number" && Number.isInteger(x) && x >= low && x <= high
    ? x
    : bad(`${what} must be an integer from ${low} to ${high}, got ${describe(x)}.`);
const truth = (x: unknown, what: string): boolean =>
  typeof x === "boolean" ? x : bad(`${what} must be true or false, got ${describe(x)}.`);

const text = ({ dtype, shape }: ValueType): string => `${dtype} of shape ${shapeText(shape)}`;
function same(a: ValueType | undefined, b: ValueType, what: string): void {
  if (a && a.dtype !== b.dtype) throw new DtypeError("Program.from", `${what} must be ${text(b)}, got ${text(a)}.`);
  if (!a || !sameShape(a.shape, b.shape)) throw new ShapeError("Program.from", `${what} must be ${text(b)}, got ${a ? text(a) : "none"}.`);
}
const inputsOf = (body: Code): ValueType[] => body.inputs.map(({ id }) => body.values[id] as ValueType);
const outputsOf = (body: Code): ValueType[] => body.outputs.map(({ id }) => body.values[id] as ValueType);
const stacked = ({ dtype, shape }: ValueType, length: number): ValueType => ({ dtype, shape: [length, ...shape] });

/** Reads the control that an instruction names; the types of its outputs. */
function readControl(name: string, o: Json, reads: readonly ValueType[], bodies: readonly Code[], what: string) {
  const at = (field: string): Code => bodies[integer(o[field], 0, bodies.length - 1, `${what}: ${field}`)] as Code;
  if (name === "cond") return readCond(at("whenTrue"), at("whenFalse"), reads, what);
  if (name === "whileLoop") return readWhile(at("test"), at("body"), o, reads, what);
  return readLoop(name as Loop["name"], at("body"), o, reads, what);
}
const counts = (given: readonly ValueType[], wanted: number, what: string): void => {
  if (given.length !== wanted) bad(`${what}: its bodies read ${wanted} inputs, got ${given.length}.`);
};

function readLoop(
  name: Loop["name"],
  body: Code,
  o: Json,
  reads: readonly ValueType[],
  what: string,
): { control: Control; types: ValueType[] } {
  const [ins, outs] = [inputsOf(body), outputsOf(body)];
  counts(reads, ins.length, what);
  const length = integer(o.length, 0, MAX_LENGTH, `${what}: length`);
  const carries = integer(o.carries, 0, Math.min(ins.length, outs.length), `${what}: carries`);
  const mapped = integer(o.mapped, 0, ins.length - carries, `${what}: mapped`);
  const sums = list(o.sums, `${what}: sums`, MAX_OPERANDS).map((x, i) => truth(x, `${what}: sums ${i}`));
  if (sums.length !== outs.length - carries) bad(`${what}: sums must have ${outs.length - carries} entries, got ${sums.length}.`);
  ins.forEach((t, i) => {
    const each = i >= carries && i < carries + mapped;
    same(reads[i], each ? stacked(t, length) : t, `${what}: input ${i}`);
    if (i < carries) same(outs[i], t, `${what}: what its body gives for carry ${i}`);
  });
  const types = outs.map((t, i) => {
    if (i < carries) return t;
    if (!sums[i - carries]) return stacked(t, length);
    return isFloat(t.dtype) ? t : bad(`${what}: result ${i - carries} is summed, but ${t.dtype}.`);
  });
  const reverse = truth(o.reverse, `${what}: reverse`);
  return { control: { kind: "loop", name, body, length, reverse, carries, mapped, sums }, types };
}

function readCond(whenTrue: Code, whenFalse: Code, reads: readonly ValueType[], what: string): { control: Control; types: ValueType[] } {
  const [types, others] = [outputsOf(whenTrue), outputsOf(whenFalse)];
  counts(reads, whenTrue.inputs.length + 1, what);
  counts(reads, whenFalse.inputs.length + 1, what);
  same(reads[0], { dtype: "bool", shape: [] }, `${what}: its truth value`);
  for (const body of [whenTrue, whenFalse]) inputsOf(body).forEach((t, i) => same(reads[i + 1], t, `${what}: input ${i + 1}`));
  if (types.length !== others.length) bad(`${what}: one body gives ${types.length} values, the other ${others.length}.`);
  types.forEach((t, i) => same(others[i], t, `${what}: output ${i} of its second body`));
  return { control: { kind: "cond", name: "cond", whenTrue, whenFalse }, types };
}

function readWhile(test: Code, body: Code, o: Json, reads: readonly ValueType[], what: string): { control: Control; types: ValueType[] } {
  const [ins, outs] = [inputsOf(body), outputsOf(body)];
  const carries = integer(o.carries, 0, ins.length, `${what}: carries`);
  const maxSteps = integer(o.maxSteps, 1, MAX_LENGTH, `${what}: maxSteps`);
  for (const b of [body, test]) {
    counts(reads, b.inputs.length, what);
    inputsOf(b).forEach((t, i) => same(reads[i], t, `${what}: input ${i}`));
  }
  if (outs.length !== carries) bad(`${what}: its body must give ${carries} values, one per carry, got ${outs.length}.`);
  outs.forEach((t, i) => same(t, ins[i] as ValueType, `${what}: what its body gives for carry ${i}`));
  const asked = outputsOf(test);
  if (asked.length !== 1) bad(`${what}: its test must give one value, got ${asked.length}.`);
  same(asked[0], { dtype: "bool", shape: [] }, `${what}: what its test gives`);
  return { control: { kind: "while", name: "whileLoop", test, body, carries, maxSteps }, types: outs };
}

const NAMES = ["scan", "vmap", "checkpoint", "segments", "cond", "whileLoop"];
export const isControl = (op: unknown): op is string => typeof op === "string" && NAMES.includes(op);

/** An instruction with bodies of the table. */
export function readControlled(bodies: readonly Code[]): (body: Body, o: Json, what: string) => Instruction {
  return (body, o, what) => {
    const op = o.op as string;
    const ins = list(o.in, `${what}: in`).map((id) => body.known(id, what));
    const reads = ins.map((id) => body.values[id] as ValueType);
    const { control, types } = readControl(op, object(o.attrs, `${what}: attrs`), reads, bodies, what);
    const outs = list(o.out, `${what}: out`);
    if (outs.length !== types.length) bad(`${what}: ${op} has ${types.length} outputs, got ${outs.length}.`);
    for (const t of types) if (sizeOf(t.shape) > MAX_ELEMENTS) bad(`${what}: shape ${shapeText(t.shape)} is too large.`);
    const out = outs.map((id, i) => (id === null ? null : body.define(id, types[i] as ValueType, what)));
    return { op, attrs: {}, in: ins, out, control };
  };
}
