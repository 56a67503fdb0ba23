// Reductions: sum, max, min of n elements. The order is a function of n alone, so the bits do not depend on strides or threads.
#include "../fill.h"
#include "../lanes.h"
#include "reductions.h"

namespace backsolve::BS_ISA {
namespace {

constexpr int kChains = 4;    // independent accumulators: latency of an addition / its throughput
constexpr int kRounds = 128;  // additions into one accumulator before it is put away: rounding grows as n / (128 * 4 W) + 128, not n

/// Accumulators over vectors that arrive in order; the state lives across blocks.
template <class Op, class R>
struct Chains {
  Vec<R> inner[kChains], outer[kChains];
  int chain = 0, round = 0;

  BS_INLINE Chains() {
    for (int k = 0; k < kChains; ++k) inner[k] = outer[k] = splat<R>(Op::template identity<R>);
  }
  BS_INLINE void flush() {
    for (int k = 0; k < kChains; ++k) {
      outer[k] = Op::template combine<R>(outer[k], inner[k]);
      inner[k] = splat<R>(Op::template identity<R>);
    }
    round = 0;
  }
  /// `count` vectors at p; only the last call may pass a count that is not a multiple of kChains.
  BS_INLINE void feed(const char* p, Index count, Index step) {
    Vec<R> a[kChains];
    for (int k = 0; k < kChains; ++k) a[k] = inner[k];
    Index i = 0;
    for (; i + kChains <= count; i += kChains) {
      for (int k = 0; k < kChains; ++k) a[k] = Op::template combine<R>(a[k], Re<R>::load_flat(p + (i + k) * step));
      if (++round < kRounds) continue;
      for (int k = 0; k < kChains; ++k) inner[k] = a[k];
      flush();
      for (int k = 0; k < kChains; ++k) a[k] = inner[k];
    }
    for (int k = 0; k < kChains; ++k) inner[k] = a[k];
    for (; i < count; ++i, ++chain) inner[chain] = Op::template combine<R>(inner[chain], Re<R>::load_flat(p + i * step));
  }
  BS_INLINE Vec<R> result() {
    flush();
    return Op::template combine<R>(Op::template combine<R>(outer[0], outer[1]), Op::template combine<R>(outer[2], outer[3]));
  }
};

template <class Op, class R>
BS_INLINE R combine_one(R a, R b) {
  return Op::template combine<R>(splat<R>(a), splat<R>(b))[0];
}

/// n elements of `parts` reals (2: a complex pair) each.
template <class Op, class R, int parts>
void reduce_flat(void* out, const void* in, Index n, Index stride, bool first) {
  constexpr int bytes = parts * static_cast<int>(sizeof(R));
  constexpr Index per_block = kBlockBytes / bytes;
  const char* p = static_cast<const char*>(in);
  R* result = static_cast<R*>(out);
  Chains<Op, R> chains;
  alignas(64) char buffer[kBlockBytes];
  const Index whole = n * bytes / BS_VECTOR_BYTES, tail = whole * (BS_VECTOR_BYTES / bytes);
  if (stride == 1 || n <= 1) {
    chains.feed(p, whole, BS_VECTOR_BYTES);
  } else {
    for (Index i = 0; i < tail; i += per_block) {
      const Index count = tail - i < per_block ? tail - i : per_block;
      copy_elements(bytes, buffer, 1, p + i * stride * bytes, stride, count);
      chains.feed(buffer, count * bytes / BS_VECTOR_BYTES, BS_VECTOR_BYTES);
    }
  }
  if (tail < n) {
    store<R>(reinterpret_cast<R*>(buffer), splat<R>(Op::template identity<R>));
    copy_elements(bytes, buffer, 1, p + tail * stride * bytes, stride, n - tail);
    chains.feed(buffer, 1, BS_VECTOR_BYTES);
  }
  alignas(BS_VECTOR_BYTES) R lane[W<R>];
  store<R>(lane, chains.result());
  for (int half = W<R> / 2; half >= parts; half /= 2) {
    for (int i = 0; i < half; ++i) lane[i] = combine_one<Op, R>(lane[i], lane[i + half]);
  }
  for (int k = 0; k < parts; ++k) {
    if (!first)
      result[k] = combine_one<Op, R>(result[k], lane[k]);
    else
      result[k] = n > 0 ? lane[k] : Op::template identity<R> + 0;  // an empty sum is +0
  }
}

template <class Op, class R, int parts>
void reduce_lanes(void* out, const void* in, Index n, Index stride, bool first) {
  R* result = static_cast<R*>(out);
  for (int k = 0; k < parts; ++k) {
    Chains<Op, R> chains;
    chains.feed(static_cast<const char*>(in) + k * BS_VECTOR_BYTES, n, stride * parts * BS_VECTOR_BYTES);
    Vec<R> v = chains.result();
    if (!first)
      v = Op::template combine<R>(load<R>(result + k * W<R>), v);
    else if (n == 0)
      v = v + 0;
    store<R>(result + k * W<R>, v);
  }
}

template <class Op, class R, int parts>
void put(LanesTable& t, Reduce r, DType column) {
  t.reduce_flat[static_cast<int>(r)][static_cast<int>(column)] = &reduce_flat<Op, R, parts>;
  t.reduce_lanes[static_cast<int>(r)][static_cast<int>(column)] = &reduce_lanes<Op, R, parts>;
}

}  // namespace

void fill_reduce(LanesTable& table) {
  put<Sum, float, 1>(table, Reduce::sum, DType::f32);
  put<Sum, double, 1>(table, Reduce::sum, DType::f64);
  put<Sum, float, 2>(table, Reduce::sum, DType::c64);
  put<Sum, double, 2>(table, Reduce::sum, DType::c128);
  put<Max, float, 1>(table, Reduce::max, DType::f32);
  put<Max, double, 1>(table, Reduce::max, DType::f64);
  put<Min, float, 1>(table, Reduce::min, DType::f32);
  put<Min, double, 1>(table, Reduce::min, DType::f64);
}

}  // namespace backsolve::BS_ISA
