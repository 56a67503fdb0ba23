// QR factorizations of matrices of any shape. docs/derivations/qr.md
#include "../base/lapack/strips.h"
#include "../base/lapack/structured.h"
#include "grades.h"
#include "list.h"

namespace backsolve {
namespace {

/// Columns of Q.
template <bool Complete>
constexpr Index columns_of(const Call& call) {
  return Complete ? call.dims[0] : std::min(call.dims[0], call.dims[1]);
}

/// Of LAPACK's routines nothing where its integers do not hold the sizes.
template <class T, bool Complete>
struct QrWork {
  Index count;
  bool fits;
  Matrix<T> f;  // A, then Q, by columns: LQ of a buffer of rows, which does the same, has its panels across the rows, and takes half as
                // long again
  T *tau, *work;
  T* strips;  // in the place of all these
  ops::Grades<T> grades;
  QrWork(Arena& arena, const Call& call)
      : count(la::qr_work(call.dims[0], call.dims[1], 0)), fits(la::fits(count)), grades(arena, call.dims[1]) {
    const Index m = call.dims[0], n = call.dims[1], least = std::min(m, n);
    const Index own = la::uses_strips<T>(m, n) ? la::strip_room(m, least, n - least) : 0;
    const Index of_f = fits ? std::max(n, columns_of<Complete>(call)) : 0;
    T* const all = arena.take<T>(std::max(own, fits ? of_f * m + least + count : 0));
    strips = own > 0 ? all : nullptr;
    f = {all, of_f, fits ? m : 0, fits ? m : 0};
    tau = all + of_f * f.cols;
    work = tau + least;
  }
};
template <class T>
struct ReducedWork : QrWork<T, false> {
  using QrWork<T, false>::QrWork;
};
template <class T>
struct CompleteWork : QrWork<T, true> {
  using QrWork<T, true>::QrWork;
};

/// g(i, j) for all of rows x columns, square by square.
template <class G>
void by_squares(Index rows, Index columns, G g) {
  constexpr Index kSide = 16;
  for (Index i0 = 0; i0 < rows; i0 += kSide)
    for (Index j0 = 0; j0 < columns; j0 += kSide)
      for (Index i = i0; i < std::min(rows, i0 + kSide); ++i)
        for (Index j = j0; j < std::min(columns, j0 + kSide); ++j) g(i, j);
}

/// In strips, columns times their powers where `grades` are given; false where squares of columns leave the range.
template <class R>
bool by_strips(Matrix<const R> a, const ops::Grades<R>* grades, R* room, Matrix<R> q, Matrix<R> r) {
  const Index m = a.rows, n = a.cols, least = std::min(m, n);
  const la::StripQr<R> f(room, m, least, n - least, false);
  const auto load = [&](Index first, Index columns, R* to, Index width) {
    packed::kernels<R>().qr_load(false, m, columns, &a(0, first), a.stride, to, width);
    if (grades) grades->multiply({to, m, columns, width}, first);
  };
  if (!f.factor(load)) return false;
  f.copy_r(r);
  if (q.data != nullptr) f.form(q);
  return true;
}
/// By LAPACK, likewise.
template <class T, bool Complete>
void by_columns(Matrix<const T> a, const ops::Grades<T>* grades, const QrWork<T, Complete>& space, Matrix<T> q, Matrix<T> r) {
  const Index m = a.rows, n = a.cols, least = std::min(m, n);
  const Matrix<T> f = space.f;
  by_squares(m, n, [&](Index i, Index j) { f(j, i) = grades ? ops::times_power(a(i, j), grades->power(j)) : a(i, j); });
  if (least > 0) la::fortran::geqrf(la::to_int(m), la::to_int(n), f.data, la::leading(f), space.tau, space.work, la::to_int(space.count));
  by_squares(r.rows, n, [&](Index i, Index j) { r(i, j) = j < i ? T(0) : f(j, i); });
  if (q.data == nullptr) return;
  la::ungqr_columns(f, q.cols, least, space.tau, space.work, space.count);
  by_squares(m, q.cols, [&](Index i, Index j) { q(i, j) = f(j, i); });
}

/// R into r, and Q where `q_at` is not null.
template <class T, bool Complete>
std::int32_t qr_of(const Call& call, const QrWork<T, Complete>& space, void* q_at, Matrix<T> r) {
  const Index m = call.dims[0], n = call.dims[1];
  const auto a = call.matrix<const T>(0, m, n);
  const Matrix<T> q{static_cast<T*>(q_at), m, r.rows, r.rows};
  if (!space.fits) return make_info(Fail::too_large);
  const Real<T> most = ops::largest_finite(a);
  if (!std::isfinite(most)) return make_info(Fail::not_finite);
  const ops::Grades<T>* grades = nullptr;
  const auto look = [&] {
    space.grades.look_at(a);
    if (!space.grades.moderate()) grades = &space.grades;
    return grades != nullptr;
  };
  // Of columns that have reflections of their own, strips find by themselves that squares leave the range.
  const bool own = space.strips != nullptr;
  if (!own || n > m || ops::power_for(most) != 0) look();
  bool done = false;
  if constexpr (!ops::kComplex<T>)
    done = own && (by_strips(a, grades, space.strips, q, r) || (grades == nullptr && look() && by_strips(a, grades, space.strips, q, r)));
  if (!done) by_columns(a, grades, space, q, r);
  if (grades == nullptr) return 0;
  grades->divide(r);
  return ops::all_finite(ops::read(r)) ? 0 : make_info(Fail::overflow);
}

/// a (m,n) -> q (m,k), r (k,n), k = min(m, n): A = Q R, the columns of Q orthonormal, R upper triangular with a real diagonal; q may be
/// null. Fails: not_finite, too_large, overflow.
template <class T>
std::int32_t qr(const Call& call, const ReducedWork<T>& space) {
  return qr_of(call, space, call.operand[1], call.matrix<T>(2, columns_of<false>(call), call.dims[1]));
}
/// a (m,n) -> r (k,n) alone.
template <class T>
std::int32_t qr_triangle(const Call& call, const ReducedWork<T>& space) {
  return qr_of(call, space, nullptr, call.matrix<T>(1, columns_of<false>(call), call.dims[1]));
}
/// a (m,n) -> q (m,m), r (m,n), likewise.
template <class T>
std::int32_t qr_complete(const Call& call, const CompleteWork<T>& space) {
  return qr_of(call, space, call.operand[1], call.matrix<T>(2, call.dims[0], call.dims[1]));
}

/// Of upper triangular R the first column, counted from 1, whose part beyond those before it, its diagonal element, is rounding of its own
/// size; or 0.
template <class T>
Index dependent_column(Matrix<const T> r) {
  using R = Real<T>;
  const Index n = r.rows;
  for (Index j = 0; j < n; ++j) {
    R most = 0;
    for (Index i = 0; i <= j; ++i) most = std::max(most, std::abs(r(i, j)));
    if (std::abs(r(j, j)) <= R(n) * std::numeric_limits<R>::epsilon() * most) return j + 1;
  }
  return 0;
}

/// r (n,n) upper triangular -> r, of independent columns. Fails: rank_deficient (the first that is not).
template <class T>
std::int32_t independent(const Call& call, const NoWork<T>&) {
  const Index n = call.dims[0];
  const auto r = call.matrix<const T>(0, n, n);
  ops::copy(r, call.matrix<T>(1, n, n));
  const Index at = dependent_column(r);
  return at == 0 ? 0 : make_info(Fail::rank_deficient, at);
}

/// The power of two times which R is taken, so that R̄ Rᴴ is of R̄'s size: 0 unless that product leaves the range of numbers, or loses
/// digits, where Ā, of which R is divided out again, need not.
template <class T>
int power_beside(Matrix<const T> r, Matrix<const T> g) {
  using R = Real<T>;
  constexpr int kLeast = sizeof(R) == 8 ? -960 : -110, kMost = sizeof(R) == 8 ? 1000 : 115;
  const R most = ops::largest_part(r), of_g = ops::largest_part(g);
  if (!(most > 0) || !(of_g > 0) || !std::isfinite(most) || !std::isfinite(of_g)) return 0;
  const int size = std::ilogb(most) + std::ilogb(of_g);
  return size > kLeast && size < kMost ? 0 : -std::ilogb(most);
}

template <class T>
struct VjpWork {
  Matrix<T> h, turn, r;
  VjpWork(Arena& arena, const Call& call)
      : h(arena.matrix<T>(side(call), side(call))),
        turn(arena.matrix<T>(wide(call), wide(call))),
        r(arena.matrix<T>(call.operand[3] != nullptr ? side(call) : 0, call.dims[1])) {}
  static Index side(const Call& call) { return std::min(call.dims[0], call.dims[1]); }
  static Index wide(const Call& call) { return call.dims[0] < call.dims[1] && call.operand[3] != nullptr ? call.dims[0] : 0; }
};

/// H of M, of which the upper triangle is read: striu(M) + striu(M)ᴴ + Re diag M; plus `more`, unless it has no rows.
template <class T>
void mirror(Matrix<T> m, Matrix<const T> more) {
  for (Index i = 0; i < m.rows; ++i) {
    m(i, i) = ops::real(m(i, i));
    for (Index j = i + 1; j < m.cols; ++j) m(j, i) = ops::conj(m(i, j));
  }
  for (Index i = 0; i < more.rows; ++i)
    for (Index j = 0; j < more.cols; ++j) m(i, j) += more(i, j);
}

/// q (m,k), r (k,n), their cotangents -> a (m,n), k = min(m, n). Fails: rank_deficient (the first column of R's that depends on those
/// before it), not_finite, overflow.
// R = [U V], V of a wide A alone, and P = V V̄ᴴ: Ā = [(Q̄ + Q (H + P)) U⁻ᴴ, Q V̄], H of M = Ū Uᴴ - Qᴴ Q̄ - P, as Q of a wide A is unitary.
// The same of c R and c Q̄.
template <class T>
std::int32_t qr_vjp(const Call& call, const VjpWork<T>& work) {
  using la::Op, ops::block, ops::read;
  const Index m = call.dims[0], n = call.dims[1], k = std::min(m, n);
  const auto q = call.matrix<const T>(0, m, k), given_r = call.matrix<const T>(1, k, n);
  const auto gq = call.matrix<const T>(2, m, k), gr = call.matrix<const T>(3, k, n);
  const auto out = call.matrix<T>(4, m, n), x = block(out, 0, 0, m, k), y = block(out, 0, k, m, n - k);
  const bool of_q = gq.data != nullptr, of_r = gr.data != nullptr;
  if (const Index at = dependent_column(block(given_r, 0, 0, k, k))) return make_info(Fail::rank_deficient, at);
  if (k == 0) return 0;
  const int power = of_r ? power_beside(given_r, gr) : 0;
  if (power != 0) ops::scale(given_r, power, work.r);
  const Matrix<const T> r = power != 0 ? read(work.r) : given_r;
  const auto u = block(r, 0, 0, k, k), v = block(r, 0, k, k, n - k);
  if (of_q) ops::scale(gq, power, x);
  if (of_r) la::gemm<T>(1, Op::none, block(gr, 0, 0, k, k), Op::adjoint, u, 0, work.h);
  if (of_q) la::gemm<T>(-1, Op::adjoint, q, Op::none, read(x), of_r ? 1 : 0, work.h);
  for (Index i = 0; i < m; ++i) std::fill_n(y.data + i * y.stride, y.cols, T(0));
  if (of_r && n > k) {
    const auto gv = block(gr, 0, k, k, n - k);
    la::gemm<T>(1, Op::none, v, Op::adjoint, gv, 0, work.turn);
    for (Index i = 0; i < k; ++i)
      for (Index j = i; j < k; ++j) work.h(i, j) -= work.turn(i, j);
    la::gemm<T>(1, Op::none, q, Op::none, gv, 0, y);
  }
  mirror(work.h, read(work.turn));
  la::gemm<T>(1, Op::none, q, Op::none, read(work.h), of_q ? 1 : 0, x);
  la::trsm(la::Side::right, la::Triangle::upper, Op::adjoint, la::Diagonal::stored, u, x);
  if (ops::all_finite(read(out))) return 0;
  const bool given = ops::all_finite(q) && ops::all_finite(given_r) && (!of_q || ops::all_finite(gq)) && (!of_r || ops::all_finite(gr));
  return make_info(given ? Fail::overflow : Fail::not_finite);
}

constexpr Kernel kList[] = {
    {"independent", "T(n,n) -> T(n,n)", "", 1.0 / 32, BS_SINGLE(independent, NoWork), Lanes::independent, {.declines = true}},
    {"qr",
     "T(m,n) -> T?(m,m^n) T(m^n,n)",
     "",
     4,
     BS_SINGLE(qr, ReducedWork),
     Lanes::qr,
     {.wide = 224, .narrow = 128, .declines = true, .many = 256}},
    {"qr_vjp",
     "T(m,m^n) T(m^n,n) T?(m,m^n) T?(m^n,n) -> T(m,n)",
     "",
     4,
     BS_SINGLE(qr_vjp, VjpWork),
     Lanes::qr_vjp,
     {.narrow = 32, .declines = true}},
    {"qrTriangle",
     "T(m,n) -> T(m^n,n)",
     "",
     2,
     BS_SINGLE(qr_triangle, ReducedWork),
     Lanes::qr_triangle,
     {.wide = 224, .narrow = 128, .declines = true, .many = 256}},
    {"qrComplete",
     "T(m,n) -> T?(m,m) T(m,n)",
     "",
     4,
     BS_SINGLE(qr_complete, CompleteWork),
     Lanes::qr_complete,
     {.wide = 224, .narrow = 128, .declines = true, .many = 256}},
};

}  // namespace

BS_LIST(qr, kList)

}  // namespace backsolve
