// The functions of BLAS and LAPACK that the addon calls, typed; the only file that knows their names. Arguments and meaning as in LAPACK's
// documentation, column-major.
#pragma once
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "../view.h"
#include "library.h"

namespace backsolve::la {

using Int = std::int32_t;    // LP64: Fortran INTEGER
using Length = std::size_t;  // hidden length of a character argument, after all others; always 1

template <class T>
constexpr bool kComplex = !std::is_same_v<T, Real<T>>;
template <class T>
constexpr char kLetter = std::is_same_v<Real<T>, float> ? (kComplex<T> ? 'c' : 's') : (kComplex<T> ? 'z' : 'd');

namespace symbol {

template <class T>
inline Symbol<void(const char* uplo, const Int* n, T* a, const Int* lda, Int* info, Length)> potrf{kLetter<T>, "potrf"};
template <class T>
inline Symbol<void(const char* side, const char* uplo, const char* trans, const char* diag, const Int* m, const Int* n, const T* alpha,
                   const T* a, const Int* lda, T* b, const Int* ldb, Length, Length, Length, Length)>
    trsm{kLetter<T>, "trsm"};
template <class T>  // real
inline Symbol<void(const char* uplo, const char* trans, const char* diag, const Int* n, const T* a, const Int* lda, T* x, const Int* incx,
                   Length, Length, Length)>
    trsv{kLetter<T>, "trsv"};
template <class T>
inline Symbol<void(const char* transa, const char* transb, const Int* m, const Int* n, const Int* k, const T* alpha, const T* a,
                   const Int* lda, const T* b, const Int* ldb, const T* beta, T* c, const Int* ldc, Length, Length)>
    gemm{kLetter<T>, "gemm"};
template <class T>
inline Symbol<void(const char* uplo, const char* trans, const Int* n, const Int* k, const Real<T>* alpha, const T* a, const Int* lda,
                   const Real<T>* beta, T* c, const Int* ldc, Length, Length)>
    herk{kLetter<T>, kComplex<T> ? "herk" : "syrk"};
template <class T>
inline Symbol<void(const char* uplo, const Int* n, T* a, const Int* lda, Int* ipiv, T* work, const Int* lwork, Int* info, Length)> hetrf{
    kLetter<T>, kComplex<T> ? "hetrf" : "sytrf"};
template <class T>  // real
inline Symbol<void(const char* jobz, const char* uplo, const Int* n, T* a, const Int* lda, T* w, T* work, const Int* lwork, Int* iwork,
                   const Int* liwork, Int* info, Length, Length)>
    syevd{kLetter<T>, "syevd"};
template <class T>  // real
inline Symbol<void(const char* uplo, const Int* n, T* a, const Int* lda, T* d, T* e, T* tau, T* work, const Int* lwork, Int* info, Length)>
    sytrd{kLetter<T>, "sytrd"};
template <class T>  // real
inline Symbol<void(const char* compz, const Int* n, T* d, T* e, T* z, const Int* ldz, T* work, const Int* lwork, Int* iwork,
                   const Int* liwork, Int* info, Length)>
    stedc{kLetter<T>, "stedc"};
template <class T>  // complex
inline Symbol<void(const char* jobz, const char* uplo, const Int* n, T* a, const Int* lda, Real<T>* w, T* work, const Int* lwork,
                   Real<T>* rwork, const Int* lrwork, Int* iwork, const Int* liwork, Int* info, Length, Length)>
    heevd{kLetter<T>, "heevd"};
template <class T>  // real
inline Symbol<void(const char* jobz, const Int* m, const Int* n, T* a, const Int* lda, T* s, T* u, const Int* ldu, T* vt, const Int* ldvt,
                   T* work, const Int* lwork, Int* iwork, Int* info, Length)>
    gesdd_real{kLetter<T>, "gesdd"};
template <class T>
inline Symbol<void(const char* jobz, const Int* m, const Int* n, T* a, const Int* lda, Real<T>* s, T* u, const Int* ldu, T* vt,
                   const Int* ldvt, T* work, const Int* lwork, Real<T>* rwork, Int* iwork, Int* info, Length)>
    gesdd_complex{kLetter<T>, "gesdd"};
template <class T>
using Orthogonal = Symbol<void(const Int* m, const Int* n, T* a, const Int* lda, T* tau, T* work, const Int* lwork, Int* info)>;
template <class T>
inline Orthogonal<T> geqrf{kLetter<T>, "geqrf"};
template <class T>
inline Orthogonal<T> gelqf{kLetter<T>, "gelqf"};
template <class T>
using Multiply = Symbol<void(const char* side, const char* trans, const Int* m, const Int* n, const Int* k, const T* a, const Int* lda,
                             const T* tau, T* c, const Int* ldc, T* work, const Int* lwork, Int* info, Length, Length)>;
template <class T>
inline Multiply<T> unmqr{kLetter<T>, kComplex<T> ? "unmqr" : "ormqr"};
template <class T>
inline Multiply<T> unmlq{kLetter<T>, kComplex<T> ? "unmlq" : "ormlq"};
template <class T>
inline Symbol<void(const char* norm, const char* uplo, const char* diag, const Int* n, const T* a, const Int* lda, Real<T>* rcond, T* work,
                   std::conditional_t<kComplex<T>, Real<T>, Int>* rwork, Int* info, Length, Length, Length)>
    trcon{kLetter<T>, "trcon"};

}  // namespace symbol

namespace fortran {

template <class T>
Int potrf(char uplo, Int n, T* a, Int lda) {
  Int info = 0;
  symbol::potrf<T>(&uplo, &n, a, &lda, &info, 1);
  return info;
}
/// With a workspace of one element LAPACK takes its unblocked code: the blocked one crashes in the zgemv of an OpenBLAS for Haswell.
template <class T>
void hetrf(char uplo, Int n, T* a, Int lda, Int* ipiv) {
  Int info = 0, one = 1;
  T work;
  symbol::hetrf<T>(&uplo, &n, a, &lda, ipiv, &work, &one, &info, 1);
}
template <class T>
void trsm(char side, char uplo, char trans, char diag, Int m, Int n, T alpha, const T* a, Int lda, T* b, Int ldb) {
  symbol::trsm<T>(&side, &uplo, &trans, &diag, &m, &n, &alpha, a, &lda, b, &ldb, 1, 1, 1, 1);
}
template <class T>
void trsv(char uplo, char trans, char diag, Int n, const T* a, Int lda, T* x, Int incx) {
  symbol::trsv<T>(&uplo, &trans, &diag, &n, a, &lda, x, &incx, 1, 1, 1);
}
template <class T>
void gemm(char ta, char tb, Int m, Int n, Int k, T alpha, const T* a, Int lda, const T* b, Int ldb, T beta, T* c, Int ldc) {
  symbol::gemm<T>(&ta, &tb, &m, &n, &k, &alpha, a, &lda, b, &ldb, &beta, c, &ldc, 1, 1);
}
template <class T>
void herk(char uplo, char trans, Int n, Int k, Real<T> alpha, const T* a, Int lda, Real<T> beta, T* c, Int ldc) {
  symbol::herk<T>(&uplo, &trans, &n, &k, &alpha, a, &lda, &beta, c, &ldc, 1, 1);
}
template <class T>
void sytrd(char uplo, Int n, T* a, Int lda, T* d, T* e, T* tau, T* work, Int lwork) {
  Int info = 0;
  symbol::sytrd<T>(&uplo, &n, a, &lda, d, e, tau, work, &lwork, &info, 1);
}
template <class T>
Int stedc(char compz, Int n, T* d, T* e, T* z, Int ldz, T* work, Int lwork, Int* iwork, Int liwork) {
  Int info = 0;
  symbol::stedc<T>(&compz, &n, d, e, z, &ldz, work, &lwork, iwork, &liwork, &info, 1);
  return info;
}
template <class T>
Int heevd(char jobz, char uplo, Int n, T* a, Int lda, Real<T>* w, T* work, Int lwork, [[maybe_unused]] Real<T>* rwork,
          [[maybe_unused]] Int lrwork, Int* iwork, Int liwork) {
  Int info = 0;
  if constexpr (kComplex<T>)
    symbol::heevd<T>(&jobz, &uplo, &n, a, &lda, w, work, &lwork, rwork, &lrwork, iwork, &liwork, &info, 1, 1);
  else
    symbol::syevd<T>(&jobz, &uplo, &n, a, &lda, w, work, &lwork, iwork, &liwork, &info, 1, 1);
  return info;
}
template <class T>
Int gesdd(char jobz, Int m, Int n, T* a, Real<T>* s, T* u, T* vt, T* work, Int lwork, [[maybe_unused]] Real<T>* rwork, Int* iwork) {
  Int info = 0, k = jobz != 'A' && m < n ? m : n;
  if constexpr (kComplex<T>)
    symbol::gesdd_complex<T>(&jobz, &m, &n, a, &m, s, u, &m, vt, &k, work, &lwork, rwork, iwork, &info, 1);
  else
    symbol::gesdd_real<T>(&jobz, &m, &n, a, &m, s, u, &m, vt, &k, work, &lwork, iwork, &info, 1);
  return info;
}
template <class T>
void geqrf(Int m, Int n, T* a, Int lda, T* tau, T* work, Int lwork) {
  Int info = 0;
  symbol::geqrf<T>(&m, &n, a, &lda, tau, work, &lwork, &info);
}
template <class T>
void gelqf(Int m, Int n, T* a, Int lda, T* tau, T* work, Int lwork) {
  Int info = 0;
  symbol::gelqf<T>(&m, &n, a, &lda, tau, work, &lwork, &info);
}
template <class T>
void unmqr(char trans, Int m, Int n, Int k, const T* a, Int lda, const T* tau, T* c, Int ldc, T* work, Int lwork) {
  Int info = 0;
  symbol::unmqr<T>("R", &trans, &m, &n, &k, a, &lda, tau, c, &ldc, work, &lwork, &info, 1, 1);
}
template <class T>
void unmlq(char trans, Int m, Int n, Int k, const T* a, Int lda, const T* tau, T* c, Int ldc, T* work, Int lwork) {
  Int info = 0;
  symbol::unmlq<T>("R", &trans, &m, &n, &k, a, &lda, tau, c, &ldc, work, &lwork, &info, 1, 1);
}
template <class T>
Real<T> trcon(char uplo, Int n, const T* a, Int lda, T* work, void* rwork) {
  Int info = 0;
  Real<T> rcond = 0;
  using Last = std::conditional_t<kComplex<T>, Real<T>, Int>;
  symbol::trcon<T>("1", &uplo, "N", &n, a, &lda, &rcond, work, static_cast<Last*>(rwork), &info, 1, 1, 1);
  return rcond;
}

}  // namespace fortran

}  // namespace backsolve::la
