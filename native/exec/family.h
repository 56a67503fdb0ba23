// What a family of kernels gives to checks, eager calls and plans: one value of this per family (families/), and whoever is here asks it
// and knows no family.
#pragma once
#include <span>

#include "program.h"
#include "shape.h"

namespace backsolve {

struct Step;
class Planner;

/// How a step goes over a chunk. adapted: a plan in lanes, a kernel without code for them.
enum class Form { single, lanes, adapted };

/// What one instruction says on whether its program is to run in lanes: never; lanes pay for it; only if others ask for them; if nobody
/// computes matrices, as its loops over one item are short; nothing.
enum class Vote { never, pays, costs, short_loops, none };

struct Family {
  const char* name;  // docs/native-boundary.md
  bool judges;       // its kernels may fail: they look at their inputs also where there is nothing to compute
  /// Whether the kernel has code for this dtype, and code for its lanes.
  bool (*computes)(const Kernel& kernel, DType column);
  bool (*in_lanes)(const Kernel& kernel, DType column, const LanesTable& isa);
  /// Attributes and shapes. Returns null or what is wrong.
  const char* (*check)(const Kernel& kernel, std::span<const double> attrs, std::span<const Shape> operands);
  /// The kernel over full shapes.
  Outcome (*whole)(const Eager& eager, const Kernel& kernel);
  Vote (*vote)(const Planner& planner, const Instruction& code, int width);
  /// Says how the step computes: `one`, and of Form::lanes `run`, if one group after the other will not do.
  void (*plan)(Planner& planner, Step& step, Form form);
  /// In lanes: whether an operand that is an input or an output of the program is wanted item by item, as the step itself packs or unpacks
  /// it. Null: never.
  bool (*streams)(const Instruction& code, std::size_t operand) = nullptr;
};

}  // namespace backsolve
