// Principal components by the eigenvectors of the covariance, and whitening by them or without turning (Mahalanobis).
import { abs, argmax, cov, div, gather, linalg, matmul, mean, mul, sign, sqrt, sub, sum, type Tensor } from "../../lib/index";

type T = Tensor<"float64">;

/** Of rows x, the k directions of the largest variance, one a row, with their largest number positive as scikit-learn has them. */
export function pca(x: T, k: number) {
  const { w, v } = linalg.eigh(cov(x, { rowVar: false })); // ascending
  const variance = w.flip().index(`:${k}`);
  const columns = v.flip({ axis: 1 }).index("...", `:${k}`);
  const signs = sign(gather(columns, argmax(abs(columns), { axis: 0, keepDims: true }), { axis: 0 }));
  return {
    mean: mean(x, { axis: 0 }),
    components: mul(columns, signs).transpose(),
    variance,
    ratio: div(variance, sum(w)),
  };
}

/** Rows of unit variance and no correlation. */
export const whiten = ({ mean, components, variance }: Omit<ReturnType<typeof pca>, "ratio">, x: T): T =>
  div(matmul(sub(x, mean), components, { adjointB: true }), sqrt(variance));

/** The same without turning, which has a derivative also where variances are equal. */
export const mahalanobis = (x: T): T => matmul(sub(x, mean(x, { axis: 0 })), linalg.inverseSqrtmHermitian(cov(x, { rowVar: false })));
