// What programs are made of: types of values, and instructions.
import type { DType } from "./dtype";
import type { Attrs } from "./row";
import type { Shape } from "./tensor";

export interface ValueType {
  readonly dtype: DType;
  readonly shape: Shape;
}
export interface Instruction {
  readonly op: string; // a row's name, or that of its fused rule with "_vjp"
  readonly attrs: Attrs;
  readonly in: readonly (number | null)[];
  readonly out: readonly (number | null)[]; // null: nobody wants it
  /** The name in errors, where it is not the row's: that of the composed op that it was recorded in. A saved program does not keep it. */
  readonly within?: string;
}
