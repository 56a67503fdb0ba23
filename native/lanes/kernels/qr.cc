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

/// With k columns of Q.
template <class L>
__attribute__((noinline)) void qr_of(const Call& call, Index k, const Reflections<L>& of, std::int32_t* info) {
  using R = typename L::Real;
  const Index m = call.dims[0], n = call.dims[1];
  Reflections<L> h = of;
  const Vec<R> most = largest<L>(call.operand[0], m * n);
  const Qr<L> problem{h, strided<L>(call.operand[0], m, n)};
  problem.factor(strided<L>(call.operand[2], k, n));
  if (call.operand[1] != nullptr) problem.form(strided<L>(call.operand[1], m, k));
  const Mask<R> good = is_moderate<R>(most) & ~h.doubtful, finite = is_finite<R>(most);
  for (int w = 0; w < W<R>; ++w) info[w] = !finite[w] ? kNotFinite : good[w] ? 0 : static_cast<int>(Fail::declined);
}

template <class L>
void qr(const Call& call, const QrWork<L>& work, std::int32_t* info) {
  qr_of(call, work.h.count, work.h, info);
}
template <class L>
void qr_complete(const Call& call, const QrWork<L>& work, std::int32_t* info) {
  qr_of(call, call.dims[0], work.h, info);
}

}  // namespace

BS_LANES_KERNEL(qr, QrWork)
BS_LANES_KERNEL(qr_complete, QrWork)

}  // namespace backsolve::BS_ISA
