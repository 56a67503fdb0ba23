// Logarithms and powers of the eigenvalues of W triangular matrices side by side, and their differences without cancellation. Equations:
// native/kernels/triangular_functions.cc.
#pragma once
#include "../vector/complex_math.h"
#include "functions.h"

namespace backsolve::BS_ISA {

struct Scalars {
  using R = double;
  using C = ComplexLanes<R>;
  using E = C::Element;
  using S = Lower<R>;
  static constexpr R kPi = 3.141592653589793238463;

  Index n;
  Triangle logs, apart, quotients, powers;  // rows: log x_i; log x_i - log x_{i-1}; that over x_i - x_{i-1}; the powers of one exponent
  Strided<RealLanes<R>> count, far;
  Scalars(Arena& arena, Index order)
      : n(order), count(take_strided<RealLanes<R>>(arena, 2, 1)), far(take_strided<RealLanes<R>>(arena, 1, order)) {
    for (auto* m : {&logs, &apart, &quotients, &powers}) *m = take_strided<C>(arena, 1, order);
  }

  /// 2^k, k within the exponents of normal numbers.
  BS_INLINE static Vec<R> power(Mask<R> k) { return power_of_two<R>(k); }
  BS_INLINE Mask<R> roots() const { return __builtin_convertvector(count.get(0, 0), Mask<R>); }
  /// Which lanes have no eigenvalue that is zero.
  BS_INLINE Mask<R> nonzero() const { return count.get(1, 0) > Vec<R>{}; }
  BS_INLINE E log(Index i) const { return logs.get(0, i); }
  BS_INLINE E log_difference(Index i) const { return quotients.get(0, i); }

  /// log x, of numbers within `axis` of the negative axis as if they were above it.
  BS_INLINE static E log_of(E x, Vec<R> axis) {
    const Cx<R> y = cx_log<R>({x.re, x.im});
    const Mask<R> below = (x.re < Vec<R>{}) & (y.im < Vec<R>{}) & (-x.im <= axis);
    return {y.re, below ? y.im + 2 * kPi : y.im};
  }
  BS_INLINE static E exp(E x) {
    const Cx<R> y = cx_exp<R>({x.re, x.im});
    return {y.re, y.im};
  }
  /// artanh z of |z| <= 1/2.
  BS_INLINE static E artanh(E z) {
    const Vec<R> less = 1 - z.re;
    return {vlog1p<R>(4 * z.re / (less * less + z.im * z.im)) * R(0.25), vatan2<R>(z.im + z.im, less * (1 + z.re) - z.im * z.im) * R(0.5)};
  }
  /// sinh u / u
  BS_INLINE static E sinhc(E u) {
    const E square = C::mul(u, u);
    const Mask<R> small = S::square(u) < 0x1p-16;
    Vec<R> s, c;
    vsincos<R>(u.im, s, c);
    const E sinh{vsinh<R>(u.re) * c, vcosh<R>(u.re) * s};
    const E series = C::plus_re(C::mul(square, C::plus_re(C::scale(square, splat<R>(1.0 / 120)), splat<R>(1.0 / 6))), splat<R>(1));
    return C::pick(small, series, C::mul(sinh, C::inverse(C::pick(small, C::from_re(splat<R>(1)), u))));
  }
  BS_INLINE static Vec<R> nearest(Vec<R> x) { return (x + 0x1.8p52) - 0x1.8p52; }

  /// What depends on the eigenvalues alone, and the number of roots. (log y - log x) / (y - x) as Higham 2008, eq. 11.28.
  __attribute__((noinline)) void find(const Triangle& l, const Vec<R>& axis, const Mask<R>& number) const {
    const E one = C::from_re(splat<R>(1));
    Vec<R> least = splat<R>(Ieee<R>::inf);
    for (Index i = 0; i < n; ++i) {
      const E y = l.get(i, i), x = l.get(i > 0 ? i - 1 : 0, i > 0 ? i - 1 : 0);
      const Vec<R> size = C::size1(y);
      least = size < least ? size : least;
      logs.set(0, i, log_of(y, axis));
      const E difference = S::plus(log(i), C::negate(log(i > 0 ? i - 1 : 0)));
      const E d = S::plus(y, C::negate(x)), sum = S::plus(x, y);
      const Mask<R> same = C::is_zero(d), wide = S::square(d) > S::square(sum) * R(0.25);
      const E half = artanh(C::pick(wide | same, S::zero(), C::mul(d, C::inverse(C::pick(wide, one, sum)))));
      const Vec<R> turns = nearest((difference.im - 2 * half.im) * (R(0.5) / kPi));
      const E near{2 * half.re, 2 * half.im + 2 * kPi * turns}, change = C::pick(wide, difference, near);
      apart.set(0, i, change);
      quotients.set(0, i, C::mul(C::pick(same, one, change), C::inverse(C::pick(same, y, d))));
      far.set(0, i, wide ? splat<R>(1) : Vec<R>{});
    }
    count.set(0, 0, __builtin_convertvector(number, Vec<R>));
    count.set(1, 0, least);
  }

  /// (yᵖ - xᵖ) / (y - x) of x_{i-1} and x_i: p e^(p m) sinhc(p d / 2) (log y - log x) / (y - x), m and d the mean and the difference of
  /// their logarithms (Higham & Lin 2011, eq. 5.6), where they are not far apart.
  BS_INLINE E power_difference(Index i, Vec<R> p) const {
    const Mask<R> wide = far.get(0, i) != Vec<R>{};
    const E middle = C::scale(S::plus(log(i - 1), log(i)), p * R(0.5)), u = C::scale(apart.get(0, i), p * R(0.5));
    const E near = C::mul(C::scale(C::mul(exp(middle), sinhc(u)), p), quotients.get(0, i));
    if (!any<R>(wide)) return near;
    const E rise = S::plus(exp(C::scale(log(i), p)), C::negate(exp(C::scale(log(i - 1), p))));
    // over y - x, which is their quotient's part
    const E over = C::mul(quotients.get(0, i), C::inverse(C::pick(wide, apart.get(0, i), C::from_re(splat<R>(1)))));
    return C::pick(wide, C::mul(rise, over), near);
  }
  /// The diagonal of Lᵖ, and what stands below it, in those lanes.
  __attribute__((noinline)) void mend(const Triangle& l, const Vec<R>& p, const Mask<R>& lanes, const Triangle& f) const {
    for (Index i = 0; i < n; ++i) {
      f.set(i, i, C::pick(lanes, exp(C::scale(log(i), p)), f.get(i, i)));
      if (i > 0) f.set(i, i - 1, C::pick(lanes, C::mul(l.get(i, i - 1), power_difference(i, p)), f.get(i, i - 1)));
    }
  }
  /// x^(1/2^k) - 1 without cancellation (Al-Mohy 2012, "A more accurate Briggs method for the logarithm"), k the number of roots.
  __attribute__((noinline)) E root_minus_one(E x, const Vec<R>& axis) const {
    const E one = C::from_re(splat<R>(1));
    Mask<R> left = roots();
    const Mask<R> behind = (left > 0) & (x.re < Vec<R>{});
    x = C::pick(behind, S::root_of(x, axis), x);
    left += behind;
    const E above = C::plus_re(x, splat<R>(-1));
    E below = one;
    for (; any<R>(left > 0); left += left > 0) {
      const Cx<R> y = cx_sqrt<R>({x.re, x.im});
      x = C::pick(left > 0, E{y.re, y.im}, x);
      below = C::pick(left > 0, C::mul(below, C::plus_re(x, splat<R>(1))), below);
    }
    return C::mul(above, C::inverse(below));
  }
};

}  // namespace backsolve::BS_ISA
