// Triangular solves that divide. OpenBLAS's trsm multiplies by reciprocals of the diagonal, which overflow below 1 / (the largest number)
// and lose digits, or vanish, close to it. Included by tiles.h alone.
#pragma once
#include <cmath>
#include <utility>

namespace backsolve::la {

/// The larger of |re| and |im|.
template <class T>
Real<T> largest_part(T x) {
  if constexpr (std::is_same_v<T, Real<T>>)
    return std::abs(x);
  else
    return std::max(std::abs(x.real()), std::abs(x.imag()));
}

/// Whether every entry of the diagonal has a normal reciprocal, also on the way that libraries take for complex ones, over |z|² / max(|re|,
/// |im|).
template <class T>
bool has_reciprocals(Matrix<const T> a) {
  constexpr Real<T> kLeast = std::numeric_limits<Real<T>>::min(), kMost = 1 / (4 * kLeast);
  bool all = true;
  for (Index i = 0; i < a.rows; ++i) {
    const Real<T> size = largest_part(a(i, i));
    all &= size >= kLeast && size <= kMost;  // false for NaN
  }
  return all;
}

/// op(A)(i, j).
template <class T>
T entry(Op op, Matrix<const T> a, Index i, Index j) {
  const T x = op == Op::none ? a(i, j) : a(j, i);
  if constexpr (std::is_same_v<T, Real<T>>)
    return x;
  else
    return op == Op::adjoint ? std::conj(x) : x;
}

/// `substitute` of a small A; forward: from its first row or, on the right side, column.
template <class T>
void substitute_whole(Side side, Op op, Diagonal diagonal, bool forward, Matrix<const T> a, Matrix<T> b) {
  const bool left = side == Side::left;
  const Index n = a.rows, others = left ? b.cols : b.rows;
  const auto x = [&](Index i, Index c) -> T& { return left ? b(i, c) : b(c, i); };
  const auto t = [&](Index i, Index j) { return left ? entry(op, a, i, j) : entry(op, a, j, i); };
  for (Index s = 0; s < n; ++s) {
    const Index i = forward ? s : n - 1 - s;
    for (Index r = 0; r < s; ++r) {
      const Index j = forward ? r : n - 1 - r;
      const T factor = t(i, j);
      for (Index c = 0; c < others; ++c) x(i, c) -= factor * x(j, c);
    }
    if (diagonal == Diagonal::unit) continue;
    const T pivot = t(i, i);
    for (Index c = 0; c < others; ++c) x(i, c) /= pivot;
  }
}

/// By halves, so that most of the work is in gemm.
template <class T>
void substitute_halves(Side side, Triangle triangle, Op op, Diagonal diagonal, Matrix<const T> a, Matrix<T> b) {
  constexpr Index kWhole = 32;
  const bool left = side == Side::left, forward = ((triangle == Triangle::lower) == (op == Op::none)) == left;
  if (a.rows <= kWhole) return substitute_whole(side, op, diagonal, forward, a, b);
  core::by_halves(side, triangle, op, a, b, [&](Matrix<const T> half, Matrix<T> of_b) { trsm(side, triangle, op, diagonal, half, of_b); });
}

/// As trsm. A subnormal B goes up by a power of two meanwhile, so that what is taken from it keeps its digits.
template <class T>
void substitute(Side side, Triangle triangle, Op op, Diagonal diagonal, Matrix<const T> a, Matrix<T> b) {
  using Limits = std::numeric_limits<Real<T>>;
  Real<T> most = 0;
  const auto each = [&](auto&& f) {
    for (Index i = 0; i < b.rows; ++i)
      for (Index j = 0; j < b.cols; ++j) f(b(i, j));
  };
  each([&](T& x) { most = std::max(most, largest_part(x)); });
  const Real<T> up = most < Limits::min() / Limits::epsilon() ? std::ldexp(Real<T>(1), Limits::max_exponent / 2) : Real<T>(1);
  each([&](T& x) { x *= up; });
  substitute_halves(side, triangle, op, diagonal, a, b);
  each([&](T& x) { x /= up; });
}

}  // namespace backsolve::la
