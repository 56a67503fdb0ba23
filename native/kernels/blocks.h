// Small helpers shared by the single-matrix kernels.
#pragma once
#include <cmath>
#include <complex>

#include "../base/lapack/lapack.h"
#include "../base/workspace.h"

namespace backsolve::ops {

template <class T>
constexpr bool kComplex = !std::is_same_v<T, Real<T>>;

template <class T>
inline T conj(T x) {
  if constexpr (kComplex<T>)
    return std::conj(x);
  else
    return x;
}
template <class T>
inline Real<T> real(T x) {
  if constexpr (kComplex<T>)
    return x.real();
  else
    return x;
}
template <class T>
inline bool finite(T x) {
  if constexpr (kComplex<T>)
    return std::isfinite(x.real()) && std::isfinite(x.imag());
  else
    return std::isfinite(x);
}

/// The rows x cols block of `a` at (i, j).
template <class T>
Matrix<T> block(Matrix<T> a, Index i, Index j, Index rows, Index cols) {
  return {a.data + i * a.stride + j, rows, cols, a.stride};
}
template <class T>
Matrix<const T> read(Matrix<T> a) {
  return {a.data, a.rows, a.cols, a.stride};
}

/// From an arena, or where an operand is, if it is there.
template <class T>
Matrix<T> operand_or(Arena& arena, void* operand, Index rows, Index cols) {
  return operand != nullptr ? Matrix<T>{static_cast<T*>(operand), rows, cols, cols} : arena.matrix<T>(rows, cols);
}
template <class T>
T* operand_or(Arena& arena, void* operand, Index count) {
  return operand != nullptr ? static_cast<T*>(operand) : arena.take<T>(count);
}

template <class T>
void copy(Matrix<const T> from, Matrix<T> to) {
  for (Index i = 0; i < from.rows; ++i) std::copy_n(&from.data[i * from.stride], from.cols, &to.data[i * to.stride]);
}

}  // namespace backsolve::ops
