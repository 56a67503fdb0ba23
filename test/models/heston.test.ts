// Heston's model against the same recursion in plain numbers, and its gradient against differences.
import { expect } from "chai";
import { compile, float64, int32, random, stack, type Tensor, tensor, valueAndGrad, vmap } from "../../lib/index";
import { agree } from "./golden";
import { call, type Heston, price } from "./heston";

type Key = Tensor<"int32">;
const model = { spot: 100, v0: 0.04, kappa: 2, theta: 0.05, xi: 0.2, rho: -0.7 }; // whose variances stay above 0: differences see no kink
const rough = { ...model, xi: 0.9 };
type Name = keyof typeof model;
const NAMES = Object.keys(model) as Name[];
const asTensors = (m: typeof model): Heston => Object.fromEntries(NAMES.map((k) => [k, tensor(m[k])])) as unknown as Heston;
const PATHS = 64;
const keys = random.split(random.key(12), PATHS) as Key[];
const stacked = stack(keys) as Key;

/** The same steps, one number after the other. */
function plain({ spot, v0, kappa, theta, xi, rho }: typeof model, start: Key): number {
  let [logS, v, key] = [0, v0, start];
  for (let t = 0; t < 50; t++) {
    const [now, later] = random.split(key) as [Key, Key];
    const [z1, z2] = random.normal(now, 2).data as unknown as [number, number];
    const positive = Math.max(v, 0);
    const shock = Math.sqrt(positive / 50);
    logS += shock * z1 - positive / 100;
    v += (kappa * (theta - positive)) / 50 + xi * shock * (rho * z1 + Math.sqrt(1 - rho * rho) * z2);
    key = later;
  }
  return spot * Math.exp(logS);
}
const plainCall = (m: typeof model): number => keys.reduce((s, key) => s + Math.max(plain(m, key) - 95, 0), 0) / PATHS;
/** Central differences of a function of one number, of fourth order. */
const slope = (f: (h: number) => number, h: number): number => (8 * (f(h) - f(-h)) - f(2 * h) + f(-2 * h)) / (12 * h);

describe("Heston's model with keys that are split inside of scan", () => {
  it("has the paths of plain loops", () => {
    for (const m of [model, rough]) {
      const got = vmap(price, { in: [null, 0] })(asTensors(m), stacked);
      const want = keys.map((key) => plain(m, key));
      agree("prices", got, want, 1e-13);
      expect(new Set(want).size).to.equal(PATHS);
      for (const i of [0, 63]) agree(`path ${i} alone`, price(asTensors(m), keys[i] as Key), want[i] as number, 1e-13);
    }
  });
  it("has the gradient that differences show, per path", () => {
    const { value, grad } = valueAndGrad((m: Heston) => call(m, 95, stacked))(asTensors(model));
    agree("value", value, plainCall(model), 1e-13);
    for (const k of NAMES) {
      const differences = slope((h) => plainCall({ ...model, [k]: model[k] + h }), 1e-4 * Math.abs(model[k]));
      agree(`gradient of ${k}`, grad[k], differences, 1e-9);
    }
  });
  it("compiled, is the same for one model and for several", () => {
    const spec = Object.fromEntries(NAMES.map((k) => [k, float64()])) as Record<Name, ReturnType<typeof float64>>;
    const program = compile((m: Heston, keys: Key) => valueAndGrad((m: Heston) => call(m, 95, keys))(m), spec, int32(PATHS, 2));
    const { value, grad } = valueAndGrad((m: Heston) => call(m, 95, stacked))(asTensors(model));
    const many = program.runSync([{ ...asTensors(model), spot: tensor([90, 100, 110]) }, stacked]);
    expect(many.value.shape).to.deep.equal([3]);
    agree("value", tensor(many.value.at(1)), value.item(), 1e-13);
    for (const k of NAMES) agree(`gradient of ${k}`, tensor(many.grad[k].at(1)), grad[k].item(), 1e-11);
    agree("another spot", tensor(many.value.at(2)), plainCall({ ...model, spot: 110 }), 1e-13);
  });
});
