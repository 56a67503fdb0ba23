// Powers of W matrices side by side with one whole exponent, and their derivatives. Equations: native/kernels/matrix_power.cc, whose
// products these are, in their order.
#include "../blocks/lu.h"
#include "../fill.h"

namespace backsolve::BS_ISA {
namespace {

/// n x n matrices one element after the other: a matrix and its tangent, if there is one.
template <class L>
struct Dual {
  typename L::Real *value, *along;
};
/// TO := A B, or with `added` TO + A B. What it is told is in registers: of views in memory a small product would wait for the parts.
template <class L>
__attribute__((noinline)) void multiply_square(typename L::Real* a, typename L::Real* b, typename L::Real* to, Index n, bool added) {
  Product<L, false>{strided<L>(a, n, n), strided<L>(b, n, n), strided<L>(to, n, n), false, true, added, {}}.run();
}
template <class L>
BS_INLINE void multiply(Dual<L> a, Dual<L> b, Dual<L> to, Index n) {
  multiply_square<L>(a.value, b.value, to.value, n, false);
  if (to.along == nullptr) return;
  multiply_square<L>(a.along, b.value, to.along, n, false);
  multiply_square<L>(a.value, b.along, to.along, n, true);
}

constexpr double kMostPower = 9007199254740992;
template <class L>
struct PowerWork {
  Index n;
  Dual<L> rooms[3];
  Strided<L> inverse, product;
  Factors<L> f;
  BS_INLINE PowerWork(Arena& arena, const Call& call, bool tangent)
      : n(call.dims[0]),
        inverse(take_strided<L>(arena, own(call), own(call))),
        product(take_strided<L>(arena, tangent ? own(call) : 0, own(call))),
        f(arena, nullptr, nullptr, own(call)) {
    for (auto& m : rooms) m = {take_strided<L>(arena, n, n).data, tangent ? take_strided<L>(arena, n, n).data : nullptr};
    if (!tangent) rooms[0].value = static_cast<typename L::Real*>(call.operand[1]);
  }
  BS_INLINE static Index own(const Call& call) { return call.attrs[0] < 0 ? call.dims[0] : 0; }

  /// One that is neither of these.
  BS_INLINE Dual<L> spare(Dual<L> p, Dual<L> q) const {
    int at = 0;
    while (rooms[at].value == p.value || rooms[at].value == q.value) ++at;
    return rooms[at];
  }
  __attribute__((noinline)) Dual<L> power(Dual<L> a, double p) const {
    Dual<L> square = a, result{};
    for (double left = p; left >= 1;) {
      const double half = __builtin_floor(left / 2);
      if (left > 2 * half) {
        const Dual<L> to = result.value == nullptr ? square : spare(square, result);
        if (result.value != nullptr) multiply<L>(result, square, to, n);
        result = to;
      }
      if (left > 1) {
        const Dual<L> to = spare(square, result);
        multiply<L>(square, square, to, n);
        square = to;
      }
      left = half;
    }
    return result;
  }
  /// A⁻¹ where `inverse` is; what becomes of it in `info`.
  __attribute__((noinline)) void invert(Strided<L> a, std::int32_t* info) const {
    using R = typename L::Real;
    const Index n = a.rows;
    const Mask<R> finite = finite_lanes<L>(a.data, n * n, ~Mask<R>{});
    copy_lanes<L>(a.data, f.lu.data, n * n);
    set_diagonal(L::from_re(splat<R>(1)), inverse);
    const Mask<R> zero = factor<L>(f.lu, f.pivots, inverse, f.panel);
    report<R>(finite, zero, solve_triangle<L>(f.lu, false, false, false, false, inverse), info);
  }
};
BS_INLINE double exponent(const Call& call) {
  const double p = call.attrs[0] < 0 ? -call.attrs[0] : call.attrs[0];
  return p < kMostPower ? p : kMostPower;
}

template <class L>
struct ValueWork : PowerWork<L> {
  ValueWork(Arena& arena, const Call& call) : PowerWork<L>(arena, call, false) {}
};
template <class L>
void matrix_power(const Call& call, const ValueWork<L>& work, std::int32_t* info) {
  using R = typename L::Real;
  const Index n = call.dims[0];
  const double p = exponent(call);
  const auto a = strided<L>(call.operand[0], n, n), y = strided<L>(call.operand[1], n, n);
  report<R>(~Mask<R>{}, info);
  if (n == 0) return;
  const bool inverted = call.attrs[0] < 0;
  if (inverted) work.invert(a, info);
  if (!(p >= 1)) return set_diagonal(L::from_re(splat<R>(1)), y);
  const auto* const result = work.power({inverted ? work.inverse.data : a.data, nullptr}, p).value;
  if (result != y.data) copy_lanes<L>(result, y.data, n * n);
}

template <class L>
struct AlongWork : PowerWork<L> {
  AlongWork(Arena& arena, const Call& call) : PowerWork<L>(arena, call, true) {}
};
template <class L>
void matrix_power_along(const Call& call, const AlongWork<L>& work, std::int32_t* info) {
  using R = typename L::Real;
  const Index n = call.dims[0];
  const double p = exponent(call);
  const auto a = strided<L>(call.operand[0], n, n), e = strided<L>(call.operand[1], n, n), x = strided<L>(call.operand[2], n, n);
  Dual<L> base{a.data, e.data};
  report<R>(~Mask<R>{}, info);
  if (n == 0) return;
  if (call.attrs[0] < 0) {
    work.invert(a, info);
    product<L>(false, work.inverse, false, e, false, work.product);
    product<L>(true, work.product, false, work.inverse, false, work.f.lu);
    base = {work.inverse.data, work.f.lu.data};
  }
  if (!(p >= 1)) return set_diagonal(L::from_re(Vec<R>{}), x);
  copy_lanes<L>(work.power(base, p).along, x.data, n * n);
}

}  // namespace

BS_LANES_KERNEL(matrix_power, ValueWork)
BS_LANES_KERNEL(matrix_power_along, AlongWork)

}  // namespace backsolve::BS_ISA
