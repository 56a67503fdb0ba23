// Numbers whose exponent is counted apart, so that products neither overflow nor underflow on the way.
#pragma once
#include <algorithm>
#include <bit>

#include "blocks.h"

namespace backsolve::ops {

using Exponent = std::int64_t;
using la::largest_part;

template <class R>
struct Format {
  using Bits = std::conditional_t<sizeof(R) == 8, std::uint64_t, std::uint32_t>;
  static constexpr int kBias = std::numeric_limits<R>::max_exponent - 1, kFraction = std::numeric_limits<R>::digits - 1;
};
/// 2^e, a normal number.
template <class R>
R power_of_two(Exponent e) {
  using F = Format<R>;
  return std::bit_cast<R>(static_cast<typename F::Bits>(e + F::kBias) << F::kFraction);
}
/// x 2^e for any e, rounded once.
template <class T>
T times_power(T x, Exponent e) {
  using R = Real<T>;
  if (e >= std::numeric_limits<R>::min_exponent - 1 && e < std::numeric_limits<R>::max_exponent) return x * power_of_two<R>(e);
  const int n = static_cast<int>(std::clamp<Exponent>(e, -9000, 9000));
  if constexpr (kComplex<T>)
    return {std::ldexp(x.real(), n), std::ldexp(x.imag(), n)};
  else
    return std::ldexp(x, n);
}

/// e with |x| in [2^(e-1), 2^e); 0 for zero, infinities and NaN.
template <class R>
Exponent exponent_of(R x) {
  using F = Format<R>;
  const auto field = static_cast<int>(std::bit_cast<typename F::Bits>(std::abs(x)) >> F::kFraction);
  if (field > 0 && field <= 2 * F::kBias) return field - F::kBias + 1;
  int e = 0;
  if (x != 0 && std::isfinite(x)) std::frexp(x, &e);
  return e;
}

/// mantissa · 2^exponent, the larger part of the mantissa in [1/2, 1), or 0, infinite, NaN.
template <class T>
struct Scaled {
  T mantissa;
  Exponent exponent;

  static Scaled of(T x) {
    const Exponent e = exponent_of(largest_part(x));
    return {times_power(x, -e), e};
  }
  friend Scaled operator*(Scaled a, Scaled b) {
    const T m = a.mantissa * b.mantissa;
    const Exponent e = a.exponent + b.exponent;
    if constexpr (kComplex<T>) {
      const Scaled x = of(m);
      return {x.mantissa, e + x.exponent};
    } else {
      const bool small = std::abs(m) < T(0.5);  // a product of two in [1/2, 1)
      return {small ? m + m : m, e - small};
    }
  }
  Scaled conj() const { return {ops::conj(mantissa), exponent}; }
  /// The number over 2^shift.
  T over(Exponent shift) const { return times_power(mantissa, exponent - shift); }
  T value() const { return over(0); }
};

/// M 2^t, t any real number.
template <class T>
void scale_by_power(Matrix<T> m, double t) {
  if (t == 0) return;
  const double whole = std::floor(t);
  const auto rest = static_cast<Real<T>>(std::exp2(t - whole));
  for (Index i = 0; i < m.rows; ++i)
    for (Index j = 0; j < m.cols; ++j) m(i, j) = times_power(m(i, j) * rest, static_cast<Exponent>(whole));
}

/// Exponents of R that leave room for sums.
template <class R>
constexpr Exponent kRoom = std::numeric_limits<R>::max_exponent * 7 / 8;
/// What to take out of numbers up to 2^e so that they stay within 2^±room: no more, as that would cost the digits of others among them.
constexpr Exponent excess(Exponent e, Exponent room) { return e > room ? e - room : e < -room ? e + room : 0; }
/// e of the largest part of any element; 0 of nothing but zeros.
template <class T>
Exponent largest_exponent(Matrix<const T> a) {
  Real<T> most = 0;
  for (Index i = 0; i < a.rows; ++i)
    for (Index j = 0; j < a.cols; ++j) most = std::max(most, largest_part(a(i, j)));
  return exponent_of(most);
}
/// Numbers below this lose digits among the subnormal ones when they are multiplied and added.
template <class R>
constexpr R kDigits = std::numeric_limits<R>::min() * 128;
/// largest_exponent where no element is above kDigits, else 0, as soon as one is found.
template <class T>
Exponent subnormal_exponent(Matrix<const T> a) {
  for (Index i = 0; i < a.rows; ++i)
    for (Index j = 0; j < a.cols; ++j)
      if (largest_part(a(i, j)) >= kDigits<Real<T>>) return 0;
  return largest_exponent(a);
}

}  // namespace backsolve::ops
