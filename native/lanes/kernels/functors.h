// Elementwise maps: one functor and one line of registration per operation, from which the flat loops, those of lanes (map.cc) and the
// instructions of fused loops (fused.cc) are made.
//
// A functor has static templates real<R>(...) and/or complex<R>(...) on Vec<R>, Cx<R>, Mask<R>; the last input decides which is called.
#pragma once
#include "../lanes.h"
#include "../vector/elements.h"
#include "more_functors.h"

namespace backsolve::BS_ISA {
namespace {

// ---- Functions that only maps need ----

BS_MATH1(expm1)

/// sum + error = a + b exactly (Knuth).
template <class R>
BS_INLINE Vec<R> two_sum(Vec<R> a, Vec<R> b, Vec<R>& error) {
  const Vec<R> sum = a + b, part = sum - a;
  error = (a - (sum - part)) + (b - part);
  return sum;
}

/// log(1 + x), of large x log x: SLEEF's own stops before the largest numbers.
template <class R>
BS_INLINE Vec<R> real_log1p(Vec<R> x) {
  const Mask<R> large = x > static_cast<R>(sizeof(R) == 8 ? 0x1p60 : 0x1p30);
  const Vec<R> y = vlog1p<R>(select<R>(large, splat<R>(0), x));
  return any<R>(large) ? select<R>(large, vlog<R>(x), y) : y;
}

/// log|1 + z| for 2^-20 < |1 + z|^2 < 2^20, from r = |1 + z|^2 or, between 1/2 and 2, from r - 1 = 2x + x^2 + y^2, both as sums of two
/// numbers, high + low: log r = log high + low / high. u + rest = 1 + x exactly.
template <class R>
BS_INLINE Vec<R> log1p_abs(Cx<R> z, Vec<R> u, Vec<R> rest) {
  Vec<R> p, q, square, p_error, q_error, square_error;
  exact_square<R>(z.im, q, q_error);
  exact_square<R>(u, square, square_error);
  Vec<R> error, low;
  Vec<R> high = two_sum<R>(square, q, error);
  low = error + (square_error + q_error + static_cast<R>(2) * u * rest);
  const Mask<R> near = (high > static_cast<R>(0.5)) & (high < 2);
  const Vec<R> far = vlog<R>(high) + low / high;
  if (!any<R>(near)) return far * static_cast<R>(0.5);
  // every sum with its error: 2x + y^2 cancels on the circle |1 + z| = 1, what is left may cancel in turn
  exact_square<R>(z.re, p, p_error);
  Vec<R> e1, e2, e3, e4, e5, e6;
  high = two_sum<R>(two_sum<R>(z.re + z.re, p, e1), q, e2);
  const Vec<R> errors = two_sum<R>(two_sum<R>(e1, e2, e3), two_sum<R>(p_error, q_error, e4), e5);
  high = two_sum<R>(high, errors, e6);
  high = two_sum<R>(high, e6 + ((e3 + e4) + e5), low);
  return select<R>(near, vlog1p<R>(high) + low / (high + 1), far) * static_cast<R>(0.5);
}

/// log(1 + z) = log|1 + z| + i arg(1 + z), each part accurate where |1 + z| is near 1 and where z is near 0; -1 gives -Inf.
template <class R>
BS_INLINE Cx<R> cx_log1p(Cx<R> z) {
  const Vec<R> one = splat<R>(1);
  Vec<R> rest;
  const Vec<R> u = two_sum<R>(z.re, one, rest);
  const Vec<R> m = cx_max<R>({u, z.im});
  Cx<R> w = cx_log<R>({u, z.im});
  const Mask<R> middle = (m > static_cast<R>(0x1p-10)) & (m < static_cast<R>(0x1p10));
  if (any<R>(middle)) {
    const Vec<R> x = select<R>(middle, z.re, splat<R>(0)), y = select<R>(middle, z.im, splat<R>(0));
    const Vec<R> v = select<R>(middle, u, one), left = select<R>(middle, rest, splat<R>(0));
    w.re = select<R>(middle, log1p_abs<R>({x, y}, v, left), w.re);
    w.im = w.im - y * left / (v * v + y * y);  // d arg / du = -y / |1 + z|^2
  }
  return cx_select<R>(cx_is_zero<R>(z), z, w);
}

/// 1 - cos y, of |y| < 1/2 by Taylor's series, else 2 sin²(y/2), whose square doubles the error of the sine.
template <class R>
BS_INLINE Vec<R> one_minus_cos(Vec<R> y) {
  const Vec<R> half_sine = vsin<R>(y * static_cast<R>(0.5)), far = static_cast<R>(2) * half_sine * half_sine;
  const auto c = [](double x) { return static_cast<R>(x); };
  Vec<R> q, q_error;
  exact_square<R>(y, q, q_error);
  const Vec<R> tail = q * (c(2 / 479001600.0) - q * c(2 / 87178291200.0));
  const Vec<R> series = q * (c(2 / 24.0) - q * (c(2 / 720.0) - q * (c(2 / 40320.0) - q * (c(2 / 3628800.0) - tail))));
  return select<R>(vabs<R>(y) < static_cast<R>(0.5), (q - (q * series - q_error)) * static_cast<R>(0.5), far);
}

/// e^(x + iy) - 1 = (e^x - 1) cos y - (1 - cos y) + i e^x sin y. Only near the curve e^x cos y = 1 the two terms of the real part cancel.
/// Inf and NaN as in e^z.
template <class R>
BS_INLINE Cx<R> cx_expm1(Cx<R> z) {
  const Mask<R> far = ~(vabs<R>(z.re) <= exp_safe<R>);
  const Vec<R> x = select<R>(far, splat<R>(0), z.re), em1 = vexpm1<R>(x), e = vexp<R>(x);
  Vec<R> s, c;
  vsincos<R>(z.im, s, c);
  // e^x sin y = sin y + (e^x - 1) sin y, which rounds once where x is small
  const Vec<R> im = select<R>(vabs<R>(em1) < static_cast<R>(0.5), s + rounded<R>(em1 * s), e * s);
  Cx<R> w{em1 * c - one_minus_cos<R>(z.im), select<R>(z.im == 0, z.im, im)};
  if (__builtin_expect(any<R>(far), 0)) {
    const Cx<R> full = cx_exp<R>(z);
    w = cx_select<R>(far, {full.re - 1, full.im}, w);
  }
  return w;
}

// ---- Functors ----

#define BS_REAL      \
  template <class R> \
  BS_INLINE static Vec<R> real
#define BS_COMPLEX   \
  template <class R> \
  BS_INLINE static Cx<R> complex

struct Add {
  static constexpr bool componentwise = true;
  BS_REAL(Vec<R> a, Vec<R> b) { return a + b; }
  BS_COMPLEX(Cx<R> a, Cx<R> b) { return {a.re + b.re, a.im + b.im}; }
};
struct Sub {
  static constexpr bool componentwise = true;
  BS_REAL(Vec<R> a, Vec<R> b) { return a - b; }
  BS_COMPLEX(Cx<R> a, Cx<R> b) { return {a.re - b.re, a.im - b.im}; }
};
struct Mul {
  BS_REAL(Vec<R> a, Vec<R> b) { return a * b; }
  BS_COMPLEX(Cx<R> a, Cx<R> b) { return cx_mul<R>(a, b); }
};
struct Div {
  BS_REAL(Vec<R> a, Vec<R> b) { return a / b; }
  BS_COMPLEX(Cx<R> a, Cx<R> b) { return cx_div<R>(a, b); }
};
/// a b, where 0 times anything is 0, of complex numbers part by part: a derivative that does not arrive has no part in an infinite slope.
struct Scale {
  BS_REAL(Vec<R> a, Vec<R> b) { return select<R>((a == 0) | (b == 0), splat<R>(0), a * b); }
  BS_COMPLEX(Cx<R> a, Cx<R> b) {
    return {rounded<R>(real<R>(a.re, b.re)) - rounded<R>(real<R>(a.im, b.im)),
            rounded<R>(real<R>(a.re, b.im)) + rounded<R>(real<R>(a.im, b.re))};
  }
};
/// a / b, where 0 over anything, and anything over infinity, is 0: `scale` by 1 / b, which need not be representable.
struct Unscale {
  BS_REAL(Vec<R> a, Vec<R> b) { return select<R>((a == 0) | is_inf<R>(b), splat<R>(0), a / b); }
  BS_COMPLEX(Cx<R> a, Cx<R> b) {
    const Mask<R> none = cx_is_zero<R>(a) | is_inf<R>(b.re) | is_inf<R>(b.im);
    return cx_select<R>(none, {splat<R>(0), splat<R>(0)}, cx_div<R>(a, b));
  }
};
struct Maximum {
  BS_REAL(Vec<R> a, Vec<R> b) { return vmax<R>(a, b); }
};
struct Minimum {
  BS_REAL(Vec<R> a, Vec<R> b) { return vmin<R>(a, b); }
};
struct Neg {
  static constexpr bool componentwise = true;
  BS_REAL(Vec<R> a) { return -a; }
  BS_COMPLEX(Cx<R> a) { return {-a.re, -a.im}; }
};
struct Square {
  BS_REAL(Vec<R> a) { return a * a; }
  BS_COMPLEX(Cx<R> a) { return cx_square<R>(a); }
};
struct Sqrt {
  BS_REAL(Vec<R> a) { return vsqrt<R>(a); }
  BS_COMPLEX(Cx<R> a) { return cx_sqrt<R>(a); }
};
struct Exp {
  BS_REAL(Vec<R> a) { return vexp<R>(a); }
  BS_COMPLEX(Cx<R> a) { return cx_exp<R>(a); }
};
struct Log {
  BS_REAL(Vec<R> a) { return vlog<R>(a); }
  BS_COMPLEX(Cx<R> a) { return cx_log<R>(a); }
};
struct Log1p {
  BS_REAL(Vec<R> a) { return real_log1p<R>(a); }
  BS_COMPLEX(Cx<R> a) { return cx_log1p<R>(a); }
};
struct Expm1 {
  BS_REAL(Vec<R> a) { return vexpm1<R>(a); }
  BS_COMPLEX(Cx<R> a) { return cx_expm1<R>(a); }
};
struct Sin {
  BS_REAL(Vec<R> a) { return vsin<R>(a); }
  BS_COMPLEX(Cx<R> a) { return cx_sin<R>(a); }
};
struct Cos {
  BS_REAL(Vec<R> a) { return vcos<R>(a); }
  BS_COMPLEX(Cx<R> a) { return cx_cos<R>(a); }
};
struct Cosh {
  BS_REAL(Vec<R> a) { return real_cosh<R>(a); }
  BS_COMPLEX(Cx<R> a) { return cx_cos<R>({-a.im, a.re}); }  // cosh z = cos iz
};
struct Sinh {
  BS_REAL(Vec<R> a) { return real_sinh<R>(a); }
  BS_COMPLEX(Cx<R> a) {  // sinh z = -i sin iz
    const Cx<R> s = cx_sin<R>({-a.im, a.re});
    return {s.im, -s.re};
  }
};
struct Tanh {
  BS_REAL(Vec<R> a) { return vtanh<R>(a); }
  BS_COMPLEX(Cx<R> a) { return cx_tanh<R>(a); }
};
struct Sign {
  BS_REAL(Vec<R> a) {
    const Vec<R> zero = splat<R>(0), one = splat<R>(1);
    return select<R>(a > 0, one, select<R>(a < 0, -one, select<R>(a == 0, zero, a)));
  }
  BS_COMPLEX(Cx<R> a) { return cx_sign<R>(a); }
};
struct Conj {
  BS_REAL(Vec<R> a) { return a; }
  BS_COMPLEX(Cx<R> a) { return {a.re, -a.im}; }
};

// Complex to real; Abs is the real one too.
struct Abs {
  BS_REAL(Vec<R> a) { return vabs<R>(a); }
  template <class R>
  BS_INLINE static Vec<R> complex(Cx<R> a) {
    return cx_abs<R>(a);
  }
};
struct RealPart {
  template <class R>
  BS_INLINE static Vec<R> complex(Cx<R> a) {
    return a.re;
  }
};
struct ImagPart {
  template <class R>
  BS_INLINE static Vec<R> complex(Cx<R> a) {
    return a.im;
  }
};

// Real to complex.
struct Complex {
  template <class R>
  BS_INLINE static Cx<R> real(Vec<R> re, Vec<R> im) {
    return {re, im};
  }
};
struct ToComplex {
  template <class R>
  BS_INLINE static Cx<R> real(Vec<R> re) {
    return {re, splat<R>(0)};
  }
};

struct Where {
  BS_REAL(Mask<R> m, Vec<R> a, Vec<R> b) { return select<R>(m, a, b); }
  BS_COMPLEX(Mask<R> m, Cx<R> a, Cx<R> b) { return cx_select<R>(m, a, b); }
};

// Comparisons: to masks.
#define BS_COMPARE(Name, op)                            \
  struct Name {                                         \
    template <class R>                                  \
    BS_INLINE static Mask<R> real(Vec<R> a, Vec<R> b) { \
      return a op b;                                    \
    }                                                   \
  };
BS_COMPARE(Greater, >)
BS_COMPARE(GreaterEqual, >=)
BS_COMPARE(Less, <)
BS_COMPARE(LessEqual, <=)
struct Equal {
  template <class R>
  BS_INLINE static Mask<R> real(Vec<R> a, Vec<R> b) {
    return a == b;
  }
  template <class R>
  BS_INLINE static Mask<R> complex(Cx<R> a, Cx<R> b) {
    return (a.re == b.re) & (a.im == b.im);
  }
};
struct NotEqual {
  template <class R>
  BS_INLINE static Mask<R> real(Vec<R> a, Vec<R> b) {
    return a != b;
  }
  template <class R>
  BS_INLINE static Mask<R> complex(Cx<R> a, Cx<R> b) {
    return (a.re != b.re) | (a.im != b.im);
  }
};

/// Every map, told to a `To` that has `put<F, Out, In...>(Map, DType)`; the column is that of T.
template <class To>
struct Maps {
  To to;

  /// Both widths of one signature, written with the kinds Re, Co, Bo.
  template <class F, template <class> class Out, template <class> class... In>
  void real(Map m) {
    to.template put<F, Out<float>, In<float>...>(m, DType::f32);
    to.template put<F, Out<double>, In<double>...>(m, DType::f64);
  }
  template <class F, template <class> class Out, template <class> class... In>
  void complex(Map m) {
    to.template put<F, Out<float>, In<float>...>(m, DType::c64);
    to.template put<F, Out<double>, In<double>...>(m, DType::c128);
  }
  template <class F>
  void unary(Map m) {
    real<F, Re, Re>(m);
    complex<F, Co, Co>(m);
  }
  template <class F>
  void binary(Map m) {
    real<F, Re, Re, Re>(m);
    complex<F, Co, Co, Co>(m);
  }
  void all() {
    binary<Add>(Map::add);
    binary<Sub>(Map::sub);
    binary<Mul>(Map::mul);
    binary<Div>(Map::div);
    binary<Scale>(Map::scale);
    binary<Unscale>(Map::unscale);
    real<Maximum, Re, Re, Re>(Map::maximum);
    real<Minimum, Re, Re, Re>(Map::minimum);
    unary<Neg>(Map::neg);
    unary<Square>(Map::square);
    unary<Sqrt>(Map::sqrt);
    unary<Exp>(Map::exp);
    unary<Log>(Map::log);
    unary<Log1p>(Map::log1p);
    unary<Expm1>(Map::expm1);
    unary<Sin>(Map::sin);
    unary<Cos>(Map::cos);
    unary<Cosh>(Map::cosh);
    unary<Sinh>(Map::sinh);
    unary<Tanh>(Map::tanh);
    real<Abs, Re, Re>(Map::abs);
    complex<Abs, Re, Co>(Map::abs);
    unary<Sign>(Map::sign);
    unary<Conj>(Map::conj);
    complex<RealPart, Re, Co>(Map::real);
    complex<ImagPart, Re, Co>(Map::imag);
    real<Complex, Co, Re, Re>(Map::complex);
    real<ToComplex, Co, Re>(Map::to_complex);
    real<Where, Re, Bo, Re, Re>(Map::where);
    complex<Where, Co, Bo, Co, Co>(Map::where);
    real<Greater, Bo, Re, Re>(Map::greater);
    real<GreaterEqual, Bo, Re, Re>(Map::greater_equal);
    real<Less, Bo, Re, Re>(Map::less);
    real<LessEqual, Bo, Re, Re>(Map::less_equal);
    real<Equal, Bo, Re, Re>(Map::equal);
    complex<Equal, Bo, Co, Co>(Map::equal);
    real<NotEqual, Bo, Re, Re>(Map::not_equal);
    complex<NotEqual, Bo, Co, Co>(Map::not_equal);
    more_maps(*this);
  }
};

}  // namespace

}  // namespace backsolve::BS_ISA
