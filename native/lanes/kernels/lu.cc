// Solves and inverses of W matrices side by side, and their adjoints. Equations: native/kernels/lu.cc.
#include "../blocks/small_lu.h"
#include "../fill.h"

namespace backsolve::BS_ISA {
namespace {

template <class L>
struct SolveWork {
  Factors<L> f;
  SolveWork(Arena& arena, const Call& call) : f(arena, call.operand[3], call.operand[4], call.dims[0]) {}
};
/// A X = B, or Aᴴ X = B. Of the inverse B is null.
template <class L, int N, int K>
__attribute__((noinline)) void solve_small(const Call& call, const void* b, void* x, void* lu, void* pivots, std::int32_t* info) {
  using R = typename L::Real;
  const bool adjoint = call.attrs[0] != 0;
  SmallLu<L, N, K> s;
  s.load_matrix(call.operand[0]);
  if (b == nullptr)
    s.diagonal(L::from_re(splat<R>(1)));
  else
    s.load_columns(b);
  const Mask<R> zero = s.factor(!adjoint);
  if (adjoint)
    s.solve_adjoint();
  else
    s.solve_upper();
  if (lu != nullptr || pivots != nullptr) s.store_factors(lu, pivots);
  const Mask<R> good = s.store_columns(x);
  report<R>(s.defect == Vec<R>{}, zero, good, info);
}
template <class L>
void solve(const Call& call, const SolveWork<L>& work, std::int32_t* info) {
  using R = typename L::Real;
  const Index m = call.dims[0], k = call.dims[1];
  const auto small = [&]<int N, int K>() {
    solve_small<L, N, K>(call, call.operand[1], call.operand[2], call.operand[3], call.operand[4], info);
    return true;
  };
  if (if_small(m, k, small)) return;
  const bool adjoint = call.attrs[0] != 0;
  const Factors<L> f = work.f;
  const auto x = strided<L>(call.operand[2], m, k);
  const Mask<R> finite = finite_lanes<L>(call.operand[1], m * k, finite_lanes<L>(call.operand[0], m * m, ~Mask<R>{}));
  copy_lanes<L>(call.operand[0], f.lu.data, m * m);
  copy_lanes<L>(call.operand[1], x.data, m * k);
  const Mask<R> zero = factor<L>(f.lu, f.pivots, adjoint ? nothing_beside(x) : x, f.panel);
  const Mask<R> good = adjoint ? solve_adjoint<L>(f.lu, f.pivots, x) : solve_triangle<L>(f.lu, false, false, false, false, x);
  report<R>(finite, zero, good, info);
}

template <class L>
void apply_pivots(const Call& call, const NoWork<L>&, std::int32_t* info) {
  using R = typename L::Real;
  const Index k = call.dims[0], m = call.dims[1], n = call.dims[2];
  const bool inverse = call.attrs[0] != 0;
  const auto* const pivots = static_cast<const std::int32_t*>(call.operand[0]);
  const auto x = strided<L>(call.operand[2], m, n);
  copy_lanes<L>(call.operand[1], x.data, m * n);
  report<R>(~Mask<R>{}, info);
  check_pivots<L>(pivots, k, m, info);
  for (Index s = 0; s < k && s < m; ++s) swap_rows<L>(x, inverse ? (k < m ? k : m) - 1 - s : s, pivots, n, n);
}

template <class L>
struct SolveVjpWork {
  Strided<L> b;
  SolveVjpWork(Arena& arena, const Call& call) : b(operand_or<L>(arena, call.operand[6], call.dims[0], call.dims[1])) {}
};
/// B̄ and Ā = -B̄ Xᴴ, adjoint: -X B̄ᴴ.
template <class L, int N, int K>
__attribute__((noinline)) void solve_small_vjp(const Call& call, void* b, std::int32_t* info) {
  using R = typename L::Real;
  using E = typename L::Element;
  const bool adjoint = call.attrs[0] != 0;
  SmallLu<L, N, K> s;
  s.load_factors(call.operand[2], static_cast<const std::int32_t*>(call.operand[3]));
  s.load_columns(call.operand[4]);
  if (adjoint)
    s.solve_lower(), s.solve_upper();
  else
    s.solve_adjoint();
  report<R>(s.store_columns(b), info);
  if (call.operand[5] == nullptr) return;
  const auto x = strided<L>(call.operand[1], N, K), a = strided<L>(call.operand[5], N, N);
  for (int i = 0; i < N; ++i) {
    E y[K];
    for (int k = 0; k < K; ++k) y[k] = x.get(i, k);
    for (int j = 0; j < N; ++j) {
      E sum = L::from_re(Vec<R>{});
      for (int k = 0; k < K; ++k) sum = adjoint ? L::minus_conj(sum, y[k], s.x[j][k]) : L::minus_conj(sum, s.x[j][k], y[k]);
      if (adjoint)
        a.set(i, j, sum);
      else
        a.set(j, i, sum);
    }
  }
}

template <class L>
void solve_vjp(const Call& call, const SolveVjpWork<L>& work, std::int32_t* info) {
  using R = typename L::Real;
  const Index m = call.dims[0], k = call.dims[1];
  const bool adjoint = call.attrs[0] != 0;
  const auto x = strided<L>(call.operand[1], m, k), lu = strided<L>(call.operand[2], m, m);
  const auto* const pivots = static_cast<const std::int32_t*>(call.operand[3]);
  const auto b = work.b;
  const auto small = [&]<int N, int K>() {
    solve_small_vjp<L, N, K>(call, b.data, info);
    return true;
  };
  if (if_small(m, k, small)) return check_pivots<L>(pivots, m, m, info);
  copy_lanes<L>(call.operand[4], b.data, m * k);
  report<R>(adjoint ? solve_plain<L>(lu, pivots, b) : solve_adjoint<L>(lu, pivots, b), info);
  check_pivots<L>(pivots, m, m, info);
  if (call.operand[5] == nullptr) return;
  const auto a = strided<L>(call.operand[5], m, m);
  if (adjoint)
    product<L>(false, x, false, b.transposed(), true, a);
  else
    product<L>(false, b, false, x.transposed(), true, a);
}

template <class L>
struct InvWork {
  Factors<L> f;
  InvWork(Arena& arena, const Call& call) : f(arena, nullptr, nullptr, call.dims[0]) {}
};
template <class L>
void inv(const Call& call, const InvWork<L>& work, std::int32_t* info) {
  using R = typename L::Real;
  const Index n = call.dims[0];
  const auto small = [&]<int N, int K>() {
    solve_small<L, N, K>(call, nullptr, call.operand[1], nullptr, nullptr, info);
    return true;
  };
  if (if_small(n, n, small)) return;
  const Strided<L> lu = work.f.lu, y = strided<L>(call.operand[1], n, n);
  std::int32_t* const pivots = work.f.pivots;
  const Mask<R> finite = finite_lanes<L>(call.operand[0], n * n, ~Mask<R>{});
  copy_lanes<L>(call.operand[0], lu.data, n * n);
  set_diagonal(L::from_re(splat<R>(1)), y);
  const bool adjoint = call.attrs[0] != 0;
  const Mask<R> zero = factor<L>(lu, pivots, adjoint ? nothing_beside(y) : y, work.f.panel);
  const Mask<R> good = adjoint ? solve_adjoint<L>(lu, pivots, y) : solve_triangle<L>(lu, false, false, false, false, y);
  report<R>(finite, zero, good, info);
}

// Ā = -Yᴴ Ȳ Yᴴ; adjoint: -Y Ȳᴴ Y
template <class L>
struct InvVjpWork {
  Strided<L> t;
  InvVjpWork(Arena& arena, const Call& call) : t(take_strided<L>(arena, call.dims[0], call.dims[0])) {}
};
/// -U V U of U = Yᴴ and V = Ȳ; adjoint: U = Y, V = Ȳᴴ.
template <class L, int N>
__attribute__((noinline)) void inv_small_vjp(const Call& call) {
  using E = typename L::Element;
  const bool adjoint = call.attrs[0] != 0;
  const auto y = strided<L>(call.operand[0], N, N), g = strided<L>(call.operand[1], N, N), out = strided<L>(call.operand[2], N, N);
  E u[N][N], v[N][N], t[N];
  for (int i = 0; i < N; ++i) {
    for (int j = 0; j < N; ++j) {
      u[i][j] = adjoint ? y.get(i, j) : L::conj(y.get(j, i));
      v[i][j] = adjoint ? L::conj(g.get(j, i)) : g.get(i, j);
    }
  }
  for (int i = 0; i < N; ++i) {
    for (int j = 0; j < N; ++j) {
      t[j] = L::from_re(Vec<typename L::Real>{});
      for (int k = 0; k < N; ++k) t[j] = L::minus(t[j], L::negate(u[i][k]), v[k][j]);
    }
    for (int j = 0; j < N; ++j) {
      E sum = L::from_re(Vec<typename L::Real>{});
      for (int k = 0; k < N; ++k) sum = L::minus(sum, t[k], u[k][j]);
      out.set(i, j, sum);
    }
  }
}

template <class L>
void inv_vjp(const Call& call, const InvVjpWork<L>& work, std::int32_t* info) {
  using R = typename L::Real;
  const Index n = call.dims[0];
  report<R>(~Mask<R>{}, info);
  const auto small = [&]<int N, int K>() {
    inv_small_vjp<L, N>(call);
    return true;
  };
  if (if_small(n, n, small)) return;
  const bool adjoint = call.attrs[0] != 0;
  auto y = strided<L>(call.operand[0], n, n), g = strided<L>(call.operand[1], n, n);
  const auto t = work.t;
  (adjoint ? g : y) = (adjoint ? g : y).transposed();
  product<L>(true, y, !adjoint, g, adjoint, t);
  product<L>(false, t, false, y, !adjoint, strided<L>(call.operand[2], n, n));
}

}  // namespace

BS_LANES_KERNEL(apply_pivots, NoWork)
BS_LANES_KERNEL(solve, SolveWork)
BS_LANES_KERNEL(solve_vjp, SolveVjpWork)
BS_LANES_KERNEL(inv, InvWork)
BS_LANES_KERNEL(inv_vjp, InvVjpWork)

}  // namespace backsolve::BS_ISA
