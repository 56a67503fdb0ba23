// A program called inside a transform is an op: its value by running it, its derivatives by running programs that are derived from it.
import { isFloat } from "../core/dtype";
import { once } from "../core/engine";
import { LinalgError } from "../core/errors";
import { ruleEpoch } from "../core/registry";
import type { AnyRow, Tangent } from "../core/row";
import type { Tensor } from "../core/tensor";
import type { Code } from "./code";
import { type Mask, pullbackOf, pushforwardOf } from "./derive";

export type Runs = (inputs: readonly Tensor[]) => Tensor[];

const zip = <V>(names: readonly string[], list: readonly V[]): Record<string, V> =>
  Object.fromEntries(names.map((name, i) => [name, list[i] as V]));
const of = (names: readonly string[], from: Readonly<Record<string, Tensor>>): Tensor[] => names.flatMap((name) => from[name] ?? []);

/** The row of one call. `run` gives the outputs, whatever level the inputs are of; `derive` the same of other code, made once per key. */
export function programRow(code: Code, run: Runs, derive: (key: string, make: () => Code) => Runs): AnyRow {
  const [xs, ys] = [code.inputs.map((_, i) => `x${i}`), code.outputs.map((_, i) => `y${i}`)];
  const isDifferentiable = ({ id }: { readonly id: number }) => isFloat((code.values[id] as Code["values"][number]).dtype);
  const floats = code.outputs.map(isDifferentiable);
  const key = (mode: string, ...masks: Mask[]) => [mode, ruleEpoch(), ...masks.map((m) => m.map(Number).join(""))].join("/");
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
      const pull = derive(key("vjp", wanted, given), () => pullbackOf(code, wanted, given));
      const pulled = once(() => zip(names, pull([...of(xs, saved), ...of(ys, g)])));
      return zip(
        names,
        names.map((name) => () => pulled()[name] as Tensor),
      );
    },
    jvp: (values, tangents) => {
      const along = xs.map((x) => tangents[x] !== undefined);
      const given = [...of(xs, values), ...of(xs, tangents)];
      const push = (wanted: Mask) => derive(key("jvp", along, wanted), () => pushforwardOf(code, along, wanted))(given);
      const all = once(() => {
        const list = push(floats);
        return floats.map((is) => (is ? list.shift() : undefined));
      });
      const one = (i: number): Tangent => {
        const alone = () => push(floats.map((_, j) => j === i))[0];
        return once(() => either(() => all()[i], alone));
      };
      return zip(
        ys,
        floats.map((is, i) => (is ? one(i) : undefined)),
      );
    },
  };
}

/** The tangent as one of all; where another of them has none, computed alone. */
function either(together: () => Tensor | undefined, alone: () => Tensor | undefined): Tensor | undefined {
  try {
    return together();
  } catch (error) {
    if (error instanceof LinalgError) return alone();
    throw error;
  }
}
