// f(A) of Hermitian matrices for any f. Derivation: docs/derivations/spectral.md

import { within } from "../core/apply";
import { parseAttrs } from "../core/attrs";
import { type AnyArray, allocate, epsOf, type Float, type RealOf, type Sym } from "../core/dtype";
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
import { expandDims } from "./structure";

type T = Tensor<Sym<"T">>;
type R = Tensor<Sym<"real">>;
/** @internal */
export type Scalar = (x: R) => R;

/** @internal A function of this file's kind: its name, and the factorization that it takes, in whose errors that name stands. */
export interface Family {
  readonly op: string;
  readonly row: AnyRow;
}
const OP = "funmHermitian";
const HERMITIAN: Family = { op: OP, row: { ...eigh.row, publicName: OP } };
const NO_ATTRS: Attrs = {};

/** A function of the elements of a real tensor, by ops of this package. */
export type Elementwise<D extends Float> = (x: Tensor<RealOf<D>>) => Tensor<RealOf<D>>;

/** @internal A call that was checked: how often A is differentiated, and A without that. */
export interface Call {
  readonly op: string;
  readonly a: T;
  readonly f: Scalar;
  readonly order: number;
  readonly still: T;
}
/** @internal */
export function begin({ op, row }: Family, given: unknown, f: unknown, options: unknown, known: readonly string[]): Call {
  const a = adopt(op, given);
  if (!a) throw new ArgumentError(op, `a must be a tensor, got ${describe(given)}.`);
  if (typeof f !== "function") throw new ArgumentError(op, `f must be a function of a tensor, got ${describe(f)}.`);
  parseAttrs(op, {}, options, known);
  infer(row, operands(row, NO_ATTRS, [a]), NO_ATTRS); // what it says of shapes and dtypes
  const order = liveLevels(a);
  if (order > 2) throw new BacksolveError("ERR_ARGUMENT", op, "has derivatives up to the second order only.");
  const still = primal(a) as T;
  markOpaque([still], op); // the formula is chosen by how often A is differentiated now
  return { op, a: a as T, f: f as Scalar, order, still };
}

/**
 * @internal In the basis of eigenvectors, Df(A₀)[Δ] + D²f(A₀)[Δ, Δ]/2 of a Δ = A - A₀ that is zero but for its derivatives: f(A₀) and this have the first two
 * derivatives of f(A).
 */
export function changes(f: Scalar, order: number, w: R, values: R, delta: T): T {
  const first = firstDifference(f, w, values);
  const inner = mul(first.value, delta);
  if (order < 2) return inner;
  // Σ_k f[w_i,w_k,w_j] Δ_ik Δ_kj
  const products = mul(expandDims(delta, -1), expandDims(delta, -3));
  return add(inner, sum(mul(secondDifference(f, w, first), products), { axis: -2 }));
}

function finish({ op, a, f, order, still }: Call, { w, v }: { readonly w: R; readonly v: T }): Tensor {
  const values = checked(op, f(w), w);
  if (order === 0) return hermitianPart(assemble(v, values));
  const delta = matmul(matmul(v, hermitianPart(sub(a, still)), { adjointA: true }), v);
  const inner = changes(f, order, w, values, delta);
  return hermitianPart(add(assemble(v, values), matmul(matmul(v, inner), v, { adjointB: true })));
}

/**
 * f(A) = V f(w) Vᴴ of Hermitian matrices: (..., n, n) -> (..., n, n). f maps a real tensor of any shape elementwise, by ops of this package; its
 * derivatives come from the engine, also those with respect to what it closes over. The derivatives with respect to A are divided differences
 * of f, exact where eigenvalues are equal or close; they exist to the second order, a third is ERR_ARGUMENT. Reads the lower triangle only.
 * The asynchronous twin computes eigenvalues and vectors off the event loop, f and products on it.
 */
export const funmHermitian = Object.assign(
  <D extends Float>(a: Tensor<D>, f: Elementwise<D>, options?: Pick<CallOptions, "onFailure">): Tensor<D> => {
    const call = begin(HERMITIAN, a, f, options, ["onFailure"]);
    return finish(call, eigh(call.still, within(OP, collects(OP, options ?? {}) ? [] : undefined))) as Tensor<D>;
  },
  {
    async: async <D extends Float>(a: Tensor<D>, f: Elementwise<D>, options?: AsyncOptions): Promise<Tensor<D>> => {
      const call = begin(HERMITIAN, a, f, options, ["onFailure", "signal"]);
      refuseRecorded(OP, [call.a]);
      return finish(call, await eigh.async(call.still, { ...options, ...within(OP) })) as Tensor<D>;
    },
    checked: <D extends Float>(a: Tensor<D>, f: Elementwise<D>, options?: object): Checked<Tensor<D>> => {
      const call = begin(HERMITIAN, a, f, options, []);
      const failures: Failure[] = [];
      return { value: finish(call, eigh(call.still, within(OP, failures))) as Tensor<D>, failures };
    },
  },
);

function liveLevels(a: Tensor): number {
  let count = 0;
  for (let t = unwrapIfDead(a); t.box; t = unwrapIfDead(t.box.value)) count++;
  return count;
}

/** @internal f(w), if f kept to its contract. */
export function checked(op: string, y: unknown, w: R): R {
  if (isTensor(y) && sameShape(y.shape, w.shape) && y.dtype === w.dtype) return y as R;
  const got = isTensor(y) ? `${y.dtype} of shape [${y.shape.join(", ")}]` : describe(y);
  throw new ArgumentError(op, `f must map a ${w.dtype} tensor of shape [${w.shape.join(", ")}] to one of the same kind, got ${got}.`);
}

/** f', by forward mode at a level of its own. */
const derivative =
  (f: Scalar): Scalar =>
  (x) => {
    const level = new Forward();
    try {
      const y = unwrapIfDead(f(level.dual(x, ones(x.shape, { dtype: x.dtype })) as R));
      return (level.tangentOf(y) ?? zerosLike(y)) as R;
    } finally {
      level.close();
    }
  };

/** A value with a bound of its error, which no derivative sees. */
interface Bounded {
  readonly value: R;
  readonly error: R;
}
const plain = (t: R): R => primal(t) as R;
const abs = (t: R): R => maximum(t, neg(t));
const isZero = (t: R) => equal(t, 0);

/** Of two answers the one with the smaller bound; the quadrature where the gap is zero or both are alike. */
function better(gap: R, quadrature: Bounded, quotient: Bounded): Bounded {
  const pick = (q: R, p: R): R => where(isZero(gap), q, where(lessEqual(quadrature.error, quotient.error), q, p));
  return { value: pick(quadrature.value, quotient.value), error: pick(quadrature.error, quotient.error) };
}
const nonzero = (gap: R): R => where(isZero(gap), 1, gap);

/**
 * f[w_i,w_j] = ∫₀¹ f'(w_i + t (w_j - w_i)) dt, by quadrature where that has converged, else by the quotient: one is good where the other
 * is not, the quotient for far eigenvalues, the quadrature for near ones.
 */
function firstDifference(f: Scalar, w: R, values: R): Bounded {
  const [x, y] = [expandDims(w, -1), expandDims(w, -2)];
  const gap = sub(y, x);
  const slope = derivative(f);
  const at = (rule: Rule) => weighted(rule, slope(add(x, mul(rule.nodes(x), gap))));
  const quadrature = converged(at(FINE), at(COARSE));
  const quotient = div(sub(expandDims(values, -2), expandDims(values, -1)), nonzero(gap));
  const size = plain(add(abs(plain(values)), abs(mul(w, plain(slope(w))))));
  const scale = mul(2 * epsOf(w.dtype), add(expandDims(size, -1), expandDims(size, -2)));
  return better(gap, quadrature, { value: quotient, error: div(scale, abs(nonzero(gap))) });
}

/**
 * f[w_i,w_k,w_j] = ∫₀¹ p ∫₀¹ f''(w_i + p (w_k - w_i + r (w_j - w_k))) dr dp, or the quotient of first differences over the farthest of the
 * three pairs.
 */
function secondDifference(f: Scalar, w: R, first: Bounded): R {
  const spread = (p: number, q: number) => expandDims(expandDims(w, p), q);
  const [x, y, z] = [spread(-1, -1), spread(-1, -3), spread(-2, -2)];
  const curvature = derivative(derivative(f));
  const [toY, yToZ] = [sub(y, x), sub(z, y)];
  const at = (rule: Rule): R => {
    const sums = rule.points.map(([p, weight]) => {
      const points = add(x, mul(p, add(toY, mul(rule.nodes(x), yToZ))));
      return mul(weight * p, weighted(rule, curvature(points)));
    });
    return sums.reduce((s, t) => add(s, t));
  };
  const pair = (axis: number): Bounded => ({ value: expandDims(first.value, axis), error: expandDims(first.error, axis) });
  const [ik, kj, ij] = [pair(-1), pair(-3), pair(-2)];
  const over = (gap: R, p: Bounded, q: Bounded): Bounded & { gap: R } => ({
    gap,
    value: div(sub(p.value, q.value), nonzero(gap)),
    error: div(add(bound(p), bound(q)), abs(nonzero(gap))),
  });
  const wider = <B extends Bounded & { gap: R }>(p: B, q: B) => {
    const mask = greaterEqual(abs(p.gap), abs(q.gap));
    const pick = (s: R, t: R) => where(mask, s, t);
    return { gap: pick(p.gap, q.gap), value: pick(p.value, q.value), error: pick(p.error, q.error) };
  };
  const quotient = wider(wider(over(sub(x, z), ik, kj), over(sub(y, z), ik, ij)), over(sub(y, x), kj, ij));
  return better(quotient.gap, converged(at(FINE_2D), at(COARSE_2D)), quotient).value;
}
const bound = ({ value, error }: Bounded): R => add(error, mul(epsOf(value.dtype), abs(plain(value))));

/** The finer of two quadratures; the coarser one's error is a generous bound. */
const converged = (fine: R, coarse: R): Bounded => ({
  value: fine,
  error: add(abs(sub(plain(fine), plain(coarse))), mul(2 * epsOf(fine.dtype), abs(plain(fine)))),
});

interface Rule {
  readonly points: readonly (readonly [node: number, weight: number])[];
  /** Nodes along a new first axis before those of a tensor. */
  nodes(like: R): R;
}
function gauss(n: number): Rule {
  const points = legendre(n);
  return {
    points,
    nodes: (like) =>
      column(
        like.dtype,
        like.rank,
        points.map(([x]) => x),
      ),
  };
}
const column = (dtype: R["dtype"], rank: number, list: readonly number[]): R => {
  const data: AnyArray = allocate(dtype, list.length);
  data.set(list);
  return wrap(dtype, [list.length, ...new Array<number>(rank).fill(1)], data);
};
const weighted = (rule: Rule, values: R): R => {
  const weights = column(
    values.dtype,
    values.rank - 1,
    rule.points.map(([, w]) => w),
  );
  return sum(mul(weights, values), { axis: 0 });
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
