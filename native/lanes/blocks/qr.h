// Q and R of W matrices of any shape side by side, with the signs of LAPACK.
#pragma once
#include "../../kernels/scaling.h"
#include "reflections.h"

namespace backsolve::BS_ISA {

/// Whether squares of numbers of that size, and of those a few ε smaller, stay far from both ends of the exponents.
template <class R>
BS_INLINE Mask<R> is_moderate(Vec<R> most) {
  constexpr R kMost = power_of_two<R>(kModeratePower<R>);
  return (most == Vec<R>{}) | ((most >= splat<R>(1 / kMost)) & (most <= splat<R>(kMost)));
}

template <class L>
struct Qr {
  using R = typename L::Real;
  static constexpr Index B = L::block;
  Reflections<L>& h;
  Strided<L> a;

  BS_INLINE static Index width(Index j, Index of) { return of - j < B ? of - j : B; }
  BS_INLINE void place(Index j, Index q) const {
    for (Index i = 0; i < a.rows; ++i)
      for (Index k = 0; k < q; ++k) h.panel.set(i, k, a.get(i, j + k));
  }
  /// R, zero below the diagonal, of as many rows as r has.
  BS_INLINE void factor(Strided<L> r) const {
    const auto zero = L::from_re(Vec<R>{});
    for (Index j = 0; j < h.count; j += B) {
      place(j, h.width(j));
      h.factor(j);
    }
    for (Index i = 0; i < r.rows; ++i)
      for (Index j = 0; j < h.count; ++j) r.set(i, j, i < h.count ? h.r.get(i, j) : zero);
    for (Index j = h.count; j < a.cols; j += B) {
      const Index q = width(j, a.cols);
      place(j, q);
      h.doubt_small(q);
      h.apply_adjoint(h.count, q);
      for (Index i = 0; i < r.rows; ++i)
        for (Index k = 0; k < q; ++k) r.set(i, j + k, h.panel.get(i, k));
    }
  }
  /// Q e_j: blocks of reflections behind column j leave it as it is.
  BS_INLINE void form(Strided<L> to) const {
    const auto zero = L::from_re(Vec<R>{}), one = L::from_re(splat<R>(1));
    for (Index j = 0; j < to.cols; j += B) {
      const Index q = width(j, to.cols);
      for (Index i = 0; i < to.rows; ++i)
        for (Index k = 0; k < q; ++k) h.panel.set(i, k, i == j + k ? one : zero);
      h.apply_plain(j + q < h.count ? j + q : h.count, q);
      for (Index i = 0; i < to.rows; ++i)
        for (Index k = 0; k < q; ++k) to.set(i, j + k, h.panel.get(i, k));
    }
  }
};

}  // namespace backsolve::BS_ISA
