// Exponentials of W matrices side by side, all of degree 13, each scaled for itself. Equations: native/kernels/expm.cc, which gets the
// lanes that are upper triangular, or of extreme size.
#include "../../kernels/pade.h"
#include "../blocks/lu.h"
#include "../blocks/reflections.h"
#include "../fill.h"
#include "../vector/vecmath.h"

namespace backsolve::BS_ISA {
namespace {

template <class L>
struct ExpmWork {
  using R = typename L::Real;
  Strided<L> a, power[3], u, v, x;  // A², A⁴, A⁶
  Factors<L> f;
  R *sums, *next;
  ExpmWork(Arena& arena, const Call& call) : f(arena, nullptr, nullptr, call.dims[0]) {
    const Index n = call.dims[0];
    for (Strided<L>* m : {&a, &power[0], &power[1], &power[2], &u, &v, &x}) *m = take_strided<L>(arena, n, n);
    sums = arena.take<R>(n * W<R>);
    next = arena.take<R>(n * W<R>);
  }
};

template <class L>
struct Expm {
  using R = typename L::Real;
  static constexpr int kDegree = 13;
  const ExpmWork<L>& w;
  Index n;

  template <class F>
  BS_INLINE void each(F f) const {
    for (Index i = 0; i < n; ++i)
      for (Index j = 0; j < n; ++j) f(i, j);
  }
  BS_INLINE static Vec<R> log2(Vec<R> x) { return vlog<R>(x) * R(1.4426950408889634); }
  /// The largest sum of a column's magnitudes.
  BS_INLINE Vec<R> norm(Strided<L> m) const {
    Vec<R> top = Vec<R>{};
    for (Index j = 0; j < n; ++j) {
      Vec<R> sum = Vec<R>{};
      for (Index i = 0; i < n; ++i) sum += magnitude<L>(m.get(i, j));
      top = sum > top ? sum : top;
    }
    return top;
  }
  /// log2 of the largest sum of a column of (|A| / size)^times.
  BS_INLINE Vec<R> log_of_power(Vec<R> size, int times) const {
    const Vec<R> c = splat<R>(1) / (size > Vec<R>{} ? size : splat<R>(1));
    for (Index j = 0; j < n; ++j) store<R>(w.sums + j * W<R>, splat<R>(1));
    R *now = w.sums, *then = w.next;
    for (int k = 0; k < times; ++k) {
      for (Index j = 0; j < n; ++j) store<R>(then + j * W<R>, Vec<R>{});
      for (Index i = 0; i < n; ++i) {
        const Vec<R> s = load<R>(now + i * W<R>) * c;
        for (Index j = 0; j < n; ++j) store<R>(then + j * W<R>, load<R>(then + j * W<R>) + load<R>(w.u.data + (i * n + j) * W<R>) * s);
      }
      R* const last = now;
      now = then, then = last;
    }
    Vec<R> top = Vec<R>{};
    for (Index j = 0; j < n; ++j) top = load<R>(now + j * W<R>) > top ? load<R>(now + j * W<R>) : top;
    return log2(top);
  }
  /// 0 of NaN and of what is below it.
  BS_INLINE static Mask<R> ceiling(Vec<R> x) {
    const Vec<R> y = x > Vec<R>{} ? x : Vec<R>{};
    const Mask<R> low = __builtin_convertvector(y, Mask<R>);
    return low - (y > __builtin_convertvector(low, Vec<R>));
  }
  /// How often A is to be halved.
  BS_INLINE Mask<R> halvings() const {
    constexpr double kLog2Theta = 2.4254379142487057, kLog2Leading = 116.447004251763;
    const Vec<R> fourth = log2(norm(w.power[1])) * R(0.25), sixth = log2(norm(w.power[2])) * R(1.0 / 6);
    const Mask<R> first = ceiling((fourth > sixth ? fourth : sixth) - R(kLog2Theta));
    // |A|, in the place of U
    each([&](Index i, Index j) { store<R>(w.u.data + (i * n + j) * W<R>, magnitude<L>(w.a.get(i, j))); });
    const Vec<R> size = norm(w.a), log_size = log2(size);
    const Vec<R> scaled = log_size - __builtin_convertvector(first, Vec<R>);
    const Vec<R> alpha = log_of_power(size, 2 * kDegree + 1) + R(2 * kDegree) * scaled - R(kLog2Leading);
    return first + ceiling((alpha + R(53)) * R(1.0 / (2 * kDegree)));
  }
  BS_INLINE void scale(Mask<R> by) const {
    const auto power = [&](int k) {
      return from_bits<R>(reinterpret_cast<Bits<R>>(static_cast<int>(Ieee<R>::bias) - by * k) * Ieee<R>::unit);
    };
    const auto scaled = [&](Strided<L> m, Vec<R> c) { each([&](Index i, Index j) { m.set(i, j, L::scale(m.get(i, j), c)); }); };
    scaled(w.a, power(1));
    for (int k = 0; k < 3; ++k) scaled(w.power[k], power(2 * (k + 1)));
  }
  /// Σ b_k A^k of the powers from `first` to `first` + 2 (count - 1), of which the first may be the identity.
  BS_INLINE typename L::Element combined(Index i, Index j, const double* b, bool identity) const {
    auto sum = L::from_re(identity && i == j ? splat<R>(static_cast<R>(b[0])) : Vec<R>{});
    for (int k = 0; k < 3; ++k) {
      const Vec<R> c = splat<R>(static_cast<R>(-b[2 * (k + 1)]));
      sum = L::minus(sum, w.power[k].get(i, j), L::from_re(c));
    }
    return sum;
  }
  /// TO := b_first I + ... + b_{first+6} A⁶ + A⁶ (b_{first+8} A² + ... + b_{first+12} A⁶)
  BS_INLINE void half(int first, Strided<L> to) const {
    const double* b = pade::kNumerators[4] + first;
    each([&](Index i, Index j) {
      w.u.set(i, j, combined(i, j, b + 6, false));
      to.set(i, j, combined(i, j, b, true));
    });
    product<L>(true, w.power[2], false, w.u, false, to, {}, true);
  }
  /// r(A) in V; which lanes have one.
  BS_INLINE Mask<R> approximate() const {
    half(1, w.x);
    half(0, w.v);
    product<L>(true, w.a, false, w.x, false, w.u);
    const auto one = L::from_re(splat<R>(1));
    each([&](Index i, Index j) {
      const auto odd = w.u.get(i, j), even = w.v.get(i, j);
      w.f.lu.set(i, j, L::minus(even, odd, one));
      w.v.set(i, j, L::minus(even, L::negate(odd), one));
    });
    const Mask<R> zero = factor<L>(w.f.lu, w.f.pivots, w.v, w.f.panel);
    return solve_triangle<L>(w.f.lu, false, false, false, false, w.v) & (zero == Mask<R>{});
  }
  BS_INLINE void square(Mask<R> times) const {
    for (int k = 1; any<R>(times >= k); ++k) {
      product<L>(true, w.v, false, w.v, false, w.x);
      const Mask<R> more = times >= k;
      each([&](Index i, Index j) { w.v.set(i, j, L::pick(more, w.x.get(i, j), w.v.get(i, j))); });
    }
  }
  BS_INLINE Mask<R> run() const {
    product<L>(true, w.a, false, w.a, false, w.power[0]);
    product<L>(true, w.power[0], false, w.power[0], false, w.power[1]);
    product<L>(true, w.power[0], false, w.power[1], false, w.power[2]);
    const Mask<R> times = halvings();
    if (any<R>(times > 0)) scale(times);
    const Mask<R> good = approximate();
    square(times);
    return good;
  }
};

template <class L>
void expm(const Call& call, const ExpmWork<L>& work, std::int32_t* info) {
  using R = typename L::Real;
  const Index n = call.dims[0];
  if (n == 0) return report<R>(~Mask<R>{}, info);
  const auto a = strided<L>(call.operand[0], n, n);
  const Vec<R> most = largest<L>(call.operand[0], n * n);
  Mask<R> upper = ~Mask<R>{};
  for (Index i = 0; i < n; ++i)
    for (Index j = 0; j < i; ++j) upper &= L::is_zero(a.get(i, j));
  const Mask<R> moderate = (most <= splat<R>(256)) & (most >= Ieee<R>::min_normal) & ~upper;
  const Expm<L> problem{work, n};
  problem.each([&](Index i, Index j) { work.a.set(i, j, L::pick(moderate, a.get(i, j), L::from_re(Vec<R>{}))); });
  const Mask<R> good = problem.run();
  copy_lanes<L>(work.v.data, call.operand[1], n * n);
  report<R>(is_finite<R>(most), Mask<R>{}, finite_lanes<L>(call.operand[1], n * n, good & moderate), info);
}

}  // namespace

BS_LANES_KERNEL(expm, ExpmWork)

}  // namespace backsolve::BS_ISA
