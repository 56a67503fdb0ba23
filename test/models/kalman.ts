// A linear Gaussian state space model: y_t = H x_t + N(0, R), x_{t+1} = A x_t + N(0, Q), x_1 ~ N(m1, p1).
// Kalman filter, its log-likelihood, and the smoother of Rauch, Tung and Striebel (1965).
import { add, dot, linalg, matmul, matvec, mul, multiDot, scan, sub, type Tensor } from "../../lib/index";

type T = Tensor<"float64">;
export interface Model {
  readonly a: T;
  readonly h: T;
  readonly q: T;
  readonly r: T;
  readonly m1: T;
  readonly p1: T;
}

const LOG_2PI = Math.log(2 * Math.PI);

export function filter({ a, h, q, r, m1, p1 }: Model, ys: T) {
  const step = ({ m, p, loglik }: { m: T; p: T; loglik: T }, y: T) => {
    const v = sub(y, matvec(h, m));
    const hp = matmul(h, p);
    const s = add(matmul(hp, h.transpose()), r);
    const gain = linalg.solve(s, hp).transpose(); // S and P are symmetric
    const mf = add(m, matvec(gain, v));
    const pf = sub(p, matmul(gain, hp));
    const density = mul(-0.5, add(add(dot(v, linalg.solve(s, v)), linalg.logdet(s)), LOG_2PI * v.size));
    const next = { m: matvec(a, mf), p: add(multiDot([a, pf, a.transpose()]), q), loglik: add(loglik, density) };
    return { carry: next, y: { m: mf, p: pf } };
  };
  const { carry, ys: filtered } = scan(step, { m: m1, p: p1, loglik: 0 }, ys);
  return { loglik: carry.loglik, ...filtered };
}

export function smooth({ a, q, ...model }: Model, ys: T) {
  const { m, p } = filter({ a, q, ...model }, ys);
  const step = ({ m: later, p: spread, first }: { m: T; p: T; first: T }, { m, p }: { m: T; p: T }) => {
    const predicted = add(multiDot([a, p, a.transpose()]), q);
    const gain = mul(first, linalg.solve(predicted, matmul(a, p)).transpose());
    const ms = add(m, matvec(gain, sub(later, matvec(a, m))));
    const ps = add(p, multiDot([gain, sub(spread, predicted), gain.transpose()]));
    return { carry: { m: ms, p: ps, first: 1 }, y: { m: ms, p: ps } };
  };
  return scan(step, { m: model.m1, p: model.p1, first: 0 }, { m, p }, { reverse: true }).ys; // the last step has nothing after it
}
