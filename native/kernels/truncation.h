// The derivatives of T(A) = U₁ S₁ V₁ᴴ, the part of A = U S Vᴴ whose singular values lie above the cut. docs/derivations/least-squares.md
#pragma once
#include "least_squares.h"

namespace backsolve::ops {

template <class T>
struct Svd {
  Matrix<T> u, vh;
  Real<T>* s;
};
/// Nothing where LAPACK's integers do not hold the sizes.
template <class T>
struct ThinSvdWork {
  la::SvdWork sizes;
  Matrix<T> copy;
  T* lapack;
  Real<T>* reals;
  la::Int* integers;
  ThinSvdWork(Arena& arena, Index m, Index n) : sizes(la::gesdd_work(m, n, kComplex<T>)) {
    copy = arena.matrix<T>(sizes.fits ? m : 0, sizes.fits ? n : 0);
    lapack = arena.take<T>(sizes.fits ? sizes.work : 0);
    reals = arena.take<Real<T>>(sizes.fits ? sizes.reals : 0);
    integers = arena.take<la::Int>(sizes.fits ? sizes.integers : 0);
  }
};
/// A = U diag(s) Vᴴ with min(m, n) singular values, of 2^power A.
template <class T>
std::int32_t thin_svd(Matrix<const T> a, int power, Svd<T> f, const ThinSvdWork<T>& work) {
  if (!work.sizes.fits) return make_info(Fail::too_large);
  scale(a, power, work.copy);
  const la::Int info = la::gesdd(la::Vectors::thin, work.copy, f.s, f.u, f.vh, work.lapack, work.sizes.work, work.reals, work.integers);
  return info == 0 ? 0 : make_info(Fail::no_convergence, info);
}

/// Whether rcond cuts more than rounding. Only then is what it cuts told from zero.
template <class R>
bool truncates(double rcond, Index m, Index n) {
  return rcond > relative_cut(-1, m, n, std::numeric_limits<R>::epsilon());
}

/// Singular values [0, kept) are above the cut, [kept, rank) below it, the others zero but for rounding.
struct Cut {
  Index kept, rank;
};
/// Fails where a singular value lies at the cut, to within rounding: T jumps there. So does a gap between kept and cut values that closes.
template <class R>
std::int32_t find_cut(const R* s, Index m, Index n, double rcond, Cut& out) {
  const Index p = std::min(m, n);
  constexpr R kEps = std::numeric_limits<R>::epsilon();
  out = {0, 0};
  if (p == 0 || s[0] == 0) return 0;
  const R cut = static_cast<R>(relative_cut(rcond, m, n, kEps)) * s[0], noise = static_cast<R>(relative_cut(-1, m, n, kEps)) * s[0];
  const bool any = s[0] > cut;  // with rcond of 1 and more nothing is kept, at any A
  for (Index i = 0; i < p; ++i) {
    if (any && cut > noise && std::abs(s[i] - cut) <= noise) return make_info(Fail::cut, i + 1);
    if (s[i] > cut) out.kept = i + 1;
    if (s[i] > noise) out.rank = i + 1;
  }
  out.rank = std::max(out.rank, out.kept);
  return 0;
}

template <class T>
struct CutWork {
  Matrix<T> c, delta;
  T* work;
  CutWork(Arena& arena, Index m, Index n)
      : c(arena.matrix<T>(std::min(m, n), std::min(m, n))),
        delta(arena.matrix<T>(std::min(m, n), std::min(m, n))),
        work(arena.take<T>(std::min(m, n) * std::max(m, n))) {}
};
/// D += U Δ Vᴴ, what the singular values that were cut and are not zero add to DT(A)[E]: with C = Uᴴ E V, for a kept i and a cut j,
///   Δ_ij = s_j (s_j C_ij + s_i conj(C_ji)) / (s_i² - s_j²), Δ_ji likewise. D may be E.
template <class T>
void add_cut(Matrix<const T> u, const Real<T>* s, Matrix<const T> vh, const Cut& cut, Matrix<const T> e, Matrix<T> d,
             const CutWork<T>& space) {
  const Index m = d.rows, n = d.cols, p = std::min(m, n);
  const Matrix<T> c = space.c, delta = space.delta;
  T* const work = space.work;
  if (cut.kept == 0 || cut.rank == cut.kept) return;
  const Matrix<T> ue{work, p, n, n}, ud{work, m, p, p};
  la::gemm<T>(1, la::Op::adjoint, u, la::Op::none, e, 0, ue);
  la::gemm<T>(1, la::Op::none, read(ue), la::Op::adjoint, vh, 0, c);
  std::fill_n(delta.data, p * p, T(0));
  for (Index i = 0; i < cut.kept; ++i) {
    for (Index j = cut.kept; j < cut.rank; ++j) {
      const Real<T> big = s[i], small = s[j], factor = small / ((big - small) * (big + small));
      delta(i, j) = factor * (small * c(i, j) + big * conj(c(j, i)));
      delta(j, i) = factor * (small * c(j, i) + big * conj(c(i, j)));
    }
  }
  la::gemm<T>(1, la::Op::none, u, la::Op::none, read(delta), 0, ud);
  la::gemm<T>(1, la::Op::none, read(ud), la::Op::none, vh, 1, d);
}

}  // namespace backsolve::ops
