// Eigenvalues, Schur and Hessenberg forms of general matrices, and the quotients of the eigenvectors' rule. docs/derivations/eig.md
#include "../base/lapack/general.h"

#include "gaps.h"
#include "list.h"
#include "schur.h"

namespace backsolve {
namespace {

using ops::Policy, ops::read;

template <class T>
using Complex = std::complex<Real<T>>;

/// TO = 2^power Aᵀ: a row-major matrix by columns, and back.
template <class T>
void transpose(Matrix<const T> a, int power, Matrix<T> to) {
  constexpr Index kTile = 16;
  for (Index i = 0; i < a.rows; i += kTile)
    for (Index j = 0; j < a.cols; j += kTile)
      for (Index p = i; p < std::min(i + kTile, a.rows); ++p)
        for (Index q = j; q < std::min(j + kTile, a.cols); ++q) to(q, p) = a(p, q);
  ops::scale(to, power);
}

template <class T>
struct EigWork {
  Matrix<T> a, v;
  Complex<T>* w;
  Real<T>* reals;
  T* work;
  Index count;
  bool fits;
  EigWork(Arena& arena, const Call& call) : EigWork(arena, call.dims[0], call.operand[2] != nullptr) {}
  EigWork(Arena& arena, Index n, bool vectors) : count(la::general_work(n)), fits(la::fits(count)) {
    const Index k = fits ? n : 0;
    a = arena.matrix<T>(k, k);
    v = arena.matrix<T>(vectors ? k : 0, vectors ? k : 0);
    w = arena.take<Complex<T>>(k);
    reals = arena.take<Real<T>>(2 * k);
    work = arena.take<T>(fits ? count : 0);
  }
};
template <class T>
struct EigvalsWork : EigWork<T> {
  EigvalsWork(Arena& arena, const Call& call) : EigWork<T>(arena, call.dims[0], false) {}
};

template <class T>
std::int32_t spectrum_of(const Call& call, const EigWork<T>& work) {
  const Index n = call.dims[0];
  const auto a = call.matrix<const T>(0, n, n);
  auto* const w = call.vector<Complex<T>>(1);
  if (!work.fits) return make_info(Fail::too_large);
  if (!ops::all_finite(a)) return make_info(Fail::not_finite);
  const int power = ops::power_for(ops::largest_part(a));
  transpose(a, power, work.a);
  const la::Int info = la::geev(n, work.v.rows > 0, work.a.data, w, work.v.data, work.work, work.count, work.reals);
  if (info != 0) return make_info(Fail::no_convergence, info);
  for (Index i = 0; i < n && power != 0; ++i) {
    w[i] = ops::times_power(w[i], -power);
    if (!ops::finite(w[i])) return make_info(Fail::overflow, i + 1);
  }
  return 0;
}
/// a (n,n) -> w (n) complex. Fails: not_finite, too_large, no_convergence, overflow (which).
template <class T>
std::int32_t eigvals(const Call& call, const EigvalsWork<T>& work) {
  return spectrum_of(call, work);
}
/// a (n,n) -> w (n), v (n,n) complex: A V = V diag(w), columns of V of 2-norm 1, their largest elements real; v may be null. Fails as
/// eigvals, overflow also where vectors cannot be computed.
template <class T>
std::int32_t eig(const Call& call, const EigWork<T>& work) {
  const Index n = call.dims[0];
  const auto info = spectrum_of(call, work);
  if (info != 0 || call.operand[2] == nullptr) return info;
  const auto v = call.matrix<Complex<T>>(2, n, n);
  if constexpr (ops::kComplex<T>) {
    transpose(read(work.v), 0, v);
  } else {
    for (Index j = 0; j < n; ++j) {
      const bool pair = work.reals[n + j] != 0;  // by its imaginary part before the scaling, which may take it
      for (Index i = 0; i < n; ++i) v(i, j) = {work.v(j, i), pair ? work.v(j + 1, i) : 0};
      if (!pair) continue;
      for (Index i = 0; i < n; ++i) v(i, j + 1) = std::conj(v(i, j));
      ++j;
    }
  }
  return ops::check_answer(read(v));  // LAPACK's substitution can overflow, of a chain of eigenvalues that are all 0
}

template <class T>
struct SchurFormWork : ops::SchurWork<T> {
  SchurFormWork(Arena& arena, const Call& call) : ops::SchurWork<T>(arena, call.dims[0]) {}
};
/// a (n,n) -> t, z (n,n): A = Z T Zᴴ, T upper triangular, of a real A with blocks of 2 on the diagonal. Fails: not_finite, too_large,
/// no_convergence, overflow.
template <class T>
std::int32_t schur(const Call& call, const SchurFormWork<T>& work) {
  const Index n = call.dims[0];
  const auto a = call.matrix<const T>(0, n, n);
  const auto t = call.matrix<T>(1, n, n);
  if (!work.fits) return make_info(Fail::too_large);
  if (!ops::all_finite(a)) return make_info(Fail::not_finite);
  const int power = ops::power_for(ops::largest_part(a));
  transpose(a, power, work.form.l);  // of Aᵀ = Wᴴ L W, A = Wᵀ Lᵀ conj(W)
  if (const auto info = ops::schur_form(work); info != 0) return info;
  transpose(read(work.form.l), -power, t);
  for (Index i = 0; i < n; ++i) std::fill_n(&t(i, 0), std::max<Index>(0, ops::kComplex<T> ? i : i - 1), T(0));
  transpose(read(work.form.w), 0, call.matrix<T>(2, n, n));
  return ops::check_answer(read(t));
}

template <class T>
struct HessenbergWork {
  Matrix<T> a;
  T *tau, *work;
  Index count;
  bool fits;
  HessenbergWork(Arena& arena, const Call& call) : count(la::general_work(call.dims[0])), fits(la::fits(count)) {
    const Index k = fits ? call.dims[0] : 0;
    a = arena.matrix<T>(k, k);
    tau = arena.take<T>(k);
    work = arena.take<T>(fits ? count : 0);
  }
};
/// a (n,n) -> h, q (n,n): A = Q H Qᴴ, H zero below its subdiagonal. Fails: not_finite, too_large, overflow.
template <class T>
std::int32_t hessenberg(const Call& call, const HessenbergWork<T>& work) {
  const Index n = call.dims[0];
  const auto a = call.matrix<const T>(0, n, n);
  const auto h = call.matrix<T>(1, n, n);
  if (!work.fits) return make_info(Fail::too_large);
  if (!ops::all_finite(a)) return make_info(Fail::not_finite);
  const int power = ops::power_for(ops::largest_part(a));
  transpose(a, power, work.a);
  la::gehrd(n, work.a.data, work.tau, work.work, work.count);
  transpose(read(work.a), -power, h);
  for (Index i = 2; i < n; ++i) std::fill_n(&h(i, 0), i - 1, T(0));
  la::unghr(n, work.a.data, work.tau, work.work, work.count);
  transpose(read(work.a), 0, call.matrix<T>(2, n, n));
  return ops::check_answer(read(h));
}

template <class T>
struct InverseWork {
  Matrix<T> f;
  ops::Pivot* pivots;
  InverseWork(Arena& arena, const Call& call)
      : f(arena.matrix<T>(call.dims[0], call.dims[0])), pivots(arena.take<ops::Pivot>(call.dims[0])) {}
};
/// v (n,n) -> y (n,n) = V⁻¹; infinite where V is singular.
template <class T>
std::int32_t eig_inverse(const Call& call, const InverseWork<T>& work) {
  const Index n = call.dims[0];
  const auto y = call.matrix<T>(1, n, n);
  ops::copy(call.matrix<const T>(0, n, n), work.f);
  ops::set_identity(y);
  ops::lu(work.f, work.pivots);
  if (ops::zero_pivot(read(work.f)) != 0)
    std::fill_n(y.data, n * n, T(std::numeric_limits<Real<T>>::infinity()));
  else
    ops::lu_solve(read(work.f), work.pivots, false, y);
  return 0;
}

/// Which eigenvalues of an A of that size are equal for all that their computation can tell: A, whose largest element `norm` is, is known
/// to 4 n ε of it, and eigenvalue i moves by 1/s_i times that.
template <class T>
struct Likeness {
  using R = Real<T>;
  static constexpr R kEps = std::numeric_limits<R>::epsilon(), kStep = std::numeric_limits<R>::denorm_min();
  Index n;
  const T* w;
  const R* s;
  R unit;
  Likeness(Index count, const T* values, const R* reciprocals, R norm)
      : n(count), w(values), s(reciprocals), unit(R(4 * count) * (kEps * norm + kStep)) {}
  R better(Index i, Index j) const { return std::max(s[i], s[j]); }
  bool equal(Index i, Index j) const { return !(std::abs(w[j] - w[i]) * better(i, j) > unit); }
  /// Whether their vectors are parallel, besides: those of a Jordan block that rounding has split lie √ε apart.
  bool defective(Index i, Index j) const { return equal(i, j) && better(i, j) < R(8 * n) * std::sqrt(kEps); }
  /// The first eigenvalue, counted from 1, that has no vector of its own; 0: none.
  Index first_defective() const {
    for (Index i = 0; i < n; ++i)
      for (Index j = i + 1; j < n; ++j)
        if (defective(i, j)) return i + 1;
    return 0;
  }
};

/// x (n,n), w (n), s (n) real, size, norm real -> q (n,n): q_ij = x_ij / conj(w_j - w_i), 0 on the diagonal. x, of numbers of that `size`,
/// must vanish where eigenvalues of an A of that `norm` are equal, and the imaginary part of its diagonal, by `checks`, everywhere. attrs
/// [degenerate, checks: kPhase, kStrict]. Fails: equal_complex, phase (which).
template <class T>
std::int32_t eig_gaps(const Call& call, const NoWork<T>&) {
  using R = Real<T>;
  const Index n = call.dims[0];
  const auto x = call.matrix<const T>(0, n, n);
  const auto q = call.matrix<T>(5, n, n);
  const auto policy = static_cast<Policy>(call.attrs[0]);
  const int checks = static_cast<int>(call.attrs[1]);
  const Likeness<T> like(n, call.vector<const T>(1), call.vector<const R>(2), *call.vector<const R>(4));
  const R noise = R(8 * n) * (Likeness<T>::kEps * std::abs(*call.vector<const R>(3)) + Likeness<T>::kStep);
  const R nan = std::numeric_limits<R>::quiet_NaN();
  for (Index i = 0; i < n; ++i) {
    q(i, i) = 0;
    if constexpr (ops::kComplex<T>) {
      if ((checks & ops::kPhase) != 0 && policy != Policy::mask && std::abs(x(i, i).imag()) > 128 * noise) {
        if (policy == Policy::raise) return make_info(Fail::phase, i + 1);
        q(i, i) = nan;
      }
    }
    for (Index j = 0; j < n; ++j) {
      if (i == j) continue;
      if (!like.equal(i, j)) {
        q(i, j) = x(i, j) == T(0) ? T(0) : x(i, j) / ops::conj(like.w[j] - like.w[i]);
      } else if (policy == Policy::mask || ((checks & ops::kStrict) == 0 && std::abs(x(i, j)) <= noise)) {
        q(i, j) = 0;
      } else if (policy == Policy::raise) {
        return make_info(Fail::equal_complex, std::min(i, j) + 1);
      } else {
        q(i, j) = nan;
      }
    }
  }
  return 0;
}
/// y (n,n), w (n), s (n) real, norm real -> y (n,n), where there is a basis of eigenvectors. attrs [degenerate], of which "mask" fails,
/// too. Fails: equal_complex (which).
template <class T>
std::int32_t eig_basis(const Call& call, const NoWork<T>&) {
  using R = Real<T>;
  const Index n = call.dims[0];
  const auto out = call.matrix<T>(4, n, n);
  const Likeness<T> like(n, call.vector<const T>(1), call.vector<const R>(2), *call.vector<const R>(3));
  const Index bad = like.first_defective();
  if (bad != 0 && static_cast<Policy>(call.attrs[0]) != Policy::nan) return make_info(Fail::equal_complex, bad);
  ops::copy(call.matrix<const T>(0, n, n), out);
  for (Index i = 0; i < n && bad != 0; ++i) std::fill_n(&out(i, 0), n, T(std::numeric_limits<R>::quiet_NaN()));
  return 0;
}

constexpr Limits kGeneral{.declines = true, .many = 224}, kHessenberg{.narrow = 24, .declines = true, .many = 160};
constexpr Kernel kList[] = {
    {"eig", "T(n,n) -> C(n) C?(n,n)", "", 60, BS_SINGLE(eig, EigWork), Lanes::eig, kGeneral},
    {"eigvals", "T(n,n) -> C(n)", "", 25, BS_SINGLE(eigvals, EigvalsWork), Lanes::eigvals, kGeneral},
    {"schur", "T(n,n) -> T(n,n) T(n,n)", "", 50, BS_SINGLE(schur, SchurFormWork), Lanes::schur, kGeneral},
    {"hessenberg", "T(n,n) -> T(n,n) T(n,n)", "", 10, BS_SINGLE(hessenberg, HessenbergWork), Lanes::hessenberg, kHessenberg},
    {"eigInverse", "T(n,n) -> T(n,n)", "", 2.7, BS_SINGLE(eig_inverse, InverseWork)},
    {"eigGaps", "T(n,n) T(n) R(n) R() R() -> T(n,n)", "23", 1.0 / 32, BS_SINGLE(eig_gaps, NoWork)},
    {"eigBasis", "T(n,n) T(n) R(n) R() -> T(n,n)", "2", 1.0 / 32, BS_SINGLE(eig_basis, NoWork)},
};

}  // namespace

BS_LIST(general, kList)

}  // namespace backsolve
