// Names of inputs and outputs: paths in the trees. A bare argument is arg0, arg1, ...; a bare result is "value".
import { ArgumentError, describe } from "../core/errors";
import { adopt, MAX_RANK } from "../core/tensor";
import { flatten } from "../core/tree";

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
