// The families of kernels. docs/native-boundary.md says what their operands and attributes are.
#pragma once
#include "../exec/family.h"

namespace backsolve::family {

extern const Family matrix, map, reduce, read_strided, write_strided, update_strided, band, join, random;
extern const Family loop, cond, repeat;  // of instructions with bodies: control/

}  // namespace backsolve::family
