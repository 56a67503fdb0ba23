// Equations with tridiagonal matrices, and spectra of Hermitian ones. docs/derivations/structured.md
#include "eigen.h"
#include "factor.h"
#include "list.h"

namespace backsolve {
namespace {

using ops::conj;
using ops::Exponent;

/// The diagonals below, on, above, and two above that of the diagonal, each at its row.
template <class T>
struct SolveWork {
  Matrix<T> all;
  T *dl, *d, *du, *beyond;
  SolveWork(Arena& arena, const Call& call)
      : all(arena.matrix<T>(4, call.dims[0])), dl(all.data), d(&dl[all.cols]), du(&d[all.cols]), beyond(&du[all.cols]) {}
};

/// The diagonals of A, or of its adjoint, over 2^exponent, which is returned: not 0 where A is subnormal. What lies outside the matrix is
/// not read, and zero here.
template <class T>
Exponent diagonals_of(const Call& call, Index n, bool adjoint, const SolveWork<T>& work) {
  const auto *dl = call.vector<const T>(0), *d = call.vector<const T>(1), *du = call.vector<const T>(2);
  if (n == 0) return 0;
  std::copy_n(d, n, work.d);
  std::copy_n((adjoint ? du : dl + 1), n - 1, work.dl + 1);
  std::copy_n((adjoint ? dl + 1 : du), n - 1, work.du);
  work.dl[0] = work.du[n - 1] = 0;
  std::fill_n(work.beyond, n, T(0));
  if (adjoint && ops::kComplex<T>)
    for (T* x = work.dl; x != work.beyond; ++x) *x = conj(*x);
  const Exponent exponent = ops::subnormal_exponent(ops::read(work.all));
  ops::scale_by_power(work.all, static_cast<double>(-exponent));
  return exponent;
}

/// X := A⁻¹ X; returns the column of the first zero pivot, counted from 1, or 0. Columns: how many X has, if that is known, or 0.
// Gauss with exchanges of neighbouring rows, as LAPACK's gtsv; rows get a second element right of the diagonal
template <Index Columns, class T>
Index eliminate(const SolveWork<T>& work, Matrix<T> x) {
  const Index n = x.rows, k = Columns > 0 ? Columns : x.cols;
  T *const dl = work.dl, *const d = work.d, *const du = work.du, *const beyond = work.beyond;
  const auto subtract = [&](Index to, T f, Index from) {
    T *const y = &x.data[to * k], *const z = &x.data[from * k];
    for (Index j = 0; j < k; ++j) y[j] -= f * z[j];
  };
  for (Index i = 0; i + 1 < n; ++i) {
    if (ops::size1(d[i]) < ops::size1(dl[i + 1])) {
      std::swap(d[i], dl[i + 1]);
      std::swap(du[i], d[i + 1]);
      std::swap(beyond[i], du[i + 1]);
      ops::swap_rows(x, i, i + 1);
    }
    if (d[i] == T(0)) return i + 1;
    const T f = dl[i + 1] / d[i];
    d[i + 1] -= f * du[i];
    du[i + 1] -= f * beyond[i];
    subtract(i + 1, f, i);
  }
  if (n > 0 && d[n - 1] == T(0)) return n;
  for (Index i = n - 1; i >= 0; --i) {
    if (i + 1 < n) subtract(i, du[i], i + 1);
    if (i + 2 < n) subtract(i, beyond[i], i + 2);
    for (Index j = 0; j < k; ++j) x.data[i * k + j] /= d[i];
  }
  return 0;
}

/// X of A X = B, or of Aᴴ X = B, A of the call's first operands; info.
template <class T>
std::int32_t solve_with(const Call& call, bool adjoint, Matrix<const T> b, Matrix<T> x, const SolveWork<T>& work) {
  const Exponent exponent = diagonals_of(call, b.rows, adjoint, work);
  if (!ops::all_finite(ops::read(work.all)) || !ops::all_finite(b)) return make_info(Fail::not_finite);
  ops::copy(b, x);
  const Exponent of_b = exponent == 0 ? 0 : ops::subnormal_exponent(b);
  ops::scale_by_power(x, static_cast<double>(-of_b));
  if (const Index column = x.cols == 1 ? eliminate<1>(work, x) : eliminate<0>(work, x)) return make_info(Fail::singular, column);
  ops::scale_by_power(x, static_cast<double>(of_b - exponent));
  return ops::check_answer(ops::read(x));
}

/// dl, d, du (n), b (n,k) -> x (n,k): A X = B, A_i,i-1 = dl_i, A_i,i+1 = du_i; dl_0 and du_(n-1) are not read. attrs [adjoint]. Fails:
/// not_finite, singular (column of the first zero pivot), overflow.
template <class T>
std::int32_t tridiagonal_solve(const Call& call, const SolveWork<T>& work) {
  const Index n = call.dims[0], k = call.dims[1];
  return solve_with(call, call.attrs[0] != 0, call.matrix<const T>(3, n, k), call.matrix<T>(4, n, k), work);
}

template <class T>
struct SolveVjpWork : SolveWork<T> {
  Matrix<T> b;
  SolveVjpWork(Arena& arena, const Call& call)
      : SolveWork<T>(arena, call), b(ops::operand_or<T>(arena, call.operand[8], call.dims[0], call.dims[1])) {}
};

/// Σ_j p_j conj(q_j), in four sums, as each addition waits for the one before it.
template <class T>
T product_of(const T* p, const T* q, Index k) {
  T sum[4] = {};
  Index j = 0;
  for (; j + 4 <= k; j += 4)
    for (int part = 0; part < 4; ++part) sum[part] += p[j + part] * conj(q[j + part]);
  for (; j < k; ++j) sum[0] += p[j] * conj(q[j]);
  return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}
/// to_i = -(P Qᴴ)_i,i-offset, 0 where the matrix has no such column; nothing where it is not wanted.
template <class T>
void diagonal_of(Matrix<const T> p, Matrix<const T> q, Index offset, T* to) {
  for (Index i = 0; to != nullptr && i < p.rows; ++i) {
    const Index column = i - offset;
    to[i] = column < 0 || column >= p.rows ? T(0) : -product_of(&p.data[i * p.stride], &q.data[column * q.stride], p.cols);
  }
}

/// dl, d, du, x, g -> dl, d, du, b, each of which may be null. attrs [adjoint]. Fails as the equation with the adjoint and G.
// B̄ = A⁻ᴴ X̄ and Ā = -B̄ Xᴴ on the three diagonals; of the adjoint B̄ = A⁻¹ X̄ and Ā = -X B̄ᴴ
template <class T>
std::int32_t tridiagonal_solve_vjp(const Call& call, const SolveVjpWork<T>& work) {
  const Index n = call.dims[0], k = call.dims[1];
  const bool adjoint = call.attrs[0] != 0;
  const auto x = call.matrix<const T>(3, n, k);
  const auto info = solve_with(call, !adjoint, call.matrix<const T>(4, n, k), work.b, work);
  if (info != 0) return info;
  const auto p = adjoint ? x : ops::read(work.b), q = adjoint ? ops::read(work.b) : x;
  diagonal_of(p, q, 1, call.vector<T>(5));
  diagonal_of(p, q, 0, call.vector<T>(6));
  diagonal_of(p, q, -1, call.vector<T>(7));
  return 0;
}

/// dl, d, du (n), b (n,k) -> y (n,k): A B, y_i = dl_i b_i-1 + d_i b_i + du_i b_i+1; dl_0 and du_(n-1) are not read.
template <class T>
std::int32_t tridiagonal_matmul(const Call& call, const NoWork<T>&) {
  const Index n = call.dims[0], k = call.dims[1];
  const auto *dl = call.vector<const T>(0), *d = call.vector<const T>(1), *du = call.vector<const T>(2);
  const auto b = call.matrix<const T>(3, n, k);
  const auto y = call.matrix<T>(4, n, k);
  for (Index i = 0; i < n; ++i) {
    for (Index j = 0; j < k; ++j) y(i, j) = d[i] * b(i, j);
    for (Index j = 0; i > 0 && j < k; ++j) y(i, j) += dl[i] * b(i - 1, j);
    for (Index j = 0; i + 1 < n && j < k; ++j) y(i, j) += du[i] * b(i + 1, j);
  }
  return 0;
}

/// Of T of the spectrum: |e|, the phases that make A real, and vectors by columns.
template <class T>
struct SpectrumWork {
  Index count, integers;
  bool fits;
  Real<T>*off, *z, *work;
  T* phases;
  la::Int* iwork;
  SpectrumWork(Arena& arena, Index n, bool vectors) {
    count = vectors ? 1 + 4 * n + n * n : 1;
    integers = vectors ? 3 + 5 * n : 1;
    fits = la::fits(count);
    off = arena.take<Real<T>>(n);
    z = arena.take<Real<T>>(fits && vectors ? n * n : 1);
    work = arena.take<Real<T>>(fits ? count : 0);
    phases = arena.take<T>(n);
    iwork = arena.take<la::Int>(fits ? integers : 0);
  }
};

template <class T>
struct ValuesWork : SpectrumWork<T> {
  ValuesWork(Arena& arena, const Call& call) : SpectrumWork<T>(arena, call.dims[0], false) {}
};
template <class T>
struct VectorsWork : SpectrumWork<T> {
  VectorsWork(Arena& arena, const Call& call) : SpectrumWork<T>(arena, call.dims[0], call.operand[3] != nullptr) {}
};

/// A = V diag(w) Vᴴ of the Hermitian A with A_ii = d_i and A_i+1,i = e_i; e_(n-1) is not read; v may be null.
// A = P T Pᴴ with T real and P the diagonal of p_i+1 = p_i e_i / |e_i|
template <class T>
std::int32_t spectrum_of(const Call& call, T* v, const SpectrumWork<T>& space) {
  using R = Real<T>;
  const Index n = call.dims[0];
  const auto* d = call.vector<const R>(0);
  const auto* e = call.vector<const T>(1);
  auto* const w = call.vector<R>(2);
  if (!space.fits) return make_info(Fail::too_large);
  ops::Finite<R> of_d;
  ops::Finite<T> of_e;
  of_d.see(d, n);
  of_e.see(e, std::max<Index>(n - 1, 0));
  if (!of_d.all() || !of_e.all()) return make_info(Fail::not_finite);
  if (n == 0) return 0;
  const Exponent high =
      std::max(ops::largest_exponent(Matrix<const R>{d, 1, n, n}), ops::largest_exponent(Matrix<const T>{e, 1, n - 1, n}));
  constexpr Exponent kModerate = std::numeric_limits<R>::max_exponent / 8;
  Exponent exponent = std::abs(high) <= kModerate ? 0 : high;
  space.phases[0] = 1;
  for (Index i = 0; i < n; ++i) {
    w[i] = ops::times_power(d[i], -exponent);
    if (i + 1 == n) break;
    const T unit = ops::Scaled<T>::of(e[i]).mantissa;
    space.off[i] = std::abs(ops::times_power(e[i], -exponent));
    space.phases[i + 1] = unit == T(0) ? space.phases[i] : space.phases[i] * (unit / std::abs(unit));
  }
  const bool vectors = v != nullptr;
  const la::Int info = la::fortran::stedc(vectors ? 'I' : 'N', la::to_int(n), w, space.off, space.z, la::to_int(n), space.work,
                                          la::to_int(space.count), space.iwork, la::to_int(space.integers));
  if (info != 0) return make_info(Fail::no_convergence, info);
  for (Index i = 0; vectors && i < n; ++i)
    for (Index j = 0; j < n; ++j) v[i * n + j] = space.phases[i] * space.z[j * n + i];
  return ops::restore_exponent(w, n, exponent);
}

/// d (n) real, e (n) -> w (n) real ascending, v (n,n), which may be null. Fails: not_finite, no_convergence, too_large, overflow (which).
template <class T>
std::int32_t eigh_tridiagonal(const Call& call, const VectorsWork<T>& space) {
  return spectrum_of(call, call.vector<T>(3), space);
}
/// d (n) real, e (n) -> w (n), likewise.
template <class T>
std::int32_t eigvalsh_tridiagonal(const Call& call, const ValuesWork<T>& space) {
  return spectrum_of<T>(call, nullptr, space);
}

constexpr Kernel kList[] = {
    {"tridiagonalSolve",
     "T(n) T(n) T(n) T(n,k) -> T(n,k)",
     "1",
     0,
     BS_SINGLE(tridiagonal_solve, SolveWork),
     Lanes::tridiagonal_solve,
     {.wide = 1024, .narrow = 1024, .declines = true, .rate = 0.3}},
    {"tridiagonalSolve_vjp",
     "T(n) T(n) T(n) T(n,k) T(n,k) -> T?(n) T?(n) T?(n) T?(n,k)",
     "1",
     0,
     BS_SINGLE(tridiagonal_solve_vjp, SolveVjpWork),
     Lanes::tridiagonal_solve_vjp,
     {.wide = 1024, .narrow = 1024, .declines = true, .rate = 0.3}},
    {"tridiagonalMatmul",
     "T(n) T(n) T(n) T(n,k) -> T(n,k)",
     "",
     0,
     BS_SINGLE(tridiagonal_matmul, NoWork),
     Lanes::tridiagonal_matmul,
     {.wide = 8, .narrow = 8, .rate = 2}},
    {"eighTridiagonal",
     "R(n) T(n) -> R(n) T?(n,n)",
     "",
     4,
     BS_SINGLE(eigh_tridiagonal, VectorsWork),
     Lanes::eigh_tridiagonal,
     {.wide = 64, .narrow = 32, .declines = true}},
    {"eigvalshTridiagonal",
     "R(n) T(n) -> R(n)",
     "",
     0.1,
     BS_SINGLE(eigvalsh_tridiagonal, ValuesWork),
     Lanes::eigvalsh_tridiagonal,
     {.wide = 256, .narrow = 128, .declines = true}},
};

}  // namespace

BS_LIST(tridiagonal, kList)

}  // namespace backsolve
