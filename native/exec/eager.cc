// One kernel over full shapes.
#include "family.h"

namespace backsolve {

Outcome execute(const Eager& eager) {
  const Kernel& kernel = kernels()[static_cast<std::size_t>(eager.kernel)];
  if (eager.abort != nullptr && eager.abort->load(std::memory_order_relaxed)) return {.aborted = true, .failures = {}};
  return kernel.family->whole(eager, kernel);
}

}  // namespace backsolve
