// Matrix functions: the `linalg` namespace.
export { bandedSolveTriangular, choleskyBanded, solveBanded } from "./banded";
export { cholesky, choleskySolve, logdet } from "./cholesky";
export { adjugate, det, slogdet } from "./determinant";
export { diag, tril, triu } from "./diagonals";
export { eig, eigvals, hessenberg, schur } from "./eig";
export {
  type EighTridiagonal,
  type EigvalshTridiagonal,
  eighTridiagonal,
  eigvalshTridiagonal,
  type TridiagonalOptions,
} from "./eigh-tridiagonal";
export { discreteLyapunov, lyapunov, sylvester } from "./equations";
export { expm } from "./exponential";
export { fractionalMatrixPower, logm, matrixPower, signm, sqrtm } from "./functions";
export { type Elementwise, funmHermitian } from "./funm";
export { funmSvd } from "./funm-svd";
export { type CondOptions, choleskyInverse, cond, lq, matrixRank, type RankOptions } from "./inverses";
export { ldlFactor, ldlSolve } from "./ldl";
export { type LstsqOptions, lstsq } from "./lstsq";
export { applyPivots, inv, lu, luFactor, luSolve, type SolveOptions, solve } from "./lu";
export { type NormOptions, norm, type VectorNormOptions, vectorNorm } from "./norms";
export {
  circulant,
  hankel,
  type SolveToeplitz,
  solveToeplitz,
  type ToeplitzParts,
  toeplitz,
  vander,
} from "./patterned";
export { eigh, eigvalsh } from "./pencils";
export { householderProduct, qrPivoted } from "./pivoted";
export { nuclearNorm, polar } from "./polar";
export { matmul } from "./products";
export { lowRank, projector } from "./projectors";
export { pinv } from "./pseudoinverse";
export { qr } from "./qr";
export { trace } from "./reductions";
export { care, dare } from "./riccati";
export { expmHermitian, inverseSqrtmHermitian, logmHermitian, powmHermitian, sqrtmHermitian } from "./spectral";
export { adjoint, matrixTranspose } from "./structure";
export { svd, svdvals } from "./svd";
export { tensorinv, tensorsolve } from "./tensor-solve";
export { type SolveTriangularOptions, solveTriangular } from "./triangular";
export { tridiagonalMatmul, tridiagonalSolve } from "./tridiagonal";
export { choleskyDowndate, choleskyUpdate, type FactorChange } from "./updates";
export type { Solver } from "./vectors";
