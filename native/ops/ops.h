// Kernels for one matrix, T of float, double and their complex types (SingleKernel of ../kernel.h), with their scratch sizes (ScratchSize).
// Each is instantiated in its own .cc. Operands: inputs, then outputs; dims and attrs in the order given here.
#pragma once
#include "../kernel.h"

namespace backsolve {

#define BS_DECLARE_KERNEL(name)        \
  template <class T>                   \
  std::int32_t name(const Call& call); \
  std::size_t name##_scratch(const Index* dims, const double* attrs, DType t, int width);

/// a (n,n) -> l (n,n): A = L Lᴴ; only the lower triangle of a is read. dims {n}.
/// Fails: not_positive_definite (order of the leading minor), not_finite.
BS_DECLARE_KERNEL(cholesky)
/// l (n,n), g (n,n) -> a (n,n), Hermitian; only the lower triangles of l and g are read. dims {n}.
BS_DECLARE_KERNEL(cholesky_vjp)

/// left: a (m,m), b (m,k) -> x (m,k), op(A) X = B. right: a (m,m), b (k,m) -> x (k,m), X op(A) = B. dims {m, k}.
/// attrs [lower, op: 0 none, 1 transpose, 2 adjoint, unitDiagonal, side: 0 left, 1 right].
/// Fails: not_finite (in b, or in what is read of a), singular (column of the first zero on the diagonal).
BS_DECLARE_KERNEL(solve_triangular)
/// a, x, g -> a (m,m), b (as x); either output may be null. dims and attrs as above.
BS_DECLARE_KERNEL(solve_triangular_vjp)

/// C = op(A) op(B), c (m,n). attrs [adjointA, adjointB]; a is (m,k), with adjointA (k,m); b is (k,n), with adjointB (n,k). dims {m, k, n}.
BS_DECLARE_KERNEL(matmul)
/// a, b, g (m,n) -> a, b; either output may be null. dims and attrs as above.
BS_DECLARE_KERNEL(matmul_vjp)

#undef BS_DECLARE_KERNEL

}  // namespace backsolve
