#include "table.h"

#include <algorithm>
#include <vector>

namespace backsolve {

#define BS_LIST(file) std::span<const Kernel> kernels_of_##file();
#include "kernels.def"

std::span<const Kernel> kernels() {
  static const std::vector<Kernel> table = [] {
    std::vector<Kernel> all;
    const auto add = [&](std::span<const Kernel> list) { all.insert(all.end(), list.begin(), list.end()); };
#define BS_LIST(file) add(kernels_of_##file());
#include "kernels.def"
    return all;
  }();
  return table;
}

DType port_dtype(Port p, DType column) {
  const bool wide = column == DType::f64 || column == DType::c128;
  switch (p) {
    case Port::same:
      return column;
    case Port::real:
      if (column == DType::b8 || column == DType::i32) return column;
      return wide ? DType::f64 : DType::f32;
    case Port::complex:
      return wide ? DType::c128 : DType::c64;
    case Port::boolean:
      return DType::b8;
    case Port::int32:
      return DType::i32;
    case Port::f32:
      return DType::f32;
    case Port::f64:
      return DType::f64;
    case Port::c64:
      return DType::c64;
    case Port::c128:
      return DType::c128;
  }
  return column;
}

Index lanes_limit(const Kernel& kernel, const LanesTable& isa, Index items) {
  // Threads have no say, as bits do not depend on them: a batch of a few large matrices is left to as many threads as there are matrices.
  constexpr Index kMany = 32;
  const Limits& limits = kernel.limits;
  if (kernel.lanes == kNoLanes) return -1;
  if (isa.bytes != 64) return limits.narrow;
  return items >= kMany ? std::max(limits.wide, limits.many) : limits.wide;
}

}  // namespace backsolve
