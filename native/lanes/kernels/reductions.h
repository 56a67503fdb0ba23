// What reductions combine.
#pragma once
#include "../vector/elements.h"

namespace backsolve::BS_ISA {
namespace {

// `identity` changes no bit of what it is combined with: x + -0 = x also for x = -0.
struct Sum {
  template <class R>
  BS_INLINE static Vec<R> combine(Vec<R> a, Vec<R> b) {
    return a + b;
  }
  template <class R>
  static constexpr R identity = static_cast<R>(-0.0);
};
struct Max {
  template <class R>
  BS_INLINE static Vec<R> combine(Vec<R> a, Vec<R> b) {
    return vmax<R>(a, b);
  }
  template <class R>
  static constexpr R identity = -Ieee<R>::inf;
};
struct Min {
  template <class R>
  BS_INLINE static Vec<R> combine(Vec<R> a, Vec<R> b) {
    return vmin<R>(a, b);
  }
  template <class R>
  static constexpr R identity = Ieee<R>::inf;
};

template <class R, int H, int... I>
BS_INLINE Vec<R> turned(Vec<R> v, Seq<I...>) {
  return __builtin_shufflevector(v, v, ((I + H) % W<R>)...);
}
/// Of all lanes whose numbers differ by multiples of `parts`, in every lane.
template <class Op, class R, int parts, int H = W<R> / 2>
BS_INLINE Vec<R> across(Vec<R> v) {
  if constexpr (H >= parts)
    return across<Op, R, parts, H / 2>(Op::template combine<R>(v, turned<R, H>(v, UpTo<W<R>>{})));
  else
    return v;
}

}  // namespace
}  // namespace backsolve::BS_ISA
