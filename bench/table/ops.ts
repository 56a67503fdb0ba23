// Eager ops. One row is one op over the whole grid of sizes, batches, dtypes, directions and threads.
import { off, type Row, type T } from "./row";

const cube = (factor: number) => (n: number) => factor * n ** 3;

export const ops: readonly Row[] = [
  {
    op: "cholesky",
    kind: "matrix",
    inputs: [["spd", "n,n"]],
    outputs: ["n,n"],
    call: (b, a) => [b.linalg.cholesky(a as T)],
    flops: [cube(1 / 3), cube(1)],
    residual: (b, [a], [l]) => off(b, b.matmul(l as T, l as T, { adjointB: true }) as T, a as T),
  },
  {
    op: "solveTriangular",
    kind: "matrix",
    inputs: [
      ["lower", "n,n"],
      ["normal", "n,n"],
    ],
    outputs: ["n,n"],
    call: (b, a, c) => [b.linalg.solveTriangular(a as T, c as T) as T],
    flops: [cube(1), cube(3)],
    residual: (b, [a, c], [x]) => off(b, b.matmul(a as T, x as T) as T, c as T),
  },
  {
    op: "solve",
    kind: "matrix",
    inputs: [
      ["general", "n,n"],
      ["normal", "n,n"],
    ],
    outputs: ["n,n"],
    call: (b, a, c) => [b.linalg.solve(a as T, c as T) as T],
    flops: [cube(8 / 3), cube(8 / 3 + 4)],
    residual: (b, [a, c], [x]) => off(b, b.matmul(a as T, x as T) as T, c as T),
  },
  {
    op: "solve1",
    kind: "matrix",
    inputs: [
      ["general", "n,n"],
      ["normal", "n,1"],
    ],
    outputs: ["n,1"],
    call: (b, a, c) => [b.linalg.solve(a as T, c as T) as T],
    flops: [(n) => (2 / 3) * n ** 3 + 2 * n ** 2, (n) => (2 / 3) * n ** 3 + 6 * n ** 2],
    residual: (b, [a, c], [x]) => off(b, b.matmul(a as T, x as T) as T, c as T),
  },
  {
    op: "inv",
    kind: "matrix",
    inputs: [["general", "n,n"]],
    outputs: ["n,n"],
    call: (b, a) => [b.linalg.inv(a as T)],
    flops: [cube(2), cube(6)],
    residual: (b, [a], [x]) =>
      b.max(b.abs(b.sub(b.matmul(a as T, x as T) as T, b.eye(a?.shape.at(-1) as number, { dtype: (a as T).dtype }) as T))),
  },
  {
    op: "det",
    kind: "matrix",
    inputs: [["general", "n,n"]],
    outputs: [""],
    call: (b, a) => [b.linalg.det(a as T)],
    flops: [cube(2 / 3), cube(2)],
    residual: (b, [a], [d]) => {
      const { sign, logabsdet } = b.linalg.slogdet(a as T);
      return off(b, b.mul(sign, b.exp(logabsdet)) as T, d as T);
    },
  },
  {
    op: "lstsq", // of 2n x n by Householder: 2mn² - 2n³/3 = 10n³/3, backward two triangular solves and products
    kind: "matrix",
    inputs: [
      ["uniform", "2n,n"],
      ["normal", "2n,1"],
    ],
    outputs: ["n,1"],
    call: (b, a, c) => [b.linalg.lstsq(a as T, c as T) as T],
    flops: [cube(10 / 3), (n) => (10 / 3) * n ** 3 + 20 * n ** 2],
    // normal equations: Aᵀ(Ax - b) = 0
    residual: (b, [a, c], [x]) => {
      const at = { adjointA: true } as const;
      return off(b, b.matmul(a as T, b.matmul(a as T, x as T) as T, at) as T, b.matmul(a as T, c as T, at) as T);
    },
  },
  {
    op: "eigh",
    kind: "matrix",
    inputs: [["symmetric", "n,n"]],
    outputs: ["n", "n,n"],
    call: (b, a) => {
      const { w, v } = b.linalg.eigh(a as T);
      return [w, v];
    },
    flops: [cube(9), cube(14)],
    residual: (b, [a], [w, v]) => off(b, b.matmul(a as T, v as T) as T, b.mul(v as T, b.expandDims(w as T, -2)) as T),
    signs: true,
  },
  {
    op: "eigvalsh",
    kind: "matrix",
    inputs: [["symmetric", "n,n"]],
    outputs: ["n"],
    call: (b, a) => [b.linalg.eigvalsh(a as T)],
    flops: [cube(4 / 3), cube(10)],
    residual: (b, [a], [w]) => off(b, b.linalg.eigh(a as T).w as T, w as T),
  },
  {
    op: "qr", // of 2n x n, Q formed: twice 2mn² - 2n³/3; backward three products, one of them of a triangle, and a triangular solve
    kind: "matrix",
    inputs: [["normal", "2n,n"]],
    outputs: ["2n,n", "n,n"],
    call: (b, a) => {
      const { q, r } = b.linalg.qr(a as T);
      return [q, r];
    },
    flops: [cube(20 / 3), cube(20 / 3 + 11)],
    residual: (b, [a], [q, r]) => off(b, b.matmul(q as T, r as T) as T, a as T),
    signs: true,
  },
  {
    op: "svd",
    kind: "matrix",
    inputs: [["normal", "n,n"]],
    outputs: ["n", "n,n", "n,n"],
    call: (b, a) => {
      const { s, u, vh } = b.linalg.svd(a as T);
      return [s, u, vh];
    },
    flops: [cube(21), cube(31)],
    residual: (b, [a], [s, u, vh]) => off(b, b.matmul(b.mul(u as T, b.expandDims(s as T, -2)) as T, vh as T) as T, a as T),
    signs: true,
  },
  {
    op: "svdvals",
    kind: "matrix",
    inputs: [["normal", "n,n"]],
    outputs: ["n"],
    call: (b, a) => [b.linalg.svdvals(a as T)],
    flops: [cube(8 / 3), cube(23)],
    residual: (b, [a], [s]) => off(b, b.linalg.svd(a as T).s as T, s as T),
  },
  {
    op: "expm", // of degree 13 without squarings: six products and a solve
    kind: "matrix",
    inputs: [["small", "n,n"]],
    outputs: ["n,n"],
    call: (b, a) => [b.linalg.expm(a as T)],
    flops: [cube(12 + 8 / 3), cube(3 * (12 + 8 / 3))],
    residual: (b, [a], [y]) => off(b, b.linalg.inv(b.linalg.expm(b.neg(a as T) as T) as T), y as T),
  },
  {
    op: "matmul",
    kind: "matrix",
    inputs: [
      ["normal", "n,n"],
      ["normal", "n,n"],
    ],
    outputs: ["n,n"],
    call: (b, x, y) => [b.matmul(x as T, y as T) as T],
    flops: [cube(2), cube(6)],
    // (XY)1 = X(Y1)
    residual: (b, [x, y], [p]) => {
      const rows = { axis: -1, keepDims: true } as const;
      return off(b, b.matmul(x as T, b.sum(y as T, rows)) as T, b.sum(p as T, rows));
    },
  },
  {
    op: "exp",
    kind: "elements",
    inputs: [["uniform", "n,n"]],
    outputs: ["n,n"],
    call: (b, x) => [b.exp(x as T)],
    residual: (b, [x], [y]) => off(b, b.log(y as T), x as T),
  },
  {
    op: "add",
    kind: "elements",
    inputs: [
      ["normal", "n,n"],
      ["normal", "n,n"],
    ],
    outputs: ["n,n"],
    call: (b, x, y) => [b.add(x as T, y as T) as T],
    residual: (b, [x, y], [z]) => off(b, b.sub(z as T, y as T) as T, x as T),
  },
  {
    op: "sum", // of rows
    kind: "elements",
    inputs: [["normal", "n,n"]],
    outputs: ["n"],
    call: (b, x) => [b.sum(x as T, { axis: -1 })],
    residual: (b, [x], [s]) => {
      const one = b.ones([(x as T).shape.at(-1) as number, 1], { dtype: (x as T).dtype }) as T;
      return off(b, b.matmul(x as T, one) as T, b.expandDims(s as T, -1) as T);
    },
  },
];
