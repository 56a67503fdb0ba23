// One vector of W reals through the compilers' vector extensions; included only by files compiled once per instruction set.
// Everything lives in the namespace of its set, so that the linker can never merge AVX-512 code into the baseline:
// no standard library templates or inline functions here.
#pragma once
#include <stdint.h>

#ifndef BS_ISA
#error "compile with -DBS_ISA=baseline|avx2|avx512|neon and -DBS_VECTOR_BYTES=16|32|64"
#endif
#define BS_INLINE inline __attribute__((always_inline))
// BS_UNROLL before a loop over the lanes of a vector, or over vectors that must stay in registers: Clang leaves one of 16 rounds as it
// stands. BS_SCALAR: before a loop that costs more in vectors (Clang makes gathers and scatters of it).
#if defined(__clang__)
#define BS_UNROLL _Pragma("clang loop unroll(full)")
#define BS_SCALAR _Pragma("clang loop vectorize(disable) interleave(disable)")
#else
#define BS_UNROLL
#define BS_SCALAR
#endif

namespace backsolve::BS_ISA {

template <class R>
struct VecOf;
template <>
struct VecOf<float> {
  typedef float type __attribute__((vector_size(BS_VECTOR_BYTES)));
  typedef float loose __attribute__((vector_size(BS_VECTOR_BYTES), aligned(4)));
  typedef int32_t mask __attribute__((vector_size(BS_VECTOR_BYTES)));
};
template <>
struct VecOf<double> {
  typedef double type __attribute__((vector_size(BS_VECTOR_BYTES)));
  typedef double loose __attribute__((vector_size(BS_VECTOR_BYTES), aligned(8)));
  typedef int64_t mask __attribute__((vector_size(BS_VECTOR_BYTES)));
};
template <class R>
using Vec = typename VecOf<R>::type;
template <class R>
using Mask = typename VecOf<R>::mask;
template <class R>
constexpr int W = BS_VECTOR_BYTES / static_cast<int>(sizeof(R));

/// load: aligned. loadu: any address. splat: one value in all lanes.
template <class R>
BS_INLINE Vec<R> load(const R* p) {
  return *reinterpret_cast<const Vec<R>*>(p);
}
template <class R>
BS_INLINE Vec<R> loadu(const R* p) {
  return *reinterpret_cast<const typename VecOf<R>::loose*>(p);
}
template <class R>
BS_INLINE void store(R* p, Vec<R> v) {
  *reinterpret_cast<Vec<R>*>(p) = v;
}
template <class R>
BS_INLINE void storeu(R* p, Vec<R> v) {
  *reinterpret_cast<typename VecOf<R>::loose*>(p) = v;
}
template <class R>
BS_INLINE Vec<R> splat(R x) {
  return x - Vec<R>{};
}
template <class R>
BS_INLINE Vec<R> select(Mask<R> m, Vec<R> a, Vec<R> b) {
  return m ? a : b;
}
template <class R>
BS_INLINE Vec<R> vsqrt(Vec<R> x) {
#if defined(__clang__)
  return __builtin_elementwise_sqrt(x);
#else
  Vec<R> y;
  for (int i = 0; i < W<R>; ++i)
    y[i] = sizeof(R) == 8 ? static_cast<R>(__builtin_sqrt(x[i])) : static_cast<R>(__builtin_sqrtf(static_cast<float>(x[i])));
  return y;
#endif
}

}  // namespace backsolve::BS_ISA
