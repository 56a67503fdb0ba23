// Interleaving W items element by element, and back: W x W transposes in registers.
#include "../fill.h"
#include "../vector/transpose.h"

namespace backsolve::BS_ISA {
namespace {

template <class R>
void pack_real(void* lanes, const void* const* items, Index count, int) {
  R* out = static_cast<R*>(lanes);
  Index e = 0;
  for (; e + W<R> <= count; e += W<R>) {
    Vec<R> v[W<R>];
    BS_UNROLL for (int i = 0; i < W<R>; ++i) v[i] = loadu<R>(static_cast<const R*>(items[i]) + e);
    transpose<R, 1>(v);
    BS_UNROLL for (int i = 0; i < W<R>; ++i) store<R>(out + (e + i) * W<R>, v[i]);
  }
  BS_SCALAR for (; e < count; ++e) BS_SCALAR for (int i = 0; i < W<R>; ++i) out[e * W<R> + i] = static_cast<const R*>(items[i])[e];
}

template <class R>
void unpack_real(void* const* items, const void* lanes, Index count, int, int used) {
  const R* in = static_cast<const R*>(lanes);
  Index e = 0;
  for (; e + W<R> <= count; e += W<R>) {
    Vec<R> v[W<R>];
    BS_UNROLL for (int i = 0; i < W<R>; ++i) v[i] = load<R>(in + (e + i) * W<R>);
    transpose<R, 1>(v);
    BS_UNROLL for (int i = 0; i < W<R>; ++i) if (i < used) storeu<R>(static_cast<R*>(items[i]) + e, v[i]);
  }
  BS_SCALAR for (; e < count; ++e) BS_SCALAR for (int i = 0; i < used; ++i) static_cast<R*>(items[i])[e] = in[e * W<R> + i];
}

/// An interleaved pair is two reals: element 2e is re and 2e + 1 im, which is the order of the planes, too.
template <class R>
void pack_complex(void* lanes, const void* const* items, Index count, int width) {
  pack_real<R>(lanes, items, 2 * count, width);
}
template <class R>
void unpack_complex(void* const* items, const void* lanes, Index count, int width, int used) {
  unpack_real<R>(items, lanes, 2 * count, width, used);
}

/// bool and int32: as many lanes as the reals beside them have.
template <class T>
void pack_any(void* lanes, const void* const* items, Index count, int width) {
  T* out = static_cast<T*>(lanes);
  BS_SCALAR for (Index e = 0; e < count; ++e) BS_SCALAR for (int i = 0; i < width; ++i) out[e * width + i] =
      static_cast<const T*>(items[i])[e];
}
template <class T>
void unpack_any(void* const* items, const void* lanes, Index count, int width, int used) {
  const T* in = static_cast<const T*>(lanes);
  BS_SCALAR for (Index e = 0; e < count; ++e) BS_SCALAR for (int i = 0; i < used; ++i) static_cast<T*>(items[i])[e] = in[e * width + i];
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
