// Multinomial logistic regression with an L2 penalty on the weights, fitted on batches.
import { add, expandDims, gather, index, logSoftmax, matmul, mean, mul, random, square, sub, sum, type Tensor } from "../../lib/index";
import { adam } from "../../lib/optimize/index";

type T = Tensor<"float64">;
export interface Classifier {
  readonly weights: T;
  readonly bias: T;
}

/** log p(class | x), a row for each of x. */
export const logProbabilities = ({ weights, bias }: Classifier, x: T): T => logSoftmax(add(matmul(x, weights), bias));

/** The mean of -log p(label | x), and the penalty's share of one observation. */
export function loss(c: Classifier, x: T, labels: Tensor<"int32">, penalty: number): T {
  const chosen = gather(logProbabilities(c, x), expandDims(labels, 1), { axis: 1 });
  return sub(mul(penalty / 2, sum(square(c.weights))), mean(chosen));
}

/** Adam on batches of every epoch's own order, with steps that fall to nothing. */
export function fit(x: T, labels: Tensor<"int32">, start: Classifier, { penalty = 0, epochs = 100, size = 30, learningRate = 0.1 } = {}) {
  const perEpoch = Math.floor(labels.size / size);
  const total = perEpoch * epochs;
  const batch = (iteration: number): [T, Tensor<"int32">] => {
    const order = random.permutation(Math.floor(iteration / perEpoch), labels.size);
    const i = iteration % perEpoch;
    const rows = index(order, `${i * size}:${(i + 1) * size}`);
    return [index(x, rows), index(labels, rows)];
  };
  const options = { args: batch, maxIterations: total, learningRate: (i: number) => learningRate * (1 - i / total), gradientTolerance: 0 };
  return adam((c: Classifier, x: T, y: Tensor<"int32">) => loss(c, x, y, penalty), start, options);
}
