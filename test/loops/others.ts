// vmap, cond, whileLoop, customRoot and derivatives inside of loops, as tools/goldens/loops_cases.py has them.
import {
  abs,
  add,
  concat,
  cond,
  cos,
  customRoot,
  div,
  exp,
  grad,
  greater,
  hessian,
  jacfwd,
  jacrev,
  jvp,
  linalg,
  matmul,
  mul,
  scan,
  sin,
  slice,
  sqrt,
  square,
  sub,
  sum,
  tanh,
  tensor,
  valueAndGrad,
  vmap,
  whileLoop,
  zeros,
} from "../../lib/index";
import type { Case, Int, T } from "./golden";

const dot = (a: T, b: T): T => sum(mul(a, b)) as T;
const flipped = (x: T): T => concat(Array.from({ length: x.size }, (_, i) => slice(x, [x.size - 1 - i], [1]) as T));

type Root = { y: T; n: Int };
const squareRoot = (a: T): Root =>
  whileLoop(
    (s: Root) => greater(abs(sub(square(s.y), a)), mul(1e-12, a)),
    (s: Root) => ({ y: mul(0.5, add(s.y, div(a, s.y))), n: add(s.n, 1) }),
    { y: 1, n: tensor(0, { dtype: "int32" }) },
    { maxSteps: 50 },
  );

/** Newton's steps for f(x) = 0. */
const newton = (f: (x: T) => T, x0: T): T =>
  scan((x: T) => ({ carry: sub(x, linalg.solve(jacfwd(f)(x), f(x))) }), x0, undefined, { length: 30 }).carry;

export const others: Record<string, Case> = {
  shared_sum: (theta: T, xs: T) => {
    const loss = (x: T) => mul(slice(theta, [0], [1]).reshape([]), sum(sin(mul(slice(theta, [1], [1]), x))));
    return sum(vmap(loss)(xs));
  },
  per_item: (theta: T, xs: T) => {
    const loss = (t: T, x: T) => sum(mul(slice(t, [0], [1]), sin(mul(slice(t, [1], [1]), x)))) as T;
    return vmap(grad(loss), { in: [null, 0] })(theta, xs);
  },
  shared_matrix: (a: T, bs: T) => vmap((b: T) => dot(linalg.solve(a, b), b))(bs),
  axes: (x: T, y: T) => {
    const f = (t: { x: T; y: T }) => ({ u: mul(t.x, sin(sum(t.y))), v: mul(t.y, sum(t.x)) });
    return vmap(f, { in: { x: 1, y: 0 }, out: { u: 1, v: 0 } })({ x, y });
  },
  outer_product: (x: T, y: T, a: T) => vmap((u: T) => vmap((v: T) => sin(add(mul(u, v), a)))(y))(x),
  pairwise: (x: T) => vmap((u: T) => vmap((v: T) => exp(mul(-1, sum(square(sub(u, v))))))(x))(x),

  branch: (x: T, y: T) =>
    cond(
      greater(x, 0),
      (x: T, y: T) => ({ u: mul(x, y), n: tensor(1, { dtype: "int32" }) }),
      (_: T, y: T) => ({ u: sin(y), n: tensor(2, { dtype: "int32" }) }),
      x,
      y,
    ),
  branches: (xs: T, a: T) =>
    vmap((x: T) =>
      cond(
        greater(x, 0),
        (x: T) => mul(sqrt(x), a),
        (x: T) => square(x),
        x,
      ),
    )(xs),
  branch_in_scan: (c: T, xs: T) => {
    const step = (c: T, x: T) => {
      const next = cond(
        greater(c, x),
        (c: T) => sub(sin(c), x),
        (c: T) => add(mul(square(c), 0.3), x),
        c,
      );
      return { carry: next, y: next };
    };
    const { carry, ys } = scan(step, c, xs);
    return [carry, ys];
  },
  scan_in_branch: (c: T, xs: T) => {
    const run = (c: T, xs: T) => scan((c: T, x: T) => ({ carry: add(cos(c), x) }), c, xs).carry;
    return cond(greater(c, 0), run, (c: T, xs: T) => mul(sum(xs), c), c, xs);
  },

  square_root: (a: T) => squareRoot(a),
  square_roots: (a: T) => vmap(squareRoot)(a),
  root: (a: T, b: T) => {
    const f = (x: T, a: T, b: T) => sub(add(matmul(a, x), tanh(x)), b);
    return customRoot(f, (x0: T, a: T, b: T) => newton((x) => f(x, a, b), x0))(zeros([3]), a, b);
  },
  roots_in_scan: (k: T, c: T, xs: T) => {
    const f = (x: T, c: T, u: T, k: T) => {
      const force = sub(add(mul(x, square(x)), mul(add(1, square(k)), x)), u);
      return sub(add(x, mul(0.1, force)), c);
    };
    const solve = customRoot(f, (x0: T, c: T, u: T, k: T) => newton((x) => f(x, c, u, k), x0));
    const step = (c: T, u: T) => {
      const next = solve(c, c, u, k);
      return { carry: next, y: sum(next) };
    };
    const { carry, ys } = scan(step, c, xs);
    return [carry, ys];
  },

  jacobians: (a: T, c: T, xs: T) => {
    const last = (c: T) => scan((c: T, x: T) => ({ carry: add(sin(mul(a, c)), mul(x, flipped(c))) }), c, xs).carry;
    return { forward: jacfwd(last)(c), reverse: jacrev(last)(c) };
  },
  curvature: (a: T, c: T, xs: T) => {
    const loss = (c: T) => square(sum(scan((c: T, x: T) => ({ carry: add(mul(sin(mul(a, c)), x), c) }), c, xs).carry));
    return hessian(loss)(c);
  },
  descent: (rate: T, w: T, ts: T) => {
    const loss = (w: T, t: T) => sum(square(sub(tanh(w), t))) as T;
    const step = (w: T, t: T) => {
      const { value, grad: g } = valueAndGrad(loss)(w, t);
      return { carry: sub(w, mul(rate, g)), y: value };
    };
    const { carry, ys } = scan(step, w, ts);
    return [carry, ys];
  },
  tangents_in_scan: (a: T, c: T, xs: T) => {
    const step = (c: T, x: T) => {
      const { value, tangent } = jvp((c: T) => mul(sin(mul(a, c)), flipped(c)), [c], [x]);
      return { carry: add(value, tangent), y: sum(tangent) };
    };
    const { carry, ys } = scan(step, c, xs);
    return [carry, ys];
  },
};
