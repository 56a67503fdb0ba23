// Fused rules: the row of one, derived from that of its op, and a call of it.
import { type Bound, bind, type Given } from "./bind";
import { runBound } from "./evaluate";
import { dtypeOf, kernelOutputs, portDType, portOf, withAux } from "./form";
import type { ValueType } from "./ir";
import { mayLeave, orLeft } from "./left";
import { topLevel, unwrapIfDead } from "./levels";
import { forwardOf, output } from "./outcome";
import { type AnyRow, type Attrs, type Native, nameOf, type Ports } from "./row";
import { broadcast, sizeOfLetter } from "./signature";
import type { Shape, Tensor } from "./tensor";

/** @internal The row of a fused rule: reads saves, then cotangents; gives the cotangents of the inputs. */
export function fusedRow(row: AnyRow): AnyRow {
  const known = derived.get(row);
  if (known) return known;
  const dtypes = (attrs: Attrs): Ports => ({
    ...(typeof row.dtypes === "function" ? row.dtypes(attrs) : row.dtypes),
    ...Object.fromEntries(row.outputs.map((o) => [`g_${o}`, portOf(row, attrs, o)])),
  });
  const made: AnyRow = {
    name: `${row.name}_vjp`,
    publicName: nameOf(row),
    inputs: [...residuals(row), ...row.outputs.map((o) => `g_${o}`)],
    outputs: row.inputs,
    dtypes,
    kernel: row.fused as Native,
    attrs: row.attrs ?? {},
    ...(row.hints && { hints: row.hints }),
  };
  derived.set(row, made);
  forwardOf.set(made, row);
  return made;
}
const derived = new WeakMap<AnyRow, AnyRow>();
/** @internal What a fused rule reads besides cotangents. */
export const residuals = (row: AnyRow): string[] => [...(row.saves ?? []), ...Object.keys(row.aux ?? {})];

/** @internal Whether a row has a fused rule at these attributes. */
export const hasFused = (row: AnyRow, attrs: Attrs): boolean => row.fused !== undefined && (row.fusedFor?.(attrs) ?? true);

/** @internal The letters of what a fused rule reads. */
export function fusedLetters(row: AnyRow, attrs: Attrs): (readonly string[])[] {
  const sig = withAux(row, attrs);
  const own = residuals(row);
  const outputs = kernelOutputs(row);
  return [...own, ...row.outputs].map((name, i) => {
    const at = row.inputs.indexOf(name);
    return (i < own.length && at >= 0 ? sig.inputs[at] : sig.outputs[outputs.indexOf(name)]) as readonly string[];
  });
}

/** @internal Types of a fused rule's outputs: the broadcast batch of what it reads, the item shape of each input. */
export function fusedTypes(row: AnyRow, attrs: Attrs, given: readonly (ValueType | undefined)[]): ValueType[] {
  const sig = withAux(row, attrs);
  const size = new Map<string, number>();
  const batches: Shape[] = [];
  const lettersOf = fusedLetters(row, attrs);
  given.forEach((read, i) => {
    if (!read) return;
    const letters = lettersOf[i] as readonly string[];
    const cut = read.shape.length - letters.length;
    batches.push(read.shape.slice(0, cut));
    letters.forEach((l, k) => size.set(l, read.shape[cut + k] as number));
  });
  const batch = broadcast(batches) as number[];
  const t = dtypeOf(fusedRow(row), attrs, given);
  return sig.inputs.map((letters, i) => ({
    dtype: portDType(portOf(row, attrs, row.inputs[i] as string), t),
    shape: [...batch, ...letters.map((l) => sizeOfLetter(l, (x) => size.get(x)))],
  }));
}

/** The fused rule of a row at these attributes and types. */
export const bindFused = (row: AnyRow, given: Given, attrs: Attrs): Bound =>
  bind(fusedRow(row), given, attrs, (_rule, reads, own) => fusedTypes(row, own, reads));

/**
 * A fused rule as one call or instruction, from what it reads; undefined where somebody differentiates that. `collect`: items that fail are NaN.
 */
export function fused(
  row: AnyRow,
  attrs: Attrs,
  given: readonly (Tensor | undefined)[],
  wanted: readonly boolean[],
  collect = false,
): (Tensor | undefined)[] | undefined {
  const inputs = given.map((t) => t && unwrapIfDead(t));
  const level = topLevel(inputs);
  if (level && !level.emit) return undefined;
  const bound = bindFused(row, inputs, attrs);
  const asked = bound.outputs.map((t, i) => (wanted[i] ? t : undefined));
  if (level?.emit) return level.emit(bound.row.name, bound.attrs, inputs, asked);
  const compute = () => {
    const outputs = asked.map((t) => t && output(nameOf(row), t));
    runBound(bound, inputs, outputs, { collect, failures: [], out: undefined });
    return outputs;
  };
  return mayLeave(undefined) ? orLeft(compute, (trace) => trace.emit(bound.row.name, bound.attrs, inputs, asked)) : compute();
}
