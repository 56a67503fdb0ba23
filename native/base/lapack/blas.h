// BLAS and Cholesky factors on row-major memory, one call on one core, by OpenBLAS or by kernels of our own (../../packed); lapack.h tells
// how rows become columns. What kernels call are the functions of the same names in tiles.h.
#pragma once
#include <algorithm>
#include <limits>

#include "../../packed/packed.h"
#include "../workspace.h"
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

constexpr Index kVectors = 5;  // so many right-hand sides of real systems may be solved one by one: trsm copies A

namespace core {

/// So many reals for packed kernels, kept by each thread: two megabytes at most.
template <class R>
R* packed_room(Index count) {
  static thread_local Scratch scratch;
  const std::size_t bytes = static_cast<std::size_t>(count) * sizeof(R);
  scratch.reserve(bytes);
  Arena(scratch.data(), bytes).spoil();
  return reinterpret_cast<R*>(scratch.data());
}

}  // namespace core

}  // namespace backsolve::la

#include "products.h"

namespace backsolve::la {

namespace core {

/// C = alpha op(A) op(B) + beta C. With beta = 0, C is only written, and what is infinite is so in complex products, too.
template <class T>
void gemm(Real<T> alpha, Op op_a, Matrix<const T> a, Op op_b, Matrix<const T> b, Real<T> beta, Matrix<T> c) {
  if (c.rows == 0 || c.cols == 0) return;
  const Index inner = op_a == Op::none ? a.cols : a.rows;
  if (inner == 0) {  // an empty sum; its buffers may be null
    for (Index i = 0; i < c.rows; ++i)
      for (Index j = 0; j < c.cols; ++j) c(i, j) = beta == 0 ? T(0) : beta * c(i, j);
    return;
  }
  if constexpr (!kComplex<T>) {
    constexpr Index kRows = 4;
    const auto& kernels = packed::kernels<T>();
    if (kernels.limits.products > 0 && c.cols >= kernels.limits.products && c.rows >= kRows && alpha != 0)
      return kernels.gemm(op_a != Op::none, op_b != Op::none, c.rows, c.cols, inner, alpha, a.data, a.stride, b.data, b.stride, beta,
                          c.data, c.stride);
  }
  fortran::gemm(static_cast<char>(op_b), static_cast<char>(op_a), to_int(c.cols), to_int(c.rows), to_int(inner), T(alpha), b.data,
                leading(b), a.data, leading(a), T(beta), c.data, leading(c));
  if constexpr (kComplex<T>) {
    if (beta == 0 && !sums_finite(Matrix<const T>{c.data, c.rows, c.cols, c.stride})) mend_product(alpha, op_a, a, op_b, b, c);
  }
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

/// Half of A, the product of the other with it, and the other half, so that most of the work is in gemm; solve(A', B') is called for both.
template <class T, class Solve>
void by_halves(Side side, Triangle triangle, Op op, Matrix<const T> a, Matrix<T> b, const Solve& solve) {
  const Index n = a.rows;
  const bool left = side == Side::left, forward = ((triangle == Triangle::lower) == (op == Op::none)) == left;
  struct Range {
    Index at, size;
  } first{0, n / 2}, rest{n / 2, n - n / 2};
  if (!forward) std::swap(first, rest);
  const auto of_a = [&](Range i, Range j) { return Matrix<const T>{&a(i.at, j.at), i.size, j.size, a.stride}; };
  const auto of_b = [&](Range r) {
    return left ? Matrix<T>{&b(r.at, 0), r.size, b.cols, b.stride} : Matrix<T>{&b(0, r.at), b.rows, r.size, b.stride};
  };
  const Matrix<T> solved = of_b(first), open = of_b(rest);
  solve(of_a(first, first), solved);
  const Matrix<const T> known{solved.data, solved.rows, solved.cols, solved.stride};
  const auto between = left == (op == Op::none) ? of_a(rest, first) : of_a(first, rest);
  if (left)
    core::gemm<T>(-1, op, between, Op::none, known, 1, open);
  else
    core::gemm<T>(-1, Op::none, known, op, between, 1, open);
  solve(of_a(rest, rest), open);
}

/// B = op(A)⁻¹ B (left) or B op(A)⁻¹ (right); only the given triangle of A is read, its diagonal only if `stored`.
template <class T>
void trsm(Side side, Triangle triangle, Op op, Diagonal diagonal, Matrix<const T> a, Matrix<T> b) {
  if (b.rows == 0 || b.cols == 0) return;
  if constexpr (!kComplex<T>) {
    const auto& kernels = packed::kernels<T>();
    const bool left = side == Side::left;
    const Index n = a.rows, count = left ? b.cols : b.rows;
    if (kernels.limits.trsm > 0 && count >= kernels.limits.columns) {
      if (n > kernels.limits.trsm)
        return by_halves(side, triangle, op, a, b,
                         [&](Matrix<const T> half, Matrix<T> of_b) { core::trsm(side, triangle, op, diagonal, half, of_b); });
      return kernels.trsm(left, triangle == Triangle::lower, op != Op::none, diagonal == Diagonal::unit, n, a.data, a.stride, count, b.data,
                          b.stride, packed_room<T>(packed::room(n)));
    }
    constexpr Index kLong = 96;
    if (count == 1 || (count <= kVectors && n >= kLong)) {
      for (Index i = 0; i < count; ++i)
        fortran::trsv(triangle == Triangle::lower ? 'U' : 'L', left == (op == Op::none) ? 'T' : 'N', static_cast<char>(diagonal), to_int(n),
                      a.data, leading(a), left ? &b(0, i) : &b(i, 0), left ? leading(b) : 1);
      return;
    }
  }
  fortran::trsm(side == Side::left ? 'R' : 'L', triangle == Triangle::lower ? 'U' : 'L', static_cast<char>(op), static_cast<char>(diagonal),
                to_int(b.cols), to_int(b.rows), T(1), a.data, leading(a), b.data, leading(b));
}

/// A = L Lᴴ in the lower triangle of A or A = Rᴴ R in the upper; the other is neither read nor written. Returns LAPACK's info.
template <class T>
Int potrf(Triangle triangle, Matrix<T> a) {
  if constexpr (!kComplex<T>) {
    const auto& kernels = packed::kernels<T>();
    if (a.rows <= kernels.limits.potrf)
      return to_int(kernels.potrf(triangle == Triangle::lower, a.rows, a.data, a.stride, packed_room<T>(packed::room(a.rows))));
  }
  return a.rows == 0 ? 0 : fortran::potrf(triangle == Triangle::lower ? 'U' : 'L', to_int(a.rows), a.data, leading(a));
}

/// P A = L U in place, as ops::lu, and true; or false, where there is no kernel for it.
template <class T>
bool getrf(Matrix<T> a, Int* pivots) {
  if constexpr (!kComplex<T>) {
    constexpr Index kNarrow = 8;
    const auto& kernels = packed::kernels<T>();
    if (a.cols >= kNarrow && a.rows >= a.cols && a.rows * a.cols <= kernels.limits.getrf) {
      kernels.getrf(a.rows, a.cols, a.data, a.stride, pivots, packed_room<T>(packed::getrf_room(a.rows)));
      return true;
    }
  }
  return false;
}

/// The order of a matrix that is factored by halves.
template <class T>
Index potrf_halves() {
  constexpr Index kLarge = 512, kPacked = 256;
  if constexpr (!kComplex<T>) {
    if (packed::kernels<T>().limits.potrf >= kPacked) return kPacked + 1;
  }
  return kLarge;
}

}  // namespace core

}  // namespace backsolve::la
