// Minimisers whose function is not what it was the call before, closes over what a transform records, or has no value where a step leads.
import { expect } from "chai";
import { add, cast, concat, grad, mul, neg, square, sub, sum, type Tensor, tensor, vmap, zeros } from "../lib/index";
import { adam, lbfgs, levenbergMarquardt, newton } from "../lib/optimize/index";
import { caught } from "./support";

type T = Tensor<"float64">;
const distance = (x: T): T => sum(square(sub(x, 3)));
// biome-ignore lint/suspicious/noExplicitAny: what types refuse is tried on purpose
const any = (x: unknown): any => x;
const says = (f: () => unknown, code: string, text: RegExp): void => {
  const error = caught(f);
  expect(error.code, error.message).to.equal(code);
  expect(error.message).to.match(text);
};

describe("optimize: edges", () => {
  it("arguments of one form but other trees are other programs", () => {
    const f = (x: T, a: { add?: T; mul?: T }): T => (a.add ? add(distance(x), a.add) : mul(distance(x), a.mul as T));
    const args = (i: number) => [i % 2 ? { mul: tensor(2) } : { add: tensor(2) }];
    const options = { args: any(args), maxIterations: 3, history: true };
    const [made, called] = [true, false].map((compile) => adam(any(f), tensor(1), { ...options, compile }).history);
    expect(made).to.deep.equal(called);
    const listed = (x: T, a: unknown): T => (Array.isArray(a) ? distance(x) : mul(7, distance(x)));
    const lists = any((i: number) => [i % 2 ? [tensor(0)] : { 0: tensor(0) }]);
    expect(adam(any(listed), tensor(1), { args: lists, maxIterations: 1 }).fun).to.be.lessThan(5);
  });

  it("a transform's numbers in closures and bounds are an error, not a derivative of 0", () => {
    for (const method of [lbfgs, newton, adam, levenbergMarquardt]) {
      const of = (a: T): T => method((x: T) => mul(distance(x), a), tensor(1), { compile: false, maxIterations: 3 }).x;
      says(() => grad(of)(tensor(2)), "ERR_TRACED", new RegExp(`^${method.name}: .*customRoot`));
      says(() => vmap(of)(tensor([2, 3])), "ERR_TRACED", new RegExp(`^${method.name}: .*customRoot`));
      const within = (a: T): T => method(distance, tensor(1), { bounds: [null, a] }).x;
      says(() => grad(within)(tensor(2)), "ERR_TRACED", new RegExp(`^${method.name}: .*customRoot`));
      const fixed = (a: T): T => mul(a, method(distance, tensor(1), { compile: false, maxIterations: 100 }).x);
      expect(grad(fixed)(tensor(2)).item()).to.equal(method(distance, tensor(1), { maxIterations: 100 }).x.item());
    }
  });

  it("the number of residuals may not change", () => {
    const changing = (sizes: readonly number[]) => {
      let calls = 0;
      return (x: T) => concat(Array.from({ length: sizes[Math.min(calls++, sizes.length - 1)] as number }, () => sub(x, 3)));
    };
    for (const sizes of [
      [1, 1, 2],
      [2, 2, 1],
      [1, 2],
      [2, 1],
      [1, 1, 1, 2],
    ])
      says(
        () => levenbergMarquardt(changing(sizes), tensor([1]), { compile: false }),
        "ERR_SHAPE",
        /^levenbergMarquardt: the function gave \d residuals before, and gives \d now/,
      );
  });

  it("no unknowns at all", () => {
    for (const method of [lbfgs, newton, adam]) {
      const none = any(method)(() => tensor(2), {});
      expect([none.x, none.fun, none.success, none.nit]).to.deep.equal([{}, 2, true, 0]);
    }
    expect(any(newton)(() => tensor(2), []).hess.shape).to.deep.equal([0, 0]);
    const least = any(levenbergMarquardt)(() => tensor([1, 2]), {});
    expect([least.x, least.fun, least.success, least.jac.shape]).to.deep.equal([{}, 2.5, true, [2, 0]]);
    expect(levenbergMarquardt(() => [], tensor([1])).fun).to.equal(0);
  });

  it("a value of -Infinity is none: no method says that it is a minimum", () => {
    for (const method of [lbfgs, newton]) {
      let calls = 0;
      const falls = (x: T): T => sub(distance(x), calls++ > 1 ? Number.POSITIVE_INFINITY : 0);
      const { fun, x } = method(falls, tensor([1]), { compile: false });
      expect(Number.isFinite(fun), `${fun}`).to.equal(true);
      expect(Number.isFinite(x.item())).to.equal(true);
    }
    const endless = lbfgs((x) => neg(sum(x)), tensor([1, 2]));
    expect([Number.isFinite(endless.fun), endless.success]).to.deep.equal([true, false]);
  });

  it("a step that is short because longer ones have no value is no convergence", () => {
    let calls = 0;
    const { success, status, x } = levenbergMarquardt((x: T) => mul(sub(x, 3), calls++ > 1 ? Number.NaN : 1), tensor([1]), {
      compile: false,
    });
    expect([success, status, x.item()]).to.deep.equal([false, 2, 1]);
  });

  it("the cosine of residuals whose squares are below the smallest number", () => {
    const { optimality } = levenbergMarquardt((x) => x, tensor([3e-310, 4e-310]), { maxIterations: 0 });
    expect(optimality).to.be.closeTo(0.8, 1e-9);
  });

  it("bounds are numbers of the unknowns' dtypes", () => {
    const x0 = tensor([0.5], { dtype: "float32" });
    for (const method of [lbfgs, newton, adam]) {
      const { x, optimality } = method((x) => sum(square(sub(x, 3))), x0, { bounds: [0.1, 0.1], maxIterations: 5 });
      expect([x.dtype, x.item(), optimality]).to.deep.equal(["float32", Math.fround(0.1), 0]);
    }
    says(
      () => lbfgs(distance, 1, { bounds: [Number.POSITIVE_INFINITY, null] }),
      "ERR_ARGUMENT",
      /option bounds: number 0 of x0 .* Infinity/,
    );
    says(
      () => lbfgs(distance, 1, { bounds: [null, Number.NEGATIVE_INFINITY] }),
      "ERR_ARGUMENT",
      /option bounds: number 0 of x0 .* -Infinity/,
    );
  });

  it("bounds may lack an unknown of any name", () => {
    const f = (t: { toString: T; a: T }): T => add(distance(t.toString), distance(t.a));
    const { x } = any(lbfgs)(f, { toString: 1, a: 1 }, { bounds: [{ a: 4 }, {}] });
    expect([x.toString.item(), x.a.item()]).to.deep.equal([3, 4]);
  });

  it("errors of what a function returns name the method", () => {
    for (const method of [lbfgs, newton, adam]) {
      const name = `^${method.name}: `;
      says(
        () =>
          method(
            any(() => undefined),
            1,
          ),
        "ERR_ARGUMENT",
        new RegExp(`${name}expected a tensor`),
      );
      says(
        () =>
          method(
            any(async () => tensor(1)),
            1,
          ),
        "ERR_ARGUMENT",
        new RegExp(`${name}.*synchronous`),
      );
      says(() => method((x) => x, zeros([2])), "ERR_SHAPE", new RegExp(`${name}the function must return a scalar`));
      says(() => method((x) => cast(x, "int32"), 1), "ERR_DTYPE", new RegExp(`${name}the function must return float32`));
    }
  });
});
