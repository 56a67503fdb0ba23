// Householder's QR of one matrix in strips of up to kStripVectors vectors of columns, each by rows in memory of its own: a strip is a
// panel, its reflections applied to others as I - V Lᵀ Vᵀ (the compact WY form: Schreiber & Van Loan 1989), L lower triangular. V takes the
// place of the columns, with its ones and zeros above them, so that loops have no triangle to go around; R of the panel stands apart.
#pragma once
#include "gemm.h"

namespace backsolve::BS_ISA {

constexpr int kStripVectors = BS_VECTOR_BYTES == 64 ? 2 : 3;
template <class R>
constexpr int kStrip = kStripVectors * W<R>;

/// f.template operator()<V>() of a strip so many elements wide.
template <class R, class F>
BS_INLINE auto by_width(Index width, F f) {
  if constexpr (kStripVectors > 2)
    if (width == 3 * W<R>) return f.template operator()<3>();
  return width == 2 * W<R> ? f.template operator()<2>() : f.template operator()<1>();
}

template <class R>
BS_INLINE Mask<R> lanes_from(int first) {
  Mask<R> m;
  BS_UNROLL for (int i = 0; i < W<R>; ++i) m[i] = i + first;
  return m;
}

/// One row below that of column c: P := P without column c - x by, x = P(c); a column F W and those in vectors before it stay as they are.
/// kAdd: what the next column needs, Σ P(c + 1) P.
template <class R, int V, int F, bool kAdd>
BS_INLINE void sweep_row(R* row, int c, const Vec<R>* by, Mask<R> keep, Vec<R> next_by, Vec<R>* sum) {
  const Vec<R> x = splat<R>(row[c]);
  Vec<R> next{};
  if constexpr (kAdd) next = splat<R>(row[c + 1]) - x * next_by;
  BS_UNROLL for (int v = 0; v < V; ++v) {
    Vec<R> y = load<R>(row + v * W<R>);
    if (v == F) y = reinterpret_cast<Vec<R>>(reinterpret_cast<Mask<R>>(y) & keep);
    if (v >= F) {
      y -= x * by[v];
      store<R>(row + v * W<R>, y);
    }
    if constexpr (kAdd) sum[v] += next * y;
  }
}
/// The rows below that of column c, of which the first is not in the sum.
template <class R, int V, int F>
static __attribute__((noinline)) void sweep(R* row, Index rows, int c, bool add, const R* u, R* sum) {
  Vec<R> by[V], even[V] = {}, odd[V] = {};
  BS_UNROLL for (int v = 0; v < V; ++v) by[v] = load<R>(u + v * W<R>);
  const Mask<R> keep = lanes_from<R>(F * W<R>) != static_cast<decltype(Mask<R>{}[0] + 0)>(c);
  if (rows == 0) return;
  sweep_row<R, V, F, false>(row, c, by, keep, by[0], even);
  row += V * W<R>;
  if (!add) {
    for (Index i = 1; i < rows; ++i, row += V * W<R>) sweep_row<R, V, F, false>(row, c, by, keep, by[0], even);
    return;
  }
  const Vec<R> next_by = splat<R>(u[c + 1]);
  Index i = 1;
  for (; i + 2 <= rows; i += 2, row += 2 * V * W<R>) {
    sweep_row<R, V, F, true>(row, c, by, keep, next_by, even);
    sweep_row<R, V, F, true>(row + V * W<R>, c, by, keep, next_by, odd);
  }
  if (i < rows) sweep_row<R, V, F, true>(row, c, by, keep, next_by, even);
  BS_UNROLL for (int v = 0; v < V; ++v) store<R>(sum + v * W<R>, even[v] + odd[v]);
}

/// Squares between these neither lose digits, nor do products with other columns that have such squares.
template <class R>
constexpr R kLeastSquare = sizeof(R) == 8 ? R(0x1p-900) : R(0x1p-100);
template <class R>
constexpr R kMostSquare = sizeof(R) == 8 ? R(0x1p900) : R(0x1p100);

/// H = I - tau v vᵀ that takes [alpha; x] to [beta; 0], v = [1; scale x], as LAPACK's larfg has it.
template <class R>
struct Reflection {
  R tau, beta, scale;
};
template <class R>
BS_INLINE Reflection<R> reflection_of(R alpha, R square) {
  const R sum = alpha * alpha + square;
  const R norm = sizeof(R) == 8 ? static_cast<R>(__builtin_sqrt(sum)) : static_cast<R>(__builtin_sqrtf(static_cast<float>(sum)));
  const R beta = __builtin_signbit(alpha) ? norm : -norm;
  return {(beta - alpha) / beta, beta, 1 / (alpha - beta)};
}

/// Row c of L = Tᵀ, T of I - V T Vᵀ, from the products of v with vectors before it (LAPACK's larft).
template <class R, int V>
BS_INLINE void triangle_row(int c, R tau, const R* gram, R* l) {
  Vec<R> even[V] = {}, odd[V] = {};
  const R* above = l - c * kStrip<R>;
  int k = 0;
  for (; k + 2 <= c; k += 2, above += 2 * kStrip<R>) {
    const Vec<R> a = splat<R>(gram[k]), b = splat<R>(gram[k + 1]);
    BS_UNROLL for (int v = 0; v < V; ++v) even[v] += a * load<R>(above + v * W<R>);
    BS_UNROLL for (int v = 0; v < V; ++v) odd[v] += b * load<R>(above + kStrip<R> + v * W<R>);
  }
  if (k < c) BS_UNROLL for (int v = 0; v < V; ++v) even[v] += splat<R>(gram[k]) * load<R>(above + v * W<R>);
  BS_UNROLL for (int v = 0; v < V; ++v) store<R>(l + v * W<R>, (even[v] + odd[v]) * splat<R>(-tau));
  l[c] = tau;
}
/// Row c: W = P + scale `sum` is vᵀ P, and in columns before c the products of v with vectors before. Leaves the rows of R, V and L, and
/// what `sweep` takes.
template <class R, int V>
BS_INLINE void finish_row(const Reflection<R>& h, int c, int cols, R* row, const R* sum, R* u, R* r, R* l) {
  using Int = decltype(Mask<R>{}[0] + 0);
  alignas(64) R gram[V * W<R>];
  BS_UNROLL for (int v = 0; v < V; ++v) {
    const Mask<R> lane = lanes_from<R>(v * W<R>);
    const Mask<R> behind = lane > static_cast<Int>(c), here = lane == static_cast<Int>(c), foreign = lane >= static_cast<Int>(cols);
    const Vec<R> old = load<R>(row + v * W<R>), w = old + load<R>(sum + v * W<R>) * splat<R>(h.scale);
    const Vec<R> t = w * splat<R>(h.tau), fresh = old - t, none{};
    store<R>(gram + v * W<R>, w);
    store<R>(u + v * W<R>, behind ? t * splat<R>(h.scale) : here ? splat<R>(-h.scale) : none);
    store<R>(r + v * W<R>, behind & ~foreign ? fresh : here ? splat<R>(h.beta) : none);
    store<R>(row + v * W<R>, foreign ? fresh : behind ? none : here ? splat<R>(1) : old);
  }
  triangle_row<R, V>(c, h.tau, gram, l);
}

template <class R, int V>
static bool factor_strip(R* p, Index rows, int cols, R* r, R* l) {
  constexpr Index kStride = V * W<R>;
  alignas(64) R sum[kStride], u[kStride];
  {
    Vec<R> even[V] = {}, odd[V] = {};
    Index i = 1;
    for (; i + 2 <= rows; i += 2) {
      const R *const a = p + i * kStride, *const b = a + kStride;
      BS_UNROLL for (int v = 0; v < V; ++v) even[v] += splat<R>(a[0]) * load<R>(a + v * W<R>);
      BS_UNROLL for (int v = 0; v < V; ++v) odd[v] += splat<R>(b[0]) * load<R>(b + v * W<R>);
    }
    if (i < rows) BS_UNROLL for (int v = 0; v < V; ++v) even[v] += splat<R>(p[i * kStride]) * load<R>(p + i * kStride + v * W<R>);
    BS_UNROLL for (int v = 0; v < V; ++v) store<R>(sum + v * W<R>, even[v] + odd[v]);
  }
  for (int c = 0; c < cols; ++c) {
    R* const row = p + c * kStride;
    Reflection<R> h{0, row[c], 0};
    if (sum[c] >= kLeastSquare<R> && sum[c] <= kMostSquare<R>) {
      h = reflection_of(row[c], sum[c]);
    } else {
      for (Index i = c + 1; i < rows; ++i)
        if (!(p[i * kStride + c] == 0)) return false;
      for (int j = 0; j < kStride; ++j) sum[j] = 0;
    }
    finish_row<R, V>(h, c, cols, row, sum, u, r + c * kStrip<R>, l + c * kStrip<R>);
    const bool add = c + 1 < cols;
    const Index below = rows - c - 1;
    for (int j = 0; j < kStride; ++j) sum[j] = 0;
    switch (c / W<R>) {
      case 0:
        sweep<R, V, 0>(row + kStride, below, c, add, u, sum);
        break;
      case 1:
        if constexpr (V > 1) sweep<R, V, 1>(row + kStride, below, c, add, u, sum);
        break;
      default:
        if constexpr (V > 2) sweep<R, V, 2>(row + kStride, below, c, add, u, sum);
    }
  }
  return true;
}
/// See Kernels::qr_panel.
template <class R>
static bool qr_panel(R* p, Index width, Index rows, Index cols, R* r, R* l) {
  return by_width<R>(width, [=]<int V>() { return factor_strip<R, V>(p, rows, static_cast<int>(cols), r, l); });
}

template <class R, int V>
static void given_strip(R* p, Index rows, Index cols, const R* tau, R* l) {
  constexpr Index kStride = V * W<R>;
  alignas(64) R gram[kStrip<R> * kStride];
  for (Index i = 0; i < cols; ++i)
    for (Index j = i; j < kStride; ++j) p[i * kStride + j] = j == i ? 1 : 0;
  product_rows<R, V, true>({p, 1, kStride, p, kStride, rows, gram, kStride, kStride - W<R>, static_cast<int>(kStride), 1, 0}, cols);
  for (int c = 0; c < cols; ++c) triangle_row<R, V>(c, tau[c], gram + c * kStride, l + c * kStrip<R>);
}
/// See Kernels::qr_given.
template <class R>
static void qr_given(R* p, Index width, Index rows, Index cols, const R* tau, R* l) {
  by_width<R>(width, [=]<int V>() { given_strip<R, V>(p, rows, cols, tau, l); });
}

/// C -= V X, so many rows in blocks.
template <class R, int V>
static __attribute__((noinline)) void take_reflections(Index rows, Index count, const R* a, Index stride, const R* x, R* c) {
  constexpr Index kStride = V * W<R>;
  for (Index i = 0; i < rows; i += kRows, a += kRows * stride, c += kRows * kStride) {
    Block<R, V> b;
    b.load_rows(c, kStride);
    const R *from = a, *right = x;
    for (Index k = 0; k < count; ++k, ++from, right += kStride) {
      Vec<R> of[V];
      BS_UNROLL for (int v = 0; v < V; ++v) of[v] = load<R>(right + v * W<R>);
      BS_UNROLL for (int r = 0; r < kRows; ++r) {
        const Vec<R> factor = splat<R>(from[r * stride]);
        BS_UNROLL for (int v = 0; v < V; ++v) b.at[r][v] -= factor * of[v];
      }
    }
    BS_UNROLL for (int r = 0; r < kRows; ++r) b.store_row(r, c, kStride);
  }
}
/// Y = L X, or Lᵀ X, of `count` rows, M at a time.
template <class R, int V, int M>
BS_INLINE Index by_triangle(bool transposed, Index count, Index i, const R* l, const R* x, R* y) {
  constexpr Index kStride = V * W<R>, kL = kStrip<R>;
  Product<R> p{nullptr, 0, 0, nullptr, kStride, 0, y + i * kStride, kStride, kStride - W<R>, static_cast<int>(kStride), 1, 0};
  for (; i + M <= count; i += M, p.c += M * kStride) {
    p.a = transposed ? l + i * (kL + 1) : l + i * kL;
    p.row = transposed ? 1 : kL;
    p.col = transposed ? kL : 1;
    p.b = transposed ? x + i * kStride : x;
    p.depth = transposed ? count - i : i + M;
    product_block<R, W<R>, M, V, true>(p, 0);
  }
  return i;
}
template <class R, int V>
static void reflect_strip(const packed::Reflections<R>& h, bool adjoint, Index from, R* c) {
  constexpr Index kStride = V * W<R>;
  alignas(64) R x[kStrip<R> * kStride], y[kStrip<R> * kStride];
  const Product<R> p{h.v + from * h.stride,     1, h.stride, c + from * kStride, kStride, h.rows - from, x, kStride, kStride - W<R>,
                     static_cast<int>(kStride), 1, 0};
  product_rows<R, V, true>(p, h.count);
  Index i = by_triangle<R, V, kRows>(!adjoint, h.count, 0, h.l, x, y);
  if (kRows > 4) i = by_triangle<R, V, 4>(!adjoint, h.count, i, h.l, x, y);
  by_triangle<R, V, 1>(!adjoint, h.count, i, h.l, x, y);
  take_reflections<R, V>(h.rows, h.count, h.v, h.stride, y, c);
}
/// See Kernels::qr_reflect.
template <class R>
static void qr_reflect(const packed::Reflections<R>& h, bool adjoint, Index from, R* c, Index width) {
  by_width<R>(width, [&]<int V>() { reflect_strip<R, V>(h, adjoint, from, c); });
}

/// See Kernels::qr_load.
template <class R>
static void qr_load(bool transposed, Index rows, Index cols, const R* from, Index stride, R* to, Index width) {
  if (cols < width) {
    for (Index i = 0; i < rows; ++i)
      for (Index j = cols; j < width; ++j) to[i * width + j] = 0;
  }
  if (transposed) return transpose_copy<R>(cols, rows, from, stride, to, width);
  if (cols < width) return plain_copy<R>(rows, cols, from, stride, to, width);
  for (Index i = 0; i < rows; ++i, from += stride, to += width)
    for (Index j = 0; j < width; j += W<R>) store<R>(to + j, loadu<R>(from + j));
}

/// The largest |x| of a row-major matrix; NaN where something is not finite.
template <class R>
static R largest_of(Index rows, Index cols, const R* a, Index stride) {
  if (stride == cols) {
    cols *= rows;
    rows = 1;
  }
  Vec<R> most[2] = {}, zero[2] = {};
  R last = 0, none = 0;
  const auto see = [&](int at, Vec<R> x) {
    zero[at] += x * 0;
    x = x < 0 ? -x : x;
    most[at] = x > most[at] ? x : most[at];
  };
  for (Index i = 0; i < rows; ++i, a += stride) {
    Index j = 0;
    for (; j + 2 * W<R> <= cols; j += 2 * W<R>) {
      see(0, loadu<R>(a + j));
      see(1, loadu<R>(a + j + W<R>));
    }
    BS_SCALAR for (; j < cols; ++j) {
      const R x = a[j] < 0 ? -a[j] : a[j];
      none += x * 0;
      last = x > last ? x : last;
    }
  }
  for (int v = 0; v < 2; ++v)
    for (int w = 0; w < W<R>; ++w) {
      none += zero[v][w];
      last = most[v][w] > last ? most[v][w] : last;
    }
  return last + none;
}

}  // namespace backsolve::BS_ISA
