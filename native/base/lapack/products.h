// Complex products of what is not finite. A library multiplies sums by alpha = 1 + 0i, and ∞ · 0 is NaN: of an infinite element nothing is
// left. Here they are sums of products of real numbers, as the lanes have them and NumPy element by element,
//   re c_ij = Σ_k (re a_ik re b_kj - im a_ik im b_kj),  im c_ij = Σ_k (re a_ik im b_kj + im a_ik re b_kj),
// which is one real product: row i of C, as it lies in memory, is re a_i1, im a_i1, re a_i2, ... times the matrix of the blocks
// [re b, im b; -im b, re b]. Included by blas.h alone.
#pragma once
#include <cmath>

namespace backsolve::la::core {

/// Complex rows and columns of C, and products, that are computed at a time.
struct Share {
  Index i, j, rows, cols;
};
constexpr Index kShare = 64, kShareDepth = 128;

/// Whether the sum of all parts is finite, as it is not where one of them is not: one addition for each. Numbers so large that their sum
/// overflows are no harm, as only what is not finite itself is computed anew.
template <class T>
bool sums_finite(Matrix<const T> c) {
  using R = Real<T>;
  constexpr Index kTogether = 16;
  const bool whole = c.stride == c.cols;
  const Index rows = whole ? 1 : c.rows, count = 2 * c.cols * (whole ? c.rows : 1);
  R sum[kTogether] = {};
  for (Index i = 0; i < rows; ++i) {
    const R* const x = reinterpret_cast<const R*>(c.data + i * c.stride);
    Index j = 0;
    for (; j + kTogether <= count; j += kTogether)
      for (Index k = 0; k < kTogether; ++k) sum[k] += x[j + k];
    for (; j < count; ++j) sum[j % kTogether] += x[j];
  }
  for (Index half = kTogether / 2; half > 0; half /= 2)
    for (Index k = 0; k < half; ++k) sum[k] += sum[k + half];
  return std::isfinite(sum[0]);
}
template <class T>
bool is_finite(T x) {
  return std::isfinite(x.real()) && std::isfinite(x.imag());
}

/// op(A)(i, j).
template <class T>
T entry_of(Op op, Matrix<const T> a, Index i, Index j) {
  const T x = op == Op::none ? a(i, j) : a(j, i);
  return op == Op::adjoint ? std::conj(x) : x;
}

/// The share of alpha op(A) op(B) into `sums`, rows of 2 kShare reals; in `room` the real forms of A and B.
template <class T>
void sum_share(Real<T> alpha, Op op_a, Matrix<const T> a, Op op_b, Matrix<const T> b, const Share& s, Real<T>* sums, Real<T>* room) {
  using R = Real<T>;
  const Index inner = op_a == Op::none ? a.cols : a.rows;
  R* const of_a = room;
  R* const of_b = room + kShare * 2 * kShareDepth;
  for (Index first = 0; first < inner; first += kShareDepth) {
    const Index depth = std::min(kShareDepth, inner - first);
    for (Index i = 0; i < s.rows; ++i)
      for (Index k = 0; k < depth; ++k) {
        const T x = entry_of(op_a, a, s.i + i, first + k);
        R* const to = of_a + (i * kShareDepth + k) * 2;
        to[0] = x.real(), to[1] = x.imag();
      }
    for (Index k = 0; k < depth; ++k)
      for (Index j = 0; j < s.cols; ++j) {
        const T x = entry_of(op_b, b, first + k, s.j + j);
        R *const to = of_b + (2 * k * kShare + j) * 2, *const below = to + 2 * kShare;
        to[0] = x.real(), to[1] = x.imag();
        below[0] = -x.imag(), below[1] = x.real();
      }
    packed::kernels<R>().gemm(false, false, s.rows, 2 * s.cols, 2 * depth, alpha, of_a, 2 * kShareDepth, of_b, 2 * kShare,
                              first == 0 ? 0 : 1, sums, 2 * kShare);
  }
}

/// What is not finite of C = alpha op(A) op(B) anew; the rest keeps its bits.
template <class T>
void mend_product(Real<T> alpha, Op op_a, Matrix<const T> a, Op op_b, Matrix<const T> b, Matrix<T> c) {
  using R = Real<T>;
  constexpr Index kSums = kShare * 2 * kShare;
  R* const sums = packed_room<R>(kSums + kShare * 2 * kShareDepth + 2 * kShareDepth * 2 * kShare);
  Share s{};
  for (s.i = 0; s.i < c.rows; s.i += kShare)
    for (s.j = 0; s.j < c.cols; s.j += kShare) {
      s.rows = std::min(kShare, c.rows - s.i), s.cols = std::min(kShare, c.cols - s.j);
      if (sums_finite(Matrix<const T>{&c(s.i, s.j), s.rows, s.cols, c.stride})) continue;
      sum_share(alpha, op_a, a, op_b, b, s, sums, sums + kSums);
      for (Index i = 0; i < s.rows; ++i)
        for (Index j = 0; j < s.cols; ++j) {
          T& x = c(s.i + i, s.j + j);
          const R* const sum = sums + (i * kShare + j) * 2;
          if (!is_finite(x)) x = T(sum[0], sum[1]);
        }
    }
}

}  // namespace backsolve::la::core
