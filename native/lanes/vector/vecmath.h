// exp, log, sin, cos and what their complex forms need, on one vector: exp and log written out (exp_log.h), as a call costs as much as they
// do; of the others SLEEF's 1-ulp functions where the build has them, else the C library lane by lane.
#pragma once
#include "exp_log.h"

#if defined(BS_HAVE_SLEEF)
#include <sleef.h>
// Why the deterministic variants (Sleef_finz_ with FMA, Sleef_cinz_ without): the plain ones change the argument reduction of the whole
// vector as soon as ONE lane is large, so the bits of a lane would depend on its neighbours, hence on chunk and thread boundaries.
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

// BS_MATH1(exp) defines Vec<R> vexp<R>(Vec<R>), BS_MATH2(atan2) defines Vec<R> vatan2<R>(Vec<R>, Vec<R>).
#if defined(BS_HAVE_SLEEF)

#define BS_MATH1(fn)                 \
  template <class R>                 \
  BS_INLINE Vec<R> v##fn(Vec<R> x) { \
    if constexpr (sizeof(R) == 8)    \
      return BS_SLEEF64(fn)(x);      \
    else                             \
      return BS_SLEEF32(fn)(x);      \
  }
#define BS_MATH2(fn)                           \
  template <class R>                           \
  BS_INLINE Vec<R> v##fn(Vec<R> x, Vec<R> y) { \
    if constexpr (sizeof(R) == 8)              \
      return BS_SLEEF64(fn)(x, y);             \
    else                                       \
      return BS_SLEEF32(fn)(x, y);             \
  }

template <class R>
BS_INLINE void vsincos(Vec<R> x, Vec<R>& sine, Vec<R>& cosine) {
  if constexpr (sizeof(R) == 8) {
    const auto both = BS_SLEEF64(sincos)(x);
    sine = both.x, cosine = both.y;
  } else {
    const auto both = BS_SLEEF32(sincos)(x);
    sine = both.x, cosine = both.y;
  }
}

#else

#define BS_MATH1(fn)                    \
  template <class R>                    \
  BS_INLINE Vec<R> v##fn(Vec<R> x) {    \
    Vec<R> r{};                         \
    for (int i = 0; i < W<R>; ++i) {    \
      if constexpr (sizeof(R) == 8)     \
        r[i] = __builtin_##fn(x[i]);    \
      else                              \
        r[i] = __builtin_##fn##f(x[i]); \
    }                                   \
    return r;                           \
  }
#define BS_MATH2(fn)                           \
  template <class R>                           \
  BS_INLINE Vec<R> v##fn(Vec<R> x, Vec<R> y) { \
    Vec<R> r{};                                \
    for (int i = 0; i < W<R>; ++i) {           \
      if constexpr (sizeof(R) == 8)            \
        r[i] = __builtin_##fn(x[i], y[i]);     \
      else                                     \
        r[i] = __builtin_##fn##f(x[i], y[i]);  \
    }                                          \
    return r;                                  \
  }

#endif

BS_MATH1(log1p)
BS_MATH1(sin)
BS_MATH1(cos)
BS_MATH1(sinh)
BS_MATH1(cosh)
BS_MATH1(tanh)
BS_MATH2(atan2)

#if !defined(BS_HAVE_SLEEF)
template <class R>
BS_INLINE void vsincos(Vec<R> x, Vec<R>& sine, Vec<R>& cosine) {
  sine = vsin<R>(x);
  cosine = vcos<R>(x);
}
#endif

}  // namespace backsolve::BS_ISA
