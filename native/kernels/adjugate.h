// Determinants by LU, and adjugates by singular values, whose products keep their exponents apart.
#pragma once
#include "factor.h"
#include "scaled.h"

namespace backsolve::ops {

/// From the factors of `lu`; 1 for n = 0.
template <class T>
Scaled<T> determinant(Matrix<const T> lu, const Pivot* pivots) {
  Scaled<T> product = Scaled<T>::of(1);
  bool odd = false;
  for (Index i = 0; i < lu.rows; ++i) {
    product = product * Scaled<T>::of(lu(i, i));
    odd ^= pivots[i] != i;
  }
  if (odd) product.mantissa = -product.mantissa;
  return product;
}

/// A = R B C with diagonal R and C, powers of two that bring the largest element of each row and column of B near 1, so that the smallest
/// singular value of B owes nothing to the scales of A; B = U diag(s) Vᴴ, and φ = det U det Vᴴ.
template <class T>
struct BalancedSvd {
  la::SvdWork sizes;
  Matrix<T> u, vh;
  Real<T>* s;
  Exponent *row, *col;  // exponents of R and C
  Matrix<T> work;
  Pivot* pivots;
  T* lapack;
  Real<T>* reals;
  la::Int* integers;
  Exponent total = 0;  // of all exponents
  T phase{};

  /// Nothing where LAPACK's integers do not hold the sizes.
  BalancedSvd(Arena& arena, Index order) : sizes(la::gesdd_work(order, order, kComplex<T>)) {
    const Index n = sizes.fits ? order : 0;
    u = arena.matrix<T>(n, n), vh = arena.matrix<T>(n, n), s = arena.take<Real<T>>(n);
    row = arena.take<Exponent>(n), col = arena.take<Exponent>(n);
    work = arena.matrix<T>(n, n);
    pivots = arena.take<Pivot>(n);
    lapack = arena.take<T>(sizes.fits ? sizes.work : 0);
    reals = arena.take<Real<T>>(sizes.fits ? sizes.reals : 0);
    integers = arena.take<la::Int>(sizes.fits ? sizes.integers : 0);
  }
  /// Of adj(A)_ij over adj(B)_ij: adj A = adj(C) adj(B) adj(R).
  Exponent place(Index i, Index j) const { return total - col[i] - row[j]; }
};

/// With the singular values as numbers that can be multiplied, and products of them.
template <class T>
struct AdjugateWork {
  BalancedSvd<T> svd;
  Scaled<Real<T>>*sigma, *after;
  AdjugateWork(Arena& arena, Index n) : svd(arena, n), sigma(arena.take<Scaled<Real<T>>>(n)), after(arena.take<Scaled<Real<T>>>(n)) {}
};

/// out = weight adj(A)ᴴ, or the adjoint of that, of a finite A. May fail: no_convergence, too_large.
template <class T>
std::int32_t adjugate_of(Matrix<const T> a, Scaled<T> weight, bool adjoint, Matrix<T> out, const AdjugateWork<T>& work);

}  // namespace backsolve::ops
