// Bunch-Kaufman factors of W Hermitian matrices side by side, P A Pᵀ = L D Lᴴ, by the choices of LAPACK's sytf2 and hetf2: every lane has
// exchanges and blocks of its own. All go column by column: of a block of two that begins at k, whose W = [w_1 w_2] and [l_1 l_2] = W D⁻¹
// are known at k, A -= l_1 w_1ᴴ + l_2 w_2ᴴ is the work of k and of k + 1.
#pragma once
#include "lu.h"

namespace backsolve::BS_ISA {

template <class L>
struct BunchKaufman {
  using R = typename L::Real;
  using E = typename L::Element;
  static constexpr R kAlpha = R(0.64038820320220756);  // (1 + √17)/8

  Strided<L> f, d;             // the lower triangle of what is left, L in the columns before it
  Strided<L> own, next, last;  // 1 x n: l of this column; of the second one of a block, from this column on and from the one before
  std::int32_t* pivots;

  BS_INLINE R* lane(Index i, Index j, int w) const { return f.at(i, j) + w; }
  BS_INLINE static R size_at(const R* p) {
    R size = 0;
    for (int plane = 0; plane < L::planes; ++plane) {
      const R x = p[plane * W<R>];
      size += x < 0 ? -x : x;
    }
    return size;
  }
  BS_INLINE static void swap(R* p, R* q, bool conjugated = false) {
    for (int plane = 0; plane < L::planes; ++plane) {
      const R sign = conjugated && plane == 1 ? R(-1) : R(1), t = p[plane * W<R>];
      p[plane * W<R>] = sign * q[plane * W<R>];
      q[plane * W<R>] = sign * t;
    }
  }
  /// Rows and columns p < q of one lane.
  __attribute__((noinline)) void exchange(Index p, Index q, int w) const {
    const Index n = f.rows;
    BS_SCALAR for (Index j = 0; j < p; ++j) swap(lane(p, j, w), lane(q, j, w));
    swap(lane(p, p, w), lane(q, q, w));
    BS_SCALAR for (Index j = p + 1; j < q; ++j) swap(lane(j, p, w), lane(q, j, w), true);
    if (L::planes == 2) lane(q, p, w)[W<R>] = -lane(q, p, w)[W<R>];
    BS_SCALAR for (Index i = q + 1; i < n; ++i) swap(lane(i, p, w), lane(i, q, w));
  }
  /// The largest element of row and column r from column k on, but for the diagonal.
  __attribute__((noinline)) R largest_beside(Index k, Index r, int w) const {
    R most = 0;
    BS_SCALAR for (Index j = k; j < r; ++j) {
      const R size = size_at(lane(r, j, w));
      most = size > most ? size : most;
    }
    BS_SCALAR for (Index i = r + 1; i < f.rows; ++i) {
      const R size = size_at(lane(i, r, w));
      most = size > most ? size : most;
    }
    return most;
  }

  /// Of the lanes that are not `plain`, with the largest element of column k in row `at`: which begin a block of two. Exchanges.
  __attribute__((noinline)) Mask<R> choose(Index k, const Vec<R>& largest, const Mask<R>& at, const Mask<R>& plain) const {
    Mask<R> pair = Mask<R>{};
    const Vec<R> diagonal = vabs<R>(L::re(f.get(k, k)));
    for (int w = 0; w < W<R>; ++w) {
      if (plain[w]) continue;
      const Index r = static_cast<Index>(at[w]);
      const R row = largest_beside(k, r, w), most = largest[w], corner = *lane(r, r, w);
      if (diagonal[w] >= kAlpha * most * (most / row)) continue;
      const bool two = !((corner < 0 ? -corner : corner) >= kAlpha * row);
      if (two) pair[w] = -1;
      const Index p = two ? k + 1 : k;
      pivots[p * W<R> + w] = static_cast<std::int32_t>(r);
      if (p != r) exchange(p, r, w);
    }
    return pair;
  }

  /// l of column k, of a block of two by hetf2's quotients.
  __attribute__((noinline)) void columns(Index k, const Mask<R>& pair, const Mask<R>& second) const {
    const Index n = f.rows;
    const Vec<R> a = L::re(f.get(k, k)), one = splat<R>(1), zero = Vec<R>{};
    const Vec<R> inverse = a == zero ? zero : one / a;
    for (Index i = k + 1; i < n; ++i) own.set(0, i, L::pick(second, last.get(0, i), L::scale(f.get(i, k), inverse)));
    if (!any<R>(pair)) return;
    const E b = L::pick(pair, f.get(k + 1, k), L::from_re(one));
    const Vec<R> c = L::re(f.get(k + 1, k + 1));
    E unit;       // b / |b|
    Vec<R> over;  // 1 / |b|
    if constexpr (L::planes == 1) {
      over = one / vabs<R>(b);
      unit = vcopysign<R>(one, b);
    } else {
      const Vec<R> re = vabs<R>(b.re), im = vabs<R>(b.im), part = one / (re > im ? re : im);
      const Vec<R> p = b.re * part, q = b.im * part, size = one / vsqrt<R>(p * p + q * q);
      over = part * size;
      unit = {p * size, q * size};
    }
    const Vec<R> lower = c * over, upper = a * over, by = over / (lower * upper - one);
    for (Index i = k + 2; i < n; ++i) {
      const E x = f.get(i, k), y = f.get(i, k + 1);
      const E first = L::scale(L::minus(L::scale(x, lower), unit, y), by),
              other = L::scale(L::minus(L::scale(y, upper), L::conj(unit), x), by);
      own.set(0, i, L::pick(pair, first, own.get(0, i)));
      next.set(0, i, other);
    }
    own.set(0, k + 1, L::pick(pair, L::from_re(zero), own.get(0, k + 1)));
  }
  /// A -= w lᴴ, and l in the place of w.
  __attribute__((noinline)) void update(Index k) const {
    const Index n = f.rows;
    constexpr Index along = W<R> * L::planes;
    for (Index i = k + 1; i < n; ++i) {
      const E w = f.get(i, k);
      R* to = f.at(i, k + 1);
      const R* from = own.at(0, k + 1);
      for (Index j = k + 1; j <= i; ++j, to += along, from += along) L::store(to, L::minus_conj(L::load(to), w, L::load(from)));
      f.set(i, k, own.get(0, i));
    }
  }
  BS_INLINE void keep(Index k, Mask<R> pair) const {
    const E zero = L::from_re(Vec<R>{});
    d.set(k, k, L::from_re(L::re(f.get(k, k))));
    if (k + 1 == f.rows) return;
    const E b = f.get(k + 1, k);
    d.set(k + 1, k, L::pick(pair, b, zero));
    d.set(k, k + 1, L::pick(pair, L::conj(b), zero));
  }

  /// D from zeros, L in the place of A's lower triangle, but for its ones.
  BS_INLINE void run() {
    const Index n = f.rows;
    Mask<R> second = Mask<R>{};
    for (Index k = 0; k < n; ++k) {
      Vec<R> most = Vec<R>{};
      Mask<R> at = splat_index<R>(k);
      for (Index i = k + 1; i < n; ++i) {
        const Vec<R> size = L::size1(f.get(i, k));
        const Mask<R> larger = size > most;
        most = larger ? size : most;
        at = larger ? splat_index<R>(i) : at;
      }
      for (int w = 0; w < W<R>; ++w)
        if (!second[w]) pivots[k * W<R> + w] = static_cast<std::int32_t>(k);
      const Mask<R> plain = second | (at == splat_index<R>(k)) | (vabs<R>(L::re(f.get(k, k))) >= kAlpha * most);
      const Mask<R> pair = any<R>(~plain) ? choose(k, most, at, plain) : Mask<R>{};
      keep(k, pair);
      columns(k, pair, second);
      update(k);
      second = pair;
      const Strided<L> spare = last;
      last = next;
      next = spare;
    }
  }
};

/// Blocks of D, told by what is on the diagonal below D's: calls f(k, pair, second), lanes in which a block of two begins at k, or began
/// before it.
template <class L, class F>
BS_INLINE void for_blocks(Strided<L> d, F&& f) {
  using R = typename L::Real;
  Mask<R> second = Mask<R>{};
  for (Index k = 0; k < d.rows; ++k) {
    const Mask<R> pair = k + 1 < d.rows ? ~second & ~L::is_zero(d.get(k + 1, k)) : Mask<R>{};
    f(k, pair, second);
    second = pair;
  }
}

/// X := D⁻¹ X as hetrs does. Returns the lanes in which no block is singular or nearly so, which is told by exact quotients.
template <class L>
__attribute__((noinline)) Mask<typename L::Real> divide_blocks(const Strided<L>& d, const Strided<L>& x) {
  using R = typename L::Real;
  using E = typename L::Element;
  constexpr R kNear = 16 * (sizeof(R) == 8 ? R(__DBL_EPSILON__) : R(__FLT_EPSILON__));
  const Vec<R> one = splat<R>(1);
  Mask<R> good = ~Mask<R>{};
  for_blocks<L>(d, [&](Index k, Mask<R> pair, Mask<R> second) {
    const Vec<R> a = L::re(d.get(k, k)), inverse = one / a;
    good &= (a != Vec<R>{}) | pair | second;
    for (Index j = 0; j < x.cols; ++j) x.set(k, j, L::pick(pair | second, x.get(k, j), L::scale(x.get(k, j), inverse)));
    if (!any<R>(pair)) return;
    const E by = L::inverse(L::pick(pair, d.get(k + 1, k), L::from_re(one))), turned = L::conj(by);
    const E p = L::scale(turned, a), q = L::scale(by, L::re(d.get(k + 1, k + 1)));
    const Vec<R> apart = L::re(L::mul(p, q)) - one;
    good &= (vabs<R>(apart) > kNear) | ~pair;
    const Vec<R> over = one / apart;
    for (Index j = 0; j < x.cols; ++j) {
      const E u = L::mul(x.get(k, j), turned), v = L::mul(x.get(k + 1, j), by);
      x.set(k, j, L::pick(pair, L::scale(L::negate(L::minus(v, q, u)), over), x.get(k, j)));
      x.set(k + 1, j, L::pick(pair, L::scale(L::negate(L::minus(u, p, v)), over), x.get(k + 1, j)));
    }
  });
  return good;
}

}  // namespace backsolve::BS_ISA
