// Sylvester's and Lyapunov's equations by Schur forms (Bartels & Stewart 1972), with their rules. docs/derivations/equations.md
#include "list.h"
#include "schur.h"

namespace backsolve {
namespace {

using la::Op;
using ops::read, ops::Schur, ops::SchurWork;

/// Whether no sum λ_i + μ_j is zero for all that the computation of eigenvalues can tell; conjugated: λ_i + conj(μ_j).
template <class R>
bool apart(const std::complex<R>* a, Index m, const std::complex<R>* b, Index n, bool conjugated) {
  R most = 0, least = std::numeric_limits<R>::infinity();
  for (Index i = 0; i < m; ++i) most = std::max(most, std::abs(a[i]));
  for (Index j = 0; j < n; ++j) most = std::max(most, std::abs(b[j]));
  for (Index i = 0; i < m; ++i)
    for (Index j = 0; j < n; ++j) least = std::min(least, std::abs(a[i] + (conjugated ? std::conj(b[j]) : b[j])));
  return least > R(std::max(m, n)) * std::numeric_limits<R>::epsilon() * most;
}

/// Of op(A) X + X op(B) = C: how the two sides are read. Of op(A) X + X op(A)ᴴ = Q they differ.
struct Sides {
  Op a, b;
  Sides(bool adjoint, bool lyapunov) : a(adjoint ? Op::adjoint : Op::none), b(adjoint != lyapunov ? Op::adjoint : Op::none) {}
};

/// X from C by Schur forms of 2^power A and 2^power B.
template <class T>
std::int32_t solve_with(Sides sides, const Schur<T>& fa, const Schur<T>& fb, int power, Matrix<const T> c, Matrix<T> spare, Matrix<T> y,
                        Matrix<T> x) {
  const int own = -ops::exponent(ops::largest_part(c));
  ops::scale(c, own, y);
  ops::to_schur(read(fa.w), read(fb.w), read(y), spare, x);
  ops::copy(read(x), y);
  Real<T> scale = 1;
  if (!ops::quasi_triangular_sylvester(sides.a, read(fa.l), sides.b, read(fb.l), y, &scale)) return make_info(Fail::common_values);
  return ops::from_schur(read(fa.w), read(fb.w), y, scale, power - own, spare, x);
}
/// Z = -X Yᴴ + beta Z, or as `inner` -Xᴴ Y + beta Z.
template <class T>
void product(bool inner, Matrix<const T> x, Matrix<const T> y, Real<T> beta, Matrix<T> z) {
  la::gemm<T>(-1, inner ? Op::adjoint : Op::none, x, inner ? Op::none : Op::adjoint, y, beta, z);
}
template <class T>
void store(const Call& call, int i, Matrix<const T> m) {
  if (call.operand[i] != nullptr) ops::copy(m, call.matrix<T>(i, m.rows, m.cols));
}
template <class T>
int common_power(Matrix<const T> a, Matrix<const T> b) {
  return ops::power_for(std::max(ops::largest_part(a), ops::largest_part(b)));
}

template <class T>
struct SylvesterWork {
  SchurWork<T> a, b;
  Matrix<T> y, spare;
  SylvesterWork(Arena& arena, const Call& call)
      : a(arena, call.dims[0]),
        b(arena, call.dims[1]),
        y(arena.matrix<T>(call.dims[0], call.dims[1])),
        spare(arena.matrix<T>(call.dims[0], call.dims[1])) {}
};
/// a (m,m), b (n,n), c (m,n) -> x (m,n), la, wa (m,m), lb, wb (n,n): A X + X B = C, attrs [adjoint]: Aᴴ X + X Bᴴ = C. The last four, Schur
/// forms of 2^power A and 2^power B for the rule, may be null. Fails: not_finite, too_large, no_convergence, common_values, overflow.
template <class T>
std::int32_t sylvester(const Call& call, const SylvesterWork<T>& work) {
  const Index m = call.dims[0], n = call.dims[1];
  const auto a = call.matrix<const T>(0, m, m), b = call.matrix<const T>(1, n, n), c = call.matrix<const T>(2, m, n);
  if (!work.a.fits || !work.b.fits) return make_info(Fail::too_large);
  if (!ops::all_finite(a) || !ops::all_finite(b) || !ops::all_finite(c)) return make_info(Fail::not_finite);
  const int power = common_power(a, b);
  ops::scale(a, power, work.a.form.l);
  ops::scale(b, power, work.b.form.l);
  for (const auto* side : {&work.a, &work.b})
    if (const auto info = ops::schur_form(*side); info != 0) return info;
  if (!apart(work.a.form.values, m, work.b.form.values, n, false)) return make_info(Fail::common_values);
  store(call, 4, read(work.a.form.l));
  store(call, 5, read(work.a.form.w));
  store(call, 6, read(work.b.form.l));
  store(call, 7, read(work.b.form.w));
  return solve_with({call.attrs[0] != 0, false}, work.a.form, work.b.form, power, c, work.spare, work.y, call.matrix<T>(3, m, n));
}

template <class T>
struct RuleWork {
  Matrix<T> y, spare, x;
  RuleWork(Arena& arena, Index m, Index n) : y(arena.matrix<T>(m, n)), spare(arena.matrix<T>(m, n)), x(arena.matrix<T>(m, n)) {}
};
template <class T>
struct SylvesterVjpWork : RuleWork<T> {
  Matrix<T> answer;
  SylvesterVjpWork(Arena& arena, const Call& call)
      : RuleWork<T>(arena, call.dims[0], call.dims[1]), answer(ops::operand_or<T>(arena, call.operand[10], call.dims[0], call.dims[1])) {}
};
/// a, b, x, la, wa, lb, wb, g -> a, b, c, of which any may be null. attrs, dims and failures as above.
// C̄ = Y with Aᴴ Y + Y Bᴴ = X̄, Ā = -Y Xᴴ, B̄ = -Xᴴ Y; adjoint: A Y + Y B = X̄, Ā = -X Yᴴ, B̄ = -Yᴴ X.
template <class T>
std::int32_t sylvester_vjp(const Call& call, const SylvesterVjpWork<T>& work) {
  const Index m = call.dims[0], n = call.dims[1];
  const auto a = call.matrix<const T>(0, m, m), b = call.matrix<const T>(1, n, n), x = call.matrix<const T>(2, m, n);
  const auto matrix = [&](int i, Index k) { return Matrix<T>{static_cast<T*>(call.operand[i]), k, k, k}; };
  const Schur<T> fa{matrix(3, m), matrix(4, m), nullptr}, fb{matrix(5, n), matrix(6, n), nullptr};
  const auto g = call.matrix<const T>(7, m, n);
  const bool adjoint = call.attrs[0] != 0;
  const auto info = solve_with({!adjoint, false}, fa, fb, common_power(a, b), g, work.spare, work.y, work.answer);
  if (info != 0) return info;
  const int px = -ops::exponent(ops::largest_part(x)), py = -ops::exponent(ops::largest_part(read(work.answer)));
  ops::scale(x, px, work.x);
  ops::scale(read(work.answer), py, work.y);
  const auto first = adjoint ? work.x : work.y, second = adjoint ? work.y : work.x;
  for (const int i : {8, 9}) {
    if (call.operand[i] == nullptr) continue;
    const auto out = matrix(i, i == 8 ? m : n);
    product<T>(i == 9, read(i == 8 ? first : second), read(i == 8 ? second : first), 0, out);
    ops::scale(out, -px - py);
  }
  return 0;
}

template <class T>
struct LyapunovWork {
  SchurWork<T> a;
  Matrix<T> y, spare;
  LyapunovWork(Arena& arena, const Call& call)
      : a(arena, call.dims[0]), y(arena.matrix<T>(call.dims[0], call.dims[0])), spare(arena.matrix<T>(call.dims[0], call.dims[0])) {}
};
/// a, q (n,n) -> x (n,n), l, w (n,n): A X + X Aᴴ = Q, attrs [adjoint]: Aᴴ X + X A = Q; Hermitian to the bit where Q is. The last two may be
/// null. Fails as sylvester.
template <class T>
std::int32_t lyapunov(const Call& call, const LyapunovWork<T>& work) {
  const Index n = call.dims[0];
  const auto a = call.matrix<const T>(0, n, n), q = call.matrix<const T>(1, n, n);
  const auto x = call.matrix<T>(2, n, n);
  if (!work.a.fits) return make_info(Fail::too_large);
  if (!ops::all_finite(a) || !ops::all_finite(q)) return make_info(Fail::not_finite);
  const int power = common_power(a, a);
  ops::scale(a, power, work.a.form.l);
  if (const auto info = ops::schur_form(work.a); info != 0) return info;
  if (!apart(work.a.form.values, n, work.a.form.values, n, true)) return make_info(Fail::common_values);
  store(call, 3, read(work.a.form.l));
  store(call, 4, read(work.a.form.w));
  const auto info = solve_with({call.attrs[0] != 0, true}, work.a.form, work.a.form, power, q, work.spare, work.y, x);
  if (ops::is_hermitian(q)) ops::symmetrize(x);
  return info;
}

template <class T>
struct LyapunovVjpWork : RuleWork<T> {
  Matrix<T> answer;
  LyapunovVjpWork(Arena& arena, const Call& call)
      : RuleWork<T>(arena, call.dims[0], call.dims[0]), answer(ops::operand_or<T>(arena, call.operand[6], call.dims[0], call.dims[0])) {}
};
/// a, x, l, w, g -> a, q, either may be null. attrs, dims and failures as above.
// Q̄ = Y with Aᴴ Y + Y A = X̄, Ā = -(Y Xᴴ + Yᴴ X); adjoint: A Y + Y Aᴴ = X̄, Ā = -(X Yᴴ + Xᴴ Y).
template <class T>
std::int32_t lyapunov_vjp(const Call& call, const LyapunovVjpWork<T>& work) {
  const Index n = call.dims[0];
  const auto a = call.matrix<const T>(0, n, n), x = call.matrix<const T>(1, n, n), g = call.matrix<const T>(4, n, n);
  const Schur<T> f{call.matrix<T>(2, n, n), call.matrix<T>(3, n, n), nullptr};
  const bool adjoint = call.attrs[0] != 0;
  const auto info = solve_with({!adjoint, true}, f, f, common_power(a, a), g, work.spare, work.y, work.answer);
  if (info != 0 || call.operand[5] == nullptr) return info;
  const int px = -ops::exponent(ops::largest_part(x)), py = -ops::exponent(ops::largest_part(read(work.answer)));
  ops::scale(x, px, work.x);
  ops::scale(read(work.answer), py, work.y);
  const auto out = call.matrix<T>(5, n, n);
  const auto first = read(adjoint ? work.x : work.y), second = read(adjoint ? work.y : work.x);
  product<T>(false, first, second, 0, out);
  product<T>(true, first, second, 1, out);
  ops::scale(out, -px - py);
  return 0;
}

constexpr Limits kLimits{.narrow = 64, .declines = true, .many = 224};
constexpr Kernel kList[] = {
    {"sylvester", "T(m,m) T(n,n) T(m,n) -> T(m,n) T?(m,m) T?(m,m) T?(n,n) T?(n,n)", "1", 25, BS_SINGLE(sylvester, SylvesterWork),
     Lanes::sylvester, kLimits},
    {"sylvester_vjp", "T(m,m) T(n,n) T(m,n) T(m,m) T(m,m) T(n,n) T(n,n) T(m,n) -> T?(m,m) T?(n,n) T?(m,n)", "1", 8,
     BS_SINGLE(sylvester_vjp, SylvesterVjpWork), Lanes::sylvester_vjp, kLimits},
    {"lyapunov", "T(n,n) T(n,n) -> T(n,n) T?(n,n) T?(n,n)", "1", 35, BS_SINGLE(lyapunov, LyapunovWork), Lanes::lyapunov, kLimits},
    {"lyapunov_vjp", "T(n,n) T(n,n) T(n,n) T(n,n) T(n,n) -> T?(n,n) T?(n,n)", "1", 12, BS_SINGLE(lyapunov_vjp, LyapunovVjpWork),
     Lanes::lyapunov_vjp, kLimits},
};

}  // namespace

BS_LIST(equations, kList)

}  // namespace backsolve
