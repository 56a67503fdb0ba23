// Forward mode: a level that carries tangents along, by a row's own rule or by the transpose of its reverse one.
import { applyAll, inRuleOf } from "./apply";
import { isFloat } from "./dtype";
import { zerosLike } from "./evaluate";
import { inputsByName } from "./form";
import { boxOf, type Level, once, valuesAt } from "./levels";
import { Open } from "./open";
import { named, RUN, type RunContext } from "./outcome";
import { ruleFor } from "./registry";
import { backward, type Edge, Reverse } from "./reverse";
import type { AnyRow, Attrs, ControlOf, Tangent } from "./row";
import { applyRule, applyUserRule, unbroadcast } from "./rules";
import { boxOver, type Tensor } from "./tensor";

/** A level that carries tangents along. */
export class Forward extends Open implements Level {
  readonly title = "forward mode (jvp, hvp)";
  dual(value: Tensor, tangent: Tangent): Tensor {
    return boxOver(value, { level: this, value, payload: tangent });
  }
  /** The tangent of t; undefined: zero. Those of ops with several outputs are computed when they are asked for. */
  tangentOf(t: Tensor): Tensor | undefined {
    const tangent = boxOf(t, this)?.payload as Tangent;
    return typeof tangent === "function" ? tangent() : tangent;
  }
  interpret(row: AnyRow, inputs: readonly Tensor[], attrs: Attrs, wantAux: boolean, options: RunContext): Tensor[] {
    const values = valuesAt(inputs, this);
    if (row.control) return this.#together(row.control, inputs, options);
    const outputs = applyAll(row, values, attrs, wantAux, options);
    const along = inputs.map((t) => this.tangentOf(t));
    if (!along.some((t) => t)) return outputs;
    const ruled = <R>(rule: () => R): R => inRuleOf(options.collect || options.lenient === true, rule);
    const pushed = ruled(() => pushforward(row, attrs, values, outputs.slice(0, row.outputs.length), along));
    const tangents = pushed.map((t) => (typeof t === "function" ? once(() => ruled(t)) : t));
    return outputs.map((o, i) => (tangents[i] ? this.dual(o, tangents[i]) : o));
  }
  /** Bodies compute outputs and tangents in one run. */
  #together(of: ControlOf, inputs: readonly Tensor[], options: RunContext): Tensor[] {
    const along = inputs.map((t) => this.tangentOf(t));
    const { outputs, tangents } = of.dual(valuesAt(inputs, this), along, { [RUN]: options });
    return outputs.map((o, i) => (tangents[i] ? this.dual(o, tangents[i]) : o));
  }
}

/** Tangents of the outputs. */
function pushforward(
  row: AnyRow,
  attrs: Attrs,
  values: readonly Tensor[],
  outputs: readonly Tensor[],
  tangents: readonly (Tensor | undefined)[],
): Tangent[] {
  const rule = ruleFor(row);
  if (row.jvp && !rule) {
    const pushed = row.jvp({ ...inputsByName(row, values), ...named(row.outputs, outputs) }, inputsByName(row, tangents), attrs);
    return row.outputs.map((n) => pushed[n]);
  }
  if (!row.vjp && !rule) return [];
  const one = (i: number) => transposed(row, attrs, values, outputs, tangents, i);
  const moves = outputs.map((o) => isFloat(o.dtype));
  if (outputs.length === 1) return [moves[0] ? one(0) : undefined];
  // Each by itself, and only if somebody asks: one may have no derivative where another has, as the vectors and values of a spectrum.
  return moves.map((is, i) => (is ? once(() => one(i)) : undefined));
}

/**
 * The tangent of one output. The rule pulls a cotangent g back to the inputs by a map linear in g; its transpose, pulled back through the same
 * rule at a zero g, pushes tangents forward. So one rule per op gives both modes, and a symmetrised cotangent a symmetrised tangent.
 */
function transposed(
  row: AnyRow,
  attrs: Attrs,
  values: readonly Tensor[],
  outputs: readonly Tensor[],
  tangents: readonly (Tensor | undefined)[],
  output: number,
): Tensor | undefined {
  const level = new Reverse();
  try {
    const zero = level.leaf(zerosLike(outputs[output] as Tensor));
    const saved = { ...inputsByName(row, values), ...named(row.outputs, outputs) };
    const g = outputs.map((_, i) => (i === output ? zero : undefined));
    const pulled = openCotangents(row, saved, g, attrs, values, tangents);
    const roots = pulled.flatMap((make, i) => {
      const tangent = tangents[i];
      if (!make || !tangent) return [];
      const result = unbroadcast(make(), values[i] as Tensor, row, i);
      const edge = level.edgeOf(result);
      return edge ? [{ edge, cotangent: tangent }] : [];
    });
    level.close();
    return backward(roots, [(level.edgeOf(zero) as Edge).node])[0];
  } finally {
    level.close();
  }
}

function openCotangents(
  row: AnyRow,
  saved: Record<string, Tensor>,
  g: readonly (Tensor | undefined)[],
  attrs: Attrs,
  values: readonly Tensor[],
  tangents: readonly (Tensor | undefined)[],
) {
  const rule = ruleFor(row);
  const asked = tangents.map((t) => t !== undefined);
  if (!rule) return applyRule(row, saved, g, attrs, values, asked);
  return applyUserRule(row, rule, saved, g, attrs, values.length).map((t) => t && (() => t));
}
