// Derivatives of functions of trees of tensors. Every call draws a level of its own (core/levels.ts), so calls nest to any order.

import { optionsOf, withoutOptions } from "./core/attrs";
import { allocate, type DType, dtypes, isComplex, isFloat } from "./core/dtype";
import { apply, backward, constant, zerosLike } from "./core/engine";
import { ArgumentError, DtypeError, describe, guard, ShapeError } from "./core/errors";
import { boxAt, dual, keepSaved, leaf, type Node, openLevel, strip, tangentOf } from "./core/levels";
import { asTensor, scalar } from "./core/op";
import type { AnyRow, Attrs } from "./core/row";
import { sameShape } from "./core/signature";
import { adopt, keepAll, type Level, shapeText, sizeOf, storageOf, type Tensor, tracedOf, wrap } from "./core/tensor";
import { type Flat, flattenTensors, type Given, type Tensors, type TensorTree } from "./core/tree";
import { joinBlocks } from "./ops/blocks";
import { reshape } from "./ops/structure";

function asFunction(op: string, f: unknown): void {
  if (typeof f !== "function") throw new ArgumentError(op, `expected a function, got ${describe(f)}.`);
}

interface Pulled {
  readonly out: Flat<Tensor>; // outputs one level down
  readonly roots: readonly Node[];
  pull(cotangents: readonly (Tensor | undefined)[]): Tensor[]; // per input leaf, zeros where nothing arrives
}

/** Runs f on boxed leaves of `tree` and keeps the graph. */
export function linearize(op: string, input: Flat<Tensor>, f: (tree: unknown) => unknown): Pulled {
  const level = openLevel("reverse");
  try {
    const leaves = input.leaves.map(strip);
    const boxes = leaves.map((t) => (isFloat(t.dtype) ? leaf(level, t) : t));
    const out = flattenTensors(op, f(input.rebuild(boxes)));
    const edges = out.leaves.map((t) => {
      const box = boxAt(strip(t), level);
      return box ? { node: box.node as Node, output: box.output } : undefined;
    });
    const values = out.leaves.map((t) => boxAt(strip(t), level)?.value ?? t);
    const pull = (cotangents: readonly (Tensor | undefined)[]): Tensor[] => {
      const roots = edges.flatMap((edge, i) => (edge && cotangents[i] ? [{ edge, cotangent: cotangents[i] as Tensor }] : []));
      const nodes = boxes.map((b) => boxAtFinished(b, level));
      const found = backward(
        roots,
        nodes.filter((n) => n !== undefined),
      );
      let next = 0;
      return nodes.map((n, i) => (n ? found[next++] : undefined) ?? zerosLike(leaves[i] as Tensor));
    };
    return { out: { ...out, leaves: values }, roots: edges.flatMap((edge) => edge?.node ?? []), pull };
  } finally {
    level.live = false;
  }
}
const boxAtFinished = (t: Tensor, level: Level): Node | undefined => (t.box?.level === level ? (t.box.node as Node) : undefined);

function scalarLoss(op: string, out: Flat<Tensor>): Tensor {
  const [value] = out.leaves;
  if (out.leaves.length !== 1 || !value || out.paths[0] !== "") throw new ArgumentError(op, "the function must return one tensor.");
  if (value.size !== 1)
    throw new ShapeError(
      op,
      `the function must return a scalar, got shape ${shapeText(value.shape)}: reduce it (sum, mean), or use vjp or jacobian.`,
    );
  if (isComplex(value.dtype))
    throw new DtypeError(op, `the function must return a real scalar, got ${value.dtype}: take real(y), or use vjp.`);
  if (!isFloat(value.dtype)) throw new DtypeError(op, `the function must return float32 or float64, got ${value.dtype}.`);
  return value;
}

/** 1, in the shape of a tensor of one real element. */
const oneLike = ({ dtype, shape }: Tensor): Tensor => wrap(dtype, shape, new dtypes[dtype].array(1).fill(1));

/** The arguments of a function of P, with numbers for float64 scalars. */
export type Arguments<P extends readonly unknown[]> = { [K in keyof P]: P[K] | Given<P[K]> };
/** Where a function does not tell its arguments' types. */
type Untold = Tensor<"float64">[];

export interface GradOptions<N extends number | readonly number[] = number | readonly number[]> {
  /** The position of the argument to differentiate with respect to; of an array of positions the gradient is an array, one entry each. */
  readonly argnums?: N;
}

/**
 * The function and its gradient with respect to the first argument (or `argnums`): `{ value, grad }`, grad with the tree of the argument.
 * f returns a real scalar. For complex arguments the gradient is dL/dRe + i dL/dIm.
 */
export function valueAndGrad<P extends readonly unknown[] = Untold, R extends Tensor = Tensor>(
  f: (...args: P) => R,
): (...args: Arguments<P>) => { value: R; grad: Tensors<P[0]> };
export function valueAndGrad<P extends readonly unknown[], R extends Tensor, const N extends number>(
  f: (...args: P) => R,
  options: { readonly argnums: N },
): (...args: Arguments<P>) => { value: R; grad: Tensors<P[N]> };
export function valueAndGrad<P extends readonly unknown[], R extends Tensor, const N extends readonly number[]>(
  f: (...args: P) => R,
  options: { readonly argnums: N },
): (...args: Arguments<P>) => { value: R; grad: { [K in keyof N]: Tensors<P[N[K]]> } };
export function valueAndGrad(f: (...args: never[]) => Tensor, options: GradOptions = {}): (...args: unknown[]) => unknown {
  asFunction("valueAndGrad", f);
  const { argnums = 0 } = optionsOf("grad", options, ["argnums"]);
  if (typeof argnums !== "number" && !Array.isArray(argnums))
    throw new ArgumentError("grad", `option argnums must be a position or an array of positions, got ${describe(argnums)}.`);
  return (...args: unknown[]) => {
    const wanted: readonly number[] = typeof argnums === "number" ? [argnums] : argnums;
    for (const n of wanted) {
      if (!Number.isInteger(n) || n < 0 || n >= args.length)
        throw new ArgumentError("grad", `argnums: ${describe(n)} is not the position of one of ${args.length} arguments.`);
    }
    if (new Set(wanted).size !== wanted.length) throw new ArgumentError("grad", `argnums names an argument twice: [${wanted.join(", ")}].`);
    const input = flattenTensors(
      "grad",
      wanted.map((n) => args[n]),
    );
    const { out, pull } = linearize("grad", input, (tree) => {
      const given = args.map((a) => (typeof a === "number" ? scalar("float64", a) : a));
      wanted.forEach((n, i) => (given[n] = (tree as unknown[])[i]));
      return f(...(given as never[]));
    });
    const value = scalarLoss("grad", out);
    const list = input.rebuild(pull([oneLike(value)])) as unknown[];
    return { value, grad: typeof argnums === "number" ? list[0] : list };
  };
}

/** The gradient of a real scalar function: same structure as its first argument, or as those that `argnums` names. See `valueAndGrad`. */
export function grad<P extends readonly unknown[] = Untold, R extends Tensor = Tensor>(
  f: (...args: P) => R,
): (...args: Arguments<P>) => Tensors<P[0]>;
export function grad<P extends readonly unknown[], R extends Tensor, const N extends number>(
  f: (...args: P) => R,
  options: { readonly argnums: N },
): (...args: Arguments<P>) => Tensors<P[N]>;
export function grad<P extends readonly unknown[], R extends Tensor, const N extends readonly number[]>(
  f: (...args: P) => R,
  options: { readonly argnums: N },
): (...args: Arguments<P>) => { [K in keyof N]: Tensors<P[N[K]]> };
export function grad(f: (...args: never[]) => Tensor, options: GradOptions = {}): (...args: never[]) => unknown {
  asFunction("grad", f);
  const both = valueAndGrad(f as never, options as never) as unknown as (...args: never[]) => { grad: unknown };
  return (...args) => both(...args).grad;
}

function checkCotangent(op: string, what: string, given: Flat<Tensor>, like: Flat<Tensor>): (Tensor | undefined)[] {
  if (given.leaves.length !== like.leaves.length || given.paths.some((p, i) => p !== like.paths[i])) {
    throw new ArgumentError(op, `the ${what} must have the tree of the value (${like.paths.map((p) => p || "one tensor").join(", ")}).`);
  }
  return given.leaves.map((t, i) => {
    const want = like.leaves[i] as Tensor;
    const at = like.paths[i] ? ` at ${like.paths[i]}` : "";
    if (!sameShape(t.shape, want.shape))
      throw new ShapeError(op, `the ${what}${at} must have shape ${shapeText(want.shape)}, got ${shapeText(t.shape)}.`);
    if (t.dtype !== want.dtype) throw new DtypeError(op, `the ${what}${at} must be ${want.dtype}, got ${t.dtype}.`);
    return t;
  });
}

/** A number in the place of a tensor takes that tensor's dtype, and its shape when it has one element. */
function likewise(op: string, tree: unknown, like: Flat<Tensor>): Flat<Tensor> {
  const flat = flattenTensors(op, tree);
  if (flat.leaves.length !== like.leaves.length) return flat;
  const leaves = flat.leaves.map((t, i) => {
    const want = like.leaves[i] as Tensor;
    return t.rank === 0 && t.dtype === "float64" && want.rank === 0 && want.dtype === "float32" && !t.box && !t.traced
      ? scalar("float32", t.item() as number)
      : t;
  });
  return { ...flat, leaves };
}

/**
 * f(...args) and the pullback: cotangents of the value (its tree) to an array of cotangents, one entry per argument. The pullback keeps what it
 * needs: writing to the memory of arguments or results afterwards does not change it.
 */
export function vjp<P extends readonly unknown[], R>(
  f: (...args: P) => R,
  ...args: Arguments<P>
): { value: R; pullback: (cotangent: R | Given<R>) => { [K in keyof P]: Tensors<P[K]> } } {
  asFunction("vjp", f);
  const input = flattenTensors("vjp", args);
  const { out, roots, pull } = linearize("vjp", input, (tree) => f(...(tree as P)));
  keepSaved(roots);
  const pullback = (cotangent: R | Given<R>) =>
    input.rebuild(pull(checkCotangent("vjp", "cotangent", likewise("vjp", cotangent, out), out))) as { [K in keyof P]: Tensors<P[K]> };
  return { value: out.rebuild(out.leaves) as R, pullback };
}

/** f(...args) and its directional derivative along `tangents`, which have the trees of `args`. Forward mode. */
export const jvp = withoutOptions(
  "jvp",
  3,
  <P extends readonly unknown[], R>(f: (...args: P) => R, args: Arguments<P>, tangents: Arguments<P>): { value: R; tangent: R } => {
    asFunction("jvp", f);
    if (!Array.isArray(args)) throw new ArgumentError("jvp", `args must be the array of the function's arguments, got ${describe(args)}.`);
    const input = flattenTensors("jvp", args);
    const along = checkCotangent("jvp", "tangents", likewise("jvp", tangents, input), input);
    const level = openLevel("forward");
    try {
      const boxes = input.leaves.map((t, i) => (isFloat(t.dtype) ? dual(level, strip(t), along[i] as Tensor) : t));
      const out = flattenTensors("jvp", f(...(input.rebuild(boxes) as P)));
      const stripped = out.leaves.map(strip);
      const values = stripped.map((t) => boxAt(t, level)?.value ?? t);
      const slopes = stripped.map((t, i) => tangentOf(t, level) ?? zerosLike(values[i] as Tensor));
      return { value: out.rebuild(values) as R, tangent: out.rebuild(slopes) as R };
    } finally {
      level.live = false;
    }
  },
);

/** The Hessian-vector product of a real scalar function at x along v: forward over reverse, no Hessian is formed. */
export const hvp = withoutOptions("hvp", 3, <X>(f: (x: X) => Tensor, x: X | Given<X>, v: X | Given<X>): Tensors<X> => {
  asFunction("hvp", f);
  const g = grad(f as (x: never) => Tensor) as unknown as (x: X) => Tensors<X>;
  return jvp<[X], Tensors<X>>(g, [x] as never, [v] as never).tangent;
});

/** The type of a Jacobian: in every leaf of the result's tree the tree of the argument. */
export type Jacobian<R, X> = [TensorTree] extends [R] ? TensorTree : R extends Tensor ? Tensors<X> : { [K in keyof R]: Jacobian<R[K], X> };

/** The Jacobian of a real function of one argument: per output leaf, the tree of the argument with leaves of shape (...output, ...input). */
export const jacobian = withoutOptions(
  "jacobian",
  1,
  <X = Untold[0], R = unknown>(f: (x: X) => R): ((x: X | Given<X>) => Jacobian<R, X>) => {
    asFunction("jacobian", f);
    return (x) => {
      const input = flattenTensors("jacobian", x);
      const { out, pull } = linearize("jacobian", input, (tree) => f(tree as X));
      for (const t of [...input.leaves, ...out.leaves]) {
        if (isComplex(t.dtype))
          throw new DtypeError(
            "jacobian",
            `is defined for real functions, got ${t.dtype}: differentiate real(f) and imag(f), or use vjp and jvp.`,
          );
      }
      const per = out.leaves.map((y, which) =>
        input.rebuild(assemble(y, (cotangent) => pull(out.leaves.map((_, i) => (i === which ? cotangent : undefined))), input.leaves)),
      );
      return out.rebuild(per) as Jacobian<R, X>;
    };
  },
);

/** One pullback per output element; rows are laid side by side, differentiably when anything outside still differentiates. */
function assemble(y: Tensor, pull: (cotangent: Tensor) => Tensor[], inputs: readonly Tensor[]): Tensor[] {
  const n = sizeOf(y.shape);
  const rows = Array.from({ length: n }, (_, k) => pull(oneHot(y, k)));
  return inputs.map((x, i) => {
    const shape = [...y.shape, ...x.shape];
    const list = rows.map((r) => strip(r[i] as Tensor));
    if (list.some((t) => t.box !== undefined || tracedOf(t))) return reshape(stackRows(list, x.size, x.dtype), shape);
    const array = guard("jacobian", () => allocate(x.dtype, n * x.size));
    list.forEach((t, k) => array.set(storageOf(t).array, k * x.size));
    return wrap(x.dtype, shape, array);
  });
}

/** Rows one below the other, joined by halves: one by one into the whole would cost its size for each. */
function stackRows(list: readonly Tensor[], size: number, dtype: DType): Tensor {
  if (list.length === 0) return zerosLike({ dtype, shape: [0, size] });
  if (list.length === 1) return reshape(list[0] as Tensor, [1, size]);
  const half = list.length >> 1;
  return joinBlocks(stackRows(list.slice(0, half), size, dtype), stackRows(list.slice(half), size, dtype), -2);
}

function oneHot(y: Tensor, k: number): Tensor {
  const array = new dtypes[y.dtype].array(sizeOf(y.shape));
  array[k] = 1;
  return wrap(y.dtype, y.shape, array);
}

/** The Hessian of a real scalar function: the Jacobian of its gradient, leaves of shape (...input, ...input). */
export const hessian = withoutOptions(
  "hessian",
  1,
  <X = Untold[0]>(f: (x: X) => Tensor): ((x: X | Given<X>) => Jacobian<Tensors<X>, X>) => {
    asFunction("hessian", f);
    return jacobian<X, Tensors<X>>(grad(f as (x: never) => Tensor) as unknown as (x: X) => Tensors<X>);
  },
);

/**
 * f with a gradient of your own: rule({ inputs, outputs }, cotangents) returns a cotangent (or undefined) per input. f maps tensors to one
 * tensor or an array of them.
 */
export const customGrad = withoutOptions(
  "customGrad",
  2,
  <A extends readonly Tensor[], R extends Tensor | readonly Tensor[]>(
    f: (...args: A) => R,
    rule: (call: { inputs: Tensor[]; outputs: Tensor[] }, cotangents: (Tensor | undefined)[]) => (Tensor | undefined)[],
  ): ((...args: { [K in keyof A]: A[K] | number }) => R) => {
    asFunction("customGrad", f);
    asFunction("customGrad", rule);
    return (...args) => {
      const inputs = args.map((a, i) => asTensor("customGrad", `argument ${i}`, a));
      // The rule stands for the function at every level, so that it runs on bare values, once.
      const result = f(...(inputs.map(constant) as unknown as A));
      const single = !Array.isArray(result);
      const list = (single ? [result] : result).map((t: unknown) => adopt("customGrad", t));
      if (!list.every((t) => t !== undefined))
        throw new ArgumentError("customGrad", `the function must return a tensor or an array of tensors, got ${describe(result)}.`);
      const [ins, outs] = [inputs.map((_, i) => `x${i}`), list.map((_, i) => `y${i}`)];
      const row: AnyRow = {
        name: f.name || "customGrad",
        inputs: ins,
        outputs: outs,
        kernel: () => Object.fromEntries(list.map((t, i) => [`y${i}`, t])),
        saves: [...ins, ...outs],
        vjp: (saved, g) => {
          const of = (names: string[]) => keepAll(names.map((n) => saved[n] as Tensor));
          const given = rule(
            { inputs: of(ins), outputs: of(outs) },
            outs.map((n) => g[n]),
          );
          if (!Array.isArray(given)) throw new ArgumentError("customGrad", `the rule must return an array, got ${describe(given)}.`);
          return Object.fromEntries(ins.map((n, i) => [n, given[i] ? () => given[i] as Tensor : undefined]));
        },
      };
      const out = apply(row, inputs, {} as Attrs);
      return (single ? out[0] : out) as R;
    };
  },
);
