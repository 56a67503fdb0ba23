// Eigenvalues and eigenvectors of Hermitian matrices, and their reverse sweep. docs/derivations/eigh.md
#include "eigen.h"
#include "gaps.h"
#include "list.h"

namespace backsolve {
namespace {

using ops::conj;
using ops::read;
using ops::real;

using ops::Policy;

// TensorFlow's form: the lower triangle stands for both.
template <class T>
void onto_lower(Matrix<T> a) {
  for (Index i = 0; i < a.rows; ++i)
    for (Index j = 0; j < a.cols; ++j)
      if (j != i) a(i, j) = j < i ? Real<T>(2) * a(i, j) : T(0);
}

template <class T>
struct OwnWork : ops::SpectrumWork<T> {
  OwnWork(Arena& arena, const Call& call) : ops::SpectrumWork<T>(arena, call.dims[0]) {}
};

/// a (n,n) -> w (n) real ascending, v (n,n): A = V diag(w) Vᴴ; only the lower triangle of a is read; v may be null. dims {n}.
/// attrs [bound on the eigenvalues: 0 any, 1 nonnegative, 2 positive].
/// Fails: not_finite, no_convergence, too_large, overflow, not_definite (which).
template <class T>
std::int32_t eigh(const Call& call, const OwnWork<T>& work) {
  const Index n = call.dims[0];
  const auto a = call.matrix<const T>(0, n, n);
  auto* const w = call.vector<Real<T>>(1);
  const ops::Exponent exponent = ops::spectrum_exponent(a);
  const auto bound = static_cast<ops::Bound>(call.attrs[0]);
  if (const auto info = ops::spectrum(a, exponent, w, call.matrix<T>(2, n, n), bound, work)) return info;
  return ops::restore_exponent(w, n, exponent);
}

/// w (n) real, m (n,n) -> q (n,n), q_ij = m_ij / (w_j - w_i), 0 on the diagonal. attrs [degenerate, checks: 1 the phases of eigenvectors,
/// 2 every pair is looked at, even where m is 0]. Fails as eigh_vjp.
template <class T>
std::int32_t gap_quotient(const Call& call, const NoWork<T>&) {
  const Index n = call.dims[0];
  const auto out = call.matrix<T>(2, n, n);
  ops::copy(call.matrix<const T>(1, n, n), out);
  return ops::gap_quotient_of(call.vector<const Real<T>>(0), out, ops::largest_magnitude(read(out)), static_cast<Policy>(call.attrs[0]),
                              static_cast<int>(call.attrs[1]));
}

template <class T>
struct VjpWork {
  Matrix<T> x, work;
  VjpWork(Arena& arena, const Call& call)
      : x(arena.matrix<T>(call.dims[0], call.dims[0])), work(arena.matrix<T>(call.dims[0], call.dims[0])) {}
};

/// w, v, gw (n), gv (n,n) -> a (n,n); gw or gv may be null. attrs [degenerate: 0 fail, 1 NaN, 2 mask, lower].
/// Fails: degenerate (first of the pair), phase (which vector).
// Ā = herm(V (diag(w̄) + F ∘ (Vᴴ V̄)) Vᴴ) (Giles 2008, section 3.1; herm as for any Hermitian argument)
template <class T>
std::int32_t eigh_vjp(const Call& call, const VjpWork<T>& space) {
  const Index n = call.dims[0];
  const auto* w = call.vector<const Real<T>>(0);
  const auto v = call.matrix<const T>(1, n, n);
  const auto* gw = call.vector<const Real<T>>(2);
  const auto out = call.matrix<T>(4, n, n);
  const Matrix<T> x = space.x, work = space.work;
  if (call.operand[3] != nullptr) {
    la::gemm<T>(1, la::Op::adjoint, v, la::Op::none, call.matrix<const T>(3, n, n), 0, x);
    if (const auto info = ops::gap_quotient_of(w, x, ops::largest_magnitude(read(x)), static_cast<Policy>(call.attrs[0]), ops::kPhase))
      return info;
  } else {
    std::fill_n(x.data, n * n, T(0));
  }
  if (gw != nullptr)
    for (Index i = 0; i < n; ++i) x(i, i) += gw[i];
  ops::congruence(la::Op::none, v, read(x), work, out);
  ops::symmetrize(out);
  if (call.attrs[1] != 0) onto_lower(out);
  return 0;
}

template <class T>
struct ValuesVjpWork {
  Matrix<T> x;
  ValuesVjpWork(Arena& arena, const Call& call) : x(arena.matrix<T>(call.dims[0], call.dims[0])) {}
};

/// a (not read), v (n,n), g (n) -> a (n,n). attrs [lower].
// Ā = V diag(w̄) Vᴴ
template <class T>
std::int32_t eigvalsh_vjp(const Call& call, const ValuesVjpWork<T>& work) {
  const Index n = call.dims[0];
  const auto v = call.matrix<const T>(1, n, n);
  const auto* g = call.vector<const Real<T>>(2);
  const auto out = call.matrix<T>(3, n, n);
  const Matrix<T> x = work.x;
  for (Index i = 0; i < n; ++i)
    for (Index j = 0; j < n; ++j) x(i, j) = v(i, j) * g[j];
  la::gemm<T>(1, la::Op::none, read(x), la::Op::adjoint, v, 0, out);
  ops::symmetrize(out);
  if (call.attrs[0] != 0) onto_lower(out);
  return 0;
}

// Products of one matrix are fast by themselves: in short registers adjoints leave lanes early.
constexpr Limits kSpectrum{.narrow = 96, .declines = true, .many = 224}, kAdjoint{.narrow = 32, .declines = true, .many = 224};
constexpr Kernel kList[] = {
    {"eigh", "T(n,n) -> R(n) T?(n,n)", "2", 9, BS_SINGLE(eigh, OwnWork), Lanes::eigh, kSpectrum},
    {"eigh_vjp", "R(n) T(n,n) R?(n) T?(n,n) -> T(n,n)", "21", 6, BS_SINGLE(eigh_vjp, VjpWork), Lanes::eigh_vjp, kAdjoint},
    {"eigvalsh_vjp",
     "T(n,n) T(n,n) R(n) -> T(n,n)",
     "1",
     2,
     BS_SINGLE(eigvalsh_vjp, ValuesVjpWork),
     Lanes::eigvalsh_vjp,
     {.narrow = 32, .many = 224}},
    {"gapQuotient", "R(n) T(n,n) -> T(n,n)", "23", 1.0 / 32, BS_SINGLE(gap_quotient, NoWork), Lanes::gap_quotient, {.declines = true}},
};

}  // namespace

BS_LIST(eigh, kList)

}  // namespace backsolve
