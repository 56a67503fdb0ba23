// Columns of products of W matrices' reflections side by side, from V and γ: what is known to be zero is neither read nor written on the
// way. docs/derivations/qr.md
#pragma once
#include "qr.h"

namespace backsolve::BS_ISA {

template <class L>
struct Orthogonal {
  using R = typename L::Real;
  using E = typename L::Element;
  static constexpr int B = L::block;
  static constexpr int kElement = W<R> * L::planes;
  const Reflections<L>& h;

  /// T of the block of reflections of column j, whose V and γ are there.
  __attribute__((noinline)) void close(Index j, const Strided<L>& gamma) const {
    const Strided<L> u = h.vectors(j), f = h.triangle(j);
    const E zero = L::from_re(Vec<R>{});
    E dot[B][B], x[B];  // -Vᴴ V above the diagonal
    for (int c = 0; c < B; ++c)
      for (int k = 0; k < B; ++k) dot[c][k] = zero;
    for (Index i = 0; i < u.rows; ++i) {
      for (int k = 0; k < B; ++k) x[k] = u.get(i, k);
      for (int k = 1; k < B; ++k)
        for (int c = 0; c < k; ++c) dot[c][k] = L::minus_conj(dot[c][k], x[k], x[c]);
    }
    for (int k = 0; k < B; ++k) {
      const E g = k < h.width(j) ? gamma.get(j + k, 0) : zero;
      for (int c = 0; c < B; ++c) {
        E sum = zero;
        for (int e = c; e < k; ++e) sum = L::minus(sum, f.get(c, e), L::negate(dot[e][k]));
        f.set(c, k, c < k ? L::mul(sum, g) : c == k ? g : zero);
      }
    }
  }
  /// Q e of Q columns of the identity, from column j + c on, of the block of column j alone: E - V W, W = T V_1ᴴ, V_1 the first rows of V.
  /// Nothing stands above row j.
  template <int Q>
  BS_INLINE void begin(Index j, Index c, Strided<L> to) const {
    const Strided<L> u = h.vectors(j), f = h.triangle(j);
    const auto zero = L::from_re(Vec<R>{}), one = L::from_re(splat<R>(1));
    E w[B][Q];
    for (int q = 0; q < Q; ++q)
      for (int k = 0; k < B; ++k) {
        E sum = zero;
        for (int s = k; s < B; ++s) sum = L::minus_conj(sum, f.get(k, s), u.get(c + q, s));
        w[k][q] = L::negate(sum);
      }
    const R* from = u.data;
    R* out = to.at(j, c);
    for (Index i = 0; i < u.rows; ++i, from += B * kElement, out += to.row * kElement)
      for (int q = 0; q < Q; ++q) {
        E x = i == c + q ? one : zero;
        for (int k = 0; k < B; ++k) x = L::minus(x, L::load(from + k * kElement), w[k][q]);
        L::store(out + q * kElement, x);
      }
  }
  /// The block of column b times Q columns of the panel from column c on, which are zero above row `first`.
  template <int Q>
  BS_INLINE void apply(Index b, Index first, Index c, Strided<L> to) const {
    const Strided<L> u = h.vectors(b), f = h.triangle(b);
    const auto zero = L::from_re(Vec<R>{});
    E w[B][Q], x[Q];
    for (int k = 0; k < B; ++k)
      for (int q = 0; q < Q; ++q) w[k][q] = zero;
    const Index skip = first - b;
    const R *from = u.at(skip, 0), *p = h.panel.at(first, c);
    for (Index i = skip; i < u.rows; ++i, from += B * kElement, p += B * kElement) {
      for (int q = 0; q < Q; ++q) x[q] = L::load(p + q * kElement);
      for (int k = 0; k < B; ++k) {
        const E a = L::load(from + k * kElement);
        for (int q = 0; q < Q; ++q) w[k][q] = L::minus_conj(w[k][q], x[q], a);
      }
    }
    for (int q = 0; q < Q; ++q)
      for (int k = 0; k < B; ++k) {  // of -Vᴴ P to T Vᴴ P, from the first row on
        E sum = zero;
        for (int s = k; s < B; ++s) sum = L::minus(sum, f.get(k, s), w[s][q]);
        w[k][q] = sum;
      }
    from = u.data;
    p = h.panel.at(b, c);
    R* out = to.at(b, c);
    for (Index i = 0; i < u.rows; ++i, from += B * kElement, p += B * kElement, out += to.row * kElement) {
      for (int q = 0; q < Q; ++q) x[q] = i < skip ? zero : L::load(p + q * kElement);
      for (int k = 0; k < B; ++k) {
        const E a = L::load(from + k * kElement);
        for (int q = 0; q < Q; ++q) x[q] = L::minus(x[q], a, w[k][q]);
      }
      for (int q = 0; q < Q; ++q) L::store(out + q * kElement, x[q]);
    }
  }
  __attribute__((noinline)) void begin_columns(Index j, Index columns, const Strided<L>& to) const {
    if (columns == B) return begin<B>(j, 0, to);
    for (Index c = 0; c < columns; ++c) begin<1>(j, c, to);
  }
  __attribute__((noinline)) void apply_columns(Index b, Index first, Index columns, const Strided<L>& to) const {
    if (columns == B) return apply<B>(b, first, 0, to);
    for (Index c = 0; c < columns; ++c) apply<1>(b, first, c, to);
  }
  /// Q e_j, some columns at a time: blocks of reflections behind column j leave it as it is, and what the last block to be applied gives
  /// is the answer. Columns beyond as many as rows are zero.
  BS_INLINE void form(Strided<L> to) const {
    const auto zero = L::from_re(Vec<R>{}), one = L::from_re(splat<R>(1));
    const Index last = (h.count + B - 1) / B * B - B, columns = to.cols < to.rows ? to.cols : to.rows;
    for (Index i = 0; i < to.rows; ++i)
      for (Index j = columns; j < to.cols; ++j) to.set(i, j, zero);
    for (Index j = 0; j < columns; j += B) {
      const Index q = columns - j < B ? columns - j : B;
      const Strided<L> answer{to.at(0, j), to.rows, q, to.row, 1};
      Index first = j, b = j < last ? j : last;
      if (b == j) {
        begin_columns(j, q, b == 0 ? answer : h.panel);
        b -= B;
      } else {
        const Strided<L> start = b < 0 ? answer : h.panel;
        for (Index i = 0; i < to.rows; ++i)
          for (Index k = 0; k < q; ++k) start.set(i, k, i == j + k ? one : zero);
      }
      for (; b >= 0; first = b, b -= B) apply_columns(b, first, q, b == 0 ? answer : h.panel);
    }
  }
};

}  // namespace backsolve::BS_ISA
