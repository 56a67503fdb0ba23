// A vector autoregression y_t = c + A1 y_{t-1} + ... + Ap y_{t-p} + N(0, S): by least squares, which is the most likely one.
import { concat, index, linalg, matmul, matrixTranspose, mul, normLogPdf, ones, scan, sub, sum, type Tensor } from "../../lib/index";

type T = Tensor<"float64">;

/** Rows [1, y_{t-1}, ..., y_{t-p}] of the times that have p before them. */
export function lagged(ys: T, p: number): T {
  const n = ys.shape[0] as number;
  const lags = Array.from({ length: p }, (_, i) => index(ys, `${p - 1 - i}:${n - 1 - i}`));
  return concat([ones([n - p, 1]), ...lags], { axis: 1 });
}

/** Coefficients, a row for the constant and then a block per lag, and the covariance of what they leave. */
export function fit(ys: T, p: number) {
  const [x, y] = [lagged(ys, p), index(ys, `${p}:`)];
  const coefficients = linalg.lstsq(x, y);
  const left = sub(y, matmul(x, coefficients));
  return { coefficients, sigma: mul(1 / (y.shape[0] as number), matmul(left, left, { adjointA: true })) };
}

/** The Gaussian log-likelihood, given the first p observations. */
export function loglik({ coefficients, sigma }: ReturnType<typeof fit>, ys: T, p: number): T {
  const left = sub(index(ys, `${p}:`), matmul(lagged(ys, p), coefficients));
  const l = linalg.cholesky(sigma);
  const z = linalg.solveTriangular(l, matrixTranspose(left));
  return sub(sum(normLogPdf(z)), mul(0.5 * (left.shape[0] as number), linalg.logdet(sigma)));
}

/** What is expected of the next times: [steps, k]. Its derivatives to the last row are the responses to a shock. */
export function forecast({ coefficients }: Pick<ReturnType<typeof fit>, "coefficients">, ys: T, p: number, steps: number): T {
  const step = (before: T) => {
    const y = matmul(concat([ones([1]), before.reshape([-1])]), coefficients);
    return { carry: concat([y.expandDims(0), before.index(`:${p - 1}`)]), y };
  };
  return scan(step, ys.index(`-${p}:`).flip({ axis: 0 }), undefined, { length: steps }).ys;
}
