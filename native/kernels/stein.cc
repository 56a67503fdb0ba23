// Stein's equation A X Aᴴ - X + Q = 0 by the complex Schur form, row by row (Kitagawa 1977); real matrices take it, too, as its triangle
// has no blocks. docs/derivations/equations.md
#include "list.h"
#include "schur.h"

namespace backsolve {
namespace {

using la::Op;
using ops::read;

template <class T>
using Complex = std::complex<Real<T>>;

/// What is taken out of A where its products would leave the range: A = 2^shift A', and A' X' A'ᴴ - 2^-2shift X' + Q' = 0.
template <class T>
int shift_of(Matrix<const T> a) {
  return std::max(0, -ops::power_for(ops::largest_part(a)));
}

template <class R>
std::complex<R> times(std::complex<R> x, std::complex<R> y) {
  return {x.real() * y.real() - x.imag() * y.imag(), x.real() * y.imag() + x.imag() * y.real()};
}
template <class R>
std::complex<R> times_conj(std::complex<R> x, std::complex<R> y) {
  return times(x, std::conj(y));
}

/// L Y Lᴴ - delta Y + R = 0 in place of R, L lower triangular; z has n elements.
//   y_ij (delta - l_ii conj(l_jj)) = r_ij + Σ_{l<j} (z_il + l_ii y_il) conj(l_jl) + z_ij conj(l_jj), z_i = Σ_{k<i} l_ik y_k
template <class C>
void solve_triangular(Matrix<const C> l, Real<C> delta, Matrix<C> y, C* z) {
  const Index n = l.rows;
  for (Index i = 0; i < n; ++i) {
    std::fill_n(z, n, C(0));
    for (Index k = 0; k < i; ++k)
      for (Index j = 0; j < n; ++j) z[j] += times(l(i, k), y(k, j));
    const C own = l(i, i);
    for (Index j = 0; j < n; ++j) {
      C sum = y(i, j) + times_conj(z[j], l(j, j));
      for (Index p = 0; p < j; ++p) sum += times_conj(z[p], l(j, p));
      y(i, j) = sum / (delta - times_conj(own, l(j, j)));
      z[j] += times(own, y(i, j));
    }
  }
}
/// Whether no λ_i conj(λ_j) is delta, for all that the computation of eigenvalues can tell, whose error is that of the matrix, n ε ‖A‖.
template <class C>
bool apart(Matrix<const C> l, Real<C> delta) {
  const Real<C> noise = Real<C>(l.rows) * std::numeric_limits<Real<C>>::epsilon(), most = ops::largest_part(l);
  for (Index i = 0; i < l.rows; ++i) {
    for (Index j = 0; j <= i; ++j) {
      const C product = times_conj(l(i, i), l(j, j));
      if (!(std::abs(delta - product) > noise * std::max(delta, most * (std::abs(l(i, i)) + std::abs(l(j, j)))))) return false;
    }
  }
  return true;
}

template <class T>
struct SolveWork {
  Matrix<Complex<T>> y, spare, flipped;
  Complex<T>* z;
  SolveWork(Arena& arena, Index n) {
    for (auto* m : {&y, &spare, &flipped}) *m = arena.matrix<Complex<T>>(n, n);
    z = arena.take<Complex<T>>(n);
  }
};
/// TO = P Mᴴ P with the rows and columns of the identity P reversed: of a lower triangle its adjoint as one.
template <class C>
void flip(Matrix<const C> m, Matrix<C> to) {
  const Index last = m.rows - 1;
  for (Index i = 0; i <= last; ++i)
    for (Index j = 0; j <= last; ++j) to(i, j) = std::conj(m(last - j, last - i));
}
/// X of A X Aᴴ - X + Q = 0, or with `adjoint` Aᴴ X A - X + Q = 0, from the Schur form of 2^-shift A.
template <class T>
std::int32_t solve_with(Matrix<const Complex<T>> l, Matrix<const Complex<T>> w, int shift, bool adjoint, Matrix<const T> q,
                        const SolveWork<T>& work, Matrix<T> x) {
  using C = Complex<T>;
  const Index n = x.rows;
  const auto y = work.y, spare = work.spare;
  const Real<T> delta = std::ldexp(Real<T>(1), -2 * shift);
  const int own = -ops::exponent(ops::largest_part(q));
  ops::scale(q, own, x);
  for (Index i = 0; i < n; ++i)
    for (Index j = 0; j < n; ++j) spare(i, j) = x(i, j);
  la::gemm<C>(1, Op::none, w, Op::none, read(spare), 0, y);
  la::gemm<C>(1, Op::none, read(y), Op::adjoint, w, 0, spare);
  if (adjoint) {  // Lᴴ Y L = P (L' Y' L'ᴴ) P with L' = P Lᴴ P, Y' = P Y P
    flip(l, work.flipped);
    for (Index i = 0; i < n; ++i)
      for (Index j = 0; j < n; ++j) y(i, j) = spare(n - 1 - i, n - 1 - j);
    solve_triangular(read(work.flipped), delta, y, work.z);
    for (Index i = 0; i < n; ++i)
      for (Index j = 0; j < n; ++j) spare(i, j) = y(n - 1 - i, n - 1 - j);
  } else {
    solve_triangular(l, delta, spare, work.z);
  }
  la::gemm<C>(1, Op::adjoint, w, Op::none, read(spare), 0, y);
  la::gemm<C>(1, Op::none, read(y), Op::none, w, 0, spare);
  for (Index i = 0; i < n; ++i) {
    for (Index j = 0; j < n; ++j) {
      if constexpr (ops::kComplex<T>)
        x(i, j) = spare(i, j);
      else
        x(i, j) = spare(i, j).real();
    }
  }
  ops::scale(x, -own - 2 * shift);
  return ops::check_answer(read(x));
}

template <class T>
struct SteinWork {
  ops::SchurWork<Complex<T>> a;
  SolveWork<T> solve;
  SteinWork(Arena& arena, const Call& call) : a(arena, call.dims[0]), solve(arena, call.dims[0]) {}
};
/// a, q (n,n) -> x (n,n), l, w (n,n) complex: A X Aᴴ - X + Q = 0, attrs [adjoint]: Aᴴ X A - X + Q = 0; Hermitian to the bit where Q is. The
/// last two may be null. Fails: not_finite, too_large, no_convergence, common_values, overflow.
template <class T>
std::int32_t discrete_lyapunov(const Call& call, const SteinWork<T>& work) {
  const Index n = call.dims[0];
  const auto a = call.matrix<const T>(0, n, n), q = call.matrix<const T>(1, n, n);
  const auto x = call.matrix<T>(2, n, n);
  if (!work.a.fits) return make_info(Fail::too_large);
  if (!ops::all_finite(a) || !ops::all_finite(q)) return make_info(Fail::not_finite);
  const auto& form = work.a.form;
  const int shift = shift_of(a);
  for (Index i = 0; i < n; ++i)
    for (Index j = 0; j < n; ++j) form.l(i, j) = ops::times_power(a(i, j), -shift);
  if (const auto info = ops::schur_form(work.a); info != 0) return info;
  if (!apart(read(form.l), std::ldexp(Real<T>(1), -2 * shift))) return make_info(Fail::common_values);
  if (call.operand[3] != nullptr) ops::copy(read(form.l), call.matrix<Complex<T>>(3, n, n));
  if (call.operand[4] != nullptr) ops::copy(read(form.w), call.matrix<Complex<T>>(4, n, n));
  const auto info = solve_with(read(form.l), read(form.w), shift, call.attrs[0] != 0, q, work.solve, x);
  if (ops::is_hermitian(q)) ops::symmetrize(x);
  return info;
}

template <class T>
struct VjpWork {
  SolveWork<T> solve;
  Matrix<T> y, p, q, r;
  VjpWork(Arena& arena, const Call& call) : solve(arena, call.dims[0]) {
    const Index n = call.dims[0];
    y = ops::operand_or<T>(arena, call.operand[6], n, n);
    for (auto* m : {&p, &q, &r}) *m = arena.matrix<T>(n, n);
  }
};
/// a, x, l, w, g -> a, q, either may be null. attrs, dims and failures as above.
// Q̄ = Y with Aᴴ Y A - Y + X̄ = 0, Ā = Y A Xᴴ + Yᴴ A X; adjoint: A Y Aᴴ - Y + X̄ = 0, Ā = X A Yᴴ + Xᴴ A Y.
template <class T>
std::int32_t discrete_lyapunov_vjp(const Call& call, const VjpWork<T>& work) {
  const Index n = call.dims[0];
  const auto a = call.matrix<const T>(0, n, n), x = call.matrix<const T>(1, n, n), g = call.matrix<const T>(4, n, n);
  const auto l = call.matrix<const Complex<T>>(2, n, n), w = call.matrix<const Complex<T>>(3, n, n);
  const bool adjoint = call.attrs[0] != 0;
  const int shift = shift_of(a);
  const auto info = solve_with(l, w, shift, !adjoint, g, work.solve, work.y);
  if (info != 0 || call.operand[5] == nullptr) return info;
  const int px = -ops::exponent(ops::largest_part(x)), py = -ops::exponent(ops::largest_part(read(work.y)));
  const auto out = call.matrix<T>(5, n, n);
  const Matrix<T> right = work.r, sides[] = {work.p, work.q};
  ops::scale(adjoint ? x : read(work.y), adjoint ? px : py, sides[0]);
  ops::scale(adjoint ? read(work.y) : x, adjoint ? py : px, right);
  ops::scale(a, -shift, sides[1]);
  const Matrix<T> product{reinterpret_cast<T*>(work.solve.y.data), n, n, n};
  la::gemm<T>(1, Op::none, read(sides[1]), Op::adjoint, read(right), 0, product);
  la::gemm<T>(1, Op::none, read(sides[0]), Op::none, read(product), 0, out);
  la::gemm<T>(1, Op::none, read(sides[1]), Op::none, read(right), 0, product);
  la::gemm<T>(1, Op::adjoint, read(sides[0]), Op::none, read(product), 1, out);
  ops::scale(out, shift - px - py);
  return 0;
}

constexpr Limits kLimits{.narrow = 64, .declines = true, .many = 224};
constexpr Kernel kList[] = {
    {"discreteLyapunov", "T(n,n) T(n,n) -> T(n,n) C?(n,n) C?(n,n)", "1", 60, BS_SINGLE(discrete_lyapunov, SteinWork),
     Lanes::discrete_lyapunov, kLimits},
    {"discreteLyapunov_vjp", "T(n,n) T(n,n) C(n,n) C(n,n) T(n,n) -> T?(n,n) T?(n,n)", "1", 30, BS_SINGLE(discrete_lyapunov_vjp, VjpWork),
     Lanes::discrete_lyapunov_vjp, kLimits},
};

}  // namespace

BS_LIST(stein, kList)

}  // namespace backsolve
