// Tensors side by side, along an axis that they have or a new one.
import { int, optionsOf } from "../core/attrs";
import type { DType, Sym } from "../core/dtype";
import { ArgumentError, describe, ShapeError } from "../core/errors";
import { MAX_INPUTS } from "../core/form";
import { defineOp } from "../core/op";
import { asTensor, dtypeOfOperands } from "../core/operands";
import { native } from "../core/row";
import { checkAxis, type Operand, type Shape, shapeText, type Tensor } from "../core/tensor";
import { expandDims, slice } from "./structure";

type T = Tensor<Sym<"any">>;

/** @throws ShapeError that says which operand does not fit the first, but along `but`. */
function checkAlike(op: string, shapes: readonly Shape[], but = -1): void {
  const [first] = shapes as readonly [Shape];
  shapes.forEach((s, i) => {
    if (s.length === first.length && s.every((d, k) => k === but || d === first[k])) return;
    const where = but < 0 ? "all shapes must be equal" : `all sizes but those along axis ${but} must be equal`;
    throw new ShapeError(op, `xs[${i}] has shape ${shapeText(s)}, xs[0] has ${shapeText(first)}: ${where}.`);
  });
}

function joined(xs: readonly Shape[], axis: number): number[] {
  const first = xs[0] as Shape;
  if (first.length === 0) throw new ShapeError("concat", "xs[0] is a scalar, which has no axis to join along: use stack.");
  if (axis < 0 || axis >= first.length) throw new ArgumentError("concat", `axis ${axis} is out of range for shape ${shapeText(first)}.`);
  checkAlike("concat", xs, axis);
  return first.map((d, i) => (i === axis ? xs.reduce((n, s) => n + (s[axis] as number), 0) : d));
}

const concatOp = defineOp({
  name: "concat",
  tf: "ConcatV2",
  inputs: ["...xs"],
  outputs: ["y"],
  attrs: { axis: int(0) },
  samples: (n) => [
    { shapes: { xs: [[n], [n + 1]] } },
    {
      shapes: {
        xs: [
          [2, n],
          [2, 1],
          [2, n],
        ],
      },
      attrs: { axis: 1 },
    },
    { shapes: { xs: [[n, 2, 3]] }, attrs: { axis: 2 } },
    { shapes: { xs: Array.from({ length: MAX_INPUTS }, (_, i) => [i % 3, n]) } },
  ],
  infer: ({ xs }, { axis }) => ({ y: joined(xs, axis) }),
  types: "any",
  kernel: native("concat"),
  linear: true,
  // the part of each
  vjp: (_, { y: g }, { axis }, { shapes }) => {
    let end = 0;
    const parts = shapes.xs.map((shape) => {
      const from = end;
      end += shape[axis] as number;
      return (): T =>
        slice(
          g,
          shape.map((_d, i) => (i === axis ? from : 0)),
          shape,
        );
    });
    return { xs: parts };
  },
});

const listOf = (op: string, xs: unknown): unknown[] => {
  if (Array.isArray(xs) && xs.length > 0) return Array.from(xs);
  throw new ArgumentError(op, `xs must be an array of tensors, at least one, got ${describe(xs)}.`);
};

/** Tensors one after the other along an axis, of which they may be differently long: NumPy's concatenate. */
export function concat<D extends DType>(xs: readonly Tensor<D>[], options: { axis?: number } = {}): Tensor<D> {
  const list = listOf("concat", xs).map((x, i) => asTensor("concat", `xs[${i}]`, x));
  const { axis = 0 } = optionsOf("concat", options, ["axis"]);
  const at = (list[0] as Tensor).rank === 0 ? 0 : checkAxis("concat", axis, (list[0] as Tensor).rank);
  joined(
    list.map((x) => x.shape),
    at,
  );
  if (list.length > MAX_INPUTS) dtypeOfOperands(concatOp.row, list); // its errors count the operands of all calls together
  return tree(list as Tensor<D>[], at);
}

/** One native call takes MAX_INPUTS. */
function tree<D extends DType>(xs: readonly Tensor<D>[], axis: number): Tensor<D> {
  if (xs.length <= MAX_INPUTS) return concatOp(xs, { axis });
  const parts: Tensor<D>[] = [];
  for (let i = 0; i < xs.length; i += MAX_INPUTS) parts.push(tree(xs.slice(i, i + MAX_INPUTS), axis));
  return tree(parts, axis);
}

const stackOp = defineOp({
  name: "stack",
  tf: "Pack",
  inputs: ["...xs"],
  outputs: ["y"],
  attrs: { axis: int(0) },
  samples: (n) => [
    { shapes: { xs: [[n], [n]] }, attrs: { axis: 1 } },
    { shapes: { xs: [[], [], []] } },
    {
      shapes: {
        xs: [
          [2, n],
          [2, n],
        ],
      },
    },
  ],
  infer: ({ xs }, { axis }) => {
    checkAlike("stack", xs);
    const first = xs[0] as Shape;
    if (axis < 0 || axis > first.length)
      throw new ArgumentError("stack", `axis ${axis} is out of range for the ${first.length + 1} axes of the result.`);
    return { y: first.toSpliced(axis, 0, xs.length) };
  },
  types: "any",
  kernel: ({ xs }, { axis }) =>
    concat(
      xs.map((x) => expandDims(x, axis)),
      { axis },
    ),
});

/** Tensors of one shape along a new axis, before `axis` of the result: NumPy's stack. */
export function stack<D extends DType>(xs: readonly Operand<D>[], options: { axis?: number } = {}): Tensor<D> {
  const list = listOf("stack", xs);
  const { axis = 0 } = optionsOf("stack", options, ["axis"]);
  const rank = asTensor("stack", "xs[0]", list[0]).rank + 1;
  return stackOp(list as Tensor<D>[], { axis: checkAxis("stack", axis, rank) });
}
