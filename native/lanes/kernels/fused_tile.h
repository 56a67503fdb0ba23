// What an instruction of the register machine gets: a tile in registers, and operands in memory (fused_machine.h).
#pragma once
#include "../fused.h"
#include "functors.h"
#include "reductions.h"
#include "words.h"

namespace backsolve::BS_ISA {
namespace {

constexpr int kTile = 8;

struct State {
  const FusedOperand* operand;
  int first;  // elements of the tile that the one before has had
  int count;  // of a flat tile: elements in memory
  int end;    // behind the last element that counts
  int below;  // the same without the diagonal
};

#define BS_TILE                                                                                                   \
  [[maybe_unused]] Vec<R> a0, [[maybe_unused]] Vec<R> a1, [[maybe_unused]] Vec<R> a2, [[maybe_unused]] Vec<R> a3, \
      [[maybe_unused]] Vec<R> a4, [[maybe_unused]] Vec<R> a5, [[maybe_unused]] Vec<R> a6, [[maybe_unused]] Vec<R> a7
#define BS_ALL a0, a1, a2, a3, a4, a5, a6, a7
template <class R>
using Function = void (*)(const FusedIns*, State*, BS_TILE);

#if defined(__clang__)
#define BS_JUMP [[clang::musttail]] return
#else
#define BS_JUMP return
#endif
#define BS_NEXT(v) \
  BS_JUMP reinterpret_cast<Function<R>>(ip[1].run)(ip + 1, s, (v)[0], (v)[1], (v)[2], (v)[3], (v)[4], (v)[5], (v)[6], (v)[7])
#define BS_EACH _Pragma("GCC unroll 8") for (int t = 0; t < T; ++t)

template <class R>
struct At {
  char* p;
  Index step;
  BS_INLINE At(const State* s, unsigned operand, std::int32_t behind)
      : p(s->operand[operand].at + behind), step(s->operand[operand].step) {}
  BS_INLINE Vec<R> operator[](int t) const { return loadu<R>(reinterpret_cast<const R*>(p + t * step)); }
  BS_INLINE void put(int t, Vec<R> v) const { storeu<R>(reinterpret_cast<R*>(p + t * step), v); }
};

/// A mask is held as the bits of a vector.
template <class R>
BS_INLINE Mask<R> as_mask(Vec<R> v) {
  return (Mask<R>)v;
}
template <class E, class R>
BS_INLINE auto as_element(Vec<R> v) {
  if constexpr (E::bytes == 1)
    return as_mask<R>(v);
  else
    return v;
}
template <class R>
BS_INLINE Vec<R> as_vector(Vec<R> v) {
  return v;
}
template <class R>
BS_INLINE Vec<R> as_vector(Mask<R> m) {
  return (Vec<R>)m;
}

constexpr Index kTileBytes = kTile * BS_VECTOR_BYTES;  // from one temporary to the next

/// A function of complex numbers, of all vectors of a tile at once, so that its constants stay in registers.
template <class R, class F, class... In>
struct OfParts {
  static constexpr int arity = sizeof...(In);
  template <int... I>
  BS_INLINE static Cx<R> of(const At<R>* part, int t, Seq<I...>) {
    return F::template complex<R>(Cx<R>{part[2 * I][t], part[2 * I + 1][t]}...);
  }
  /// From the places of real and imaginary parts, two in an instruction, then that of the result, behind whose real part the other is.
  static void run(const FusedIns* ip, const State* s, int count) {
    const auto re = [&](int i) { return At<R>(s, ip[i].a, ip[i].a_at); };
    const auto im = [&](int i) { return At<R>(s, ip[i].b, ip[i].b_at); };
    const At<R> part[] = {re(0), im(0), re(arity - 1), im(arity - 1)}, to = re(arity);
    for (int t = 0; t < count; ++t) {
      const Cx<R> z = of(part, t, UpTo<arity>{});
      to.put(t, z.re);
      Re<R>::store_flat(to.p + kTileBytes + t * to.step, z.im);
    }
  }
};

}  // namespace
}  // namespace backsolve::BS_ISA
