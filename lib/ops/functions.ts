// Square roots, logarithms, powers and signs of general matrices. Derivations: docs/derivations/functions.md
import { within } from "../core/apply";
import { int, real as number, oneOf } from "../core/attrs";
import type { Float, Sym } from "../core/dtype";
import { defineOp } from "../core/op";
import { native } from "../core/row";
import type { Tensor } from "../core/tensor";
import { ones, zeros } from "./creation";
import { between, halves, leading } from "./domains";
import { add, div, mul, sqrt } from "./elementwise";
import { expm } from "./exponential";
import { concat } from "./joining";
import { columnsOf, rowsOf } from "./parts";
import { matmul } from "./products";
import { scaleOf } from "./scales";
import { adjoint } from "./structure";

type T = Tensor<Sym<"T">>;
type R = Tensor<Sym<"real">>;

const NAMES = ["sqrtm", "logm", "fractionalMatrixPower", "signm", "matrixPower"] as const;
type Name = (typeof NAMES)[number];
interface Attrs {
  readonly f: Name;
  readonly p: number;
}
/** The kernels' own names. */
const kernelOf = (f: Name): string => (f === "fractionalMatrixPower" ? "fractionalPower" : f);
const encode = ({ f, p }: Attrs) => (f === "fractionalMatrixPower" || f === "matrixPower" ? [p] : []);

const failures = ["ERR_NO_CONVERGENCE", "ERR_NOT_FINITE", "ERR_SINGULAR", "ERR_ARGUMENT"] as const;
const hints = { noFunction: "the matrix is singular; of signm, it has an eigenvalue on the imaginary axis" };

/** [A B; 0 C] of stacks that broadcast. */
function blocks(a: T, b: T, c: T): T {
  const none = zeros(add(add(a, b), c).shape, { dtype: a.dtype }) as T;
  const wide = (x: T): T => add(x, none);
  return concat([concat([wide(a), wide(b)], { axis: -1 }), concat([none, wide(c)], { axis: -1 })], { axis: -2 }) as T;
}
/**
 * The derivative along D of what `along` is: the upper right corner of its value at [A E; 0 A] along [D 0; 0 D], as that of f (Higham 2008, eq. 3.16). E, which
 * it is linear in, is brought to the size of A.
 */
function twice(a: T, e: T, d: T, attrs: Attrs): T {
  const n = a.shape.at(-1) as number;
  const none = mul(0, ones(d.shape, { dtype: d.dtype })) as T;
  const [own, size] = [a, e].map((x) => scaleOf(x as Tensor as Tensor<Float>, [-2, -1]) as R | 1) as [R | 1, R | 1];
  const whole = along(blocks(a, mul(own, div(e, size)) as T, a), blocks(d, none, d), { ...attrs, ...within(attrs.f) }) as T;
  const half = own === 1 || size === 1 ? 1 : (div(sqrt(size), sqrt(own)) as R); // of the ratio, which may be beyond the largest number
  return mul(half, mul(half, columnsOf(rowsOf(whole, 0, n), n))) as T;
}

/**
 * The derivative of the function f at A along E. It is linear in E, and its adjoint is the derivative at Aᴴ, as f of a conjugate is the conjugate
 * of f (Higham 2008, section 3.2); that along G is the adjoint of the one at A along Gᴴ.
 */
const along = defineOp({
  name: "functionAlong",
  hidden: true,
  publicName: "sqrtm",
  inputs: ["a", "e"],
  outputs: ["x"],
  signature: "(n,n),(n,n)->(n,n)",
  attrs: { f: oneOf(NAMES, "sqrtm"), p: number(0.5) },
  domain: { a: leading },
  failures,
  hints,
  kernel: native((attrs) => `${kernelOf((attrs as unknown as Attrs).f)}Along`, encode),
  saves: ["a", "e"],
  // with G = X̄: Ē is the derivative at Aᴴ along G, Ā the second one at Aᴴ along Eᴴ and G, which are the adjoints of those at A along Gᴴ
  vjp: ({ a, e }, { x: g }, attrs) => ({
    a: (): T => adjoint(twice(a, e, adjoint(g), attrs)),
    e: (): T => adjoint(along(a, adjoint(g), { ...attrs, ...within(attrs.f) }) as T),
  }),
  jvp: ({ a, e }, { a: da, e: de }, attrs) => ({
    x: (): T | undefined => {
      const parts = [da && twice(a, e, da, attrs), de && (along(a, de, { ...attrs, ...within(attrs.f) }) as T)].filter(
        (x) => x !== undefined,
      );
      return parts.length > 0 ? parts.reduce((p, q) => add(p, q)) : undefined;
    },
  }),
});

/** The rules of the function f, from the matrix; the fused one from its Schur form, too. */
const rules = (f: Name) => ({
  aux: { l: "(n,n)", w: "(n,n)" },
  saves: ["a"] as const,
  vjp: ({ a }: { a: T }, { x: g }: { x: T }, attrs: { p?: number }) => ({ a: (): T => adjoint(derivative(f, a, adjoint(g), attrs)) }),
  jvp: ({ a }: { a: T }, { a: t }: { a?: T }, attrs: { p?: number }) => ({ x: t ? (): T => derivative(f, a, t, attrs) : undefined }),
  fused: native(`${kernelOf(f)}_vjp`),
});
const derivative = (f: Name, a: T, e: T, { p = 0.5 }: { p?: number }): T => along(a, e, { f, p, ...within(f) }) as T;

/**
 * The principal square root of square matrices, X X = A with eigenvalues of X in the right half-plane: (..., n, n) -> (..., n, n), by Schur's method
 * (Björck & Hammarling 1983). Derivatives of any order and mode, exact at equal eigenvalues and of defective matrices. A real matrix with a
 * negative eigenvalue has a complex root: ERR_ARGUMENT says to cast it. ERR_SINGULAR: a zero eigenvalue without a root, or of the derivative at a
 * singular matrix. ERR_NOT_FINITE names an item with a NaN or infinity. Of Hermitian matrices `sqrtmHermitian` costs less.
 */
export const sqrtm = defineOp({
  name: "sqrtm",
  tf: "MatrixSquareRoot",
  inputs: ["a"],
  outputs: ["x"],
  signature: "(n,n)->(n,n)",
  domain: { a: leading },
  law: ({ a }, { x }): [T, T][] => [[matmul(x, x), a]],
  failures,
  hints,
  kernel: native("sqrtm"),
  ...rules("sqrtm"),
});

/**
 * The principal logarithm of square matrices, e^X = A with eigenvalues of X between -πi and πi: (..., n, n) -> (..., n, n), by inverse scaling and
 * squaring (Al-Mohy & Higham 2012). Derivatives of any order and mode, exact at equal eigenvalues and of defective matrices. A real matrix with a negative
 * eigenvalue has a complex logarithm: ERR_ARGUMENT says to cast it. ERR_SINGULAR: an eigenvalue is zero. ERR_NOT_FINITE names an item with a NaN or infinity.
 * Of Hermitian matrices `logmHermitian` costs less.
 */
export const logm = defineOp({
  name: "logm",
  tf: "MatrixLogarithm",
  inputs: ["a"],
  outputs: ["x"],
  signature: "(n,n)->(n,n)",
  domain: { a: leading },
  law: ({ a }, { x }): [T, T][] => [[expm(x) as T, a]],
  failures,
  hints,
  kernel: native("logm"),
  ...rules("logm"),
});

const realPower = defineOp({
  name: "realPower",
  hidden: true,
  publicName: "fractionalMatrixPower",
  inputs: ["a"],
  outputs: ["x"],
  signature: "(n,n)->(n,n)",
  attrs: { p: number(0.5) },
  domain: { a: leading },
  law: ({ a }, { x }, { p }): [T, T][] => [[matmul(x, realPower(a, { p: 1 - p }) as T), a]],
  failures,
  hints,
  kernel: native("fractionalPower"),
  ...rules("fractionalMatrixPower"),
});

/** A to an integer power, by squaring: (..., n, n) -> (..., n, n). Of 0 the identity; negative powers are those of the inverse, ERR_SINGULAR where there is none. */
export const matrixPower = defineOp({
  name: "matrixPower",
  inputs: ["a"],
  outputs: ["y"],
  signature: "(n,n)->(n,n)",
  attrs: { n: int(1) },
  domain: { a: between(-0.5, 0.5) },
  kernel: native("matrixPower"), // of negative n it fails as inv does; NaN in other powers stays NaN, as in products
  saves: ["a"],
  vjp: ({ a }, { y: g }, { n }) => ({ a: (): T => adjoint(derivative("matrixPower", a, adjoint(g), { p: n })) }),
  jvp: ({ a }, { a: t }, { n }) => ({ y: t ? (): T => derivative("matrixPower", a, t, { p: n }) : undefined }),
});

/**
 * The principal power Aᵖ = e^(p log A) of square matrices, p any real number: (..., n, n) -> (..., n, n), by the Schur-Padé method (Higham & Lin
 * 2013); of a whole p as `matrixPower`. Derivatives and errors as `logm`.
 */
export const fractionalMatrixPower = defineOp({
  name: "fractionalMatrixPower",
  inputs: ["a"],
  outputs: ["x"],
  signature: "(n,n)->(n,n)",
  attrs: { p: number(0.5) },
  domain: { a: leading },
  failures,
  hints,
  kernel: ({ a }, { p }, pass): T =>
    (Number.isSafeInteger(p) ? matrixPower(a, { n: p, ...pass } as object) : realPower(a, { p, ...pass } as object)) as T,
});

/**
 * The sign of square matrices: its eigenvalues are 1 and -1 where A's real parts are positive and negative, X X = I and X A = A X. (..., n, n) ->
 * (..., n, n), from the Schur form (Higham 2008, algorithm 5.5). Derivatives of any order and mode, exact at equal eigenvalues. ERR_SINGULAR: an eigenvalue
 * on the imaginary axis. ERR_NOT_FINITE names an item with a NaN or infinity.
 */
export const signm = defineOp({
  name: "signm",
  inputs: ["a"],
  outputs: ["x"],
  signature: "(n,n)->(n,n)",
  domain: { a: halves },
  law: ({ a }, { x }): [T, T][] => [
    [matmul(matmul(x, x), a), a],
    [matmul(x, a), matmul(a, x)],
  ],
  failures: ["ERR_NO_CONVERGENCE", "ERR_NOT_FINITE", "ERR_SINGULAR"],
  hints,
  kernel: native("signm"),
  ...rules("signm"),
});
