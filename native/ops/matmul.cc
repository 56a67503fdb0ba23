// Matrix products with optional adjoints, and their cotangents.
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

// C = op(A) op(B): the cotangent of op(A) is C̄ op(B)ᴴ and of op(B) is op(A)ᴴ C̄; with the flag, its adjoint.
template <class T>
std::int32_t matmul_vjp(const Call& call) {
  const Index m = call.dims[0], k = call.dims[1], n = call.dims[2];
  const bool ha = call.attrs[0] != 0, hb = call.attrs[1] != 0;
  const auto a = call.matrix<const T>(0, ha ? k : m, ha ? m : k);
  const auto b = call.matrix<const T>(1, hb ? n : k, hb ? k : n);
  const auto g = call.matrix<const T>(2, m, n);
  if (call.operand[3] != nullptr) {
    const auto out = call.matrix<T>(3, a.rows, a.cols);
    if (ha)
      la::gemm<T>(1, hb ? Op::adjoint : Op::none, b, Op::adjoint, g, 0, out);
    else
      la::gemm<T>(1, Op::none, g, hb ? Op::none : Op::adjoint, b, 0, out);
  }
  if (call.operand[4] != nullptr) {
    const auto out = call.matrix<T>(4, b.rows, b.cols);
    if (hb)
      la::gemm<T>(1, Op::adjoint, g, ha ? Op::adjoint : Op::none, a, 0, out);
    else
      la::gemm<T>(1, ha ? Op::none : Op::adjoint, a, Op::none, g, 0, out);
  }
  return 0;
}
std::size_t matmul_vjp_scratch(const Index*, const double*, DType, int) { return 0; }

BS_INSTANTIATE(matmul)
BS_INSTANTIATE(matmul_vjp)

}  // namespace backsolve
