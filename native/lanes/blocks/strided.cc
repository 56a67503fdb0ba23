// Products and triangular solves, once per element type and instruction set.
#include "strided.h"

namespace backsolve::BS_ISA {

BS_STRIDED(, RealLanes<float>)
BS_STRIDED(, RealLanes<double>)
BS_STRIDED(, ComplexLanes<float>)
BS_STRIDED(, ComplexLanes<double>)

}  // namespace backsolve::BS_ISA
