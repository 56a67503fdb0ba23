// Matrix functions: the `linalg` namespace.
export { cholesky, choleskySolve, logdet } from "./cholesky";
export { adjugate, det, slogdet } from "./determinant";
export { diag, tril, triu } from "./diagonals";
export { eigh, eigvalsh } from "./eigh";
export { funmHermitian } from "./funm";
export { ldlFactor, ldlSolve } from "./ldl";
export { type LstsqOptions, lstsq } from "./lstsq";
export { applyPivots, inv, lu, luFactor, luSolve, type SolveOptions, solve } from "./lu";
export { type NormOptions, norm, type VectorNormOptions, vectorNorm } from "./norms";
export { matmul } from "./products";
export { qr } from "./qr";
export { trace } from "./reductions";
export { expmHermitian, inverseSqrtmHermitian, logmHermitian, powmHermitian, sqrtmHermitian } from "./spectral";
export { adjoint, matrixTranspose } from "./structure";
export { svd, svdvals } from "./svd";
export { type SolveTriangularOptions, solveTriangular } from "./triangular";
export type { Solver } from "./vectors";
