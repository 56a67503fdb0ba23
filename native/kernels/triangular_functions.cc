// Functions of lower triangular matrices. docs/derivations/functions.md
#include <algorithm>
#include <cmath>
#include <numbers>

#include "factor.h"
#include "functions.h"

namespace backsolve::ops {
namespace {

using la::Op;
constexpr Index kUnblocked = 24;

/// log x, of numbers at the negative axis as if they were above it.
Cx log_of(Cx x, double axis) {
  const Cx y = std::log(x);
  return x.real() < 0 && y.imag() < 0 && -x.imag() <= axis ? Cx(y.real(), y.imag() + 2 * std::numbers::pi) : y;
}
Cx root_of(Cx x, double axis) {
  const Cx y = std::sqrt(x);
  return x.real() < 0 && y.imag() < 0 && -x.imag() <= axis ? -y : y;
}
/// (log y - log x) / (y - x) (Higham 2008, eq. 11.28), 1/x where they are equal.
Cx log_difference(Cx x, Cx y, double axis) {
  if (x == y) return 1.0 / x;
  const Cx apart = log_of(y, axis) - log_of(x, axis);
  if (std::abs(y - x) > std::abs(x + y) / 2) return apart / (y - x);
  const Cx half = std::atanh((y - x) / (y + x));  // log y - log x but for turns
  const double turns = std::round((apart.imag() - 2 * half.imag()) / (2 * std::numbers::pi));
  return 2.0 * (half + Cx(0, std::numbers::pi * turns)) / (y - x);
}
Cx power_of(Cx x, double p, double axis) { return std::exp(p * log_of(x, axis)); }
/// (yᵖ - xᵖ) / (y - x) (Higham & Lin 2011, eq. 5.6).
Cx power_difference(Cx x, Cx y, double p, double axis) {
  if (x == y) return p * power_of(x, p - 1, axis);
  if (std::abs(y - x) > std::abs(x + y) / 2) return (power_of(y, p, axis) - power_of(x, p, axis)) / (y - x);
  const Cx middle = (log_of(x, axis) + log_of(y, axis)) / 2.0, apart = log_difference(x, y, axis) * (y - x);
  return std::exp(p * middle) * 2.0 * std::sinh(p / 2 * apart) / (y - x);
}
/// x^(1/2^k) - 1 without cancellation (Al-Mohy 2012, "A more accurate Briggs method for the logarithm").
Cx root_minus_one(Cx x, int k, double axis) {
  if (k > 0 && x.real() < 0) {
    x = root_of(x, axis);
    --k;
  }
  const Cx above = x - 1.0;
  Cx below = 1;
  for (int i = 0; i < k; ++i) {
    x = std::sqrt(x);
    below *= 1.0 + x;
  }
  return above / below;
}
/// The diagonal and what stands below it, which the methods' own products lose digits of.
template <class Diagonal, class Below>
void mend_diagonals(Matrix<const Cx> l, Matrix<Cx> f, Diagonal diagonal, Below below) {
  for (Index i = 0; i < l.rows; ++i) {
    f(i, i) = diagonal(l(i, i));
    if (i > 0) f(i, i - 1) = l(i, i - 1) == 0.0 ? Cx(0) : l(i, i - 1) * below(l(i - 1, i - 1), l(i, i));
  }
}

Bad root_unblocked(Matrix<Cx> l, Noise noise) {
  for (Index i = 0; i < l.rows; ++i) {
    l(i, i) = root_of(l(i, i), noise.axis);
    for (Index j = i - 1; j >= 0; --j) {
      Cx sum = l(i, j);
      for (Index k = j + 1; k < i; ++k) sum -= l(i, k) * l(k, j);
      const Cx by = l(i, i) + l(j, j);
      if (by == 0.0 && !(std::abs(sum) <= noise.zero)) return j + 1;
      l(i, j) = by == 0.0 ? Cx(0) : sum / by;
    }
  }
  return 0;
}
Bad sylvester_unblocked(Matrix<const Cx> r, Matrix<const Cx> s, Matrix<Cx> e, double zero) {
  for (Index i = 0; i < e.rows; ++i) {
    for (Index k = 0; k < i; ++k)
      for (Index j = 0; j < e.cols; ++j) e(i, j) -= r(i, k) * e(k, j);
    for (Index j = e.cols - 1; j >= 0; --j) {
      const Cx by = r(i, i) + s(j, j);
      if (by == 0.0 && !(std::abs(e(i, j)) <= zero)) return j + 1;
      const Cx x = by == 0.0 ? Cx(0) : e(i, j) / by;
      e(i, j) = x;
      for (Index k = 0; k < j; ++k) e(i, k) -= x * s(j, k);
    }
  }
  return 0;
}

/// An estimate of ‖(T - I)ᵖ‖₁^(1/p), from below and seldom far from it (Higham 1988, "Fortran codes for estimating the one-norm").
double norm_of_power(Matrix<const Cx> t, int p, const TriangularWork& work) {
  const Index n = t.rows;
  Cx *x = work.v[0], *y = work.v[1];
  const auto power = [&](bool adjoint) {  // x := (T - I)ᵖ x, or its adjoint
    for (int k = 0; k < p; ++k) {
      std::fill_n(y, n, Cx(0));
      for (Index i = 0; i < n; ++i)
        for (Index j = 0; j <= i; ++j) {
          const Cx a = i == j ? t(i, i) - 1.0 : t(i, j);
          if (adjoint)
            y[j] += std::conj(a) * x[i];
          else
            y[i] += a * x[j];
        }
      std::copy_n(y, n, x);
    }
  };
  const auto size = [&] {
    double sum = 0;
    for (Index i = 0; i < n; ++i) sum += std::abs(x[i]);
    return sum;
  };
  for (Index i = 0; i < n; ++i)
    x[i] = (i % 2 == 0 ? 1.0 : -1.0) * (1.0 + static_cast<double>(i) / static_cast<double>(std::max<Index>(1, n - 1)));
  power(false);
  double most = 2 * size() / (3 * static_cast<double>(n));
  std::fill_n(x, n, Cx(1.0 / static_cast<double>(n)));
  for (int round = 0; round < 5; ++round) {
    power(false);
    const double now = size();
    if (round > 0 && !(now > most)) break;
    most = std::max(most, now);
    for (Index i = 0; i < n; ++i) x[i] = x[i] == 0.0 ? Cx(1) : x[i] / std::abs(x[i]);
    power(true);
    Index at = 0;
    for (Index i = 1; i < n; ++i)
      if (std::abs(x[i]) > std::abs(x[at])) at = i;
    std::fill_n(x, n, Cx(0));
    x[at] = 1;
  }
  return std::pow(most, 1.0 / p);
}

/// How far (T - I) may be from zero for the degrees 1 to 7, of the logarithm and of powers.
constexpr double kLog[] = {1.586970738772063e-5, 2.313807884242979e-3, 1.938179313533253e-2, 6.209171588994762e-2,
                           1.276404810806775e-1, 2.060962623452836e-1, 2.879093714241194e-1};
constexpr double kPower[] = {1.51e-5, 2.24e-3, 1.88e-2, 6.04e-2, 1.24e-1, 2.00e-1, 2.79e-1};

/// The least degree from `least` to `most` whose bound holds, or 0.
int degree_for(double size, const double* theta, int least, int most) {
  for (int m = least; m <= most; ++m)
    if (size <= theta[m - 1]) return m;
  return 0;
}
/// T := T^(1/2^s) with a degree whose approximant is exact to rounding near it (Higham & Lin 2013, algorithm 5.1, lines 4 to 35).
Bad take_roots(Matrix<Cx> t, const double* theta, double axis, const TriangularWork& work, int& roots, int& degree) {
  const auto root = [&] { return triangular_root(t, {roots++ == 0 ? axis : 0, 0}); };
  const auto far = [&] {
    double most = 0;
    for (Index i = 0; i < t.rows; ++i) most = std::max(most, std::abs(t(i, i) - 1.0));
    return most > theta[6];
  };
  roots = 0;
  while (far())
    if (const Bad bad = root(); bad != 0) return bad;
  const auto size = [&](int p) { return norm_of_power(read(t), p, work); };
  degree = degree_for(std::max(size(2), size(3)), theta, 1, 2);
  constexpr int kMost = 200;  // roots: beyond that numbers are not finite
  for (int saved = 0; degree == 0 && roots < kMost;) {
    const double fourth = size(4), third = std::max(size(3), fourth);
    const int m = degree_for(third, theta, 3, 7);
    if (m != 0 && m < 7) {
      degree = m;
      break;
    }
    const bool worth = m == 7 && third / 2 <= theta[4] && saved < 2;  // a root more is cheaper than the higher degree
    if (worth)
      ++saved;
    else
      degree = degree_for(std::min(third, std::max(fourth, size(5))), theta, 6, 7);
    if (degree == 0)
      if (const Bad bad = root(); bad != 0) return bad;
  }
  if (degree == 0) degree = 7;
  return 0;
}
/// R = L^(1/2^s) - I, in work.m[0].
Bad root_less_one(Matrix<const Cx> l, const double* theta, double axis, const TriangularWork& work, int& roots, int& degree) {
  const Matrix<Cx> t = work.m[0];
  for (Index i = 0; i < l.rows; ++i)
    if (l(i, i) == 0.0) return i + 1;
  copy(l, t);
  if (const Bad bad = take_roots(t, theta, axis, work, roots, degree); bad != 0) return bad;
  const double p = std::ldexp(1.0, -roots);
  mend_diagonals(
      l, t, [&](Cx x) { return root_minus_one(x, roots, axis); },
      [&](Cx x, Cx y) { return roots == 0 ? Cx(1) : power_difference(x, y, p, axis); });
  return 0;
}

/// TO := I + c M.
void one_and(double c, Matrix<const Cx> m, Matrix<Cx> to) {
  for (Index i = 0; i < m.rows; ++i)
    for (Index j = 0; j < m.cols; ++j) to(i, j) = (i == j ? 1.0 : 0.0) + c * m(i, j);
}
void solve_lower(Matrix<const Cx> l, Matrix<Cx> b) { la::trsm(la::Side::left, la::Triangle::lower, Op::none, la::Diagonal::stored, l, b); }
constexpr int kMostNodes = 7;
/// The nodes and weights of Gauss and Legendre on [0, 1], by their number.
struct GaussLegendre {
  double nodes[kMostNodes + 1][kMostNodes], weights[kMostNodes + 1][kMostNodes];
  GaussLegendre() {
    for (int count = 1; count <= kMostNodes; ++count)
      for (int k = 0; k < count; ++k) find(count, k);
  }
  void find(int count, int k) {
    double x = std::cos(std::numbers::pi * (k + 0.75) / (count + 0.5)), slope = 1;
    for (int step = 0; step < 12; ++step) {
      double before = 1, now = x;
      for (int i = 2; i <= count; ++i) before = std::exchange(now, ((2 * i - 1) * x * now - (i - 1) * before) / i);
      slope = count * (x * now - before) / (x * x - 1);
      x -= now / slope;
    }
    nodes[count][k] = (1 + x) / 2;
    weights[count][k] = 1 / ((1 - x * x) * slope * slope);
  }
};

/// A coefficient of the continued fraction of (1 - x)ᵗ (Higham & Lin 2011, eq. 2.14).
double fraction_of(int i, double t) {
  if (i == 1) return -t;
  const int j = i / 2;
  return i % 2 == 0 ? (-j + t) / (2 * (2 * j - 1)) : (-j - t) / (2 * (2 * j + 1));
}
/// Lᵗ of a t between -1 and 1, in work.m[1].
Bad fractional_part(Matrix<const Cx> l, double t, double axis, const TriangularWork& work) {
  const Matrix<Cx> r = work.m[0], left = work.m[2];
  Matrix<Cx> y = work.m[1], next = work.m[3];
  int roots = 0, degree = 0;
  if (const Bad bad = root_less_one(l, kPower, axis, work, roots, degree); bad != 0) return bad;
  const auto times = [&](double c, Matrix<Cx> to) {
    for (Index i = 0; i < r.rows; ++i)
      for (Index j = 0; j < r.cols; ++j) to(i, j) = c * r(i, j);
  };
  times(-fraction_of(2 * degree, t), y);
  for (int j = 2 * degree - 1; j >= 1; --j) {
    one_and(1, read(y), left);
    times(-fraction_of(j, t), next);
    solve_lower(read(left), next);
    std::swap(y, next);
  }
  one_and(1, read(y), y);
  for (int k = roots; k >= 0; --k) {
    if (k < roots) {
      la::gemm<Cx>(1, Op::none, read(y), Op::none, read(y), 0, next);
      std::swap(y, next);
    }
    const double p = std::ldexp(t, -k);
    mend_diagonals(l, y, [&](Cx x) { return power_of(x, p, axis); }, [&](Cx x, Cx z) { return power_difference(x, z, p, axis); });
  }
  if (y.data != work.m[1].data) copy(read(y), work.m[1]);
  return 0;
}
/// L⁻¹ in `to`.
void invert(Matrix<const Cx> l, Matrix<Cx> to) {
  set_identity(to);
  solve_lower(l, to);
}
double one_norm(Matrix<const Cx> l) {
  double most = 0;
  for (Index j = 0; j < l.cols; ++j) {
    double sum = 0;
    for (Index i = j; i < l.rows; ++i) sum += std::abs(l(i, j));
    most = std::max(most, sum);
  }
  return most;
}
/// The whole part of p that the rest loses least with: the one below, or the one above (Higham & Lin 2013, section 6).
double whole_part(Matrix<const Cx> l, double p, Matrix<Cx> spare) {
  if (std::abs(p) < 1) return 0;
  const double low = std::floor(p), rest = p - low;
  invert(l, spare);
  const double condition = one_norm(l) * one_norm(read(spare));
  return rest * std::pow(condition, 1 - rest) > (1 - rest) * std::pow(condition, rest) ? low + 1 : low;
}

}  // namespace

Bad triangular_root(Matrix<Cx> l, Noise noise) {
  if (l.rows <= kUnblocked) return root_unblocked(l, noise);
  const Index half = l.rows / 2, rest = l.rows - half;
  const auto head = block(l, 0, 0, half, half), tail = block(l, half, half, rest, rest);
  if (const Bad bad = triangular_root(head, noise); bad != 0) return bad;
  if (const Bad bad = triangular_root(tail, noise); bad != 0) return half + bad;
  return triangular_sylvester(read(tail), read(head), block(l, half, 0, rest, half), noise.zero);
}

Bad triangular_sylvester(Matrix<const Cx> r, Matrix<const Cx> s, Matrix<Cx> e, double zero) {
  if (std::max(e.rows, e.cols) <= kUnblocked) return sylvester_unblocked(r, s, e, zero);
  if (e.rows >= e.cols) {
    const Index half = e.rows / 2, rest = e.rows - half;
    const auto first = block(e, 0, 0, half, e.cols), second = block(e, half, 0, rest, e.cols);
    if (const Bad bad = triangular_sylvester(block(r, 0, 0, half, half), s, first, zero); bad != 0) return bad;
    la::gemm<Cx>(-1, Op::none, block(r, half, 0, rest, half), Op::none, read(first), 1, second);
    return triangular_sylvester(block(r, half, half, rest, rest), s, second, zero);
  }
  const Index half = e.cols / 2, rest = e.cols - half;
  const auto first = block(e, 0, 0, e.rows, half), second = block(e, 0, half, e.rows, rest);
  if (const Bad bad = triangular_sylvester(r, block(s, half, half, rest, rest), second, zero); bad != 0) return half + bad;
  la::gemm<Cx>(-1, Op::none, read(second), Op::none, block(s, half, 0, rest, half), 1, first);
  return triangular_sylvester(r, block(s, 0, 0, half, half), first, zero);
}

// log L = 2^s r_m(L^(1/2^s) - I), r_m(x) = Σ_k α_k x / (1 + β_k x) at the nodes β of Gauss and Legendre
Bad triangular_log(Matrix<Cx> l, double axis, const TriangularWork& work) {
  const Matrix<Cx> r = work.m[0], sum = work.m[1], left = work.m[2], right = work.m[3];
  const Index n = l.rows;
  int roots = 0, degree = 0;
  if (const Bad bad = root_less_one(read(l), kLog, axis, work, roots, degree); bad != 0) return bad;
  static const GaussLegendre rule;
  for (int k = 0; k < degree; ++k) {
    one_and(rule.nodes[degree][k], read(r), left);
    copy(read(r), right);
    solve_lower(read(left), right);
    const double by = std::ldexp(rule.weights[degree][k], roots);
    for (Index i = 0; i < n * n; ++i) sum.data[i] = (k == 0 ? Cx(0) : sum.data[i]) + by * right.data[i];
  }
  mend_diagonals(read(l), sum, [&](Cx x) { return log_of(x, axis); }, [&](Cx x, Cx y) { return log_difference(x, y, axis); });
  copy(read(sum), l);
  return 0;
}

Bad triangular_power(Matrix<Cx> l, double p, double axis, const TriangularWork& work) {
  for (Index i = 0; i < l.rows; ++i)
    if (l(i, i) == 0.0) return i + 1;
  const double whole = whole_part(read(l), p, work.m[0]);
  const Matrix<Cx> y = work.m[1];
  if (const Bad bad = fractional_part(read(l), p - whole, axis, work); bad != 0) return bad;
  Matrix<Cx> square = work.m[2], product = work.m[0], now = y;
  if (whole < 0)
    invert(read(l), square);
  else
    copy(read(l), square);
  Matrix<Cx> spare = work.m[3];
  for (double left = std::abs(whole); left > 0; left = std::floor(left / 2)) {
    if (std::fmod(left, 2) == 1) {
      la::gemm<Cx>(1, Op::none, read(square), Op::none, read(now), 0, product);
      std::swap(now, product);
    }
    la::gemm<Cx>(1, Op::none, read(square), Op::none, read(square), 0, spare);
    std::swap(square, spare);
  }
  copy(read(now), l);
  return 0;
}

Bad triangular_sign(Matrix<Cx> l, double axis, const TriangularWork& work) {
  const Matrix<Cx> s = work.m[0];
  set_identity(s);
  for (Index i = 0; i < l.rows; ++i) {
    if (!(std::abs(l(i, i).real()) > axis * std::abs(l(i, i)))) return i + 1;
    s(i, i) = l(i, i).real() > 0 ? 1 : -1;
    for (Index j = i - 1; j >= 0; --j) {
      Cx sum = 0;
      if (s(i, i) == s(j, j)) {  // of S² = I
        for (Index k = j + 1; k < i; ++k) sum -= s(i, k) * s(k, j);
        s(i, j) = sum / (2.0 * s(i, i));
      } else {  // of S L = L S
        for (Index k = j + 1; k < i; ++k) sum += l(i, k) * s(k, j) - s(i, k) * l(k, j);
        s(i, j) = (l(i, j) * (s(j, j) - s(i, i)) + sum) / (l(j, j) - l(i, i));
      }
    }
  }
  copy(read(s), l);
  return 0;
}

}  // namespace backsolve::ops
