// Least squares with Tikhonov's regularizer, X = argmin ‖A X - B‖² + λ ‖X‖², of least norm where m < n. docs/derivations/least-squares.md
#include "factor.h"
#include "ops.h"

namespace backsolve {
namespace {

using la::Op;
using ops::block;
using ops::conj;
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

  Index side() const { return tall ? a.cols : a.rows; }
};

template <class T>
std::int32_t check(Matrix<const T> a, Matrix<const T> b, Real<T> lambda) {
  if (!ops::all_finite(a) || !ops::all_finite(b) || !std::isfinite(lambda)) return make_info(Fail::not_finite);
  return lambda < 0 ? make_info(Fail::negative) : 0;
}

double relative_cut(double rcond, Index m, Index n, double eps) { return rcond >= 0 ? rcond : static_cast<double>(std::max(m, n)) * eps; }

/// Whether R, and with it A, has full rank in working precision.
template <class T>
std::int32_t check_rank(const Problem<T>& p, Matrix<T> r, Scratch& scratch) {
  double cut = relative_cut(p.rcond, p.a.rows, p.a.cols, std::numeric_limits<Real<T>>::epsilon());
  if (p.method == Method::cholesky && p.rcond < 0) cut = std::sqrt(cut);  // Rᴴ R was made from products
  T* const work = scratch.take<T>(3 * r.rows);
  const Real<T> rcond = ops::reciprocal_condition(r, work, scratch.take<double>(r.rows));
  return rcond > cut ? 0 : make_info(Fail::rank_deficient);  // a NaN is deficient
}

template <class T>
void into_upper(Matrix<const T> from, bool upper, Matrix<T> r) {
  for (Index i = 0; i < r.rows; ++i)
    for (Index j = 0; j < r.cols; ++j) r(i, j) = j < i ? T(0) : upper ? from(i, j) : conj(from(j, i));
}

/// The QR of [A; √λ I] or the LQ of [A, √λ I], without the second block where λ = 0.
template <class T>
struct Orthogonal {
  Matrix<T> a;
  T *tau, *work;
  Index count;
};
template <class T>
Orthogonal<T> factor_orthogonal(const Problem<T>& p, Index k, Scratch& scratch) {
  const Index m = p.a.rows, n = p.a.cols, more = p.lambda > 0 ? p.side() : 0;
  const Index rows = m + (p.tall ? more : 0), cols = n + (p.tall ? 0 : more);
  // What LAPACK works on lies here and the workspace behind it: see spectrum() in eigen.h.
  Orthogonal<T> f{{scratch.take<T>(rows * cols), rows, cols, cols}, nullptr, nullptr, la::qr_work(rows, cols, k)};
  f.tau = scratch.take<T>(p.side());
  ops::copy(p.a, block(f.a, 0, 0, m, n));
  const auto corner = p.tall ? block(f.a, m, 0, more, n) : block(f.a, 0, n, m, more);
  ops::set_identity(corner);
  for (Index i = 0; i < more; ++i) corner(i, i) = std::sqrt(p.lambda);
  return f;
}

/// X by orthogonal factors, and R.
template <class T>
std::int32_t solve_by_qr(const Problem<T>& p, Matrix<const T> b, Matrix<T> x, Matrix<T> r, Scratch& scratch) {
  const Index m = p.a.rows, n = p.a.cols, k = b.cols, side = p.side();
  Orthogonal<T> f = factor_orthogonal(p, k, scratch);
  const Index height = p.tall ? f.a.rows : f.a.cols;
  const Matrix<T> y{scratch.take<T>(height * k), height, k, k};
  f.work = scratch.take<T>(f.count);
  la::qr(f.a, f.tau, f.work, f.count);
  into_upper(read(block(f.a, 0, 0, side, side)), p.tall, r);
  if (const auto info = check_rank(p, r, scratch)) return info;
  std::fill_n(y.data, height * k, T(0));
  ops::copy(b, block(y, 0, 0, m, k));
  const auto head = block(y, 0, 0, side, k);
  if (p.tall) {  // X = R⁻¹ Qᴴ B
    la::apply_q_adjoint(read(f.a), f.tau, y, f.work, f.count);
    la::trsm(la::Side::left, la::Triangle::upper, Op::none, la::Diagonal::stored, read(r), head);
  } else {  // A = L Q: X = Qᴴ L⁻¹ B, L = Rᴴ
    la::trsm(la::Side::left, la::Triangle::upper, Op::adjoint, la::Diagonal::stored, read(r), head);
    la::apply_q_adjoint(read(f.a), f.tau, y, f.work, f.count);
  }
  ops::copy(read(block(y, 0, 0, n, k)), x);
  return 0;
}

/// R with Rᴴ R = AᴴA + λ I (tall) or A Aᴴ + λ I (wide).
template <class T>
std::int32_t factor_normal(const Problem<T>& p, Matrix<T> r, Scratch& scratch) {
  std::fill_n(r.data, r.rows * r.cols, T(0));
  la::herk<T>(la::Triangle::upper, 1, p.tall ? Op::adjoint : Op::none, p.a, 0, r);
  for (Index i = 0; i < r.rows; ++i) r(i, i) = ops::real(r(i, i)) + p.lambda;
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
  if (const auto info = factor_normal(p, r, scratch)) return info;
  if (p.tall) {
    la::gemm<T>(1, Op::adjoint, p.a, Op::none, b, 0, x);
    solve_normal(read(r), x);
    return 0;
  }
  const Matrix<T> y{scratch.take<T>(b.rows * b.cols), b.rows, b.cols, b.cols};
  ops::copy(b, y);
  solve_normal(read(r), y);
  la::gemm<T>(1, Op::adjoint, p.a, Op::none, read(y), 0, x);
  return 0;
}

std::size_t factor_scratch(Index m, Index n, Index k, Index side, DType t) {
  const Index long_side = m + n;
  return ops::scratch_bytes(t, side * side) + ops::scratch_bytes(t, long_side * side) + ops::scratch_bytes(t, side) +
         ops::scratch_bytes(t, long_side * k) + ops::scratch_bytes(t, la::qr_work(long_side, side, k)) + ops::scratch_bytes(t, 3 * side) +
         ops::scratch_bytes(DType::f64, side);
}
/// LAPACK's integers hold every size above.
bool fits(Index m, Index n, Index k) { return la::fits(m + n) && la::fits(la::qr_work(m + n, n, k)); }

template <class T>
Real<T> minus_inner(Matrix<const T> a, Matrix<const T> b) {
  Real<T> sum = 0;
  for (Index i = 0; i < a.rows; ++i)
    for (Index j = 0; j < a.cols; ++j) sum -= ops::real(conj(a(i, j)) * b(i, j));
  return sum;
}

}  // namespace

template <class T>
std::int32_t lstsq(const Call& call) {
  const Index m = call.dims[0], n = call.dims[1], k = call.dims[2], least = std::min(m, n);
  const auto b = call.matrix<const T>(1, m, k);
  const auto x = call.matrix<T>(3, n, k);
  const Problem<T> p{call.matrix<const T>(0, m, n), *call.vector<const Real<T>>(2), static_cast<Method>(call.attrs[0]), call.attrs[1],
                     m >= n};
  if (!fits(m, n, k)) return make_info(Fail::too_large);
  if (const auto info = check(p.a, b, p.lambda)) return info;
  const Matrix<T> r =
      call.operand[4] != nullptr ? call.matrix<T>(4, least, least) : Matrix<T>{call.scratch->take<T>(least * least), least, least, least};
  if (least == 0) {
    std::fill_n(x.data, n * k, T(0));
    return 0;
  }
  return p.method == Method::qr ? solve_by_qr(p, b, x, r, *call.scratch) : solve_by_cholesky(p, b, x, r, *call.scratch);
}
std::size_t lstsq_scratch(const Index* d, const double*, DType t, int) {
  return fits(d[0], d[1], d[2]) ? factor_scratch(d[0], d[1], d[2], std::min(d[0], d[1]), t) : 0;
}

// Tall, Z = (Rᴴ R)⁻¹ X̄: B̄ = A Z, Ā = (B - A X) Zᴴ - B̄ Xᴴ, λ̄ = -⟨Z, X⟩.
// Wide, T = (Rᴴ R)⁻¹ B: B̄ = (Rᴴ R)⁻¹ A X̄, Ā = T (X̄ - Aᴴ B̄)ᴴ - B̄ Xᴴ, λ̄ = -⟨B̄, T⟩.
template <class T>
std::int32_t lstsq_vjp(const Call& call) {
  const Index m = call.dims[0], n = call.dims[1], k = call.dims[2];
  const auto a = call.matrix<const T>(0, m, n), b = call.matrix<const T>(1, m, k), x = call.matrix<const T>(3, n, k);
  const auto r = call.matrix<const T>(4, std::min(m, n), std::min(m, n));
  const auto g = call.matrix<const T>(5, n, k);
  Scratch& scratch = *call.scratch;
  const auto like_b = [&] { return Matrix<T>{scratch.take<T>(m * k), m, k, k}; };
  const auto like_x = [&] { return Matrix<T>{scratch.take<T>(n * k), n, k, k}; };
  const bool tall = m >= n;
  const Matrix<T> b_bar = call.operand[7] != nullptr ? call.matrix<T>(7, m, k) : like_b();
  const Matrix<T> z = tall ? like_x() : like_b();  // Z or T
  ops::copy(tall ? g : b, z);
  solve_normal(r, z);
  la::gemm<T>(1, Op::none, a, Op::none, tall ? read(z) : g, 0, b_bar);
  if (!tall) solve_normal(r, b_bar);
  if (call.operand[8] != nullptr) *call.vector<Real<T>>(8) = tall ? minus_inner(read(z), x) : minus_inner(read(b_bar), read(z));
  if (call.operand[6] == nullptr) return 0;
  const auto a_bar = call.matrix<T>(6, m, n);
  la::gemm<T>(-1, Op::none, read(b_bar), Op::adjoint, x, 0, a_bar);
  if (m == n && *call.vector<const Real<T>>(2) == 0) return 0;  // A X = B: what is left of B is rounding
  const Matrix<T> rest = tall ? like_b() : like_x();
  ops::copy(tall ? b : g, rest);
  la::gemm<T>(-1, tall ? Op::none : Op::adjoint, a, Op::none, tall ? x : read(b_bar), 1, rest);
  la::gemm<T>(1, Op::none, read(tall ? rest : z), Op::adjoint, read(tall ? z : rest), 1, a_bar);
  return 0;
}
std::size_t lstsq_vjp_scratch(const Index* d, const double*, DType t, int) {
  return 2 * ops::scratch_bytes(t, d[0] * d[2]) + 2 * ops::scratch_bytes(t, d[1] * d[2]);
}

// Z = (AᴴA + λ I)⁻¹ Y
template <class T>
std::int32_t normal_solve(const Call& call) {
  const Index m = call.dims[0], n = call.dims[1], k = call.dims[2];
  const auto y = call.matrix<const T>(1, n, k);
  const auto z = call.matrix<T>(3, n, k);
  const Problem<T> p{call.matrix<const T>(0, m, n), *call.vector<const Real<T>>(2), static_cast<Method>(call.attrs[0]), call.attrs[1],
                     true};
  if (!fits(m, n, k)) return make_info(Fail::too_large);
  if (const auto info = check(p.a, y, p.lambda)) return info;
  if (n == 0) return 0;
  if (m < n && p.lambda == 0) return make_info(Fail::rank_deficient);
  Scratch& scratch = *call.scratch;
  const Matrix<T> r{scratch.take<T>(n * n), n, n, n};
  if (p.method == Method::qr) {
    Orthogonal<T> f = factor_orthogonal(p, k, scratch);
    la::qr(f.a, f.tau, scratch.take<T>(f.count), f.count);
    into_upper(read(block(f.a, 0, 0, n, n)), true, r);
    if (const auto info = check_rank(p, r, scratch)) return info;
  } else if (const auto info = factor_normal(p, r, scratch)) {
    return info;
  }
  ops::copy(y, z);
  solve_normal(read(r), z);
  return 0;
}
std::size_t normal_solve_scratch(const Index* d, const double*, DType t, int) {
  return fits(d[0], d[1], d[2]) ? factor_scratch(d[0], d[1], d[2], d[1], t) : 0;
}

// ---- By singular values, A = U diag(σ) Vᴴ. With λ = 0, those up to rcond σ_max count as zero and stay zero under derivatives. ----

namespace {

template <class T>
struct Svd {
  Matrix<T> u, vh;
  Real<T>* s;
};
template <class T>
std::int32_t thin_svd(Matrix<const T> a, Svd<T> f, Scratch& scratch) {
  const Index m = a.rows, n = a.cols;
  const la::SvdWork sizes = la::gesdd_work(m, n, ops::kComplex<T>);
  if (!sizes.fits) return make_info(Fail::too_large);
  const Matrix<T> copy{scratch.take<T>(m * n), m, n, n};
  ops::copy(a, copy);
  T* const work = scratch.take<T>(sizes.work);
  Real<T>* const reals = scratch.take<Real<T>>(sizes.reals);
  const la::Int info = la::gesdd(copy, f.s, f.u, f.vh, work, sizes.work, reals, scratch.take<la::Int>(sizes.integers));
  return info == 0 ? 0 : make_info(Fail::no_convergence, info);
}
std::size_t thin_svd_scratch(Index m, Index n, DType t) {
  const la::SvdWork sizes = la::gesdd_work(m, n, t == DType::c64 || t == DType::c128);
  if (!sizes.fits) return 0;
  return ops::scratch_bytes(t, m * n) + ops::scratch_bytes(t, sizes.work) + ops::scratch_bytes(DType::f64, sizes.reals) +
         ops::scratch_bytes(DType::i32, sizes.integers);
}

/// What multiplies the components along one pair of singular vectors.
template <class R>
struct Filter {
  R solution;  // σ / (σ² + λ)
  R inverse;   // 1 / (σ² + λ)
  R residual;  // λ / (σ² + λ)
  bool dropped;
};
template <class R>
Filter<R> filter(const R* s, Index i, Index m, Index n, R lambda, double rcond) {
  const auto cut = static_cast<R>(relative_cut(rcond, m, n, std::numeric_limits<R>::epsilon())) * s[0];
  if (lambda == 0 && !(s[i] > cut)) return {0, 0, 1, true};
  const R root = std::sqrt(lambda), t = 1 / std::hypot(s[i], root);
  return {s[i] * t * t, t * t, root * t * (root * t), false};
}

template <class T, class F>
void scale_rows(Matrix<const T> from, Matrix<T> to, F scale) {
  for (Index i = 0; i < from.rows; ++i) {
    const Real<T> c = scale(i);
    for (Index j = 0; j < from.cols; ++j) to(i, j) = c * from(i, j);
  }
}

}  // namespace

template <class T>
std::int32_t lstsq_svd(const Call& call) {
  const Index m = call.dims[0], n = call.dims[1], k = call.dims[2], p = std::min(m, n);
  const auto a = call.matrix<const T>(0, m, n), b = call.matrix<const T>(1, m, k);
  const Real<T> lambda = *call.vector<const Real<T>>(2);
  const auto x = call.matrix<T>(3, n, k);
  Scratch& scratch = *call.scratch;
  if (const auto info = check(a, b, lambda)) return info;
  if (p == 0) {
    std::fill_n(x.data, n * k, T(0));
    return 0;
  }
  const Svd<T> f{{call.operand[4] != nullptr ? call.vector<T>(4) : scratch.take<T>(m * p), m, p, p},
                 {call.operand[6] != nullptr ? call.vector<T>(6) : scratch.take<T>(p * n), p, n, n},
                 call.operand[5] != nullptr ? call.vector<Real<T>>(5) : scratch.take<Real<T>>(p)};
  const Matrix<T> y{scratch.take<T>(p * k), p, k, k};
  if (const auto info = thin_svd(a, f, scratch)) return info;
  la::gemm<T>(1, Op::adjoint, read(f.u), Op::none, b, 0, y);
  scale_rows(read(y), y, [&](Index i) { return filter(f.s, i, m, n, lambda, call.attrs[0]).solution; });
  la::gemm<T>(1, Op::adjoint, read(f.vh), Op::none, read(y), 0, x);
  return 0;
}
std::size_t lstsq_svd_scratch(const Index* d, const double*, DType t, int) {
  const Index m = d[0], n = d[1], k = d[2], p = std::min(m, n);
  return ops::scratch_bytes(t, m * p) + ops::scratch_bytes(t, p * n) + ops::scratch_bytes(t, p) + ops::scratch_bytes(t, p * k) +
         thin_svd_scratch(m, n, t);
}

// With b̃ = Uᴴ B, x̃ = Vᴴ X̄, the filters φ (solution), η (inverse), ρ (residual), and δ = 1 where dropped:
//   B̄ = U (φ x̃), λ̄ = -⟨η x̃, φ b̃⟩, Ā = R Zᴴ + T Nᴴ - B̄ Xᴴ,
//   R = (B - U b̃) + U (ρ b̃), Z = V (η x̃), T = U (η b̃), N = (X̄ - V x̃) + V (δ x̃).
template <class T>
std::int32_t lstsq_svd_vjp(const Call& call) {
  const Index m = call.dims[0], n = call.dims[1], k = call.dims[2], p = std::min(m, n);
  const auto b = call.matrix<const T>(1, m, k), x = call.matrix<const T>(3, n, k), g = call.matrix<const T>(7, n, k);
  const Real<T> lambda = *call.vector<const Real<T>>(2);
  const auto u = call.matrix<const T>(4, m, p), vh = call.matrix<const T>(6, p, n);
  const auto* s = call.vector<const Real<T>>(5);
  Scratch& scratch = *call.scratch;
  const auto take = [&](Index rows) { return Matrix<T>{scratch.take<T>(rows * k), rows, k, k}; };
  const auto of = [&](Index i) { return filter(s, i, m, n, lambda, call.attrs[0]); };
  const Matrix<T> b_tilde = take(p), x_tilde = take(p), part = take(p);
  la::gemm<T>(1, Op::adjoint, u, Op::none, b, 0, b_tilde);
  la::gemm<T>(1, Op::none, vh, Op::none, g, 0, x_tilde);
  const Matrix<T> b_bar = call.operand[9] != nullptr ? call.matrix<T>(9, m, k) : take(m);
  scale_rows(read(x_tilde), part, [&](Index i) { return of(i).solution; });
  la::gemm<T>(1, Op::none, u, Op::none, read(part), 0, b_bar);
  if (call.operand[10] != nullptr) {
    scale_rows(read(x_tilde), part, [&](Index i) { return of(i).inverse * of(i).solution; });
    *call.vector<Real<T>>(10) = minus_inner(read(part), read(b_tilde));
  }
  if (call.operand[8] == nullptr) return 0;
  const auto a_bar = call.matrix<T>(8, m, n);
  la::gemm<T>(-1, Op::none, read(b_bar), Op::adjoint, x, 0, a_bar);
  const Matrix<T> r = take(m), z = take(n);
  // R Zᴴ; what lies outside of U is there only where m > n
  scale_rows(read(b_tilde), part, [&](Index i) { return m > p ? of(i).residual - 1 : of(i).residual; });
  if (m > p) ops::copy(b, r);
  la::gemm<T>(1, Op::none, u, Op::none, read(part), m > p ? 1 : 0, r);
  scale_rows(read(x_tilde), part, [&](Index i) { return of(i).inverse; });
  la::gemm<T>(1, Op::adjoint, vh, Op::none, read(part), 0, z);
  la::gemm<T>(1, Op::none, read(r), Op::adjoint, read(z), 1, a_bar);
  // T Nᴴ
  scale_rows(read(b_tilde), part, [&](Index i) { return of(i).inverse; });
  la::gemm<T>(1, Op::none, u, Op::none, read(part), 0, r);
  scale_rows(read(x_tilde), part, [&](Index i) { return Real<T>(of(i).dropped ? 1 : 0) - (n > p ? 1 : 0); });
  if (n > p) ops::copy(g, z);
  la::gemm<T>(1, Op::adjoint, vh, Op::none, read(part), n > p ? 1 : 0, z);
  la::gemm<T>(1, Op::none, read(r), Op::adjoint, read(z), 1, a_bar);
  return 0;
}
std::size_t lstsq_svd_vjp_scratch(const Index* d, const double*, DType t, int) {
  const Index m = d[0], n = d[1], k = d[2], p = std::min(m, n);
  return 3 * ops::scratch_bytes(t, p * k) + 2 * ops::scratch_bytes(t, m * k) + ops::scratch_bytes(t, n * k);
}

// Z = (AᴴA + λ I)⁺ Y = V (η ỹ), and outside of V, Y/λ
template <class T>
std::int32_t normal_solve_svd(const Call& call) {
  const Index m = call.dims[0], n = call.dims[1], k = call.dims[2], p = std::min(m, n);
  const auto a = call.matrix<const T>(0, m, n), y = call.matrix<const T>(1, n, k);
  const Real<T> lambda = *call.vector<const Real<T>>(2);
  const auto z = call.matrix<T>(3, n, k);
  Scratch& scratch = *call.scratch;
  if (const auto info = check(a, y, lambda)) return info;
  const Svd<T> f{{scratch.take<T>(m * p), m, p, p}, {scratch.take<T>(p * n), p, n, n}, scratch.take<Real<T>>(p)};
  const Matrix<T> part{scratch.take<T>(p * k), p, k, k};
  if (const auto info = thin_svd(a, f, scratch)) return info;
  const Real<T> outside = lambda > 0 && n > p ? 1 / lambda : 0;
  for (Index i = 0; i < n; ++i)
    for (Index j = 0; j < k; ++j) z(i, j) = outside * y(i, j);
  la::gemm<T>(1, Op::none, read(f.vh), Op::none, y, 0, part);
  scale_rows(read(part), part, [&](Index i) { return filter(f.s, i, m, n, lambda, call.attrs[0]).inverse - outside; });
  la::gemm<T>(1, Op::adjoint, read(f.vh), Op::none, read(part), 1, z);
  return 0;
}
std::size_t normal_solve_svd_scratch(const Index* d, const double* attrs, DType t, int w) { return lstsq_svd_scratch(d, attrs, t, w); }

BS_INSTANTIATE(lstsq)
BS_INSTANTIATE(lstsq_vjp)
BS_INSTANTIATE(normal_solve)
BS_INSTANTIATE(lstsq_svd)
BS_INSTANTIATE(lstsq_svd_vjp)
BS_INSTANTIATE(normal_solve_svd)

}  // namespace backsolve
