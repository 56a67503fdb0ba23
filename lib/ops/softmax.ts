// Exponentials in parts of their sum.
import { int, optionsOf } from "../core/attrs";
import type { Real, Sym } from "../core/dtype";
import { defineOp } from "../core/op";
import { asTensor } from "../core/operands";
import { checkAxis, type Shape, type Tensor } from "../core/tensor";
import { div, exp, mul, sub } from "./elementwise";
import { logsumexp, max } from "./extremes";
import { sum } from "./reductions";

type R = Tensor<Sym<"real">>;
const row = {
  inputs: ["x"],
  outputs: ["y"],
  attrs: { axis: int(0) },
  samples: (n: number) => [
    { shapes: { x: [n] } },
    { shapes: { x: [2, n] }, attrs: { axis: 1 } },
    { shapes: { x: [n, 3] }, attrs: { axis: 0 } },
  ],
  infer: ({ x }: { readonly x: Shape }, { axis }: { readonly axis: number }) => {
    checkAxis("softmax", axis, x.length);
    return { y: x };
  },
  types: "real",
} as const;
const total = (x: R, axis: number): R => sum(x, { axis, keepDims: true });

const softmaxOp = defineOp({
  ...row,
  name: "softmax",
  tf: "Softmax",
  kernel: ({ x }, { axis }) => {
    if (x.size === 0) return x;
    const e = exp(sub(x, max(x, { axis, keepDims: true })));
    return div(e, total(e, axis));
  },
  saves: ["y"],
  // dy = y (dx - Σ y dx), its own adjoint
  vjp: ({ y }, { y: g }, { axis }) => ({ x: () => mul(y, sub(g, total(mul(g, y), axis))) }),
  jvp: ({ y }, { x: t }, { axis }) => ({ y: t && (() => mul(y, sub(t, total(mul(t, y), axis)))) }),
});

const logSoftmaxOp = defineOp({
  ...row,
  name: "logSoftmax",
  tf: "LogSoftmax",
  kernel: ({ x }, { axis }) => sub(x, logsumexp(x, { axis, keepDims: true })),
  saves: ["y"],
  // dy = dx - Σ e^y dx
  vjp: ({ y }, { y: g }, { axis }) => ({ x: () => sub(g, mul(exp(y), total(g, axis))) }),
  jvp: ({ y }, { x: t }, { axis }) => ({ y: t && (() => sub(t, total(mul(t, exp(y)), axis))) }),
});

interface AxisOption {
  /** Along which axis; the last where nothing is said. */
  readonly axis?: number;
}
const along = <D extends Real>(op: typeof softmaxOp, x: Tensor<D>, options: AxisOption): Tensor<D> => {
  const { name } = op.row;
  const t = asTensor(name, "x", x);
  const { axis = -1 } = optionsOf(name, options, ["axis"]);
  return op(t, { axis: checkAxis(name, axis, t.rank) });
};
/** eˣ / Σ eˣ along an axis, the last where none is named, without overflow on the way. Of -∞ alone, NaN. */
export function softmax<D extends Real>(x: Tensor<D>, options: AxisOption = {}): Tensor<D> {
  return along(softmaxOp, x, options);
}
/** log softmax x = x - log Σ eˣ along an axis, the last where none is named. */
export function logSoftmax<D extends Real>(x: Tensor<D>, options: AxisOption = {}): Tensor<D> {
  return along(logSoftmaxOp, x, options);
}
