// Determinants, their signs and logarithms, and their adjoints.
#include "adjugate.h"
#include "list.h"

namespace backsolve {
namespace {

using ops::Exponent;
using ops::Pivot;
using ops::read;
using ops::Scaled;

/// LU of a finite A and its determinant. Fails: not_finite, overflow.
template <class T>
std::int32_t factor(const Call& call, Matrix<T> lu, Pivot* pivots, Scaled<T>& d) {
  const Index n = call.dims[0];
  const auto a = call.matrix<const T>(0, n, n);
  if (!ops::all_finite(a)) return make_info(Fail::not_finite);
  const Exponent exponent = ops::lu_of(a, lu, pivots);
  d = ops::determinant(read(lu), pivots);
  d.exponent += n * exponent;
  ops::restore_exponent(lu, exponent);
  return ops::finite(d.mantissa) ? 0 : make_info(Fail::overflow);  // factors beyond the largest number, whatever the product is
}

/// out := weight A⁻ᴴ.
template <class T>
void weighted_inverse_adjoint(Matrix<const T> lu, const Pivot* pivots, T weight, Matrix<T> out) {
  ops::set_identity(out);
  for (Index i = 0; i < out.rows; ++i) out(i, i) = weight;
  ops::lu_solve(lu, pivots, true, out);
}

/// LU factors where the operands from `at` on are, if somebody wants them, else in workspace.
template <class T, int at>
struct FactorsWork {
  Matrix<T> lu;
  Pivot* pivots;
  FactorsWork(Arena& arena, const Call& call)
      : lu(ops::operand_or<T>(arena, call.operand[at], call.dims[0], call.dims[0])),
        pivots(ops::operand_or<Pivot>(arena, call.operand[at + 1], call.dims[0])) {}
};
template <class T>
using DetWork = FactorsWork<T, 2>;
template <class T>
using SlogdetWork = FactorsWork<T, 3>;

/// a d - b c with an error of the last digits, whatever cancels (Kahan; Jeannerod, Louvet and Muller 2013).
template <class R>
R cross(R a, R b, R c, R d) {
  const R p = b * c, lost = std::fma(-b, c, p);
  return std::fma(a, d, -p) + lost;
}
/// Of real 2 x 2 and 3 x 3 matrices whose elements' products neither overflow nor lose digits: minors are exact but for their last digits,
/// so that the rest is an error of the first row. False of others.
template <class R>
bool little_det(Index n, const R* x, R& d) {
  constexpr R kMost = sizeof(R) == 8 ? R(0x1p300) : R(0x1p40), kLeast = sizeof(R) == 8 ? R(0x1p-200) : R(0x1p-26);
  for (Index e = 0; e < n * n; ++e) {
    const R size = std::abs(x[e]);
    if (size != 0 && !(size > kLeast && size < kMost)) return false;
  }
  d = n == 2 ? cross(x[0], x[1], x[2], x[3])
             : x[0] * cross(x[4], x[5], x[7], x[8]) - x[1] * cross(x[3], x[5], x[6], x[8]) + x[2] * cross(x[3], x[4], x[6], x[7]);
  return true;
}

/// a (n,n) -> d (); may be null: lu (n,n), pivots (n). dims {n}. Fails: not_finite, overflow.
template <class T>
std::int32_t det(const Call& call, const DetWork<T>& work) {
  bool little = false;
  if constexpr (!ops::kComplex<T>) {
    const Index n = call.dims[0];
    little = (n == 2 || n == 3) && little_det<T>(n, static_cast<const T*>(call.operand[0]), *call.vector<T>(1));
    if (little && call.operand[2] == nullptr && call.operand[3] == nullptr) return 0;
  }
  Scaled<T> d{};
  if (const auto info = factor(call, work.lu, work.pivots, d)) return info;
  if (!little) *call.vector<T>(1) = d.value();  // the same value whether a gradient is wanted or not
  return 0;
}

template <class T>
struct DetVjpWork {
  Pivot* pivots;
  ops::AdjugateWork<T> adjugate;
  DetVjpWork(Arena& arena, const Call& call) : pivots(arena.take<Pivot>(call.dims[0])), adjugate(arena, call.dims[0]) {}
};

/// a, lu, pivots, g -> a. Right at any rank.
// Ā = d̄ adj(A)ᴴ. Where the pivots show a regular matrix, adj(A)ᴴ = conj(d) A⁻ᴴ from the LU of the forward pass; else by singular values.
template <class T>
std::int32_t det_vjp(const Call& call, const DetVjpWork<T>& work) {
  const Index n = call.dims[0];
  const auto a = call.matrix<const T>(0, n, n);
  const auto lu = call.matrix<const T>(1, n, n);
  Pivot* const pivots = work.pivots;
  if (const Index bad = ops::own_pivots(call.vector<const Pivot>(2), n, n, pivots); bad >= 0) return make_info(Fail::bad_pivot, bad);
  const auto g = Scaled<T>::of(*call.vector<const T>(3));
  const auto out = call.matrix<T>(4, n, n);
  Real<T> least = std::numeric_limits<Real<T>>::infinity(), most = 0;
  for (Index i = 0; i < n; ++i) {
    least = std::min(least, ops::size1(lu(i, i)));
    most = std::max(most, ops::size1(lu(i, i)));
  }
  // Errors of A⁻ᴴ grow with 1/ratio, those by singular values do not, at fifteen times the work: of random matrices of 64 rows most have a
  // ratio below 1/64, one in a thousand one below 2^-16, where eleven digits are left.
  constexpr Real<T> kRatio = sizeof(Real<T>) == 8 ? Real<T>(0x1p-16) : Real<T>(0x1p-6);
  if (least > kRatio * most) {
    const Scaled<T> weight = g * ops::determinant(lu, pivots).conj();
    const Exponent size = ops::exponent_of(most);  // 2^size A⁻ᴴ is of moderate size
    weighted_inverse_adjoint(lu, pivots, ops::times_power(weight.mantissa, size), out);
    for (Index i = 0; i < n * n; ++i) out.data[i] = ops::times_power(out.data[i], weight.exponent - size);
    return 0;
  }
  if (!ops::all_finite(a)) {  // an item that failed under onFailure "nan"; gesdd may never return from an infinity
    std::fill_n(out.data, n * n, T(std::numeric_limits<Real<T>>::quiet_NaN()));
    return 0;
  }
  return ops::adjugate_of(a, g, true, out, work.adjugate);
}

/// log |d|, d = 0 included.
template <class T>
Real<T> log_abs(const Scaled<T>& d) {
  constexpr double kLog2 = 0.693147180559945309417232121458176568;
  const Real<T> size = std::abs(d.value());
  if (std::isnormal(size)) return std::log(size);
  return static_cast<Real<T>>(std::log(static_cast<double>(std::abs(d.mantissa))) + static_cast<double>(d.exponent) * kLog2);
}

/// a (n,n) -> sign (), log |det| () real; may be null: lu (n,n), pivots (n). 0 and -Inf if singular. Fails: not_finite, overflow.
template <class T>
std::int32_t slogdet(const Call& call, const SlogdetWork<T>& work) {
  Scaled<T> d{};
  if (const auto info = factor(call, work.lu, work.pivots, d)) return info;
  *call.vector<T>(1) = d.mantissa == T(0) ? T(0) : d.mantissa / std::abs(d.mantissa);
  *call.vector<Real<T>>(2) = log_abs(d);
  return 0;
}

template <class T>
struct SlogdetVjpWork {
  Pivot* pivots;
  SlogdetVjpWork(Arena& arena, const Call& call) : pivots(arena.take<Pivot>(call.dims[0])) {}
};

/// a (not read), sign, lu, pivots, g_sign, g_log -> a; either cotangent may be null. Fails: singular.
// d log|det A| + i dθ = tr(A⁻¹ dA), d sign = i sign dθ: Ā = (ḡ - i Im(conj(s̄) s)) A⁻ᴴ.
template <class T>
std::int32_t slogdet_vjp(const Call& call, const SlogdetVjpWork<T>& work) {
  const Index n = call.dims[0];
  const T sign = *call.vector<const T>(1);
  const auto lu = call.matrix<const T>(2, n, n);
  const auto out = call.matrix<T>(6, n, n);
  Pivot* const pivots = work.pivots;
  if (const Index bad = ops::own_pivots(call.vector<const Pivot>(3), n, n, pivots); bad >= 0) return make_info(Fail::bad_pivot, bad);
  if (const Index zero = ops::zero_pivot(lu)) return make_info(Fail::singular, zero);
  const Real<T> g = call.operand[5] != nullptr ? *call.vector<const Real<T>>(5) : 0;
  T weight = g;
  if constexpr (ops::kComplex<T>) {
    if (call.operand[4] != nullptr) weight = {g, -(std::conj(*call.vector<const T>(4)) * sign).imag()};
  }
  weighted_inverse_adjoint(lu, pivots, weight, out);
  return 0;
}

constexpr Kernel kList[] = {
    {"det", "T(n,n) -> T() T?(n,n) I?(n)", "", 2.0 / 3, BS_SINGLE(det, DetWork), Lanes::det, {.wide = 128, .narrow = 48, .declines = true}},
    {"det_vjp",
     "T(n,n) T(n,n) I(n) T() -> T(n,n)",
     "",
     4,
     BS_SINGLE(det_vjp, DetVjpWork),
     Lanes::det_vjp,
     {.wide = 64, .narrow = 48, .declines = true}},
    {"slogdet",
     "T(n,n) -> T() R() T?(n,n) I?(n)",
     "",
     2.0 / 3,
     BS_SINGLE(slogdet, SlogdetWork),
     Lanes::slogdet,
     {.wide = 128, .narrow = 48, .declines = true}},
    {"slogdet_vjp",
     "T(n,n) T() T(n,n) I(n) T?() R?() -> T(n,n)",
     "",
     2,
     BS_SINGLE(slogdet_vjp, SlogdetVjpWork),
     Lanes::slogdet_vjp,
     {.wide = 96, .narrow = 48, .declines = true}},
};

}  // namespace

BS_LIST(determinant, kList)

}  // namespace backsolve
