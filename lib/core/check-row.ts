// What a row must be before it is registered: one check per field, in the order in which they may rely on each other.
import { type Attr, type AttrSchema, type AttrValue, OPTIONS } from "./attrs";
import { dtypes } from "./dtype";
import { ArgumentError, type Code, describe } from "./errors";
import { isVariadic, kernelName, plainName } from "./form";
import type { AnyRow, Attrs, Native } from "./row";
import { isLiteral, parseSignature, type Signature } from "./signature";

/** What is wrong, as a sentence; undefined: nothing. */
type Fault = string | undefined;
/** `at` is the field, or the part of it that the value stands at: saves[1]. Fields that stand before it in the table are right. */
type Check = (value: unknown, at: string, row: AnyRow) => Fault;

const wrong = (at: string, expected: string, given: unknown): string => `${at} must be ${expected}, got ${describe(given)}.`;
const is =
  (expected: string, test: (value: unknown) => boolean): Check =>
  (value, at) =>
    test(value) ? undefined : wrong(at, expected, value);
const optional =
  (...checks: readonly Check[]): Check =>
  (value, at, row) =>
    value === undefined ? undefined : every(checks, value, at, row);
const every = (checks: readonly Check[], value: unknown, at: string, row: AnyRow): Fault => first(checks, (check) => check(value, at, row));
/** The first fault of a list. */
function first<X>(list: Iterable<X>, fault: (x: X) => Fault): Fault {
  for (const x of list) {
    const found = fault(x);
    if (found !== undefined) return found;
  }
  return undefined;
}

const isObject = (x: unknown): x is Readonly<Record<string, unknown>> => typeof x === "object" && x !== null && !Array.isArray(x);
/** An identifier, and none of the names that every object has. */
const isName = (x: unknown): boolean => typeof x === "string" && /^[a-zA-Z][a-zA-Z0-9]*$/.test(x) && !(x in Object.prototype);

const name = is("a name of letters and digits", isName);
const text = is("a text that is not empty", (x) => typeof x === "string" && x !== "");
const flag = is("true or false", (x) => typeof x === "boolean");
const func = is("a function", (x) => typeof x === "function");
const oneOf = (values: readonly string[]): Check =>
  is(`one of ${values.map((v) => `"${v}"`).join(", ")}`, (x) => values.includes(x as string));

const listOf =
  (what: string, check: Check): Check =>
  (value, at, row) =>
    Array.isArray(value) ? first(value.entries(), ([i, x]) => check(x, `${at}[${i}]`, row)) : wrong(at, `an array of ${what}`, value);
const distinct: Check = (value, at) => {
  const list = (value as readonly unknown[]).map((x) => (typeof x === "string" ? plainName(x) : x));
  const twice = list.find((x, i) => list.indexOf(x) < i);
  return twice === undefined ? undefined : `${at} has ${describe(twice)} twice.`;
};
/** Names, one or more, that are not taken by the operands of other fields. */
const names =
  (each: Check, ...taken: readonly ("inputs" | "outputs")[]): Check =>
  (value, at, row) =>
    every(
      [
        listOf("names", each),
        (list) => ((list as readonly unknown[]).length > 0 ? undefined : `${at} must have one name or more, got none.`),
        distinct,
        (list) => first(list as readonly string[], (x) => takenBy(x, at, row, taken)),
      ],
      value,
      at,
      row,
    );
const takenBy = (x: string, at: string, row: AnyRow, taken: readonly ("inputs" | "outputs")[]): Fault => {
  const by = taken.find((field) => row[field].map(plainName).includes(x));
  return by && `${at}: the name ${describe(x)} is one of ${by} already.`;
};
/** The last input may be variadic. */
const inputName: Check = (value, at, row) => {
  if (typeof value !== "string" || plainName(value) === value) return name(value, at, row);
  const isLast = at === `inputs[${row.inputs.length - 1}]`;
  return isLast
    ? name(plainName(value), at, row)
    : `${at} stands for any number of inputs, which only the last may, got ${describe(value)}.`;
};
/** An object whose keys are some of these names, and whose values pass. */
const recordOf =
  (namesOf: ((row: AnyRow) => readonly string[]) | undefined, what: string, check: Check): Check =>
  (value, at, row) => {
    if (!isObject(value)) return wrong(at, "an object", value);
    const known = namesOf?.(row);
    return first(Object.keys(value), (key) =>
      known && !known.includes(key)
        ? `${at} names ${describe(key)}, which is no ${what}: ${known.join(", ")}.`
        : value[key] === undefined
          ? undefined
          : check(value[key], `${at}.${key}`, row),
    );
  };

const needs =
  (condition: (row: AnyRow) => boolean, what: string): Check =>
  (_value, at, row) =>
    condition(row) ? undefined : `${at} needs ${what}.`;
const without =
  (field: keyof AnyRow, why: string): Check =>
  (_value, at, row) =>
    row[field] === undefined || row[field] === false ? undefined : `${at} and ${field} exclude each other: ${why}.`;

const operandNames = (row: AnyRow): readonly string[] => [...row.inputs, ...row.outputs];
const portNames = (row: AnyRow): readonly string[] => [...operandNames(row).map(plainName), ...Object.keys(row.aux ?? {})];
const keysOf = <K extends string>(all: { readonly [k in K]: unknown }): readonly string[] => Object.keys(all);

// ---- Attrs ----

const attrFields: { readonly [k in keyof Required<Attr>]: Check } = {
  fallback: () => undefined,
  expected: text,
  values: optional(listOf("values", () => undefined)),
  parse: func,
};
const attr: Check = (value, at, row) => {
  if (!isObject(value)) return wrong(at, 'an option as flag(false), int(0), oneOf(["a", "b"], "a") make them', value);
  const { fallback, values, parse } = value as unknown as Attr;
  return (
    first(Object.entries(attrFields), ([field, check]) => check(value[field], `${at}.${field}`, row)) ??
    (values?.includes(undefined) ? `${at}.values must not hold undefined.` : undefined) ??
    first([...(fallback === undefined ? [] : [fallback]), ...(values ?? [])], (v) =>
      calling(`${at}.parse`, () =>
        parse.call(value, v) === undefined
          ? `${at}.parse must take ${describe(v)}, which is its fallback or one of its values.`
          : undefined,
      ),
    )
  );
};
const attrName: Check = (value, at, row) =>
  first(Object.keys(value as object), (key) =>
    [...OPTIONS.call, ...OPTIONS.async].some((known) => known === key)
      ? `${at}: ${key} is an option that every op has.`
      : name(key, `a name in ${at}`, row),
  );

/** What a function of the user's finds. */
function calling(at: string, f: () => Fault): Fault {
  try {
    return f();
  } catch (error) {
    return `${at} threw ${error instanceof Error ? describe(error.message) : describe(error)}.`;
  }
}

/** The attrs by default, and with each value of each option of few values in turn, where these do not exclude each other. */
function attrCases(row: AnyRow): Attrs[] {
  const schema = Object.entries((row.attrs ?? {}) as AttrSchema);
  const usual = Object.fromEntries(schema.map(([k, a]) => [k, a.fallback])) as Attrs;
  const others = schema.flatMap(([k, a]) => (a.values ?? []).map((v: AttrValue) => ({ ...usual, [k]: v }) as Attrs));
  return [usual, ...others].filter((attrs) => !row.conflict?.(attrs));
}

// ---- Signatures ----

function parsed(at: string, given: string): Signature | string {
  try {
    return parseSignature(given);
  } catch {
    return wrong(at, "of the form (n,n),(n,k)->(n,k)", given);
  }
}
const aLetter = (letter: string, inputs: readonly (readonly string[])[]): boolean =>
  isLiteral(letter) || letter.split("^").every((l) => inputs.some((letters) => letters.includes(l)));

/** A signature of as many operands as the row has, whose outputs have no size of their own. */
function signatureFault(at: string, given: unknown, row: AnyRow, outputs: readonly string[]): Fault {
  if (typeof given !== "string") return wrong(at, "a text", given);
  const sig = parsed(at, given);
  if (typeof sig === "string") return sig;
  for (const [side, list] of [
    ["inputs", row.inputs],
    ["outputs", outputs],
  ] as const) {
    if (sig[side].length !== list.length)
      return `${at} ${describe(given)} has ${sig[side].length} ${side}, the row has ${list.length}: ${list.join(", ")}.`;
  }
  return first(sig.outputs.flat(), (letter) =>
    aLetter(letter, sig.inputs) ? undefined : `${at} ${describe(given)}: no input says how large ${letter} is.`,
  );
}
const signature: Check = (value, at, row) => {
  if (typeof value === "string") return signatureFault(at, value, row, row.outputs);
  if (typeof value !== "function") return wrong(at, "a text, or a function of the attrs that gives one", value);
  return first(attrCases(row), (attrs) => calling(at, () => signatureFault(at, value(attrs), row, row.outputs)));
};
/** The signature goes on with the item dimensions of what the kernel gives besides. */
const auxShapes: Check = (value, at, row) =>
  first(Object.entries(value as Readonly<Record<string, unknown>>), ([key, dims]) => {
    const own = `${at}.${key}`;
    if (typeof dims !== "string" || !/^\([^()]*\)$/.test(dims)) return wrong(own, "item dimensions as (n,n)", dims);
    return first(attrCases(row), (attrs) => {
      const whole = typeof row.signature === "function" ? row.signature(attrs) : row.signature;
      return signatureFault(own, `${whole},${dims}`, row, [...row.outputs, key]);
    });
  });

// ---- Dtypes ----

const PORTS = ["T", "real", "complex", ...keysOf(dtypes)];
const ports = recordOf(portNames, "input, output or aux", oneOf(PORTS));
const TYPES = keysOf({ float: 0, real: 0, complex: 0, number: 0, ordered: 0, any: 0 } satisfies {
  readonly [k in NonNullable<AnyRow["types"]>]: unknown;
});
const CODES = keysOf({
  ERR_SHAPE: 0,
  ERR_DTYPE: 0,
  ERR_ARGUMENT: 0,
  ERR_TRACED: 0,
  ERR_DISPOSED: 0,
  ERR_SINGULAR: 0,
  ERR_NOT_POSITIVE_DEFINITE: 0,
  ERR_NO_CONVERGENCE: 0,
  ERR_RANK_DEFICIENT: 0,
  ERR_DEGENERATE: 0,
  ERR_NOT_FINITE: 0,
  ERR_OUT_OF_MEMORY: 0,
  ERR_NO_BINARY: 0,
  ERR_INTERNAL: 0,
} satisfies { readonly [k in Code]: unknown });

// ---- Kernels ----

const nativeFields: { readonly [k in keyof Native]: Check } = {
  kind: oneOf(["native"]),
  name: (value, at, row) => (typeof value === "function" ? undefined : text(value, at, row)),
  encode: optional(func),
  alias: optional(flag),
};
const native: Check = (value, at, row) =>
  isObject(value)
    ? first(Object.entries(nativeFields), ([field, check]) => check(value[field], `${at}.${field}`, row))
    : wrong(at, "native(name), a kernel of the native table", value);
const kernel: Check = (value, at, row) =>
  typeof value === "function"
    ? undefined
    : isObject(value)
      ? native(value, at, row)
      : wrong(at, "a function of other ops, or native(name)", value);

const domain: Check = (value, at, row) =>
  isObject(value)
    ? (func(value.sample, `${at}.sample`, row) ??
      first(["tangent", "reach"], (field) => optional(func)(value[field], `${at}.${field}`, row)) ??
      optional(text)(value.name, `${at}.name`, row))
    : wrong(at, "a domain: { sample(draw) { ... } }, or one of `domains`", value);

const bySignature = needs((row) => row.signature !== undefined, "a signature");
const byInfer = needs((row) => row.infer !== undefined, "infer");

/** Every field of a row. */
const FIELDS: { readonly [k in Exclude<keyof AnyRow, "control">]-?: Check } = {
  name,
  publicName: optional(text),
  tf: optional(text),
  doc: optional(text),
  hidden: optional(flag),
  inputs: names(inputName),
  outputs: names(name, "inputs"),
  attrs: optional(recordOf(undefined, "", attr), attrName),
  conflict: optional(func, (_value, at, row) => calling(at, () => void attrCases(row))),
  signature: optional(
    needs((row) => !isVariadic(row), "inputs that are counted: with a variadic one give infer"),
    signature,
    without("infer", "a row has one of them, or none where it is elementwise"),
  ),
  infer: optional(func),
  kernel,
  aux: optional(
    recordOf(undefined, "", () => undefined),
    (value, at, row) => names(name, "inputs", "outputs")(Object.keys(value as object), at, row),
    bySignature,
    needs((row) => typeof row.kernel !== "function", "a native kernel, which gives it"),
    auxShapes,
  ),
  dtypes: optional((value, at, row) =>
    typeof value === "function" ? first(attrCases(row), (attrs) => calling(at, () => ports(value(attrs), at, row))) : ports(value, at, row),
  ),
  types: optional(oneOf(TYPES)),
  domain: optional(recordOf((row) => row.inputs.map(plainName), "input", domain)),
  gauge: optional(func),
  law: optional(func),
  failures: optional(listOf("codes of errors", oneOf(CODES))),
  hints: optional(recordOf(undefined, "", text)),
  saves: optional(
    listOf("names", (value, at, row) =>
      operandNames(row).includes(value as string)
        ? undefined
        : `${at} must be an input or output, one of ${operandNames(row).join(", ")}, got ${describe(value)}.`,
    ),
    distinct,
  ),
  vjp: optional(func),
  slopes: optional(
    func,
    without("vjp", "slopes stand for it"),
    without("jvp", "slopes stand for it"),
    without("linear", "the slopes of a linear op are its vjp"),
    without("signature", "slopes are those of elementwise ops"),
    without("infer", "slopes are those of elementwise ops"),
    needs((row) => row.outputs.length === 1, "a row of one output"),
  ),
  linear: optional(flag, (value, at, row) =>
    value === true ? without("jvp", "a linear op is its own tangent")(value, at, row) : undefined,
  ),
  jvp: optional(func),
  order: optional(is("an integer, 0 or more", (x) => Number.isSafeInteger(x) && (x as number) >= 0)),
  fused: optional(
    native,
    bySignature,
    needs((row) => row.vjp !== undefined, "a vjp, which says the same by other ops"),
  ),
  fusedFor: optional(
    func,
    needs((row) => row.fused !== undefined, "a fused rule"),
  ),
  sizes: optional(func, bySignature),
  samples: optional(func, byInfer),
};

const unknownField = (row: object): Fault =>
  first(Object.entries(row), ([field, value]) =>
    value === undefined || Object.hasOwn(FIELDS, field)
      ? undefined
      : `a row has no field ${describe(field)}. Fields: ${Object.keys(FIELDS).join(", ")}.`,
  );
const unknownKernel = (row: AnyRow, isKernel: (name: string) => boolean): Fault =>
  first(["kernel", "fused"] as const, (field) => {
    const used = row[field];
    if (!used || typeof used === "function") return undefined;
    return first(attrCases(row), (attrs) => {
      const called = kernelName(used, attrs);
      return isKernel(called) ? undefined : `${field}: the native table has no kernel ${describe(called)}.`;
    });
  });

/** A copy, a level deep, that nobody changes while it is checked or later. */
const snapshot = (row: object): AnyRow => {
  const copy = (x: unknown): unknown => (Array.isArray(x) ? Object.freeze([...x]) : isObject(x) ? Object.freeze({ ...x }) : x);
  return Object.fromEntries(Object.entries(row).map(([field, value]) => [field, copy(value)])) as unknown as AnyRow;
};

/**
 * The row as it is from now on.
 * @param isKernel Whether the native table has a kernel. To ask loads the addon, which a row without native kernels does not.
 * @throws ArgumentError that names the op and the field, with what was given and what was expected.
 */
export function checkRow(given: unknown, isKernel?: (name: string) => boolean): AnyRow {
  let row: AnyRow | undefined;
  const fault = calling("the row", () => {
    if (!isObject(given)) return `expected a row, { name, inputs, outputs, kernel, ... }, got ${describe(given)}.`;
    const own = snapshot(given);
    row = own;
    return (
      first(Object.entries(FIELDS), ([field, check]) => check(own[field as keyof AnyRow], field, own)) ??
      unknownField(own) ??
      (isKernel && unknownKernel(own, isKernel))
    );
  });
  if (row && fault === undefined) return row;
  throw new ArgumentError("defineOp", `${row && isName(row.name) ? `${row.name}: ` : ""}${fault}`);
}
