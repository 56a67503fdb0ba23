// Where in the arena values live, and when their room is free for others.
#include <map>
#include <set>
#include <utility>

#include "planner.h"

namespace backsolve {
namespace {

/// Free memory below `top`: gaps that never touch each other.
class Gaps {
 public:
  /// Where `bytes` fit best, the lowest such place; where none fits, the end, which moves.
  Index take(Index bytes) {
    const auto fit = by_size_.lower_bound({bytes, 0});
    if (fit == by_size_.end()) return std::exchange(top_, top_ + bytes);
    const auto [size, from] = *fit;
    remove(by_offset_.find(from));
    add(from + bytes, size - bytes);
    return from;
  }
  void give(Index from, Index bytes) {
    if (bytes == 0) return;
    Index end = from + bytes;
    auto next = by_offset_.lower_bound(from);
    if (next != by_offset_.end() && next->first == end) {
      end += next->second;
      next = remove(next);
    }
    if (next != by_offset_.begin()) {
      const auto before = std::prev(next);
      if (before->first + before->second == from) {
        from = before->first;
        remove(before);
      }
    }
    add(from, end - from);
  }
  Index top() const { return top_; }

 private:
  std::map<Index, Index> by_offset_;           // to size
  std::set<std::pair<Index, Index>> by_size_;  // with offset
  Index top_ = 0;

  void add(Index from, Index size) {
    if (size == 0) return;
    by_offset_.emplace(from, size);
    by_size_.emplace(size, from);
  }
  std::map<Index, Index>::iterator remove(std::map<Index, Index>::iterator gap) {
    by_size_.erase({gap->second, gap->first});
    return by_offset_.erase(gap);
  }
};

}  // namespace

/// Lists of the values that each step is the first or the last to touch: `head` of a step, `next` of a value, -1 at the end.
void Planner::find_lifetimes() {
  const std::size_t steps = plan_.steps.size() + 1;
  for (Lifetime* l : {&born_, &dies_}) {
    l->head.assign(steps, -1);
    l->next.assign(plan_.places.size(), -1);
  }
  const auto add = [](Lifetime& l, int step, int value) {
    l.next[static_cast<std::size_t>(value)] = l.head[static_cast<std::size_t>(step)];
    l.head[static_cast<std::size_t>(step)] = value;
  };
  for (std::size_t v = 0; v < plan_.places.size(); ++v) {
    const Place& p = plan_.places[v];
    if (p.first < 0) continue;
    add(born_, p.first, static_cast<int>(v));
    add(dies_, p.last, static_cast<int>(v));
  }
}

/// Best fit, with slots for `groups` groups; returns the bytes needed, in `hot` those before what is touched part by part. Values are freed
/// after their last step.
Index Planner::allocate(Index groups, Index& hot) {
  if (born_.head.empty()) find_lifetimes();
  Gaps kinds[2];
  const auto gaps = [&](int v) -> Gaps& { return kinds[place(v).cold ? 1 : 0]; };
  const auto bytes = [&](int v) { return round_up(lane_bytes(v) * groups); };
  for (std::size_t i = 0; i < born_.head.size(); ++i) {
    for (int v = born_.head[i]; v >= 0; v = born_.next[static_cast<std::size_t>(v)]) mutable_place(v).slot = gaps(v).take(bytes(v));
    for (int v = dies_.head[i]; v >= 0; v = dies_.next[static_cast<std::size_t>(v)]) gaps(v).give(place(v).slot, bytes(v));
  }
  hot = kinds[0].top();
  for (Place& p : plan_.places) {
    if (p.cold && p.first >= 0) p.slot += hot;
  }
  return hot + kinds[1].top();
}

}  // namespace backsolve
