// LU with partial pivoting of W matrices side by side, every lane with pivots of its own, for the kernels that need one.
#pragma once
#include "strided.h"

namespace backsolve::BS_ISA {

/// W pivots of one step, as the integers that select compares.
template <class R>
BS_INLINE Mask<R> load_pivot(const std::int32_t* pivots, Index step) {
  Mask<R> p;
  for (int w = 0; w < W<R>; ++w) p[w] = pivots[step * W<R> + w];
  return p;
}

constexpr int kColumns = 4;  // together in one pass over the rows

/// Rows j and p exchanged, p another one in each lane, at or below j; with a factor per row also row i -= factor_i row j, below j.
template <class L, int Q, bool Subtract>
BS_INLINE void exchange(Strided<L> a, Index j, Mask<typename L::Real> p, Index c, Strided<L> factors) {
  using R = typename L::Real;
  using E = typename L::Element;
  E old[Q], now[Q];
  for (int q = 0; q < Q; ++q) old[q] = now[q] = a.get(j, c + q);
  const bool moves = any<R>(p != splat_index<R>(j));
  for (Index i = j + 1; i < a.rows && moves; ++i) {
    const Mask<R> here = p == splat_index<R>(i);
    for (int q = 0; q < Q; ++q) now[q] = L::pick(here, a.get(i, c + q), now[q]);
  }
  for (int q = 0; q < Q; ++q) a.set(j, c + q, now[q]);
  if (!moves && !Subtract) return;
  for (Index i = j + 1; i < a.rows; ++i) {
    const Mask<R> here = p == splat_index<R>(i);
    const E f = Subtract ? factors.get(i, 0) : L::from_re(Vec<R>{});
    for (int q = 0; q < Q; ++q) {
      E x = L::pick(here, old[q], a.get(i, c + q));
      if (Subtract) x = L::minus(x, f, now[q]);
      a.set(i, c + q, x);
    }
  }
}
template <class L, bool Subtract>
BS_INLINE void exchange_columns(Strided<L> a, Index j, Mask<typename L::Real> p, Index from, Index to, Strided<L> factors) {
  BS_BLOCKS(from, to, kColumns, (exchange<L, kColumns, Subtract>(a, j, p, from, factors)),
            (exchange<L, 1, Subtract>(a, j, p, from, factors)))
}

/// Rows s and pivots[s] exchanged, but for the columns from `first` to `last`: lane by lane, which costs no more than what moves.
template <class L>
BS_INLINE void swap_rows(Strided<L> a, Index s, const std::int32_t* pivots, Index first, Index last) {
  using R = typename L::Real;
  const Index along = a.col * (W<R> * L::planes);
  for (int w = 0; w < W<R>; ++w) {
    const Index p = pivots[s * W<R> + w];
    if (p == s || p < 0 || p >= a.rows) continue;
    const auto swap = [&](Index from, Index to) {
      R *x = a.at(s, from) + w, *y = a.at(p, from) + w;
      BS_SCALAR for (Index c = from; c < to; ++c, x += along, y += along) {
        for (int plane = 0; plane < L::planes; ++plane) {
          const R t = x[plane * W<R>];
          x[plane * W<R>] = y[plane * W<R>];
          y[plane * W<R>] = t;
        }
      }
    };
    swap(0, first);
    swap(last, a.cols);
  }
}

/// Right-looking, in place: A = Pᵀ L U, A of any rows. What stands beside A in `b` becomes L⁻¹ P B. Returns per lane the column of the
/// first zero pivot, from 1. Where the reciprocal of a pivot overflows, all that follows is infinite or NaN.
template <class L>
__attribute__((noinline)) Mask<typename L::Real> factor_small(Strided<L> a, std::int32_t* pivots, Strided<L> b) {
  using R = typename L::Real;
  using E = typename L::Element;
  Mask<R> zero = Mask<R>{};
  for (Index j = 0; j < a.cols; ++j) {
    Vec<R> best = L::size1(a.get(j, j));
    Mask<R> p = splat_index<R>(j);
    for (Index i = j + 1; i < a.rows; ++i) {
      const Vec<R> size = L::size1(a.get(i, j));
      const Mask<R> larger = size > best;
      best = larger ? size : best;
      p = larger ? splat_index<R>(i) : p;
    }
    for (int w = 0; w < W<R>; ++w) pivots[j * W<R> + w] = static_cast<std::int32_t>(p[w]);
    exchange<L, 1, false>(a, j, p, j, a);
    const E pivot = a.get(j, j);
    const Mask<R> none = L::is_zero(pivot);
    zero = (zero == 0) & none ? splat_index<R>(j + 1) : zero;
    const E inverse = L::inverse(L::pick(none, L::from_re(splat<R>(1)), pivot));
    for (Index i = j + 1; i < a.rows; ++i) a.set(i, j, L::mul(a.get(i, j), inverse));
    const Strided<L> column{a.at(0, j), a.rows, 1, a.row, 1};
    exchange_columns<L, false>(a, j, p, 0, j, column);
    exchange_columns<L, true>(a, j, p, j + 1, a.cols, column);
    exchange_columns<L, true>(b, j, p, 0, b.cols, column);
  }
  return zero;
}

/// From this order on the looks to the left, in blocks, are faster than the looks to the right, in which exchanges cost nothing.
constexpr Index kBlocksFrom = 28;

/// The same left-looking: a few columns at a time, side by side in `panel`, get all products of those before them at once.
template <class L>
__attribute__((noinline)) Mask<typename L::Real> factor_blocks(Strided<L> a, std::int32_t* pivots, Strided<L> panel) {
  using R = typename L::Real;
  Mask<R> zero = Mask<R>{};
  const Index n = a.rows;
  for (Index j = 0; j < n; j += panel.cols) {
    const Index q = panel.cols < n - j ? panel.cols : n - j;
    const Strided<L> all{panel.data, n, q, panel.row, 1}, above{panel.data, j, q, panel.row, 1},
        below{panel.at(j, 0), n - j, q, panel.row, 1};
    for (Index i = 0; i < n; ++i)
      for (Index c = 0; c < q; ++c) all.set(i, c, a.get(i, j + c));
    if (j > 0) {
      solve_triangle<L>({a.data, j, j, a.row, a.col}, true, false, false, true, above);
      product<L>(false, {a.at(j, 0), n - j, j, a.row, a.col}, false, above, false, below, {}, true);
    }
    std::int32_t* const own = pivots + j * W<R>;
    const Mask<R> none = factor_small<L>(below, own, {panel.data, n - j, 0, panel.row, 1});
    zero = ((zero == 0) & (none != 0)) ? none + mask_element<R>(j) : zero;
    for (Index e = 0; e < q * W<R>; ++e) own[e] += static_cast<std::int32_t>(j);
    for (Index s = j; s < j + q; ++s) swap_rows<L>(a, s, pivots, j, j + q);
    for (Index i = 0; i < n; ++i)
      for (Index c = 0; c < q; ++c) a.set(i, j + c, all.get(i, c));
  }
  return zero;
}

/// B := P B, or Pᵀ B.
template <class L>
__attribute__((noinline)) void permute(Index count, const std::int32_t* pivots, bool back, Strided<L> b) {
  for (Index k = 0; k < count; ++k) {
    const Index s = back ? count - 1 - k : k;
    if (count < kBlocksFrom)
      exchange_columns<L, false>(b, s, load_pivot<typename L::Real>(pivots, s), 0, b.cols, b);
    else
      swap_rows<L>(b, s, pivots, b.cols, b.cols);
  }
}

/// Factors of a square A, in place, with what factor_small says.
template <class L>
BS_INLINE Mask<typename L::Real> factor(Strided<L> a, std::int32_t* pivots, Strided<L> b, Strided<L> panel) {
  if (a.rows < kBlocksFrom) return factor_small<L>(a, pivots, b);
  const auto zero = factor_blocks<L>(a, pivots, panel);
  permute<L>(b.cols > 0 ? a.rows : 0, pivots, false, b);
  solve_triangle<L>(a, true, false, false, true, b);
  return zero;
}

/// X := A⁻ᴴ X = Pᵀ L⁻ᴴ U⁻ᴴ X, or A⁻¹ X of factors that did not see X. Returns which lanes are finite.
template <class L>
BS_INLINE Mask<typename L::Real> solve_adjoint(Strided<L> lu, const std::int32_t* pivots, Strided<L> x) {
  solve_triangle<L>(lu, false, true, true, false, x);
  const auto finite = solve_triangle<L>(lu, true, true, true, true, x);
  permute<L>(lu.rows, pivots, true, x);
  return finite;
}
template <class L>
BS_INLINE Mask<typename L::Real> solve_plain(Strided<L> lu, const std::int32_t* pivots, Strided<L> x) {
  permute<L>(lu.rows, pivots, false, x);
  solve_triangle<L>(lu, true, false, false, true, x);
  return solve_triangle<L>(lu, false, false, false, false, x);
}

template <class L>
BS_INLINE void set_diagonal(typename L::Element d, Strided<L> x) {
  using R = typename L::Real;
  for (Index i = 0; i < x.rows; ++i)
    for (Index j = 0; j < x.cols; ++j) x.set(i, j, i == j ? d : L::from_re(Vec<R>{}));
}

/// Factors and pivots, where the operands are or in workspace.
template <class L>
struct Factors {
  Strided<L> lu, panel;
  std::int32_t* pivots;
  BS_INLINE Factors(Arena& arena, void* lu_at, void* pivots_at, Index n)
      : lu(operand_or<L>(arena, lu_at, n, n)),
        panel(take_strided<L>(arena, n < kBlocksFrom ? 0 : n, L::block)),
        pivots(pivots_at != nullptr ? static_cast<std::int32_t*>(pivots_at) : arena.take<std::int32_t>(n * W<typename L::Real>)) {}
};
template <class L>
BS_INLINE Strided<L> nothing_beside(Strided<L> a) {
  return {a.data, a.rows, 0, a.row, a.col};
}
/// Pivots may come from a caller who lies: one that exchanges no rows moves nothing here, and is named as the single kernels do.
template <class L>
BS_INLINE void check_pivots(const std::int32_t* pivots, Index count, Index rows, std::int32_t* info) {
  constexpr int kWidth = W<typename L::Real>;
  for (Index i = count - 1; i >= 0; --i)
    for (int w = 0; w < kWidth; ++w) {
      const std::int32_t p = pivots[i * kWidth + w];
      if (i >= rows || p < 0 || p >= rows) info[w] = static_cast<std::int32_t>(i) * kFailKinds + static_cast<int>(Fail::bad_pivot);
    }
}

}  // namespace backsolve::BS_ISA
