// Eigenvalues, Schur and Hessenberg forms of W general matrices side by side. Equations: native/kernels/general.cc.
#include "../blocks/eigenvectors.h"
#include "../fill.h"

namespace backsolve::BS_ISA {
namespace {

/// TO := 2^exponent M, side by side; where that is finite.
template <class L>
BS_INLINE Mask<typename L::Real> restore(Strided<L> m, Mask<typename L::Real> exponent, Strided<L> to) {
  using R = typename L::Real;
  const Vec<R> c = power_of_two<R>(exponent);
  Vec<R> defect = Vec<R>{};
  for (Index i = 0; i < m.rows; ++i)
    for (Index j = 0; j < m.cols; ++j) {
      const auto x = L::scale(m.get(i, j), c);
      defect += L::defect(x);
      to.set(i, j, x);
    }
  R* const parts = to.at(0, 0);  // no zero is to tell by its sign of what neighbours needed
  for (Index e = 0; e < m.rows * m.cols * L::planes; ++e) store<R>(parts + e * W<R>, load<R>(parts + e * W<R>) + Vec<R>{});
  return defect == Vec<R>{};
}

template <class L>
struct SchurWork : Schur<L> {
  SchurWork(Arena& arena, const Call& call) : Schur<L>(arena, call.dims[0], true) {}
};
template <class L>
void schur(const Call& call, const SchurWork<L>& s, std::int32_t* info) {
  using R = typename L::Real;
  const Index n = call.dims[0];
  s.run(strided<L>(call.operand[0], n, n));
  const auto good = s.done & restore<L>(s.t, s.exponent, strided<L>(call.operand[1], n, n));
  restore<L>(s.z, Mask<R>{}, strided<L>(call.operand[2], n, n));
  report<R>(s.finite, Mask<R>{}, good, info);
}

template <class L>
struct HessenbergWork : Hessenberg<L> {
  HessenbergWork(Arena& arena, const Call& call) : Hessenberg<L>(arena, call.dims[0], true) {}
};
template <class L>
void hessenberg(const Call& call, const HessenbergWork<L>& work, std::int32_t* info) {
  using R = typename L::Real;
  const Index n = call.dims[0];
  const auto q = strided<L>(call.operand[2], n, n);
  Mask<R> finite, exponent;
  work.place(strided<L>(call.operand[0], n, n), finite, exponent);
  work.reduce();
  const auto good = restore<L>(work.a, exponent, strided<L>(call.operand[1], n, n));
  work.form(q);
  report<R>(finite, Mask<R>{}, good, info);
}

template <class L>
struct EigWork {
  using R = typename L::Real;
  Schur<L> schur;
  R* d;
  Eigenvectors<L> vectors;
  EigWork(Arena& arena, const Call& call) : EigWork(arena, call.dims[0], call.operand[2] != nullptr) {}
  EigWork(Arena& arena, Index n, bool with_vectors)
      : schur(arena, n, with_vectors), d(arena.take<R>(n * W<R>)), vectors(arena, with_vectors ? n : 0) {}

  /// Lanes in which a small element has lost digits as the largest was brought to 1: rows may be in other units.
  BS_INLINE Mask<R> small_lost(Strided<L> a) const {
    if (!any<R>(schur.exponent > 0)) return Mask<R>{};
    Vec<R> least = splat<R>(Ieee<R>::max);
    for (Index i = 0; i < a.rows; ++i)
      for (Index j = 0; j < a.rows; ++j) {
        const Vec<R> size = L::size1(a.get(i, j));
        least = ((size < least) & (size > Vec<R>{})) ? size : least;
      }
    return (schur.exponent > 0) & (least * power_of_two<R>(-schur.exponent) < splat<R>(2 * Ieee<R>::min_normal));
  }
  /// Eigenvalues; which lanes the single kernel need not compute: Balance.
  BS_INLINE Mask<R> values(const Call& call) const {
    using C = ComplexOf<L>;
    const Index n = call.dims[0];
    schur.place(strided<L>(call.operand[0], n, n));
    const Mask<R> declined = small_lost(strided<L>(call.operand[0], n, n)) | Balance<L>{schur.t, d}.run(schur.exponent);
    schur.reduce();
    const auto w = strided<C>(call.operand[1], 1, n);
    for (Index i = 0; i < n; ++i) {
      if constexpr (L::planes == 1)
        w.set(0, i, {load<R>(schur.re + i * W<R>), load<R>(schur.im + i * W<R>)});
      else
        w.set(0, i, schur.t.get(i, i));
    }
    return schur.done & ~declined & restore<C>(w, schur.exponent, w);
  }
};
template <class L>
struct EigvalsWork : EigWork<L> {
  EigvalsWork(Arena& arena, const Call& call) : EigWork<L>(arena, call.dims[0], false) {}
};

template <class L>
void eigvals(const Call& call, const EigvalsWork<L>& work, std::int32_t* info) {
  using R = typename L::Real;
  const Mask<R> good = work.values(call);
  report<R>(work.schur.finite, Mask<R>{}, good, info);
}
template <class L>
void eig(const Call& call, const EigWork<L>& work, std::int32_t* info) {
  using R = typename L::Real;
  const Index n = call.dims[0];
  Mask<R> good = work.values(call);
  if (call.operand[2] != nullptr) good &= work.vectors.run(work.schur, work.d, strided<ComplexOf<L>>(call.operand[2], n, n));
  report<R>(work.schur.finite, Mask<R>{}, good, info);
}

}  // namespace

BS_LANES_KERNEL(schur, SchurWork)
BS_LANES_KERNEL(hessenberg, HessenbergWork)
BS_LANES_KERNEL(eig, EigWork)
BS_LANES_KERNEL(eigvals, EigvalsWork)

}  // namespace backsolve::BS_ISA
