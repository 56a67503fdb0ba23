// QR factorizations of W matrices of any shape side by side. Equations: native/kernels/qr.cc; reflections as LAPACK's, so that signs are
// the same. Lanes whose squares leave the exponents are declined.
#include "../blocks/qr.h"

#include "../fill.h"

namespace backsolve::BS_ISA {
namespace {

template <class L>
struct QrWork {
  Reflections<L> h;
  QrWork(Arena& arena, const Call& call) : h(arena, call.dims[0] < call.dims[1] ? call.dims[0] : call.dims[1], call.dims[0]) {}
};

/// R of k rows into r, and, unless `q` is null, k columns of Q.
template <class L>
__attribute__((noinline)) void qr_of(const Call& call, Index k, const Reflections<L>& of, void* q, void* r, std::int32_t* info) {
  using R = typename L::Real;
  const Index m = call.dims[0], n = call.dims[1];
  Reflections<L> h = of;
  const Vec<R> most = largest<L>(call.operand[0], m * n);
  const Qr<L> problem{h, strided<L>(call.operand[0], m, n)};
  problem.factor(strided<L>(r, k, n));
  if (q != nullptr) problem.form(strided<L>(q, m, k));
  const Mask<R> good = is_moderate<R>(most) & ~h.doubtful, finite = is_finite<R>(most);
  for (int w = 0; w < W<R>; ++w) info[w] = !finite[w] ? kNotFinite : good[w] ? 0 : static_cast<int>(Fail::declined);
}

template <class L>
void qr(const Call& call, const QrWork<L>& work, std::int32_t* info) {
  qr_of(call, work.h.count, work.h, call.operand[1], call.operand[2], info);
}
template <class L>
void qr_triangle(const Call& call, const QrWork<L>& work, std::int32_t* info) {
  qr_of(call, work.h.count, work.h, nullptr, call.operand[1], info);
}
template <class L>
void qr_complete(const Call& call, const QrWork<L>& work, std::int32_t* info) {
  qr_of(call, call.dims[0], work.h, call.operand[1], call.operand[2], info);
}

/// Lanes with columns that are not independent are declined.
template <class L>
void independent(const Call& call, const NoWork<L>&, std::int32_t* info) {
  using R = typename L::Real;
  const Index n = call.dims[0];
  constexpr R kEpsilon = sizeof(R) == 8 ? R(__DBL_EPSILON__) : R(__FLT_EPSILON__);
  copy_lanes<L>(call.operand[0], call.operand[1], n * n);
  const auto r = strided<L>(call.operand[0], n, n);
  Mask<R> good = ~Mask<R>{};
  for (Index j = 0; j < n; ++j) {
    Vec<R> most = Vec<R>{};
    for (Index i = 0; i <= j; ++i) {
      const Vec<R> size = L::size1(r.get(i, j));
      most = size > most ? size : most;
    }
    // |re| + |im| is at most √2 of a magnitude: what is not surely independent is the single kernel's to judge
    good &= L::size1(r.get(j, j)) > static_cast<R>(2 * n) * kEpsilon * most;
  }
  report<R>(good, info);
}

}  // namespace

BS_LANES_KERNEL(independent, NoWork)
BS_LANES_KERNEL(qr, QrWork)
BS_LANES_KERNEL(qr_triangle, QrWork)
BS_LANES_KERNEL(qr_complete, QrWork)

}  // namespace backsolve::BS_ISA
