// Matrix products with optional adjoints. Their cotangents are products, too: a fused rule was 1.0 to 1.25x faster and is not here.
#include "../packed/packed.h"
#include "blocks.h"
#include "list.h"

namespace backsolve {
namespace {

using la::Op;

/// The packed kernels take these by the item, whatever the shape; what is larger and far from square is better left to OpenBLAS.
constexpr double kSmall = 64 * 64 * 64;

/// As matmul, of real numbers.
template <class R>
void matmul_many(const Call& call, const void* const* const* lists, Index items) {
  packed::kernels<R>().products({call.attrs[0] != 0, call.attrs[1] != 0, call.dims[0], call.dims[2], call.dims[1]}, lists, items);
}

/// C = op(A) op(B), c (m,n). attrs [adjointA, adjointB]; a is (m,k), with adjointA (k,m); b is (k,n), with adjointB (n,k). dims {m, k, n}.
template <class T>
std::int32_t matmul(const Call& call, const NoWork<T>&) {
  const Index m = call.dims[0], k = call.dims[1], n = call.dims[2];
  if constexpr (!ops::kComplex<T>) {
    const void* const operand[] = {call.operand[0], call.operand[1], call.operand[2]};
    const void* const* const lists[] = {operand, operand + 1, operand + 2};
    if (m == 1 || n == 1 || static_cast<double>(m) * static_cast<double>(k) * static_cast<double>(n) <= kSmall)
      return matmul_many<T>(call, lists, 1), 0;
  }
  const bool ha = call.attrs[0] != 0, hb = call.attrs[1] != 0;
  la::gemm<T>(1, ha ? Op::adjoint : Op::none, call.matrix<const T>(0, ha ? k : m, ha ? m : k), hb ? Op::adjoint : Op::none,
              call.matrix<const T>(1, hb ? n : k, hb ? k : n), 0, call.matrix<T>(2, m, n));
  return 0;
}

constexpr int by_adjoints(const double* attrs) { return 2 * (attrs[0] != 0) + (attrs[1] != 0); }

constexpr Single with_many() {
  Single s = BS_SINGLE(matmul, NoWork);
  s.many[static_cast<int>(DType::f32)] = matmul_many<float>;
  s.many[static_cast<int>(DType::f64)] = matmul_many<double>;
  return s;
}

constexpr Kernel kList[] = {
    {"matmul",
     {by_adjoints, {"T(m,k) T(k,n) -> T(m,n)", "T(m,k) T(n,k) -> T(m,n)", "T(k,m) T(k,n) -> T(m,n)", "T(k,m) T(n,k) -> T(m,n)"}},
     "11",
     2,
     with_many(),
     Lanes::matmul,
     {.wide = 8, .narrow = 8, .rate = 50, .each = 8}},
};

}  // namespace

BS_LIST(matmul, kList)

}  // namespace backsolve
