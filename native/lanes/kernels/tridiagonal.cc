// Tridiagonal equations of W matrices side by side. Equations: native/kernels/tridiagonal.cc.
#include "../blocks/elimination.h"
#include "../fill.h"

namespace backsolve::BS_ISA {
namespace {

template <class L>
struct EliminationWork : Elimination<L> {
  EliminationWork(Arena& arena, const Call& call) : Elimination<L>(arena, call.dims[0]) {}
};
template <class L>
BS_INLINE Mask<typename L::Real> finite_of(Strided<L> x) {
  using R = typename L::Real;
  Vec<R> defect = Vec<R>{};
  for (Index i = 0; i < x.rows * x.cols; ++i) defect += L::defect(L::load(x.at(0, 0) + i * L::planes * W<R>));
  return defect == Vec<R>{};
}

/// Lanes whose elements have lost digits among the subnormal numbers are declined.
template <class L>
void tridiagonal_solve(const Call& call, const EliminationWork<L>& work, std::int32_t* info) {
  using R = typename L::Real;
  const Index n = call.dims[0], k = call.dims[1];
  const Diagonals<L> a{strided<L>(call.operand[0], n, 1), strided<L>(call.operand[1], n, 1), strided<L>(call.operand[2], n, 1), n,
                       call.attrs[0] != 0};
  const auto x = strided<L>(call.operand[4], n, k);
  Mask<R> finite = ~Mask<R>{}, moderate = ~Mask<R>{};
  if (n == 0) return report<R>(finite, info);
  a.judge(finite, moderate);
  finite &= finite_of(strided<L>(call.operand[3], n, k));
  copy_lanes<L>(call.operand[3], call.operand[4], n * k);
  const Mask<R> zero = work.run(a, x);
  report<R>(finite, zero, moderate & finite_of(x), info);
}

}  // namespace

BS_LANES_KERNEL(tridiagonal_solve, EliminationWork)

}  // namespace backsolve::BS_ISA
