// Singular values and vectors of W tall matrices side by side: A V for the eigenvectors V of AᴴA, which has nearly orthogonal columns, then
// Jacobi's rotations of its columns until they are orthogonal (Hestenes 1958; Golub & Van Loan 2013, section 8.6.3).
//
// The product squares the condition number, but V only begins what the rotations finish on A V itself. Columns g_p and g_q are as good as
// orthogonal where |g_pᴴ g_q| <= ε ‖A‖ max(‖g_p‖, ‖g_q‖): R of A V = U R is diagonal then to within ε ‖A‖, and U is orthonormal, of zero
// singular values, too.
#pragma once
#include "qr.h"
#include "spectrum.h"

namespace backsolve::BS_ISA {

template <class L>
struct OneSided {
  using R = typename L::Real;
  using E = typename L::Element;
  static constexpr int kTogether = L::planes == 1 ? 4 : 2;
  static constexpr int kSweeps = 30;
  Strided<L> g, v;  // v.data may be null
  R* norms;         // of the columns of g

  BS_INLINE Vec<R> norm(Index j) const { return load<R>(norms + j * W<R>); }
  BS_INLINE void measure() const {
    for (Index j = 0; j < g.cols; ++j) {
      Vec<R> sum = Vec<R>{};
      for (Index i = 0; i < g.rows; ++i) sum += square<L>(g.get(i, j));
      store<R>(norms + j * W<R>, vsqrt<R>(sum));
    }
  }
  /// -g_qᴴ g_p, conjugated, of Q columns q.
  template <int Q>
  BS_INLINE void inner(Index p, Index q, E* to) const {
    for (int k = 0; k < Q; ++k) to[k] = L::from_re(Vec<R>{});
    for (Index i = 0; i < g.rows; ++i) {
      const E x = g.get(i, p);
      for (int k = 0; k < Q; ++k) to[k] = L::minus_conj(to[k], g.get(i, q + k), x);
    }
  }
  BS_INLINE static Mask<R> moves(Vec<R> size, Vec<R> a, Vec<R> b, Vec<R> least) { return size > least * (a > b ? a : b); }

  /// x' = c x - s y e*, y' = s x + c y e*, e the phase of xᴴ y.
  BS_INLINE static void turn(Strided<L> m, Index p, Index q, Vec<R> s, Vec<R> tau, E back) {
    for (Index i = 0; i < m.rows; ++i) {
      const E x = m.get(i, p), y = L::mul(m.get(i, q), back);
      m.set(i, p, lifted(x, y, -s, tau));
      m.set(i, q, lifted(y, x, s, -tau));
    }
  }
  /// x + s (y + τ' x), τ' = -τ for the one and τ for the other, τ = s / (1 + c).
  BS_INLINE static E lifted(E x, E y, Vec<R> s, Vec<R> tau) {
    const E inner = L::minus(y, x, L::from_re(-tau));
    return L::minus(x, inner, L::from_re(-s));
  }
  /// `dot`: g_pᴴ g_q. Lanes that need no rotation stay as they are.
  BS_INLINE void rotate(Index p, Index q, E dot, Mask<R> wanted) const {
    const Vec<R> one = splat<R>(1), zero = Vec<R>{}, a = norm(p), b = norm(q);
    const Vec<R> size = L::planes == 1 ? L::re(dot) : magnitude<L>(dot), d = (b * b - a * a) * R(0.5), root = vsqrt<R>(d * d + size * size);
    const Mask<R> turns = wanted & (root > zero);
    const Vec<R> r = turns ? root : one, t = turns ? size / (d + vcopysign<R>(r, d)) : zero;
    const Vec<R> c = turns ? vsqrt<R>((one + vabs<R>(d) / r) * R(0.5)) : one, s = t * c, tau = s / (one + c);
    const E back = L::planes == 1 ? L::from_re(one) : L::pick(turns, L::conj(sign_of<L>(dot, vabs<R>(size))), L::from_re(one));
    turn(g, p, q, s, tau, back);
    if (v.data != nullptr) turn(v, p, q, s, tau, back);
    const auto root_of = [&](Vec<R> x) { return vsqrt<R>(x > zero ? x : zero); };
    store<R>(norms + p * W<R>, turns ? root_of(a * a - t * size) : a);
    store<R>(norms + q * W<R>, turns ? root_of(b * b + t * size) : b);
  }
  /// Which lanes had a rotation.
  BS_INLINE Mask<R> sweep(Vec<R> least) const {
    Mask<R> moved = Mask<R>{};
    const auto one = [&](Index p, Index q, E product) {
      const E minus = trusted<L>(product);
      const Mask<R> wanted = moves(vabs_of(minus), norm(p), norm(q), least);
      if (!any<R>(wanted)) return false;
      moved |= wanted;
      rotate(p, q, L::negate(minus), wanted);
      return true;
    };
    for (Index p = 0; p < g.cols; ++p) {
      Index q = p + 1;
      E dot[kTogether];
      while (q + kTogether <= g.cols) {
        inner<kTogether>(p, q, dot);
        int k = 0;
        while (k < kTogether && !one(p, q + k, dot[k])) ++k;
        q += k == kTogether ? kTogether : k + 1;  // the others' products are of the column as it was
      }
      for (; q < g.cols; ++q) {
        inner<1>(p, q, dot);
        one(p, q, dot[0]);
      }
    }
    return moved;
  }
  BS_INLINE static Vec<R> vabs_of(E x) { return magnitude<L>(x); }

  BS_INLINE static void exchange(Strided<L> m, Index p, Mask<R> swap) {
    for (Index i = 0; i < m.rows; ++i) {
      const E x = m.get(i, p), y = m.get(i, p + 1);
      m.set(i, p, L::pick(swap, y, x));
      m.set(i, p + 1, L::pick(swap, x, y));
    }
  }
  /// Columns in the order of their norms, the largest first; nearly so they are.
  BS_INLINE void sort() const {
    for (Index end = g.cols - 1; end > 0; --end) {
      Mask<R> moved = Mask<R>{};
      for (Index p = 0; p < end; ++p) {
        const Vec<R> x = norm(p), y = norm(p + 1);
        const Mask<R> swap = x < y;
        if (!any<R>(swap)) continue;
        moved |= swap;
        store<R>(norms + p * W<R>, swap ? y : x);
        store<R>(norms + (p + 1) * W<R>, swap ? x : y);
        if (v.data == nullptr) continue;  // norms are all that is wanted
        exchange(g, p, swap);
        exchange(v, p, swap);
      }
      if (!any<R>(moved)) return;
    }
  }
  /// Which lanes came to an end.
  __attribute__((noinline)) Mask<R> run() const {
    Mask<R> left = ~Mask<R>{};
    for (int count = 0; count < kSweeps && any<R>(left); ++count) {
      measure();
      Vec<R> top = Vec<R>{};
      for (Index j = 0; j < g.cols; ++j) top = norm(j) > top ? norm(j) : top;
      left = sweep(kEpsilon<R> * top);
    }
    measure();
    sort();
    return ~left;
  }
};

}  // namespace backsolve::BS_ISA
