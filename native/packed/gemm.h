// Products. A block of kRows x (up to kWide vectors) of C is summed in registers; B is taken strip by strip, copied where that makes its
// rows lie side by side, A where it lies.
#pragma once
#include "../lanes/vector/pieces.h"
#include "blocks.h"

namespace backsolve::BS_ISA {

constexpr Index kDepth = 256;  // products that are summed before C is touched: a strip of B stays in the first-level cache
constexpr Index kTall = 384;   // rows of A that stay in the second-level cache meanwhile
constexpr Index kCopied = 96;  // from so many rows on B is copied

/// A strip of C, and what it is the product of: element (i, k) of A is at a + i * row + k * col; vector v of row k of B, and of C, begins
/// at column v W, the last one at `last`.
template <class R>
struct Product {
  const R* a;
  Index row, col;
  const R* b;
  Index b_stride, depth;
  R* c;
  Index c_stride, last;
  int columns;  // of C, fewer than B has in the strip where this is padded
  R alpha, beta;
};

/// M rows, of V vectors of N elements.
template <class R, int N, int M, int V, bool kOnly>
BS_INLINE void product_block(const Product<R>& p, Index i) {
  Piece<R, N> sum[M][V] = {};
  const R *a = p.a + i * p.row, *b = p.b;
  const Index row_a = p.row, col_a = p.col, row_b = p.b_stride, last = p.last;
  for (Index k = p.depth; k > 0; --k, a += col_a, b += row_b) {
    Piece<R, N> row[V];
    BS_UNROLL for (int v = 0; v < V; ++v) row[v] = load_piece<R, N>(b + (v + 1 < V ? v * N : last));
    BS_UNROLL for (int r = 0; r < M; ++r) {
      const R factor = a[r * row_a];
      BS_UNROLL for (int v = 0; v < V; ++v) sum[r][v] += factor * row[v];
    }
  }
  R* c = p.c + i * p.c_stride;
  if constexpr (kOnly) {
    BS_UNROLL for (int r = 0; r < M; ++r, c += p.c_stride) BS_UNROLL for (int v = 0; v < V; ++v)
        store_piece<R, N>(c + (v + 1 < V ? v * N : last), sum[r][v]);
    return;
  }
  if (p.columns < V * N && p.last == (V - 1) * N) {  // B is padded
    alignas(64) R part[V * N];
    BS_UNROLL for (int r = 0; r < M; ++r, c += p.c_stride) {
      BS_UNROLL for (int v = 0; v < V; ++v) store_piece<R, N>(part + v * N, p.alpha * sum[r][v]);
      BS_SCALAR for (int j = 0; j < p.columns; ++j) c[j] = p.beta == 0 ? part[j] : part[j] + p.beta * c[j];
    }
    return;
  }
  BS_UNROLL for (int r = 0; r < M; ++r, c += p.c_stride) {
    BS_UNROLL for (int v = 0; v < V; ++v) {
      R* const to = c + (v + 1 < V ? v * N : last);
      const Piece<R, N> one = p.alpha * sum[r][v];
      store_piece<R, N>(to, p.beta == 0 ? one : one + p.beta * load_piece<R, N>(to));
    }
  }
}

/// All rows. `kOnly`: C = A B, whole vectors of it.
template <class R, int N, int V, bool kOnly>
BS_INLINE void all_rows(const Product<R>& p, Index m) {
  Index i = 0;
  for (; i + kRows <= m; i += kRows) product_block<R, N, kRows, V, kOnly>(p, i);
  if (kRows > 4 && i + 4 <= m) {
    product_block<R, N, 4, V, kOnly>(p, i);
    i += 4;
  }
  if (i + 2 <= m) {
    product_block<R, N, 2, V, kOnly>(p, i);
    i += 2;
  }
  if (i < m) product_block<R, N, 1, V, kOnly>(p, i);
}
template <class R, int V, bool kOnly>
static __attribute__((noinline)) void product_rows(const Product<R>& p, Index m) {
  all_rows<R, W<R>, V, kOnly>(p, m);
}
template <class R, int V>
static void product_strip(const Product<R>& p, Index m) {
  const bool whole = p.columns == V * W<R> || p.last != (V - 1) * W<R>;
  whole&& p.alpha == 1 && p.beta == 0 ? product_rows<R, V, true>(p, m) : product_rows<R, V, false>(p, m);
}

/// As gemm below, of at most kTall rows.
template <class R>
static void gemm_rows(bool a_transposed, bool b_transposed, Index m, Index n, Index k, R alpha, const R* a, Index a_stride, const R* b,
                      Index b_stride, R beta, R* c, Index c_stride) {
  alignas(64) R copy[kDepth * kWide * W<R>];
  Product<R> p{a, a_transposed ? 1 : a_stride, a_transposed ? a_stride : 1, b, b_stride, 0, c, c_stride, 0, 0, alpha, beta};
  const Index vectors = (n + W<R> - 1) / W<R>;
  for (Index first = 0; first < k; first += kDepth) {
    p.depth = k - first < kDepth ? k - first : kDepth;
    if (first > 0) p.beta = 1;
    // In place where few rows would not pay for the copy; vectors overlap then, which they may where C is only written.
    const bool copied = b_transposed || n < W<R> || (n % W<R> != 0 && p.beta != 0) || m >= kCopied;
    p.a = a + first * p.col;
    for (Index v = 0; v < vectors;) {
      const Index left = vectors - v, wide = left == 4 ? 2 : left < kWide ? left : kWide, j = v * W<R>;
      p.columns = static_cast<int>(n - j < wide * W<R> ? n - j : wide * W<R>);
      p.c = c + j;
      p.last = (wide - 1) * W<R>;
      if (copied) {
        p.b = copy;
        p.b_stride = wide * W<R>;
        if (p.columns < p.b_stride)
          for (Index e = 0; e < p.depth * p.b_stride; e += W<R>) store<R>(copy + e, splat<R>(0));
        if (b_transposed)
          transpose_copy<R>(p.columns, p.depth, b + j * b_stride + first, b_stride, copy, p.b_stride);
        else
          plain_copy<R>(p.depth, p.columns, b + first * b_stride + j, b_stride, copy, p.b_stride);
      } else {
        p.b = b + first * b_stride + j;
        if (p.last > n - W<R> - j) p.last = n - W<R> - j;
      }
      if (wide == 3) product_strip<R, 3>(p, m);
      if (wide == 2) product_strip<R, 2>(p, m);
      if (wide == 1) product_strip<R, 1>(p, m);
      v += wide;
    }
  }
}

/// C = alpha op(A) op(B) + beta C of m x n, k > 0 products each; beta = 0: C is only written. An element's sum is in one order, whatever
/// the sizes beside k.
template <class R>
static void gemm(bool a_transposed, bool b_transposed, Index m, Index n, Index k, R alpha, const R* a, Index a_stride, const R* b,
                 Index b_stride, R beta, R* c, Index c_stride) {
  for (Index i = 0; i < m; i += kTall)
    gemm_rows<R>(a_transposed, b_transposed, m - i < kTall ? m - i : kTall, n, k, alpha, a + i * (a_transposed ? 1 : a_stride), a_stride, b,
                 b_stride, beta, c + i * c_stride, c_stride);
}

}  // namespace backsolve::BS_ISA
