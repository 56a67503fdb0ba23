// f(A) of Hermitian matrices for any f. Derivation: docs/derivations/spectral.md

import { within } from "../core/apply";
import { parseAttrs } from "../core/attrs";
import { dtypes, type Float, type RealOf, realOf } from "../core/dtype";
import { ArgumentError, BacksolveError, describe } from "../core/errors";
import { zerosLike } from "../core/evaluate";
import type { Failure } from "../core/failures";
import { Forward } from "../core/forward";
import { infer } from "../core/infer";
import { unwrapIfDead } from "../core/levels";
import { type AsyncOptions, type CallOptions, type Checked, collects, refuseRecorded } from "../core/op";
import { operands } from "../core/operands";
import type { AnyRow, Attrs } from "../core/row";
import { sameShape } from "../core/signature";
import { adopt, isTensor, primal, type Tensor, wrap } from "../core/tensor";
import { markOpaque } from "../core/trace";
import { ones } from "./creation";
import { assemble, eigh, hermitianPart } from "./eigh";
import { add, div, equal, greaterEqual, lessEqual, maximum, mul, neg, sub, where } from "./elementwise";
import { matmul } from "./products";
import { sum } from "./reductions";
import { expandDims, reshape } from "./structure";

type T = Tensor<never>;
type Scalar = (x: T) => T;
const OP = "funmHermitian";

/** eigh, in whose errors stands the name of the function that was called. */
const NAMED: AnyRow = { ...eigh.row, publicName: OP };
const NO_ATTRS: Attrs = {};

type Elementwise<D extends Float> = (x: Tensor<RealOf<D>>) => Tensor<RealOf<D>>;

/** A call of funmHermitian that was checked: how often A is differentiated, and A without that. */
interface Call {
  readonly a: T;
  readonly f: Scalar;
  readonly order: number;
  readonly still: T;
}
function begin(given: unknown, f: unknown, options: unknown, known: readonly string[]): Call {
  const a = adopt(OP, given);
  if (!a) throw new ArgumentError(OP, `a must be a tensor, got ${describe(given)}.`);
  if (typeof f !== "function") throw new ArgumentError(OP, `f must be a function of a tensor, got ${describe(f)}.`);
  parseAttrs(OP, {}, options, known);
  infer(NAMED, operands(NAMED, NO_ATTRS, [a]), NO_ATTRS); // what it says of shapes and dtypes
  const order = liveLevels(a);
  if (order > 2) throw new BacksolveError("ERR_ARGUMENT", OP, "has derivatives up to the second order only.");
  const still = primal(a) as T;
  markOpaque([still], OP); // the formula is chosen by how often A is differentiated now
  return { a: a as T, f: f as Scalar, order, still };
}

function finish({ a, f, order, still }: Call, spectrum: object): never {
  const { w, v } = spectrum as { w: T; v: T };
  const values = checked(f(w), w);
  if (order === 0) return hermitianPart(assemble(v, values)) as never;
  // With Δ = A - A₀, zero but for its derivatives: f(A₀) + Df(A₀)[Δ] + D²f(A₀)[Δ, Δ]/2 has the first two derivatives of f(A).
  const delta = matmul(matmul(v, hermitianPart(sub(a, still) as T), { adjointA: true }), v) as T;
  const first = firstDifference(f, w, values);
  let inner = mul(first.value, delta) as T;
  if (order > 1) {
    // Σ_k f[w_i,w_k,w_j] Δ_ik Δ_kj
    const products = mul(expandDims(delta, -1), expandDims(delta, -3));
    inner = add(inner, sum(mul(secondDifference(f, w, first), products), { axis: -2 })) as T;
  }
  return hermitianPart(add(assemble(v, values), matmul(matmul(v, inner), v, { adjointB: true })) as T) as never;
}

/**
 * f(A) = V f(w) Vᴴ of Hermitian matrices: (..., n, n) -> (..., n, n). f maps a real tensor of any shape elementwise, by ops of this package; its
 * derivatives come from the engine, also those with respect to what it closes over. The derivatives with respect to A are divided differences
 * of f, exact where eigenvalues are equal or close; they exist to the second order, a third is ERR_ARGUMENT. Reads the lower triangle only.
 * The asynchronous twin computes eigenvalues and vectors off the event loop, f and products on it.
 */
export const funmHermitian = Object.assign(
  <D extends Float>(a: Tensor<D>, f: Elementwise<D>, options?: Pick<CallOptions, "onFailure">): Tensor<D> => {
    const call = begin(a, f, options, ["onFailure"]);
    return finish(call, eigh(call.still, within(OP, collects(OP, options ?? {}) ? [] : undefined)));
  },
  {
    async: async <D extends Float>(a: Tensor<D>, f: Elementwise<D>, options?: AsyncOptions): Promise<Tensor<D>> => {
      const call = begin(a, f, options, ["onFailure", "signal"]);
      refuseRecorded(OP, [call.a]);
      return finish(call, await eigh.async(call.still, { ...options, ...within(OP) }));
    },
    checked: <D extends Float>(a: Tensor<D>, f: Elementwise<D>, options?: object): Checked<Tensor<D>> => {
      const call = begin(a, f, options, []);
      const failures: Failure[] = [];
      return { value: finish(call, eigh(call.still, within(OP, failures))), failures };
    },
  },
);

function liveLevels(a: Tensor): number {
  let count = 0;
  for (let t = unwrapIfDead(a); t.box; t = unwrapIfDead(t.box.value)) count++;
  return count;
}

function checked(y: unknown, w: Tensor): T {
  if (isTensor(y) && sameShape(y.shape, w.shape) && y.dtype === w.dtype) return y as T;
  const got = isTensor(y) ? `${y.dtype} of shape [${y.shape.join(", ")}]` : describe(y);
  throw new ArgumentError(OP, `f must map a ${w.dtype} tensor of shape [${w.shape.join(", ")}] to one of the same kind, got ${got}.`);
}

/** f', by forward mode at a level of its own. */
const derivative =
  (f: Scalar): Scalar =>
  (x) => {
    const level = new Forward();
    try {
      const y = unwrapIfDead(f(level.dual(x, ones(x.shape, { dtype: x.dtype })) as T));
      return (level.tangentOf(y) ?? zerosLike(y)) as T;
    } finally {
      level.live = false;
    }
  };

/** A value with a bound of its error, which no derivative sees. */
interface Bounded {
  readonly value: T;
  readonly error: T;
}
const plain = (t: Tensor): T => primal(t) as T;
const abs = (t: T): T => maximum(t, neg(t)) as T;
const epsOf = (t: Tensor): number => dtypes[t.dtype].eps;
const isZero = (t: T) => equal(t, 0);

/** Of two answers the one with the smaller bound; the quadrature where the gap is zero or both are alike. */
function better(gap: T, quadrature: Bounded, quotient: Bounded): Bounded {
  const pick = (q: T, p: T): T => where(isZero(gap), q, where(lessEqual(quadrature.error, quotient.error), q, p) as T) as T;
  return { value: pick(quadrature.value, quotient.value), error: pick(quadrature.error, quotient.error) };
}
const nonzero = (gap: T): T => where(isZero(gap), 1, gap) as T;

/**
 * f[w_i,w_j] = ∫₀¹ f'(w_i + t (w_j - w_i)) dt, by quadrature where that has converged, else by the quotient: one is good where the other
 * is not, the quotient for far eigenvalues, the quadrature for near ones.
 */
function firstDifference(f: Scalar, w: T, values: T): Bounded {
  const [x, y] = [expandDims(w, -1), expandDims(w, -2)] as [T, T];
  const gap = sub(y, x) as T;
  const slope = derivative(f);
  const at = (rule: Rule) => weighted(rule, slope(add(x, mul(rule.nodes(x), gap)) as T));
  const quadrature = converged(at(FINE), at(COARSE));
  const quotient = div(sub(expandDims(values, -2), expandDims(values, -1)), nonzero(gap)) as T;
  const size = plain(add(abs(plain(values)), abs(mul(w, plain(slope(w))) as T)));
  const scale = mul(2 * epsOf(w), add(expandDims(size, -1), expandDims(size, -2)));
  return better(gap, quadrature, { value: quotient, error: div(scale, abs(nonzero(gap))) as T });
}

/**
 * f[w_i,w_k,w_j] = ∫₀¹ p ∫₀¹ f''(w_i + p (w_k - w_i + r (w_j - w_k))) dr dp, or the quotient of first differences over the farthest of the
 * three pairs.
 */
function secondDifference(f: Scalar, w: T, first: Bounded): T {
  const [x, y, z] = [
    [-1, -1],
    [-1, -3],
    [-2, -2],
  ].map(([p, q]) => expandDims(expandDims(w, p as number), q as number)) as [T, T, T];
  const curvature = derivative(derivative(f));
  const [toY, yToZ] = [sub(y, x), sub(z, y)] as [T, T];
  const at = (rule: Rule): T => {
    const sums = rule.points.map(([p, weight]) => {
      const points = add(x, mul(p, add(toY, mul(rule.nodes(x), yToZ)))) as T;
      return mul(weight * p, weighted(rule, curvature(points))) as T;
    });
    return sums.reduce((s, t) => add(s, t) as T);
  };
  const [ik, kj, ij] = [-1, -3, -2].map((axis) => ({ value: expandDims(first.value, axis), error: expandDims(first.error, axis) })) as [
    Bounded,
    Bounded,
    Bounded,
  ];
  const over = (gap: T, p: Bounded, q: Bounded): Bounded & { gap: T } => ({
    gap,
    value: div(sub(p.value, q.value), nonzero(gap)) as T,
    error: div(add(bound(p), bound(q)), abs(nonzero(gap))) as T,
  });
  const wider = <B extends Bounded & { gap: T }>(p: B, q: B) => {
    const mask = greaterEqual(abs(p.gap), abs(q.gap));
    const pick = (s: T, t: T) => where(mask, s, t) as T;
    return { gap: pick(p.gap, q.gap), value: pick(p.value, q.value), error: pick(p.error, q.error) };
  };
  const quotient = wider(wider(over(sub(x, z) as T, ik, kj), over(sub(y, z) as T, ik, ij)), over(sub(y, x) as T, kj, ij));
  return better(quotient.gap, converged(at(FINE_2D), at(COARSE_2D)), quotient).value;
}
const bound = ({ value, error }: Bounded): T => add(error, mul(epsOf(value), abs(plain(value)))) as T;

/** The finer of two quadratures; the coarser one's error is a generous bound. */
const converged = (fine: T, coarse: T): Bounded => ({
  value: fine,
  error: add(abs(sub(plain(fine), plain(coarse)) as T), mul(2 * epsOf(fine), abs(plain(fine)))) as T,
});

interface Rule {
  readonly points: readonly (readonly [node: number, weight: number])[];
  /** Nodes along a new first axis before those of a tensor. */
  nodes(like: Tensor): T;
}
function gauss(n: number): Rule {
  const points = legendre(n);
  return {
    points,
    nodes: (like) =>
      column(
        like,
        points.map(([x]) => x),
      ),
  };
}
const column = (like: Tensor, list: readonly number[]): T => {
  const { array } = dtypes[realOf(like.dtype as Float)];
  const data = new array(list.length);
  list.forEach((x, i) => (data[i] = x));
  return reshape(wrap(realOf(like.dtype as Float), [list.length], data as never), [
    list.length,
    ...like.shape.map(() => 1),
  ]) as unknown as T;
};
const weighted = (rule: Rule, values: T): T => {
  const shape = { shape: values.shape.slice(1), dtype: values.dtype } as unknown as Tensor;
  const weights = column(
    shape,
    rule.points.map(([, w]) => w),
  );
  return sum(mul(weights, values), { axis: 0 }) as T;
};

/** Nodes and weights of Gauss and Legendre on [0, 1], by Newton's method (Abramowitz & Stegun 25.4.29). */
function legendre(n: number): [number, number][] {
  return Array.from({ length: n }, (_, i) => {
    let x = Math.cos((Math.PI * (i + 0.75)) / (n + 0.5));
    let slope = 1;
    for (let step = 0; step < 8; step++) {
      let [p, before] = [x, 1];
      for (let k = 2; k <= n; k++) [p, before] = [((2 * k - 1) * x * p - (k - 1) * before) / k, p];
      slope = (n * (x * p - before)) / (x * x - 1);
      x -= p / slope;
    }
    return [(1 - x) / 2, 1 / ((1 - x * x) * slope * slope)];
  });
}
const FINE = gauss(10);
const COARSE = gauss(7);
const FINE_2D = gauss(6);
const COARSE_2D = gauss(4);
