// The commonest functions as methods, for reading from left to right.
import type { DType, Float, RealOf } from "./core/dtype";
import type { Operand } from "./core/op";
import { type Shape, Tensor } from "./core/tensor";
import * as e from "./ops/elementwise";
import { matmul } from "./ops/products";
import * as r from "./ops/reductions";
import * as s from "./ops/structure";

/** What tensor.ts merges into the class. */
export interface Methods<D extends DType> {
  add<B extends Operand>(b: B): Tensor<e.Promote<Tensor<D>, B>>;
  sub<B extends Operand>(b: B): Tensor<e.Promote<Tensor<D>, B>>;
  mul<B extends Operand>(b: B): Tensor<e.Promote<Tensor<D>, B>>;
  div<B extends Operand>(b: B): Tensor<e.Promote<Tensor<D>, B>>;
  maximum<B extends Operand>(b: B): Tensor<e.Promote<Tensor<D>, B>>;
  minimum<B extends Operand>(b: B): Tensor<e.Promote<Tensor<D>, B>>;
  matmul<B extends Tensor<Float>>(b: B, options?: { adjointA?: boolean; adjointB?: boolean }): Tensor<e.Promote<Tensor<D>, B>>;
  neg(): Tensor<D>;
  square(): Tensor<D>;
  sqrt(): Tensor<D>;
  exp(): Tensor<D>;
  log(): Tensor<D>;
  sin(): Tensor<D>;
  cos(): Tensor<D>;
  conj(): Tensor<D>;
  real(): Tensor<RealOf<D>>;
  imag(): Tensor<RealOf<D>>;
  sum(options?: r.ReduceOptions): Tensor<D>;
  mean(options?: r.ReduceOptions): Tensor<D>;
  reshape(shape: Shape): Tensor<D>;
  transpose(axes?: readonly number[]): Tensor<D>;
  swapAxes(axis1: number, axis2: number): Tensor<D>;
  matrixTranspose(): Tensor<D>;
  adjoint(): Tensor<D>;
  expandDims(axis: number): Tensor<D>;
  broadcastTo(shape: Shape): Tensor<D>;
  diag(options?: { k?: number }): Tensor<D>;
  trace(): Tensor<D>;
  tril(options?: { k?: number }): Tensor<D>;
  triu(options?: { k?: number }): Tensor<D>;
}

const functions = {
  add: e.add,
  sub: e.sub,
  mul: e.mul,
  div: e.div,
  maximum: e.maximum,
  minimum: e.minimum,
  matmul,
  neg: e.neg,
  square: e.square,
  sqrt: e.sqrt,
  exp: e.exp,
  log: e.log,
  sin: e.sin,
  cos: e.cos,
  conj: e.conj,
  real: e.real,
  imag: e.imag,
  sum: r.sum,
  mean: r.mean,
  reshape: s.reshape,
  transpose: s.transpose,
  swapAxes: s.swapAxes,
  matrixTranspose: s.matrixTranspose,
  adjoint: s.adjoint,
  expandDims: s.expandDims,
  broadcastTo: s.broadcastTo,
  diag: s.diag,
  trace: s.trace,
  tril: s.tril,
  triu: s.triu,
} as const;

for (const [name, f] of Object.entries(functions)) {
  Object.defineProperty(Tensor.prototype, name, {
    value(this: Tensor, ...args: unknown[]) {
      return (f as (...args: unknown[]) => unknown)(this, ...args);
    },
    writable: true,
    configurable: true,
  });
}
