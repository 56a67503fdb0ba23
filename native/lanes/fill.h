// Who fills which part of an instruction set's table.
#pragma once
#include "lanes.h"

namespace backsolve::BS_ISA {

void fill_map(LanesTable&);
void fill_plain(LanesTable&);
void fill_reduce(LanesTable&);
void fill_fused(LanesTable&);
void fill_pack(LanesTable&);
void fill_random(LanesTable&);

/// A kernel f(call, workspace, info), as the table has it.
template <class Work, void (*f)(const Call&, const Work&, std::int32_t*)>
void run_in(const Call& call, Arena&& arena, std::int32_t* info) {
  arena.spoil();
  const Work work(arena, call);
  arena.settle();
  f(call, work, info);
}
template <class Work>
std::size_t bytes_of(const Call& call) {
  Arena count;
  const Work work(count, call);
  static_cast<void>(work);
  return count.used();
}
template <class L>
struct NoWork {
  NoWork(Arena&, const Call&) {}
};

/// Behind the template of that name and its workspace, in namespace backsolve::BS_ISA.
#define BS_LANES_KERNEL(name, Work)                                                                                       \
  void fill_##name(LanesTable::Code(&)[kFloatTypes]);                                                                     \
  void fill_##name(LanesTable::Code(&by_dtype)[kFloatTypes]) {                                                            \
    by_dtype[0] = {run_in<Work<RealLanes<float>>, name<RealLanes<float>>>, bytes_of<Work<RealLanes<float>>>};             \
    by_dtype[1] = {run_in<Work<RealLanes<double>>, name<RealLanes<double>>>, bytes_of<Work<RealLanes<double>>>};          \
    by_dtype[2] = {run_in<Work<ComplexLanes<float>>, name<ComplexLanes<float>>>, bytes_of<Work<ComplexLanes<float>>>};    \
    by_dtype[3] = {run_in<Work<ComplexLanes<double>>, name<ComplexLanes<double>>>, bytes_of<Work<ComplexLanes<double>>>}; \
  }

}  // namespace backsolve::BS_ISA
