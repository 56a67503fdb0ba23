// Eigenvectors of W general matrices side by side, from their Schur forms. docs/derivations/eig.md
#pragma once
#include "balance.h"
#include "schur.h"

namespace backsolve::BS_ISA {

template <class L>
using ComplexOf = ComplexLanes<typename L::Real>;

/// T X = X diag(w) for a complex triangle T, ones on X's diagonal, column by column as ztrevc.
template <class L>
struct BackSubstitution {
  using R = typename L::Real;
  using C = ComplexOf<L>;
  using E = typename C::Element;
  const Schur<L>& s;
  Strided<C> x;  // row j: column j of X

  BS_INLINE static Vec<R> least(E value) {
    const Vec<R> relative = kEpsilon<R> * C::size1(value);
    return relative > kNothing<R> ? relative : splat<R>(kNothing<R>);
  }
  /// Pivots that are nothing become what is next to nothing.
  BS_INLINE static E safe(E pivot, Vec<R> least) { return C::pick(C::size1(pivot) < least, C::from_re(least), pivot); }

  __attribute__((noinline)) void solve(Index j) const {
    const E value = s.t.get(j, j), one = C::from_re(splat<R>(1));
    const Vec<R> bound = least(value);
    for (Index i = 0; i < j; ++i) x.set(j, i, C::negate(s.t.get(i, j)));
    x.set(j, j, one);
    for (Index k = j - 1; k >= 0; --k) {
      const E here = C::mul(x.get(j, k), C::inverse(safe(C::minus(s.t.get(k, k), value, one), bound)));
      x.set(j, k, here);
      for (Index i = 0; i < k; ++i) x.set(j, i, C::minus(x.get(j, i), s.t.get(i, k), here));
    }
  }
};

/// The same for the real T with blocks of two, as dtrevc: x is real for a real eigenvalue, and nothing of the second of a pair.
template <class R>
struct BackSubstitution<RealLanes<R>> {
  using L = RealLanes<R>;
  using C = ComplexLanes<R>;
  using E = typename C::Element;
  using Complex = BackSubstitution<C>;
  const Schur<L>& s;
  Strided<C> x;

  struct Two {
    E x, y;
  };
  /// (a - λ, b; c, a - λ) (x, y) = (r, q), p = a - λ, by the larger pivot.
  BS_INLINE static Two block(E p, Vec<R> b, Vec<R> c, E r, E q, Vec<R> least) {
    const Mask<R> swap = vabs<R>(c) > C::size1(p);
    const E of_b = C::from_re(b), of_c = C::from_re(c);
    const E pivot = C::pick(swap, of_c, p), other = C::pick(swap, p, of_c), beside = C::pick(swap, p, of_b);
    const E first = C::pick(swap, q, r), second = C::pick(swap, r, q), inverse = C::inverse(pivot), l = C::mul(other, inverse);
    const E u = Complex::safe(C::minus(C::pick(swap, of_b, p), l, beside), least);
    const E y = C::mul(C::minus(second, l, first), C::inverse(u));
    return {C::mul(C::minus(first, beside, y), inverse), y};
  }
  BS_INLINE static E minus_real(E x, Vec<R> t, E y) { return {x.re - t * y.re, x.im - t * y.im}; }

  /// x_j, and x_{j+1} of a pair, whose block (a, b; c, a) has the vector (sgn(b) √|b|, i √|c|).
  BS_INLINE void begin(Index j, Vec<R> im) const {
    const Vec<R> zero = Vec<R>{}, one = splat<R>(1);
    x.set(j, j, C::from_re(one));
    for (Index i = 0; i < j; ++i) x.set(j, i, C::from_re(-s.t.get(i, j)));
    if (j + 1 == s.n || !any<R>(im > zero)) return;
    const Mask<R> pair = im > zero;
    const Vec<R> b = s.t.get(j, j + 1), c = s.t.get(j + 1, j), size = pair ? vabs<R>(b) + vabs<R>(c) : one;
    const Vec<R> beta = vsqrt<R>(vabs<R>(b) / size), top = pair ? (b < zero ? -beta : beta) : one;
    const E next{zero, pair ? vsqrt<R>(vabs<R>(c) / size) : zero};
    x.set(j, j, C::from_re(top));
    x.set(j, j + 1, next);
    for (Index i = 0; i < j; ++i) x.set(j, i, minus_real(C::from_re(-s.t.get(i, j) * top), s.t.get(i, j + 1), next));
  }
  __attribute__((noinline)) void solve(Index j) const {
    const Vec<R> zero = Vec<R>{}, re = load<R>(s.re + j * W<R>), im = load<R>(s.im + j * W<R>);
    if (!any<R>(im >= zero)) return;  // the seconds of pairs, which nobody reads
    const Vec<R> bound = Complex::least({re, im});
    begin(j, im);
    Mask<R> known = Mask<R>{};  // x_k by the block of rows k and k + 1
    for (Index k = j - 1; k >= 0; --k) {
      const E p{s.t.get(k, k) - re, -im}, rest = x.get(j, k);
      E here = C::pick(known, rest, C::mul(rest, C::inverse(Complex::safe(p, bound))));
      const Vec<R> c = k > 0 ? s.t.get(k, k - 1) : zero;
      known = c != zero;
      if (k > 0) {
        E above = x.get(j, k - 1), solved = above;
        if (any<R>(known)) {
          const Two two = block(p, s.t.get(k - 1, k), c, above, rest, bound);
          here = C::pick(known, two.y, here);
          solved = two.x;
        }
        x.set(j, k - 1, C::pick(known, solved, minus_real(above, s.t.get(k - 1, k), here)));
      }
      x.set(j, k, here);
      for (Index i = 0; i + 1 < k; ++i) x.set(j, i, minus_real(x.get(j, i), s.t.get(i, k), here));
    }
  }
};

/// V of A V = V diag(w), A = D Z T Zᴴ D⁻¹: V = D Z X, T X = X diag(w).
template <class L>
struct Eigenvectors {
  using R = typename L::Real;
  using C = ComplexOf<L>;
  using E = typename C::Element;
  static constexpr Index kPanel = 8;

  Index n;
  Strided<C> x;  // row j: column j of X

  Eigenvectors(Arena& arena, Index order) : n(order), x(take_strided<C>(arena, n, n | 1)) { x.cols = n; }

  /// Of a form whose lanes are done. Returns where all numbers stayed finite.
  __attribute__((noinline)) Mask<R> run(const Schur<L>& s, const R* d, Strided<C> v) const {
    columns(s, v);
    Mask<R> good = ~Mask<R>{};
    Vec<R> most = Vec<R>{};
    for (Index i = 0; i < n; ++i) {
      const Vec<R> here = load<R>(d + i * W<R>);
      most = here > most ? here : most;
    }
    for (Index i = 0; i < n; ++i) {
      const Vec<R> by = lowered(load<R>(d + i * W<R>) - most);
      for (Index j = 0; j < n; ++j) v.set(i, j, C::scale(v.get(i, j), by));
    }
    for (Index j = 0; j < n; ++j) good &= normalize(v, j, s);
    return good;
  }

 private:
  /// 2^e of e <= 0, 0 below the normal numbers.
  BS_INLINE static Vec<R> lowered(Vec<R> e) {
    constexpr int kLeast = 2 - static_cast<int>(Ieee<R>::bias);
    const Mask<R> k = __builtin_convertvector(e, Mask<R>);
    return k < kLeast ? Vec<R>{} : power_of_two<R>(k < kLeast ? Mask<R>{} : k);
  }
  __attribute__((noinline)) void columns(const Schur<L>& s, Strided<C> v) const {
    const E zero = C::from_re(Vec<R>{});
    const BackSubstitution<L> back{s, x};
    for (Index j = 0; j < n; ++j) {
      for (Index i = j + 1; i < n && i < panel_end(j); ++i) x.set(j, i, zero);
      back.solve(j);
    }
    for (Index j = 0; j < n; j += kPanel) {
      const Index q = n - j < kPanel ? n - j : kPanel, inner = panel_end(j);
      const Strided<C> part{x.at(j, 0), q, inner, x.row, x.col}, to{v.at(0, j), n, q, v.row, v.col};
      const Strided<L> z{s.z.data, n, inner, s.z.row, s.z.col};
      if constexpr (L::planes == 2) {
        product<L>(true, z, false, part.transposed(), false, to);
      } else {
        product<L>(true, z, false, plane(part, 0).transposed(), false, plane(to, 0));
        product<L>(true, z, false, plane(part, 1).transposed(), false, plane(to, 1));
      }
    }
  }
  /// Rows of X that a panel's columns reach, with that of the second of a pair that begins with the last.
  BS_INLINE Index panel_end(Index j) const {
    const Index end = (j / kPanel + 1) * kPanel + 1;
    return end < n ? end : n;
  }
  BS_INLINE static Strided<L> plane(Strided<C> m, int which) { return {m.data + which * W<R>, m.rows, m.cols, 2 * m.row, 2 * m.col}; }
  /// Norm 1, the largest element real; of a real eigenvalue of real A all are; of a pair's second the conjugates of the first's.
  BS_INLINE Mask<R> normalize(Strided<C> v, Index j, const Schur<L>& s) const {
    const Vec<R> zero = Vec<R>{}, one = splat<R>(1);
    Mask<R> top = Mask<R>{};
    for (Index i = 0; i < n; ++i) grow_parts<C>(top, v.get(i, j));
    const Vec<R> part = reinterpret_cast<Vec<R>>(top);
    const Mask<R> good = (part >= Ieee<R>::min_normal * R(4)) & (part <= Ieee<R>::max / R(4));
    const Vec<R> unit = one / (good ? part : one);
    Vec<R> sum = zero, most = zero;
    E largest = C::from_re(one);
    Mask<R> at = Mask<R>{};
    for (Index i = 0; i < n; ++i) {
      const E e = C::scale(v.get(i, j), unit);
      const Vec<R> size = square<C>(e);
      const Mask<R> larger = size > most;
      sum += size;
      most = larger ? size : most;
      largest = C::pick(larger, e, largest);
      at = larger ? splat_index<R>(i) : at;
    }
    const Vec<R> length = good ? sum * most : one;  // at least 1, at most 4 n
    const E turn = C::scale(C::conj(largest), unit / vsqrt<R>(length));
    Vec<R> im = one, pair = zero;
    if constexpr (L::planes == 1) im = load<R>(s.im + j * W<R>), pair = im;
    for (Index i = 0; i < n; ++i) {
      E e = C::mul(v.get(i, j), turn);
      e.im = ((im == zero) | (at == splat_index<R>(i))) ? zero : e.im;
      if (j > 0 && L::planes == 1) e = C::pick(pair < zero, C::conj(v.get(i, j - 1)), e);
      v.set(i, j, {e.re + zero, e.im + zero});
    }
    return good | (pair < zero);
  }
};

}  // namespace backsolve::BS_ISA
