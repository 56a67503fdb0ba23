// Eager ops: spectra of general matrices and of pairs, functions of matrices, matrix equations.
import { type Backsolve, off, type Row, type T } from "./row";

const adjointA = { adjointA: true } as const;
const adjointB = { adjointB: true } as const;

type Parts = Pick<Row, "op" | "inputs" | "outputs" | "call" | "residual"> & Partial<Row>;
const row = (parts: Parts): Row => ({ kind: "further", ...parts });
/** Of one matrix. */
const square = (op: string, kind: Row["inputs"][number][0], call: (b: Backsolve, a: T) => T, rest: Partial<Row>): Row =>
  row({ op, inputs: [[kind, "n,n"]], outputs: ["n,n"], call: (b, a) => [call(b, a as T)], ...rest });
const forward = { ways: ["forward"] } as const;

const spectra: readonly Row[] = [
  row({
    op: "eig",
    ...forward, // a loss is of no use that depends on the phases of vectors
    inputs: [["general", "n,n"]],
    outputs: ["n", "n,n"],
    call: (b, a) => {
      const { w, v } = b.linalg.eig(a as T);
      return [w, v] as unknown as T[];
    },
    residual: (b, [a], [w, v]) => off(b, b.matmul(b.toComplex(a as T) as never, v as T) as T, b.mul(v as T, b.expandDims(w as T, -2)) as T),
  }),
  row({
    op: "eigvals",
    inputs: [["general", "n,n"]],
    outputs: ["n", "n"],
    call: (b, a) => {
      const w = b.linalg.eigvals(a as T);
      return [b.real(w), b.imag(w)] as T[];
    },
    residual: (b, [a], [re]) => off(b, b.sum(re as T, { axis: -1 }), b.trace(a as T) as T),
    signs: true, // in any order
  }),
  row({
    op: "schur",
    ...forward,
    inputs: [["general", "n,n"]],
    outputs: ["n,n", "n,n"],
    call: (b, a) => {
      const { t, z } = b.linalg.schur(a as T);
      return [t, z] as T[];
    },
    residual: (b, [a], [t, z]) => off(b, b.matmul(b.matmul(z as T, t as T), z as T, adjointB) as T, a as T),
  }),
  row({
    op: "hessenberg",
    ...forward,
    inputs: [["general", "n,n"]],
    outputs: ["n,n", "n,n"],
    call: (b, a) => {
      const { h, q } = b.linalg.hessenberg(a as T);
      return [h, q] as T[];
    },
    residual: (b, [a], [h, q]) => off(b, b.matmul(b.matmul(q as T, h as T), q as T, adjointB) as T, a as T),
  }),
  row({
    op: "eighPair",
    inputs: [
      ["symmetric", "n,n"],
      ["spd", "n,n"],
    ],
    outputs: ["n", "n,n"],
    call: (b, a, c) => {
      const { w, v } = b.linalg.eigh(a as T, c as T);
      return [w, v] as T[];
    },
    residual: (b, [a, c], [w, v]) => {
      const scaled = b.mul(v as T, b.expandDims(w as T, -2)) as T;
      return off(b, b.matmul(a as T, v as T) as T, b.matmul(c as T, scaled) as T);
    },
    signs: true,
  }),
  row({
    op: "eighTridiagonal",
    ...forward,
    inputs: [
      ["normal", "n"],
      ["positive", "n-1"],
    ],
    outputs: ["n", "n,n"],
    elements: (n) => 2 * n,
    call: (b, d, e) => {
      const { w, v } = b.linalg.eighTridiagonal(d as T, e as T);
      return [w, v] as T[];
    },
    residual: (b, [d], [w]) => off(b, b.sum(w as T, { axis: -1 }), b.sum(d as T, { axis: -1 })),
  }),
  row({
    op: "eigvalshTridiagonal",
    ...forward, // nobody else has a gradient
    inputs: [
      ["normal", "n"],
      ["positive", "n-1"],
    ],
    outputs: ["n"],
    elements: (n) => 2 * n,
    call: (b, d, e) => [b.linalg.eigvalshTridiagonal(d as T, e as T) as T],
    residual: (b, [d], [w]) => off(b, b.sum(w as T, { axis: -1 }), b.sum(d as T, { axis: -1 })),
  }),
];

const functions: readonly Row[] = [
  square("sqrtm", "general", (b, a) => b.linalg.sqrtm(a) as T, {
    residual: (b, [a], [y]) => off(b, b.matmul(y as T, y as T) as T, a as T),
  }),
  square("logm", "general", (b, a) => b.linalg.logm(a) as T, {
    residual: (b, [a], [y]) => off(b, b.linalg.expm(y as T) as T, a as T),
  }),
  square("fractionalMatrixPower", "general", (b, a) => b.linalg.fractionalMatrixPower(a, { p: 0.25 }) as T, {
    residual: (b, [a], [y]) => off(b, b.linalg.matrixPower(y as T, { n: 4 }) as T, a as T),
  }),
  square("signm", "indefinite", (b, a) => b.linalg.signm(a) as T, {
    residual: (b, [a], [y]) => off(b, b.matmul(b.matmul(y as T, y as T), a as T) as T, a as T),
  }),
  square("matrixPower", "general", (b, a) => b.linalg.matrixPower(a, { n: 7 }) as T, {
    residual: (b, [a], [y]) => {
      const cubed = b.matmul(b.matmul(a as T, a as T), a as T) as T;
      return off(b, b.matmul(b.matmul(cubed, cubed), a as T) as T, y as T);
    },
  }),
  square("sqrtmHermitian", "spd", (b, a) => b.linalg.sqrtmHermitian(a) as T, {
    residual: (b, [a], [y]) => off(b, b.matmul(y as T, y as T) as T, a as T),
  }),
  row({
    op: "pinv",
    inputs: [["uniform", "2n,n"]],
    outputs: ["n,2n"],
    call: (b, a) => [b.linalg.pinv(a as T) as T],
    residual: (b, [a], [y]) => off(b, b.matmul(b.matmul(a as T, y as T), a as T) as T, a as T),
  }),
  row({
    op: "polar",
    inputs: [["general", "n,n"]],
    outputs: ["n,n", "n,n"],
    call: (b, a) => {
      const { u, p } = b.linalg.polar(a as T);
      return [u, p] as T[];
    },
    residual: (b, [a], [u, p]) => off(b, b.matmul(u as T, p as T) as T, a as T),
  }),
];

const equations: readonly Row[] = [
  row({
    op: "sylvester",
    inputs: [
      ["general", "n,n"],
      ["general", "n,n"],
      ["normal", "n,n"],
    ],
    outputs: ["n,n"],
    call: (b, a, c, d) => [b.linalg.sylvester(a as T, c as T, d as T) as T],
    residual: (b, [a, c, d], [x]) => off(b, b.add(b.matmul(a as T, x as T), b.matmul(x as T, c as T)) as T, d as T),
  }),
  row({
    op: "lyapunov",
    inputs: [
      ["general", "n,n"],
      ["normal", "n,n"],
    ],
    outputs: ["n,n"],
    call: (b, a, q) => [b.linalg.lyapunov(a as T, q as T) as T],
    residual: (b, [a, q], [x]) => off(b, b.add(b.matmul(a as T, x as T), b.matmul(x as T, a as T, adjointB)) as T, q as T),
  }),
  row({
    op: "discreteLyapunov",
    inputs: [
      ["small", "n,n"],
      ["normal", "n,n"],
    ],
    outputs: ["n,n"],
    call: (b, a, q) => [b.linalg.discreteLyapunov(a as T, q as T) as T],
    residual: (b, [a, q], [x]) => off(b, b.sub(x as T, b.matmul(b.matmul(a as T, x as T), a as T, adjointB)) as T, q as T),
  }),
  row({
    op: "care",
    inputs: [
      ["small", "n,n"],
      ["general", "n,n"],
      ["spd", "n,n"],
      ["spd", "n,n"],
    ],
    outputs: ["n,n"],
    call: (b, a, c, q, r) => [b.linalg.care(a as T, c as T, q as T, r as T) as T],
    // Aᵀ X + X A - X B R⁻¹ Bᵀ X + Q = 0
    residual: (b, [a, c, q, r], [x]) => {
      const xb = b.matmul(x as T, c as T) as T;
      const ax = b.matmul(a as T, x as T, adjointA) as T;
      const left = b.add(b.add(ax, b.matrixTranspose(ax)), q as T) as T;
      return off(b, b.matmul(xb, b.linalg.solve(r as T, b.matrixTranspose(xb) as T) as T) as T, left);
    },
  }),
  row({
    op: "dare",
    inputs: [
      ["small", "n,n"],
      ["general", "n,n"],
      ["spd", "n,n"],
      ["spd", "n,n"],
    ],
    outputs: ["n,n"],
    call: (b, a, c, q, r) => [b.linalg.dare(a as T, c as T, q as T, r as T) as T],
    // X = Aᵀ X A - Aᵀ X B (R + Bᵀ X B)⁻¹ Bᵀ X A + Q
    residual: (b, [a, c, q, r], [x]) => {
      const [xa, xb] = [b.matmul(x as T, a as T) as T, b.matmul(x as T, c as T) as T];
      const gain = b.linalg.solve(b.add(r as T, b.matmul(c as T, xb, adjointA)) as T, b.matmul(c as T, xa, adjointA) as T) as T;
      const less = b.matmul(b.matmul(a as T, xb, adjointA) as T, gain) as T;
      return off(b, b.add(b.sub(b.matmul(a as T, xa, adjointA), less), q as T) as T, x as T);
    },
  }),
];

export const further: readonly Row[] = [...spectra, ...functions, ...equations];
