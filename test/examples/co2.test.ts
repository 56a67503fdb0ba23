import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { loadRecord } from "../../examples/co2/data";
import { fit, loss, mapped, tensorsOf } from "../../examples/co2/fit";
import { distances, names, type Parameters, start } from "../../examples/co2/model";
import { tensor, valueAndGrad } from "../../lib/index";
import { long } from "../grid";

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
    const { value, grad } = valueAndGrad(loss)(tensorsOf(mapped(start, Math.log)), d, target);
    expect(Math.abs(-value.item() / golden.start.value - 1)).to.be.below(1e-8);
    // relative to the gradient as a vector: single components cancel from terms of its size, and cond(K) eps is 4e-8
    const norm = Math.hypot(...names.map((name) => golden.start.gradient[name]));
    names.forEach((name) => {
      expect(Math.abs(grad[name].item() + golden.start.gradient[name]) / norm, name).to.be.below(1e-9);
    });
  });
  long("reaches scikit-learn's best of ten starts", async () => {
    const exchanged = { ...start, c3: start.c4, l4: start.l5, c4: start.c3, l5: start.l4 };
    const found = await fit(d, target, exchanged, 150);
    // the likelihood itself is accurate to cond(K) eps, about 1e-9 of its value
    expect(-found.fun).to.be.above(golden.best.value - 1e-6);
  });
});
