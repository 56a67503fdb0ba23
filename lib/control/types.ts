// Types of what controls read and give.
import type { Call, Code, Control, ValueType } from "../core/ir";
import { typeOf } from "../program/derive";

export type Run = Exclude<Control, Call>;

export const inputTypesOf = (body: Code): ValueType[] => body.inputs.map((i) => typeOf(body, i));
export const outputTypesOf = (body: Code): ValueType[] => body.outputs.map((o) => typeOf(body, o));
const stackedType = ({ dtype, shape }: ValueType, length: number): ValueType => ({ dtype, shape: [length, ...shape] });

/** What a control reads. */
export function inputTypes(control: Run): ValueType[] {
  if (control.kind === "cond") return [{ dtype: "bool", shape: [] }, ...inputTypesOf(control.whenTrue)];
  const types = inputTypesOf(control.body);
  if (control.kind === "while") return types;
  const { carries, mapped, length } = control;
  return types.map((t, i) => (i < carries || i >= carries + mapped ? t : stackedType(t, length)));
}

/** What a control gives. */
export function outputTypes(control: Run): ValueType[] {
  if (control.kind === "cond") return outputTypesOf(control.whenTrue);
  const types = outputTypesOf(control.body);
  if (control.kind === "while") return types;
  const { carries, sums, length } = control;
  return types.map((t, i) => (i < carries || sums[i - carries] ? t : stackedType(t, length)));
}
