import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { loadRecord } from "../../examples/co2/data";
import { fit, objective, vectorOf } from "../../examples/co2/fit";
import { lbfgs } from "../../examples/co2/lbfgs";
import { distances, names, type Parameters, start } from "../../examples/co2/model";
import { tensor } from "../../lib/index";

interface Golden {
  start: { value: number; gradient: Parameters<number> };
  best: { value: number; parameters: Parameters<number> };
}
const golden = JSON.parse(readFileSync(join(process.cwd(), "test/golden/co2.json"), "utf8")) as Golden;

describe("the CO2 example", () => {
  const { t, y } = loadRecord();
  const d = distances(t, t);
  const target = tensor(y);

  it("likelihood and gradient at the start are scikit-learn's to 1e-8", () => {
    const { value, gradient } = objective(d, target)(vectorOf(start).map(Math.log));
    expect(Math.abs(-value / golden.start.value - 1)).to.be.below(1e-8);
    // relative to the gradient as a vector: single components cancel from terms of its size, and cond(K) eps is 4e-8
    const norm = Math.hypot(...names.map((name) => golden.start.gradient[name]));
    names.forEach((name, i) => {
      expect(Math.abs((gradient[i] as number) + golden.start.gradient[name]) / norm, name).to.be.below(1e-9);
    });
  });
  it("reaches scikit-learn's best of ten starts", () => {
    const exchanged = { ...start, c3: start.c4, l4: start.l5, c4: start.c3, l5: start.l4 };
    const found = fit(d, target, exchanged, { maxIterations: 150 });
    // the likelihood itself is accurate to cond(K) eps, about 1e-9 of its value
    expect(-found.value).to.be.above(golden.best.value - 1e-6);
  });
});

describe("L-BFGS", () => {
  it("finds the minimum of Rosenbrock's function", () => {
    const { x, iterations } = lbfgs(
      ([a = 0, b = 0]) => ({
        value: (1 - a) ** 2 + 100 * (b - a * a) ** 2,
        gradient: Float64Array.of(-2 * (1 - a) - 400 * a * (b - a * a), 200 * (b - a * a)),
      }),
      Float64Array.of(-1.2, 1),
      { gradientTolerance: 1e-9, valueTolerance: 0 },
    );
    expect(x[0]).to.be.closeTo(1, 1e-8);
    expect(x[1]).to.be.closeTo(1, 1e-8);
    expect(iterations).to.be.below(60);
  });
  it("steps back from infinite values", () => {
    const { x } = lbfgs(
      ([a = 0]) => ({ value: a > 0 ? a - Math.log(a) : Number.POSITIVE_INFINITY, gradient: Float64Array.of(1 - 1 / a) }),
      Float64Array.of(0.01),
      { gradientTolerance: 1e-10, valueTolerance: 0 },
    );
    expect(x[0]).to.be.closeTo(1, 1e-8);
  });
});
