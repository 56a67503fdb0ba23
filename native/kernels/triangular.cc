// Triangular solves and their adjoints.
#include "factor.h"
#include "list.h"

namespace backsolve {
namespace {

using ops::conj;
using ops::read;

struct Form {
  la::Triangle triangle;
  la::Op op;
  la::Diagonal diagonal;
  la::Side side;
};

Form form_of(const double* attrs) {
  constexpr la::Op kOps[] = {la::Op::none, la::Op::transpose, la::Op::adjoint};
  return {attrs[0] != 0 ? la::Triangle::lower : la::Triangle::upper, kOps[static_cast<int>(attrs[1])],
          attrs[2] != 0 ? la::Diagonal::unit : la::Diagonal::stored, attrs[3] != 0 ? la::Side::right : la::Side::left};
}

/// Columns [first, last) of row i that belong to the triangle.
struct Span {
  Index first, last;
};
Span row_span(const Form& f, Index i, Index m, bool diagonal) {
  if (f.triangle == la::Triangle::lower) return {0, i + (diagonal ? 1 : 0)};
  return {i + (diagonal ? 0 : 1), m};
}

template <class T>
void conjugate(Matrix<T> a) {
  for (Index i = 0; i < a.rows; ++i)
    for (Index j = 0; j < a.cols; ++j) a(i, j) = conj(a(i, j));
}

template <class T>
std::int32_t check(const Form& f, Matrix<const T> a, Matrix<const T> b) {
  const bool stored = f.diagonal == la::Diagonal::stored;
  ops::Finite<T> finite;
  for (Index i = 0; i < a.rows; ++i) {
    const Span s = row_span(f, i, a.rows, stored);
    finite.see(a.data + i * a.stride + s.first, s.last - s.first);
  }
  if (!finite.all() || !ops::all_finite(b)) return make_info(Fail::not_finite);
  for (Index i = 0; stored && i < a.rows; ++i)
    if (a(i, i) == T(0)) return make_info(Fail::singular, i + 1);
  return 0;
}

/// Whether it is known that `check` finds nothing, from the answer to a few right-hand sides: each is a number that is finite and not zero.
/// Such an x_j hands NaN and infinities beside the diagonal in column j of A on to another; over an infinite a_jj it would be zero, over
/// zero infinite. It saves half of the passes over A.
template <class T>
bool shows_finite(Matrix<const T> a, Matrix<const T> x) {
  const Index numbers = x.rows * x.cols;
  if (la::kComplex<T> || numbers > la::kVectors * a.rows || numbers == 0) return false;
  bool zero = false;
  for (Index i = 0; i < x.rows; ++i)
    for (Index j = 0; j < x.cols; ++j) zero |= x(i, j) == T(0);
  return !zero && ops::all_finite(x);
}

/// left: a (m,m), b (m,k) -> x (m,k), op(A) X = B. right: a (m,m), b (k,m) -> x (k,m), X op(A) = B. dims {m, k}.
/// attrs [lower, op: 0 none, 1 transpose, 2 adjoint, unitDiagonal, side: 0 left, 1 right].
/// Fails: not_finite (in b, or in what is read of a), singular (column of the first zero on the diagonal), overflow.
template <class T>
std::int32_t solve_triangular(const Call& call, const NoWork<T>&) {
  const Form f = form_of(call.attrs);
  const Index m = call.dims[0], k = call.dims[1];
  const bool left = f.side == la::Side::left;
  const auto a = call.matrix<const T>(0, m, m);
  const auto b = call.matrix<const T>(1, left ? m : k, left ? k : m);
  const auto x = call.matrix<T>(2, b.rows, b.cols);
  ops::copy(b, x);
  la::trsm(f.side, f.triangle, f.op, f.diagonal, a, x);
  if (shows_finite(a, read(x))) return 0;
  if (const auto info = check(f, a, b)) return info;
  return ops::check_answer(read(x));
}

template <class T>
struct VjpWork {
  T* b;
  VjpWork(Arena& arena, const Call& call) : b(ops::operand_or<T>(arena, call.operand[4], call.dims[0] * call.dims[1])) {}
};

/// a, x, g -> a (m,m), b (as x); either output may be null. dims and attrs as above.
// With B̄ = op(A)⁻ᴴ X̄ (left; X̄ op(A)⁻ᴴ right), and the triangle of A only, its strict part if the diagonal is unit:
//   left:  none Ā = -B̄ Xᴴ, adjoint Ā = -X B̄ᴴ, transpose Ā = -conj(X B̄ᴴ)
//   right: none Ā = -Xᴴ B̄, adjoint Ā = -B̄ᴴ X, transpose Ā = -conj(B̄ᴴ X)
// from X̄ → B̄ by the adjoint of the linear map and dX = -op(A)⁻¹ d(op(A)) X (Giles 2008, section 2.3.1).
template <class T>
std::int32_t solve_triangular_vjp(const Call& call, const VjpWork<T>& work) {
  const Form f = form_of(call.attrs);
  const Index m = call.dims[0], k = call.dims[1];
  const bool left = f.side == la::Side::left;
  const Index rows = left ? m : k, cols = left ? k : m;
  const auto a = call.matrix<const T>(0, m, m);
  const auto x = call.matrix<const T>(1, rows, cols);
  const auto g = call.matrix<const T>(2, rows, cols);
  const Matrix<T> b{work.b, rows, cols, cols};
  ops::copy(g, b);
  if (f.op == la::Op::transpose) {  // (Aᵀ)⁻ᴴ = conj(A)⁻¹: solve with conjugated data
    conjugate(b);
    la::trsm(f.side, f.triangle, la::Op::none, f.diagonal, a, b);
    conjugate(b);
  } else {
    la::trsm(f.side, f.triangle, f.op == la::Op::none ? la::Op::adjoint : la::Op::none, f.diagonal, a, b);
  }
  if (call.operand[3] == nullptr) return 0;
  const auto out = call.matrix<T>(3, m, m);
  if (left && f.op == la::Op::none) la::gemm<T>(-1, la::Op::none, read(b), la::Op::adjoint, x, 0, out);
  if (left && f.op != la::Op::none) la::gemm<T>(-1, la::Op::none, x, la::Op::adjoint, read(b), 0, out);
  if (!left && f.op == la::Op::none) la::gemm<T>(-1, la::Op::adjoint, x, la::Op::none, read(b), 0, out);
  if (!left && f.op != la::Op::none) la::gemm<T>(-1, la::Op::adjoint, read(b), la::Op::none, x, 0, out);
  for (Index i = 0; i < m; ++i) {
    const Span s = row_span(f, i, m, f.diagonal == la::Diagonal::stored);
    for (Index j = 0; j < m; ++j) {
      if (j < s.first || j >= s.last)
        out(i, j) = 0;
      else if (f.op == la::Op::transpose)
        out(i, j) = conj(out(i, j));
    }
  }
  return 0;
}

constexpr int by_side(const double* attrs) { return attrs[3] != 0; }

constexpr Kernel kList[] = {
    {"solveTriangular",
     {by_side, {"T(m,m) T(m,k) -> T(m,k)", "T(m,m) T(k,m) -> T(k,m)"}},
     "1211",
     1,
     BS_SINGLE(solve_triangular, NoWork),
     Lanes::solve_triangular,
     {.wide = 128, .narrow = 16, .declines = true, .before = 2}},
    {"solveTriangular_vjp",
     {by_side, {"T(m,m) T(m,k) T(m,k) -> T?(m,m) T?(m,k)", "T(m,m) T(k,m) T(k,m) -> T?(m,m) T?(k,m)"}},
     "1211",
     2,
     BS_SINGLE(solve_triangular_vjp, VjpWork),
     Lanes::solve_triangular_vjp,
     {.wide = 128, .narrow = 64, .declines = true, .before = 4}},
};

}  // namespace

BS_LIST(triangular, kList)

}  // namespace backsolve
