// QR with column pivoting of W matrices side by side. Equations: native/kernels/pivoted.cc. Lanes whose squares leave the exponents are
// declined.
#include "../blocks/pivoted.h"

#include "../fill.h"

namespace backsolve::BS_ISA {
namespace {

template <class L>
struct PivotedWork {
  Pivoted<L> f;
  PivotedWork(Arena& arena, const Call& call) : f(arena, call.dims[0], call.dims[1]) {}
};

template <class L>
void qr_pivoted(const Call& call, const PivotedWork<L>& work, std::int32_t* info) {
  using R = typename L::Real;
  Pivoted<L> f = work.f;
  const Index m = call.dims[0], n = call.dims[1], k = f.h.count;
  const Vec<R> most = largest<L>(call.operand[0], m * n);
  const auto a = strided<L>(call.operand[0], m, n), r = strided<L>(call.operand[2], k, n);
  f.factor(a);
  for (Index i = 0; i < k; ++i)
    for (Index j = 0; j < n; ++j) r.set(i, j, j < i ? L::from_re(Vec<R>{}) : f.x.get(i, j));
  auto* const pivots = static_cast<std::int32_t*>(call.operand[3]);
  for (Index j = 0; j < n; ++j)
    for (int w = 0; w < W<R>; ++w) pivots[j * W<R> + w] = static_cast<std::int32_t>(f.order[j][w]);
  if (call.operand[1] != nullptr) Orthogonal<L>{f.h}.form(strided<L>(call.operand[1], m, k));
  const Mask<R> good = is_moderate<R>(most) & ~f.h.doubtful, finite = is_finite<R>(most);
  for (int w = 0; w < W<R>; ++w) info[w] = !finite[w] ? kNotFinite : good[w] ? 0 : kDeclined;
}

}  // namespace

BS_LANES_KERNEL(qr_pivoted, PivotedWork)

}  // namespace backsolve::BS_ISA
