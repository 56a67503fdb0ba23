// Maps of int32 in fused loops. The tile holds a whole number as the bits of a vector beside reals R: of 4 bytes as they are, beside reals
// of 8 bytes with the sign extended. Overflow wraps, as in plain.cc.
#pragma once
#include "functors.h"

namespace backsolve::BS_ISA {
namespace {
namespace word {

template <class R>
struct Memory {
  typedef int32_t type __attribute__((vector_size(4 * W<R>)));
};
template <class R>
BS_INLINE Vec<R> load(const char* p) {
  typename Memory<R>::type x;
  __builtin_memcpy(&x, p, sizeof x);
  return (Vec<R>)__builtin_convertvector(x, Mask<R>);
}
template <class R>
BS_INLINE void store(char* p, Vec<R> v) {
  const auto x = __builtin_convertvector((Mask<R>)v, typename Memory<R>::type);
  __builtin_memcpy(p, &x, sizeof x);
}
/// The low 32 bits, with their sign.
template <class R>
BS_INLINE Mask<R> wrapped(Bits<R> x) {
  return __builtin_convertvector(__builtin_convertvector((Mask<R>)x, typename Memory<R>::type), Mask<R>);
}
/// With the sign of b, as floor division has it; of 0 it is 0.
BS_INLINE int32_t modulus(int32_t a, int32_t b) {
  if (b == 0 || b == -1) return 0;
  const int32_t r = a % b;
  return r != 0 && (r < 0) != (b < 0) ? r + b : r;
}

#define BS_WORD(Name, parameters, value)      \
  struct Name {                               \
    template <class R>                        \
    BS_INLINE static Vec<R> real parameters { \
      return (Vec<R>)(value);                 \
    }                                         \
  }
#define BS_WORDS(v) ((Mask<R>)(v))
#define BS_BITS(v) ((Bits<R>)(v))
BS_WORD(Add, (Vec<R> a, Vec<R> b), wrapped<R>(BS_BITS(a) + BS_BITS(b)));
BS_WORD(Sub, (Vec<R> a, Vec<R> b), wrapped<R>(BS_BITS(a) - BS_BITS(b)));
BS_WORD(Mul, (Vec<R> a, Vec<R> b), wrapped<R>(BS_BITS(a) * BS_BITS(b)));
BS_WORD(Neg, (Vec<R> a), wrapped<R>(0 - BS_BITS(a)));
BS_WORD(Abs, (Vec<R> a), wrapped<R>(BS_WORDS(a) < 0 ? 0 - BS_BITS(a) : BS_BITS(a)));
BS_WORD(Sign, (Vec<R> a), (BS_WORDS(a) < 0) - (BS_WORDS(a) > 0));
BS_WORD(Maximum, (Vec<R> a, Vec<R> b), select<R>(BS_WORDS(a) > BS_WORDS(b), a, b));
BS_WORD(Minimum, (Vec<R> a, Vec<R> b), select<R>(BS_WORDS(a) < BS_WORDS(b), a, b));
BS_WORD(Greater, (Vec<R> a, Vec<R> b), BS_WORDS(a) > BS_WORDS(b));
BS_WORD(GreaterEqual, (Vec<R> a, Vec<R> b), BS_WORDS(a) >= BS_WORDS(b));
BS_WORD(Less, (Vec<R> a, Vec<R> b), BS_WORDS(a) < BS_WORDS(b));
BS_WORD(LessEqual, (Vec<R> a, Vec<R> b), BS_WORDS(a) <= BS_WORDS(b));
BS_WORD(Equal, (Vec<R> a, Vec<R> b), BS_WORDS(a) == BS_WORDS(b));
BS_WORD(NotEqual, (Vec<R> a, Vec<R> b), BS_WORDS(a) != BS_WORDS(b));
BS_WORD(ToReal, (Vec<R> a), __builtin_convertvector(BS_WORDS(a), Vec<R>));
struct Mod {
  template <class R>
  BS_INLINE static Vec<R> real(Vec<R> a, Vec<R> b) {
    Mask<R> r = (Mask<R>)a;
    BS_SCALAR
    for (int i = 0; i < W<R>; ++i) r[i] = modulus(static_cast<int32_t>(r[i]), static_cast<int32_t>(((Mask<R>)b)[i]));
    return (Vec<R>)r;
  }
};

}  // namespace word

/// Told as in Maps (functors.h): of one and of two numbers.
template <class To>
void word_maps(To& to) {
  to.template word<word::Add, 2>(Map::add);
  to.template word<word::Sub, 2>(Map::sub);
  to.template word<word::Mul, 2>(Map::mul);
  to.template word<word::Mod, 2>(Map::mod);
  to.template word<word::Maximum, 2>(Map::maximum);
  to.template word<word::Minimum, 2>(Map::minimum);
  to.template word<word::Neg, 1>(Map::neg);
  to.template word<word::Abs, 1>(Map::abs);
  to.template word<word::Sign, 1>(Map::sign);
  to.template word<word::Greater, 2>(Map::greater);
  to.template word<word::GreaterEqual, 2>(Map::greater_equal);
  to.template word<word::Less, 2>(Map::less);
  to.template word<word::LessEqual, 2>(Map::less_equal);
  to.template word<word::Equal, 2>(Map::equal);
  to.template word<word::NotEqual, 2>(Map::not_equal);
  to.template word<word::ToReal, 1>(Map::cast_float32);
}

}  // namespace
}  // namespace backsolve::BS_ISA
