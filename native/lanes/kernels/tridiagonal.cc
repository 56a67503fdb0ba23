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
  BS_INLINE SmallSystem(const Call& call, bool of_adjoint, const void* right) : adjoint(Mask<R>{} - mask_element<R>(of_adjoint)) {
    const int turned = of_adjoint ? 1 : 0;
    const auto dl = strided<L>(call.operand[0], N, 1), d = strided<L>(call.operand[1], N, 1), du = strided<L>(call.operand[2], N, 1);
    const auto below = turned ? du : dl, above = turned ? dl : du, b = strided<L>(const_cast<void*>(right), N, 1);
    const E none = L::from_re(Vec<R>{});
    for (int i = 0; i < N; ++i) {
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
    for (int i = 0; i < N; ++i) {
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
    for (int i = N - 1; i >= 0; --i) {
      if (i + 2 < N) y[i] = L::minus(y[i], second[i], y[i + 2]);
      if (i + 1 < N) y[i] = L::minus(y[i], upper[i], y[i + 1]);
      y[i] = L::mul(y[i], by[i]);
      of_answer += L::defect(y[i]);
    }
    return of_answer;
  }
  /// Solves, and says per lane what became of it.
  BS_INLINE void solve(std::int32_t* info) {
    const Mask<R> zero = eliminate();
    const Vec<R> of_answer = substitute();
    const Mask<R> moderate = (most >= 128 * Ieee<R>::min_normal) | (most == Vec<R>{});
    report<R>(defect == Vec<R>{}, zero, moderate & (of_answer == Vec<R>{}), info);
  }
};
template <class L, int N>
__attribute__((noinline)) void solve_small(const Call& call, std::int32_t* info) {
  SmallSystem<L, N> system(call, call.attrs[0] != 0, call.operand[3]);
  system.solve(info);
  const auto x = strided<L>(call.operand[4], N, 1);
  for (int i = 0; i < N; ++i) x.set(i, 0, system.y[i]);
}

/// X := A⁻¹ X, or A⁻ᴴ X, and what became of it. Lanes whose elements have lost digits among the subnormal numbers are declined.
template <class L>
void solve_lanes(const Call& call, bool adjoint, const Elimination<L>& work, Strided<L> x, std::int32_t* info) {
  using R = typename L::Real;
  const Index n = x.rows;
  const Diagonals<L> a{strided<L>(call.operand[0], n, 1), strided<L>(call.operand[1], n, 1), strided<L>(call.operand[2], n, 1), n, adjoint};
  Mask<R> finite = ~Mask<R>{}, moderate = ~Mask<R>{};
  if (n == 0) return report<R>(finite, info);
  a.judge(finite, moderate);
  finite &= finite_of(x);
  const Mask<R> zero = work.run(a, x);
  report<R>(finite, zero, moderate & finite_of(x), info);
}
template <class L>
void tridiagonal_solve(const Call& call, const EliminationWork<L>& work, std::int32_t* info) {
  const Index n = call.dims[0], k = call.dims[1];
  if (k == 1 && n == 2) return solve_small<L, 2>(call, info);
  if (k == 1 && n == 3) return solve_small<L, 3>(call, info);
  if (k == 1 && n == 4) return solve_small<L, 4>(call, info);
  copy_lanes<L>(call.operand[3], call.operand[4], n * k);
  solve_lanes<L>(call, call.attrs[0] != 0, work, strided<L>(call.operand[4], n, k), info);
}

/// The diagonals of -P Qᴴ, at their rows; those that are not wanted are null.
template <class L>
struct Cotangents {
  using R = typename L::Real;
  using E = typename L::Element;
  Strided<L> below, on, above;
  Cotangents(const Call& call, Index n)
      : below(strided<L>(call.operand[5], n, 1)), on(strided<L>(call.operand[6], n, 1)), above(strided<L>(call.operand[7], n, 1)) {}

  BS_INLINE static void put(const Strided<L>& to, Index i, E x) {
    if (to.data != nullptr) to.set(i, 0, x);
  }
  /// Of row i, where the sums over columns are -p_i conj(q_i-1), -p_i conj(q_i) and -p_i-1 conj(q_i).
  BS_INLINE void row(Index i, E lower, E diagonal, E upper) const {
    put(below, i, lower);
    put(on, i, diagonal);
    if (i > 0) put(above, i - 1, upper);
    if (i + 1 == on.rows) put(above, i, L::from_re(Vec<R>{}));
  }
  BS_INLINE void of(const Strided<L>& p, const Strided<L>& q) const {
    const E none = L::from_re(Vec<R>{});
    for (Index i = 0; i < p.rows; ++i) {
      E lower = none, diagonal = none, upper = none;
      for (Index j = 0; j < p.cols; ++j) {
        const E x = p.get(i, j), y = q.get(i, j);
        diagonal = L::minus_conj(diagonal, x, y);
        if (i == 0) continue;
        lower = L::minus_conj(lower, x, q.get(i - 1, j));
        upper = L::minus_conj(upper, p.get(i - 1, j), y);
      }
      row(i, lower, diagonal, upper);
    }
  }
};
template <class L, int N>
__attribute__((noinline)) void solve_vjp_small(const Call& call, std::int32_t* info) {
  using E = typename L::Element;
  const bool adjoint = call.attrs[0] != 0;
  SmallSystem<L, N> system(call, !adjoint, call.operand[4]);
  system.solve(info);
  const auto x = strided<L>(call.operand[3], N, 1), b = strided<L>(call.operand[8], N, 1);
  const Cotangents<L> to(call, N);
  const E none = L::from_re(Vec<typename L::Real>{});
  E p[N], q[N];
  for (int i = 0; i < N; ++i) {
    const E of_x = x.get(i, 0), of_b = system.y[i];
    Cotangents<L>::put(b, i, of_b);
    p[i] = adjoint ? of_x : of_b;
    q[i] = adjoint ? of_b : of_x;
    const int before = i > 0 ? i - 1 : 0;
    to.row(i, i > 0 ? L::minus_conj(none, p[i], q[before]) : none, L::minus_conj(none, p[i], q[i]), L::minus_conj(none, p[before], q[i]));
  }
}

template <class L>
struct EliminationVjpWork : Elimination<L> {
  Strided<L> b;
  EliminationVjpWork(Arena& arena, const Call& call)
      : Elimination<L>(arena, call.dims[0]), b(operand_or<L>(arena, call.operand[8], call.dims[0], call.dims[1])) {}
};
template <class L>
void tridiagonal_solve_vjp(const Call& call, const EliminationVjpWork<L>& work, std::int32_t* info) {
  const Index n = call.dims[0], k = call.dims[1];
  if (k == 1 && n == 2) return solve_vjp_small<L, 2>(call, info);
  if (k == 1 && n == 3) return solve_vjp_small<L, 3>(call, info);
  if (k == 1 && n == 4) return solve_vjp_small<L, 4>(call, info);
  const bool adjoint = call.attrs[0] != 0;
  const auto x = strided<L>(call.operand[3], n, k);
  copy_lanes<L>(call.operand[4], work.b.data, n * k);
  solve_lanes<L>(call, !adjoint, work, work.b, info);
  if (call.operand[5] == nullptr && call.operand[6] == nullptr && call.operand[7] == nullptr) return;
  const Cotangents<L> to(call, n);
  if (adjoint)
    to.of(x, work.b);
  else
    to.of(work.b, x);
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
BS_LANES_KERNEL(tridiagonal_solve_vjp, EliminationVjpWork)
BS_LANES_KERNEL(tridiagonal_matmul, NoWork)

}  // namespace backsolve::BS_ISA
