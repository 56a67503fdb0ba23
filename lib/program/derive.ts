// The derivatives of a code are codes, at item shapes: so they run over batches, in lanes and in threads, and have derivatives in turn.
import { isFloat } from "../core/dtype";
import { ArgumentError } from "../core/errors";
import type { Code, ValueType } from "../core/ir";
import { ruleEpoch } from "../core/registry";
import type { Tensor } from "../core/tensor";
import { flattenTensors } from "../core/tree";
import { jvp } from "../transforms/jvp";
import { withPullback } from "../transforms/pullback";
import { internCode } from "./intern";
import { type Named, record } from "./record";
import { replay } from "./replay";

/** Which of the values of a list. */
export type Mask = readonly boolean[];
export const pick = <V>(list: readonly V[], mask: Mask): V[] => list.filter((_, i) => mask[i]);

export const typeOf = (code: Code, { id }: { readonly id: number }): ValueType => code.values[id] as ValueType;
const typed = (code: Code, ids: readonly { readonly id: number }[], letter: string) =>
  ids.map((at, i) => ({ name: `${letter}${i}`, value: typeOf(code, at) }));
const results = (list: readonly Tensor[]): Named<Tensor>[] => list.map((value, i) => ({ name: `y${i}`, value }));

/** What was derived of a code, by what was asked. */
let known = new WeakMap<Code, Map<string, Code>>();
let epoch = 0;
function once(code: Code, key: string, make: () => Code): Code {
  if (epoch !== ruleEpoch()) known = new WeakMap(); // made with rules of before
  epoch = ruleEpoch();
  let of = known.get(code);
  if (!of) known.set(code, (of = new Map()));
  let found = of.get(key);
  if (!found) of.set(key, (found = make()));
  return found;
}
export const maskText = (mask: Mask): string => mask.map(Number).join("");

/** @throws ArgumentError where a code holds functions with derivatives that are not those of its instructions. */
export function checkOpaque({ opaque }: Code, name = "program"): void {
  if (opaque.length === 0) return;
  const of = opaque.join(", ");
  const text =
    name === "program"
      ? `was compiled from a function with a derivative of its own (${of}), which a program does not hold: differentiate inside, compile(grad(f), ...).`
      : `its body holds a function whose derivative its instructions do not tell (${of}): differentiate inside the body, or call ${of} outside.`;
  throw new ArgumentError(name, text);
}

/** Calls f with the inputs that the mask chooses moved. */
function moving(code: Code, xs: readonly Tensor[], mask: Mask, moved: readonly Tensor[]): Tensor[] {
  const rest = [...moved];
  return replay(
    code,
    xs.map((x, i) => (mask[i] ? (rest.shift() as Tensor) : x)),
  );
}

/** Reads all inputs, then the cotangents of the `given` outputs; gives the cotangents of the `wanted` inputs. */
export function pullbackOf(code: Code, wanted: Mask, given: Mask, name?: string): Code {
  checkOpaque(code, name);
  return once(code, `vjp/${maskText(wanted)}/${maskText(given)}`, () =>
    internCode(
      record([...typed(code, code.inputs, "x"), ...pick(typed(code, code.outputs, "g"), given)], (args) => {
        const [xs, gs] = [args.slice(0, code.inputs.length), args.slice(code.inputs.length)];
        const { pullback } = withPullback("program", flattenTensors("program", pick(xs, wanted)), (tree) =>
          moving(code, xs, wanted, tree as Tensor[]),
        );
        return results(pullback(given.map((is) => (is ? gs.shift() : undefined))));
      }),
    ),
  );
}

/** Reads all inputs, then the tangents of the `along` ones; gives the tangents of the `wanted` outputs, after `primal`, all outputs. */
export function pushforwardOf(code: Code, along: Mask, wanted: Mask, primal = false, name?: string): Code {
  checkOpaque(code, name);
  return once(code, `jvp/${maskText(along)}/${maskText(wanted)}/${primal}`, () =>
    internCode(
      record([...typed(code, code.inputs, "x"), ...pick(typed(code, code.inputs, "t"), along)], (args) => {
        const [xs, ts] = [args.slice(0, code.inputs.length), args.slice(code.inputs.length)];
        const { value, tangent } = jvp((...tree: Tensor[]) => moving(code, xs, along, tree), pick(xs, along), ts);
        return results([...(primal ? value : []), ...pick(tangent, wanted)]);
      }),
    ),
  );
}

/** Which outputs depend on the active inputs by floating numbers all the way. */
export function reaches(code: Code, active: Mask): boolean[] {
  const live = new Set<number>();
  code.inputs.forEach(({ id }, i) => {
    if (active[i] && isFloat(typeOf(code, { id }).dtype)) live.add(id);
  });
  for (const { in: ins, out } of code.code) {
    if (!ins.some((i) => i !== null && live.has(i))) continue;
    for (const o of out) if (o !== null && isFloat(typeOf(code, { id: o }).dtype)) live.add(o);
  }
  return code.outputs.map((o) => live.has(o.id));
}

/** Which inputs the chosen outputs depend on by floating numbers all the way. */
export function feeds(code: Code, chosen: Mask): boolean[] {
  const floats = (id: number): boolean => isFloat(typeOf(code, { id }).dtype);
  const live = new Set(pick(code.outputs, chosen).flatMap(({ id }) => (floats(id) ? [id] : [])));
  for (const { in: ins, out } of [...code.code].reverse()) {
    if (!out.some((o) => o !== null && live.has(o))) continue;
    for (const i of ins) if (i !== null && floats(i)) live.add(i);
  }
  return code.inputs.map(({ id }) => live.has(id));
}
