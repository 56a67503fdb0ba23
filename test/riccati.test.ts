// Riccati's equations against SciPy (tools/goldens/equations.py), their gradients against differences, and where there is no answer.
import { readFileSync } from "node:fs";
import { expect } from "chai";
import {
  add,
  adjoint,
  diagEmbed,
  eye,
  type Float,
  linalg,
  matmul,
  mul,
  random,
  real,
  sub,
  sum,
  type Tensor,
  tensor,
  zeros,
} from "../lib/index";
import { checkGrads, relativeError } from "../lib/testing/index";
import { partOf } from "./grid";
import { load, type Stored, type T } from "./stored";
import { caught } from "./support";

type Case = { readonly [k in "a" | "b" | "q" | "r" | "care" | "dare"]: Stored };
const { riccati } = JSON.parse(readFileSync("test/golden/equations.json", "utf8")) as { riccati: readonly Case[] };

type Solve = (a: T, b: T, q: T, r: T) => T;
const equations: { readonly [k in "care" | "dare"]: Solve } = {
  care: (a, b, q, r) => linalg.care(a, b, q, r) as T,
  dare: (a, b, q, r) => linalg.dare(a, b, q, r) as T,
};
const names = ["care", "dare"] as const;
const definite = (x: T): T => add(matmul(x, adjoint(x)), eye(x.shape.at(-1) as number, { dtype: x.dtype })) as T;
const draw = (seed: number, shape: readonly number[], dtype: Float): T => random.normal(seed, [...shape], { dtype }) as Tensor as T;

describe("care and dare", () => {
  for (const [i, c] of riccati.entries())
    it(`case ${i}: the solutions are SciPy's`, () => {
      for (const name of names) {
        const x = equations[name](load(c.a), load(c.b), load(c.q), load(c.r));
        expect(relativeError(x, load(c[name]), 1e-300), name).to.be.below(1e-10);
        expect(relativeError(x, adjoint(x)), "Hermitian").to.equal(0);
      }
    });
  it("all digits of a solution that is far from what the units of the costs tell", () => {
    const one = tensor([[1]]);
    for (const a of [1e3, 1e6, -1e6, 1e8, -1e8, 1e12]) {
      const want = a > 0 ? a + Math.sqrt(a * a + 1) : 1 / (Math.sqrt(a * a + 1) - a);
      const x = linalg.care(tensor([[a]]), one, one, one).item();
      expect(Math.abs(x / want - 1), `a ${a}`).to.be.lessThan(1e-11);
    }
    const small = linalg.dare(tensor([[0.5]]), one, tensor([[1e-20]]), one).item();
    expect(Math.abs(small / (1e-20 / 0.75) - 1)).to.be.lessThan(1e-13);
  });

  it("have the gradients of differences, by all inputs: 100 random cases of each", () => {
    const part = partOf(1);
    for (let seed = 0; seed < 100; seed++) {
      if (part?.share !== 1 && (seed * 7 + (part?.seed ?? 0)) % Math.round(1 / (part?.share ?? 1)) !== 0) continue;
      const [n, dtype] = [1 + (seed % 4), seed % 2 ? "complex128" : "float64"] as const;
      const k = 1 + (seed % 3);
      const [a, b, w] = [draw(seed, [n, n], dtype), draw(seed + 1000, [n, k], dtype), draw(seed + 2000, [n, n], dtype)];
      const [q, r] = [definite(draw(seed + 3000, [n, n], dtype)), definite(draw(seed + 4000, [k, k], dtype))];
      for (const name of names) {
        const x = equations[name](a, b, q, r);
        const size = linalg.norm(x).item();
        const loss: Solve = (...all) => mul(1 / size, sum(real(mul(w, equations[name](...all))))) as T;
        checkGrads(loss, [a, b, q, r], { tolerance: 1e-6 });
      }
    }
  });
  it("have the closed form of one state and one input", () => {
    for (const scale of [1e-120, 1, 1e120]) {
      const [a, b, q, r] = [2 * scale, 3, 5 * scale, 7 / scale].map((x) => tensor([[x]])) as [T, T, T, T];
      const x = (7 / 9) * (2 + Math.sqrt(4 + (9 * 5) / 7)); // of a = 2, r/b² (a + √(a² + b² q/r)), whatever the unit of time
      expect(equations.care(a, b, q, r).item() / x, `${scale}`).to.be.within(1 - 1e-13, 1 + 1e-13);
      const y = equations.dare(tensor([[2]]), tensor([[3 * scale]]), tensor([[5]]), tensor([[7 * scale * scale]])).item();
      expect(4 * y - y - (36 * y * y) / (7 + 9 * y) + 5, "dare").to.be.within(-1e-12, 1e-12);
    }
  });
  it("A and, of dare, R may be singular; Q may be zero", () => {
    const [a, b] = [
      tensor([
        [1, 2],
        [0, -3],
      ]),
      tensor([[1], [1]]),
    ];
    const x = equations.dare(a, b, eye(2), zeros([1, 1]));
    const gain = linalg.solve(matmul(adjoint(b), matmul(x, b)), matmul(adjoint(b), matmul(x, a)));
    expect(relativeError(sub(x, matmul(adjoint(a), matmul(x, sub(a, matmul(b, gain))))), eye(2))).to.be.below(1e-13);
    const y = equations.care(a, b, zeros([2, 2]), eye(1));
    expect(relativeError(add(matmul(adjoint(a), y), matmul(y, a)), matmul(matmul(y, b), matmul(adjoint(b), y)))).to.be.below(1e-13);
  });
  it("of dare, inputs that cost next to nothing are as those that cost nothing", () => {
    for (const cost of [[1e-24], [1e-40], [1, 1e-24], [1, 1e-12, 1e-24]])
      for (let seed = 1; seed <= 20; seed++) {
        const [n, k] = [5, cost.length];
        const [a, b, m] = [draw(seed, [n, n], "float64"), draw(seed + 100, [n, k], "float64"), draw(seed + 200, [n, n], "float64")];
        const q = matmul(m, adjoint(m)) as T;
        const [little, nothing] = [cost, cost.map((r) => (r < 1e-20 ? 0 : r))].map(
          (r) => linalg.dare(a, b, q, diagEmbed(tensor(r)) as T) as T,
        );
        expect(relativeError(little as T, nothing as T), `${cost} ${seed}`).to.be.below(1e-9);
      }
  });
  it("say where nothing stabilizes, what is not finite, and that of nothing", () => {
    const none = [zeros([1, 1]), eye(1), mul(2, eye(1))] as [T, T, T];
    const turn = tensor([
      [0, 1],
      [-1, 0],
    ]);
    const jordan = tensor([
      [0, 1],
      [0, 0],
    ]);
    const b = tensor([[0], [1]]);
    const beside = tensor([
      [0, 1, 0],
      [-1, 0, 0],
      [0, 0, 1],
    ]);
    const cases: [string, () => T][] = [
      ["an unstable part that no input reaches", () => equations.care(eye(1), none[0], eye(1), eye(1))],
      ["likewise, discrete", () => equations.dare(none[2], none[0], eye(1), eye(1))],
      ["what Q does not see on the axis", () => equations.care(none[0], eye(1), none[0], eye(1))],
      ["on the circle", () => equations.dare(eye(1), eye(1), none[0], eye(1))],
      ["in a block", () => equations.care(jordan, b, zeros([2, 2]), eye(1))],
      ["in a block, discrete", () => equations.dare(add(jordan, eye(2)) as T, b, zeros([2, 2]), eye(1))],
      ["as a pair", () => equations.care(turn, b, zeros([2, 2]), eye(1))],
      ["beside what is controlled", () => equations.care(beside, tensor([[0], [0], [1]]), eye(3), eye(1))],
      ["beside what is controlled, discrete", () => equations.dare(beside, tensor([[0], [0], [1]]), eye(3), eye(1))],
      ["as a pair, discrete", () => equations.dare(turn, b, zeros([2, 2]), eye(1))],
    ];
    for (const [what, f] of cases) {
      const e = caught(f);
      expect(`${e.code} ${e.message}`, what).to.match(/^ERR_SINGULAR [cd]are: the matrix .* has no stabilising solution: \(A, B\)/);
    }
    expect(caught(() => equations.care(eye(1), eye(1), eye(1), none[0])).message).to.match(/^care: .*is singular.*r must be invertible/);
    expect(caught(() => equations.dare(mul(Number.NaN, eye(1)) as T, eye(1), eye(1), eye(1))).code).to.equal("ERR_NOT_FINITE");
    for (const name of names) {
      expect(equations[name](zeros([0, 0]), zeros([0, 2]), zeros([0, 0]), eye(2)).shape).to.deep.equal([0, 0]);
      expect(equations[name](zeros([0, 2, 2]), eye(2), eye(2), eye(2)).shape).to.deep.equal([0, 2, 2]);
      const alone = equations[name](mul(-0.5, eye(2)) as T, zeros([2, 0]), eye(2), zeros([0, 0])); // without an input
      expect(relativeError(alone, mul(name === "care" ? 1 : 4 / 3, eye(2)))).to.be.below(1e-15);
    }
    const half = tensor([
      [1, 2],
      [0, 3],
    ]);
    const whole = mul(0.5, add(half, adjoint(half))) as T;
    const [p, q] = [half, whole].map((m) => equations.care(turn, eye(2), diagEmbed(tensor([1, 2])), add(m, mul(4, eye(2))) as T)) as [T, T];
    expect(relativeError(p, q), "of R the Hermitian part").to.equal(0);
  });
});
