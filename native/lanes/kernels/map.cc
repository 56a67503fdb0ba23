// Elementwise maps: one functor and one line of registration per operation.
#include "../fill.h"
#include "../lanes.h"
#include "map_kernel.h"

namespace backsolve::BS_ISA {
namespace {

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
/// a b, where 0 times anything is 0: a derivative that does not arrive has no part in an infinite slope.
struct Scale {
  BS_REAL(Vec<R> a, Vec<R> b) { return select<R>((a == 0) | (b == 0), splat<R>(0), a * b); }
  BS_COMPLEX(Cx<R> a, Cx<R> b) { return cx_select<R>(cx_is_zero<R>(a) | cx_is_zero<R>(b), {splat<R>(0), splat<R>(0)}, cx_mul<R>(a, b)); }
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

struct Table {
  LanesTable& table;

  template <class F, class Out, class... In>
  void put(Map m, DType column) {
    table.map_flat[static_cast<int>(m)][static_cast<int>(column)] = &MapLoop<F, Out, In...>::flat;
    table.map_lanes[static_cast<int>(m)][static_cast<int>(column)] = &MapLoop<F, Out, In...>::lanes;
  }
  /// Both widths of one signature, written with the kinds Re, Co, Bo; the column is that of T.
  template <class F, template <class> class Out, template <class> class... In>
  void real(Map m) {
    put<F, Out<float>, In<float>...>(m, DType::f32);
    put<F, Out<double>, In<double>...>(m, DType::f64);
  }
  template <class F, template <class> class Out, template <class> class... In>
  void complex(Map m) {
    put<F, Out<float>, In<float>...>(m, DType::c64);
    put<F, Out<double>, In<double>...>(m, DType::c128);
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
};

}  // namespace

void fill_map(LanesTable& table) {
  Table t{table};
  t.binary<Add>(Map::add);
  t.binary<Sub>(Map::sub);
  t.binary<Mul>(Map::mul);
  t.binary<Div>(Map::div);
  t.binary<Scale>(Map::scale);
  t.binary<Unscale>(Map::unscale);
  t.real<Maximum, Re, Re, Re>(Map::maximum);
  t.real<Minimum, Re, Re, Re>(Map::minimum);
  t.unary<Neg>(Map::neg);
  t.unary<Square>(Map::square);
  t.unary<Sqrt>(Map::sqrt);
  t.unary<Exp>(Map::exp);
  t.unary<Log>(Map::log);
  t.unary<Sin>(Map::sin);
  t.unary<Cos>(Map::cos);
  t.unary<Cosh>(Map::cosh);
  t.unary<Sinh>(Map::sinh);
  t.unary<Tanh>(Map::tanh);
  t.real<Abs, Re, Re>(Map::abs);
  t.complex<Abs, Re, Co>(Map::abs);
  t.unary<Sign>(Map::sign);
  t.unary<Conj>(Map::conj);
  t.complex<RealPart, Re, Co>(Map::real);
  t.complex<ImagPart, Re, Co>(Map::imag);
  t.real<Complex, Co, Re, Re>(Map::complex);
  t.real<ToComplex, Co, Re>(Map::to_complex);
  t.real<Where, Re, Bo, Re, Re>(Map::where);
  t.complex<Where, Co, Bo, Co, Co>(Map::where);
  t.real<Greater, Bo, Re, Re>(Map::greater);
  t.real<GreaterEqual, Bo, Re, Re>(Map::greater_equal);
  t.real<Less, Bo, Re, Re>(Map::less);
  t.real<LessEqual, Bo, Re, Re>(Map::less_equal);
  t.real<Equal, Bo, Re, Re>(Map::equal);
  t.complex<Equal, Bo, Co, Co>(Map::equal);
  t.real<NotEqual, Bo, Re, Re>(Map::not_equal);
  t.complex<NotEqual, Bo, Co, Co>(Map::not_equal);
}

}  // namespace backsolve::BS_ISA
