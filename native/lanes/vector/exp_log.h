// exp and log of one vector, each lane by itself, without calls and branches. Errors
// below 0.8 ulp of exp and 0.9 of log (test/exp-log.test.ts).
#pragma once
#include "simd.h"

namespace backsolve::BS_ISA {

/// What depends on the format. The polynomials interpolate at Chebyshev's points: (e^r - 1 - r) / r^2 over |r| <= log(2) / 2, and
/// (2 artanh(s) - 2 s) / s^3 in z = s^2 over |s| <= (sqrt 2 - 1) / (sqrt 2 + 1).
template <class R>
struct ExpLog;
template <>
struct ExpLog<double> {
  // To add and subtract, of NaN and of negative numbers, too: signed integers would overflow.
  typedef uint64_t Bits __attribute__((vector_size(BS_VECTOR_BYTES)));
  static constexpr int mantissa = 52;
  static constexpr uint64_t bias = 1023, root_half = 0x3fe6a09e667f3bcd;
  static constexpr double magic = 0x1.8p52, log2e = 0x1.71547652b82fep+0, ln2 = 0x1.62e42fee00000p-1, ln2_rest = 0x1.a39ef35793c76p-33;
  static constexpr double most = 710, least = -746, normal = 0x1p-1022, lift = 0x1p54;
  static constexpr int lifted = 54;
  static constexpr double exp[] = {0.5000000000000001,     0.16666666666666669,    0.04166666666662399,   0.008333333333330051,
                                   0.0013888888917281794,  0.00019841269863105968, 2.480152119021773e-05, 2.7557268378684192e-06,
                                   2.7620138719733994e-07, 2.5100424157005067e-08};
  static constexpr double log[] = {0.666666666666667,   0.3999999999989827, 0.2857142862653362, 0.22222211043776857,
                                   0.18182895750119193, 0.1533150161114533, 0.1461916613488797};
};
template <>
struct ExpLog<float> {
  typedef uint32_t Bits __attribute__((vector_size(BS_VECTOR_BYTES)));
  static constexpr int mantissa = 23;
  static constexpr uint32_t bias = 127, root_half = 0x3f3504f3;
  static constexpr float magic = 0x1.8p23f, log2e = 0x1.715476p+0f, ln2 = 0x1.62ep-1f, ln2_rest = 0x1.0bfbe8p-15f;
  static constexpr float most = 89, least = -104, normal = 0x1p-126f, lift = 0x1p25f;
  static constexpr int lifted = 25;
  static constexpr float exp[] = {0.5f, 0.16666576266288757f, 0.041666556149721146f, 0.008363203145563602f, 0.0013926213141530752f};
  static constexpr float log[] = {0.6666668653488159f, 0.399887353181839f, 0.2958202362060547f};
};

template <class R, int N>
BS_INLINE Vec<R> polynomial(const R (&c)[N], Vec<R> x) {
  Vec<R> p = splat<R>(c[N - 1]);
  BS_UNROLL
  for (int i = N - 2; i >= 0; --i) p = p * x + c[i];
  return p;
}

/// e^x = 2^k e^r, k the integer next to x / log 2. 2^k is multiplied in two steps, as it need not be representable; so the result overflows
/// to Inf, underflows gradually and rounds once.
template <class R>
BS_INLINE Vec<R> vexp(Vec<R> x) {
  using E = ExpLog<R>;
  x = select<R>(x > E::most, splat<R>(E::most), x);
  x = select<R>(x < E::least, splat<R>(E::least), x);
  const Vec<R> shifted = x * E::log2e + E::magic, n = shifted - E::magic;
  using B = typename E::Bits;
  const Mask<R> k = (Mask<R>)((B)shifted - (B)splat<R>(E::magic)), half = k >> 1;
  const Vec<R> high = x - n * E::ln2, low = n * E::ln2_rest, r = high - low;
  const Vec<R> sum = high + 1, rest = (1 - sum) + high;  // sum + rest = 1 + high exactly
  const Vec<R> p = sum + (rest + (r * r * polynomial<R>(E::exp, r) - low));
  return p * (Vec<R>)(((B)half + E::bias) << E::mantissa) * (Vec<R>)(((B)k - (B)half + E::bias) << E::mantissa);
}

/// log x = k log 2 + log m, 1/sqrt 2 <= m < sqrt 2; of m = 1 + f with s = f / (2 + f), log m = 2 artanh s = f - s (f - z R(z)), z = s^2.
template <class R>
BS_INLINE Vec<R> vlog(Vec<R> x) {
  using E = ExpLog<R>;
  const Mask<R> tiny = x < E::normal;
  using B = typename E::Bits;
  const B bits = (B)select<R>(tiny, x * E::lift, x);
  const Mask<R> k = (Mask<R>)(bits - E::root_half) >> E::mantissa;
  const Vec<R> f = (Vec<R>)(bits - ((B)k << E::mantissa)) - 1, s = f / (f + 2), z = s * s;
  const Vec<R> n = __builtin_convertvector(k - (tiny & E::lifted), Vec<R>);
  Vec<R> y = n * E::ln2 + (f - (s * (f - z * polynomial<R>(E::log, z)) - n * E::ln2_rest));
  y = select<R>(x == static_cast<R>(__builtin_inf()), x, y);
  y = select<R>(x == 0, splat<R>(static_cast<R>(-__builtin_inf())), y);
  return select<R>(x >= 0, y, splat<R>(static_cast<R>(__builtin_nan(""))));
}

}  // namespace backsolve::BS_ISA
