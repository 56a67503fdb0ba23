import { apply } from "../core/apply";
import { withoutOptions } from "../core/attrs";
import { ArgumentError, describe } from "../core/errors";
import { primals } from "../core/levels";
import { asTensor } from "../core/operands";
import type { AnyRow, Attrs } from "../core/row";
import { adopt, keepAll, type Tensor } from "../core/tensor";
import { asFunction } from "./arguments";

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
      const result = f(...(primals(inputs) as readonly Tensor[] as A));
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
