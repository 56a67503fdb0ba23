// QR of W tall matrices side by side, left-looking: a few columns at a time get all reflections before them as blocks I - V T Vᴴ (Schreiber
// & Van Loan 1989), then reflections of their own.
//
// A reflection of x = (α, ...) as LAPACK has it: β = -sgn(Re α) ‖x‖, which is real, v = x - β e, γ = -1 / (β conj(α - β)), H = I - γ v vᴴ,
// so that Hᴴ x = β e; where nothing but a real α is there, H = I. Of H_1 ... H_q = I - V T Vᴴ, T is upper triangular with T_kk = γ_k and
// T_{0..k-1,k} = -γ_k T V_{0..k-1}ᴴ v_k.
#pragma once
#include "strided.h"

namespace backsolve::BS_ISA {

/// The largest |re| or |im|; an infinity or NaN where there is one. Bits of magnitudes are ordered as the magnitudes are.
template <class L>
__attribute__((noinline)) Vec<typename L::Real> largest(const void* p, Index count) {
  using R = typename L::Real;
  const R* const parts = static_cast<const R*>(p);
  Mask<R> most = Mask<R>{};
  for (Index i = 0; i < count * L::planes; ++i) {
    const Mask<R> size = reinterpret_cast<Mask<R>>(bits_of<R>(load<R>(parts + i * W<R>)) & ~Ieee<R>::sign);
    most = size > most ? size : most;
  }
  return reinterpret_cast<Vec<R>>(most);
}
template <class R>
BS_INLINE constexpr R power_of_two(int e) {
  R x = 1;
  for (; e > 0; --e) x *= 2;
  return x;
}

template <class L>
BS_INLINE Vec<typename L::Real> square(typename L::Element x) {
  return L::re(L::minus_conj(L::from_re(Vec<typename L::Real>{}), L::negate(x), x));
}
template <class L>
BS_INLINE Vec<typename L::Real> magnitude(typename L::Element x) {
  using R = typename L::Real;
  if constexpr (L::planes == 1)
    return vabs<R>(x);
  else
    return vsqrt<R>(square<L>(x));
}
/// Squares below this are not to be trusted.
template <class R>
constexpr R kTinySquare = sizeof(R) == 8 ? R(0x1p-960) : R(0x1p-100);
/// A complex x, or 0 where its square has lost digits: x / |x| would not be of modulus 1.
template <class L>
BS_INLINE typename L::Element trusted(typename L::Element x) {
  using R = typename L::Real;
  if constexpr (L::planes == 1)
    return x;
  else
    return L::pick(square<L>(x) < kTinySquare<R>, L::from_re(Vec<R>{}), x);
}
/// x / |x|, 1 of zero; of complex x trusted ones alone.
template <class L>
BS_INLINE typename L::Element sign_of(typename L::Element x, Vec<typename L::Real> size) {
  using R = typename L::Real;
  if constexpr (L::planes == 1) return x < Vec<R>{} ? splat<R>(-1) : splat<R>(1);
  const Mask<R> none = size == Vec<R>{};
  return L::pick(none, L::from_re(splat<R>(1)), L::scale(x, splat<R>(1) / (none ? splat<R>(1) : size)));
}

/// The reflections of a matrix of `count` columns and `rows` rows, of the `most` that there is room for.
template <class L>
struct Reflections {
  using R = typename L::Real;
  using E = typename L::Element;
  static constexpr int B = L::block;  // columns together

  Index count, most, rows;
  Strided<L> v;  // a block of columns after the other, each with its rows from its first column on; zero above the diagonal
  Strided<L> t;  // T, a block below the other
  Strided<L> r;  // count x count, zero below the diagonal
  Strided<L> panel;
  Mask<R> doubtful;

  Reflections(Arena& arena, Index columns, Index most_rows)
      : count(columns),
        most(most_rows),
        rows(most_rows),
        v(take_strided<L>(arena, (columns + B - 1) / B * most_rows, B)),
        t(take_strided<L>(arena, (columns + B - 1) / B * B, B)),
        r(take_strided<L>(arena, columns, columns | 1)),
        panel(take_strided<L>(arena, most_rows, B)),
        doubtful{} {
    r.cols = columns;
  }

  BS_INLINE Index width(Index j) const { return count - j < B ? count - j : B; }
  BS_INLINE Strided<L> vectors(Index j) const { return {v.at(j / B * most, 0), rows - j, B, B, 1}; }
  BS_INLINE Strided<L> triangle(Index j) const { return {t.at(j, 0), B, B, B, 1}; }

  /// Columns of the panel, neither zero nor of squares to be trusted, lose digits in products with reflections that are as small.
  __attribute__((noinline)) void doubt_small(Index columns) {
    for (Index k = 0; k < columns; ++k) {
      Vec<R> most = Vec<R>{};
      for (Index i = 0; i < rows; ++i) {
        const Vec<R> size = L::size1(panel.get(i, k));
        most = size > most ? size : most;
      }
      doubtful |= (most > Vec<R>{}) & (most * most < kTinySquare<R>);
    }
  }

  /// Q columns of the panel, from row j on: P -= V T' Vᴴ P, T' = Tᴴ where `forward`, else T.
  template <int Q>
  BS_INLINE void apply_to(Index j, bool forward, Index c) const {
    const Strided<L> u = vectors(j), f = triangle(j);
    E w[B][Q], x[Q];
    for (int k = 0; k < B; ++k)
      for (int q = 0; q < Q; ++q) w[k][q] = L::from_re(Vec<R>{});
    const R* from = u.data;
    const R* p = panel.at(j, c);
    constexpr int kElement = W<R> * L::planes;
    for (Index i = 0; i < u.rows; ++i, from += B * kElement, p += B * kElement) {
      for (int q = 0; q < Q; ++q) x[q] = L::load(p + q * kElement);
      for (int k = 0; k < B; ++k) {
        const E a = L::load(from + k * kElement);
        for (int q = 0; q < Q; ++q) w[k][q] = L::minus_conj(w[k][q], x[q], a);
      }
    }
    // w = -Vᴴ P, to be -T' Vᴴ P
    for (int q = 0; q < Q; ++q) {
      E y[B];
      for (int k = 0; k < B; ++k) {
        y[k] = L::from_re(Vec<R>{});
        for (int s = forward ? 0 : k; s < (forward ? k + 1 : B); ++s) {
          const E a = forward ? L::conj(f.get(s, k)) : f.get(k, s);
          y[k] = L::minus(y[k], a, w[s][q]);
        }
      }
      for (int k = 0; k < B; ++k) w[k][q] = y[k];  // T' Vᴴ P
    }
    from = u.data;
    R* to = panel.at(j, c);
    for (Index i = 0; i < u.rows; ++i, from += B * kElement, to += B * kElement) {
      for (int q = 0; q < Q; ++q) x[q] = L::load(to + q * kElement);
      for (int k = 0; k < B; ++k) {
        const E a = L::load(from + k * kElement);
        for (int q = 0; q < Q; ++q) x[q] = L::minus(x[q], a, w[k][q]);
      }
      for (int q = 0; q < Q; ++q) L::store(to + q * kElement, x[q]);
    }
  }
  /// The block of column j, to the panel's first `columns`. Columns of V that are not there are zero.
  __attribute__((noinline)) void apply(Index j, bool forward, Index columns) const {
    if (columns == B) return apply_to<B>(j, forward, 0);
    for (Index c = 0; c < columns; ++c) apply_to<1>(j, forward, c);
  }

  /// The panel becomes Qᴴ, of the blocks before column `to`, or Q times itself, of all blocks or those that begin before a column.
  BS_INLINE void apply_adjoint(Index to, Index columns) const {
    for (Index j = 0; j < to; j += B) apply(j, true, columns);
  }
  BS_INLINE void apply_plain(Index columns) const { apply_plain(count, columns); }
  BS_INLINE void apply_plain(Index before, Index columns) const {
    for (Index j = (before + B - 1) / B * B - B; j >= 0; j -= B) apply(j, false, columns);
  }

  /// Reflection C of the panel from row j on, and what it does to the other columns; `below`: the sum of the squares below the diagonal in
  /// its column, and then in the next.
  template <int C>
  BS_INLINE void reflect(Index j, Vec<R>& below) {
    const Strided<L> u = vectors(j), f = triangle(j), x{panel.at(j, 0), u.rows, B, B, 1};
    const E alpha = x.get(C, C), zero = L::from_re(Vec<R>{});
    Mask<R> still = (below == Vec<R>{}) & L::is_zero(L::minus(alpha, L::from_re(splat<R>(1)), L::from_re(L::re(alpha))));
    for (Index i = C + 1; any<R>(still) && i < x.rows; ++i) still &= L::is_zero(x.get(i, C));
    const Vec<R> sum = below + square<L>(alpha);
    // below, squares that underflowed could count
    doubtful |= ~((sum >= Ieee<R>::min_normal / R(__DBL_EPSILON__)) & (sum <= Ieee<R>::max)) & ~still;
    const Vec<R> norm = vcopysign<R>(vsqrt<R>(sum), L::re(alpha));
    const E head = L::plus_re(alpha, norm), gamma = L::pick(still, zero, slope(alpha, head, norm));
    x.set(C, C, head);
    E w[B], dot[B];
    for (int q = 0; q < B; ++q) w[q] = dot[q] = zero;
    for (Index i = C; i < x.rows; ++i) {
      const E a = x.get(i, C);
      u.set(i, C, a);
      for (int q = C + 1; q < B; ++q) w[q] = L::minus_conj(w[q], x.get(i, q), a);
      for (int k = 0; k < C; ++k) dot[k] = L::minus_conj(dot[k], a, u.get(i, k));
    }
    for (int q = C + 1; q < B; ++q) w[q] = L::mul(w[q], L::negate(L::conj(gamma)));
    below = Vec<R>{};
    for (Index i = C; i < x.rows; ++i) {
      const E a = u.get(i, C);
      for (int q = C + 1; q < B; ++q) {
        const E y = L::minus(x.get(i, q), a, w[q]);
        x.set(i, q, y);
        if (q == C + 1 && i > C + 1) below += square<L>(y);
      }
    }
    x.set(C, C, L::pick(still, alpha, L::from_re(-norm)));
    for (int k = 0; k < C; ++k) {
      E s = zero;
      for (int e = k; e < C; ++e) s = L::minus(s, f.get(k, e), L::mul(dot[e], L::negate(gamma)));
      f.set(k, C, s);
    }
    f.set(C, C, gamma);
  }
  /// γ = -1 / (β conj(α - β)), β = -norm.
  BS_INLINE static E slope(E alpha, E head, Vec<R> norm) {
    const Vec<R> one = splat<R>(1);
    if constexpr (L::planes == 1) {
      return one / (norm * (norm + alpha));
    } else {
      const Vec<R> sum = square<L>(head), cube = norm * sum;
      const Mask<R> tiny = ~(vabs<R>(cube) >= Ieee<R>::min_normal);  // then in two steps
      return L::scale(L::scale(head, one / (tiny ? sum : cube)), tiny ? one / norm : one);
    }
  }

  /// The block of columns from j on, which stands in the panel: earlier reflections, and its own; then its part of R.
  __attribute__((noinline)) void factor(Index j) {
    const Index q = width(j);
    const E zero = L::from_re(Vec<R>{});
    apply_adjoint(j, q);
    const Strided<L> u = vectors(j), f = triangle(j);
    for (Index i = 0; i < u.rows; ++i)
      for (Index c = 0; c < B; ++c)
        if (i < c || c >= q) u.set(i, c, zero);
    for (Index i = j; i < rows; ++i)
      for (Index c = q; c < B; ++c) panel.set(i, c, zero);
    for (Index k = 0; k < B * B; ++k) f.set(k / B, k % B, zero);
    Vec<R> below = Vec<R>{};
    for (Index i = j + 1; i < rows; ++i) below += square<L>(panel.get(i, 0));
    reflect<0>(j, below);
    if (q > 1) reflect<1>(j, below);
    if constexpr (B > 2)
      if (q > 2) reflect<2>(j, below);
    if constexpr (B > 3)
      if (q > 3) reflect<3>(j, below);
    for (Index c = 0; c < q; ++c)
      for (Index i = 0; i < count; ++i) r.set(i, j + c, i <= j + c ? panel.get(i, c) : zero);
  }
};

}  // namespace backsolve::BS_ISA
