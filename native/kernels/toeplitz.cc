// Equations with Toeplitz matrices. docs/derivations/structured.md
#include <cmath>

#include "../packed/packed.h"
#include "blocks.h"
#include "factor.h"
#include "list.h"

namespace backsolve {
namespace {

using ops::Exponent;
using ops::read;

/// In double precision, whatever T is.
template <class T>
struct ToeplitzWork {
  static constexpr int kPlanes = ops::kComplex<T> ? 2 : 1;
  Index n, columns, stride;
  double *t[2] = {}, *y[2] = {}, *x[2] = {}, *residual[2] = {}, *change[2] = {}, *first[2] = {}, *last[2] = {};
  Exponent* of_column;
  Matrix<T> lu;
  ops::Pivot* pivots;
  ToeplitzWork(Arena& arena, const Call& call) : n(call.dims[0]), columns(call.dims[1]), stride(n + packed::kToeplitzPad) {
    for (int p = 0; p < kPlanes; ++p) {
      t[p] = arena.take<double>(n + stride);
      for (double** of : {&y[p], &x[p], &residual[p], &change[p]}) *of = arena.take<double>(columns * stride);
      first[p] = arena.take<double>(stride);
      last[p] = arena.take<double>(n + stride);
    }
    of_column = arena.take<Exponent>(columns);
    lu = arena.matrix<T>(n, n);
    pivots = arena.take<ops::Pivot>(n);
  }
  packed::Toeplitz system() const {
    return {kPlanes == 2, n, columns, stride, {t[0], t[1]}, {y[0], y[1]}, {x[0], x[1]}, {first[0], first[1]}, {last[0], last[1]}};
  }
};

template <class T>
double plane(T x, int which) {
  if constexpr (ops::kComplex<T>)
    return static_cast<double>(which == 0 ? x.real() : x.imag());
  else
    return static_cast<double>(x);
}
/// |z|, of numbers whose squares are moderate.
double size(const double* const* x, Index i) {
  return x[1] == nullptr ? std::abs(x[0][i]) : std::sqrt(x[0][i] * x[0][i] + x[1][i] * x[1][i]);
}
double sum_of(const double* const* x, Index count) {
  double sum = 0;
  for (Index i = 0; i < count; ++i) sum += size(x, i);
  return sum;
}
double most_of(const double* const* x, Index from, Index count) {
  double most = 0;
  for (Index i = from; i < from + count; ++i) {
    const double s = size(x, i);
    if (!(s <= most)) most = s;  // NaN, too
  }
  return most;
}

/// Where a batch of vectors is moderate it stays as it is.
Exponent moderate(Exponent e) { return std::abs(e) <= 200 ? 0 : e; }

/// c (n), r (n), of which the first is not read: the diagonals from n - 1 below to n - 1 above, over 2^e, which is returned; and zeros.
template <class T>
Exponent diagonals_of(const T* c, const T* r, const ToeplitzWork<T>& work) {
  const Index n = work.n;
  const Exponent e = moderate(
      std::max(ops::largest_exponent(Matrix<const T>{c, 1, n, n}), n > 1 ? ops::largest_exponent(Matrix<const T>{r + 1, 1, n - 1, n}) : 0));
  for (int p = 0; p < work.kPlanes; ++p) {
    for (Index i = 0; i < n; ++i) work.t[p][n - 1 - i] = ops::times_power(plane(c[i], p), -e);
    for (Index i = 1; i < n; ++i) work.t[p][n - 1 + i] = ops::times_power(plane(r[i], p), -e);
    std::fill_n(work.t[p] + 2 * n - 1, packed::kToeplitzPad + 1, 0.0);
  }
  return e;
}
/// The largest sum of a row's sizes.
double norm_of(const double* const* t, Index n) {
  double row = 0, most = 0;
  for (Index j = 0; j < n; ++j) row += size(t, n - 1 + j);
  for (Index i = 0; i < n; most = std::max(most, row), ++i)
    if (i > 0) row += size(t, n - 1 - i) - size(t, 2 * n - 1 - i);
  return most;
}

/// Whether X solves T X = Y to the last digits, once it is corrected, up to twice: so that it is what elimination with pivoting gives.
template <class T>
bool refined(const ToeplitzWork<T>& work, double norm) {
  const double small = 0x1p-53 * std::max(2.0, std::sqrt(static_cast<double>(work.n)) / 3);  // as elimination leaves
  const packed::Toeplitz system = work.system();
  for (int corrections = 0;; ++corrections) {
    packed::table().toeplitz_residual(system, work.residual);
    bool good = true;
    for (Index j = 0; j < work.columns; ++j) {
      const Index at = j * work.stride;
      good = good && most_of(work.residual, at, work.n) <= small * (norm * most_of(work.x, at, work.n) + most_of(work.y, at, work.n));
    }
    if (good || corrections == 2) return good;
    packed::Toeplitz again = system;
    for (int p = 0; p < work.kPlanes; ++p) again.y[p] = work.residual[p], again.x[p] = work.change[p];
    if (!packed::table().levinson(again)) return false;
    for (int p = 0; p < work.kPlanes; ++p)
      for (Index i = 0; i < work.columns * work.stride; ++i) work.x[p][i] += work.change[p][i];
  }
}

/// X by Levinson's recursion, and whether it is to be had so: of matrices so well conditioned that elimination finds no pivot that is zero,
/// by the bound 2 ||F||_1 ||L||_1 / |F_0| of the norm of the inverse with the first column F and the last L (Gohberg and Semencul).
template <class T>
bool recursion(const T* c, const T* r, Matrix<const T> b, Matrix<T> x, const ToeplitzWork<T>& work) {
  const Index n = work.n, k = work.columns;
  if (n == 0 || k == 0) return false;
  const double most_condition = std::ldexp(1.0, std::numeric_limits<Real<T>>::digits - 7) / static_cast<double>(n);
  const Exponent of_t = diagonals_of(c, r, work);
  for (Index j = 0; j < k; ++j) {
    const Exponent e = work.of_column[j] = moderate(ops::largest_exponent(Matrix<const T>{&b.data[j], n, 1, k}));
    for (int p = 0; p < work.kPlanes; ++p)
      for (Index i = 0; i < n; ++i) work.y[p][j * work.stride + i] = ops::times_power(plane(b(i, j), p), -e);
  }
  if (!packed::table().levinson(work.system())) return false;
  const double norm = norm_of(work.t, n);
  if (!(2 * sum_of(work.first, n) * sum_of(work.last, n) * norm <= most_condition * size(work.first, 0)) || !refined(work, norm))
    return false;
  for (Index i = 0; i < n; ++i)
    for (Index j = 0; j < k; ++j) {
      const Index at = j * work.stride + i;
      const auto part = [&](int p) { return static_cast<Real<T>>(ops::times_power(work.x[p][at], work.of_column[j] - of_t)); };
      if constexpr (ops::kComplex<T>)
        x(i, j) = T(part(0), part(1));
      else
        x(i, j) = part(0);
    }
  return ops::all_finite(read(x));
}

/// X by elimination of the whole matrix. Returns the column of the first zero pivot, or 0.
template <class T>
Index elimination(const T* c, const T* r, Matrix<const T> b, Matrix<T> x, const ToeplitzWork<T>& work) {
  const Matrix<T> lu = work.lu;
  for (Index i = 0; i < work.n; ++i)
    for (Index j = 0; j < work.n; ++j) lu(i, j) = i >= j ? c[i - j] : r[j - i];
  const Exponent exponent = ops::subnormal_exponent(read(lu));
  ops::scale_by_power(lu, static_cast<double>(-exponent));
  ops::lu(lu, work.pivots);
  if (const Index zero = ops::zero_pivot(read(lu))) return zero;
  ops::copy(b, x);
  ops::lu_solve(read(lu), exponent, work.pivots, false, x);
  return 0;
}

/// c, r (n), b (n,k) -> x (n,k): T X = B, T_ij = c_(i-j), or r_(j-i) above the diagonal; r_0 is not read. Fails as solve: not_finite,
/// singular (column of the first zero pivot), overflow.
template <class T>
std::int32_t levinson(const Call& call, const ToeplitzWork<T>& work) {
  const Index n = call.dims[0], k = call.dims[1];
  const auto *c = call.vector<const T>(0), *r = call.vector<const T>(1);
  const auto b = call.matrix<const T>(2, n, k);
  const auto x = call.matrix<T>(3, n, k);
  const Index above = std::max<Index>(n - 1, 0);
  if (!ops::all_finite(Matrix<const T>{c, 1, n, n}) || !ops::all_finite(Matrix<const T>{n > 1 ? r + 1 : r, 1, above, above}) ||
      !ops::all_finite(b))
    return make_info(Fail::not_finite);
  if (recursion(c, r, b, x, work)) return 0;
  if (const Index zero = elimination(c, r, b, x, work)) return make_info(Fail::singular, zero);
  return ops::check_answer(read(x));
}

template <class T>
struct ToeplitzVjpWork : ToeplitzWork<T> {
  T *column, *row;
  Matrix<T> b;
  ToeplitzVjpWork(Arena& arena, const Call& call)
      : ToeplitzWork<T>(arena, call),
        column(arena.take<T>(call.dims[0])),
        row(arena.take<T>(call.dims[0])),
        b(ops::operand_or<T>(arena, call.operand[6], call.dims[0], call.dims[1])) {}
};

/// Column j of a matrix over 2^e, or of its conjugate, in planes, and zeros to the end of `room`.
template <class T>
void column_of(Matrix<const T> m, Index j, bool conjugate, Exponent e, double* const* to, Index room) {
  for (int p = 0; p < ToeplitzWork<T>::kPlanes; ++p) {
    for (Index i = 0; i < m.rows; ++i) to[p][i] = ops::times_power(plane(m(i, j), p), -e) * (conjugate && p == 1 ? -1 : 1);
    std::fill_n(to[p] + m.rows, room - m.rows, 0.0);
  }
}
/// to_d = -Σ_ij u_i+d,j v_ij, of the conjugate of U with `of_u`, else of V; to_0 is 0 without `first`.
// as the residual of a matrix with u along its diagonals, from the last row on
template <class T>
void correlate(Matrix<const T> u, Matrix<const T> v, bool of_u, bool first, T* to, const ToeplitzWork<T>& work) {
  const Index n = work.n;
  const Exponent eu = moderate(ops::largest_exponent(u)), ev = moderate(ops::largest_exponent(v));
  std::fill_n(to, n, T(0));
  for (int p = 0; p < work.kPlanes; ++p) std::fill_n(work.y[p], n, 0.0);
  packed::Toeplitz one = work.system();
  one.columns = 1;
  for (Index j = 0; j < work.columns; ++j) {
    column_of(u, j, of_u, eu, work.t, n + work.stride);
    column_of(v, j, !of_u, ev, work.x, work.stride);
    packed::table().toeplitz_residual(one, work.residual);
    for (Index d = first ? 0 : 1; d < n; ++d) {
      const auto part = [&](int p) { return static_cast<Real<T>>(ops::times_power(work.residual[p][n - 1 - d], eu + ev)); };
      if constexpr (ops::kComplex<T>)
        to[d] += T(part(0), part(1));
      else
        to[d] += part(0);
    }
  }
}

/// c, r, x, g -> c, r, b, each of which may be null. Fails where the adjoint is singular.
// B̄ = T⁻ᴴ X̄, c̄_d = -Σ B̄_i+d,j conj(X_ij), r̄_d = -Σ B̄_ij conj(X_i+d,j); Tᴴ is of the column conj(c_0, r_1, ...) and the row conj(c)
template <class T>
std::int32_t levinson_vjp(const Call& call, const ToeplitzVjpWork<T>& work) {
  const Index n = call.dims[0], k = call.dims[1];
  const auto *c = call.vector<const T>(0), *r = call.vector<const T>(1);
  const auto x = call.matrix<const T>(2, n, k), g = call.matrix<const T>(3, n, k);
  for (Index i = 0; i < n; ++i) {
    work.column[i] = ops::conj(i == 0 ? c[0] : r[i]);
    work.row[i] = ops::conj(c[i]);
  }
  if (k > 0 && !recursion(work.column, work.row, g, work.b, work)) {
    if (const Index zero = elimination(work.column, work.row, g, work.b, work)) return make_info(Fail::singular, zero);
  }
  if (call.operand[4] != nullptr) correlate(read(work.b), x, false, true, call.vector<T>(4), work);
  if (call.operand[5] != nullptr) correlate(x, read(work.b), true, false, call.vector<T>(5), work);
  return 0;
}

constexpr Kernel kList[] = {
    {"levinson", "T(n) T(n) T(n,k) -> T(n,k)", "", 8, BS_SINGLE(levinson, ToeplitzWork)},
    {"levinson_vjp", "T(n) T(n) T(n,k) T(n,k) -> T?(n) T?(n) T?(n,k)", "", 12, BS_SINGLE(levinson_vjp, ToeplitzVjpWork)},
};

}  // namespace

BS_LIST(toeplitz, kList)

}  // namespace backsolve
