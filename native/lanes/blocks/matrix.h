// Elements of W matrices side by side: one vector (real), or re and im vectors (complex), with the few products that factorisations need.
#pragma once
#include "../../kernels/kernel.h"
#include "../vector/bits.h"

namespace backsolve::BS_ISA {

template <class R>
struct RealLanes {
  using Real = R;
  using Element = Vec<R>;
  static constexpr int planes = 1;
  static constexpr int block = 4;  // 16 accumulators and 8 operands
  BS_INLINE static Element load(const R* p) { return *reinterpret_cast<const Vec<R>*>(p); }
  BS_INLINE static void store(R* p, Element x) { *reinterpret_cast<Vec<R>*>(p) = x; }
  BS_INLINE static Vec<R> re(Element x) { return x; }
  BS_INLINE static Element from_re(Vec<R> x) { return x; }
  BS_INLINE static Element conj(Element x) { return x; }
  /// The conjugate where `sign` is that of a negative number, x where it is 0.
  BS_INLINE static Element conj_by(Bits<R>, Element x) { return x; }
  BS_INLINE static Element plus_re(Element x, Vec<R> y) { return x + y; }
  BS_INLINE static Element scale(Element x, Vec<R> s) { return x * s; }
  BS_INLINE static Element negate(Element x) { return -x; }
  BS_INLINE static Element mul(Element a, Element b) { return a * b; }
  BS_INLINE static Element pick(Mask<R> m, Element a, Element b) { return m ? a : b; }
  BS_INLINE static Element inverse(Element x) { return splat<R>(1) / x; }
  /// LAPACK's measure: |re| + |im|.
  BS_INLINE static Vec<R> size1(Element x) { return vabs<R>(x); }
  BS_INLINE static Mask<R> is_zero(Element x) { return x == Vec<R>{}; }
  /// acc + a b
  BS_INLINE static Element plus(Element acc, Element a, Element b) { return acc + a * b; }
  /// acc - a b
  BS_INLINE static Element minus(Element acc, Element a, Element b) { return acc - a * b; }
  /// acc - a conj(b)
  BS_INLINE static Element minus_conj(Element acc, Element a, Element b) { return acc - a * b; }
  /// 0, or NaN where x is NaN or infinite.
  BS_INLINE static Vec<R> defect(Element x) { return x - x; }
  BS_INLINE static Mask<R> finite(Element x) {
    const Vec<R> d = defect(x);
    return d == d;
  }
};

template <class R>
struct ComplexLanes {
  using Real = R;
  struct Element {
    Vec<R> re, im;
  };
  static constexpr int planes = 2;
  static constexpr int block = BS_VECTOR_BYTES == 64 ? 3 : 2;  // as many pairs of accumulators as registers hold
  BS_INLINE static Element load(const R* p) { return {*reinterpret_cast<const Vec<R>*>(p), *reinterpret_cast<const Vec<R>*>(p + W<R>)}; }
  BS_INLINE static void store(R* p, Element x) {
    *reinterpret_cast<Vec<R>*>(p) = x.re;
    *reinterpret_cast<Vec<R>*>(p + W<R>) = x.im;
  }
  BS_INLINE static Vec<R> re(Element x) { return x.re; }
  BS_INLINE static Element from_re(Vec<R> x) { return {x, Vec<R>{}}; }
  BS_INLINE static Element conj(Element x) { return {x.re, -x.im}; }
  BS_INLINE static Element conj_by(Bits<R> sign, Element x) { return {x.re, from_bits<R>(bits_of<R>(x.im) ^ sign)}; }
  BS_INLINE static Element plus_re(Element x, Vec<R> y) { return {x.re + y, x.im}; }
  BS_INLINE static Element scale(Element x, Vec<R> s) { return {x.re * s, x.im * s}; }
  BS_INLINE static Element negate(Element x) { return {-x.re, -x.im}; }
  BS_INLINE static Element mul(Element a, Element b) { return {a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re}; }
  BS_INLINE static Element pick(Mask<R> m, Element a, Element b) { return {m ? a.re : b.re, m ? a.im : b.im}; }
  /// conj(x) / |x|², of x scaled to a largest component of 1, so that the square does not leave the exponents.
  BS_INLINE static Element inverse(Element x) {
    const Vec<R> re = vabs<R>(x.re), im = vabs<R>(x.im), s = splat<R>(1) / (re > im ? re : im);
    const Vec<R> p = x.re * s, q = x.im * s, d = s / (p * p + q * q);
    return {p * d, -q * d};
  }
  BS_INLINE static Vec<R> size1(Element x) { return vabs<R>(x.re) + vabs<R>(x.im); }
  BS_INLINE static Mask<R> is_zero(Element x) { return (x.re == Vec<R>{}) & (x.im == Vec<R>{}); }
  BS_INLINE static Element plus(Element acc, Element a, Element b) {
    return {acc.re + a.re * b.re - a.im * b.im, acc.im + a.re * b.im + a.im * b.re};
  }
  BS_INLINE static Element minus(Element acc, Element a, Element b) {
    return {acc.re - a.re * b.re + a.im * b.im, acc.im - a.re * b.im - a.im * b.re};
  }
  BS_INLINE static Element minus_conj(Element acc, Element a, Element b) {
    return {acc.re - a.re * b.re - a.im * b.im, acc.im + a.re * b.im - a.im * b.re};
  }
  BS_INLINE static Vec<R> defect(Element x) { return (x.re - x.re) + (x.im - x.im); }
  BS_INLINE static Mask<R> finite(Element x) {
    const Vec<R> d = defect(x);
    return d == d;
  }
};

template <class R>
BS_INLINE auto mask_element(Index i) {
  return static_cast<__typeof__(Mask<R>{}[0] + 0)>(i);
}
/// An integer in all lanes.
template <class R>
BS_INLINE Mask<R> splat_index(Index i) {
  return Mask<R>{} + mask_element<R>(i);
}

/// n x n matrices of lanes, row-major.
template <class L>
struct Square {
  using R = typename L::Real;
  R* data;
  Index n;
  BS_INLINE R* at(Index i, Index j) const { return data + (i * n + j) * (W<R> * L::planes); }
  BS_INLINE typename L::Element get(Index i, Index j) const { return L::load(at(i, j)); }
  BS_INLINE void set(Index i, Index j, typename L::Element x) const { L::store(at(i, j), x); }
};

}  // namespace backsolve::BS_ISA
