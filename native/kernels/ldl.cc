// Bunch-Kaufman factors of Hermitian matrices that need not be definite, and their adjoint.
#include "factor.h"
#include "list.h"

namespace backsolve {
namespace {

using ops::conj;
using ops::Pivot;
using ops::read;
using ops::real;

/// Whether the block of D that begins at k is of 2 x 2: its subdiagonal element is never zero.
template <class T>
bool is_pair(Matrix<const T> d, Index k) {
  return k + 1 < d.rows && d(k + 1, k) != T(0);
}
/// Calls f(k, size) for each block of D.
template <class T, class F>
void for_blocks(Matrix<const T> d, F&& f) {
  for (Index k = 0, size; k < d.rows; k += size) f(k, size = is_pair(d, k) ? 2 : 1);
}

/// The column, counted from 1, of the first block of D that is singular, or 0.
template <class T>
Index singular_block(Matrix<const T> d) {
  Index at = 0;
  for_blocks(d, [&](Index k, Index size) {
    const bool zero = size == 1 ? real(d(k, k)) == 0 : real(d(k, k)) / conj(d(k + 1, k)) * (real(d(k + 1, k + 1)) / d(k + 1, k)) == T(1);
    if (zero && at == 0) at = k + 1;
  });
  return at;
}

/// (x, y) := [[a, conj(b)], [b, c]]⁻¹ (x, y), divided by b first, as LAPACK's hetrs does: no intermediate is larger than it must be.
template <class T>
void solve_pair(Real<T> a, T b, Real<T> c, T& x, T& y) {
  const T p = a / conj(b), q = c / b, u = x / conj(b), v = y / b, denominator = p * q - T(1);
  x = (q * u - v) / denominator;
  y = (p * v - u) / denominator;
}

/// B := D⁻¹ B.
template <class T>
void divide(Matrix<const T> d, Matrix<T> b) {
  for_blocks(d, [&](Index k, Index size) {
    for (Index j = 0; j < b.cols; ++j) {
      if (size == 1)
        b(k, j) /= real(d(k, k));
      else
        solve_pair(real(d(k, k)), d(k + 1, k), real(d(k + 1, k + 1)), b(k, j), b(k + 1, j));
    }
  });
}

/// Of M what lies in the blocks of D, or what lies below them; zeros elsewhere.
template <class T>
void select(Matrix<const T> m, Matrix<const T> d, bool diagonal, Matrix<T> out) {
  for_blocks(d, [&](Index k, Index size) {
    for (Index i = k; i < k + size; ++i) {
      std::fill_n(&out(i, 0), out.cols, T(0));
      std::copy_n(&m(i, diagonal ? k : 0), diagonal ? size : k, &out(i, diagonal ? k : 0));
    }
  });
}

template <class T>
struct FactorWork {
  Matrix<T> f;
  la::Int* pivots;
  FactorWork(Arena& arena, const Call& call) : f(arena.matrix<T>(call.dims[0], call.dims[0])), pivots(arena.take<la::Int>(call.dims[0])) {}
};

/// L and D of what hetrf left in f by columns, and its exchanges as those of luFactor. L's columns take part in all that come after them.
template <class T>
void unpack(Matrix<const T> f, const la::Int* given, Matrix<T> l, Matrix<T> d, Pivot* pivots) {
  const Index n = f.rows;
  ops::set_identity(l);
  std::fill_n(d.data, n * n, T(0));
  for (Index k = 0, size; k < n; k += size) {
    size = given[k] < 0 ? 2 : 1;
    const Index last = k + size - 1;
    for (Index j = k; j <= last; ++j) {
      d(j, j) = real(f(j, j));
      pivots[j] = static_cast<Pivot>(j);
      for (Index i = last + 1; i < n; ++i) l(i, j) = f(j, i);
    }
    if (size == 2) {
      d(last, k) = f(k, last);
      d(k, last) = conj(f(k, last));
    }
    pivots[last] = static_cast<Pivot>(std::abs(given[k]) - 1);
    ops::swap_rows(Matrix<T>{l.data, n, k, n}, last, pivots[last]);
  }
}

/// a (n,n), Hermitian, of which the lower triangle is read -> l (n,n), d (n,n), pivots (n): P A Pᵀ = L D Lᴴ, D of 1 x 1 and 2 x 2 blocks, L
/// with ones on its diagonal and nothing in D's blocks; row i was exchanged with row pivots[i]. dims {n}. Fails: not_finite, overflow.
template <class T>
std::int32_t ldl_factor(const Call& call, const FactorWork<T>& work) {
  const Index n = call.dims[0];
  const auto a = call.matrix<const T>(0, n, n);
  const auto l = call.matrix<T>(1, n, n), d = call.matrix<T>(2, n, n);
  for (Index i = 0; i < n; ++i) {
    for (Index j = 0; j < n; ++j) work.f(i, j) = j < i ? T(0) : j == i ? T(real(a(i, i))) : a(j, i);
  }
  if (!ops::all_finite(read(work.f))) return make_info(Fail::not_finite);
  const ops::Exponent exponent = ops::subnormal_exponent(read(work.f));
  ops::scale_by_power(work.f, static_cast<double>(-exponent));
  la::hetrf_columns(work.f, work.pivots);
  unpack(read(work.f), work.pivots, l, d, call.vector<Pivot>(3));
  ops::scale_by_power(d, static_cast<double>(exponent));
  const std::int32_t info = ops::check_answer(read(d));
  return info != 0 ? info : ops::check_answer(read(l));
}

template <class T>
struct VjpWork {
  Matrix<T> s;
  Pivot* pivots;
  VjpWork(Arena& arena, const Call& call) : s(arena.matrix<T>(call.dims[0], call.dims[0])), pivots(arena.take<Pivot>(call.dims[0])) {}
};

/// to := Mᴴ.
template <class T>
void adjoint(Matrix<const T> m, Matrix<T> to) {
  for (Index i = 0; i < m.rows; ++i)
    for (Index j = 0; j < m.cols; ++j) to(j, i) = conj(m(i, j));
}

/// l, d, pivots, cotangents of l and d -> a, Hermitian (docs/derivations/ldl.md). dims {n}. Fails: singular, bad_pivot.
template <class T>
std::int32_t ldl_factor_vjp(const Call& call, const VjpWork<T>& work) {
  using la::Diagonal, la::Op, la::Side, la::Triangle;
  const Index n = call.dims[0];
  const auto l = call.matrix<const T>(0, n, n), d = call.matrix<const T>(1, n, n);
  const auto of_l = call.matrix<const T>(3, n, n), of_d = call.matrix<const T>(4, n, n);
  const auto a = call.matrix<T>(6, n, n), s = work.s;
  if (const Index bad = ops::own_pivots(call.vector<const Pivot>(2), n, n, work.pivots); bad >= 0) return make_info(Fail::bad_pivot, bad);
  std::fill_n(s.data, n * n, T(0));
  if (of_l.data != nullptr) {
    if (const Index at = singular_block(d)) return make_info(Fail::singular, at);
    la::gemm<T>(1, Op::adjoint, of_l, Op::none, l, 0, a);  // (Lᴴ L̄)ᴴ
    divide(d, a);
    adjoint(read(a), s);
  }
  for_blocks(d, [&](Index k, Index size) {
    for (Index i = k; i < k + size; ++i) {
      std::fill_n(&s(i, k), n - k, T(0));
      if (of_d.data != nullptr) std::copy_n(&of_d(i, k), size, &s(i, k));
    }
  });
  la::trsm(Side::left, Triangle::lower, Op::adjoint, Diagonal::unit, l, s);
  la::trsm(Side::right, Triangle::lower, Op::none, Diagonal::unit, l, s);
  ops::apply_pivots(work.pivots, n, true, s);
  adjoint(read(s), a);
  ops::apply_pivots(work.pivots, n, true, a);
  for (Index i = 0; i < n; ++i) {
    for (Index j = 0; j <= i; ++j) {
      a(i, j) = (a(i, j) + conj(a(j, i))) / Real<T>(2);
      a(j, i) = conj(a(i, j));
    }
  }
  return 0;
}

/// m (n,n), d (n,n) -> y (n,n): of M what lies in the blocks of D, or below them. attrs [diagonal]. dims {n}.
template <class T>
std::int32_t ldl_blocks(const Call& call, const NoWork<T>&) {
  const Index n = call.dims[0];
  select(call.matrix<const T>(0, n, n), call.matrix<const T>(1, n, n), call.attrs[0] != 0, call.matrix<T>(2, n, n));
  return 0;
}

/// d (n,n), b (n,k) -> x (n,k): D X = B, of D the diagonal and what is below it in blocks. dims {n, k}. Fails: not_finite, singular,
/// overflow.
template <class T>
std::int32_t ldl_divide(const Call& call, const NoWork<T>&) {
  const Index n = call.dims[0], k = call.dims[1];
  const auto d = call.matrix<const T>(0, n, n), b = call.matrix<const T>(1, n, k);
  const auto x = call.matrix<T>(2, n, k);
  if (!ops::all_finite(d) || !ops::all_finite(b)) return make_info(Fail::not_finite);
  if (const Index at = singular_block(d)) return make_info(Fail::singular, at);
  ops::copy(b, x);
  divide(d, x);
  return ops::check_answer(read(x));
}

template <class T>
struct SolveWork {
  Pivot* pivots;
  SolveWork(Arena& arena, const Call& call) : pivots(arena.take<Pivot>(call.dims[0])) {}
};

/// l, d (n,n), pivots (n), b (n,k) -> x (n,k): Pᵀ L⁻ᴴ D⁻¹ L⁻¹ P B; of L what is below the diagonal, of D as ldl_divide. dims {n, k}. Fails:
/// bad_pivot, not_finite, singular, overflow.
template <class T>
std::int32_t ldl_solve(const Call& call, const SolveWork<T>& work) {
  using la::Diagonal, la::Op, la::Side, la::Triangle;
  const Index n = call.dims[0], k = call.dims[1];
  const auto l = call.matrix<const T>(0, n, n), d = call.matrix<const T>(1, n, n), b = call.matrix<const T>(3, n, k);
  const auto x = call.matrix<T>(4, n, k);
  if (const Index bad = ops::own_pivots(call.vector<const Pivot>(2), n, n, work.pivots); bad >= 0) return make_info(Fail::bad_pivot, bad);
  ops::Finite<T> finite;
  for (Index i = 0; i < n; ++i) finite.see(&l(i, 0), i);
  if (!finite.all() || !ops::all_finite(d) || !ops::all_finite(b)) return make_info(Fail::not_finite);
  if (const Index at = singular_block(d)) return make_info(Fail::singular, at);
  ops::copy(b, x);
  ops::apply_pivots(work.pivots, n, false, x);
  la::trsm(Side::left, Triangle::lower, Op::none, Diagonal::unit, l, x);
  divide(d, x);
  la::trsm(Side::left, Triangle::lower, Op::adjoint, Diagonal::unit, l, x);
  ops::apply_pivots(work.pivots, n, true, x);
  return ops::check_answer(read(x));
}

constexpr Kernel kList[] = {
    {"ldlFactor",
     "T(n,n) -> T(n,n) T(n,n) I(n)",
     "",
     1.0 / 3,
     BS_SINGLE(ldl_factor, FactorWork),
     Lanes::ldl_factor,
     {.declines = true, .rate = 4, .many = 160}},
    {"ldlSolve",
     "T(n,n) T(n,n) I(n) T(n,k) -> T(n,k)",
     "",
     2,
     BS_SINGLE(ldl_solve, SolveWork),
     Lanes::ldl_solve,
     {.declines = true, .rate = 0.4}},
    {"ldlFactor_vjp", "T(n,n) T(n,n) I(n) T?(n,n) T?(n,n) I?(n) -> T(n,n)", "", 4, BS_SINGLE(ldl_factor_vjp, VjpWork)},
    {"ldlBlocks", "T(n,n) T(n,n) -> T(n,n)", "1", 0, BS_SINGLE(ldl_blocks, NoWork), Lanes::ldl_blocks},
    {"ldlDivide", "T(n,n) T(n,k) -> T(n,k)", "", 0, BS_SINGLE(ldl_divide, NoWork), Lanes::ldl_divide, {.declines = true}},
};

}  // namespace

BS_LIST(ldl, kList)

}  // namespace backsolve
