// Random distributions: dtypes follow from parameters, and what does not fit does not compile. Compiled by test/types.test.ts, never run.
import { type Key, random, type Tensor } from "../../lib/index";

type Same<A, B> = (<X>() => X extends A ? 1 : 2) extends <X>() => X extends B ? 1 : 2 ? true : false;
const is = <T>() => ({ the: <X>(_x: X, _same: Same<X, T>): void => undefined });
type F32 = Tensor<"float32">;
type F64 = Tensor<"float64">;
declare const x32: F32;
declare const x64: F64;
declare const z: Tensor<"complex128">;
declare const key: Key;

is<F64>().the(random.exponential(1, 3), true);
is<F32>().the(random.exponential(key, [3], { dtype: "float32" }), true);
is<F64>().the(random.gamma(1, 2), true);
is<F32>().the(random.gamma(key, x32, { shape: [2, 3] }), true);
is<F64>().the(random.beta(1, 2, 3), true);
is<F32>().the(random.beta(1, x32, 3), true);
is<F32>().the(random.beta(1, 3, x32), true);
is<F32>().the(random.studentT(1, x32), true);
is<Tensor<"int32">>().the(random.poisson(1, x32), true);
is<Tensor<"bool">>().the(random.bernoulli(1, x64), true);
is<Tensor<"int32">>().the(random.categorical(1, x32, { axis: 0 }), true);
is<Tensor<"int32">>().the(random.permutation(1, 5), true);
is<Tensor<"complex128">>().the(random.permutation(1, z, { axis: 1 }), true);
is<Tensor<"int32">>().the(random.choice(1, 5, { p: x32, shape: 3 }), true);
is<F32>().the(random.choice(1, x32, { replace: false }), true);
is<F32>().the(random.multivariateNormal(1, x32, x32, { method: "eigh" }), true);

// @ts-expect-error complex
random.gamma(1, z);
// @ts-expect-error precisions do not mix
random.beta(1, x64, x32);
// @ts-expect-error precisions do not mix
random.multivariateNormal(1, x64, x32);
// @ts-expect-error no real dtype
random.exponential(1, 3, { dtype: "complex64" });
// @ts-expect-error no such method
random.multivariateNormal(1, x64, x64, { method: "svd" });

// a tuple where the number of keys is written out
declare const many: number;
is<[Key, Key]>().the(random.split(1), true);
is<[Key, Key, Key]>().the(random.split(key, 3), true);
is<Key[]>().the(random.split(key, many), true);
is<Key[]>().the(random.split(key, 10000), true);
declare const either: 1 | 2;
is<[Key] | [Key, Key]>().the(random.split(key, either), true);
