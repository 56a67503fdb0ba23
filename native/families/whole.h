// Loops over whole tensors, cut into tasks for the pool.
#pragma once
#include <algorithm>

#include "../base/pool.h"
#include "../exec/program.h"
#include "../exec/shape.h"
#include "loops.h"

namespace backsolve {

inline char* data_of(const Operand& o) {
  return o.present && o.data != nullptr ? static_cast<char*>(o.data) + o.offset * static_cast<Index>(size_of(o.dtype)) : nullptr;
}

inline int rank_of(const Operand& o) { return static_cast<int>(o.dims.size()); }

inline Index count(const Operand& o) { return count_of(o.dims.data(), rank_of(o)); }

constexpr Index kGrain = 32768;  // elements that one task of a map or reduction takes; fixed, so that bits do not depend on threads

/// Calls body(task) on the pool until the abort flag is seen. Returns whether it was.
template <class F>
bool tasks(const Eager& e, Index n, F&& body) {
  std::atomic<bool> aborted{false};
  pool::parallel(n, 0, [&](Index task) {
    if (e.abort != nullptr && e.abort->load(std::memory_order_relaxed)) {
      aborted.store(true, std::memory_order_relaxed);
      return;
    }
    body(task);
  });
  return aborted.load(std::memory_order_relaxed);
}

/// Tasks of about kGrain elements: several whole rows, or parts of one.
template <class F>
bool split_loops(const Eager& e, const Loops& loops, F&& part) {
  const Index inner = loops.inner(), rows = loops.rows();
  if (inner == 0 || rows == 0) return false;
  if (inner > kGrain) {
    const Index parts = (inner - 1) / kGrain + 1;
    return tasks(e, rows * parts, [&](Index t) {
      const Index row = t / parts, from = t % parts * kGrain;
      part(row, row + 1, from, std::min(inner, from + kGrain));
    });
  }
  const Index together = std::max<Index>(kGrain / inner, 1);
  return tasks(e, (rows - 1) / together + 1, [&](Index t) { part(t * together, std::min(rows, (t + 1) * together), Index{0}, inner); });
}

}  // namespace backsolve
