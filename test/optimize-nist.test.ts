// Levenberg and Marquardt on NIST's reference datasets for nonlinear regression, from both starts, against the certified parameters
// (tools/goldens/nist.py; 11 digits are certified).
import { readFileSync } from "node:fs";
import { expect } from "chai";
import { add, atan, cos, div, exp, log, mul, neg, pow, reciprocal, sin, square, sub, type Tensor, tensor } from "../lib/index";
import { levenbergMarquardt } from "../lib/optimize/index";

type T = Tensor<"float64">;
type Nine = readonly [T, T, T, T, T, T, T, T, T];
/** Of parameters, of which there may be fewer, and one or two predictors. */
type Model = (b: Nine, x: T, z: T) => T;
interface Dataset {
  readonly starts: readonly [readonly number[], readonly number[]];
  readonly certified: readonly number[];
  readonly sumOfSquares: number;
  readonly data: readonly (readonly number[])[]; // y, then the predictors
}
const sets = JSON.parse(readFileSync("test/golden/nist.json", "utf8")) as Record<string, Dataset>;

/** Σ b_i x^i. */
const polynomial = (b: readonly T[], x: T): T => b.reduceRight<T>((sum, c) => add(mul(sum, x), c), mul(0, x));
const rational = (b: readonly T[], top: number, x: T): T =>
  div(polynomial(b.slice(0, top), x), add(1, mul(x, polynomial(b.slice(top), x))));
const exponentials: Model = ([a, ka, b, kb, c, kc], x) =>
  [mul(a, exp(neg(mul(ka, x)))), mul(b, exp(neg(mul(kb, x)))), mul(c, exp(neg(mul(kc, x))))].reduce((s, v) => add(s, v));
const wave = (period: T | number, c: T, s: T, x: T): T => {
  const angle = div(mul(2 * Math.PI, x), period);
  return add(mul(c, cos(angle)), mul(s, sin(angle)));
};

const models: Readonly<Record<string, Model>> = {
  Misra1a: ([a, b], x) => mul(a, sub(1, exp(neg(mul(b, x))))),
  Misra1b: ([a, b], x) => mul(a, sub(1, reciprocal(square(add(1, div(mul(b, x), 2)))))),
  Misra1c: ([a, b], x) => mul(a, sub(1, pow(add(1, mul(mul(2, b), x)), -0.5))),
  Misra1d: ([a, b], x) => div(mul(mul(a, b), x), add(1, mul(b, x))),
  Chwirut2: ([a, b, c], x) => div(exp(neg(mul(a, x))), add(b, mul(c, x))),
  DanWood: ([a, b], x) => mul(a, pow(x, b)),
  Rat42: ([a, b, c], x) => div(a, add(1, exp(sub(b, mul(c, x))))),
  Rat43: ([a, b, c, d], x) => div(a, pow(add(1, exp(sub(b, mul(c, x)))), div(1, d))),
  MGH09: ([a, b, c, d], x) => div(mul(a, add(square(x), mul(x, b))), add(square(x), add(mul(x, c), d))),
  MGH10: ([a, b, c], x) => mul(a, exp(div(b, add(x, c)))),
  MGH17: ([a, b, c, d, e], x) => add(a, add(mul(b, exp(neg(mul(x, d)))), mul(c, exp(neg(mul(x, e)))))),
  Thurber: (b, x) => rational(b, 4, x),
  Hahn1: (b, x) => rational(b, 4, x),
  Kirby2: (b, x) => rational(b, 3, x),
  Eckerle4: ([a, b, c], x) => mul(div(a, b), exp(mul(-0.5, square(div(sub(x, c), b))))),
  BoxBOD: ([a, b], x) => mul(a, sub(1, exp(neg(mul(b, x))))),
  Bennett5: ([a, b, c], x) => mul(a, pow(add(b, x), div(-1, c))),
  Lanczos1: exponentials,
  Lanczos3: exponentials,
  Roszman1: ([a, b, c, d], x) => sub(sub(a, mul(b, x)), div(atan(div(c, sub(x, d))), Math.PI)),
  ENSO: ([a, c1, s1, p2, c2, s2, p3, c3, s3], x) => add(a, add(wave(12, c1, s1, x), add(wave(p2, c2, s2, x), wave(p3, c3, s3, x)))),
  Nelson: ([a, b, c], x1, x2) => sub(a, mul(mul(b, x1), exp(neg(mul(c, x2))))),
};
/** What a fit from one of the starts comes to. */
function fit(name: string, k: 0 | 1, damping = 1e-3) {
  const { data, starts, certified, sumOfSquares } = sets[name] as Dataset;
  const [y, x, z = x] = data.map((column) => tensor(column as number[])) as [T, T, T];
  const model = models[name] as Model;
  const residuals = (b: readonly T[], x: T, y: T, z: T): T => sub(y, model(b as unknown as Nine, x, z));
  const args = [x, name === "Nelson" ? log(y) : y, z] as const;
  const found = levenbergMarquardt(residuals, starts[k] as number[], { args, damping, maxIterations: 1000 });
  const off = Math.max(...found.x.map((b, i) => Math.abs(b.item() / (certified[i] as number) - 1)));
  return { ...found, off, excess: (2 * found.fun) / sumOfSquares - 1 };
}

describe("levenbergMarquardt on NIST's datasets", () => {
  for (const name of Object.keys(sets))
    it(`${name}: the certified parameters, from near and far`, () => {
      for (const k of [0, 1] as const) {
        if (name === "MGH10" && k === 0) continue; // below
        const { off, excess, success, message } = fit(name, k, name === "BoxBOD" ? 100 : undefined);
        expect(off, `${message}, start ${k}`).to.be.below(5e-7);
        if (name !== "Lanczos1") expect(Math.abs(excess)).to.be.below(1e-10); // whose residuals are those of its 14 digits
        expect(success).to.equal(true);
      }
    });
  it("MGH10 from far, where 1e-17 is all that is left of the model: ends, and says that it has not converged", () => {
    const { success, status, fun } = fit("MGH10", 0);
    expect([success, status]).to.deep.equal([false, 1]);
    expect(fun).to.be.finite;
  });
  it("BoxBOD with little damping goes to where the model is constant, a stationary point", () => {
    expect(fit("BoxBOD", 0).excess).to.be.closeTo(7.37, 0.1);
  });
});
