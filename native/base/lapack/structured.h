// LAPACK's QR with column pivoting and its banded solvers, on memory by columns: what the first exchanges are columns, and a row-major
// buffer has rows in their place; what the others read are diagonals by columns.
#pragma once
#include "lapack.h"

namespace backsolve::la {

namespace symbol {

template <class T>  // real
inline Symbol<void(const Int* m, const Int* n, T* a, const Int* lda, Int* jpvt, T* tau, T* work, const Int* lwork, Int* info)> geqp3_real{
    kLetter<T>, "geqp3"};
template <class T>
inline Symbol<void(const Int* m, const Int* n, T* a, const Int* lda, Int* jpvt, T* tau, T* work, const Int* lwork, Real<T>* rwork,
                   Int* info)>
    geqp3_complex{kLetter<T>, "geqp3"};
template <class T>
inline Symbol<void(const Int* m, const Int* n, const Int* k, T* a, const Int* lda, const T* tau, T* work, const Int* lwork, Int* info)>
    ungqr{kLetter<T>, kComplex<T> ? "ungqr" : "orgqr"};

template <class T>
inline Symbol<void(const Int* n, const Int* kl, const Int* ku, const Int* nrhs, T* ab, const Int* ldab, Int* ipiv, T* b, const Int* ldb,
                   Int* info)>
    gbsv{kLetter<T>, "gbsv"};
template <class T>
inline Symbol<void(const char* uplo, const Int* n, const Int* kd, T* ab, const Int* ldab, Int* info, Length)> pbtrf{kLetter<T>, "pbtrf"};

}  // namespace symbol

/// Workspace of both, in elements of T.
constexpr Index pivoted_work(Index m, Index n) { return std::max(2 * n + 64 * (n + 1), 64 * std::max<Index>(m, 1)); }

/// A P = Q R of the A (m,n) whose columns are the rows of `f`, in place: R in the upper triangle, reflectors below; columns[j] is that of
/// A, from 1, which came to place j. `reals` has 2n elements.
template <class T>
void geqp3_columns(Matrix<T> f, Int* columns, T* tau, T* work, Index count, [[maybe_unused]] Real<T>* reals) {
  const Int m = to_int(f.cols), n = to_int(f.rows), lda = leading(f), lwork = to_int(count);
  Int info = 0;
  std::fill_n(columns, n, 0);
  if constexpr (kComplex<T>)
    symbol::geqp3_complex<T>(&m, &n, f.data, &lda, columns, tau, work, &lwork, reals, &info);
  else
    symbol::geqp3_real<T>(&m, &n, f.data, &lda, columns, tau, work, &lwork, &info);
}
/// The first columns of Q, of so many reflectors, in the place of these.
template <class T>
void ungqr_columns(Matrix<T> f, Index columns, Index reflectors, const T* tau, T* work, Index count) {
  if (f.cols == 0 || columns == 0) return;
  const Int m = to_int(f.cols), n = to_int(columns), k = to_int(reflectors), lda = leading(f), lwork = to_int(count);
  Int info = 0;
  symbol::ungqr<T>(&m, &n, &k, f.data, &lda, tau, work, &lwork, &info);
}

/// A X = B: row j of `ab` has column j of A from a_(j - 2 lower - upper, j) to a_(j + lower, j), of which the first `lower` are room; the
/// rows of `b` are columns. Returns the column of a zero pivot, counted from 1, or 0.
template <class T>
Int gbsv_columns(Matrix<T> ab, Index lower, Index upper, Int* pivots, Matrix<T> b) {
  const Int n = to_int(ab.rows), kl = to_int(lower), ku = to_int(upper), k = to_int(b.rows), ldab = leading(ab), ldb = leading(b);
  Int info = 0;
  symbol::gbsv<T>(&n, &kl, &ku, &k, ab.data, &ldab, pivots, b.data, &ldb, &info);
  return info;
}
/// A = L Lᴴ in place: row j of `ab` has column j of the lower triangle. Returns the order of the first minor that is not positive, or 0.
template <class T>
Int pbtrf_columns(Matrix<T> ab) {
  const Int n = to_int(ab.rows), kd = to_int(ab.cols - 1), ldab = leading(ab);
  Int info = 0;
  symbol::pbtrf<T>("L", &n, &kd, ab.data, &ldab, &info, 1);
  return info;
}

}  // namespace backsolve::la
