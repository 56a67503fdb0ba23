// Functions of Hermitian matrices, and their first and second derivatives by divided differences. docs/derivations/spectral.md
#include "differences.h"
#include "eigen.h"
#include "factor.h"
#include "list.h"
#include "powers.h"

namespace backsolve {
namespace {

using ops::conj;
using ops::Differences;
using ops::Exponent;
using ops::read;

Differences function_of(const double* attrs) { return {static_cast<ops::Function>(static_cast<int>(attrs[0])), attrs[1]}; }

/// What eigenvalues must be for f and `order` derivatives.
ops::Bound bound_of(const Differences& f, int order) {
  if (f.both_sides()) return ops::Bound::any;
  return f.smoothness_at_zero() < order ? ops::Bound::positive : ops::Bound::nonnegative;
}
template <class R>
std::int32_t check_zero(const Differences& f, int order, const R* w, Index n) {
  if (f.smoothness_at_zero() >= order) return 0;
  for (Index i = 0; i < n; ++i)
    if (w[i] == 0) return make_info(Fail::not_definite, i + 1);
  return 0;
}

/// What spectrum_for takes out of A. Homogeneous functions, and their derivatives, of what is left have all digits and do not overflow.
template <class T>
Exponent exponent_for(const Differences& f, Matrix<const T> a) {
  return f.homogeneous() ? ops::spectrum_exponent(a) : 0;
}
template <class T>
std::int32_t spectrum_for(const Differences& f, int order, Matrix<const T> a, Real<T>* w, Matrix<T> v, const ops::SpectrumWork<T>& space) {
  const Exponent exponent = ops::spectrum_exponent(a);
  if (const auto info = ops::spectrum(a, exponent, w, v, bound_of(f, order), space)) return info;
  if (!f.homogeneous())
    if (const auto info = ops::restore_exponent(w, a.rows, exponent)) return info;
  return check_zero(f, order, w, a.rows);
}

/// out = Vᴴ herm(e) V 2^-exponent, by way of `work`; returns the exponent that brings e within 2^±room.
template <class T>
Exponent into_basis(Matrix<const T> v, Matrix<const T> e, Exponent room, Matrix<T> work, Matrix<T> out) {
  const Exponent exponent = ops::excess(ops::largest_exponent(e), room);
  ops::copy(e, out);
  ops::scale_by_power(out, static_cast<double>(-exponent));
  ops::symmetrize(out);
  la::gemm<T>(1, la::Op::adjoint, v, la::Op::none, read(out), 0, work);
  la::gemm<T>(1, la::Op::none, read(work), la::Op::none, v, 0, out);
  return exponent;
}

// D f(A)[E] = V (f[w_i,w_j] ∘ Vᴴ E V) Vᴴ (Daleckii & Krein 1965; Higham 2008, theorem 3.11), A = 2^exponent V diag(w) Vᴴ:
// D f(c A) = c^(degree - 1) D f(A)
template <class T>
void derivative(const Differences& f, const Real<T>* w, Matrix<const T> v, Exponent exponent, Matrix<const T> e, Matrix<T> out, Matrix<T> x,
                Matrix<T> work) {
  const Index n = v.rows;
  const Exponent of_e = into_basis(v, e, ops::kRoom<Real<T>>, work, x);
  for (Index i = 0; i < n; ++i) {
    for (Index j = 0; j <= i; ++j) {
      const auto d = static_cast<Real<T>>(f(w[i], w[j]));
      x(i, j) *= d;
      if (i != j) x(j, i) *= d;
    }
  }
  ops::congruence(la::Op::none, v, read(x), work, out);
  ops::symmetrize(out);
  ops::scale_by_power(out, (f.degree() - 1) * static_cast<double>(exponent) + static_cast<double>(of_e));
}

// Y_ij = Σ_k f[w_i,w_k,w_j] (E_ik H_kj + H_ik E_kj): each difference once, for every place in the middle of its three indices
template <class T>
void second(const Differences& f, const Real<T>* w, Matrix<const T> e, Matrix<const T> h, Matrix<T> y) {
  const Index n = e.rows;
  std::fill_n(y.data, n * n, T(0));
  const auto give = [&](Real<T> d, Index i, Index k, Index j) { y(i, j) += d * (e(i, k) * h(k, j) + h(i, k) * e(k, j)); };
  for (Index i = 0; i < n; ++i) {
    for (Index j = i; j < n; ++j) {
      for (Index k = j; k < n; ++k) {
        const auto d = static_cast<Real<T>>(f(w[i], w[j], w[k]));
        give(d, j, i, k);
        if (j != i) give(d, i, j, k);
        if (k != j) give(d, i, k, j);
      }
    }
  }
  for (Index i = 0; i < n; ++i)
    for (Index j = 0; j < i; ++j) y(i, j) = conj(y(j, i));
}

template <class T>
struct FunctionWork {
  Real<T>* w;
  Matrix<T> v, work;
  ops::SpectrumWork<T> spectrum;
  FunctionWork(Arena& arena, const Call& call)
      : w(ops::operand_or<Real<T>>(arena, call.operand[2], call.dims[0])),
        v(ops::operand_or<T>(arena, call.operand[3], call.dims[0], call.dims[0])),
        work(arena.matrix<T>(call.dims[0], call.dims[0])),
        spectrum(arena, call.dims[0]) {}
};

/// Functions of Hermitian matrices: attrs [function: 0 exp, 1 log, 2 sqrt, 3 1/sqrt, 4 power, p]. dims {n}. Of a only the lower triangle is
/// read. Fails: as eigh; not_definite: eigenvalue `index` outside the domain of the function or of its derivative. a (n,n) -> y (n,n), w
/// (n), v (n,n): y = V f(w) Vᴴ; w and v may be null.
template <class T>
std::int32_t hermitian_function(const Call& call, const FunctionWork<T>& space) {
  const Index n = call.dims[0];
  const Differences f = function_of(call.attrs);
  const auto y = call.matrix<T>(1, n, n);
  Real<T>* const w = space.w;
  const Matrix<T> v = space.v, work = space.work;
  const auto a = call.matrix<const T>(0, n, n);
  if (const auto info = spectrum_for(f, 0, a, w, v, space.spectrum)) return info;
  const auto exponent = static_cast<double>(exponent_for(f, a));
  for (Index j = 0; j < n; ++j) {
    const auto value = static_cast<Real<T>>(f.at(w[j], exponent));
    for (Index i = 0; i < n; ++i) work(i, j) = v(i, j) * value;
  }
  la::gemm<T>(1, la::Op::none, read(work), la::Op::adjoint, read(v), 0, y);
  ops::symmetrize(y);
  return ops::check_answer(read(y));
}

template <class T>
struct VjpWork {
  Matrix<T> x, work;
  VjpWork(Arena& arena, const Call& call)
      : x(arena.matrix<T>(call.dims[0], call.dims[0])), work(arena.matrix<T>(call.dims[0], call.dims[0])) {}
};

/// a (not read), w, v, g (n,n) -> a: D f(A)[herm g].
template <class T>
std::int32_t hermitian_function_vjp(const Call& call, const VjpWork<T>& work) {
  const Index n = call.dims[0];
  const Differences f = function_of(call.attrs);
  const auto* w = call.vector<const Real<T>>(1);
  if (bound_of(f, 1) != ops::Bound::any && n > 0 && !(w[0] > 0) && f.smoothness_at_zero() < 1) return make_info(Fail::not_definite, 1);
  const Exponent exponent = exponent_for(f, call.matrix<const T>(0, n, n));
  derivative(f, w, call.matrix<const T>(2, n, n), exponent, call.matrix<const T>(3, n, n), call.matrix<T>(4, n, n), work.x, work.work);
  return 0;
}

template <class T>
struct DerivativeWork {
  Real<T>* w;
  Matrix<T> v, x, work;
  ops::SpectrumWork<T> spectrum;
  DerivativeWork(Arena& arena, const Call& call)
      : w(arena.take<Real<T>>(call.dims[0])),
        v(arena.matrix<T>(call.dims[0], call.dims[0])),
        x(arena.matrix<T>(call.dims[0], call.dims[0])),
        work(arena.matrix<T>(call.dims[0], call.dims[0])),
        spectrum(arena, call.dims[0]) {}
};

/// a, e (n,n) -> d: D f(A)[herm e].
template <class T>
std::int32_t spectral_derivative(const Call& call, const DerivativeWork<T>& space) {
  const Index n = call.dims[0];
  const Differences f = function_of(call.attrs);
  Real<T>* const w = space.w;
  const Matrix<T> v = space.v;
  const auto a = call.matrix<const T>(0, n, n);
  if (const auto info = spectrum_for(f, 1, a, w, v, space.spectrum)) return info;
  derivative(f, w, read(v), exponent_for(f, a), call.matrix<const T>(1, n, n), call.matrix<T>(2, n, n), space.x, space.work);
  return 0;
}

template <class T>
struct SecondWork {
  Real<T>* w;
  Matrix<T> v, e, h, work;
  ops::SpectrumWork<T> spectrum;
  SecondWork(Arena& arena, const Call& call)
      : w(arena.take<Real<T>>(call.dims[0])),
        v(arena.matrix<T>(call.dims[0], call.dims[0])),
        e(arena.matrix<T>(call.dims[0], call.dims[0])),
        h(arena.matrix<T>(call.dims[0], call.dims[0])),
        work(arena.matrix<T>(call.dims[0], call.dims[0])),
        spectrum(arena, call.dims[0]) {}
};

/// a, e, h (n,n) -> d: D² f(A)[herm e, herm h].
// D² f(A)[E, H] = V Y Vᴴ, Y from Vᴴ E V and Vᴴ H V; of degree `degree` - 2 in A
template <class T>
std::int32_t spectral_second(const Call& call, const SecondWork<T>& space) {
  const Index n = call.dims[0];
  const Differences f = function_of(call.attrs);
  const auto out = call.matrix<T>(3, n, n);
  Real<T>* const w = space.w;
  const Matrix<T> v = space.v, e = space.e, h = space.h, work = space.work;
  const auto a = call.matrix<const T>(0, n, n);
  if (const auto info = spectrum_for(f, 2, a, w, v, space.spectrum)) return info;
  constexpr Exponent kThird = ops::kRoom<Real<T>> / 3;  // products of E, H and a difference
  const Exponent of_e = into_basis(read(v), call.matrix<const T>(1, n, n), kThird, work, e);
  const Exponent of_h = into_basis(read(v), call.matrix<const T>(2, n, n), kThird, work, h);
  second(f, w, read(e), read(h), out);
  la::gemm<T>(1, la::Op::none, read(v), la::Op::none, read(out), 0, work);
  la::gemm<T>(1, la::Op::none, read(work), la::Op::adjoint, read(v), 0, out);
  ops::symmetrize(out);
  ops::scale_by_power(out, (f.degree() - 2) * static_cast<double>(exponent_for(f, a)) + static_cast<double>(of_e + of_h));
  return 0;
}

constexpr Limits kLimits{.narrow = 48, .declines = true, .many = 224}, kAdjoint{.narrow = 32, .declines = true, .many = 224};
constexpr Kernel kList[] = {
    {"hermitianFunction", "T(n,n) -> T(n,n) R?(n) T?(n,n)", "4r", 11, BS_SINGLE(hermitian_function, FunctionWork),
     Lanes::hermitian_function, kLimits},
    {"hermitianFunction_vjp", "T(n,n) R(n) T(n,n) T(n,n) -> T(n,n)", "4r", 8, BS_SINGLE(hermitian_function_vjp, VjpWork),
     Lanes::hermitian_function_vjp, kAdjoint},
    {"spectralDerivative", "T(n,n) T(n,n) -> T(n,n)", "4r", 17, BS_SINGLE(spectral_derivative, DerivativeWork), Lanes::spectral_derivative,
     kLimits},
    {"spectralSecond", "T(n,n) T(n,n) T(n,n) -> T(n,n)", "4r", 40, BS_SINGLE(spectral_second, SecondWork)},
};

}  // namespace

double ops::power_at(double p, double x, double exponent) { return Differences{Function::power, p}.at(x, exponent); }
double ops::power_difference(double p, double x, double y) { return Differences{Function::power, p}(x, y); }
bool ops::power_has_both_sides(double p) { return Differences{Function::power, p}.both_sides(); }

BS_LIST(spectral, kList)

}  // namespace backsolve
