// A = Uᵀ U, U upper triangular by rows in a square of our own, row blocks from the first: block row I is what is left of A when the rows
// above are taken from it, solved with the triangle on its diagonal (Golub & Van Loan, 4.2.9, by rows).
#pragma once
#include "blocks.h"

namespace backsolve::BS_ISA {

/// The triangle on the diagonal, of rows whose blocks have had the rows above taken from them, and what stands to the right of it in the
/// same block. Returns the number of the row whose pivot is not positive, from 1, or 0.
template <class R, int V>
BS_INLINE int factor_diagonal(Block<R, V>& b, R* u, Index stride, R* inverse) {
  BS_UNROLL for (int r = 0; r < kRows; ++r) {
    const R pivot = b.at[r][r / W<R>][r % W<R>];
    if (!(pivot > 0)) return r + 1;
    Vec<R> over[V];
    BS_UNROLL for (int v = 0; v < V; ++v) over[v] = b.at[r][v] / splat<R>(pivot);
    BS_UNROLL for (int s = 0; s < kRows; ++s) {
      if (s <= r) continue;
      const Vec<R> factor = splat<R>(b.at[r][s / W<R>][s % W<R>]);
      BS_UNROLL for (int v = 0; v < V; ++v) b.at[s][v] -= factor * over[v];
    }
    const R root = sizeof(R) == 8 ? static_cast<R>(__builtin_sqrt(pivot)) : static_cast<R>(__builtin_sqrtf(static_cast<float>(pivot)));
    inverse[r] = 1 / root;
    const Vec<R> factor = splat<R>(inverse[r]);
    BS_UNROLL for (int v = 0; v < V; ++v) b.at[r][v] *= factor;
    b.store_row(r, u, stride);
    u[r * stride + r] = root;
  }
  return 0;
}

template <class R, int V>
BS_INLINE int diagonal_block(Index above, R* u, Index stride, R* inverse) {
  Block<R, V> b;
  R* const at = u + above * stride + above;
  b.load_rows(at, stride);
  b.take(above, u + above, stride, u + above, stride);
  return factor_diagonal<R, V>(b, at, stride, inverse);
}
template <class R, int V>
BS_INLINE void side_block(Index above, Index column, R* u, Index stride, const R* inverse) {
  Block<R, V> b;
  R* const at = u + above * stride + column;
  b.load_rows(at, stride);
  b.take(above, u + above, stride, u + column, stride);
  b.solve(u + above * stride + above, stride, inverse, at, stride);
}

/// n a multiple of kRows; behind each row there is room for a block.
template <class R>
static Index factor_upper(Index n, R* u, Index stride) {
  constexpr int kFirst = (kRows + W<R> - 1) / W<R>;  // vectors of a triangle
  R inverse[kRows];
  for (Index i = 0; i < n; i += kRows) {
    Index j = i;
    if (const int info = diagonal_block<R, kFirst>(i, u, stride, inverse)) return i + info;
    for (j += kFirst * W<R>; j + 2 * W<R> < n; j += 3 * W<R>) side_block<R, 3>(i, j, u, stride, inverse);
    if (j + W<R> < n)
      side_block<R, 2>(i, j, u, stride, inverse);
    else if (j < n)
      side_block<R, 1>(i, j, u, stride, inverse);
  }
  return 0;
}

template <class R>
static Index potrf(bool lower, Index n, R* a, Index a_stride, R* u) {
  constexpr Index kLine = 64 / sizeof(R);
  const Index most = padded(n), stride = (most + kWide * W<R> + kLine - 1) / kLine / 2 * 2 * kLine + kLine;  // an odd number of cache lines
  for (Index i = 0; i < most; ++i) {
    // What stands left of the diagonal, or behind the matrix, is computed with and goes nowhere.
    R* const row = u + i * stride;
    const Index from = i / kRows * kRows;
    for (Index j = from; j < (lower || i >= n ? stride : from); ++j) row[j] = 0;
    if (!lower) {
      for (Index j = from; j < i; ++j) row[j] = 0;
      for (Index j = n; j < stride; ++j) row[j] = 0;
    }
    if (i >= n) row[i] = 1;
  }
  if (lower) {
    for (Index i = 0; i < n; i += W<R>) {
      const Index rows = n - i < W<R> ? n - i : W<R>;
      transpose_copy<R>(rows, i, a + i * a_stride, a_stride, u + i, stride);
      for (Index p = 0; p < rows; ++p)
        for (Index q = 0; q <= p; ++q) u[(i + q) * stride + i + p] = a[(i + p) * a_stride + i + q];
    }
  } else {
    for (Index i = 0; i < n; ++i) __builtin_memcpy(u + i * stride + i, a + i * a_stride + i, static_cast<size_t>(n - i) * sizeof(R));
  }
  if (const Index info = factor_upper<R>(most, u, stride)) return info;
  if (lower) {
    for (Index i = 0; i < n; i += W<R>) {
      const Index rows = n - i < W<R> ? n - i : W<R>;
      transpose_copy<R>(i, rows, u + i, stride, a + i * a_stride, a_stride);
      for (Index p = 0; p < rows; ++p)
        for (Index q = 0; q <= p; ++q) a[(i + p) * a_stride + i + q] = u[(i + q) * stride + i + p];
    }
  } else {
    for (Index i = 0; i < n; ++i) __builtin_memcpy(a + i * a_stride + i, u + i * stride + i, static_cast<size_t>(n - i) * sizeof(R));
  }
  return 0;
}

}  // namespace backsolve::BS_ISA
