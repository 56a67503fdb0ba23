// Matrices made of vectors: Vandermonde's, Toeplitz', Hankel's, circulant ones. SciPy's and NumPy's conventions.
import { type Attr, flag, natural, withoutOptions } from "../core/attrs";
import type { DType, Fits, Sym } from "../core/dtype";
import { ArgumentError } from "../core/errors";
import { once } from "../core/levels";
import { type AsyncOptions, type CallOptions, type Checked, defineOp } from "../core/op";
import { asTensor } from "../core/operands";
import { type AnyRow, native } from "../core/row";
import { broadcast } from "../core/signature";
import type { DTypeOf, Promote, Shape, Tensor } from "../core/tensor";
import { chosen, part } from "./arrange";
import { ones, zeros } from "./creation";
import { between, dominated } from "./domains";
import { conj, mul, neg } from "./elementwise";
import { type Forms, inForms } from "./forms";
import { concat } from "./joining";
import { solve } from "./lu";
import { matmul } from "./products";
import { sum } from "./reductions";
import { flip } from "./slices";
import { broadcastTo, expandDims, padTo, reshape } from "./structure";
import { withVectors } from "./vectors";

type Any = Tensor<Sym<"any">>;
type T = Tensor<Sym<"T">>;

const last = (x: Tensor): number => x.shape.at(-1) as number;
/** All but the first. */
const rest = (x: Any): Any => part(x as Tensor, x.rank - 1, Math.min(1, last(x)), Math.max(0, last(x) - 1)) as Tensor as Any;
/** Two vectors, one behind the other, of the batch of both. */
function joined(p: Any, q: Any): Any {
  const batch = broadcast([p.shape.slice(0, -1), q.shape.slice(0, -1)]) as Shape;
  const wide = (x: Any): Any => broadcastTo(x as Tensor, [...batch, last(x)]) as Tensor as Any;
  return concat([wide(p), wide(q)] as Tensor[], { axis: -1 }) as Tensor as Any;
}
/** The matrix of w[place(i, j)]. */
function laidOut(w: Any, rows: number, columns: number, place: (i: number, j: number) => number): Any {
  const places = Int32Array.from({ length: rows * columns }, (_, k) => place(Math.floor(k / columns), k % columns));
  return reshape(chosen(w as Tensor, w.rank - 1, places), [...w.shape.slice(0, -1), rows, columns]) as Tensor as Any;
}

const toeplitzOp = defineOp({
  name: "toeplitz",
  inputs: ["c", "r"],
  outputs: ["y"],
  signature: "(m),(n)->(m,n)",
  types: "any",
  sizes: (n: number) => [{ m: n + 2, n }],
  kernel: ({ c, r }) =>
    laidOut(joined(flip(c as Tensor, { axis: -1 }) as Tensor as Any, rest(r)), last(c), last(r), (i, j) => last(c) - 1 - i + j),
});
/**
 * Toeplitz matrices of their first columns c and first rows r, whose first element is not read: y_ij = c_(i-j), or r_(j-i) above the diagonal. (..., m), (..., n) ->
 * (..., m, n). r is the conjugate of c where it is not given. SciPy's toeplitz.
 */
export const toeplitz = withoutOptions("toeplitz", 2, <D extends DType>(c: Tensor<D>, r?: Tensor<D>): Tensor<D> => {
  const column = asTensor("toeplitz", "c", c);
  return toeplitzOp(column as never, (r === undefined ? conj(column) : r) as never) as Tensor as Tensor<D>;
});

const hankelOp = defineOp({
  name: "hankel",
  inputs: ["c", "r"],
  outputs: ["y"],
  signature: "(m),(n)->(m,n)",
  types: "any",
  sizes: (n: number) => [{ m: n + 2, n }],
  kernel: ({ c, r }) => laidOut(joined(c, rest(r)), last(c), last(r), (i, j) => i + j),
});
/**
 * Hankel matrices of their first columns c and last rows r, whose first element is not read: y_ij = (c, r_1, r_2, ...)_(i+j). (..., m), (..., n) ->
 * (..., m, n). r is as many zeros as c has elements where it is not given. SciPy's hankel.
 */
export const hankel = withoutOptions("hankel", 2, <D extends DType>(c: Tensor<D>, r?: Tensor<D>): Tensor<D> => {
  const column = asTensor("hankel", "c", c);
  return hankelOp(column as never, (r === undefined ? zeros(column.shape, { dtype: column.dtype }) : r) as never) as Tensor as Tensor<D>;
});

/** Circulant matrices of their first columns: (..., n) -> (..., n, n), y_ij = c_(i-j mod n). SciPy's circulant. */
export const circulant = defineOp({
  name: "circulant",
  inputs: ["c"],
  outputs: ["y"],
  signature: "(n)->(n,n)",
  types: "any",
  kernel: ({ c }): Any => laidOut(c, last(c), last(c), (i, j) => (i - j + last(c)) % last(c)),
});

/** How many columns there are to be; by itself as many as rows. */
const columns: Attr<number | undefined> = { ...natural(0), fallback: undefined };
/**
 * Vandermonde's matrices, the powers of x from n - 1 down to 0, or up with `increasing`: (..., m) -> (..., m, n), n = m where it is not given. NumPy's
 * vander; PyTorch's goes up. By products, so that derivatives are right at 0, too.
 */
export const vander = defineOp({
  name: "vander",
  inputs: ["x"],
  outputs: ["y"],
  signature: ({ n }) => `(m)->(m,${n ?? "m"})`,
  types: "number",
  attrs: { n: columns, increasing: flag(false) },
  domain: { x: between(-0.35, 0.35) },
  kernel: ({ x }, { n = last(x), increasing }): T => {
    const column = expandDims(x as Tensor, -1);
    let powers: Tensor = part(ones(column.shape, { dtype: x.dtype as DType }) as Tensor, x.rank, 0, Math.min(1, n));
    let base = column; // x^k, k the number of powers that there are
    for (let k = 1; k < n; k *= 2, base = mul(base as never, base as never) as Tensor)
      powers = concat([powers, part(mul(powers as never, base as never) as Tensor, x.rank, 0, Math.min(k, n - k))], { axis: -1 });
    return (increasing ? powers : flip(powers, { axis: -1 })) as Tensor as T;
  },
});

/** Σ_k p_ik conj(q_jk) over i - j = d, from d = 1 - n up to n - 1; n > 0. */
function diagonalSums(p: T, q: T): T {
  const [n, k] = [q.shape.at(-2) as number, last(q)];
  const none = q.shape.slice(0, -2).map(() => 0);
  // Rows of 2 n, q from below and zeros, read again as rows of 2 n - 1: what stands below each other is on one diagonal.
  const wide = padTo(flip(q, { axis: -2 }) as T, [...none, 0, 0], [...q.shape.slice(0, -2), 2 * n, k]) as T;
  const product = matmul(p, wide, { adjointB: true }) as T;
  const batch = product.shape.slice(0, -2);
  const skewed = part(reshape(product, [...batch, 2 * n * n]) as T, batch.length, 0, n * (2 * n - 1));
  return sum(reshape(skewed as T, [...batch, n, 2 * n - 1]), { axis: -2 }) as T;
}
const firstOf = (x: T): T => part(x, x.rank - 1, 0, Math.min(1, last(x))) as T;

/** What both ways to solve T X = B have. */
const systems = {
  inputs: ["c", "r", "b"],
  outputs: ["x"],
  domain: { c: dominated, r: dominated },
  law: ({ c, r, b }: Record<"c" | "r" | "b", T>, { x }: Record<"x", T>): [T, T][] => [
    [matmul(toeplitzOp(c as never, r as never) as Tensor as T, x), b],
  ],
  failures: ["ERR_SINGULAR", "ERR_NOT_FINITE"],
} as const;

/** T X = B in so many steps as T has elements; what `solveToeplitz` takes for matrices of some size. */
const levinson = defineOp({
  name: "levinson",
  publicName: "solveToeplitz",
  hidden: true,
  ...systems,
  signature: "(n),(n),(n,k)->(n,k)",
  kernel: native("levinson"),
  saves: ["c", "r", "x"],
  // B̄ = T⁻ᴴ X̄, T̄ = -B̄ Xᴴ, whose diagonals are summed; Tᴴ is of the column (c_0, r_1, ...) and the row c, both conjugate
  vjp: ({ c, r, x }, { x: g }) => {
    const back = once((): T => levinson(conj(joined(firstOf(c) as never, rest(r as never)) as never) as T, conj(c), g) as T);
    const sums = once((): T => neg(diagonalSums(back(), x)));
    const n = last(c);
    const below = (): T => part(sums(), sums().rank - 1, n - 1, n) as T;
    const above = (): T => {
      const batch = sums().shape.slice(0, -1);
      const rows = flip(part(sums(), batch.length, 0, n - 1), { axis: -1 }) as T;
      return padTo(rows, [...batch.map(() => 0), 1], [...batch, n]) as T;
    };
    return { c: () => (n === 0 ? c : below()), r: () => (n === 0 ? r : above()), b: back };
  },
  fused: native("levinson_vjp"),
});
/** So many rows; batches of whole matrices of fewer are faster in lanes. */
const LEVINSON_FROM = 17;

const solveOp = defineOp({
  name: "solveToeplitz",
  ...systems,
  signature: "(m),(m),(m,k)->(m,k)",
  kernel: ({ c, r, b }, _attrs, pass): T =>
    (last(c) >= LEVINSON_FROM
      ? levinson(c, r, b, pass as object)
      : solve(toeplitzOp(c as never, r as never) as Tensor as T, b, pass as object)) as T,
});
/** First columns, or these and first rows. */
export type ToeplitzParts<A extends Tensor> = A | readonly [c: A, r: A];
export interface SolveToeplitz {
  <A extends Tensor, B extends Tensor>(
    c: ToeplitzParts<A>,
    b: B & Fits<DTypeOf<A>, DTypeOf<B>>,
    options?: CallOptions,
  ): Tensor<Promote<A, B>>;
  async<A extends Tensor, B extends Tensor>(
    c: ToeplitzParts<A>,
    b: B & Fits<DTypeOf<A>, DTypeOf<B>>,
    options?: AsyncOptions,
  ): Promise<Tensor<Promote<A, B>>>;
  checked<A extends Tensor, B extends Tensor>(c: ToeplitzParts<A>, b: B & Fits<DTypeOf<A>, DTypeOf<B>>): Checked<Tensor<Promote<A, B>>>;
  readonly row: AnyRow;
}
/**
 * X with T X = B of Toeplitz matrices, of their first columns c or of [c, r] with their first rows, as for `toeplitz`: (..., m), (..., m, k) -> (..., m, k); a 1-D b is one
 * vector. SciPy's solve_toeplitz: by Levinson's recursion in n² steps for matrices of more than 16 rows, and by LU of the matrix for smaller ones and where the recursion would lose digits, so that it is as
 * accurate as `solve` always. Errors as `solve`.
 */
export const solveToeplitz = inForms<SolveToeplitz & Forms>(withVectors(solveOp, () => false, -1) as Forms, ([parts, ...rest]) => {
  if (Array.isArray(parts) && parts.length !== 2)
    throw new ArgumentError("solveToeplitz", `c must be a tensor, or an array of two, [c, r], got an array of ${parts.length}.`);
  const [c, r] = Array.isArray(parts) ? parts : [parts, undefined];
  const column = asTensor("solveToeplitz", "c", c);
  return { args: [column, r ?? conj(column), ...rest], back: (x) => x };
}) as SolveToeplitz;
