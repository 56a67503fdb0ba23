// Singular values and vectors, and the quotients of their rules. docs/derivations/svd.md
#include "gaps.h"
#include "list.h"
#include "scaled.h"
#include "truncation.h"

namespace backsolve {
namespace {

template <class T>
struct ValuesWork : ops::ThinSvdWork<T> {
  ValuesWork(Arena& arena, const Call& call) : ops::ThinSvdWork<T>(arena, call.dims[0], call.dims[1]) {}
};
/// With room for the vectors of the side that is not wanted while the other is.
template <class T>
struct VectorsWork : ValuesWork<T> {
  Matrix<T> u, vh;
  VectorsWork(Arena& arena, const Call& call, Index left, Index right) : ValuesWork<T>(arena, call) {
    const bool spare = this->sizes.fits && (call.operand[2] == nullptr) != (call.operand[3] == nullptr);
    u = spare && call.operand[2] == nullptr ? arena.matrix<T>(call.dims[0], left) : Matrix<T>{};
    vh = spare && call.operand[3] == nullptr ? arena.matrix<T>(right, call.dims[1]) : Matrix<T>{};
  }
};
inline Index least_of(const Call& call) { return std::min(call.dims[0], call.dims[1]); }
template <class T>
struct ThinWork : VectorsWork<T> {
  ThinWork(Arena& arena, const Call& call) : VectorsWork<T>(arena, call, least_of(call), least_of(call)) {}
};
template <class T>
struct FullWork : VectorsWork<T> {
  FullWork(Arena& arena, const Call& call) : VectorsWork<T>(arena, call, call.dims[0], call.dims[1]) {}
};

template <class T>
std::int32_t svd_of(const Call& call, la::Vectors vectors, Matrix<T> u, Matrix<T> vh, const ValuesWork<T>& work) {
  const Index k = least_of(call);
  const auto a = call.matrix<const T>(0, call.dims[0], call.dims[1]);
  auto* const s = call.vector<Real<T>>(1);
  if (!work.sizes.fits) return make_info(Fail::too_large);
  if (!ops::all_finite(a)) return make_info(Fail::not_finite);
  if (k == 0) {
    ops::set_identity(u);
    ops::set_identity(vh);
    return 0;
  }
  const int power = ops::power_for(ops::largest_part(a));
  ops::scale(a, power, work.copy);
  const la::Int info = la::gesdd(vectors, work.copy, s, u, vh, work.lapack, work.sizes.work, work.reals, work.integers);
  if (info != 0) return make_info(Fail::no_convergence, info);
  for (Index i = 0; i < k && power != 0; ++i) s[i] = ops::times_power(s[i], -power);
  return std::isfinite(s[0]) ? 0 : make_info(Fail::overflow, 1);
}
template <class T>
std::int32_t with_vectors(const Call& call, la::Vectors vectors, Index left, Index right, const VectorsWork<T>& work) {
  if (call.operand[2] == nullptr && call.operand[3] == nullptr) return svd_of<T>(call, la::Vectors::none, {}, {}, work);
  const auto u = call.operand[2] == nullptr ? work.u : call.matrix<T>(2, call.dims[0], left);
  const auto vh = call.operand[3] == nullptr ? work.vh : call.matrix<T>(3, right, call.dims[1]);
  return svd_of(call, vectors, u, vh, work);
}

/// a (m,n) -> s (k) real descending, u (m,k), vh (k,n), k = min(m, n): A = U diag(s) Vᴴ; u and vh may be null. Fails: not_finite,
/// no_convergence, too_large, overflow (which).
template <class T>
std::int32_t svd(const Call& call, const ThinWork<T>& work) {
  return with_vectors(call, la::Vectors::thin, least_of(call), least_of(call), work);
}
/// a (m,n) -> s (k), u (m,m), vh (n,n), likewise.
template <class T>
std::int32_t svd_full(const Call& call, const FullWork<T>& work) {
  return with_vectors(call, la::Vectors::full, call.dims[0], call.dims[1], work);
}

template <class T>
struct ValuesVjpWork {
  Matrix<T> u;
  ValuesVjpWork(Arena& arena, const Call& call) : u(arena.matrix<T>(call.dims[0], least_of(call))) {}
};
/// a (m,n), u (m,k), vh (k,n), cotangent of s (k) -> Ā = U diag(s̄) Vᴴ.
template <class T>
std::int32_t svdvals_vjp(const Call& call, const ValuesVjpWork<T>& work) {
  const Index m = call.dims[0], n = call.dims[1], k = least_of(call);
  const auto u = call.matrix<const T>(1, m, k);
  const auto* const g = call.vector<const Real<T>>(3);
  for (Index i = 0; i < m; ++i)
    for (Index j = 0; j < k; ++j) work.u(i, j) = u(i, j) * g[j];
  la::gemm<T>(1, la::Op::none, {work.u.data, m, k, k}, la::Op::none, call.matrix<const T>(2, k, n), 0, call.matrix<T>(4, m, n));
  return 0;
}

using ops::Policy;

/// x (n,n), s (n) real, size real -> q (n,n), q_ij = x_ij / (s_j - s_i), 0 on the diagonal. Where singular values are equal x must vanish,
/// to within the rounding of numbers of that `size`. attrs [degenerate, checks: as gapQuotient]. Fails: equal_singular (first of the pair),
/// singular_phase (which), degenerate_values.
template <class T>
std::int32_t singular_gaps(const Call& call, const NoWork<T>&) {
  const Index n = call.dims[0];
  const auto out = call.matrix<T>(3, n, n);
  ops::copy(call.matrix<const T>(0, n, n), out);
  return ops::gap_quotient_of(call.vector<const Real<T>>(1), out, std::abs(*call.vector<const Real<T>>(2)),
                              static_cast<Policy>(call.attrs[0]), static_cast<int>(call.attrs[1]) | ops::kSingular);
}

/// What there is to divide by a sum of zero.
enum class Zero {
  any = 0,   // no quotient: whether its limit exists the numbers do not tell
  own = 1,   // likewise, but for the diagonal of real matrices, which is none
  free = 2,  // x must vanish, to within the rounding of numbers of `size`
};

/// x (m,n), a (m), b (n) real and not negative, size real -> q (m,n), q_ij = x_ij / (a_i + b_j). Sums no larger than max(m, n) ε of the
/// largest a or b are zero for all that the computation of singular values can tell. attrs [degenerate: 0 fail, 1 NaN, 2 mask (0); zero].
/// Fails: zero_singular (the row, or the column where a is all zero), free_columns.
template <class T>
std::int32_t sum_quotient(const Call& call, const NoWork<T>&) {
  using R = Real<T>;
  const Index m = call.dims[0], n = call.dims[1], larger = std::max(m, n);
  const auto x = call.matrix<const T>(0, m, n);
  const auto* a = call.vector<const R>(1);
  const auto* b = call.vector<const R>(2);
  const auto q = call.matrix<T>(4, m, n);
  const auto policy = static_cast<Policy>(call.attrs[0]);
  const auto zero = static_cast<Zero>(call.attrs[1]);
  const R eps = std::numeric_limits<R>::epsilon(), step = std::numeric_limits<R>::denorm_min(), nan = std::numeric_limits<R>::quiet_NaN();
  R rows = 0, columns = 0;
  for (Index i = 0; i < m; ++i) rows = std::max(rows, std::abs(a[i]));
  for (Index j = 0; j < n; ++j) columns = std::max(columns, std::abs(b[j]));
  const R none = R(larger) * (eps * std::max(rows, columns) + step),
          noise = 32 * R(larger) * (eps * std::abs(*call.vector<const R>(3)) + step);
  const auto excused = [&](Index i, Index j) {
    return zero == Zero::free ? std::abs(x(i, j)) <= noise : zero == Zero::own && !ops::kComplex<T> && i == j;
  };
  for (Index i = 0; i < m; ++i) {
    for (Index j = 0; j < n; ++j) {
      const R sum = a[i] + b[j];
      if (!(sum <= none)) {
        q(i, j) = x(i, j) == T(0) ? T(0) : x(i, j) / sum;
      } else if (policy == Policy::mask || excused(i, j)) {
        q(i, j) = 0;
      } else if (policy == Policy::raise) {
        return zero == Zero::free ? make_info(Fail::free_columns) : make_info(Fail::zero_singular, (rows > 0 ? i : j) + 1);
      } else {
        q(i, j) = nan;
      }
    }
  }
  return 0;
}

constexpr Kernel kList[] = {
    {"svd",
     "T(m,n) -> R(m^n) T?(m,m^n) T?(m^n,n)",
     "",
     20,
     BS_SINGLE(svd, ThinWork),
     Lanes::svd,
     {.wide = 96, .narrow = 64, .declines = true, .area = true}},
    {"svdvals_vjp", "T(m,n) T(m,m^n) T(m^n,n) R(m^n) -> T(m,n)", "", 2, BS_SINGLE(svdvals_vjp, ValuesVjpWork), Lanes::svdvals_vjp},
    {"svdFull", "T(m,n) -> R(m^n) T?(m,m) T?(n,n)", "", 20, BS_SINGLE(svd_full, FullWork)},
    {"singularGaps",
     "T(n,n) R(n) R() -> T(n,n)",
     "23",
     1.0 / 32,
     BS_SINGLE(singular_gaps, NoWork),
     Lanes::singular_gaps,
     {.declines = true}},
    {"sumQuotient",
     "T(m,n) R(m) R(n) R() -> T(m,n)",
     "22",
     1.0 / 32,
     BS_SINGLE(sum_quotient, NoWork),
     Lanes::sum_quotient,
     {.declines = true}},
};

}  // namespace

BS_LIST(svd, kList)

}  // namespace backsolve
