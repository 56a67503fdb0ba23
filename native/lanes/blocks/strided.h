// Matrices of lanes with strides, so that one kernel serves a matrix, its transpose and its mirror image; blocks of elements are
// accumulated in registers over k, as in cholesky.cc.
#pragma once
#include "matrix.h"

namespace backsolve::BS_ISA {

template <class L>
struct Strided {
  using R = typename L::Real;
  using E = typename L::Element;
  R* data;
  Index rows, cols, row, col;  // strides in elements
  BS_INLINE R* at(Index i, Index j) const { return data + (i * row + j * col) * (W<R> * L::planes); }
  BS_INLINE E get(Index i, Index j) const { return L::load(at(i, j)); }
  BS_INLINE void set(Index i, Index j, E x) const { L::store(at(i, j), x); }
  BS_INLINE void shift(Index bytes) { data = reinterpret_cast<R*>(reinterpret_cast<char*>(data) + bytes); }
  BS_INLINE Strided transposed() const { return {data, cols, rows, col, row}; }
  BS_INLINE Strided upside_down() const { return {at(rows - 1, 0), rows, cols, -row, col}; }
  BS_INLINE Strided half_turned() const { return {at(rows - 1, cols - 1), rows, cols, -row, -col}; }
};

template <class L>
BS_INLINE Strided<L> strided(void* p, Index rows, Index cols) {
  return {static_cast<typename L::Real*>(p), rows, cols, cols, 1};
}

/// From an arena, or where an operand is, if it is there.
template <class L>
BS_INLINE Strided<L> take_strided(Arena& arena, Index rows, Index cols) {
  return strided<L>(arena.take<typename L::Real>(rows * cols * L::planes * W<typename L::Real>), rows, cols);
}
template <class L>
BS_INLINE Strided<L> operand_or(Arena& arena, void* operand, Index rows, Index cols) {
  return operand != nullptr ? strided<L>(operand, rows, cols) : take_strided<L>(arena, rows, cols);
}

/// Loops over i < n: whole blocks of B, then one by one.
#define BS_BLOCKS(i, n, B, whole, single) \
  for (; i + (B) <= (n); i += (B)) whole; \
  for (; i < (n); ++i) single;
/// The same with a block of two between.
#define BS_BLOCKS_AND_TWO(i, n, B, whole, two, single) \
  for (; i + (B) <= (n); i += (B)) whole;              \
  if ((B) > 2 && i + 2 <= (n)) {                       \
    two;                                               \
    i += 2;                                            \
  }                                                    \
  for (; i < (n); ++i) single;

/// X := M⁻¹ X for a lower triangular M, its conjugate where Conj; with `unit` ones on the diagonal, which is not read. A zero there counts
/// as one: whoever calls has looked.
template <class L, bool Conj>
struct LowerSolve {
  using R = typename L::Real;
  using E = typename L::Element;
  static constexpr int B = L::block;
  Strided<L> m, x;
  bool unit;
  E inverse[B];

  BS_INLINE E element(Index i, Index k) const { return Conj ? L::conj(m.get(i, k)) : m.get(i, k); }

  template <int P, int Q>
  BS_INLINE void block(Index i, Index j) const {
    E acc[P][Q];
    for (int p = 0; p < P; ++p)
      for (int q = 0; q < Q; ++q) acc[p][q] = x.get(i + p, j + q);
    for (Index k = 0; k < i; ++k) {
      E a[P], y[Q];
      for (int p = 0; p < P; ++p) a[p] = m.get(i + p, k);
      for (int q = 0; q < Q; ++q) y[q] = x.get(k, j + q);
      for (int p = 0; p < P; ++p)
        for (int q = 0; q < Q; ++q) acc[p][q] = Conj ? L::minus_conj(acc[p][q], y[q], a[p]) : L::minus(acc[p][q], a[p], y[q]);
    }
    for (int p = 0; p < P; ++p) {
      for (int k = 0; k < p; ++k) {
        const E a = element(i + p, i + k);
        for (int q = 0; q < Q; ++q) acc[p][q] = L::minus(acc[p][q], a, acc[k][q]);
      }
      for (int q = 0; q < Q; ++q) {
        if (!unit) acc[p][q] = L::mul(acc[p][q], inverse[p]);
        x.set(i + p, j + q, acc[p][q]);
      }
    }
  }
  template <int P>
  BS_INLINE void rows(Index i) {
    for (int p = 0; p < P && !unit; ++p) {
      const E d = element(i + p, i + p);
      inverse[p] = L::inverse(L::pick(L::is_zero(d), L::from_re(splat<R>(1)), d));
    }
    Index j = 0;
    BS_BLOCKS(j, x.cols, B, (block<P, B>(i, j)), (block<P, 1>(i, j)))
  }
  /// Which lanes have a finite X. The last row tells: every row before went into it, if only times zero.
  BS_INLINE Mask<R> run() {
    Index i = 0;
    BS_BLOCKS(i, m.rows, B, rows<B>(i), rows<1>(i))
    Vec<R> defect = Vec<R>{};
    for (Index j = 0; j < x.cols; ++j) defect += L::defect(x.get(m.rows - 1, j));
    return defect == Vec<R>{};
  }
};

/// X := op(T)⁻¹ X, T lower or upper triangular; op transposes, conjugates or both. Returns which lanes have a finite X: where T and X were
/// finite, the others have a subnormal pivot, whose reciprocal overflows, or an answer beyond the largest number.
template <class L>
__attribute__((noinline)) Mask<typename L::Real> solve_triangle(const Strided<L>& t, bool lower, bool transposed, bool conjugated,
                                                                bool unit, const Strided<L>& of) {
  Strided<L> x = of;
  if (t.rows == 0 || x.cols == 0) return ~Mask<typename L::Real>{};
  const bool forward = lower != transposed;
  Strided<L> m = transposed ? t.transposed() : t;
  if (!forward) m = m.half_turned(), x = x.upside_down();
  if (L::planes == 2 && conjugated) {
    LowerSolve<L, L::planes == 2> s{m, x, unit, {}};
    return s.run();
  }
  LowerSolve<L, false> s{m, x, unit, {}};
  return s.run();
}

/// Which elements of a product are wanted; the others become zero.
struct Part {
  enum What { all, lower, upper } what = all;
  int strict = 0;  // 1: without the diagonal
  BS_INLINE bool keeps(Index i, Index j) const { return what == all || (what == lower ? j + strict <= i : i + strict <= j); }
  /// Whether an element of the block [i, i + p) x [j, j + q) is kept.
  BS_INLINE bool touches(Index i, Index j, int p, int q) const {
    return what == all || (what == lower ? j + strict <= i + p - 1 : i + strict <= j + q - 1);
  }
};

/// C := -Σ_k U(i,k) V(k,j), V conjugated where Conj.
template <class L, bool Conj>
struct Product {
  using R = typename L::Real;
  using E = typename L::Element;
  static constexpr int B = L::block;
  Strided<L> u, v, c;
  bool conjugated, positive;  // of the result
  bool added;                 // to what C holds
  Part part;
  Index shift = 0;  // of V's columns

  template <int P, int Q>
  BS_INLINE void block(Index i, Index j) const {
    E acc[P][Q];
    for (int p = 0; p < P; ++p)
      for (int q = 0; q < Q; ++q) acc[p][q] = L::from_re(Vec<R>{});
    if (part.touches(i, j, P, Q)) {
      const Index along_u = u.col * (W<R> * L::planes), along_v = v.row * (W<R> * L::planes);
      const R *from_u[P], *from_v[Q];
      for (int p = 0; p < P; ++p) from_u[p] = u.at(i + p, 0);
      for (int q = 0; q < Q; ++q) from_v[q] = v.at(0, j - shift + q);
      for (Index k = 0; k < u.cols; ++k) {
        E a[P], b[Q];
        for (int p = 0; p < P; ++p) a[p] = L::load(from_u[p]), from_u[p] += along_u;
        for (int q = 0; q < Q; ++q) b[q] = L::load(from_v[q]), from_v[q] += along_v;
        for (int p = 0; p < P; ++p)
          for (int q = 0; q < Q; ++q) acc[p][q] = Conj ? L::minus_conj(acc[p][q], a[p], b[q]) : L::minus(acc[p][q], a[p], b[q]);
      }
    }
    if (plain()) {
      for (int p = 0; p < P; ++p)
        for (int q = 0; q < Q; ++q) c.set(i + p, j + q, opposite(acc[p][q]));
      return;
    }
    for (int p = 0; p < P; ++p)
      for (int q = 0; q < Q; ++q) {
        E x = positive ? opposite(acc[p][q]) : acc[p][q];
        if (conjugated) x = opposite_im(x);
        if (added) x = L::minus(c.get(i + p, j + q), L::negate(x), L::from_re(splat<R>(1)));
        c.set(i + p, j + q, part.keeps(i + p, j + q) ? x : L::from_re(Vec<R>{}));
      }
  }
  /// Of a sum that is 0: 0, not -0.
  BS_INLINE static E opposite(E x) {
    if constexpr (L::planes == 2)
      return {Vec<R>{} - x.re, Vec<R>{} - x.im};
    else
      return Vec<R>{} - x;
  }
  BS_INLINE static E opposite_im(E x) {
    if constexpr (L::planes == 2)
      return {x.re, Vec<R>{} - x.im};
    else
      return x;
  }
  BS_INLINE bool plain() const { return positive && !conjugated && !added && part.what == Part::all; }
  /// Columns j to j + Q of V side by side, so that rows that are a power of two of vectors apart do not meet in the same sets of the cache.
  template <int Q>
  BS_INLINE Strided<L> packed(Index j, R* to) const {
    const Strided<L> p{to, v.rows, Q, Q, 1};
    for (Index k = 0; k < v.rows; ++k)
      for (int q = 0; q < Q; ++q) p.set(k, q, v.get(k, j + q));
    return p;
  }
  template <int Q>
  BS_INLINE void columns(Index j, R* to) const {
    Product panel = *this;
    if (to != nullptr) panel.v = packed<Q>(j, to), panel.shift = j;
    Index i = 0;
    BS_BLOCKS_AND_TWO(i, c.rows, B, (panel.template block<B, Q>(i, j)), (panel.template block<2, Q>(i, j)),
                      (panel.template block<1, Q>(i, j)))
  }
  BS_INLINE void all_columns(R* to) const {
    Index j = 0;
    BS_BLOCKS_AND_TWO(j, c.cols, B, columns<B>(j, to), columns<2>(j, to), columns<1>(j, to))
  }
  BS_INLINE void run() const {
    if (u.cols < kPackedFrom || u.cols > kPackedTo || c.rows < 3 * B) return all_columns(nullptr);
    alignas(64) R room[kPackedTo * B * L::planes * W<R>];
    all_columns(room);
  }
  static constexpr Index kPackedFrom = 28, kPackedTo = 128;  // inner sizes
};

/// C := ± f(U) g(V), f and g the identity or the conjugate, or with `added` the same added to C. Not inlined. By reference: a copy is
/// written in one piece and read in others, for which the processor waits.
template <class L>
__attribute__((noinline)) void product(bool positive, const Strided<L>& u, bool conj_u, const Strided<L>& v, bool conj_v,
                                       const Strided<L>& c, Part part = {}, bool added = false) {
  constexpr bool kComplex = L::planes == 2;
  if (kComplex && conj_u != conj_v)
    Product<L, kComplex>{u, v, c, conj_u, positive, added, part}.run();  // conj(U) V = conj(U conj(V))
  else
    Product<L, false>{u, v, c, kComplex && conj_u, positive, added, part}.run();
}

/// What each of the kernels would compile again: strided.cc has it.
#define BS_STRIDED(how, L)                                                                                             \
  how template void product<L>(bool, const Strided<L>&, bool, const Strided<L>&, bool, const Strided<L>&, Part, bool); \
  how template Mask<L::Real> solve_triangle<L>(const Strided<L>&, bool, bool, bool, bool, const Strided<L>&);
BS_STRIDED(extern, RealLanes<float>)
BS_STRIDED(extern, RealLanes<double>)
BS_STRIDED(extern, ComplexLanes<float>)
BS_STRIDED(extern, ComplexLanes<double>)

template <class L>
BS_INLINE void copy_lanes(const void* from, void* to, Index count) {
  __builtin_memcpy(to, from, static_cast<std::size_t>(count) * L::planes * BS_VECTOR_BYTES);
}
template <class L>
BS_INLINE Mask<typename L::Real> finite_lanes(const void* p, Index count, Mask<typename L::Real> so_far) {
  const auto m = strided<L>(const_cast<void*>(p), 1, count);
  for (Index e = 0; e < count; ++e) so_far &= L::finite(m.get(0, e));
  return so_far;
}

constexpr int kNotFinite = static_cast<int>(Fail::not_finite), kSingular = static_cast<int>(Fail::singular),
              kDeclined = static_cast<int>(Fail::declined);

/// Infos from masks: not finite first, then the index of a zero pivot, 0 where there is none; then lanes whose answer is not `good`, which
/// the single kernel computes by division, or refuses.
template <class R>
BS_INLINE void report(Mask<R> finite, Mask<R> zero, Mask<R> good, std::int32_t* info) {
  if (!any<R>(~(finite & good) | zero)) return static_cast<void>(__builtin_memset(info, 0, sizeof(std::int32_t) * W<R>));
  for (int w = 0; w < W<R>; ++w) {
    info[w] = !finite[w]     ? kNotFinite
              : zero[w] != 0 ? static_cast<std::int32_t>(zero[w]) * kFailKinds + kSingular
              : good[w]      ? 0
                             : kDeclined;
  }
}
/// Of an adjoint, which judges no inputs.
template <class R>
BS_INLINE void report(Mask<R> good, std::int32_t* info) {
  for (int w = 0; w < W<R>; ++w) info[w] = good[w] ? 0 : kDeclined;
}

}  // namespace backsolve::BS_ISA
