#include "shape.h"

#include <algorithm>

#include "family.h"

namespace backsolve {

Index checked_count(const Index* dims, int rank) {
  Index n = 1;
  bool empty = false;
  for (int d = 0; d < rank; ++d) {
    if (dims[d] < 0 || dims[d] > kMaxElements) return -1;
    if (dims[d] == 0) empty = true;
    n *= std::max<Index>(dims[d], 1) > kMaxElements / n ? 0 : std::max<Index>(dims[d], 1);
    if (n == 0) return -1;
  }
  return empty ? 0 : n;
}

Index count_of(const Index* dims, int rank) {
  Index n = 1;
  for (int d = 0; d < rank; ++d) n *= dims[d];
  return n;
}

const char* check_kernel(const Kernel& kernel, DType column, std::span<const double> attrs, std::span<const Shape> operands) {
  if (kernel.inputs_of(operands.size()) < 0) return "wrong number of operands";
  if (static_cast<int>(column) > static_cast<int>(DType::i32)) return "bad dtype";
  if (!kernel.family->computes(kernel, column)) return "no such kernel for this dtype";
  for (std::size_t i = 0; i < operands.size(); ++i) {
    const Shape& s = operands[i];
    if (!s.present) {
      if ((kernel.nullable >> i & 1) == 0) return "an operand is missing";
      continue;
    }
    if (s.rank > kMaxRank || checked_count(s.dims, s.rank) < 0) return "an operand is too large";
    if (s.dtype != port_dtype(static_cast<Port>(kernel.ports[i]), column)) return "an operand has the wrong dtype";
  }
  return kernel.family->check(kernel, attrs, operands);
}

}  // namespace backsolve
