// The Moore-Penrose inverse. Derivation: docs/derivations/svd.md
import { always, real as realNumber } from "../core/attrs";
import { epsOf, type Float, type Sym } from "../core/dtype";
import { defineOp } from "../core/op";
import type { Tensor } from "../core/tensor";
import { cast } from "./cast";
import { eye, zeros } from "./creation";
import { diag, diagEmbed, tril } from "./diagonals";
import { hermitian, indefinite, separated } from "./domains";
import { eigh, hermitianPart } from "./eigh";
import { add, greater, mul, neg, real, sub, where } from "./elementwise";
import { max } from "./extremes";
import { choosing } from "./forms";
import { lstsq } from "./lstsq";
import { abs } from "./magnitude";
import { matmul } from "./products";
import { adjoint, expandDims } from "./structure";
import { svd } from "./svd";
import { solveTriangular } from "./triangular";

type T = Tensor<Sym<"T">>;
type R = Tensor<Sym<"real">>;
const size = (t: Tensor, axis: -1 | -2): number => t.shape.at(axis) as number;
const product = (...factors: T[]): T => factors.reduceRight((right, left) => matmul(left, right));

/** W S⁺ Uᴴ: S⁻¹ of what is more than max(m, n) ε times the largest, by a solve, which names the items whose answer is beyond the largest number. */
function assembled(w: T, s: R, u: T, { m, n, pass }: { m: number; n: number; pass: object }): T {
  const sizes = abs(s) as R;
  const counts = greater(sizes, mul(Math.max(m, n) * epsOf(s.dtype), max(sizes, { axis: -1, keepDims: true })) as R);
  const diagonal = cast(diagEmbed(where(counts, s, 1) as R) as Tensor<Float>, u.dtype) as Tensor as T;
  const rows = adjoint(mul(u, expandDims(where(counts, 1, zeros(s.shape, { dtype: s.dtype })) as R, -2))) as T;
  return matmul(w, solveTriangular(diagonal, rows, pass as object) as T) as T;
}

const rcond = realNumber(-1);
const sizes = (n: number) => [
  { m: n + 2, n },
  { m: n, n: n + 1 },
];
const law = ({ a }: { readonly a: T }, { x }: { readonly x: T }): [T, T][] => [
  [product(a, x, a), a],
  [product(x, a, x), x],
];
/** With singular values up to rcond times the largest cut: the least squares solution of A X = I. */
function cut(a: T, rcond: number, pass: object): T {
  const one = add(eye(size(a, -2), { dtype: a.dtype }) as T, zeros([...a.shape.slice(0, -2), 1, 1], { dtype: a.dtype }) as T) as T;
  return lstsq(a, one, { method: "svd", rcond, ...pass } as object) as T;
}
const failures = ["ERR_NO_CONVERGENCE", "ERR_NOT_FINITE"] as const;

// dX = -X dA X + X Xᴴ dAᴴ (I - A X) + (I - X A) dAᴴ Xᴴ X, along which the rank stays (Golub & Pereyra 1973, theorem 4.3)
function cotangent(a: T, x: T, g: T): T {
  const [xh, gh] = [adjoint(x) as T, adjoint(g) as T];
  const [left, right] = [product(gh, x), product(x, gh)];
  const [ofRows, ofColumns] = [sub(left, product(a, x, left)) as T, sub(right, product(right, x, a)) as T];
  return add(neg(product(xh, g, xh)), add(product(ofRows, xh), product(xh, ofColumns))) as T;
}

/** Of the singular values beyond rounding. */
const pseudoinverse = defineOp({
  name: "pseudoinverse",
  hidden: true,
  publicName: "pinv",
  inputs: ["a"],
  outputs: ["x"],
  signature: "(m,n)->(n,m)",
  sizes,
  domain: { a: separated },
  failures,
  kernel: ({ a }, _attrs, pass): T => {
    const [m, n] = [size(a, -2), size(a, -1)];
    if (Math.min(m, n) === 0) return zeros([...a.shape.slice(0, -2), n, m], { dtype: a.dtype }) as T;
    const { u, s, vh } = svd(a, pass as object) as { u: T; s: R; vh: T };
    return assembled(adjoint(vh) as T, s, u, { m, n, pass });
  },
  saves: ["a", "x"],
  vjp: ({ a, x }, { x: g }) => ({ a: () => cotangent(a, x, g as T) }),
});

/** Of the eigenvalues beyond rounding of the Hermitian matrix that the lower triangle of a stands for. */
const ofHermitian = defineOp({
  name: "pinvHermitian",
  hidden: true,
  publicName: "pinv",
  inputs: ["a"],
  outputs: ["x"],
  signature: "(n,n)->(n,n)",
  attrs: { rcond, hermitian: always(true) },
  domain: { a: indefinite },
  law,
  failures,
  kernel: ({ a }, { rcond }, pass): T => {
    const whole = mirrored(a, pass as object) as T;
    return (rcond < 0 ? byEigenvalues(whole, pass as object) : cut(whole, rcond, pass)) as T;
  },
});
const byEigenvalues = defineOp({
  name: "eigenPseudoinverse",
  hidden: true,
  publicName: "pinv",
  inputs: ["a"],
  outputs: ["x"],
  signature: "(n,n)->(n,n)",
  domain: { a: indefinite },
  failures,
  kernel: ({ a }, _attrs, pass): T => {
    const n = size(a, -1);
    if (n === 0) return a;
    const { w, v } = eigh(a, pass as object) as { w: R; v: T };
    return assembled(v, w, v, { m: n, n, pass });
  },
  saves: ["a", "x"],
  vjp: ({ a, x }, { x: g }) => ({ a: () => hermitianPart(cotangent(a, x, g as T)) }),
});

/** The Hermitian matrix whose lower triangle is that of a; its cotangent is Hermitian. */
const mirrored = defineOp({
  name: "mirrored",
  hidden: true,
  publicName: "pinv",
  inputs: ["a"],
  outputs: ["y"],
  signature: "(n,n)->(n,n)",
  domain: { a: hermitian },
  failures: [],
  kernel: ({ a }): T => {
    const below = tril(a, { k: -1 });
    return add(add(below, adjoint(below)), diagEmbed(real(diag(a))) as Tensor as T) as T;
  },
  saves: [],
  vjp: (_saved, { y: g }) => ({ a: (): T => hermitianPart(g as T) }),
});

const ofAny = defineOp({
  name: "pinv",
  inputs: ["a"],
  outputs: ["x"],
  signature: "(m,n)->(n,m)",
  attrs: { rcond, hermitian: always(false) },
  sizes,
  domain: { a: separated },
  law,
  failures,
  kernel: ({ a }, { rcond }, pass): T => (rcond < 0 ? pseudoinverse(a, pass as object) : cut(a, rcond, pass)) as T,
});

/**
 * The Moore-Penrose inverse of matrices of any shape and rank: (..., m, n) -> (..., n, m). Singular values up to `rcond` times the largest, by default
 * max(m, n) ε times it, are zero. `hermitian`: of the Hermitian matrix whose lower triangle is given, by its eigenvalues. Gradients are those along which
 * the rank stays what it is (Golub & Pereyra 1973); with a larger rcond they exist to the second order, but where a singular value lies at the cut:
 * ERR_DEGENERATE. ERR_NOT_FINITE names the item with a NaN or infinity, or with an answer beyond the largest number.
 */
export const pinv = choosing<typeof ofAny>(ofAny.row, (args) => ({
  op: (args[1] as { hermitian?: unknown } | undefined)?.hermitian === true ? ofHermitian : ofAny,
  args,
}));
