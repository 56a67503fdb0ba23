#include "columns.h"

#include <array>
#include <atomic>
#include <thread>

#include "ends.h"
#include "pool.h"

namespace backsolve::pool {
namespace {

/// How many steps a column has behind it: updates, and its panel.
class Steps {
 public:
  void reach(int steps) {
    done_.store(steps, std::memory_order_release);
    done_.notify_all();
  }
  /// Tasks are taken in an order in which each waits for earlier ones only, so that whoever waits waits for one that runs.
  void wait(int steps) const {
    constexpr int kYields = 50;  // some ten microseconds: panels are late by little
    int done = done_.load(std::memory_order_acquire);
    for (int i = 0; i < kYields && done < steps; ++i) {
      std::this_thread::yield();
      done = done_.load(std::memory_order_acquire);
    }
    if (done >= steps) return;
    const ends::Waiting now;
    for (; done < steps; done = done_.load(std::memory_order_acquire)) done_.wait(done, std::memory_order_acquire);
  }

 private:
  std::atomic<int> done_{0};
};

/// Reaches a step at the end of a scope, also where that throws: others may wait for it.
struct Reached {
  Steps& column;
  int steps;
  ~Reached() { column.reach(steps); }
};

}  // namespace

void columns(Index count, const std::function<void(Index)>& panel, const std::function<void(Index, Index)>& update) {
  if (count == 0) return;
  std::array<Steps, kMostColumns> column;
  std::atomic<bool> stopped{false};
  /// One that throws stops all, and who waits for it does not wait for ever.
  const auto run = [&](Index c, Index steps, const auto& work) {
    const Reached end{column[static_cast<std::size_t>(c)], static_cast<int>(steps)};
    if (stopped.load()) return;
    try {
      work();
    } catch (...) {
      stopped.store(true);
      throw;
    }
  };
  // Task 0 is the first panel; then for each panel the columns behind it, that of the next panel first, with that panel.
  parallel(1 + count * (count - 1) / 2, 0, [&](Index task) {
    if (task == 0) return run(0, 1, [&] { panel(0); });
    Index k = 0, c = task;
    for (; c >= count - k; ++k) c -= count - k - 1;
    c += k;
    column[static_cast<std::size_t>(k)].wait(static_cast<int>(k) + 1);
    column[static_cast<std::size_t>(c)].wait(static_cast<int>(k));
    const bool next = c == k + 1;
    run(c, next ? c + 1 : k + 1, [&] {
      update(k, c);
      if (next) panel(c);
    });
  });
}

}  // namespace backsolve::pool
