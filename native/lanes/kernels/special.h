// Functions that maps call instead of having them inlined (special.cc): one copy for the loops of map.cc and fused.cc.
#pragma once
#include "../vector/simd.h"

namespace backsolve::BS_ISA::special {

#define BS_SPECIAL1(name)      \
  Vec<float> name(Vec<float>); \
  Vec<double> name(Vec<double>);
#define BS_SPECIAL2(name)                  \
  Vec<float> name(Vec<float>, Vec<float>); \
  Vec<double> name(Vec<double>, Vec<double>);
#include "special.def"

}  // namespace backsolve::BS_ISA::special
