// Least squares with Tikhonov's regularizer, X = argmin ‖A X - B‖² + λ ‖X‖², of least norm where m < n, by QR or the normal equations.
// docs/derivations/least-squares.md
#include <optional>

#include "../base/lapack/strips.h"
#include "least_squares.h"
#include "list.h"

namespace backsolve {
namespace {

using la::Op;
using ops::block;
using ops::conj;
using ops::Powers;
using ops::read;

enum class Method { qr = 0, cholesky = 1 };

/// One problem; λ ≥ 0.
template <class T>
struct Problem {
  Matrix<const T> a;
  Real<T> lambda;
  Method method;
  double rcond;  // negative: the default

  bool tall;  // of AᴴA + λ I, otherwise of AAᴴ + λ I
  Powers powers{};
  Real<T> root{};  // √λ'

  Index side() const { return tall ? a.cols : a.rows; }
  void find_powers(Real<T> largest) {
    powers = ops::powers_of(largest, lambda);
    root = std::ldexp(std::sqrt(lambda), powers.root());
  }
};

/// LAPACK's integers hold every size below.
bool fits(Index m, Index n, Index k) { return la::fits(m + n) && la::fits(la::qr_work(m + n, n, k)); }

/// Of the factors of A', by either method, and what solves with them. Nothing where LAPACK's integers do not hold the sizes.
template <class T>
struct SolverWork {
  Index count = 0;  // of `lapack`
  // What LAPACK works on lies here and its workspace behind it: see SpectrumWork in eigen.h.
  T* a;       // QR: [√λ' I; A'] or [√λ' I, A'], or what strips need; Cholesky: A'
  T* tau;     // QR alone
  T* y;       // right-hand sides of QR, (m + n) x k at most; of Cholesky, with A'ᴴ times them
  T* lapack;  // QR alone
  T* rank;
  double* rank_more;
  ops::Columns<T> columns;
  /// side: of AᴴA or AAᴴ.
  SolverWork(Arena& arena, const Call& call, Index side) : SolverWork(arena, call, side, fits(call.dims[0], call.dims[1], call.dims[2])) {}

 private:
  SolverWork(Arena& arena, const Call& call, Index side, bool fit)
      : count(fit && method(call) == Method::qr ? la::qr_work(call.dims[0] + call.dims[1], side, call.dims[2]) : 0),
        a(arena.take<T>(!fit                         ? 0
                        : method(call) == Method::qr ? for_qr(call, side)
                                                     : call.dims[0] * call.dims[1])),
        tau(arena.take<T>(fit && method(call) == Method::qr ? side : 0)),
        y(arena.take<T>(fit ? (call.dims[0] + call.dims[1]) * call.dims[2] : 0)),
        lapack(arena.take<T>(count)),
        rank(arena.take<T>(fit ? 3 * side : 0)),
        rank_more(arena.take<double>(fit ? side : 0)),
        columns(arena, fit ? call.dims[2] : 0) {}
  static Method method(const Call& call) { return static_cast<Method>(call.attrs[0]); }
  static Index for_qr(const Call& call, Index side) {
    const Index all = call.dims[0] + call.dims[1], room = la::uses_strips<T>(all, side) ? la::strip_room(all, side, call.dims[2]) : 0;
    return std::max(all * side, room);
  }
};

/// Whether 1 / (‖R‖ ‖R⁻¹‖) in the 1-norm is above the cut by a bound on R⁻¹, the inverse of R's comparison matrix: |r_jj| z_j -
/// Σ_(i<j) |r_ij| z_i = 1 (Higham, Accuracy and Stability of Numerical Algorithms, 8.3). `work` has 2n elements.
template <class T>
bool surely_independent(Matrix<const T> r, double cut, Real<T>* work) {
  constexpr double kRounding = 2;
  const Index n = r.rows;
  Real<T>*const sum = work, *const z = work + n;
  std::fill_n(sum, n, Real<T>(0));
  std::fill_n(z, n, Real<T>(1));
  double norm = 0, inverse = 0;
  for (Index i = 0; i < n; ++i) {
    const Real<T> diagonal = std::abs(ops::real(r(i, i))), of_z = z[i] / diagonal;
    norm = std::max<double>(norm, sum[i] + diagonal);
    inverse = std::max<double>(inverse, of_z);
    if (!(of_z < std::numeric_limits<Real<T>>::max())) return false;
    for (Index j = i + 1; j < n; ++j) {
      const Real<T> size = ops::size1(r(i, j));
      sum[j] += size;
      z[j] += size * of_z;
    }
  }
  return cut * kRounding * norm * inverse < 1;
}

/// Whether R, and with it A, has full rank in working precision.
template <class T>
std::int32_t check_rank(const Problem<T>& p, Matrix<T> r, const SolverWork<T>& space) {
  double cut = ops::relative_cut(p.rcond, p.a.rows, p.a.cols, std::numeric_limits<Real<T>>::epsilon());
  if (p.method == Method::cholesky && p.rcond < 0) cut = std::sqrt(cut);  // Rᴴ R was made from products
  if (surely_independent(read(r), cut, reinterpret_cast<Real<T>*>(space.rank))) return 0;
  const Real<T> rcond = la::trcon_upper(read(r), space.rank, space.rank_more);
  return rcond > cut ? 0 : make_info(Fail::rank_deficient);  // a NaN is deficient
}

template <class T>
void into_upper(Matrix<const T> from, bool upper, Matrix<T> r) {
  for (Index i = 0; i < r.rows; ++i)
    for (Index j = 0; j < r.cols; ++j) r(i, j) = j < i ? T(0) : upper ? from(i, j) : conj(from(j, i));
}

/// The QR of [√λ' I; A'] or the LQ of [√λ' I, A'], without the first block where λ' = 0. In the other order a large λ' would cost digits:
/// rows of different sizes are to be sorted, large ones first (Cox & Higham 1998).
template <class T>
struct Orthogonal {
  Matrix<T> a;
  T *tau, *work;
  Index count;
};
template <class T>
Orthogonal<T> factor_orthogonal(const Problem<T>& p, const SolverWork<T>& space) {
  const Index m = p.a.rows, n = p.a.cols, more = p.root > 0 ? p.side() : 0;
  const Index rows = m + (p.tall ? more : 0), cols = n + (p.tall ? 0 : more);
  const Orthogonal<T> f{{space.a, rows, cols, cols}, space.tau, space.lapack, space.count};
  ops::scale(p.a, p.powers.a, p.tall ? block(f.a, more, 0, m, n) : block(f.a, 0, more, m, n));
  const auto corner = block(f.a, 0, 0, p.tall ? more : m, p.tall ? n : more);
  ops::set_identity(corner);
  for (Index i = 0; i < more; ++i) corner(i, i) = p.root;
  return f;
}

/// The same in strips: of [√λ' I; A'] or, of a wide A, [√λ' I; A'ᴴ], with B' below zeros beside it where B has columns. False where strips
/// do not take it.
template <class R>
bool factor_strips(const Problem<R>& p, Matrix<const R> b, const la::StripQr<R>& f) {
  const Index m = p.tall ? p.a.rows : p.a.cols, n = p.side(), more = p.root > 0 ? n : 0;
  return f.factor([&](Index first, Index columns, R* to, Index width) {
    const Index of_a = std::clamp<Index>(n - first, 0, columns);
    const Matrix<R> top{to, more, width, width}, below{to + more * width, m, width, width};
    packed::kernels<R>().qr_load(!p.tall, m, of_a, p.tall ? p.a.data + first : p.a.data + first * p.a.stride, p.a.stride, below.data,
                                 width);
    ops::scale(below, p.powers.a);
    std::fill_n(top.data, more * width, R(0));
    for (Index j = 0; j < std::min(of_a, more); ++j) top(first + j, j) = p.root;
    for (Index i = 0; i < b.rows; ++i)
      for (Index j = of_a; j < columns; ++j) below(i, j) = b(i, first + j - n);
  });
}
/// X by orthogonal factors in strips, and R; nothing where these do not take it.
template <class R>
std::optional<std::int32_t> solve_by_strips(const Problem<R>& p, Matrix<const R> b, Matrix<R> x, Matrix<R> r, const SolverWork<R>& space) {
  const Index height = (p.tall ? p.a.rows : p.a.cols) + (p.root > 0 ? p.side() : 0), side = p.side(), k = b.cols;
  if (!la::uses_strips<R>(height, side)) return std::nullopt;
  const Matrix<R> y{space.y, height, k, k}, scaled = block(y, 0, 0, b.rows, k), head = block(y, 0, 0, side, k);
  const la::StripQr<R> f(space.a, height, side, p.tall ? k : 0, true);
  ops::scale_columns(b, scaled, space.columns);
  if (!factor_strips(p, p.tall ? read(scaled) : Matrix<const R>{}, f)) return std::nullopt;
  f.copy_r(r);
  if (const auto info = check_rank(p, r, space)) return info;
  if (p.tall) {
    f.copy_near(head);
    la::trsm(la::Side::left, la::Triangle::upper, Op::none, la::Diagonal::stored, read(r), head);
    return ops::unscale_columns(head, p.powers.solution(), x, space.columns);
  }
  la::trsm(la::Side::left, la::Triangle::upper, Op::adjoint, la::Diagonal::stored, read(r), head);
  std::fill_n(y.data + side * k, (height - side) * k, R(0));
  f.multiply(y);
  return ops::unscale_columns(block(y, height - p.a.cols, 0, p.a.cols, k), p.powers.solution(), x, space.columns);
}

/// X by orthogonal factors, and R.
template <class T>
std::int32_t solve_by_qr(const Problem<T>& p, Matrix<const T> b, Matrix<T> x, Matrix<T> r, const SolverWork<T>& space) {
  const Index m = p.a.rows, n = p.a.cols, k = b.cols, side = p.side();
  if constexpr (!ops::kComplex<T>) {
    if (const auto info = solve_by_strips(p, b, x, r, space)) return *info;
  }
  const Orthogonal<T> f = factor_orthogonal(p, space);
  const Index height = p.tall ? f.a.rows : f.a.cols, more = height - (p.tall ? m : n);
  const Matrix<T> y{space.y, height, k, k};
  la::qr(f.a, f.tau, f.work, f.count);
  into_upper(read(block(f.a, 0, 0, side, side)), p.tall, r);
  if (const auto info = check_rank(p, r, space)) return info;
  std::fill_n(y.data, height * k, T(0));
  return ops::solve_columns(b, p.powers.solution(), block(y, p.tall ? more : 0, 0, m, k), x, space.columns, [&] {
    const auto head = block(y, 0, 0, side, k);
    if (p.tall) {  // X = R⁻¹ Qᴴ B
      la::apply_q_adjoint(read(f.a), f.tau, y, f.work, f.count);
      la::trsm(la::Side::left, la::Triangle::upper, Op::none, la::Diagonal::stored, read(r), head);
    } else {  // A = L Q: X = Qᴴ L⁻¹ B, L = Rᴴ
      la::trsm(la::Side::left, la::Triangle::upper, Op::adjoint, la::Diagonal::stored, read(r), head);
      la::apply_q_adjoint(read(f.a), f.tau, y, f.work, f.count);
    }
    return block(y, p.tall ? 0 : more, 0, n, k);
  });
}

/// A' into `scaled`, and R with Rᴴ R = A'ᴴA' + λ' I (tall) or A' A'ᴴ + λ' I (wide).
template <class T>
std::int32_t factor_normal(const Problem<T>& p, Matrix<T> scaled, Matrix<T> r, const SolverWork<T>& space) {
  ops::scale(p.a, p.powers.a, scaled);
  std::fill_n(r.data, r.rows * r.cols, T(0));
  la::herk<T>(la::Triangle::upper, 1, p.tall ? Op::adjoint : Op::none, read(scaled), 0, r);
  const Real<T> lambda = std::ldexp(p.lambda, p.powers.normal());
  for (Index i = 0; i < r.rows; ++i) r(i, i) = ops::real(r(i, i)) + lambda;
  if (la::potrf(la::Triangle::upper, r) != 0) return make_info(Fail::rank_deficient);
  return check_rank(p, r, space);
}

/// Y := (Rᴴ R)⁻¹ Y.
template <class T>
void solve_normal(Matrix<const T> r, Matrix<T> y) {
  la::trsm(la::Side::left, la::Triangle::upper, Op::adjoint, la::Diagonal::stored, r, y);
  la::trsm(la::Side::left, la::Triangle::upper, Op::none, la::Diagonal::stored, r, y);
}

/// X = R⁻¹ R⁻ᴴ Aᴴ B (tall) or Aᴴ R⁻¹ R⁻ᴴ B (wide), and R.
template <class T>
std::int32_t solve_by_cholesky(const Problem<T>& p, Matrix<const T> b, Matrix<T> x, Matrix<T> r, const SolverWork<T>& space) {
  const Index m = p.a.rows, n = p.a.cols, k = b.cols;
  const Matrix<T> a{space.a, m, n, n}, y{space.y, m, k, k}, z{y.data + m * k, n, k, k};
  if (const auto info = factor_normal(p, a, r, space)) return info;
  return ops::solve_columns(b, p.powers.solution(), y, x, space.columns, [&] {
    if (!p.tall) solve_normal(read(r), y);
    la::gemm<T>(1, Op::adjoint, read(a), Op::none, read(y), 0, z);
    if (p.tall) solve_normal(read(r), z);
    return z;
  });
}

template <class T>
struct LstsqWork {
  Matrix<T> r;
  SolverWork<T> solver;
  LstsqWork(Arena& arena, const Call& call)
      : r(ops::operand_or<T>(arena, call.operand[4], least(call), least(call))), solver(arena, call, least(call)) {}
  static Index least(const Call& call) { return std::min(call.dims[0], call.dims[1]); }
};

/// a (m,n), b (m,k), lambda () real -> x (n,k), r (m^n,m^n): x = argmin |A x - b|² + λ |x|², RᴴR = AᴴA + λI or AAᴴ + λI of the scaled
/// problem (least_squares.h); r may be null. dims {m, n, k}. attrs [method: 0 QR, 1 Cholesky, rcond; negative: max(m,n) ε]. Fails:
/// not_finite, negative, rank_deficient, overflow, too_large.
template <class T>
std::int32_t lstsq(const Call& call, const LstsqWork<T>& work) {
  const Index m = call.dims[0], n = call.dims[1], k = call.dims[2], least = std::min(m, n);
  const auto b = call.matrix<const T>(1, m, k);
  const auto x = call.matrix<T>(3, n, k);
  Problem<T> p{call.matrix<const T>(0, m, n), *call.vector<const Real<T>>(2), static_cast<Method>(call.attrs[0]), call.attrs[1], m >= n};
  if (!fits(m, n, k)) return make_info(Fail::too_large);
  const Real<T> largest = ops::largest_finite(p.a);
  if (const auto info = ops::check_problem(largest, b, p.lambda)) return info;
  const Matrix<T> r = work.r;
  if (least == 0) {
    std::fill_n(x.data, n * k, T(0));
    return 0;
  }
  p.find_powers(largest);
  return p.method == Method::qr ? solve_by_qr(p, b, x, r, work.solver) : solve_by_cholesky(p, b, x, r, work.solver);
}

template <class T>
struct LstsqVjpWork {
  Matrix<T> a, b_bar;
  ops::RuleWork<T> rule;
  LstsqVjpWork(Arena& arena, const Call& call)
      : a(arena.matrix<T>(call.dims[0], call.dims[1])),
        b_bar(ops::operand_or<T>(arena, call.operand[7], call.dims[0], call.dims[2])),
        rule(arena, call) {}
};

/// a, b, lambda, x, r, g (n,k) -> a, b, lambda; any output may be null.
// Tall, Z = (AᴴA + λI)⁻¹ X̄: B̄ = A Z, Ā = (B - A X) Zᴴ - B̄ Xᴴ, λ̄ = -⟨Z, X⟩.
// Wide, T = (AAᴴ + λI)⁻¹ B: B̄ = (AAᴴ + λI)⁻¹ A X̄, Ā = T (X̄ - Aᴴ B̄)ᴴ - B̄ Xᴴ, λ̄ = -⟨B̄, T⟩.
// Of the scaled problem (RuleInput), where A' X, A'ᴴ B̄ and B̄ Xᴴ are 2^-2q times what they stand beside.
template <class T>
std::int32_t lstsq_vjp(const Call& call, const LstsqVjpWork<T>& work) {
  const Index m = call.dims[0], n = call.dims[1], k = call.dims[2];
  const auto given = call.matrix<const T>(0, m, n);
  const Real<T> lambda = *call.vector<const Real<T>>(2);
  const auto r = call.matrix<const T>(4, std::min(m, n), std::min(m, n));
  const bool tall = m >= n;
  const Powers powers = ops::powers_of(given, lambda);
  const Matrix<T> a = work.a, b_bar = work.b_bar;
  ops::scale(given, powers.a, a);
  const ops::RuleInput<T> in(powers, call.matrix<const T>(5, n, k), call.matrix<const T>(1, m, k), call.matrix<const T>(3, n, k),
                             work.rule);
  if (tall) solve_normal(r, in.g);  // Z
  la::gemm<T>(1, Op::none, read(a), Op::none, read(in.g), 0, b_bar);
  if (!tall) {
    solve_normal(r, b_bar);
    solve_normal(r, in.b);  // T
  }
  if (call.operand[8] != nullptr) {
    const Real<T> l_bar = tall ? ops::minus_inner(read(in.g), read(in.x)) : ops::minus_inner(read(b_bar), read(in.b));
    *call.vector<Real<T>>(8) = std::ldexp(l_bar, in.top + powers.solution());
  }
  if (call.operand[6] != nullptr) {
    const auto a_bar = call.matrix<T>(6, m, n);
    la::gemm<T>(-in.small(), Op::none, read(b_bar), Op::adjoint, read(in.x), 0, a_bar);
    if (m != n || lambda != 0) {  // else A X = B: what is left of B is rounding
      if (tall)
        la::gemm<T>(-in.small(), Op::none, read(a), Op::none, read(in.x), 1, in.b);
      else
        la::gemm<T>(-in.small(), Op::adjoint, read(a), Op::none, read(b_bar), 1, in.g);
      la::gemm<T>(1, Op::none, read(in.b), Op::adjoint, read(in.g), 1, a_bar);
    }
    ops::scale(a_bar, in.top);
  }
  in.unscale_b(b_bar);
  return 0;
}

/// R alone of a problem that is taken as tall.
template <class T>
void triangle_by_qr(const Problem<T>& p, Matrix<T> r, const SolverWork<T>& space) {
  if constexpr (!ops::kComplex<T>) {
    const Index height = p.a.rows + (p.root > 0 ? p.side() : 0);
    if (la::uses_strips<T>(height, p.side())) {
      const la::StripQr<T> f(space.a, height, p.side(), 0, true);
      if (factor_strips(p, {}, f)) return f.copy_r(r);
    }
  }
  const Orthogonal<T> f = factor_orthogonal(p, space);
  la::qr(f.a, f.tau, f.work, f.count);
  into_upper(read(block(f.a, 0, 0, r.rows, r.rows)), true, r);
}

template <class T>
struct NormalWork {
  Matrix<T> r;
  SolverWork<T> solver;
  NormalWork(Arena& arena, const Call& call) : r(arena.matrix<T>(call.dims[1], call.dims[1])), solver(arena, call, call.dims[1]) {}
};

/// a (m,n), y (n,k), lambda -> z (n,k): Z = (AᴴA + λI)⁻¹ Y. attrs, failures as lstsq.
// Z = (AᴴA + λ I)⁻¹ Y
template <class T>
std::int32_t normal_solve(const Call& call, const NormalWork<T>& work) {
  const Index m = call.dims[0], n = call.dims[1], k = call.dims[2];
  const auto y = call.matrix<const T>(1, n, k);
  const auto z = call.matrix<T>(3, n, k);
  Problem<T> p{call.matrix<const T>(0, m, n), *call.vector<const Real<T>>(2), static_cast<Method>(call.attrs[0]), call.attrs[1], true};
  if (!fits(m, n, k)) return make_info(Fail::too_large);
  const Real<T> largest = ops::largest_finite(p.a);
  if (const auto info = ops::check_problem(largest, y, p.lambda)) return info;
  if (n == 0) return 0;
  p.find_powers(largest);
  if (m < n && p.root == 0) return make_info(Fail::rank_deficient);
  const SolverWork<T>& space = work.solver;
  const Matrix<T> r = work.r;
  if (p.method == Method::qr) {
    triangle_by_qr(p, r, space);
    if (const auto info = check_rank(p, r, space)) return info;
  } else if (const auto info = factor_normal(p, {space.a, m, n, n}, r, space)) {
    return info;
  }
  return ops::solve_columns(y, p.powers.normal(), z, z, space.columns, [&] {
    solve_normal(read(r), z);
    return z;
  });
}

/// a (m,n), lambda () real -> c () real, a power of two: the larger of c A and c √λ is near 1 or moderate. dims {m, n}.
// What composed rules scale a problem by: A' or √λ' near 1 will do, as (A'ᴴA' + λ'I)⁻¹ is then no larger than the condition number.
template <class T>
std::int32_t problem_scale(const Call& call, const NoWork<T>&) {
  const Index m = call.dims[0], n = call.dims[1];
  const Real<T> lambda = *call.vector<const Real<T>>(1), root = lambda > 0 ? std::sqrt(lambda) : 0;
  *call.vector<Real<T>>(2) = std::ldexp(Real<T>(1), ops::power_for(std::max(ops::largest_part(call.matrix<const T>(0, m, n)), root)));
  return 0;
}

constexpr Kernel kList[] = {
    {"lstsq",
     "T(m,n) T(m,k) R() -> T(n,k) T?(m^n,m^n)",
     "1r",
     2,
     BS_SINGLE(lstsq, LstsqWork),
     Lanes::lstsq,
     {.wide = 256, .narrow = 128, .declines = true, .many = 320, .factors = 2}},
    {"lstsq_vjp",
     "T(m,n) T(m,k) R() T(n,k) T(m^n,m^n) T(n,k) -> T?(m,n) T?(m,k) R?()",
     "1r",
     4,
     BS_SINGLE(lstsq_vjp, LstsqVjpWork),
     Lanes::lstsq_vjp,
     {.wide = 256, .narrow = 128, .declines = true, .many = 512}},
    {"normalSolve", "T(m,n) T(n,k) R() -> T(n,k)", "1r", 2, BS_SINGLE(normal_solve, NormalWork)},
    {"problemScale", "T(m,n) R() -> R()", "", 1.0 / 32, BS_SINGLE(problem_scale, NoWork)},
};

}  // namespace

BS_LIST(lstsq, kList)

}  // namespace backsolve
