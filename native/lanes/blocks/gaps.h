// Quotients by gaps between eigenvalues or singular values of W matrices side by side.
#pragma once
#include "spectrum.h"

namespace backsolve::BS_ISA {

enum class Policy { raise = 0, nan = 1, mask = 2 };
constexpr int kPhase = 1, kStrict = 2;

/// M := F ∘ M as gap_quotient_of of native/kernels/gaps.h; `scale`: of the numbers whose rounding is nothing, of M where null. Returns
/// which lanes have nothing to fail for.
template <class L>
struct GapQuotient {
  using R = typename L::Real;
  using E = typename L::Element;
  const R *w, *scale;
  Strided<L> m;
  Policy policy;
  int checks;
  Vec<R> same, noise;
  Mask<R> good;

  /// The largest |m|; of complex ones scaled, so that squares do not leave the exponents.
  BS_INLINE Vec<R> norm() const {
    Mask<R> most = Mask<R>{};
    for (Index i = 0; i < m.rows; ++i)
      for (Index j = 0; j < m.cols; ++j) grow_parts<L>(most, m.get(i, j));
    const Vec<R> part = reinterpret_cast<Vec<R>>(most);
    if (L::planes == 1) return part;
    const Mask<R> usual = (part >= Ieee<R>::min_normal) & is_finite<R>(part);
    const Vec<R> c = splat<R>(1) / (usual ? part : splat<R>(1));
    Vec<R> largest = Vec<R>{};
    for (Index i = 0; i < m.rows; ++i)
      for (Index j = 0; j < m.cols; ++j) {
        const Vec<R> size = square<L>(L::scale(m.get(i, j), c));
        largest = size > largest ? size : largest;
      }
    return usual ? vsqrt<R>(largest) * part : part;
  }
  /// |m| <= noise
  BS_INLINE Mask<R> rounding(E x) const {
    if constexpr (L::planes == 1) {
      return vabs<R>(x) <= noise;
    } else {
      const Vec<R> re = vabs<R>(x.re), im = vabs<R>(x.im), top = re > im ? re : im;
      const Vec<R> c = splat<R>(1) / (top >= Ieee<R>::min_normal ? top : splat<R>(1)), p = re * c, q = im * c;
      return (top < Ieee<R>::min_normal ? top : top * vsqrt<R>(p * p + q * q)) <= noise;
    }
  }
  BS_INLINE static E over(E x, Vec<R> gap) {
    if constexpr (L::planes == 1)
      return x / gap;
    else
      return {x.re / gap, x.im / gap};
  }
  BS_INLINE void pair(Index i, Index j, Mask<R> joined) {
    const Vec<R> gap = load<R>(w + j * W<R>) - load<R>(w + i * W<R>), nan = from_bits<R>(Bits<R>{} + Ieee<R>::nan);
    const Mask<R> equal = joined | (vabs<R>(gap) <= same);
    const E x = m.get(i, j), zero = L::from_re(Vec<R>{});
    E q = L::pick(L::is_zero(x) | equal, zero, over(x, equal ? splat<R>(1) : gap));
    if (policy != Policy::mask && any<R>(equal)) {
      const Mask<R> bad = (checks & kStrict) != 0 ? equal : equal & ~rounding(x);
      good &= ~bad;
      q = L::pick(bad, L::from_re(nan), q);
    }
    m.set(i, j, q);
  }
  BS_INLINE E diagonal(Index i) {
    E d = L::from_re(Vec<R>{});
    if constexpr (L::planes == 2) {
      if ((checks & kPhase) == 0 || policy == Policy::mask) return d;
      const Mask<R> bad = vabs<R>(m.get(i, i).im) > splat<R>(128) * noise;
      good &= ~bad;
      d = L::pick(bad, L::from_re(from_bits<R>(Bits<R>{} + Ieee<R>::nan)), d);
    }
    return d;
  }
  BS_INLINE Mask<R> run() {
    const Index n = m.rows;
    const auto order = static_cast<R>(n);
    const R step = sizeof(R) == 8 ? R(__DBL_DENORM_MIN__) : R(__FLT_DENORM_MIN__);
    Vec<R> top = Vec<R>{};
    for (Index i = 0; i < n; ++i) {
      const Vec<R> x = vabs<R>(load<R>(w + i * W<R>));
      top = x > top ? x : top;
    }
    const Vec<R> most = scale != nullptr ? vabs<R>(load<R>(scale)) : norm();
    same = order * (kEpsilon<R> * top + step);
    noise = 8 * order * (kEpsilon<R> * most + step);
    good = ~Mask<R>{};
    for (Index i = 0; i < n; ++i) {
      const E on = diagonal(i);
      for (const Index way : {Index{-1}, Index{1}}) {
        Mask<R> joined = ~Mask<R>{};  // to the eigenvalue before, and that to the one before it, up to i
        for (Index j = i + way; j >= 0 && j < n; j += way) {
          joined &= vabs<R>(load<R>(w + j * W<R>) - load<R>(w + (j - way) * W<R>)) <= same;
          pair(i, j, joined);
        }
      }
      m.set(i, i, on);
    }
    return is_finite<R>(most) & (policy == Policy::raise ? good : ~Mask<R>{});
  }
};
template <class L>
__attribute__((noinline)) Mask<typename L::Real> gap_quotient_of(const void* w, Strided<L> m, double policy, int checks,
                                                                 const void* scale = nullptr) {
  using R = typename L::Real;
  return GapQuotient<L>{static_cast<const R*>(w), static_cast<const R*>(scale), m, static_cast<Policy>(policy), checks, {}, {}, {}}.run();
}

}  // namespace backsolve::BS_ISA
