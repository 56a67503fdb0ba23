// What a program calls, as a row: computed by its body, differentiated by the rule of the function that it was.
import { inputsByName, inputsInOrder } from "../core/form";
import type { Call, Code } from "../core/ir";
import { named } from "../core/outcome";
import { ruleFor } from "../core/registry";
import type { AnyRow, Attrs, Tangent } from "../core/row";
import { applyUserRule } from "../core/rules";
import type { Shape, Tensor } from "../core/tensor";

type Values = Readonly<Record<string, Tensor>>;
const rows = new WeakMap<Call, AnyRow>();

/** The row of a call. `replay`: outputs of a code. */
export function rowOfCall(call: Call, replay: (code: Code, inputs: readonly Tensor[]) => Tensor[]): AnyRow {
  let made = rows.get(call);
  if (!made) rows.set(call, (made = makeRow(call, replay)));
  return made;
}

function makeRow({ body, row, arity }: Call, replay: (code: Code, inputs: readonly Tensor[]) => Tensor[]): AnyRow {
  const names = body.inputs.map((_, i) => `x${i}`);
  const own = names.slice(0, arity);
  const list = <V>(from: Readonly<Record<string, V | undefined>>): (V | undefined)[] => own.map((n) => from[n]);
  const outputs = (from: Values): Values =>
    named(
      row.outputs,
      row.outputs.map((n) => from[`of ${n}`]),
    );
  const inner = row.outputs.map((n) => `of ${n}`); // told from the inputs' names, whatever the row's are
  return {
    name: row.name,
    ...(row.publicName !== undefined && { publicName: row.publicName }),
    inputs: names,
    outputs: inner,
    saves: [...own, ...inner],
    kernel: (values) =>
      named(
        inner,
        replay(
          body,
          names.map((n) => values[n] as Tensor),
        ),
      ),
    vjp: (saved, g, attrs, { shapes, wanted }) => {
      const values = { ...inputsByName<Tensor>(row, list(saved)), ...outputs(saved) };
      const cotangents = row.outputs.map((n) => g[`of ${n}`]);
      const rule = ruleFor(row);
      if (rule) {
        const given = applyUserRule(row, rule, values, cotangents, attrs, arity);
        return Object.fromEntries(own.map((n, i) => [n, given[i] && (() => given[i] as Tensor)]));
      }
      const asked = inputsByName(row, list(wanted as Record<string, boolean>)) as Record<string, boolean>;
      const rules = row.vjp?.(values, named(row.outputs, cotangents), attrs, {
        shapes: inputsByName<Shape>(row, list(shapes)),
        wanted: asked,
      });
      const thunks = inputsInOrder(row, rules ?? {}, arity);
      return Object.fromEntries(own.map((n, i) => [n, thunks[i]]));
    },
    ...(row.jvp && {
      jvp: (values: Values, tangents: Partial<Values>, attrs: Attrs) => {
        const given = { ...inputsByName<Tensor>(row, list(values)), ...outputs(values) };
        const pushed = (row.jvp as NonNullable<AnyRow["jvp"]>)(given, inputsByName<Tensor>(row, list(tangents)), attrs);
        return Object.fromEntries(row.outputs.map((n) => [`of ${n}`, pushed[n] as Tangent]));
      },
    }),
  };
}
