// What rules give: asked for, checked, in the shape and dtype of the input.
import { call } from "./apply";
import { isComplex, realOf } from "./dtype";
import { ArgumentError, BacksolveError, DtypeError, describe, ShapeError } from "./errors";
import { inputName, inputNames, inputsByName, inputsInOrder } from "./form";
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
  const shapes = inputsByName<Shape>(
    row,
    inputs.map((t) => t.shape),
  );
  const rules = row.vjp(saved, named(row.outputs, g), attrs, { shapes, wanted: inputsByName(row, asked) });
  return inputsInOrder(row, rules, inputs.length);
}

/** What a user's rule gives, if it is what rules give. */
export function applyUserRule(
  row: AnyRow,
  rule: GradientRule,
  saved: Readonly<Record<string, Tensor>>,
  g: readonly (Tensor | undefined)[],
  attrs: Attrs,
  arity: number,
) {
  const inputs = inputsInOrder(row, saved, arity) as Tensor[];
  const outputs = row.outputs.map((n) => saved[n] as Tensor);
  const list: unknown = rule({ inputs: keepAll(inputs), outputs: keepAll(outputs), attrs }, [...g]);
  if (!Array.isArray(list) || list.length > arity) {
    const got = Array.isArray(list) ? `${list.length} entries` : describe(list);
    throw new ArgumentError(
      row.name,
      `its gradient rule must return an array with an entry per input (${inputNames(row, arity).join(", ")}), got ${got}.`,
    );
  }
  return inputs.map((_, i) => list[i] as Tensor | undefined);
}

/** Un-broadcasts a cotangent, and takes its real part where the input is real; says which rule gave a wrong shape. */
export function unbroadcast(g: unknown, input: ValueType, row: AnyRow, i: number): Tensor {
  if (!isTensor(g))
    throw new ArgumentError(nameOf(row), `its gradient rule must give a tensor for ${inputName(row, i)}, got ${describe(g)}.`);
  if (!sameShape(broadcast([g.shape, input.shape]) ?? [], g.shape)) {
    const want = shapeText(input.shape);
    throw new ShapeError(
      nameOf(row),
      `its gradient rule gave shape ${shapeText(g.shape)} for ${inputName(row, i)}, expected ${want} or one that it broadcasts to.`,
    );
  }
  if (realOf(g.dtype) !== realOf(input.dtype)) {
    throw new DtypeError(nameOf(row), `its gradient rule gave dtype ${g.dtype} for ${inputName(row, i)}, expected ${input.dtype}.`);
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
