// Eigenvalues and Hessenberg forms of general matrices. None of these has a flip: they get A by columns, and leave what they give so.
#pragma once
#include <complex>

#include "equations.h"

namespace backsolve::la {

namespace general {  // symbols of these routines alone

template <class T>  // real
inline Symbol<void(const char* jobvl, const char* jobvr, const Int* n, T* a, const Int* lda, T* wr, T* wi, T* vl, const Int* ldvl, T* vr,
                   const Int* ldvr, T* work, const Int* lwork, Int* info, Length, Length)>
    geev_real{kLetter<T>, "geev"};
template <class T>
inline Symbol<void(const char* jobvl, const char* jobvr, const Int* n, T* a, const Int* lda, T* w, T* vl, const Int* ldvl, T* vr,
                   const Int* ldvr, T* work, const Int* lwork, Real<T>* rwork, Int* info, Length, Length)>
    geev_complex{kLetter<T>, "geev"};
template <class T>
using Hessenberg =
    Symbol<void(const Int* n, const Int* ilo, const Int* ihi, T* a, const Int* lda, T* tau, T* work, const Int* lwork, Int* info)>;
template <class T>
inline Hessenberg<T> gehrd{kLetter<T>, "gehrd"};
template <class T>
inline Symbol<void(const Int* n, const Int* ilo, const Int* ihi, T* a, const Int* lda, const T* tau, T* work, const Int* lwork, Int* info)>
    unghr{kLetter<T>, kComplex<T> ? "unghr" : "orghr"};

}  // namespace general

/// Workspace of these, in elements: more than the least, so that LAPACK takes its blocks.
constexpr Index general_work(Index n) { return gees_work(n); }

/// Eigenvalues w of the A in `a`, by columns, and with vectors = true A V = V diag(w), V by columns: of a complex A in `v`, of a real one
/// as LAPACK has them, a pair's real and imaginary parts side by side. Destroys A; `reals` has 2n elements. Returns LAPACK's info.
template <class T>
Int geev(Index order, bool vectors, T* a, std::complex<Real<T>>* w, T* v, T* work, Index count, Real<T>* reals) {
  const Int n = to_int(order), lwork = to_int(count);
  const char* const job = vectors ? "V" : "N";
  Int info = 0;
  T unused;
  if (n == 0) return 0;
  if constexpr (kComplex<T>) {
    general::geev_complex<T>("N", job, &n, a, &n, w, &unused, &n, v, &n, work, &lwork, reals, &info, 1, 1);
  } else {
    general::geev_real<T>("N", job, &n, a, &n, reals, reals + n, &unused, &n, v, &n, work, &lwork, &info, 1, 1);
    for (Int i = 0; i < n; ++i) w[i] = {reals[i], reals[n + i]};
  }
  return info;
}

/// A = Q H Qᴴ of the A in `h`, by columns, with its reflectors below H's subdiagonal. `tau` has n elements.
template <class T>
void gehrd(Index order, T* h, T* tau, T* work, Index count) {
  const Int n = to_int(order), first = 1, lwork = to_int(count);
  Int info = 0;
  if (n > 0) general::gehrd<T>(&n, &first, &n, h, &n, tau, work, &lwork, &info);
}
/// Q, by columns, of the reflectors in `q`.
template <class T>
void unghr(Index order, T* q, const T* tau, T* work, Index count) {
  const Int n = to_int(order), first = 1, lwork = to_int(count);
  Int info = 0;
  if (n > 0) general::unghr<T>(&n, &first, &n, q, &n, tau, work, &lwork, &info);
}

}  // namespace backsolve::la
