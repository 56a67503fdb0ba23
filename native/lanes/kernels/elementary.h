// Functions that are faster than SLEEF's, on processors that multiply and add with one rounding: cbrt, asin, acos, atan,
// asinh, acosh, atanh.
#pragma once
#include "../vector/complex_math.h"

namespace backsolve::BS_ISA {
namespace {

BS_MATH1(cbrt)
BS_MATH1(atan)

/// sum + error = a + b exactly, |a| >= |b|.
template <class R>
BS_INLINE Vec<R> fast_two_sum(Vec<R> a, Vec<R> b, Vec<R>& error) {
  const Vec<R> sum = a + b;
  error = b - (sum - a);
  return sum;
}
/// log(1 + u + low), low far below u, u >= 0: log s + what s = 1 + u lost / s (Kahan).
template <class R>
BS_INLINE Vec<R> log_of_one_more(Vec<R> u, Vec<R> low) {
  const Vec<R> one = splat<R>(1), s = u + 1;
  const Mask<R> large = u > one;
  const Vec<R> lost = select<R>(large, one - (s - u), u - (s - one)) + low;
  return vlog<R>(s) + select<R>(s <= Ieee<R>::max, lost / s, splat<R>(0));
}

template <class R>
struct Arcsine;
template <>
struct Arcsine<double> {
  static constexpr double half_pi = 1.57079632679489661923, half_pi_low = 6.123233995736766e-17;
  static constexpr double c[] = {.166666666666666678,  .0749999999999843207, .044642857146357221,  .0303819441383869296,
                                 .022372172948124707,  .0173523925756092568, .0139712152030975471, .0114791549710054164,
                                 .0103229645814827826, .005456844463293151,  .0174027259596898514, -.0148548376994219922,
                                 .0287599097424716189};
};
template <>
struct Arcsine<float> {
  static constexpr float half_pi = 1.57079632679489661923f, half_pi_low = -4.371139e-8f;
  static constexpr float c[] = {.1666666634f, .07500094565f, .0445993933f, .03110076919f, .0171486864f, .03369183495f};
};
/// Of |x| <= 1/2 asin x = x + x³ P(x²), by a polynomial (Chebyshev's points), else π/2 - 2 asin √((1 - |x|) / 2). `part` is the one or the
/// other.
template <class R>
struct Arc {
  Mask<R> large;
  Vec<R> a, part, rest;
  BS_INLINE explicit Arc(Vec<R> x) {
    const R half = static_cast<R>(.5);
    a = vabs<R>(x), large = a > half;
    const Vec<R> z = select<R>(large, (1 - a) * half, a * a);
    part = select<R>(large, vsqrt<R>(z), a);
    rest = part * z * polynomial(Arcsine<R>::c, z);
  }
};
template <class R>
BS_INLINE Vec<R> real_asin(Vec<R> x) {
  const Arc<R> s(x);
  const Vec<R> far = Arcsine<R>::half_pi - (2 * s.part - (Arcsine<R>::half_pi_low - 2 * s.rest));
  return vcopysign<R>(select<R>(s.large, far, s.part + s.rest), x);
}
template <class R>
BS_INLINE Vec<R> real_acos(Vec<R> x) {
  constexpr R half_pi = Arcsine<R>::half_pi, low = Arcsine<R>::half_pi_low;
  const Arc<R> s(x);
  const Mask<R> left = x < 0;
  const Vec<R> part = 2 * (s.part + s.rest), sign = select<R>(left, splat<R>(-1), splat<R>(1));
  const Vec<R> far = select<R>(left, 2 * half_pi - (part - 2 * low), part);
  return select<R>(s.large, far, half_pi - sign * (s.part - (sign * low - s.rest)));
}

#if defined(__FMA__) || defined(__aarch64__)

/// x^(-1/3) within 4%: the bits of a number are nearly its logarithm.
BS_INLINE Vec<double> guess(Vec<double> x) {
  const Vec<double> high = from_bits<double>((bits_of<double>(x) >> 32) | (uint64_t{0x433} << 52)) - 0x1p52;
  return from_bits<double>(bits_of<double>((1430187600. - high * (1 / 3.)) + 0x1p52) << 32);
}
BS_INLINE Vec<float> guess(Vec<float> x) {
  const Vec<float> whole = __builtin_convertvector((Mask<float>)x, Vec<float>);
  return (Vec<float>)__builtin_convertvector(1419910442.f - whole * (1 / 3.f), Mask<float>);
}
/// x y² for y = x^(-1/3), by y (1 + e/3 + 2/9 e² + 14/81 e³), e = 1 - x y³, of float64 one more step, and one with the exact cube.
template <class R>
BS_INLINE Vec<R> real_cbrt(Vec<R> x) {
  const auto c = [](double v) { return static_cast<R>(v); };
  const Mask<R> tiny = vabs<R>(x) < Ieee<R>::min_normal, ordinary = (x != 0) & is_finite<R>(x);
  const Vec<R> a = select<R>(ordinary, select<R>(tiny, x * c(sizeof(R) == 8 ? 0x1p54 : 0x1p24), x), splat<R>(1));
  const Vec<R> b = vabs<R>(a);
  Vec<R> y = guess(b);
  const Vec<R> e = 1 - b * y * y * y;
  y = y + y * e * (c(1 / 3.) + e * (c(2 / 9.) + e * c(14 / 81.)));
  if (sizeof(R) == 8) y = y + y * (1 - b * y * y * y) * c(1 / 3.);
  const Vec<R> q = y * y, t = b * q, s = t * t, lost = vfma<R>(t, t, -s);
  const Vec<R> rest = vfma<R>(-s, t, b) - lost * t;
  const Vec<R> root = (t + rest * (q * c(1 / 3.))) * select<R>(tiny, splat<R>(c(sizeof(R) == 8 ? 0x1p-18 : 0x1p-8)), splat<R>(1));
  return select<R>(ordinary, vcopysign<R>(root, x), x);
}

template <class R>
struct Arctangent;
template <>
struct Arctangent<double> {
  static constexpr double half_pi = 1.57079632679489661923, half_pi_low = 6.123233995736766e-17;
  static constexpr double c[] = {-.333333333333333332,  .199999999999998043,  -.142857142856597778,  .111111111051505879,
                                 -.0909090875325911294, .0769229636804229712, -.0666642476020052014, .0587892755447380676,
                                 -.0523044364068694771, .0455154473402216165, -.0345693150633260898, .0162843750500433944};
};
template <>
struct Arctangent<float> {
  static constexpr float half_pi = 1.57079632679489661923f, half_pi_low = -4.371139e-8f;
  static constexpr float c[] = {-.3333333176f, .1999954031f, -.1426394975f, .1074366832f, -.06451718869f};
};
/// base + rest + atan t, |t| <= √2 - 1, by a polynomial (Chebyshev's points).
template <class R>
BS_INLINE Vec<R> small_atan(Vec<R> t, Vec<R> base, Vec<R> rest) {
  const Vec<R> z = t * t;
  return base + (t + (t * z * polynomial(Arctangent<R>::c, z) + rest));
}
/// Of larger numbers π/4 + atan((x - 1) / (x + 1)), from √2 + 1 on π/2 - atan(1 / x).
template <class R>
BS_INLINE Vec<R> real_atan(Vec<R> x) {
  constexpr R half_pi = Arctangent<R>::half_pi, low = Arctangent<R>::half_pi_low;
  const Vec<R> a = vabs<R>(x), one = splat<R>(1), zero = splat<R>(0);
  const Mask<R> middle = a > static_cast<R>(.41421356237309503), far = a > static_cast<R>(2.41421356237309505);
  const Vec<R> over = select<R>(far, -one, select<R>(middle, a - 1, a)), under = select<R>(far, a, select<R>(middle, a + 1, one));
  const Vec<R> base = select<R>(far, splat<R>(half_pi), select<R>(middle, splat<R>(half_pi / 2), zero));
  const Vec<R> rest = select<R>(far, splat<R>(low), select<R>(middle, splat<R>(low / 2), zero));
  return vcopysign<R>(small_atan<R>(over / under, base, rest), x);
}
/// The smaller over the larger of |x| and |y|, or (smaller - larger) / (smaller + larger) and π/4; then π/2 less that, then π.
template <class R>
BS_INLINE Vec<R> real_atan2(Vec<R> y, Vec<R> x) {
  constexpr R half_pi = Arctangent<R>::half_pi, low = Arctangent<R>::half_pi_low, huge = Ieee<R>::max / 4;
  const Vec<R> a = vabs<R>(y), b = vabs<R>(x), one = splat<R>(1), zero = splat<R>(0);
  const Mask<R> steep = a > b, left = vcopysign<R>(one, x) < 0;
  Vec<R> m = select<R>(steep, b, a), n = select<R>(steep, a, b);
  const Vec<R> scale = select<R>(n > huge, splat<R>(static_cast<R>(.25)), one);
  m = m * scale, n = n * scale;
  const Mask<R> infinite = is_inf<R>(n), none = n == 0;
  m = select<R>(infinite, select<R>(is_inf<R>(m), one, zero), m);
  n = select<R>(infinite | none, one, n);
  const Mask<R> middle = m > n * static_cast<R>(.41421356237309503);
  const Vec<R> t = select<R>(middle, m - n, m) / select<R>(middle, m + n, n);
  // sign t + base, in turn for each reflection
  Vec<R> sign = one, base = select<R>(middle, splat<R>(half_pi / 2), zero), rest = select<R>(middle, splat<R>(low / 2), zero);
  sign = select<R>(steep, -sign, sign), base = select<R>(steep, half_pi - base, base), rest = select<R>(steep, low - rest, rest);
  sign = select<R>(left, -sign, sign), base = select<R>(left, 2 * half_pi - base, base), rest = select<R>(left, 2 * low - rest, rest);
  const Vec<R> angle = vcopysign<R>(small_atan<R>(t * sign, base, rest), y);
  return select<R>(is_nan<R>(x) | is_nan<R>(y), x + y, angle);
}

#else

template <class R>
BS_INLINE Vec<R> real_cbrt(Vec<R> x) {
  return vcbrt<R>(x);
}
template <class R>
BS_INLINE Vec<R> real_atan(Vec<R> x) {
  return vatan<R>(x);
}
template <class R>
BS_INLINE Vec<R> real_atan2(Vec<R> y, Vec<R> x) {
  return vatan2<R>(y, x);
}

#endif

constexpr double kLog2 = 0.693147180559945309417232121458;
/// From here on x² + 1 is x², which overflows before long.
template <class R>
constexpr R kFar = static_cast<R>(sizeof(R) == 8 ? 0x1p500 : 0x1p60);

/// log(1 + x + x² / (1 + √(1 + x²))); of large x log 2x.
template <class R>
BS_INLINE Vec<R> real_asinh(Vec<R> x) {
  const Vec<R> a = vabs<R>(x);
  const Mask<R> far = a > kFar<R>;
  const Vec<R> b = select<R>(far, splat<R>(1), a), square = b * b;
  Vec<R> low;
  const Vec<R> u = fast_two_sum<R>(b, square / (vsqrt<R>(square + 1) + 1), low);
  const Vec<R> y = log_of_one_more<R>(select<R>(far, a, u), low);
  return vcopysign<R>(select<R>(x == 0, a, select<R>(far, y + static_cast<R>(kLog2), y)), x);
}
/// log(1 + t + √(t (t + 2))), t = x - 1; of large x log 2x.
template <class R>
BS_INLINE Vec<R> real_acosh(Vec<R> x) {
  const Mask<R> far = x > kFar<R>;
  const Vec<R> t = select<R>(far, splat<R>(1), x) - 1, root = vsqrt<R>(t * (t + 2));
  Vec<R> low;
  const Vec<R> u = fast_two_sum<R>(root, t, low);
  const Vec<R> y = log_of_one_more<R>(select<R>(far, x, u), low);
  return select<R>(far, y + static_cast<R>(kLog2), select<R>(x < 1, splat<R>(static_cast<R>(__builtin_nan(""))), y));
}
/// log(1 + 2x / (1 - x)) / 2, the quotient with what it lost.
template <class R>
BS_INLINE Vec<R> real_atanh(Vec<R> x) {
  const Vec<R> a = vabs<R>(x), under = 1 - a, under_low = (1 - under) - a, u = (a + a) / under;
#if defined(__FMA__) || defined(__aarch64__)
  const Vec<R> rest = vfma<R>(-u, under, a + a) - u * under_low;
  const Vec<R> low = select<R>(u <= Ieee<R>::max, rest / under, splat<R>(0));
#else
  const Vec<R> low = splat<R>(0) * under_low;
#endif
  return vcopysign<R>(select<R>(x == 0, a, log_of_one_more<R>(u, low) * static_cast<R>(.5)), x);
}

}  // namespace
}  // namespace backsolve::BS_ISA
