// The plan as JSON.
#include <cstdio>

#include "plan.h"

namespace backsolve {
namespace {

std::string number(double x) {
  char text[32];
  std::snprintf(text, sizeof text, "%.17g", x);
  return text;
}
std::string number(Index x) { return std::to_string(x); }

std::string quoted(const char* text) {
  std::string s(1, '"');
  s += text;
  s += '"';
  return s;
}

template <class List, class F>
std::string join(const List& list, F&& f) {
  std::string s = "[";
  for (const auto& x : list) {
    if (s.size() > 1) s += ',';
    s += f(x);
  }
  return s + "]";
}

std::string shape(const Program& p, int v) {
  if (v < 0) return "null";
  return join(p.values[static_cast<std::size_t>(v)].dims, [](Index n) { return number(n); });
}

/// Where a value lives: its offset in the arena, or a word.
std::string slot(const Plan& plan, int v) {
  if (v < 0) return "null";
  const Place& p = plan.places[static_cast<std::size_t>(v)];
  if (p.port >= 0) return "\"port\"";
  if (!p.per_item) return "\"shared\"";
  if (plan.lanes && p.first < 0) return "\"stream\"";
  if (!plan.lanes && p.input >= 0) return "\"input\"";
  if (!plan.lanes && p.output >= 0) return "\"output\"";
  return number(p.slot);
}

std::string whole(const Plan& plan);

std::string code(const Plan& plan);

/// Of the bodies of a step.
std::string bodies(const Plan& plan, const Step& s) {
  if (s.inner < 0) return "";
  const Inner& inner = plan.inners[static_cast<std::size_t>(s.inner)];
  if (!inner.batch.empty()) return ",\"batch\":" + whole(inner.batch[0]);
  return ",\"bodies\":" + join(inner.bodies, code);
}

std::string instruction(const Plan& plan, const Step& s, bool hoisted) {
  const Program& p = *plan.program;
  const Instruction& code = *s.code;
  std::vector<int> ids = code.in;
  ids.insert(ids.end(), code.out.begin(), code.out.end());
  std::size_t bytes = 0;
  for (const int v : ids) bytes += v < 0 ? 0 : plan.places[static_cast<std::size_t>(v)].bytes;
  constexpr const char* kForms[] = {"single", "lanes", "adapted"};
  std::string t = "{\"instruction\":" + number(Index{s.instruction}) + ",\"kernel\":\"" + s.kernel->name + "\",\"layout\":\"" +
                  kForms[static_cast<int>(s.form)] + "\"";
  t += ",\"shapes\":" + join(ids, [&](int v) { return shape(p, v); });
  t += ",\"slots\":" + join(ids, [&](int v) { return slot(plan, v); });
  t += std::string(",\"hoisted\":") + (hoisted ? "true" : "false");
  t += ",\"flops\":" + number(s.flops) + ",\"bytes\":" + std::to_string(bytes);
  return t + bodies(plan, s) + "}";
}

/// Of a loop of several: its instructions, and what of their values has memory.
std::string loop(const Plan& plan, const Step& s, bool hoisted) {
  const Program& p = *plan.program;
  std::string t = "{\"instruction\":" + number(Index{s.instruction}) +
                  ",\"kernel\":\"fused\",\"layout\":" + quoted(s.form == Form::lanes ? "lanes" : "single");
  t += ",\"kernels\":" + join(s.fused->instructions, [&](int i) { return quoted(kernel_of(p.code[static_cast<std::size_t>(i)]).name); });
  t += ",\"extents\":" + join(s.fused->extent, [](Index n) { return number(n); });
  t += ",\"tile\":";
  t += s.fused->over_groups ? quoted("groups") : number(s.fused->count);
  if (s.fused->halves) t += ",\"triangle\":true";
  t += ",\"shapes\":" + join(s.fused->values, [&](int v) { return shape(p, v); });
  t += ",\"slots\":" + join(s.fused->values, [&](int v) { return slot(plan, v); });
  std::size_t bytes = 0;
  for (const int v : s.fused->values) bytes += plan.places[static_cast<std::size_t>(v)].bytes;
  t += std::string(",\"hoisted\":") + (hoisted ? "true" : "false");
  return t + ",\"flops\":" + number(s.flops) + ",\"bytes\":" + std::to_string(bytes) + "}";
}

std::string code(const Plan& plan) {
  std::string t = "[";
  const auto add = [&](const Step& s, bool hoisted) {
    if (s.code == nullptr && s.fused == nullptr) return;  // packing and copies
    if (t.size() > 1) t += ',';
    t += s.fused != nullptr ? loop(plan, s, hoisted) : instruction(plan, s, hoisted);
  };
  for (const Step& s : plan.hoisted) add(s, true);
  for (const Step& s : plan.steps) add(s, false);
  return t + "]";
}

std::string whole(const Plan& plan) {
  std::string t = "{\"isa\":\"" + std::string(plan.isa->name) + "\",\"layout\":\"" + (plan.lanes ? "lanes" : "single") + "\"";
  t += ",\"width\":" + number(Index{plan.width}) + ",\"items\":" + number(plan.items) + ",\"chunk\":" + number(plan.chunk);
  t += ",\"chunks\":" + number(plan.chunks) + ",\"threads\":" + number(Index{plan.threads});
  t += ",\"arenaBytes\":" + std::to_string(plan.arena_bytes) + ",\"sharedBytes\":" + std::to_string(plan.shared_bytes);
  return t + ",\"flops\":" + number(plan.flops) + ",\"code\":" + code(plan) + "}";
}

}  // namespace

std::string explain(const Program& program, const Run& run) { return whole(make_plan(program, {program, run})); }

}  // namespace backsolve
