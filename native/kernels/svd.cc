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

/// q_ij = x_ij / (a_i + b_j), a and b not negative, zeros where null; q may be x. Sums no larger than max(m, n) ε of the largest a or b are
/// zero for all that the computation of singular values can tell; `size`: of the numbers whose rounding is nothing.
template <class T>
std::int32_t sum_quotient_of(Matrix<const T> x, const Real<T>* a, const Real<T>* b, Real<T> size, Policy policy, Zero zero, Matrix<T> q) {
  using R = Real<T>;
  const Index m = x.rows, n = x.cols, larger = std::max(m, n);
  const R eps = std::numeric_limits<R>::epsilon(), step = std::numeric_limits<R>::denorm_min(), nan = std::numeric_limits<R>::quiet_NaN();
  R rows = 0, columns = 0;
  for (Index i = 0; a != nullptr && i < m; ++i) rows = std::max(rows, std::abs(a[i]));
  for (Index j = 0; b != nullptr && j < n; ++j) columns = std::max(columns, std::abs(b[j]));
  const R none = R(larger) * (eps * std::max(rows, columns) + step), noise = 32 * R(larger) * (eps * std::abs(size) + step);
  const auto excused = [&](Index i, Index j) {
    return zero == Zero::free ? std::abs(x(i, j)) <= noise : zero == Zero::own && !ops::kComplex<T> && i == j;
  };
  for (Index i = 0; i < m; ++i) {
    for (Index j = 0; j < n; ++j) {
      const R sum = (a != nullptr ? a[i] : 0) + (b != nullptr ? b[j] : 0);
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

/// x (m,n), a (m), b (n) real and not negative, size real -> q (m,n), as sum_quotient_of. attrs [degenerate: 0 fail, 1 NaN, 2 mask (0);
/// zero]. Fails: zero_singular (the row, or the column where a is all zero), free_columns.
template <class T>
std::int32_t sum_quotient(const Call& call, const NoWork<T>&) {
  using R = Real<T>;
  const Index m = call.dims[0], n = call.dims[1];
  return sum_quotient_of(call.matrix<const T>(0, m, n), call.vector<const R>(1), call.vector<const R>(2), *call.vector<const R>(3),
                         static_cast<Policy>(call.attrs[0]), static_cast<Zero>(call.attrs[1]), call.matrix<T>(4, m, n));
}

template <class T>
struct VjpWork {
  Matrix<T> g, h, x, turn, y;
  VjpWork(Arena& arena, const Call& call) {
    const Index k = least_of(call), of_u = call.operand[4] != nullptr ? k : 0, of_v = call.operand[5] != nullptr ? k : 0;
    g = arena.matrix<T>(of_u, of_u);
    h = arena.matrix<T>(of_v, of_v);
    x = arena.matrix<T>(k, k);
    turn = arena.matrix<T>(k, k);
    y = arena.matrix<T>(call.dims[0] < call.dims[1] ? k : call.dims[0], call.dims[0] < call.dims[1] ? call.dims[1] : k);
  }
};
/// X = ½ F ∘ skew(G + H) + ½ K ∘ skew(G - H); G or H that has no rows is zero.
template <class T>
std::int32_t between(const Real<T>* s, Policy policy, const VjpWork<T>& work) {
  const auto x = work.x, turn = work.turn;
  const Index k = x.rows;
  const auto element = [](Matrix<T> m, Index i, Index j) { return m.rows > 0 ? m(i, j) : T(0); };
  Real<T> most = 0;
  for (Index i = 0; i < k; ++i) {
    for (Index j = 0; j < k; ++j) {
      x(i, j) = element(work.g, i, j) + element(work.h, i, j);
      turn(i, j) = (element(work.g, i, j) - element(work.h, i, j)) - ops::conj(element(work.g, j, i) - element(work.h, j, i));
      const Real<T> size = std::abs(x(i, j));
      if (!std::isnan(most) && !(size <= most)) most = size;  // a NaN stays
    }
  }
  if (const auto info = ops::gap_quotient_of(s, x, most, policy, ops::kPhase | ops::kSingular)) return info;
  if (const auto info = sum_quotient_of(ops::read(turn), s, s, Real<T>(0), policy, Zero::own, turn)) return info;
  for (Index i = 0; i < k; ++i) {
    for (Index j = 0; j <= i; ++j) {
      const T even = x(i, j) + ops::conj(x(j, i));
      x(j, i) = (ops::conj(even) + turn(j, i)) / Real<T>(2);
      x(i, j) = (even + turn(i, j)) / Real<T>(2);
    }
  }
  return 0;
}

/// s (k), u (m,k), vh (k,n), their cotangents -> a (m,n), k = min(m, n). attrs [degenerate]. Fails: equal_singular, singular_phase,
/// zero_singular, as singularGaps and sumQuotient do.
// Tall: Ā = (U X + (Ū - U G) S⁻¹) Vᴴ; wide: Ā = U (X Vᴴ + S⁻¹ (V̄ᴴ - Hᴴ Vᴴ)), X with s̄ on its diagonal.
template <class T>
std::int32_t svd_vjp(const Call& call, const VjpWork<T>& work) {
  using la::Op, ops::read;
  const Index m = call.dims[0], n = call.dims[1], k = least_of(call);
  const auto* const s = call.vector<const Real<T>>(0);
  const auto* const gs = call.vector<const Real<T>>(3);
  const auto u = call.matrix<const T>(1, m, k), vh = call.matrix<const T>(2, k, n);
  const auto gu = call.matrix<const T>(4, m, k), gvh = call.matrix<const T>(5, k, n);
  const auto out = call.matrix<T>(6, m, n), x = work.x, y = work.y;
  const auto policy = static_cast<Policy>(call.attrs[0]);
  if (k == 0) return 0;
  std::fill_n(x.data, k * k, T(0));
  if (gu.data != nullptr) la::gemm<T>(1, Op::adjoint, u, Op::none, gu, 0, work.g);
  if (gvh.data != nullptr) la::gemm<T>(1, Op::none, vh, Op::adjoint, gvh, 0, work.h);
  if (gu.data != nullptr || gvh.data != nullptr)
    if (const auto info = between(s, policy, work)) return info;
  for (Index i = 0; gs != nullptr && i < k; ++i) x(i, i) += gs[i];
  const auto& given = m < n ? gvh : gu;
  const bool outside = m != n && given.data != nullptr;
  if (outside) {
    ops::copy(given, y);
    if (m < n)
      la::gemm<T>(-1, Op::adjoint, read(work.h), Op::none, vh, 1, y);
    else
      la::gemm<T>(-1, Op::none, u, Op::none, read(work.g), 1, y);
    if (const auto info = sum_quotient_of(read(y), m < n ? s : nullptr, m < n ? nullptr : s, Real<T>(0), policy, Zero::any, y)) return info;
  }
  if (m < n) {
    la::gemm<T>(1, Op::none, read(x), Op::none, vh, outside ? 1 : 0, y);
    la::gemm<T>(1, Op::none, u, Op::none, read(y), 0, out);
  } else {
    la::gemm<T>(1, Op::none, u, Op::none, read(x), outside ? 1 : 0, y);
    la::gemm<T>(1, Op::none, read(y), Op::none, vh, 0, out);
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
    {"svd_vjp",
     "R(m^n) T(m,m^n) T(m^n,n) R?(m^n) T?(m,m^n) T?(m^n,n) -> T(m,n)",
     "2",
     8,
     BS_SINGLE(svd_vjp, VjpWork),
     Lanes::svd_vjp,
     {.narrow = 32, .declines = true, .area = true}},
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
