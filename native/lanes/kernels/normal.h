// The error function and the standard normal distribution, in float64. Cody, "Rational Chebyshev approximations for the error function",
// Math. Comp. 23 (1969), with the coefficients of CALERF (netlib.org/specfun/erf): erf x for |x| < 15/32, else e^(x^2) erfc x; and Wichura,
// "Algorithm AS 241: the percentage points of the normal distribution", Appl. Statist. 37 (1988), PPND16.
#pragma once
#include "../vector/complex_math.h"

namespace backsolve::BS_ISA {
namespace {

using Double = Vec<double>;
using Flags = Mask<double>;

namespace normal {

constexpr double kBend = 0.46875, kRootHalf = 0.70710678118654752440, kRootTwoOverPi = 0.79788456080286535588;

constexpr double kErfP[] = {3209.37758913846947, 377.485237685302021, 113.864154151050156, 3.16112374387056560, .185777706184603153};
constexpr double kErfQ[] = {2844.23683343917062, 1282.61652607737228, 244.024637934444173, 23.6012909523441209, 1};
constexpr double kMiddleP[] = {1230.33935479799725, 2051.07837782607147, 1712.04761263407058, 881.952221241769090,   298.635138197400131,
                               66.1191906371416295, 8.88314979438837594, .564188496988670089, 2.15311535474403846e-8};
constexpr double kMiddleQ[] = {1230.33935480374942, 3439.36767414372164, 4362.61909014324716,
                               3290.79923573345963, 1621.38957456669019, 537.181101862009858,
                               117.693950891312499, 15.7449261107098347, 1};
constexpr double kFarP[] = {6.58749161529837803e-4, .0160837851487422766, .125781726111229246,
                            .360344899949804439,    .305326634961232344,  .0163153871373020978};
constexpr double kFarQ[] = {2.33520497626869185e-3, .0605183413124413191, .527905102951428412, 1.87295284992346725, 2.56852019228982242, 1};

/// erf x, |x| < 15/32.
BS_INLINE Double small_erf(Double x) {
  const Double z = x * x;
  return x * (polynomial(kErfP, z) / polynomial(kErfQ, z));
}
/// e^(x^2) erfc x, x >= 15/32.
BS_INLINE Double erfcx(Double x) {
  const Flags far = x > 4;
  const Double y = select<double>(far, splat<double>(1), x);
  const Double middle = polynomial(kMiddleP, y) / polynomial(kMiddleQ, y);
  if (!any<double>(far)) return middle;
  const Double s = 1 / select<double>(far, x, splat<double>(4)), z = s * s;
  const Double rest = z * (polynomial(kFarP, z) / polynomial(kFarQ, z));
  return select<double>(far, s * (.56418958354775628695 - rest), middle);
}
/// e^(-c x^2), c a power of two: the square and what it lost.
BS_INLINE Double gauss(Double x, double c) {
  const Double a = select<double>(vabs<double>(x) > 1e3, splat<double>(1e3), x);
  Double square, error;
  exact_square<double>(a, square, error);
  return vexp<double>(square * -c) * (1 - error * c);
}

inline Double erfc(Double x) {
  const Double a = vabs<double>(x);
  const Flags small = a < kBend;
  const Double tail = gauss(a, 1) * erfcx(select<double>(small, splat<double>(kBend), a));
  const Double y = select<double>(small, 1 - small_erf(select<double>(small, x, splat<double>(0))), select<double>(x < 0, 2 - tail, tail));
  return select<double>(is_nan<double>(x), x, y);
}

/// What the functions below are made of: at x the value of the distribution is 1/2 + centre where |x| is small, else `tail`, or 1 - tail.
struct At {
  Flags small;
  Double centre, density, ratio;  // ratio: tail / density, the density e^(-x^2 / 2)
  BS_INLINE explicit At(Double x) {
    const Double z = vabs<double>(x) * kRootHalf;
    small = z < kBend;
    centre = small_erf(select<double>(small, x * kRootHalf, splat<double>(0))) * .5;
    density = gauss(x, .5);
    ratio = erfcx(select<double>(small, splat<double>(kBend), z)) * .5;
  }
};

inline Double cdf(Double x) {
  const At at(x);
  const Double tail = at.density * at.ratio;
  const Double y = select<double>(at.small, at.centre + .5, select<double>(x < 0, tail, 1 - tail));
  return select<double>(is_nan<double>(x), x, y);
}
/// In the left tail log(tail / density) - x^2 / 2, on the right log(1 - tail).
inline Double log_cdf(Double x) {
  const At at(x);
  const Flags left = x < 0;
  const Double inner = select<double>(at.small, at.centre + .5, select<double>(left, at.ratio, splat<double>(1)));
  const Double square = select<double>(at.small | ~left, splat<double>(0), x * .5 * x);
  const Double low = vlog<double>(inner) - square;
  const Double upper = select<double>(at.small, .5 - at.centre, at.density * at.ratio);
  const Double y = select<double>(left, low, vlog1p<double>(-select<double>(left, splat<double>(0), upper)));
  return select<double>(is_nan<double>(x), x, select<double>(x == -Ieee<double>::inf, x, y));
}
/// The density over the distribution: the derivative of log_cdf.
inline Double hazard(Double x) {
  const At at(x);
  const Double below = select<double>(at.small, at.centre + .5, 1 - at.density * at.ratio);
  const Double left = kRootTwoOverPi * .5 / at.ratio, right = kRootTwoOverPi * .5 * at.density / below;
  const Double y = select<double>((x < 0) & ~at.small, left, right);
  return select<double>(is_nan<double>(x), x, select<double>(x == -Ieee<double>::inf, -x, y));
}

constexpr double kCentreP[] = {3.3871328727963666080, 133.14166789178437745, 1971.5909503065514427, 13731.693765509461125,
                               45921.953931549871457, 67265.770927008700853, 33430.575583588128105, 2509.0809287301226727};
constexpr double kCentreQ[] = {1,
                               42.313330701600911252,
                               687.18700749205790830,
                               5394.1960214247511077,
                               21213.794301586595867,
                               39307.895800092710610,
                               28729.085735721942674,
                               5226.4952788528545610};
constexpr double kTailP[] = {1.42343711074968357734, 4.63033784615654529590, 5.76949722146069140550,  3.64784832476320460504,
                             1.27045825245236838258, .241780725177450611770, .0227238449892691845833, 7.74545014278341407640e-4};
constexpr double kTailQ[] = {1,
                             2.05319162663775882187,
                             1.67638483018380384940,
                             .689767334985100004550,
                             .148103976427480074590,
                             .0151986665636164571966,
                             5.47593808499534494600e-4,
                             1.05075007164441684324e-9};
constexpr double kEndP[] = {6.65790464350110377720,  5.46378491116411436990,    1.78482653991729133580,    .296560571828504891230,
                            .0265321895265761230930, 1.24266094738807843860e-3, 2.71155556874348757815e-5, 2.01033439929228813265e-7};
constexpr double kEndQ[] = {1,
                            .599832206555887937690,
                            .136929880922735805310,
                            .0148753612908506148525,
                            7.86869131145613259100e-4,
                            1.84631831751005468180e-5,
                            1.42151175831644588870e-7,
                            2.04426310338993978564e-15};

/// The quantile of 1/2 + q, where p is the smaller of that and its complement.
BS_INLINE Double quantile_of(Double q, Double p) {
  const Flags centre = vabs<double>(q) <= .425;
  const Double r = .180625 - q * q, y = q * (polynomial(kCentreP, r) / polynomial(kCentreQ, r));
  if (!any<double>(~centre)) return y;
  const Double t = vsqrt<double>(-vlog<double>(select<double>(centre, splat<double>(.25), p)));
  const Flags end = t > 5;
  const Double u = t - 1.6, v = select<double>(end, t, splat<double>(5)) - 5;
  Double w = polynomial(kTailP, u) / polynomial(kTailQ, u);
  if (any<double>(end)) w = select<double>(end, polynomial(kEndP, v) / polynomial(kEndQ, v), w);
  w = select<double>(p == 0, splat<double>(Ieee<double>::inf), w);
  return select<double>(centre, y, vcopysign<double>(w, q));
}
inline Double quantile(Double p) { return quantile_of(p - .5, select<double>(p < .5, p, 1 - p)); }
inline Double erf_inv(Double x) {
  const Double y = quantile_of(x * .5, (1 - vabs<double>(x)) * .5) * kRootHalf;
  return select<double>(x == 0, x, y);
}

}  // namespace normal
}  // namespace
}  // namespace backsolve::BS_ISA
