// The loops of elementwise maps, generic over a functor (functors.h) and the kinds of its operands.
// Every element of an array goes through the same vector code, wherever it stands, so its bits do not depend on its position.
#pragma once
#include "../vector/elements.h"

namespace backsolve::BS_ISA {

using Block = void (*)(char* out, const char* const* in, Index n);

/// Operands with strides: blocks are gathered into contiguous buffers, mapped, scattered. A stride of 0 fills its buffer once.
static void map_strided(Block block, int arity, const int* bytes, char* out, const char* const* in, Index n, const Index* strides) {
  alignas(64) char buffer[4][kBlockBytes];
  int widest = bytes[0];
  for (int k = 1; k <= arity; ++k) widest = bytes[k] > widest ? bytes[k] : widest;
  const Index step = kBlockBytes / widest, first = n < step ? n : step;  // n > 1 here
  const char* from[3];
  for (int k = 0; k < arity; ++k) {
    if (strides[k + 1] == 1) continue;
    from[k] = buffer[k + 1];
    if (strides[k + 1] == 0) fill_elements(bytes[k + 1], buffer[k + 1], in[k], first);
  }
  for (Index i = 0; i < n; i += step) {
    const Index count = n - i < step ? n - i : step;
    for (int k = 0; k < arity; ++k) {
      const Index stride = strides[k + 1];
      const char* p = in[k] + i * stride * bytes[k + 1];
      if (stride == 1)
        from[k] = p;
      else if (stride != 0)
        copy_elements(bytes[k + 1], buffer[k + 1], 1, p, stride, count);
    }
    char* to = out + i * strides[0] * bytes[0];
    if (strides[0] == 1) {
      block(to, from, count);
    } else {
      block(buffer[0], from, count);
      copy_elements(bytes[0], to, strides[0], buffer[0], 1, count);
    }
  }
}

template <class... E>
struct Last;
template <class E>
struct Last<E> {
  using type = E;
};
template <class E, class... Rest>
struct Last<E, Rest...> : Last<Rest...> {};

template <class F, class Out, class... In>
struct MapLoop {
  using R = typename Out::Real;
  static constexpr int arity = sizeof...(In);
  using Indices = UpTo<arity>;
  static constexpr bool is_complex = Last<In...>::type::is_complex;

  template <class... V>
  BS_INLINE static auto call(V... v) {
    if constexpr (is_complex)
      return F::template complex<R>(v...);
    else
      return F::template real<R>(v...);
  }

  template <int... I>
  BS_INLINE static void contiguous(char* out, const char* const* in, Index n, Seq<I...>) {
    const char* const p[] = {in[I]...};
    Index i = 0;
    for (; i + W<R> <= n; i += W<R>) Out::store_flat(out + i * Out::bytes, call(In::load_flat(p[I] + i * In::bytes)...));
    if (i == n) return;
    // The tail in a vector of its own, filled up with its first element: no value that is not there can slow it down.
    alignas(64) char buffer[arity + 1][2 * BS_VECTOR_BYTES];
    const Index rest = n - i;
    (copy_elements(In::bytes, buffer[I + 1], 1, p[I] + i * In::bytes, 1, rest), ...);
    (copy_elements(In::bytes, buffer[I + 1] + rest * In::bytes, 1, p[I] + i * In::bytes, 0, W<R> - rest), ...);
    Out::store_flat(buffer[0], call(In::load_flat(buffer[I + 1])...));
    copy_elements(Out::bytes, out + i * Out::bytes, 1, buffer[0], 1, rest);
  }
  static void block(char* out, const char* const* in, Index n) {
    if constexpr (is_complex && requires { F::componentwise; }) {
      MapLoop<F, Re<R>, Re<typename In::Real>...>::block(out, in, 2 * n);
    } else {
      contiguous(out, in, n, Indices{});
    }
  }

  static void flat(void* out, const void* const* in, Index n, const Index* strides) {
    const char* from[arity];
    bool dense = strides[0] == 1;
    for (int k = 0; k < arity; ++k) {
      from[k] = static_cast<const char*>(in[k]);
      dense = dense && strides[k + 1] == 1;
    }
    if (dense || n <= 1) {
      block(static_cast<char*>(out), from, n);
    } else {
      constexpr int bytes[] = {Out::bytes, In::bytes...};
      map_strided(block, arity, bytes, static_cast<char*>(out), from, n, strides);
    }
  }

  template <int... I>
  BS_INLINE static void each_lane_vector(char* out, const void* const* in, Index n, const Index* strides, Seq<I...>) {
    const char* p[] = {static_cast<const char*>(in[I])...};
    const Index step[] = {strides[I + 1] * In::lane_bytes...}, out_step = strides[0] * Out::lane_bytes;
    for (Index i = 0; i < n; ++i) {
      Out::store_lanes(out, call(In::load_lanes(p[I])...));
      out += out_step;
      ((p[I] += step[I]), ...);
    }
  }
  static void lanes(void* out, const void* const* in, Index n, const Index* strides) {
    each_lane_vector(static_cast<char*>(out), in, n, strides, Indices{});
  }
};

}  // namespace backsolve::BS_ISA
