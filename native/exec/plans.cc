// Plans that are kept from run to run.
#include <algorithm>

#include "../base/pool.h"
#include "plan.h"

namespace backsolve {

Pattern::Pattern(const Program& program, const Run& run)
    : isa(&backsolve::isa()),
      items(count_of(run.batch.data(), static_cast<int>(run.batch.size()))),
      varies(program.inputs.size(), items == 1),
      layout(run.layout),
      chunk(run.chunk),
      threads(std::min(run.threads > 0 ? run.threads : pool::size(), pool::size())),
      sums(run.sums),
      first_site(0) {
  for (std::size_t i = 0; i < varies.size(); ++i) {
    for (std::size_t d = 0; d < run.batch.size(); ++d) {
      if (run.batch[d] != 1 && run.strides[i][d] != 0) varies[i] = true;
    }
  }
}

Pattern::Pattern(const Pattern& outer, const Control& loop, std::vector<bool> sums_of, int site)
    : isa(outer.isa),
      items(loop.length),
      varies(loop.bodies[0]->inputs.size(), items == 1),
      layout(outer.layout),
      chunk(outer.chunk),
      threads(outer.threads),
      sums(std::move(sums_of)),
      first_site(site) {
  std::fill_n(varies.begin(), loop.mapped, true);
}

std::shared_ptr<const Plan> Plans::of(const Program& program, Pattern pattern) {
  constexpr std::size_t kPlans = 4, kSteps = 100'000;  // plans of long programs are large: fewer of them
  const auto known = [&] { return std::find_if(kept_.begin(), kept_.end(), [&](const Kept& k) { return k.pattern == pattern; }); };
  {
    const std::lock_guard lock(mutex_);
    const auto found = known();
    if (found != kept_.end()) {
      std::rotate(kept_.begin(), found, found + 1);
      return kept_.front().plan;
    }
  }
  auto plan = std::make_shared<const Plan>(make_plan(program, pattern));  // nobody waits for it
  const std::lock_guard lock(mutex_);
  if (known() != kept_.end()) return plan;
  kept_.insert(kept_.begin(), {std::move(pattern), plan});
  const std::size_t most = std::clamp<std::size_t>(kSteps / (plan->steps.size() + 1), 1, kPlans);
  if (kept_.size() > most) kept_.erase(kept_.begin() + static_cast<std::ptrdiff_t>(most), kept_.end());
  return plan;
}

}  // namespace backsolve
