// Adjugates and their derivatives, right at any rank and any scale. docs/derivations/determinant.md
#include "adjugate.h"

#include "list.h"

namespace backsolve {
namespace {

using ops::AdjugateWork;
using ops::conj;
using ops::Exponent;
using ops::read;
using ops::Scaled;

constexpr Exponent kNone = std::numeric_limits<Exponent>::min();  // of nothing but zeros

/// Exponents of the largest element of each row of A, then of each column of what is left.
template <class T>
void equilibrate(Matrix<const T> a, ops::BalancedSvd<T>& f) {
  const Index n = a.rows;
  std::fill_n(f.row, n, kNone);
  std::fill_n(f.col, n, kNone);
  const auto larger = [](Exponent& most, T x, Exponent taken) {
    if (x != T(0)) most = std::max(most, ops::exponent_of(ops::largest_part(x)) - taken);
  };
  const auto settle = [&](Exponent* e) {
    for (Index i = 0; i < n; ++i) f.total += e[i] = e[i] == kNone ? 0 : e[i];
  };
  f.total = 0;
  for (Index i = 0; i < n; ++i)
    for (Index j = 0; j < n; ++j) larger(f.row[i], a(i, j), 0);
  settle(f.row);
  for (Index i = 0; i < n; ++i)
    for (Index j = 0; j < n; ++j) larger(f.col[j], a(i, j), f.row[i]);
  settle(f.col);
}

// A row-major buffer is F = Bᵀ = conj(V) Σ Uᵀ to LAPACK: its left vectors, read by rows, are Vᴴ, and its right ones U.
template <class T>
std::int32_t svd(Matrix<const T> a, ops::BalancedSvd<T>& f) {
  const Index n = a.rows;
  if (!f.sizes.fits) return make_info(Fail::too_large);
  const Matrix<T> work = f.work;
  equilibrate(a, f);
  for (Index i = 0; i < n; ++i)
    for (Index j = 0; j < n; ++j) work(i, j) = ops::times_power(a(i, j), -f.row[i] - f.col[j]);
  if (const auto info = la::gesdd(la::Vectors::thin, work, f.s, f.u, f.vh, f.lapack, f.sizes.work, f.reals, f.integers)) {
    return make_info(Fail::no_convergence, info);
  }
  f.phase = 1;
  for (const auto& unitary : {f.u, f.vh}) {
    ops::copy(read(unitary), work);
    ops::lu(work, f.pivots);
    f.phase *= ops::determinant(read(work), f.pivots).value();
  }
  const Real<T> size = std::abs(f.phase);
  if (size > 0) f.phase /= size;
  return 0;
}

/// The decomposition, and σ as numbers that can be multiplied.
template <class T>
std::int32_t decompose(Matrix<const T> a, AdjugateWork<T>& work) {
  if (const auto info = svd(a, work.svd)) return info;
  for (Index i = 0; i < a.rows; ++i) work.sigma[i] = Scaled<Real<T>>::of(work.svd.s[i]);
  return 0;
}

/// after[i] = Π_{k>i} σ_k without those at p and q.
template <class R>
void products_after(const Scaled<R>* sigma, Index n, Index p, Index q, Scaled<R>* after) {
  Scaled<R> product = Scaled<R>::of(1);
  for (Index i = n - 1; i >= 0; --i) {
    after[i] = product;
    if (i != p && i != q) product = product * sigma[i];
  }
}
/// Exponent of the largest product of all σ but `missing`.
template <class R>
Exponent largest_product(const Scaled<R>* sigma, Index n, Index missing) {
  Scaled<R> product = Scaled<R>::of(1);
  for (Index i = 0; i < n - missing; ++i) product = product * sigma[i];
  return product.exponent;
}

}  // namespace

// adj B = φ V diag(D) Uᴴ, D_i = Π_{k≠i} σ_k by products from both ends: a polynomial in B, so that it is defined whatever the rank.
template <class T>
std::int32_t ops::adjugate_of(Matrix<const T> a, Scaled<T> weight, bool adjoint, Matrix<T> out, const AdjugateWork<T>& given) {
  using R = Real<T>;
  const Index n = a.rows;
  if (n == 0) return 0;
  AdjugateWork<T> work = given;
  if (const auto info = decompose(a, work)) return info;
  ops::BalancedSvd<T>& f = work.svd;
  const Scaled<R>* const sigma = work.sigma;
  Scaled<R>* const after = work.after;
  products_after(sigma, n, -1, -1, after);
  const Exponent common = ops::excess(weight.exponent + largest_product(sigma, n, 1), ops::kRoom<R>);
  weight = weight * Scaled<T>::of(conj(f.phase));
  Scaled<R> before = Scaled<R>::of(1);
  for (Index i = 0; i < n; ++i) {
    const Scaled<R> d = before * after[i];
    const T factor = (weight * Scaled<T>{d.mantissa, d.exponent}).over(common);
    for (Index j = 0; j < n; ++j) f.vh(i, j) *= factor;
    before = before * sigma[i];
  }
  // weight adj(B)ᴴ = U (weight φ̄ D Vᴴ)
  if (adjoint)
    la::gemm<T>(1, la::Op::none, read(f.u), la::Op::none, read(f.vh), 0, out);
  else
    la::gemm<T>(1, la::Op::adjoint, read(f.vh), la::Op::adjoint, read(f.u), 0, out);
  for (Index i = 0; i < n; ++i)
    for (Index j = 0; j < n; ++j) out(i, j) = ops::times_power(out(i, j), common + (adjoint ? f.place(j, i) : f.place(i, j)));
  return 0;
}
template std::int32_t ops::adjugate_of(Matrix<const float>, Scaled<float>, bool, Matrix<float>, const AdjugateWork<float>&);
template std::int32_t ops::adjugate_of(Matrix<const double>, Scaled<double>, bool, Matrix<double>, const AdjugateWork<double>&);
template std::int32_t ops::adjugate_of(Matrix<const std::complex<float>>, Scaled<std::complex<float>>, bool, Matrix<std::complex<float>>,
                                       const AdjugateWork<std::complex<float>>&);
template std::int32_t ops::adjugate_of(Matrix<const std::complex<double>>, Scaled<std::complex<double>>, bool, Matrix<std::complex<double>>,
                                       const AdjugateWork<std::complex<double>>&);

namespace {

template <class T>
struct OwnWork : AdjugateWork<T> {
  OwnWork(Arena& arena, const Call& call) : AdjugateWork<T>(arena, call.dims[0]) {}
};

/// a (n,n) -> y (n,n). Fails: not_finite, no_convergence, overflow.
template <class T>
std::int32_t adjugate(const Call& call, const OwnWork<T>& work) {
  const Index n = call.dims[0];
  const auto a = call.matrix<const T>(0, n, n);
  const auto out = call.matrix<T>(1, n, n);
  if (!ops::all_finite(a)) return make_info(Fail::not_finite);
  if (const auto info = ops::adjugate_of(a, Scaled<T>::of(1), false, out, work)) return info;
  return ops::check_answer(read(out));
}

/// Uᴴ R⁻¹ E C⁻¹ V over 2^common, up to about 2^room.
template <class T>
struct InBasis {
  Matrix<T> e;
  Exponent common;
};
template <class T>
InBasis<T> into_basis(const ops::BalancedSvd<T>& f, Matrix<const T> e, Exponent room, Matrix<T> work, Matrix<T> inner) {
  const Index n = e.rows;
  Exponent most = kNone;
  for (Index i = 0; i < n; ++i)
    for (Index j = 0; j < n; ++j)
      if (e(i, j) != T(0)) most = std::max(most, ops::exponent_of(ops::largest_part(e(i, j))) - f.row[i] - f.col[j]);
  const Exponent common = most == kNone ? 0 : ops::excess(most, room);
  for (Index i = 0; i < n; ++i)
    for (Index j = 0; j < n; ++j) inner(i, j) = ops::times_power(e(i, j), -f.row[i] - f.col[j] - common);
  la::gemm<T>(1, la::Op::adjoint, read(f.u), la::Op::none, read(inner), 0, work);
  la::gemm<T>(1, la::Op::none, read(work), la::Op::adjoint, read(f.vh), 0, inner);
  return {inner, common};
}
/// adj(C) φ V Z Uᴴ adj(R) 2^common; destroys Z.
template <class T>
void out_of_basis(const ops::BalancedSvd<T>& f, Matrix<T> z, Exponent common, Matrix<T> work, Matrix<T> out) {
  const Index n = z.rows;
  for (Index i = 0; i < n * n; ++i) z.data[i] *= f.phase;
  la::gemm<T>(1, la::Op::adjoint, read(f.vh), la::Op::none, read(z), 0, work);
  la::gemm<T>(1, la::Op::none, read(work), la::Op::adjoint, read(f.u), 0, out);
  for (Index i = 0; i < n; ++i)
    for (Index j = 0; j < n; ++j) out(i, j) = ops::times_power(out(i, j), common + f.place(i, j));
}

template <class T>
struct DerivativeWork {
  AdjugateWork<T> parts;
  Matrix<T> work, z, e;
  DerivativeWork(Arena& arena, const Call& call) : parts(arena, call.dims[0]) {
    const Index n = call.dims[0];
    work = arena.matrix<T>(n, n), z = arena.matrix<T>(n, n), e = arena.matrix<T>(n, n);
  }
};

/// a (n,n), e (n,n) -> y (n,n): the derivative of adjugate at a along e.
// With B = U diag(σ) Vᴴ, φ = det U det Vᴴ, Ẽ = Uᴴ E V, D_ij = Π_{k≠i,j} σ_k: d adj(B)[E] = φ V Z Uᴴ, Z_ij = -D_ij Ẽ_ij,
// Z_ii = Σ_{j≠i} D_ij Ẽ_jj. Holds for any rank: adj is a polynomial, and the formula is its derivative at diag(σ).
template <class T>
std::int32_t adjugate_derivative(const Call& call, const DerivativeWork<T>& given_work) {
  using R = Real<T>;
  const Index n = call.dims[0];
  const auto a = call.matrix<const T>(0, n, n), given = call.matrix<const T>(1, n, n);
  if (!ops::all_finite(a) || !ops::all_finite(given)) return make_info(Fail::not_finite);
  if (n == 0) return 0;
  AdjugateWork<T> parts = given_work.parts;
  if (const auto info = decompose(a, parts)) return info;
  ops::BalancedSvd<T>& f = parts.svd;
  const Matrix<T> work = given_work.work, z = given_work.z;
  const Scaled<R>* const sigma = parts.sigma;
  const Exponent top = largest_product(sigma, n, 2), common = ops::excess(top, ops::kRoom<R> / 2);
  const auto [e, scale] = into_basis(f, given, ops::kRoom<R> - std::abs(top - common), work, given_work.e);
  Scaled<R>* const after = parts.after;
  products_after(sigma, n, -1, -1, after);
  for (Index i = 0; i < n; ++i) z(i, i) = 0;
  Scaled<R> before = Scaled<R>::of(1);
  for (Index i = 0; i < n; ++i) {
    Scaled<R> between = before;  // Π σ_k over k < j, k ≠ i
    for (Index j = i + 1; j < n; ++j) {
      const R d = (between * after[j]).over(common);
      z(i, j) = -d * e(i, j);
      z(j, i) = -d * e(j, i);
      z(i, i) += d * e(j, j);
      z(j, j) += d * e(i, i);
      between = between * sigma[j];
    }
    before = before * sigma[i];
  }
  out_of_basis(f, z, common + scale, work, call.matrix<T>(2, n, n));
  return 0;
}

template <class T>
struct SecondWork : DerivativeWork<T> {
  Matrix<T> h;
  SecondWork(Arena& arena, const Call& call) : DerivativeWork<T>(arena, call), h(arena.matrix<T>(call.dims[0], call.dims[0])) {}
};

/// a, e, h (n,n) -> y: d² adj(A)[E, H], at any rank. Fails: not_finite, no_convergence, too_large.
// d² adj(B)[E, H] = φ V Z Uᴴ, D_ijk = Π σ_l over all others: with the mixed minors of Ẽ and H̃,
//   Z_ij = -Σ_k D_ijk (Ẽ_ij H̃_kk - Ẽ_ik H̃_kj + H̃_ij Ẽ_kk - H̃_ik Ẽ_kj),  Z_kk = Σ_{i<j} D_ijk (Ẽ_ii H̃_jj - Ẽ_ij H̃_ji + H̃_ii Ẽ_jj - H̃_ij
//   Ẽ_ji).
template <class T>
std::int32_t adjugate_second(const Call& call, const SecondWork<T>& given_work) {
  using R = Real<T>;
  const Index n = call.dims[0];
  const auto a = call.matrix<const T>(0, n, n), e_given = call.matrix<const T>(1, n, n), h_given = call.matrix<const T>(2, n, n);
  if (!ops::all_finite(a) || !ops::all_finite(e_given) || !ops::all_finite(h_given)) return make_info(Fail::not_finite);
  if (n == 0) return 0;
  AdjugateWork<T> parts = given_work.parts;
  if (const auto info = decompose(a, parts)) return info;
  ops::BalancedSvd<T>& f = parts.svd;
  const Matrix<T> work = given_work.work, z = given_work.z;
  const Scaled<R>* const sigma = parts.sigma;
  const Exponent room = ops::kRoom<R> / 3, common = ops::excess(largest_product(sigma, n, 3), room);
  const auto [e, e_scale] = into_basis(f, e_given, room, work, given_work.e);
  const auto [h, h_scale] = into_basis(f, h_given, room, work, given_work.h);
  Scaled<R>* const after = parts.after;
  std::fill_n(z.data, n * n, T(0));
  for (Index i = 0; i < n; ++i) {
    for (Index j = i + 1; j < n; ++j) {
      products_after(sigma, n, i, j, after);
      Scaled<R> before = Scaled<R>::of(1);
      const T minor = e(i, i) * h(j, j) - e(i, j) * h(j, i) + h(i, i) * e(j, j) - h(i, j) * e(j, i);
      for (Index k = 0; k < n; ++k) {
        if (k == i || k == j) continue;
        const R d = (before * after[k]).over(common);
        before = before * sigma[k];
        z(k, k) += d * minor;
        z(i, j) -= d * (e(i, j) * h(k, k) - e(i, k) * h(k, j) + h(i, j) * e(k, k) - h(i, k) * e(k, j));
        z(j, i) -= d * (e(j, i) * h(k, k) - e(j, k) * h(k, i) + h(j, i) * e(k, k) - h(j, k) * e(k, i));
      }
    }
  }
  out_of_basis(f, z, common + e_scale + h_scale, work, call.matrix<T>(3, n, n));
  return 0;
}

constexpr Kernel kList[] = {
    {"adjugate", "T(n,n) -> T(n,n)", "", 30, BS_SINGLE(adjugate, OwnWork)},
    {"adjugateDerivative", "T(n,n) T(n,n) -> T(n,n)", "", 38, BS_SINGLE(adjugate_derivative, DerivativeWork)},
    {"adjugateSecond", "T(n,n) T(n,n) T(n,n) -> T(n,n)", "", 50, BS_SINGLE(adjugate_second, SecondWork)},
};

}  // namespace

BS_LIST(adjugate, kList)

}  // namespace backsolve
