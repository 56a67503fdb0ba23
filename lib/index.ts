export type { NativeInfo } from "./boundary/addon";
export { cond } from "./control/cond";
export { hessian, type Jacobian, jacfwd, jacobian, jacrev } from "./control/jacobian";
export type { LaterOptions } from "./control/later";
export { linearize } from "./control/linearize";
export { checkpoint } from "./control/remember";
export { customRoot, type RootOptions } from "./control/root";
export { type Carried, type Carry, type Scan, type Scanned, type ScanOptions, scan, type Trees } from "./control/scan";
export { type Axes, type VmapOptions, type Vmapped, vmap } from "./control/vmap";
export { type WhileOptions, whileLoop } from "./control/while";
export { type Attr, type AttrSchema, type AttrsOf, type AttrValue, flag, int, ints, oneOf } from "./core/attrs";
export type { Domain, Draw } from "./core/domain";
// declarations of users' own modules name these
export type {
  Complex,
  ComplexNumber,
  ComplexOf,
  DType,
  Fits,
  Float,
  Nested,
  Real,
  RealOf,
  Scalar,
  Sym,
  Takes,
  TakesNumbers,
  Wider,
} from "./core/dtype";
export { ArgumentError, BacksolveError, type Code, DtypeError, LinalgError, ShapeError } from "./core/errors";
export type { Failure } from "./core/failures";
export {
  type Agree,
  type AsyncOptions,
  type Binary,
  type CallOptions,
  type Checked,
  defineUserOp as defineOp,
  type Nary,
  type Op,
  type Ternary,
  type Unary,
  type Variadic,
} from "./core/op";
export { type Capability, type GradientRule, type Mode, registerGradient, registry } from "./core/registry";
export { type AnyRow, type Attrs, type NamedTensors, type Native, native, type Port, type Ports, type Row } from "./core/row";
export { scope } from "./core/scope";
export {
  type DTypeOf,
  type IndexList,
  type IndexPart,
  isTensor,
  type Operand,
  type Promote,
  type ReduceOptions,
  type Shape,
} from "./core/tensor";
export { type Given, type Tensors, type TensorTree, type Tree, treeLeaves, treeMap, treeReduce } from "./core/tree";
export { Tensor } from "./methods";
export * from "./ops/activations";
export { type Blocks, block, moveAxis, repeat, roll, split, squeeze, tile, unstack } from "./ops/arrange";
export { index, indexAdd, indexUpdate } from "./ops/brackets";
export { cast } from "./ops/cast";
export type { ChoiceOptions } from "./ops/choosing";
export { type BincountOptions, bincount, type Unique, unique } from "./ops/counting";
export * from "./ops/creation";
export { bandPart, diag, diagEmbed, diagonal, setDiag, tril, triu } from "./ops/diagonals";
export { random } from "./ops/distributions";
export * as domains from "./ops/domains";
export { einsum } from "./ops/einsum";
export * from "./ops/elementwise";
export { logsumexp, max, min } from "./ops/extremes";
export { meshgrid, tri } from "./ops/grids";
export { type AxisOptions, type Gather, gather, type ScatterAdd, scatterAdd } from "./ops/indexing";
export * from "./ops/joining";
// declarations of users' own modules name what is exported here, but not what is in linalg alone
export type {
  CondOptions,
  EighTridiagonal,
  EigvalshTridiagonal,
  Elementwise,
  FactorChange,
  LstsqOptions,
  NormOptions,
  RankOptions,
  SolveOptions,
  Solver,
  SolveToeplitz,
  SolveTriangularOptions,
  ToeplitzParts,
  TridiagonalOptions,
  VectorNormOptions,
} from "./ops/linalg";
export * as linalg from "./ops/linalg";
export * from "./ops/magnitude";
export { cross, dot, inner, kron, matvec, multiDot, outer, tensordot, vdot, vecdot } from "./ops/multiply";
export { type PadOptions, pad, type Widths } from "./ops/padding";
export type { ShapeOption } from "./ops/parameters";
export * from "./ops/powers";
export { type MatmulOptions, matmul } from "./ops/products";
export type { Key, RandomOptions, UniformOptions } from "./ops/random";
export { argmax, argmin, mean, sum, trace } from "./ops/reductions";
export * from "./ops/rounding";
export { type Indices, type Take, type TakeOptions, take } from "./ops/rows";
export { cumlogsumexp, cummax, cummin, cumprod, cumsum, diff, prod, type RunningOptions } from "./ops/running";
export { flip } from "./ops/slices";
export { logSoftmax, softmax } from "./ops/softmax";
export { argsort, type SortOptions, searchSorted, sort, topK } from "./ops/sorting";
export * from "./ops/special";
export {
  type CovOptions,
  corrcoef,
  cov,
  median,
  type QuantileOptions,
  quantile,
  type SpreadOptions,
  std,
  variance,
} from "./ops/statistics";
export * from "./ops/structure";
export * from "./ops/trigonometry";
export { all, any, countNonzero } from "./ops/truth";
export type { CategoricalOptions, MultivariateNormalOptions } from "./ops/variates";
export { compile } from "./program/compile";
export { type Inputs, Program } from "./program/program";
export { bool, complex64, complex128, float32, float64, int32, Spec } from "./program/spec";
export { type Info, info, setThreads } from "./runtime";
export type { Arguments } from "./transforms/arguments";
export { customGrad } from "./transforms/custom";
export { type GradOptions, grad, valueAndGrad } from "./transforms/grad";
export { hvp, jvp } from "./transforms/jvp";
export { vjp } from "./transforms/vjp";
