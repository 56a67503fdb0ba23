// QR factorizations of matrices of any shape. docs/derivations/qr.md
#include "least_squares.h"
#include "list.h"
#include "scaled.h"

namespace backsolve {
namespace {

/// Nothing where LAPACK's integers do not hold the sizes.
template <class T>
struct QrWork {
  Index count;
  bool fits;
  Matrix<T> f;
  T *tau, *work;
  QrWork(Arena& arena, const Call& call) : count(la::qr_work(call.dims[0], call.dims[1], 0)), fits(la::fits(count)) {
    const Index m = call.dims[0], n = call.dims[1];
    f = arena.matrix<T>(fits ? m : 0, fits ? n : 0);
    tau = arena.take<T>(fits ? std::min(m, n) : 0);
    work = arena.take<T>(fits ? count : 0);
  }
};

/// With k columns of Q.
template <class T>
std::int32_t qr_of(const Call& call, Index k, const QrWork<T>& space) {
  const Index m = call.dims[0], n = call.dims[1], least = std::min(m, n);
  const auto a = call.matrix<const T>(0, m, n);
  const Matrix<T> f = space.f, r = call.matrix<T>(2, k, n);
  if (!space.fits) return make_info(Fail::too_large);
  if (!ops::all_finite(a)) return make_info(Fail::not_finite);
  const int power = ops::power_for(ops::largest_part(a));
  ops::scale(a, power, f);
  if (least > 0) la::fortran::gelqf(la::to_int(n), la::to_int(m), f.data, la::leading(f), space.tau, space.work, la::to_int(space.count));
  bool within = true;
  for (Index i = 0; i < k; ++i) {
    for (Index j = 0; j < n; ++j) {
      r(i, j) = j < i ? T(0) : ops::times_power(f(i, j), -power);
      within = within && ops::finite(r(i, j));
    }
  }
  if (call.operand[1] != nullptr) {
    const auto q = call.matrix<T>(1, m, k);
    for (Index i = 0; i < m; ++i)
      for (Index j = 0; j < k; ++j) q(i, j) = j < least && j < i ? f(i, j) : T(0);
    la::form_q(q, least, space.tau, space.work, space.count);
  }
  return within ? 0 : make_info(Fail::overflow);
}

/// a (m,n) -> q (m,k), r (k,n), k = min(m, n): A = Q R, the columns of Q orthonormal, R upper triangular with a real diagonal; q may be
/// null. Fails: not_finite, too_large, overflow.
template <class T>
std::int32_t qr(const Call& call, const QrWork<T>& space) {
  return qr_of(call, std::min(call.dims[0], call.dims[1]), space);
}
/// a (m,n) -> q (m,m), r (m,n), likewise.
template <class T>
std::int32_t qr_complete(const Call& call, const QrWork<T>& space) {
  return qr_of(call, call.dims[0], space);
}

constexpr Kernel kList[] = {
    {"qr", "T(m,n) -> T?(m,m^n) T(m^n,n)", "", 4, BS_SINGLE(qr, QrWork), Lanes::qr, {.wide = 256, .narrow = 128, .declines = true}},
    {"qrComplete",
     "T(m,n) -> T?(m,m) T(m,n)",
     "",
     4,
     BS_SINGLE(qr_complete, QrWork),
     Lanes::qr_complete,
     {.wide = 256, .narrow = 128, .declines = true}},
};

}  // namespace

BS_LIST(qr, kList)

}  // namespace backsolve
