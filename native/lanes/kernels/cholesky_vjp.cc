// The reverse of A = L Lᴴ for W matrices side by side, left-looking.
//
// For Hermitian Ā and lower L̄: Re tr(Āᴴ dA) with dA = dL Lᴴ + L dLᴴ gives L̄ = tril(2 Ā L). Column j of it,
//   L̄_ij / 2 = Ā_ij L_jj + Σ_{r>j} Ā_ir L_rj,   i >= j,
// yields column j of Ā from the columns after it, the last first; for i = j with Ā_jr = conj(Ā_rj), of which only the real part counts,
// as L has a real diagonal. 2n³/3 flops, all in products of rows of Ā with columns of L.
#include "../blocks/matrix.h"
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

}  // namespace

BS_LANES_KERNEL(cholesky_vjp, NoWork)

}  // namespace backsolve::BS_ISA
