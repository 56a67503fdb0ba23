// Squares of N lanes in N vectors, rows and columns exchanged in registers.
#pragma once
#include "pieces.h"

namespace backsolve::BS_ISA {

/// One butterfly: blocks of S of L lanes exchanged between a and b.
template <int L, int S, class V, int... I>
BS_INLINE void exchange(V& a, V& b, Seq<I...>) {
  const V low = __builtin_shufflevector(a, b, (I / S % 2 == 0 ? I : L + I - S)...);
  const V high = __builtin_shufflevector(a, b, (I / S % 2 == 0 ? I + S : L + I)...);
  a = low;
  b = high;
}

/// Transposes the squares of N x N in N vectors of L >= N lanes: log2(N) rounds of butterflies.
template <int N, int S, int L = N, class V>
BS_INLINE void transpose(V* v) {
  if constexpr (S < N) {
    BS_UNROLL for (int i = 0; i < N; ++i) if ((i & S) == 0) exchange<L, S>(v[i], v[i + S], UpTo<L>{});
    transpose<N, S * 2, L>(v);
  }
}

}  // namespace backsolve::BS_ISA
