// Square roots, logarithms, powers and signs of general matrices, and their derivatives. docs/derivations/functions.md
#include "functions.h"

#include <numbers>

#include "list.h"
#include "schur.h"

namespace backsolve {
namespace {

using la::Op;
using ops::Bad, ops::Cx, ops::read;

enum class Function { root, log, power, sign };

/// The complex Schur form A = 2^exponent Wᴴ L W, or that of Aᵀ, in double precision.
template <class T>
struct FormWork {
  using Own = std::conditional_t<ops::kComplex<T>, Cx, double>;
  ops::SchurWork<Own> schur;
  Matrix<Cx> l, w, spare;
  FormWork(Arena& arena, Index n) : schur(arena, n) {
    const Index k = schur.fits ? n : 0;
    l = ops::kComplex<T> ? Matrix<Cx>{} : arena.matrix<Cx>(k, k);
    w = ops::kComplex<T> ? Matrix<Cx>{} : arena.matrix<Cx>(k, k);
    spare = arena.matrix<Cx>(k, k);
    if constexpr (ops::kComplex<T>) {
      l = schur.form.l;
      w = schur.form.w;
    }
  }
};

/// A real Schur form as a complex one: the block of 2 in rows k, k + 1, with right vector x of its second eigenvalue μ, turned by
/// G = [x2 -x1; conj(x1) conj(x2)], is [conj(μ) 0; . μ].
void split_pair(Matrix<Cx> l, Matrix<Cx> w, Index k) {
  const double b = l(k, k + 1).real(), below = l(k + 1, k).real();
  const Cx mu(l(k, k).real(), -std::sqrt(std::abs(b)) * std::sqrt(std::abs(below)));  // as LAPACK has it (dlanv2)
  const double norm = std::hypot(b, std::abs(mu - l(k, k)));
  const Cx x1 = b / norm, x2 = (mu - l(k, k)) / norm;
  const auto rows = [&](Matrix<Cx> m, Index end) {
    for (Index j = 0; j < end; ++j) {
      const Cx p = m(k, j), q = m(k + 1, j);
      m(k, j) = x2 * p - x1 * q;
      m(k + 1, j) = std::conj(x1) * p + std::conj(x2) * q;
    }
  };
  rows(l, k + 2);
  rows(w, w.cols);
  for (Index i = k; i < l.rows; ++i) {
    const Cx p = l(i, k), q = l(i, k + 1);
    l(i, k) = p * std::conj(x2) - q * std::conj(x1);
    l(i, k + 1) = p * x1 + q * x2;
  }
  l(k, k) = std::conj(mu);
  l(k + 1, k + 1) = mu;
  l(k, k + 1) = 0;
}

/// TO = 2^-exponent A, Aᵀ or Aᴴ.
template <class T, class To>
void load(Matrix<const T> a, Op op, ops::Exponent exponent, Matrix<To> to) {
  using Own = std::conditional_t<ops::kComplex<T>, Cx, double>;
  for (Index i = 0; i < a.rows; ++i) {
    for (Index j = 0; j < a.cols; ++j) {
      const Own x = ops::times_power(Own(op == Op::none ? a(i, j) : a(j, i)), -exponent);
      to(i, j) = op == Op::adjoint ? ops::conj(x) : x;
    }
  }
}

struct Form {
  int exponent = 0;
  ops::Noise noise;
};
/// Whether Aᵀ is rather to be computed with: the QR algorithm keeps the digits of what is small where that stands below the diagonal, and
/// hands over Schur forms of the transpose of what it gets row by row.
template <class T>
bool is_lower(Matrix<const T> a) {
  Real<T> upper = 0, lower = 0;
  for (Index i = 0; i < a.rows; ++i)
    for (Index j = 0; j < a.cols; ++j)
      if (i != j) (i < j ? upper : lower) += std::abs(a(i, j)) / 2;
  return lower > upper;
}
template <class T>
bool is_triangle(Matrix<const T> l) {
  for (Index i = 0; i < l.rows; ++i)
    for (Index j = i + 1; j < l.cols; ++j)
      if (l(i, j) != T(0)) return false;
  return true;
}
/// The form of A from that of Aᵀ: A = Wᵀ Lᵀ conj(W), and with P, the identity with its rows reversed, L' = P Lᵀ P, W' = P conj(W).
template <class T>
void transpose_form(Matrix<T> l, Matrix<T> w) {
  const Index last = l.rows - 1;
  for (Index i = 0; i <= last; ++i)
    for (Index j = 0; i + j < last; ++j) std::swap(l(i, j), l(last - j, last - i));
  for (Index i = 0; i < last - i; ++i) ops::swap_rows(w, i, last - i);
  for (Index i = 0; i <= last; ++i)
    for (Index j = 0; j <= last; ++j) w(i, j) = ops::conj(w(i, j));
}
template <class T>
int exponent_of(Matrix<const T> a) {
  constexpr ops::Exponent kModerate = 1000;
  return static_cast<int>(ops::excess(ops::largest_exponent(a), kModerate)) / 2 * 2;
}
/// The form of 2^-exponent A in work.schur.
template <class T>
std::int32_t form_of(Matrix<const T> a, const FormWork<T>& work, Form& form) {
  const auto& own = work.schur.form;
  if (!work.schur.fits) return make_info(Fail::too_large);
  if (!ops::all_finite(a)) return make_info(Fail::not_finite);
  form.exponent = exponent_of(a);
  const bool transposed = !is_lower(a);
  load(a, transposed ? Op::transpose : Op::none, form.exponent, own.l);
  if (is_triangle(read(own.l)))  // a form already, whose eigenvalues may be as far apart as numbers are
    ops::set_identity(own.w);
  else if (const auto info = ops::schur_form(work.schur); info != 0)
    return info;
  if (transposed) transpose_form(own.l, own.w);
  return 0;
}
/// The complex form of that in work.schur.
template <class T>
std::int32_t triangle_of(Function f, const FormWork<T>& work, Form& form) {
  const auto& own = work.schur.form;
  const Index n = own.l.rows;
  const double rounding = static_cast<double>(n) * std::numeric_limits<double>::epsilon() * ops::largest_part(read(own.l));
  form.noise = {ops::kComplex<T> ? rounding : 0, rounding};  // of real matrices no eigenvalue is near the axis but in pairs
  if constexpr (!ops::kComplex<T>) {
    for (Index i = 0; i < n * n; ++i) {
      work.l.data[i] = own.l.data[i];
      work.w.data[i] = own.w.data[i];
    }
    for (Index i = 0; i < n; ++i) {
      const double value = own.l(i, i);
      if (i + 1 < n && own.l(i, i + 1) != 0 && own.l(i + 1, i) != 0) {
        split_pair(work.l, work.w, i);
        ++i;
      } else if (value < 0 && f != Function::sign) {
        if (value < -rounding) return make_info(Fail::negative_axis, i + 1);
        work.l(i, i) = 0;  // what is negative by rounding alone
      }
    }
  }
  for (Index i = 0; i < n; ++i) std::fill(&work.l(i, 0) + i + 1, &work.l(i, 0) + n, Cx(0));
  return 0;
}

template <Function f>
Bad apply(Matrix<Cx> l, double p, ops::Noise noise, const ops::TriangularWork& work) {
  switch (f) {
    case Function::root:
      return ops::triangular_root(l, noise);
    case Function::log:
      return ops::triangular_log(l, noise.axis, work);
    case Function::power:
      return ops::triangular_power(l, p, noise.axis, work);
    case Function::sign:
      break;
  }
  return ops::triangular_sign(l, static_cast<double>(l.rows) * std::numeric_limits<double>::epsilon(), work);
}
/// log2 of what f of 2^exponent A is times f of A, but for the logarithm's, which is a sum.
template <Function f>
double degree_of(double p) {
  return f == Function::root ? 0.5 : f == Function::power ? p : 0;
}

/// X = 2^power Wᴴ M W, or its adjoint, in place of M.
template <class T>
std::int32_t turn_back(Matrix<Cx> m, bool adjoint, double power, const FormWork<T>& work, Matrix<T> x) {
  const auto w = read(work.w);
  const auto spare = work.spare;
  la::gemm<Cx>(1, Op::adjoint, w, adjoint ? Op::adjoint : Op::none, read(m), 0, spare);
  la::gemm<Cx>(1, Op::none, read(spare), Op::none, w, 0, m);
  ops::scale_by_power(m, power);
  for (Index i = 0; i < x.rows; ++i) {
    for (Index j = 0; j < x.cols; ++j) {
      if constexpr (ops::kComplex<T>)
        x(i, j) = T(m(i, j));
      else
        x(i, j) = T(m(i, j).real());
    }
  }
  return ops::check_answer(read(x));
}

template <Function f, class T>
struct FunctionWork {
  FormWork<T> form;
  ops::TriangularWork triangle;
  FunctionWork(Arena& arena, const Call& call) : form(arena, call.dims[0]), triangle(arena, f == Function::root ? 0 : call.dims[0]) {}
};
/// a (n,n) -> x (n,n) = f(A), l, w (n,n), the Schur form of 2^-exponent A for the rule; the last two may be null. attrs of the power [p].
/// Fails: not_finite, too_large, no_convergence, negative_axis and no_function (which eigenvalue), overflow.
template <Function f, class T>
std::int32_t function_of(const Call& call, const FunctionWork<f, T>& work) {
  const Index n = call.dims[0];
  const double p = f == Function::power ? call.attrs[0] : 0;
  const auto& own = work.form.schur.form;
  Form form;
  if (const auto info = form_of(call.matrix<const T>(0, n, n), work.form, form); info != 0) return info;
  for (const int i : {2, 3})
    if (call.operand[i] != nullptr) std::copy_n((i == 2 ? own.l : own.w).data, n * n, call.vector<T>(i));
  if (const auto info = triangle_of(f, work.form, form); info != 0) return info;
  const Matrix<Cx> l = work.form.l;
  if (const Bad bad = apply<f>(l, p, form.noise, work.triangle); bad != 0) return make_info(Fail::no_function, bad);
  for (Index i = 0; i < n && f == Function::log; ++i) l(i, i) += form.exponent * std::numbers::ln2;
  return turn_back(l, false, degree_of<f>(p) * form.exponent, work.form, call.matrix<T>(1, n, n));
}

template <Function f, class T>
struct AlongWork {
  FormWork<T> form;
  Matrix<Cx> e, pair;
  ops::TriangularWork triangle;
  AlongWork(Arena& arena, const Call& call)
      : form(arena, call.dims[0]),
        e(arena.matrix<Cx>(call.dims[0], call.dims[0])),
        pair(arena.matrix<Cx>(f == Function::root ? 0 : 2 * call.dims[0], f == Function::root ? 0 : 2 * call.dims[0])),
        triangle(arena, pair.rows) {}
};
/// Below the diagonal of f([L 0; E L]): the derivative at L along E (Higham 2008, eq. 3.16), in place of E. Of R² = L it is X with
/// R X + X R = E.
template <Function f, class T>
Bad derivative(double p, ops::Noise noise, const AlongWork<f, T>& work) {
  const Matrix<Cx> l = work.form.l, e = work.e;
  const Index n = l.rows;
  if constexpr (f == Function::root) {
    if (const Bad bad = ops::triangular_root(l, noise); bad != 0) return bad;
    return ops::triangular_sylvester(read(l), read(l), e, -1);
  }
  std::fill_n(work.pair.data, 4 * n * n, Cx(0));
  ops::copy(read(l), ops::block(work.pair, 0, 0, n, n));
  ops::copy(read(l), ops::block(work.pair, n, n, n, n));
  const auto corner = ops::block(work.pair, n, 0, n, n);
  ops::copy(read(e), corner);
  const Bad bad = apply<f>(work.pair, p, noise, work.triangle);
  ops::copy(read(corner), e);
  return bad > n ? bad - n : bad;
}
/// The derivative along E from the form in work.schur; or the adjoint of that along Eᴴ.
template <Function f, class T>
std::int32_t derivative_of(double p, Form form, Matrix<const T> given, bool adjoint, const AlongWork<f, T>& work, Matrix<T> x) {
  if (const auto info = triangle_of(f, work.form, form); info != 0) return info;
  if (!ops::all_finite(given)) return make_info(Fail::not_finite);
  // E, which the answer is linear in, is brought to the size of the smallest eigenvalue: the methods look at the norm of both together
  double least = std::numeric_limits<double>::infinity();
  for (Index i = 0; i < x.rows; ++i)
    if (work.form.l(i, i) != 0.0) least = std::min(least, std::abs(work.form.l(i, i)));
  const ops::Exponent own = ops::largest_exponent(given) - ops::exponent_of(least);
  const Matrix<Cx> e = work.e, w = work.form.w, spare = work.form.spare;
  load(given, adjoint ? Op::adjoint : Op::none, own, spare);
  la::gemm<Cx>(1, Op::none, read(w), Op::none, read(spare), 0, e);
  la::gemm<Cx>(1, Op::none, read(e), Op::adjoint, read(w), 0, spare);
  ops::copy(read(spare), e);
  if (const Bad bad = derivative(p, form.noise, work); bad != 0) return make_info(Fail::no_function, bad);
  const double power = (degree_of<f>(p) - 1) * form.exponent + static_cast<double>(own);
  return turn_back(e, adjoint, power, work.form, x);
}
/// a, e (n,n) -> x (n,n), the derivative of f at A along E. attrs and failures as above.
template <Function f, class T>
std::int32_t function_along(const Call& call, const AlongWork<f, T>& work) {
  const Index n = call.dims[0];
  Form form;
  if (const auto info = form_of(call.matrix<const T>(0, n, n), work.form, form); info != 0) return info;
  return derivative_of(f == Function::power ? call.attrs[0] : 0, form, call.matrix<const T>(1, n, n), false, work, call.matrix<T>(2, n, n));
}
/// a, l, w, g (n,n) -> a (n,n), the adjoint of the derivative along Gᴴ. attrs and failures as above.
template <Function f, class T>
std::int32_t function_vjp(const Call& call, const AlongWork<f, T>& work) {
  const Index n = call.dims[0];
  if (!work.form.schur.fits) return make_info(Fail::too_large);
  const auto& own = work.form.schur.form;
  std::copy_n(call.vector<const T>(1), n * n, own.l.data);
  std::copy_n(call.vector<const T>(2), n * n, own.w.data);
  const Form form{exponent_of(call.matrix<const T>(0, n, n)), {}};
  return derivative_of(f == Function::power ? call.attrs[0] : 0, form, call.matrix<const T>(3, n, n), true, work, call.matrix<T>(4, n, n));
}

#define BS_FUNCTION(name, f)                                                    \
  template <class T>                                                            \
  using name##Work = FunctionWork<f, T>;                                        \
  template <class T>                                                            \
  using name##AlongWork = AlongWork<f, T>;                                      \
  template <class T>                                                            \
  std::int32_t name(const Call& call, const name##Work<T>& work) {              \
    return function_of<f, T>(call, work);                                       \
  }                                                                             \
  template <class T>                                                            \
  std::int32_t name##_along(const Call& call, const name##AlongWork<T>& work) { \
    return function_along<f, T>(call, work);                                    \
  }                                                                             \
  template <class T>                                                            \
  std::int32_t name##_vjp(const Call& call, const name##AlongWork<T>& work) {   \
    return function_vjp<f, T>(call, work);                                      \
  }
BS_FUNCTION(sqrtm, Function::root)
BS_FUNCTION(logm, Function::log)
BS_FUNCTION(power, Function::power)
BS_FUNCTION(signm, Function::sign)
#undef BS_FUNCTION

constexpr Limits kValues{.narrow = 64, .declines = true, .many = 224}, kDerivatives{.narrow = 64, .declines = true, .many = 224};
constexpr const char *kValue = "T(n,n) -> T(n,n) T?(n,n) T?(n,n)", *kAlong = "T(n,n) T(n,n) -> T(n,n)",
                     *kVjp = "T(n,n) T(n,n) T(n,n) T(n,n) -> T(n,n)";
constexpr Kernel kList[] = {
    {"sqrtm", kValue, "", 60, BS_SINGLE(sqrtm, sqrtmWork), Lanes::sqrtm, kValues},
    {"sqrtm_vjp", kVjp, "", 20, BS_SINGLE(sqrtm_vjp, sqrtmAlongWork), Lanes::sqrtm_vjp, kDerivatives},
    {"sqrtmAlong", kAlong, "", 70, BS_SINGLE(sqrtm_along, sqrtmAlongWork), Lanes::sqrtm_along, kDerivatives},
    {"logm", kValue, "", 80, BS_SINGLE(logm, logmWork), Lanes::logm, kValues},
    {"logm_vjp", kVjp, "", 200, BS_SINGLE(logm_vjp, logmAlongWork), Lanes::logm_vjp, kDerivatives},
    {"logmAlong", kAlong, "", 250, BS_SINGLE(logm_along, logmAlongWork), Lanes::logm_along, kDerivatives},
    {"fractionalPower", kValue, "r", 90, BS_SINGLE(power, powerWork), Lanes::fractional_power, kValues},
    {"fractionalPower_vjp", kVjp, "r", 250, BS_SINGLE(power_vjp, powerAlongWork), Lanes::fractional_power_vjp, kDerivatives},
    {"fractionalPowerAlong", kAlong, "r", 300, BS_SINGLE(power_along, powerAlongWork), Lanes::fractional_power_along, kDerivatives},
    {"signm", kValue, "", 60, BS_SINGLE(signm, signmWork), Lanes::signm, kValues},
    {"signm_vjp", kVjp, "", 40, BS_SINGLE(signm_vjp, signmAlongWork), Lanes::signm_vjp, kDerivatives},
    {"signmAlong", kAlong, "", 90, BS_SINGLE(signm_along, signmAlongWork), Lanes::signm_along, kDerivatives},
};

}  // namespace

BS_LIST(functions, kList)

}  // namespace backsolve
