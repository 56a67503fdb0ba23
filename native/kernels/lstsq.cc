// Least squares with Tikhonov's regularizer, X = argmin ‖A X - B‖² + λ ‖X‖², of least norm where m < n, by QR or the normal equations.
// docs/derivations/least-squares.md
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
  void find_powers() {
    powers = ops::powers_of(a, lambda);
    root = std::ldexp(std::sqrt(lambda), powers.root());
  }
};

/// Whether R, and with it A, has full rank in working precision.
template <class T>
std::int32_t check_rank(const Problem<T>& p, Matrix<T> r, Scratch& scratch) {
  double cut = ops::relative_cut(p.rcond, p.a.rows, p.a.cols, std::numeric_limits<Real<T>>::epsilon());
  if (p.method == Method::cholesky && p.rcond < 0) cut = std::sqrt(cut);  // Rᴴ R was made from products
  T* const work = scratch.take<T>(3 * r.rows);
  const Real<T> rcond = la::trcon_upper(read(r), work, scratch.take<double>(r.rows));
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
Orthogonal<T> factor_orthogonal(const Problem<T>& p, Index k, Scratch& scratch) {
  const Index m = p.a.rows, n = p.a.cols, more = p.root > 0 ? p.side() : 0;
  const Index rows = m + (p.tall ? more : 0), cols = n + (p.tall ? 0 : more);
  // What LAPACK works on lies here and the workspace behind it: see spectrum() in eigen.h.
  Orthogonal<T> f{{scratch.take<T>(rows * cols), rows, cols, cols}, nullptr, nullptr, la::qr_work(rows, cols, k)};
  f.tau = scratch.take<T>(p.side());
  ops::scale(p.a, p.powers.a, p.tall ? block(f.a, more, 0, m, n) : block(f.a, 0, more, m, n));
  const auto corner = block(f.a, 0, 0, p.tall ? more : m, p.tall ? n : more);
  ops::set_identity(corner);
  for (Index i = 0; i < more; ++i) corner(i, i) = p.root;
  return f;
}

/// X by orthogonal factors, and R.
template <class T>
std::int32_t solve_by_qr(const Problem<T>& p, Matrix<const T> b, Matrix<T> x, Matrix<T> r, Scratch& scratch) {
  const Index m = p.a.rows, n = p.a.cols, k = b.cols, side = p.side();
  Orthogonal<T> f = factor_orthogonal(p, k, scratch);
  const Index height = p.tall ? f.a.rows : f.a.cols, more = height - (p.tall ? m : n);
  const Matrix<T> y{scratch.take<T>(height * k), height, k, k};
  f.work = scratch.take<T>(f.count);
  la::qr(f.a, f.tau, f.work, f.count);
  into_upper(read(block(f.a, 0, 0, side, side)), p.tall, r);
  if (const auto info = check_rank(p, r, scratch)) return info;
  std::fill_n(y.data, height * k, T(0));
  return ops::solve_columns(b, p.powers.solution(), block(y, p.tall ? more : 0, 0, m, k), x, scratch, [&] {
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
std::int32_t factor_normal(const Problem<T>& p, Matrix<T> scaled, Matrix<T> r, Scratch& scratch) {
  ops::scale(p.a, p.powers.a, scaled);
  std::fill_n(r.data, r.rows * r.cols, T(0));
  la::herk<T>(la::Triangle::upper, 1, p.tall ? Op::adjoint : Op::none, read(scaled), 0, r);
  const Real<T> lambda = std::ldexp(p.lambda, p.powers.normal());
  for (Index i = 0; i < r.rows; ++i) r(i, i) = ops::real(r(i, i)) + lambda;
  if (la::potrf(la::Triangle::upper, r) != 0) return make_info(Fail::rank_deficient);
  return check_rank(p, r, scratch);
}

/// Y := (Rᴴ R)⁻¹ Y.
template <class T>
void solve_normal(Matrix<const T> r, Matrix<T> y) {
  la::trsm(la::Side::left, la::Triangle::upper, Op::adjoint, la::Diagonal::stored, r, y);
  la::trsm(la::Side::left, la::Triangle::upper, Op::none, la::Diagonal::stored, r, y);
}

/// X = R⁻¹ R⁻ᴴ Aᴴ B (tall) or Aᴴ R⁻¹ R⁻ᴴ B (wide), and R.
template <class T>
std::int32_t solve_by_cholesky(const Problem<T>& p, Matrix<const T> b, Matrix<T> x, Matrix<T> r, Scratch& scratch) {
  const Index m = p.a.rows, n = p.a.cols, k = b.cols;
  const Matrix<T> a{scratch.take<T>(m * n), m, n, n}, y{scratch.take<T>((m + n) * k), m, k, k}, z{y.data + m * k, n, k, k};
  if (const auto info = factor_normal(p, a, r, scratch)) return info;
  return ops::solve_columns(b, p.powers.solution(), y, x, scratch, [&] {
    if (!p.tall) solve_normal(read(r), y);
    la::gemm<T>(1, Op::adjoint, read(a), Op::none, read(y), 0, z);
    if (p.tall) solve_normal(read(r), z);
    return z;
  });
}

std::size_t factor_scratch(Index m, Index n, Index k, Index side, DType t) {
  const Index long_side = m + n;
  return ops::scratch_bytes(t, side * side) + ops::scratch_bytes(t, long_side * side) + ops::scratch_bytes(t, side) +
         ops::scratch_bytes(t, long_side * k) + ops::scratch_bytes(t, la::qr_work(long_side, side, k)) + ops::scratch_bytes(t, 3 * side) +
         ops::scratch_bytes(DType::f64, side) + ops::Columns<double>::bytes(k);
}
/// LAPACK's integers hold every size above.
bool fits(Index m, Index n, Index k) { return la::fits(m + n) && la::fits(la::qr_work(m + n, n, k)); }

}  // namespace

/// a (m,n), b (m,k), lambda () real -> x (n,k), r (m^n,m^n): x = argmin |A x - b|² + λ |x|², RᴴR = AᴴA + λI or AAᴴ + λI of the scaled
/// problem (least_squares.h); r may be null. dims {m, n, k}. attrs [method: 0 QR, 1 Cholesky, rcond; negative: max(m,n) ε]. Fails:
/// not_finite, negative, rank_deficient, overflow, too_large.
template <class T>
std::int32_t lstsq(const Call& call) {
  const Index m = call.dims[0], n = call.dims[1], k = call.dims[2], least = std::min(m, n);
  const auto b = call.matrix<const T>(1, m, k);
  const auto x = call.matrix<T>(3, n, k);
  Problem<T> p{call.matrix<const T>(0, m, n), *call.vector<const Real<T>>(2), static_cast<Method>(call.attrs[0]), call.attrs[1], m >= n};
  if (!fits(m, n, k)) return make_info(Fail::too_large);
  if (const auto info = ops::check_problem(p.a, b, p.lambda)) return info;
  const Matrix<T> r =
      call.operand[4] != nullptr ? call.matrix<T>(4, least, least) : Matrix<T>{call.scratch->take<T>(least * least), least, least, least};
  if (least == 0) {
    std::fill_n(x.data, n * k, T(0));
    return 0;
  }
  p.find_powers();
  return p.method == Method::qr ? solve_by_qr(p, b, x, r, *call.scratch) : solve_by_cholesky(p, b, x, r, *call.scratch);
}
std::size_t lstsq_scratch(const Index* d, const double*, DType t, int) {
  return fits(d[0], d[1], d[2]) ? factor_scratch(d[0], d[1], d[2], std::min(d[0], d[1]), t) : 0;
}

/// a, b, lambda, x, r, g (n,k) -> a, b, lambda; any output may be null.
// Tall, Z = (AᴴA + λI)⁻¹ X̄: B̄ = A Z, Ā = (B - A X) Zᴴ - B̄ Xᴴ, λ̄ = -⟨Z, X⟩.
// Wide, T = (AAᴴ + λI)⁻¹ B: B̄ = (AAᴴ + λI)⁻¹ A X̄, Ā = T (X̄ - Aᴴ B̄)ᴴ - B̄ Xᴴ, λ̄ = -⟨B̄, T⟩.
// Of the scaled problem (RuleInput), where A' X, A'ᴴ B̄ and B̄ Xᴴ are 2^-2q times what they stand beside.
template <class T>
std::int32_t lstsq_vjp(const Call& call) {
  const Index m = call.dims[0], n = call.dims[1], k = call.dims[2];
  const auto given = call.matrix<const T>(0, m, n);
  const Real<T> lambda = *call.vector<const Real<T>>(2);
  const auto r = call.matrix<const T>(4, std::min(m, n), std::min(m, n));
  Scratch& scratch = *call.scratch;
  const bool tall = m >= n;
  const Powers powers = ops::powers_of(given, lambda);
  const Matrix<T> a{scratch.take<T>(m * n), m, n, n};
  ops::scale(given, powers.a, a);
  const ops::RuleInput<T> in(powers, call.matrix<const T>(5, n, k), call.matrix<const T>(1, m, k), call.matrix<const T>(3, n, k), scratch);
  const Matrix<T> b_bar = call.operand[7] != nullptr ? call.matrix<T>(7, m, k) : Matrix<T>{scratch.take<T>(m * k), m, k, k};
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
std::size_t lstsq_vjp_scratch(const Index* d, const double*, DType t, int) {
  const Index m = d[0], n = d[1], k = d[2];
  return ops::scratch_bytes(t, m * n) + ops::scratch_bytes(t, m * k) + ops::RuleInput<double>::bytes(m, n, k, t);
}

/// a (m,n), y (n,k), lambda -> z (n,k): Z = (AᴴA + λI)⁻¹ Y. attrs, failures as lstsq.
// Z = (AᴴA + λ I)⁻¹ Y
template <class T>
std::int32_t normal_solve(const Call& call) {
  const Index m = call.dims[0], n = call.dims[1], k = call.dims[2];
  const auto y = call.matrix<const T>(1, n, k);
  const auto z = call.matrix<T>(3, n, k);
  Problem<T> p{call.matrix<const T>(0, m, n), *call.vector<const Real<T>>(2), static_cast<Method>(call.attrs[0]), call.attrs[1], true};
  if (!fits(m, n, k)) return make_info(Fail::too_large);
  if (const auto info = ops::check_problem(p.a, y, p.lambda)) return info;
  if (n == 0) return 0;
  p.find_powers();
  if (m < n && p.root == 0) return make_info(Fail::rank_deficient);
  Scratch& scratch = *call.scratch;
  const Matrix<T> r{scratch.take<T>(n * n), n, n, n};
  if (p.method == Method::qr) {
    Orthogonal<T> f = factor_orthogonal(p, k, scratch);
    la::qr(f.a, f.tau, scratch.take<T>(f.count), f.count);
    into_upper(read(block(f.a, 0, 0, n, n)), true, r);
    if (const auto info = check_rank(p, r, scratch)) return info;
  } else if (const auto info = factor_normal(p, {scratch.take<T>(m * n), m, n, n}, r, scratch)) {
    return info;
  }
  return ops::solve_columns(y, p.powers.normal(), z, z, scratch, [&] {
    solve_normal(read(r), z);
    return z;
  });
}
std::size_t normal_solve_scratch(const Index* d, const double*, DType t, int) {
  return fits(d[0], d[1], d[2]) ? factor_scratch(d[0], d[1], d[2], d[1], t) : 0;
}

/// a (m,n), lambda () real -> c () real, a power of two: the larger of c A and c √λ is near 1 or moderate. dims {m, n}.
// What composed rules scale a problem by: A' or √λ' near 1 will do, as (A'ᴴA' + λ'I)⁻¹ is then no larger than the condition number.
template <class T>
std::int32_t problem_scale(const Call& call) {
  const Index m = call.dims[0], n = call.dims[1];
  const Real<T> lambda = *call.vector<const Real<T>>(1), root = lambda > 0 ? std::sqrt(lambda) : 0;
  *call.vector<Real<T>>(2) = std::ldexp(Real<T>(1), ops::power_for(std::max(ops::largest_part(call.matrix<const T>(0, m, n)), root)));
  return 0;
}
std::size_t problem_scale_scratch(const Index*, const double*, DType, int) { return 0; }

namespace {

/// Of lanes kernels: [A, B; √λ I, 0], the heads of the reflections, their factors and the bounds of the inverse.
std::size_t least_squares_lanes(const Index* d, const double*, DType t, int width) {
  const Index least = std::min(d[0], d[1]), side = d[0] + d[1];
  return lanes_bytes(t, side * (least + d[2]), width) + 3 * lanes_bytes(t, least, width);
}
std::size_t least_squares_vjp_lanes(const Index* d, const double*, DType t, int width) {
  return 2 * lanes_bytes(t, d[0] * d[2], width) + 2 * lanes_bytes(t, d[1] * d[2], width);
}

constexpr Kernel kList[] = {
    {"lstsq",
     "T(m,n) T(m,k) R() -> T(n,k) T?(m^n,m^n)",
     "1r",
     2,
     BS_SINGLE(lstsq),
     Lanes::lstsq,
     {.wide = 128, .narrow = 128, .declines = true, .scratch = least_squares_lanes}},
    {"lstsq_vjp",
     "T(m,n) T(m,k) R() T(n,k) T(m^n,m^n) T(n,k) -> T?(m,n) T?(m,k) R?()",
     "1r",
     4,
     BS_SINGLE(lstsq_vjp),
     Lanes::lstsq_vjp,
     {.wide = 128, .narrow = 128, .declines = true, .scratch = least_squares_vjp_lanes}},
    {"normalSolve", "T(m,n) T(n,k) R() -> T(n,k)", "1r", 2, BS_SINGLE(normal_solve)},
    {"problemScale", "T(m,n) R() -> R()", "", 1.0 / 32, BS_SINGLE(problem_scale)},
};

}  // namespace

BS_LIST(lstsq, kList)

}  // namespace backsolve
