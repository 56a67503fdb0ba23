// Sylvester's, Lyapunov's and Stein's equations against SciPy and mpmath (tools/goldens/equations.py), and by what is left of them.
import { readFileSync } from "node:fs";
import { expect } from "chai";
import { add, adjoint, diagEmbed, eye, kron, linalg, matmul, mul, random, sub, type Tensor, tensor } from "../lib/index";
import { relativeError } from "../lib/testing/index";
import { load, type Stored, type T } from "./stored";
import { caught } from "./support";

interface Golden {
  readonly sylvester: readonly { readonly [k in "a" | "b" | "c" | "x"]: Stored }[];
  readonly lyapunov: readonly { readonly [k in "a" | "q" | "x" | "discrete"]: Stored }[];
  readonly near: { readonly [k in "a" | "q" | "x"]: Stored };
}
const golden = JSON.parse(readFileSync("test/golden/equations.json", "utf8")) as Golden;
const close = (what: string, got: Tensor, want: Tensor, tolerance = 1e-12): void => {
  expect(relativeError(got, want, 1e-300), what).to.be.below(tolerance);
};
const sylvester = (a: T, b: T, c: T, options = {}): T => linalg.sylvester(a, b, c, options) as T;
const lyapunov = (a: T, q: T, options = {}): T => linalg.lyapunov(a, q, options) as T;
const stein = (a: T, q: T, options = {}): T => linalg.discreteLyapunov(a, q, options) as T;
const empty = (...shape: number[]): T => tensor(new Float64Array(0), { shape });

describe("sylvester", () => {
  for (const [i, c] of golden.sylvester.entries())
    it(`case ${i}: the solution is SciPy's`, () => close("x", sylvester(load(c.a), load(c.b), load(c.c)), load(c.x), 1e-10));
  it("leaves a residual of rounding, in matrices large enough for blocks, cut between blocks of 2", () => {
    for (const [m, n] of [
      [130, 50],
      [50, 131],
      [120, 120],
    ] as const)
      for (const h of [false, true]) {
        const [a, b, c] = [random.normal(1, [m, m]), random.normal(2, [n, n]), random.normal(3, [m, n])] as [T, T, T];
        const x = sylvester(a, b, c, { adjoint: h });
        const left = h ? add(matmul(a, x, { adjointA: true }), matmul(x, b, { adjointB: true })) : add(matmul(a, x), matmul(x, b));
        const size = linalg.norm(x).item() * (linalg.norm(a).item() + linalg.norm(b).item());
        expect(linalg.norm(sub(left, c)).item() / (size * (m + n) * 2 ** -52), `${m} ${n} ${h}`).to.be.below(1);
      }
  });
  it("says which item has no solution, and that of nothing", () => {
    const a = tensor([
      [1, 2],
      [0, 3],
    ]);
    const e = caught(() => linalg.sylvester(add(mul(0, tensor([[[1]], [[1]]])), a), mul(-1, a), a));
    expect(`${e.code} ${e.message}`).to.match(
      /^ERR_SINGULAR sylvester: matrix 0 of the batch.*no unique solution.*eigenvalue of A is minus/,
    );
    const turn = tensor([
      [0.6, -0.8],
      [0.8, 0.6],
    ]); // eigenvalues that are opposite to rounding alone
    expect(caught(() => linalg.sylvester(turn, mul(-1, matmul(matmul(eye(2), turn), eye(2))), a)).code).to.equal("ERR_SINGULAR");
    expect(caught(() => linalg.sylvester(mul(0, a), mul(0, a), a)).code).to.equal("ERR_SINGULAR");
    expect(caught(() => linalg.sylvester(a, a, mul(Number.NaN, a))).code).to.equal("ERR_NOT_FINITE");
    expect(caught(() => linalg.sylvester(mul(1e-300, a), mul(1e-300, a), mul(1e300, a))).code).to.equal("ERR_NOT_FINITE");
    expect(linalg.sylvester(a, empty(0, 0), empty(2, 0)).shape).to.deep.equal([2, 0]);
    expect(linalg.sylvester(empty(0, 0), a, empty(0, 2)).shape).to.deep.equal([0, 2]);
    expect(linalg.sylvester(empty(0, 2, 2), a, a).shape).to.deep.equal([0, 2, 2]);
  });
});

describe("lyapunov and discreteLyapunov", () => {
  for (const [i, c] of golden.lyapunov.entries())
    it(`case ${i}: the solutions are SciPy's`, () => {
      close("continuous", lyapunov(load(c.a), load(c.q)), load(c.x), 1e-10);
      close("discrete", stein(load(c.a), load(c.q)), load(c.discrete), 1e-10);
    });
  it("an eigenvalue near the unit circle costs the digits of the equation's condition", () => {
    const { a, q, x } = golden.near;
    const [own, n] = [load(a), 9];
    const operator = sub(eye(n), kron(own, own));
    close("discrete", stein(own, load(q)), load(x), n * linalg.cond(operator).item() * 2 ** -52);
  });
  it("Hermitian right-hand sides have Hermitian solutions, to the bit", () => {
    for (const dtype of ["float32", "float64", "complex64", "complex128"] as const) {
      const a = random.normal(4, [3, 30, 30], { dtype }) as Tensor as T;
      const half = random.normal(5, [30, 30], { dtype }) as Tensor as T;
      const q = add(half, adjoint(half));
      for (const h of [false, true])
        for (const solve of [lyapunov, stein]) {
          const x = solve(a, q, { adjoint: h });
          expect(relativeError(x, adjoint(x)), `${dtype} ${h}`).to.equal(0);
        }
    }
  });
  it("leave residuals of rounding where A is far from normal, huge and tiny", () => {
    const base = add(random.normal(6, [70, 70]), mul(30, diagEmbed(random.normal(7, [70])))) as T;
    const q = random.normal(8, [70, 70]) as T;
    for (const scale of [1e-250, 1, 1e150, 1e180]) {
      const a = mul(scale, base) as T;
      const x = stein(a, mul(1e250, q) as T);
      const back = sub(x, matmul(a, matmul(x, adjoint(a)))) as T;
      const size = linalg.norm(x).item() * (1 + linalg.norm(a).item() ** 2);
      if (scale < 1e160) expect(linalg.norm(sub(back, mul(1e250, q))).item() / (size * 70 * 2 ** -52), `stein ${scale}`).to.be.below(1);
      else close("X = -A⁻¹ Q A⁻ᴴ", matmul(linalg.solve(a, mul(1e250, q)), adjoint(linalg.inv(a))), mul(-1, x), 1e-9);
      const y = lyapunov(a, mul(scale, q) as T);
      const left = add(matmul(a, y), matmul(y, adjoint(a))) as T;
      expect(
        linalg.norm(sub(mul(1 / scale, left), q)).item() / (linalg.norm(y).item() * linalg.norm(base).item() * 70 * 2 ** -52),
      ).to.be.below(1);
    }
  });
  it("say what has no solution, and that of nothing", () => {
    const q = eye(2);
    const turn = tensor([
      [0.6, -0.8],
      [0.8, 0.6],
    ]);
    expect(caught(() => stein(turn, q)).message).to.match(/^discreteLyapunov: .*no unique solution.*conjugate of one is 1/);
    expect(caught(() => stein(diagEmbed(tensor([2, 0.5])), q)).code).to.equal("ERR_SINGULAR");
    expect(caught(() => lyapunov(diagEmbed(tensor([2, -2])), q)).message).to.match(/^lyapunov: .*minus the conjugate of one/);
    expect(caught(() => lyapunov(mul(0, q), q)).code).to.equal("ERR_SINGULAR");
    close("A = 0", stein(mul(0, q), q), q, 1e-300);
    for (const solve of [lyapunov, stein]) {
      expect(
        caught(() =>
          solve(
            q,
            mul(
              Number.POSITIVE_INFINITY,
              tensor([
                [1, 1],
                [1, 1],
              ]),
            ) as T,
          ),
        ).code,
      ).to.equal("ERR_NOT_FINITE");
      expect(solve(empty(0, 0), empty(0, 0)).shape).to.deep.equal([0, 0]);
      expect(solve(empty(0, 2, 2), q).shape).to.deep.equal([0, 2, 2]);
    }
  });
});
