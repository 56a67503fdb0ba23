// Functions of arrays: dtypes go through, and what does not fit does not compile. Compiled by test/types.test.ts, never run.
import {
  all,
  argsort,
  bincount,
  block,
  cov,
  cumsum,
  dot,
  einsum,
  fromFunction,
  index,
  indexAdd,
  indexUpdate,
  linalg,
  max,
  meshgrid,
  outer,
  pad,
  quantile,
  scatterAdd,
  searchSorted,
  sort,
  split,
  std,
  type Tensor,
  take,
  tensordot,
  topK,
  unique,
} from "../../lib/index";

type Same<A, B> = (<X>() => X extends A ? 1 : 2) extends <X>() => X extends B ? 1 : 2 ? true : false;
const is = <T>() => ({ the: <X>(_x: X, _same: Same<X, T>): void => undefined });
type F32 = Tensor<"float32">;
type F64 = Tensor<"float64">;
declare const x32: F32;
declare const x64: F64;
declare const z: Tensor<"complex128">;
declare const i: Tensor<"int32">;
declare const mask: Tensor<"bool">;

is<F32>().the(index(x32, 0, "1:5:2", [1, 3], null, "...", i, mask, [true, false], [[0], [1]]), true);
is<F32>().the(x32.index(-1, ":").sort().cumsum({ axis: 0 }), true);
is<F64>().the(indexUpdate(x64, [0, "2:4"], 1), true);
is<F64>().the(indexAdd(x64, [i], x64), true);
is<F64[]>().the(split(x64, [1, 2]), true);
is<F64>().the(take(x64, [1, 2]), true);
is<F64>().the(block([[x64, x64], [x64]]), true);
is<F64>().the(pad(x64, [[1, 2], 3], { mode: "edge" }), true);
is<F64>().the(einsum("ij,jk->ik", x64, x64), true);
is<Tensor<"complex128">>().the(einsum("ij,jk->ik", x64, z), true);
is<Tensor<"complex128">>().the(outer(x64, z), true);
is<Tensor<"int32">>().the(dot(i, i), true);
is<F64>().the(tensordot(x64, x64, [[0], [1]]), true);
is<F64>().the(
  fromFunction((a, b) => a + b, [2, 2]),
  true,
);
is<F32[]>().the(meshgrid([x32, x32]), true);
is<Tensor<"int32">>().the(max(i), true);
is<Tensor<"int32">>().the(scatterAdd(i, i, i), true);
is<Tensor<"int32">>().the(argsort(mask), true);
is<{ values: F32; indices: Tensor<"int32"> }>().the(topK(x32, 2), true);
is<Tensor<"int32">>().the(searchSorted(x64, 1), true);
is<Tensor<"bool">>().the(all(i), true);
is<F64>().the(std(z, { axis: 0, ddof: 1 }), true);
is<F64>().the(linalg.norm(z, { ord: 1 }), true);
is<F32>().the(quantile(x32, [0.1, 0.9]), true);
is<Tensor<"complex128">>().the(cov(z), true);
is<F64>().the(unique(x64).values, true);
is<F64>().the(bincount(i, { weights: x64 }), true);
is<Tensor<"int32">>().the(bincount(i), true);
export const generic = <D extends "float32" | "float64">(x: Tensor<D>): Tensor<D> => sort(cumsum(index(x, 0)));

// @ts-expect-error a list of floats
index(x64, x64);
// @ts-expect-error precisions do not mix
indexUpdate(x64, [0], x32);
// @ts-expect-error precisions do not mix
einsum("i,i", x64, x32);
// @ts-expect-error precisions do not mix
dot(x64, x32);
// @ts-expect-error integers have no mean
std(i);
// @ts-expect-error complex numbers have no order
quantile(z, 0.5);
