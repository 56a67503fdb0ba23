// Implicit reparametrisation (Figurnov, Mohamed and Mnih 2018, "Implicit reparameterization gradients"): a number x of the gamma
// distribution keeps its share P(a, x) where a moves, so that d log x / da = -(∂P/∂a) / (x p), with the density p, x p = x^a e^-x / Γ(a).
// By this factor all below is divided, so that nothing overflows or underflows.
#include "gamma_slope.h"

#include <cmath>
#include <limits>

namespace backsolve {
namespace {

/// ψ(x) of x > 0: Stirling's series from 10 on.
double digamma(double x) {
  double steps = 0;
  for (; x < 10; x += 1) steps += 1 / x;
  constexpr double kSeries[] = {1 / 12.0, -691 / 32760.0, 1 / 132.0, -1 / 240.0, 1 / 252.0, -1 / 120.0, 1 / 12.0};
  const double r = 1 / (x * x);
  double sum = 0;
  for (const double c : kSeries) sum = (sum + c) * r;
  return std::log(x) - 0.5 / x - sum - steps;
}

/// P = x^a e^-x / Γ(a + 1) Σ c_n, c_n = x^n / ((a + 1) ... (a + n)) (DLMF 8.11.4), so that -∂P/∂a over the factor is
/// Σ c_n (ψ(a + 1) - log x + Σ_(k<=n) 1 / (a + k)) / a.
double by_series(double a, double x, double log_x) {
  const double first = digamma(a + 1) - log_x;
  double c = 1, harmonic = 0, sum = 1, weighted = 0;
  for (double n = 1; n < 100000; n += 1) {
    c *= x / (a + n);
    harmonic += 1 / (a + n);
    sum += c;
    weighted += c * harmonic;
    if (c * (1 + harmonic) < 0x1p-54 * sum && x < a + n) break;
  }
  return (sum * first + weighted) / a;
}

/// Q = x^a e^-x / Γ(a) K with K = 1 / (b_0 + a_1 / (b_1 + ...)), a_n = n (a - n), b_n = x + 2n + 1 - a (DLMF 8.9.2), so that -∂P/∂a = ∂Q/∂a
/// over the factor is K (log x - ψ(a)) + ∂K/∂a. Numerators and denominators of the fraction, and their derivatives by a, go forward
/// together.
double by_fraction(double a, double x, double log_x) {
  double p1 = 1, p = x + 1 - a, dp1 = 0, dp = -1, q1 = 0, q = 1, dq1 = 0, dq = 0, k = 0, dk = 0;
  int still = 0;
  for (double n = 1; n < 100000 && still < 3; n += 1) {
    const double b = x + 2 * n + 1 - a, t = n * (a - n);
    const double dp2 = b * dp - p + t * dp1 + n * p1, p2 = b * p + t * p1;
    const double dq2 = b * dq - q + t * dq1 + n * q1, q2 = b * q + t * q1;
    const double scale = std::abs(p2) > 1e100 ? 1e-100 : 1;
    p1 = p * scale, dp1 = dp * scale, q1 = q * scale, dq1 = dq * scale;
    p = p2 * scale, dp = dp2 * scale, q = q2 * scale, dq = dq2 * scale;
    const double next = q / p, slope = (dq - next * dp) / p;
    still = std::abs(next - k) <= 0x1p-50 * std::abs(next) && std::abs(slope - dk) <= 0x1p-47 * std::abs(slope) ? still + 1 : 0;
    k = next, dk = slope;
  }
  return k * (log_x - digamma(a)) + dk;
}

/// Of large a, where x / a = 1 + m is near 1: with D = dx/da and x = a λ the law of conservation ∂p/∂a + ∂(p D)/∂x = 0 is
/// D' / a + D ((1 - 1/a) / λ - 1) = ψ(a) - log a - log λ, solved by D = Σ D_k(λ) / a^k without poles at λ = 1: D_0 = λ log λ / (λ - 1),
/// D_k (1 - λ) = λ c_k + D_(k-1) - λ D_(k-1)', c_k those of ψ(a) - log a. As Taylor series in m; gives D / λ / a.
double by_expansion(double a, double m) {
  constexpr double kFirst[] = {-1 / 858.0, 1 / 660.0, -1 / 495.0, 1 / 360.0, -1 / 252.0, 1 / 168.0,
                               -1 / 105.0, 1 / 60.0,  -1 / 30.0,  1 / 12.0,  1 / 6.0};
  constexpr double kSecond[] = {-1 / 2520.0, 0, 1 / 840.0, -1 / 210.0, 1 / 60.0, 1 / 60.0};
  const double at = m < -0.2 ? -0.2 : m > 0.2 ? 0.2 : m;  // numbers do not lie so far
  double first = 0, second = 0;
  for (const double c : kFirst) first = first * at + c;
  for (const double c : kSecond) second = second * at + c;
  const double zeroth = m == 0 ? 1 : std::log1p(m) / m;
  return (zeroth + (first + second / a) / a / (1 + m)) / a;
}

}  // namespace

double slope_of_gamma(double a, double y, bool is_log) {
  constexpr double kInf = std::numeric_limits<double>::infinity();
  if (!(a >= 0) || y != y) return std::numeric_limits<double>::quiet_NaN();
  if (a == kInf || y == kInf) return is_log ? 0 : 1;
  if (a == 0 || (is_log ? y == -kInf : y <= 0)) return is_log ? kInf : 0;
  const double x = is_log ? std::exp(y) : y, log_x = is_log ? y : std::log(y);
  double slope;
  if (a >= 1e4)
    slope = by_expansion(a, is_log ? std::expm1(y - std::log(a)) : (x - a) / a);
  else if (x < 2 || x < a + 1)
    slope = by_series(a, x, log_x);
  else
    slope = by_fraction(a, x, log_x);
  return is_log ? slope : slope * x;
}

}  // namespace backsolve
