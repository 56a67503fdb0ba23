// LU factors, general solves and inverses, and their adjoints.
#include "inverse.h"
#include "list.h"

namespace backsolve {
namespace {

using ops::Pivot;
using ops::read;

/// The factors of a square matrix: where the aux outputs are, if somebody wants them, else in workspace.
template <class T>
struct Factors {
  Matrix<T> lu;
  Pivot* pivots;
  Factors(Arena& arena, void* lu_at, void* pivots_at, Index n)
      : lu(ops::operand_or<T>(arena, lu_at, n, n)), pivots(ops::operand_or<Pivot>(arena, pivots_at, n)) {}
};
/// X from the factors of A over 2^exponent by answer(exponent), and the factors of A.
template <class T, class Answer>
std::int32_t solve_with(const Factors<T>& f, Matrix<const T> a, Matrix<T> x, const Answer& answer) {
  if (!ops::all_finite(a)) return make_info(Fail::not_finite);
  const ops::Exponent exponent = ops::lu_of(a, f.lu, f.pivots);
  if (const Index zero = ops::zero_pivot(read(f.lu))) return make_info(Fail::singular, zero);
  answer(exponent);
  ops::restore_exponent(f.lu, exponent);
  return ops::check_answer(read(x));
}

/// a (m,n) -> lu (m,n), pivots (m^n): P A = L U, L below the diagonal with ones on it; pivots[i] is the row exchanged with row i, from 0.
/// A zero pivot is no failure. dims {m, n}. Fails: not_finite, overflow.
template <class T>
std::int32_t lu_factor(const Call& call, const NoWork<T>&) {
  const Index m = call.dims[0], n = call.dims[1];
  const auto a = call.matrix<const T>(0, m, n);
  const auto out = call.matrix<T>(1, m, n);
  if (!ops::all_finite(a)) return make_info(Fail::not_finite);
  ops::restore_exponent(out, ops::lu_of(a, out, call.vector<Pivot>(2)));
  return ops::check_answer(read(out));
}

template <class T>
struct PivotsWork {
  Pivot* pivots;
  PivotsWork(Arena& arena, const Call& call) : pivots(arena.take<Pivot>(call.dims[0])) {}
};

/// pivots (k), b (m,n) -> P b. attrs [inverse]. dims {k, m, n}. Fails: bad_pivot (its position, from 0).
template <class T>
std::int32_t apply_pivots(const Call& call, const PivotsWork<T>& work) {
  const Index k = call.dims[0], m = call.dims[1], n = call.dims[2];
  Pivot* const pivots = work.pivots;
  const auto out = call.matrix<T>(2, m, n);
  if (const Index bad = ops::own_pivots(call.vector<const Pivot>(0), k, m, pivots); bad >= 0) return make_info(Fail::bad_pivot, bad);
  ops::copy(call.matrix<const T>(1, m, n), out);
  ops::apply_pivots(pivots, k, call.attrs[0] != 0, out);
  return 0;
}

template <class T>
struct SolveWork {
  Factors<T> factors;
  SolveWork(Arena& arena, const Call& call) : factors(arena, call.operand[3], call.operand[4], call.dims[0]) {}
};

/// a (m,m), b (m,k) -> x (m,k); may be null: lu (m,m), pivots (m). A X = B, or Aᴴ X = B. attrs [adjoint]. dims {m, k}.
/// Fails: not_finite, singular (column of the first zero pivot), overflow.
template <class T>
std::int32_t solve(const Call& call, const SolveWork<T>& work) {
  const Index m = call.dims[0], k = call.dims[1];
  const auto b = call.matrix<const T>(1, m, k);
  const auto x = call.matrix<T>(2, m, k);
  if (!ops::all_finite(b)) return make_info(Fail::not_finite);
  ops::copy(b, x);
  const Factors<T>& f = work.factors;
  return solve_with(f, call.matrix<const T>(0, m, m), x,
                    [&](ops::Exponent e) { ops::lu_solve(read(f.lu), e, f.pivots, call.attrs[0] != 0, x); });
}

template <class T>
struct SolveVjpWork {
  Matrix<T> b;
  Pivot* pivots;
  SolveVjpWork(Arena& arena, const Call& call)
      : b(ops::operand_or<T>(arena, call.operand[6], call.dims[0], call.dims[1])), pivots(arena.take<Pivot>(call.dims[0])) {}
};

/// a (not read), x, lu, pivots, g -> a, b; either output may be null. attrs and dims as above.
// B̄ = A⁻ᴴ X̄, Ā = -B̄ Xᴴ; adjoint: B̄ = A⁻¹ X̄, Ā = -X B̄ᴴ (Giles 2008, section 2.3.1).
template <class T>
std::int32_t solve_vjp(const Call& call, const SolveVjpWork<T>& work) {
  const Index m = call.dims[0], k = call.dims[1];
  const bool adjoint = call.attrs[0] != 0;
  const auto x = call.matrix<const T>(1, m, k);
  const auto f = call.matrix<const T>(2, m, m);
  const Matrix<T> b = work.b;
  ops::copy(call.matrix<const T>(4, m, k), b);
  Pivot* const pivots = work.pivots;
  if (const Index bad = ops::own_pivots(call.vector<const Pivot>(3), m, m, pivots); bad >= 0) return make_info(Fail::bad_pivot, bad);
  ops::lu_solve(f, pivots, !adjoint, b);
  if (call.operand[5] == nullptr) return 0;
  const auto a = call.matrix<T>(5, m, m);
  la::gemm<T>(-1, la::Op::none, adjoint ? x : read(b), la::Op::adjoint, adjoint ? read(b) : x, 0, a);
  return 0;
}

template <class T>
struct InvWork {
  Factors<T> factors;
  ops::ColumnsWork<T> columns;
  InvWork(Arena& arena, const Call& call) : factors(arena, nullptr, nullptr, call.dims[0]), columns(arena, call.dims[0]) {}
};

/// a (n,n) -> y (n,n), A⁻¹ or A⁻ᴴ. attrs [adjoint]. dims {n}. Fails as solve.
template <class T>
std::int32_t inv(const Call& call, const InvWork<T>& work) {
  const Index n = call.dims[0];
  const auto y = call.matrix<T>(1, n, n);
  const Factors<T>& f = work.factors;
  return solve_with(f, call.matrix<const T>(0, n, n), y,
                    [&](ops::Exponent e) { ops::lu_inverse(read(f.lu), e, f.pivots, call.attrs[0] != 0, y, work.columns); });
}

template <class T>
struct InvVjpWork {
  Matrix<T> t;
  InvVjpWork(Arena& arena, const Call& call) : t(arena.matrix<T>(call.dims[0], call.dims[0])) {}
};

/// y, g -> a.
// Y = A⁻¹: Ā = -Yᴴ Ȳ Yᴴ. Y = A⁻ᴴ: Ā = -Y Ȳᴴ Y.
template <class T>
std::int32_t inv_vjp(const Call& call, const InvVjpWork<T>& work) {
  const Index n = call.dims[0];
  const bool adjoint = call.attrs[0] != 0;
  const auto y = call.matrix<const T>(0, n, n);
  const auto g = call.matrix<const T>(1, n, n);
  const auto a = call.matrix<T>(2, n, n);
  const Matrix<T> t = work.t;
  const la::Op of_y = adjoint ? la::Op::none : la::Op::adjoint, of_g = adjoint ? la::Op::adjoint : la::Op::none;
  la::gemm<T>(1, of_y, y, of_g, g, 0, t);
  la::gemm<T>(-1, la::Op::none, read(t), of_y, y, 0, a);
  return 0;
}

constexpr Kernel kList[] = {
    {"luFactor", "T(m,n) -> T(m,n) I(m^n)", "", 2.0 / 3, BS_SINGLE(lu_factor, NoWork)},
    {"applyPivots", "I(k) T(m,n) -> T(m,n)", "1", 0, BS_SINGLE(apply_pivots, PivotsWork), Lanes::apply_pivots},
    {"solve",
     "T(m,m) T(m,k) -> T(m,k) T?(m,m) I?(m)",
     "1",
     1,
     BS_SINGLE(solve, SolveWork),
     Lanes::solve,
     {.wide = 128, .narrow = 48, .declines = true, .many = 160, .factors = 2.0 / 3}},
    {"solve_vjp",
     "T(m,m) T(m,k) T(m,m) I(m) T(m,k) -> T?(m,m) T?(m,k)",
     "1",
     2,
     BS_SINGLE(solve_vjp, SolveVjpWork),
     Lanes::solve_vjp,
     {.wide = 64, .narrow = 48, .declines = true, .before = 8}},
    {"inv", "T(n,n) -> T(n,n)", "1", 2, BS_SINGLE(inv, InvWork), Lanes::inv, {.wide = 96, .narrow = 48, .declines = true}},
    {"inv_vjp", "T(n,n) T(n,n) -> T(n,n)", "1", 4, BS_SINGLE(inv_vjp, InvVjpWork), Lanes::inv_vjp, {.wide = 96, .narrow = 24}},
};

}  // namespace

BS_LIST(lu, kList)

}  // namespace backsolve
