// How one vector of elements is read and written: W scalars side by side in an array (flat), or one element of W items (lanes).
#pragma once
#include "../../base/view.h"
#include "complex_math.h"
#include "indices.h"

namespace backsolve::BS_ISA {

/// re, im of W interleaved pairs in two vectors, and back.
template <class R, int... I>
BS_INLINE Cx<R> deinterleave(Vec<R> a, Vec<R> b, Seq<I...>) {
  return {__builtin_shufflevector(a, b, (2 * I)...), __builtin_shufflevector(a, b, (2 * I + 1)...)};
}
template <class R, int... I>
BS_INLINE void interleave(Cx<R> z, Vec<R>& a, Vec<R>& b, Seq<I...>) {
  a = __builtin_shufflevector(z.re, z.im, (I % 2 * W<R> + I / 2)...);
  b = __builtin_shufflevector(z.re, z.im, (I % 2 * W<R> + (W<R> + I) / 2)...);
}

template <class R>
struct Re {
  using Real = R;
  static constexpr bool is_complex = false;
  static constexpr int bytes = sizeof(R), lane_bytes = BS_VECTOR_BYTES;
  BS_INLINE static Vec<R> load_flat(const char* p) { return loadu<R>(reinterpret_cast<const R*>(p)); }
  BS_INLINE static void store_flat(char* p, Vec<R> v) { storeu<R>(reinterpret_cast<R*>(p), v); }
  BS_INLINE static Vec<R> load_lanes(const char* p) { return load<R>(reinterpret_cast<const R*>(p)); }
  BS_INLINE static void store_lanes(char* p, Vec<R> v) { store<R>(reinterpret_cast<R*>(p), v); }
};

template <class R>
struct Co {
  using Real = R;
  static constexpr bool is_complex = true;
  static constexpr int bytes = 2 * sizeof(R), lane_bytes = 2 * BS_VECTOR_BYTES;
  BS_INLINE static Cx<R> load_flat(const char* p) {
    return deinterleave<R>(Re<R>::load_flat(p), Re<R>::load_flat(p + BS_VECTOR_BYTES), UpTo<W<R>>{});
  }
  BS_INLINE static void store_flat(char* p, Cx<R> z) {
    Vec<R> a, b;
    interleave<R>(z, a, b, UpTo<W<R>>{});
    Re<R>::store_flat(p, a);
    Re<R>::store_flat(p + BS_VECTOR_BYTES, b);
  }
  BS_INLINE static Cx<R> load_lanes(const char* p) { return {Re<R>::load_lanes(p), Re<R>::load_lanes(p + BS_VECTOR_BYTES)}; }
  BS_INLINE static void store_lanes(char* p, Cx<R> z) {
    Re<R>::store_lanes(p, z.re);
    Re<R>::store_lanes(p + BS_VECTOR_BYTES, z.im);
  }
};

/// b8 beside reals R: W bytes in both layouts.
template <class R>
struct Bo {
  using Real = R;
  static constexpr bool is_complex = false;
  static constexpr int bytes = 1, lane_bytes = W<R>;
  typedef int8_t Bytes __attribute__((vector_size(W<R>)));
  BS_INLINE static Mask<R> load_flat(const char* p) {
    Bytes b;
    __builtin_memcpy(&b, p, W<R>);
    return __builtin_convertvector(b, Mask<R>) != 0;
  }
  BS_INLINE static void store_flat(char* p, Mask<R> m) {
    const Bytes b = __builtin_convertvector(m & 1, Bytes);
    __builtin_memcpy(p, &b, W<R>);
  }
  BS_INLINE static Mask<R> load_lanes(const char* p) { return load_flat(p); }
  BS_INLINE static void store_lanes(char* p, Mask<R> m) { store_flat(p, m); }
};

constexpr int kBlockBytes = 4096;  // of one operand gathered from strides; four of them stay in L1

/// Not inlined: a call costs less than copies of this loop in every kernel.
template <int B>
static __attribute__((noinline)) void copy_strided(char* to, Index to_stride, const char* from, Index from_stride, Index n) {
  for (Index i = 0; i < n; ++i) __builtin_memcpy(to + i * to_stride * B, from + i * from_stride * B, B);
}
/// n elements of `bytes` from one stride (in elements) to another.
BS_INLINE void copy_elements(int bytes, char* to, Index to_stride, const char* from, Index from_stride, Index n) {
  switch (bytes) {
    case 1:
      return copy_strided<1>(to, to_stride, from, from_stride, n);
    case 4:
      return copy_strided<4>(to, to_stride, from, from_stride, n);
    case 8:
      return copy_strided<8>(to, to_stride, from, from_stride, n);
    default:
      return copy_strided<16>(to, to_stride, from, from_stride, n);
  }
}
/// n > 0 copies of one element; doubling, since a fill must not cost as much as the map that reads it.
BS_INLINE void fill_elements(int bytes, char* to, const char* from, Index n) {
  __builtin_memcpy(to, from, static_cast<std::size_t>(bytes));
  for (Index done = 1; done < n; done *= 2) {
    __builtin_memcpy(to + done * bytes, to, static_cast<std::size_t>((n - done < done ? n - done : done) * bytes));
  }
}

}  // namespace backsolve::BS_ISA
