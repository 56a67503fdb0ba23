// BLAS and Cholesky factors on row-major memory, one call on one core; ../../lapack.h tells how rows become columns. What kernels call are
// the functions of the same names in tiles.h.
#pragma once
#include <algorithm>
#include <limits>

#include "symbols.h"

namespace backsolve::la {

/// Whether a dimension or a leading dimension can be passed. The frame refuses an operand that does not fit, before any kernel runs;
/// kernels then convert with to_int and check nothing.
constexpr bool fits(Index n) { return n >= 0 && n <= std::numeric_limits<Int>::max(); }
constexpr Int to_int(Index n) { return static_cast<Int>(n); }

enum class Op : char { none = 'N', transpose = 'T', adjoint = 'C' };
enum class Side : char { left = 'L', right = 'R' };
enum class Triangle { lower, upper };
enum class Diagonal : char { stored = 'N', unit = 'U' };

/// LAPACK wants leading dimensions of at least 1, whatever the sizes.
template <class T>
Int leading(const Matrix<T>& a) {
  return to_int(std::max<Index>(a.stride, 1));
}

namespace core {

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
  constexpr char kAdjoint = kComplex<T> ? 'C' : 'T';
  const Index inner = op == Op::none ? a.cols : a.rows;
  fortran::herk(triangle == Triangle::lower ? 'U' : 'L', op == Op::none ? kAdjoint : 'N', to_int(c.rows), to_int(inner), alpha, a.data,
                leading(a), beta, c.data, leading(c));
}

/// B = op(A)⁻¹ B (left) or B op(A)⁻¹ (right); only the given triangle of A is read, its diagonal only if `stored`.
template <class T>
void trsm(Side side, Triangle triangle, Op op, Diagonal diagonal, Matrix<const T> a, Matrix<T> b) {
  if (b.rows == 0 || b.cols == 0) return;
  fortran::trsm(side == Side::left ? 'R' : 'L', triangle == Triangle::lower ? 'U' : 'L', static_cast<char>(op), static_cast<char>(diagonal),
                to_int(b.cols), to_int(b.rows), T(1), a.data, leading(a), b.data, leading(b));
}

/// A = L Lᴴ in the lower triangle of A or A = Rᴴ R in the upper; the other is neither read nor written. Returns LAPACK's info.
template <class T>
Int potrf(Triangle triangle, Matrix<T> a) {
  return a.rows == 0 ? 0 : fortran::potrf(triangle == Triangle::lower ? 'U' : 'L', to_int(a.rows), a.data, leading(a));
}

}  // namespace core

}  // namespace backsolve::la
