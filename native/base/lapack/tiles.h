// One large product, triangular solve or Cholesky factor over the pool: what is written is cut into tiles, each one call on one core.
// Where it is cut depends on the sizes alone, so that bits depend neither on threads nor on who calls. No tile is narrower than 256 unless
// the matrix has two of them only so: each packs its rows and columns anew, 2/256 of its work.
#pragma once
#include "../pool.h"
#include "blas.h"

namespace backsolve::la {

/// Whether so many multiplications and additions are worth a second thread: a quarter of a millisecond.
constexpr bool large(Index m, Index n, Index k) {
  return static_cast<double>(m) * static_cast<double>(n) * static_cast<double>(k) >= 1 << 23;
}

/// A dimension in pieces of a 'divisor'-th, but at least 256, or in two of 128 at least, and about 512 at most.
struct Cut {
  Index length, size, pieces;
  Cut(Index n, Index divisor) : length(n) {
    constexpr Index kLeast = 256, kMost = 512, kTogether = 16;  // the last: what the inner loops take at a time
    const Index least = std::clamp(n / 2, kLeast / 2, kLeast), wanted = std::max<Index>(n / std::clamp(n / divisor, least, kMost), 1);
    size = ((n - 1) / wanted / kTogether + 1) * kTogether;
    pieces = (n - 1) / size + 1;
  }
  Index begin(Index i) const { return i * size; }
  Index count(Index i) const { return std::min(size, length - i * size); }
};

template <class T>
Matrix<T> part(Matrix<T> a, Index i, Index j, Index rows, Index cols) {
  return {a.data + i * a.stride + j, rows, cols, a.stride};
}
template <class T>
Matrix<const T> readable(Matrix<T> a) {
  return {a.data, a.rows, a.cols, a.stride};
}
/// The part of A that rows [i, i + count) of op(A) are made of.
template <class T>
Matrix<const T> rows_of(Op op, Matrix<const T> a, Index i, Index count) {
  return op == Op::none ? part(a, i, 0, count, a.cols) : part(a, 0, i, a.rows, count);
}
template <class T>
Matrix<const T> columns_of(Op op, Matrix<const T> a, Index j, Index count) {
  return op == Op::none ? part(a, 0, j, a.rows, count) : part(a, j, 0, count, a.cols);
}

/// C = alpha op(A) op(B) + beta C. With beta = 0, C is only written.
template <class T>
void gemm(Real<T> alpha, Op op_a, Matrix<const T> a, Op op_b, Matrix<const T> b, Real<T> beta, Matrix<T> c) {
  if (!large(c.rows, c.cols, op_a == Op::none ? a.cols : a.rows)) return core::gemm(alpha, op_a, a, op_b, b, beta, c);
  const Cut down(c.rows, 2), across(c.cols, 4);
  pool::parallel(down.pieces * across.pieces, 0, [&](Index tile) {
    const Index p = tile / across.pieces, q = tile % across.pieces;
    const Index i = down.begin(p), j = across.begin(q), rows = down.count(p), columns = across.count(q);
    core::gemm(alpha, op_a, rows_of(op_a, a, i, rows), op_b, columns_of(op_b, b, j, columns), beta, part(c, i, j, rows, columns));
  });
}

/// The given triangle of C = alpha op(A) op(A)ᴴ + beta C; op is none or adjoint. With beta = 0, C is only written.
template <class T>
void herk(Triangle triangle, Real<T> alpha, Op op, Matrix<const T> a, Real<T> beta, Matrix<T> c) {
  if (!large(c.rows, c.rows, op == Op::none ? a.cols : a.rows)) return core::herk(triangle, alpha, op, a, beta, c);
  const Cut cut(c.rows, 4);
  const Op other = op == Op::none ? Op::adjoint : Op::none;
  pool::parallel(cut.pieces * (cut.pieces + 1) / 2, 0, [&](Index tile) {
    Index p = 0, q = tile;  // (0,0), (1,0), (1,1), (2,0), ...
    while (q > p) q -= ++p;
    if (triangle == Triangle::upper) std::swap(p, q);
    const Index i = cut.begin(p), j = cut.begin(q), rows = cut.count(p), columns = cut.count(q);
    const auto left = rows_of(op, a, i, rows);
    const auto to = part(c, i, j, rows, columns);
    if (p == q) return core::herk(triangle, alpha, op, left, beta, to);
    core::gemm<T>(alpha, op, left, other, rows_of(op, a, j, columns), beta, to);
  });
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
  if (!large(a.rows, b.rows, b.cols)) return core::trsm(side, triangle, op, diagonal, a, b);
  const bool left = side == Side::left;
  const Cut cut(left ? b.cols : b.rows, 4);
  pool::parallel(cut.pieces, 0, [&](Index tile) {
    const Index i = cut.begin(tile), count = cut.count(tile);
    core::trsm(side, triangle, op, diagonal, a, left ? part(b, 0, i, b.rows, count) : part(b, i, 0, count, b.cols));
  });
}

/// A = L Lᴴ in the lower triangle of A, or A = Rᴴ R in the upper; the other is neither read nor written. Returns LAPACK's info.
/// A NaN pivot may pass: whoever calls checks the diagonal. Large matrices by halves, [A, .; B, C]: A = L Lᴴ, B := B L⁻ᴴ,
/// C := C - B Bᴴ, and C again; so that most of the work is in what is cut above.
template <class T>
Int potrf(Triangle triangle, Matrix<T> a) {
  const Index n = a.rows, half = n / 2, rest = n - half;
  const bool lower = triangle == Triangle::lower;
  if (n < core::potrf_halves<T>()) return core::potrf(triangle, a);
  const auto head = part(a, 0, 0, half, half), corner = part(a, half, half, rest, rest);
  const auto side = lower ? part(a, half, 0, rest, half) : part(a, 0, half, half, rest);
  if (const Int info = potrf(triangle, head)) return info;
  trsm(lower ? Side::right : Side::left, triangle, Op::adjoint, Diagonal::stored, readable(head), side);
  herk<T>(triangle, -1, lower ? Op::none : Op::adjoint, readable(side), 1, corner);
  const Int info = potrf(triangle, corner);
  return info == 0 ? 0 : to_int(half) + info;
}

}  // namespace backsolve::la

#include "substitution.h"
