// Robertson's problem by implicit Euler steps: the path and its derivatives against JAX, the end against SciPy.
import { compile, float64, jacobian, jvp, slice, sum, type Tensor, tensor, vjp } from "../../lib/index";
import { agree, golden, load } from "./golden";
import { path, reactions } from "./ode";

type T = Tensor<"float64">;
const { ode } = golden;
const [rates, steps, y0] = [load(ode.rates), load(ode.steps), tensor([1, 0, 0])];
const n = steps.size;
const last = (rates: T, y0: T): T => slice(path(rates, y0, steps), [n - 1, 0], [1, 3]).reshape([3]);
const eye = [
  [1, 0, 0],
  [0, 1, 0],
  [0, 0, 1],
];

describe("implicit Euler steps by customRoot", () => {
  it("has JAX's path, and SciPy's end", () => {
    const got = path(rates, y0, steps);
    agree("path", got, ode.path, 1e-10);
    agree("the sum of the substances", sum(got, { axis: 1 }), Array(n).fill(1), 1e-12);
    agree("the end", last(rates, y0), ode.exact, 0.02); // of first order
    agree("no change of the sum", sum(reactions(y0, rates)), 0, 1e-15);
  });
  it("has JAX's derivatives to the rates and the start, in both modes", () => {
    const { pullback } = vjp(last, rates, y0);
    eye.forEach((g, i) => {
      const [byRates, byStart] = pullback(tensor(g));
      agree(`row ${i} to the rates`, byRates, (ode.byRates as number[][])[i] as number[], 1e-8);
      agree(`row ${i} to the start`, byStart, (ode.byStart as number[][])[i] as number[], 1e-9);
    });
    eye.forEach((v, j) => {
      const column = (m: unknown): number[] => (m as number[][]).map((row) => row[j] as number);
      agree(`column ${j} to the rates`, jvp((k: T) => last(k, y0), [rates], [tensor(v)]).tangent, column(ode.byRates), 1e-8);
      agree(`column ${j} to the start`, jvp((y: T) => last(rates, y), [y0], [tensor(v)]).tangent, column(ode.byStart), 1e-9);
    });
  });
  it("compiled, is the same for one start and for several", () => {
    const program = compile(
      (rates: T, y0: T) => ({ y: last(rates, y0), j: jacobian((k: T) => last(k, y0))(rates) }),
      float64(3),
      float64(3),
    );
    const starts = tensor([
      [0.5, 0, 0.5],
      [1, 0, 0],
      [0.2, 1e-5, 0.7],
    ]);
    const many = program.runSync([rates, starts]);
    for (const got of [
      program.runSync([rates, y0]),
      { y: slice(many.y, [1, 0], [1, 3]).reshape([3]), j: slice(many.j, [1, 0, 0], [1, 3, 3]).reshape([3, 3]) },
    ]) {
      agree("the end", got.y, (ode.path as number[][])[n - 1] as number[], 1e-10);
      agree("the Jacobian", got.j, ode.byRates, 1e-8);
    }
    agree("another start", slice(many.y, [2, 0], [1, 3]).reshape([3]), last(rates, tensor([0.2, 1e-5, 0.7])).toArray() as number[], 1e-11);
  });
});
