// Where a call took NaN for items that fail, its derivatives of any order and mode are NaN for these, and those of the others as if they were alone.
import { expect } from "chai";
import { compile, concat, float64, grad, hvp, jvp, LinalgError, linalg, mul, sum, type Tensor, tensor, vjp } from "../lib/index";
import { sameBits } from "../lib/testing";
import { caught } from "./support";

type F64 = Tensor<"float64">;
const nan = { onFailure: "nan" } as const;
const good = [
  [3, 1],
  [1, 2],
];
const [zero, indefinite, infinite] = [
  [
    [0, 0],
    [0, 0],
  ],
  [
    [1, 2],
    [2, 1],
  ],
  [
    [Infinity, 0],
    [0, 1],
  ],
];
const b = tensor([[1], [2]]);
const OPS: { readonly [name: string]: readonly [number[][], (a: F64) => F64] } = {
  solve: [zero, (a) => linalg.solve(a, b, nan)],
  inv: [zero, (a) => linalg.inv(a, nan)],
  cholesky: [indefinite, (a) => linalg.cholesky(a, nan)],
  logdet: [indefinite, (a) => linalg.logdet(a, nan)],
  solveTriangular: [zero, (a) => linalg.solveTriangular(a, b, nan)],
  lstsq: [zero, (a) => linalg.lstsq(a, b, nan)],
  eigvalsh: [infinite, (a) => linalg.eigvalsh(a, nan)],
  ldlSolve: [
    zero,
    (a) => {
      const { l, d, pivots } = linalg.ldlFactor(a, nan);
      return linalg.ldlSolve(l, d, pivots, b, nan);
    },
  ],
};
const direction = tensor([
  [
    [0.1, 0.2],
    [0.2, 0.3],
  ],
]);
/** Item 0 failed, item 1 is as if it were alone. */
function only(t: F64, alone: F64): void {
  const n = t.size / 2;
  const failed = [...t.data.slice(0, n)]; // zeros where every answer has them: above a triangle
  expect(
    failed.some(Number.isNaN) && failed.every((x, i) => Number.isNaN(x) || (x === 0 && alone.data[i] === 0)),
    "the item that failed",
  ).to.equal(true);
  for (const [i, x] of alone.data.entries()) expect(t.data[n + i]).to.be.closeTo(x, 1e-12 * Math.max(1, Math.abs(x)));
}

describe("derivatives where items failed", () => {
  for (const [name, [bad, f]] of Object.entries(OPS)) {
    const [both, alone] = [tensor([bad, good]), tensor([good])];
    it(`${name}: forward, reverse, second order`, () => {
      const dBoth = concat([direction, direction], { axis: 0 });
      only(jvp(f, [both], [dBoth]).tangent, jvp(f, [alone], [direction]).tangent);
      const loss = (a: F64): F64 => sum(mul(f(a), f(a)));
      only(grad(loss)(both), grad(loss)(alone));
      only(hvp(loss, both, dBoth) as F64, hvp(loss, alone, direction) as F64);
    });
  }
  it("a rule throws as ever where the call would have thrown", () => {
    const { pullback, value } = vjp((a: F64) => linalg.solve(a, b), tensor([good]));
    expect(pullback(value)[0].shape).to.deep.equal([1, 2, 2]);
    expect(caught(() => jvp((a: F64) => linalg.solve(a, b), [tensor([zero, good])], [tensor([zero, zero])]))).to.be.instanceOf(LinalgError);
    expect(caught(() => linalg.solve(tensor([zero]), b))).to.be.instanceOf(LinalgError);
  });
  it("a pullback that took NaN can be recorded", () => {
    const { pullback } = vjp((a: F64) => linalg.solve(a, b, nan), tensor(good));
    const p = compile((g: F64) => pullback(g)[0], float64(2, 1));
    const g = tensor([[1], [3]]);
    expect(sameBits(p.runSync([g]) as F64, pullback(g)[0])).to.equal(true);
  });
});
