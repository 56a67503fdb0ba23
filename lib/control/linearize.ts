import { isFloat } from "../core/dtype";
import { zerosLike } from "../core/evaluate";
import { Forward } from "../core/forward";
import { unwrapIfDead, valuesAt } from "../core/levels";
import { keepAll, type Tensor } from "../core/tensor";
import { type Flat, flattenTensors, type Given, type Tensors } from "../core/tree";
import { type Recorded, recordBody } from "../program/record";
import { replay } from "../program/replay";
import { type Arguments, asFunction, checkCotangent, likewise } from "../transforms/arguments";
import { typeOfTensor } from "./trees";

/** f at one point: its value, and the linear map from tangents of the inputs with a derivative to those of the outputs, as a body. */
export interface Linear extends Recorded {
  readonly out: Flat<Tensor>; // values
}

/**
 * Runs f once. Its values are computed; of the tangents, which are values of a trace, only what is to be done with them is recorded. So the map
 * has the point's intermediate values as captures.
 */
export function linearized(op: string, input: Flat<Tensor>, f: (tree: unknown) => unknown): Linear {
  const leaves = input.leaves.map(unwrapIfDead);
  const moves = leaves.filter((t) => isFloat(t.dtype));
  let out: Flat<Tensor> | undefined;
  const recorded = recordBody(op, moves.map(typeOfTensor), (tangents) => {
    const rest = [...tangents];
    const level = new Forward();
    try {
      const boxes = leaves.map((t) => (isFloat(t.dtype) ? level.dual(t, rest.shift()) : t));
      const given = flattenTensors(op, f(input.rebuild(boxes)));
      const results = given.leaves.map(unwrapIfDead);
      const values = valuesAt(results, level);
      out = { ...given, leaves: values };
      return results.map((t, i) => level.tangentOf(t) ?? zerosLike(values[i] as Tensor));
    } finally {
      level.close();
    }
  });
  return { ...recorded, out: out as Flat<Tensor> };
}

/**
 * f(...args) and its derivative there as a function of tangents, which have the trees of the arguments: f runs once, the function as often as
 * you like, at the cost of the linear part alone; of loops in f, of values and tangents.
 */
export function linearize<P extends readonly unknown[], R>(
  f: (...args: P) => R,
  ...args: Arguments<P>
): { value: R; pushforward: (...tangents: { [K in keyof P]: Tensors<P[K]> | Given<P[K]> }) => R } {
  asFunction("linearize", f);
  const input = flattenTensors("linearize", args);
  const { body, captures: read, out } = linearized("linearize", input, (tree) => f(...(tree as P)));
  const captures = keepAll(read); // for later, whatever becomes of the tensors
  const pushforward = (...tangents: unknown[]): R => {
    const along = checkCotangent("linearize", "tangents", likewise("linearize", tangents, input), input) as Tensor[];
    return out.rebuild(replay(body, [...along.filter((t) => isFloat(t.dtype)).map(unwrapIfDead), ...captures])) as R;
  };
  return { value: out.rebuild(out.leaves) as R, pushforward: pushforward as never };
}
