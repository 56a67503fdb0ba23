import { flag, optionsOf } from "../core/attrs";
import type { Fits, Sym } from "../core/dtype";
import { ShapeError } from "../core/errors";
import { type AsyncOptions, type CallOptions, defineOp } from "../core/op";
import { asTensor } from "../core/operands";
import { native } from "../core/row";
import { type DTypeOf, isTensor, type Promote, shapeText, type Tensor } from "../core/tensor";
import { reshape } from "./structure";

type T = Tensor<Sym<"T">>;

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
const product = (a: T, b: T, adjointA: boolean, adjointB: boolean): T => op(a, b, { adjointA, adjointB });

export interface MatmulOptions {
  /** The adjoint of a in its place. */
  readonly adjointA?: boolean;
  /** The adjoint of b in its place. */
  readonly adjointB?: boolean;
}

type Out = Pick<CallOptions, "out">;
const same = (c: Tensor): Tensor => c;
/** Operands as matrices, and what takes the product back to NumPy's shape. */
function asMatrices(a: unknown, b: unknown, options: (MatmulOptions & Out) | undefined) {
  const { adjointA, adjointB, out }: MatmulOptions & Out = options === undefined ? {} : optionsOf("matmul", options);
  const [x, y] = [asTensor("matmul", "a", a), asTensor("matmul", "b", b)];
  if (x.rank === 0 || y.rank === 0)
    throw new ShapeError("matmul", `a and b must have an axis, got shapes ${shapeText(x.shape)} and ${shapeText(y.shape)}; use mul.`);
  if (x.rank > 1 && y.rank > 1) return { left: x, right: y, options, back: same };
  const [k, n] = [x.shape.at(x.rank > 1 && adjointA ? -2 : -1), y.shape.at(y.rank > 1 && !adjointB ? -2 : -1)];
  if (k !== n)
    throw new ShapeError(
      "matmul",
      `a has shape ${shapeText(x.shape)}, b ${shapeText(y.shape)}: the axes that are summed over have ${k} and ${n}.`,
    );
  const left = x.rank === 1 ? reshape(x, adjointA ? [x.size, 1] : [1, x.size]) : x;
  const right = y.rank === 1 ? reshape(y, adjointB ? [1, y.size] : [y.size, 1]) : y;
  const back = (c: Tensor): Tensor => {
    const [m, n] = [c.shape.at(-2) as number, c.shape.at(-1) as number];
    return reshape(c, [...c.shape.slice(0, -2), ...(x.rank === 1 ? [] : [m]), ...(y.rank === 1 ? [] : [n])]);
  };
  if (!isTensor(out)) return { left, right, options, back };
  const [rows, cols] = [out.shape.slice(0, y.rank === 1 ? undefined : -1), y.rank === 1 ? [1] : out.shape.slice(-1)];
  const within = reshape(out, x.rank > 1 ? [...rows, ...cols] : [...rows, 1, ...cols]);
  return { left, right, options: { ...options, out: within }, back: () => out };
}

/** op(a) op(b) over the last two axes, batch dimensions broadcast. A 1-D operand is a row (first) or a column (second), as in NumPy. */
export const matmul = Object.assign(
  <A extends Tensor, B extends Tensor>(a: A, b: B & Fits<DTypeOf<A>, DTypeOf<B>>, options?: MatmulOptions & Out): Tensor<Promote<A, B>> => {
    const { left, right, options: own, back } = asMatrices(a, b, options);
    return back(op(left, right, own)) as Tensor<Promote<A, B>>;
  },
  {
    /** The same, off the event loop. */
    async: async <A extends Tensor, B extends Tensor>(
      a: A,
      b: B & Fits<DTypeOf<A>, DTypeOf<B>>,
      options: MatmulOptions & Pick<AsyncOptions, "signal"> = {},
    ): Promise<Tensor<Promote<A, B>>> => {
      const { left, right, back } = asMatrices(a, b, options);
      return back(await op.async(left, right, options)) as Tensor<Promote<A, B>>;
    },
    row: op.row,
  },
);
