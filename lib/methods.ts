// The commonest functions as methods, for reading from left to right.
import { optionsOf } from "./core/attrs";
import { type Methods, Tensor } from "./core/tensor";
import { relu, sigmoid } from "./ops/activations";
import * as a from "./ops/arrange";
import { index } from "./ops/brackets";
import * as d from "./ops/diagonals";
import * as e from "./ops/elementwise";
import { max, min } from "./ops/extremes";
import { abs, sign } from "./ops/magnitude";
import { dot } from "./ops/multiply";
import { pow, reciprocal } from "./ops/powers";
import { matmul } from "./ops/products";
import * as r from "./ops/reductions";
import { ceil, clip, floor, round } from "./ops/rounding";
import { take } from "./ops/rows";
import { cumprod, cumsum, prod } from "./ops/running";
import { flip } from "./ops/slices";
import { sort } from "./ops/sorting";
import { std, variance } from "./ops/statistics";
import * as s from "./ops/structure";
import { tan } from "./ops/trigonometry";
import { all, any } from "./ops/truth";

const functions = {
  add: e.add,
  sub: e.sub,
  mul: e.mul,
  div: e.div,
  pow,
  maximum: e.maximum,
  minimum: e.minimum,
  matmul,
  neg: e.neg,
  square: e.square,
  sqrt: e.sqrt,
  reciprocal,
  exp: e.exp,
  expm1: e.expm1,
  log: e.log,
  log1p: e.log1p,
  sin: e.sin,
  cos: e.cos,
  tan,
  tanh: e.tanh,
  sigmoid,
  relu,
  abs,
  sign,
  floor,
  ceil,
  round,
  clip,
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
  diag: d.diag,
  trace: r.trace,
  prod,
  max,
  min,
  any,
  all,
  argmax: r.argmax,
  argmin: r.argmin,
  variance,
  std,
  cumsum,
  cumprod,
  sort,
  dot,
  index,
  take,
  flip,
  roll: a.roll,
  tile: a.tile,
  repeat: a.repeat,
  squeeze: a.squeeze,
  moveAxis: a.moveAxis,
  tril: d.tril,
  triu: d.triu,
} satisfies Record<keyof Methods, unknown>;

for (const [name, f] of Object.entries(functions)) {
  Object.defineProperty(Tensor.prototype, name, {
    value(this: Tensor, ...args: unknown[]) {
      return (f as (...args: unknown[]) => unknown)(this, ...args);
    },
    writable: true,
    configurable: true,
  });
}

// Those that read have no options either.
for (const name of ["item", "toArray", "toJSON"] as const) {
  const read = Tensor.prototype[name] as (this: Tensor) => unknown;
  Object.defineProperty(Tensor.prototype, name, {
    value(this: Tensor, options?: unknown) {
      if (typeof options === "object") optionsOf(name, options as object, []);
      return read.call(this);
    },
    writable: true,
    configurable: true,
  });
}

export { Tensor };
