// Bunch-Kaufman factors of W Hermitian matrices side by side, and solves with them. Equations: native/kernels/ldl.cc.
#include "../blocks/bunch_kaufman.h"
#include "../fill.h"

namespace backsolve::BS_ISA {
namespace {

template <class L>
struct FactorWork {
  Strided<L> own, next, last;
  FactorWork(Arena& arena, const Call& call)
      : own(take_strided<L>(arena, 1, call.dims[0])),
        next(take_strided<L>(arena, 1, call.dims[0])),
        last(take_strided<L>(arena, 1, call.dims[0])) {}
};
template <class L>
void ldl_factor(const Call& call, const FactorWork<L>& work, std::int32_t* info) {
  using R = typename L::Real;
  const Index n = call.dims[0];
  const auto zero = L::from_re(Vec<R>{});
  const auto a = strided<L>(call.operand[0], n, n), l = strided<L>(call.operand[1], n, n), d = strided<L>(call.operand[2], n, n);
  Mask<R> finite = ~Mask<R>{};
  Vec<R> most = Vec<R>{};
  for (Index i = 0; i < n; ++i)
    for (Index j = 0; j < n; ++j) {
      const auto x = j < i ? a.get(i, j) : j == i ? L::from_re(L::re(a.get(i, i))) : zero;
      const Vec<R> size = L::size1(x);
      finite &= L::finite(x);
      most = size > most ? size : most;
      l.set(i, j, x);
      d.set(i, j, zero);
    }
  BunchKaufman<L> problem{l, d, work.own, work.next, work.last, static_cast<std::int32_t*>(call.operand[3])};
  problem.run();
  for (Index i = 0; i < n; ++i) l.set(i, i, L::from_re(splat<R>(1)));
  // where no element has all its digits, the single kernel scales
  const Mask<R> moderate = (most >= 128 * Ieee<R>::min_normal) | (most == Vec<R>{});
  const Mask<R> good = finite_lanes<L>(d.data, n * n, finite_lanes<L>(l.data, n * n, moderate));
  report<R>(finite, Mask<R>{}, good, info);
}

template <class L>
void ldl_solve(const Call& call, const NoWork<L>&, std::int32_t* info) {
  using R = typename L::Real;
  const Index n = call.dims[0], k = call.dims[1];
  const auto l = strided<L>(call.operand[0], n, n), d = strided<L>(call.operand[1], n, n), x = strided<L>(call.operand[4], n, k);
  const auto* const pivots = static_cast<const std::int32_t*>(call.operand[2]);
  Mask<R> finite = finite_lanes<L>(call.operand[3], n * k, finite_lanes<L>(call.operand[1], n * n, ~Mask<R>{}));
  for (Index i = 0; i < n; ++i) finite = finite_lanes<L>(l.at(i, 0), i, finite);
  copy_lanes<L>(call.operand[3], x.data, n * k);
  for (Index s = 0; s < n; ++s) swap_rows<L>(x, s, pivots, k, k);
  solve_triangle<L>(l, true, false, false, true, x);
  const Mask<R> good = divide_blocks<L>(d, x);
  solve_triangle<L>(l, true, true, true, true, x);
  for (Index s = n - 1; s >= 0; --s) swap_rows<L>(x, s, pivots, k, k);
  report<R>(finite, Mask<R>{}, finite_lanes<L>(x.data, n * k, good), info);
  check_pivots<L>(pivots, n, n, info);
}

template <class L>
void ldl_divide(const Call& call, const NoWork<L>&, std::int32_t* info) {
  using R = typename L::Real;
  const Index n = call.dims[0], k = call.dims[1];
  const auto x = strided<L>(call.operand[2], n, k);
  const Mask<R> finite = finite_lanes<L>(call.operand[1], n * k, finite_lanes<L>(call.operand[0], n * n, ~Mask<R>{}));
  copy_lanes<L>(call.operand[1], x.data, n * k);
  const Mask<R> good = divide_blocks<L>(strided<L>(call.operand[0], n, n), x);
  report<R>(finite, Mask<R>{}, finite_lanes<L>(x.data, n * k, good), info);
}

/// Of M what lies in the blocks of D, or below them.
template <class L>
void ldl_blocks(const Call& call, const NoWork<L>&, std::int32_t* info) {
  using R = typename L::Real;
  const Index n = call.dims[0];
  const bool diagonal = call.attrs[0] != 0;
  const auto zero = L::from_re(Vec<R>{});
  const auto m = strided<L>(call.operand[0], n, n), out = strided<L>(call.operand[2], n, n);
  for (Index i = 0; i < n; ++i)
    for (Index j = 0; j < n; ++j) out.set(i, j, diagonal ? (i == j ? m.get(i, j) : zero) : (j < i ? m.get(i, j) : zero));
  for_blocks<L>(strided<L>(call.operand[1], n, n), [&](Index k, Mask<R> pair, Mask<R>) {
    if (!any<R>(pair)) return;
    out.set(k + 1, k, L::pick(pair, diagonal ? m.get(k + 1, k) : zero, out.get(k + 1, k)));
    if (diagonal) out.set(k, k + 1, L::pick(pair, m.get(k, k + 1), zero));
  });
  report<R>(~Mask<R>{}, info);
}

}  // namespace

BS_LANES_KERNEL(ldl_factor, FactorWork)
BS_LANES_KERNEL(ldl_solve, NoWork)
BS_LANES_KERNEL(ldl_divide, NoWork)
BS_LANES_KERNEL(ldl_blocks, NoWork)

}  // namespace backsolve::BS_ISA
