// Which instructions share a step, and the step of those that do.
#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "../families/fused.h"
#include "planner.h"

namespace backsolve {
namespace {

/// BACKSOLVE_FUSE=0 has every instruction a step of its own: to measure, and to find faults.
bool fuses() {
  static const bool on = [] {
    const char* const text = std::getenv("BACKSOLVE_FUSE");
    return text == nullptr || std::strcmp(text, "0") != 0;
  }();
  return on;
}

}  // namespace

/// Instructions that run before all items, or those of each, in order, those that may in loops.
std::vector<Unit> Planner::cut(bool hoist) const {
  std::vector<bool> may, apart;
  for (const Instruction& code : program_.code) {
    apart.push_back(hoisted(code) != hoist);
    may.push_back(fuses() && !apart.back() && may_fuse(*this, code));
  }
  return Fuser(program_, std::move(may), std::move(apart)).cut();
}

/// The values that somebody reads from memory.
std::vector<bool> Planner::stored_by(const std::vector<Unit>& units) const {
  std::vector<bool> stored(program_.values.size(), false);
  const auto store = [&](int v) {
    if (v >= 0) stored[static_cast<std::size_t>(v)] = true;
  };
  for (const int v : program_.outputs) store(v);
  for (const Unit& unit : units) {
    if (!unit.loop) {
      for (const int v : program_.code[static_cast<std::size_t>(unit.instruction)].in) store(v);
      continue;
    }
    for (const auto& member : unit.loop->members)
      for (const Access& read : member.reads)
        if (!read.inside) store(read.value);
  }
  return stored;
}

/// One step for all of them; the layout is that of one item where they run before all items.
void Planner::add_loop(const FusedLoop& loop, const std::vector<int>& sites, const std::vector<bool>& stored, bool hoist) {
  FusedPlan made = plan_fused(*this, program_, loop, stored);
  if (made.loop.values.empty()) return;
  const int site = sites[static_cast<std::size_t>(loop.members.front().instruction)];
  std::vector<int> outputs;
  for (const auto& member : loop.members) {
    const int v = program_.code[static_cast<std::size_t>(member.instruction)].out[0];
    if (!member.again && std::find(made.loop.values.begin(), made.loop.values.end(), v) != made.loop.values.end()) outputs.push_back(v);
  }
  for (const int v : made.loop.values)
    if (plan_.lanes && std::find(outputs.begin(), outputs.end(), v) == outputs.end()) bring(v, site);
  for (const int v : outputs) {
    if (hoist)
      share(v);
    else if (place(v).port < 0 && (plan_.lanes || place(v).output < 0))
      define(v);
  }
  for (const int v : made.symmetric) symmetric_[static_cast<std::size_t>(v)] = true;
  need_items(made.temporary);
  Step s{};
  s.run = run_fused;
  s.instruction = site;
  s.refs = static_cast<int>(pending_.size());
  s.operands = static_cast<int>(made.loop.values.size());
  s.inner = -1;
  s.form = plan_.lanes ? Form::lanes : Form::single;
  s.flops = made.flops;
  const double times = hoist ? 1 : static_cast<double>(plan_.items);
  plan_.flops += made.flops * times;
  const std::vector<int> values = made.loop.values;
  for (const int v : values) {
    pending_.push_back({hoist ? Pending::hoisted_form : Pending::item_form, v});
    if (!hoist) use(v);
    plan_.flops += static_cast<double>(place(v).count) * times;
  }
  plan_.fused.push_back(std::make_unique<const Fused>(std::move(made.loop)));
  s.fused = plan_.fused.back().get();
  (hoist ? plan_.hoisted : plan_.steps).push_back(s);
  for (const int v : outputs)
    if (!hoist) give(v, site);
}

}  // namespace backsolve
