import { withoutOptions } from "../core/attrs";
import { isFloat } from "../core/dtype";
import { ArgumentError, describe } from "../core/errors";
import { zerosLike } from "../core/evaluate";
import { Forward } from "../core/forward";
import { unwrapIfDead, valuesAt } from "../core/levels";
import type { Tensor } from "../core/tensor";
import { flattenTensors, type Given, type Tensors } from "../core/tree";
import { type Arguments, asFunction, checkCotangent, likewise } from "./arguments";
import { grad } from "./grad";

/** f(...args) and its directional derivative along `tangents`, which have the trees of `args`. Forward mode. */
export const jvp = withoutOptions(
  "jvp",
  3,
  <P extends readonly unknown[], R>(f: (...args: P) => R, args: Arguments<P>, tangents: Arguments<P>): { value: R; tangent: R } => {
    asFunction("jvp", f);
    if (!Array.isArray(args)) throw new ArgumentError("jvp", `args must be the array of the function's arguments, got ${describe(args)}.`);
    const input = flattenTensors("jvp", args);
    const along = checkCotangent("jvp", "tangents", likewise("jvp", tangents, input), input);
    const level = new Forward();
    try {
      const boxes = input.leaves.map((t, i) => (isFloat(t.dtype) ? level.dual(unwrapIfDead(t), along[i] as Tensor) : t));
      const out = flattenTensors("jvp", f(...(input.rebuild(boxes) as P)));
      const stripped = out.leaves.map(unwrapIfDead);
      const values = valuesAt(stripped, level);
      const slopes = stripped.map((t, i) => level.tangentOf(t) ?? zerosLike(values[i] as Tensor));
      return { value: out.rebuild(values) as R, tangent: out.rebuild(slopes) as R };
    } finally {
      level.close();
    }
  },
);

/** The Hessian-vector product of a real scalar function at x along v: forward over reverse, no Hessian is formed. */
export const hvp = withoutOptions("hvp", 3, <X>(f: (x: X) => Tensor, x: X | Given<X>, v: X | Given<X>): Tensors<X> => {
  asFunction("hvp", f);
  return jvp<[X], Tensors<X>>(grad<[X], Tensor>(f), [x], [v]).tangent;
});
