// What minimisers say of arguments that are none, and what comes out of callbacks and signals.
import { expect } from "chai";
import {
  abs,
  add,
  type BacksolveError,
  compile,
  complex,
  eye,
  float64,
  grad,
  linalg,
  log,
  mul,
  neg,
  square,
  sub,
  sum,
  type Tensor,
  tensor,
} from "../lib/index";
import { adam, lbfgs, levenbergMarquardt, newton } from "../lib/optimize/index";
import { caught } from "./support";

type T = Tensor<"float64">;
const rosenbrock = ({ x, y }: { x: T; y: T }): T => add(square(sub(1, x)), mul(100, square(sub(y, square(x)))));
const distance = (x: T): T => sum(square(sub(x, 3)));

describe("what minimisers refuse", () => {
  type Call = () => unknown;
  const any = (f: unknown): never => f as never;
  const cases: readonly [code: string, text: RegExp, call: Call][] = [
    ["ERR_ARGUMENT", /lbfgs: expected a function, got 3/, () => lbfgs(any(3), 1)],
    ["ERR_ARGUMENT", /unknown option "maxiter"\. Options: maxIterations/, () => lbfgs(distance, 1, any({ maxiter: 3 }))],
    ["ERR_ARGUMENT", /maxIterations must be an integer from 0, got -1/, () => newton(distance, 1, { maxIterations: -1 })],
    ["ERR_ARGUMENT", /gradientTolerance must be a number from 0, got NaN/, () => newton(distance, 1, { gradientTolerance: Number.NaN })],
    ["ERR_ARGUMENT", /beta1 must be a number from 0 and below 1, got 1/, () => adam(distance, 1, { beta1: 1 })],
    ["ERR_ARGUMENT", /learningRate must be a finite number above 0.*got -1/, () => adam(distance, 1, { learningRate: () => -1 })],
    ["ERR_ARGUMENT", /damping must be a finite number above 0, got 0/, () => levenbergMarquardt((x) => x, 1, { damping: 0 })],
    ["ERR_ARGUMENT", /callback must be a function, got 3/, () => lbfgs(distance, 1, { callback: any(3) })],
    ["ERR_ARGUMENT", /history must be true or false, got 1/, () => lbfgs(distance, 1, { history: any(1) })],
    ["ERR_ARGUMENT", /compile must be true or false/, () => lbfgs(distance, 1, { compile: any("no") })],
    ["ERR_ARGUMENT", /signal must be an AbortSignal/, () => lbfgs(distance, 1, { signal: any({}) })],
    ["ERR_ARGUMENT", /args must be an array of arguments, got 3/, () => adam(distance, 1, { args: any(() => 3) })],
    ["ERR_ARGUMENT", /bounds must be \[lower, upper\]/, () => lbfgs(distance, 1, { bounds: any(3) })],
    ["ERR_ARGUMENT", /number 0 of x0 is to be between 3 and 1/, () => lbfgs(distance, 1, { bounds: [3, 1] })],
    ["ERR_ARGUMENT", /between NaN and 1/, () => lbfgs(distance, 1, { bounds: [Number.NaN, 1] })],
    [
      "ERR_ARGUMENT",
      /the lower bound has b, which x0 has not/,
      () => lbfgs(({ a }) => distance(a), { a: 1 }, { bounds: [any({ b: 1 }), 1] }),
    ],
    [
      "ERR_ARGUMENT",
      /the upper bound must be a number or a tree as x0 is there/,
      () => lbfgs(({ a }) => distance(a), { a: 1 }, { bounds: [1, any("x")] }),
    ],
    [
      "ERR_SHAPE",
      /the lower bound at a must broadcast to \[2\], got \[3\]/,
      () => lbfgs(({ a }) => distance(a), { a: tensor([1, 2]) }, { bounds: [{ a: tensor([1, 2, 3]) }, null] }),
    ],
    ["ERR_DTYPE", /complex numbers have no order/, () => lbfgs((z) => square(abs(z)), complex(1, 2), { bounds: [0, 1] })],
    ["ERR_DTYPE", /newton: x0 must be real, got complex128/, () => newton((z) => square(abs(z)), complex(1, 2))],
    ["ERR_DTYPE", /lbfgs: x0 at n must be floating, got int32/, () => lbfgs(({ n }) => any(n), { n: tensor(Int32Array.of(1)) })],
    ["ERR_DTYPE", /residuals must be real floating tensors, got complex128/, () => levenbergMarquardt((x) => complex(x, x), 1)],
    ["ERR_SHAPE", /must return a scalar, got shape \[2\]/, () => lbfgs((x) => x, tensor([1, 2]))],
    ["ERR_NOT_FINITE", /is not finite at x0/, () => lbfgs((x) => log(x), -1)],
    ["ERR_NOT_FINITE", /a residual, or its derivative, is not finite at x0/, () => levenbergMarquardt((x) => log(x), -1)],
    ["ERR_NOT_POSITIVE_DEFINITE", /logdet/, () => lbfgs((x) => linalg.logdet(mul(x, eye(2))), -1)],
    ["ERR_TRACED", /customRoot/, () => grad((x: T) => lbfgs(distance, x).x)(tensor(1))],
    ["ERR_TRACED", /customRoot/, () => compile((x: T) => lbfgs(distance, x).x, float64())],
    ["ERR_TRACED", /customRoot/, () => grad((y: T) => lbfgs((x, y) => square(sub(x, y)), 1, { args: [y] }).x)(tensor(1))],
  ];
  for (const [code, text, call] of cases)
    it(`${text.source.slice(0, 60)}`, () => {
      const error = caught(call);
      expect([error.code, error.message]).to.satisfy(
        ([c, m]: [string, string]) => c === code && text.test(m),
        `${error.code}: ${error.message}`,
      );
    });

  it("what the callback throws, and what a signal says, come out as they are", async () => {
    const mine = new Error("mine");
    const thrown = (f: () => unknown): unknown => {
      try {
        return f();
      } catch (error) {
        return error;
      }
    };
    const raise = (): never => {
      throw mine;
    };
    expect(thrown(() => lbfgs(rosenbrock, { x: 0, y: 1 }, { callback: raise }))).to.equal(mine);
    for (const minimise of [lbfgs, newton, adam] as const) {
      const control = new AbortController();
      const options = { signal: control.signal, callback: () => control.abort(mine) };
      expect(thrown(() => minimise(rosenbrock, { x: 0, y: 1 }, options))).to.equal(mine);
      const running = new AbortController();
      const promise = minimise.async(rosenbrock, { x: 0, y: 1 }, { signal: running.signal });
      running.abort(mine);
      expect(await promise.catch((e: unknown) => e)).to.equal(mine);
    }
    expect(await lbfgs.async((x) => neg(x) as never, any("x")).catch((e: BacksolveError) => e.code)).to.equal("ERR_ARGUMENT");
  });
});
