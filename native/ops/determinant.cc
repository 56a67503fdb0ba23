// Determinants and adjugates, and their adjoints.
#include "factor.h"
#include "ops.h"

namespace backsolve {
namespace {

using ops::conj;
using ops::finite;
using ops::Pivot;
using ops::read;

template <class T>
T over_size(T x, Real<T> size) {  // x / |x|
  return x / size;
}

/// Products without overflow or underflow on the way: the mantissa stays near 1, the exponent is counted apart.
template <class T>
struct Scaled {
  T mantissa = 1;
  std::int64_t exponent = 0;
  void multiply(T x) {
    mantissa *= rescaled(x);
    mantissa = rescaled(mantissa);
  }
  T value() const {
    const int e = static_cast<int>(std::clamp<std::int64_t>(exponent, -4000, 4000));
    if constexpr (ops::kComplex<T>)
      return {std::ldexp(mantissa.real(), e), std::ldexp(mantissa.imag(), e)};
    else
      return std::ldexp(mantissa, e);
  }

 private:
  T rescaled(T x) {
    const Real<T> size = ops::size1(x);
    if (size == 0 || !std::isfinite(size)) return x;
    int e = 0;
    std::frexp(size, &e);
    exponent += e;
    if constexpr (ops::kComplex<T>)
      return {std::ldexp(x.real(), -e), std::ldexp(x.imag(), -e)};
    else
      return std::ldexp(x, -e);
  }
};

template <class T>
bool odd(const Pivot* pivots, Index n) {
  bool sign = false;
  for (Index i = 0; i < n; ++i) sign ^= pivots[i] != i;
  return sign;
}

template <class T>
T determinant(Matrix<const T> f, const Pivot* pivots) {
  Scaled<T> product;
  for (Index i = 0; i < f.rows; ++i) product.multiply(f(i, i));
  const T d = product.value();
  return odd<T>(pivots, f.rows) ? -d : d;
}

/// A = U diag(σ) Vᴴ of a square matrix, and φ = det U det Vᴴ.
template <class T>
struct Svd {
  Matrix<T> u, vh;
  Real<T>* s;
  T phase;
};
// A row-major buffer is F = Aᵀ = conj(V) Σ Uᵀ to LAPACK: its left vectors, read by rows, are Vᴴ, and its right ones U.
template <class T>
std::int32_t svd(const Call& call, Matrix<const T> a, Svd<T>& out) {
  const Index n = a.rows;
  const la::SvdWork sizes = la::gesdd_work(n, n, ops::kComplex<T>);
  if (!sizes.fits) return make_info(Fail::too_large);  // before scratch is touched, which then is none
  const auto square = [&] { return Matrix<T>{call.scratch->take<T>(n * n), n, n, n}; };
  out.u = square(), out.vh = square(), out.s = call.scratch->take<Real<T>>(n);
  const auto work = square();
  Pivot* pivots = call.scratch->take<Pivot>(n);
  ops::copy(a, work);
  T* lapack = call.scratch->take<T>(sizes.work);
  Real<T>* reals = call.scratch->take<Real<T>>(sizes.reals);
  la::Int* integers = call.scratch->take<la::Int>(sizes.integers);
  if (const auto info = la::gesdd(work, out.s, out.u, out.vh, lapack, sizes.work, reals, integers)) {
    return make_info(Fail::no_convergence, info);
  }
  out.phase = 1;
  for (const auto& unitary : {out.u, out.vh}) {
    ops::copy(read(unitary), work);
    ops::lu(work, pivots);
    out.phase *= determinant(read(work), pivots);
  }
  const Real<T> size = std::abs(out.phase);
  if (size > 0) out.phase = over_size(out.phase, size);
  return 0;
}
std::size_t svd_scratch(DType t, Index n) {
  const DType real = t == DType::c64 ? DType::f32 : t == DType::c128 ? DType::f64 : t;
  const la::SvdWork sizes = la::gesdd_work(n, n, t == DType::c64 || t == DType::c128);
  if (!sizes.fits) return 0;
  return 3 * ops::scratch_bytes(t, n * n) + ops::scratch_bytes(real, n) + ops::scratch_bytes(DType::i32, n) +
         ops::scratch_bytes(t, sizes.work) + ops::scratch_bytes(real, sizes.reals) + ops::scratch_bytes(DType::i32, sizes.integers);
}

/// D_i = Π_{k≠i} σ_k by products from both ends.
template <class R>
void products_without_one(const R* s, Index n, R* d) {
  R ahead = 1;
  for (Index i = 0; i < n; ++i) d[i] = ahead, ahead *= s[i];
  R behind = 1;
  for (Index i = n - 1; i >= 0; --i) d[i] *= behind, behind *= s[i];
}
/// after[i] = Π_{k>i} σ_k.
template <class R>
void products_after(const R* s, Index n, R* after) {
  R p = 1;
  for (Index i = n - 1; i >= 0; --i) after[i] = p, p *= s[i];
}

// adj A = φ V diag(Π_{k≠i} σ_k) Uᴴ: a polynomial in A, so that it is defined whatever the rank.
template <class T>
std::int32_t adjugate_of(const Call& call, Matrix<const T> a, Matrix<T> out) {
  const Index n = a.rows;
  if (n == 0) return 0;
  Svd<T> f;
  Real<T>* d = call.scratch->take<Real<T>>(n);
  if (const auto info = svd(call, a, f)) return info;
  products_without_one(f.s, n, d);
  for (Index i = 0; i < n; ++i)
    for (Index j = 0; j < n; ++j) f.vh(i, j) *= d[i] * conj(f.phase);  // (D φ̄ Vᴴ)ᴴ = φ V D
  la::gemm<T>(1, la::Op::adjoint, read(f.vh), la::Op::adjoint, read(f.u), 0, out);
  return 0;
}
std::size_t adjugate_of_scratch(DType t, Index n) { return svd_scratch(t, n) + ops::scratch_bytes(t, n); }

}  // namespace

template <class T>
std::int32_t det(const Call& call) {
  const Index n = call.dims[0];
  const auto a = call.matrix<const T>(0, n, n);
  T* f = call.operand[2] != nullptr ? call.vector<T>(2) : call.scratch->take<T>(n * n);
  Pivot* pivots = call.operand[3] != nullptr ? call.vector<Pivot>(3) : call.scratch->take<Pivot>(n);
  if (!ops::all_finite(a)) return make_info(Fail::not_finite);
  const Matrix<T> lu{f, n, n, n};
  ops::copy(a, lu);
  ops::lu(lu, pivots);
  *call.vector<T>(1) = determinant(read(lu), pivots);
  return 0;
}
std::size_t det_scratch(const Index* dims, const double*, DType t, int) {
  return ops::scratch_bytes(t, dims[0] * dims[0]) + ops::scratch_bytes(DType::i32, dims[0]);
}

// Ā = d̄ adj(A)ᴴ. Where the pivots show a regular matrix, adj(A)ᴴ = conj(d) A⁻ᴴ from the LU of the forward pass; else by singular values.
template <class T>
std::int32_t det_vjp(const Call& call) {
  const Index n = call.dims[0];
  const auto a = call.matrix<const T>(0, n, n);
  const auto lu = call.matrix<const T>(1, n, n);
  Pivot* pivots = call.scratch->take<Pivot>(n);
  if (const Index bad = ops::own_pivots(call.vector<const Pivot>(2), n, n, pivots); bad >= 0) return make_info(Fail::bad_pivot, bad);
  const T g = *call.vector<const T>(3);
  const auto out = call.matrix<T>(4, n, n);
  Real<T> least = std::numeric_limits<Real<T>>::infinity(), most = 0;
  for (Index i = 0; i < n; ++i) {
    least = std::min(least, std::abs(lu(i, i)));
    most = std::max(most, std::abs(lu(i, i)));
  }
  const T d = determinant(lu, pivots);
  const Real<T> size = std::abs(d);
  // Errors of A⁻ᴴ grow with 1/ratio, those by singular values do not, at fifteen times the work.
  constexpr Real<T> kRatio = Real<T>(1) / 64;
  if (least > kRatio * most && std::isnormal(size)) {
    ops::set_identity(out);
    ops::lu_solve(lu, pivots, true, out);
    const T scale = g * conj(d);
    for (Index i = 0; i < n * n; ++i) out.data[i] *= scale;
    return 0;
  }
  if (!ops::all_finite(a)) {  // an item that failed under onFailure "nan"; gesdd may never return from an infinity
    std::fill_n(out.data, n * n, T(std::numeric_limits<Real<T>>::quiet_NaN()));
    return 0;
  }
  const Matrix<T> adj{call.scratch->take<T>(n * n), n, n, n};
  if (const auto info = adjugate_of(call, a, adj)) return info;
  for (Index i = 0; i < n; ++i)
    for (Index j = 0; j < n; ++j) out(i, j) = g * conj(adj(j, i));
  return 0;
}
std::size_t det_vjp_scratch(const Index* dims, const double*, DType t, int) {
  return adjugate_of_scratch(t, dims[0]) + ops::scratch_bytes(t, dims[0] * dims[0]) + ops::scratch_bytes(DType::i32, dims[0]);
}

template <class T>
std::int32_t adjugate(const Call& call) {
  const Index n = call.dims[0];
  const auto a = call.matrix<const T>(0, n, n);
  if (!ops::all_finite(a)) return make_info(Fail::not_finite);
  return adjugate_of(call, a, call.matrix<T>(1, n, n));
}
std::size_t adjugate_scratch(const Index* dims, const double*, DType t, int) { return adjugate_of_scratch(t, dims[0]); }

namespace {

template <class T>
Matrix<T> square(const Call& call, Index n) {
  return {call.scratch->take<T>(n * n), n, n, n};
}
/// Uᴴ E V.
template <class T>
Matrix<T> into_basis(const Call& call, const Svd<T>& f, Matrix<const T> e, Matrix<T> work) {
  const auto inner = square<T>(call, e.rows);
  la::gemm<T>(1, la::Op::adjoint, read(f.u), la::Op::none, e, 0, work);
  la::gemm<T>(1, la::Op::none, read(work), la::Op::adjoint, read(f.vh), 0, inner);
  return inner;
}
/// φ V Z Uᴴ; destroys Z.
template <class T>
void out_of_basis(const Svd<T>& f, Matrix<T> z, Matrix<T> work, Matrix<T> out) {
  for (Index i = 0; i < z.rows * z.cols; ++i) z.data[i] *= f.phase;
  la::gemm<T>(1, la::Op::adjoint, read(f.vh), la::Op::none, read(z), 0, work);
  la::gemm<T>(1, la::Op::none, read(work), la::Op::adjoint, read(f.u), 0, out);
}

}  // namespace

// With A = U diag(σ) Vᴴ, φ = det U det Vᴴ, Ẽ = Uᴴ E V, D_ij = Π_{k≠i,j} σ_k: d adj(A)[E] = φ V Z Uᴴ, Z_ij = -D_ij Ẽ_ij,
// Z_ii = Σ_{j≠i} D_ij Ẽ_jj. Holds for any rank: adj is a polynomial, and the formula is its derivative at diag(σ).
template <class T>
std::int32_t adjugate_derivative(const Call& call) {
  const Index n = call.dims[0];
  const auto a = call.matrix<const T>(0, n, n);
  const auto e = call.matrix<const T>(1, n, n);
  if (!ops::all_finite(a) || !ops::all_finite(e)) return make_info(Fail::not_finite);
  if (n == 0) return 0;
  const auto work = square<T>(call, n), z = square<T>(call, n);
  Real<T>* after = call.scratch->take<Real<T>>(n);
  Svd<T> f;
  if (const auto info = svd(call, a, f)) return info;
  const auto inner = into_basis(call, f, e, work);
  for (Index i = 0; i < n; ++i) z(i, i) = 0;
  products_after(f.s, n, after);
  Real<T> before = 1;
  for (Index i = 0; i < n; ++i) {
    Real<T> between = before;  // Π σ_k over k < j, k ≠ i
    for (Index j = i + 1; j < n; ++j) {
      const Real<T> d = between * after[j];
      z(i, j) = -d * inner(i, j);
      z(j, i) = -d * inner(j, i);
      z(i, i) += d * inner(j, j);
      z(j, j) += d * inner(i, i);
      between *= f.s[j];
    }
    before *= f.s[i];
  }
  out_of_basis(f, z, work, call.matrix<T>(2, n, n));
  return 0;
}
std::size_t adjugate_derivative_scratch(const Index* dims, const double*, DType t, int) {
  return svd_scratch(t, dims[0]) + 3 * ops::scratch_bytes(t, dims[0] * dims[0]) + ops::scratch_bytes(t, dims[0]);
}

// d² adj(A)[E, H] = φ V Z Uᴴ, D_ijk = Π σ_l over all others: with the mixed minors of Ẽ and H̃,
//   Z_ij = -Σ_k D_ijk (Ẽ_ij H̃_kk - Ẽ_ik H̃_kj + H̃_ij Ẽ_kk - H̃_ik Ẽ_kj),  Z_kk = Σ_{i<j} D_ijk (Ẽ_ii H̃_jj - Ẽ_ij H̃_ji + H̃_ii Ẽ_jj - H̃_ij
//   Ẽ_ji).
template <class T>
std::int32_t adjugate_second(const Call& call) {
  const Index n = call.dims[0];
  const auto a = call.matrix<const T>(0, n, n), e_given = call.matrix<const T>(1, n, n), h_given = call.matrix<const T>(2, n, n);
  if (!ops::all_finite(a) || !ops::all_finite(e_given) || !ops::all_finite(h_given)) return make_info(Fail::not_finite);
  if (n == 0) return 0;
  const auto work = square<T>(call, n), z = square<T>(call, n);
  Real<T>* after = call.scratch->take<Real<T>>(n);
  Svd<T> f;
  if (const auto info = svd(call, a, f)) return info;
  const auto e = into_basis(call, f, e_given, work), h = into_basis(call, f, h_given, work);
  std::fill_n(z.data, n * n, T(0));
  for (Index i = 0; i < n; ++i) {
    for (Index j = i + 1; j < n; ++j) {
      Real<T> behind = 1, before = 1;
      for (Index k = n - 1; k >= 0; --k) after[k] = behind, behind *= k == i || k == j ? Real<T>(1) : f.s[k];
      const T minor = e(i, i) * h(j, j) - e(i, j) * h(j, i) + h(i, i) * e(j, j) - h(i, j) * e(j, i);
      for (Index k = 0; k < n; ++k) {
        if (k == i || k == j) continue;
        const Real<T> d = before * after[k];
        before *= f.s[k];
        z(k, k) += d * minor;
        z(i, j) -= d * (e(i, j) * h(k, k) - e(i, k) * h(k, j) + h(i, j) * e(k, k) - h(i, k) * e(k, j));
        z(j, i) -= d * (e(j, i) * h(k, k) - e(j, k) * h(k, i) + h(j, i) * e(k, k) - h(j, k) * e(k, i));
      }
    }
  }
  out_of_basis(f, z, work, call.matrix<T>(3, n, n));
  return 0;
}
std::size_t adjugate_second_scratch(const Index* dims, const double*, DType t, int) {
  return svd_scratch(t, dims[0]) + 4 * ops::scratch_bytes(t, dims[0] * dims[0]) + ops::scratch_bytes(t, dims[0]);
}

template <class T>
std::int32_t slogdet(const Call& call) {
  const Index n = call.dims[0];
  const auto a = call.matrix<const T>(0, n, n);
  T* f = call.operand[3] != nullptr ? call.vector<T>(3) : call.scratch->take<T>(n * n);
  Pivot* pivots = call.operand[4] != nullptr ? call.vector<Pivot>(4) : call.scratch->take<Pivot>(n);
  if (!ops::all_finite(a)) return make_info(Fail::not_finite);
  const Matrix<T> lu{f, n, n, n};
  ops::copy(a, lu);
  ops::lu(lu, pivots);
  T sign = odd<T>(pivots, n) ? -1 : 1;
  Real<T> log = 0;
  for (Index i = 0; i < n; ++i) {
    const Real<T> size = std::abs(lu(i, i));
    sign *= size == 0 ? T(0) : over_size(lu(i, i), size);
    log += std::log(size);
  }
  if constexpr (ops::kComplex<T>) {
    const Real<T> size = std::abs(sign);
    if (size > 0) sign = over_size(sign, size);
  }
  *call.vector<T>(1) = sign;
  *call.vector<Real<T>>(2) = log;
  return 0;
}
std::size_t slogdet_scratch(const Index* dims, const double* attrs, DType t, int w) { return det_scratch(dims, attrs, t, w); }

// d log|det A| + i dθ = tr(A⁻¹ dA), d sign = i sign dθ: Ā = (ḡ - i Im(conj(s̄) s)) A⁻ᴴ.
template <class T>
std::int32_t slogdet_vjp(const Call& call) {
  const Index n = call.dims[0];
  const T sign = *call.vector<const T>(1);
  const auto lu = call.matrix<const T>(2, n, n);
  const auto out = call.matrix<T>(6, n, n);
  Pivot* pivots = call.scratch->take<Pivot>(n);
  if (const Index bad = ops::own_pivots(call.vector<const Pivot>(3), n, n, pivots); bad >= 0) return make_info(Fail::bad_pivot, bad);
  if (const Index zero = ops::zero_pivot(lu)) return make_info(Fail::singular, zero);
  const Real<T> g = call.operand[5] != nullptr ? *call.vector<const Real<T>>(5) : 0;
  T weight = g;
  if constexpr (ops::kComplex<T>) {
    if (call.operand[4] != nullptr) weight = {g, -(std::conj(*call.vector<const T>(4)) * sign).imag()};
  }
  ops::set_identity(out);
  ops::lu_solve(lu, pivots, true, out);
  for (Index i = 0; i < n * n; ++i) out.data[i] *= weight;
  return 0;
}
std::size_t slogdet_vjp_scratch(const Index* dims, const double*, DType, int) { return ops::scratch_bytes(DType::i32, dims[0]); }

BS_INSTANTIATE(det)
BS_INSTANTIATE(det_vjp)
BS_INSTANTIATE(adjugate)
BS_INSTANTIATE(adjugate_derivative)
BS_INSTANTIATE(adjugate_second)
BS_INSTANTIATE(slogdet)
BS_INSTANTIATE(slogdet_vjp)

}  // namespace backsolve
