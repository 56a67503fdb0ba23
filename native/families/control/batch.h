// A loop that hands nothing on, of a program that is not in lanes: a run of its body over a batch of its own.
#pragma once
#include "../../exec/planner.h"

namespace backsolve::control {

void plan_batch(Planner& planner, Step& s);

}  // namespace backsolve::control
