// Products of many small matrices, one after the other: where C is at most kWide vectors wide, all of it is one strip, and what is known of
// the sizes is found once. Fewer columns than a register holds are taken by pieces of it, two of which overlap.
#pragma once
#include "dots.h"
#include "gemm.h"

namespace backsolve::BS_ISA {

/// C = op(A) op(B), of each item.
template <class R>
struct Items {
  const packed::Sizes& sizes;
  const void* const* const* lists;  // of A, B, C
  Index count;

  BS_INLINE const R* a(Index i) const { return static_cast<const R*>(lists[0][i]); }
  BS_INLINE const R* b(Index i) const { return static_cast<const R*>(lists[1][i]); }
  BS_INLINE R* c(Index i) const { return static_cast<R*>(const_cast<void*>(lists[2][i])); }

  template <int N, int V>
  __attribute__((noinline)) void strip() const {
    const auto [a_transposed, b_transposed, m, n, k] = sizes;
    alignas(64) R copy[kDepth * kWide * W<R>];
    Product<R> p{nullptr, a_transposed ? 1 : k, a_transposed ? m : 1, nullptr, n, k, nullptr, n, n - N, static_cast<int>(n), 1, 0};
    for (Index i = 0; i < count; ++i) {
      p.a = a(i);
      p.b = b(i);
      p.c = c(i);
      if (b_transposed) {
        transpose_by<R, N>(n, k, p.b, k, copy, n);
        p.b = copy;
      }
      all_rows<R, N, V, true>(p, m);
    }
  }
  /// n columns in vectors of N, or of fewer where they are fewer.
  template <int N>
  BS_INLINE void by() const {
    const Index n = sizes.n;
    if constexpr (N > 1)
      if (n < N) return by<N / 2>();
    if (n == N) return strip<N, 1>();
    if (N == 1 || n <= 2 * N) return strip<N, 2>();
    strip<N, kWide>();
  }
};

/// One row times a matrix of more than kWide vectors: strips so wide that each row of B is read in long pieces, whatever k is.
template <class R>
static __attribute__((noinline)) void long_row(Index n, Index k, const R* a, const R* b, R* c) {
  constexpr int kLong = 8;
  Product<R> p{a, k, 1, b, n, k, c, n, 0, 0, 1, 0};
  for (Index j = 0; j < n;) {
    const Index vectors = (n - j + W<R> - 1) / W<R>, wide = vectors >= kLong ? kLong : vectors > 1 ? 2 : 1;
    const Index most = n - j - W<R>;
    p.b = b + j;
    p.c = c + j;
    if (most < 0) {  // from further on the left: what stands there is written again
      p.b = b + n - W<R>;
      p.c = c + n - W<R>;
    }
    p.last = most < 0 ? 0 : (wide - 1) * W<R> < most ? (wide - 1) * W<R> : most;
    if (wide == kLong) product_block<R, W<R>, 1, kLong, true>(p, 0);
    if (wide == 2) product_block<R, W<R>, 1, 2, true>(p, 0);
    if (wide == 1) product_block<R, W<R>, 1, 1, true>(p, 0);
    j += wide * W<R>;
  }
}

/// As gemm, with alpha = 1 and beta = 0, bit by bit; but for vectors, of which the order of a sum depends on k alone, too.
template <class R>
static void products(const packed::Sizes& s, const void* const* const* lists, Index count) {
  if (s.m == 0 || s.n == 0) return;
  const Items<R> items{s, lists, count};
  if (s.n == 1 && !s.a_transposed && s.k > 1) {
    for (Index i = 0; i < count; ++i) dots<R>(s.m, s.k, items.a(i), items.b(i), items.c(i));
    return;
  }
  if (s.m == 1 && s.b_transposed && s.k > 1) {
    for (Index i = 0; i < count; ++i) dots<R>(s.n, s.k, items.b(i), items.a(i), items.c(i));
    return;
  }
  if (s.n == 1 && s.a_transposed && s.m > 1) {  // Aᵀ b as the row bᵀ A
    const void* const* const turned[] = {lists[1], lists[0], lists[2]};
    return products<R>({false, false, 1, s.m, s.k}, turned, count);
  }
  if (s.m == 1 && !s.b_transposed && s.n > kWide * W<R> && s.k > 0) {
    for (Index i = 0; i < count; ++i) long_row<R>(s.n, s.k, items.a(i), items.b(i), items.c(i));
    return;
  }
  if (s.n <= kWide * W<R> && (s.k <= kDepth || (s.m == 1 && !s.b_transposed))) return items.template by<W<R>>();
  if (s.k == 0) {  // empty sums
    for (Index i = 0; i < count; ++i) BS_SCALAR for (Index e = 0; e < s.m * s.n; ++e) items.c(i)[e] = 0;
    return;
  }
  const Index along_a = s.a_transposed ? s.m : s.k, along_b = s.b_transposed ? s.k : s.n;
  for (Index i = 0; i < count; ++i)
    gemm<R>(s.a_transposed, s.b_transposed, s.m, s.n, s.k, 1, items.a(i), along_a, items.b(i), along_b, 0, items.c(i), s.n);
}

}  // namespace backsolve::BS_ISA
