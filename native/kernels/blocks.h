// Small helpers shared by the single-matrix kernels.
#pragma once
#include <cmath>
#include <complex>

#include "../base/lapack/lapack.h"

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

template <class T>
void copy(Matrix<const T> from, Matrix<T> to) {
  for (Index i = 0; i < from.rows; ++i) std::copy_n(&from.data[i * from.stride], from.cols, &to.data[i * to.stride]);
}

/// Dispatches a scratch size on the dtype: `elements` of T.
inline std::size_t scratch_bytes(DType t, Index elements) { return (static_cast<std::size_t>(elements) * size_of(t) + 63) / 64 * 64; }

}  // namespace backsolve::ops
