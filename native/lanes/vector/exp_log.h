// exp and log of one vector, each lane by itself, without calls and branches. Errors
// below 0.8 ulp of exp (0.6 with AVX-512) and 0.9 of log (test/exp-log.test.ts).
#pragma once
#if BS_VECTOR_BYTES == 64
#include <immintrin.h>  // its functions are inlined always and leave no symbol
#endif
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

#if BS_VECTOR_BYTES == 64
/// e^x = 2^(k/N) e^r, k the integer next to N x / log 2, N the numbers of two vectors: the k mod N-th root of two comes out of them by an
/// exchange, in two parts, and the power of two is scaled with one rounding. (e^r - 1 - r) / r^2 is interpolated as below over |r| <=
/// log(2) / 2N.
/// Functions with a mask of ones: those without one are warned of by GCC, which finds their undefined vectors undefined.
template <class R>
struct Roots;
template <>
struct Roots<double> {
  static constexpr double per_log2 = 0x1.71547652b82fep+4, log2 = 0x1.62e42fefap-5, log2_rest = 0x1.cf79abc9e3b3ap-44;
  static constexpr double exp[] = {0.5000000000000001,   0.16666666666666669,   0.04166666666358317,
                                   0.008333333332990724, 0.0013889063789935463, 0.00019841464175558392};
  // clang-format off
  alignas(64) static constexpr double high[] = {
      0x1p+0, 0x1.0b5586cf9890fp+0, 0x1.172b83c7d517bp+0, 0x1.2387a6e756238p+0,
      0x1.306fe0a31b715p+0, 0x1.3dea64c123422p+0, 0x1.4bfdad5362a27p+0, 0x1.5ab07dd485429p+0,
      0x1.6a09e667f3bcdp+0, 0x1.7a11473eb0187p+0, 0x1.8ace5422aa0dbp+0, 0x1.9c49182a3f09p+0,
      0x1.ae89f995ad3adp+0, 0x1.c199bdd85529cp+0, 0x1.d5818dcfba487p+0, 0x1.ea4afa2a490dap+0};
  alignas(64) static constexpr double rest[] = {
      0, 0x1.8a62e4adc610bp-54, -0x1.19041b9d78a76p-55, 0x1.9b07eb6c70573p-54,
      0x1.6f46ad23182e4p-55, 0x1.ada0911f09ebcp-55, 0x1.d4397afec42e2p-56, 0x1.6324c054647adp-54,
      -0x1.bdd3413b26456p-54, -0x1.41577ee04992fp-55, 0x1.6e9f156864b27p-54, 0x1.c7c46b071f2bep-56,
      0x1.7a1cd345dcc81p-54, 0x1.11065895048ddp-55, 0x1.2ed02d75b3707p-55, -0x1.e9c23179c2893p-54};
  // clang-format on
  BS_INLINE static Vec<double> least(double a, Vec<double> x) {
    return (Vec<double>)_mm512_maskz_min_pd(0xff, _mm512_set1_pd(a), (__m512d)x);
  }
  BS_INLINE static Vec<double> most(double a, Vec<double> x) {
    return (Vec<double>)_mm512_maskz_max_pd(0xff, _mm512_set1_pd(a), (__m512d)x);
  }
  BS_INLINE static Vec<double> pick(const double* of, Vec<double> at) {
    return (Vec<double>)_mm512_permutex2var_pd(_mm512_load_pd(of), (__m512i)at, _mm512_load_pd(of + 8));
  }
  BS_INLINE static Vec<double> scale(Vec<double> x, Vec<double> k) {
    return (Vec<double>)_mm512_maskz_scalef_pd(0xff, (__m512d)x, (__m512d)k);
  }
};
template <>
struct Roots<float> {
  static constexpr float per_log2 = 0x1.715476p+5f, log2 = 0x1.62cp-6f, log2_rest = 0x1.217f7ep-17f;
  static constexpr float exp[] = {0.5000024437904358f, 0.1666671633720398f};
  // clang-format off
  alignas(64) static constexpr float high[] = {
      0x1p+0f, 0x1.059b0ep+0f, 0x1.0b5586p+0f, 0x1.11301ep+0f, 0x1.172b84p+0f, 0x1.1d4874p+0f, 0x1.2387a6p+0f, 0x1.29e9ep+0f,
      0x1.306fep+0f, 0x1.371a74p+0f, 0x1.3dea64p+0f, 0x1.44e086p+0f, 0x1.4bfdaep+0f, 0x1.5342b6p+0f, 0x1.5ab07ep+0f, 0x1.6247ecp+0f,
      0x1.6a09e6p+0f, 0x1.71f75ep+0f, 0x1.7a1148p+0f, 0x1.82589ap+0f, 0x1.8ace54p+0f, 0x1.93737cp+0f, 0x1.9c4918p+0f, 0x1.a5503cp+0f,
      0x1.ae89fap+0f, 0x1.b7f77p+0f, 0x1.c199bep+0f, 0x1.cb720ep+0f, 0x1.d5818ep+0f, 0x1.dfc974p+0f, 0x1.ea4afap+0f, 0x1.f50766p+0f};
  alignas(64) static constexpr float rest[] = {
      0, -0x1.9d4f52p-25f, 0x1.9f3122p-25f, -0x1.fdb496p-25f, -0x1.c15742p-27f, -0x1.d2e8cap-25f, 0x1.ceac48p-25f, -0x1.5c0424p-25f,
      0x1.4636e2p-25f, -0x1.18aac6p-25f, 0x1.824684p-25f, 0x1.8624b4p-30f, -0x1.593abcp-25f, -0x1.2c561p-25f, -0x1.5bd5ecp-27f, -0x1.f8b55p-25f,
      0x1.9fcef4p-26f, 0x1.1d8beep-25f, -0x1.829fdp-25f, -0x1.accc7cp-26f, 0x1.15506ep-27f, -0x1.e64744p-25f, 0x1.51f848p-27f, -0x1.b83b54p-25f,
      -0x1.a94b14p-26f, -0x1.a09438p-25f, -0x1.3d56b2p-27f, -0x1.8837ccp-27f, -0x1.822dbcp-27f, -0x1.908c94p-25f, 0x1.52486cp-27f, -0x1.246ebp-26f};
  // clang-format on
  BS_INLINE static Vec<float> least(float a, Vec<float> x) { return (Vec<float>)_mm512_maskz_min_ps(0xffff, _mm512_set1_ps(a), (__m512)x); }
  BS_INLINE static Vec<float> most(float a, Vec<float> x) { return (Vec<float>)_mm512_maskz_max_ps(0xffff, _mm512_set1_ps(a), (__m512)x); }
  BS_INLINE static Vec<float> pick(const float* of, Vec<float> at) {
    return (Vec<float>)_mm512_permutex2var_ps(_mm512_load_ps(of), (__m512i)at, _mm512_load_ps(of + 16));
  }
  BS_INLINE static Vec<float> scale(Vec<float> x, Vec<float> k) { return (Vec<float>)_mm512_maskz_scalef_ps(0xffff, (__m512)x, (__m512)k); }
};
template <class R>
BS_INLINE Vec<R> vexp(Vec<R> x) {
  using E = ExpLog<R>;
  using T = Roots<R>;
  x = T::most(E::least, T::least(E::most, x));  // of NaN and a number the second: NaN stays
  const Vec<R> shifted = x * T::per_log2 + E::magic, n = shifted - E::magic;
  const Vec<R> r = (x - n * T::log2) - n * T::log2_rest, q = r + r * r * polynomial<R>(T::exp, r);
  const Vec<R> high = T::pick(T::high, shifted), rest = T::pick(T::rest, shifted);
  return T::scale(high + (high * q + rest), n * (R{1} / (2 * W<R>)));
}
#else
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
#endif

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
