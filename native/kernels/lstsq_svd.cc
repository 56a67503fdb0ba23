// Least squares by singular values, at any rank. docs/derivations/least-squares.md
#include "list.h"
#include "truncation.h"

namespace backsolve {
namespace {

using la::Op;
using ops::block;
using ops::Powers;
using ops::read;
using ops::Svd;

/// What multiplies the components along one pair of singular vectors.
template <class R>
struct Filter {
  R solution;  // σ / (σ² + λ)
  R inverse;   // 1 / (σ² + λ)
  R residual;  // λ / (σ² + λ)
  bool dropped;
};
/// Of A' and √λ'. Singular values up to rcond σ_max count as zero; where λ > 0 only with an rcond above rounding.
template <class R>
class Filters {
 public:
  Filters(const R* s, Index m, Index n, R lambda, const Powers& powers, double rcond)
      : s_(s), root_(std::ldexp(std::sqrt(lambda), powers.root())), truncates_(ops::truncates<R>(rcond, m, n)) {
    const double relative = ops::relative_cut(rcond, m, n, std::numeric_limits<R>::epsilon());
    cut_ = m == 0 || n == 0 ? 0 : static_cast<R>(relative) * s[0];
  }
  Filter<R> operator()(Index i) const {
    if ((root_ == 0 || truncates_) && !(s_[i] > cut_)) return {0, 0, 1, true};
    const R t = 1 / std::hypot(s_[i], root_);
    return {s_[i] * t * t, t * t, root_ * t * (root_ * t), false};
  }
  /// 1 / λ' for what no singular vector spans, where that is not cut as well.
  R outside() const { return root_ > 0 && !truncates_ ? 1 / (root_ * root_) : 0; }
  bool truncates() const { return truncates_; }

 private:
  const R* s_;
  R root_, cut_;
  bool truncates_;
};

template <class T, class F>
void scale_rows(Matrix<const T> from, Matrix<T> to, F factor) {
  for (Index i = 0; i < from.rows; ++i) {
    const Real<T> c = factor(i);
    for (Index j = 0; j < from.cols; ++j) to(i, j) = c * from(i, j);
  }
}

/// U (m, p), Vᴴ (p, n) and s (p), p = min(m, n), where these operands are, if they are there.
template <class T>
Svd<T> take_svd(Arena& arena, Index m, Index n, void* u, void* s, void* vh) {
  const Index p = std::min(m, n);
  const auto u_at = ops::operand_or<T>(arena, u, m, p), vh_at = ops::operand_or<T>(arena, vh, p, n);
  return {u_at, vh_at, ops::operand_or<Real<T>>(arena, s, p)};
}
template <class T>
struct SolveWork {
  Svd<T> f;
  Matrix<T> scaled, y, z;
  ops::ThinSvdWork<T> svd;
  ops::Columns<T> columns;
  SolveWork(Arena& arena, const Call& call)
      : f(take_svd<T>(arena, call.dims[0], call.dims[1], call.operand[4], call.operand[5], call.operand[6])),
        scaled(arena.matrix<T>(call.dims[0], call.dims[2])),
        y(arena.matrix<T>(std::min(call.dims[0], call.dims[1]), call.dims[2])),
        z(arena.matrix<T>(call.dims[1], call.dims[2])),
        svd(arena, call.dims[0], call.dims[1]),
        columns(arena, call.dims[2]) {}
};

/// a, b, lambda -> x, u (m,m^n), s (m^n) real, vh (m^n,n): lstsq by singular values, s those of the scaled A; u, s, vh may be null. attrs
/// [rcond]. Fails: not_finite, negative, no_convergence, overflow, too_large.
template <class T>
std::int32_t lstsq_svd(const Call& call, const SolveWork<T>& work) {
  const Index m = call.dims[0], n = call.dims[1], k = call.dims[2], p = std::min(m, n);
  const auto a = call.matrix<const T>(0, m, n), b = call.matrix<const T>(1, m, k);
  const Real<T> lambda = *call.vector<const Real<T>>(2);
  const auto x = call.matrix<T>(3, n, k);
  if (const auto info = ops::check_problem(ops::largest_finite(a), b, lambda)) return info;
  if (p == 0) {
    std::fill_n(x.data, n * k, T(0));
    return 0;
  }
  const Svd<T>& f = work.f;
  const Matrix<T> scaled = work.scaled, y = work.y, z = work.z;
  const Powers powers = ops::powers_of(a, lambda);
  if (const auto info = ops::thin_svd(a, powers.a, f, work.svd)) return info;
  const Filters<Real<T>> of(f.s, m, n, lambda, powers, call.attrs[0]);
  return ops::solve_columns(b, powers.solution(), scaled, x, work.columns, [&] {
    la::gemm<T>(1, Op::adjoint, read(f.u), Op::none, read(scaled), 0, y);
    scale_rows(read(y), y, [&](Index i) { return of(i).solution; });
    la::gemm<T>(1, Op::adjoint, read(f.vh), Op::none, read(y), 0, z);
    return z;
  });
}

template <class T>
struct VjpWork {
  ops::RuleWork<T> rule;
  Matrix<T> b_tilde, x_tilde, part, t, b_bar;
  ops::CutWork<T> cut;
  VjpWork(Arena& arena, const Call& call)
      : rule(arena, call),
        b_tilde(arena.matrix<T>(std::min(call.dims[0], call.dims[1]), call.dims[2])),
        x_tilde(arena.matrix<T>(b_tilde.rows, call.dims[2])),
        part(arena.matrix<T>(b_tilde.rows, call.dims[2])),
        t(arena.matrix<T>(call.dims[0], call.dims[2])),
        b_bar(ops::operand_or<T>(arena, call.operand[9], call.dims[0], call.dims[2])),
        cut(arena, call.dims[0], call.dims[1]) {}
};

/// a, b, lambda, x, u, s, vh, g (n,k) -> a, b, lambda; any output may be null. Fails: cut (which singular value).
// With b̃ = Uᴴ B, x̃ = Vᴴ X̄, the filters φ (solution), η (inverse), ρ (residual), and δ = 1 where dropped:
//   B̄ = U (φ x̃), λ̄ = -⟨η x̃, φ b̃⟩, Ā = R Zᴴ + T Nᴴ - B̄ Xᴴ,
//   R = (B - U b̃) + U (ρ b̃), Z = V (η x̃), T = U (η b̃), N = (X̄ - V x̃) + V (δ x̃),
// and with an rcond above rounding Ā := DT(A)[Ā] (truncation.h). All of the scaled problem (RuleInput); B̄ Xᴴ is 2^-2q times the other
// terms.
template <class T>
std::int32_t lstsq_svd_vjp(const Call& call, const VjpWork<T>& work) {
  const Index m = call.dims[0], n = call.dims[1], k = call.dims[2], p = std::min(m, n);
  const Real<T> lambda = *call.vector<const Real<T>>(2);
  const auto u = call.matrix<const T>(4, m, p), vh = call.matrix<const T>(6, p, n);
  const auto* s = call.vector<const Real<T>>(5);
  const Powers powers = ops::powers_of(call.matrix<const T>(0, m, n), lambda);
  const Filters<Real<T>> of(s, m, n, lambda, powers, call.attrs[0]);
  const ops::RuleInput<T> in(powers, call.matrix<const T>(7, n, k), call.matrix<const T>(1, m, k), call.matrix<const T>(3, n, k),
                             work.rule);
  const Matrix<T> b_tilde = work.b_tilde, x_tilde = work.x_tilde, part = work.part, t = work.t, b_bar = work.b_bar;
  la::gemm<T>(1, Op::adjoint, u, Op::none, read(in.b), 0, b_tilde);
  la::gemm<T>(1, Op::none, vh, Op::none, read(in.g), 0, x_tilde);
  scale_rows(read(x_tilde), part, [&](Index i) { return of(i).solution; });
  la::gemm<T>(1, Op::none, u, Op::none, read(part), 0, b_bar);
  if (call.operand[10] != nullptr) {
    scale_rows(read(x_tilde), part, [&](Index i) { return of(i).inverse * of(i).solution; });
    *call.vector<Real<T>>(10) = std::ldexp(ops::minus_inner(read(part), read(b_tilde)), in.top + powers.solution());
  }
  if (call.operand[8] != nullptr) {
    const auto a_bar = call.matrix<T>(8, m, n);
    la::gemm<T>(-in.small(), Op::none, read(b_bar), Op::adjoint, read(in.x), 0, a_bar);
    // T Nᴴ; what lies outside of V is there only where n > p
    scale_rows(read(b_tilde), part, [&](Index i) { return of(i).inverse; });
    la::gemm<T>(1, Op::none, u, Op::none, read(part), 0, t);
    scale_rows(read(x_tilde), part, [&](Index i) { return Real<T>(of(i).dropped ? 1 : 0) - (n > p ? 1 : 0); });
    la::gemm<T>(1, Op::adjoint, vh, Op::none, read(part), n > p ? 1 : 0, in.g);
    la::gemm<T>(1, Op::none, read(t), Op::adjoint, read(in.g), 1, a_bar);
    // R Zᴴ; what lies outside of U is there only where m > p
    scale_rows(read(b_tilde), part, [&](Index i) { return m > p ? of(i).residual - 1 : of(i).residual; });
    la::gemm<T>(1, Op::none, u, Op::none, read(part), m > p ? 1 : 0, in.b);
    scale_rows(read(x_tilde), part, [&](Index i) { return of(i).inverse; });
    la::gemm<T>(1, Op::adjoint, vh, Op::none, read(part), 0, in.g);
    la::gemm<T>(1, Op::none, read(in.b), Op::adjoint, read(in.g), 1, a_bar);
    ops::Cut cut{0, 0};
    if (of.truncates()) {
      if (const auto info = ops::find_cut(s, m, n, call.attrs[0], cut)) return info;
      ops::add_cut(u, s, vh, cut, read(a_bar), a_bar, work.cut);
    }
    ops::scale(a_bar, in.top);
  }
  in.unscale_b(b_bar);
  return 0;
}

template <class T>
struct NormalWork {
  Svd<T> f;
  Matrix<T> part;
  ops::ThinSvdWork<T> svd;
  ops::Columns<T> columns;
  NormalWork(Arena& arena, const Call& call)
      : f(take_svd<T>(arena, call.dims[0], call.dims[1], nullptr, nullptr, nullptr)),
        part(arena.matrix<T>(std::min(call.dims[0], call.dims[1]), call.dims[2])),
        svd(arena, call.dims[0], call.dims[1]),
        columns(arena, call.dims[2]) {}
};

/// a (m,n), y (n,k), lambda -> z (n,k): Z = (AᴴA + λI)⁺ Y.
// Z = (AᴴA + λ I)⁺ Y = V (η ỹ), and outside of V, Y/λ. With an rcond above rounding, T(A) for A, and nothing outside of its V.
template <class T>
std::int32_t normal_solve_svd(const Call& call, const NormalWork<T>& work) {
  const Index m = call.dims[0], n = call.dims[1], k = call.dims[2], p = std::min(m, n);
  const auto a = call.matrix<const T>(0, m, n), y = call.matrix<const T>(1, n, k);
  const Real<T> lambda = *call.vector<const Real<T>>(2);
  const auto z = call.matrix<T>(3, n, k);
  if (const auto info = ops::check_problem(ops::largest_finite(a), y, lambda)) return info;
  const Svd<T>& f = work.f;
  const Matrix<T> part = work.part;
  const Powers powers = ops::powers_of(a, lambda);
  if (const auto info = ops::thin_svd(a, powers.a, f, work.svd)) return info;
  const Filters<Real<T>> of(f.s, m, n, lambda, powers, call.attrs[0]);
  const Real<T> outside = n > p ? of.outside() : 0;
  return ops::solve_columns(y, powers.normal(), z, z, work.columns, [&] {
    la::gemm<T>(1, Op::none, read(f.vh), Op::none, read(z), 0, part);
    scale_rows(read(z), z, [&](Index) { return outside; });
    scale_rows(read(part), part, [&](Index i) { return of(i).inverse - outside; });
    la::gemm<T>(1, Op::adjoint, read(f.vh), Op::none, read(part), 1, z);
    return z;
  });
}

constexpr Kernel kList[] = {
    {"lstsqSvd", "T(m,n) T(m,k) R() -> T(n,k) T?(m,m^n) R?(m^n) T?(m^n,n)", "r", 20, BS_SINGLE(lstsq_svd, SolveWork)},
    {"lstsqSvd_vjp", "T(m,n) T(m,k) R() T(n,k) T(m,m^n) R(m^n) T(m^n,n) T(n,k) -> T?(m,n) T?(m,k) R?()", "r", 8,
     BS_SINGLE(lstsq_svd_vjp, VjpWork)},
    {"normalSolveSvd", "T(m,n) T(n,k) R() -> T(n,k)", "r", 20, BS_SINGLE(normal_solve_svd, NormalWork)},
};

}  // namespace

BS_LIST(lstsq_svd, kList)

}  // namespace backsolve
