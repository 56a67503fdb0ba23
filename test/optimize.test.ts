// Minimisers on problems whose answers are known (Hock & Schittkowski 1981, "Test examples for nonlinear programming codes"), and at their edges.
import { expect } from "chai";
import {
  abs,
  add,
  cast,
  complex,
  div,
  eye,
  grad,
  linalg,
  log,
  matvec,
  mean,
  mul,
  pow,
  prod,
  random,
  sin,
  slice,
  square,
  stopGradient,
  sub,
  sum,
  type Tensor,
  tensor,
} from "../lib/index";
import { adam, lbfgs, levenbergMarquardt, type Minimum, newton, type Progress } from "../lib/optimize/index";
import { sameBits } from "../lib/testing/index";
import { caught } from "./support";

type T = Tensor<"float64">;
const at = (x: T, i: number): T => slice(x, [i], [1]).reshape([]);
const rosenbrock = ({ x, y }: { x: T; y: T }): T => add(square(sub(1, x)), mul(100, square(sub(y, square(x)))));
const distance = (x: T): T => sum(square(sub(x, 3)));
const descents = { lbfgs, newton } as const;

interface Problem {
  readonly f: (x: T) => T;
  readonly x0: number[];
  readonly bounds: readonly [number | null | T, number | null | T];
  readonly x: number[];
  readonly fun: number;
}
const valley = (x: T): T => rosenbrock({ x: at(x, 0), y: at(x, 1) });
/** By their numbers there. */
const problems: Record<string, Problem> = {
  HS1: { f: valley, x0: [-2, 1], bounds: [tensor([-1e9, -1.5]), null], x: [1, 1], fun: 0 },
  HS2: { f: valley, x0: [2, 1], bounds: [tensor([-1e9, 1.5]), null], x: [1.2243707487363527, 1.5], fun: 0.050426187895 },
  HS3: {
    f: (x) => add(at(x, 1), mul(1e-5, square(sub(at(x, 1), at(x, 0))))),
    x0: [10, 1],
    bounds: [tensor([-1e9, 0]), null],
    x: [0, 0],
    fun: 0,
  },
  HS4: {
    f: (x) => add(div(pow(add(at(x, 0), 1), 3), 3), at(x, 1)),
    x0: [1.125, 0.125],
    bounds: [tensor([1, 0]), null],
    x: [1, 0],
    fun: 8 / 3,
  },
  HS5: {
    f: (x) => {
      const [a, b] = [at(x, 0), at(x, 1)];
      return add(add(sin(add(a, b)), square(sub(a, b))), add(sub(mul(2.5, b), mul(1.5, a)), 1));
    },
    x0: [0, 0],
    bounds: [tensor([-1.5, -3]), tensor([4, 3])],
    x: [0.5 - Math.PI / 3, -0.5 - Math.PI / 3],
    fun: -Math.sqrt(3) / 2 - Math.PI / 3,
  },
  HS38: {
    f: (x) => {
      const [a, b, c, d] = [at(x, 0), at(x, 1), at(x, 2), at(x, 3)];
      const [p, q] = [sub(b, 1), sub(d, 1)];
      const valleys = add(rosenbrock({ x: a, y: b }), add(mul(90, square(sub(d, square(c)))), square(sub(1, c))));
      return add(valleys, add(mul(10.1, add(square(p), square(q))), mul(19.8, mul(p, q))));
    },
    x0: [-3, -1, -3, -1],
    bounds: [-10, 10],
    x: [1, 1, 1, 1],
    fun: 0,
  },
  HS45: { f: (x) => sub(2, div(prod(x), 120)), x0: [2, 2, 2, 2, 2], bounds: [0, tensor([1, 2, 3, 4, 5])], x: [1, 2, 3, 4, 5], fun: 1 },
  HS110: {
    f: (x) => sub(sum(add(square(log(sub(x, 2))), square(log(sub(10, x))))), pow(prod(x), 0.2)),
    x0: Array(10).fill(9),
    bounds: [2.001, 9.999],
    x: Array(10).fill(9.350265),
    fun: -45.77846971,
  },
};

describe("lbfgs and newton", () => {
  for (const [method, minimise] of Object.entries(descents)) {
    for (const [name, { f, x0, bounds, x, fun }] of Object.entries(problems))
      it(`${method}, ${name}: the known minimum, within its bounds at every iteration`, () => {
        const [low, high] = bounds.map((b, k) => (b === null ? (k === 0 ? -1 : 1) * 1e9 : b));
        const inside = ({ x }: Progress<T>): void =>
          x.data.forEach((v, i) => {
            const [l, h] = [low, high].map((b) => (typeof b === "number" ? b : Number((b as T).at(i)))) as [number, number];
            expect(v).to.be.within(l, h);
          });
        const found = minimise(f, tensor(x0), { bounds, callback: inside, gradientTolerance: 1e-7 });
        expect(found.fun, found.message).to.be.closeTo(fun, 1e-9 + 1e-8 * Math.abs(fun));
        found.x.data.forEach((v, i) => expect(v).to.be.closeTo(x[i] as number, name === "HS3" ? 0.02 : 2e-5));
        expect([found.success, found.status]).to.deep.equal([true, 0]);
        expect(found.optimality).to.be.below(1e-4);
      });
    it(`${method} takes trees, and gives them back with the gradient`, () => {
      const found = minimise(rosenbrock, { x: -1.2, y: 1 });
      expect([found.x.x.item(), found.x.y.item()].map((v) => Math.abs(v - 1) < 1e-7)).to.deep.equal([true, true]);
      const g = grad(rosenbrock)(found.x);
      expect(sameBits(found.jac.x, g.x) && sameBits(found.jac.y, g.y)).to.equal(true);
      expect(found.fun).to.equal(rosenbrock(found.x).item());
    });
    it(`${method} off the event loop does the same, to the bit`, async () => {
      const [now, later] = [minimise(rosenbrock, { x: -1.2, y: 1 }), await minimise.async(rosenbrock, { x: -1.2, y: 1 })];
      expect([later.fun, later.nit, later.nfev]).to.deep.equal([now.fun, now.nit, now.nfev]);
      expect(sameBits(later.x.x, now.x.x)).to.equal(true);
    });
    it(`${method} steps back where a matrix is not positive definite`, () => {
      const found = minimise((x) => add(linalg.logdet(mul(x, eye(2))), div(1, x)), 4);
      expect(found.x.item()).to.be.closeTo(0.5, 1e-5);
    });
    it(`${method} keeps float32, and mixes it with float64`, () => {
      const found = minimise((p) => add(sum(square(sub(p.a, 0.1))), cast(sum(square(sub(p.b, 0.3))), "float64")), {
        a: tensor([1, 2]),
        b: tensor(Float32Array.of(4)),
      });
      expect(found.x.b.dtype).to.equal("float32");
      expect(Math.abs(found.x.b.at(0) - 0.3)).to.be.below(1e-6);
      expect(found.success, found.message).to.equal(true);
    });
    it(`${method} of nothing, and of nothing that is free, ends at once`, () => {
      for (const empty of [minimise(distance, tensor(new Float64Array(0))), minimise(distance, tensor([1, 2]), { bounds: [1, 1] })])
        expect([empty.nit, empty.nfev, empty.success]).to.deep.equal([0, 1, true]);
    });
    it(`${method} says why it ended`, () => {
      const of = (r: Minimum<unknown>): unknown[] => [r.status, r.success, r.nit];
      expect(of(minimise(distance, tensor([1, 2]), { maxIterations: 0 }))).to.deep.equal([1, false, 0]);
      expect(of(minimise(rosenbrock, { x: -1.2, y: 1 }, { callback: ({ nit }) => nit === 2 }))).to.deep.equal([3, false, 2]);
      expect(of(minimise(rosenbrock, { x: -1.2, y: 1 }, { callback: () => 1 }))[0]).to.equal(0);
      expect(minimise(rosenbrock, { x: -1.2, y: 1 }, { valueTolerance: 1 }).message).to.contain("valueTolerance");
      expect(minimise(rosenbrock, { x: -1.2, y: 1 }, { stepTolerance: 1 }).message).to.contain("stepTolerance");
      const wrong = minimise((x) => add(square(x), stopGradient(mul(-10, x))), 1); // whose gradient leads up
      expect([wrong.status, wrong.success]).to.deep.equal([2, false]);
    });
    it(`${method} tells the callback of every iteration, and lists them`, () => {
      const told: Progress<{ x: T; y: T }>[] = [];
      const found = minimise(rosenbrock, { x: -1.2, y: 1 }, { callback: (p) => void told.push(p), history: true });
      expect(told.map(({ nit }) => nit)).to.deep.equal(told.map((_, i) => i + 1));
      expect(found.history?.slice(1)).to.deep.equal(told.map(({ fun, optimality, nfev }) => ({ fun, optimality, nfev })));
      expect(found.history?.[0]).to.include({ nfev: 1 });
      expect(told.at(-1)?.x.x.item()).to.equal(found.x.x.item());
      expect(told.map(({ fun }) => fun)).to.deep.equal([...told.map(({ fun }) => fun)].sort((a, b) => b - a));
    });
  }

  for (const [method, minimise] of Object.entries(descents))
    it(`${method} goes on to the rounding of the gradient where that is asked for, beyond that of the value`, () => {
      const [a, y] = [random.normal(1, [8, 5]), random.normal(2, [8])];
      const f = (x: T): T => sum(square(sub(matvec(a, x), y))); // whose last digit tells the gradient to 1e-8
      const found = minimise(f, tensor([0, 0, 0, 0, 0]), { gradientTolerance: 1e-11, valueTolerance: 0 });
      expect(found.optimality, found.message).to.be.below(1e-11);
      expect(found.nfev).to.be.below(40);
      const last = minimise(f, tensor([0, 0, 0, 0, 0]), { gradientTolerance: 0, valueTolerance: 0, maxIterations: 60 });
      expect([last.success, last.nit < 60], last.message).to.deep.equal([true, true]);
    });
  it("lbfgs of complex unknowns goes down both parts", () => {
    const to = complex(tensor([1, 2]), tensor([3, -1]));
    const found = lbfgs((z) => sum(square(abs(sub(z, to)))), complex(tensor([0, 0]), tensor([0, 0])));
    expect(abs(sub(found.x, to)).data.every((v) => v < 1e-6)).to.equal(true);
  });
  it("lbfgs of a thousand unknowns", () => {
    const f = (x: T): T => {
      const [a, b] = [slice(x, [0], [999]), slice(x, [1], [999])];
      return sum(add(square(sub(1, a)), mul(100, square(sub(b, square(a))))));
    };
    const found = lbfgs(f, tensor(new Float64Array(1000).fill(1.2)), { maxIterations: 5000 });
    expect(found.success, found.message).to.equal(true);
    expect(Math.max(...found.x.data.map((v) => Math.abs(v - 1)))).to.be.below(1e-5);
  });
  it("newton leaves a saddle, and has the Hessian where it ends", () => {
    const f = ({ x, y }: { x: T; y: T }): T => add(sub(square(x), square(y)), mul(0.25, square(square(y))));
    const [first] = newton(f, { x: 1, y: 0.01 }, { maxIterations: 1 }).x.y.data;
    expect(first).to.be.closeTo(0.01 + 0.019999 / 1.9997, 1e-9); // down by the gradient over |∂²f|
    const found = newton(f, { x: 1, y: 0.01 });
    expect([found.x.x.item(), Math.abs(found.x.y.item())].map((v) => v.toFixed(6))).to.deep.equal(["0.000000", "1.414214"]);
    expect(Array.from(found.hess.data, (v) => v.toFixed(6))).to.deep.equal(["2.000000", "0.000000", "0.000000", "4.000000"]);
    expect(found.nhev).to.be.within(3, found.nit + 1);
  });
  it("a function that is not to be traced is called as it is", () => {
    const calls: number[] = [];
    const f = (x: T): T => {
      calls.push(stopGradient(x).item());
      return square(sub(x, 2));
    };
    const found = lbfgs(f, 5, { compile: false });
    expect(found.x.item()).to.be.closeTo(2, 1e-6);
    expect([calls[0], calls.length]).to.deep.equal([5, found.nfev]);
    expect(caught(() => lbfgs(f, 5, { compile: true })).code).to.equal("ERR_TRACED");
  });
});

describe("adam", () => {
  const target = [3, -1];
  const loss = (x: T): T => mean(square(sub(x, tensor(target))));
  /** The same in plain numbers: the gradient of the mean of two squares is the difference. */
  function plain(steps: number, rate: (k: number) => number, decay = 0): number[] {
    const [x, m, v] = [
      [0, 10],
      [0, 0],
      [0, 0],
    ] as [number[], number[], number[]];
    for (let k = 0; k < steps; k++)
      for (const i of [0, 1]) {
        const g = (x[i] as number) - (target[i] as number);
        m[i] = 0.9 * (m[i] as number) + 0.1 * g;
        v[i] = 0.999 * (v[i] as number) + 0.001 * g * g;
        const step = (m[i] as number) / (1 - 0.9 ** (k + 1)) / (Math.sqrt((v[i] as number) / (1 - 0.999 ** (k + 1))) + 1e-8);
        x[i] = (x[i] as number) - rate(k) * (step + decay * (x[i] as number));
      }
    return x;
  }
  const near = (got: T, want: number[]): void => want.forEach((w, i) => expect(got.at(i)).to.be.closeTo(w, 1e-12));

  it("takes the steps of its authors, with a rate that changes and weights that decay", () => {
    const x0 = tensor([0, 10]);
    near(
      adam(loss, x0, { maxIterations: 50 }).x,
      plain(50, () => 1e-3),
    );
    const rate = (k: number): number => 0.3 / (1 + k);
    near(adam(loss, x0, { maxIterations: 50, learningRate: rate }).x, plain(50, rate));
    near(
      adam(loss, x0, { maxIterations: 50, learningRate: 0.1, weightDecay: 0.01 }).x,
      plain(50, () => 0.1, 0.01),
    );
  });
  it("ends after all iterations with the value and gradient there, or where the gradient is as small as was asked for", () => {
    const all = adam(loss, tensor([0, 10]), { maxIterations: 7 });
    expect([all.nit, all.nfev, all.success]).to.deep.equal([7, 8, true]);
    expect(all.fun).to.equal(loss(all.x).item());
    const enough = adam(loss, tensor([0, 10]), { learningRate: 0.5, gradientTolerance: 1e-3, maxIterations: 5000 });
    expect([enough.status, enough.optimality < 1e-3]).to.deep.equal([0, true]);
    expect(adam(loss, tensor([0, 10]), { gradientTolerance: 1e-3, maxIterations: 3 }).status).to.equal(1);
  });
  it("has a minibatch of its own in each iteration, the last of which may be shorter", () => {
    const [x, truth] = [random.normal(1, [100, 3]), tensor([1, -2, 0.5])];
    const y = matvec(x, truth);
    const asked: number[] = [];
    const args = (iteration: number): [T, T] => {
      asked.push(iteration);
      const start = 30 * (iteration % 4);
      const size = Math.min(30, 100 - start);
      return [slice(x, [start, 0], [size, 3]), slice(y, [start], [size])];
    };
    const found = adam((w, x, y) => mean(square(sub(matvec(x, w), y))), tensor([0, 0, 0]), {
      args,
      learningRate: 0.05,
      maxIterations: 800,
    });
    [1, -2, 0.5].forEach((v, i) => expect(found.x.at(i)).to.be.closeTo(v, 1e-6));
    expect(asked).to.deep.equal(Array.from({ length: 801 }, (_, i) => i));
  });
  it("stays within bounds, and where the next value is not finite ends before it", () => {
    const held = adam(loss, tensor([0, 10]), { bounds: [0, 2], learningRate: 0.1, maxIterations: 300 });
    near(held.x, [2, 0]);
    const lost = adam((x) => log(x), 1, { learningRate: 0.3 });
    expect([lost.status, lost.success]).to.deep.equal([4, false]);
    expect(lost.fun).to.equal(Math.log(lost.x.item()));
  });
});

describe("levenbergMarquardt", () => {
  const line = (p: { a: T; b: T }, x: T, y: T): T => sub(add(mul(p.a, x), p.b), y);
  const [x, y] = [tensor([0, 1, 2, 3]), tensor([1, 3, 5, 8])];
  it("gives residuals, Jacobian and gradient at what it found", () => {
    const found = levenbergMarquardt(line, { a: 0, b: 0 }, { args: [x, y] });
    const [a, b] = [found.x.a.item(), found.x.b.item()];
    expect([a, b].map((v) => v.toFixed(7))).to.deep.equal(["2.3000000", "0.8000000"]);
    expect(found.residuals.toArray()).to.deep.equal(line(found.x, x, y).toArray());
    expect(found.jac.toArray()).to.deep.equal([0, 1, 2, 3].map((v) => [v, 1]));
    expect(found.fun).to.be.closeTo(0.15, 1e-12);
    expect(Math.abs(found.grad.a.item())).to.be.below(1e-7);
    expect([found.success, found.njev <= found.nfev]).to.deep.equal([true, true]);
  });
  it("takes trees of residuals, fewer than unknowns, none, and columns of zeros", () => {
    const tree = levenbergMarquardt(({ a, b }) => ({ one: sub(a, 1), two: [sub(mul(a, b), 6)] }), { a: 5, b: 5 });
    expect([tree.x.a.item(), tree.x.b.item()].map((v) => v.toFixed(6))).to.deep.equal(["1.000000", "6.000000"]);
    expect(levenbergMarquardt(({ a, b }) => sub(add(a, b), 2), { a: 0, b: 1 }).fun).to.be.below(1e-20);
    expect(levenbergMarquardt((x) => slice(x, [0], [0]), tensor([1, 2])).success).to.equal(true);
    expect(levenbergMarquardt((x) => sub(x, 1), tensor(new Float64Array(0))).success).to.equal(true);
    const idle = levenbergMarquardt(({ a, b }) => sub(add(a, mul(0, b)), 2), { a: 0, b: 1 });
    expect([idle.x.a.item().toFixed(6), idle.x.b.item()]).to.deep.equal(["2.000000", 1]);
  });
  it("stays within bounds, and steps back where residuals have no value", () => {
    const held = levenbergMarquardt(line, { a: 0, b: 0 }, { args: [x, y], bounds: [{ b: 1 }, { a: 2 }] });
    expect([held.x.a.item(), held.x.b.item().toFixed(6)]).to.deep.equal([2, "1.250000"]);
    expect(held.success, held.message).to.equal(true);
    expect(levenbergMarquardt((x) => log(sub(x, 1)), 9).x.item()).to.be.closeTo(2, 1e-6);
  });
  it("off the event loop does the same, to the bit", async () => {
    const [now, later] = [
      levenbergMarquardt(line, { a: 0, b: 0 }, { args: [x, y] }),
      await levenbergMarquardt.async(line, { a: 0, b: 0 }, { args: [x, y] }),
    ];
    expect([later.fun, later.nfev, sameBits(later.jac, now.jac)]).to.deep.equal([now.fun, now.nfev, true]);
  });
});
