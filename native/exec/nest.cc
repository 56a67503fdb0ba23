// Plans of bodies within that of their program.
#include "planner.h"

namespace backsolve {

/// A body, whose items are those of the program around it: what is counted is counted for one.
Planner::Planner(const Program& body, Planner& outer, int first_site, int level, int width)
    : program_(body), pattern_(outer.pattern_), outer_(&outer), first_site_(first_site), level_(level) {
  plan_.program = &body;
  plan_.isa = pattern_.isa;
  plan_.items = 1;
  plan_.width = std::max(width, 1);
  plan_.lanes = width > 0;
}

/// Of a body: what is not a constant may differ from item to item.
void Planner::place_ports(const Ports& ports) {
  measure_values();
  ports_ = ports;
  for (Place& p : plan_.places) p.per_item = true;
  for (const int v : program_.constants) mutable_place(v).per_item = false;
  for (Place& p : plan_.places) p.step = p.per_item ? p.count : 0;
  const auto take = [&](int v, std::size_t port, Index step) {
    Place& p = mutable_place(v);
    if (p.port >= 0 || !p.per_item) return;
    p.port = static_cast<int>(port);
    p.step = step;
  };
  const std::size_t inputs = program_.inputs.size();
  for (std::size_t i = 0; i < inputs; ++i) take(program_.inputs[i], i, ports.in[i]);
  for (std::size_t o = 0; o < program_.outputs.size(); ++o) take(program_.outputs[o], inputs + o, ports.out[o]);
}

Cost Planner::cost(const Program& body, int width) {
  Planner inner(body, *this, 0, 0, width);
  inner.measure_values();
  return inner.cost_of_code(width);
}

int Planner::add_inner(Step& step) {
  step.inner = static_cast<int>(inners_.size());
  inners_.push_back({.hoisted = hoisted(*step.code), .rooms = {}, .bodies = {}, .batch = {}, .detail = nullptr});
  return step.inner;
}

int Planner::room(int inner, Index bytes_of_group) {
  auto& rooms = inners_[static_cast<std::size_t>(inner)].rooms;
  rooms.push_back(bytes_of_group);
  return static_cast<int>(rooms.size()) - 1;
}

double Planner::nest(int inner, const Step& step, const Program& body, int first_site, bool loops, const Ports& ports) {
  const int width = step.form == Form::single ? 0 : plan_.width;
  auto& bodies = inners_[static_cast<std::size_t>(inner)].bodies;
  Planner& p = *bodies.emplace_back(new Planner(body, *this, first_site, level_ + (loops ? 1 : 0), width));
  p.place_ports(ports);
  p.lay_out(width);
  need_scratch(p.plan_.scratch_bytes);
  return p.plan_.flops;
}

double Planner::nest_batch(int inner, const Step& step, const Program& body, const std::vector<bool>& sums) {
  const Pattern pattern(pattern_, *step.code->control, sums, step.instruction + 1);
  auto& batch = inners_[static_cast<std::size_t>(inner)].batch;
  batch.push_back(Planner(body, pattern).build());
  return batch.back().flops;
}

}  // namespace backsolve
