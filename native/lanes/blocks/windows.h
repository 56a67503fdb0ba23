// The windows of W Hessenberg matrices side by side in which QR sweeps work: each lane has one of its own.
#pragma once
#include "hessenberg.h"

namespace backsolve::BS_ISA {

/// Elements up to this are nothing next to a matrix whose norm is near 1 or moderate: squares of larger ones have digits.
template <class R>
constexpr R kNothing = sizeof(R) == 8 ? R(0x1p-480) : R(0x1p-50);

template <class L>
struct Windows {
  using R = typename L::Real;
  using E = typename L::Element;
  static constexpr int kDone = L::planes == 1 ? 2 : 1;  // blocks up to this size need no sweeps

  Strided<L> h;
  Mask<R> low, high;  // the lowest block of a lane that is not done, or -1
  Mask<R> tries;      // sweeps since a lane's window ended elsewhere
  Index first, last;  // what lies in some lane's window; last < 0: all lanes are done

  BS_INLINE explicit Windows(Strided<L> of)
      : h(of), low(splat_index<R>(-1)), high(splat_index<R>(-1)), tries{}, first(0), last(of.rows - 1) {}

  BS_INLINE Vec<R> size(Index i, Index j) const { return L::size1(h.get(i, j)); }
  /// h(i, j) of each lane's own i and j.
  BS_INLINE E at(Mask<R> i, Mask<R> j) const {
    E x;
    for (int w = 0; w < W<R>; ++w) {
      const R* const p = h.at(static_cast<Index>(i[w]), static_cast<Index>(j[w])) + w;
      if constexpr (L::planes == 1)
        x[w] = *p;
      else
        x.re[w] = p[0], x.im[w] = p[W<R>];
    }
    return x;
  }

  /// Whether the element below the diagonal is as good as zero (Ahues & Tisseur 1997, LAPACK Working Note 122), which it is from then on.
  BS_INLINE Mask<R> splits(Index k) const {
    const E zero = L::from_re(Vec<R>{}), below = h.get(k, k - 1), before = h.get(k - 1, k - 1), here = h.get(k, k);
    const Vec<R> small = L::size1(below);
    Vec<R> beside = L::size1(before) + L::size1(here);
    if (any<R>(beside == Vec<R>{})) {
      const Vec<R> up = k > 1 ? size(k - 1, k - 2) : Vec<R>{}, down = k + 1 < h.rows ? size(k + 1, k) : Vec<R>{};
      beside = beside == Vec<R>{} ? up + down : beside;
    }
    const Mask<R> loose = small <= kEpsilon<R> * beside;
    Mask<R> none = small <= kNothing<R>;
    if (any<R>(loose & ~none)) {
      const Vec<R> above = size(k - 1, k), gap = L::size1(L::minus(before, here, L::from_re(splat<R>(1)))), d = L::size1(here);
      const Vec<R> ab = small > above ? small : above, ba = small > above ? above : small;
      const Vec<R> aa = d > gap ? d : gap, bb = d > gap ? gap : d, s = aa + ab;
      const Vec<R> least = kEpsilon<R> * (bb * (aa / s));
      none |= loose & (ba * (ab / s) <= (least > kNothing<R> ? least : splat<R>(kNothing<R>)));
    }
    h.set(k, k - 1, L::pick(none, zero, below));
    return none;
  }

  /// From the last row of the windows before up, as far as some lane needs it. What it finds in a lane does not depend on the others: above
  /// a window no block on the diagonal changes before it is in one.
  __attribute__((noinline)) void find() {
    const Mask<R> none = splat_index<R>(-1), before = high;
    Mask<R> end = splat_index<R>(last);
    low = high = none;
    for (Index k = last; k >= 0; --k) {
      const Mask<R> here = splat_index<R>(k), split = k == 0 ? ~Mask<R>{} : splits(k);
      const Mask<R> take = split & (high < 0) & (end - here >= kDone);
      low = take ? here : low;
      high = take ? end : high;
      end = split ? here - 1 : end;
      if (!any<R>(high < 0)) break;
    }
    tries = high == before ? tries + 1 : Mask<R>{};
    first = h.rows;
    last = -1;
    for (int w = 0; w < W<R>; ++w) {
      if (high[w] < 0) continue;
      first = low[w] < first ? static_cast<Index>(low[w]) : first;
      last = high[w] > last ? static_cast<Index>(high[w]) : last;
    }
  }

  /// Which lanes are to take an exceptional shift: 1 at the top of the window, 2 at its end, every ten sweeps in turn.
  BS_INLINE Mask<R> exceptions() const {
    Mask<R> which = Mask<R>{};
    for (int w = 0; w < W<R>; ++w) which[w] = tries[w] > 0 && tries[w] % 10 == 0 ? (tries[w] % 20 == 0 ? 2 : 1) : 0;
    return which;
  }
};

}  // namespace backsolve::BS_ISA
