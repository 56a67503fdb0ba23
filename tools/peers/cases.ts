// The losses of cases.py in backsolve. Where a user has several ways to write one, all are listed; the first is the one that the docs advise.
import { add, conj, exp, grad, hvp, linalg, matmul, mul, real, slice, sqrt, square, sum, type Tensor, trace } from "../../lib/index";
import type { F64, Inputs, Question } from "./exact";

export type Loss = (p: Inputs) => F64;
export type Ways = Readonly<Record<string, Loss>>;

const re = (x: Tensor): F64 => real(x as F64);
/** Re Σ conj(c) y */
const inner = (c: Tensor | undefined, y: Tensor): F64 => sum(re(mul(conj(c as F64), y as F64)));
const of = (p: Inputs, name: string): F64 => p[name] as F64;

const det: Ways = { det: (p) => inner(p.c, linalg.det(of(p, "a"))) };
const expSum: Ways = {
  "trace(expmHermitian(a))": (p) => re(trace(linalg.expmHermitian(of(p, "a")))),
  "trace(funmHermitian(a, exp))": (p) => re(trace(linalg.funmHermitian(of(p, "a"), exp))),
  "sum(exp(eigvalsh(a)))": (p) => sum(exp(linalg.eigvalsh(of(p, "a")))),
};
const squareSum: Ways = {
  "trace(powmHermitian(a, 2))": (p) => re(trace(linalg.powmHermitian(of(p, "a"), 2))),
  "trace(funmHermitian(a, square))": (p) => re(trace(linalg.funmHermitian(of(p, "a"), square))),
  "sum(square(eigvalsh(a)))": (p) => sum(square(linalg.eigvalsh(of(p, "a")))),
};
const root: Ways = {
  sqrtmHermitian: (p) => inner(p.w, linalg.sqrtmHermitian(of(p, "a"))),
  "funmHermitian(a, sqrt)": (p) => inner(p.w, linalg.funmHermitian(of(p, "a"), sqrt)),
};
const rootByVectors: Loss = (p) => {
  const { w, v } = linalg.eigh(of(p, "a"));
  return inner(p.w, matmul(mul(v, sqrt(w)), v, { adjointB: true }));
};
type Least = { l2Regularizer?: F64; rcond?: number };
const leastSquares = (matrix: (p: Inputs) => F64, options: (p: Inputs) => Least, methods: readonly ("qr" | "svd" | "cholesky")[]): Ways =>
  Object.fromEntries(
    methods.map((method) => [method, (p: Inputs) => inner(p.c, linalg.lstsq(matrix(p), of(p, "b"), { ...options(p), method }))]),
  );
const METHODS = ["qr", "svd", "cholesky"] as const;
const vectors: Loss = (p) => {
  const { v } = linalg.eigh(of(p, "a"));
  return sum(mul(of(p, "c"), square(re(sum(mul(conj(v), matmul(of(p, "b"), v)), { axis: 0 })))));
};
const topVector: Loss = (p) => {
  const v = slice(linalg.eigh(of(p, "a")).v, [0, 3], [4, 1]).reshape([4]);
  const s = sum(mul(conj(of(p, "b")), v));
  return re(mul(s, conj(s)));
};

const polarByVectors: Loss = (p) => {
  const { u, vh } = linalg.svd(of(p, "a"));
  return inner(p.w, matmul(u, vh));
};
const squaresOfQr: Loss = (p) => {
  const { q, r } = linalg.qr(of(p, "a"));
  const squares = (x: F64) => re(mul(x, conj(x)));
  return add(sum(mul(of(p, "c"), squares(q))), sum(mul(of(p, "d"), squares(r)))) as F64;
};

/** By the first words of a case's name. */
const LOSSES: readonly (readonly [prefix: string, ways: Ways])[] = [
  ["inv.adjoint", { inv: (p) => inner(p.c, linalg.inv(of(p, "a"), { adjoint: true })) }],
  ["solve.adjoint", { solve: (p) => inner(p.c, linalg.solve(of(p, "a"), of(p, "b"), { adjoint: true })) }],
  ["triangular.adjoint", { solveTriangular: (p) => inner(p.c, linalg.solveTriangular(of(p, "a"), of(p, "b"), { adjoint: true })) }],
  ["det.", det],
  ["slogdet.sign", { slogdet: (p) => inner(p.c, linalg.slogdet(of(p, "a")).sign) }],
  ["slogdet.log", { slogdet: (p) => inner(p.c, linalg.slogdet(of(p, "a")).logabsdet) }],
  ["herm.cholesky", { cholesky: (p) => inner(p.c, linalg.cholesky(of(p, "a"))) }],
  ["herm.logdet", { logdet: (p) => linalg.logdet(of(p, "a")) as F64 }],
  ["herm.eigh", { eigh: vectors }],
  ["herm.eigvalsh", { eigvalsh: (p) => sum(mul(of(p, "c"), linalg.eigvalsh(of(p, "a")))) }],
  ["equal.expm.", { expmHermitian: (p) => inner(p.w, linalg.expmHermitian(of(p, "a"))) }],
  ["equal.exp.", expSum],
  ["equal.square.", squareSum],
  ["equal.sqrtm.", root],
  ["equal.top.", { eigh: topVector }],
  [
    "lstsq.deficient.",
    leastSquares(
      (p) => matmul(of(p, "p"), of(p, "q")),
      () => ({ rcond: 1e-12 }),
      ["svd"],
    ),
  ],
  [
    "lstsq.",
    leastSquares(
      (p) => of(p, "a"),
      (p) => (p.l ? { l2Regularizer: p.l } : {}),
      METHODS,
    ),
  ],
  ["gap.", { ...root, eigh: rootByVectors }],
  ["svd.nuclear.", { nuclearNorm: (p) => linalg.nuclearNorm(of(p, "a")), svdvals: (p) => sum(linalg.svdvals(of(p, "a"))) }],
  ["svd.norm2.", { norm: (p) => linalg.norm(of(p, "a"), { ord: 2 }) }],
  ["svd.polar.", { polar: (p) => inner(p.w, linalg.polar(of(p, "a")).u), svd: polarByVectors }],
  ["pinv.", { pinv: (p) => inner(p.c, linalg.pinv(matmul(of(p, "p"), of(p, "q")), { rcond: 1e-12 })) }],
  ["qr.", { qr: squaresOfQr }],
];

export function waysOf(id: string): Ways {
  const found = LOSSES.find(([prefix]) => id.startsWith(prefix));
  if (!found) throw new Error(`no loss for ${id}`);
  return found[1];
}

/** The gradient (order 1), its derivative along v (2), or the second one along v (3). */
export function derivative({ wrt, inputs, v }: Question, loss: Loss, order: number): F64 {
  const f = (x: F64): F64 => loss({ ...inputs, [wrt]: x });
  const [at, along] = [inputs[wrt] as F64, v as F64];
  if (order === 1) return grad(f)(at);
  if (order === 2) return hvp(f, at, along);
  return hvp((x: F64) => inner(along, grad(f)(x)), at, along);
}
