// Spectra of Hermitian matrices, for the kernels that need one.
#pragma once
#include <algorithm>
#include <limits>

#include "kernel.h"
#include "scaled.h"

namespace backsolve::ops {

/// What must hold of the eigenvalues, as the attribute of `eigh`.
enum class Bound { any = 0, nonnegative = 1, positive = 2 };

/// Scratch of `spectrum`.

/// Whether the lower triangle of A is zero but for its diagonal.
template <class T>
bool is_diagonal(Matrix<const T> a) {
  for (Index i = 0; i < a.rows; ++i)
    for (Index j = 0; j < i; ++j)
      if (a(i, j) != T(0)) return false;
  return true;
}

/// The exponent, even so that its root is a power of two as well, that `spectrum` takes out of a Hermitian A, so that eigenvalues keep
/// their digits where A's numbers are subnormal, do not overflow, and LAPACK has no reason to scale; 0 where A is of moderate size. Between
/// the largest and the smallest of a diagonal matrix.
template <class T>
Exponent spectrum_exponent(Matrix<const T> a) {
  constexpr Exponent kModerate = std::numeric_limits<Real<T>>::max_exponent / 8, kTop = std::numeric_limits<Real<T>>::max_exponent - 2;
  Real<T> most = 0, least = std::numeric_limits<Real<T>>::infinity();
  for (Index i = 0; i < a.rows; ++i) {
    const Real<T> d = std::abs(real(a(i, i)));
    most = std::max(most, d);
    if (d > 0) least = std::min(least, d);
    for (Index j = 0; j < i; ++j) most = std::max(most, largest_part(a(i, j)));
  }
  const Exponent high = exponent_of(most), low = is_diagonal(a) ? exponent_of(least) : high;
  if (std::max(std::abs(high), std::abs(low)) <= kModerate) return 0;
  return std::max(low + (high - low) / 2, high - kTop) / 2 * 2;
}

/// Of a diagonal matrix: the diagonal in order and columns of the identity, exactly.
template <class T>
void sort_diagonal(Matrix<const T> a, Real<T>* w, Matrix<T> v, la::Int* order) {
  const Index n = a.rows;
  for (Index i = 0; i < n; ++i) order[i] = la::to_int(i);
  std::stable_sort(order, order + n, [&](la::Int i, la::Int j) { return real(a(i, i)) < real(a(j, j)); });
  for (Index j = 0; j < n; ++j) {
    w[j] = real(a(order[j], order[j]));
    for (Index i = 0; v.data != nullptr && i < n; ++i) v(i, j) = i == order[j] ? 1 : 0;
  }
}

/// Checks that eigenvalues are what they must be. One that is negative by rounding alone, -n ε max|w| or more, is zero to
/// Bound::nonnegative.
template <class R>
std::int32_t check_bound(R* w, Index n, Bound bound) {
  if (bound == Bound::any) return 0;
  const R noise = R(n) * std::numeric_limits<R>::epsilon() * std::max(std::abs(w[0]), std::abs(w[n - 1]));
  for (Index i = 0; i < n && w[i] <= 0; ++i) {
    if (bound == Bound::positive || w[i] < -noise) return make_info(Fail::not_definite, i + 1);
    w[i] = 0;
  }
  return 0;
}

/// LAPACK works here and not in the vectors' memory: OpenBLAS's cgemv and zgemv (0.3.21, x86-64) read one column past a matrix whose row is
/// the vector, which at the end of a mapped page is a crash. Behind `f` lies the rest. Nothing where LAPACK's integers do not hold the
/// sizes.
template <class T>
struct SpectrumWork {
  la::EigenWork size;
  Matrix<T> f;
  T* work;
  Real<T>* reals;
  la::Int* integers;
  SpectrumWork(Arena& arena, Index n) : size(la::heevd_work(n, kComplex<T>)) {
    const bool fits = size.fits();
    f = arena.matrix<T>(fits ? n : 0, fits ? n : 0);
    work = arena.take<T>(fits ? size.work : 0);
    reals = arena.take<Real<T>>(fits ? size.real : 0);
    integers = arena.take<la::Int>(fits ? size.integer : 0);
  }
};

/// A = 2^exponent V diag(w) Vᴴ, w ascending, exponent that of spectrum_exponent. Reads the lower triangle of `a`; v.data may be null.
template <class T>
std::int32_t spectrum(Matrix<const T> a, Exponent exponent, Real<T>* w, Matrix<T> v, Bound bound, const SpectrumWork<T>& space) {
  const Index n = a.rows;
  if (!space.size.fits()) return make_info(Fail::too_large);
  const Matrix<T> f = space.f;
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
  scale_by_power(f, static_cast<double>(-exponent));
  if (is_diagonal(read(f))) {
    sort_diagonal(read(f), w, v, space.integers);
    return check_bound(w, n, bound);
  }
  const bool vectors = v.data != nullptr;
  if (const la::Int info = la::heevd_lower(f, w, vectors, space.size, space.work, space.reals, space.integers))
    return make_info(Fail::no_convergence, info);
  for (Index i = 0; vectors && i < n; ++i)
    for (Index j = 0; j < n; ++j) v(i, j) = conj(f(j, i));
  return check_bound(w, n, bound);
}

/// Eigenvalues with their exponent put back, each rounded once. Fails: overflow (which).
template <class R>
std::int32_t restore_exponent(R* w, Index n, Exponent exponent) {
  for (Index i = 0; i < n && exponent != 0; ++i) w[i] = times_power(w[i], exponent);
  if (n > 0 && !std::isfinite(w[0])) return make_info(Fail::overflow, 1);
  if (n > 0 && !std::isfinite(w[n - 1])) return make_info(Fail::overflow, n);
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
