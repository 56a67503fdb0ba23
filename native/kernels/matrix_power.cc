// Powers of matrices with whole exponents, by squaring, and their derivatives. docs/derivations/functions.md
#include <cmath>

#include "../packed/packed.h"
#include "inverse.h"
#include "list.h"

namespace backsolve {
namespace {

using ops::read;

/// A matrix and its tangent, which has no data where there is none.
template <class T>
struct Dual {
  Matrix<T> value, along;
};

template <class T>
void multiply(Dual<T> a, Dual<T> b, Dual<T> to) {
  using la::Op;
  la::gemm<T>(1, Op::none, read(a.value), Op::none, read(b.value), 0, to.value);
  if (to.along.data == nullptr) return;
  la::gemm<T>(1, Op::none, read(a.along), Op::none, read(b.value), 0, to.along);
  la::gemm<T>(1, Op::none, read(a.value), Op::none, read(b.along), 1, to.along);
}
/// Aⁿ from the lowest bit of n on, as somebody multiplies who squares A; n = 1, 2, .... Every product is in one of the rooms, of which one
/// is neither the square nor the product so far.
template <class T>
Dual<T> power(Dual<T> a, double n, const Dual<T> (&rooms)[3]) {
  Dual<T> square = a, result{};
  const auto spare = [&] {
    return *std::find_if(rooms, rooms + 3,
                         [&](const Dual<T>& m) { return m.value.data != square.value.data && m.value.data != result.value.data; });
  };
  for (double left = n; left >= 1; left = std::floor(left / 2)) {
    if (std::fmod(left, 2) == 1) {
      const Dual<T> to = result.value.data == nullptr ? square : spare();
      if (result.value.data != nullptr) multiply(result, square, to);
      result = to;
    }
    if (left > 1) {
      const Dual<T> to = spare();
      multiply(square, square, to);
      square = to;
    }
  }
  return result;
}

constexpr double kMostPower = 9007199254740992;  // 2^53: of a program from elsewhere, too, the loop ends
template <class T>
struct PowerWork {
  Dual<T> rooms[3];
  Matrix<T> lu, inverse, product;
  ops::Pivot* pivots;
  ops::ColumnsWork<T> columns;
  PowerWork(Arena& arena, const Call& call, bool along) : columns(arena, call.attrs[0] < 0 ? call.dims[0] : 0) {
    const Index n = call.dims[0], own = call.attrs[0] < 0 ? n : 0, of_tangent = along ? n : 0;
    for (auto& m : rooms) m = {arena.matrix<T>(n, n), {}};
    for (auto& m : rooms)
      if (along) m.along = arena.matrix<T>(n, n);
    lu = arena.matrix<T>(own, own);
    inverse = arena.matrix<T>(own, own);
    product = arena.matrix<T>(std::min(own, of_tangent), std::min(own, of_tangent));
    pivots = arena.take<ops::Pivot>(own);
  }
  /// A⁻¹ where `inverse` is.
  std::int32_t invert(Matrix<const T> a) const {
    if (!ops::all_finite(a)) return make_info(Fail::not_finite);
    const ops::Exponent exponent = ops::lu_of(a, lu, pivots);
    if (const Index zero = ops::zero_pivot(read(lu))) return make_info(Fail::singular, zero);
    ops::lu_inverse(read(lu), exponent, pivots, false, inverse, columns);
    return ops::check_answer(read(inverse));
  }
};
template <class T>
struct ValueWork : PowerWork<T> {
  ValueWork(Arena& arena, const Call& call) : PowerWork<T>(arena, call, false) {}
};
template <class T>
struct AlongWork : PowerWork<T> {
  AlongWork(Arena& arena, const Call& call) : PowerWork<T>(arena, call, true) {}
};
/// What is only read.
template <class T>
Matrix<T> given(Matrix<const T> m) {
  return {const_cast<T*>(m.data), m.rows, m.cols, m.stride};
}

/// Aᵖ of real matrices so small that a call for each product would cost more.
template <class T>
constexpr bool is_small(Index n) {
  return !ops::kComplex<T> && n <= packed::kMostPowers;
}
/// As matrix_power, of such ones with p >= 0.
template <class R>
void matrix_power_many(const Call& call, const void* const* const* lists, Index items) {
  const Index n = call.dims[0];
  const double p = std::min(call.attrs[0], kMostPower);
  if (n > 0 && p >= 1) return packed::kernels<R>().powers(n, static_cast<std::uint64_t>(p), lists, items);
  for (Index i = 0; i < items; ++i) ops::set_identity(Matrix<R>{static_cast<R*>(const_cast<void*>(lists[1][i])), n, n, n});
}

/// a (n,n) -> y (n,n), Aᵖ. attrs [p], a whole number; of p < 0 of the inverse, which fails as inv does, else nothing fails. dims {n}.
template <class T>
std::int32_t matrix_power(const Call& call, const ValueWork<T>& work) {
  const Index n = call.dims[0];
  const double p = std::min(std::abs(call.attrs[0]), kMostPower);
  const auto a = call.matrix<const T>(0, n, n);
  const auto y = call.matrix<T>(1, n, n);
  if (call.attrs[0] < 0) {
    if (const auto info = work.invert(a); info != 0) return info;
  }
  if (n == 0 || !(p >= 1)) {
    ops::set_identity(y);
    return 0;
  }
  if constexpr (is_small<T>(0)) {
    const void *const from[] = {call.attrs[0] < 0 ? work.inverse.data : a.data}, *const to[] = {y.data};
    const void* const* const lists[] = {from, to};
    const double whole[] = {p};
    if (is_small<T>(n)) return matrix_power_many<T>(Call{nullptr, call.dims, whole}, lists, 1), 0;
  }
  const Dual<T> base{call.attrs[0] < 0 ? work.inverse : given(a), {}}, rooms[] = {{y, {}}, work.rooms[1], work.rooms[2]};
  const Dual<T> result = power(base, p, rooms);
  if (result.value.data != y.data) ops::copy(read(result.value), y);
  return 0;
}

/// a, e (n,n) -> x (n,n), the derivative of Aᵖ along E. attrs, dims and failures as above.
// of S = S₁ S₂ dS = dS₁ S₂ + S₁ dS₂; of B = A⁻¹ dB = -B E B
template <class T>
std::int32_t matrix_power_along(const Call& call, const AlongWork<T>& work) {
  using la::Op;
  const Index n = call.dims[0];
  const double p = std::min(std::abs(call.attrs[0]), kMostPower);
  const auto a = call.matrix<const T>(0, n, n), e = call.matrix<const T>(1, n, n);
  const auto x = call.matrix<T>(2, n, n);
  Dual<T> base{given(a), given(e)};
  if (call.attrs[0] < 0) {
    if (const auto info = work.invert(a); info != 0) return info;
    la::gemm<T>(-1, Op::none, read(work.inverse), Op::none, e, 0, work.product);
    la::gemm<T>(1, Op::none, read(work.product), Op::none, read(work.inverse), 0, work.lu);
    base = {work.inverse, work.lu};
  }
  const Dual<T> result = n > 0 && p >= 1 ? power(base, p, work.rooms) : Dual<T>{};
  if (result.along.data == nullptr)
    std::fill_n(x.data, n * n, T(0));
  else
    ops::copy(read(result.along), x);
  return 0;
}

constexpr bool cannot_fail(const double* attrs) { return attrs[0] >= 0; }
constexpr Single with_many() {
  Single s = BS_SINGLE(matrix_power, ValueWork);
  s.many[static_cast<int>(DType::f32)] = matrix_power_many<float>;
  s.many[static_cast<int>(DType::f64)] = matrix_power_many<double>;
  s.takes_many = cannot_fail;
  return s;
}

constexpr Kernel kList[] = {
    {"matrixPower",
     "T(n,n) -> T(n,n)",
     "r",
     8,
     with_many(),
     Lanes::matrix_power,
     {.wide = 16, .narrow = 16, .declines = true, .rate = 30, .each = 2}},
    {"matrixPowerAlong",
     "T(n,n) T(n,n) -> T(n,n)",
     "r",
     24,
     BS_SINGLE(matrix_power_along, AlongWork),
     Lanes::matrix_power_along,
     {.wide = 16, .narrow = 16, .declines = true}},
};

}  // namespace

BS_LIST(matrix_power, kList)

}  // namespace backsolve
