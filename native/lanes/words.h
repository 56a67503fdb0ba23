// The names of the kernels that have code for lanes.
#pragma once
#include "lanes.h"

namespace backsolve {

enum class Lanes : int {
#define BS_LANES(name) name,
#include "kernels.def"
  count
};

}  // namespace backsolve
