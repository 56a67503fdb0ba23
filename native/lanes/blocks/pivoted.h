// QR with column pivoting of W matrices side by side, every lane with an order of its own: LAPACK's laqp2, reflection by reflection, whose
// blocks form Q as those of products do.
#pragma once
#include "orthogonal.h"

namespace backsolve::BS_ISA {

template <class L>
struct Pivoted {
  using R = typename L::Real;
  using E = typename L::Element;
  using Reals = Strided<RealLanes<R>>;
  static constexpr int B = L::block;
  /// As laqp2: a square of which no more than this is left since it was summed is summed again.
  static constexpr R kLost = sizeof(R) == 8 ? R(0x1.6a09e667f3bcdp-27) : R(0x1p-12);
  /// Squares of norms that are not above this may have lost digits.
  static constexpr R kLeast = Ieee<R>::min_normal / R(__DBL_EPSILON__);

  Reflections<L> h;
  Strided<L> x, gamma;  // the columns in their order so far, R above the diagonal
  Reals now, then;      // squares of the norms of what is left of each column: of each step, and as they were last summed
  Mask<R>* order;
  Mask<R> best;  // the column to come
  E diagonal;    // of R, of the last one

  Pivoted(Arena& arena, Index m, Index n)
      : h(arena, m < n ? m : n, m),
        x(take_strided<L>(arena, m, n | 1)),
        gamma(take_strided<L>(arena, h.count, 1)),
        now(take_strided<RealLanes<R>>(arena, n, 1)),
        then(take_strided<RealLanes<R>>(arena, n, 1)),
        order(reinterpret_cast<Mask<R>*>(arena.take<R>(n * W<R>))),
        best{},
        diagonal(L::from_re(Vec<R>{})) {
    x.cols = n;
  }

  /// The square of the norm of column j from row `from` on, with twice the digits until the end: where columns have the same numbers in
  /// another order, the first is taken.
  __attribute__((noinline)) Vec<R> sum_of_squares(Index from, Index j) const {
    Vec<R> sum = Vec<R>{}, rest = Vec<R>{};
    for (Index i = from; i < x.rows; ++i)
      for (int plane = 0; plane < L::planes; ++plane) {
        Vec<R> p, error;
        exact_square<R>(load<R>(x.at(i, j) + plane * W<R>), p, error);
        const Vec<R> next = sum + p, of_p = next - sum;
        rest += (sum - (next - of_p)) + (p - of_p) + error;  // Knuth's exact sum
        sum = next;
      }
    return sum + rest;
  }
  BS_INLINE void consider(Index j, Vec<R> square, Vec<R>& most) {
    const Mask<R> more = square > most;
    most = more ? square : most;
    best = more ? splat_index<R>(j) : best;
  }
  /// What may have lost its digits, from that row on, and in those columns, must be zeros.
  BS_INLINE void doubt(Index row, Index from, Index to, Mask<R> little) {
    if (!any<R>(little)) return;
    Mask<R> nothing = little;
    for (Index i = row; i < x.rows && any<R>(nothing); ++i)
      for (Index j = from; j < to; ++j) nothing &= L::is_zero(x.get(i, j));
    h.doubtful |= little & ~nothing;
  }
  BS_INLINE void begin(Strided<L> a) {
    for (Index i = 0; i < a.rows; ++i)
      for (Index j = 0; j < a.cols; ++j) x.set(i, j, a.get(i, j));
    Vec<R> most = splat<R>(-1);
    best = Mask<R>{};
    for (Index j = 0; j < x.cols; ++j) {
      const Vec<R> square = sum_of_squares(0, j);
      now.set(j, 0, square);
      then.set(j, 0, square);
      order[j] = splat_index<R>(j);
      consider(j, square, most);
      doubt(0, j, j + 1, ~(square > kLeast));
    }
  }

  /// Columns k and p, another one in each lane, exchanged in rows i to i + P.
  template <int P>
  BS_INLINE void exchange_rows(Index i, Index k, Mask<R> p) const {
    E old[P], found[P];
    for (int e = 0; e < P; ++e) old[e] = found[e] = x.get(i + e, k);
    for (Index j = k + 1; j < x.cols; ++j) {
      const Mask<R> here = p == splat_index<R>(j);
      for (int e = 0; e < P; ++e) {
        const E y = x.get(i + e, j);
        found[e] = L::pick(here, y, found[e]);
        x.set(i + e, j, L::pick(here, old[e], y));
      }
    }
    for (int e = 0; e < P; ++e) x.set(i + e, k, found[e]);
  }
  /// Of the rows that belong to R.
  __attribute__((noinline)) void exchange(Index k) const {
    const Mask<R> p = best;
    Index i = 0;
    BS_BLOCKS(i, k, B, exchange_rows<B>(i, k, p), exchange_rows<1>(i, k, p))
  }

  /// Rows i to i + P of each lane's column p, into V: its column of the block, from the diagonal on. In x they stay where they are.
  template <int P>
  BS_INLINE void find_rows(Index i, Index k, Mask<R> p, const Strided<L>& v) const {
    E found[P];
    for (int e = 0; e < P; ++e) found[e] = x.get(i + e, k);
    for (Index j = k + 1; j < x.cols; ++j) {
      const Mask<R> here = p == splat_index<R>(j);
      for (int e = 0; e < P; ++e) found[e] = L::pick(here, x.get(i + e, j), found[e]);
    }
    for (int e = 0; e < P; ++e) v.set(i + e - k, 0, found[e]);
  }
  __attribute__((noinline)) void find(Index k, const Strided<L>& v) const {
    const Mask<R> p = best;
    Index i = k;
    BS_BLOCKS(i, x.rows, B, find_rows<B>(i, k, p, v), find_rows<1>(i, k, p, v))
  }

  /// The reflection of that column.
  BS_INLINE E reflect(Index k, const Strided<L>& v) {
    const E alpha = v.get(0, 0), zero = L::from_re(Vec<R>{});
    Vec<R> part[4] = {};
    Index i = 1;
    for (; i + 4 <= v.rows; i += 4)
      for (int e = 0; e < 4; ++e) part[e] += square<L>(v.get(i + e, 0));
    for (; i < v.rows; ++i) part[0] += square<L>(v.get(i, 0));
    const Vec<R> below = (part[0] + part[1]) + (part[2] + part[3]);
    Mask<R> still = (below == Vec<R>{}) & L::is_zero(L::minus(alpha, L::from_re(splat<R>(1)), L::from_re(L::re(alpha))));
    for (i = 1; any<R>(still) && i < v.rows; ++i) still &= L::is_zero(v.get(i, 0));
    const Vec<R> sum = below + square<L>(alpha);
    h.doubtful |= ~((sum > kLeast) & (sum <= Ieee<R>::max)) & ~still;
    const Vec<R> norm = vcopysign<R>(vsqrt<R>(sum), L::re(alpha));
    const E head = L::plus_re(alpha, norm), of = L::pick(still, zero, Reflections<L>::slope(alpha, head, norm));
    v.set(0, 0, head);
    gamma.set(k, 0, of);
    diagonal = L::pick(still, alpha, L::from_re(-norm));
    return of;
  }
  /// Its adjoint times Q columns from j on, among them what stood in column k where lanes took that from here.
  template <int Q>
  BS_INLINE void apply(Index k, Index j, E by, Mask<R> p, const Strided<L>& v) const {
    constexpr int kElement = W<R> * L::planes;
    const Index along = x.row * kElement;
    Mask<R> here[Q];
    for (int q = 0; q < Q; ++q) here[q] = p == splat_index<R>(j + q);
    E w[Q];
    for (int q = 0; q < Q; ++q) w[q] = L::from_re(Vec<R>{});
    const R *from = v.data, *old = x.at(k, k);
    R* to = x.at(k, j);
    for (Index i = 0; i < v.rows; ++i, from += B * kElement, old += along, to += along) {
      const E a = L::load(from), first = L::load(old);
      for (int q = 0; q < Q; ++q) w[q] = L::minus_conj(w[q], L::pick(here[q], first, L::load(to + q * kElement)), a);
    }
    for (int q = 0; q < Q; ++q) w[q] = L::mul(w[q], by);
    from = v.data, old = x.at(k, k), to = x.at(k, j);
    for (Index i = 0; i < v.rows; ++i, from += B * kElement, old += along, to += along) {
      const E a = L::load(from), first = L::load(old);
      for (int q = 0; q < Q; ++q) L::store(to + q * kElement, L::minus(L::pick(here[q], first, L::load(to + q * kElement)), a, w[q]));
    }
  }
  __attribute__((noinline)) void apply_all(Index k, const E& of, const Strided<L>& v) const {
    const E by = L::negate(L::conj(of));
    const Mask<R> p = best;
    Index j = k + 1;
    BS_BLOCKS_AND_TWO(j, x.cols, B, apply<B>(k, j, by, p, v), apply<2>(k, j, by, p, v), apply<1>(k, j, by, p, v))
  }
  /// Squares of what is left of the columns behind k, in whose place one of them stood, less what row k has of each; the next column.
  __attribute__((noinline)) void settle(Index k) {
    const Mask<R> p = best, first_order = order[k];
    const Vec<R> first_now = now.get(k, 0), first_then = then.get(k, 0);
    Mask<R> taken = first_order;
    Vec<R> most = splat<R>(-1);
    best = splat_index<R>(k + 1);
    for (Index j = k + 1; j < x.cols; ++j) {
      const Mask<R> here = p == splat_index<R>(j), mine = order[j];
      taken = here ? mine : taken;
      order[j] = here ? first_order : mine;
      const Vec<R> before = here ? first_now : now.get(j, 0);
      Vec<R> summed = here ? first_then : then.get(j, 0), left = before - square<L>(x.get(k, j));
      left = left > Vec<R>{} ? left : Vec<R>{};
      const Mask<R> lost = (left <= kLost * summed) & (before != Vec<R>{});
      if (any<R>(lost)) {
        const Vec<R> again = sum_of_squares(k + 1, j);
        left = lost ? again : left;
        summed = lost ? again : summed;
      }
      now.set(j, 0, left);
      then.set(j, 0, summed);
      consider(j, left, most);
    }
    order[k] = taken;
    if (k + 1 < h.count) doubt(k + 1, k + 1, x.cols, ~(most > kLeast));
  }

  BS_INLINE void factor(Strided<L> a) {
    begin(a);
    for (Index k = 0; k < h.count; ++k) {
      const Index c = k % B;
      const Strided<L> u = h.vectors(k - c), v{u.at(c, c), x.rows - k, 1, B, 1};
      for (Index i = 0; c == 0 && i < u.rows; ++i)
        for (int q = 0; q < B; ++q) u.set(i, q, L::from_re(Vec<R>{}));
      exchange(k);
      find(k, v);
      apply_all(k, reflect(k, v), v);
      x.set(k, k, diagonal);
      settle(k);
    }
    for (Index j = 0; j < h.count; j += B) Orthogonal<L>{h}.close(j, gamma);
  }
};

}  // namespace backsolve::BS_ISA
