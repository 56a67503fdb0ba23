// Bodies from functions of trees.
import { isFloat, realOf } from "../core/dtype";
import { ArgumentError, DtypeError, describe, ShapeError } from "../core/errors";
import type { Code, ValueType } from "../core/ir";
import { unwrapIfDead } from "../core/levels";
import { scalar } from "../core/op";
import { sameShape } from "../core/signature";
import { adopt, shapeText, type Tensor } from "../core/tensor";
import { type Flat, flatten } from "../core/tree";
import { reshaped } from "../program/dead";
import { recordBody } from "../program/record";

export const typeOfTensor = ({ dtype, shape }: Tensor): ValueType => ({ dtype, shape });
export const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

/** A body with the tree of what it gives, and the tensors from outside that it reads last. */
export interface Traced {
  readonly body: Code;
  readonly captures: readonly Tensor[];
  readonly out: Flat<Tensor>; // leaves: what f gave, of which only types are for use
}

/** The body of f, a function of values of these types that gives a tree. `collects`: for a run that does. */
export function traceTree(op: string, types: readonly ValueType[], f: (args: Tensor[]) => Flat<Tensor>, collects = false): Traced {
  let out: Flat<Tensor> | undefined;
  const leavesOf = (args: Tensor[]): readonly Tensor[] => {
    out = f(args);
    return out.leaves;
  };
  const { body, captures } = recordBody(op, types, leavesOf, collects);
  return { body, captures: captures.map(unwrapIfDead), out: out as Flat<Tensor> };
}

/** Two bodies with the same inputs: `own` first ones of both, then what each took from outside. */
export function together(own: number, a: Traced, b: Traced): { bodies: [Code, Code]; captures: Tensor[] } {
  const captures = [...new Set([...a.captures, ...b.captures])];
  const wide = ({ body, captures: mine }: Traced): Code => {
    const values = [...body.values];
    const inputs = [
      ...body.inputs.slice(0, own),
      ...captures.map((t) => {
        const i = mine.indexOf(t);
        return i < 0 ? { name: "", id: values.push(typeOfTensor(t)) - 1 } : (body.inputs[own + i] as Code["inputs"][number]);
      }),
    ];
    return reshaped({ ...body, values, inputs }, range(inputs.length), range(body.outputs.length));
  };
  return { bodies: [wide(a), wide(b)], captures };
}

/** A tree in which numbers are told from tensors. */
export const flattenGiven = (op: string, tree: unknown): Flat<Tensor | number> =>
  flatten<Tensor | number>(op, tree, (x) => (typeof x === "number" ? x : adopt(op, x)), "a tensor or a number");

const at = (path: string): string => (path === "" ? "" : ` at ${path}`);

type NumberDType = "float32" | "float64" | "int32";
function dtypeAround(leaves: readonly (Tensor | number)[]): NumberDType {
  const tensors = leaves.filter((t) => typeof t !== "number");
  const floats = new Set(tensors.filter((t) => isFloat(t.dtype)).map((t) => realOf(t.dtype)));
  if (floats.size > 0) return floats.size === 1 && floats.has("float32") ? "float32" : "float64";
  const whole = leaves.every((t) => typeof t !== "number" || t === (t | 0));
  return whole && tensors.some((t) => t.dtype === "int32") ? "int32" : "float64";
}

/**
 * `trace` with carried numbers of a dtype, before it is known what becomes of them: that of the tensors around them, or, where f does not take
 * it, float64.
 */
export function withNumbers<R>(leaves: readonly (Tensor | number)[], trace: (dtype: NumberDType) => R): { guess: NumberDType; run: R } {
  const guess = dtypeAround(leaves);
  if (guess === "float64" || !leaves.some((t) => typeof t === "number")) return { guess, run: trace(guess) };
  try {
    return { guess, run: trace(guess) };
  } catch (error) {
    if (!(error instanceof DtypeError)) throw error;
    try {
      return { guess: "float64", run: trace("float64") };
    } catch {
      throw error;
    }
  }
}

/** What f gives for the next run must be as what it was given. @throws ArgumentError, ShapeError, DtypeError that names the leaf. */
export function checkCarry(op: string, before: Flat<unknown>, types: readonly ValueType[], after: Flat<Tensor>): void {
  if (after.paths.length !== before.paths.length || after.paths.some((p, i) => p !== before.paths[i])) {
    const text = (f: Flat<unknown>): string => f.paths.map((p) => p || "one tensor").join(", ") || "nothing";
    throw new ArgumentError(op, `the carry must keep its tree, which is (${text(before)}): the function gave (${text(after)}).`);
  }
  after.leaves.forEach((t, i) => {
    const want = types[i] as ValueType;
    if (t.dtype !== want.dtype)
      throw new DtypeError(op, `the carry${at(after.paths[i] as string)} must keep its dtype ${want.dtype}: the function gave ${t.dtype}.`);
    if (!sameShape(t.shape, want.shape))
      throw new ShapeError(
        op,
        `the carry${at(after.paths[i] as string)} must keep its shape ${shapeText(want.shape)}: the function gave ${shapeText(t.shape)}.`,
      );
  });
}

/** The dtype of a leaf whose path is known. */
export type DTypeAt = (path: string) => ValueType["dtype"] | undefined;
export const dtypesAt = (paths: readonly string[], types: readonly ValueType[]): DTypeAt => {
  const known = new Map(paths.map((p, i) => [p, types[i]?.dtype]));
  return (path) => known.get(path);
};

/** A tree of results; numbers take the dtype of what is known at the same place, if something is. */
export function flattenLike(op: string, tree: unknown, like: DTypeAt = () => undefined): Flat<Tensor> {
  const flat = flattenGiven(op, tree);
  const leaves = flat.leaves.map((t, i) => {
    if (typeof t !== "number") return t;
    const path = flat.paths[i] as string;
    const want = like(path) ?? "float64";
    if (want === "int32" ? t !== (t | 0) : want === "bool")
      throw new DtypeError(op, `a number${at(path)} must be ${want}, got ${describe(t)}.`);
    return scalar(want, t);
  });
  return { ...flat, leaves };
}
