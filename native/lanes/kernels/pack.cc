// Interleaving W items element by element, and back: transposes in registers, of W x W and of less where fewer elements are left.
#include "../fill.h"
#include "../vector/transpose.h"

namespace backsolve::BS_ISA {
namespace {

/// M lanes in pieces of N: lane p * N + i is element e + i of item first + p * N.
template <class R, class Half, int... I>
BS_INLINE auto beside(Half a, Half b, Seq<I...>) {
  return __builtin_shufflevector(a, b, I...);
}
template <class R, int N, int M>
BS_INLINE Piece<R, M> joined(const void* const* items, int first, Index e) {
  if constexpr (M == N)
    return load_piece<R, N>(static_cast<const R*>(items[first]) + e);
  else
    return beside<R>(joined<R, N, M / 2>(items, first, e), joined<R, N, M / 2>(items, first + M / 2, e), UpTo<M>{});
}

/// The P-th N lanes.
template <class R, int N, int P, int... I>
BS_INLINE Piece<R, N> lanes_of(Vec<R> v, Seq<I...>) {
  return __builtin_shufflevector(v, v, (P * N + I)...);
}
/// Where unpacked items lie: `used` of them, `step` bytes apart.
struct Rows {
  char* first;
  Index step;
  int used;
  template <class R>
  BS_INLINE R* at(int item) const {
    return reinterpret_cast<R*>(first + item * step);
  }
};
/// The inverse of joined.
template <class R, int N, bool All, int P = 0>
BS_INLINE void part(const Rows& to, int first, Index e, Vec<R> v) {
  if constexpr (P * N < W<R>) {
    if (All || first + P * N < to.used) store_piece<R, N>(to.at<R>(first + P * N) + e, lanes_of<R, N, P>(v, UpTo<N>{}));
    part<R, N, All, P + 1>(to, first, e, v);
  }
}

/// Elements from e on, N at a time: N vectors, whose squares of N x N are transposed; then what is left by half as many.
template <class R, int N>
BS_INLINE void pack_by(R* out, const void* const* items, Index e, Index count) {
  if constexpr (N == 1) {
    BS_SCALAR for (; e < count; ++e) BS_SCALAR for (int i = 0; i < W<R>; ++i) out[e * W<R> + i] = static_cast<const R*>(items[i])[e];
  } else {
    for (; e + N <= count; e += N) {
      Vec<R> v[N];
      BS_UNROLL for (int i = 0; i < N; ++i) v[i] = joined<R, N, W<R>>(items, i, e);
      transpose<N, 1, W<R>>(v);
      BS_UNROLL for (int i = 0; i < N; ++i) store<R>(out + (e + i) * W<R>, v[i]);
    }
    pack_by<R, N / 2>(out, items, e, count);
  }
}
template <class R, int N, bool All>
BS_INLINE void unpack_by(const Rows& to, const R* in, Index e, Index count) {
  if constexpr (N == 1) {
    const int used = All ? W<R> : to.used;
    BS_SCALAR for (; e < count; ++e) BS_SCALAR for (int i = 0; i < used; ++i) to.at<R>(i)[e] = in[e * W<R> + i];
  } else {
    for (; e + N <= count; e += N) {
      Vec<R> v[N];
      BS_UNROLL for (int i = 0; i < N; ++i) v[i] = load<R>(in + (e + i) * W<R>);
      transpose<N, 1, W<R>>(v);
      BS_UNROLL for (int i = 0; i < N; ++i) part<R, N, All>(to, i, e, v[i]);
    }
    unpack_by<R, N / 2, All>(to, in, e, count);
  }
}

template <class R>
void pack_real(void* lanes, const void* const* items, Index count, int) {
  pack_by<R, W<R>>(static_cast<R*>(lanes), items, 0, count);
}
template <class R>
void unpack_real(void* items, Index step, const void* lanes, Index count, int, int used) {
  const Rows to{static_cast<char*>(items), step, used};
  const R* in = static_cast<const R*>(lanes);
  if (used == W<R>)
    unpack_by<R, W<R>, true>(to, in, 0, count);
  else
    unpack_by<R, W<R>, false>(to, in, 0, count);
}

/// An interleaved pair is two reals: element 2e is re and 2e + 1 im, which is the order of the planes, too.
template <class R>
void pack_complex(void* lanes, const void* const* items, Index count, int width) {
  pack_real<R>(lanes, items, 2 * count, width);
}
template <class R>
void unpack_complex(void* items, Index step, const void* lanes, Index count, int width, int used) {
  unpack_real<R>(items, step, lanes, 2 * count, width, used);
}

/// bool and int32: as many lanes as the reals beside them have.
template <class T>
void pack_any(void* lanes, const void* const* items, Index count, int width) {
  T* out = static_cast<T*>(lanes);
  BS_SCALAR for (Index e = 0; e < count; ++e) BS_SCALAR for (int i = 0; i < width; ++i) out[e * width + i] =
      static_cast<const T*>(items[i])[e];
}
template <class T>
void unpack_any(void* items, Index step, const void* lanes, Index count, int width, int used) {
  const T* in = static_cast<const T*>(lanes);
  const Rows to{static_cast<char*>(items), step, used};
  BS_SCALAR for (Index e = 0; e < count; ++e) BS_SCALAR for (int i = 0; i < used; ++i) to.at<T>(i)[e] = in[e * width + i];
}

}  // namespace

void fill_pack(LanesTable& t) {
  t.pack[0] = pack_real<float>;
  t.pack[1] = pack_real<double>;
  t.pack[2] = pack_complex<float>;
  t.pack[3] = pack_complex<double>;
  t.pack[4] = pack_any<std::uint8_t>;
  t.pack[5] = pack_any<std::int32_t>;
  t.unpack[0] = unpack_real<float>;
  t.unpack[1] = unpack_real<double>;
  t.unpack[2] = unpack_complex<float>;
  t.unpack[3] = unpack_complex<double>;
  t.unpack[4] = unpack_any<std::uint8_t>;
  t.unpack[5] = unpack_any<std::int32_t>;
}

}  // namespace backsolve::BS_ISA
