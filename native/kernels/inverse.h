// A⁻¹ from the factors P A = L U in 4/3 n³ operations.
#pragma once
#include "factor.h"

namespace backsolve::ops {

/// Y := op(T)⁻¹, which is lower triangular, over the identity: strips of columns, each from its diagonal on, n³/3 operations for n³.
template <class T>
void invert_triangle(la::Triangle triangle, la::Op op, la::Diagonal diagonal, Matrix<const T> t, Matrix<T> y) {
  constexpr Index kStrip = 64;  // a solve packs the triangle anew: a quarter of its work with 16 columns
  const Index n = t.rows;
  pool::parallel((n + kStrip - 1) / kStrip, la::large(n, n, n / 3) ? 0 : 1, [&](Index s) {
    const Index j = s * kStrip, rest = n - j;
    la::trsm(la::Side::left, triangle, op, diagonal, block(t, j, j, rest, rest), block(y, j, j, rest, std::min(kStrip, rest)));
  });
}

/// What exchanges columns, of an n x n matrix.
template <class T>
struct ColumnsWork {
  Pivot* to;
  T* row;
  ColumnsWork(Arena& arena, Index n) : to(arena.take<Pivot>(n)), row(arena.take<T>(n)) {}
};
/// X := X P.
template <class T>
void apply_pivots_to_columns(const Pivot* pivots, Matrix<T> x, const ColumnsWork<T>& work) {
  const Index n = x.cols;
  for (Index j = 0; j < n; ++j) work.to[j] = static_cast<Pivot>(j);
  for (Index s = 0; s < n; ++s) std::swap(work.to[s], work.to[pivots[s]]);
  for (Index i = 0; i < x.rows; ++i) {
    std::copy_n(&x(i, 0), n, work.row);
    for (Index j = 0; j < n; ++j) x(i, work.to[j]) = work.row[j];
  }
}

/// Y := A⁻¹ = U⁻¹ L⁻¹ P, or A⁻ᴴ = Pᵀ L⁻ᴴ U⁻ᴴ, from factors of lu_of.
template <class T>
void lu_inverse(Matrix<const T> f, Exponent exponent, const Pivot* pivots, bool adjoint, Matrix<T> y, const ColumnsWork<T>& work) {
  using la::Diagonal, la::Op, la::Side, la::Triangle;
  constexpr Index kFrom = 96;  // the exchange of columns costs more than it spares below
  set_identity(y);
  if (f.rows < kFrom) return lu_solve(f, exponent, pivots, adjoint, y);
  if (!adjoint) {
    invert_triangle(Triangle::lower, Op::none, Diagonal::unit, f, y);
    la::trsm(Side::left, Triangle::upper, Op::none, Diagonal::stored, f, y);
    apply_pivots_to_columns(pivots, y, work);
  } else {
    invert_triangle(Triangle::upper, Op::adjoint, Diagonal::stored, f, y);
    la::trsm(Side::left, Triangle::lower, Op::adjoint, Diagonal::unit, f, y);
    apply_pivots(pivots, f.rows, true, y);
  }
  scale_by_power(y, static_cast<double>(-exponent));
}

}  // namespace backsolve::ops
