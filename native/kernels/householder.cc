// Products of Householder's reflections. docs/derivations/qr.md
#include "../base/lapack/structured.h"
#include "factor.h"
#include "list.h"

namespace backsolve {
namespace {

/// Nothing where LAPACK's integers do not hold the sizes.
template <class T>
struct ProductWork {
  Index columns, reflections, count;
  bool fits;
  Matrix<T> f;  // the vectors, then Q, by columns
  T* work;
  ProductWork(Arena& arena, const Call& call)
      : columns(std::min(call.dims[0], call.dims[1])),
        reflections(std::min(columns, call.dims[2])),
        count(la::qr_work(call.dims[0], columns, 0)),
        fits(la::fits(count)),
        f(arena.matrix<T>(fits ? columns : 0, fits ? call.dims[0] : 0)),
        work(arena.take<T>(fits ? count : 0)) {}
};

/// a (r,n), tau (k) -> q (r,n): the first n columns of H_1 ... H_k, H_i = I - tau_i v vᴴ, v of column i of A below its diagonal, where it
/// is 1, k <= n <= r. Of more columns than rows the others are zero, and of more reflections than columns these alone count: programs may
/// bring both. Fails: not_finite, too_large, overflow.
template <class T>
std::int32_t householder_product(const Call& call, const ProductWork<T>& space) {
  const Index m = call.dims[0], n = call.dims[1], k = space.reflections;
  const auto a = call.matrix<const T>(0, m, n);
  const auto* const tau = call.vector<const T>(1);
  const auto q = call.matrix<T>(2, m, n);
  if (!space.fits) return make_info(Fail::too_large);
  for (Index j = 0; j < k; ++j)
    for (Index i = 0; i < m; ++i) space.f(j, i) = i <= j ? T(0) : a(i, j);
  ops::Finite<T> finite;
  for (Index j = 0; j < k; ++j) finite.see(&space.f(j, 0), m);
  finite.see(tau, k);
  if (!finite.all()) return make_info(Fail::not_finite);
  la::ungqr_columns(space.f, space.columns, k, tau, space.work, space.count);
  for (Index i = 0; i < m; ++i)
    for (Index j = 0; j < n; ++j) q(i, j) = j < space.columns ? space.f(j, i) : T(0);
  return ops::check_answer(ops::read(q));
}

constexpr Kernel kList[] = {
    {"householderColumns",
     "T(r,n) T(k) -> T(r,n)",
     "",
     2,
     BS_SINGLE(householder_product, ProductWork),
     Lanes::householder_product,
     {.wide = 256, .narrow = 128, .declines = true, .many = 384}},
};

}  // namespace

BS_LIST(householder, kList)

}  // namespace backsolve
