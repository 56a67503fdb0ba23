// What the kernels of least squares share: X = argmin ‖A X - B‖² + λ ‖X‖². docs/derivations/least-squares.md
#pragma once
#include <cmath>

#include "factor.h"
#include "kernel.h"
#include "scaling.h"

namespace backsolve::ops {

inline double relative_cut(double rcond, Index m, Index n, double eps) {
  return rcond >= 0 ? rcond : static_cast<double>(std::max(m, n)) * eps;
}

/// The exact scaling that every method starts with, since squares and norms leave the range of numbers long before the answer does:
///   A' = 2^a A, largest part near 1 or moderate as it was; √λ' = 2^(a-q) √λ; every column of B and X̄ by a power of its own.
/// With q = 0, (A'ᴴA' + λ'I)⁻¹ A'ᴴ is 2^-a times that of A and λ. q > 0 only where √λ is so much larger than A that (AᴴA + λI)⁻¹ is 1/λ
/// to the last digit; then it is 2^(2q-a) times. R and σ, which a kernel hands to its rule, are those of A', λ'; the rule finds the scaling
/// again.
struct Powers {
  int a, q;

  int solution() const { return a - 2 * q; }  // X of A and λ is 2^this times X of A' and λ'
  int normal() const { return 2 * (a - q); }  // (AᴴA + λI)⁻¹ likewise
  int root() const { return a - q; }
};
/// The larger of |re| and |im|, or `most`.
template <class T>
Real<T> larger_part(Real<T> most, T x) {
  if constexpr (kComplex<T>)
    return std::max({most, std::abs(x.real()), std::abs(x.imag())});
  else
    return std::max(most, std::abs(x));
}
template <class T>
Real<T> largest_part(Matrix<const T> a) {
  Real<T> most = 0;
  for (Index i = 0; i < a.rows; ++i)
    for (Index j = 0; j < a.cols; ++j) most = larger_part(most, a(i, j));
  return most;
}
/// The exponent of x; 0 for 0.
template <class R>
int exponent(R x) {
  return x > 0 ? std::clamp(std::ilogb(x), -kMostPower<R>, kMostPower<R>) : 0;
}
/// e with 2^e x near 1 or moderate.
template <class R>
int power_for(R x) {
  const int e = exponent(x);
  return std::abs(e) <= kModeratePower<R> ? 0 : -e;
}

/// Of an A whose largest part is `most`.
template <class R>
Powers powers_of(R most, R lambda) {
  const int root = lambda > 0 && std::isfinite(lambda) ? std::ilogb(std::sqrt(lambda)) : -kMostPower<R>;
  return {power_for(most), std::max(0, root - exponent(most) - kMantissa<R>)};
}
template <class T>
Powers powers_of(Matrix<const T> a, Real<T> lambda) {
  return powers_of(largest_part(a), lambda);
}

/// 2^power in two factors: a product with both is rounded once, and powers may be beyond the largest number. Neither factor is infinite, so
/// that zeros stay zero.
template <class R>
struct PowerOfTwo {
  R half, rest;
  explicit PowerOfTwo(int power) {
    power = std::min(power, 2 * std::numeric_limits<R>::max_exponent - 2);
    half = std::ldexp(R(1), power / 2);
    rest = std::ldexp(R(1), power - power / 2);
  }
};
/// TO = 2^power FROM, which may be the same.
template <class T>
void scale(Matrix<const T> from, int power, Matrix<T> to) {
  if (power == 0 && from.data == to.data) return;
  const PowerOfTwo<Real<T>> factor(power);
  for (Index i = 0; i < from.rows; ++i)
    for (Index j = 0; j < from.cols; ++j) to(i, j) = from(i, j) * factor.half * factor.rest;
}
template <class T>
void scale(Matrix<T> a, int power) {
  scale(read(a), power, a);
}

/// Largest parts and powers of columns; they are problems of their own, whose sizes have nothing to do with each other.
template <class T>
class Columns {
 public:
  /// Room for `count` columns.
  Columns(Arena& arena, Index count) : part_(arena.take<Real<T>>(count)), factor_(arena.take<PowerOfTwo<Real<T>>>(count)) {}
  void look_at(Matrix<const T> a) const {
    std::fill_n(part_, a.cols, Real<T>(0));
    for (Index i = 0; i < a.rows; ++i)
      for (Index j = 0; j < a.cols; ++j) part_[j] = larger_part(part_[j], a(i, j));
  }

  bool zero(Index j) const { return part_[j] == 0; }
  int power(Index j) const { return -exponent(part_[j]); }
  /// TO = FROM with column j times 2^power(j); FROM may be the same.
  template <class F>
  void scale(Matrix<const T> from, F power, Matrix<T> to) const {
    for (Index j = 0; j < from.cols; ++j) factor_[j] = PowerOfTwo<Real<T>>(power(j));
    for (Index i = 0; i < from.rows; ++i)
      for (Index j = 0; j < from.cols; ++j) to(i, j) = from(i, j) * factor_[j].half * factor_[j].rest;
  }

 private:
  Real<T>* part_;
  PowerOfTwo<Real<T>>* factor_;
};

/// B by columns, each of largest part in [1, 2), into `scaled`; and X from what was solved with these.
template <class T>
void scale_columns(Matrix<const T> b, Matrix<T> scaled, const Columns<T>& columns) {
  columns.look_at(b);
  columns.scale(b, [&](Index j) { return columns.power(j); }, scaled);
}
template <class T>
std::int32_t unscale_columns(Matrix<T> y, int power, Matrix<T> x, const Columns<T>& columns) {
  columns.scale(read(y), [&](Index j) { return power - columns.power(j); }, x);
  return all_finite(read(x)) ? 0 : make_info(Fail::overflow);
}
/// X = 2^power SOLVE(B) by columns: B scaled into `scaled`, from which `solve` gives the answer.
template <class T, class Solve>
std::int32_t solve_columns(Matrix<const T> b, int power, Matrix<T> scaled, Matrix<T> x, const Columns<T>& columns, Solve solve) {
  scale_columns(b, scaled, columns);
  return unscale_columns(solve(), power, x, columns);
}

template <class T>
struct RuleWork {
  Columns<T> own, right;
  Matrix<T> g, b, x;
  RuleWork(Arena& arena, const Call& call)
      : own(arena, call.dims[2]),
        right(arena, call.dims[2]),
        g(arena.matrix<T>(call.dims[1], call.dims[2])),
        b(arena.matrix<T>(call.dims[0], call.dims[2])),
        x(arena.matrix<T>(call.dims[1], call.dims[2])) {}
};
/// What the rule of X = A_λ⁺ B starts from, scaled so that nothing that the terms of the cotangents are made of leaves the range before
/// they do: X̄_j by powers g_j of its own, B_j and X_j by the powers that give all terms of Ā one common factor, 2^top, and the largest of
/// them size 1.
template <class T>
struct RuleInput {
  Powers powers;
  Columns<T> own;  // g_j
  Matrix<T> g, b, x;
  int top = 0;

  RuleInput(const Powers& given, Matrix<const T> g_in, Matrix<const T> b_in, Matrix<const T> x_in, const RuleWork<T>& work)
      : powers(given), own(work.own), g(work.g), b(work.b), x(work.x) {
    const Columns<T>& right = work.right;
    own.look_at(g_in);
    right.look_at(b_in);
    bool any = false;
    for (Index j = 0; j < g.cols; ++j) {
      if (own.zero(j) || right.zero(j)) continue;
      const int size = powers.normal() - own.power(j) - right.power(j);
      top = any ? std::max(top, size) : size;
      any = true;
    }
    const auto common = [&](Index j) { return std::min(powers.normal() - top - own.power(j), right.power(j)); };
    own.scale(g_in, [&](Index j) { return own.power(j); }, g);
    right.scale(b_in, common, b);
    right.scale(x_in, [&](Index j) { return common(j) - powers.solution(); }, x);
  }
  /// 2^-2q, of the terms that are small where λ is large.
  Real<T> small() const { return std::ldexp(Real<T>(1), -2 * powers.q); }
  void unscale_b(Matrix<T> b_bar) const {
    own.scale(read(b_bar), [&](Index j) { return powers.solution() - own.power(j); }, b_bar);
  }
};

template <class T>
std::int32_t check_problem(Real<T> largest, Matrix<const T> b, Real<T> lambda) {
  if (!std::isfinite(largest) || !all_finite(b) || !std::isfinite(lambda)) return make_info(Fail::not_finite);
  return lambda < 0 ? make_info(Fail::negative) : 0;
}

template <class T>
Real<T> minus_inner(Matrix<const T> a, Matrix<const T> b) {
  Real<T> sum = 0;
  for (Index i = 0; i < a.rows; ++i)
    for (Index j = 0; j < a.cols; ++j) sum -= real(conj(a(i, j)) * b(i, j));
  return sum;
}

}  // namespace backsolve::ops
