// Spectra of Hermitian matrices, for the kernels that need one.
#pragma once
#include <algorithm>
#include <limits>

#include "blocks.h"
#include "ops.h"

namespace backsolve::ops {

/// What must hold of the eigenvalues, as the attribute of `eigh`.
enum class Bound { any = 0, nonnegative = 1, positive = 2 };

/// Scratch of `spectrum`.
inline std::size_t spectrum_scratch(Index n, DType t) {
  const la::EigenWork w = la::heevd_work(n, t == DType::c64 || t == DType::c128);
  if (!w.fits()) return 0;
  const DType r = t == DType::c64 ? DType::f32 : t == DType::c128 ? DType::f64 : t;
  return scratch_bytes(t, n * n) + scratch_bytes(t, w.work) + scratch_bytes(r, w.real) + Scratch::bytes_for<la::Int>(w.integer);
}

/// A = V diag(w) Vᴴ, w ascending. Reads the lower triangle of `a`; v.data may be null.
/// An eigenvalue that is negative by rounding alone, -n ε max|w| or more, is zero to Bound::nonnegative.
template <class T>
std::int32_t spectrum(Matrix<const T> a, Real<T>* w, Matrix<T> v, Bound bound, Scratch& scratch) {
  const Index n = a.rows;
  const la::EigenWork size = la::heevd_work(n, kComplex<T>);
  if (!size.fits()) return make_info(Fail::too_large);
  // LAPACK works here and not in v: OpenBLAS's cgemv and zgemv (0.3.21, x86-64) read one column past a matrix whose row is the vector,
  // which at the end of a mapped page is a crash. Behind this matrix lies the workspace.
  const Matrix<T> f{scratch.take<T>(n * n), n, n, n};
  T* const work = scratch.take<T>(size.work);
  Real<T>* const rwork = scratch.take<Real<T>>(size.real);
  la::Int* const iwork = scratch.take<la::Int>(size.integer);
  for (Index i = 0; i < n; ++i) {
    for (Index j = 0; j < i; ++j) {
      if (!finite(a(i, j))) return make_info(Fail::not_finite);
      f(i, j) = a(i, j);
    }
    if (!std::isfinite(real(a(i, i)))) return make_info(Fail::not_finite);
    f(i, i) = real(a(i, i));  // the imaginary part of a Hermitian diagonal is zero, whatever is stored
    for (Index j = i + 1; j < n; ++j) f(i, j) = 0;
  }
  if (n == 0) return 0;
  const bool vectors = v.data != nullptr;
  if (const la::Int info = la::heevd_lower(f, w, vectors, size, work, rwork, iwork)) return make_info(Fail::no_convergence, info);
  if (!std::isfinite(w[0]) || !std::isfinite(w[n - 1])) return make_info(Fail::no_convergence);  // an overflow
  for (Index i = 0; vectors && i < n; ++i)
    for (Index j = 0; j < n; ++j) v(i, j) = conj(f(j, i));
  if (bound == Bound::any) return 0;
  const Real<T> noise = Real<T>(n) * std::numeric_limits<Real<T>>::epsilon() * std::max(std::abs(w[0]), std::abs(w[n - 1]));
  for (Index i = 0; i < n && w[i] <= 0; ++i) {
    if (bound == Bound::positive || w[i] < -noise) return make_info(Fail::not_definite, i + 1);
    w[i] = 0;
  }
  return 0;
}

/// out = op(V) M op(V)ᴴ, through `work` (n,n), all different.
template <class T>
void congruence(la::Op op, Matrix<const T> v, Matrix<const T> m, Matrix<T> work, Matrix<T> out) {
  la::gemm<T>(1, op, v, la::Op::none, m, 0, work);
  la::gemm<T>(1, la::Op::none, read(work), op == la::Op::none ? la::Op::adjoint : la::Op::none, v, 0, out);
}

/// M := (M + Mᴴ)/2.
template <class T>
void symmetrize(Matrix<T> m) {
  for (Index i = 0; i < m.rows; ++i) {
    for (Index j = 0; j < i; ++j) {
      m(i, j) = (m(i, j) + conj(m(j, i))) / Real<T>(2);
      m(j, i) = conj(m(i, j));
    }
    m(i, i) = real(m(i, i));
  }
}

}  // namespace backsolve::ops
