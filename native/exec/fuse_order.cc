// When units come: loops stay open to what may join them until somebody reads what they compute, and elements that only move wait likewise.
#include <algorithm>

#include "../families/families.h"
#include "fuse.h"

namespace backsolve {
namespace {

constexpr int kTries = 8;  // open loops that an instruction may join, the last ones

/// It only says where elements go: done when somebody reads them, it parts no loops.
bool only_moves(const Instruction& c) {
  if (c.control != nullptr) return false;
  const Family* const f = kernel_of(c).family;
  return f == &family::write_strided || f == &family::update_strided || f == &family::band || f == &family::join;
}

}  // namespace

std::vector<Unit> Fuser::cut() {
  for (std::size_t i = 0; i < program_.code.size(); ++i)
    if (!apart_[i]) place(static_cast<int>(i));
  for (std::size_t i = 0; i < program_.code.size(); ++i) {
    if (!apart_[i]) continue;
    for (const int v : program_.code[i].in)
      if (v >= 0) need(v);
  }
  for (const int v : program_.outputs) need(v);
  return std::move(units_);
}

void Fuser::place(int i) {
  const Instruction& c = code(i);
  const auto at = static_cast<std::size_t>(i);
  if (!fusable_[at]) {
    // One after the other they do not wait: chains of them may be long.
    const auto waiting = [&](int v) { return v >= 0 && waits(seen(v)); };
    if (only_moves(c) && std::none_of(c.in.begin(), c.in.end(), waiting)) return static_cast<void>(waits_[at] = true);
    for (const int v : c.in)
      if (v >= 0) need(v);
    units_.push_back({i});
    return;
  }
  if (is_view(c.out[0])) return;  // when somebody reads it
  int tries = 0;
  for (auto l = open_.rbegin(); l != open_.rend() && tries < kTries; ++l, ++tries) {
    FusedLoop joined = l->second;
    const std::size_t members = joined.members.size();
    if (!join(joined, i)) continue;
    const std::set<int> first = before(joined, members);
    const int number = l->first;
    if (std::any_of(first.begin(), first.end(), [&](int other) { return reaches(other, number); })) continue;
    l->second = std::move(joined);
    loop_of(c.out[0]) = number;
    after_[number].insert(first.begin(), first.end());
    need_views(number, members);
    return;
  }
  begin(i);
}

bool Fuser::waits(int value) const {
  const int i = producer(value);
  return i >= 0 && waits_[static_cast<std::size_t>(i)];
}

/// The open loops that have to be done before a value is in memory.
void Fuser::find_before(int value, std::set<int>& loops) const {
  const auto add = [&](int v) {
    if (const int l = v < 0 ? -1 : loop_of(seen(v)); l >= 0) loops.insert(l);
  };
  add(value);
  if (const int source = seen(value); waits(source))
    for (const int v : code(producer(source)).in) add(v);
}

/// The open loops that compute what members of this one, from number `from` on, read from memory.
std::set<int> Fuser::before(const FusedLoop& loop, std::size_t from) const {
  std::set<int> loops;
  for (std::size_t m = from; m < loop.members.size(); ++m)
    for (const auto& read : loop.members[m].reads)
      if (!read.inside) find_before(read.value, loops);
  return loops;
}

/// Views that no strides lead through get memory.
void Fuser::need_views(int loop, std::size_t from) {
  std::vector<int> views;
  const FusedLoop& l = open_.at(loop);
  for (std::size_t m = from; m < l.members.size(); ++m)
    for (const Access& read : l.members[m].reads)
      if (!read.inside && is_view(read.value)) views.push_back(read.value);
  for (const int v : views) need(v);
}

/// Whether a loop is, or waits for, another.
bool Fuser::reaches(int loop, int other) const {
  if (loop == other) return true;
  const auto after = after_.find(loop);
  return after != after_.end() && std::any_of(after->second.begin(), after->second.end(), [&](int l) { return reaches(l, other); });
}

/// A loop of its own.
void Fuser::begin(int i) {
  const Instruction& c = code(i);
  FusedLoop loop;
  for (const Index n : dims(is_reduction(c) ? c.in[0] : c.out[0]))
    if (n > 1) loop.extent.push_back(n);
  loop.inner.assign(loop.extent.size(), false);
  // Cheap values that it reads in two directions, as of d + dᵀ, cannot be there in both: they get memory.
  if (!join(loop, i)) join(loop, i, kDepth);
  after_[loops_] = before(loop, 0);
  loop_of(c.out[0]) = loops_;
  open_.emplace(loops_, std::move(loop));
  need_views(loops_++, 0);
}

/// A value that somebody reads from memory.
void Fuser::need(int value) {
  if (const int l = loop_of(value); l >= 0) return close(l);
  const bool view = is_view(value);
  if (!view && !waits(value)) return;
  const int i = producer(value);
  for (const int v : code(i).in)
    if (v >= 0) need(v);
  (view ? stored_ : waits_)[static_cast<std::size_t>(i)] = view;
  units_.push_back({i});
}

void Fuser::close(int l) {
  const auto at = open_.find(l);
  if (at == open_.end()) return;
  const std::set<int> first = std::move(after_[l]);
  after_.erase(l);
  for (const int other : first) close(other);
  for (const auto& m : at->second.members)
    for (const Access& read : m.reads)
      if (!read.inside && waits(read.value)) need(read.value);
  for (auto& m : at->second.members) {
    int& of = loop_of(code(m.instruction).out[0]);
    m.again = of != l;
    if (of == l) of = -1;
  }
  const auto& [one, axes, reads, cost, again] = at->second.members.front();
  const auto plain = [&, i = std::size_t{0}](const Access& read) mutable { return read.value == code(one).in[i++]; };
  if (at->second.members.size() == 1 && std::all_of(reads.begin(), reads.end(), plain))
    units_.push_back({one});
  else
    units_.push_back({-1, std::move(at->second)});
  open_.erase(at);
}

}  // namespace backsolve
