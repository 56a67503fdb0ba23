// The reverse of A = L Lᴴ for W matrices side by side, left-looking.
//
// For Hermitian Ā and lower L̄: Re tr(Āᴴ dA) with dA = dL Lᴴ + L dLᴴ gives L̄ = tril(2 Ā L). Column j of it,
//   L̄_ij / 2 = Ā_ij L_jj + Σ_{r>j} Ā_ir L_rj,   i >= j,
// yields column j of Ā from the columns after it, the last first; for i = j with Ā_jr = conj(Ā_rj), of which only the real part counts,
// as L has a real diagonal. 2n³/3 flops, all in products of rows of Ā with columns of L.
#include "../blocks/small_triangle.h"
#include "../fill.h"

namespace backsolve::BS_ISA {
namespace {

template <class L>
struct Reverse {
  using R = typename L::Real;
  using E = typename L::Element;
  static constexpr int B = L::block;

  Square<L> l, g, a;
  Vec<R> inverse[B];

  BS_INLINE void keep(Index i, Index j, E x) const {
    a.set(i, j, x);
    a.set(j, i, L::conj(x));
  }

  /// acc = L̄(i.., j..) / 2 - Σ_{r >= end} Ā(i,r) L(r,j)
  template <int P, int Q>
  BS_INLINE void accumulate(Index i, Index j, E (&acc)[P][Q]) const {
    const Vec<R> half = splat<R>(R(0.5));
    for (int p = 0; p < P; ++p)
      for (int q = 0; q < Q; ++q) acc[p][q] = i == j && q > p ? L::from_re(Vec<R>{}) : L::scale(g.get(i + p, j + q), half);
    for (Index r = j + Q; r < a.n; ++r) {
      E x[P], y[Q];
      for (int p = 0; p < P; ++p) x[p] = a.get(i + p, r);
      for (int q = 0; q < Q; ++q) y[q] = l.get(r, j + q);
      for (int p = 0; p < P; ++p)
        for (int q = 0; q < Q; ++q) acc[p][q] = L::minus(acc[p][q], x[p], y[q]);
    }
  }

  template <int P, int Q>
  BS_INLINE void block_below(Index i, Index j) const {
    E acc[P][Q];
    accumulate<P, Q>(i, j, acc);
    for (int q = Q - 1; q >= 0; --q) {
      for (int k = q + 1; k < Q; ++k) {
        const E y = l.get(j + k, j + q);
        for (int p = 0; p < P; ++p) acc[p][q] = L::minus(acc[p][q], acc[p][k], y);
      }
      for (int p = 0; p < P; ++p) acc[p][q] = L::scale(acc[p][q], inverse[q]);
    }
    for (int p = 0; p < P; ++p)
      for (int q = 0; q < Q; ++q) keep(i + p, j + q, acc[p][q]);
  }

  template <int Q>
  BS_INLINE void diagonal_block(Index j) const {
    E acc[Q][Q];  // lower: what is left of L̄ / 2; becomes Ā, whole, column by column from the last
    accumulate<Q, Q>(j, j, acc);
    for (int q = Q - 1; q >= 0; --q) {
      for (int p = Q - 1; p > q; --p) {
        for (int k = q + 1; k < Q; ++k) acc[p][q] = L::minus(acc[p][q], acc[p][k], l.get(j + k, j + q));
        acc[p][q] = L::scale(acc[p][q], inverse[q]);
        acc[q][p] = L::conj(acc[p][q]);
      }
      for (int k = q + 1; k < Q; ++k) acc[q][q] = L::minus(acc[q][q], acc[q][k], l.get(j + k, j + q));
      acc[q][q] = L::from_re(L::re(acc[q][q]) * inverse[q]);
    }
    for (int p = 0; p < Q; ++p)
      for (int q = 0; q < Q; ++q) a.set(j + p, j + q, acc[p][q]);
  }

  template <int Q>
  BS_INLINE void column(Index j) {
    for (int q = 0; q < Q; ++q) inverse[q] = splat<R>(1) / L::re(l.get(j + q, j + q));
    Index i = j + Q;
    for (; i + B <= a.n; i += B) block_below<B, Q>(i, j);
    for (; i < a.n; ++i) block_below<1, Q>(i, j);
    diagonal_block<Q>(j);
  }

  BS_INLINE void run() {
    Index j = a.n;
    for (; j % B != 0; --j) column<1>(j - 1);
    for (; j > 0; j -= B) column<B>(j - B);
  }
};

template <class L>
void cholesky_vjp(const Call& call, const NoWork<L>&, std::int32_t* info) {
  using R = typename L::Real;
  const Index n = call.dims[0];
  Reverse<L> f;
  f.l = {static_cast<R*>(call.operand[0]), n};
  f.g = {static_cast<R*>(call.operand[1]), n};
  f.a = {static_cast<R*>(call.operand[2]), n};
  f.run();
  for (int w = 0; w < W<R>; ++w) info[w] = 0;
}

/// The same from registers to registers, in the same order.
template <class L, int N>
BS_INLINE void small_reverse(Square<L> l, Square<L> g, Square<L> a) {
  using R = typename L::Real;
  using E = typename L::Element;
  E x[N][N], y[N][N];  // both lower triangular: Ā, from L̄ / 2 on; L
  Vec<R> by[N];
  for (int i = 0; i < N; ++i) {
    by[i] = splat<R>(1) / L::re(l.get(i, i));
    for (int j = 0; j <= i; ++j) {
      x[i][j] = L::scale(g.get(i, j), splat<R>(R(0.5)));
      y[i][j] = l.get(i, j);
    }
  }
  for (int q = N - 1; q >= 0; --q) {
    for (int p = N - 1; p > q; --p) {
      for (int k = q + 1; k < N; ++k) x[p][q] = L::minus(x[p][q], k <= p ? x[p][k] : L::conj(x[k][p]), y[k][q]);
      x[p][q] = L::scale(x[p][q], by[q]);
    }
    for (int k = q + 1; k < N; ++k) x[q][q] = L::minus(x[q][q], L::conj(x[k][q]), y[k][q]);
    x[q][q] = L::from_re(L::re(x[q][q]) * by[q]);
  }
  for (int i = 0; i < N; ++i) {
    for (int j = 0; j < i; ++j) {
      a.set(i, j, x[i][j]);
      a.set(j, i, L::conj(x[i][j]));
    }
    a.set(i, i, x[i][i]);
  }
}

template <class L, int N>
bool small_cholesky_vjp(const Call& call, const Index* step, Index groups, std::int32_t* info) {
  using R = typename L::Real;
  const char *l = call.vector<char>(0), *g = call.vector<char>(1);
  char* a = call.vector<char>(2);
  const auto at = [](const char* p) { return Square<L>{reinterpret_cast<R*>(const_cast<char*>(p)), N}; };
  for (Index group = 0; group < groups; ++group, l += step[0], g += step[1], a += step[2]) small_reverse<L, N>(at(l), at(g), at(a));
  if (info != nullptr) __builtin_memset(info, 0, sizeof(std::int32_t) * W<R>);
  return true;
}
template <class L>
GroupsKernel small_cholesky_vjp_of(const Call& call) {
  return by_order(call.dims[0], [](auto n) -> GroupsKernel { return small_cholesky_vjp<L, n.value>; });
}

}  // namespace

BS_LANES_KERNEL_AND_SMALL(cholesky_vjp, NoWork, small_cholesky_vjp_of)

}  // namespace backsolve::BS_ISA
