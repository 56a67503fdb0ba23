// Products of many small matrices, one after the other: where C is at most kWide vectors wide, all of it is one strip, and what is known of
// the sizes is found once. Fewer columns than a register holds are taken by pieces of it, two of which overlap.
#pragma once
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

/// As gemm, with alpha = 1 and beta = 0, bit by bit.
template <class R>
static void products(const packed::Sizes& s, const void* const* const* lists, Index count) {
  if (s.m == 0 || s.n == 0) return;
  const Items<R> items{s, lists, count};
  if (s.n <= kWide * W<R> && s.k <= kDepth) return items.template by<W<R>>();
  if (s.k == 0) {  // empty sums
    for (Index i = 0; i < count; ++i) BS_SCALAR for (Index e = 0; e < s.m * s.n; ++e) items.c(i)[e] = 0;
    return;
  }
  const Index along_a = s.a_transposed ? s.m : s.k, along_b = s.b_transposed ? s.k : s.n;
  for (Index i = 0; i < count; ++i)
    gemm<R>(s.a_transposed, s.b_transposed, s.m, s.n, s.k, 1, items.a(i), along_a, items.b(i), along_b, 0, items.c(i), s.n);
}

}  // namespace backsolve::BS_ISA
