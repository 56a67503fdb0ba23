// Products of a matrix and a vector: a dot product for each row, N rows at once.
#pragma once
#include "blocks.h"

namespace backsolve::BS_ISA {

/// In v[0] the sums of the lanes of N vectors, in order, each as ((0 + 1) + (2 + 3)) + ...
template <int N, int S, class V>
BS_INLINE void sum_lanes(V* v) {
  if constexpr (S < N) {
    BS_UNROLL for (int i = 0; i < N; i += 2 * S) {
      exchange<N, S>(v[i], v[i + S], UpTo<N>{});
      v[i] += v[i + S];
    }
    sum_lanes<N, 2 * S>(v);
  }
}

/// y := M x of a row-major m x k matrix without gaps, N <= k. The order of a sum depends on k alone: lanes first, then their sum, then what
/// is left over.
template <class R, int N>
static __attribute__((noinline)) void dots_by(Index m, Index k, const R* a, const R* x, R* y) {
  const Index whole = k / N * N;
  for (Index i = 0; i < m; i += N, a += N * k) {
    const Index rows = m - i < N ? m - i : N;
    Piece<R, N> sum[N] = {};
    if (rows == N) {
      for (Index j = 0; j < whole; j += N) {
        const Piece<R, N> b = load_piece<R, N>(x + j);
        BS_UNROLL for (int r = 0; r < N; ++r) sum[r] += load_piece<R, N>(a + r * k + j) * b;
      }
    } else {
      for (Index r = 0; r < rows; ++r) {
        Piece<R, N> one = {};
        for (Index j = 0; j < whole; j += N) one += load_piece<R, N>(a + r * k + j) * load_piece<R, N>(x + j);
        sum[r] = one;
      }
    }
    sum_lanes<N, 1>(sum);
    if (rows == N && whole == k) {
      store_piece<R, N>(y + i, sum[0]);
      continue;
    }
    alignas(64) R part[N];
    store_piece<R, N>(part, sum[0]);
    BS_SCALAR for (Index r = 0; r < rows; ++r) {
      R s = part[r];
      BS_SCALAR for (Index j = whole; j < k; ++j) s += a[r * k + j] * x[j];
      y[i + r] = s;
    }
  }
}
template <class R, int N = W<R>>
BS_INLINE void dots(Index m, Index k, const R* a, const R* x, R* y) {
  if constexpr (N > 2)
    if (k < N) return dots<R, N / 2>(m, k, a, x, y);
  dots_by<R, N>(m, k, a, x, y);
}

}  // namespace backsolve::BS_ISA
