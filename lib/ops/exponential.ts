// The exponential of matrices. Derivations: docs/derivations/expm.md
import type { Float, Sym } from "../core/dtype";
import { defineOp } from "../core/op";
import { native } from "../core/row";
import type { Tensor } from "../core/tensor";
import { eye, zeros } from "./creation";
import { between } from "./domains";
import { add, div, mul } from "./elementwise";
import { concat } from "./joining";
import { columnsOf, rowsOf } from "./parts";
import { matmul } from "./products";
import { scaleOf } from "./scales";
import { adjoint } from "./structure";

type T = Tensor<Sym<"T">>;
type R = Tensor<Sym<"real">>;

/** The derivative of e^A along E: the corner of the exponential of [A E; 0 A] (Higham 2008, "Functions of matrices", eq. 3.16). E is brought to a moderate size, which it is linear in. */
function along(a: T, e: T): T {
  const n = a.shape.at(-1) as number;
  const size = scaleOf(e as Tensor as Tensor<Float>, [-2, -1]) as R;
  const batch = add(a, e).shape;
  const wide = (x: T): T => add(x, zeros(batch, { dtype: x.dtype }));
  const top = concat([wide(a), wide(div(e, size))], { axis: -1 });
  const bottom = concat([zeros(batch, { dtype: a.dtype }) as T, wide(a)], { axis: -1 });
  const whole = expm(concat([top, bottom], { axis: -2 })) as T;
  return mul(size, columnsOf(rowsOf(whole, 0, n), n));
}

/**
 * e^A of square matrices, by scaling and squaring of Padé approximants: (..., n, n) -> (..., n, n). Derivatives of any order and mode, at any matrix,
 * defective ones included. ERR_NOT_FINITE names an item with a NaN or infinity, or with an answer beyond the largest number.
 */
export const expm = defineOp({
  name: "expm",
  tf: "MatrixExponential",
  inputs: ["a"],
  outputs: ["y"],
  signature: "(n,n)->(n,n)",
  // e^A e^-A = I
  law: ({ a }, { y }): [T, T][] => [
    [matmul(y, expm(mul(-1, a)) as T), add(eye(a.shape.at(-1) as number, { dtype: a.dtype }) as T, zeros(a.shape, { dtype: a.dtype }))],
  ],
  domain: { a: between(-0.5, 0.5) },
  failures: ["ERR_NOT_FINITE"],
  kernel: native("expm"),
  saves: ["a"],
  // the adjoint of the derivative at A is the derivative at Aᴴ (Higham 2008, section 3.2)
  vjp: ({ a }, { y: g }) => ({ a: (): T => along(adjoint(a), g) }),
  jvp: ({ a }, { a: t }) => ({ y: t ? (): T => along(a, t) : undefined }),
});
