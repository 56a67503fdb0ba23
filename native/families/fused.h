// Loops of several instructions.
#pragma once
#include "../exec/planner.h"

namespace backsolve {

/// Whether an instruction may be part of one.
bool may_fuse(const Planner& planner, const Instruction& code);

struct FusedPlan {
  Fused loop;
  Index temporary = 0;  // bytes
  double flops = 0;
  std::vector<int> symmetric = {};  // values that are so
};
/// `stored`: per value, whether somebody else reads it.
FusedPlan plan_fused(const Planner& planner, const Program& program, const FusedLoop& loop, const std::vector<bool>& stored);
void run_fused(const Step&, Chunk&);

}  // namespace backsolve
