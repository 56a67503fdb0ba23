// Cholesky factor of one Hermitian positive-definite matrix, and its reverse sweep.
#include "../base/columns.h"
#include "factor.h"
#include "list.h"

namespace backsolve {
namespace {

using ops::block;
using ops::conj;
using ops::read;
using ops::real;

// Below this the loops here beat OpenBLAS, which takes a global lock in each LAPACK call.
constexpr Index kUnblocked = 24;
constexpr Index kBlock = 32;

// Row by row: L_ij = (A_ij - Σ_{k<j} L_ik conj(L_jk)) / L_jj (Golub & Van Loan, alg. 4.2.1). Returns the order of the failing minor, or 0.
template <class T>
Index factor_unblocked(Matrix<T> a) {
  for (Index i = 0; i < a.rows; ++i) {
    Real<T> pivot = real(a(i, i));
    for (Index j = 0; j < i; ++j) {
      T sum = a(i, j);
      for (Index k = 0; k < j; ++k) sum -= a(i, k) * conj(a(j, k));
      a(i, j) = sum / real(a(j, j));
      pivot -= std::norm(a(i, j));
    }
    if (!(pivot > 0)) return i + 1;
    a(i, i) = std::sqrt(pivot);
  }
  return 0;
}

// Reverse of factor_unblocked, rows from the last to the first (Murray 2016, arXiv 1602.07527, section 4.1; conjugates for complex T, whose
// diagonal of L is real, so that only the real part of its cotangent counts). `g` holds the cotangent of L in its lower triangle on entry;
// on exit it holds the cotangent of the lower triangle of A as if entries above were independent of it: Φ-form, diagonal whole.
template <class T>
void reverse_unblocked(Matrix<const T> l, Matrix<T> g) {
  for (Index i = l.rows - 1; i >= 0; --i) {
    const Real<T> scale = 1 / real(l(i, i));
    const Real<T> pivot = real(g(i, i)) * scale / 2;  // cotangent of the squared diagonal
    g(i, i) = pivot;
    for (Index j = i - 1; j >= 0; --j) {
      // L_ij enters the pivot of its row by -|L_ij|^2.
      const T s = (g(i, j) - 2 * pivot * l(i, j)) / real(l(j, j));
      g(i, j) = s;
      g(j, j) -= real(s * conj(l(i, j)));
      for (Index k = 0; k < j; ++k) {
        g(i, k) -= s * l(j, k);
        g(j, k) -= conj(s) * l(i, k);
      }
    }
  }
}

/// The Hermitian matrix M + Mᴴ, of whose M the lower triangle is given, its diagonal real.
template <class T>
void add_adjoint(Matrix<const T> m, Matrix<T> full) {
  for (Index p = 0; p < m.rows; ++p) {
    for (Index q = 0; q < p; ++q) full(p, q) = m(p, q), full(q, p) = conj(m(p, q));
    full(p, p) = 2 * real(m(p, p));
  }
}

// Blocked by columns from the last (Murray 2016, section 4.3). With the block column split as
//   [ R  D  . ]      D = chol(D' - R Rᴴ),  C = (C' - B Rᴴ) D⁻ᴴ:
//   [ B  C  . ]
//   C̄ := C̄ D⁻¹;  B̄ -= C̄ R;  D̄ -= tril(C̄ᴴ C);  R̄ -= C̄ᴴ B;  D̄ := reverse(D, D̄);  R̄ -= (D̄ + D̄ᴴ) R.
template <class T>
void reverse_blocked(Matrix<const T> l, Matrix<T> g, Matrix<T> work) {
  const Index n = l.rows;
  for (Index end = n; end > 0;) {
    const Index j = (end - 1) / kBlock * kBlock, w = end - j, below = n - end;
    const auto R = block(l, j, 0, w, j), D = block(l, j, j, w, w), B = block(l, end, 0, below, j), C = block(l, end, j, below, w);
    const auto Rg = block(g, j, 0, w, j), Dg = block(g, j, j, w, w), Bg = block(g, end, 0, below, j), Cg = block(g, end, j, below, w);
    const Matrix<T> full{work.data, w, w, w};
    if (below > 0) {
      la::trsm(la::Side::right, la::Triangle::lower, la::Op::none, la::Diagonal::stored, D, Cg);
      la::gemm<T>(-1, la::Op::none, read(Cg), la::Op::none, R, 1, Bg);
      la::gemm<T>(1, la::Op::adjoint, read(Cg), la::Op::none, C, 0, full);
      for (Index p = 0; p < w; ++p)
        for (Index q = 0; q <= p; ++q) Dg(p, q) -= full(p, q);
      la::gemm<T>(-1, la::Op::adjoint, read(Cg), la::Op::none, B, 1, Rg);
    }
    reverse_unblocked(D, Dg);
    add_adjoint(read(Dg), full);
    la::gemm<T>(-1, la::Op::none, read(full), la::Op::none, R, 1, Rg);
    end = j;
  }
}

/// Block columns over the pool: wide enough that products with one take more time than the memory that they go through, so narrow that a
/// panel takes less time than what it is ahead of.
struct Blocks {
  static constexpr Index kLeast = 512, kWide = 768;
  Index length, size, count;
  explicit Blocks(Index n)
      : length(n), size(std::max<Index>(n < kWide ? 64 : 96, ((n - 1) / pool::kMostColumns / 16 + 1) * 16)), count((n - 1) / size + 1) {}
  /// Block column k of a sweep from the last.
  Index begin(Index k) const { return (count - 1 - k) * size; }
  Index end(Index k) const { return std::min(length, (count - k) * size); }
};

// The same over the pool, block columns from the last (../base/columns.h). `work` has room for D̄ + D̄ᴴ of each.
template <class T>
void reverse_by_columns(Matrix<const T> l, Matrix<T> g, Matrix<T> work) {
  const Index n = l.rows;
  const Blocks cut(n);
  const auto begin = [&](Index k) { return cut.begin(k); };
  const auto end = [&](Index k) { return cut.end(k); };
  const auto full_of = [&](Index k) {
    const Index w = end(k) - begin(k);
    return Matrix<T>{work.data + begin(k) * work.cols, w, w, w};
  };
  const auto panel = [&](Index k) {
    const Index j = begin(k), w = end(k) - j, below = n - end(k);
    const auto D = block(l, j, j, w, w), C = block(l, end(k), j, below, w);
    const auto Dg = block(g, j, j, w, w), Cg = block(g, end(k), j, below, w), full = full_of(k);
    if (below > 0) {
      la::trsm(la::Side::right, la::Triangle::lower, la::Op::none, la::Diagonal::stored, D, Cg);
      la::gemm<T>(1, la::Op::adjoint, read(Cg), la::Op::none, C, 0, full);
      for (Index p = 0; p < w; ++p)
        for (Index q = 0; q <= p; ++q) Dg(p, q) -= full(p, q);
    }
    reverse_blocked(D, Dg, full);
    add_adjoint(read(Dg), full);
  };
  const auto update = [&](Index k, Index c) {
    const Index j = begin(k), w = end(k) - j, below = n - end(k), i = begin(c), width = end(c) - i;
    const auto R = block(l, j, i, w, width), B = block(l, end(k), i, below, width);
    const auto Rg = block(g, j, i, w, width), Bg = block(g, end(k), i, below, width), Cg = block(g, end(k), j, below, w);
    if (below > 0) {
      la::core::gemm<T>(-1, la::Op::none, read(Cg), la::Op::none, R, 1, Bg);
      la::core::gemm<T>(-1, la::Op::adjoint, read(Cg), la::Op::none, B, 1, Rg);
    }
    la::core::gemm<T>(-1, la::Op::none, read(full_of(k)), la::Op::none, R, 1, Rg);
  };
  pool::columns(cut.count, panel, update);
}

/// a (n,n) -> l (n,n): A = L Lᴴ; only the lower triangle of a is read. dims {n}.
/// Fails: not_positive_definite (order of the leading minor), not_finite.
template <class T>
std::int32_t cholesky(const Call& call, const NoWork<T>&) {
  const Index n = call.dims[0];
  const auto a = call.matrix<const T>(0, n, n);
  const auto l = call.matrix<T>(1, n, n);
  Real<T> most = 0;  // of A, if it is positive definite
  ops::Finite<T> finite;
  for (Index i = 0; i < n; ++i) {
    std::copy_n(&a(i, 0), i, &l(i, 0));
    l(i, i) = real(a(i, i));  // the imaginary part of a Hermitian diagonal is zero, whatever is stored
    std::fill_n(&l(i, i) + 1, n - 1 - i, T(0));
    most = std::max(most, real(l(i, i)));
    finite.see(&l(i, 0), i + 1);
  }
  if (!finite.all()) return make_info(Fail::not_finite);
  const auto half = static_cast<double>(most < ops::kDigits<Real<T>> ? ops::exponent_of(most) / 2 : 0);
  ops::scale_by_power(l, -2 * half);
  Index minor = n <= kUnblocked ? factor_unblocked(l) : la::potrf(la::Triangle::lower, l);
  ops::scale_by_power(l, half);
  for (Index i = 0; minor == 0 && i < n; ++i)  // OpenBLAS lets a NaN pivot pass, after an overflow
    if (!(real(l(i, i)) > 0)) minor = i + 1;
  return minor == 0 ? 0 : make_info(Fail::not_positive_definite, minor);
}

template <class T>
struct VjpWork {
  Matrix<T> block;
  VjpWork(Arena& arena, const Call& call) : block(arena.matrix<T>(rows(call.dims[0]), width(call.dims[0]))) {}
  static Index rows(Index n) { return n <= kUnblocked ? 0 : n < Blocks::kLeast ? kBlock : n; }
  static Index width(Index n) { return n < Blocks::kLeast ? kBlock : Blocks(n).size; }
};

/// l (n,n), g (n,n) -> a (n,n), Hermitian; only the lower triangles of l and g are read. dims {n}.
template <class T>
std::int32_t cholesky_vjp(const Call& call, const VjpWork<T>& work) {
  const Index n = call.dims[0];
  const auto l = call.matrix<const T>(0, n, n);
  const auto given = call.matrix<const T>(1, n, n);
  const auto g = call.matrix<T>(2, n, n);
  for (Index i = 0; i < n; ++i) std::copy_n(&given(i, 0), i + 1, &g(i, 0));
  if (n <= kUnblocked)
    reverse_unblocked(l, g);
  else if (n < Blocks::kLeast)
    reverse_blocked(l, g, work.block);
  else
    reverse_by_columns(l, g, work.block);
  // The sweep treats the lower triangle as the argument; its Hermitian part halves what is off the diagonal.
  for (Index i = 0; i < n; ++i)
    for (Index j = 0; j < i; ++j) {
      g(i, j) = g(i, j) / Real<T>(2);
      g(j, i) = conj(g(i, j));
    }
  return 0;
}

constexpr Kernel kList[] = {
    {"cholesky",
     "T(n,n) -> T(n,n)",
     "",
     1.0 / 3,
     BS_SINGLE(cholesky, NoWork),
     Lanes::cholesky,
     {.wide = 160, .declines = true, .many = 224}},
    {"cholesky_vjp",
     "T(n,n) T(n,n) -> T(n,n)",
     "",
     2.0 / 3,
     BS_SINGLE(cholesky_vjp, VjpWork),
     Lanes::cholesky_vjp,
     {.wide = 160, .many = 192}},
};

}  // namespace

BS_LIST(cholesky, kList)

}  // namespace backsolve
