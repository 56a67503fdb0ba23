// Parts of the check of a program.
#pragma once
#include "program.h"

namespace backsolve {

/// An instruction with bodies, of known operands: their numbers and types against those of the bodies. Returns "" or what is wrong.
std::string check_control(const Program& p, const Instruction& code);

}  // namespace backsolve
