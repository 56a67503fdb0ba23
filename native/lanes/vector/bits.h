// Bits of floating point lanes: powers of two without a library call, products without contraction, exact squares.
#pragma once
#include "simd.h"

namespace backsolve::BS_ISA {

template <class R>
struct Ieee;
template <>
struct Ieee<float> {
  typedef uint32_t bits __attribute__((vector_size(BS_VECTOR_BYTES)));
  static constexpr uint32_t unit = uint32_t{1} << 23, sign = uint32_t{1} << 31, exponent = uint32_t{0xff} << 23;
  static constexpr uint32_t bias = 127, nan = 0x7fc00000u;
  static constexpr float max = __FLT_MAX__, min_normal = __FLT_MIN__, inf = __builtin_inff();
};
template <>
struct Ieee<double> {
  typedef uint64_t bits __attribute__((vector_size(BS_VECTOR_BYTES)));
  static constexpr uint64_t unit = uint64_t{1} << 52, sign = uint64_t{1} << 63, exponent = uint64_t{0x7ff} << 52;
  static constexpr uint64_t bias = 1023, nan = uint64_t{0x7ff8} << 48;
  static constexpr double max = __DBL_MAX__, min_normal = __DBL_MIN__, inf = __builtin_inf();
};
template <class R>
using Bits = typename Ieee<R>::bits;

template <class R>
BS_INLINE Bits<R> bits_of(Vec<R> x) {
  return reinterpret_cast<Bits<R>>(x);
}
template <class R>
BS_INLINE Vec<R> from_bits(Bits<R> b) {
  return reinterpret_cast<Vec<R>>(b);
}
template <class R>
BS_INLINE Vec<R> vabs(Vec<R> x) {
  return from_bits<R>(bits_of<R>(x) & ~Ieee<R>::sign);
}
/// |magnitude| with the sign of `sign`.
template <class R>
BS_INLINE Vec<R> vcopysign(Vec<R> magnitude, Vec<R> sign) {
  return from_bits<R>((bits_of<R>(magnitude) & ~Ieee<R>::sign) | (bits_of<R>(sign) & Ieee<R>::sign));
}
template <class R>
BS_INLINE Mask<R> is_nan(Vec<R> x) {
  return x != x;
}
template <class R>
BS_INLINE Mask<R> is_inf(Vec<R> x) {
  return vabs<R>(x) == Ieee<R>::inf;
}
/// False for NaN.
template <class R>
BS_INLINE Mask<R> is_finite(Vec<R> x) {
  return vabs<R>(x) <= Ieee<R>::max;
}

/// Whether any lane is set. Only to skip work whose result a select would throw away: a lane never sees its neighbours' branch.
template <class R>
BS_INLINE bool any(Mask<R> m) {
  const auto words = reinterpret_cast<Mask<double>>(m);
  int64_t all = 0;
  for (int i = 0; i < W<double>; ++i) all |= words[i];
  return all != 0;
}

/// x, hidden from the optimiser, so that a product is rounded before it is added: -ffp-contract=fast would make z * conj(z) and z / z
/// not quite real, and a * b differ from b * a.
template <class R>
BS_INLINE Vec<R> rounded(Vec<R> x) {
#if defined(__x86_64__)
  __asm__("" : "+v"(x));
#elif defined(__aarch64__)
  __asm__("" : "+w"(x));
#else
  __asm__("" : "+m"(x));
#endif
  return x;
}

/// NaN if either is NaN (one and the same NaN); +0 is greater than -0: commutative and associative to the bit.
template <class R>
BS_INLINE Vec<R> vmax(Vec<R> a, Vec<R> b) {
  const Vec<R> r = select<R>(a > b, a, select<R>(a == b, from_bits<R>(bits_of<R>(a) & bits_of<R>(b)), b));
  return select<R>(is_nan<R>(a) | is_nan<R>(b), from_bits<R>(Bits<R>{} + Ieee<R>::nan), r);
}
template <class R>
BS_INLINE Vec<R> vmin(Vec<R> a, Vec<R> b) {
  return -vmax<R>(-a, -b);
}

template <class R>
BS_INLINE Vec<R> vfma(Vec<R> a, Vec<R> b, Vec<R> c) {
  Vec<R> y;
  for (int i = 0; i < W<R>; ++i) {
    if constexpr (sizeof(R) == 8)
      y[i] = __builtin_fma(a[i], b[i], c[i]);
    else
      y[i] = __builtin_fmaf(a[i], b[i], c[i]);
  }
  return y;
}

/// p + error = x * x exactly, barring underflow. Without an FMA unit: Dekker's product (Numer. Math. 18, 1971), nothing there to contract.
template <class R>
BS_INLINE void exact_square(Vec<R> x, Vec<R>& p, Vec<R>& error) {
  p = rounded<R>(x * x);
#if defined(__FMA__) || defined(__aarch64__)
  error = vfma<R>(x, x, -p);
#else
  const R split = static_cast<R>(sizeof(R) == 8 ? 134217729.0 : 4097.0);
  const Vec<R> c = x * split;
  const Vec<R> high = c - (c - x), low = x - high;
  error = ((high * high - p) + high * low * static_cast<R>(2)) + low * low;
#endif
}

/// m within the normal numbers (NaN stays): its exponent field is then neither 0 nor all ones.
template <class R>
BS_INLINE Bits<R> exponent_of(Vec<R> m) {
  m = select<R>(m < Ieee<R>::min_normal, splat<R>(Ieee<R>::min_normal), m);
  m = select<R>(m > Ieee<R>::max, splat<R>(Ieee<R>::max), m);
  return bits_of<R>(m) & Ieee<R>::exponent;
}

}  // namespace backsolve::BS_ISA
