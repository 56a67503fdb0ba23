// Matrices made of vectors: Vandermonde's, Toeplitz', Hankel's, circulant ones. SciPy's and NumPy's conventions.
import { type Attr, flag, withoutOptions } from "../core/attrs";
import type { DType, Sym } from "../core/dtype";
import { defineOp } from "../core/op";
import { asTensor } from "../core/operands";
import { broadcast } from "../core/signature";
import type { Shape, Tensor } from "../core/tensor";
import { chosen, part } from "./arrange";
import { ones, zeros } from "./creation";
import { between } from "./domains";
import { conj, mul } from "./elementwise";
import { concat } from "./joining";
import { flip } from "./slices";
import { broadcastTo, expandDims, reshape } from "./structure";

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
const columns: Attr<number | undefined> = {
  fallback: undefined,
  expected: "an integer, 0 or more",
  parse: (v) => (Number.isSafeInteger(v) && (v as number) >= 0 && (v as number) < 2 ** 31 ? (v as number) : undefined),
};
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
