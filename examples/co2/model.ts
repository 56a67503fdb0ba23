// The kernel of Rasmussen & Williams (2006), section 5.4.3, in scikit-learn's definitions:
//   c1² exp(-d²/2ℓ1²) + c2² exp(-d²/2ℓ2²) exp(-2 sin²(πd)/ℓ3²) + c3² (1 + d²/2αℓ4²)^-α + c4² exp(-d²/2ℓ5²) + σ² [i = j]
import { add, div, exp, eye, linalg, log, matmul, mul, neg, sin, square, sub, sum, type Tensor, tensor } from "../../lib/index";

type T = Tensor<"float64">;

/** Logarithms of the hyperparameters. c: ppm; ℓ1 ℓ2 ℓ4 ℓ5: years; ℓ3, α: none; σ²: ppm². */
export interface Parameters<V = T> {
  c1: V;
  l1: V;
  c2: V;
  l2: V;
  l3: V;
  c3: V;
  l4: V;
  alpha: V;
  c4: V;
  l5: V;
  sigma2: V;
}
export const names = ["c1", "l1", "c2", "l2", "l3", "c3", "l4", "alpha", "c4", "l5", "sigma2"] as const;
export const start: Parameters<number> = {
  c1: 50,
  l1: 50,
  c2: 2,
  l2: 100,
  l3: 1,
  c3: 0.5,
  l4: 1,
  alpha: 1,
  c4: 0.1,
  l5: 0.1,
  sigma2: 0.01,
};

/** d²/2 and 2 sin²(πd) between two sets of times: all that the kernel needs of the data. */
export interface Distances {
  readonly half: T;
  readonly wave: T;
  readonly identity: T;
}
export function distances(a: readonly number[], b: readonly number[]): Distances {
  const d = sub(tensor([...a]).reshape([a.length, 1]), tensor([...b]).reshape([1, b.length]));
  return { half: mul(0.5, square(d)), wave: mul(2, square(sin(mul(Math.PI, d)))), identity: eye(a.length) };
}

/** The covariance of the process without the noise. */
export function covariance(p: Parameters, { half, wave }: Pick<Distances, "half" | "wave">): T {
  const twice = (x: T): T => mul(2, x);
  const inverseSquare = (x: T): T => exp(mul(-2, x)); // 1/ℓ² from log ℓ
  const trend = exp(sub(twice(p.c1), mul(half, inverseSquare(p.l1))));
  const season = exp(sub(sub(twice(p.c2), mul(half, inverseSquare(p.l2))), mul(wave, inverseSquare(p.l3))));
  const alpha = exp(p.alpha);
  const irregular = exp(sub(twice(p.c3), mul(alpha, log(add(1, mul(half, div(inverseSquare(p.l4), alpha)))))));
  const noise = exp(sub(twice(p.c4), mul(half, inverseSquare(p.l5))));
  return add(add(trend, season), add(irregular, noise));
}

/** The lower Cholesky factor of the covariance of the observations. */
const factor = (p: Parameters, d: Distances): T => linalg.cholesky(add(covariance(p, d), mul(exp(p.sigma2), d.identity)));

/** The log marginal likelihood, Rasmussen & Williams, eq. 2.30: -|L⁻¹y|²/2 - Σ log L_ii - n/2 log 2π. */
export function logLikelihood(p: Parameters, d: Distances, y: T): T {
  const l = factor(p, d);
  const z = linalg.solveTriangular(l, y);
  const fit = mul(-0.5, sum(square(z)));
  return sub(sub(fit, sum(log(linalg.diag(l)))), (y.size / 2) * Math.log(2 * Math.PI));
}

/** Mean and variance (the noise included) at new times, Rasmussen & Williams, eq. 2.25 and 2.26. */
export function predict(p: Parameters, times: readonly number[], y: T, at: readonly number[]): { mean: number[]; variance: number[] } {
  const l = factor(p, distances(times, times));
  const cross = covariance(p, distances(times, at));
  const w = linalg.solveTriangular(l, cross);
  const mean = matmul(linalg.solveTriangular(l, y), w);
  const prior = covariance(p, { half: tensor([0]), wave: tensor([0]) }).item() + exp(p.sigma2).item();
  const variance = add(neg(sum(square(w), { axis: 0 })), prior);
  return { mean: [...mean.data], variance: [...variance.data] };
}
