// Lower triangular matrices of complex lanes: products, solves, square roots, and the equations that these come down to. Above the diagonal
// they hold zeros. Blocks are accumulated in registers, as in strided.h.
#pragma once
#include "../vector/complex_math.h"
#include "strided.h"

namespace backsolve::BS_ISA {

/// Loops over i < n from the end: whole blocks of B, then one by one.
#define BS_BLOCKS_DOWN(i, n, B, whole, single) \
  Index i = (n);                               \
  while (i >= (B)) {                           \
    i -= (B);                                  \
    whole;                                     \
  }                                            \
  while (i > 0) {                              \
    --i;                                       \
    single;                                    \
  }

template <class R>
struct Lower {
  using L = ComplexLanes<R>;
  using E = typename L::Element;
  static constexpr int B = L::block;
  using M = Strided<L>;

  BS_INLINE static E zero() { return L::from_re(Vec<R>{}); }
  BS_INLINE static E plus(E a, E b) { return {a.re + b.re, a.im + b.im}; }
  BS_INLINE static E add(E sum, E a, E b) {  // sum + a b
    return {sum.re + a.re * b.re - a.im * b.im, sum.im + a.re * b.im + a.im * b.re};
  }
  BS_INLINE static Vec<R> square(E x) { return x.re * x.re + x.im * x.im; }
  /// 1 / x, whose square is within the exponents, and its place among the `least` squares.
  BS_INLINE static E inverse(E x, Vec<R>& least) {
    const Vec<R> s = square(x), by = splat<R>(1) / s;
    least = s < least ? s : least;
    return {x.re * by, -x.im * by};
  }

  /// acc -= Σ_{from <= k < to} U(i+p,k) V(k,j+q), of the conjugate of V where Conj
  template <bool Conj = false, int P, int Q>
  BS_INLINE static void subtract(E (&acc)[P][Q], M u, M v, Index i, Index j, Index from, Index to) {
    const Index along_u = u.col * (W<R> * 2), along_v = v.row * (W<R> * 2);
    const R *from_u[P], *from_v[Q];
    for (int p = 0; p < P; ++p) from_u[p] = u.at(i + p, from);
    for (int q = 0; q < Q; ++q) from_v[q] = v.at(from, j + q);
    for (Index left = to - from; left > 0; --left) {
      E a[P], b[Q];
      for (int p = 0; p < P; ++p) a[p] = L::load(from_u[p]), from_u[p] += along_u;
      for (int q = 0; q < Q; ++q) b[q] = L::load(from_v[q]), from_v[q] += along_v;
      for (int p = 0; p < P; ++p)
        for (int q = 0; q < Q; ++q) acc[p][q] = Conj ? L::minus_conj(acc[p][q], a[p], b[q]) : L::minus(acc[p][q], a[p], b[q]);
    }
  }
  template <int P, int Q>
  BS_INLINE static void load(E (&acc)[P][Q], M m, Index i, Index j) {
    for (int p = 0; p < P; ++p)
      for (int q = 0; q < Q; ++q) acc[p][q] = m.get(i + p, j + q);
  }
  template <int P, int Q>
  BS_INLINE static void store(const E (&acc)[P][Q], M m, Index i, Index j) {
    for (int p = 0; p < P; ++p)
      for (int q = 0; q < Q; ++q) m.set(i + p, j + q, acc[p][q]);
  }
  /// X of M X + X N = acc for the blocks of M at i and of N at j.
  template <int P, int Q>
  BS_INLINE static void small_sylvester(E (&acc)[P][Q], M m, M n, Index i, Index j, Vec<R>& least) {
    for (int q = Q - 1; q >= 0; --q) {
      for (int p = 0; p < P; ++p) {
        E x = acc[p][q];
        for (int k = 0; k < p; ++k) x = L::minus(x, m.get(i + p, i + k), acc[k][q]);
        for (int k = q + 1; k < Q; ++k) x = L::minus(x, acc[p][k], n.get(j + k, j + q));
        acc[p][q] = L::mul(x, inverse(plus(m.get(i + p, i + p), n.get(j + q, j + q)), least));
      }
    }
  }

  template <int P, int Q>
  BS_INLINE static void sylvester_block(M m, M n, M x, Index i, Index j, Vec<R>& least) {
    E acc[P][Q];
    load(acc, x, i, j);
    subtract(acc, m, x, i, j, 0, i);
    subtract(acc, x, n, i, j, j + Q, x.cols);
    small_sylvester(acc, m, n, i, j, least);
    store(acc, x, i, j);
  }
  template <int P>
  BS_INLINE static void sylvester_rows(M m, M n, M x, Index i, Vec<R>& least) {
    BS_BLOCKS_DOWN(j, x.cols, B, (sylvester_block<P, B>(m, n, x, i, j, least)), (sylvester_block<P, 1>(m, n, x, i, j, least)))
  }
  /// X of M X + X N = R in place of R; the smallest |m_ii + n_jj|².
  __attribute__((noinline)) static Vec<R> sylvester(M m, M n, M x) {
    Vec<R> least = splat<R>(Ieee<R>::inf);
    Index i = 0;
    BS_BLOCKS(i, x.rows, B, (sylvester_rows<B>(m, n, x, i, least)), (sylvester_rows<1>(m, n, x, i, least)))
    return least;
  }

  /// √x, of numbers within `axis` of the negative axis as if they were above it.
  BS_INLINE static E root_of(E x, Vec<R> axis) {
    const Cx<R> y = cx_sqrt<R>({x.re, x.im});
    const Mask<R> below = (x.re < Vec<R>{}) & (y.im < Vec<R>{}) & (-x.im <= axis);
    return {below ? -y.re : y.re, below ? -y.im : y.im};
  }
  template <int P, int Q>
  BS_INLINE static void root_block(M r, Index i, Index j, Vec<R>& least) {
    E acc[P][Q];
    load(acc, r, i, j);
    subtract(acc, r, r, i, j, j + Q, i);
    small_sylvester(acc, r, r, i, j, least);
    store(acc, r, i, j);
  }
  template <int P>
  BS_INLINE static void root_rows(M r, Index i, Vec<R> axis, Vec<R>& least) {
    for (int p = 0; p < P; ++p) {
      r.set(i + p, i + p, root_of(r.get(i + p, i + p), axis));
      for (int q = p - 1; q >= 0; --q) {
        E x = r.get(i + p, i + q);
        for (int k = q + 1; k < p; ++k) x = L::minus(x, r.get(i + p, i + k), r.get(i + k, i + q));
        r.set(i + p, i + q, L::mul(x, inverse(plus(r.get(i + p, i + p), r.get(i + q, i + q)), least)));
      }
    }
    BS_BLOCKS_DOWN(j, i, B, (root_block<P, B>(r, i, j, least)), (root_block<P, 1>(r, i, j, least)))
  }
  /// R with R² = L in place of L; the smallest |r_ii + r_jj|².
  __attribute__((noinline)) static Vec<R> root(M l, const Vec<R>& axis) {
    Vec<R> least = splat<R>(Ieee<R>::inf);
    Index i = 0;
    BS_BLOCKS(i, l.rows, B, (root_rows<B>(l, i, axis, least)), (root_rows<1>(l, i, axis, least)))
    return least;
  }

  template <int P, int Q>
  BS_INLINE static void product_block(M a, M b, M c, Index i, Index j) {
    E acc[P][Q];
    for (int p = 0; p < P; ++p)
      for (int q = 0; q < Q; ++q) acc[p][q] = zero();
    subtract(acc, a, b, i, j, j, i + P);
    for (int p = 0; p < P; ++p)
      for (int q = 0; q < Q; ++q) c.set(i + p, j + q, L::negate(acc[p][q]));
  }
  template <int P>
  BS_INLINE static void product_rows(M a, M b, M c, Index i) {
    Index j = 0;
    BS_BLOCKS(j, i, B, (product_block<P, B>(a, b, c, i, j)), (product_block<P, 1>(a, b, c, i, j)))
    for (; j < i + P; ++j) product_block<P, 1>(a, b, c, i, j);
  }
  /// C := A B, all lower triangular, but for what is above the diagonal.
  __attribute__((noinline)) static void product(M a, M b, M c) {
    Index i = 0;
    BS_BLOCKS(i, a.rows, B, (product_rows<B>(a, b, c, i)), (product_rows<1>(a, b, c, i)))
  }

  template <int P, int Q>
  BS_INLINE static void solve_block(M m, M x, const E (&by)[P], Index i, Index j) {
    E acc[P][Q];
    load(acc, x, i, j);
    subtract(acc, m, x, i, j, j, i);
    for (int p = 0; p < P; ++p)
      for (int q = 0; q < Q; ++q) {
        for (int k = 0; k < p; ++k) acc[p][q] = L::minus(acc[p][q], m.get(i + p, i + k), acc[k][q]);
        acc[p][q] = L::mul(acc[p][q], by[p]);
      }
    store(acc, x, i, j);
  }
  template <int P>
  BS_INLINE static void solve_rows(M m, M x, Index i) {
    E by[P];
    for (int p = 0; p < P; ++p) by[p] = L::inverse(m.get(i + p, i + p));
    Index j = 0;
    BS_BLOCKS(j, i, B, (solve_block<P, B>(m, x, by, i, j)), (solve_block<P, 1>(m, x, by, i, j)))
    for (; j < i + P; ++j) solve_block<P, 1>(m, x, by, i, j);
  }
  /// X := M⁻¹ X, both lower triangular.
  __attribute__((noinline)) static void solve(M m, M x) {
    Index i = 0;
    BS_BLOCKS(i, m.rows, B, (solve_rows<B>(m, x, i)), (solve_rows<1>(m, x, i)))
  }
};

}  // namespace backsolve::BS_ISA
