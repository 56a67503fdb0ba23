import { optionsOf } from "../core/attrs";
import type { DType } from "../core/dtype";
import { ArgumentError, describe, ShapeError } from "../core/errors";
import type { Failure } from "../core/failures";
import type { Loop } from "../core/ir";
import { scalar } from "../core/op";
import { checkAxis, shapeText, type Tensor } from "../core/tensor";
import { type Flat, flattenTensors } from "../core/tree";
import { transpose } from "../ops/structure";
import { internControl } from "../program/intern";
import { type Arguments, asFunction } from "../transforms/arguments";
import { checkLater, isLater, type LaterOptions, later } from "./later";
import { applyControl } from "./rows";
import { flattenGiven, traceTree, withNumbers } from "./trees";

/** An axis for every tensor of a tree, or a tree of them; null: not mapped over. */
export type Axes = number | null | readonly Axes[] | { readonly [key: string]: Axes };
export interface VmapOptions {
  /** The axis of items: one for all arguments, an array with an entry per argument, or, of one argument, a tree; null: shared by all items. */
  readonly in?: Axes;
  /** Where the results have their axis of items. */
  readonly out?: Axes;
}
/** A function over batches, in its forms. */
export interface Vmapped<P extends readonly unknown[], R> {
  (...args: Arguments<P>): R;
  /** Items that fail are NaN, and listed. What all items share and fails, fails every item. */
  checked(...args: Arguments<P>): { readonly value: R; readonly failures: readonly Failure[] };
  /** Off the event loop. */
  async(...args: [...Arguments<P>, LaterOptions] | Arguments<P>): Promise<R>;
}

/** The axis of each leaf. `of`: in or out. */
function axesOf(of: string, axes: Axes, paths: readonly string[]): (number | null)[] {
  return paths.map((path) => {
    let found: unknown = axes;
    for (const key of path === "" ? [] : path.split(".")) {
      if (typeof found !== "object" || found === null) break;
      if (!Object.hasOwn(found, key)) throw new ArgumentError("vmap", `option ${of} has no entry for ${path}.`);
      found = (found as Readonly<Record<string, unknown>>)[key];
    }
    if (found === null || Number.isSafeInteger(found)) return found as number | null;
    throw new ArgumentError(
      "vmap",
      `option ${of} must be an axis or null, or a tree of them, got ${describe(found)} for ${path || "the result"}.`,
    );
  });
}

const shifted = (x: Tensor, from: number, to: number): Tensor => {
  if (from === to) return x;
  const axes = x.shape.map((_, i) => i).filter((i) => i !== from);
  axes.splice(to, 0, from);
  return transpose(x, axes);
};

interface Mapped {
  readonly items: readonly (Tensor | undefined)[]; // with the axis of items in front; undefined: shared
  readonly size: number;
}
function mapped(flat: Flat<Tensor | number>, axes: Axes): Mapped {
  let size: number | undefined;
  let first = "";
  const items = axesOf("in", axes, flat.paths).map((axis, i) => {
    const [t, path] = [flat.leaves[i] as Tensor | number, flat.paths[i] as string];
    if (axis === null || typeof t === "number") return undefined;
    if (t.rank === 0) throw new ShapeError("vmap", `argument ${path} has no axis of items: it is a scalar. Share it: { in: [..., null] }.`);
    if (axis < -t.rank || axis >= t.rank)
      throw new ShapeError("vmap", `argument ${path} has no axis ${axis}: its shape is ${shapeText(t.shape)}.`);
    const at = checkAxis("vmap", axis, t.rank);
    const n = t.shape[at] as number;
    if (size !== undefined && n !== size)
      throw new ShapeError(
        "vmap",
        `argument ${path} has ${n} items (shape ${shapeText(t.shape)}, axis ${at}), argument ${first} has ${size}.`,
      );
    if (size === undefined) [size, first] = [n, path];
    return shifted(t, at, 0);
  });
  if (size === undefined) throw new ArgumentError("vmap", "no argument has an axis of items: at least one must be mapped over.");
  return { items, size };
}

/**
 * f, written for one item, over batches: one call for all items, natively, in lanes and threads. What f takes from outside, and arguments whose
 * axis is null, are shared: their gradients are summed over the items.
 */
export function vmap<P extends readonly unknown[], R>(f: (...args: P) => R, options: VmapOptions = {}): Vmapped<P, R> {
  asFunction("vmap", f);
  const { in: from = 0, out: to = 0 } = optionsOf("vmap", options, ["in", "out"]);
  const prepare = (args: readonly unknown[], collects = false) => prepared(f as (...args: never[]) => unknown, args, from, to, collects);
  const plain = (...args: unknown[]): unknown => {
    const { loop, inputs, back } = prepare(args);
    return back(applyControl(loop, inputs));
  };
  const checked = (...args: unknown[]) => {
    const failures: Failure[] = [];
    const { loop, inputs, back } = prepare(args, true);
    return { value: back(applyControl(loop, inputs, { collect: true, failures, out: undefined })), failures };
  };
  const asynchronous = async (...args: unknown[]): Promise<unknown> => {
    const options = isLater(args.at(-1)) ? args.pop() : undefined;
    const how = checkLater("vmap", options);
    const { loop, inputs, back } = prepare(args);
    return back(await later("vmap", loop, inputs, how));
  };
  Object.defineProperty(plain, "name", { value: `vmap(${f.name})` });
  return Object.assign(plain, { checked, async: asynchronous }) as unknown as Vmapped<P, R>;
}

interface Prepared {
  readonly loop: Loop;
  readonly inputs: readonly Tensor[];
  back(results: readonly Tensor[]): unknown;
}
function prepared(f: (...args: never[]) => unknown, args: readonly unknown[], from: Axes, to: Axes, collects: boolean): Prepared {
  const isTree = typeof from === "object" && from !== null && !Array.isArray(from);
  const flat = flattenGiven("vmap", args);
  const { items, size } = mapped(flat, isTree ? [from] : from);
  const each = items.filter((t) => t !== undefined);
  const types = each.map(({ dtype, shape }) => ({ dtype, shape: shape.slice(1) }));
  const result = (traced: readonly Tensor[], numbers: DType) => {
    const rest = [...traced];
    const leaves = flat.leaves.map((t, i) => (items[i] ? rest.shift() : typeof t === "number" ? scalar(numbers, t) : t));
    return flattenTensors("vmap", f(...(flat.rebuild(leaves) as never[])));
  };
  const trace = (numbers: DType) => traceTree("vmap", types, (traced) => result(traced, numbers), collects);
  const { body, captures, out } = withNumbers(flat.leaves, trace).run;
  const sums = out.leaves.map(() => false);
  const axes = axesOf("out", to, out.paths);
  const loop: Loop = { kind: "loop", name: "vmap", body, length: size, reverse: false, carries: 0, mapped: each.length, sums };
  const back = (results: readonly Tensor[]): unknown =>
    out.rebuild(
      results.map((y, i) => {
        const axis = axes[i];
        if (typeof axis !== "number")
          throw new ArgumentError("vmap", `option out must be an axis, got null for ${out.paths[i] || "the result"}.`);
        if (axis < -y.rank || axis >= y.rank)
          throw new ShapeError(
            "vmap",
            `option out: the result${out.paths[i] ? ` at ${out.paths[i]}` : ""} has no axis ${axis}: with the items its shape is ${shapeText(y.shape)}.`,
          );
        return shifted(y, 0, checkAxis("vmap", axis, y.rank));
      }),
    );
  return { loop: internControl(loop), inputs: [...each, ...captures], back };
}
