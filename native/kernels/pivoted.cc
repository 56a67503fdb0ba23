// QR with column pivoting, and the quotients by gaps across a cut. docs/derivations/qr.md, spectral.md
#include "../base/lapack/strips.h"
#include "../base/lapack/structured.h"
#include "gaps.h"
#include "grades.h"
#include "list.h"

namespace backsolve {
namespace {

/// Nothing where LAPACK's integers do not hold the sizes.
template <class T>
struct PivotedWork {
  Index count;
  bool fits;
  Matrix<T> f;  // the columns of A
  T *tau, *work;
  Real<T>* reals;
  int* powers;
  T* strips;  // of Q, or null
  ops::Grades<T> grades;
  PivotedWork(Arena& arena, const Call& call)
      : count(la::pivoted_work(call.dims[0], call.dims[1])), fits(la::fits(count)), grades(arena, call.dims[1]) {
    const Index m = call.dims[0], n = call.dims[1];
    f = arena.matrix<T>(fits ? n : 0, fits ? m : 0);
    tau = arena.take<T>(fits ? std::min(m, n) : 0);
    work = arena.take<T>(fits ? count : 0);
    reals = arena.take<Real<T>>(fits ? 2 * n : 0);
    powers = arena.take<int>(n);
    const bool own = call.operand[1] != nullptr && fits && la::uses_strips<T>(m, n);
    strips = own ? arena.take<T>(la::strip_room(m, std::min(m, n), 0)) : nullptr;
  }
};

/// The norm of `count` numbers as mantissa and exponent, whatever their sizes.
template <class T>
ops::Scaled<Real<T>> norm_of(const T* x, Index count) {
  using R = Real<T>;
  const Matrix<const T> column{x, 1, count, count};
  const ops::Exponent e = ops::largest_exponent(column);
  R sum = 0;
  for (Index i = 0; i < count; ++i) {
    const T y = ops::times_power(x[i], -e);
    sum += ops::real(ops::conj(y) * y);
  }
  const auto norm = ops::Scaled<R>::of(std::sqrt(sum));
  return {norm.mantissa, norm.exponent + e};
}
/// What geqp3 does, of columns that are the rows of f times 2^-power of theirs: powers, norms with exponents of their own, choose, and
/// numbers near 1 are computed with. Reflection by reflection; each norm anew.
template <class T>
void factor_graded(Matrix<T> f, int* powers, la::Int* pivots, T* tau, T* work, Index count) {
  const Index n = f.rows, m = f.cols, k = std::min(m, n);
  for (Index j = 0; j < n; ++j) pivots[j] = la::to_int(j + 1);
  for (Index i = 0; i < k; ++i) {
    Index best = i;
    ops::Scaled<Real<T>> most{0, 0};
    for (Index j = i; j < n; ++j) {
      auto norm = norm_of(&f(j, i), m - i);
      norm.exponent -= powers[j];
      const bool more = norm.exponent != most.exponent ? norm.exponent > most.exponent : norm.mantissa > most.mantissa;
      if (norm.mantissa > 0 && (most.mantissa == 0 || more)) best = j, most = norm;
    }
    std::swap_ranges(&f(i, 0), &f(i, 0) + m, &f(best, 0));
    std::swap(powers[i], powers[best]);
    std::swap(pivots[i], pivots[best]);
    la::fortran::geqrf(la::to_int(m - i), 1, &f(i, i), la::leading(f), tau + i, work, la::to_int(count));
    const T* v = &f(i, i);
    for (Index j = i + 1; j < n; ++j) {
      T* const x = &f(j, i);
      T sum = x[0];
      for (Index l = 1; l < m - i; ++l) sum += ops::conj(v[l]) * x[l];
      sum *= ops::conj(tau[i]);
      x[0] -= sum;
      for (Index l = 1; l < m - i; ++l) x[l] -= v[l] * sum;
    }
  }
}

/// Q of reflections that stand by columns in f.
template <class T>
void form_q(const PivotedWork<T>& space, bool by_strips, Matrix<T> q) {
  const Matrix<T> f = space.f;
  const Index m = q.rows, k = q.cols;
  if constexpr (!ops::kComplex<T>) {
    if (by_strips) {
      const la::StripQr<T> of(space.strips, m, k, 0, true);
      const auto load = [&](Index first, Index columns, T* to, Index width) {
        packed::kernels<T>().qr_load(true, m, columns, &f(first, 0), f.stride, to, width);
      };
      if (of.take(space.tau, load)) return of.form(q);
    }
  }
  la::ungqr_columns(f, k, k, space.tau, space.work, space.count);
  for (Index i = 0; i < m; ++i)
    for (Index j = 0; j < k; ++j) q(i, j) = f(j, i);
}

/// a (m,n) -> q (m,k), r (k,n), pivots (n) int32, k = min(m, n): column pivots[j] of A is column j of Q R, the diagonal of R real and
/// falling in magnitude; q may be null. Fails: not_finite, too_large, overflow.
template <class T>
std::int32_t qr_pivoted(const Call& call, const PivotedWork<T>& space) {
  const Index m = call.dims[0], n = call.dims[1], k = std::min(m, n);
  const auto a = call.matrix<const T>(0, m, n);
  const auto r = call.matrix<T>(2, k, n);
  auto* const pivots = call.vector<la::Int>(3);
  const Matrix<T> f = space.f;
  if (!space.fits) return make_info(Fail::too_large);
  if (!ops::all_finite(a)) return make_info(Fail::not_finite);
  // One power for all, so that geqp3 can compare columns, unless that costs digits of some.
  const int power = ops::power_for(ops::largest_part(a));
  space.grades.look_at(a);
  const bool graded = !space.grades.within(power, sizeof(Real<T>) == 8 ? -900 : -80);
  for (Index j = 0; j < n; ++j) space.powers[j] = graded ? space.grades.power(j) : power;
  for (Index i = 0; i < m; ++i)
    for (Index j = 0; j < n; ++j) f(j, i) = ops::times_power(a(i, j), space.powers[j]);
  if (k > 0 && graded) factor_graded(f, space.powers, pivots, space.tau, space.work, space.count);
  if (k > 0 && !graded) la::geqp3_columns(f, pivots, space.tau, space.work, space.count, space.reals);
  for (Index j = 0; j < n; ++j) pivots[j] = k > 0 ? pivots[j] - 1 : la::to_int(j);
  bool within = true;
  for (Index i = 0; i < k; ++i) {
    for (Index j = 0; j < n; ++j) {
      r(i, j) = j < i ? T(0) : ops::times_power(f(j, i), -space.powers[j]);
      within = within && ops::finite(r(i, j));
    }
  }
  if (call.operand[1] != nullptr && k > 0) form_q(space, la::uses_strips<T>(m, n), call.matrix<T>(1, m, k));
  return within ? 0 : make_info(Fail::overflow);
}

/// x (m,n), a (m), b (n) real, all of a on one side of a cut, all of b on the other -> q_ij = x_ij / (a_i - b_j). attrs [singular values,
/// index]. What lies no further apart than (m + n) ε of the largest is equal for all that its computation can tell. Fails: degenerate or
/// equal_singular (index).
template <class T>
std::int32_t cut_quotient(const Call& call, const NoWork<T>&) {
  using R = Real<T>;
  const Index m = call.dims[0], n = call.dims[1];
  const auto x = call.matrix<const T>(0, m, n);
  const auto *a = call.vector<const R>(1), *b = call.vector<const R>(2);
  const auto q = call.matrix<T>(3, m, n);
  R most = 0;
  for (Index i = 0; i < m; ++i) most = std::max(most, std::abs(a[i]));
  for (Index j = 0; j < n; ++j) most = std::max(most, std::abs(b[j]));
  const double index = call.attrs[1] >= 0 && call.attrs[1] < 1e6 ? call.attrs[1] : 0;
  const R none = R(m + n) * (std::numeric_limits<R>::epsilon() * most + std::numeric_limits<R>::denorm_min());
  for (Index i = 0; i < m; ++i) {
    for (Index j = 0; j < n; ++j) {
      const R gap = a[i] - b[j];
      if (std::abs(gap) <= none) return make_info(call.attrs[0] != 0 ? Fail::equal_singular : Fail::degenerate, static_cast<Index>(index));
      q(i, j) = x(i, j) / gap;
    }
  }
  return 0;
}

constexpr Kernel kList[] = {
    {"qrPivoted",
     "T(m,n) -> T?(m,m^n) T(m^n,n) I(n)",
     "",
     5,
     BS_SINGLE(qr_pivoted, PivotedWork),
     Lanes::qr_pivoted,
     {.wide = 192, .narrow = 32, .declines = true, .many = 256}},
    {"cutQuotient", "T(m,n) R(m) R(n) -> T(m,n)", "1r", 1.0 / 32, BS_SINGLE(cut_quotient, NoWork)},
};

}  // namespace

BS_LIST(pivoted, kList)

}  // namespace backsolve
