// Hares and lynxes of Hudson Bay, 1900 to 1920, against SciPy.
import { expect } from "chai";
import { compile, exp, float64, log, mul, square, stack, sub, sum, type Tensor, treeMap, valueAndGrad, vmap } from "../../lib/index";
import { checkGrads } from "../../lib/testing/index";
import { agree, fitted, load } from "./golden";
import { calibrate, type Parameters, path } from "./predator";

type T = Tensor<"float64">;
const { ode: golden } = fitted;
const counts = load(golden.data);
const NAMES = Object.keys(golden.best) as (keyof Parameters)[];
const tensors = (p: Record<keyof Parameters, number>) => treeMap((t) => t, p);
const cost = (p: Parameters): T => mul(0.5, sum(square(sub(path(p, 21), log(counts)))));

describe("predators and prey", () => {
  it("have SciPy's path, to the error of the method", () => {
    agree("path", exp(path(tensors(golden.best), 21)), golden.path, 1e-6);
  });
  it("are fitted to the counts as SciPy fits them", () => {
    const { x, fun, success } = calibrate(golden.start, counts);
    expect(success).to.equal(true);
    expect(fun).to.be.closeTo(golden.cost, 1e-7);
    for (const k of NAMES) expect(x[k].item(), k).to.be.closeTo(golden.best[k], 1e-6);
  });
  it("have the gradients that differences show", () => {
    checkGrads(cost, [golden.start], { order: 2 });
  });
  it("are the same for one set of rates and for several", () => {
    const many = { ...tensors(golden.start), a: stack([tensors(golden.start).a, tensors(golden.best).a]) };
    const one = valueAndGrad(cost);
    const spec = Object.fromEntries(NAMES.map((k) => [k, float64()])) as Record<keyof Parameters, ReturnType<typeof float64>>;
    const axes = { a: 0, b: null, c: null, d: null, hares: null, lynxes: null };
    for (const got of [vmap(one, { in: axes })(many), compile(one, spec).runSync([many])])
      for (const i of [0, 1]) {
        const alone = one({ ...many, a: many.a.index(i) });
        agree(`value ${i}`, got.value.index(i), alone.value, 1e-12);
        for (const k of NAMES) agree(`gradient ${i} of ${k}`, got.grad[k].index(i), alone.grad[k], 1e-10);
      }
  });
});
