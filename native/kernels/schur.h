// Schur forms A = Wᴴ L W, L lower (quasi-)triangular, and the linear equations that they solve. docs/derivations/equations.md
#pragma once
#include "../base/lapack/equations.h"
#include "eigen.h"
#include "factor.h"
#include "least_squares.h"

namespace backsolve::ops {

template <class T>
struct Schur {
  Matrix<T> l, w;
  std::complex<Real<T>>* values;
};
/// Room for the Schur form of an n x n matrix. Its matrices lie before what LAPACK works in: OpenBLAS reads past their ends.
template <class T>
struct SchurWork {
  Schur<T> form;
  T* work;
  Real<T>* reals;
  Index count;
  bool fits;
  SchurWork(Arena& arena, Index n) : count(la::gees_work(n)), fits(la::fits(count)) {
    const Index k = fits ? n : 0;
    form.l = arena.matrix<T>(k, k);
    form.w = arena.matrix<T>(k, k);
    form.values = arena.take<std::complex<Real<T>>>(k);
    reals = arena.take<Real<T>>(2 * k);
    work = arena.take<T>(fits ? count : 0);
  }
};
/// Of the matrix that stands in work.form.l.
template <class T>
std::int32_t schur_form(const SchurWork<T>& work) {
  const la::Int info = la::gees(work.form.l, work.form.w, work.form.values, work.work, work.count, work.reals);
  return info == 0 ? 0 : make_info(Fail::no_convergence, info);
}

/// op(La) Y + Y op(Lb) = scale R in place of R, by halves, so that the work is in products of matrices (Jonsson & Kågström 2002, "Recursive
/// blocked algorithms for solving triangular systems"). Whether LAPACK had not to change the numbers.
template <class T>
bool quasi_triangular_sylvester(la::Op op_a, Matrix<const T> la_, la::Op op_b, Matrix<const T> lb, Matrix<T> r, Real<T>* scale) {
  constexpr Index kUnblocked = 48;
  const Index m = r.rows, n = r.cols;
  *scale = 1;
  if (m == 0 || n == 0) return true;
  if (std::max(m, n) <= kUnblocked) return la::trsyl(op_a, la_, op_b, lb, r, scale);
  const bool by_rows = m >= n;
  const Matrix<const T> l = by_rows ? la_ : lb;
  Index half = l.rows / 2;
  if (!kComplex<T> && l(half - 1, half) != T(0)) ++half;  // no block of 2 is cut
  const Index rest = l.rows - half;
  const auto low = block(l, half, 0, rest, half), head = block(l, 0, 0, half, half), tail = block(l, half, half, rest, rest);
  const auto r1 = by_rows ? block(r, 0, 0, half, n) : block(r, 0, 0, m, half);
  const auto r2 = by_rows ? block(r, half, 0, rest, n) : block(r, 0, half, m, rest);
  const bool head_first = by_rows == ((by_rows ? op_a : op_b) == la::Op::none);
  const auto part = [&](bool first, Real<T>* s) {
    const auto own = first ? head : tail;
    return by_rows ? quasi_triangular_sylvester(op_a, own, op_b, lb, first ? r1 : r2, s)
                   : quasi_triangular_sylvester(op_a, la_, op_b, own, first ? r1 : r2, s);
  };
  const auto known = head_first ? r1 : r2, left = head_first ? r2 : r1;
  const auto times = [](Matrix<T> x, Real<T> s) {
    for (Index i = 0; i < x.rows && s != 1; ++i)
      for (Index j = 0; j < x.cols; ++j) x(i, j) *= s;
  };
  Real<T> second = 1;
  bool well = part(head_first, scale);
  times(left, *scale);
  if (by_rows)
    la::gemm<T>(-1, op_a, low, la::Op::none, read(known), 1, left);
  else
    la::gemm<T>(-1, la::Op::none, read(known), op_b, low, 1, left);
  well = part(!head_first, &second) && well;
  times(known, second);
  *scale *= second;
  return well;
}

/// The solution of op(A) X + X op(B) = C, or of the like, from Y of its Schur forms: X = 2^power Waᴴ Y Wb / scale.
template <class T>
std::int32_t from_schur(Matrix<const T> wa, Matrix<const T> wb, Matrix<T> y, Real<T> scale, int power, Matrix<T> spare, Matrix<T> x) {
  la::gemm<T>(1, la::Op::adjoint, wa, la::Op::none, read(y), 0, spare);
  la::gemm<T>(1, la::Op::none, read(spare), la::Op::none, wb, 0, x);
  for (Index i = 0; i < x.rows && scale != 1; ++i)
    for (Index j = 0; j < x.cols; ++j) x(i, j) /= scale;
  ops::scale(x, power);
  return check_answer(read(x));
}
/// R = Wa C Wbᴴ.
template <class T>
void to_schur(Matrix<const T> wa, Matrix<const T> wb, Matrix<const T> c, Matrix<T> spare, Matrix<T> r) {
  la::gemm<T>(1, la::Op::none, wa, la::Op::none, c, 0, spare);
  la::gemm<T>(1, la::Op::none, read(spare), la::Op::adjoint, wb, 0, r);
}

template <class T>
bool is_hermitian(Matrix<const T> a) {
  for (Index i = 0; i < a.rows; ++i)
    for (Index j = 0; j <= i; ++j)
      if (a(i, j) != conj(a(j, i))) return false;
  return true;
}
}  // namespace backsolve::ops
