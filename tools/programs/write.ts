// Writes program files with inputs and the values that they gave, for test/golden/programs: files of one version of the format load for ever,
// so this is run once per version, by the release that introduces it, and what it wrote is never written again.
//   npx tsx tools/programs/write.ts <folder>
import * as b from "../../lib/index";
import { write } from "./file";

type T = b.Tensor<"float64">;
const { linalg, random, sum } = b;

const keys = random.split(7, 20);
const normal = <D extends b.Float = "float64">(i: number, shape: number[], dtype?: D): b.Tensor<D> =>
  random.normal(keys[i] as b.Key, shape, dtype ? { dtype } : {});

const n = 6;
const distances = (x: T) => sum(b.square(b.sub(b.expandDims(x, -2), b.expandDims(x, -3))), { axis: -1 });
const nll = (p: { scale: T; noise: T }, d: { x: T; y: T }): T => {
  const k = b.add(b.exp(b.mul(-0.5, distances(b.div(d.x, p.scale)))), b.mul(p.noise, b.eye(n)));
  const l = linalg.cholesky(k);
  const a = linalg.solveTriangular(l, b.expandDims(d.y, -1));
  return b.add(b.mul(0.5, sum(b.square(a))), sum(b.log(b.diag(l)))) as T;
};
write(
  "gaussian-process",
  "value and gradient of a Gaussian process likelihood; scale is shared by the batch",
  b.compile(b.valueAndGrad(nll), { scale: b.float64(2), noise: b.float64() }, { x: b.float64(n, 2), y: b.float64(n) }) as never,
  [b.tensor([0.8, 1.3]), b.tensor(Array.from({ length: 11 }, (_, i) => 0.1 + 0.05 * i)), normal(0, [11, n, 2]), normal(1, [11, n])],
);

type C = b.Tensor<"complex128">;
const square = (i: number, dtype: b.Float, batch: number[]) =>
  b.add(normal(i, [...batch, 4, 4], dtype as "float64"), b.mul(3, b.eye(4, { dtype: dtype as "float64" }))) as T;
const complexLoss = (a: C, y: C) => {
  const { sign, logabsdet } = linalg.slogdet(a);
  const x = linalg.solve(a, y, { adjoint: true });
  const w = sum(b.real(b.mul(b.conj(x), linalg.matmul(linalg.inv(a), y))));
  return b.add(b.add(w, logabsdet), b.add(b.real(sign), b.imag(linalg.det(a)))) as T;
};
write(
  "complex-solvers",
  "solve, inv, det, slogdet of complex matrices: gradient",
  b.compile(b.grad(complexLoss as never, { argnums: [0, 1] }), b.complex128(4, 4), b.complex128(4, 2)) as never,
  [square(2, "complex128", [9]), normal(3, [9, 4, 2], "complex128")],
);

type F = b.Tensor<"float32">;
const least = (a: F, y: F, l2: F) => {
  const by = (method: "qr" | "svd" | "cholesky") => sum(b.square(linalg.lstsq(a, y, { method, l2Regularizer: l2 })));
  return b.add(b.add(by("qr"), by("svd")), by("cholesky")) as F;
};
write(
  "least-squares",
  "least squares by three methods in float32: value, gradient to matrix, right-hand side and regularizer; one shared",
  b.compile(b.valueAndGrad(least as never, { argnums: [0, 1, 2] }), b.float32(6, 3), b.float32(6, 2), b.float32()) as never,
  [normal(4, [17, 6, 3], "float32"), normal(5, [6, 2], "float32"), b.tensor(Float32Array.of(0.3), { shape: [1] })],
);

const hermitian = (i: number, batch: number[], m: number): T => {
  const a = normal(i, [...batch, m, m]);
  return b.add(b.matmul(a, a, { adjointB: true }), b.eye(m)) as T;
};
const spectral = (a: T): T => {
  const { w, v } = linalg.eigh(a);
  const f = sum(b.mul(linalg.logmHermitian(a), linalg.sqrtmHermitian(a)));
  return b.add(b.add(sum(b.exp(b.mul(-1, linalg.eigvalsh(a)))), f), sum(b.mul(w, sum(b.square(b.square(v)), { axis: -2 })))) as T;
};
write(
  "spectral",
  "eigenvalues, eigenvectors and functions of symmetric matrices: gradient and Hessian-vector product",
  b.compile(
    (a: T, v: T) => ({ grad: b.grad(spectral)(a), hvp: b.hvp(spectral, a as never, v as never) }),
    b.float64(5, 5),
    b.float64(5, 5),
  ) as never,
  [hermitian(6, [3], 5), b.add(normal(7, [3, 5, 5]), b.matrixTranspose(normal(7, [3, 5, 5])))],
);

const structure = (a: T, x: T) => {
  const { lu, pivots } = linalg.luFactor(a);
  const y = linalg.luSolve(lu as never, pivots as never, x as never) as unknown as T;
  const mask = b.greater(y, b.tensor([[0.1], [-0.2], [0.3]]));
  const z = b.where(mask, b.sin(y), b.cos(b.minimum(y, b.maximum(x, 0)))) as T;
  const moved = b.transpose(b.broadcastTo(b.reshape(z, [1, 3, 2]), [2, 3, 2]), [2, 0, 1]);
  const part = b.slice(b.tril(b.matmul(a, a)), [1, 0], [2, 2]);
  return {
    y: { mask, z },
    moved,
    placed: b.padTo(part, [0, 1], [2, 3]),
    grad: b.grad((t: T) => b.mean(b.mul(linalg.lu(t).u, linalg.lu(t).l)))(a),
  };
};
write(
  "structure",
  "factors with pivots, masks, constants, and what moves elements",
  b.compile(structure as never, b.float64(3, 3), b.float64(3, 2)) as never,
  [normal(8, [10, 3, 3]), normal(9, [10, 3, 2])],
);
