import { keepSaved } from "../core/reverse";
import { flattenTensors, type Given, type Tensors } from "../core/tree";
import { type Arguments, asFunction, checkCotangent, likewise } from "./arguments";
import { withPullback } from "./pullback";

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
  const { out, roots, pullback: pull } = withPullback("vjp", input, (tree) => f(...(tree as P)));
  keepSaved(roots);
  const pullback = (cotangent: R | Given<R>) =>
    input.rebuild(pull(checkCotangent("vjp", "cotangent", likewise("vjp", cotangent, out), out))) as { [K in keyof P]: Tensors<P[K]> };
  return { value: out.rebuild(out.leaves) as R, pullback };
}
