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

/// No kernel for small sizes.
template <class L>
constexpr GroupsKernel (*no_small)(const Call&) = nullptr;

/// Behind the template of that name, its workspace and what chooses its kernels for small sizes, in namespace backsolve::BS_ISA.
#define BS_LANES_KERNEL_AND_SMALL(name, Work, small)                \
  template <class L>                                                \
  static constexpr LanesTable::Code code_of_##name() {              \
    return {run_in<Work<L>, name<L>>, bytes_of<Work<L>>, small<L>}; \
  }                                                                 \
  void fill_##name(LanesTable::Code(&)[kFloatTypes]);               \
  void fill_##name(LanesTable::Code(&by_dtype)[kFloatTypes]) {      \
    by_dtype[0] = code_of_##name<RealLanes<float>>();               \
    by_dtype[1] = code_of_##name<RealLanes<double>>();              \
    by_dtype[2] = code_of_##name<ComplexLanes<float>>();            \
    by_dtype[3] = code_of_##name<ComplexLanes<double>>();           \
  }
#define BS_LANES_KERNEL(name, Work) BS_LANES_KERNEL_AND_SMALL(name, Work, no_small)

}  // namespace backsolve::BS_ISA
