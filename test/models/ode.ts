// Robertson's stiff reactions by the implicit Euler method: each step solves x = y + h f(x) by Newton's method, and is differentiated by the
// implicit function theorem.
import {
  abs,
  customRoot,
  greater,
  jacfwd,
  linalg,
  max,
  mul,
  scan,
  square,
  stack,
  sub,
  type Tensor,
  unstack,
  whileLoop,
} from "../../lib/index";

type T = Tensor<"float64">;

/** Robertson (1966): A -> B, B + B -> C + B, B + C -> A + C. */
export function reactions(y: T, rates: T): T {
  const [a, b, c] = unstack(y) as [T, T, T];
  const [k1, k2, k3] = unstack(rates) as [T, T, T];
  const [r1, r2, r3] = [mul(k1, a), mul(k2, square(b)), mul(mul(k3, b), c)];
  return stack([sub(r3, r1), sub(sub(r1, r2), r3), r2]);
}

const residual = (x: T, y: T, h: T, rates: T): T => sub(sub(x, y), mul(h, reactions(x, rates)));

function newton(x0: T, y: T, h: T, rates: T): T {
  const f = (x: T) => residual(x, y, h, rates);
  const step = (x: T) => linalg.solve(jacfwd(f)(x), f(x));
  const start = { x: x0, dx: step(x0) };
  const notYet = ({ dx }: { x: T; dx: T }) => greater(max(abs(dx)), 1e-10);
  const next = ({ x, dx }: { x: T; dx: T }) => ({ x: sub(x, dx), dx: step(sub(x, dx)) });
  const { x, dx } = whileLoop(notYet, next, start, { maxSteps: 50 });
  return sub(x, dx);
}

/** The path at the ends of the steps: [steps, 3]. */
export function path(rates: T, y0: T, steps: T): T {
  const solve = customRoot(residual, newton);
  const step = (y: T, h: T) => {
    const next = solve(y, y, h, rates);
    return { carry: next, y: next };
  };
  return scan(step, y0, steps).ys;
}
