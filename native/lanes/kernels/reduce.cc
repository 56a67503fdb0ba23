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

/// A short row: a vector has one element of each of W rows.
template <class Op, class R, int parts>
void short_rows(R* out, const R* in, Index rows, Index step, Index n) {
  for (Index first = 0; first < rows; first += W<R>) {
    const R* row[W<R>];
    for (int l = 0; l < W<R>; ++l) row[l] = in + (first + l < rows ? first + l : rows - 1) * step * parts;
    const int used = rows - first < W<R> ? static_cast<int>(rows - first) : W<R>;
    for (int k = 0; k < parts; ++k) {
      Vec<R> sum = splat<R>(Op::template identity<R>);
      for (Index j = 0; j < n; ++j) {
        Vec<R> v{};
        BS_UNROLL
        for (int l = 0; l < W<R>; ++l) v[l] = row[l][j * parts + k];
        sum = Op::template combine<R>(sum, v);
      }
      if (used == W<R> && parts == 1)
        storeu<R>(out + first, sum);
      else
        for (int l = 0; l < used; ++l) out[(first + l) * parts + k] = sum[l];
    }
  }
}

/// Rows of n contiguous elements, 0 < n <= kReduceRun, into contiguous elements.
template <class Op, class R, int parts>
void reduce_rows(void* out, const void* in, Index rows, Index step, Index n) {
  const R* from = static_cast<const R*>(in);
  R* to = static_cast<R*>(out);
  const Index reals = n * parts, whole = reals / W<R>, rest = reals % W<R>;
  if (reals < 2 * W<R>) return short_rows<Op, R, parts>(to, from, rows, step, n);
  alignas(64) R tail[W<R>];
  for (int l = 0; l < W<R>; ++l) tail[l] = Op::template identity<R>;
  for (Index r = 0; r < rows; ++r, from += step * parts, to += parts) {
    Vec<R> sum[kChains];
    for (int k = 0; k < kChains; ++k) sum[k] = splat<R>(Op::template identity<R>);
    Index i = 0;
    for (; i + kChains <= whole; i += kChains)
      for (int k = 0; k < kChains; ++k) sum[k] = Op::template combine<R>(sum[k], loadu<R>(from + (i + k) * W<R>));
    for (int k = 0; i < whole; ++i, ++k) sum[k] = Op::template combine<R>(sum[k], loadu<R>(from + i * W<R>));
    if (rest > 0) {
      __builtin_memcpy(tail, from + whole * W<R>, static_cast<std::size_t>(rest) * sizeof(R));
      sum[kChains - 1] = Op::template combine<R>(sum[kChains - 1], load<R>(tail));
    }
    const Vec<R> all =
        across<Op, R, parts>(Op::template combine<R>(Op::template combine<R>(sum[0], sum[1]), Op::template combine<R>(sum[2], sum[3])));
    for (int k = 0; k < parts; ++k) to[k] = all[k];
  }
}

/// Up to K vectors of reals side by side, of each n > 0 that are `step` reals apart.
template <class Op, class R, int K>
BS_INLINE void column_block(R* out, const R* p, Index used, Index n, Index step) {
  constexpr Index kBlock = K * W<R>;
  alignas(64) R buffer[kBlock];
  for (Index l = 0; l < kBlock; ++l) buffer[l] = Op::template identity<R>;
  const auto bytes = static_cast<std::size_t>(used) * sizeof(R);
  Vec<R> inner[K], outer[K];
  for (int k = 0; k < K; ++k) inner[k] = outer[k] = splat<R>(Op::template identity<R>);
  for (Index done = 0; done < n; done += kRounds) {
    const Index end = n - done < kRounds ? n : done + kRounds;
    for (Index j = done; j < end; ++j, p += step) {
      if (used < kBlock) __builtin_memcpy(buffer, p, bytes);
      const R* q = used < kBlock ? buffer : p;
      for (int k = 0; k < K; ++k) inner[k] = Op::template combine<R>(inner[k], loadu<R>(q + k * W<R>));
    }
    for (int k = 0; k < K; ++k) {
      outer[k] = Op::template combine<R>(outer[k], inner[k]);
      inner[k] = splat<R>(Op::template identity<R>);
    }
  }
  for (int k = 0; k < K; ++k) store<R>(buffer + k * W<R>, outer[k]);
  __builtin_memcpy(out, buffer, bytes);
}
template <class Op, class R>
void reduce_columns(R* out, const R* in, Index count, Index n, Index step) {
  constexpr Index kBlock = kChains * W<R>;
  Index first = 0;
  for (; count - first > W<R>; first += kBlock) {
    const Index used = count - first < kBlock ? count - first : kBlock;
    column_block<Op, R, kChains>(out + first, in + first, used, n, step);
    if (used < kBlock) return;
  }
  if (first < count) column_block<Op, R, 1>(out + first, in + first, count - first, n, step);
}
template <class Op, class R, int parts>
void columns_of(void* out, const void* in, Index count, Index n, Index step) {
  reduce_columns<Op, R>(static_cast<R*>(out), static_cast<const R*>(in), count * parts, n, step * parts);
}

template <class Op, class R, int parts>
void put(LanesTable& t, Reduce r, DType column) {
  t.reduce_flat[static_cast<int>(r)][static_cast<int>(column)] = &reduce_flat<Op, R, parts>;
  t.reduce_rows[static_cast<int>(r)][static_cast<int>(column)] = &reduce_rows<Op, R, parts>;
  t.reduce_columns[static_cast<int>(r)][static_cast<int>(column)] = &columns_of<Op, R, parts>;
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
