// A row's operands by position: what its fields say for the attributes and the number of inputs of one call.
import { complexOf, type DType, isComplex, isFloat, realOf } from "./dtype";
import { BacksolveError, DtypeError } from "./errors";
import { type AnyRow, type Attrs, type Native, nameOf, type Port } from "./row";
import { parseSignature, type Signature } from "./signature";

const VARIADIC = "...";
/** How many inputs one native call takes, kMaxOperands of native/base/view.h without the output. */
export const MAX_INPUTS = 15;

/** Whether the last input of the row stands for any number of them. */
export const isVariadic = ({ inputs }: AnyRow): boolean => inputs.at(-1)?.startsWith(VARIADIC) === true; // controls may have none
/** Under which name rules know an input. */
export const plainName = (name: string): string => (name.startsWith(VARIADIC) ? name.slice(VARIADIC.length) : name);

/** Input i in the words of errors: "a", or "xs[1]". */
export function inputName(row: AnyRow, i: number): string {
  const last = row.inputs.length - 1;
  return i >= last && isVariadic(row) ? `${plainName(row.inputs[last] as string)}[${i - last}]` : (row.inputs[i] as string);
}
/** The names of so many inputs. */
export const inputNames = (row: AnyRow, arity: number): readonly string[] =>
  isVariadic(row) ? Array.from({ length: arity }, (_, i) => inputName(row, i)) : row.inputs;
/** Whether the row takes so many inputs. */
export const takes = (row: AnyRow, arity: number): boolean =>
  isVariadic(row) ? arity >= row.inputs.length && arity <= MAX_INPUTS : arity === row.inputs.length;

/** What there is of one value per input, by name; of a variadic input an array. */
export function inputsByName<V>(row: AnyRow, values: readonly (V | undefined)[]): Record<string, V> {
  const out: Record<string, unknown> = {};
  const plain = isVariadic(row) ? row.inputs.length - 1 : row.inputs.length;
  for (let i = 0; i < plain; i++) {
    const value = values[i];
    if (value !== undefined) out[row.inputs[i] as string] = value;
  }
  if (plain < row.inputs.length) out[plainName(row.inputs[plain] as string)] = values.slice(plain);
  return out as Record<string, V>; // an array where the row says so, which its rules know
}
/** The way back: a value per input, of so many, from what rules get or give by name. */
export function inputsInOrder<V>(row: AnyRow, by: Readonly<Record<string, V | undefined>>, arity: number): (V | undefined)[] {
  if (!isVariadic(row)) return row.inputs.map((n) => by[n]);
  const plain = row.inputs.length - 1;
  const list = by[plainName(row.inputs[plain] as string)] as readonly V[] | undefined;
  return Array.from({ length: arity }, (_, i) => (i < plain ? by[row.inputs[i] as string] : list?.[i - plain]));
}
/** How many inputs these values are of. */
export const arityOf = (row: AnyRow, by: Readonly<Record<string, unknown>>): number =>
  isVariadic(row) ? row.inputs.length - 1 + (by[plainName(row.inputs.at(-1) as string)] as unknown[]).length : row.inputs.length;

/** The port of an operand. */
export function portOf(row: AnyRow, attrs: Attrs, name: string): Port {
  const ports = typeof row.dtypes === "function" ? row.dtypes(attrs) : row.dtypes;
  return ports?.[name] ?? "T";
}
export const portOfInput = (row: AnyRow, attrs: Attrs, i: number): Port =>
  portOf(row, attrs, plainName(row.inputs[Math.min(i, row.inputs.length - 1)] as string));
export const portDType = (port: Port, t: DType): DType =>
  port === "T" ? t : port === "real" ? realOf(t) : port === "complex" ? complexOf(t) : port;

/** The op's dtype T from its operands; undefined: one that a fused rule does without. Where none carries it, that of the first. */
export function dtypeOf(row: AnyRow, attrs: Attrs, inputs: readonly ({ dtype: DType } | undefined)[]): DType {
  for (let i = 0; i < inputs.length; i++) {
    const given = inputs[i];
    if (given && portOfInput(row, attrs, i) === "T") return given.dtype;
  }
  const first = inputs.find((t) => t);
  if (first) return first.dtype;
  throw new BacksolveError("ERR_INTERNAL", nameOf(row), "no input carries the op's dtype.");
}

const [REAL, COMPLEX] = [["float32", "float64"] as const, ["complex64", "complex128"] as const];
const TYPES: { readonly [types in NonNullable<AnyRow["types"]>]: readonly DType[] } = {
  float: [...REAL, ...COMPLEX],
  real: REAL,
  complex: COMPLEX,
  number: [...REAL, ...COMPLEX, "int32"],
  ordered: [...REAL, "int32"],
  any: [...REAL, ...COMPLEX, "int32", "bool"],
};
export const isDefinedFor = (row: AnyRow, t: DType): boolean => TYPES[row.types ?? "float"].includes(t);
/** @throws DtypeError, unless the op is defined for T. `name`: the input that has it. */
export function checkT(row: AnyRow, t: DType, name: string): void {
  if (isDefinedFor(row, t)) return;
  if (isFloat(t)) throw new DtypeError(nameOf(row), `is defined for ${isComplex(t) ? "real" : "complex"} tensors, got ${t}.`);
  const known = TYPES[row.types ?? "float"];
  const list = `${known.slice(0, -1).join(", ")} or ${known.at(-1)}`;
  const hint = known.includes("float64") ? ` Cast it: cast(${name}, "float64").` : "";
  throw new DtypeError(nameOf(row), `${name} must be ${list}, got ${t}.${hint}`);
}

/** Whether the op takes any shapes that broadcast together. */
export const isElementwise = (row: AnyRow): boolean => row.signature === undefined && row.infer === undefined;

export const signatureOf = (row: AnyRow, attrs: Attrs): Signature | undefined =>
  row.signature === undefined ? undefined : parseSignature(typeof row.signature === "string" ? row.signature : row.signature(attrs));

/** Names of what the row's native kernel gives: outputs, then aux. */
export const kernelOutputs = (row: AnyRow): readonly string[] => [...row.outputs, ...Object.keys(row.aux ?? {})];

/** The signature with aux as further outputs. */
export const withAux = (row: AnyRow, attrs: Attrs): Signature => {
  const plain = signatureOf(row, attrs) as Signature;
  return row.aux ? parseSignature([plain.text, ...Object.values(row.aux)].join(",")) : plain;
};

/** The kernel's name in the native table. */
export const kernelName = (kernel: Native, attrs: Attrs): string => (typeof kernel.name === "string" ? kernel.name : kernel.name(attrs));
