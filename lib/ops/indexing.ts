// Elements chosen by index along an axis.
import { within } from "../core/apply";
import { flag, optionsOf } from "../core/attrs";
import type { DType, Float, Sym } from "../core/dtype";
import { ArgumentError, ShapeError } from "../core/errors";
import { type AsyncOptions, type CallOptions, type Checked, defineOp } from "../core/op";
import { asTensor } from "../core/operands";
import { type AnyRow, native } from "../core/row";
import { broadcast, sameShape } from "../core/signature";
import { adopt, checkAxis, type Shape, shapeText, sizeOf, type Tensor } from "../core/tensor";
import { zeros } from "./creation";
import { indexInto } from "./domains";
import { type Forms, inForms } from "./forms";
import { broadcastTo, reshape } from "./structure";

type T = Tensor<Sym<"T">>;

// Both choose elements of vectors, or of the columns of matrices: further axes lie behind one another as columns.
const attrs = { rows: flag(false) };
const dtypes = { indices: "int32" } as const;
const domain = { indices: indexInto("x", ({ rows }) => (rows ? -2 : -1)) };
const failures = ["ERR_ARGUMENT"] as const;
const sizes = (n: number) => [{ n, k: 2 * n, c: 2 }];
const itemOf = (shape: Shape, rows: boolean): Shape => shape.slice(rows ? -2 : -1);

const gatherOp = defineOp({
  name: "gather",
  inputs: ["x", "indices"],
  outputs: ["y"],
  types: "any",
  attrs,
  signature: ({ rows }) => (rows ? "(n,c),(k,c)->(k,c)" : "(n),(k)->(k)"),
  sizes,
  dtypes,
  domain,
  failures,
  kernel: native("gather"),
  linear: true,
  saves: ["indices"],
  // y_i = x_p(i): x̄_p = Σ ȳ_i over p(i) = p
  vjp: ({ indices }, { y }, { rows }, { shapes }) => ({
    x: () => {
      const g: Tensor = y; // of floats: other dtypes have no cotangents
      const back: Tensor = scatterAddOp(zeros(itemOf(shapes.x, rows), { dtype: g.dtype as Float }) as T, indices, g as T, {
        rows,
        ...within("gather"),
      });
      return back as typeof y;
    },
  }),
});

const scatterAddOp = defineOp({
  name: "scatterAdd",
  inputs: ["x", "indices", "v"],
  outputs: ["y"],
  types: "number",
  attrs,
  signature: ({ rows }) => (rows ? "(n,c),(k,c),(k,c)->(n,c)" : "(n),(k),(k)->(n)"),
  sizes,
  dtypes,
  domain,
  failures,
  kernel: native("scatterAdd"),
  linear: true,
  saves: ["indices"],
  // y_p = x_p + Σ v_i over p(i) = p: x̄ = ȳ, v̄_i = ȳ_p(i)
  vjp: ({ indices }, { y: g }, { rows }) => ({ x: () => g, v: (): T => gatherOp(g, indices, { rows, ...within("scatterAdd") }) }),
});

interface AlongAxis {
  readonly axis?: number;
  readonly out?: unknown;
}

/** Lets an op along vectors, or the rows of matrices, go along any axis of operands of one rank, whose other axes broadcast together. */
function alongAxis<F extends Forms>(op: F): F {
  const { name, inputs } = op.row;
  return inForms<F>(op, (args, common) => {
    const operands = inputs.map((input, i) => asTensor(name, input, args[i]));
    const { axis = -1, ...options } = optionsOf(name, args[inputs.length] as AlongAxis | undefined, ["axis", ...common] as never);
    const [x] = operands as [Tensor];
    const at = checkAxis(name, axis, x.rank);
    operands.forEach((t, i) => {
      if (t.rank !== x.rank)
        throw new ShapeError(name, `${inputs[i]} has shape ${shapeText(t.shape)}, x ${shapeText(x.shape)}: ranks must be equal.`);
    });
    const behind = broadcast(operands.map((t) => t.shape.slice(at + 1)));
    if (!behind) {
      const given = operands.map((t, i) => `${inputs[i]} ${shapeText(t.shape)}`).join(", ");
      throw new ShapeError(name, `shapes do not broadcast together but along axis ${at}: ${given}.`);
    }
    const rest = [...args.slice(inputs.length + 1)];
    if (behind.length === 0) return { args: [...operands, { ...options, rows: false }, ...rest], back: (y) => y };
    const columns = sizeOf(behind);
    const flat = (t: Tensor): Tensor => {
      const full = [...t.shape.slice(0, at + 1), ...behind];
      const whole = sameShape(t.shape, full) ? t : broadcastTo(t, full);
      return behind.length === 1 ? whole : reshape(whole, [...t.shape.slice(0, at + 1), columns]);
    };
    const to = options.out === undefined ? undefined : adopt(name, options.out);
    if (to && !sameShape(to.shape.slice(at + 1), behind))
      throw new ArgumentError(name, `option out has shape ${shapeText(to.shape)}: behind axis ${at} the result has ${shapeText(behind)}.`);
    const out = to && behind.length > 1 ? reshape(to, [...to.shape.slice(0, at + 1), columns]) : options.out;
    const back = (y: Tensor): Tensor => (behind.length === 1 ? y : reshape(y, [...y.shape.slice(0, -1), ...behind]));
    return { args: [...operands.map(flat), { ...options, ...(out !== undefined && { out }), rows: true }, ...rest], back };
  });
}

export interface AxisOptions {
  /** Along which axis; the last where nothing is said. */
  readonly axis?: number;
}
/** A function along an axis in its three forms. */
export interface Gather {
  <D extends DType>(x: Tensor<D>, indices: Tensor<"int32">, options?: AxisOptions & CallOptions): Tensor<D>;
  async<D extends DType>(x: Tensor<D>, indices: Tensor<"int32">, options?: AxisOptions & AsyncOptions): Promise<Tensor<D>>;
  checked<D extends DType>(x: Tensor<D>, indices: Tensor<"int32">, options?: AxisOptions): Checked<Tensor<D>>;
  readonly row: AnyRow;
}
export interface ScatterAdd {
  <D extends Float | "int32">(
    x: Tensor<D>,
    indices: Tensor<"int32">,
    v: Tensor<NoInfer<D>>,
    options?: AxisOptions & CallOptions,
  ): Tensor<D>;
  async<D extends Float | "int32">(
    x: Tensor<D>,
    indices: Tensor<"int32">,
    v: Tensor<NoInfer<D>>,
    options?: AxisOptions & AsyncOptions,
  ): Promise<Tensor<D>>;
  checked<D extends Float | "int32">(
    x: Tensor<D>,
    indices: Tensor<"int32">,
    v: Tensor<NoInfer<D>>,
    options?: AxisOptions,
  ): Checked<Tensor<D>>;
  readonly row: AnyRow;
}

/**
 * y[..., i, ...] = x[..., indices[..., i, ...], ...] along an axis, the last where nothing is said: NumPy's take_along_axis. x and indices have
 * one rank, their other axes broadcast; negative indices count from the end. ERR_ARGUMENT names an index out of range.
 */
export const gather = alongAxis(gatherOp) as unknown as Gather;

/**
 * x with v[..., i, ...] added at indices[..., i, ...] along an axis, the transpose of `gather`: equal indices add in their order, int32 wraps.
 * ERR_ARGUMENT names an index out of range.
 */
export const scatterAdd = alongAxis(scatterAddOp) as unknown as ScatterAdd;
