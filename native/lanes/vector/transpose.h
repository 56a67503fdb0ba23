// Squares of W vectors, rows and columns exchanged in registers.
#pragma once
#include "indices.h"

namespace backsolve::BS_ISA {

/// One butterfly: blocks of S lanes exchanged between a and b.
template <class R, int S, int... I>
BS_INLINE void exchange(Vec<R>& a, Vec<R>& b, Seq<I...>) {
  const Vec<R> low = __builtin_shufflevector(a, b, (I / S % 2 == 0 ? I : W<R> + I - S)...);
  const Vec<R> high = __builtin_shufflevector(a, b, (I / S % 2 == 0 ? I + S : W<R> + I)...);
  a = low;
  b = high;
}

/// Transposes the squares of N x N lanes in N vectors: log2(N) rounds of butterflies.
template <class R, int S, int N = W<R>>
BS_INLINE void transpose(Vec<R>* v) {
  if constexpr (S < N) {
    BS_UNROLL for (int i = 0; i < N; ++i) if ((i & S) == 0) exchange<R, S>(v[i], v[i + S], UpTo<W<R>>{});
    transpose<R, S * 2, N>(v);
  }
}

}  // namespace backsolve::BS_ISA
