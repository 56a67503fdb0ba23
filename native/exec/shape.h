// Shapes of one kernel's operands, and what is asked of them whatever the family; the rest is for Family::check. Allocates nothing on
// success.
#pragma once
#include <cmath>
#include <span>
#include <string>

#include "../kernels/table.h"

namespace backsolve {

struct Shape {
  bool present;
  DType dtype;
  const Index* dims;
  int rank;
};

/// Product of dimensions, or -1 where it, or the product with zeros counted as ones, is beyond kMaxElements.
constexpr Index kMaxElements = Index{1} << 40;
Index checked_count(const Index* dims, int rank);
/// Product of dimensions that were checked.
Index count_of(const Index* dims, int rank);

/// Whether an attribute is such an integer; false for NaN.
inline bool integer_within(double x, double low, double high) { return x >= low && x <= high && std::floor(x) == x; }

/// Everything that makes running this kernel on these operands safe. Returns null or what is wrong.
const char* check_kernel(const Kernel& kernel, DType column, std::span<const double> attrs, std::span<const Shape> operands);

/// Whether a batch whose outputs are all empty is left alone. Nothing is computed there but failures, and as its items need no memory there
/// may be more of them than time: they are judged while an item's elements, taken once per item, are few, or no more than `there` are.
/// Beyond that nothing is judged: solve of a singular 3 x 3 matrix and [2^38, 3, 0] does not fail.
constexpr bool unjudged(Index items, double of_item, double there) {
  constexpr double kFew = 1 << 24;
  return items == 0 || of_item == 0 || static_cast<double>(items) * of_item > (there > kFew ? there : kFew);
}

}  // namespace backsolve
