import { isFloat } from "../core/dtype";
import { hasFused } from "../core/fused";
import { sizeOf, storageOf, type Tensor, wrap } from "../core/tensor";
import { tril } from "../ops/diagonals";
import { mul } from "../ops/elementwise";
import { jvp } from "../transforms/jvp";
import { vjp } from "../transforms/vjp";
import { epsOf, inner, maxAbs, relativeError } from "./close";
import {
  along,
  checkError,
  cotangents,
  DIFFERENCE_TOLERANCE,
  difference,
  differentiable,
  floats,
  pullback,
  run,
  sizeFactor,
  type Trial,
  tangentsOf,
} from "./common";
import { domainOf, inputsOf } from "./sample";

/** 3: <g, J v> by differences equals <vjp, v>, fused and composed each on its own. */
export function reverse(k: Trial): boolean {
  if (!differentiable(k) || epsOf(k.dtype) > 1e-10) return false;
  const inputs = inputsOf(k.row, k.c, k.dtype);
  const outputs = run(k, inputs);
  const g = cotangents(outputs);
  const v = tangentsOf(k, inputs);
  const slopes = difference((t) => run(k, along(inputs, v, t)));
  const expected = slopes.reduce((s, d, i) => s + inner(g[i] as Tensor, d), 0);
  for (const composed of [false, true]) {
    const pulled = pullback(k, inputs, g, composed);
    const got = floats(inputs).reduce((s, i) => s + inner(pulled[i] as Tensor, v[i] as Tensor), 0);
    const scale = Math.max(1, ...slopes.map((d, i) => maxAbs(d) * maxAbs(g[i] as Tensor) * Math.sqrt(sizeOf(d.shape))));
    checkError(`${composed ? "composed" : "first-order"} vjp against differences`, Math.abs(got - expected) / scale, DIFFERENCE_TOLERANCE);
  }
  return true;
}

/** 3, single precision: the vjp agrees with the one in double precision. */
export function reverseSingle(k: Trial): boolean {
  if (!differentiable(k) || epsOf(k.dtype) < 1e-10) return false;
  const inputs = inputsOf(k.row, k.c, k.dtype);
  const g = cotangents(run(k, inputs));
  const exact = pullback(k, inputs.map(widen), widenedOf(k, inputs, g), false);
  for (const composed of [false, true]) {
    pullback(k, inputs, g, composed).forEach((t, i) => {
      if (isFloat(t.dtype))
        checkError(
          `single-precision cotangent of ${k.row.inputs[i]}`,
          relativeError(widen(t), exact[i] as Tensor),
          sizeFactor(inputs) * epsOf(k.dtype),
        );
    });
  }
  return true;
}
/** Cotangents of the op in double precision; an output may be single all the same. */
function widenedOf(k: Trial, inputs: readonly Tensor[], g: readonly Tensor[]): Tensor[] {
  const outputs = run(k, inputs.map(widen));
  return g.map((t, i) => (t.dtype === outputs[i]?.dtype ? t : widen(t)));
}
function widen(t: Tensor): Tensor {
  const to = t.dtype === "float32" ? "float64" : t.dtype === "complex64" ? "complex128" : undefined;
  return to ? wrap(to, t.shape, Float64Array.from(storageOf(t).array)) : t;
}

/** 4: the fused rule equals the composed one, element by element. */
export function fusedEqualsComposed(k: Trial): boolean {
  if (!hasFused(k.row, k.c.attrs)) return false;
  const inputs = inputsOf(k.row, k.c, k.dtype);
  const g = cotangents(run(k, inputs));
  const [a, b] = [pullback(k, inputs, g, false), pullback(k, inputs, g, true)];
  a.forEach((t, i) =>
    checkError(`fused and composed cotangent of ${k.row.inputs[i]}`, relativeError(t, b[i] as Tensor), sizeFactor(inputs) * epsOf(k.dtype)),
  );
  return true;
}

/** 5: the cotangent lies in the tangent space of the domain. */
export function tangentSpace(k: Trial): boolean {
  if (!differentiable(k) || !k.row.inputs.some((_, i) => domainOf(k.row, i).tangent)) return false;
  const inputs = inputsOf(k.row, k.c, k.dtype);
  const g = cotangents(run(k, inputs));
  for (const composed of [false, true]) {
    pullback(k, inputs, g, composed).forEach((t, i) => {
      const { tangent, name } = domainOf(k.row, i);
      if (!tangent || !isFloat(t.dtype)) return;
      if (k.c.attrs.triangle === "lower") {
        checkError(`the cotangent of ${k.row.inputs[i]} is not lower triangular`, relativeError(t, tril(t)), 0);
        return;
      }
      checkError(
        `the cotangent of ${k.row.inputs[i]} is no tangent of ${name ?? "its domain"}`,
        relativeError(t, tangent(t)),
        16 * epsOf(k.dtype),
      );
    });
  }
  return true;
}

/** 6: derivatives of the pullback, forward and reverse, equal its differences. */
export function secondOrder(k: Trial): boolean {
  if (!differentiable(k) || k.row.order === 1 || epsOf(k.dtype) > 1e-10 || k.c.shapes.some((s) => sizeOf(s) > 64)) return false;
  const inputs = inputsOf(k.row, k.c, k.dtype);
  const which = floats(inputs);
  const g = cotangents(run(k, inputs));
  const at = (xs: Tensor[]): Tensor[] => {
    const all = inputs.map((x, i) => (which.includes(i) ? (xs[which.indexOf(i)] as Tensor) : x));
    const { pullback: back } = vjp((...ys: Tensor[]) => run(k, ys), ...all);
    const pulled = back(g) as Tensor[];
    return which.map((i) => pulled[i] as Tensor);
  };
  const xs = which.map((i) => inputs[i] as Tensor);
  const v = which.map((i) => tangentsOf(k, inputs, 78)[i] as Tensor);
  const slopes = difference((t) => at(along(xs, v, t)));
  const forward = jvp((...ys: Tensor[]) => at(ys), xs, v).tangent as Tensor[];
  slopes.forEach((d, i) =>
    checkError("forward over reverse against differences", relativeError(forward[i] as Tensor, d), 40 * DIFFERENCE_TOLERANCE),
  );
  const w = which.map((i) => tangentsOf(k, inputs, 79)[i] as Tensor);
  const { pullback: back } = vjp((...ys: Tensor[]) => at(ys), ...xs);
  const twice = back(w) as Tensor[];
  const got = twice.reduce((s, t, i) => s + inner(t, v[i] as Tensor), 0);
  const expected = slopes.reduce((s, d, i) => s + inner(w[i] as Tensor, d), 0);
  const scale = Math.max(1, ...slopes.map((d, i) => maxAbs(d) * maxAbs(w[i] as Tensor) * Math.sqrt(sizeOf(d.shape))));
  checkError("reverse over reverse against differences", Math.abs(got - expected) / scale, 40 * DIFFERENCE_TOLERANCE);
  return true;
}

/** 6, single precision: the derivative of the pullback agrees with the one in double precision. */
export function secondOrderSingle(k: Trial): boolean {
  if (!differentiable(k) || k.row.order === 1 || epsOf(k.dtype) < 1e-10 || k.c.shapes.some((s) => sizeOf(s) > 64)) return false;
  const inputs = inputsOf(k.row, k.c, k.dtype);
  const g = cotangents(run(k, inputs));
  const w = floats(inputs).map((i) => tangentsOf(k, inputs, 79)[i] as Tensor);
  const twice = (xs: readonly Tensor[], gs: readonly Tensor[], ws: readonly Tensor[]) => {
    const first = (...ys: Tensor[]) => {
      const pulled = pullback(k, ys, gs, false);
      return floats(xs).map((i) => pulled[i] as Tensor);
    };
    return vjp(first, ...xs).pullback(ws) as Tensor[];
  };
  const exact = twice(inputs.map(widen), widenedOf(k, inputs, g), w.map(widen));
  twice(inputs, g, w).forEach((t, i) => {
    if (!isFloat(t.dtype)) return;
    const error = relativeError(widen(t), exact[i] as Tensor);
    checkError(`single-precision second derivative by ${k.row.inputs[i]}`, error, 4 * sizeFactor(inputs) * epsOf(k.dtype));
  });
  return true;
}

/** 9: the jvp equals differences, and meets the vjp in the inner product. */
export function forward(k: Trial): boolean {
  if (!differentiable(k)) return false;
  const inputs = inputsOf(k.row, k.c, k.dtype);
  const which = floats(inputs);
  const v = tangentsOf(k, inputs);
  const f = (...xs: Tensor[]): Tensor[] =>
    run(
      k,
      inputs.map((x, i) => (which.includes(i) ? (xs[which.indexOf(i)] as Tensor) : x)),
    );
  const xs = which.map((i) => inputs[i] as Tensor);
  const vs = which.map((i) => v[i] as Tensor);
  const pushed = jvp(f, xs, vs).tangent as Tensor[];
  if (epsOf(k.dtype) < 1e-10) {
    const slopes = difference((t) => run(k, along(inputs, v, t)));
    slopes.forEach((d, i) => checkError("jvp against differences", relativeError(pushed[i] as Tensor, d), 4 * DIFFERENCE_TOLERANCE));
  }
  const g = cotangents(pushed);
  const pulled = pullback(k, inputs, g, false);
  const a = pushed.reduce((s, t, i) => s + inner(g[i] as Tensor, t), 0);
  const b = which.reduce((s, i) => s + inner(pulled[i] as Tensor, v[i] as Tensor), 0);
  const scale = Math.max(1, ...pushed.map((t, i) => maxAbs(t) * maxAbs(g[i] as Tensor) * sizeOf(t.shape)));
  checkError("jvp meets vjp", Math.abs(a - b) / scale, sizeFactor(inputs) * epsOf(k.dtype));
  return true;
}

/** 10: with one cotangent missing, or one input wanted, the others' results stay. */
export function missing(k: Trial): boolean {
  if (!differentiable(k)) return false;
  const inputs = inputsOf(k.row, k.c, k.dtype);
  const outputs = run(k, inputs);
  const g = cotangents(outputs);
  const whole = pullback(k, inputs, g, false);
  for (const i of floats(inputs)) {
    const { pullback: back } = vjp((x: Tensor) => run(k, inputs.with(i, x)), inputs[i] as Tensor);
    const [alone] = back(g) as Tensor[];
    checkError(`the cotangent of ${k.row.inputs[i]} alone`, relativeError(alone as Tensor, whole[i] as Tensor), 16 * epsOf(k.dtype));
  }
  if (outputs.length === 1) return true;
  outputs.forEach((_, o) => {
    const zeroed = g.with(o, mul(0, g[o] as Tensor));
    const { pullback: back } = vjp((...xs: Tensor[]) => run(k, xs).filter((_t, i) => i !== o), ...inputs);
    const got = back(g.filter((_t, i) => i !== o)) as Tensor[];
    pullback(k, inputs, zeroed, false).forEach((t, i) =>
      checkError(`without the cotangent of ${k.row.outputs[o]}`, relativeError(got[i] as Tensor, t), sizeFactor(inputs) * epsOf(k.dtype)),
    );
  });
  return true;
}
