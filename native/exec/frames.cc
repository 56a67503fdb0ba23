// How many groups a chunk has, and where in a thread's arena what it needs is: the slots of values, then what steps need beside them. Steps
// with bodies share the room behind: each has its own rooms there and a frame like this one per body.
#include <algorithm>

#include "planner.h"

namespace backsolve {
namespace {

constexpr Index kItemsOfChunk = 64;
constexpr Index kFirstCache = Index{32} << 10;
constexpr Index kSegments = 64;  // of a batch that is summed

}  // namespace

Index Planner::splat_bytes() const {
  Index n = 0;
  for (const int v : plan_.splats) n += round_up(static_cast<Index>(place(v).bytes) * plan_.width);
  for (const Nest& inner : inners_)
    for (const auto& body : inner.bodies) n += body->splat_bytes();
  return n;
}

Index Planner::lay_nest(std::size_t i, Index from, Index groups, Index& hot) {
  const Nest& nest = inners_[i];
  Inner& to = plan_.inners[i];
  to.rooms.clear();
  to.frames.clear();
  Index at = from;
  for (const Index bytes : nest.rooms) {
    to.rooms.push_back(at);
    at += round_up(bytes * groups);
  }
  hot = at - from;
  for (const auto& body : nest.bodies) {
    to.frames.push_back(at);
    at += body->lay_frame(groups);
    hot += body->hot_bytes_;
  }
  return at;
}

Index Planner::marks_of_group() const {
  const Planner* root = this;
  while (root->outer_ != nullptr) root = root->outer_;
  return plan_.width * static_cast<Index>(2 * sizeof(std::int32_t) + static_cast<std::size_t>(root->program_.depth) * sizeof(Index));
}

/// For a chunk of so many groups; returns the bytes of the frame.
Index Planner::lay_frame(Index groups) {
  plan_.inners.resize(inners_.size());
  Index at = allocate(groups, hot_bytes_);
  const auto take = [&](std::size_t& offset, Index bytes) {
    offset = static_cast<std::size_t>(at);
    at += round_up(bytes);
  };
  const Index items = groups * plan_.width;
  take(plan_.temp_offset, static_cast<Index>(plan_.temp_bytes));
  take(plan_.base_offset, static_cast<Index>((Ref::outputs + program_.inputs.size() + program_.outputs.size()) * sizeof(std::uintptr_t)));
  if (outer_ == nullptr) {
    take(plan_.lists_offset, static_cast<Index>(plan_.lists.size()) * items * static_cast<Index>(sizeof(void*)));
    take(plan_.marks_offset, items * 2 * static_cast<Index>(sizeof(std::int32_t)));
    take(plan_.steps_offset, (items + 1) * program_.depth * static_cast<Index>(sizeof(Index)));
    take(plan_.sums_offset, sums_bytes());
  }
  Index end = at, most = 0;
  for (std::size_t i = 0; i < inners_.size(); ++i) {
    Index hot = 0;
    if (inners_[i].hoisted) {
      plan_.hoisted_bytes = std::max(plan_.hoisted_bytes, static_cast<std::size_t>(lay_nest(i, 0, 1, hot)));
      continue;
    }
    end = std::max(end, lay_nest(i, at, plan_.lanes ? groups : 1, hot));
    most = std::max(most, hot);
  }
  const auto is_loop = [](const Step& s) { return s.fused != nullptr; };
  if (std::any_of(plan_.hoisted.begin(), plan_.hoisted.end(), is_loop))
    plan_.hoisted_bytes = std::max(plan_.hoisted_bytes, plan_.temp_offset + static_cast<std::size_t>(plan_.temp_bytes));
  hot_bytes_ += most;
  plan_.arena_bytes = static_cast<std::size_t>(end);
  return end;
}

/// A sum for each output that has one, of groups as they are.
Index Planner::sums_bytes() const {
  Index n = 0;
  for (std::size_t o = 0; o < program_.outputs.size(); ++o) {
    if (summed(o)) n += round_up(static_cast<Index>(place(program_.outputs[o]).bytes) * plan_.width);
  }
  return n;
}

void Planner::choose_chunk() {
  const Index one = std::max<Index>(lay_frame(1), 1);
  Index touched = std::max<Index>(hot_bytes_, 1);  // single layout reads inputs and writes outputs in place
  if (!plan_.lanes) {
    for (const Place& p : plan_.places) touched += (p.per_item && (p.input >= 0 || p.output >= 0)) ? static_cast<Index>(p.bytes) : 0;
  }
  const int threads = plan_.flops < kWorthAThread ? 1 : pattern_.threads;
  if (pattern_.chunk > 0) {
    plan_.chunk = pattern_.chunk;
  } else {
    // In the first-level cache if that leaves enough items to pay for the dispatch, else in half of the second.
    const Index fit = static_cast<Index>(l2_bytes() / 2) / touched, enough = kItemsOfChunk / plan_.width;
    plan_.chunk = std::clamp<Index>(std::max(kFirstCache / touched, enough), 1, std::max<Index>(fit, 1));
    if (threads > 1) plan_.chunk = std::min(plan_.chunk, (plan_.groups - 1) / (4 * threads) + 1);  // some chunks each, for balance
  }
  plan_.chunk = std::clamp<Index>(kMaxArena / one, 1, std::min(plan_.chunk, plan_.groups));
  plan_.segment = plan_.chunk;
  if (plan_.sums) cut_for_sums();
  plan_.chunks = (plan_.groups - 1) / plan_.chunk + 1;
  plan_.tasks = (plan_.groups - 1) / plan_.segment + 1;
  plan_.threads = static_cast<int>(std::min<Index>(threads, plan_.tasks));
  lay_frame(plan_.chunk);
}

/// A batch that is summed is cut by its length alone, so that sums have the same bits for any threads and chunks.
void Planner::cut_for_sums() {
  const Index least = plan_.lanes ? std::max<Index>(kItemsOfChunk / plan_.width, 1) : 1;
  plan_.segment = std::min(std::max((plan_.groups - 1) / kSegments + 1, least), plan_.groups);
  plan_.chunk = std::min(plan_.chunk, plan_.segment);
}

Ref Planner::resolve(const Pending& p) const {
  Ref r;
  if (p.what == Pending::null) return r;
  const Place& at = place(p.value);
  const Index element = static_cast<Index>(size_of(type(p.value).dtype)) * plan_.width;
  const bool item = p.what == Pending::item_form;
  if (p.what == Pending::output) {
    const auto o = static_cast<std::size_t>(p.which);
    r.base = Ref::outputs + p.which + (outer_ == nullptr ? 0 : static_cast<int>(program_.inputs.size()));
    r.stride = outer_ != nullptr ? ports_.out[o] * element : summed(o) ? 0 : static_cast<Index>(at.bytes);
  } else if (item && at.port >= 0) {
    r.base = Ref::outputs + at.port;
    r.stride = at.step * element;
  } else if (p.what == Pending::list || (item && at.per_item && at.input >= 0 && !plan_.lanes)) {
    r.list = at.pointer;
  } else if (item && at.per_item && at.output >= 0 && !plan_.lanes) {
    r.base = Ref::outputs + at.output;
    r.stride = static_cast<Index>(at.bytes);
  } else if (item && at.per_item) {
    r.base = Ref::arena;
    r.offset = at.slot;
    r.stride = at.step * element;
  } else if (item && plan_.lanes) {
    r.base = Ref::shared;
    r.offset = at.splat;
  } else if (at.shared >= 0) {
    r.base = Ref::shared;
    r.offset = at.shared;
  } else if (at.input >= 0) {
    r.base = Ref::outputs + static_cast<int>(program_.outputs.size()) + at.pointer;
  } else {
    r.offset = static_cast<Index>(reinterpret_cast<std::uintptr_t>(at.absolute));
  }
  return r;
}

/// When the chunk is known.
void Planner::finish() {
  plan_.refs.reserve(pending_.size());
  for (const Pending& p : pending_) plan_.refs.push_back(resolve(p));
  for (std::size_t i = 0; i < inners_.size(); ++i) {
    plan_.inners[i].detail = std::move(inners_[i].detail);
    plan_.inners[i].batch = std::move(inners_[i].batch);
    for (const auto& body : inners_[i].bodies) {
      body->finish();
      plan_.inners[i].bodies.push_back(std::move(body->plan_));
    }
  }
}

}  // namespace backsolve
