// A program called inside a transform is an op: its value by running it, its derivatives by running programs that are derived from it.

import { isFloat } from "../core/dtype";
import { LinalgError } from "../core/errors";
import type { Failure } from "../core/failures";
import type { Code } from "../core/ir";
import { once } from "../core/levels";
import type { AnyRow, Tangent } from "../core/row";
import type { Tensor } from "../core/tensor";
import { type Mask, maskText, pullbackOf, pushforwardOf } from "./derive";

/** Outputs for inputs of any level; failures of the run are put into the list, where they are not thrown. */
export type Runs = (inputs: readonly Tensor[], failures: Failure[]) => Tensor[];

const zip = <V>(names: readonly string[], list: readonly V[]): Record<string, V> =>
  Object.fromEntries(names.map((name, i) => [name, list[i] as V]));
const of = (names: readonly string[], from: { readonly [name: string]: Tensor | undefined }): Tensor[] =>
  names.flatMap((name) => from[name] ?? []);

/**
 * The row of one call. `run` gives the outputs; `derive` runs other code, made once per key; `report` gets the failures of derivatives.
 */
export function programRow(
  code: Code,
  run: (inputs: readonly Tensor[]) => Tensor[],
  derive: (key: string, make: () => Code) => Runs,
  report: (failures: readonly Failure[]) => void,
): AnyRow {
  const [xs, ys] = [code.inputs.map((_, i) => `x${i}`), code.outputs.map((_, i) => `y${i}`)];
  const isDifferentiable = ({ id }: { readonly id: number }) => isFloat((code.values[id] as Code["values"][number]).dtype);
  const floats = code.outputs.map(isDifferentiable);
  const key = (mode: string, ...masks: Mask[]) => [mode, ...masks.map(maskText)].join("/");
  const reported = (runs: Runs, inputs: readonly Tensor[]): Tensor[] => {
    const failures: Failure[] = [];
    const outputs = runs(inputs, failures);
    report(failures);
    return outputs;
  };
  return {
    name: "program",
    inputs: xs,
    outputs: ys,
    saves: xs,
    kernel: (values) => zip(ys, run(of(xs, values))),
    vjp: (saved, g, _attrs, { wanted: asked }) => {
      const wanted = code.inputs.map((input, i) => isDifferentiable(input) && asked[xs[i] as string] === true);
      const given = ys.map((y) => g[y] !== undefined);
      const names = xs.filter((_, i) => wanted[i]);
      const pullback = derive(key("vjp", wanted, given), () => pullbackOf(code, wanted, given));
      const pulled = once(() => zip(names, reported(pullback, [...of(xs, saved), ...of(ys, g)])));
      return zip(
        names,
        names.map((name) => () => pulled()[name] as Tensor),
      );
    },
    jvp: (values, tangents) => {
      const along = xs.map((x) => tangents[x] !== undefined);
      const given = [...of(xs, values), ...of(xs, tangents)];
      const pushforward = (wanted: Mask) => derive(key("jvp", along, wanted), () => pushforwardOf(code, along, wanted));
      const all = once(() => together(pushforward(floats), given, floats));
      const alone = (i: number) => reported(pushforward(floats.map((_, j) => j === i)), given)[0];
      const one = (i: number): Tangent => once(() => all()?.[i] ?? alone(i));
      return zip(
        ys,
        floats.map((is, i) => (is ? one(i) : undefined)),
      );
    },
  };
}

/** All tangents in one run; undefined where an item fails, which may be by one tangent alone. */
function together(run: Runs, given: readonly Tensor[], floats: Mask): (Tensor | undefined)[] | undefined {
  const failures: Failure[] = [];
  try {
    const list = run(given, failures);
    return failures.length > 0 ? undefined : floats.map((is) => (is ? list.shift() : undefined));
  } catch (error) {
    if (error instanceof LinalgError) return undefined;
    throw error;
  }
}
