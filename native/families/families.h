// The families of kernels. docs/native-boundary.md says what their operands and attributes are.
#pragma once
#include "../exec/family.h"

namespace backsolve::family {

extern const Family matrix, map, reduce, view, scatter, band, join;

}  // namespace backsolve::family
