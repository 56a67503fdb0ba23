// The derivatives of a program are programs, at item shapes: so they run over batches, in lanes and in threads, and have derivatives in turn.

import type { Code } from "../core/ir";
import type { Tensor } from "../core/tensor";
import { flattenTensors } from "../core/tree";
import { jvp } from "../transforms/jvp";
import { linearize } from "../transforms/linearize";
import { type Named, record } from "./record";
import { replay } from "./replay";

/** Which of the values of a list. */
export type Mask = readonly boolean[];
const pick = <V>(list: readonly V[], mask: Mask): V[] => list.filter((_, i) => mask[i]);

const typed = (code: Code, ids: readonly { readonly id: number }[], letter: string) =>
  ids.map(({ id }, i) => ({ name: `${letter}${i}`, value: code.values[id] as Code["values"][number] }));
const results = (list: readonly Tensor[]): Named<Tensor>[] => list.map((value, i) => ({ name: `y${i}`, value }));

/** Reads all inputs, then the cotangents of the `given` outputs; gives the cotangents of the `wanted` inputs. */
export const pullbackOf = (code: Code, wanted: Mask, given: Mask): Code =>
  record([...typed(code, code.inputs, "x"), ...pick(typed(code, code.outputs, "g"), given)], (args) => {
    const [xs, gs] = [args.slice(0, code.inputs.length), args.slice(code.inputs.length)];
    const { pullback } = linearize("program", flattenTensors("program", pick(xs, wanted)), (tree) => {
      const moved = [...(tree as Tensor[])];
      return replay(
        code,
        xs.map((x, i) => (wanted[i] ? (moved.shift() as Tensor) : x)),
      );
    });
    return results(pullback(given.map((is) => (is ? gs.shift() : undefined))));
  });

/** Reads all inputs, then the tangents of the `along` ones; gives the tangents of the `wanted` outputs. */
export const pushforwardOf = (code: Code, along: Mask, wanted: Mask): Code =>
  record([...typed(code, code.inputs, "x"), ...pick(typed(code, code.inputs, "t"), along)], (args) => {
    const [xs, ts] = [args.slice(0, code.inputs.length), args.slice(code.inputs.length)];
    const { tangent } = jvp(
      (...tree: Tensor[]) => {
        const moved = [...tree];
        const outputs = replay(
          code,
          xs.map((x, i) => (along[i] ? (moved.shift() as Tensor) : x)),
        );
        return pick(outputs, wanted);
      },
      pick(xs, along),
      ts,
    );
    return results(tangent);
  });
