// The derivatives of log Γ. digamma: on [1, 2] by the rational function of Boost.Math (boost/math/special_functions/digamma.hpp, John
// Maddock, Boost licence 1.0), which keeps the root; above 10 Stirling's series (Abramowitz, Stegun, 6.3.18). polygamma: Hurwitz' zeta
// function by Euler and Maclaurin's sum (DLMF 25.11.28).
#pragma once
#include "../vector/complex_math.h"
#include "normal.h"
#include "rounding.h"

namespace backsolve::BS_ISA {
namespace {

BS_MATH1(lgamma)
BS_MATH1(tgamma)
BS_MATH2(pow)

namespace gamma {

constexpr double kPi = 3.14159265358979323846;
constexpr double kRootP[] = {.25479851061131551,  -.32555031186804491,  -.65031853770896507,
                             -.28919126444774784, -.045251321448739056, -.0020713321167745952};
constexpr double kRootQ[] = {
    1, 2.0767117023730469, 1.4606242909763515, .43593529692665969, .054151797245674225, .0021284987017821144, -.55789841213675513e-6};
constexpr double kSeries[] = {1 / 12.0, -1 / 120.0, 1 / 252.0, -1 / 240.0, 1 / 132.0, -691 / 32760.0, 1 / 12.0};

/// Of x > 0: steps down into [1, 2], or one up, add reciprocals, as one quotient.
BS_INLINE Double positive_digamma(Double x) {
  const Flags large = x > 10;
  Double y = select<double>(large, splat<double>(1.5), x), over = splat<double>(0), under = splat<double>(1);
  const Flags low = y < 1;
  over = select<double>(low, splat<double>(-1), over), under = select<double>(low, y, under), y = select<double>(low, y + 1, y);
  for (int i = 0; i < 8 && any<double>(y > 2); ++i) {
    const Flags more = y > 2;
    y = select<double>(more, y - 1, y);
    over = select<double>(more, over * y + under, over);
    under = select<double>(more, under * y, under);
  }
  // the root in three parts
  const Double z = y - 1, g = ((y - 0x1.762d8634p0) - 0x1.6be3f6ep-32) - 0x1.a9c8865e0a4f0p-64;
  const Double near = g * .99558162689208984 + g * (polynomial(kRootP, z) / polynomial(kRootQ, z)) + over / under;
  if (!any<double>(large)) return near;
  const Double s = 1 / select<double>(large, x, splat<double>(10)), q = s * s;
  const Double far = vlog<double>(x) - s * .5 - q * polynomial(kSeries, q);
  return select<double>(large, far, near);
}

/// ψ(x) = ψ(1 - x) - π cot πx for x < 0; -+∞ at +-0, NaN at -1, -2, ...
inline Double digamma(Double x) {
  const Flags left = x <= 0;
  const Double y = positive_digamma(select<double>(left, 1 - x, x));
  if (!any<double>(left)) return y;
  const Double f = select<double>(left, x, splat<double>(.25)) - vrint<double>(select<double>(left, x, splat<double>(0)));
  Double s, c;
  vsincos<double>(f * kPi, s, c);
  const Double mirrored = select<double>(f == 0, splat<double>(__builtin_nan("")), y - kPi * c / s);
  return select<double>(left, select<double>(x == 0, -1 / x, mirrored), y);
}

constexpr int kMost = 1024;  // steps: below -1000 there is no value
/// B_2k / (2k)!
constexpr double kBernoulli[] = {8.33333333333333333e-2,  -1.38888888888888889e-3,  3.30687830687830688e-5,  -8.26719576719576720e-7,
                                 2.08767569878680990e-8,  -5.28419013868749318e-10, 1.33825365306846788e-11, -3.38968029632258287e-13,
                                 8.58606205627784456e-15, -2.17486869855806187e-16};

/// (-1)^(n+1) n! ζ(n + 1, x), ζ(s, x) = Σ (x + k)^-s: terms up to x + k = a >= 10 + s one by one, the rest is
/// a^-s (a / (s - 1) + 1/2 + Σ B_2k / (2k)! s (s+1) ... (s+2k-2) / a^(2k-1)).
inline Double positive_order(Double n, Double x) {
  const Double s = n + 1, enough = s + 10;
  Double sum = splat<double>(0), k = splat<double>(0), a = x;
  for (int i = 0; i < kMost; ++i) {
    const Flags more = a < enough;
    if (!any<double>(more)) break;
    sum = select<double>(more, sum + vpow<double>(select<double>(more, a, splat<double>(1)), -s), sum);
    k = select<double>(more, k + 1, k);
    a = x + k;
  }
  const Double r = 1 / a;
  Double t = s * r, rest = a / n + .5;
  for (int j = 0; j < 10; ++j) {
    rest = rest + t * kBernoulli[j];
    t = t * (s + (2 * j + 1)) * (s + (2 * j + 2)) * r * r;
  }
  const Double zeta = sum + vpow<double>(a, -s) * rest;
  const Double half = vrint<double>(n * .5) * 2;
  const Double y = vtgamma<double>(s) * select<double>(half == n, -zeta, zeta);
  return select<double>(x == Ieee<double>::inf, splat<double>(0), y);
}
inline Double polygamma(Double n, Double x) {
  const Flags zero = n == 0, right = (n >= 0) & (vrint<double>(n) == n) & (n < 1000) & (x >= -1000);
  const Flags order = right & ~zero;
  const Double nan = splat<double>(__builtin_nan(""));
  Double y = nan;
  if (any<double>(order)) {
    const Double high = positive_order(select<double>(order, n, splat<double>(1)), select<double>(order, x, splat<double>(20)));
    y = select<double>(order, high, y);
  }
  if (any<double>(zero)) y = select<double>(zero, digamma(x), y);
  return y;
}

}  // namespace gamma
}  // namespace
}  // namespace backsolve::BS_ISA
