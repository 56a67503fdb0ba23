// One real matrix that fits a core's second-level cache: copied into memory of our own in the order in which loops read it, zeros and ones
// around it so that these work on whole registers, computed there, and copied back. Compiled once per instruction set, as lanes are.
// ../base/lapack/blas.h calls them.
#pragma once
#include <cstdint>

#include "../base/view.h"

namespace backsolve::packed {

/// Reals that a call with n rows needs beside its operands, aligned to a cache line: enough for every function and instruction set.
constexpr Index room(Index n) { return (n + 16) * (n + 80); }
/// The same of getrf, of m rows.
constexpr Index getrf_room(Index m) { return 32 * (m + 48); }

/// Up to how many rows these were measured to be ahead of OpenBLAS; 0: never.
struct Limits {
  Index potrf, trsm;
  Index columns;   // the least number of right-hand sides of trsm
  Index getrf;     // elements
  Index products;  // the least number of columns of a product
  Index qr;        // elements
};

/// The most rows of `powers`: of more a call for each product costs nothing to speak of.
constexpr Index kMostPowers = 18;

/// Of C = op(A) op(B), m x n with k products each, of matrices that lie row by row without gaps.
struct Sizes {
  bool a_transposed, b_transposed;
  Index m, n, k;
};

/// H_1 H_2 ... = I - V Lᵀ Vᵀ: V of `rows` rows, `count` columns, and zeros in the next kRowsBelow rows; L lower triangular in rows of
/// Kernels::strip.
template <class R>
struct Reflections {
  const R* v;
  Index stride, rows, count;
  const R* l;
};
/// Rows of zeros below a strip, and columns of the widest strip of any instruction set.
constexpr Index kRowsBelow = 8, kWidestStrip = 32;

/// Row-major matrices, strides in elements.
template <class R>
struct Kernels {
  Limits limits;
  /// The factor of an n x n matrix in its lower or upper triangle; the other is neither read nor written. Returns LAPACK's info; a NaN
  /// pivot is not positive.
  Index (*potrf)(bool lower, Index n, R* a, Index stride, R* room);
  /// X := op(A)⁻¹ X of n rows and `count` columns, or X op(A)⁻¹ of n columns and `count` rows.
  void (*trsm)(bool left, bool lower, bool transposed, bool unit, Index n, const R* a, Index a_stride, Index count, R* x, Index x_stride,
               R* room);
  /// P A = L U of an m x n matrix, m >= n, in place; pivots[i] is the row, from 0, that row i was exchanged with. A zero pivot is passed
  /// over.
  void (*getrf)(Index m, Index n, R* a, Index stride, std::int32_t* pivots, R* room);
  /// C := op(A) op(B) of `items` matrices, any sizes; the lists are of A, B and C. The order of an element's sum depends on k alone.
  void (*products)(const Sizes&, const void* const* const* lists, Index items);
  /// Y := A^p of `items` n x n matrices, p >= 1, n <= kMostPowers; the lists are of A and Y.
  void (*powers)(Index n, std::uint64_t p, const void* const* const* lists, Index items);
  /// C := alpha op(A) op(B) + beta C of m rows and n columns, k > 0 products each, alpha not 0; with beta = 0, C is only written. The order
  /// of an element's sum depends on k alone.
  void (*gemm)(bool a_transposed, bool b_transposed, Index m, Index n, Index k, R alpha, const R* a, Index a_stride, const R* b,
               Index b_stride, R beta, R* c, Index c_stride);
  /// Columns of a strip, of a few vectors of which some may be absent: its width is also how far apart its rows are. Strips are aligned to
  /// a vector.
  Index strip, vector;
  /// The QR of the first `cols` columns of a strip, of `rows` >= cols rows: R, upper triangular with zeros below, in rows of `strip`, L as
  /// above, and V in place, ones and zeros included; columns behind them become Qᵀ times them. False, and anything in these, where squares
  /// are beyond the range that keeps their digits.
  bool (*qr_panel)(R* p, Index width, Index rows, Index cols, R* r, R* l);
  /// V in place and L of given reflections, whose vectors stand below the diagonal.
  void (*qr_given)(R* p, Index width, Index rows, Index cols, const R* tau, R* l);
  /// C := Q C, or Qᵀ C, C a strip from the first row of V on, zeros above row `from`; rows below C, at most kRowsBelow, are zeros and stay
  /// so.
  void (*qr_reflect)(const Reflections<R>& h, bool adjoint, Index from, R* c, Index width);
  /// A strip from rows x cols elements of A, or of Aᵀ, zeros behind them.
  void (*qr_load)(bool transposed, Index rows, Index cols, const R* from, Index stride, R* to, Index width);
  /// The largest |x|; NaN where something is not finite.
  R (*largest)(Index rows, Index cols, const R* a, Index stride);
};
/// What loops over the vectors below may read, and write zeros to, behind their ends.
constexpr Index kToeplitzPad = 16;
/// T X = Y, n x n with `columns` right-hand sides, each column beside the other, `stride` >= n + kToeplitzPad from one to the next; planes
/// of real and, where `complex`, imaginary parts.
struct Toeplitz {
  bool complex;
  Index n, columns, stride;
  const double* t[2];  // t_(n-1), ..., t_0, ..., t_-(n-1) and zeros: row i of T begins at n - 1 - i
  const double* y[2];
  double* x[2];
  double *first[2], *last[2];  // n and 2 n numbers and zeros: of the inverse the first column, and from 0 on the last
};
struct Table {
  Kernels<float> f32;
  Kernels<double> f64;
  /// X, by Levinson's recursion. False where it breaks down: a leading minor is close to zero, or something is NaN.
  bool (*levinson)(const Toeplitz&);
  /// Y - T X where `r` is.
  void (*toeplitz_residual)(const Toeplitz&, double* const* r);
};
/// Of the chosen instruction set (../sets.h).
const Table& table();

template <class R>
const Kernels<R>& kernels() {
  if constexpr (sizeof(R) == 8)
    return table().f64;
  else
    return table().f32;
}

}  // namespace backsolve::packed
