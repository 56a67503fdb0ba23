// Gamma and Poisson numbers, the same on every processor, and the derivative of gamma numbers.
#include <cmath>
#include <limits>

#include "exact.h"
#include "gamma_slope.h"
#include "list.h"

namespace backsolve {
namespace {

using exact::Substream;
using exact::times;
constexpr double kInf = std::numeric_limits<double>::infinity();

/// Of the first two words of a key, which may have none; those that miss are 0.
Substream stream_of(const Call& call, std::uint32_t name) {
  const auto* given = call.vector<const std::uint32_t>(0);
  const std::uint32_t key[] = {call.dims[0] > 0 ? given[0] : 0, call.dims[0] > 1 ? given[1] : 0};
  return {key, name};
}

// ---- Gamma ----

/// A number of the gamma distribution of a >= 1, from numbers 1, 2, ... of the substream: d (1 + c x)^3 for a normal x, d = a - 1/3, c = (9
/// d)^(-1/2), taken with probability e^(x²/2 + d (1 - v + log v)) (Marsaglia and Tsang 2000, "A simple method for generating gamma
/// variables"). x by Marsaglia's polar method.
double gamma_from(const Substream& stream, double a) {
  const double d = a - 1.0 / 3, c = 1 / (3 * std::sqrt(d));
  for (std::uint64_t j = 1;; j += 3) {
    const double p = 2 * stream.unit(j) - 1, q = 2 * stream.unit(j + 1) - 1, s = times(p, p) + times(q, q);
    if (!(s < 1) || s == 0) continue;
    const double x = times(p, std::sqrt(-2 * exact::log(s) / s)), t = 1 + times(c, x);
    if (!(t > 0)) continue;
    const double v = times(times(t, t), t);
    if (exact::log(stream.unit(j + 2)) < times(times(x, x), 0.5) + times(d, 1 - v + exact::log(v))) return times(d, v);
  }
}

/// Of any a: for a < 1 that of a + 1 times u^(1/a), u number 0 of the substream.
double gamma_number(const Substream& stream, double a, bool log, double lowest) {
  if (!(a >= 0)) return std::numeric_limits<double>::quiet_NaN();
  if (a == 0) return log ? -kInf : 0;
  if (a == kInf) return kInf;
  const double x = gamma_from(stream, a < 1 ? a + 1 : a);
  if (a >= 1) return log && x < kInf ? exact::log(x) : x;
  const double power = exact::log(stream.unit(0)) / a;
  // finite, so that differences of two are no NaN
  return log ? std::max(exact::log(x) + power, lowest) : x * exact::exp(power);
}

template <class T>
std::int32_t random_gamma(const Call& call, const NoWork<T>&) {
  Substream stream = stream_of(call, 0x67616d61);
  const T* const a = call.vector<const T>(1);
  T* const x = call.vector<T>(2);
  for (Index i = 0; i < call.dims[1]; ++i) {
    stream.start(i);
    x[i] = static_cast<T>(gamma_number(stream, a[i], call.attrs[0] != 0, std::numeric_limits<T>::lowest()));
  }
  return 0;
}

/// dy/da of y = x, or log x, along a constant share P(a, x).
template <class T>
std::int32_t gamma_slope(const Call& call, const NoWork<T>&) {
  const double slope = slope_of_gamma(*call.vector<const T>(0), *call.vector<const T>(1), call.attrs[0] != 0);
  // finite where it is too large: it may be multiplied by a factor that is 0
  constexpr double kMost = std::numeric_limits<T>::max();
  *call.vector<T>(2) = static_cast<T>(slope > kMost ? kMost : slope);
  return 0;
}

// ---- Poisson ----

/// By inversion of one uniform number: the first k that the sum of probabilities up to it is not below.
double poisson_by_inversion(const Substream& stream, double rate) {
  const double u = stream.unit(0);
  double k = 0, p = exact::exp(-rate), sum = p;
  while (u > sum) {
    k += 1;
    p = times(p, rate) / k;
    if (sum + p == sum && k > rate) break;
    sum += p;
  }
  return k;
}

/// log(e^-m m^k / k!): from 16 on with Stirling's series of log k!, by the quotient k / m, so that its terms are of the size of the answer
/// (Loader 2000, "Fast and accurate computation of binomial probabilities").
double log_probability(double k, double m) {
  if (k < 16) {
    double factorial = 1;
    for (double j = 2; j <= k; j += 1) factorial *= j;
    return times(k, exact::log(m)) - m - exact::log(factorial);
  }
  constexpr double kSeries[] = {1 / 1188.0, -1 / 1680.0, 1 / 1260.0, -1 / 360.0, 1 / 12.0};
  const double r = 1 / times(k, k);
  double sum = 0;
  for (const double c : kSeries) sum = times(sum, r) + c;
  return (k - m) - times(k, exact::log(k / m)) - sum / k - times(0.5, exact::log(times(k, 0x1.921fb54442d18p+2)));
}

/// Of a rate of 10 or more, by transformed rejection: algorithm PTRS of Hörmann 1993, "The transformed rejection method for generating
/// Poisson random variables".
double poisson_by_rejection(const Substream& stream, double rate) {
  const double b = 0.931 + times(2.53, std::sqrt(rate)), a = times(0.02483, b) - 0.059;
  const double scale = 1.1239 + 1.1328 / (b - 3.4), squeeze = 0.9277 - 3.6224 / (b - 2);
  for (std::uint64_t j = 0;; j += 2) {
    const double u = stream.unit(j) - 0.5, v = stream.unit(j + 1), s = 0.5 - std::abs(u);
    const double k = std::floor(times(2 * a / s + b, u) + rate + 0.43);
    if (s >= 0.07 && v <= squeeze) return k;
    if (!(k >= 0 && k <= 2147483647) || (s < 0.013 && v > s)) continue;
    if (exact::log(v * scale / (a / times(s, s) + b)) <= log_probability(k, rate)) return k;
  }
}

/// Fails: bad_rate (which, from 0).
template <class T>
std::int32_t random_poisson(const Call& call, const NoWork<T>&) {
  constexpr double kMost = 0x1p31 - 0x1p20;  // 22 deviations below the largest int32
  constexpr Index kMaxPlace = (Index{1} << 31) / kFailKinds - 1;
  Substream stream = stream_of(call, 0x706f6973);
  const T* const rates = call.vector<const T>(1);
  auto* const k = call.vector<std::int32_t>(2);
  for (Index i = 0; i < call.dims[1]; ++i) {
    const double rate = rates[i];
    if (!(rate >= 0 && rate <= kMost)) return make_info(Fail::bad_rate, std::min(i, kMaxPlace));
    stream.start(i);
    k[i] = static_cast<std::int32_t>(rate < 10 ? poisson_by_inversion(stream, rate) : poisson_by_rejection(stream, rate));
  }
  return 0;
}

// w² n of the estimate is 4 per number.
constexpr Kernel kList[] = {
    {"randomGamma", "I(w) T(n) -> T(n)", "1", 25, BS_REAL(random_gamma)},
    {"gammaSlope", "T() T() -> T()", "1", 100, BS_REAL(gamma_slope)},
    {"randomPoisson", "I(w) T(n) -> I(n)", "", 25, BS_REAL(random_poisson)},
};

}  // namespace

BS_LIST(variates, kList)

}  // namespace backsolve
