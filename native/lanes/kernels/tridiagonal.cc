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

/// Row i of A B for Q columns of B from j on, which stand in registers from one row to the next.
template <class L, int Q>
__attribute__((noinline)) void multiply(Strided<L> dl, Strided<L> d, Strided<L> du, Strided<L> b, Index j, Strided<L> y) {
  using E = typename L::Element;
  E before[Q], here[Q];
  for (int q = 0; q < Q; ++q) before[q] = L::from_re(Vec<typename L::Real>{}), here[q] = b.get(0, j + q);
  for (Index i = 0; i < b.rows; ++i) {
    const bool last = i + 1 == b.rows;
    const E on = L::negate(d.get(i, 0)), below = i > 0 ? L::negate(dl.get(i, 0)) : on, above = last ? on : L::negate(du.get(i, 0));
    for (int q = 0; q < Q; ++q) {
      E sum = L::mul(d.get(i, 0), here[q]);
      if (i > 0) sum = L::minus(sum, below, before[q]);
      before[q] = here[q];
      if (!last) {
        here[q] = b.get(i + 1, j + q);
        sum = L::minus(sum, above, here[q]);
      }
      y.set(i, j + q, sum);
    }
  }
}
template <class L>
void tridiagonal_matmul(const Call& call, const NoWork<L>&, std::int32_t* info) {
  const Index n = call.dims[0], k = call.dims[1];
  const auto dl = strided<L>(call.operand[0], n, 1), d = strided<L>(call.operand[1], n, 1), du = strided<L>(call.operand[2], n, 1);
  const auto b = strided<L>(call.operand[3], n, k), y = strided<L>(call.operand[4], n, k);
  constexpr int B = L::block;
  Index j = 0;
  if (n > 0) {
    BS_BLOCKS(j, k, B, (multiply<L, B>(dl, d, du, b, j, y)), (multiply<L, 1>(dl, d, du, b, j, y)))
  }
  report<typename L::Real>(~Mask<typename L::Real>{}, info);
}

}  // namespace

BS_LANES_KERNEL(tridiagonal_solve, EliminationWork)
BS_LANES_KERNEL(tridiagonal_matmul, NoWork)

}  // namespace backsolve::BS_ISA
