// What programs are made of: types of values, instructions, and instructions with bodies.
import type { AnyArray, DType } from "./dtype";
import type { AnyRow, Attrs } from "./row";
import type { Shape } from "./tensor";

export interface ValueType {
  readonly dtype: DType;
  readonly shape: Shape;
}
export interface Instruction {
  readonly op: string; // a row's name, that of its fused rule with "_vjp", or the name of a control
  readonly attrs: Attrs;
  readonly in: readonly (number | null)[];
  readonly out: readonly (number | null)[]; // null: nobody wants it
  /** The name in errors, where it is not the row's: that of the composed op that it was recorded in. A saved program does not keep it. */
  readonly within?: string;
  readonly control?: Control;
}

/** A program, or a body of one: static single assignment over item values. Every pass maps one of these to another. */
export interface Code {
  readonly values: readonly ValueType[];
  readonly inputs: readonly { readonly name: string; readonly id: number }[];
  readonly constants: readonly { readonly id: number; readonly array: AnyArray }[];
  readonly code: readonly Instruction[];
  readonly outputs: readonly { readonly name: string; readonly id: number }[];
  /** Functions in it with a derivative of their own, which instructions do not hold: the program has none. */
  readonly opaque: readonly string[];
}

/**
 * `length` runs of a body, in order where it has carries. Inputs: the carries; mapped ones, whose leading axis has an element per run; shared
 * ones. The body reads the carries, one element of each mapped input and the shared ones, and gives the next carries, then results. Outputs:
 * the last carries, then each result, stacked along a new leading axis or, where `sums` says so, summed. Run t has element t of what is mapped
 * and stacked, also of a loop in reverse, which begins with the last.
 */
export interface Loop {
  readonly kind: "loop";
  readonly name: "scan" | "vmap" | "checkpoint" | "segments";
  readonly body: Code;
  readonly length: number;
  readonly reverse: boolean;
  readonly carries: number;
  readonly mapped: number;
  readonly sums: readonly boolean[]; // per result
  /** The number of the first run to users, where it is not 0: of what is left behind segments. */
  readonly from?: number;
}
/** One of two bodies. Inputs: a truth value, then what both bodies read. */
export interface Cond {
  readonly kind: "cond";
  readonly name: "cond";
  readonly whenTrue: Code;
  readonly whenFalse: Code;
}
/** A body while a test holds. Inputs: the carries, then what is shared; both bodies read all of them. Outputs: the last carries. */
export interface While {
  readonly kind: "while";
  readonly name: "whileLoop";
  readonly test: Code;
  readonly body: Code;
  readonly carries: number;
  /** The test that still holds after so many runs of the body is a failure. */
  readonly maxSteps: number;
}
/** A body in place whose derivative is another's than that of its instructions. What runs and what is saved has its instructions in its stead. */
export interface Call {
  readonly kind: "call";
  readonly name: string;
  readonly body: Code;
  /** The row that says so, of the first `arity` inputs; the others are what its function took from outside. */
  readonly row: AnyRow;
  readonly arity: number;
}
export type Control = Loop | Cond | While | Call;

/** The bodies of a control, in the order in which their instructions count. */
export const bodiesOf = (control: Control): readonly Code[] =>
  control.kind === "cond"
    ? [control.whenTrue, control.whenFalse]
    : control.kind === "while"
      ? [control.test, control.body]
      : [control.body];

/** The same control over what f makes of its bodies. */
export function withBodies(control: Control, f: (body: Code) => Code): Control {
  if (control.kind === "cond") return { ...control, whenTrue: f(control.whenTrue), whenFalse: f(control.whenFalse) };
  if (control.kind === "while") return { ...control, test: f(control.test), body: f(control.body) };
  return { ...control, body: f(control.body) };
}
