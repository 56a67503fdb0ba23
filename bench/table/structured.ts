// Eager ops: factors and their products beside the usual ones, and matrices with a structure.
import { type Backsolve, off, type Row, type T } from "./row";

const row = (parts: Omit<Row, "kind">): Row => ({ kind: "further", ...parts });
const adjointA = { adjointA: true } as const;
const adjointB = { adjointB: true } as const;
const size = (t: unknown, axis: number): number => (t as T).shape.at(axis) as number;
const squares = (b: Backsolve, x: T): T => b.mul(x, x) as T;
/** Rows and columns of the identity. */
const identity = (b: Backsolve, like: T, rows: number, columns: number): T =>
  b.slice(b.eye(Math.max(rows, columns), { dtype: like.dtype }), [0, 0], [rows, columns]) as T;

const factors: readonly Row[] = [
  row({
    op: "qrPivoted",
    inputs: [["normal", "2n,n"]],
    outputs: ["2n,n", "n,n"],
    call: (b, a) => {
      const { q, r } = b.linalg.qrPivoted(a as T);
      return [q, r] as T[];
    },
    // squares of the elements, whatever the order of columns
    residual: (b, [a], [q, r]) => off(b, b.sum(squares(b, b.matmul(q as T, r as T) as T)), b.sum(squares(b, a as T))),
    signs: true,
  }),
  row({
    op: "householderProduct",
    inputs: [
      ["small", "2n,n"],
      ["positive", "n"],
    ],
    outputs: ["2n,n"],
    call: (b, a, tau) => [b.linalg.householderProduct(a as T, tau as T) as T],
    // I - V T Vᵀ, T = (I + D S)⁻¹ D, D = diag(tau), S the strict upper triangle of Vᵀ V
    residual: (b, [a, tau], [q]) => {
      const [m, n] = [size(a, -2), size(a, -1)];
      const one = identity(b, a as T, m, n);
      const v = b.add(b.tril(a as T, { k: -1 }), one) as T;
      const s = b.mul(b.expandDims(tau as T, -1), b.triu(b.matmul(v, v, adjointA) as T, { k: 1 })) as T;
      const t = b.linalg.solveTriangular(s, b.diagEmbed(tau as T) as T, { lower: false, unitDiagonal: true }) as T;
      const top = b.matmul(identity(b, a as T, n, m), v) as T;
      return off(b, b.sub(one, b.matmul(b.matmul(v, t), top, adjointB)) as T, q as T);
    },
  }),
  row({
    op: "ldlSolve",
    inputs: [
      ["symmetric", "n,n"],
      ["normal", "n,1"],
    ],
    outputs: ["n,1"],
    call: (b, a, c) => {
      const { l, d, pivots } = b.linalg.ldlFactor(a as T);
      return [b.linalg.ldlSolve(l, d, pivots, c as T) as T];
    },
    residual: (b, [a, c], [x]) => off(b, b.matmul(a as T, x as T) as T, c as T),
  }),
  row({
    op: "choleskyUpdate", // peers, which have none, factor again
    inputs: [
      ["lower", "n,n"],
      ["normal", "n,1"],
    ],
    outputs: ["n,n"],
    call: (b, l, x) => [b.linalg.choleskyUpdate(l as T, x as T) as T],
    residual: (b, [l, x], [y]) => {
      const sum = b.add(b.matmul(l as T, l as T, adjointB), b.matmul(x as T, x as T, adjointB)) as T;
      return off(b, b.matmul(y as T, y as T, adjointB) as T, sum);
    },
  }),
];

const tridiagonal = [
  ["normal", "n"],
  ["dominant", "n"],
  ["normal", "n"],
] as const;
const banded: readonly Row[] = [
  row({
    op: "tridiagonalSolve",
    inputs: [...tridiagonal, ["normal", "n,1"]],
    outputs: ["n,1"],
    elements: (n) => 4 * n,
    call: (b, dl, d, du, c) => [b.linalg.tridiagonalSolve(dl as T, d as T, du as T, c as T) as T],
    residual: (b, [dl, d, du, c], [x]) => off(b, b.linalg.tridiagonalMatmul(dl as T, d as T, du as T, x as T) as T, c as T),
  }),
  row({
    op: "tridiagonalMatmul",
    inputs: [...tridiagonal, ["normal", "n,n"]],
    outputs: ["n,n"],
    call: (b, dl, d, du, c) => [b.linalg.tridiagonalMatmul(dl as T, d as T, du as T, c as T) as T],
    residual: (b, [dl, d, du, c], [y]) => off(b, b.linalg.solve(dense(b, dl as T, d as T, du as T), y as T) as T, c as T),
  }),
  row({
    op: "solveBanded", // two diagonals on either side
    inputs: [
      ["banded", "5,n"],
      ["normal", "n,1"],
    ],
    outputs: ["n,1"],
    elements: (n) => 6 * n,
    call: (b, ab, c) => [b.linalg.solveBanded(ab as T, c as T, { lower: 2, upper: 2 }) as T],
    residual: (b, [ab, c], [x]) => off(b, b.matmul(whole(b, ab as T, 2), x as T) as T, c as T),
  }),
  row({
    op: "choleskyBanded", // two diagonals above, as SciPy stores them
    inputs: [["bandedUpper", "3,n"]],
    outputs: ["3,n"],
    elements: (n) => 3 * n,
    call: (b, ab) => [b.linalg.choleskyBanded(ab as T)],
    residual: (b, [ab], [c]) => {
      const u = whole(b, c as T, 2);
      return off(b, b.triu(b.matmul(u, u, adjointA) as T) as T, whole(b, ab as T, 2));
    },
  }),
  row({
    op: "bandedSolveTriangular",
    inputs: [
      ["bandedUpper", "3,n"],
      ["normal", "n,1"],
    ],
    outputs: ["n,1"],
    elements: (n) => 4 * n,
    call: (b, ab, c) => [b.linalg.bandedSolveTriangular(ab as T, c as T, { lower: false }) as T],
    residual: (b, [ab, c], [x]) => off(b, b.matmul(whole(b, ab as T, 2), x as T) as T, c as T),
  }),
  row({
    op: "solveToeplitz",
    inputs: [
      ["toeplitz", "n"],
      ["toeplitz", "n"],
      ["normal", "n,1"],
    ],
    outputs: ["n,1"],
    elements: (n) => 3 * n,
    call: (b, c, r, x) => [b.linalg.solveToeplitz([c as T, r as T], x as T) as T],
    residual: (b, [c, r, x], [y]) => off(b, b.matmul(b.linalg.toeplitz(c as T, r as T), y as T) as T, x as T),
  }),
];

/** Ones where a column of the matrix with this diagonal has an element of it. */
const within = (b: Backsolve, n: number, shift: number, dtype: T["dtype"]): T =>
  b.cast(b.tensor(Float64Array.from({ length: n }, (_, j) => Number(j + shift >= 0 && j + shift < n))), dtype) as T;
/** The matrix that is stored by diagonals, `upper` of them above its own: each stands at its columns. */
function whole(b: Backsolve, ab: T, upper: number): T {
  const [r, n] = [size(ab, -2), size(ab, -1)];
  const one = b.eye(n, { dtype: ab.dtype }) as T;
  const parts = Array.from({ length: r }, (_, p) => {
    const row = b.slice(ab, [...ab.shape.slice(0, -2).map(() => 0), p, 0], [...ab.shape.slice(0, -2), 1, n]) as T;
    return b.mul(b.mul(row, within(b, n, p - upper, ab.dtype)), b.roll(one, p - upper, { axis: -2 })) as T;
  });
  return parts.reduce((p, q) => b.add(p, q) as T);
}
/** The tridiagonal matrix of three vectors. */
function dense(b: Backsolve, dl: T, d: T, du: T): T {
  const at = (x: T, shift: number): T => b.roll(x, -shift, { axis: -1 }) as T; // from rows to columns
  return whole(b, b.stack([at(du, -1), d, at(dl, 1)], { axis: -2 }) as T, 1);
}

export const structured: readonly Row[] = [...factors, ...banded];
