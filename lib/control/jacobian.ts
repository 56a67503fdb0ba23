import { withoutOptions } from "../core/attrs";
import { isComplex, isFloat } from "../core/dtype";
import { DtypeError } from "../core/errors";
import { zerosLike } from "../core/evaluate";
import { sizeOf, type Tensor, wrap } from "../core/tensor";
import { type Flat, flattenTensors, type Given, type Tensors, type TensorTree } from "../core/tree";
import { cast } from "../ops/cast";
import { equal } from "../ops/elementwise";
import { reshape, slice, transpose } from "../ops/structure";
import { internControl } from "../program/intern";
import { type Recorded, recordBody } from "../program/record";
import { replay } from "../program/replay";
import { asFunction, type Untold } from "../transforms/arguments";
import { grad } from "../transforms/grad";
import { withPullback } from "../transforms/pullback";
import { linearized } from "./linearize";
import { applyControl } from "./rows";
import { typeOfTensor } from "./trees";

/** The type of a Jacobian: in every leaf of the result's tree the tree of the argument. */
export type Jacobian<R, X> = [TensorTree] extends [R] ? TensorTree : R extends Tensor ? Tensors<X> : { [K in keyof R]: Jacobian<R[K], X> };

function refuseComplex(op: string, ...lists: readonly Tensor[][]): void {
  for (const t of lists.flat())
    if (isComplex(t.dtype))
      throw new DtypeError(op, `is defined for real functions, got ${t.dtype}: differentiate real(f) and imag(f), or use vjp and jvp.`);
}

/** Leaves with a derivative, where each begins among all their elements, and how many these are. */
function parts(leaves: readonly Tensor[]): { moves: Tensor[]; starts: number[]; total: number } {
  const moves = leaves.filter((t) => isFloat(t.dtype));
  const starts: number[] = [];
  let total = 0;
  for (const t of moves) {
    starts.push(total);
    total += t.size;
  }
  return { moves, starts, total };
}

const integers = (from: number, count: number): Tensor<"int32"> =>
  wrap(
    "int32",
    [count],
    Int32Array.from({ length: count }, (_, k) => from + k),
  );

/** A linear map at every unit vector of its arguments: results stacked. The vectors are made in the body, of their number. */
function columns({ body, captures }: Recorded, moves: readonly Tensor[], starts: readonly number[], total: number): Tensor[] {
  const along = recordBody("vmap", [{ dtype: "int32", shape: [] }], ([number]) => {
    const vectors = moves.map(({ dtype, shape, size }, i) => {
      const places = integers(starts[i] as number, size);
      return reshape(cast(equal(places, number as Tensor<"int32">), dtype), shape);
    });
    return replay(body, [...vectors, ...captures]);
  });
  const sums = body.outputs.map(() => false);
  const loop = internControl({ kind: "loop", name: "vmap", body: along.body, length: total, reverse: false, carries: 0, mapped: 1, sums });
  return applyControl(loop, [integers(0, total), ...along.captures]);
}

const rows = (x: Tensor, from: number, count: number): Tensor =>
  count === x.shape[0] ? x : slice(x, [from, ...x.shape.slice(1).map(() => 0)], [count, ...x.shape.slice(1)]);
/** (columns, ...output) as (...output, ...input). */
function toJacobian(x: Tensor, input: Tensor): Tensor {
  const axes = x.shape.map((_, i) => (i + 1) % x.rank);
  return reshape(x.rank < 2 ? x : transpose(x, axes), [...x.shape.slice(1), ...input.shape]);
}

function forward(op: string, input: Flat<Tensor>, f: (tree: unknown) => unknown): unknown {
  const linear = linearized(op, input, f);
  refuseComplex(op, input.leaves, linear.out.leaves);
  const { moves, starts, total } = parts(input.leaves);
  const stacked = moves.length > 0 ? columns(linear, moves, starts, total) : [];
  return linear.out.rebuild(
    linear.out.leaves.map((y, j) => {
      let next = 0;
      return input.rebuild(
        input.leaves.map((x) => {
          const i = isFloat(x.dtype) ? next++ : -1;
          if (i < 0 || !isFloat(y.dtype)) return zerosLike({ dtype: y.dtype, shape: [...y.shape, ...x.shape] });
          return toJacobian(rows(stacked[j] as Tensor, starts[i] as number, x.size), x);
        }),
      );
    }),
  );
}

type Pulled = ReturnType<typeof withPullback>;
function reverse(op: string, input: Flat<Tensor>, { out, pullback }: Pulled): unknown {
  refuseComplex(op, input.leaves, out.leaves);
  const { moves, starts, total } = parts(out.leaves);
  const recorded = recordBody(op, moves.map(typeOfTensor), (given) => {
    const rest = [...given];
    return pullback(out.leaves.map((y) => (isFloat(y.dtype) ? rest.shift() : undefined)));
  });
  const stacked = moves.length > 0 ? columns(recorded, moves, starts, total) : [];
  let next = 0;
  return out.rebuild(
    out.leaves.map((y) => {
      const j = isFloat(y.dtype) ? next++ : -1;
      return input.rebuild(
        input.leaves.map((x, i) => {
          const shape = [...y.shape, ...x.shape];
          return j < 0 ? zerosLike({ dtype: x.dtype, shape }) : reshape(rows(stacked[i] as Tensor, starts[j] as number, y.size), shape);
        }),
      );
    }),
  );
}

type Transform = <X = Untold[0], R = unknown>(f: (x: X) => R) => (x: X | Given<X>) => Jacobian<R, X>;
const transform = (op: string, mode: (op: string, input: Flat<Tensor>, f: (tree: unknown) => unknown) => unknown): Transform =>
  withoutOptions(op, 1, ((f: (x: unknown) => unknown) => {
    asFunction(op, f);
    return (x: unknown) => mode(op, flattenTensors(op, x), f);
  }) as Transform);

/**
 * The Jacobian by forward mode: f runs once, then its linear part for every element of the argument, together in one loop. For functions with
 * fewer inputs than outputs. Per output leaf, the tree of the argument with leaves of shape (...output, ...input).
 */
export const jacfwd = transform("jacfwd", forward);
/** The Jacobian by reverse mode: f runs once, then its pullback for every element of the result. For functions with fewer outputs than inputs. */
export const jacrev = transform("jacrev", (op, input, f) => reverse(op, input, withPullback(op, input, f)));
/** The Jacobian of a real function of one argument, by the mode that has fewer directions: forward where the result has more elements. */
export const jacobian = transform("jacobian", (op, input, f) => {
  const count = (leaves: readonly Tensor[]): number => leaves.reduce((n, t) => n + (isFloat(t.dtype) ? sizeOf(t.shape) : 0), 0);
  const pulled = withPullback(op, input, f);
  return count(pulled.out.leaves) > count(input.leaves) ? forward(op, input, f) : reverse(op, input, pulled);
});

/**
 * The Hessian of a real scalar function: the Jacobian of its gradient, forward over reverse mode; leaves of shape (...input, ...input).
 */
export const hessian = withoutOptions(
  "hessian",
  1,
  <X = Untold[0]>(f: (x: X) => Tensor): ((x: X | Given<X>) => Jacobian<Tensors<X>, X>) => {
    asFunction("hessian", f);
    return jacfwd<X, Tensors<X>>(grad<[X], Tensor>(f));
  },
);
