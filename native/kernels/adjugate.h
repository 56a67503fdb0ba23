// Determinants by LU, and adjugates by singular values, whose products keep their exponents apart.
#pragma once
#include "../base/scratch.h"
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

/// out = weight adj(A)ᴴ, or the adjoint of that, of a finite A. May fail: no_convergence, too_large.
template <class T>
std::int32_t adjugate_of(Matrix<const T> a, Scaled<T> weight, bool adjoint, Matrix<T> out, Scratch& scratch);
std::size_t adjugate_of_scratch(DType t, Index n);

}  // namespace backsolve::ops
