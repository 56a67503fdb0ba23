// Heston's model of a price with stochastic variance, by the full truncation scheme (Lord, Koekkoek and van Dijk 2010). Every path has a key of its
// own, which is split at every step.
import { add, exp, maximum, mean, mul, random, scan, sqrt, sub, type Tensor, unstack, vmap } from "../../lib/index";

type T = Tensor<"float64">;
type Key = Tensor<"int32">;
export interface Heston {
  readonly spot: T;
  readonly v0: T;
  readonly kappa: T;
  readonly theta: T;
  readonly xi: T;
  readonly rho: T;
}

const STEPS = 50;
const H = 1 / STEPS;

/** The price after a year, in STEPS steps. */
export function price({ spot, v0, kappa, theta, xi, rho }: Heston, key: Key): T {
  const step = ({ logS, v, key }: { logS: T; v: T; key: Key }) => {
    const [now, later] = random.split(key);
    const [z1, z2] = unstack(random.normal(now, 2)) as [T, T];
    const w = add(mul(rho, z1), mul(sqrt(sub(1, mul(rho, rho))), z2));
    const positive = maximum(v, 0);
    const shock = sqrt(mul(positive, H));
    const next = add(add(v, mul(mul(kappa, sub(theta, positive)), H)), mul(mul(xi, shock), w));
    return { carry: { logS: add(logS, sub(mul(shock, z1), mul(0.5 * H, positive))), v: next, key: later } };
  };
  const { carry } = scan(step, { logS: 0, v: v0, key }, undefined, { length: STEPS });
  return mul(spot, exp(carry.logS));
}

/** The value of a call. */
export function call(model: Heston, strike: number, keys: Key): T {
  const payoff = (m: Heston, key: Key) => maximum(sub(price(m, key), strike), 0);
  return mean(vmap(payoff, { in: [null, 0] })(model, keys));
}
