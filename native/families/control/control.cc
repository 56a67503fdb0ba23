#include "control.h"

#include <cstring>

namespace backsolve {
namespace {

constexpr Kernel kControls[] = {{"loop", family::loop}, {"cond", family::cond}, {"while", family::repeat}};

}  // namespace

const Kernel& kernel_of(const Instruction& code) {
  return code.control == nullptr ? kernels()[static_cast<std::size_t>(code.kernel)] : kControls[static_cast<int>(code.control->kind)];
}

namespace control {

bool computes(const Kernel&, DType) { return false; }
bool in_lanes(const Kernel&, DType, const LanesTable&) { return true; }
const char* check(const Kernel&, std::span<const double>, std::span<const Shape>) { return "not a kernel"; }
Outcome whole(const Eager&, const Kernel&) { return {}; }

/// In lanes both sides of a condition run.
Cost cost(const Planner& planner, const Instruction& code, int width) {
  const Control& k = *code.control;
  const double runs = k.kind == Control::Kind::cond ? 1 : static_cast<double>(std::max<Index>(k.length, 1));
  Cost all;
  for (const auto& body : k.bodies) all.add(const_cast<Planner&>(planner).cost(*body, width), runs);
  if (k.kind == Control::Kind::cond) all.single /= 2;
  return all;
}

Index step_of(const Planner& planner, const Step& s, int value) { return s.form == Form::single ? 0 : planner.place(value).step; }

Value value_of(const Planner& planner, const Step& s, std::size_t i) {
  const auto inputs = static_cast<std::size_t>(s.inputs);
  const int v = i < inputs ? s.code->in[i] : s.code->out[i - inputs];
  const Place& p = planner.place(v);
  const Index width = s.form == Form::single ? 1 : planner.width();
  return {static_cast<int>(i), p.count, planner.type(v).dtype, static_cast<Index>(p.bytes) * width,
          s.form == Form::single || p.step == p.count};
}

Value unwanted(const Planner& planner, const Step& s, const Type& t) {
  const Index width = s.form == Form::single ? 1 : planner.width(), count = count_of(t.dims.data(), static_cast<int>(t.dims.size()));
  return {-1, count, t.dtype, count * static_cast<Index>(size_of(t.dtype)) * width, false};
}

Body::Body(Chunk& caller, const Inner& inner, std::size_t which, Groups groups) : chunk(caller), caller_(caller) {
  const Plan& plan = inner.bodies[which];
  const Index item = groups.first * caller.plan->width;
  char* const frame = reinterpret_cast<char*>(caller.base[Ref::arena]) + inner.frames[which];
  auto* const base = reinterpret_cast<std::uintptr_t*>(frame + plan.base_offset);
  base[Ref::absolute] = 0;
  base[Ref::shared] = caller.base[Ref::shared];
  base[Ref::arena] = reinterpret_cast<std::uintptr_t>(frame);
  port_ = base + Ref::outputs;
  chunk.plan = &plan;
  chunk.first_item += item;
  chunk.items = std::min(caller.items - item, groups.count * caller.plan->width);
  chunk.groups = groups.count;
  chunk.base = base;
  chunk.lists = nullptr;
  chunk.failed += item;
  chunk.info += item;
  chunk.steps += item * caller.depth;
  chunk.done = nullptr;
}

bool Body::run() {
  for (const Step& s : chunk.plan->steps) {
    s.run(s, chunk);
    if (chunk.stopped) break;
  }
  if (chunk.failed == caller_.failed + (chunk.first_item - caller_.first_item)) caller_.any_failed |= chunk.any_failed;
  caller_.stopped |= chunk.stopped;
  return !chunk.stopped;
}

void copy_groups(const Value& v, Index groups, char* to, Index to_step, const char* from, Index from_step) {
  if (v.bytes == 0) return;
  for (Index g = 0; g < groups; ++g) std::memcpy(to + g * to_step, from + g * from_step, static_cast<std::size_t>(v.bytes));
}

void select_groups(const Plan& plan, const Value& v, Index groups, const char* mask, Index mask_step, char* to, Index to_step,
                   const char* a, Index a_step, const char* b, Index b_step) {
  if (v.count == 0) return;
  const bool wide = plan.width * 8 == plan.isa->bytes;
  const auto where = plan.isa->map_lanes[static_cast<int>(Map::where)][lane_column(v.dtype, wide)];
  constexpr Index kStrides[4] = {1, 0, 1, 1};
  for (Index g = 0; g < groups; ++g) {
    const void* const in[3] = {mask + g * mask_step, a + g * a_step, b + g * b_step};
    where(to + g * to_step, in, v.count, kStrides);
  }
}

Marks::Marks(Chunk& c, Groups groups, char* room)
    : c_(c), first_(groups.first * c.plan->width), items_(std::min(c.items - first_, groups.count * c.plan->width)) {
  const Index most = groups.count * c.plan->width;
  steps_ = reinterpret_cast<Index*>(room);
  failed_ = reinterpret_cast<std::int32_t*>(steps_ + most * c.depth);
  info_ = failed_ + most;
  for (Index i = 0; i < items_; ++i) failed_[i] = skips(c, first_ + i) ? kLeftOut : -1;
}

void Marks::use_in(Chunk& body) {
  body.failed = failed_;
  body.info = info_;
  body.steps = steps_;
  body.any_failed = std::any_of(failed_, failed_ + items_, [](std::int32_t f) { return f >= 0; });
}

void Marks::report() {
  for (Index i = 0; i < items_; ++i) {
    if (failed_[i] < 0 || failed_[i] == kLeftOut) continue;
    const Index item = first_ + i;
    c_.failed[item] = failed_[i];
    c_.info[item] = info_[i];
    std::copy_n(steps_ + i * c_.depth, c_.depth, c_.steps + item * c_.depth);
    c_.any_failed = true;
    failed_[i] = kLeftOut;
  }
}

}  // namespace control
}  // namespace backsolve
