// What statsmodels, scikit-learn, SciPy and JAX say of the models (tools/goldens/models.py, models_fitted.py).
import { readFileSync } from "node:fs";
import { expect } from "chai";
import { isTensor, type Tensor, tensor } from "../../lib/index";
import { relativeError } from "../../lib/testing/index";

type Numbers = number | readonly Numbers[];
export interface Golden {
  readonly nile: Record<"at" | "loglik" | "gradient" | "filtered" | "smoothed" | "variances" | "best" | "bestLoglik", Numbers>;
  readonly hmm: { ys: Numbers; parameters: Hmm; loglik: number; gradient: Hmm; posteriors: Numbers };
  readonly ode: Record<"rates" | "steps" | "path" | "byRates" | "byStart" | "exact", Numbers>;
}
export interface Fitted {
  readonly pca: Record<"x" | "mean" | "components" | "variance" | "ratio" | "whitened", Numbers>;
  readonly logistic: Record<"labels" | "weights" | "bias" | "probabilities", Numbers>;
  readonly portfolio: Record<
    "correlations" | "sd" | "market" | "p" | "q" | "delta" | "tau" | "mean" | "covariance" | "weights" | "byViews",
    Numbers
  >;
  readonly var: Record<"levels" | "params" | "sigma" | "loglik" | "stderr" | "forecast" | "responses", Numbers>;
  readonly cox: Record<"t" | "status" | "x" | "beta" | "bse" | "loglik" | "at" | "loglikAt" | "scoreAt", Numbers>;
  readonly ode: { data: Numbers; start: Rates; best: Rates; cost: number; path: Numbers };
  readonly laplace: Record<"x" | "y" | "at" | "mode" | "loglik" | "gradient", Numbers>;
}
export type Rates = Record<"a" | "b" | "c" | "d" | "hares" | "lynxes", number>;
type Hmm = Record<"start" | "transition" | "means" | "logStds", Numbers>;

export const golden = JSON.parse(readFileSync("test/golden/models.json", "utf8")) as Golden;
export const fitted = JSON.parse(readFileSync("test/golden/models-fitted.json", "utf8")) as Fitted;
export const load = (x: Numbers): Tensor<"float64"> => tensor(x as number[]);

/** The largest difference over the largest element. */
export const error = (got: Tensor, want: Numbers | Tensor): number =>
  relativeError(got, isTensor(want) ? want : load(want), Number.MIN_VALUE);
export function agree(what: string, got: Tensor, want: Numbers | Tensor, tolerance: number): void {
  expect(error(got, want), what).to.be.below(tolerance);
}
