// Lotka and Volterra's predators and prey, fitted to counts: the classical method of Runge and Kutta, and Levenberg and Marquardt's.
import { add, exp, log, mul, scan, stack, sub, type Tensor, unstack } from "../../lib/index";
import { levenbergMarquardt } from "../../lib/optimize/index";

type T = Tensor<"float64">;
/** Logarithms of the rates and of the first numbers. */
export interface Parameters {
  readonly a: T;
  readonly b: T;
  readonly c: T;
  readonly d: T;
  readonly hares: T;
  readonly lynxes: T;
}

/** Of the logarithms of the numbers: hares' a - b v, lynxes' c u - d. */
const slope = ({ a, b, c, d }: Parameters, logs: T): T => {
  const [u, v] = unstack(logs) as [T, T];
  return stack([sub(exp(a), exp(add(b, v))), sub(exp(add(c, u)), exp(d))]);
};

function step(p: Parameters, y: T, h: number): T {
  const k1 = slope(p, y);
  const k2 = slope(p, add(y, mul(h / 2, k1)));
  const k3 = slope(p, add(y, mul(h / 2, k2)));
  const k4 = slope(p, add(y, mul(h, k3)));
  return add(y, mul(h / 6, add(add(k1, k4), mul(2, add(k2, k3)))));
}

/** The logarithms of both numbers, year after year. */
export function path(p: Parameters, years: number, steps = 50): T {
  const year = (y: T) => scan((y: T) => ({ carry: step(p, y, 1 / steps) }), y, undefined, { length: steps }).carry;
  return scan((y: T) => ({ carry: year(y), y }), stack([p.hares, p.lynxes]), undefined, { length: years }).ys;
}

/** The parameters whose path is nearest to the counts, by the squares of differences of logarithms. */
export const calibrate = (start: Record<keyof Parameters, number>, counts: T) =>
  levenbergMarquardt((p: Parameters, logs: T) => sub(path(p, logs.shape[0] as number), logs), start, { args: [log(counts)] });
