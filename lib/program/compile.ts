// Tracing a function of one item into a program that runs natively over batches.

import { ArgumentError, describe } from "../core/errors";
import type { Tensor } from "../core/tensor";
import { flatten, flattenTensors } from "../core/tree";
import { inputNames, type Rebuild, unique } from "./names";
import { type Program, programOf } from "./program";
import { record } from "./record";
import { type Spec, specOf } from "./spec";

/** A tree of specs as the function sees it. */
export type Specced<T> = T extends Spec<infer D> ? Tensor<D> : { [K in keyof T]: Specced<T[K]> };
/** A tree of specs as `run` takes it: batch dimensions before the item's; a number where an item is a scalar. */
export type Batched<T> = T extends Spec<infer D> ? Tensor<D> | number : { readonly [K in keyof T]: Batched<T[K]> };

/**
 * Compiles f, written for one item, by calling it once with traced tensors of the specs' dtypes and shapes. Transforms inside f work as ever.
 * The program runs f over whole batches natively.
 * @throws ArgumentError when two inputs would have one name; BacksolveError ERR_TRACED when f reads values.
 */
export function compile<S extends readonly unknown[], R>(
  f: (...args: { [K in keyof S]: Specced<S[K]> }) => R,
  ...specs: S
): Program<{ [K in keyof S]: Batched<S[K]> }, R> {
  if (typeof f !== "function") throw new ArgumentError("compile", `expected a function, got ${describe(f)}.`);
  if (specs.length === 0 && f.length > 0)
    throw new ArgumentError("compile", "give a spec of each argument after the function: float64(3, 3).");
  const input = flatten("compile", specs, specOf, "a spec such as float64(3, 3)");
  const names = inputNames(input.paths);
  let rebuild: Rebuild | undefined;
  const code = record(
    names.map((name, i) => ({ name, value: input.leaves[i] as Spec })),
    (args) => {
      const out = flattenTensors("compile", f(...(input.rebuild(args) as { [K in keyof S]: Specced<S[K]> })));
      rebuild = out.rebuild;
      const outputs = out.paths.map((p, i) => ({ name: p === "" ? "value" : p, value: out.leaves[i] as Tensor }));
      unique(outputs.map((o) => o.name));
      return outputs;
    },
  );
  return programOf(code, rebuild);
}
