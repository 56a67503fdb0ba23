// BLAS and LAPACK, typed, on row-major memory. The only file that knows Fortran symbol names, and THE place for the flips.
//
// A row-major buffer of A is, to Fortran (column-major), F = Aᵀ with the row stride as leading dimension. So, without a copy:
//
//   gemm   C = op(A) op(B)  is  Cᵀ = op(B)ᵀ op(A)ᵀ: swap the operands and their sizes. The op letters stay:
//          (A)ᵀ = F is 'N'; (Aᵀ)ᵀ = Fᵀ is 'T'; (Aᴴ)ᵀ = conj(A) = Fᴴ is 'C'.
//   trsm   op(A) X = B  is  Xᵀ op(A)ᵀ = Bᵀ: left becomes right, lower becomes upper; the op letter stays (as above).
//   herk   the lower triangle of C = A Aᴴ is the upper of Cᵀ = conj(A) Aᵀ = Fᴴ F: lower becomes upper, 'N' becomes 'C' ('T' if real), and
//   for
//          C = Aᴴ A, Cᵀ = Aᵀ conj(A) = F Fᴴ, 'C' becomes 'N'.
//   potrf  A = L Lᴴ is F = conj(L) Lᵀ = Uᴴ U with U = Lᵀ: 'U' on the lower triangle of the row-major buffer leaves L there. No conj.
//   QR     A = Q R (tall) is F = Rᵀ Qᵀ: gelqf on the buffer; row by row its lower triangle is R. Qᴴ B is Bᵀ conj(Qᵀ)ᵀ: unmlq 'C' from the
//          right on the buffer of B. A = L Q (wide) is F = Qᵀ Lᵀ: geqrf, whose R by rows is L; Qᴴ Y likewise by unmqr 'C' from the right.
//   gesdd  A = U diag(s) Vᴴ is F = conj(V) diag(s) Uᵀ: its left vectors by rows are Vᴴ, its right ones U.
//   heevd  A = V diag(w) Vᴴ: 'U' on the lower triangle hands Fortran F = conj(A) = Z diag(w) Zᴴ, Z = conj(V). It leaves Z column by column,
//          so that the buffer read by rows holds Zᵀ = Vᴴ: its conjugate transpose is V (a plain transpose only if real).
//
// 'Conjugate without transpose' does not exist in BLAS: conj(A)⁻¹ B is computed as conj(A⁻¹ conj(B)), by conjugating data.
// gemm with beta = 0 does not read C (BLAS standard; the tests hold OpenBLAS to it), so C may be uninitialised.
#pragma once
#include <algorithm>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "view.h"

#ifdef BS_LAPACK_PREFIX_SCIPY  // the scipy-openblas32 builds prefix every symbol
#define BS_LA(name) scipy_##name##_
#define BS_OPENBLAS(name) scipy_openblas_##name
#else
#define BS_LA(name) name##_
#define BS_OPENBLAS(name) openblas_##name
#endif

extern "C" {
void BS_OPENBLAS(set_num_threads)(int n);
int BS_OPENBLAS(get_num_threads)();
int BS_OPENBLAS(get_parallel)();  // 0 sequential, 1 pthreads, 2 OpenMP
char* BS_OPENBLAS(get_config)();
}

namespace backsolve::la {

using Int = std::int32_t;    // LP64: Fortran INTEGER
using Length = std::size_t;  // hidden length of a character argument, after all others; always 1

inline void set_num_threads(int n) { BS_OPENBLAS(set_num_threads)(n); }
inline int num_threads() { return BS_OPENBLAS(get_num_threads)(); }
inline int parallel() { return BS_OPENBLAS(get_parallel)(); }
inline const char* config() { return BS_OPENBLAS(get_config)(); }

/// Whether a dimension or a leading dimension can be passed. The frame refuses an operand that does not fit, before any kernel runs;
/// kernels then convert with to_int and check nothing.
constexpr bool fits(Index n) { return n >= 0 && n <= std::numeric_limits<Int>::max(); }
constexpr Int to_int(Index n) { return static_cast<Int>(n); }

// ---- Fortran symbols, one overload per element type. Arguments and meaning as in LAPACK's documentation, column-major. ----

#define BS_DECLARE_LAPACK(T, R, potrf_name, trsm_name, gemm_name, rank_k_name)                                                         \
  extern "C" {                                                                                                                         \
  void BS_LA(potrf_name)(const char* uplo, const Int* n, T* a, const Int* lda, Int* info, Length);                                     \
  void BS_LA(trsm_name)(const char* side, const char* uplo, const char* trans, const char* diag, const Int* m, const Int* n,           \
                        const T* alpha, const T* a, const Int* lda, T* b, const Int* ldb, Length, Length, Length, Length);             \
  void BS_LA(gemm_name)(const char* transa, const char* transb, const Int* m, const Int* n, const Int* k, const T* alpha, const T* a,  \
                        const Int* lda, const T* b, const Int* ldb, const T* beta, T* c, const Int* ldc, Length, Length);              \
  void BS_LA(rank_k_name)(const char* uplo, const char* trans, const Int* n, const Int* k, const R* alpha, const T* a, const Int* lda, \
                          const R* beta, T* c, const Int* ldc, Length, Length);                                                        \
  }                                                                                                                                    \
  namespace fortran {                                                                                                                  \
  inline Int potrf(char uplo, Int n, T* a, Int lda) {                                                                                  \
    Int info = 0;                                                                                                                      \
    BS_LA(potrf_name)(&uplo, &n, a, &lda, &info, 1);                                                                                   \
    return info;                                                                                                                       \
  }                                                                                                                                    \
  inline void trsm(char side, char uplo, char trans, char diag, Int m, Int n, T alpha, const T* a, Int lda, T* b, Int ldb) {           \
    BS_LA(trsm_name)(&side, &uplo, &trans, &diag, &m, &n, &alpha, a, &lda, b, &ldb, 1, 1, 1, 1);                                       \
  }                                                                                                                                    \
  inline void gemm(char ta, char tb, Int m, Int n, Int k, T alpha, const T* a, Int lda, const T* b, Int ldb, T beta, T* c, Int ldc) {  \
    BS_LA(gemm_name)(&ta, &tb, &m, &n, &k, &alpha, a, &lda, b, &ldb, &beta, c, &ldc, 1, 1);                                            \
  }                                                                                                                                    \
  inline void herk(char uplo, char trans, Int n, Int k, R alpha, const T* a, Int lda, R beta, T* c, Int ldc) {                         \
    BS_LA(rank_k_name)(&uplo, &trans, &n, &k, &alpha, a, &lda, &beta, c, &ldc, 1, 1);                                                  \
  }                                                                                                                                    \
  }

BS_DECLARE_LAPACK(float, float, spotrf, strsm, sgemm, ssyrk)
BS_DECLARE_LAPACK(double, double, dpotrf, dtrsm, dgemm, dsyrk)
BS_DECLARE_LAPACK(std::complex<float>, float, cpotrf, ctrsm, cgemm, cherk)
BS_DECLARE_LAPACK(std::complex<double>, double, zpotrf, ztrsm, zgemm, zherk)
#undef BS_DECLARE_LAPACK

#define BS_DECLARE_SYEVD(T, name)                                                                                                      \
  extern "C" void BS_LA(name)(const char* jobz, const char* uplo, const Int* n, T* a, const Int* lda, T* w, T* work, const Int* lwork, \
                              Int* iwork, const Int* liwork, Int* info, Length, Length);                                               \
  namespace fortran {                                                                                                                  \
  inline Int heevd(char jobz, char uplo, Int n, T* a, Int lda, T* w, T* work, Int lwork, T*, Int, Int* iwork, Int liwork) {            \
    Int info = 0;                                                                                                                      \
    BS_LA(name)(&jobz, &uplo, &n, a, &lda, w, work, &lwork, iwork, &liwork, &info, 1, 1);                                              \
    return info;                                                                                                                       \
  }                                                                                                                                    \
  }
#define BS_DECLARE_HEEVD(T, R, name)                                                                                                     \
  extern "C" void BS_LA(name)(const char* jobz, const char* uplo, const Int* n, T* a, const Int* lda, R* w, T* work, const Int* lwork,   \
                              R* rwork, const Int* lrwork, Int* iwork, const Int* liwork, Int* info, Length, Length);                    \
  namespace fortran {                                                                                                                    \
  inline Int heevd(char jobz, char uplo, Int n, T* a, Int lda, R* w, T* work, Int lwork, R* rwork, Int lrwork, Int* iwork, Int liwork) { \
    Int info = 0;                                                                                                                        \
    BS_LA(name)(&jobz, &uplo, &n, a, &lda, w, work, &lwork, rwork, &lrwork, iwork, &liwork, &info, 1, 1);                                \
    return info;                                                                                                                         \
  }                                                                                                                                      \
  }

BS_DECLARE_SYEVD(float, ssyevd)
BS_DECLARE_SYEVD(double, dsyevd)
BS_DECLARE_HEEVD(std::complex<float>, float, cheevd)
BS_DECLARE_HEEVD(std::complex<double>, double, zheevd)
#undef BS_DECLARE_SYEVD
#undef BS_DECLARE_HEEVD

#define BS_DECLARE_SVD(T, R, name, ...)                                                                                              \
  extern "C" void BS_LA(name)(const char* jobz, const Int* m, const Int* n, T* a, const Int* lda, R* s, T* u, const Int* ldu, T* vt, \
                              const Int* ldvt, T* work, const Int* lwork __VA_ARGS__, Int* iwork, Int* info, Length);
#define BS_AND_REALS(R) , R* rwork
BS_DECLARE_SVD(float, float, sgesdd)
BS_DECLARE_SVD(double, double, dgesdd)
BS_DECLARE_SVD(std::complex<float>, float, cgesdd, BS_AND_REALS(float))
BS_DECLARE_SVD(std::complex<double>, double, zgesdd, BS_AND_REALS(double))
#undef BS_AND_REALS
#undef BS_DECLARE_SVD

namespace fortran {
#define BS_CALL_SVD(T, R, name, ...)                                                                                   \
  inline Int gesdd(Int m, Int n, T* a, R* s, T* u, T* vt, T* work, Int lwork, [[maybe_unused]] R* rwork, Int* iwork) { \
    Int info = 0, k = m < n ? m : n;                                                                                   \
    BS_LA(name)("S", &m, &n, a, &m, s, u, &m, vt, &k, work, &lwork __VA_ARGS__, iwork, &info, 1);                      \
    return info;                                                                                                       \
  }
#define BS_REALS , rwork
BS_CALL_SVD(float, float, sgesdd)
BS_CALL_SVD(double, double, dgesdd)
BS_CALL_SVD(std::complex<float>, float, cgesdd, BS_REALS)
BS_CALL_SVD(std::complex<double>, double, zgesdd, BS_REALS)
#undef BS_REALS
#undef BS_CALL_SVD
}  // namespace fortran

#define BS_DECLARE_QR(T, R, geqrf_name, gelqf_name, unmqr_name, unmlq_name, trcon_name, kRealsOrIntegers)                           \
  extern "C" {                                                                                                                      \
  void BS_LA(geqrf_name)(const Int* m, const Int* n, T* a, const Int* lda, T* tau, T* work, const Int* lwork, Int* info);           \
  void BS_LA(gelqf_name)(const Int* m, const Int* n, T* a, const Int* lda, T* tau, T* work, const Int* lwork, Int* info);           \
  void BS_LA(unmqr_name)(const char* side, const char* trans, const Int* m, const Int* n, const Int* k, const T* a, const Int* lda, \
                         const T* tau, T* c, const Int* ldc, T* work, const Int* lwork, Int* info, Length, Length);                 \
  void BS_LA(unmlq_name)(const char* side, const char* trans, const Int* m, const Int* n, const Int* k, const T* a, const Int* lda, \
                         const T* tau, T* c, const Int* ldc, T* work, const Int* lwork, Int* info, Length, Length);                 \
  void BS_LA(trcon_name)(const char* norm, const char* uplo, const char* diag, const Int* n, const T* a, const Int* lda, R* rcond,  \
                         T* work, kRealsOrIntegers* rwork, Int* info, Length, Length, Length);                                      \
  }                                                                                                                                 \
  namespace fortran {                                                                                                               \
  inline void geqrf(Int m, Int n, T* a, Int lda, T* tau, T* work, Int lwork) {                                                      \
    Int info = 0;                                                                                                                   \
    BS_LA(geqrf_name)(&m, &n, a, &lda, tau, work, &lwork, &info);                                                                   \
  }                                                                                                                                 \
  inline void gelqf(Int m, Int n, T* a, Int lda, T* tau, T* work, Int lwork) {                                                      \
    Int info = 0;                                                                                                                   \
    BS_LA(gelqf_name)(&m, &n, a, &lda, tau, work, &lwork, &info);                                                                   \
  }                                                                                                                                 \
  inline void unmqr(char trans, Int m, Int n, Int k, const T* a, Int lda, const T* tau, T* c, Int ldc, T* work, Int lwork) {        \
    Int info = 0;                                                                                                                   \
    BS_LA(unmqr_name)("R", &trans, &m, &n, &k, a, &lda, tau, c, &ldc, work, &lwork, &info, 1, 1);                                   \
  }                                                                                                                                 \
  inline void unmlq(char trans, Int m, Int n, Int k, const T* a, Int lda, const T* tau, T* c, Int ldc, T* work, Int lwork) {        \
    Int info = 0;                                                                                                                   \
    BS_LA(unmlq_name)("R", &trans, &m, &n, &k, a, &lda, tau, c, &ldc, work, &lwork, &info, 1, 1);                                   \
  }                                                                                                                                 \
  inline R trcon(char uplo, Int n, const T* a, Int lda, T* work, void* rwork) {                                                     \
    Int info = 0;                                                                                                                   \
    R rcond = 0;                                                                                                                    \
    BS_LA(trcon_name)("1", &uplo, "N", &n, a, &lda, &rcond, work, static_cast<kRealsOrIntegers*>(rwork), &info, 1, 1, 1);           \
    return rcond;                                                                                                                   \
  }                                                                                                                                 \
  }

BS_DECLARE_QR(float, float, sgeqrf, sgelqf, sormqr, sormlq, strcon, Int)
BS_DECLARE_QR(double, double, dgeqrf, dgelqf, dormqr, dormlq, dtrcon, Int)
BS_DECLARE_QR(std::complex<float>, float, cgeqrf, cgelqf, cunmqr, cunmlq, ctrcon, float)
BS_DECLARE_QR(std::complex<double>, double, zgeqrf, zgelqf, zunmqr, zunmlq, ztrcon, double)
#undef BS_DECLARE_QR

// ---- Row-major. Everything below speaks of the row-major matrices; the flips above happen here and nowhere else. ----

enum class Op : char { none = 'N', transpose = 'T', adjoint = 'C' };
enum class Side : char { left = 'L', right = 'R' };
enum class Triangle { lower, upper };
enum class Diagonal : char { stored = 'N', unit = 'U' };

/// LAPACK wants leading dimensions of at least 1, whatever the sizes.
template <class T>
Int leading(const Matrix<T>& a) {
  return to_int(std::max<Index>(a.stride, 1));
}

/// C = alpha op(A) op(B) + beta C. With beta = 0, C is only written.
template <class T>
void gemm(Real<T> alpha, Op op_a, Matrix<const T> a, Op op_b, Matrix<const T> b, Real<T> beta, Matrix<T> c) {
  if (c.rows == 0 || c.cols == 0) return;
  const Index inner = op_a == Op::none ? a.cols : a.rows;
  if (inner == 0) {  // an empty sum; its buffers may be null
    for (Index i = 0; i < c.rows; ++i)
      for (Index j = 0; j < c.cols; ++j) c(i, j) = beta == 0 ? T(0) : beta * c(i, j);
    return;
  }
  fortran::gemm(static_cast<char>(op_b), static_cast<char>(op_a), to_int(c.cols), to_int(c.rows), to_int(inner), T(alpha), b.data,
                leading(b), a.data, leading(a), T(beta), c.data, leading(c));
}

/// The given triangle of C = alpha op(A) op(A)ᴴ + beta C; op is none or adjoint. With beta = 0, C is only written.
template <class T>
void herk(Triangle triangle, Real<T> alpha, Op op, Matrix<const T> a, Real<T> beta, Matrix<T> c) {
  if (c.rows == 0) return;
  constexpr char kAdjoint = std::is_same_v<T, Real<T>> ? 'T' : 'C';
  const Index inner = op == Op::none ? a.cols : a.rows;
  fortran::herk(triangle == Triangle::lower ? 'U' : 'L', op == Op::none ? kAdjoint : 'N', to_int(c.rows), to_int(inner), alpha, a.data,
                leading(a), beta, c.data, leading(c));
}

// substitution.h
template <class T>
bool has_reciprocals(Matrix<const T> a);
template <class T>
void substitute(Side side, Triangle triangle, Op op, Diagonal diagonal, Matrix<const T> a, Matrix<T> b);

/// B = op(A)⁻¹ B (left) or B op(A)⁻¹ (right); only the given triangle of A is read, its diagonal only if `stored`. Its scale is any,
/// subnormal numbers included.
template <class T>
void trsm(Side side, Triangle triangle, Op op, Diagonal diagonal, Matrix<const T> a, Matrix<T> b) {
  if (b.rows == 0 || b.cols == 0) return;
  if (diagonal == Diagonal::stored && !has_reciprocals(a)) return substitute(side, triangle, op, diagonal, a, b);
  fortran::trsm(side == Side::left ? 'R' : 'L', triangle == Triangle::lower ? 'U' : 'L', static_cast<char>(op), static_cast<char>(diagonal),
                to_int(b.cols), to_int(b.rows), T(1), a.data, leading(a), b.data, leading(b));
}

/// A = L Lᴴ in the lower triangle of A; the upper is neither read nor written. Returns LAPACK's info.
/// OpenBLAS lets a NaN pivot pass: whoever calls checks the diagonal of L.
template <class T>
Int potrf_lower(Matrix<T> a) {
  return a.rows == 0 ? 0 : fortran::potrf('U', to_int(a.rows), a.data, leading(a));
}

/// Workspace of heevd_lower, in elements of T, Real<T> and Int.
struct EigenWork {
  Index work, real, integer;
  bool fits() const { return la::fits(work) && la::fits(real) && la::fits(integer); }
};
/// The least that LAPACK documents, with 64 columns more for the blocked back transformation of complex vectors.
constexpr EigenWork heevd_work(Index n, bool is_complex) {
  const Index pair = 1 + 5 * n + 2 * n * n;
  return {is_complex ? 66 * n + n * n : pair + 66 * n, is_complex ? pair : 0, 3 + 5 * n};
}

/// A = V diag(w) Vᴴ from the lower triangle of A, w ascending; A becomes Vᴴ, or with vectors = false undefined. Returns LAPACK's info.
template <class T>
Int heevd_lower(Matrix<T> a, Real<T>* w, bool vectors, const EigenWork& size, T* work, Real<T>* rwork, Int* iwork) {
  return fortran::heevd(vectors ? 'V' : 'N', 'U', to_int(a.rows), a.data, leading(a), w, work, to_int(size.work), rwork, to_int(size.real),
                        iwork, to_int(size.integer));
}

/// A = Rᴴ R in the upper triangle of A; the lower is neither read nor written. Returns LAPACK's info.
template <class T>
Int potrf_upper(Matrix<T> a) {
  return a.rows == 0 ? 0 : fortran::potrf('L', to_int(a.rows), a.data, leading(a));
}

/// Workspace of the QR routines, in elements of T, for an m x n matrix and k right-hand sides: their blocks are at most 64 wide.
constexpr Index qr_work(Index m, Index n, Index k) { return 64 * std::max({m, n, k, Index{1}}) + 65 * 64; }

/// QR of a tall A or LQ of a wide one, in place: the triangular factor, square, is the upper or the lower triangle of its leading block.
/// `tau` has min(m, n) elements.
template <class T>
void qr(Matrix<T> a, T* tau, T* work, Index count) {
  if (a.rows == 0 || a.cols == 0) return;
  if (a.rows >= a.cols)
    fortran::gelqf(to_int(a.cols), to_int(a.rows), a.data, leading(a), tau, work, to_int(count));
  else
    fortran::geqrf(to_int(a.cols), to_int(a.rows), a.data, leading(a), tau, work, to_int(count));
}
/// C := Qᴴ C of either: for a tall A, C has its rows; for a wide one, its columns.
template <class T>
void apply_q_adjoint(Matrix<const T> a, const T* tau, Matrix<T> c, T* work, Index count) {
  if (a.rows == 0 || a.cols == 0 || c.cols == 0) return;
  constexpr char kAdjoint = std::is_same_v<T, Real<T>> ? 'T' : 'C';
  const Int m = to_int(c.cols), n = to_int(c.rows), k = to_int(std::min(a.rows, a.cols));
  if (a.rows >= a.cols)
    fortran::unmlq(kAdjoint, m, n, k, a.data, leading(a), tau, c.data, leading(c), work, to_int(count));
  else
    fortran::unmqr(kAdjoint, m, n, k, a.data, leading(a), tau, c.data, leading(c), work, to_int(count));
}
/// An estimate of 1 / (‖R‖ ‖R⁻¹‖) of an upper triangular matrix, in a norm no further from the 2-norm than √n. `work` has 3n elements.
template <class T>
Real<T> trcon_upper(Matrix<const T> r, T* work, void* reals_or_integers) {
  return r.rows == 0 ? Real<T>(1) : fortran::trcon('L', to_int(r.rows), r.data, leading(r), work, reals_or_integers);
}

/// Workspace of gesdd for thin vectors: LAPACK's documented minimum (its query asks for more only to block the bidiagonalisation), so
/// that no call is needed to know it.
struct SvdWork {
  Index work, reals, integers;
  bool fits;
};
constexpr SvdWork gesdd_work(Index m, Index n, bool is_complex) {
  const Index least = std::min(m, n), most = std::max(m, n);
  const Index work = (is_complex ? 1 : 4) * least * least + 7 * least + 65 * most + 1;
  const Index reals = is_complex ? std::max(5 * least * least + 7 * least, 2 * most * least + 2 * least * least + least) + 1 : 0;
  return {work, reals, 8 * least, fits(work) && fits(reals)};
}
/// A = U diag(s) Vᴴ with min(m, n) singular values: U (m, min), Vᴴ (min, n). Destroys A. Returns LAPACK's info.
template <class T>
Int gesdd(Matrix<T> a, Real<T>* s, Matrix<T> u, Matrix<T> vh, T* work, Index count, Real<T>* reals, Int* integers) {
  if (a.rows == 0 || a.cols == 0) return 0;
  return fortran::gesdd(to_int(a.cols), to_int(a.rows), a.data, s, vh.data, u.data, work, to_int(count), reals, integers);
}

}  // namespace backsolve::la

#include "substitution.h"
