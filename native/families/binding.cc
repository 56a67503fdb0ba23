#include "binding.h"

#include <algorithm>
#include <cmath>

#include "../base/lapack/lapack.h"

namespace backsolve {

Index Binding::item_count(int operand) const {
  Index n = 1;
  for (int d = 0; d < signature->rank[operand]; ++d) n *= dims[signature->letter[operand][d]];
  return n;
}

const char* bind(const Kernel& kernel, const double* attrs, const Shape* operands, Binding& binding) {
  binding.signature = &kernel.signature(attrs);
  const Signature& s = *binding.signature;
  std::fill_n(binding.dims, kMaxDims, Index{-1});
  for (int i = 0; i < s.operands; ++i) {
    const Shape& shape = operands[i];
    if (!shape.present) continue;
    const int lead = shape.rank - s.rank[i];
    if (lead < 0) return "an operand has too few dimensions";
    for (int d = 0; d < s.rank[i]; ++d) {
      Index& bound = binding.dims[s.letter[i][d]];
      const Index n = shape.dims[lead + d];
      if (!la::fits(n)) return "a matrix is too large for LAPACK";
      if (bound >= 0 && bound != n) return "sizes of matrices disagree";
      bound = n;
    }
    if (i < kernel.inputs) binding.outer_rank = std::max(binding.outer_rank, lead);
  }
  for (int l = 0; l < s.letters(); ++l) {
    if (s.meet[l][0] == s.meet[l][1]) continue;
    const Index a = binding.dims[s.meet[l][0]], b = binding.dims[s.meet[l][1]];
    if (a < 0 || b < 0) return "a size is not given by any operand";
    if (binding.dims[l] >= 0 && binding.dims[l] != std::min(a, b)) return "sizes of matrices disagree";
    binding.dims[l] = std::min(a, b);
  }
  if (std::find(binding.dims, binding.dims + s.letters(), -1) != binding.dims + s.letters()) return "a size is not given by any operand";
  std::fill_n(binding.outer, binding.outer_rank, Index{1});
  for (int i = 0; i < s.operands; ++i) {
    const Shape& shape = operands[i];
    if (!shape.present) continue;
    const int lead = shape.rank - s.rank[i], skip = binding.outer_rank - lead;
    if (i >= kernel.inputs && skip != 0) return "an output has the wrong leading dimensions";
    for (int d = 0; d < lead; ++d) {
      Index& n = binding.outer[skip + d];
      if (i >= kernel.inputs ? shape.dims[d] != n : shape.dims[d] != 1 && n != 1 && shape.dims[d] != n)
        return "leading dimensions disagree";
      if (n == 1) n = shape.dims[d];
    }
  }
  binding.outer_count = checked_count(binding.outer, binding.outer_rank);
  return binding.outer_count < 0 ? "leading dimensions are too large" : nullptr;
}

Index extent(const Kernel& kernel, const Binding& b) {
  if (kernel.limits.area) return static_cast<Index>(std::sqrt(static_cast<double>(b.dims[0] * b.dims[1])));
  return *std::max_element(b.dims, b.dims + b.signature->letters());
}

double matrix_flops(const Kernel& kernel, const Binding& b) {
  if (kernel.flops == 0) {
    double moved = 0;
    for (int i = 0; i < b.signature->operands; ++i) moved += static_cast<double>(b.item_count(i));
    return moved;
  }
  const auto size = [&](int letter) { return static_cast<double>(b.dims[letter]); };
  switch (b.signature->letters()) {
    case 0:
      return kernel.flops;
    case 1:
      return kernel.flops * size(0) * size(0) * size(0);
    case 2:
      return (kernel.limits.factors * size(0) + kernel.flops * size(1)) * size(0) * size(0);
    case 3:
      return (kernel.limits.factors * size(1) + kernel.flops * size(2)) * size(0) * size(1);
    default:
      return kernel.flops * size(0) * size(1) * (size(2) + size(3));
  }
}

}  // namespace backsolve
