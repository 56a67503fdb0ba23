// What instructions with bodies share.
#pragma once
#include "../../exec/steps.h"
#include "../families.h"

namespace backsolve::control {

inline const Inner& inner_of(const Step& s, const Chunk& c) { return c.plan->inners[static_cast<std::size_t>(s.inner)]; }
inline bool in_lanes(const Step& s) { return s.form != Form::single; }

/// Groups of a chunk that a step works on at a time: all in lanes, else one.
struct Groups {
  Index first, count;
};
/// Calls f(groups) for all groups of the chunk that have not failed.
template <class F>
void for_groups(const Step& s, Chunk& c, F&& f) {
  if (in_lanes(s)) return static_cast<void>(f(Groups{0, c.groups}));
  for (Index g = 0; g < c.groups && !c.stopped; ++g) {
    if (!skips(c, g)) f(Groups{g, 1});
  }
}

inline char* room(const Chunk& c, const Inner& inner, int i) {
  return reinterpret_cast<char*>(c.base[Ref::arena]) + inner.rooms[static_cast<std::size_t>(i)];
}

/// A body in its frame, for some groups of its caller's chunk.
class Body {
 public:
  Body(Chunk& caller, const Inner& inner, std::size_t which, Groups groups);
  void set(std::size_t port, const char* at) { port_[port] = reinterpret_cast<std::uintptr_t>(at); }
  /// With the caller's marks of who failed. Whether to go on.
  bool run();
  /// With others.
  Chunk chunk;

 private:
  Chunk& caller_;
  std::uintptr_t* port_;  // inputs, then outputs
};

/// An operand, as far as it is copied or chosen.
struct Value {
  int operand;  // of the step; -1: nobody wants it
  Index count;  // elements
  DType dtype;
  Index bytes;  // of a group
  bool dense;   // its groups lie side by side, so that a body can take the place for its own
};
/// Of operand i of a step.
Value value_of(const Planner& planner, const Step& s, std::size_t i);
/// One that nobody wants, of that type.
Value unwanted(const Planner& planner, const Step& s, const Type& type);

/// Copies groups; steps in bytes.
void copy_groups(const Value& v, Index groups, char* to, Index to_step, const char* from, Index from_step);
/// to = mask ? a : b, lane by lane; masks have a byte per lane.
void select_groups(const Plan& plan, const Value& v, Index groups, const char* mask, Index mask_step, char* to, Index to_step,
                   const char* a, Index a_step, const char* b, Index b_step);

/// Marks of who failed, beside those of the caller: items that are not looked at count as failed before.
class Marks {
 public:
  /// In memory of Planner::marks_of_group() per group. Nobody failed but who did in `c`.
  Marks(Chunk& c, Groups groups, char* room);
  void use_in(Chunk& body);
  void leave_out(Index item) { failed_[item] = kLeftOut; }
  bool looks_at(Index item) const { return failed_[item] < 0; }
  /// What failed since goes to the caller's.
  void report();

 private:
  static constexpr std::int32_t kLeftOut = INT32_MAX;
  Chunk& c_;
  const Index first_, items_;
  std::int32_t *failed_, *info_;
  Index* steps_;
};

/// Whether these bodies are worth lanes.
Cost cost(const Planner& planner, const Instruction& code, int width);
/// Where the elements of a step's operand come after those of the group before.
Index step_of(const Planner& planner, const Step& s, int value);

// What kernels have and instructions with bodies do not.
bool computes(const Kernel&, DType);
bool in_lanes(const Kernel&, DType, const LanesTable&);
const char* check(const Kernel&, std::span<const double>, std::span<const Shape>);
Outcome whole(const Eager&, const Kernel&);

}  // namespace backsolve::control
