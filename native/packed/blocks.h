// Blocks of kRows x (up to kWide vectors), held in registers while products are taken from them.
#pragma once
#include "../lanes/vector/transpose.h"
#include "packed.h"

namespace backsolve::BS_ISA {

#if BS_VECTOR_BYTES == 64 || defined(__aarch64__)  // 32 registers
constexpr int kRows = 8, kWide = 3;
#else
constexpr int kRows = 4, kWide = 3;
#endif

/// to(j, i) = from(i, j) of N x N elements.
template <class R, int N>
BS_INLINE void transpose_block(const R* from, Index from_stride, R* to, Index to_stride) {
  Piece<R, N> v[N];
  BS_UNROLL for (int i = 0; i < N; ++i) v[i] = load_piece<R, N>(from + i * from_stride);
  transpose<N, 1>(v);
  BS_UNROLL for (int i = 0; i < N; ++i) store_piece<R, N>(to + i * to_stride, v[i]);
}
/// In squares of N x N, then what is left on the right and below in smaller ones.
template <class R, int N>
static void transpose_by(Index rows, Index cols, const R* from, Index from_stride, R* to, Index to_stride) {
  const Index below = rows / N * N, right = cols / N * N;
  BS_SCALAR for (Index i = 0; i < below; i += N) BS_SCALAR for (Index j = 0; j < right; j += N)
      transpose_block<R, N>(from + i * from_stride + j, from_stride, to + j * to_stride + i, to_stride);
  if constexpr (N > 1) {
    if (right < cols) transpose_by<R, N / 2>(below, cols - right, from + right, from_stride, to + right * to_stride, to_stride);
    if (below < rows) transpose_by<R, N / 2>(rows - below, cols, from + below * from_stride, from_stride, to + below, to_stride);
  }
}
/// to(j, i) = from(i, j), of any size.
template <class R>
static __attribute__((noinline)) void transpose_copy(Index rows, Index cols, const R* from, Index from_stride, R* to, Index to_stride) {
  transpose_by<R, W<R>>(rows, cols, from, from_stride, to, to_stride);
}
/// to(i, j) = from(i, j).
template <class R>
static __attribute__((noinline)) void plain_copy(Index rows, Index cols, const R* from, Index from_stride, R* to, Index to_stride) {
  for (Index i = 0; i < rows; ++i) __builtin_memcpy(to + i * to_stride, from + i * from_stride, static_cast<size_t>(cols) * sizeof(R));
}

template <class R, int V>
struct Block {
  Vec<R> at[kRows][V];

  BS_INLINE void load_rows(const R* from, Index stride) {
    BS_UNROLL for (int r = 0; r < kRows; ++r) BS_UNROLL for (int v = 0; v < V; ++v) at[r][v] = loadu<R>(from + r * stride + v * W<R>);
  }
  BS_INLINE void store_row(int r, R* to, Index stride) const {
    BS_UNROLL for (int v = 0; v < V; ++v) storeu<R>(to + r * stride + v * W<R>, at[r][v]);
  }
  /// Takes Σ_k A(k, r) X(k, ·), k < count.
  BS_INLINE void take(Index count, const R* a, Index a_stride, const R* x, Index x_stride) {
    for (Index k = 0; k < count; ++k, a += a_stride, x += x_stride) {
      Vec<R> row[V];
      BS_UNROLL for (int v = 0; v < V; ++v) row[v] = loadu<R>(x + v * W<R>);
      BS_UNROLL for (int r = 0; r < kRows; ++r) {
        const Vec<R> factor = splat<R>(a[r]);
        BS_UNROLL for (int v = 0; v < V; ++v) at[r][v] -= factor * row[v];
      }
    }
  }
  /// Row r -= Σ_{c<r} A(c, r) row c, times `inverse[r]`; and stores it.
  BS_INLINE void solve(const R* a, Index a_stride, const R* inverse, R* to, Index stride) {
    BS_UNROLL for (int r = 0; r < kRows; ++r) {
      BS_UNROLL for (int c = 0; c < kRows; ++c) {
        if (c >= r) continue;
        const Vec<R> factor = splat<R>(a[c * a_stride + r]);
        BS_UNROLL for (int v = 0; v < V; ++v) at[r][v] -= factor * at[c][v];
      }
      const Vec<R> factor = splat<R>(inverse[r]);
      BS_UNROLL for (int v = 0; v < V; ++v) at[r][v] *= factor;
      store_row(r, to, stride);
    }
  }
};

constexpr Index padded(Index n) { return (n + kRows - 1) / kRows * kRows; }

}  // namespace backsolve::BS_ISA
