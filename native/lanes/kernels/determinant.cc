// Determinants of W matrices side by side, and their adjoints. Equations: native/kernels/determinant.cc.
#include "../blocks/small_lu.h"
#include "../fill.h"

namespace backsolve::BS_ISA {
namespace {

/// Π of the diagonal of U with the sign of the exchanges, as mantissa · 2^exponent: no overflow or underflow on the way.
template <class L>
struct Scaled {
  using R = typename L::Real;
  using E = typename L::Element;
  E mantissa;
  Mask<R> exponent;

  BS_INLINE void rescale() {
    using I = Ieee<R>;
    Bits<R> field = exponent_of<R>(L::size1(mantissa));
    field = field > I::exponent - 2 * I::unit ? Bits<R>{} + (I::exponent - 2 * I::unit) : field;  // its inverse is a normal number
    mantissa = L::scale(mantissa, from_bits<R>(2 * I::bias * I::unit - field));
    exponent += reinterpret_cast<Mask<R>>(field / I::unit - I::bias);
  }
};
template <class L>
__attribute__((noinline)) Scaled<L> determinant(Strided<L> lu, const std::int32_t* pivots) {
  using R = typename L::Real;
  Scaled<L> d{L::from_re(splat<R>(1)), Mask<R>{}};
  Mask<R> odd = Mask<R>{};
  for (Index i = 0; i < lu.rows; ++i) {
    Scaled<L> x{lu.get(i, i), Mask<R>{}};
    x.rescale();
    d.mantissa = L::mul(d.mantissa, x.mantissa);
    d.exponent += x.exponent;
    d.rescale();
    odd ^= load_pivot<R>(pivots, i) != splat_index<R>(i);
  }
  d.mantissa = L::pick(odd, L::negate(d.mantissa), d.mantissa);
  return d;
}
/// mantissa · 2^exponent.
template <class R>
BS_INLINE Vec<R> ldexp_lanes(Vec<R> x, Mask<R> e) {
  constexpr int kBias = static_cast<int>(Ieee<R>::bias);
  if (!any<R>((e < 2 - kBias) | (e >= kBias))) return x * from_bits<R>(reinterpret_cast<Bits<R>>(e + kBias) * Ieee<R>::unit);
  for (int w = 0; w < W<R>; ++w) {
    const int n = e[w] > 4000 ? 4000 : e[w] < -4000 ? -4000 : static_cast<int>(e[w]);
    x[w] = static_cast<R>(__builtin_ldexp(x[w], n));  // exact, or what overflow and underflow leave
  }
  return x;
}
template <class L>
BS_INLINE typename L::Element value_of(const Scaled<L>& d) {
  using R = typename L::Real;
  if constexpr (L::planes == 2)
    return {ldexp_lanes<R>(d.mantissa.re, d.exponent), ldexp_lanes<R>(d.mantissa.im, d.exponent)};
  else
    return ldexp_lanes<R>(d.mantissa, d.exponent);
}
template <class L>
BS_INLINE Vec<typename L::Real> magnitude(typename L::Element x) {
  using R = typename L::Real;
  if constexpr (L::planes == 2)
    return vsqrt<R>(x.re * x.re + x.im * x.im);
  else
    return vabs<R>(x);
}

template <class L>
BS_INLINE void factored(const Call& call, const Factors<L>& f, Mask<typename L::Real>& finite) {
  const Index n = call.dims[0];
  const auto small = [&]<int N, int K>() {
    SmallLu<L, N, K> s;
    s.load_matrix(call.operand[0]);
    s.factor(false);
    s.store_factors(f.lu.data, f.pivots);
    finite = s.defect == Vec<typename L::Real>{};
    return true;
  };
  if (if_small(n, 1, small)) return;
  finite = finite_lanes<L>(call.operand[0], n * n, ~Mask<typename L::Real>{});
  copy_lanes<L>(call.operand[0], f.lu.data, n * n);
  factor<L>(f.lu, f.pivots, nothing_beside(f.lu), f.panel);
}

/// With the operands from `at` on, if they are there.
template <class L, int at>
struct FactorsWork : Factors<L> {
  FactorsWork(Arena& arena, const Call& call) : Factors<L>(arena, call.operand[at], call.operand[at + 1], call.dims[0]) {}
};
template <class L>
using DetWork = FactorsWork<L, 2>;
template <class L>
using SlogdetWork = FactorsWork<L, 3>;

/// a d - b c with an error of the last digits, whatever cancels (Kahan; Jeannerod, Louvet and Muller 2013). Without an FMA unit that of two
/// rounded products, as an elimination has it.
template <class R>
BS_INLINE Vec<R> cross(Vec<R> a, Vec<R> b, Vec<R> c, Vec<R> d) {
#if defined(__FMA__) || defined(__aarch64__)
  const Vec<R> p = b * c, lost = vfma<R>(-b, c, p);
  return vfma<R>(a, d, -p) + lost;
#else
  return a * d - b * c;
#endif
}
/// As that of native/kernels/determinant.cc, in `out`; returns for which lanes.
template <class R>
BS_INLINE Mask<R> little_det(const R* a, Index n, R* out) {
  constexpr R kMost = sizeof(R) == 8 ? R(0x1p300) : R(0x1p40), kLeast = sizeof(R) == 8 ? R(0x1p-200) : R(0x1p-26);
  Vec<R> x[9];
  Mask<R> moderate = ~Mask<R>{};
  for (Index e = 0; e < n * n; ++e) {
    x[e] = load<R>(a + e * W<R>);
    const Vec<R> size = vabs<R>(x[e]);
    moderate &= ((size > splat<R>(kLeast)) & (size < splat<R>(kMost))) | (size == Vec<R>{});
  }
  const Vec<R> d =
      n == 2 ? cross<R>(x[0], x[1], x[2], x[3])
             : x[0] * cross<R>(x[4], x[5], x[7], x[8]) - x[1] * cross<R>(x[3], x[5], x[6], x[8]) + x[2] * cross<R>(x[3], x[4], x[6], x[7]);
  store<R>(out, d);
  return moderate;
}

template <class L>
void det(const Call& call, const DetWork<L>& f, std::int32_t* info) {
  using R = typename L::Real;
  R* const out = static_cast<R*>(call.operand[1]);
  Mask<R> finite, little = Mask<R>{};
  if constexpr (L::planes == 1) {
    const Index n = call.dims[0];
    if (n == 2 || n == 3) little = little_det<R>(static_cast<const R*>(call.operand[0]), n, out);
    if (!any<R>(~little) && call.operand[2] == nullptr && call.operand[3] == nullptr) return report<R>(little, info);
  }
  factored<L>(call, f, finite);
  const Scaled<L> d = determinant<L>(f.lu, f.pivots);
  L::store(out, L::pick(little, L::load(out), value_of(d)));  // whatever the neighbours need, or a gradient
  report<R>(finite, Mask<R>{}, L::finite(d.mantissa), info);
}

/// out := weight A⁻ᴴ. Returns which lanes are finite.
template <class L>
BS_INLINE Mask<typename L::Real> weighted_inverse_adjoint(Strided<L> lu, const std::int32_t* pivots, typename L::Element weight,
                                                          Strided<L> out) {
  Mask<typename L::Real> finite;
  const auto small = [&]<int N, int K>() {
    SmallLu<L, N, K> s;
    s.load_factors(lu.data, pivots);
    s.diagonal(weight);
    s.solve_adjoint();
    finite = s.store_columns(out.data);
    return true;
  };
  if (if_small(lu.rows, lu.rows, small)) return finite;
  set_diagonal(weight, out);
  return solve_adjoint<L>(lu, pivots, out);
}

/// As in native/kernels/determinant.cc.
template <class R>
constexpr R kRegular = sizeof(R) == 8 ? R(0x1p-16) : R(0x1p-6);

// Ā = d̄ conj(d) A⁻ᴴ where the pivots show a regular matrix and the scale of d̄ d / A is one that a number holds; other lanes are declined,
// to go by singular values or in more steps.
template <class L>
void det_vjp(const Call& call, const NoWork<L>&, std::int32_t* info) {
  using R = typename L::Real;
  const Index n = call.dims[0];
  const auto lu = strided<L>(call.operand[1], n, n);
  const auto* const pivots = static_cast<const std::int32_t*>(call.operand[2]);
  Vec<R> least = splat<R>(Ieee<R>::inf), most = Vec<R>{};
  for (Index i = 0; i < n; ++i) {
    const Vec<R> size = L::size1(lu.get(i, i));
    least = size < least ? size : least;
    most = size > most ? size : most;
  }
  Scaled<L> d = determinant<L>(lu, pivots), weight{L::load(static_cast<const R*>(call.operand[3])), Mask<R>{}}, size{L::from_re(most), {}};
  weight.rescale();
  weight = {L::mul(weight.mantissa, L::conj(d.mantissa)), weight.exponent + d.exponent};
  weight.rescale();
  size.rescale();
  // 2^size A⁻ᴴ, of moderate size, times what is left
  const auto out = strided<L>(call.operand[4], n, n);
  const Mask<R> rest = L::is_zero(weight.mantissa) ? Mask<R>{} : weight.exponent - size.exponent;
  const auto power = [](Mask<R> e) { return from_bits<R>(reinterpret_cast<Bits<R>>(e + static_cast<int>(Ieee<R>::bias)) * Ieee<R>::unit); };
  const Mask<R> held = (rest > -static_cast<int>(Ieee<R>::bias)) & (rest <= static_cast<int>(Ieee<R>::bias));
  const Mask<R> finite = weighted_inverse_adjoint<L>(lu, pivots, L::scale(weight.mantissa, power(size.exponent)), out);
  const Vec<R> scale = power(held ? rest : Mask<R>{});
  for (Index i = 0; i < n; ++i)
    for (Index j = 0; j < n; ++j) out.set(i, j, L::scale(out.get(i, j), scale));
  report<R>((least > kRegular<R> * most) & held & finite, info);
  check_pivots<L>(pivots, n, n, info);
}

template <class L>
void slogdet(const Call& call, const SlogdetWork<L>& f, std::int32_t* info) {
  using R = typename L::Real;
  Mask<R> finite;
  factored<L>(call, f, finite);
  const Scaled<L> d = determinant<L>(f.lu, f.pivots);
  const Vec<R> size = magnitude<L>(d.mantissa);
  const Mask<R> zero = size == Vec<R>{};
  const Vec<R> inverse = splat<R>(1) / (zero ? splat<R>(1) : size);
  L::store(static_cast<R*>(call.operand[1]), L::scale(d.mantissa, inverse));
  Vec<R> log;
  for (int w = 0; w < W<R>; ++w) {
    const double e = zero[w] ? 0 : static_cast<double>(d.exponent[w]) * 0.693147180559945309417232121458176568;
    log[w] = static_cast<R>(__builtin_log(size[w]) + e);
  }
  store<R>(static_cast<R*>(call.operand[2]), log);
  report<R>(finite, Mask<R>{}, L::finite(d.mantissa), info);
}

// Ā = (ḡ - i Im(conj(s̄) s)) A⁻ᴴ
template <class L>
void slogdet_vjp(const Call& call, const NoWork<L>&, std::int32_t* info) {
  using R = typename L::Real;
  const Index n = call.dims[0];
  const auto lu = strided<L>(call.operand[2], n, n);
  const auto* const pivots = static_cast<const std::int32_t*>(call.operand[3]);
  auto weight = L::from_re(call.operand[5] != nullptr ? load<R>(static_cast<const R*>(call.operand[5])) : Vec<R>{});
  if constexpr (L::planes == 2) {
    if (call.operand[4] != nullptr) {
      const auto s = L::load(static_cast<const R*>(call.operand[1])), g = L::load(static_cast<const R*>(call.operand[4]));
      weight.im = g.im * s.re - g.re * s.im;
    }
  }
  Mask<R> zero = Mask<R>{};
  for (Index i = 0; i < n; ++i) zero = ((zero == 0) & L::is_zero(lu.get(i, i))) ? splat_index<R>(i + 1) : zero;
  report<R>(~Mask<R>{}, zero, weighted_inverse_adjoint<L>(lu, pivots, weight, strided<L>(call.operand[6], n, n)), info);
  check_pivots<L>(pivots, n, n, info);
}

}  // namespace

BS_LANES_KERNEL(det, DetWork)
BS_LANES_KERNEL(det_vjp, NoWork)
BS_LANES_KERNEL(slogdet, SlogdetWork)
BS_LANES_KERNEL(slogdet_vjp, NoWork)

}  // namespace backsolve::BS_ISA
