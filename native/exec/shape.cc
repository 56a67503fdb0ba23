#include "shape.h"

#include <algorithm>

#include "../families/families.h"

namespace backsolve {
namespace {

const char* check_family(const Kernel& kernel, DType column, std::span<const double> attrs, const Shape* operands) {
  const Shape& in = operands[0];
  const Shape& out = operands[kernel.inputs];
  switch (kernel.family) {
    case Family::matrix:
      return check_matrix(kernel, attrs, operands);
    case Family::map:
      if (!attrs.empty()) return "a map has no attributes";
      if (isa().map_flat[kernel.which][static_cast<int>(column)] == nullptr) return "no such kernel for this dtype";
      return check_map(kernel, operands);
    case Family::reduce:
      if (isa().reduce_flat[kernel.which][static_cast<int>(column)] == nullptr) return "no such kernel for this dtype";
      return check_reduce(kernel, attrs, in, out);
    case Family::view:
      return check_strides(attrs, out, in);
    case Family::scatter:
      return check_strides(attrs, in, out);
    case Family::band:
      if (attrs.size() != 2 || !integer_within(attrs[0], 0, 1)) return "bad band";
      if (!integer_within(attrs[1], -kMaxStride, kMaxStride)) return "bad band";
      return in.rank >= 2 && same_dims(in, out) ? nullptr : "band wants matrices of one shape";
  }
  return "unknown family";
}

}  // namespace

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

const char* check_kernel(const Kernel& kernel, DType column, std::span<const double> attrs, const Shape* operands, int count) {
  if (count != kernel.inputs + kernel.outputs) return "wrong number of operands";
  const bool moves = kernel.family == Family::view || kernel.family == Family::scatter || kernel.family == Family::band;
  if (static_cast<int>(column) > static_cast<int>(DType::i32) || (!moves && static_cast<int>(column) >= kFloatTypes)) return "bad dtype";
  if (kernel.family == Family::matrix && kernel.single[static_cast<int>(column)] == nullptr) return "no such kernel for this dtype";
  for (int i = 0; i < count; ++i) {
    const Shape& s = operands[i];
    if (!s.present) {
      if (kernel.family != Family::matrix || (kernel.nullable >> i & 1) == 0) return "an operand is missing";
      continue;
    }
    if (s.rank > kMaxRank || checked_count(s.dims, s.rank) < 0) return "an operand is too large";
    if (s.dtype != port_dtype(static_cast<Port>(kernel.ports[i]), column)) return "an operand has the wrong dtype";
  }
  return check_family(kernel, column, attrs, operands);
}

}  // namespace backsolve
