// Scans, as tools/goldens/loops_cases.py has them.
import {
  abs,
  add,
  conj,
  cos,
  div,
  exp,
  expandDims,
  eye,
  gather,
  greater,
  less,
  linalg,
  log,
  logsumexp,
  matmul,
  mul,
  notEqual,
  reshape,
  scan,
  sin,
  slice,
  square,
  sub,
  sum,
  tanh,
  tensor,
  vmap,
  where,
  zeros,
} from "../../lib/index";
import type { Bool, Case, Int, T } from "./golden";

type State = { state: { p: T; q: T }; count: Int; up: Bool };
type Filter = { m: T; p: T; total: T };

/** [carry, ys], as jax.lax.scan gives them. */
const pair = ({ carry, ys }: { carry: unknown; ys: unknown }): unknown[] => (ys === undefined ? [carry] : [carry, ys]);
const dot = (a: T, b: T): T => sum(mul(a, b)) as T;
/** x[i]. */
const row = (x: T, i: number): T =>
  reshape(slice(x, [i, ...x.shape.slice(1).map(() => 0)], [1, ...x.shape.slice(1)]), x.shape.slice(1)) as T;
const rows = (x: T, from: number, n: number): T => slice(x, [from, ...x.shape.slice(1).map(() => 0)], [n, ...x.shape.slice(1)]) as T;

/** A scan of thirty steps that keeps every k-th carry. */
export const checkpointed =
  (checkpoint: number): Case =>
  (a: T, c: T, xs: T) =>
    pair(scan((c: T, x: T) => ({ carry: sin(add(mul(a, c), x)), y: mul(c, x) }), c, xs, { checkpoint }));

export const scans: Record<string, Case> = {
  cumulative: (c: T, xs: T) =>
    pair(
      scan(
        (c: T, x: T) => {
          const next = add(sin(c), x);
          return { carry: next, y: square(next) };
        },
        c,
        xs,
      ),
    ),
  backwards: (a: T, c: T, xs: T) => pair(scan((c: T, x: T) => ({ carry: add(mul(a, c), x), y: tanh(c) }), c, xs, { reverse: true })),
  none: (a: T, c: T, xs: T) => pair(scan((c: T, x: T) => ({ carry: add(mul(a, c), x), y: sum(c) }), c, xs)),
  logistic: (r: T, c: T) => pair(scan((c: T) => ({ carry: mul(mul(r, c), sub(1, c)), y: c }), c, undefined, { length: 7 })),
  one: (a: T, c: T, xs: T) => pair(scan((c: T, x: T) => ({ carry: mul(cos(c), x), y: mul(a, c) }), c, rows(xs, 0, 1))),
  trees: (k: T, q: T, p: T) => {
    const step = (s: State) => {
      const p = sub(s.state.p, mul(mul(0.1, k), sin(s.state.q)));
      const q = add(s.state.q, mul(where(less(s.count, 3), 0.1, 0.2), p));
      const up = notEqual(s.up, greater(sum(q), 0));
      const y = { energy: mul(0.5, dot(p, p)), up, count: s.count };
      return { carry: { state: { p, q }, count: add(s.count, 1), up }, y };
    };
    const start = { state: { p, q }, count: tensor(0, { dtype: "int32" }), up: tensor(false) };
    return pair(scan(step, start, undefined, { length: 6 }));
  },
  lookup: (table: T, indices: Int, mask: Bool, xs: T) => {
    const step = (c: T, { i, m, v }: { i: Int; m: Bool; v: T }) => {
      const entry = reshape(gather(table, reshape(i, [1])), []);
      const next = add(c, where(m, mul(entry, v), 0));
      return { carry: next, y: next };
    };
    return pair(scan(step, 1, { i: indices, m: mask, v: xs }));
  },
  fibonacci: (a: Int, b: Int) => pair(scan(([a, b]: [Int, Int]) => ({ carry: [b, add(a, b)], y: a }), [a, b], undefined, { length: 50 })),
  through: (c: T, d: T, xs: T, a: T) => {
    const turn = scan(
      ([c, d, unused]: [T, T, T], x: T) => {
        const y = mul(c, a);
        return { carry: [d, c, unused], y: [y, y, x, a, 2] };
      },
      [c, d, a],
      xs,
    );
    return pair(turn);
  },
  checkpointed: checkpointed(7),
  autoregression: (phi: T, sigma: T, xs: T) => {
    const step = ({ last, total }: { last: T; total: T }, x: T) => {
      const e = div(sub(x, mul(phi, last)), sigma);
      return { carry: { last: x, total: add(total, add(mul(0.5, square(e)), log(sigma))) } };
    };
    return scan(step, { last: 0, total: 0 }, xs).carry.total;
  },
  rotation: (w: T, c: T, xs: T) => {
    const step = (c: T, x: T) => {
      const next = add(mul(exp(mul(w, 0.3)), c), mul(x, conj(c)));
      return { carry: next, y: sum(square(abs(next) as T)) };
    };
    return pair(scan(step, c, xs));
  },
  singles: (a: T, c: T, xs: T) => pair(scan((c: T, x: T) => ({ carry: tanh(add(mul(a, c), x)), y: sum(c) }), c, xs)),

  // ---- of matrix functions

  implicit: (a: T, c: T, xs: T) => {
    const m = sub(eye(3), mul(0.1, a));
    const step = (c: T, x: T) => {
      const next = linalg.solve(m, add(c, x));
      return { carry: next, y: next };
    };
    return pair(scan(step, c, xs));
  },
  normals: (cov: T, xs: T) => {
    const step = (total: T, { a, x }: { a: T; x: T }) => {
      const l = linalg.cholesky(a);
      const z = linalg.solveTriangular(l, x);
      const q = add(dot(z, z), mul(2, sum(log(l.diag()))));
      return { carry: add(total, q), y: q };
    };
    return pair(scan(step, 0, { a: cov, x: xs }));
  },
  kalman: (a: T, q: T, r: T, ys: T) => {
    const h = tensor([[1, 0.5]]);
    const step = ({ m: last, p: spread, total }: Filter, y: T) => {
      const [m, p] = [matmul(a, last), add(matmul(matmul(a, spread), a, { adjointB: true }), q)];
      const v = sub(y, matmul(h, m));
      const l = linalg.cholesky(add(matmul(matmul(h, p), h, { adjointB: true }), mul(r, eye(1))));
      const gain = linalg.choleskySolve(l, matmul(h, p)).matrixTranspose();
      const z = linalg.solveTriangular(l, v);
      const next = add(m, matmul(gain, v));
      const gone = matmul(gain, matmul(h, p));
      return { carry: { m: next, p: sub(p, gone), total: add(total, add(mul(0.5, dot(z, z)), sum(log(l.diag())))) }, y: next };
    };
    const { carry, ys: means } = scan(step, { m: zeros([2]), p: eye(2), total: 0 }, ys);
    return [[carry.m, carry.p, carry.total], means];
  },
  forward: (start: T, transition: T, emission: T) => {
    const step = (a: T, e: T) => {
      const next = add(logsumexp(add(expandDims(a, 1), transition), { axis: 0 }), e);
      return { carry: next, y: next };
    };
    const { carry, ys } = scan(step, add(start, row(emission, 0)), rows(emission, 1, 4));
    return [logsumexp(carry), ys];
  },
  products: (ms: T) => pair(scan((c: T, m: T) => ({ carry: tanh(matmul(c, m)), y: linalg.det(c) }), eye(2), ms)),

  // ---- in loops

  scan_in_scan: (a: T, c: T, xs: T) => {
    const outer = (c: T, x: T) => {
      const inner = (d: T, e: T) => {
        const next = add(sin(add(mul(a, d), e)), sum(x));
        return { carry: next, y: mul(next, a) };
      };
      const { carry: d, ys } = scan(inner, c.mean() as T, x);
      return { carry: mul(c, d), y: ys };
    };
    return pair(scan(outer, c, xs));
  },
  vmap_in_scan: (a: T, xs: T, c: T) => {
    const step = (c: T, x: T) => {
      const next = vmap((u: T, v: T) => add(mul(sin(mul(a, u)), v), a))(c, x);
      return { carry: next, y: sum(next) };
    };
    return pair(scan(step, c, xs));
  },
  scan_in_vmap: (a: T, cs: T, xs: T) =>
    vmap((c: T) => pair(scan((c: T, x: T) => ({ carry: tanh(add(mul(a, c), x)), y: mul(c, a) }), c, xs)))(cs),
};
