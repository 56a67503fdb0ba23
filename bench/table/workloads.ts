// Whole functions of one item, compiled: against jit and vmap (bench/peers/jax_workloads.py has the same functions).
import type { Backsolve, Row, T } from "./row";

/** log N(y; 0, v exp(-d²/2) + s I) up to a constant, d² by a length scale for each of three dimensions (Rasmussen & Williams 2006, 5.1, 5.8). */
function gaussianProcess(b: Backsolve, scales: T, amplitudes: T, x: T, y: T): T[] {
  const z = b.div(x, scales) as T;
  const d = b.sub(b.expandDims(z, 1), b.expandDims(z, 0)) as T;
  const n = x.shape[0] as number;
  const [v, s] = [b.slice(amplitudes, [0], [1]), b.slice(amplitudes, [1], [1])];
  const k = b.add(b.mul(v, b.exp(b.mul(-0.5, b.sum(b.square(d), { axis: -1 })))), b.mul(s, b.eye(n, { dtype: x.dtype }))) as T;
  const l = b.linalg.cholesky(k);
  const w = b.linalg.solveTriangular(l, y) as T;
  return [b.add(b.mul(0.5, b.sum(b.square(w))), b.sum(b.log(b.diag(l)))) as T];
}

/** The filter's negative log-likelihood: n states, half as many observed, 100 steps. */
function kalman(b: Backsolve, a: T, h: T, q: T, r: T, ys: T): T[] {
  const [states, observed] = [a.shape[0] as number, h.shape[0] as number];
  const of = { dtype: a.dtype } as const;
  const [qs, rs] = [b.diagEmbed(q), b.diagEmbed(r)];
  const step = ({ x, p, nll }: { x: T; p: T; nll: T }, y: T) => {
    const xp = b.matmul(a, x) as T;
    const pp = b.add(b.matmul(b.matmul(a, p), a, { adjointB: true }), qs) as T;
    const l = b.linalg.cholesky(b.add(b.matmul(b.matmul(h, pp), h, { adjointB: true }), rs) as T);
    const w = b.linalg.solveTriangular(l, b.matmul(h, pp)) as T;
    const u = b.linalg.solveTriangular(l, b.sub(b.reshape(y, [observed, 1]), b.matmul(h, xp))) as T;
    const carry = {
      x: b.add(xp, b.matmul(w, u, { adjointA: true })) as T,
      p: b.sub(pp, b.matmul(w, w, { adjointA: true })) as T,
      nll: b.add(nll, b.add(b.mul(0.5, b.sum(b.square(u))), b.sum(b.log(b.diag(l))))) as T,
    };
    return { carry };
  };
  const start = { x: b.zeros([states, 1], of) as T, p: b.eye(states, of) as T, nll: b.zeros([], of) as T };
  return [b.scan(step, start, ys).carry.nll];
}

/** μᵀ Σ⁻¹ μ / 2, the best mean-variance utility, through the eigenvalues of Σ. */
function meanVariance(b: Backsolve, mean: T, covariance: T): T[] {
  const { w, v } = b.linalg.eigh(covariance);
  const z = b.matmul(v, mean, { adjointA: true }) as T;
  return [b.mul(0.5, b.sum(b.div(b.square(z), b.expandDims(w, -1)))) as T];
}

/** |A x - b|² at the x of ridge regression, (AᵀA + λI) x = Aᵀb, by Cholesky. */
function ridge(b: Backsolve, a: T, y: T, lambda: T): T[] {
  const n = a.shape[1] as number;
  const gram = b.add(b.matmul(a, a, { adjointA: true }), b.mul(lambda, b.eye(n, { dtype: a.dtype }))) as T;
  const x = b.linalg.choleskySolve(b.linalg.cholesky(gram), b.matmul(a, y, { adjointA: true }) as T) as T;
  return [b.sum(b.square(b.sub(b.matmul(a, x), y)))];
}

/** Log-likelihood of a hidden Markov model with n states and normal observations, by the forward recursion in logarithms. */
function hmm(b: Backsolve, start: T, transition: T, means: T, logStds: T, ys: T): T[] {
  const [steps, n] = [ys.shape[0] as number, start.shape[0] as number];
  const logSoftmax = (x: T): T => b.sub(x, b.logsumexp(x, { axis: -1, keepDims: true })) as T;
  const z = b.div(b.sub(b.expandDims(ys, 1), means), b.exp(logStds)) as T;
  const e = b.sub(b.mul(-0.5, b.square(z)), logStds) as T;
  const a = logSoftmax(transition);
  const step = (alpha: T, et: T) => ({ carry: b.add(b.logsumexp(b.add(b.expandDims(alpha, 1), a) as T, { axis: 0 }), et) as T });
  const first = b.add(logSoftmax(start), b.reshape(b.slice(e, [0, 0], [1, n]), [n])) as T;
  return [b.logsumexp(b.scan(step, first, b.slice(e, [1, 0], [steps - 1, n])).carry)];
}

/** Y = X C^-1/2, C the second moments of 4n samples (ZCA whitening). */
function whitening(b: Backsolve, x: T): T[] {
  const c = b.mul(1 / (x.shape[0] as number), b.matmul(x, x, { adjointA: true })) as T;
  return [b.matmul(x, b.linalg.inverseSqrtmHermitian(c)) as T];
}

export const workloads: readonly Row[] = [
  {
    op: "gp",
    kind: "program",
    inputs: [
      ["positive", "3"],
      ["positive", "2"],
      ["normal", "n,3"],
      ["normal", "n,1"],
    ],
    outputs: [""],
    call: gaussianProcess,
    compiled: { sizes: [8, 16, 32, 64, 128], items: (n) => Math.floor(2 ** 17 / n ** 2), wrt: 2 },
  },
  {
    op: "kalman",
    kind: "program",
    inputs: [
      ["small", "n,n"],
      ["normal", "2,n"],
      ["positive", "n"],
      ["positive", "2"],
      ["normal", "100,2"],
    ],
    outputs: [""],
    call: kalman,
    compiled: { sizes: [4], items: () => 256, wrt: 4 },
  },
  {
    op: "meanVariance",
    kind: "program",
    inputs: [
      ["normal", "n,1"],
      ["spd", "n,n"],
    ],
    outputs: [""],
    call: meanVariance,
    compiled: { sizes: [16], items: () => 512 },
  },
  {
    op: "ridge",
    kind: "program",
    inputs: [
      ["normal", "4n,n"],
      ["normal", "4n,1"],
      ["positive", ""],
    ],
    outputs: [""],
    call: ridge,
    compiled: { sizes: [8], items: () => 1024 },
  },
  {
    op: "hmm",
    kind: "program",
    inputs: [
      ["normal", "n"],
      ["normal", "n,n"],
      ["normal", "n"],
      ["small", "n"],
      ["normal", "64"],
    ],
    outputs: [""],
    call: hmm,
    compiled: { sizes: [4, 16], items: () => 256, wrt: 4 },
  },
  {
    op: "whitening",
    kind: "program",
    inputs: [["normal", "4n,n"]],
    outputs: ["4n,n"],
    call: whitening,
    compiled: { sizes: [8, 16], items: () => 512 },
  },
];
