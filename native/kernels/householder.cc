// Products of Householder's reflections. docs/derivations/qr.md
#include "../base/lapack/strips.h"
#include "../base/lapack/structured.h"
#include "factor.h"
#include "list.h"

namespace backsolve {
namespace {

/// Of LAPACK's routines nothing where its integers do not hold the sizes.
template <class T>
struct ProductWork {
  Index columns, reflections, count;
  bool fits;
  Matrix<T> f;  // the vectors, then Q, by columns
  T* work;
  T* strips;  // in the place of these
  ProductWork(Arena& arena, const Call& call)
      : columns(std::min(call.dims[0], call.dims[1])),
        reflections(std::min(columns, call.dims[2])),
        count(la::qr_work(call.dims[0], columns, 0)),
        fits(la::fits(count)) {
    const Index rows = call.dims[0], own = la::uses_strips<T>(rows, reflections) ? la::strip_room(rows, reflections, 0) : 0;
    const Index of_f = fits ? columns * rows : 0;
    T* const all = arena.take<T>(std::max(own, fits ? of_f + count : 0));
    strips = own > 0 ? all : nullptr;
    f = {all, fits ? columns : 0, fits ? rows : 0, fits ? rows : 0};
    work = all + of_f;
  }
};
/// In strips; false where they do not take it.
template <class R>
bool product_by_strips(Matrix<const R> a, const R* tau, const ProductWork<R>& space, Matrix<R> q) {
  const la::StripQr<R> f(space.strips, a.rows, space.reflections, 0, true);
  const auto load = [&](Index first, Index columns, R* to, Index width) {
    packed::kernels<R>().qr_load(false, a.rows, columns, &a(0, first), a.stride, to, width);
  };
  if (!f.take(tau, load)) return false;
  f.form(ops::block(q, 0, 0, a.rows, space.columns));
  return ops::all_finite(ops::read(q));
}

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
  ops::Finite<T> finite;
  for (Index i = 1; i < m; ++i) finite.see(&a(i, 0), std::min(i, k));
  finite.see(tau, k);
  if (!finite.all()) return make_info(Fail::not_finite);
  for (Index i = 0; i < m && n > space.columns; ++i) std::fill_n(&q(i, space.columns), n - space.columns, T(0));
  if constexpr (!ops::kComplex<T>) {
    if (space.strips != nullptr && product_by_strips(a, tau, space, q)) return 0;
  }
  for (Index j = 0; j < k; ++j)
    for (Index i = 0; i < m; ++i) space.f(j, i) = i <= j ? T(0) : a(i, j);
  la::ungqr_columns(space.f, space.columns, k, tau, space.work, space.count);
  for (Index i = 0; i < m; ++i)
    for (Index j = 0; j < space.columns; ++j) q(i, j) = space.f(j, i);
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
