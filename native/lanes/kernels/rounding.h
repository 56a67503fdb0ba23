// To whole numbers, by the magic number: numbers from 2^52 (2^23) on are whole, and so are sums with it.
#pragma once
#include "../vector/bits.h"

namespace backsolve::BS_ISA {
namespace {

/// To nearest, halves to even; the sign stays, of zeros, too.
template <class R>
BS_INLINE Vec<R> vrint(Vec<R> x) {
  constexpr R magic = static_cast<R>(sizeof(R) == 8 ? 0x1p52 : 0x1p23);
  const Vec<R> a = vabs<R>(x);
  return select<R>(a < magic, vcopysign<R>(rounded<R>(a + magic) - magic, x), x);
}
template <class R>
BS_INLINE Vec<R> vfloor(Vec<R> x) {
  const Vec<R> r = vrint<R>(x);
  return select<R>(r > x, r - 1, r);
}
template <class R>
BS_INLINE Vec<R> vceil(Vec<R> x) {
  return -vfloor<R>(-x);
}
template <class R>
BS_INLINE Vec<R> vtrunc(Vec<R> x) {
  return vcopysign<R>(vfloor<R>(vabs<R>(x)), x);
}

}  // namespace
}  // namespace backsolve::BS_ISA
