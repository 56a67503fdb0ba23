// Who fills which part of an instruction set's table.
#pragma once
#include "lanes.h"

namespace backsolve::BS_ISA {

void fill_map(LanesTable&);
void fill_reduce(LanesTable&);
void fill_pack(LanesTable&);
void fill_random(LanesTable&);

#define BS_LANES(name) void fill_##name(LanesKernel(&by_dtype)[kFloatTypes]);
#include "kernels.def"
/// Behind the template of that name, in namespace backsolve::BS_ISA.
#define BS_LANES_KERNEL(name)                             \
  void fill_##name(LanesKernel(&by_dtype)[kFloatTypes]) { \
    by_dtype[0] = name<RealLanes<float>>;                 \
    by_dtype[1] = name<RealLanes<double>>;                \
    by_dtype[2] = name<ComplexLanes<float>>;              \
    by_dtype[3] = name<ComplexLanes<double>>;             \
  }

}  // namespace backsolve::BS_ISA
