// Numbers of the gamma and Poisson distributions, natively and the same to the bit everywhere (native/kernels/variates.cc), and what is made of them.
// Gamma numbers have the derivative by their parameter of implicit reparametrisation: native/kernels/gamma_slope.cc.
import { flag, optionsOf } from "../core/attrs";
import type { Real, Sym } from "../core/dtype";
import { BacksolveError } from "../core/errors";
import type { Key } from "../core/key";
import { defineOp } from "../core/op";
import { native } from "../core/row";
import { type Operand, type Shape, sizeOf, type Tensor } from "../core/tensor";
import { sigmoid } from "./activations";
import { positive } from "./domains";
import { div, equal, exp, log, mul, sub, where } from "./elementwise";
import { parameters, realTensor, type ShapeOption, shapeOf, spread } from "./parameters";
import { checkKey, random as draws } from "./random";
import { reshape } from "./structure";

type R = Tensor<Sym<"real">>;
type Seed = Key | number;

const perNumber = { hidden: true, signature: "(w),(n)->(n)", types: "real", sizes: (n: number) => [{ w: 2, n }] } as const; // w: two words
const GAMMA = "random.gamma";

/** A gamma number for each a, or its logarithm: of a = 0 it is 0, of ∞ it is ∞, of negative a and NaN it is NaN. */
const gammaOp = defineOp({
  ...perNumber,
  name: "randomGamma",
  publicName: GAMMA,
  inputs: ["key", "a"],
  outputs: ["x"],
  attrs: { log: flag(false) },
  dtypes: { key: "int32" },
  domain: { a: positive },
  kernel: native("randomGamma"),
  order: 0, // by differences: a number moves with a along its share of the distribution, not along what is drawn
  saves: ["a", "x"],
  vjp: ({ a, x }, { x: g }, attrs) => ({ a: (): R => mul(g, gammaSlope(a, x, attrs)) }),
  jvp: ({ a, x }, { a: t }, attrs) => ({ x: t && ((): R => mul(t, gammaSlope(a, x, attrs))) }),
});

/** dy/da of y = x, or log x, along a constant share of the gamma distribution of a. */
const gammaSlope = defineOp({
  name: "gammaSlope",
  publicName: GAMMA,
  hidden: true,
  inputs: ["a", "y"],
  outputs: ["slope"],
  signature: "(),()->()",
  types: "real",
  attrs: { log: flag(false) },
  domain: { a: positive, y: positive },
  kernel: native("gammaSlope"),
  order: 0,
  saves: ["a"],
  vjp: () => ({ a: noSecond, y: noSecond }),
});
const noSecond = (): never => {
  throw new BacksolveError("ERR_ARGUMENT", GAMMA, "has derivatives of the first order only.");
};

/** A Poisson number for each rate. */
const poissonOp = defineOp({
  ...perNumber,
  name: "randomPoisson",
  publicName: "random.poisson",
  inputs: ["key", "rate"],
  outputs: ["k"],
  dtypes: { key: "int32", k: "int32" },
  domain: { rate: positive },
  failures: ["ERR_ARGUMENT"],
  kernel: native("randomPoisson"),
  vjp: () => ({}),
});

/** What a row draws for the elements of t in this shape. */
function each<T extends Tensor>(t: Tensor<Real>, shape: Shape, draw: (list: Tensor<Real>) => T): T {
  const whole = spread(t, shape);
  return shape.length === 1 ? draw(whole) : (reshape(draw(reshape(whole, [sizeOf(shape)])), shape) as Tensor as T);
}
const gammas = (key: Key, a: Tensor<Real>, shape: Shape, isLog: boolean): Tensor<Real> =>
  each(a, shape, (list) => gammaOp(key, list, { log: isLog }));

/**
 * Numbers of the gamma distribution with parameter a and scale 1 (Marsaglia and Tsang): multiply by a scale for others. For tiny a most are below
 * the smallest number, and 0. a = 0 gives 0, ∞ gives ∞, a negative a and NaN give NaN. The derivative by a is that of implicit
 * reparametrisation, of the first order alone.
 */
export function gamma<D extends Real = "float64">(key: Seed, a: Operand<D>, options: ShapeOption = {}): Tensor<D> {
  const from = checkKey(GAMMA, key);
  const { shape } = optionsOf(GAMMA, options, ["shape"]);
  const t = realTensor(GAMMA, "a", a);
  return gammas(from, t, shapeOf(GAMMA, { a: t.shape }, shape), false) as Tensor as Tensor<D>;
}

/**
 * Numbers of the beta distribution with parameters a and b, as σ(log x - log y) of gamma numbers x and y, so that tiny parameters are right. NaN of
 * negative parameters. Derivatives by a and b as `gamma`.
 */
export function beta<D extends Real = "float64">(key: Seed, a: number, b: Operand<D>, options?: ShapeOption): Tensor<D>;
export function beta<D extends Real>(key: Seed, a: Tensor<D>, b: Operand<NoInfer<D>>, options?: ShapeOption): Tensor<D>;
export function beta(key: Seed, a: Operand<Real>, b: Operand<Real>, options: ShapeOption = {}): Tensor<Real> {
  const op = "random.beta";
  const [first, second] = draws.split(checkKey(op, key));
  const { shape: asked } = optionsOf(op, options, ["shape"]);
  const [p, q] = parameters(op, { a, b }) as [Tensor<Real>, Tensor<Real>];
  const shape = shapeOf(op, { a: p.shape, b: q.shape }, asked);
  return sigmoid(sub(gammas(first, p, shape, true), gammas(second, q, shape, true)));
}

/**
 * Numbers of Student's t distribution with df degrees of freedom: z (df / 2 / x)^(1/2) of a normal z and a gamma number x of df / 2; of df = ∞ z itself. Of
 * tiny df many are beyond the largest number, and ±∞. Derivatives by df as `gamma`.
 */
export function studentT<D extends Real = "float64">(key: Seed, df: Operand<D>, options: ShapeOption = {}): Tensor<D> {
  const op = "random.studentT";
  const [first, second] = draws.split(checkKey(op, key));
  const { shape: asked } = optionsOf(op, options, ["shape"]);
  const t = realTensor(op, "df", df);
  const shape = shapeOf(op, { df: t.shape }, asked);
  const z = draws.normal(first, shape, { dtype: t.dtype });
  const endless = equal(t, Number.POSITIVE_INFINITY);
  const half = div(where(endless, 1, t), 2) as Tensor<Real>;
  const spreads = exp(mul(0.5, sub(log(half), gammas(second, half, shape, true))));
  return mul(z, where(endless, 1, spreads)) as Tensor as Tensor<D>;
}

/**
 * Numbers of the Poisson distribution, int32: by inversion for rates below 10, by Hörmann's transformed rejection from there. No derivative by the
 * rate. ERR_ARGUMENT names a rate that is negative, NaN, or above 2³¹ - 2²⁰.
 */
export function poisson(key: Seed, rate: Operand<Real>, options: ShapeOption = {}): Tensor<"int32"> {
  const op = "random.poisson";
  const from = checkKey(op, key);
  const { shape: asked } = optionsOf(op, options, ["shape"]);
  const t = realTensor(op, "rate", rate);
  const shape = shapeOf(op, { rate: t.shape }, asked);
  return each(t, shape, (list) => poissonOp(from, list) as Tensor<"int32">);
}
