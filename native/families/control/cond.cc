// One of two bodies. In lanes both run where the items of a chunk disagree, and each lane takes its own; an item counts as failed before in
// the body that it does not take, which may neither report nor compute it.
#include "control.h"

namespace backsolve {
namespace {

using namespace control;

struct Cond {
  std::vector<Value> outputs;
  std::vector<int> rooms;  // per output: what the first body gave, or both where nobody wants it
  int marks;
};

void plan(Planner& planner, Step& s, Form form) {
  const Control& k = *s.code->control;
  const int inner = planner.add_inner(s);
  auto cond = std::make_shared<Cond>();
  Planner::Ports ports;
  for (std::size_t i = 1; i < s.code->in.size(); ++i) ports.in.push_back(step_of(planner, s, s.code->in[i]));
  for (std::size_t o = 0; o < s.code->out.size(); ++o) {
    const int v = s.code->out[o];
    const Program& body = *k.bodies[0];
    const Value value = v >= 0 ? value_of(planner, s, static_cast<std::size_t>(s.inputs) + o)
                               : unwanted(planner, s, body.values[static_cast<std::size_t>(body.outputs[o])]);
    ports.out.push_back(v >= 0 ? step_of(planner, s, v) : value.count);
    cond->outputs.push_back(value);
    cond->rooms.push_back(v < 0 || form != Form::single ? planner.room(inner, value.bytes) : -1);
  }
  cond->marks = form != Form::single ? planner.room(inner, planner.marks_of_group()) : -1;
  int site = s.instruction + 1;
  for (const auto& body : k.bodies) {
    s.flops = std::max(s.flops, planner.nest(inner, s, *body, site, false, ports));
    site += static_cast<int>(body->sites);
  }
  planner.keep(inner, std::move(cond));
}

class Choice {
 public:
  Choice(const Step& s, Chunk& c, Groups groups)
      : s_(s), c_(c), groups_(groups), inner_(inner_of(s, c)), cond_(*static_cast<const Cond*>(inner_.detail.get())) {}

  void work() {
    const Index width = in_lanes(s_) ? c_.plan->width : 1, first = groups_.first * width;
    Index taken = 0, looked_at = 0;
    for (Index i = first; i < std::min(c_.items, first + groups_.count * width); ++i) {
      if (skips(c_, i)) continue;
      ++looked_at;
      taken += truth(i) ? 1 : 0;
    }
    if (taken == looked_at) return run(0, nullptr);
    if (taken == 0) return run(1, nullptr);
    both();
  }

 private:
  const Step& s_;
  Chunk& c_;
  const Groups groups_;
  const Inner& inner_;
  const Cond& cond_;

  char* at(int operand) const { return c_.at(ref(s_, c_, operand), groups_.first); }
  Index step(int operand) const { return ref(s_, c_, operand).stride; }
  bool truth(Index item) const {
    const Index width = in_lanes(s_) ? c_.plan->width : 1;
    return c_.at(ref(s_, c_, 0), item / width)[item % width] != 0;
  }

  void run(std::size_t which, Marks* marks) {
    Body body(c_, inner_, which, groups_);
    const std::size_t inputs = s_.code->in.size() - 1;
    for (std::size_t i = 0; i < inputs; ++i) body.set(i, at(static_cast<int>(i) + 1));
    for (std::size_t o = 0; o < cond_.outputs.size(); ++o) {
      const Value& out = cond_.outputs[o];
      body.set(inputs + o, out.operand >= 0 ? at(out.operand) : room(c_, inner_, cond_.rooms[o]));
    }
    if (marks != nullptr) marks->use_in(body.chunk);
    if (body.run() && marks != nullptr) marks->report();
  }

  void both() {
    char* const memory = room(c_, inner_, cond_.marks);
    for (const bool side : {true, false}) {
      Marks marks(c_, groups_, memory);
      for (Index i = 0; i < c_.items; ++i)
        if (truth(i) != side) marks.leave_out(i);
      run(side ? 0 : 1, &marks);
      if (c_.stopped) return;
      for (std::size_t o = 0; side && o < cond_.outputs.size(); ++o) {
        const Value& out = cond_.outputs[o];
        if (out.operand >= 0)
          copy_groups(out, groups_.count, room(c_, inner_, cond_.rooms[o]), out.bytes, at(out.operand), step(out.operand));
      }
    }
    const Ref& mask = ref(s_, c_, 0);
    for (std::size_t o = 0; o < cond_.outputs.size(); ++o) {
      const Value& out = cond_.outputs[o];
      if (out.operand < 0) continue;
      char* const to = at(out.operand);
      const Index to_step = step(out.operand);
      select_groups(*c_.plan, out, groups_.count, c_.at(mask, 0), mask.stride, to, to_step, room(c_, inner_, cond_.rooms[o]), out.bytes, to,
                    to_step);
    }
  }
};

}  // namespace

const Family family::cond{"cond", true, computes, in_lanes, check, whole, control::cost, [](Planner& planner, Step& s, Form form) {
                            s.run = [](const Step& step, Chunk& c) {
                              for_groups(step, c, [&](Groups groups) { Choice(step, c, groups).work(); });
                            };
                            plan(planner, s, form);
                          }};

}  // namespace backsolve
