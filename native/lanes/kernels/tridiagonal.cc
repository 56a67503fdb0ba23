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

/// A system with one right-hand side, of order N: what Elimination computes, in its order, from registers to registers.
template <class L, int N>
struct SmallSystem {
  using R = typename L::Real;
  using E = typename L::Element;
  E lower[N], on[N], upper[N], second[N], by[N], y[N];
  Vec<R> most = Vec<R>{}, defect = Vec<R>{};
  Mask<R> adjoint;

  BS_INLINE E seen(E element) {
    const Vec<R> size = L::size1(element);
    most = size > most ? size : most;
    defect += L::defect(element);
    return L::planes == 1 ? element : L::pick(adjoint, L::conj(element), element);
  }
  BS_INLINE explicit SmallSystem(const Call& call) : adjoint(Mask<R>{} - mask_element<R>(call.attrs[0] != 0)) {
    const int turned = call.attrs[0] != 0 ? 1 : 0;
    const auto dl = strided<L>(call.operand[0], N, 1), d = strided<L>(call.operand[1], N, 1), du = strided<L>(call.operand[2], N, 1);
    const auto below = turned ? du : dl, above = turned ? dl : du, b = strided<L>(call.operand[3], N, 1);
    const E none = L::from_re(Vec<R>{});
    BS_UNROLL for (int i = 0; i < N; ++i) {
      on[i] = seen(d.get(i, 0));
      lower[i] = i > 0 ? seen(below.get(i - turned, 0)) : none;
      upper[i] = i + 1 < N ? seen(above.get(i + turned, 0)) : none;
      y[i] = b.get(i, 0);
      defect += L::defect(y[i]);
    }
  }
  /// Returns the columns of zero pivots, from 1.
  BS_INLINE Mask<R> eliminate() {
    const E none = L::from_re(Vec<R>{}), one = L::from_re(splat<R>(1));
    Mask<R> zero = Mask<R>{};
    BS_UNROLL for (int i = 0; i < N; ++i) {
      const Mask<R> swap = i + 1 < N ? L::size1(on[i]) < L::size1(lower[i + 1]) : Mask<R>{};
      const E pivot = i + 1 < N ? L::pick(swap, lower[i + 1], on[i]) : on[i];
      const Mask<R> gone = L::is_zero(pivot);
      zero = (zero == 0) & gone ? splat_index<R>(i + 1) : zero;
      const E safe = L::pick(gone, one, pivot);
      by[i] = L::inverse(safe);
      if (i + 1 == N) continue;
      const E f = Elimination<L>::quotient(L::pick(swap, on[i], lower[i + 1]), safe, by[i]);
      const E next = on[i + 1], next_above = upper[i + 1], top = L::pick(swap, y[i + 1], y[i]);
      second[i] = L::pick(swap, next_above, none);
      on[i + 1] = L::minus(L::pick(swap, upper[i], next), f, L::pick(swap, next, upper[i]));
      upper[i + 1] = L::minus(L::pick(swap, none, next_above), f, second[i]);
      upper[i] = L::pick(swap, next, upper[i]);
      y[i + 1] = L::minus(L::pick(swap, y[i], y[i + 1]), f, top);
      y[i] = top;
    }
    return zero;
  }
  /// Returns the defects of the answer.
  BS_INLINE Vec<R> substitute() {
    Vec<R> of_answer = Vec<R>{};
    BS_UNROLL for (int i = N - 1; i >= 0; --i) {
      if (i + 2 < N) y[i] = L::minus(y[i], second[i], y[i + 2]);
      if (i + 1 < N) y[i] = L::minus(y[i], upper[i], y[i + 1]);
      y[i] = L::mul(y[i], by[i]);
      of_answer += L::defect(y[i]);
    }
    return of_answer;
  }
};
template <class L, int N>
__attribute__((noinline)) void solve_small(const Call& call, std::int32_t* info) {
  using R = typename L::Real;
  SmallSystem<L, N> system(call);
  const Mask<R> zero = system.eliminate();
  const Vec<R> of_answer = system.substitute();
  const auto x = strided<L>(call.operand[4], N, 1);
  BS_UNROLL for (int i = 0; i < N; ++i) x.set(i, 0, system.y[i]);
  const Mask<R> moderate = (system.most >= 128 * Ieee<R>::min_normal) | (system.most == Vec<R>{});
  report<R>(system.defect == Vec<R>{}, zero, moderate & (of_answer == Vec<R>{}), info);
}

/// Lanes whose elements have lost digits among the subnormal numbers are declined.
template <class L>
void tridiagonal_solve(const Call& call, const EliminationWork<L>& work, std::int32_t* info) {
  using R = typename L::Real;
  const Index n = call.dims[0], k = call.dims[1];
  if (k == 1 && n == 2) return solve_small<L, 2>(call, info);
  if (k == 1 && n == 3) return solve_small<L, 3>(call, info);
  if (k == 1 && n == 4) return solve_small<L, 4>(call, info);
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
