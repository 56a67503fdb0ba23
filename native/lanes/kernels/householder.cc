// Products of the reflections of W matrices side by side. Equations: native/kernels/householder.cc.
#include "../blocks/qr.h"
#include "../fill.h"

namespace backsolve::BS_ISA {
namespace {

BS_INLINE Index least(Index a, Index b) { return a < b ? a : b; }

template <class L>
struct ProductWork {
  Reflections<L> h;
  ProductWork(Arena& arena, const Call& call) : h(arena, least(least(call.dims[0], call.dims[1]), call.dims[2]), call.dims[0]) {}
};

/// The block of reflections of columns j to j + q: V, zero above its diagonal of ones, and T.
template <class L>
BS_INLINE void read_block(const Reflections<L>& h, Index j, Strided<L> a, Strided<L> tau) {
  using E = typename L::Element;
  using R = typename L::Real;
  constexpr int B = L::block;
  const Strided<L> u = h.vectors(j), t = h.triangle(j);
  const Index q = h.width(j);
  const E zero = L::from_re(Vec<R>{}), one = L::from_re(splat<R>(1));
  for (Index i = 0; i < u.rows; ++i)
    for (Index c = 0; c < B; ++c) u.set(i, c, c >= q || i < c ? zero : i == c ? one : a.get(j + i, j + c));
  for (Index e = 0; e < B * B; ++e) t.set(e / B, e % B, zero);
  for (Index k = 0; k < q; ++k) {
    const E gamma = tau.get(j + k, 0);
    E dot[B];
    for (Index c = 0; c < k; ++c) {
      dot[c] = zero;
      for (Index i = k; i < u.rows; ++i) dot[c] = L::minus_conj(dot[c], u.get(i, k), u.get(i, c));
    }
    for (Index c = 0; c < k; ++c) {
      E sum = zero;  // of T times -Vᴴ v
      for (Index e = c; e < k; ++e) sum = L::minus(sum, t.get(c, e), L::negate(dot[e]));
      t.set(c, k, L::mul(sum, gamma));
    }
    t.set(k, k, gamma);
  }
}

/// Lanes with a product that is not finite are declined.
template <class L>
void householder_product(const Call& call, const ProductWork<L>& work, std::int32_t* info) {
  using R = typename L::Real;
  const Index m = call.dims[0], n = call.dims[1], k = call.dims[2];
  Reflections<L> h = work.h;
  const auto a = strided<L>(call.operand[0], m, n), tau = strided<L>(call.operand[1], k, 1), q = strided<L>(call.operand[2], m, n);
  for (Index j = 0; j < h.count; j += L::block) read_block<L>(h, j, a, tau);
  Qr<L>{h, a}.form(q);
  Vec<R> defect = Vec<R>{};
  for (Index i = 0; i < m * n; ++i) defect += L::defect(q.get(0, i));
  report<R>(defect == Vec<R>{}, info);
}

}  // namespace

BS_LANES_KERNEL(householder_product, ProductWork)

}  // namespace backsolve::BS_ISA
