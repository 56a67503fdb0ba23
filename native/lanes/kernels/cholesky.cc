// Cholesky of W matrices side by side: left-looking, blocks of elements accumulated in registers over k (docs/adr/0001).
#include "../blocks/small_triangle.h"
#include "../fill.h"

namespace backsolve::BS_ISA {
namespace {

template <class L>
struct Factor {
  using R = typename L::Real;
  using E = typename L::Element;
  static constexpr int B = L::block;

  Square<L> a, l;
  Vec<R> inverse[B];  // reciprocals of the diagonal of the current block column
  Mask<R> finite;     // lanes without NaN or infinity so far
  Mask<R> failed;     // lanes with a pivot that is not positive, or subnormal

  /// acc = A(i.., j..) - Σ_{k<j} L(i,k) conj(L(j,k)); of a diagonal block only the lower triangle is read.
  template <int P, int Q>
  BS_INLINE void accumulate(Index i, Index j, E (&acc)[P][Q]) {
    const bool diagonal = i == j;
    for (int p = 0; p < P; ++p)
      for (int q = 0; q < Q; ++q) {
        if (diagonal && q > p) {
          acc[p][q] = L::from_re(Vec<R>{});
          continue;
        }
        acc[p][q] = a.get(i + p, j + q);
        if (diagonal && q == p) acc[p][q] = L::from_re(L::re(acc[p][q]));  // the imaginary part of a Hermitian diagonal is zero
        finite &= L::finite(acc[p][q]);
      }
    for (Index k = 0; k < j; ++k) {
      E x[P], y[Q];
      for (int p = 0; p < P; ++p) x[p] = l.get(i + p, k);
      for (int q = 0; q < Q; ++q) y[q] = l.get(j + q, k);
      for (int p = 0; p < P; ++p)
        for (int q = 0; q < Q; ++q) acc[p][q] = L::minus_conj(acc[p][q], x[p], y[q]);
    }
  }

  template <int Q>
  BS_INLINE void diagonal_block(Index j) {
    E acc[Q][Q];
    accumulate<Q, Q>(j, j, acc);
    for (int q = 0; q < Q; ++q) {
      const Vec<R> pivot = L::re(acc[q][q]);
      const Mask<R> good = pivot >= Ieee<R>::min_normal;  // false for NaN
      failed |= ~good;
      const Vec<R> d = vsqrt<R>(good ? pivot : splat<R>(1));  // a failed lane goes on with harmless numbers
      inverse[q] = splat<R>(1) / d;
      acc[q][q] = L::from_re(d);
      for (int p = q + 1; p < Q; ++p) acc[p][q] = L::scale(acc[p][q], inverse[q]);
      for (int c = q + 1; c < Q; ++c)
        for (int p = c; p < Q; ++p) acc[p][c] = L::minus_conj(acc[p][c], acc[p][q], acc[c][q]);
    }
    for (int p = 0; p < Q; ++p)
      for (int q = 0; q < Q; ++q) l.set(j + p, j + q, q <= p ? acc[p][q] : L::from_re(Vec<R>{}));
  }

  template <int P, int Q>
  BS_INLINE void block_below(Index i, Index j) {
    E acc[P][Q];
    accumulate<P, Q>(i, j, acc);
    for (int q = 0; q < Q; ++q) {
      for (int k = 0; k < q; ++k) {
        const E y = l.get(j + q, j + k);
        for (int p = 0; p < P; ++p) acc[p][q] = L::minus_conj(acc[p][q], acc[p][k], y);
      }
      for (int p = 0; p < P; ++p) acc[p][q] = L::scale(acc[p][q], inverse[q]);
    }
    for (int p = 0; p < P; ++p)
      for (int q = 0; q < Q; ++q) {
        l.set(i + p, j + q, acc[p][q]);
        l.set(j + q, i + p, L::from_re(Vec<R>{}));
      }
  }

  template <int Q>
  BS_INLINE void column(Index j) {
    diagonal_block<Q>(j);
    Index i = j + Q;
    for (; i + B <= l.n; i += B) block_below<B, Q>(i, j);
    for (; i < l.n; ++i) block_below<1, Q>(i, j);
  }

  BS_INLINE void run() {
    Index j = 0;
    for (; j + B <= l.n; j += B) column<B>(j);
    for (; j < l.n; ++j) column<1>(j);
  }
};

/// Which of the two, and of which order, is for the single kernel to say.
template <class R>
BS_INLINE void report_pivots(Mask<R> finite, Mask<R> failed, std::int32_t* info) {
  for (int w = 0; w < W<R>; ++w) info[w] = !finite[w] ? kNotFinite : failed[w] ? kDeclined : 0;
}

template <class L>
void cholesky(const Call& call, const NoWork<L>&, std::int32_t* info) {
  using R = typename L::Real;
  const Index n = call.dims[0];
  Factor<L> f;
  f.a = {static_cast<R*>(call.operand[0]), n};
  f.l = {static_cast<R*>(call.operand[1]), n};
  f.finite = ~Mask<R>{};
  f.failed = Mask<R>{};
  f.run();
  report_pivots<R>(f.finite, f.failed, info);
}

/// The same from registers to registers, in the same order.
template <class L, int N>
struct Small {
  using R = typename L::Real;
  using E = typename L::Element;
  Vec<R> defect = Vec<R>{};  // of what was read
  Mask<R> failed = Mask<R>{};

  BS_INLINE void factor(Square<L> a, Square<L> l) {
    E x[N][N];
    for (int i = 0; i < N; ++i) {
      for (int j = 0; j < i; ++j) defect += L::defect(x[i][j] = a.get(i, j));
      defect += L::defect(x[i][i] = L::from_re(L::re(a.get(i, i))));
    }
    for (int q = 0; q < N; ++q) {
      const Vec<R> pivot = L::re(x[q][q]);
      const Mask<R> good = pivot >= Ieee<R>::min_normal;
      failed |= ~good;
      const Vec<R> d = vsqrt<R>(good ? pivot : splat<R>(1)), by = splat<R>(1) / d;
      x[q][q] = L::from_re(d);
      for (int p = q + 1; p < N; ++p) x[p][q] = L::scale(x[p][q], by);
      for (int c = q + 1; c < N; ++c) {
        for (int p = c; p < N; ++p) x[p][c] = L::minus_conj(x[p][c], x[p][q], x[c][q]);
      }
    }
    for (int i = 0; i < N; ++i) {
      for (int j = 0; j < N; ++j) l.set(i, j, j <= i ? x[i][j] : L::from_re(Vec<R>{}));
    }
  }
};

template <class L, int N>
bool small_cholesky(const Call& call, const Index* step, Index groups, std::int32_t* info) {
  using R = typename L::Real;
  const char* a = call.vector<char>(0);
  char* l = call.vector<char>(1);
  Small<L, N> f;
  for (Index g = 0; g < groups; ++g, a += step[0], l += step[1]) {
    f.factor({reinterpret_cast<R*>(const_cast<char*>(a)), N}, {reinterpret_cast<R*>(l), N});
  }
  const Mask<R> finite = f.defect == Vec<R>{};
  if (info == nullptr) return !any<R>(~finite | f.failed);
  report_pivots<R>(finite, f.failed, info);
  return true;
}
template <class L>
GroupsKernel small_cholesky_of(const Call& call) {
  return by_order(call.dims[0], [](auto n) -> GroupsKernel { return small_cholesky<L, n.value>; });
}

}  // namespace

BS_LANES_KERNEL_AND_SMALL(cholesky, NoWork, small_cholesky_of)

}  // namespace backsolve::BS_ISA
