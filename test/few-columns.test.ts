// Triangular systems with a few right-hand sides, where NaN and infinities of A are found by the answer; transposes by whole cache lines.
import { expect } from "chai";
import { storageOf } from "../lib/core/tensor";
import * as b from "../lib/index";
import { randoms } from "./hostile/randoms";

type F = b.Tensor<"float64">;
const { solveTriangular } = b.linalg;

/** A well-conditioned triangle with rubbish beyond it. */
function triangle(n: number, lower: boolean, seed: number): F {
  const a = b.add(b.random.normal(seed, [n, n]), b.mul(b.eye(n), 3 * n)) as F;
  const array = storageOf(a).array as Float64Array;
  for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) if (lower ? j > i : j < i) array[i * n + j] = Number.NaN;
  return a;
}
const code = (f: () => unknown): string => {
  try {
    f();
    return "ok";
  } catch (e) {
    return (e as { code: string }).code;
  }
};

describe("triangular systems with a few right-hand sides", () => {
  for (const lower of [true, false])
    for (const op of [{}, { adjoint: true }, { transpose: true }])
      for (const side of ["left", "right"] as const) {
        const options = { lower, side, ...op } as never;
        const label = `${lower ? "lower" : "upper"} ${Object.keys(op)[0] ?? "plain"} ${side}`;
        const right = (n: number, k: number, seed: number): F => b.random.normal(seed, side === "left" ? [n, k] : [k, n]) as F;

        it(`as each by itself: ${label}`, () => {
          for (const n of [1, 2, 7, 40, 95, 96, 130, 300])
            for (const k of [1, 2, 3, 5, 6]) {
              const a = triangle(n, lower, n);
              const y = right(n, k, n + k);
              const x = solveTriangular(a, y, options) as F;
              const clean = (lower ? b.tril(b.where(b.isNaN(a), 0, a) as F) : b.triu(b.where(b.isNaN(a), 0, a) as F)) as F;
              const m = (Object.keys(op).length > 0 ? b.transpose(clean) : clean) as F;
              const back = (side === "left" ? b.matmul(m, x) : b.matmul(x, m)) as F;
              expect(b.max(b.abs(b.sub(back, y))).item()).to.be.lessThan(1e-12 * n);
            }
        });

        it(`NaN and infinities anywhere in the triangle are found, zeros in the answer or not: ${label}`, () => {
          const random = randoms(17);
          for (const n of [1, 3, 40, 130])
            for (const k of [0, 1, 2, 5])
              for (let round = 0; round < 12; round++) {
                const a = triangle(n, lower, round);
                const y = right(n, k, round);
                const [p, q] = [Math.floor(random() * n), Math.floor(random() * n)].sort((u, v) => u - v) as [number, number];
                const at = lower ? q * n + p : p * n + q;
                // zeros from one end on, so that some of the answer is 0
                const zeros = storageOf(y).array as Float64Array;
                if (round % 3 > 0)
                  zeros.forEach((_, i) => (round % 3 === 1 ? i < zeros.length / 2 : i > zeros.length / 2) && (zeros[i] = 0));
                expect(code(() => solveTriangular(a, y, options))).to.equal("ok");
                (storageOf(a).array as Float64Array)[at] = [Number.NaN, Infinity, -Infinity][Math.floor(random() * 3)] as number;
                expect(
                  code(() => solveTriangular(a, y, options)),
                  `n ${n} k ${k} at ${at}`,
                ).to.equal("ERR_NOT_FINITE");
              }
        });
      }

  it("singular and overflowing systems say so", () => {
    const a = b.tensor([
      [1, 0, 0],
      [2, 0, 0],
      [3, 4, 5],
    ]) as F; // prettier-ignore
    expect(code(() => solveTriangular(a, b.ones([3, 1])))).to.equal("ERR_SINGULAR");
    const tiny = b.tensor([
      [1e-300, 0],
      [1, 1],
    ]) as F; // prettier-ignore
    expect(code(() => solveTriangular(tiny, b.full([2, 1], 1e10)))).to.equal("ERR_NOT_FINITE");
    const unit = b.tensor([
      [0, 0],
      [2, Number.NaN],
    ]) as F; // prettier-ignore
    expect((solveTriangular(unit, b.ones([2, 1]), { unitDiagonal: true }) as F).data).to.deep.equal(new Float64Array([1, -1]));
  });
});

describe("transposes", () => {
  for (const dtype of ["float64", "float32", "complex128", "complex64", "int32", "bool"] as const)
    it(dtype, () => {
      for (const [m, n] of [
        [1, 9],
        [8, 8],
        [16, 7],
        [33, 70],
        [64, 130],
        [5, 300],
      ] as const) {
        // prettier-ignore
        const x = b.cast(b.reshape(b.arange(3 * m * n), [3, m, n]), dtype as "float64") as unknown as F;
        const y = b.transpose(x, [0, 2, 1]);
        const [from, to] = [x.toArray() as number[][][], y.toArray() as number[][][]];
        for (let k = 0; k < 3; k++)
          for (let i = 0; i < m; i++) for (let j = 0; j < n; j++) expect(to[k]?.[j]?.[i]).to.deep.equal(from[k]?.[i]?.[j]);
      }
    });
});
