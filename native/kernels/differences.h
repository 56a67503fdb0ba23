// Divided differences of the functions that Hermitian matrices have rows for, accurate for any gaps. In double, whatever the matrix's type.
// docs/derivations/spectral.md
#pragma once
#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace backsolve::ops {

enum class Function { exp = 0, log = 1, sqrt = 2, inverse_sqrt = 3, power = 4 };

/// One function of a real number: f(x), f[x,y] and f[x,y,z] (f' and f''/2 where the arguments coincide).
class Differences {
 public:
  Differences(Function f, double p) : f_(f), p_(p), whole_(f == Function::power && p == std::floor(p) && std::abs(p) <= kWhole) {}

  /// Whether f goes on to the left of 0.
  bool both_sides() const { return f_ == Function::exp || whole_; }
  /// How many derivatives f has at 0; -1: not even a value.
  double smoothness_at_zero() const {
    switch (f_) {
      case Function::exp:
        return std::numeric_limits<double>::infinity();
      case Function::log:
      case Function::inverse_sqrt:
        return -1;
      case Function::sqrt:
        return 0;
      case Function::power:
        if (p_ >= 0 && p_ == std::floor(p_)) return std::numeric_limits<double>::infinity();
        return p_ < 0 ? -1 : std::floor(p_);
    }
    return -1;
  }

  /// Whether f(c x) = c^degree f(x) for c > 0; log has it of its derivatives only.
  bool homogeneous() const { return f_ != Function::exp; }
  double degree() const { return f_ == Function::sqrt ? 0.5 : f_ == Function::inverse_sqrt ? -0.5 : f_ == Function::power ? p_ : 0; }

  /// f(x 2^exponent) of a homogeneous f, or f(x).
  double at(double x, double exponent) const {
    const double y = (*this)(x), t = degree() * exponent;
    if (f_ == Function::log) return y + exponent * 0.693147180559945309417232121458176568;
    return t == 0 ? y : std::ldexp(y * std::exp2(t - std::floor(t)), static_cast<int>(std::clamp(std::floor(t), -9000.0, 9000.0)));
  }

  double operator()(double x) const {
    switch (f_) {
      case Function::exp:
        return std::exp(x);
      case Function::log:
        return std::log(x);
      case Function::sqrt:
        return std::sqrt(x);
      case Function::inverse_sqrt:
        return 1 / std::sqrt(x);
      case Function::power:
        return std::pow(x, p_);
    }
    return 0;
  }

  double operator()(double x, double y) const {
    if (x < y) std::swap(x, y);
    const double d = x - y;
    switch (f_) {
      case Function::exp:  // eˣ (1 - e^{-d}) / d
        return d == 0 ? std::exp(x) : std::exp(x) * (-std::expm1(-d) / d);
      case Function::log:  // log(1 + d/y) / d
        return d == 0 ? 1 / x : log_ratio(x, y, d) / d;
      case Function::sqrt:
        return 1 / (std::sqrt(x) + std::sqrt(y));
      case Function::inverse_sqrt: {
        const double a = std::sqrt(x), b = std::sqrt(y);
        return -1 / (a * b * (a + b));
      }
      case Function::power:
        return power(x, y, d);
    }
    return 0;
  }

  double operator()(double x, double y, double z) const {
    if (x < y) std::swap(x, y);
    if (y < z) std::swap(y, z);
    if (x < y) std::swap(x, y);
    switch (f_) {
      case Function::exp:
        return x - z < 1 ? std::exp(z) * exp_series(x - z, y - z) : quotient(x, y, z);
      case Function::log:
        return x - z < x / 2 ? power_series(x, y, z, 0) : quotient(x, y, z);
      case Function::sqrt: {
        const double a = std::sqrt(x), b = std::sqrt(y), c = std::sqrt(z);
        return -1 / ((a + b) * (b + c) * (c + a));
      }
      case Function::inverse_sqrt: {
        const double a = std::sqrt(x), b = std::sqrt(y), c = std::sqrt(z);
        return (a + b + c) / (a * b * c * (a + b) * (b + c) * (c + a));
      }
      case Function::power:
        if (whole_) return p_ >= 0 ? complete(p_ - 2, x, y, z) : complete(-p_ - 1, 1 / x, 1 / y, 1 / z) / x / y / z;
        if (x == 0) return 0;  // only asked for where p > 2
        return (x - z) * std::max(1.0, std::abs(p_) / 8) < x / 2 ? power_series(x, y, z, p_) : quotient(x, y, z);
    }
    return 0;
  }

 private:
  static constexpr double kWhole = 1024;  // whole powers beyond are treated as the others: by logarithms, for positive arguments
  Function f_;
  double p_;
  bool whole_;

  /// log(x / y), d = x - y >= 0, also where x / y overflows.
  static double log_ratio(double x, double y, double d) {
    if (y >= x / 2) return std::log1p(d / y);
    return y < x * kFar ? std::log(x) - std::log(y) : std::log(x / y);
  }

  double quotient(double x, double y, double z) const { return ((*this)(x, y) - (*this)(y, z)) / (x - z); }

  /// h_k, the sum of all monomials of degree k: x^p has the differences h_{p-1}(x,y) and h_{p-2}(x,y,z); x^-q those of u^q with u = 1/x,
  /// -uv h_{q-1}(u,v) and uvw h_{q-1}(u,v,w).
  static double complete(double k, double x, double y) {
    if (k < 0) return 0;
    double power = 1, h = 1;
    for (double i = 1; i <= k; ++i) power *= x, h = power + y * h;
    return h;
  }
  static double complete(double k, double x, double y, double z) {
    if (k < 0) return 0;
    double power = 1, two = 1, h = 1;
    for (double i = 1; i <= k; ++i) power *= x, two = power + y * two, h = two + z * h;
    return h;
  }

  // x^p - y^p = x^p (1 - e^{p log(y/x)}), from the larger of the two
  double power(double x, double y, double d) const {
    if (whole_) return p_ >= 0 ? complete(p_ - 1, x, y) : -complete(-p_ - 1, 1 / x, 1 / y) / x / y;
    if (x == 0) return 0;  // only asked for where p > 1
    if (d == 0) return p_ * std::pow(x, p_ - 1);
    if (p_ > 0) return std::pow(x, p_) * (-std::expm1(-p_ * log_ratio(x, y, d)) / d);
    return std::pow(y, p_) * (std::expm1(p_ * log_ratio(x, y, d)) / d);
  }

  /// Σ_k h_k(a, b) / (k+2)!, 0 <= b <= a < 1: eᶻ[x,y,z] / eᶻ; no term is negative.
  static double exp_series(double a, double b) {
    double power = 1, h = 1, factorial = 2, sum = 0.5;
    for (int k = 1; k < 24; ++k) {
      factorial *= k + 2;
      power *= a;
      h = power + b * h;
      const double term = h / factorial;
      sum += term;
      if (term <= sum * kEps) break;
    }
    return sum;
  }

  /// Σ_k c_{k+2} m^{p-k-2} h_k(x-m, y-m, z-m) about the middle m, c_k the binomial coefficients of p; p = 0: of log, c_k = (-1)^{k-1} / k.
  static double power_series(double x, double y, double z, double p) {
    const double m = z + (x - z) / 2, a = (x - m) / m, b = (y - m) / m, c = (z - m) / m, bound = std::max(std::abs(a), std::abs(c));
    double coefficient = p == 0 ? -0.5 : p * (p - 1) / 2, one = 1, two = 1, h = 1, sum = coefficient;
    double scale = 1;
    for (int k = 1; k < 400; ++k) {
      coefficient *= (p - k - 1) / (k + 2);
      one *= a;
      two = one + b * two;
      h = two + c * h;
      sum += coefficient * h;
      scale *= bound;  // |h_k| <= (k+1)(k+2)/2 bound^k
      if (std::abs(coefficient) * (k + 1) * (k + 2) / 2 * scale <= std::abs(sum) * (kEps / 8)) break;
    }
    return sum * std::pow(m, p - 2);
  }
  static constexpr double kFar = 0x1p-300;
  static constexpr double kEps = std::numeric_limits<double>::epsilon();
};

}  // namespace backsolve::ops
