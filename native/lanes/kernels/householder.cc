// Products of the reflections of W matrices side by side. Equations: native/kernels/householder.cc.
#include "../blocks/orthogonal.h"
#include "../fill.h"

namespace backsolve::BS_ISA {
namespace {

BS_INLINE Index least(Index a, Index b) { return a < b ? a : b; }

template <class L>
struct ProductWork {
  Reflections<L> h;
  ProductWork(Arena& arena, const Call& call) : h(arena, least(least(call.dims[0], call.dims[1]), call.dims[2]), call.dims[0]) {}
};

/// V of the block of column j, zero above its diagonal of ones.
template <class L>
BS_INLINE void read_block(const Reflections<L>& h, Index j, Strided<L> a) {
  using E = typename L::Element;
  using R = typename L::Real;
  constexpr int B = L::block;
  const Strided<L> u = h.vectors(j);
  const Index q = h.width(j);
  const E zero = L::from_re(Vec<R>{}), one = L::from_re(splat<R>(1));
  const auto rows = [&](Index first, Index last, auto element) {
    for (Index i = first; i < last; ++i)
      for (int c = 0; c < B; ++c) u.set(i, c, element(i, c));
  };
  const Index top = q < B || u.rows < B ? u.rows : B;
  rows(0, top, [&](Index i, int c) { return c >= q || i < c ? zero : i == c ? one : a.get(j + i, j + c); });
  rows(top, u.rows, [&](Index i, int c) { return a.get(j + i, j + c); });
}
/// Which lanes are finite: sums of products with 0, four at a time, as each waits for the one before.
template <class L>
BS_INLINE Mask<typename L::Real> finite_sums(const Strided<L>& q) {
  using R = typename L::Real;
  constexpr int kSums = 4;
  const Index count = q.rows * q.cols * L::planes;
  Vec<R> sum[kSums] = {};
  Index e = 0;
  for (; e + kSums <= count; e += kSums)
    for (int s = 0; s < kSums; ++s) sum[s] += load<R>(q.data + (e + s) * W<R>) * R(0);
  for (; e < count; ++e) sum[0] += load<R>(q.data + e * W<R>) * R(0);
  return (sum[0] + sum[1]) + (sum[2] + sum[3]) == Vec<R>{};
}

/// Lanes with a product that is not finite are declined.
template <class L>
void householder_product(const Call& call, const ProductWork<L>& work, std::int32_t* info) {
  using R = typename L::Real;
  const Index m = call.dims[0], n = call.dims[1], k = call.dims[2];
  const Reflections<L>& h = work.h;
  const auto a = strided<L>(call.operand[0], m, n), tau = strided<L>(call.operand[1], k, 1), q = strided<L>(call.operand[2], m, n);
  const Orthogonal<L> product{h};
  for (Index j = 0; j < h.count; j += L::block) {
    read_block<L>(h, j, a);
    product.close(j, tau);
  }
  product.form(q);
  report<R>(finite_sums<L>(q), info);
}

}  // namespace

BS_LANES_KERNEL(householder_product, ProductWork)

}  // namespace backsolve::BS_ISA
