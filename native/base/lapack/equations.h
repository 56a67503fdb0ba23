// Schur forms and the equations that they solve, on row-major memory. The buffer of a row-major A is F = Aᵀ to Fortran:
//
//   gees   F = Z S Zᴴ leaves S and Z by columns; read by rows they are L = Sᵀ, lower (quasi-)triangular, and W = Zᵀ, and A = Wᴴ L W.
//   trsyl  op(La) Y + Y op(Lb) = R is op(Lb)ᵀ Yᵀ + Yᵀ op(La)ᵀ = Rᵀ: swap the operands; Lᵀ = S is 'N', and (Lᴴ)ᵀ = conj(L) = Sᴴ is 'C'.
//   gges   has no flip: it gets a pencil by columns, and leaves its Schur vectors so.
#pragma once
#include <complex>

#include "lapack.h"

namespace backsolve::la {

namespace equations {  // symbols of these equations alone

using Logical = Int;
template <class T>  // real
using Chosen = Logical (*)(const T* re, const T* im, const T* over);
template <class T>  // complex
using ChosenComplex = Logical (*)(const T* value, const T* over);

template <class T>  // real
inline Symbol<void(const char* jobvs, const char* sort, const void* select, const Int* n, T* a, const Int* lda, Int* sdim, T* wr, T* wi,
                   T* vs, const Int* ldvs, T* work, const Int* lwork, Logical* bwork, Int* info, Length, Length)>
    gees_real{kLetter<T>, "gees"};
template <class T>
inline Symbol<void(const char* jobvs, const char* sort, const void* select, const Int* n, T* a, const Int* lda, Int* sdim, T* w, T* vs,
                   const Int* ldvs, T* work, const Int* lwork, Real<T>* rwork, Logical* bwork, Int* info, Length, Length)>
    gees_complex{kLetter<T>, "gees"};
template <class T>
inline Symbol<void(const char* trana, const char* tranb, const Int* isgn, const Int* m, const Int* n, const T* a, const Int* lda,
                   const T* b, const Int* ldb, T* c, const Int* ldc, Real<T>* scale, Int* info, Length, Length)>
    trsyl{kLetter<T>, "trsyl"};
template <class T>  // real
inline Symbol<void(const char* jobvsl, const char* jobvsr, const char* sort, Chosen<T> select, const Int* n, T* a, const Int* lda, T* b,
                   const Int* ldb, Int* sdim, T* alphar, T* alphai, T* beta, T* vsl, const Int* ldvsl, T* vsr, const Int* ldvsr, T* work,
                   const Int* lwork, Logical* bwork, Int* info, Length, Length, Length)>
    gges_real{kLetter<T>, "gges"};
template <class T>
inline Symbol<void(const char* jobvsl, const char* jobvsr, const char* sort, ChosenComplex<T> select, const Int* n, T* a, const Int* lda,
                   T* b, const Int* ldb, Int* sdim, T* alpha, T* beta, T* vsl, const Int* ldvsl, T* vsr, const Int* ldvsr, T* work,
                   const Int* lwork, Real<T>* rwork, Logical* bwork, Int* info, Length, Length, Length)>
    gges_complex{kLetter<T>, "gges"};

}  // namespace equations

/// Workspace of `gees`, in elements: more than the least, so that LAPACK takes its blocks.
constexpr Index gees_work(Index n) { return 66 * n + 65 * 64; }
/// A = Wᴴ L W of the A in `a`, which becomes L: lower triangular, if real with blocks of 2 on the diagonal. `values` are the eigenvalues;
/// `reals` has 2n elements. Returns LAPACK's info.
template <class T>
Int gees(Matrix<T> a, Matrix<T> w, std::complex<Real<T>>* values, T* work, Index count, Real<T>* reals) {
  const Int n = to_int(a.rows), lda = leading(a), ldw = leading(w), lwork = to_int(count);
  Int info = 0, chosen = 0;
  if (n == 0) return 0;
  if constexpr (kComplex<T>) {
    equations::gees_complex<T>("V", "N", nullptr, &n, a.data, &lda, &chosen, values, w.data, &ldw, work, &lwork, reals, nullptr, &info, 1,
                               1);
  } else {
    equations::gees_real<T>("V", "N", nullptr, &n, a.data, &lda, &chosen, reals, reals + n, w.data, &ldw, work, &lwork, nullptr, &info, 1,
                            1);
    for (Int i = 0; i < n; ++i) values[i] = {reals[i], reals[n + i]};
  }
  return info;
}

/// op(La) Y + Y op(Lb) = scale R for L of `gees`, in place of R; op is none or adjoint. Whether all sums of eigenvalues are safely not
/// zero.
template <class T>
bool trsyl(Op op_a, Matrix<const T> la, Op op_b, Matrix<const T> lb, Matrix<T> r, Real<T>* scale) {
  constexpr char kAdjoint = kComplex<T> ? 'C' : 'T';
  const char first = op_b == Op::none ? 'N' : kAdjoint, second = op_a == Op::none ? 'N' : kAdjoint;
  const Int sign = 1, rows = to_int(r.cols), columns = to_int(r.rows), lda = leading(lb), ldb = leading(la), ldc = leading(r);
  Int info = 0;
  *scale = 1;
  equations::trsyl<T>(&first, &second, &sign, &rows, &columns, lb.data, &lda, la.data, &ldb, r.data, &ldc, scale, &info, 1, 1);
  return info == 0;
}

/// Workspace of `gges_chosen` and of the QR before it, in elements, for a pencil of n x n and m rows.
constexpr Index gges_work(Index n, Index m) { return 80 * (n + m) + 65 * 64; }
/// The half-plane or circle of the eigenvalues alpha/beta that come first.
enum class Inside { left_half, unit_circle };
template <class R>
bool chosen(Inside inside, std::complex<R> alpha, R beta) {
  return inside == Inside::left_half ? (beta < 0 ? alpha.real() > 0 : beta > 0 && alpha.real() < 0) : std::abs(alpha) < std::abs(beta);
}
template <Inside inside, class T>
equations::Logical choose(const T* re, const T* im, const T* over) {
  return chosen<T>(inside, {*re, *im}, *over);
}
template <Inside inside, class T>
equations::Logical choose_complex(const T* value, const T* over) {
  return chosen<Real<T>>(inside, *value, over->real());  // beta is real, and not negative
}
/// Schur vectors Z, by columns, of the pencil (a, b) by columns, those of the eigenvalues alpha/beta inside first; `count` of these. The
/// pencil is destroyed. `reals` has 8n elements, `logicals` n. Returns LAPACK's info.
template <Inside inside, class T>
Int gges_chosen(Index order, T* a, T* b, Index stride, T* z, std::complex<Real<T>>* alpha, Real<T>* beta, Int* count, T* work, Index size,
                Real<T>* reals, Int* logicals) {
  const Int n = to_int(order), ld = to_int(stride), one = 1, lwork = to_int(size);
  Int info = 0;
  T unused;
  if constexpr (kComplex<T>) {
    T* const over = work;  // beta as complex numbers
    T* const rest = work + order;
    const Int left = lwork - n;
    equations::gges_complex<T>("N", "V", "S", choose_complex<inside, T>, &n, a, &ld, b, &ld, count, alpha, over, &unused, &one, z, &n, rest,
                               &left, reals, logicals, &info, 1, 1, 1);
    for (Int i = 0; i < n; ++i) beta[i] = over[i].real();
  } else {
    equations::gges_real<T>("N", "V", "S", choose<inside, T>, &n, a, &ld, b, &ld, count, reals, reals + n, beta, &unused, &one, z, &n, work,
                            &lwork, logicals, &info, 1, 1, 1);
    for (Int i = 0; i < n; ++i) alpha[i] = {reals[i], reals[n + i]};
  }
  return info;
}
/// B := Qᴴ B of the reflectors that geqrf left in `a`; all by columns, of `rows` rows.
template <class T>
void multiply_by_adjoint(Index rows, Index columns, Index reflectors, const T* a, const T* tau, T* b, Index stride, T* work, Index size) {
  const char trans = kComplex<T> ? 'C' : 'T';
  const Int m = to_int(rows), n = to_int(columns), k = to_int(reflectors), ld = to_int(stride), lwork = to_int(size);
  Int info = 0;
  symbol::unmqr<T>("L", &trans, &m, &n, &k, a, &ld, tau, b, &ld, work, &lwork, &info, 1, 1);
}

}  // namespace backsolve::la
