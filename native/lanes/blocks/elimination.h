// W tridiagonal systems side by side, every lane with exchanges of its own. Equations: native/kernels/tridiagonal.cc.
#pragma once
#include "strided.h"

namespace backsolve::BS_ISA {

/// A, or its adjoint, by its diagonals, whose first below and last above are not read.
template <class L>
struct Diagonals {
  using R = typename L::Real;
  using E = typename L::Element;
  Strided<L> below, on, above;
  Index n;
  bool adjoint;
  BS_INLINE E get(const Strided<L>& diagonal, Index i) const {
    const E x = diagonal.get(i, 0);
    return adjoint ? L::conj(x) : x;
  }
  BS_INLINE E diagonal(Index i) const { return get(on, i); }
  BS_INLINE E lower(Index i) const { return adjoint ? get(above, i - 1) : get(below, i); }
  BS_INLINE E upper(Index i) const { return adjoint ? get(below, i + 1) : get(above, i); }

  /// Lanes with finite elements, and lanes in which one has its digits, or all are zero.
  BS_INLINE void judge(Mask<R>& finite, Mask<R>& moderate) const {
    Vec<R> most = Vec<R>{};
    for (Index i = 0; i < n; ++i) {
      see(diagonal(i), finite, most);
      if (i > 0) see(lower(i), finite, most);
      if (i + 1 < n) see(upper(i), finite, most);
    }
    moderate = (most >= 128 * Ieee<R>::min_normal) | (most == Vec<R>{});
  }

 private:
  BS_INLINE static void see(E x, Mask<R>& finite, Vec<R>& most) {
    const Vec<R> size = L::size1(x);
    finite &= L::finite(x);
    most = size > most ? size : most;
  }
};

/// Gauss with exchanges of neighbouring rows: what is known of U and of the factors after the first columns of X, for the others.
template <class L>
struct Elimination {
  using R = typename L::Real;
  using E = typename L::Element;
  static constexpr int B = L::block;
  Strided<L> factor, inverse, above, beyond;  // of the pivots; two diagonals of U
  Mask<R>* exchanged;

  Elimination(Arena& arena, Index n)
      : factor(take_strided<L>(arena, n, 1)),
        inverse(take_strided<L>(arena, n, 1)),
        above(take_strided<L>(arena, n, 1)),
        beyond(take_strided<L>(arena, n, 1)),
        exchanged(reinterpret_cast<Mask<R>*>(arena.take<R>(n * W<R>))) {}

  /// f = b / a with |f| <= 1, of which LAPACK's quotients give a pivot that is exactly zero where they do.
  BS_INLINE static E quotient(E b, E a, E inverse_of_a) {
    if constexpr (L::planes == 1)
      return b / a;
    else
      return L::mul(b, inverse_of_a);
  }

  /// Columns j to j + Q of X := A⁻¹ X, the first of all with `Factor`, which says in `zero` the first pivot that is zero.
  template <int Q, bool Factor>
  __attribute__((noinline)) void columns(const Diagonals<L>& a, Strided<L> x, Index j, Mask<R>& zero) const {
    const Index n = a.n;
    constexpr int kColumns = Q > 0 ? Q : 1;
    const E none = L::from_re(Vec<R>{}), one = L::from_re(splat<R>(1));
    E d = none, u = none, row[kColumns];
    if (Factor) {
      d = a.diagonal(0);
      u = n > 1 ? a.upper(0) : none;
    }
    for (int q = 0; q < Q; ++q) row[q] = x.get(0, j + q);
    for (Index i = 0; i + 1 < n; ++i) {
      if (Factor) {
        const E b = a.lower(i + 1), next = a.diagonal(i + 1), next_above = i + 2 < n ? a.upper(i + 1) : none;
        const Mask<R> swap = L::size1(d) < L::size1(b);
        E pivot = L::pick(swap, b, d);
        const Mask<R> gone = L::is_zero(pivot);
        zero = (zero == 0) & gone ? splat_index<R>(i + 1) : zero;
        pivot = L::pick(gone, one, pivot);
        const E upper = L::pick(swap, next, u), second = L::pick(swap, next_above, none), by = L::inverse(pivot);
        const E f = quotient(L::pick(swap, d, b), pivot, by);
        d = L::minus(L::pick(swap, u, next), f, upper);
        u = L::minus(L::pick(swap, none, next_above), f, second);
        exchanged[i] = swap;
        factor.set(i, 0, f);
        inverse.set(i, 0, by);
        above.set(i, 0, upper);
        beyond.set(i, 0, second);
      }
      const Mask<R> swap = exchanged[i];
      const E f = factor.get(i, 0);
      for (int q = 0; q < Q; ++q) {
        const E next = x.get(i + 1, j + q), top = L::pick(swap, next, row[q]);
        row[q] = L::minus(L::pick(swap, row[q], next), f, top);
        x.set(i, j + q, top);
      }
    }
    if (Factor) {
      const Mask<R> gone = L::is_zero(d);
      zero = (zero == 0) & gone ? splat_index<R>(n) : zero;
      inverse.set(n - 1, 0, L::inverse(L::pick(gone, one, d)));
    }
    substitute<Q>(n, x, j, row);
  }
  /// U X = what stands there, the last row in `row`.
  template <int Q>
  BS_INLINE void substitute(Index n, Strided<L> x, Index j, E* row) const {
    constexpr int kColumns = Q > 0 ? Q : 1;
    E behind[kColumns];
    for (int q = 0; q < Q; ++q) {
      behind[q] = L::from_re(Vec<R>{});
      row[q] = L::mul(row[q], inverse.get(n - 1, 0));
      x.set(n - 1, j + q, row[q]);
    }
    for (Index i = n - 2; i >= 0 && Q > 0; --i) {
      const E u = above.get(i, 0), second = beyond.get(i, 0), by = inverse.get(i, 0);
      for (int q = 0; q < Q; ++q) {
        const E y = L::mul(L::minus(L::minus(x.get(i, j + q), second, behind[q]), u, row[q]), by);
        behind[q] = row[q];
        row[q] = y;
        x.set(i, j + q, y);
      }
    }
  }

  /// X := A⁻¹ X. Returns per lane the column of the first zero pivot, from 1.
  BS_INLINE Mask<R> run(const Diagonals<L>& a, Strided<L> x) const {
    Mask<R> zero = Mask<R>{};
    Index j = 0;
    if (x.cols >= B)
      columns<B, true>(a, x, 0, zero), j = B;
    else if (x.cols > 0)
      columns<1, true>(a, x, 0, zero), j = 1;
    else
      columns<0, true>(a, x, 0, zero);
    BS_BLOCKS(j, x.cols, B, (columns<B, false>(a, x, j, zero)), (columns<1, false>(a, x, j, zero)))
    return zero;
  }
};

}  // namespace backsolve::BS_ISA
