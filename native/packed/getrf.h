// P A = L U with partial pivoting of a matrix with at least as many rows as columns, in place: kPanel columns at a time, each panel brought
// up to date with those before it when its turn comes (left-looking; Golub & Van Loan, 3.4.5 and 3.4.8), then factored by columns in memory
// of our own.
#pragma once
#include "blocks.h"

namespace backsolve::BS_ISA {

template <class R>
struct Integer {
  using type = int64_t;
};
template <>
struct Integer<float> {
  using type = int32_t;
};
template <class R>
using Word = typename Integer<R>::type;

/// Vectors and columns of a panel.
template <class R>
constexpr int kAcross = BS_VECTOR_BYTES == 64 ? 1 : 2;
template <class R>
constexpr int kPanel = kAcross<R> * W<R>;

/// Takes Σ_k L(r, k) X(k, ·), k < count, L by rows; `last` is the last row that there is, and stands for those behind it.
template <class R, int V>
BS_INLINE void take_rows(Block<R, V>& b, Index count, const R* l, Index stride, Index last, const R* x) {
  const R* row[kRows];
  BS_UNROLL for (int r = 0; r < kRows; ++r) row[r] = l + (r < last ? r : last) * stride;
  for (Index k = 0; k < count; ++k, x += V * W<R>) {
    Vec<R> right[V];
    BS_UNROLL for (int v = 0; v < V; ++v) right[v] = load<R>(x + v * W<R>);
    BS_UNROLL for (int r = 0; r < kRows; ++r) {
      const Vec<R> factor = splat<R>(row[r][k]);
      BS_UNROLL for (int v = 0; v < V; ++v) b.at[r][v] -= factor * right[v];
    }
  }
}
/// X := L⁻¹ X of `top` rows, ones on the diagonal of L; then Y := Y - M X for the rows below, L and M in the same `a`.
template <class R>
static __attribute__((noinline)) void bring_up(Index top, Index rows, const R* a, Index stride, R* x) {
  constexpr int V = kAcross<R>;
  constexpr Index kStride = kPanel<R>;
  for (Index i = 0; i < rows; i += kRows) {
    Block<R, V> b;
    R* const at = x + i * kStride;
    const R* const l = a + i * stride;
    b.load_rows(at, kStride);
    take_rows<R, V>(b, i < top ? i : top, l, stride, rows - 1 - i, x);
    BS_UNROLL for (int r = 0; r < kRows; ++r) {
      if (i < top) {
        BS_UNROLL for (int c = 0; c < kRows; ++c) {
          if (c >= r) continue;
          const Vec<R> factor = splat<R>(l[r * stride + i + c]);
          BS_UNROLL for (int v = 0; v < V; ++v) b.at[r][v] -= factor * b.at[c][v];
        }
      }
      b.store_row(r, at, kStride);
    }
  }
}

template <class R>
BS_INLINE Mask<R> counted() {
  Mask<R> m;
  BS_UNROLL for (int i = 0; i < W<R>; ++i) m[i] = i;
  return m;
}

/// The row of the largest |x_i|, i >= from, the first of equals; NaN is larger than nothing, and nothing is larger than it.
template <class R>
BS_INLINE Index largest(const R* x, Index from, Index rows) {
  const Index first = from / W<R> * W<R>;
  const auto word = [](Index i) { return static_cast<Word<R>>(i); };
  Vec<R> most = splat<R>(x[from] < 0 ? -x[from] : x[from]);
  Mask<R> at = Mask<R>{} + word(from), here = counted<R>() + word(first);
  for (Index i = first; i < rows; i += W<R>, here += word(W<R>)) {
    const Vec<R> v = load<R>(x + i), size = v < 0 ? -v : v;
    const Mask<R> larger = (size > most) & (here > word(from));
    most = larger ? size : most;
    at = larger ? here : at;
  }
  R best = most[0];
  Word<R> row = at[0];
  for (int w = 1; w < W<R>; ++w) {
    if (most[w] > best || (most[w] == best && at[w] < row)) {
      best = most[w];
      row = at[w];
    }
  }
  return row;
}

/// Column c of a panel by columns, its pivot in row c: divides what is below, and takes its multiples from the columns behind it.
template <class R>
BS_INLINE void eliminate(R* p, Index stride, Index rows, Index c, Index cols) {
  R* const column = p + c * stride;
  const Vec<R> pivot = splat<R>(column[c]);
  const Index first = c / W<R> * W<R>;
  const Mask<R> below = counted<R>() > static_cast<Word<R>>(c - first);
  const Vec<R> head = load<R>(column + first);
  store<R>(column + first, below ? head / pivot : head);
  for (Index i = first + W<R>; i < rows; i += W<R>) store<R>(column + i, load<R>(column + i) / pivot);
  for (Index q = c + 1; q < cols; ++q) {
    R* const other = p + q * stride;
    const Vec<R> factor = splat<R>(other[c]);
    const Vec<R> old = load<R>(other + first);
    store<R>(other + first, below ? old - load<R>(column + first) * factor : old);
    for (Index i = first + W<R>; i < rows; i += W<R>) store<R>(other + i, load<R>(other + i) - load<R>(column + i) * factor);
  }
}

template <class R>
static __attribute__((noinline)) void factor_panel(R* p, Index stride, Index rows, Index cols, int32_t* pivots) {
  for (Index c = 0; c < cols; ++c) {
    const Index at = largest<R>(p + c * stride, c, rows);
    pivots[c] = static_cast<int32_t>(at);
    if (at != c) {
      for (Index q = 0; q < cols; ++q) {
        const R x = p[q * stride + c];
        p[q * stride + c] = p[q * stride + at];
        p[q * stride + at] = x;
      }
    }
    if (!(p[c * stride + c] == 0)) eliminate<R>(p, stride, rows, c, cols);
  }
}

template <class R>
BS_INLINE void swap_rows(R* x, R* y, Index count) {
  Index j = 0;
  for (; j + W<R> <= count; j += W<R>) {
    const Vec<R> z = loadu<R>(x + j);
    storeu<R>(x + j, loadu<R>(y + j));
    storeu<R>(y + j, z);
  }
  BS_SCALAR for (; j < count; ++j) {
    const R z = x[j];
    x[j] = y[j];
    y[j] = z;
  }
}

/// Columns of a panel in rows of its own, zeros around them.
template <class R>
BS_INLINE void copy_panel(Index rows, Index cols, const R* from, Index stride, R* to) {
  constexpr Index kStride = kPanel<R>;
  if (cols == kStride) {
    for (Index i = 0; i < rows; ++i)
      BS_UNROLL for (int v = 0; v < kAcross<R>; ++v) store<R>(to + i * kStride + v * W<R>, loadu<R>(from + i * stride + v * W<R>));
  } else {
    for (Index i = 0; i < rows; ++i)
      BS_SCALAR for (Index q = 0; q < kStride; ++q) to[i * kStride + q] = q < cols ? from[i * stride + q] : 0;
  }
  for (Index e = rows * kStride; e < padded(rows) * kStride; ++e) to[e] = 0;
}

template <class R>
static void getrf(Index m, Index n, R* a, Index stride, int32_t* pivots, R* room) {
  constexpr Index kStride = kPanel<R>;
  R* const x = room;
  R* const p = room + padded(m) * kStride;
  const Index tall = (m + 2 * W<R> - 1) / W<R> / 2 * 2 * W<R> + W<R>;  // an odd number of vectors
  for (Index j = 0; j < n; j += kStride) {
    const Index cols = n - j < kStride ? n - j : kStride, rows = m - j;
    copy_panel<R>(m, cols, a + j, stride, x);
    if (j > 0) {
      bring_up<R>(j, m, a, stride, x);
      plain_copy<R>(j, cols, x, kStride, a + j, stride);
    }
    for (Index q = 0; q < cols; ++q)
      for (Index i = rows; i < tall; ++i) p[q * tall + i] = 0;
    transpose_copy<R>(rows, cols, x + j * kStride, kStride, p, tall);
    factor_panel<R>(p, tall, rows, cols, pivots + j);
    transpose_copy<R>(cols, rows, p, tall, a + j * stride + j, stride);
    for (Index c = j; c < j + cols; ++c) {
      const Index with = pivots[c] += static_cast<int32_t>(j);
      if (with == c) continue;
      swap_rows<R>(a + c * stride, a + with * stride, j);
      swap_rows<R>(a + c * stride + j + cols, a + with * stride + j + cols, n - j - cols);
    }
  }
}

}  // namespace backsolve::BS_ISA
