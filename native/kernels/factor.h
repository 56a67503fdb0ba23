// LU with partial pivoting of a row-major matrix, P A = L U, shared by the kernels that need one.
#pragma once
#include <algorithm>
#include <cmath>
#include <utility>

#include "../base/status.h"
#include "scaled.h"

namespace backsolve::ops {

using Pivot = std::int32_t;

/// LAPACK's measure of an entry: |re| + |im|.
template <class T>
Real<T> size1(T x) {
  if constexpr (kComplex<T>)
    return std::abs(x.real()) + std::abs(x.imag());
  else
    return std::abs(x);
}

template <class T>
void swap_rows(Matrix<T> a, Index i, Index j) {
  if (i != j) std::swap_ranges(&a.data[i * a.stride], &a.data[i * a.stride] + a.cols, &a.data[j * a.stride]);
}
/// Rows exchanged as the factorisation did: first to last (B := P B), or undone, last to first (B := Pᵀ B).
template <class T>
void apply_pivots(const Pivot* pivots, Index count, bool inverse, Matrix<T> b) {
  if (b.cols == 0) return;
  for (Index s = 0; s < count; ++s) {
    const Index i = inverse ? count - 1 - s : s;
    swap_rows(b, i, pivots[i]);
  }
}

/// Copies pivots that came from outside to where nobody else writes, since what was checked must be what is used. Returns the first that
/// is out of range, counted from 0, or -1.
inline Index own_pivots(const Pivot* given, Index count, Index rows, Pivot* own) {
  std::copy_n(given, count, own);
  for (Index i = 0; i < count; ++i)
    if (i >= rows || own[i] < 0 || own[i] >= rows) return i;
  return -1;
}

// Right-looking, for narrow or short blocks.
template <class T>
void lu_unblocked(Matrix<T> a, Pivot* pivots) {
  const Index count = std::min(a.rows, a.cols);
  for (Index j = 0; j < count; ++j) {
    Index p = j;
    for (Index i = j + 1; i < a.rows; ++i)
      if (size1(a(i, j)) > size1(a(p, j))) p = i;
    pivots[j] = static_cast<Pivot>(p);
    swap_rows(a, j, p);
    if (a(j, j) == T(0)) continue;
    for (Index i = j + 1; i < a.rows; ++i) {
      const T f = a(i, j) /= a(j, j);
      for (Index k = j + 1; k < a.cols; ++k) a(i, k) -= f * a(j, k);
    }
  }
}

/// In place; pivots[i] is the row, counted from 0, that row i was exchanged with. A zero pivot is passed over, as getrf does, and stays on
/// the diagonal of U. Recursive by halves of the columns (Toledo 1997), so that the work is in gemm and trsm on row-major memory: getrf
/// would want the transpose, and takes a process-wide lock. Real ones that fit the cache by kernels of our own.
template <class T>
void lu(Matrix<T> a, Pivot* pivots) {
  constexpr Index kUnblocked = 16;
  const Index count = std::min(a.rows, a.cols);
  if (la::core::getrf(a, pivots)) return;
  if (count <= kUnblocked) return lu_unblocked(a, pivots);
  const Index half = count / 2, rest = a.cols - half, below = a.rows - half;
  const auto left = block(a, 0, 0, a.rows, half), right = block(a, 0, half, a.rows, rest);
  lu(left, pivots);
  apply_pivots(pivots, half, false, right);
  la::trsm(la::Side::left, la::Triangle::lower, la::Op::none, la::Diagonal::unit, read(block(a, 0, 0, half, half)),
           block(right, 0, 0, half, rest));
  const auto corner = block(right, half, 0, below, rest);
  la::gemm<T>(-1, la::Op::none, read(block(a, half, 0, below, half)), la::Op::none, read(block(right, 0, 0, half, rest)), 1, corner);
  lu(corner, pivots + half);
  apply_pivots(pivots + half, count - half, false, block(a, half, 0, below, half));
  for (Index i = half; i < count; ++i) pivots[i] += static_cast<Pivot>(half);
}

/// LU of a copy of A over 2^exponent, which is returned: not 0 where A is subnormal.
template <class T>
Exponent lu_of(Matrix<const T> a, Matrix<T> f, Pivot* pivots) {
  const Exponent exponent = subnormal_exponent(a);
  copy(a, f);
  scale_by_power(f, static_cast<double>(-exponent));
  lu(f, pivots);
  return exponent;
}
/// The factors of A from those of lu_of.
template <class T>
void restore_exponent(Matrix<T> f, Exponent exponent) {
  if (exponent == 0) return;
  for (Index i = 0; i < f.rows; ++i)
    for (Index j = i; j < f.cols; ++j) f(i, j) = times_power(f(i, j), exponent);
}

/// B := A⁻¹ B = U⁻¹ L⁻¹ P B, or A⁻ᴴ B = Pᵀ L⁻ᴴ U⁻ᴴ B.
template <class T>
void lu_solve(Matrix<const T> f, const Pivot* pivots, bool adjoint, Matrix<T> b) {
  using la::Diagonal, la::Op, la::Side, la::Triangle;
  if (!adjoint) {
    apply_pivots(pivots, f.rows, false, b);
    la::trsm(Side::left, Triangle::lower, Op::none, Diagonal::unit, f, b);
    la::trsm(Side::left, Triangle::upper, Op::none, Diagonal::stored, f, b);
  } else {
    la::trsm(Side::left, Triangle::upper, Op::adjoint, Diagonal::stored, f, b);
    la::trsm(Side::left, Triangle::lower, Op::adjoint, Diagonal::unit, f, b);
    apply_pivots(pivots, f.rows, true, b);
  }
}

/// The same from factors of lu_of.
template <class T>
void lu_solve(Matrix<const T> f, Exponent exponent, const Pivot* pivots, bool adjoint, Matrix<T> b) {
  const Exponent of_b = exponent == 0 ? 0 : subnormal_exponent(read(b));
  scale_by_power(b, static_cast<double>(-of_b));
  lu_solve(f, pivots, adjoint, b);
  scale_by_power(b, static_cast<double>(of_b - exponent));
}

/// Column of the first zero pivot, counted from 1, or 0.
template <class T>
Index zero_pivot(Matrix<const T> f) {
  for (Index i = 0; i < std::min(f.rows, f.cols); ++i)
    if (f(i, i) == T(0)) return i + 1;
  return 0;
}

/// Whether all numbers that it has seen are finite; without a branch for each.
template <class T>
class Finite {
 public:
  void see(const T* x, Index elements) {
    const R* const row = reinterpret_cast<const R*>(x);
    const Index count = elements * (kComplex<T> ? 2 : 1);
    Index j = 0;
    for (; j + kTogether <= count; j += kTogether)
      for (Index k = 0; k < kTogether; ++k) defect_[k] += row[j + k] - row[j + k];
    for (; j < count; ++j) defect_[0] += row[j] - row[j];
  }
  bool all() const {
    return std::all_of(defect_, defect_ + kTogether, [](R d) { return d == 0; });
  }

 private:
  using R = Real<T>;
  static constexpr Index kTogether = 8;
  R defect_[kTogether] = {};  // x - x: NaN where x is NaN or infinite
};
template <class T>
bool all_finite(Matrix<const T> a) {
  Finite<T> finite;
  for (Index i = 0; i < a.rows; ++i) finite.see(a.data + i * a.stride, a.cols);
  return finite.all();
}
/// The largest |re| or |im|; NaN where something is not finite.
template <class T>
Real<T> largest_finite(Matrix<const T> a) {
  using R = Real<T>;
  constexpr Index kParts = kComplex<T> ? 2 : 1;
  return packed::kernels<R>().largest(a.rows, a.cols * kParts, reinterpret_cast<const R*>(a.data), a.stride * kParts);
}
/// The info of an answer to finite inputs: it, or what leads to it, may be beyond the largest number.
template <class T>
std::int32_t check_answer(Matrix<const T> x) {
  return all_finite(x) ? 0 : make_info(Fail::overflow);
}

template <class T>
void set_identity(Matrix<T> a) {
  for (Index i = 0; i < a.rows; ++i) {
    std::fill_n(&a.data[i * a.stride], a.cols, T(0));
    if (i < a.cols) a(i, i) = 1;
  }
}

}  // namespace backsolve::ops
