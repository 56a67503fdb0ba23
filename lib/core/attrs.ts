import { ArgumentError, describe } from "./errors";
import { adopt } from "./tensor";

export type AttrValue = boolean | number | string | readonly number[] | undefined;

/** One option of an op: how it is checked, what it is by default, what it says in the documentation. */
export interface Attr<V extends AttrValue = AttrValue> {
  readonly fallback: V;
  readonly expected: string;
  /** All values, where there are few: `checkOp` tries every combination. */
  readonly values?: readonly V[];
  parse(value: unknown): V | undefined; // undefined: not acceptable
}
export type AttrSchema = { readonly [name: string]: Attr };
export type AttrsOf<S extends AttrSchema> = { readonly [K in keyof S]: S[K] extends Attr<infer V> ? V : never };

export const flag = (fallback: boolean): Attr<boolean> => ({
  fallback,
  expected: "true or false",
  values: [false, true],
  parse: (v) => (typeof v === "boolean" ? v : undefined),
});

export const oneOf = <const V extends string>(values: readonly V[], fallback: V): Attr<V> => ({
  fallback,
  expected: `one of ${values.map((v) => `"${v}"`).join(", ")}`,
  values,
  parse: (v) => values.find((x) => x === v),
});

/** A flag by which the op's own function chose between ops: here it has one value. */
export const always = (value: boolean): Attr<boolean> => ({
  fallback: value,
  expected: "true or false",
  values: [value],
  parse: (v) => (v === value ? value : undefined),
});

/** A text that the op's own function always gives. */
export const text = (): Attr<string> => ({
  fallback: "",
  expected: "a text",
  parse: (v) => (typeof v === "string" && v.length <= 1000 ? v : undefined),
});

export const int = (fallback: number): Attr<number> => ({
  fallback,
  expected: "an integer",
  parse: (v) => (Number.isSafeInteger(v) ? (v as number) : undefined),
});

/** A count. */
export const natural = (fallback: number): Attr<number> => ({
  fallback,
  expected: "an integer, 0 or more",
  parse: (v) => (Number.isSafeInteger(v) && (v as number) >= 0 && (v as number) < 2 ** 31 ? (v as number) : undefined),
});

export const real = (fallback: number): Attr<number> => ({
  fallback,
  expected: "a finite number",
  parse: (v) => (Number.isFinite(v) ? (v as number) : undefined),
});

/** A list of integers that the op's own function always gives; users of the row give it too. */
export const ints = (): Attr<readonly number[]> => ({
  fallback: [],
  expected: "an array of integers",
  parse: (v) => {
    if (!Array.isArray(v) || !(v.length <= 64)) return undefined;
    const own = Array.from(v as number[]);
    return own.every((x) => Number.isSafeInteger(x)) ? Object.freeze(own) : undefined;
  },
});

/** The options that every op has: of a call, and of an asynchronous one. */
export const OPTIONS = { call: ["onFailure", "out"], async: ["onFailure", "signal"] } as const;

/** What was given as the options of a function: an object, of the known names where they are told. */
export function optionsOf(op: string, options: unknown): Record<string, unknown>;
export function optionsOf<T extends object>(op: string, options: T | undefined, known: readonly (keyof T & string)[]): T;
export function optionsOf(op: string, options: unknown, known?: readonly string[]): object {
  if (options === undefined) return {};
  if (typeof options !== "object" || options === null || Array.isArray(options))
    throw new ArgumentError(op, `expected an object of options, got ${describe(options)}.`);
  if (known) for (const name of Object.keys(options)) if (!known.includes(name)) refuse(op, options as Given, name, known);
  return options;
}
type Given = Readonly<Record<string, unknown>>;

/** @throws ArgumentError that lists the known options, unless this one is undefined, which is none. */
function refuse(op: string, options: Given, name: string, known: readonly string[]): void {
  if (options[name] === undefined) return;
  if (adopt(op, options)) throw new ArgumentError(op, "expected an object of options, got a tensor.");
  throw new ArgumentError(op, `unknown option ${describe(name)}. Options: ${known.join(", ") || "none"}.`);
}

/** f, which has no options: an object after its `arity` arguments is refused, as an unknown option is elsewhere. */
export function withoutOptions<F extends (...args: never[]) => unknown>(op: string, arity: number, f: F): F {
  const checked = (...args: never[]): unknown => {
    if (typeof args[arity] === "object") optionsOf(op, args[arity], []);
    return f(...args);
  };
  return Object.defineProperty(checked, "name", { value: op }) as F;
}

/** f of a tensor and a list, without options: numbers given one by one, `x.reshape(2, 3)`, are refused, not left out. */
export function withoutMore<F extends (...args: never[]) => unknown>(op: string, list: string, f: F): F {
  const checked = (...args: never[]): unknown => {
    if (typeof args[2] === "number") throw new ArgumentError(op, `${list} must be one array, [${args.slice(1).join(", ")}].`);
    return f(...args);
  };
  return withoutOptions(op, 2, checked as F);
}

/** The option `signal`. By what it can do, not by its class: a signal of another realm has another one. */
export function checkSignal(op: string, signal: unknown): AbortSignal | undefined {
  if (signal === undefined) return undefined;
  const { aborted, addEventListener, removeEventListener, throwIfAborted } = Object(signal) as AbortSignal;
  const methods = [addEventListener, removeEventListener, throwIfAborted];
  if (typeof aborted === "boolean" && methods.every((m) => typeof m === "function")) return signal as AbortSignal;
  throw new ArgumentError(op, `option signal must be an AbortSignal, got ${describe(signal)}.`);
}

interface Checks {
  readonly attrs?: AttrSchema;
  conflict?(attrs: Record<string, AttrValue>): string | undefined;
}

/** Checks every option by name; an unknown one is an error that lists the known. */
export function parseAttrs(op: string, row: Checks, options: unknown, common: readonly string[]): Record<string, AttrValue> {
  const schema = row.attrs ?? {};
  const out: Record<string, AttrValue> = {};
  for (const name in schema) out[name] = (schema[name] as Attr).fallback;
  const given = optionsOf(op, options);
  for (const name of Object.keys(given)) {
    if (common.includes(name)) continue;
    if (!Object.hasOwn(schema, name)) {
      refuse(op, given, name, [...Object.keys(schema), ...common]);
      continue;
    }
    const value = given[name];
    if (value === undefined) continue;
    const attr = schema[name] as Attr;
    const parsed = attr.parse(value);
    if (parsed === undefined) throw new ArgumentError(op, `option ${name} must be ${attr.expected}, got ${describe(value)}.`);
    out[name] = parsed;
  }
  const conflict = row.conflict?.(out);
  if (conflict) throw new ArgumentError(op, `options ${conflict} exclude each other.`);
  return out;
}
