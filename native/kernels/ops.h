// Kernels for one matrix, T of float, double and their complex types (SingleKernel of ../kernel.h), with their scratch sizes (ScratchSize).
// Each is instantiated in its own .cc. Operands: inputs, then outputs; dims and attrs in the order given here.
#pragma once
#include "kernel.h"

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
/// Fails: not_finite (in b, or in what is read of a), singular (column of the first zero on the diagonal), overflow.
BS_DECLARE_KERNEL(solve_triangular)
/// a, x, g -> a (m,m), b (as x); either output may be null. dims and attrs as above.
BS_DECLARE_KERNEL(solve_triangular_vjp)

/// C = op(A) op(B), c (m,n). attrs [adjointA, adjointB]; a is (m,k), with adjointA (k,m); b is (k,n), with adjointB (n,k). dims {m, k, n}.
BS_DECLARE_KERNEL(matmul)

/// a (m,n) -> lu (m,n), pivots (m^n): P A = L U, L below the diagonal with ones on it; pivots[i] is the row exchanged with row i, from 0.
/// A zero pivot is no failure. dims {m, n}. Fails: not_finite, overflow.
BS_DECLARE_KERNEL(lu_factor)
/// pivots (k), b (m,n) -> P b. attrs [inverse]. dims {k, m, n}. Fails: bad_pivot (its position, from 0).
BS_DECLARE_KERNEL(apply_pivots)
/// a (m,m), b (m,k) -> x (m,k); may be null: lu (m,m), pivots (m). A X = B, or Aᴴ X = B. attrs [adjoint]. dims {m, k}.
/// Fails: not_finite, singular (column of the first zero pivot), overflow.
BS_DECLARE_KERNEL(solve)
/// a (not read), x, lu, pivots, g -> a, b; either output may be null. attrs and dims as above.
BS_DECLARE_KERNEL(solve_vjp)
/// a (n,n) -> y (n,n), A⁻¹ or A⁻ᴴ. attrs [adjoint]. dims {n}. Fails as solve.
BS_DECLARE_KERNEL(inv)
/// y, g -> a.
BS_DECLARE_KERNEL(inv_vjp)

/// a (n,n) -> d (); may be null: lu (n,n), pivots (n). dims {n}. Fails: not_finite, overflow.
BS_DECLARE_KERNEL(det)
/// a, lu, pivots, g -> a. Right at any rank.
BS_DECLARE_KERNEL(det_vjp)
/// a (n,n) -> y (n,n). Fails: not_finite, no_convergence, overflow.
BS_DECLARE_KERNEL(adjugate)
/// a (n,n), e (n,n) -> y (n,n): the derivative of adjugate at a along e.
BS_DECLARE_KERNEL(adjugate_derivative)
/// a, e, h (n,n) -> y: d² adj(A)[E, H], at any rank. Fails: not_finite, no_convergence, too_large.
BS_DECLARE_KERNEL(adjugate_second)
/// a (n,n) -> sign (), log |det| () real; may be null: lu (n,n), pivots (n). 0 and -Inf if singular. Fails: not_finite, overflow.
BS_DECLARE_KERNEL(slogdet)
/// a (not read), sign, lu, pivots, g_sign, g_log -> a; either cotangent may be null. Fails: singular.
BS_DECLARE_KERNEL(slogdet_vjp)
/// a (n,n) -> w (n) real ascending, v (n,n): A = V diag(w) Vᴴ; only the lower triangle of a is read; v may be null. dims {n}.
/// attrs [bound on the eigenvalues: 0 any, 1 nonnegative, 2 positive].
/// Fails: not_finite, no_convergence, too_large, overflow, not_definite (which).
BS_DECLARE_KERNEL(eigh)
/// w, v, gw (n), gv (n,n) -> a (n,n); gw or gv may be null. attrs [degenerate: 0 fail, 1 NaN, 2 mask, lower].
/// Fails: degenerate (first of the pair), phase (which vector).
BS_DECLARE_KERNEL(eigh_vjp)
/// a (not read), v (n,n), g (n) -> a (n,n). attrs [lower].
BS_DECLARE_KERNEL(eigvalsh_vjp)
/// w (n) real, m (n,n) -> q (n,n), q_ij = m_ij / (w_j - w_i), 0 on the diagonal. attrs [degenerate, checks: 1 the phases of eigenvectors,
/// 2 every pair is looked at, even where m is 0]. Fails as eigh_vjp.
BS_DECLARE_KERNEL(gap_quotient)

/// Functions of Hermitian matrices: attrs [function: 0 exp, 1 log, 2 sqrt, 3 1/sqrt, 4 power, p]. dims {n}. Of a only the lower triangle is
/// read. Fails: as eigh; not_definite: eigenvalue `index` outside the domain of the function or of its derivative. a (n,n) -> y (n,n), w
/// (n), v (n,n): y = V f(w) Vᴴ; w and v may be null.
BS_DECLARE_KERNEL(hermitian_function)
/// a (not read), w, v, g (n,n) -> a: D f(A)[herm g].
BS_DECLARE_KERNEL(hermitian_function_vjp)
/// a, e (n,n) -> d: D f(A)[herm e].
BS_DECLARE_KERNEL(spectral_derivative)
/// a, e, h (n,n) -> d: D² f(A)[herm e, herm h].
BS_DECLARE_KERNEL(spectral_second)

/// a (m,n), b (m,k), lambda () real -> x (n,k), r (m^n,m^n): x = argmin |A x - b|² + λ |x|², RᴴR = AᴴA + λI or AAᴴ + λI of the scaled
/// problem (least_squares.h); r may be null. dims {m, n, k}. attrs [method: 0 QR, 1 Cholesky, rcond; negative: max(m,n) ε]. Fails:
/// not_finite, negative, rank_deficient, overflow, too_large.
BS_DECLARE_KERNEL(lstsq)
/// a, b, lambda, x, r, g (n,k) -> a, b, lambda; any output may be null.
BS_DECLARE_KERNEL(lstsq_vjp)
/// a (m,n), y (n,k), lambda -> z (n,k): Z = (AᴴA + λI)⁻¹ Y. attrs, failures as lstsq.
BS_DECLARE_KERNEL(normal_solve)
/// a, b, lambda -> x, u (m,m^n), s (m^n) real, vh (m^n,n): lstsq by singular values, s those of the scaled A; u, s, vh may be null. attrs
/// [rcond]. Fails: not_finite, negative, no_convergence, overflow, too_large.
BS_DECLARE_KERNEL(lstsq_svd)
/// a, b, lambda, x, u, s, vh, g (n,k) -> a, b, lambda; any output may be null. Fails: cut (which singular value).
BS_DECLARE_KERNEL(lstsq_svd_vjp)
/// a (m,n), y (n,k), lambda -> z (n,k): Z = (AᴴA + λI)⁺ Y.
BS_DECLARE_KERNEL(normal_solve_svd)
/// a (m,n), lambda () real -> c () real, a power of two: the larger of c A and c √λ is near 1 or moderate. dims {m, n}.
BS_DECLARE_KERNEL(problem_scale)
/// a, e (m,n) -> d: the derivative along e of A without the singular values up to rcond σ_max. dims {m, n}. attrs [rcond].
/// Fails: not_finite, no_convergence, too_large, cut.
BS_DECLARE_KERNEL(truncation_derivative)
/// a, e, h (m,n) -> d: its second derivative along e and h.
BS_DECLARE_KERNEL(truncation_second)

#undef BS_DECLARE_KERNEL

}  // namespace backsolve
