// exp, log, sin, cos and what their complex forms need, on one vector: SLEEF's 1-ulp functions where the build has them, else the C library lane by lane.
//
// The deterministic variants (Sleef_finz_, Sleef_cinz_): the plain ones take another argument reduction for the whole vector as soon as ONE
// lane is large, so the bits of a lane would depend on its neighbours, hence on chunk and thread boundaries.
#pragma once
#include "simd.h"

#if defined(BS_HAVE_SLEEF)
#include <sleef.h>
#if defined(__aarch64__)
#define BS_SLEEF64(fn) Sleef_finz_##fn##d2_u10advsimd
#define BS_SLEEF32(fn) Sleef_finz_##fn##f4_u10advsimd
#elif BS_VECTOR_BYTES == 64
#define BS_SLEEF64(fn) Sleef_finz_##fn##d8_u10avx512f
#define BS_SLEEF32(fn) Sleef_finz_##fn##f16_u10avx512f
#elif BS_VECTOR_BYTES == 32
#define BS_SLEEF64(fn) Sleef_finz_##fn##d4_u10avx2
#define BS_SLEEF32(fn) Sleef_finz_##fn##f8_u10avx2
#else
#define BS_SLEEF64(fn) Sleef_cinz_##fn##d2_u10sse2
#define BS_SLEEF32(fn) Sleef_cinz_##fn##f4_u10sse2
#endif
#endif

namespace backsolve::BS_ISA {

#if defined(BS_HAVE_SLEEF)

#define BS_MATH(fn, parameters, arguments)                  \
  template <class R>                                        \
  BS_INLINE Vec<R> v##fn parameters {                       \
    if constexpr (sizeof(R) == 8) {                         \
      return (Vec<R>)BS_SLEEF64(fn) arguments;              \
    } else {                                                \
      return (Vec<R>)BS_SLEEF32(fn) arguments;              \
    }                                                       \
  }

template <class R>
BS_INLINE void vsincos(Vec<R> x, Vec<R>& s, Vec<R>& c) {
  if constexpr (sizeof(R) == 8) {
    const auto both = BS_SLEEF64(sincos)(x);
    s = both.x, c = both.y;
  } else {
    const auto both = BS_SLEEF32(sincos)(x);
    s = both.x, c = both.y;
  }
}

#else

#define BS_LANE(i) [i]
#define BS_MATH(fn, parameters, arguments)                                                \
  template <class R>                                                                      \
  BS_INLINE Vec<R> v##fn parameters {                                                     \
    Vec<R> result;                                                                        \
    for (int i = 0; i < W<R>; ++i) {                                                      \
      if constexpr (sizeof(R) == 8) {                                                     \
        result[i] = __builtin_##fn arguments;                                             \
      } else {                                                                            \
        result[i] = __builtin_##fn##f arguments;                                          \
      }                                                                                   \
    }                                                                                     \
    return result;                                                                        \
  }
#define x x BS_LANE(i)
#endif

}  // namespace backsolve::BS_ISA
