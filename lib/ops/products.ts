import { flag, optionsOf } from "../core/attrs";
import type { Float } from "../core/dtype";
import { ShapeError } from "../core/errors";
import { asTensor, defineOp } from "../core/op";
import { native } from "../core/row";
import { shapeText, type Tensor } from "../core/tensor";
import type { Promote } from "./elementwise";
import { reshape } from "./structure";

const op = defineOp({
  name: "matmul",
  tf: "BatchMatMulV2",
  inputs: ["a", "b"],
  outputs: ["c"],
  attrs: { adjointA: flag(false), adjointB: flag(false) },
  signature: ({ adjointA, adjointB }) => `${adjointA ? "(k,m)" : "(m,k)"},${adjointB ? "(n,k)" : "(k,n)"}->(m,n)`,
  kernel: native("matmul"),
  saves: ["a", "b"],
  // The cotangent of op(A) is C̄ op(B)ᴴ, of op(B) op(A)ᴴ C̄; where op is the adjoint, its adjoint (Giles 2008, section 2.2.2).
  vjp: ({ a, b }, { c: g }, { adjointA: ha, adjointB: hb }) => ({
    a: () => (ha ? product(b, g, hb, true) : product(g, b, false, !hb)),
    b: () => (hb ? product(g, a, true, ha) : product(a, g, !ha, false)),
  }),
});
const product = (a: Tensor, b: Tensor, adjointA: boolean, adjointB: boolean): Tensor =>
  op(a as Tensor<never>, b as Tensor<never>, { adjointA, adjointB });

/** op(a) op(b) over the last two axes, batch dimensions broadcast. A 1-D operand is a row (first) or a column (second), as in NumPy. */
export function matmul<A extends Tensor<Float>, B extends Tensor<Float>>(
  a: A,
  b: B,
  options: { adjointA?: boolean; adjointB?: boolean } = {},
): Tensor<Promote<A, B>> {
  const { adjointA, adjointB } = optionsOf("matmul", options);
  const [x, y] = [asTensor("matmul", "a", a), asTensor("matmul", "b", b)];
  if (x.rank === 0 || y.rank === 0)
    throw new ShapeError("matmul", `a and b must have an axis, got shapes ${shapeText(x.shape)} and ${shapeText(y.shape)}; use mul.`);
  const left: Tensor = x.rank === 1 ? reshape(x, adjointA ? [x.size, 1] : [1, x.size]) : x;
  const right: Tensor = y.rank === 1 ? reshape(y, adjointB ? [1, y.size] : [y.size, 1]) : y;
  const c = op(left as Tensor<never>, right as Tensor<never>, options) as Tensor;
  const keep = [
    ...c.shape.slice(0, -2),
    ...(x.rank === 1 ? [] : [c.shape.at(-2) as number]),
    ...(y.rank === 1 ? [] : [c.shape.at(-1) as number]),
  ];
  return (x.rank === 1 || y.rank === 1 ? reshape(c, keep) : c) as Tensor<Promote<A, B>>;
}
matmul.row = op.row;
