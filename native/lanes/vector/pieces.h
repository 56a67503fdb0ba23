// Vectors shorter than the registers, for what is left over.
#pragma once
#include "indices.h"

namespace backsolve::BS_ISA {

/// N reals side by side, at any address.
template <class R, int N>
struct PieceOf {
  typedef R type __attribute__((vector_size(N * sizeof(R))));
  typedef R loose __attribute__((vector_size(N * sizeof(R)), aligned(sizeof(R))));
};
template <class R, int N>
using Piece = typename PieceOf<R, N>::type;

template <class R, int N>
BS_INLINE Piece<R, N> load_piece(const R* p) {
  return *reinterpret_cast<const typename PieceOf<R, N>::loose*>(p);
}
template <class R, int N>
BS_INLINE void store_piece(R* p, Piece<R, N> v) {
  *reinterpret_cast<typename PieceOf<R, N>::loose*>(p) = v;
}

}  // namespace backsolve::BS_ISA
