// Residuals of factors as LAPACK's ratios (Anderson et al., LAPACK Working Note 41): ‖R‖ / (n ε ‖·‖), 30 at most, in the 1-norm.
import { expect } from "chai";
import { cast, random, type Tensor, tensor } from "../lib/index";

export type F64 = Tensor<"float64">; // or float32
export type Real = "float32" | "float64";
export const DTYPES = ["float32", "float64"] as const;
const RATIO = 30;
const eps = { float32: 2 ** -23, float64: 2 ** -52 };

export const wide = (a: F64): F64 => cast(a, "float64") as F64;
/** The 1-norm. */
export const norm = (a: F64): number => {
  const [rows, cols] = a.shape as [number, number];
  let most = 0;
  for (let j = 0; j < cols; j++) {
    let sum = 0;
    for (let i = 0; i < rows; i++) sum += Math.abs(a.data[i * cols + j] as number);
    if (!(sum <= most)) most = sum; // NaN stays
  }
  return most;
};
export const made = (n: number, cols: number, dtype: Real, f: (i: number, j: number, draw: number) => number): F64 => {
  const { data } = random.normal(n, [n, cols], { dtype: "float64" });
  const values = new Float64Array(n * cols);
  for (let i = 0, e = 0; i < n; i++) for (let j = 0; j < cols; j++, e++) values[e] = f(i, j, data[e] as number);
  return cast(tensor(values, { shape: [n, cols] }), dtype) as F64;
};
/** An element for which that does not hold. */
export function elsewhere(a: F64, holds: (i: number, j: number, x: number) => boolean, what: string): void {
  const cols = a.shape[1] as number;
  const at = a.data.findIndex((x, e) => !holds(Math.floor(e / cols), e % cols, x));
  expect(at < 0 ? "none" : [Math.floor(at / cols), at % cols, a.data[at]], what).to.equal("none");
}
export function ratio(what: string, residual: F64, scale: number, n: number, dtype: Real): void {
  expect(norm(residual) / (n * eps[dtype] * (scale || 1)), what).to.be.at.most(RATIO);
}
