// What the types promise: compiled by test/types.test.ts, never run. A cast here would be one that users need.
import {
  type Arguments,
  compile,
  float32,
  float64,
  grad,
  hessian,
  hvp,
  type Inputs,
  isTensor,
  type Jacobian,
  jacobian,
  jvp,
  less,
  linalg,
  mul,
  Program,
  sum,
  type Tensor,
  type Tensors,
  type TensorTree,
  type Tree,
  tensor,
  valueAndGrad,
  vjp,
} from "../../lib/index";
import { checkGrads } from "../../lib/testing/index";

type F64 = Tensor<"float64">;
type F32 = Tensor<"float32">;
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const is = <A>() => ({ the: <B>(_value: B, _same: Same<A, B>): void => {} });

interface Params {
  w: F64;
  layers: F64[];
}
declare const f: (p: Params, s: F32) => F64;
declare const x64: F64;
declare const x32: F32;
const params = { w: 1, layers: [x64] };

// argnums: the tuple of the arguments' trees, or one
is<readonly [Params, F32]>().the(grad(f, { argnums: [0, 1] })(params, x32), true);
is<readonly [F32]>().the(grad(f, { argnums: [1] })(params, x32), true);
is<Params>().the(grad(f, { argnums: 0 })(params, x32), true);
is<F32>().the(grad(f, { argnums: 1 })(params, x32), true);
is<readonly [F32, Params]>().the(valueAndGrad(f, { argnums: [1, 0] })(params, x32).grad, true);
is<F32>().the(valueAndGrad(f, { argnums: 1 })(params, x32).grad, true);
is<F64>().the(valueAndGrad(f)(params, x32).value, true);
is<Params>().the(grad(f)(params, x32), true);
// @ts-expect-error a position is a number
grad(f, { argnums: "0" });
// @ts-expect-error the gradient of the second argument is no tree
grad(f, { argnums: [0, 1] })(params, x32)[1].w;

// functions over any tree
export const step = <P extends Tree>(loss: (p: P) => Tensor, p: P): Tensors<P> => grad(loss)(p);
export const both = <P extends Tree>(loss: (p: P) => F64, p: P): { value: F64; grad: Tensors<P> } => valueAndGrad(loss)(p);
export const along = <P extends Tree>(loss: (p: P) => F64, p: P, v: P): Tensors<P> => hvp(loss, p, v);
export const pushed = <P extends Tree>(g: (p: P) => F64, p: P): F64 => jvp(g, [p], [p]).tangent;
export const pulled = <P extends Tree>(g: (p: P) => F64, p: P): Tensors<P> => vjp(g, p).pullback(1)[0];
export const whole = <P extends Tree>(g: (p: P) => F64, p: P): Jacobian<F64, P> => jacobian(g)(p);
export const spread = <P extends readonly Tree[]>(loss: (...args: P) => F64, ...args: Arguments<P>): Tensors<P[0]> => grad(loss)(...args);
is<Params>().the(
  step((p: Params) => p.w, { w: x64, layers: [x64] }),
  true,
);

// functions that do not tell their arguments are of float64 tensors
is<F64>().the(grad((x) => sum(x))(x64), true);
is<F64>().the(grad((x, y) => sum(mul(x, y)))(x64, 2), true);
is<F64>().the(valueAndGrad((x) => x.square().sum())(3).grad, true);
is<F64>().the(jacobian((x) => mul(x, 2))(x64), true);
is<F64>().the(hessian((x) => sum(x))(x64), true);
is<F64>().the(jvp((x) => mul(x, x), [x64], [x64]).tangent, true);
is<F32>().the(vjp((x) => mul(x, x), x32).pullback(x32)[0], true);
// @ts-expect-error ... and not of float32 ones
grad((x) => sum(x))(x32);

// Jacobians of trees: in every leaf of the result the tree of the argument
const table = jacobian((p: Params) => ({ a: p.w, list: [p.w] as [F64] }))({ w: 1, layers: [] });
is<{ a: Params; list: [Params] }>().the(table, true);
is<F64>().the(table.list[0].layers[0] ?? x64, true);
is<Params>().the(jacobian((p: Params) => p.w)(params), true);
is<{ w: Params; layers: Params[] }>().the(hessian((p: Params) => p.w)(params), true);
is<F64>().the(hessian((x: F64) => sum(x))(x64), true);

// programs: typed by compile, by the caller of from, or usable as they are
const program = compile((p: Params) => ({ y: p.w }), { w: float64(), layers: [float64(2)] });
is<{ y: F64 }>().the(program.runSync([{ w: x64, layers: [x64] }]), true);
const loaded = Program.from<[{ w: F64 | number }], { y: F64 }>({});
is<F64>().the(loaded.runSync([{ w: 1 }]).y, true);
is<Promise<{ y: F64 }>>().the(loaded.run([{ w: x64 }]), true);
const plain = Program.from(JSON.parse("{}"));
is<TensorTree>().the(plain.runSync([x64, { a: [1, x32] }]), true);
plain.runSync({ arg0: x64, "p.w": 2 });
const out = plain.runSync({ x: 1 });
if (isTensor(out)) out.item();
const inputs: Inputs = [1, { w: x64 }];
plain.runSync(inputs);
// @ts-expect-error the arguments are one array
program.runSync({ w: x64, layers: [] });
// @ts-expect-error a tensor is no list of arguments
plain.runSync(x64);
is<F64>().the(compile((x) => sum(x), float64(3)).runSync([x64]), true);
is<F32>().the(
  compile(
    grad((x: F32) => sum(x)),
    float32(3),
  ).runSync([x32]),
  true,
);

// clones
is<F64>().the(tensor(structuredClone(x64)), true);
is<Tensor<"complex128">>().the(tensor({ dtype: "complex128", shape: [1], data: [1, 2] }), true);
is<F64>().the(tensor([1, 2]), true);
is<Float64Array | number[] | undefined>().the(x64.elements, true);
// @ts-expect-error a clone has a dtype of its own
tensor(structuredClone(x64), { dtype: "float32" });

// what has no options says so
// @ts-expect-error
linalg.trace(x64, { offset: 1 });
// @ts-expect-error
jacobian(f, { argnums: 1 });
is<F64[]>().the([x64].map(linalg.adjoint), true);

checkGrads((p: Params) => p.w, [{ w: 1, layers: [x64] }]);
declare const made: Params;
checkGrads((p: Params, s: F64) => mul(p.w, s), [made, 2], { order: 2 });
// @ts-expect-error an argument is missing
checkGrads((p: Params, s: F64) => mul(p.w, s), [made]);
// @ts-expect-error single precision cannot be differenced
checkGrads((x: F64) => x, [x32]);

// what is read has the elements of the dtype
type Numbers = number | readonly Numbers[];
export const numbers: Numbers = x64.toArray();
export const truths: boolean | readonly unknown[] = less(x64, 1).toArray();
// @ts-expect-error complex numbers are no numbers
export const none: Numbers = tensor({ dtype: "complex128", shape: [1], data: [1, 2] }).toArray();
