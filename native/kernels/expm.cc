// The exponential of a matrix by scaling and squaring of Padé approximants: Al-Mohy and Higham (2009), "A new scaling and squaring
// algorithm for the matrix exponential", with norms of powers as they are. docs/derivations/expm.md
#include <cmath>

#include "factor.h"
#include "least_squares.h"
#include "list.h"
#include "pade.h"

namespace backsolve {
namespace {

using ops::read;

template <class T>
struct ExpmWork {
  Matrix<T> a, power[4], u, v, x;  // A², A⁴, A⁶, A⁸
  ops::Pivot* pivots;
  double *sizes, *sums, *next;  // sizes: magnitudes of a matrix
  ExpmWork(Arena& arena, const Call& call) {
    const Index n = call.dims[0];
    for (Matrix<T>* m : {&a, &power[0], &power[1], &power[2], &power[3], &u, &v, &x}) *m = arena.matrix<T>(n, n);
    pivots = arena.take<ops::Pivot>(n);
    sizes = arena.take<double>(n * n);
    sums = arena.take<double>(n);
    next = arena.take<double>(n);
  }
};

/// The largest sum of a column's magnitudes of |A|^times.
template <class T>
double norm_of_power(Matrix<const T> a, int times, const ExpmWork<T>& work) {
  const Index n = a.rows;
  for (Index i = 0; i < n; ++i)
    for (Index j = 0; j < n; ++j) work.sizes[i * n + j] = static_cast<double>(std::abs(a(i, j)));
  std::fill_n(work.sums, n, 1.0);
  for (int k = 0; k < times; ++k) {
    std::fill_n(work.next, n, 0.0);
    for (Index i = 0; i < n; ++i)
      for (Index j = 0; j < n; ++j) work.next[j] += work.sizes[i * n + j] * work.sums[i];
    std::copy_n(work.next, n, work.sums);
  }
  return *std::max_element(work.sums, work.sums + n);
}
/// What is to be scaled further so that the backward error of the degree is rounding.
template <class T>
int more_scaling(Matrix<const T> a, int degree, double scale, const ExpmWork<T>& work) {
  const int m = pade::kDegrees[degree];
  const double norm = norm_of_power(a, 1, work);
  if (norm == 0) return 0;
  const double alpha = norm_of_power(a, 2 * m + 1, work) * std::exp2(-scale * 2 * m) / norm / pade::kLeading[degree];
  return alpha > 0 ? std::max(0, static_cast<int>(std::ceil(std::log2(alpha / 0x1p-53) / (2 * m)))) : 0;
}

template <class T>
void multiply(Matrix<const T> a, Matrix<const T> b, Matrix<T> c) {
  la::gemm<T>(1, la::Op::none, a, la::Op::none, b, 0, c);
}
/// TO := Σ b_k P_k + b_0 I over the even powers 2, 4, ... of so many.
template <class T>
void combine(const Matrix<T>* powers, int count, const double* coefficients, int first, Matrix<T> to) {
  const Index n = to.rows;
  for (Index i = 0; i < n; ++i) {
    for (Index j = 0; j < n; ++j) {
      T sum = i == j ? T(static_cast<Real<T>>(coefficients[first])) : T(0);
      for (int k = 0; k < count; ++k) sum += static_cast<Real<T>>(coefficients[first + 2 * (k + 1)]) * powers[k](i, j);
      to(i, j) = sum;
    }
  }
}
/// Odd part u = A Σ and even part v of the numerator of the degree.
template <class T>
void numerator(int degree, const ExpmWork<T>& w) {
  const double* b = pade::kNumerators[degree];
  if (degree < 4) {
    combine(w.power, degree + 1, b, 1, w.x);
    combine(w.power, degree + 1, b, 0, w.v);
  } else {
    for (const bool odd : {true, false}) {
      const int first = odd ? 1 : 0;
      double high[8] = {}, low[8] = {};
      for (int k = 0; k < 4; ++k) low[2 * k] = b[first + 2 * k];
      for (int k = 1; k < 4; ++k) high[2 * k] = b[first + 6 + 2 * k];
      combine(w.power, 3, high, 0, w.power[3]);
      const Matrix<T> to = odd ? w.x : w.v;
      combine(w.power, 3, low, 0, to);
      la::gemm<T>(1, la::Op::none, read(w.power[2]), la::Op::none, read(w.power[3]), 1, to);
    }
  }
  multiply(read(w.a), read(w.x), w.u);
}

/// The degree, and how often the matrix is to be halved.
template <class T>
int choose_degree(const ExpmWork<T>& w, int& halvings) {
  const auto a = read(w.a);
  multiply(a, a, w.power[0]);
  multiply(read(w.power[0]), read(w.power[0]), w.power[1]);
  multiply(read(w.power[0]), read(w.power[1]), w.power[2]);
  const double fourth = std::pow(norm_of_power(read(w.power[1]), 1, w), 0.25),
               sixth = std::pow(norm_of_power(read(w.power[2]), 1, w), 1.0 / 6);
  const double size = std::max(fourth, sixth);
  halvings = 0;
  for (int degree = 0; degree < 4; ++degree)
    if (size <= pade::kTheta[degree] && more_scaling(a, degree, 0, w) == 0) return degree;
  if (std::isfinite(size) && size > pade::kTheta[4]) halvings = static_cast<int>(std::ceil(std::log2(size / pade::kTheta[4])));
  halvings += more_scaling(a, 4, halvings, w);
  return 4;
}

template <class T>
bool is_upper(Matrix<const T> a) {
  for (Index i = 0; i < a.rows; ++i)
    for (Index j = 0; j < i; ++j)
      if (a(i, j) != T(0)) return false;
  return true;
}
/// (e^x - e^y) / (x - y).
template <class T>
T exp_difference(T x, T y) {
  const T half = (x - y) / Real<T>(2);
  if (std::abs(half) > Real<T>(0.5)) return (std::exp(x) - std::exp(y)) / (x - y);
  const T h = half * half;  // sinh(h)/h as a series: the next term is 2^-62 of it
  const T series =
      Real<T>(1) + h / Real<T>(6) *
                       (Real<T>(1) + h / Real<T>(20) *
                                         (Real<T>(1) + h / Real<T>(42) * (Real<T>(1) + h / Real<T>(72) * (Real<T>(1) + h / Real<T>(110)))));
  return std::exp((x + y) / Real<T>(2)) * series;
}
/// The diagonals of the exponential of an upper triangular 2^doublings A, which squaring would lose digits of (Al-Mohy & Higham 2009, code
/// fragment 2.1).
template <class T>
void mend_diagonals(Matrix<const T> a, int doublings, Matrix<T> y) {
  const Index n = a.rows;
  const auto at = [&](Index i, Index j) { return ops::times_power(a(i, j), doublings); };
  for (Index i = 0; i < n; ++i) {
    y(i, i) = std::exp(at(i, i));
    if (i + 1 < n) y(i, i + 1) = a(i, i + 1) == T(0) ? T(0) : at(i, i + 1) * exp_difference(at(i, i), at(i + 1, i + 1));
  }
}

/// a (n,n) -> y (n,n) = e^A. Fails: not_finite, overflow.
template <class T>
std::int32_t expm(const Call& call, const ExpmWork<T>& w) {
  const Index n = call.dims[0];
  const auto a = call.matrix<const T>(0, n, n);
  const auto y = call.matrix<T>(1, n, n);
  if (n == 0) return 0;
  if (!ops::all_finite(a)) return make_info(Fail::not_finite);
  ops::copy(a, w.a);
  // Powers of what is huge overflow: it is made moderate before, and these halvings are undone with the others.
  constexpr int kModerate = sizeof(Real<T>) == 8 ? 32 : 8;
  const int before = static_cast<int>(std::max<ops::Exponent>(0, ops::exponent_of(ops::largest_part(a)) - kModerate));
  ops::scale_by_power(w.a, static_cast<double>(-before));
  int halvings = 0;
  const int degree = choose_degree(w, halvings);
  if (halvings > 0) {
    ops::scale_by_power(w.a, static_cast<double>(-halvings));
    for (int k = 0; k < 3; ++k) ops::scale_by_power(w.power[k], static_cast<double>(-2 * (k + 1) * halvings));
  }
  if (degree == 3) multiply(read(w.power[1]), read(w.power[1]), w.power[3]);
  numerator(degree, w);
  for (Index i = 0; i < n * n; ++i) {
    const T odd = w.u.data[i], even = w.v.data[i];
    w.u.data[i] = even - odd;
    w.v.data[i] = even + odd;
  }
  ops::lu(w.u, w.pivots);
  ops::lu_solve(read(w.u), w.pivots, false, w.v);
  Matrix<T> now = w.v, then = w.x;
  const bool triangular = is_upper(a);
  if (triangular) mend_diagonals(read(w.a), 0, now);
  for (int k = 1; k <= before + halvings; ++k) {
    multiply(read(now), read(now), then);
    std::swap(now, then);
    if (triangular) mend_diagonals(read(w.a), k, now);
  }
  ops::copy(read(now), y);
  return ops::check_answer(read(y));
}

constexpr Kernel kList[] = {
    {"expm", "T(n,n) -> T(n,n)", "", 30, BS_SINGLE(expm, ExpmWork), Lanes::expm, {.wide = 128, .narrow = 16, .declines = true}},
};

}  // namespace

BS_LIST(expm, kList)

}  // namespace backsolve
