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

/// to(j, i) = from(i, j) of W x W elements.
template <class R>
BS_INLINE void transpose_block(const R* from, Index from_stride, R* to, Index to_stride) {
  Vec<R> v[W<R>];
  BS_UNROLL for (int i = 0; i < W<R>; ++i) v[i] = loadu<R>(from + i * from_stride);
  transpose<R, 1>(v);
  BS_UNROLL for (int i = 0; i < W<R>; ++i) storeu<R>(to + i * to_stride, v[i]);
}
/// to(j, i) = from(i, j), of any size.
template <class R>
static __attribute__((noinline)) void transpose_copy(Index rows, Index cols, const R* from, Index from_stride, R* to, Index to_stride) {
  Index i = 0;
  for (; i + W<R> <= rows; i += W<R>) {
    Index j = 0;
    for (; j + W<R> <= cols; j += W<R>) transpose_block<R>(from + i * from_stride + j, from_stride, to + j * to_stride + i, to_stride);
    BS_SCALAR for (; j < cols; ++j) BS_SCALAR for (int k = 0; k < W<R>; ++k) to[j * to_stride + i + k] = from[(i + k) * from_stride + j];
  }
  for (; i < rows; ++i) BS_SCALAR for (Index j = 0; j < cols; ++j) to[j * to_stride + i] = from[i * from_stride + j];
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
