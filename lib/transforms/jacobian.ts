import { withoutOptions } from "../core/attrs";
import { allocate, dtypes, isComplex } from "../core/dtype";
import { DtypeError, guard } from "../core/errors";
import { zerosLike } from "../core/evaluate";
import { unwrapIfDead } from "../core/levels";
import { sizeOf, storageOf, type Tensor, tracedOf, wrap } from "../core/tensor";
import { flattenTensors, type Given, type Tensors, type TensorTree } from "../core/tree";
import { stack } from "../ops/joining";
import { reshape } from "../ops/structure";
import { asFunction, type Untold } from "./arguments";
import { grad } from "./grad";
import { linearize } from "./linearize";

/** The type of a Jacobian: in every leaf of the result's tree the tree of the argument. */
export type Jacobian<R, X> = [TensorTree] extends [R] ? TensorTree : R extends Tensor ? Tensors<X> : { [K in keyof R]: Jacobian<R[K], X> };

/** The Jacobian of a real function of one argument: per output leaf, the tree of the argument with leaves of shape (...output, ...input). */
export const jacobian = withoutOptions(
  "jacobian",
  1,
  <X = Untold[0], R = unknown>(f: (x: X) => R): ((x: X | Given<X>) => Jacobian<R, X>) => {
    asFunction("jacobian", f);
    return (x) => {
      const input = flattenTensors("jacobian", x);
      const { out, pullback } = linearize("jacobian", input, (tree) => f(tree as X));
      for (const t of [...input.leaves, ...out.leaves]) {
        if (isComplex(t.dtype))
          throw new DtypeError(
            "jacobian",
            `is defined for real functions, got ${t.dtype}: differentiate real(f) and imag(f), or use vjp and jvp.`,
          );
      }
      const per = out.leaves.map((y, which) =>
        input.rebuild(
          jacobianOf(y, (cotangent) => pullback(out.leaves.map((_, i) => (i === which ? cotangent : undefined))), input.leaves),
        ),
      );
      return out.rebuild(per) as Jacobian<R, X>;
    };
  },
);

/** One pullback per output element; rows are laid side by side, differentiably when anything outside still differentiates. */
function jacobianOf(y: Tensor, pullback: (cotangent: Tensor) => Tensor[], inputs: readonly Tensor[]): Tensor[] {
  const n = sizeOf(y.shape);
  const rows = Array.from({ length: n }, (_, k) => pullback(oneHot(y, k)));
  return inputs.map((x, i) => {
    const shape = [...y.shape, ...x.shape];
    const list = rows.map((r) => unwrapIfDead(r[i] as Tensor));
    if (list.some((t) => t.box !== undefined || tracedOf(t)))
      return list.length === 0 ? zerosLike({ dtype: x.dtype, shape }) : reshape(stack(list), shape);
    const array = guard("jacobian", () => allocate(x.dtype, n * x.size));
    list.forEach((t, k) => array.set(storageOf(t).array, k * x.size));
    return wrap(x.dtype, shape, array);
  });
}

function oneHot(y: Tensor, k: number): Tensor {
  const array = new dtypes[y.dtype].array(sizeOf(y.shape));
  array[k] = 1;
  return wrap(y.dtype, y.shape, array);
}

/** The Hessian of a real scalar function: the Jacobian of its gradient, leaves of shape (...input, ...input). */
export const hessian = withoutOptions(
  "hessian",
  1,
  <X = Untold[0]>(f: (x: X) => Tensor): ((x: X | Given<X>) => Jacobian<Tensors<X>, X>) => {
    asFunction("hessian", f);
    return jacobian<X, Tensors<X>>(grad<[X], Tensor>(f));
  },
);
