// Complex functions on two planes: principal branches, no spurious overflow; Inf and NaN follow C99 Annex G where it costs only a rarely
// taken branch. Every scaling is by a power of two, so it does not round.
#pragma once
#include "bits.h"
#include "vecmath.h"

namespace backsolve::BS_ISA {

template <class R>
struct Cx {
  Vec<R> re, im;
};

template <class R>
BS_INLINE Cx<R> cx_select(Mask<R> m, Cx<R> a, Cx<R> b) {
  return {select<R>(m, a.re, b.re), select<R>(m, a.im, b.im)};
}
template <class R>
BS_INLINE Mask<R> cx_is_zero(Cx<R> z) {
  return (z.re == 0) & (z.im == 0);
}
/// max(|re|, |im|); NaN may be lost, but it stays in the component.
template <class R>
BS_INLINE Vec<R> cx_max(Cx<R> z) {
  const Vec<R> a = vabs<R>(z.re), b = vabs<R>(z.im);
  return select<R>(a > b, a, b);
}
/// An infinity becomes a unit of its direction: +-1 where a component is infinite, +-0 where not.
template <class R>
BS_INLINE Vec<R> box(Vec<R> x) {
  return vcopysign<R>(select<R>(is_inf<R>(x), splat<R>(1), splat<R>(0)), x);
}

/// z = result / scale with max(|re|, |im|) of the result in [2, 4) (subnormal z: less). `field`: the exponent bits of the scale.
template <class R>
BS_INLINE Cx<R> normalized(Cx<R> z, Bits<R>& field) {
  field = Ieee<R>::exponent - exponent_of<R>(cx_max<R>(z));
  const Vec<R> scale = from_bits<R>(field);
  return {z.re * scale, z.im * scale};
}

template <class R>
BS_INLINE Cx<R> cx_mul(Cx<R> a, Cx<R> b) {
  return {rounded<R>(a.re * b.re) - rounded<R>(a.im * b.im), rounded<R>(a.re * b.im) + rounded<R>(a.im * b.re)};
}

/// z^2 = (x - y)(x + y) + 2i xy: no cancellation of squares.
template <class R>
BS_INLINE Cx<R> cx_square(Cx<R> z) {
  const Vec<R> p = rounded<R>(z.re * z.im);
  return {(z.re - z.im) * (z.re + z.im), p + p};
}

/// |z| = sqrt(x^2 + y^2) on the scaled components.
template <class R>
BS_INLINE Vec<R> cx_abs(Cx<R> z) {
  Bits<R> field;
  const Cx<R> s = normalized<R>(z, field);
  const Vec<R> back = from_bits<R>(2 * Ieee<R>::bias * Ieee<R>::unit - field);
  // A field of 2 bias (subnormal z) would have the inverse 2^-bias, whose bits are not an exponent: that one is done in two steps.
  const auto tiny = reinterpret_cast<Mask<R>>(field == 2 * Ieee<R>::bias * Ieee<R>::unit);
  const Vec<R> half = splat<R>(static_cast<R>(0.5));
  const Vec<R> norm = vsqrt<R>(s.re * s.re + s.im * s.im);
  const Vec<R> r = norm * select<R>(tiny, splat<R>(Ieee<R>::min_normal), back) * select<R>(tiny, half, splat<R>(1));
  return select<R>(is_inf<R>(z.re) | is_inf<R>(z.im), splat<R>(Ieee<R>::inf), r);
}

/// z / |z|; 0 at 0; for an infinite z its direction.
template <class R>
BS_INLINE Cx<R> cx_sign(Cx<R> z) {
  const Mask<R> infinite = is_inf<R>(z.re) | is_inf<R>(z.im);
  z = cx_select<R>(infinite & ~(is_nan<R>(z.re) | is_nan<R>(z.im)), {box<R>(z.re), box<R>(z.im)}, z);
  Bits<R> field;
  const Cx<R> s = normalized<R>(z, field);
  const Vec<R> norm = vsqrt<R>(s.re * s.re + s.im * s.im);
  const Mask<R> zero = cx_is_zero<R>(z);
  return cx_select<R>(zero, {splat<R>(0), splat<R>(0)}, {s.re / norm, s.im / norm});
}

/// What C99 G.5.1 asks of a quotient that came out as NaN + NaN i from infinite operands: inf / finite = inf, finite / inf = 0.
template <class R>
BS_INLINE Cx<R> cx_div_recover(Cx<R> a, Cx<R> b, Cx<R> q) {
  const Mask<R> lost = is_nan<R>(q.re) & is_nan<R>(q.im);
  const Mask<R> a_inf = is_inf<R>(a.re) | is_inf<R>(a.im), b_inf = is_inf<R>(b.re) | is_inf<R>(b.im);
  const Mask<R> a_fin = is_finite<R>(a.re) & is_finite<R>(a.im), b_fin = is_finite<R>(b.re) & is_finite<R>(b.im);
  const Cx<R> ua{box<R>(a.re), box<R>(a.im)}, ub{box<R>(b.re), box<R>(b.im)};
  const Vec<R> inf = splat<R>(Ieee<R>::inf), zero = splat<R>(0);
  const Cx<R> over{inf * (ua.re * b.re + ua.im * b.im), inf * (ua.im * b.re - ua.re * b.im)};
  const Cx<R> under{zero * (a.re * ub.re + a.im * ub.im), zero * (a.im * ub.re - a.re * ub.im)};
  return cx_select<R>(lost & a_inf & b_fin, over, cx_select<R>(lost & a_fin & b_inf, under, q));
}

/// a / b = a conj(b) / |b|^2 with a and b scaled to the same magnitude first; a real or imaginary b divides component by component,
/// which rounds correctly and gives x / 0 = Inf as in real arithmetic.
template <class R>
BS_INLINE Cx<R> cx_div(Cx<R> a, Cx<R> b) {
  using I = Ieee<R>;
  Bits<R> fa, fb;
  const Cx<R> n = normalized<R>(a, fa), d = normalized<R>(b, fb);
  const Mask<R> real = d.im == 0, imag = (d.re == 0) & ~real;
  Vec<R> re = rounded<R>(n.re * d.re) + rounded<R>(n.im * d.im), im = rounded<R>(n.im * d.re) - rounded<R>(n.re * d.im);
  Vec<R> den = rounded<R>(d.re * d.re) + rounded<R>(d.im * d.im);
  re = select<R>(real, n.re, select<R>(imag, n.im, re));
  im = select<R>(real, n.im, select<R>(imag, -n.re, im));
  den = select<R>(real, d.re, select<R>(imag, d.im, den));
  // times 2^(e_b - e_a) in two factors, since the exponent spans twice the range of one
  const Bits<R> both = fb - fa + 2 * I::bias * I::unit;
  const Bits<R> first = (both >> 1) & I::exponent;
  const Vec<R> f = from_bits<R>(first), g = from_bits<R>(both - first);
  const Cx<R> q{re / den * f * g, im / den * f * g};
  if (__builtin_expect(any<R>(is_nan<R>(q.re) & is_nan<R>(q.im)), 0)) return cx_div_recover<R>(a, b, q);
  return q;
}

/// C99 G.6.4.2 for a z with an infinite component.
template <class R>
BS_INLINE Cx<R> cx_sqrt_infinite(Cx<R> z, Cx<R> w) {
  const Vec<R> inf = splat<R>(Ieee<R>::inf), zero_or_nan = (z.im - z.im);
  const Mask<R> y_inf = is_inf<R>(z.im), x_inf = is_inf<R>(z.re), positive = z.re > 0;
  w.re = select<R>(x_inf, select<R>(positive, inf, zero_or_nan), w.re);
  w.im = select<R>(x_inf, vcopysign<R>(select<R>(positive, zero_or_nan, inf), z.im), w.im);
  return cx_select<R>(y_inf, {inf, z.im}, w);
}

/// t = sqrt((|x| + |z|) / 2), u = |y| / (2 t); sqrt z = t + i u for x >= 0, else u + i t, the imaginary part with the sign of y.
/// z is scaled by an even power of two, 2^-2k, the root by 2^k.
template <class R>
BS_INLINE Cx<R> cx_sqrt(Cx<R> z) {
  using I = Ieee<R>;
  const Bits<R> half = ((exponent_of<R>(cx_max<R>(z)) + I::unit) >> 1) & I::exponent;
  const Vec<R> scale = from_bits<R>(I::exponent - (half << 1)), back = from_bits<R>(half + (I::bias - 1) / 2 * I::unit);
  const Vec<R> x = vabs<R>(z.re) * scale, y = vabs<R>(z.im) * scale;
  const Vec<R> t = vsqrt<R>((x + vsqrt<R>(x * x + y * y)) * static_cast<R>(0.5)) * back;
  const Vec<R> u = vabs<R>(z.im) / (t + t);
  const Mask<R> right = z.re >= 0;
  Cx<R> w{select<R>(right, t, u), vcopysign<R>(select<R>(right, u, t), z.im)};
  w = cx_select<R>((z.re == 0) & (z.im == 0), {splat<R>(0), z.im}, w);
  if (__builtin_expect(any<R>(is_inf<R>(z.re) | is_inf<R>(z.im)), 0)) return cx_sqrt_infinite<R>(z, w);
  return w;
}

/// Beyond this e^x nears overflow or underflow, where e^x cos y may still be an ordinary number: e^(x/2) is applied twice.
template <class R>
constexpr R exp_safe = static_cast<R>(sizeof(R) == 8 ? 700 : 80);

/// e^(x + iy) = e^x (cos y + i sin y). The imaginary part at y = +-0 is +-0 also where e^x is Inf; e^-Inf = 0 for every y.
template <class R>
BS_INLINE Cx<R> cx_exp(Cx<R> z) {
  const Mask<R> far = ~(vabs<R>(z.re) <= exp_safe<R>);
  const Vec<R> e = vexp<R>(select<R>(far, z.re * static_cast<R>(0.5), z.re));
  Vec<R> s, c;
  vsincos<R>(z.im, s, c);
  Cx<R> w{e * c, e * s};
  if (__builtin_expect(any<R>(far), 0)) {
    w = cx_select<R>(far, {w.re * e, w.im * e}, w);
    const Vec<R> zero = splat<R>(0);
    w = cx_select<R>((z.re == -Ieee<R>::inf) & ~is_finite<R>(z.im), {zero, vcopysign<R>(zero, z.im)}, w);
    w.re = select<R>((z.re == Ieee<R>::inf) & ~is_finite<R>(z.im), splat<R>(Ieee<R>::inf), w.re);
  }
  w.im = select<R>(z.im == 0, z.im, w.im);
  return w;
}

/// log|z| where 1/2 < |z|^2 < 2: log1p(|z|^2 - 1) / 2, with |z|^2 - 1 from exact squares since it cancels on the unit circle.
template <class R>
BS_INLINE Vec<R> log_abs_near_one(Cx<R> z) {
  const Vec<R> a = vabs<R>(z.re), b = vabs<R>(z.im);
  Vec<R> p, q, p_error, q_error;
  exact_square<R>(select<R>(a > b, a, b), p, p_error);
  exact_square<R>(select<R>(a > b, b, a), q, q_error);
  const Vec<R> s = p - 1, s_error = p - (s + 1);
  // Knuth's two-sum of the errors: they may cancel s + q in turn
  const Vec<R> e = p_error + q_error, part = e - p_error, e_error = (p_error - (e - part)) + (q_error - part);
  return vlog1p<R>(((s + q) + s_error + e) + e_error) * static_cast<R>(0.5);
}

/// log z = log|z| + i arg z.
template <class R>
BS_INLINE Cx<R> cx_log(Cx<R> z) {
  // 2^+-shift keeps the squares of large and small z in range: thresholds at a half of the exponent range, results far from 0
  constexpr R wide = static_cast<R>(sizeof(R) == 8 ? 0x1p500 : 0x1p60), shrink = static_cast<R>(sizeof(R) == 8 ? 0x1p-600 : 0x1p-90);
  constexpr R shift = static_cast<R>((sizeof(R) == 8 ? 600 : 90) * 0.693147180559945309417232121458);
  const Vec<R> m = cx_max<R>(z), one = splat<R>(1), zero = splat<R>(0);
  const Mask<R> large = m > wide, small = m < 1 / wide;
  const Vec<R> scale = select<R>(large, splat<R>(shrink), select<R>(small, splat<R>(1 / shrink), one));
  const Vec<R> x = z.re * scale, y = z.im * scale;
  const Vec<R> r2 = x * x + y * y;
  Vec<R> re = vlog<R>(r2) * static_cast<R>(0.5) + select<R>(large, splat<R>(shift), select<R>(small, splat<R>(-shift), zero));
  const Mask<R> near = (r2 > static_cast<R>(0.5)) & (r2 < 2) & ~large & ~small;
  if (any<R>(near)) re = select<R>(near, log_abs_near_one<R>(z), re);
  re = select<R>(is_inf<R>(z.re) | is_inf<R>(z.im), splat<R>(Ieee<R>::inf), re);
  return {re, vatan2<R>(z.im, z.re)};
}

/// cosh y and sinh y as a * b; b = 1 unless |y| is so large that cosh y overflows while its product with a sine may not.
template <class R>
BS_INLINE void cosh_sinh(Vec<R> y, Vec<R>& cosine, Vec<R>& sine, Vec<R>& factor) {
  const Vec<R> a = vabs<R>(y);
  const Mask<R> far = a > exp_safe<R>;
  const Vec<R> near = select<R>(far, splat<R>(0), y);
  cosine = vcosh<R>(near), sine = vsinh<R>(near), factor = splat<R>(1);
  if (__builtin_expect(any<R>(far), 0)) {
    const Vec<R> root = vexp<R>(a * static_cast<R>(0.5)), half = root * static_cast<R>(0.5);
    cosine = select<R>(far, half, cosine);
    sine = select<R>(far, vcopysign<R>(half, y), sine);
    factor = select<R>(far, root, factor);
  }
}

/// Of real numbers, up to the largest whose result is finite: SLEEF's own stop where e^x overflows.
template <class R>
BS_INLINE Vec<R> real_cosh(Vec<R> x) {
  Vec<R> ch, sh, factor;
  cosh_sinh<R>(x, ch, sh, factor);
  return ch * factor;
}
template <class R>
BS_INLINE Vec<R> real_sinh(Vec<R> x) {
  Vec<R> ch, sh, factor;
  cosh_sinh<R>(x, ch, sh, factor);
  return sh * factor;
}

/// sin(x + iy) = sin x cosh y + i cos x sinh y. A zero sine stays zero where cosh y is Inf; where x is Inf or NaN too, |sin z| is Inf.
template <class R>
BS_INLINE Cx<R> cx_sin(Cx<R> z) {
  Vec<R> s, c, ch, sh, factor;
  vsincos<R>(z.re, s, c);
  cosh_sinh<R>(z.im, ch, sh, factor);
  const Mask<R> pole = is_inf<R>(z.im) & ~is_finite<R>(z.re);
  return {select<R>(z.re == 0, z.re, s * ch * factor), select<R>(pole, z.im, c * sh * factor)};
}

/// cos(x + iy) = cos x cosh y - i sin x sinh y.
template <class R>
BS_INLINE Cx<R> cx_cos(Cx<R> z) {
  Vec<R> s, c, ch, sh, factor;
  vsincos<R>(z.re, s, c);
  cosh_sinh<R>(z.im, ch, sh, factor);
  const Mask<R> pole = is_inf<R>(z.im) & ~is_finite<R>(z.re);
  const Vec<R> re = select<R>(pole, splat<R>(Ieee<R>::inf), c * ch * factor);
  return {re, select<R>(z.re == 0, -z.re * vcopysign<R>(splat<R>(1), z.im), -(s * sh * factor))};
}

/// tanh(x + iy) = (sinh x cosh x + i sin y cos y) / (sinh² x + cos² y), a sum of squares, so that nothing cancels. Beyond |x| = 20 (10) the
/// real part rounds to ±1 and the imaginary one is 4 sin y cos y e^(-2|x|). Inf and NaN as C99 G.6.2.6.
template <class R>
BS_INLINE Cx<R> cx_tanh(Cx<R> z) {
  const Vec<R> a = vabs<R>(z.re), zero = splat<R>(0);
  const Mask<R> far = a > static_cast<R>(sizeof(R) == 8 ? 20 : 10);
  const Vec<R> near = select<R>(far, zero, z.re);
  Vec<R> s, c;
  vsincos<R>(z.im, s, c);
  const Vec<R> sh = vsinh<R>(near), ch = vcosh<R>(near), den = sh * sh + c * c;
  Cx<R> w{sh * ch / den, s * c / den};
  if (__builtin_expect(any<R>(far), 0)) {
    const Vec<R> e = vexp<R>(-a);
    Vec<R> im = static_cast<R>(4) * (s * c * e) * e;
    im = select<R>(is_inf<R>(a) & ~is_finite<R>(z.im), vcopysign<R>(zero, z.im), im);
    w = cx_select<R>(far, {vcopysign<R>(splat<R>(1), z.re) + (im - im), im}, w);
  }
  return {select<R>(z.re == 0, z.re, w.re), select<R>(z.im == 0, z.im, w.im)};
}

}  // namespace backsolve::BS_ISA
