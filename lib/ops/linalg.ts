// Matrix functions: the `linalg` namespace.
export { cholesky, logdet } from "./cholesky";
export { matmul } from "./products";
export { adjoint, diag, matrixTranspose, trace, tril, triu } from "./structure";
export { solveTriangular } from "./triangular";
