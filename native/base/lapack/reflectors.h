// Eigenvectors of one large symmetric matrix. LAPACK's syevd spends two fifths of its time on bringing those of the tridiagonal matrix
// back; here that is products of blocks of reflectors (the compact WY form: Schreiber & Van Loan 1989), in tiles over the pool. Included by
// lapack.h alone.
#pragma once
#include <algorithm>

#include "tiles.h"

namespace backsolve::la {

constexpr Index kReflectors = 32;  // of a block
/// Elements of workspace of `back_transform`.
constexpr Index back_work(Index n) { return 3 * kReflectors * n + 2 * kReflectors * kReflectors; }

/// T of H_0 H_1 ... = I - Vᵀ T V, upper triangular, from V Vᵀ, the rows of V being the reflectors (LAPACK's larft).
template <class T>
void form_triangle(Matrix<const T> gram, const T* tau, Matrix<T> t) {
  for (Index j = 0; j < t.rows; ++j) {
    for (Index p = 0; p < t.rows; ++p) {
      T sum = 0;
      for (Index q = p; q < j; ++q) sum += t(p, q) * gram(q, j);
      t(p, j) = p < j ? -tau[j] * sum : p == j ? tau[j] : T(0);
    }
  }
}

/// Z := Z Qᵀ for the Q = H_(n-2) ... H_1 H_0 of sytrd, 'U' on the lower triangle of A: H_i = I - tau_i v vᵀ with v_i = 1, zeros behind it
/// and before it the first i elements of row i + 1 of A. The rows of Z are vectors, each worked on by itself.
template <class T>
void back_transform(Matrix<const T> a, const T* tau, Matrix<T> z, T* work) {
  const Index n = a.rows;
  const Cut cut(z.rows, 2);
  T* const grams = work + 3 * kReflectors * n;
  for (Index first = 0; first < n - 1; first += kReflectors) {
    const Index count = std::min(kReflectors, n - 1 - first), width = first + count;
    const Matrix<T> v{work, count, width, width}, y{work + kReflectors * n, count, width, width};
    const Matrix<T> products{work + 2 * kReflectors * n, z.rows, count, count};
    const Matrix<T> gram{grams, count, count, count}, t{grams + kReflectors * kReflectors, count, count, count};
    for (Index i = 0; i < count; ++i) {
      std::copy_n(&a(first + i + 1, 0), first + i, &v(i, 0));
      v(i, first + i) = 1;
      std::fill_n(&v(i, first + i) + 1, count - 1 - i, T(0));
    }
    core::gemm<T>(1, Op::none, readable(v), Op::transpose, readable(v), 0, gram);
    form_triangle(readable(gram), tau + first, t);
    core::gemm<T>(1, Op::none, readable(t), Op::none, readable(v), 0, y);
    pool::parallel(cut.pieces, 0, [&](Index piece) {
      const Index row = cut.begin(piece), rows = cut.count(piece);
      const auto head = part(z, row, 0, rows, width), product = part(products, row, 0, rows, count);
      core::gemm<T>(1, Op::none, readable(head), Op::transpose, readable(v), 0, product);
      core::gemm<T>(-1, Op::none, readable(product), Op::none, readable(y), 1, head);
    });
  }
}

/// As syevd with vectors, for a workspace of its size.
template <class T>
Int syevd_by_blocks(Matrix<T> a, T* w, T* work, Index count, Int* iwork, Int integers) {
  const Index n = a.rows;
  T *const off_diagonal = work, *const tau = work + n;
  const Matrix<T> z{work + 2 * n, n, n, n};
  T* const rest = z.data + n * n;
  const Int left = to_int(count - 2 * n - n * n);
  fortran::sytrd('U', to_int(n), a.data, leading(a), w, off_diagonal, tau, rest, left);
  if (const Int info = fortran::stedc('I', to_int(n), w, off_diagonal, z.data, to_int(n), rest, left, iwork, integers)) return info;
  back_transform(readable(a), tau, z, rest);
  for (Index i = 0; i < n; ++i) std::copy_n(&z(i, 0), n, &a(i, 0));
  return 0;
}

}  // namespace backsolve::la
