export { compile, type Inputs, Program } from "./compile";
export { flag, int, ints, oneOf } from "./core/attrs";
export type { Complex, ComplexNumber, ComplexOf, DType, Float, Nested, Real, RealOf, Scalar } from "./core/dtype";
export { ArgumentError, BacksolveError, type Code, DtypeError, LinalgError, ShapeError } from "./core/errors";
export type { NativeInfo } from "./core/loader";
export type { Failure } from "./core/native";
export { type CallOptions, type Checked, defineOp, type Op } from "./core/op";
export { type Capability, type GradientRule, type Mode, registerGradient, registry } from "./core/registry";
export { type AnyRow, type Domain, native, type Row } from "./core/row";
export { isTensor, type Operand, type ReduceOptions, type Shape } from "./core/tensor";
export type { Given, Tensors, TensorTree, Tree } from "./core/tree";
export { Tensor } from "./methods";
export * from "./ops/creation";
export * from "./ops/elementwise";
export * as linalg from "./ops/linalg";
export { matmul } from "./ops/products";
export { type Key, random } from "./ops/random";
export { mean, sum, trace } from "./ops/reductions";
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
