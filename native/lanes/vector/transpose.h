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

/// Transposes W vectors of W lanes: log2(W) rounds of butterflies.
template <class R, int S>
BS_INLINE void transpose(Vec<R>* v) {
  if constexpr (S < W<R>) {
    BS_UNROLL for (int i = 0; i < W<R>; ++i) if ((i & S) == 0) exchange<R, S>(v[i], v[i + S], UpTo<W<R>>{});
    transpose<R, S * 2>(v);
  }
}

}  // namespace backsolve::BS_ISA
