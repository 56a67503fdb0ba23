// Eigenvalues and eigenvectors of W Hermitian matrices side by side, and their adjoints. Equations: native/kernels/eigh.cc.
#include "../blocks/gaps.h"
#include "../fill.h"

namespace backsolve::BS_ISA {
namespace {

template <class L>
struct EighWork : Spectrum<L> {
  EighWork(Arena& arena, const Call& call) : Spectrum<L>(arena, call.dims[0], call.operand[2] != nullptr) {}
};
template <class L>
void eigh(const Call& call, const EighWork<L>& s, std::int32_t* info) {
  using R = typename L::Real;
  const Index n = call.dims[0];
  if (n == 0) return report<R>(~Mask<R>{}, info);
  auto* const w = static_cast<R*>(call.operand[1]);
  s.run(strided<L>(call.operand[0], n, n), w, strided<L>(call.operand[2], n, n));
  restore_exponent(s, w);
  Mask<R> good = trusted(s, w);
  if (call.attrs[0] != 0) good &= load<R>(w) > Vec<R>{};
  report<R>(s.size.finite, Mask<R>{}, good, info);
}

template <class L>
void gap_quotient(const Call& call, const NoWork<L>&, std::int32_t* info) {
  using R = typename L::Real;
  const Index n = call.dims[0];
  copy_lanes<L>(call.operand[1], call.operand[2], n * n);
  const auto out = strided<L>(call.operand[2], n, n);
  report<R>(gap_quotient_of<L>(call.operand[0], out, call.attrs[0], static_cast<int>(call.attrs[1])), info);
}

template <class L>
struct MatrixWork {
  Strided<L> x;
  MatrixWork(Arena& arena, const Call& call) : x(take_strided<L>(arena, call.dims[0], call.dims[0])) {}
};

/// X of Ā = herm(V X Vᴴ) is made Hermitian first, so that the last product is by half.
template <class L>
void eigh_vjp(const Call& call, const MatrixWork<L>& work, std::int32_t* info) {
  using R = typename L::Real;
  const Index n = call.dims[0];
  const auto v = strided<L>(call.operand[1], n, n), out = strided<L>(call.operand[4], n, n);
  const auto* const gw = static_cast<const R*>(call.operand[2]);
  Mask<R> good = ~Mask<R>{};
  if (call.operand[3] != nullptr) {
    product<L>(true, v.transposed(), true, strided<L>(call.operand[3], n, n), false, out);
    good = gap_quotient_of<L>(call.operand[0], out, call.attrs[0], kPhase);
    hermitian_part<L>(out, out);
    for (Index i = 0; gw != nullptr && i < n; ++i) out.set(i, i, L::from_re(L::re(out.get(i, i)) + load<R>(gw + i * W<R>)));
    product<L>(true, v, false, out, false, work.x);
  } else {
    for (Index i = 0; i < n; ++i)
      for (Index j = 0; j < n; ++j) work.x.set(i, j, L::scale(v.get(i, j), gw != nullptr ? load<R>(gw + j * W<R>) : Vec<R>{}));
  }
  hermitian_product<L>(work.x, v, out, call.attrs[1] != 0);
  report<R>(good, info);
}

template <class L>
void eigvalsh_vjp(const Call& call, const MatrixWork<L>& work, std::int32_t* info) {
  using R = typename L::Real;
  const Index n = call.dims[0];
  const auto v = strided<L>(call.operand[1], n, n);
  const auto* const g = static_cast<const R*>(call.operand[2]);
  for (Index i = 0; i < n; ++i)
    for (Index j = 0; j < n; ++j) work.x.set(i, j, L::scale(v.get(i, j), load<R>(g + j * W<R>)));
  hermitian_product<L>(work.x, v, strided<L>(call.operand[3], n, n), call.attrs[0] != 0);
  report<R>(~Mask<R>{}, info);
}

}  // namespace

BS_LANES_KERNEL(eigh, EighWork)
BS_LANES_KERNEL(eigh_vjp, MatrixWork)
BS_LANES_KERNEL(eigvalsh_vjp, MatrixWork)
BS_LANES_KERNEL(gap_quotient, NoWork)

}  // namespace backsolve::BS_ISA
