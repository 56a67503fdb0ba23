// The numbers from 0 as template arguments, for shuffles and arguments; <utility> has functions that would be compiled for more than one
// instruction set and kept once.
#pragma once
#include "simd.h"

namespace backsolve::BS_ISA {

template <int... I>
struct Seq {};
template <int N, int... I>
struct Count : Count<N - 1, N - 1, I...> {};
template <int... I>
struct Count<0, I...> {
  using type = Seq<I...>;
};
template <int N>
using UpTo = typename Count<N>::type;

}  // namespace backsolve::BS_ISA
