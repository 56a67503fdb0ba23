// Elementary functions of real numbers: SLEEF's of 1 ulp, mended where these stop early; the special ones are in normal.h and gamma.h.
#include "special.h"

#include "../vector/elements.h"
#include "elementary.h"
#include "gamma.h"
#include "normal.h"
#include "rounding.h"

namespace backsolve::BS_ISA {
namespace {

BS_MATH1(log2)
BS_MATH1(log10)
BS_MATH1(exp2)
BS_MATH1(tan)
BS_MATH1(erf)

/// 1 / (1 + e^-x), or e^x / (1 + e^x): no exponential overflows.
template <class R>
BS_INLINE Vec<R> real_sigmoid(Vec<R> x) {
  const Vec<R> e = vexp<R>(-vabs<R>(x));
  return select<R>(x < 0, e, splat<R>(1)) / (e + 1);
}

/// max + log(1 + e^-|a - b|); of equal numbers, infinite ones too, a + log 2.
template <class R>
BS_INLINE Vec<R> real_logaddexp(Vec<R> a, Vec<R> b) {
  const Vec<R> y = vmax<R>(a, b) + vlog1p<R>(vexp<R>(-vabs<R>(a - b)));
  return select<R>(a == b, a + static_cast<R>(kLog2), y);
}

template <class R>
BS_INLINE Vec<R> real_xlogy(Vec<R> x, Vec<R> y) {
  return select<R>((x == 0) & (y == y), splat<R>(0), x * vlog<R>(y));
}

template <class R>
BS_INLINE Vec<R> fmod_by_lanes(Vec<R> a, Vec<R> b) {
  Vec<R> r{};
  BS_SCALAR
  for (int i = 0; i < W<R>; ++i) r[i] = static_cast<R>(__builtin_fmod(a[i], b[i]));
  return r;
}
/// a - b trunc(a / b), exactly: with a fused multiply-add that rounds once, where the quotient has no more digits than a number; its last
/// one may be one too large, so that what is left has the other sign.
template <class R>
BS_INLINE Vec<R> real_fmod(Vec<R> a, Vec<R> b) {
#if defined(__FMA__) || defined(__aarch64__)
  const Vec<R> q = a / b;
  const Mask<R> far = ~((vabs<R>(q) < static_cast<R>(sizeof(R) == 8 ? 0x1p51 : 0x1p22)) & is_finite<R>(b));
  const Vec<R> n = vtrunc<R>(select<R>(far, splat<R>(0), q));
  Vec<R> r = vfma<R>(-n, b, a);
  r = select<R>((r != 0) & ((r < 0) != (a < 0)), r + vcopysign<R>(b, a), r);
  r = vcopysign<R>(r, a);
  return __builtin_expect(any<R>(far), 0) ? select<R>(far, fmod_by_lanes<R>(a, b), r) : r;
#else
  return fmod_by_lanes<R>(a, b);
#endif
}
/// With the sign of b, as Python's %.
template <class R>
BS_INLINE Vec<R> real_mod(Vec<R> a, Vec<R> b) {
  const Vec<R> r = real_fmod<R>(a, b), zero = splat<R>(0);
  return select<R>(r == 0, vcopysign<R>(zero, b), select<R>((r < 0) != (b < 0), r + b, r));
}

/// Half of the floats as doubles, and back.
template <int from, int... I>
BS_INLINE Double wide(Vec<float> x, Seq<I...>) {
  return __builtin_convertvector(__builtin_shufflevector(x, x, (from + I)...), Double);
}
template <int... I>
BS_INLINE Vec<float> narrow(Double low, Double high, Seq<I...>) {
  typedef float Half __attribute__((vector_size(BS_VECTOR_BYTES / 2)));
  return __builtin_shufflevector(__builtin_convertvector(low, Half), __builtin_convertvector(high, Half), I...);
}

}  // namespace

namespace special {

constexpr int kHalf = W<double>;
using Halves = UpTo<kHalf>;
using Whole = UpTo<W<float>>;

#define BS_DEFINE1(name, f)                             \
  Vec<float> name(Vec<float> x) { return f<float>(x); } \
  Vec<double> name(Vec<double> x) { return f<double>(x); }
#define BS_DEFINE2(name, f)                                              \
  Vec<float> name(Vec<float> x, Vec<float> y) { return f<float>(x, y); } \
  Vec<double> name(Vec<double> x, Vec<double> y) { return f<double>(x, y); }
/// Of float by way of double, two halves.
#define BS_DEFINE_WIDE1(name, f)                                                                                  \
  Vec<float> name(Vec<float> x) { return narrow(f(wide<0>(x, Halves{})), f(wide<kHalf>(x, Halves{})), Whole{}); } \
  Vec<double> name(Vec<double> x) { return f(x); }
#define BS_DEFINE_WIDE2(name, f)                                                                                                  \
  Vec<float> name(Vec<float> x, Vec<float> y) {                                                                                   \
    return narrow(f(wide<0>(x, Halves{}), wide<0>(y, Halves{})), f(wide<kHalf>(x, Halves{}), wide<kHalf>(y, Halves{})), Whole{}); \
  }                                                                                                                               \
  Vec<double> name(Vec<double> x, Vec<double> y) { return f(x, y); }

BS_DEFINE1(log2, vlog2)
BS_DEFINE1(log10, vlog10)
BS_DEFINE1(exp2, vexp2)
BS_DEFINE1(cbrt, real_cbrt)
BS_DEFINE1(tan, vtan)
BS_DEFINE1(asin, real_asin)
BS_DEFINE1(acos, real_acos)
BS_DEFINE1(atan, real_atan)
BS_DEFINE1(asinh, real_asinh)
BS_DEFINE1(acosh, real_acosh)
BS_DEFINE1(atanh, real_atanh)
BS_DEFINE1(sigmoid, real_sigmoid)
BS_DEFINE1(erf, verf)
BS_DEFINE2(pow, vpow)
BS_DEFINE2(atan2, real_atan2)
BS_DEFINE2(mod, real_mod)
BS_DEFINE2(logaddexp, real_logaddexp)
BS_DEFINE2(xlogy, real_xlogy)
BS_DEFINE1(lgamma, vlgamma)
BS_DEFINE_WIDE1(erfc, normal::erfc)
BS_DEFINE_WIDE1(erf_inv, normal::erf_inv)
BS_DEFINE_WIDE1(norm_cdf, normal::cdf)
BS_DEFINE_WIDE1(norm_log_cdf, normal::log_cdf)
BS_DEFINE_WIDE1(norm_hazard, normal::hazard)
BS_DEFINE_WIDE1(norm_quantile, normal::quantile)
BS_DEFINE_WIDE1(digamma, gamma::digamma)
BS_DEFINE_WIDE2(polygamma, gamma::polygamma)

}  // namespace special

}  // namespace backsolve::BS_ISA
