// Products of W pairs of matrices side by side.
#include "../blocks/small_product.h"
#include "../fill.h"

namespace backsolve::BS_ISA {
namespace {

template <class L>
void matmul(const Call& call, const NoWork<L>&, std::int32_t* info) {
  using R = typename L::Real;
  const Index m = call.dims[0], k = call.dims[1], n = call.dims[2];
  const bool ha = call.attrs[0] != 0, hb = call.attrs[1] != 0;
  const auto a = ha ? strided<L>(call.operand[0], k, m).transposed() : strided<L>(call.operand[0], m, k);
  const auto b = hb ? strided<L>(call.operand[1], n, k).transposed() : strided<L>(call.operand[1], k, n);
  const auto c = strided<L>(call.operand[2], m, n);
  if constexpr (L::planes == 1)
    Product<L, false>{a, b, c, false, true, false, {}}.run();  // here: small products are called by the thousands
  else
    product<L>(true, a, ha, b, hb, c);
  for (int w = 0; w < W<R>; ++w) info[w] = 0;
}

}  // namespace

BS_LANES_KERNEL_AND_SMALL(matmul, NoWork, small_matmul)

}  // namespace backsolve::BS_ISA
