// A Gaussian process with Student-t noise by Laplace's approximation: Rasmussen and Williams (2006), section 3.4; Vanhatalo, Jylänki and Vehtari (2009).
import { customRoot, diagEmbed, eye, grad, greater, lgamma, linalg, matvec, type Tensor, whileLoop } from "../../lib/index";

type T = Tensor<"float64">;
/** Logarithms of the kernel's amplitude and length, and of the noise's scale and degrees of freedom. */
export interface Parameters {
  readonly amplitude: T;
  readonly length: T;
  readonly scale: T;
  readonly nu: T;
}

export function kernel({ amplitude, length }: Parameters, a: T, b: T): T {
  const d = a.expandDims(1).sub(b).div(length.exp());
  return amplitude.mul(2).sub(d.square().mul(0.5)).exp();
}

/** log p(y | f), of each observation. */
export function logDensity({ scale, nu: logNu }: Parameters, f: T, y: T): T {
  const nu = logNu.exp();
  const half = nu.add(1).mul(0.5);
  const constant = lgamma(half)
    .sub(lgamma(nu.mul(0.5)))
    .sub(nu.mul(Math.PI).log().mul(0.5))
    .sub(scale);
  return constant.sub(y.sub(f).div(scale.exp()).square().div(nu).log1p().mul(half));
}
const score = (p: Parameters, f: T, y: T): T => grad((f: T) => logDensity(p, f, y).sum())(f);

/** A step to the mode under normal noise, of the variance that the scale mixture has at f: it never goes down. */
function step({ scale, nu: logNu }: Parameters, k: T, f: T, y: T): T {
  const nu = logNu.exp();
  const variance = scale.mul(2).exp().mul(nu).add(y.sub(f).square()).div(nu.add(1));
  return matvec(k, linalg.solve(k.add(diagEmbed(variance)), y));
}

/** The mode of p(f | y): where f = K ∇log p(y | f). */
const mode = customRoot(
  (f: T, p: Parameters, k: T, y: T) => f.sub(matvec(k, score(p, f, y))),
  (f0: T, p: Parameters, k: T, y: T) => {
    const moves = ({ f, before }: { f: T; before: T }) => greater(f.sub(before).abs().max(), 1e-13);
    const next = ({ f }: { f: T }) => ({ f: step(p, k, f, y), before: f });
    return whileLoop(moves, next, next({ f: f0 }), { maxSteps: 5000 }).f;
  },
);

/** The mode, and the approximation of log p(y): log p(y | f) - fᵀK⁻¹f / 2 - log |1 + K W| / 2, where W = -∇∇log p(y | f). */
export function laplace(p: Parameters, x: T, y: T) {
  const k = kernel(p, x, x);
  const f = mode(y, p, k, y);
  const w = grad((f: T) => score(p, f, y).sum())(f).neg();
  const { logabsdet } = linalg.slogdet(eye(y.size).add(k.mul(w)));
  const fit = logDensity(p, f, y)
    .sum()
    .sub(f.dot(score(p, f, y)).mul(0.5));
  return { mode: f, loglik: fit.sub(logabsdet.mul(0.5)) };
}
