import { type AnyArray, type DType, dtypes } from "../core/dtype";
import { fusedRow } from "../core/engine";
import { ArgumentError, BacksolveError, describe } from "../core/errors";
import { columnOf, lowerAttrs } from "../core/infer";
import { kernelId } from "../core/native";
import { registry } from "../core/registry";
import { type AnyRow, type Native, nameOf } from "../core/row";
import { adopt, MAX_RANK, type Shape, sizeOf } from "../core/tensor";
import type { Instruction, ValueType } from "../core/trace";
import { flatten } from "../core/tree";

/** A program: static single assignment over item values. Every pass maps one of these to another. */
export interface Code {
  readonly values: readonly ValueType[];
  readonly inputs: readonly { readonly name: string; readonly id: number }[];
  readonly constants: readonly { readonly id: number; readonly array: AnyArray }[];
  readonly code: readonly Instruction[];
  readonly outputs: readonly { readonly name: string; readonly id: number }[];
  /** Functions in it with a derivative of their own, which instructions do not hold: the program has none. */
  readonly opaque: readonly string[];
}

/** The row and the kernel that an instruction names: "cholesky", or "cholesky_vjp" for its fused rule. */
export function resolve(op: string): { row: AnyRow; of: AnyRow; kernel: Native; fused: boolean } | undefined {
  const row = registry.get(op);
  if (row && row.name === op) return typeof row.kernel === "function" ? undefined : { row, of: row, kernel: row.kernel, fused: false };
  const base = op.endsWith("_vjp") ? registry.get(op.slice(0, -4)) : undefined;
  if (!base?.fused || base.name !== op.slice(0, -4)) return undefined;
  return { row: fusedRow(base), of: base, kernel: base.fused, fused: true };
}

/** What errors call the op of an instruction. */
export const opName = (instruction: Instruction | undefined): string => {
  const found = instruction && resolve(instruction.op);
  return found ? nameOf(found.row) : "program";
};

/** Whether output i of an instruction may be left out: every one of a fused rule, aux of the others. */
export const optional = (found: { row: AnyRow; fused: boolean }, i: number): boolean => found.fused || i >= found.row.outputs.length;

/** The descriptor of docs/native-boundary.md. */
export function describeProgram(code: Code): { descriptor: Float64Array; constants: AnyArray[] } {
  const words: number[] = [1, code.values.length];
  const push = (ids: readonly number[]) => {
    words.push(ids.length);
    for (const id of ids) words.push(id);
  };
  for (const v of code.values) words.push(dtypes[v.dtype].code, v.shape.length, ...v.shape);
  push(code.inputs.map((i) => i.id));
  push(code.constants.map((c) => c.id));
  words.push(code.code.length);
  for (const instruction of code.code) describeInstruction(code, instruction, words);
  push(outputIds(code));
  return { descriptor: Float64Array.from(words), constants: code.constants.map((c) => c.array) };
}

/** The values to compute: an id that two outputs share is computed once. */
export const outputIds = (code: Code): number[] => [...new Set(code.outputs.map((o) => o.id))];

function describeInstruction(code: Code, { op, attrs, in: ins, out: outs }: Instruction, words: number[]): void {
  const found = resolve(op);
  if (!found) throw new BacksolveError("ERR_INTERNAL", op, "is not an instruction.");
  const typesOf = (ids: readonly (number | null)[]): { dtype: DType; shape: Shape }[] =>
    ids.filter((i) => i !== null).map((i) => code.values[i] as ValueType);
  const [inputs, outputs] = [typesOf(ins), typesOf(outs)];
  const numbers = lowerAttrs(
    found.of,
    found.kernel,
    attrs,
    inputs.map((t) => t.shape),
    outputs.map((t) => t.shape),
  );
  const column = columnOf(
    found.row,
    ins.map((i) => (i === null ? undefined : code.values[i])),
  );
  words.push(kernelId(found.kernel.name), dtypes[column].code, numbers.length, ...numbers);
  words.push(ins.length, ...ins.map((i) => i ?? -1), outs.length, ...outs.map((i) => i ?? -1));
}

/** Strides of the dimensions of `batch`, in elements, of an input of this shape whose own batch is `own`; 0 along what it shares. */
export function batchStrides(shape: Shape, own: Shape, batch: Shape): number[] {
  const shift = batch.length - own.length;
  let step = sizeOf(shape.slice(own.length));
  const out = new Array<number>(batch.length).fill(0);
  for (let i = own.length - 1; i >= 0; i--) {
    if (own[i] !== 1) out[shift + i] = step;
    step *= own[i] as number;
  }
  return out;
}

// ---- Names: paths in the trees. A bare argument is arg0, arg1, ...; a bare result is "value". ----

export type Rebuild = (leaves: readonly unknown[]) => unknown;

const argumentOf = (path: string): string => path.split(".", 1)[0] as string;
/** "0.w" is w; "0", a bare argument, arg0. */
const shortName = (path: string): string => (path.includes(".") ? path.slice(path.indexOf(".") + 1) : `arg${path}`);
/** "0.w" is arg0.w */
const longName = (path: string): string => `arg${path}`;

/** Where names clash: those that two have, and those that are a branch in the tree that the others spell. */
function clashes(names: readonly string[]): Set<number> {
  const at = new Map<string, number[]>();
  names.forEach((name, i) => {
    const known = at.get(name);
    if (known) known.push(i);
    else at.set(name, [i]);
  });
  const found = new Set<number>();
  names.forEach((name, i) => {
    if ((at.get(name) as number[]).length > 1) found.add(i);
    for (let dot = name.indexOf("."); dot >= 0; dot = name.indexOf(".", dot + 1)) {
      for (const branch of at.get(name.slice(0, dot)) ?? []) found.add(i).add(branch);
    }
  });
  return found;
}

/** A name that clashes with another; undefined where the names make a tree. */
export const clash = (names: readonly string[]): string | undefined => names[clashes(names).values().next().value ?? -1];

export function unique(names: readonly string[]): void {
  const twice = clash(names);
  if (twice !== undefined)
    throw new ArgumentError("compile", `two inputs or outputs have the path ${describe(twice)}: rename one, names must differ.`);
}

/** Names of the leaves of a function's arguments: short ones; long ones for all leaves of the arguments whose short names clash. */
export function inputNames(paths: readonly string[]): string[] {
  const short = paths.map(shortName);
  const clashing = [...clashes(short)];
  const long = new Set(clashing.map((i) => argumentOf(paths[i] as string)));
  const bare = clashing.find((i) => longName(paths[i] as string) === short[i]); // nothing tells it from a user's own arg0
  if (bare !== undefined) unique(short);
  const names = paths.map((p, i) => (long.has(argumentOf(p)) ? longName(p) : (short[i] as string)));
  unique(names);
  return names;
}

/** Rebuilds what the names spell: "value" and "grad.ls" make { value, grad: { ls } }; a single "value" is bare. */
export function treeOf(names: readonly string[]): Rebuild {
  if (names.length === 1 && names[0] === "value") return (leaves) => leaves[0];
  return (leaves) => {
    const root: Record<string, unknown> = {};
    names.forEach((name, i) => {
      const parts = name.split(".");
      let at = root;
      for (const p of parts.slice(0, -1)) {
        if (!Object.hasOwn(at, p)) setOwn(at, p, {});
        at = at[p] as Record<string, unknown>;
      }
      setOwn(at, parts.at(-1) as string, leaves[i]);
    });
    return root;
  };
}

/** As assignment, but "__proto__" is a name like any other. */
const setOwn = (at: object, name: string, value: unknown): unknown =>
  Object.defineProperty(at, name, { value, writable: true, enumerable: true, configurable: true });

/** Arguments by name: an object of the inputs' names, or the array of arguments that the function took, by their short or long names. */
export function leavesBy(names: readonly string[]): (args: unknown) => unknown[] {
  const known = new Set(names);
  return (args) => {
    const leafOf = (x: unknown) => (typeof x === "number" ? x : adopt("program", x));
    const flat = flatten<unknown>("program", args, leafOf, "the inputs: a tensor or a number");
    const isArray = Array.isArray(args);
    const given = new Map<string, unknown>();
    const extra: string[] = [];
    const wanted = (name: string) => known.has(name) && !given.has(name);
    flat.paths.forEach((path, i) => {
      const name = !isArray ? path : wanted(longName(path)) ? longName(path) : shortName(path);
      if (wanted(name)) given.set(name, flat.leaves[i]);
      else extra.push(name);
    });
    const missing = names.filter((n) => !given.has(n));
    if (extra.length + missing.length > 0) {
      const what = missing.length ? `missing: ${missing.join(", ")}` : `unknown: ${extra.join(", ")}`;
      throw new ArgumentError("program", `expected inputs ${names.join(", ")}; ${what}.${hint(args, known)}`);
    }
    return names.map((n) => given.get(n));
  };
}

/** What may be meant by arguments that do not fit. */
function hint(args: unknown, known: ReadonlySet<string>): string {
  if (typeof args === "number" || adopt("program", args)) return " The arguments are one array: run([a, b]), run([a]) for one.";
  const ofNumbers = (x: unknown): boolean => Array.isArray(x) && typeof x.flat(MAX_RANK)[0] === "number";
  const list = Array.isArray(args) ? args.findIndex((x, i) => known.has(`arg${i}`) && ofNumbers(x)) : -1;
  return list < 0 ? "" : ` Argument ${list} is an array of numbers: wrap it, tensor([...]).`;
}
