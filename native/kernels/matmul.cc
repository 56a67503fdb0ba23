// Matrix products with optional adjoints. Their cotangents are products, too: a fused rule was 1.0 to 1.25x faster and is not here.
#include "blocks.h"
#include "ops.h"

namespace backsolve {

using la::Op;

template <class T>
std::int32_t matmul(const Call& call) {
  const Index m = call.dims[0], k = call.dims[1], n = call.dims[2];
  const bool ha = call.attrs[0] != 0, hb = call.attrs[1] != 0;
  la::gemm<T>(1, ha ? Op::adjoint : Op::none, call.matrix<const T>(0, ha ? k : m, ha ? m : k), hb ? Op::adjoint : Op::none,
              call.matrix<const T>(1, hb ? n : k, hb ? k : n), 0, call.matrix<T>(2, m, n));
  return 0;
}
std::size_t matmul_scratch(const Index*, const double*, DType, int) { return 0; }

BS_INSTANTIATE(matmul)

}  // namespace backsolve
