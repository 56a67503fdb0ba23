// What ops take and give, and what rows give their rules: compiled by test/types.test.ts, never run.
import {
  add,
  compile,
  complex,
  type DType,
  defineOp,
  div,
  eye,
  type Float,
  flag,
  grad,
  greater,
  linalg,
  matmul,
  maximum,
  mul,
  neg,
  type Operand,
  type Real,
  type RealOf,
  real,
  type Sym,
  scatterAdd,
  sum,
  type Tensor,
  tensor,
  where,
} from "../../lib/index";

type F64 = Tensor<"float64">;
type F32 = Tensor<"float32">;
type C64 = Tensor<"complex64">;
type C128 = Tensor<"complex128">;
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const is = <A>() => ({ the: <B>(_value: B, _same: Same<A, B>): void => {} });
declare const f64: F64;
declare const f32: F32;
declare const c64: C64;
declare const c128: C128;
declare const i32: Tensor<"int32">;
declare const mask: Tensor<"bool">;
declare const some: Tensor;
declare const float: Tensor<Float>;
declare const reals: Tensor<Real>;
declare const operand: Operand<"float64">;

// real with complex of one precision promotes, numbers adopt
is<F64>().the(add(f64, f64), true);
is<F32>().the(mul(2, f32), true);
is<F32>().the(f32.sub(1), true);
is<F64>().the(mul(2, 3), true);
is<F64>().the(neg(2), true);
is<C128>().the(mul(f64, c128), true);
is<C64>().the(c64.div(f32), true);
is<C128>().the(matmul(c128, f64), true);
is<C128>().the(linalg.solve(f64, c128), true);
is<C128>().the(linalg.luSolve(c128, i32, f64), true);
is<C64>().the(where(mask, f32, c64), true);
is<Tensor<"bool">>().the(greater(f32, 0), true);
is<F64>().the(linalg.eigh(c128).w, true);
is<C128>().the(linalg.eigh(c128).v, true);
is<C64>().the(complex(f32, 0), true);
is<Promise<C64>>().the(add.async(f32, c64), true);
is<F32>().the(linalg.inv.checked(f32).value, true);

// precisions do not mix
// @ts-expect-error
scatterAdd(f32, i32, f64);
// @ts-expect-error
add(f32, f64);
// @ts-expect-error
add(c128, f32);
// @ts-expect-error
add(f64, c64);
// @ts-expect-error
add.async(f32, f64);
// @ts-expect-error
linalg.solve(f32, f64);
// @ts-expect-error
linalg.solve.checked(f32, f64);
// @ts-expect-error
linalg.lstsq(f64, f32);
// @ts-expect-error
linalg.luSolve(f32, i32, f64);
// @ts-expect-error
matmul(f32, c128);
// @ts-expect-error
f64.matmul(f32);
// @ts-expect-error
f32.add(f64);
// @ts-expect-error
where(mask, f32, f64);
// @ts-expect-error
where(mask, 0, f32).add(f64);
// @ts-expect-error
mul(f32, 2).mul(f64);
// @ts-expect-error
complex(f32, f64);
// @ts-expect-error
add(operand, f32);
// @ts-expect-error
grad((x: F32) => sum(mul(x, f64)));
// @ts-expect-error
mul(i32, f64);
// @ts-expect-error
linalg.inv(i32);
// @ts-expect-error
linalg.solve(mask, mask);

// where a dtype is not known, everything goes that may
is<Tensor>().the(add(some, some), true);
add(some, f64);
add(f32, some);
f64.add(some);
some.add(f64);
linalg.solve(some, f32);
linalg.cholesky(some);
div(some, 2);
div(float, c64);
add(reals, f64);
maximum(reals, 0);
add(operand, operand);
add(operand, f64);
const loss = (p: { ls: Tensor; noise: Tensor }): Tensor => sum(div(p.ls, add(p.noise, 1)));
compile(loss, { ls: some, noise: some } as never);

// functions over any dtype
export const square = <D extends Float>(x: Tensor<D>): Tensor<D> => mul(x, x);
export const affine = <D extends Float>(x: Tensor<D>, y: Tensor<D>): Tensor<D> => add(mul(2, x), mul(y, 3));
export const scaled = <D extends Float>(x: Tensor<D>, s: Tensor<RealOf<D>>): Tensor<D> => mul(x, s);
export const norm2 = <D extends Float>(x: Tensor<D>): Tensor<RealOf<D>> => sum(real(mul(x, x.conj())));
export const solved = <D extends Float>(a: Tensor<D>, b: Tensor<D>): Tensor<D> => linalg.solve(a, matmul(a, b));
export const shifted = <D extends Float>(a: Tensor<D>): Tensor<D> => a.add(eye(3, { dtype: a.dtype })).mul(a);
export const twice = <D extends DType>(x: Tensor<D>): Tensor<D> => x.add(x);
export const beside = <D extends Float>(x: Tensor<D>, y: Tensor): Tensor => add(x, y);
// @ts-expect-error two dtypes, of which nothing is known
export const mixed = <D extends Float, E extends Float>(x: Tensor<D>, y: Tensor<E>): Tensor => add(x, y);
// @ts-expect-error D may be another
export const wrong = <D extends Float>(x: Tensor<D>): Tensor => add(x, f64);

// rules: T with real is T, real(T) is real, with complex complex
type T = Tensor<Sym<"T">>;
type R = Tensor<Sym<"real">>;
const modulus = defineOp({
  name: "typesModulus",
  inputs: ["z", "weight"],
  outputs: ["z2", "size"],
  signature: "(n,n),()->(n,n),()",
  dtypes: { weight: "real", size: "real" },
  attrs: { turn: flag(false) },
  kernel: ({ z, weight }, { turn }) => {
    is<T>().the(z, true);
    is<R>().the(weight, true);
    is<boolean>().the(turn, true);
    is<T>().the(mul(weight, z), true);
    is<R>().the(real(z), true);
    is<Tensor<Sym<"complex">>>().the(mul(complex(weight, 0), z), true);
    is<Tensor<"bool">>().the(greater(weight, 0), true);
    return { z2: matmul(z, z), size: mul(weight, sum(real(z))) };
  },
  law: ({ z }, { z2 }) => [[z2, matmul(z, z)]],
  saves: ["z", "weight"],
  vjp: ({ z, weight }, { z2: g, size }) => ({ z: () => add(matmul(g, z), weight), weight: () => mul(size, weight) }),
});
is<C64>().the(modulus(c64, f32).z2, true);
is<F32>().the(modulus(c64, f32, { turn: true }).size, true);
// @ts-expect-error weight is real
modulus(c64, c64);
// @ts-expect-error the precision of z
modulus(c64, f64);
// @ts-expect-error no such option
modulus(c64, f32, { tunr: true });

defineOp({
  name: "typesBool",
  inputs: ["x"],
  outputs: ["y"],
  kernel: ({ x }) => mul(2, x),
  // @ts-expect-error a bool is no cotangent
  vjp: (_, { y: g }) => ({ x: () => greater(g, 0) }),
});
defineOp({
  name: "typesReal",
  inputs: ["x"],
  outputs: ["y"],
  // @ts-expect-error y has the dtype of x
  kernel: ({ x }) => real(x),
});
defineOp({
  name: "typesPrecision",
  inputs: ["x"],
  outputs: ["y"],
  // @ts-expect-error of a float32 x, too
  kernel: ({ x }) => mul(x, f64),
});
defineOp({
  name: "typesSlope",
  inputs: ["x"],
  outputs: ["y"],
  kernel: ({ x }) => mul(x, x),
  saves: ["x"],
  slopes: ({ x }) => ({ x: () => ({ times: mul(2, x) }) }),
});
defineOp({
  name: "typesSlopes",
  inputs: ["x"],
  outputs: ["y"],
  kernel: ({ x }) => mul(x, x),
  saves: ["x"],
  // @ts-expect-error a slope has the dtype of the output
  slopes: () => ({ x: () => ({ times: tensor(2) }) }),
});
defineOp({
  name: "typesSaves",
  inputs: ["x"],
  outputs: ["y"],
  kernel: ({ x }) => mul(x, x),
  // @ts-expect-error no such operand
  saves: ["z"],
});
const list = defineOp({
  name: "typesList",
  inputs: ["...xs"],
  outputs: ["y"],
  kernel: ({ xs }) => xs.reduce((a, b) => add(a, b)),
  vjp: (_, { y: g }, _attrs, { shapes }) => ({ xs: shapes.xs.map(() => () => g) }),
});
is<F32>().the(list([f32, f32]), true);
is<F32>().the(list([f32, 1]), true);
is<F64>().the(list([2, 1]), true);
is<C64>().the(list([f32, c64, c64]), true);
is<Tensor<Real>>().the(list([reals, reals]), true);
is<Promise<F32>>().the(list.async([f32]), true);
list([some, f32]);
list([some, some]);
export const listed = <D extends Float>(x: Tensor<D>): Tensor<D> => list([x, x, 2]);
export const listedAny = (xs: readonly Tensor[]): Tensor => list(xs);
// @ts-expect-error
list([f32, f64]);
// @ts-expect-error
list([f32, c64, c128]);
// @ts-expect-error
list([i32, i32]);
defineOp({
  name: "typesLists",
  inputs: ["...xs"],
  outputs: ["y"],
  kernel: ({ xs }) => xs.reduce((a, b) => add(a, b)),
  // @ts-expect-error one for each input
  vjp: (_, { y: g }) => ({ xs: () => g }),
});
