import "./methods";

export { compile, type Inputs, Program } from "./compile";
export { type Attr, type AttrSchema, type AttrsOf, type AttrValue, flag, int, ints, oneOf } from "./core/attrs";
export type { Complex, ComplexNumber, ComplexOf, DType, Float, Nested, Real, RealOf, Scalar } from "./core/dtype";
export { ArgumentError, BacksolveError, type Code, DtypeError, LinalgError, ShapeError } from "./core/errors";
export type { Failure, NativeInfo } from "./core/native";
export { type AsyncOptions, type CallOptions, type Checked, defineOp, type Op, type Operand } from "./core/op";
export { type Capability, type GradientRule, type Mode, registerGradient, registry } from "./core/registry";
export { type AnyRow, type Domain, type Native, native, type Row } from "./core/row";
export { isTensor, type Shape, Tensor } from "./core/tensor";
export type { Given, Tensors, TensorTree, Tree } from "./core/tree";
export * from "./ops/creation";
export * from "./ops/elementwise";
// declarations of users' own modules name what is exported here, but not what is in linalg alone
export type { LstsqOptions, SolveOptions, Solver, SolveTriangularOptions } from "./ops/linalg";
export * as linalg from "./ops/linalg";
export { type MatmulOptions, matmul } from "./ops/products";
export { type Key, type RandomOptions, random, type UniformOptions } from "./ops/random";
export { mean, type ReduceOptions, sum } from "./ops/reductions";
export * from "./ops/structure";
export { complex64, complex128, float32, float64, Spec } from "./program/spec";
export { type Info, info, setThreads } from "./runtime";
export {
  type Arguments,
  customGrad,
  type GradOptions,
  grad,
  hessian,
  hvp,
  type Jacobian,
  jacobian,
  jvp,
  valueAndGrad,
  vjp,
} from "./transforms";
