// Riccati's and Stein's discrete equations of W matrices side by side, by doubling. docs/derivations/riccati.md
#pragma once
#include "lu.h"

namespace backsolve::BS_ISA {

/// What is done lane by lane stops lane by lane: what a lane gets does not depend on its neighbours.
template <class L>
struct Doubling {
  using R = typename L::Real;
  using E = typename L::Element;
  static constexpr int kMost = 24;  // doublings: powers of 1 - 1e-6 are not waited for

  Index n;
  Strided<L> a, g, h, t, pair;  // pair: two matrices side by side
  Factors<L> f;
  Doubling(Arena& arena, Index order)
      : n(order),
        a(take_strided<L>(arena, n, n)),
        g(take_strided<L>(arena, n, n)),
        h(take_strided<L>(arena, n, n)),
        t(take_strided<L>(arena, n, n)),
        pair(take_strided<L>(arena, n, 2 * n)),
        f(arena, nullptr, nullptr, n) {}

  BS_INLINE Strided<L> left() const { return {pair.data, n, n, 2 * n, 1}; }
  BS_INLINE Strided<L> right() const { return {pair.at(0, n), n, n, 2 * n, 1}; }
  template <class F>
  BS_INLINE void each(F of) const {
    for (Index i = 0; i < n; ++i)
      for (Index j = 0; j < n; ++j) of(i, j);
  }
  BS_INLINE static E unit(Index i, Index j) { return L::from_re(i == j ? splat<R>(1) : Vec<R>{}); }
  BS_INLINE static E plus(E x, E y) { return L::minus(x, L::negate(y), L::from_re(splat<R>(1))); }
  /// Σ |m_ij|²
  __attribute__((noinline)) static Vec<R> squares(const Strided<L>& m) {
    Vec<R> sum = Vec<R>{};
    for (Index i = 0; i < m.rows; ++i) {
      for (Index j = 0; j < m.cols; ++j) {
        const E x = m.get(i, j);
        sum += L::re(L::minus_conj(L::from_re(Vec<R>{}), L::negate(x), x));
      }
    }
    return sum;
  }
  /// TO := FROM in those lanes.
  __attribute__((noinline)) static void put(const Mask<R>& lanes, const Strided<L>& from, const Strided<L>& to) {
    for (Index i = 0; i < to.rows; ++i)
      for (Index j = 0; j < to.cols; ++j) to.set(i, j, L::pick(lanes, from.get(i, j), to.get(i, j)));
  }
  BS_INLINE static void set_both(const Strided<L>& to, Index i, Index j, E x) {
    to.set(i, j, i == j ? L::from_re(L::re(x)) : x);
    if (i != j) to.set(j, i, L::conj(x));
  }
  /// TO, which may be M, := c (M + Mᴴ), Hermitian to the bit.
  __attribute__((noinline)) static void hermitian(const Strided<L>& m, const Vec<R>& c, const Strided<L>& to) {
    for (Index i = 0; i < m.rows; ++i) {
      for (Index j = 0; j <= i; ++j) {
        const E x = L::scale(plus(m.get(i, j), L::conj(m.get(j, i))), c);
        set_both(to, i, j, x);
      }
    }
  }
  /// TO += c (M + Mᴴ) in those lanes, of a Hermitian TO.
  __attribute__((noinline)) static void add_hermitian(const Mask<R>& lanes, const Strided<L>& m, const Vec<R>& c, const Strided<L>& to) {
    for (Index i = 0; i < m.rows; ++i) {
      for (Index j = 0; j <= i; ++j) {
        const E own = to.get(i, j);
        const E x = L::pick(lanes, plus(own, L::scale(plus(m.get(i, j), L::conj(m.get(j, i))), c)), own);
        set_both(to, i, j, x);
      }
    }
  }
  /// B := M⁻¹ B, M in f.lu, which is lost; which lanes have one.
  BS_INLINE Mask<R> solve(const Strided<L>& b) const {
    const Mask<R> zero = factor<L>(f.lu, f.pivots, b, f.panel);
    return solve_triangle<L>(f.lu, false, false, false, false, b) & (zero == Mask<R>{});
  }

  /// H := X of X = Aᴴ X (I + G X)⁻¹ A + H, A and G are lost (Chu, Fan, Lin & Wang 2004): with W = I + G H
  ///   A := A W⁻¹ A,  G := G + A W⁻¹ G Aᴴ,  H := H + Aᴴ H W⁻¹ A
  /// until A, and with its square what H lacks, is small. Which lanes have one.
  __attribute__((noinline)) Mask<R> riccati(const Mask<R>& lanes) const {
    Mask<R> open = lanes, good = Mask<R>{};
    for (int k = 0; k < kMost && any<R>(open); ++k) {
      product<L>(true, g, false, h, false, f.lu);
      for (Index i = 0; i < n; ++i) f.lu.set(i, i, plus(f.lu.get(i, i), unit(0, 0)));
      put(~Mask<R>{}, a, left());
      product<L>(true, g, false, a.transposed(), true, right());
      open &= solve(pair);
      product<L>(true, a, false, right(), false, t);
      add_hermitian(open, t, splat<R>(R(0.5)), g);
      product<L>(true, h, false, left(), false, f.lu);
      product<L>(true, a.transposed(), true, f.lu, false, t);
      add_hermitian(open, t, splat<R>(R(0.5)), h);
      product<L>(true, a, false, left(), false, t);
      put(open, t, a);
      const Mask<R> small = shrinks(open, R(1e-10));
      good |= open & small;
      open &= ~small;
    }
    return good;
  }
  /// G := D of Aᴴ D A - D + G = 0, G Hermitian, A is lost (Smith 1968): D := D + Aᴴ D A, A := A A until A is small. Which lanes have one:
  /// in these the eigenvalues of A lie in the unit circle.
  __attribute__((noinline)) Mask<R> stein(const Mask<R>& lanes) const {
    Mask<R> open = lanes, good = Mask<R>{};
    for (int k = 0; k < kMost; ++k) {
      const Mask<R> small = shrinks(open, R(1e-6));
      good |= open & small;
      open &= ~small;
      if (!any<R>(open)) break;
      product<L>(true, g, false, a, false, t);
      product<L>(true, a.transposed(), true, t, false, f.lu);
      add_hermitian(open, f.lu, splat<R>(R(0.5)), g);
      product<L>(true, a, false, a, false, t);
      put(open, t, a);
    }
    return good;
  }

 private:
  /// Which lanes have a small A; those where it is not finite are done with.
  BS_INLINE Mask<R> shrinks(Mask<R>& open, R bound) const {
    const Vec<R> size = squares(a);
    open &= is_finite<R>(size);
    return size <= splat<R>(bound);
  }
};

}  // namespace backsolve::BS_ISA
