// One object per body and per control, so that what is derived from them, and their plans, are found by identity.
import { attrsOf } from "../core/bind";
import { numberOf } from "../core/intern";
import { bodiesOf, type Code, type Control, type Instruction, withBodies } from "../core/ir";
import type { AnyRow } from "../core/row";
import { resolve } from "./code";

const MOST = 1024; // codes, and controls; when there are more, all are forgotten
const numbers = new WeakMap<object, number>();
let last = 0;

/** A number of its own. */
function numbered(x: object): number {
  let n = numbers.get(x);
  if (n === undefined) numbers.set(x, (n = ++last));
  return n;
}

class Known<V extends object> {
  readonly #known = new Map<string, V>();
  one(key: string, made: V): V {
    const before = this.#known.get(key);
    if (before) return before;
    if (this.#known.size >= MOST) this.#known.clear();
    this.#known.set(key, made);
    return made;
  }
}
const codes = new Known<Code>();
const controls = new Known<Control>();

/** What an instruction computes of its inputs, as text. */
export function keyOf({ op, attrs, control }: Instruction): string {
  if (control) return `${op}#${numbered(internControl(control))}/${control.kind === "call" ? numbered(attrs) : ""}`;
  const { of } = resolve(op) as { of: AnyRow };
  return `${op} ${numberOf(attrsOf(of, attrs))}`;
}

const bits = ({ buffer, byteOffset, byteLength }: Code["constants"][number]["array"]): string =>
  Buffer.from(buffer, byteOffset, byteLength).toString("latin1");

/** The one code of this structure. Names of inputs and outputs are those of the first. */
export function internCode(code: Code): Code {
  if (numbers.has(code)) return code;
  const type = (id: number): string => {
    const { dtype, shape } = code.values[id] as Code["values"][number];
    return `${dtype}(${shape.join()})`;
  };
  const parts = [code.inputs.map(({ id }) => `${id}:${type(id)}`).join(), code.outputs.map((o) => o.id).join(), code.opaque.join()];
  for (const { id, array } of code.constants) parts.push(`${id}:${type(id)}=${bits(array)}`);
  for (const i of code.code) parts.push(`${keyOf(i)}|${i.in.join()}|${i.out.join()}|${i.within ?? ""}`);
  const one = codes.one(parts.join("\n"), code);
  numbered(one);
  return one;
}

/** The one control of this structure. */
export function internControl<C extends Control>(control: C): C {
  if (numbers.has(control)) return control;
  const own = withBodies(control, internCode);
  const key = [control.kind, control.name, ...bodiesOf(own).map(numbered), ...restOf(control)].join();
  const one = controls.one(key, own) as C;
  numbered(one);
  return one;
}

function restOf(control: Control): readonly (string | number | boolean)[] {
  if (control.kind === "loop")
    return [control.length, control.reverse, control.carries, control.mapped, control.from ?? 0, ...control.sums];
  if (control.kind === "while") return [control.carries, control.maxSteps];
  return control.kind === "call" ? [numbered(control.row)] : [];
}
