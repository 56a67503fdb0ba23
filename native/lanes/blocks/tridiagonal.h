// Hermitian matrices of W lanes to real tridiagonal ones by Householder reflections, and the unitary matrix of these.
//
// H = I - u uᴴ, ‖u‖² = 2, maps x to β e₁, β = -sgn(x₁) ‖x‖: u = s (x - β e₁), s² = 1 / (‖x‖ (‖x‖ + |x₁|)). With p = A u and
// w = p - (uᴴp / 2) u, H A H = A - u wᴴ - w uᴴ (Golub & Van Loan 2013, section 8.3.1). That update of one step and the product of the
// next go over the triangle together.
#pragma once
#include "reflections.h"

namespace backsolve::BS_ISA {

template <class R>
constexpr R kEpsilon = sizeof(R) == 8 ? R(__DBL_EPSILON__) : R(__FLT_EPSILON__);

/// A = Q T Qᴴ, T with the diagonal d and beside it e, real. Squares of A's elements that matter must not leave the exponents.
template <class L>
struct Tridiagonal {
  using R = typename L::Real;
  using E = typename L::Element;
  static constexpr int P = L::planes == 1 ? 4 : 2;  // rows of a block
  static constexpr int C = L::planes == 1 ? 4 : 2;  // columns of Q together

  Strided<L> a;       // below: A; row k right of the diagonal becomes u_k
  R *d, *e;           // n vectors each, the last of e zero
  Strided<L> w;       // two rows, for steps in turn
  Strided<L> phases;  // of complex lanes, one row: T's elements are e times phases[k+1] conj(phases[k])

  Tridiagonal(Arena& arena, Index n)
      : a(take_strided<L>(arena, n, n | 1)),  // odd: rows of a power of two of vectors meet in the same sets of the cache
        d(arena.take<R>(n * W<R>)),
        e(arena.take<R>(n * W<R>)),
        w(take_strided<L>(arena, 2, n)),
        phases(take_strided<L>(arena, 1, L::planes == 2 ? n : 0)) {
    a.cols = n;
  }

  BS_INLINE E row(Index k, Index j) const { return a.get(k, j); }
  BS_INLINE Index n() const { return a.rows; }

  /// x - u_i conj(w_j) - w_i conj(u_j)
  BS_INLINE static E update(E x, E ui, E wi, E uj, E wj) { return L::minus_conj(L::minus_conj(x, ui, wj), wi, uj); }

  /// Rows i to i + Q of the triangle from s on: the update by the step before, where there was one, and -A u, u of this step.
  template <int Q, bool Updates>
  BS_INLINE void pass(Index i, Index k, Strided<L> now, Strided<L> before) const {
    const Index s = k + 1;
    E ui[Q], wi[Q], xi[Q], pi[Q];
    for (int q = 0; q < Q; ++q) {
      if (Updates) ui[q] = row(k - 1, i + q), wi[q] = before.get(0, i + q);
      xi[q] = row(k, i + q);
      pi[q] = L::from_re(Vec<R>{});
    }
    for (Index j = s; j < i; ++j) {
      E uj, wj;
      if (Updates) uj = row(k - 1, j), wj = before.get(0, j);
      const E xj = row(k, j);
      E pj = now.get(0, j);
      for (int q = 0; q < Q; ++q) {
        E x = a.get(i + q, j);
        if (Updates) {
          x = update(x, ui[q], wi[q], uj, wj);
          a.set(i + q, j, x);
        }
        pi[q] = L::minus(pi[q], x, xj);
        pj = L::minus_conj(pj, xi[q], x);
      }
      now.set(0, j, pj);
    }
    for (int q = 0; q < Q; ++q)
      for (int c = 0; c <= q; ++c) {
        E x = a.get(i + q, i + c);
        if (Updates) {
          x = update(x, ui[q], wi[q], ui[c], wi[c]);
          a.set(i + q, i + c, x);
        }
        if (c == q) x = L::from_re(L::re(x));
        pi[q] = L::minus(pi[q], x, xi[c]);
        if (c < q) pi[c] = L::minus_conj(pi[c], xi[q], x);
      }
    for (int q = 0; q < Q; ++q) now.set(0, i + q, pi[q]);
  }
  template <bool Updates>
  __attribute__((noinline)) void pass_all(Index k, Strided<L> now, Strided<L> before) const {
    Index i = k + 1;
    BS_BLOCKS(i, n(), P, (pass<P, Updates>(i, k, now, before)), (pass<1, Updates>(i, k, now, before)))
  }

  BS_INLINE void keep(Index k, Vec<R> size, E sign) const {
    if constexpr (L::planes == 2) {
      store<R>(e + k * W<R>, size);
      phases.set(0, k + 1, L::mul(sign, phases.get(0, k)));
    } else {
      store<R>(e + k * W<R>, size * sign);
    }
  }

  /// d_k, e_k and u_k from column k, brought up to date.
  BS_INLINE void column(Index k, Strided<L> before) const {
    const bool updates = k > 0;
    const E zero = L::from_re(Vec<R>{}), uk = updates ? row(k - 1, k) : zero, wk = updates ? before.get(0, k) : zero;
    store<R>(d + k * W<R>, L::re(updates ? update(a.get(k, k), uk, wk, uk, wk) : a.get(k, k)));
    Vec<R> below = Vec<R>{};
    for (Index i = k + 1; i < n(); ++i) {
      E x = a.get(i, k);
      if (updates) x = update(x, row(k - 1, i), before.get(0, i), uk, wk);
      a.set(k, i, x);
      if (i > k + 1) below += square<L>(x);
    }
    const E alpha = trusted<L>(a.get(k, k + 1));
    const Mask<R> none = ~(below >= kTinySquare<R>);
    const Vec<R> size = magnitude<L>(alpha), norm = vsqrt<R>(square<L>(alpha) + below);
    const E sign = sign_of<L>(alpha, size);
    const Vec<R> scale = none ? Vec<R>{} : splat<R>(1) / vsqrt<R>(none ? splat<R>(1) : norm * (norm + size));
    keep(k, none ? size : norm, L::pick(none, sign, L::negate(sign)));
    a.set(k, k + 1, L::scale(sign, (size + norm) * scale));
    for (Index i = k + 2; i < n(); ++i) a.set(k, i, L::scale(a.get(k, i), scale));
  }

  __attribute__((noinline)) void reduce() const {
    const Index last = n() - 1;
    if (L::planes == 2) phases.set(0, 0, L::from_re(splat<R>(1)));
    for (Index k = 0; k + 2 < n(); ++k) {
      const Strided<L> now{w.at(k & 1, 0), 1, n(), 0, 1}, before{w.at(~k & 1, 0), 1, n(), 0, 1};
      column(k, before);
      k > 0 ? pass_all<true>(k, now, before) : pass_all<false>(k, now, before);
      Vec<R> dot = Vec<R>{};  // -uᴴp
      for (Index i = k + 1; i < n(); ++i) dot -= L::re(L::minus_conj(L::from_re(Vec<R>{}), now.get(0, i), row(k, i)));
      const Vec<R> half = dot * R(0.5);
      for (Index i = k + 1; i < n(); ++i) now.set(0, i, L::minus(L::scale(row(k, i), half), now.get(0, i), L::from_re(splat<R>(1))));
    }
    if (n() > 1) {
      const Index k = last - 1;
      const Strided<L> before{w.at(~k & 1, 0), 1, n(), 0, 1};
      const auto at = [&](Index i, Index j) {
        const E x = a.get(i, j);
        return k > 0 ? update(x, row(k - 1, i), before.get(0, i), row(k - 1, j), before.get(0, j)) : x;
      };
      store<R>(d + k * W<R>, L::re(at(k, k)));
      store<R>(d + last * W<R>, L::re(at(last, last)));
      const E x = trusted<L>(at(last, k));
      const Vec<R> size = magnitude<L>(x);
      keep(k, size, sign_of<L>(x, size));
    } else {
      store<R>(d, L::re(a.get(0, 0)));
    }
    store<R>(e + last * W<R>, Vec<R>{});
  }

  /// Columns c to c + Q of H_0 ... H_{n-3} diag(phases): the update by one reflection and the product for the one before it together.
  template <int Q>
  BS_INLINE void columns(Index c, Strided<L> z) const {
    const E zero = L::from_re(Vec<R>{}), one = L::from_re(splat<R>(1));
    for (Index i = 0; i < n(); ++i)
      for (int q = 0; q < Q; ++q) z.set(i, c + q, i == c + q ? (L::planes == 2 ? phases.get(0, i) : one) : zero);
    Index k = c + Q - 2 < n() - 3 ? c + Q - 2 : n() - 3;
    if (k < 0) return;
    E w[Q];
    for (int q = 0; q < Q; ++q) w[q] = zero;
    for (Index i = k + 1; i < n(); ++i)
      for (int q = 0; q < Q; ++q) w[q] = L::minus_conj(w[q], z.get(i, c + q), row(k, i));
    for (; k >= 0; --k) {
      E t[Q], next[Q];
      for (int q = 0; q < Q; ++q) t[q] = L::negate(w[q]), next[q] = zero;
      if (k > 0)
        for (int q = 0; q < Q; ++q) next[q] = L::minus_conj(next[q], z.get(k, c + q), row(k - 1, k));
      for (Index i = k + 1; i < n(); ++i) {
        const E u = row(k, i), before = k > 0 ? row(k - 1, i) : zero;
        for (int q = 0; q < Q; ++q) {
          const E x = L::minus(z.get(i, c + q), u, t[q]);
          z.set(i, c + q, x);
          next[q] = L::minus_conj(next[q], x, before);
        }
      }
      for (int q = 0; q < Q; ++q) w[q] = next[q];
    }
  }
  __attribute__((noinline)) void form(Strided<L> z) const {
    Index c = 0;
    BS_BLOCKS(c, n(), C, columns<C>(c, z), columns<1>(c, z))
  }
};

}  // namespace backsolve::BS_ISA
