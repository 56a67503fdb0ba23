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

/// About what an instruction takes, in nanoseconds per item, in either layout: enough to choose one, no more. `loops`: that part of `lanes`
/// which suffers where slots leave the second-level cache. `never`: not in lanes.
struct Cost {
  double lanes = 0, single = 0, loops = 0;
  bool never = false;
  void add(const Cost& c, double times = 1) {
    lanes += c.lanes * times;
    single += c.single * times;
    loops += c.loops * times;
    never = never || c.never;
  }
};
/// To go over the elements of a value, `work` multiplications each: a call, and `each` of an element's cost in lanes.
Cost cost_of_loop(Index elements, double work, double each = 1.5);

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
  Cost (*cost)(const Planner& planner, const Instruction& code, int width);
  /// Says how the step computes: `one`, and of Form::lanes `run`, if one group after the other will not do.
  void (*plan)(Planner& planner, Step& step, Form form);
  /// In lanes: whether an operand that is an input or an output of the program is wanted item by item, as the step itself packs or unpacks
  /// it. Null: never.
  bool (*streams)(const Instruction& code, std::size_t operand) = nullptr;
};

}  // namespace backsolve
