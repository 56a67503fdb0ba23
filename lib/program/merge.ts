// Loops without carries side by side become one, so that what both compute is computed once: a vmap and its pullback, which begins with the vmap.
import type { Code, Instruction, Loop, ValueType } from "../core/ir";
import type { Shape } from "../core/tensor";
import { compact, deadCode } from "./dead";
import { internCode, internControl } from "./intern";

type Looping = Instruction & { readonly control: Loop };
const isBatch = (i: Instruction): i is Looping => i.control?.kind === "loop" && i.control.carries === 0 && i.control.mapped > 0;

/** `optimize` is for the bodies. */
export function mergedLoops(given: Code, optimize: (body: Code) => Code): Code {
  if (!given.code.some(isBatch)) return given;
  let code = withShared(given);
  for (let j = 1; j < code.code.length; j++) {
    const second = code.code[j] as Instruction;
    if (!isBatch(second)) continue;
    const i = code.code.findIndex(
      (first, k) => k < j && isBatch(first) && first.control.length === second.control.length && !needs(code, k, j),
    );
    if (i < 0) continue;
    code = together(code, i, j, optimize);
    j = 0; // what came between may have moved behind
  }
  return code;
}

/** Which values come from the instruction at i, as far as the instruction at j. */
function after(code: Code, i: number, j: number): Set<number> {
  const found = new Set<number>((code.code[i] as Instruction).out.filter((o) => o !== null));
  for (const { in: ins, out } of code.code.slice(i + 1, j)) {
    if (!ins.some((x) => x !== null && found.has(x))) continue;
    for (const o of out) if (o !== null) found.add(o);
  }
  return found;
}
const needs = (code: Code, i: number, j: number): boolean => {
  const found = after(code, i, j);
  return (code.code[j] as Instruction).in.some((x) => x !== null && found.has(x));
};

function together(code: Code, i: number, j: number, optimize: (body: Code) => Code): Code {
  const found = after(code, i, j);
  const between = code.code.slice(i + 1, j);
  const later = (x: Instruction): boolean => x.in.some((id) => id !== null && found.has(id));
  const one = merged(code.code[i] as Looping, code.code[j] as Looping, optimize);
  return {
    ...code,
    code: [...code.code.slice(0, i), ...between.filter((x) => !later(x)), one, ...between.filter(later), ...code.code.slice(j + 1)],
  };
}

function merged(first: Looping, second: Looping, optimize: (body: Code) => Code): Instruction {
  const [a, b] = [first.control, second.control];
  const shift = a.body.values.length;
  const inputs: { readonly outer: number; readonly id: number; readonly each: boolean }[] = [];
  const alias = new Map<number, number>();
  const add = ({ control, in: ins }: Looping, by: number): void =>
    control.body.inputs.forEach(({ id }, k) => {
      const [outer, each] = [ins[k] as number, k < control.mapped];
      const known = inputs.find((x) => x.outer === outer && x.each === each);
      if (known) alias.set(id + by, known.id);
      else inputs.push({ outer, id: id + by, each });
    });
  add(first, 0);
  add(second, shift);
  // What one of them is given twice is one input as well.
  const to = (by: number) => (id: number) => alias.get(id + by) ?? id + by;
  const moved = (code: readonly Instruction[], by: number): Instruction[] => {
    const own = (id: number | null): number | null => (id === null ? null : to(by)(id));
    return code.map((x) => ({ ...x, in: x.in.map(own), out: x.out.map(own) }));
  };
  const ordered = [...inputs.filter((x) => x.each), ...inputs.filter((x) => !x.each)];
  const body: Code = {
    values: [...a.body.values, ...b.body.values],
    inputs: ordered.map(({ id }, k) => ({ name: `x${k}`, id })),
    constants: [...a.body.constants, ...b.body.constants.map((c) => ({ ...c, id: c.id + shift }))],
    code: [...moved(a.body.code, 0), ...moved(b.body.code, shift)],
    outputs: [...a.body.outputs.map((o) => to(0)(o.id)), ...b.body.outputs.map((o) => to(shift)(o.id))].map((id, k) => ({
      name: `y${k}`,
      id,
    })),
    opaque: [...new Set([...a.body.opaque, ...b.body.opaque])],
  };
  const control = internControl({
    ...a,
    body: internCode(optimize(body)),
    mapped: ordered.filter((x) => x.each).length,
    sums: [...a.sums, ...b.sums],
  });
  return { op: first.op, attrs: {}, in: ordered.map((x) => x.outer), out: [...first.out, ...second.out], control };
}

/** What a loop goes over, but is the same in every run, is shared: what was broadcast along its first axis, and constants of equal elements. */
function withShared(code: Code): Code {
  const values: ValueType[] = [...code.values];
  const constants = [...code.constants];
  const by = new Map<number, Instruction>();
  for (const i of code.code) if (i.op === "broadcastTo") by.set(i.out[0] as number, i);
  const constant = new Map(code.constants.map((c) => [c.id, c]));
  const out: Instruction[] = [];
  const same = (id: number): number | undefined => {
    const { dtype, shape } = values[id] as ValueType;
    const item = shape.slice(1);
    const made = by.get(id);
    if (made) return broadcastOnce(made.in[0] as number, item, values, out);
    const held = constant.get(id);
    const each = held && (shape[0] as number) > 0 ? held.array.length / (shape[0] as number) : 0;
    if (!held || each === 0 || !repeats(held.array, each)) return undefined;
    const at = values.push({ dtype, shape: item }) - 1;
    constants.push({ id: at, array: held.array.slice(0, each) });
    return at;
  };
  for (const i of code.code) out.push(isBatch(i) ? withoutSame(i, same) : i);
  return compact(deadCode({ ...code, values, constants, code: out }));
}

/** The value that was broadcast, in the shape of an item; undefined where its first axis is not one that was. */
function broadcastOnce(source: number, item: Shape, values: ValueType[], out: Instruction[]): number | undefined {
  const { dtype, shape } = values[source] as ValueType;
  if (shape.length > item.length) return undefined;
  if (shape.length === item.length && shape.every((d, k) => d === item[k])) return source;
  const at = values.push({ dtype, shape: item }) - 1;
  out.push({ op: "broadcastTo", attrs: { shape: item }, in: [source], out: [at] });
  return at;
}

function repeats(array: Code["constants"][number]["array"], each: number): boolean {
  const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
  const step = each * array.BYTES_PER_ELEMENT;
  for (let k = step; k < bytes.length; k++) if (bytes[k] !== bytes[k - step]) return false;
  return true;
}

function withoutSame(instruction: Looping, same: (id: number) => number | undefined): Instruction {
  const { control, in: ins } = instruction;
  const all = ins.slice(0, control.mapped).map((id) => same(id as number));
  const found = all.includes(undefined) ? all : [undefined, ...all.slice(1)]; // one that it goes over stays
  if (found.every((x) => x === undefined)) return instruction;
  const order = [...ins.keys()];
  const isShared = (k: number): boolean => k >= control.mapped || found[k] !== undefined;
  const now = [...order.filter((k) => !isShared(k)), ...order.filter(isShared)];
  const body = { ...control.body, inputs: now.map((k) => control.body.inputs[k] as Code["inputs"][number]) };
  return {
    ...instruction,
    in: now.map((k) => found[k] ?? (ins[k] as number)),
    control: internControl({ ...control, body: internCode(compact(body)), mapped: now.filter((k) => !isShared(k)).length }),
  };
}
