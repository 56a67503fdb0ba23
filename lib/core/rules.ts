// What rules give: asked for, checked, in the shape and dtype of the input.
import { call } from "./apply";
import { isComplex, realOf } from "./dtype";
import { ArgumentError, BacksolveError, DtypeError, describe, ShapeError } from "./errors";
import type { ValueType } from "./ir";
import { named } from "./outcome";
import type { GradientRule } from "./registry";
import { type AnyRow, type Attrs, nameOf } from "./row";
import { broadcast, sameShape } from "./signature";
import { isTensor, keepAll, type Shape, shapeText, type Tensor } from "./tensor";

export function applyRule(
  row: AnyRow,
  saved: Readonly<Record<string, Tensor>>,
  g: readonly (Tensor | undefined)[],
  attrs: Attrs,
  inputs: readonly ValueType[],
  asked: readonly boolean[],
) {
  if (!row.vjp) {
    throw new BacksolveError("ERR_ARGUMENT", nameOf(row), `has no gradient: registerGradient("${row.name}", rule) adds one.`);
  }
  const shapes: Record<string, Shape> = {};
  const wanted: Record<string, boolean> = {};
  row.inputs.forEach((n, i) => {
    shapes[n] = (inputs[i] as ValueType).shape;
    wanted[n] = asked[i] as boolean;
  });
  const rules = row.vjp(saved, named(row.outputs, g), attrs, { shapes, wanted });
  return row.inputs.map((n) => rules[n]);
}

/** What a user's rule gives, if it is what rules give. */
export function applyUserRule(
  row: AnyRow,
  rule: GradientRule,
  saved: Readonly<Record<string, Tensor>>,
  g: readonly (Tensor | undefined)[],
  attrs: Attrs,
) {
  const of = (names: readonly string[]) => keepAll(names.map((n) => saved[n] as Tensor));
  const list: unknown = rule({ inputs: of(row.inputs), outputs: of(row.outputs), attrs }, [...g]);
  if (!Array.isArray(list) || list.length > row.inputs.length) {
    const got = Array.isArray(list) ? `${list.length} entries` : describe(list);
    throw new ArgumentError(
      row.name,
      `its gradient rule must return an array with an entry per input (${row.inputs.join(", ")}), got ${got}.`,
    );
  }
  return row.inputs.map((_, i) => list[i] as Tensor | undefined);
}

/** Un-broadcasts a cotangent, and takes its real part where the input is real; says which rule gave a wrong shape. */
export function unbroadcast(g: unknown, input: ValueType, row: AnyRow, i: number): Tensor {
  if (!isTensor(g)) throw new ArgumentError(nameOf(row), `its gradient rule must give a tensor for ${row.inputs[i]}, got ${describe(g)}.`);
  if (!sameShape(broadcast([g.shape, input.shape]) ?? [], g.shape)) {
    const want = shapeText(input.shape);
    throw new ShapeError(
      nameOf(row),
      `its gradient rule gave shape ${shapeText(g.shape)} for ${row.inputs[i]}, expected ${want} or one that it broadcasts to.`,
    );
  }
  if (realOf(g.dtype) !== realOf(input.dtype)) {
    throw new DtypeError(nameOf(row), `its gradient rule gave dtype ${g.dtype} for ${row.inputs[i]}, expected ${input.dtype}.`);
  }
  const typed = isComplex(g.dtype) === isComplex(input.dtype) ? g : call(isComplex(g.dtype) ? "real" : "toComplex", [g]);
  if (sameShape(typed.shape, input.shape)) return typed;
  const extra = typed.shape.length - input.shape.length;
  const axes: number[] = [];
  typed.shape.forEach((d, i) => {
    if (i < extra || (input.shape[i - extra] === 1 && d !== 1)) axes.push(i);
  });
  const sum = call("sum", [typed], { axis: axes, keepDims: false });
  return sameShape(sum.shape, input.shape) ? sum : call("reshape", [sum], { shape: input.shape });
}
