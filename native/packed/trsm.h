// Triangular solves. Whatever the side, the triangle and the transpose, what is solved is L X = B with L lower triangular from its first
// row, as sides, triangles and transposes are but orders in which A and X are copied: X in strips of up to kWide vectors, L in panels of
// kRows rows, by columns.
#pragma once
#include "blocks.h"

namespace backsolve::BS_ISA {

/// How op(A), or its transpose, is read as L: element (i, k) is at first + i * row + k * col.
template <class R>
struct Form {
  const R* first;
  Index row, col;
};

/// The panels one after the other: that of rows [i, i + kRows) is i + kRows columns of kRows, on the diagonal the reciprocals.
template <class R>
static void pack_triangle(Index n, Form<R> l, bool unit, R* to) {
  for (Index i = 0; i < n; i += kRows) {
    const int rows = n - i < kRows ? static_cast<int>(n - i) : kRows;
    const R* const from = l.first + i * l.row;
    if (rows < kRows) {
      for (Index e = 0; e < (i + kRows) * kRows; ++e) to[e] = 0;
    }
    if (l.row == 1)
      plain_copy<R>(i, rows, from, l.col, to, kRows);
    else if (l.col == 1)
      transpose_copy<R>(rows, i, from, l.row, to, kRows);
    else
      for (Index k = 0; k < i; ++k)
        for (int r = 0; r < rows; ++r) to[k * kRows + r] = from[r * l.row + k * l.col];
    R* const triangle = to + i * kRows;
    for (int c = 0; c < kRows; ++c)
      for (int r = c; r < kRows; ++r) {
        const bool inside = r < rows;
        if (r == c)
          triangle[c * kRows + r] = unit || !inside ? R(1) : R(1) / from[r * l.row + (i + c) * l.col];
        else
          triangle[c * kRows + r] = inside ? from[r * l.row + (i + c) * l.col] : R(0);
      }
    to += (i + kRows) * kRows;
  }
}

template <class R, int V>
static __attribute__((noinline)) void solve_strip(Index n, const R* l, R* x) {
  constexpr Index kStride = V * W<R>;
  for (Index i = 0; i < n; i += kRows) {
    Block<R, V> b;
    R* const at = x + i * kStride;
    b.load_rows(at, kStride);
    b.take(i, l, kRows, x, kStride);
    l += i * kRows;
    R inverse[kRows];
    BS_UNROLL for (int r = 0; r < kRows; ++r) inverse[r] = l[r * kRows + r];
    b.solve(l, kRows, inverse, at, kStride);
    l += kRows * kRows;
  }
}

/// X as a strip sees it: element (i, j) at first + i * row + j * col.
template <class R>
struct Strip {
  R* first;
  Index row, col;
};
/// `width` columns from column j on, into rows of `stride`, zeros behind them.
template <class R>
static void pack_strip(Index n, Index width, Strip<R> x, R* to, Index stride) {
  const Index all = padded(n);
  if (x.col == 1) {
    if (width == stride) {
      for (Index i = 0; i < n; ++i)
        for (Index j = 0; j < stride; j += W<R>) storeu<R>(to + i * stride + j, loadu<R>(x.first + i * x.row + j));
    } else {
      for (Index i = 0; i < n; ++i) {
        for (Index j = width; j < stride; ++j) to[i * stride + j] = 0;
        __builtin_memcpy(to + i * stride, x.first + i * x.row, static_cast<size_t>(width) * sizeof(R));
      }
    }
  } else {
    for (Index i = 0; i < n && width < stride; ++i)
      for (Index j = width; j < stride; ++j) to[i * stride + j] = 0;
    if (x.row == 1) {
      transpose_copy<R>(width, n, x.first, x.col, to, stride);
    } else {  // by columns from the last element
      transpose_copy<R>(width, n, x.first - (n - 1), x.col, to + (n - 1) * stride, -stride);
    }
  }
  for (Index e = n * stride; e < all * stride; ++e) to[e] = 0;
}
template <class R>
static void unpack_strip(Index n, Index width, Strip<R> x, const R* from, Index stride) {
  if (x.col == 1) {
    if (width == stride) {
      for (Index i = 0; i < n; ++i)
        for (Index j = 0; j < stride; j += W<R>) storeu<R>(x.first + i * x.row + j, loadu<R>(from + i * stride + j));
    } else {
      plain_copy<R>(n, width, from, stride, x.first, x.row);
    }
  } else if (x.row == 1) {
    transpose_copy<R>(n, width, from, stride, x.first, x.col);
  } else {
    transpose_copy<R>(n, width, from + (n - 1) * stride, -stride, x.first - (n - 1), x.col);
  }
}

template <class R>
static void trsm(bool left, bool lower, bool transposed, bool unit, Index n, const R* a, Index a_stride, Index count, R* x, Index x_stride,
                 R* room) {
  // On the right side, op(A)ᵀ Xᵀ = Bᵀ.
  const bool flipped = transposed == left;  // L is by columns of A
  Form<R> l{a, flipped ? 1 : a_stride, flipped ? a_stride : 1};
  Strip<R> all{x, left ? x_stride : 1, left ? 1 : x_stride};
  if (lower == flipped) {  // from the last row to the first
    l = {l.first + (n - 1) * (l.row + l.col), -l.row, -l.col};
    all = {all.first + (n - 1) * all.row, -all.row, all.col};
  }
  const Index most = padded(n);
  pack_triangle<R>(n, l, unit, room);
  R* const strip = room + most * (most + kRows) / 2;
  for (Index j = 0; j < count;) {
    const Index left_over = count - j;
    const Strip<R> part{all.first + j * all.col, all.row, all.col};
    const int wide = left_over > 2 * W<R> ? 3 : left_over > W<R> ? 2 : 1;
    const Index stride = wide * W<R>, width = left_over < stride ? left_over : stride;
    pack_strip<R>(n, width, part, strip, stride);
    if (wide == 3) solve_strip<R, 3>(most, room, strip);
    if (wide == 2) solve_strip<R, 2>(most, room, strip);
    if (wide == 1) solve_strip<R, 1>(most, room, strip);
    unpack_strip<R>(n, width, part, strip, stride);
    j += width;
  }
}

}  // namespace backsolve::BS_ISA
