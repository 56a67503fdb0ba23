// One kernel over full shapes. Few small matrices go straight to the kernel; larger work becomes a program of one instruction.
#include "../families/families.h"
#include "program.h"

namespace backsolve {
namespace {

const Kernel& kernel_of(const Eager& e) { return kernels()[static_cast<std::size_t>(e.kernel)]; }

}  // namespace

Outcome execute(const Eager& eager) {
  const Kernel& k = kernel_of(eager);
  if (eager.abort != nullptr && eager.abort->load(std::memory_order_relaxed)) return {.aborted = true, .failures = {}};
  bool aborted = false;
  switch (k.family) {
    case Family::matrix:
      return run_matrix(eager, k);
    case Family::map:
      aborted = run_whole_map(eager, k);
      break;
    case Family::reduce:
      aborted = run_whole_reduce(eager, k);
      break;
    case Family::view:
    case Family::scatter:
      aborted = run_whole_move(eager, k);
      break;
    case Family::band:
      aborted = run_whole_band(eager);
      break;
  }
  return {.aborted = aborted, .failures = {}};
}

}  // namespace backsolve
