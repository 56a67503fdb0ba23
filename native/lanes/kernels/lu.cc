// Solves and inverses of W matrices side by side, and their adjoints. Equations: native/kernels/lu.cc.
#include "../blocks/lu.h"

#include "../fill.h"

namespace backsolve::BS_ISA {
namespace {

template <class L>
void solve(const Call& call, std::int32_t* info) {
  using R = typename L::Real;
  const Index m = call.dims[0], k = call.dims[1];
  const bool adjoint = call.attrs[0] != 0;
  const auto f = factors_of<L>(call, 3, m);
  const auto x = strided<L>(call.operand[2], m, k);
  const Mask<R> finite = finite_lanes<L>(call.operand[1], m * k, finite_lanes<L>(call.operand[0], m * m, ~Mask<R>{}));
  copy_lanes<L>(call.operand[0], f.lu.data, m * m);
  copy_lanes<L>(call.operand[1], x.data, m * k);
  const Mask<R> zero = factor<L>(f.lu, f.pivots, adjoint ? nothing_beside(x) : x);
  const Mask<R> good = adjoint ? solve_adjoint<L>(f.lu, f.pivots, x) : solve_triangle<L>(f.lu, false, false, false, false, x);
  report<R>(finite, zero, good, info);
}

template <class L>
void solve_vjp(const Call& call, std::int32_t* info) {
  using R = typename L::Real;
  const Index m = call.dims[0], k = call.dims[1];
  const bool adjoint = call.attrs[0] != 0;
  const auto x = strided<L>(call.operand[1], m, k), lu = strided<L>(call.operand[2], m, m);
  const auto* const pivots = static_cast<const std::int32_t*>(call.operand[3]);
  void* const at = call.operand[6] != nullptr ? call.operand[6] : call.scratch->take<R>(m * k * L::planes * W<R>);
  const auto b = strided<L>(at, m, k);
  copy_lanes<L>(call.operand[4], at, m * k);
  report<R>(adjoint ? solve_plain<L>(lu, pivots, b) : solve_adjoint<L>(lu, pivots, b), info);
  check_pivots<L>(pivots, m, info);
  if (call.operand[5] == nullptr) return;
  const auto a = strided<L>(call.operand[5], m, m);
  if (adjoint)
    product<L>(false, x, false, b.transposed(), true, a);
  else
    product<L>(false, b, false, x.transposed(), true, a);
}

template <class L>
void inv(const Call& call, std::int32_t* info) {
  using R = typename L::Real;
  const Index n = call.dims[0];
  const Strided<L> lu = strided<L>(call.scratch->take<R>(n * n * L::planes * W<R>), n, n), y = strided<L>(call.operand[1], n, n);
  auto* const pivots = call.scratch->take<std::int32_t>(n * W<R>);
  const Mask<R> finite = finite_lanes<L>(call.operand[0], n * n, ~Mask<R>{});
  copy_lanes<L>(call.operand[0], lu.data, n * n);
  set_diagonal(L::from_re(splat<R>(1)), y);
  const bool adjoint = call.attrs[0] != 0;
  const Mask<R> zero = factor<L>(lu, pivots, adjoint ? nothing_beside(y) : y);
  const Mask<R> good = adjoint ? solve_adjoint<L>(lu, pivots, y) : solve_triangle<L>(lu, false, false, false, false, y);
  report<R>(finite, zero, good, info);
}

// Ā = -Yᴴ Ȳ Yᴴ; adjoint: -Y Ȳᴴ Y
template <class L>
void inv_vjp(const Call& call, std::int32_t* info) {
  using R = typename L::Real;
  const Index n = call.dims[0];
  const bool adjoint = call.attrs[0] != 0;
  auto y = strided<L>(call.operand[0], n, n), g = strided<L>(call.operand[1], n, n);
  const auto t = strided<L>(call.scratch->take<R>(n * n * L::planes * W<R>), n, n);
  (adjoint ? g : y) = (adjoint ? g : y).transposed();
  product<L>(true, y, !adjoint, g, adjoint, t);
  product<L>(false, t, false, y, !adjoint, strided<L>(call.operand[2], n, n));
  report<R>(~Mask<R>{}, info);
}

}  // namespace

BS_LANES_KERNEL(solve)
BS_LANES_KERNEL(solve_vjp)
BS_LANES_KERNEL(inv)
BS_LANES_KERNEL(inv_vjp)

}  // namespace backsolve::BS_ISA
