// Equations with banded matrices, and Cholesky factors of Hermitian ones, in SciPy's storage: a_ij is ab_(u + i - j, j), u diagonals above.
// docs/derivations/structured.md
#include "../base/lapack/structured.h"
#include "factor.h"
#include "list.h"

namespace backsolve {
namespace {

using ops::conj;
using ops::Exponent;
using ops::real;

/// Rows as elimination wants them: row i has its elements from column i - left on, side by side.
template <class T>
struct Rows {
  Matrix<T> f;
  Index left;
  T& operator()(Index i, Index j) const { return f(i, j - i + left); }
  Index size() const { return f.rows; }
};

/// Diagonals of a matrix: below, above.
struct Bands {
  Index lower, upper;
};
/// Of a call with r diagonals and an attribute that says how many of them lie below. Programs may bring any number.
Bands bands_of(Index r, double lower) {
  const Index below =
      static_cast<Index>(std::clamp<double>(std::isfinite(lower) ? lower : 0, 0, static_cast<double>(std::max<Index>(r - 1, 0))));
  return {below, std::max<Index>(r - 1 - below, 0)};
}

/// From so many diagonals below on LAPACK, by blocks, is ahead.
constexpr Index kWide = 16;

template <class T>
struct SolveWork {
  Bands bands;
  bool wide;
  Matrix<T> f, columns, b;
  la::Int* pivots;
  SolveWork(Arena& arena, const Call& call) : bands(bands_of(call.dims[0], call.attrs[0])) {
    const Index n = call.dims[1], k = call.dims[2];
    if (call.attrs[1] != 0) std::swap(bands.lower, bands.upper);
    wide = bands.lower >= kWide && n > bands.lower && k > 0 && la::fits(2 * bands.lower + bands.upper + 1) && la::fits(n) && la::fits(k);
    f = arena.matrix<T>(n, 2 * bands.lower + bands.upper + 1);
    columns = arena.matrix<T>(wide ? n : 0, f.cols);
    b = arena.matrix<T>(wide ? k : 0, n);
    pivots = arena.take<la::Int>(wide ? n : 0);
  }
};

/// A, or its adjoint, by rows, zeros where exchanges of rows may put something.
template <class T>
Rows<T> rows_of(Matrix<const T> ab, Bands own, bool adjoint, Matrix<T> f) {
  const Rows<T> rows{f, own.lower};
  const Index n = f.rows;
  std::fill_n(f.data, f.rows * f.cols, T(0));
  for (Index i = 0; ab.rows > 0 && i < n; ++i)
    for (Index j = std::max<Index>(0, i - own.lower); j <= std::min(n - 1, i + own.upper); ++j)
      rows(i, j) = adjoint ? conj(ab(own.lower + j - i, i)) : ab(own.upper + i - j, j);
  return rows;
}

/// Row i of X less f times row j.
template <class T>
void subtract_row(Matrix<T> x, Index i, T f, Index j) {
  T* const y = &x.data[i * x.stride];
  const T* const z = &x.data[j * x.stride];
  for (Index c = 0; c < x.cols; ++c) y[c] -= f * z[c];
}

/// X := A⁻¹ X by Gauss with partial pivoting; returns the column of the first zero pivot, counted from 1, or 0.
template <class T>
Index eliminate(Rows<T> a, Bands bands, Matrix<T> x) {
  const Index n = a.size();
  const auto right = [&](Index j) { return std::min(n - 1, j + bands.lower + bands.upper); };
  for (Index j = 0; j < n; ++j) {
    const Index bottom = std::min(n - 1, j + bands.lower), columns = right(j) - j + 1;
    Index p = j;
    for (Index i = j + 1; i <= bottom; ++i)
      if (ops::size1(a(i, j)) > ops::size1(a(p, j))) p = i;
    if (a(p, j) == T(0)) return j + 1;
    if (p != j) {
      std::swap_ranges(&a(j, j), &a(j, j) + columns, &a(p, j));
      ops::swap_rows(x, j, p);
    }
    for (Index i = j + 1; i <= bottom; ++i) {
      if (a(i, j) == T(0)) continue;
      const T f = a(i, j) / a(j, j);
      T* const y = &a(i, j);
      const T* const z = &a(j, j);
      for (Index c = 1; c < columns; ++c) y[c] -= f * z[c];
      subtract_row(x, i, f, j);
    }
  }
  for (Index i = n - 1; i >= 0; --i) {
    for (Index j = i + 1; j <= right(i); ++j) subtract_row(x, i, a(i, j), j);
    for (Index c = 0; c < x.cols; ++c) x(i, c) /= a(i, i);
  }
  return 0;
}

/// The same by LAPACK.
template <class T>
Index eliminate_wide(Rows<T> a, Matrix<T> x, const SolveWork<T>& work) {
  const Index n = a.size(), k = x.cols, lower = work.bands.lower, upper = work.bands.upper;
  std::fill_n(work.columns.data, n * work.columns.cols, T(0));
  for (Index i = 0; i < n; ++i)
    for (Index j = std::max<Index>(0, i - lower); j <= std::min(n - 1, i + upper); ++j) work.columns(j, lower + upper + i - j) = a(i, j);
  for (Index i = 0; i < n; ++i)
    for (Index c = 0; c < k; ++c) work.b(c, i) = x(i, c);
  if (const la::Int column = la::gbsv_columns(work.columns, lower, upper, work.pivots, work.b)) return column;
  for (Index i = 0; i < n; ++i)
    for (Index c = 0; c < k; ++c) x(i, c) = work.b(c, i);
  return 0;
}

/// ab (r,n), b (n,k) -> x (n,k): A X = B, A with r - 1 - lower diagonals above. attrs [lower, adjoint]. Fails: not_finite, singular
/// (column), overflow.
template <class T>
std::int32_t solve_banded(const Call& call, const SolveWork<T>& work) {
  const Index r = call.dims[0], n = call.dims[1], k = call.dims[2];
  const auto b = call.matrix<const T>(1, n, k);
  const auto x = call.matrix<T>(2, n, k);
  const Rows<T> a = rows_of(call.matrix<const T>(0, r, n), work.bands, call.attrs[1] != 0, work.f);
  if (!ops::all_finite(ops::read(a.f)) || !ops::all_finite(b)) return make_info(Fail::not_finite);
  ops::copy(b, x);
  const Exponent exponent = ops::subnormal_exponent(ops::read(a.f)), of_b = exponent == 0 ? 0 : ops::subnormal_exponent(b);
  ops::scale_by_power(a.f, static_cast<double>(-exponent));
  ops::scale_by_power(x, static_cast<double>(-of_b));
  if (const Index column = work.wide ? eliminate_wide(a, x, work) : eliminate(a, work.bands, x)) return make_info(Fail::singular, column);
  ops::scale_by_power(x, static_cast<double>(of_b - exponent));
  return ops::check_answer(ops::read(x));
}

/// ab (r,n), b (n,k) -> x (n,k): op(A) X = B, A triangular with r diagonals. attrs [lower, adjoint, unitDiagonal]. Fails as
/// solve_triangular.
template <class T>
std::int32_t banded_solve_triangular(const Call& call, const NoWork<T>&) {
  const Index r = call.dims[0], n = call.dims[1], k = call.dims[2], w = std::max<Index>(r - 1, 0);
  const bool lower = call.attrs[0] != 0, adjoint = call.attrs[1] != 0, unit = call.attrs[2] != 0, down = lower != adjoint;
  const auto ab = call.matrix<const T>(0, r, n), b = call.matrix<const T>(1, n, k);
  const auto x = call.matrix<T>(2, n, k);
  const auto stored = [&](Index i, Index j) { return ab((lower ? 0 : w) + i - j, j); };
  bool finite = ops::all_finite(b);
  Real<T> most = 0;
  Index zero = r == 0 && !unit && n > 0 ? 1 : 0;
  for (Index j = 0; r > 0 && j < n; ++j) {
    for (Index o = unit ? 1 : 0; o <= w; ++o) {
      const Index i = lower ? j + o : j - o;
      if (i < 0 || i >= n) continue;
      finite = finite && ops::finite(stored(i, j));
      most = std::max(most, ops::largest_part(stored(i, j)));
    }
    if (!unit && zero == 0 && stored(j, j) == T(0)) zero = j + 1;
  }
  if (!finite) return make_info(Fail::not_finite);
  if (zero > 0) return make_info(Fail::singular, zero);
  // A unit diagonal has no scale that could be taken out.
  const Exponent exponent = unit || most >= ops::kDigits<Real<T>> ? 0 : ops::exponent_of(most);
  const Exponent of_b = exponent == 0 ? 0 : ops::subnormal_exponent(b);
  const auto a = [&](Index i, Index j) {
    const T element = adjoint ? conj(stored(j, i)) : stored(i, j);
    return exponent == 0 ? element : ops::times_power(element, -exponent);
  };
  ops::copy(b, x);
  ops::scale_by_power(x, static_cast<double>(-of_b));
  for (Index t = 0; t < n; ++t) {
    const Index i = down ? t : n - 1 - t;
    for (Index s = std::max<Index>(0, t - w); s < t; ++s) {
      const Index j = down ? s : n - 1 - s;
      subtract_row(x, i, a(i, j), j);
    }
    for (Index c = 0; !unit && c < k; ++c) x(i, c) /= a(i, i);
  }
  ops::scale_by_power(x, static_cast<double>(of_b - exponent));
  return ops::check_answer(ops::read(x));
}

template <class T>
struct FactorWork {
  Rows<T> l, g;
  bool wide;
  Matrix<T> columns;
  FactorWork(Arena& arena, const Call& call, bool both) {
    const Index r = call.dims[0], n = call.dims[1], w = std::max<Index>(r - 1, 0);
    wide = !both && w >= kWide && n > w && la::fits(r) && la::fits(n);
    columns = arena.matrix<T>(wide ? n : 0, w + 1);
    l = {arena.matrix<T>(n, w + 1), w};
    g = {arena.matrix<T>(both ? n : 0, w + 1), w};
  }
};
template <class T>
struct CholeskyWork : FactorWork<T> {
  CholeskyWork(Arena& arena, const Call& call) : FactorWork<T>(arena, call, false) {}
};
template <class T>
struct CholeskyVjpWork : FactorWork<T> {
  CholeskyVjpWork(Arena& arena, const Call& call) : FactorWork<T>(arena, call, true) {}
};

/// The lower triangle of what is stored as `lower` says, the upper form being its adjoint.
template <class T>
void read_triangle(Matrix<const T> ab, bool lower, Rows<T> to) {
  const Index n = to.size(), w = to.left;
  for (Index i = 0; i < n; ++i) {
    for (Index j = i - w; j < i; ++j) to(i, j) = j < 0 ? T(0) : lower ? ab(i - j, j) : conj(ab(w + j - i, i));
    to(i, i) = ab.rows == 0 ? Real<T>(0) : real(ab(lower ? 0 : w, i));
  }
}
template <class T>
void write_triangle(Rows<T> from, bool lower, Matrix<T> ab) {
  const Index n = from.size(), w = from.left;
  std::fill_n(ab.data, ab.rows * ab.cols, T(0));
  for (Index i = 0; ab.rows > 0 && i < n; ++i)
    for (Index j = std::max<Index>(0, i - w); j <= i; ++j)
      (lower ? ab(i - j, j) : ab(w + j - i, i)) = lower ? from(i, j) : conj(from(i, j));
}

/// Row by row, as cholesky.cc, within the band (Golub & Van Loan, section 4.3.5); returns the order of the first minor that is not
/// positive, or 0.
template <class T>
Index factor(Rows<T> l) {
  for (Index i = 0; i < l.size(); ++i) {
    const Index first = std::max<Index>(0, i - l.left);
    Real<T> pivot = real(l(i, i));
    for (Index j = first; j < i; ++j) {
      T sum = l(i, j);
      for (Index k = first; k < j; ++k) sum -= l(i, k) * conj(l(j, k));
      l(i, j) = sum / real(l(j, j));
      pivot -= std::norm(l(i, j));
    }
    if (!(pivot > 0)) return i + 1;
    l(i, i) = std::sqrt(pivot);
  }
  return 0;
}
/// The same by LAPACK.
template <class T>
Index factor_wide(Rows<T> l, Matrix<T> columns) {
  const Index n = l.size(), w = l.left;
  for (Index j = 0; j < n; ++j)
    for (Index i = j; i <= j + w; ++i) columns(j, i - j) = i < n ? l(i, j) : T(0);
  const Index minor = la::pbtrf_columns(columns);
  for (Index i = 0; minor == 0 && i < n; ++i) {
    if (!(real(columns(i, 0)) > 0)) return i + 1;  // OpenBLAS lets a NaN pivot pass, after an overflow
    for (Index j = std::max<Index>(0, i - w); j <= i; ++j) l(i, j) = columns(j, i - j);
  }
  return minor;
}

/// ab (r,n) -> c (r,n): A = L Lᴴ, L or its adjoint stored as A is. attrs [lower]. Fails as cholesky.
template <class T>
std::int32_t cholesky_banded(const Call& call, const CholeskyWork<T>& work) {
  const Index r = call.dims[0], n = call.dims[1];
  const bool lower = call.attrs[0] != 0;
  const Rows<T> l = work.l;
  read_triangle(call.matrix<const T>(0, r, n), lower, l);
  if (!ops::all_finite(ops::read(l.f))) return make_info(Fail::not_finite);
  Real<T> most = 0;
  for (Index i = 0; i < n; ++i) most = std::max(most, real(l(i, i)));
  const auto half = static_cast<double>(most < ops::kDigits<Real<T>> ? ops::exponent_of(most) / 2 : 0);
  ops::scale_by_power(l.f, -2 * half);
  if (const Index minor = work.wide ? factor_wide(l, work.columns) : factor(l)) return make_info(Fail::not_positive_definite, minor);
  ops::scale_by_power(l.f, half);
  write_triangle(l, lower, call.matrix<T>(1, r, n));
  return 0;
}

/// c (r,n), g (r,n) -> ab (r,n). attrs [lower].
// The sweep of cholesky.cc within the band: what lies above the stored triangle is the same number, so that its cotangent is in there
template <class T>
std::int32_t cholesky_banded_vjp(const Call& call, const CholeskyVjpWork<T>& work) {
  const Index r = call.dims[0], n = call.dims[1];
  const bool lower = call.attrs[0] != 0;
  const Rows<T> l = work.l, g = work.g;
  read_triangle(call.matrix<const T>(0, r, n), lower, l);
  read_triangle(call.matrix<const T>(1, r, n), lower, g);
  for (Index i = n - 1; i >= 0; --i) {
    const Index first = std::max<Index>(0, i - l.left);
    const Real<T> pivot = real(g(i, i)) / real(l(i, i)) / 2;  // cotangent of the squared diagonal
    g(i, i) = pivot;
    for (Index j = i - 1; j >= first; --j) {
      const T s = (g(i, j) - 2 * pivot * l(i, j)) / real(l(j, j));
      g(i, j) = s;
      g(j, j) -= real(s * conj(l(i, j)));
      for (Index k = first; k < j; ++k) {
        g(i, k) -= s * l(j, k);
        g(j, k) -= conj(s) * l(i, k);
      }
    }
  }
  write_triangle(g, lower, call.matrix<T>(2, r, n));
  return 0;
}

constexpr Kernel kList[] = {
    {"solveBanded", "T(r,n) T(n,k) -> T(n,k)", "r1", 3, BS_SINGLE(solve_banded, SolveWork)},
    {"bandedSolveTriangular", "T(r,n) T(n,k) -> T(n,k)", "111", 1, BS_SINGLE(banded_solve_triangular, NoWork)},
    {"choleskyBanded", "T(r,n) -> T(r,n)", "1", 0.5, BS_SINGLE(cholesky_banded, CholeskyWork)},
    {"choleskyBanded_vjp", "T(r,n) T(r,n) -> T(r,n)", "1", 1, BS_SINGLE(cholesky_banded_vjp, CholeskyVjpWork)},
};

}  // namespace

BS_LIST(banded, kList)

}  // namespace backsolve
