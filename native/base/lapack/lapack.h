// BLAS and LAPACK on row-major memory: THE place for the flips.
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
//   hetrf  has no flip: 'U' on the lower triangle would begin its pivots at the last row. It gets a copy of A by columns, and leaves L so.
//
// 'Conjugate without transpose' does not exist in BLAS: conj(A)⁻¹ B is computed as conj(A⁻¹ conj(B)), by conjugating data.
// gemm with beta = 0 does not read C (BLAS standard; the tests hold OpenBLAS to it), so C may be uninitialised.
#pragma once
#include <algorithm>
#include <limits>

#include "../view.h"
#include "reflectors.h"
#include "tiles.h"

namespace backsolve::la {

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
  if constexpr (!kComplex<T>) {
    constexpr Index kBlocks = 128;  // from there on blocks are ahead
    if (vectors && a.rows >= kBlocks) return syevd_by_blocks(a, w, work, size.work, iwork, to_int(size.integer));
  }
  return fortran::heevd(vectors ? 'V' : 'N', 'U', to_int(a.rows), a.data, leading(a), w, work, to_int(size.work), rwork, to_int(size.real),
                        iwork, to_int(size.integer));
}

/// P A Pᵀ = L D Lᴴ (Bunch-Kaufman) of the A whose lower triangle lies in `f` by columns, in place; `pivots` as LAPACK has them.
template <class T>
void hetrf_columns(Matrix<T> f, Int* pivots) {
  if (f.rows > 0) fortran::hetrf('L', to_int(f.rows), f.data, leading(f), pivots);
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
  constexpr char kAdjoint = kComplex<T> ? 'C' : 'T';
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

/// Workspace of gesdd: LAPACK's documented minimum (its query asks for more only to block the bidiagonalisation), so
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
/// Which singular vectors: none, the first min(m, n), or all, (m,m) and (n,n).
enum class Vectors : char { none = 'N', thin = 'S', full = 'A' };
/// A = U diag(s) Vᴴ with min(m, n) singular values. Destroys A. Returns LAPACK's info.
template <class T>
Int gesdd(Vectors vectors, Matrix<T> a, Real<T>* s, Matrix<T> u, Matrix<T> vh, T* work, Index count, Real<T>* reals, Int* integers) {
  if (a.rows == 0 || a.cols == 0) return 0;
  return fortran::gesdd(static_cast<char>(vectors), to_int(a.cols), to_int(a.rows), a.data, s, vh.data, u.data, work, to_int(count), reals,
                        integers);
}

}  // namespace backsolve::la
