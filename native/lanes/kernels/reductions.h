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

}  // namespace
}  // namespace backsolve::BS_ISA
