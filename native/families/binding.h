// What a matrix kernel's signature makes of the shapes of its operands.
#pragma once
#include "../exec/shape.h"

namespace backsolve {

struct Binding {
  const Signature* signature = nullptr;
  Index dims[kMaxDims];  // of the letters
  int outer_rank = 0;    // leading dimensions, broadcast over the present operands
  Index outer[kMaxRank];
  Index outer_count = 1;
  /// Elements of one matrix operand.
  Index item_count(int operand) const;
};

/// Binds the letters and the leading dimensions of a matrix kernel. Returns null or what is wrong.
const char* bind(const Kernel& kernel, const double* attrs, const Shape* operands, Binding& binding);

/// The size that limits are about.
Index extent(const Kernel& kernel, const Binding& binding);

/// Estimated operations of one matrix of a matrix kernel.
double matrix_flops(const Kernel& kernel, const Binding& binding);

}  // namespace backsolve
