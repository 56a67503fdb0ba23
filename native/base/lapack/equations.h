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

}  // namespace backsolve::la
