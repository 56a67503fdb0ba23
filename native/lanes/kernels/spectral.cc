// Functions of W Hermitian matrices side by side, and their derivatives. Equations: native/kernels/spectral.cc, differences.h.
#include "../../kernels/powers.h"
#include "../blocks/spectrum.h"
#include "../fill.h"
#include "../vector/vecmath.h"

namespace backsolve::BS_ISA {

namespace {

BS_MATH1(expm1)

enum class Function { exp = 0, log = 1, sqrt = 2, inverse_sqrt = 3, power = 4 };

/// f(w) and f[w_i,w_j] of positive w in order, or of any where f goes on to the left of 0.
template <class R>
struct Differences {
  Function f;
  double p;
  Index n;
  const R* w;
  R* values;  // exp w, log w, or roots

  BS_INLINE bool both_sides() const { return f == Function::exp || (f == Function::power && ops::power_has_both_sides(p)); }
  BS_INLINE bool homogeneous() const { return f != Function::exp; }
  BS_INLINE double degree() const { return f == Function::sqrt ? 0.5 : f == Function::inverse_sqrt ? -0.5 : f == Function::power ? p : 0; }
  BS_INLINE Vec<R> at(const R* list, Index i) const { return load<R>(list + i * W<R>); }

  BS_INLINE Vec<R> basic(Vec<R> x) const { return f == Function::exp ? vexp<R>(x) : f == Function::log ? vlog<R>(x) : vsqrt<R>(x); }
  __attribute__((noinline)) void prepare() const {
    for (Index i = 0; f != Function::power && i < n; ++i) store<R>(values + i * W<R>, basic(at(w, i)));
  }
  /// f(2^exponent w_i), the exponent even.
  BS_INLINE Vec<R> value(Index i, Mask<R> exponent) const {
    const Vec<R> x = f == Function::power ? Vec<R>{} : at(values, i);
    switch (f) {
      case Function::exp:
        return x;
      case Function::log:
        return x + __builtin_convertvector(exponent, Vec<R>) * R(0.693147180559945309417232121458176568);
      case Function::sqrt:
        return x * power_of_two<R>(exponent >> 1);
      case Function::inverse_sqrt:
        return power_of_two<R>(-(exponent >> 1)) / x;
      case Function::power:
        break;
    }
    Vec<R> y = at(w, i);
    for (int l = 0; l < W<R>; ++l) y[l] = static_cast<R>(ops::power_at(p, static_cast<double>(y[l]), static_cast<double>(exponent[l])));
    return y;
  }
  /// j <= i.
  BS_INLINE Vec<R> difference(Index i, Index j) const {
    const Vec<R> x = at(w, i), y = at(w, j), d = x - y, one = splat<R>(1);
    const Mask<R> same = d == Vec<R>{};
    const Vec<R> gap = same ? one : d;
    if (f == Function::power) {
      Vec<R> q;
      for (int l = 0; l < W<R>; ++l) q[l] = static_cast<R>(ops::power_difference(p, static_cast<double>(x[l]), static_cast<double>(y[l])));
      return q;
    }
    const Vec<R> a = at(values, i), b = at(values, j);
    switch (f) {
      case Function::exp:  // eˣ (1 - e^{-d}) / d
        return same ? a : a * (-vexpm1<R>(-gap) / gap);
      case Function::log: {  // log(1 + d/y) / d
        const Vec<R> ratio = d / y;
        const Mask<R> far = ~(ratio < splat<R>(sizeof(R) == 8 ? R(0x1p60) : R(0x1p30)));  // SLEEF's log1p stops before the largest numbers
        const Vec<R> near = vlog1p<R>(far ? one : ratio);
        if (!any<R>(far)) return same ? one / x : near / gap;
        const Mask<R> held = is_finite<R>(ratio);
        return same ? one / x : (far ? (held ? vlog<R>(held ? ratio : one) : a - b) : near) / gap;
      }
      case Function::sqrt:
        return one / (a + b);
      default:
        return -one / (a * b * (a + b));
    }
  }
};
template <class R>
BS_INLINE Differences<R> function_of(const Call& call, const R* w, R* values) {
  return {static_cast<Function>(static_cast<int>(call.attrs[0])), call.attrs[1], call.dims[0], w, values};
}

/// Which lanes have a spectrum that f's single kernel would have, and f there: values are positive where f ends at 0.
template <class L>
BS_INLINE Mask<typename L::Real> usable(const Differences<typename L::Real>& f, const Size<L>& size) {
  using R = typename L::Real;
  Mask<R> good = f.homogeneous() ? size.exact : ~Mask<R>{};
  if (!f.both_sides()) good &= load<R>(f.w) > Vec<R>{};
  return good;
}
template <class L>
BS_INLINE Mask<typename L::Real> spectrum_for(const Differences<typename L::Real>& f, const Spectrum<L>& s, Strided<L> a,
                                              typename L::Real* w, Strided<L> v) {
  s.run(a, w, v);
  if (!f.homogeneous()) restore_exponent(s, w);
  const auto good = trusted(s, w) & usable(f, s.size);
  f.prepare();
  return good;
}

template <class L>
struct FunctionWork {
  using R = typename L::Real;
  Spectrum<L> spectrum;
  R *w, *values;
  Strided<L> v, x;
  FunctionWork(Arena& arena, const Call& call)
      : spectrum(arena, call.dims[0], true),
        w(call.operand[2] != nullptr ? static_cast<R*>(call.operand[2]) : arena.take<R>(call.dims[0] * W<R>)),
        values(arena.take<R>(call.dims[0] * W<R>)),
        v(operand_or<L>(arena, call.operand[3], call.dims[0], call.dims[0])),
        x(take_strided<L>(arena, call.dims[0], call.dims[0])) {}
};
template <class L>
void hermitian_function(const Call& call, const FunctionWork<L>& work, std::int32_t* info) {
  using R = typename L::Real;
  const Index n = call.dims[0];
  if (n == 0) return report<R>(~Mask<R>{}, info);
  const auto f = function_of<R>(call, work.w, work.values);
  const auto& s = work.spectrum;
  const auto y = strided<L>(call.operand[1], n, n);
  Mask<R> good = spectrum_for<L>(f, s, strided<L>(call.operand[0], n, n), work.w, work.v);
  for (Index j = 0; j < n; ++j) {
    const Vec<R> value = f.value(j, f.homogeneous() ? s.size.exponent : Mask<R>{});
    for (Index i = 0; i < n; ++i) work.x.set(i, j, L::scale(work.v.get(i, j), value));
  }
  hermitian_product<L>(work.x, work.v, y);
  good = finite_lanes<L>(call.operand[1], n * n, good);
  report<R>(s.size.finite, Mask<R>{}, good, info);
}

/// out := D f(A)[herm E] by way of x. Returns which lanes have numbers that stay within the exponents.
template <class L>
__attribute__((noinline)) Mask<typename L::Real> derivative(const Differences<typename L::Real>& f, const Mask<typename L::Real>& exponent,
                                                            Strided<L> v, Strided<L> e, Strided<L> out, Strided<L> x) {
  using R = typename L::Real;
  constexpr int kRoom = static_cast<int>(Ieee<R>::bias + 1) * 7 / 8;
  const Vec<R> room = power_of_two<R>(Mask<R>{} + kRoom);
  Mask<R> parts = Mask<R>{};
  for (Index i = 0; i < f.n; ++i)
    for (Index j = 0; j < f.n; ++j) grow_parts<L>(parts, e.get(i, j));
  const Vec<R> most = reinterpret_cast<Vec<R>>(parts);
  Mask<R> good = (most < room) & ((most == Vec<R>{}) | (most > splat<R>(1) / room));
  hermitian_part<L>(e, out);
  product<L>(true, out, false, v, false, x);
  hermitian_product_of_adjoint<L>(v, x, out);
  for (Index i = 0; i < f.n; ++i)
    for (Index j = 0; j <= i; ++j) {
      const auto q = L::scale(out.get(i, j), f.difference(i, j));
      out.set(i, j, q);
      out.set(j, i, L::conj(q));
    }
  product<L>(true, v, false, out, false, x);
  hermitian_product<L>(x, v, out);
  if (f.homogeneous() && any<R>(exponent != 0)) {
    Vec<R> scale;
    for (int l = 0; l < W<R>; ++l) scale[l] = static_cast<R>(__builtin_exp2((f.degree() - 1) * static_cast<double>(exponent[l])));
    good &= (scale >= Ieee<R>::min_normal) & is_finite<R>(scale);
    for (Index i = 0; i < f.n; ++i)
      for (Index j = 0; j < f.n; ++j) out.set(i, j, L::scale(out.get(i, j), scale));
  }
  return good;
}

template <class L>
struct VjpWork {
  using R = typename L::Real;
  Strided<L> x;
  R* values;
  VjpWork(Arena& arena, const Call& call)
      : x(take_strided<L>(arena, call.dims[0], call.dims[0])), values(arena.take<R>(call.dims[0] * W<R>)) {}
};
template <class L>
void hermitian_function_vjp(const Call& call, const VjpWork<L>& work, std::int32_t* info) {
  using R = typename L::Real;
  const Index n = call.dims[0];
  if (n == 0) return report<R>(~Mask<R>{}, info);
  const auto f = function_of<R>(call, static_cast<const R*>(call.operand[1]), work.values);
  const auto size = Size<L>::of(strided<L>(call.operand[0], n, n));
  f.prepare();
  const Mask<R> good = derivative<L>(f, size.exponent, strided<L>(call.operand[2], n, n), strided<L>(call.operand[3], n, n),
                                     strided<L>(call.operand[4], n, n), work.x);
  report<R>(good & usable(f, size), info);
}

template <class L>
struct DerivativeWork {
  using R = typename L::Real;
  Spectrum<L> spectrum;
  R *w, *values;
  Strided<L> v, x;
  DerivativeWork(Arena& arena, const Call& call)
      : spectrum(arena, call.dims[0], true),
        w(arena.take<R>(call.dims[0] * W<R>)),
        values(arena.take<R>(call.dims[0] * W<R>)),
        v(take_strided<L>(arena, call.dims[0], call.dims[0])),
        x(take_strided<L>(arena, call.dims[0], call.dims[0])) {}
};
template <class L>
void spectral_derivative(const Call& call, const DerivativeWork<L>& work, std::int32_t* info) {
  using R = typename L::Real;
  const Index n = call.dims[0];
  if (n == 0) return report<R>(~Mask<R>{}, info);
  const auto f = function_of<R>(call, work.w, work.values);
  const auto& s = work.spectrum;
  const Mask<R> good = spectrum_for<L>(f, s, strided<L>(call.operand[0], n, n), work.w, work.v);
  const auto e = strided<L>(call.operand[1], n, n), out = strided<L>(call.operand[2], n, n);
  report<R>(s.size.finite, Mask<R>{}, derivative<L>(f, s.size.exponent, work.v, e, out, work.x) & good, info);
}

}  // namespace

BS_LANES_KERNEL(hermitian_function, FunctionWork)
BS_LANES_KERNEL(hermitian_function_vjp, VjpWork)
BS_LANES_KERNEL(spectral_derivative, DerivativeWork)

}  // namespace backsolve::BS_ISA
