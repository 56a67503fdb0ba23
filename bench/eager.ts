// What one small call costs: an eager 4 x 4 Cholesky, forward and forward + backward.
import { diag, grad, linalg, log, sum, type Tensor, tensor } from "../lib/index";

export function benchEager(): void {
  const a = tensor([
    [4, 1, 0, 0],
    [1, 3, 0, 0],
    [0, 0, 2, 1],
    [0, 0, 1, 2],
  ]);
  const g = grad((x: Tensor<"float64">) => sum(linalg.cholesky(x)));
  const chain = grad((x: Tensor<"float64">) => sum(log(diag(linalg.cholesky(x)))));
  const time = (f: () => unknown): string => {
    for (let i = 0; i < 20_000; i++) f();
    const rounds = Array.from({ length: 9 }, () => {
      const start = performance.now();
      for (let i = 0; i < 20_000; i++) f();
      return (performance.now() - start) / 20;
    });
    return `${(rounds.sort((p, q) => p - q)[4] as number).toFixed(2)} us`;
  };
  console.log("one eager 4 x 4 matrix, float64");
  console.log(`  cholesky                           ${time(() => linalg.cholesky(a))}`);
  console.log(`  gradient of sum(cholesky)          ${time(() => g(a))}`);
  console.log(`  gradient of sum(log(diag(chol)))   ${time(() => chain(a))}`);
}
