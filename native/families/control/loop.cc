// A body again and again. One that hands nothing on is a batch of its own where its program is not in lanes: batch.cc.
#include "../../exec/sums.h"
#include "batch.h"
#include "control.h"

namespace backsolve {
namespace {

using namespace control;

/// Of which each run has an element: a part of the operand at element * bytes, or, in lanes, what is packed from and unpacked to items.
struct Moving {
  std::size_t port;
  Value element;
  int room;  // -1: in place
};
/// The next one is written where the one before the last was: at its end into the output, if that can be.
struct Carry {
  Value from, to;
  int room[2];  // -1: in the output
};
/// Added to the output, or to a room where it is not dense.
struct Sum {
  std::size_t port;
  Value to;
  int sum, next;  // rooms; -1: in the output
};
struct Loop {
  std::vector<Carry> carries;
  std::vector<Moving> mapped, stacked;
  std::vector<Sum> sums;
  int level;
};

bool streams(const Instruction& code, std::size_t operand) {
  const Control& k = *code.control;
  if (operand < code.in.size()) return operand >= k.carries && operand < k.carries + k.mapped;
  const std::size_t output = operand - code.in.size();
  return output >= k.carries && !k.sums[output - k.carries];
}

class Laying {
 public:
  Laying(Planner& planner, Step& s)
      : planner_(planner),
        s_(s),
        k_(*s.code->control),
        body_(*k_.bodies[0]),
        inner_(planner.add_inner(s)),
        loop_(std::make_shared<Loop>()) {}

  void work() {
    loop_->level = planner_.level();
    for (std::size_t i = 0; i < k_.carries; ++i) carry(i);
    for (std::size_t i = k_.carries; i < body_.inputs.size(); ++i) i < k_.carries + k_.mapped ? mapped(i) : shared(i);
    for (std::size_t o = k_.carries; o < body_.outputs.size(); ++o) k_.sums[o - k_.carries] ? sum(o) : stacked(o);
    const double flops = planner_.nest(inner_, s_, body_, s_.instruction + 1, true, ports_);
    s_.flops = flops * static_cast<double>(k_.length);
    planner_.keep(inner_, std::move(loop_));
  }

 private:
  Planner& planner_;
  Step& s_;
  const Control& k_;
  const Program& body_;
  int inner_;
  std::shared_ptr<Loop> loop_;
  Planner::Ports ports_;

  const Type& type_of_output(std::size_t o) const { return body_.values[static_cast<std::size_t>(body_.outputs[o])]; }
  std::size_t output(std::size_t o) const { return static_cast<std::size_t>(s_.inputs) + o; }
  Value output_value(std::size_t o) const {
    return s_.code->out[o] >= 0 ? value_of(planner_, s_, output(o)) : unwanted(planner_, s_, type_of_output(o));
  }

  void carry(std::size_t i) {
    Carry c{value_of(planner_, s_, i), output_value(i), {-1, -1}};
    if (!c.to.dense) c.room[0] = planner_.room(inner_, c.from.bytes);
    c.room[1] = planner_.room(inner_, c.from.bytes);
    ports_.in.push_back(c.from.count);
    ports_.out.push_back(c.from.count);
    loop_->carries.push_back(c);
  }
  void mapped(std::size_t i) {
    const int v = s_.code->in[i];
    Value element = unwanted(planner_, s_, body_.values[static_cast<std::size_t>(body_.inputs[i])]);
    element.operand = static_cast<int>(i);
    const Place& p = planner_.place(v);
    const bool packs = s_.form != Form::single && p.pointer >= 0 && p.per_item && !p.wanted;
    if (!packs) planner_.touch_in_parts(v);
    loop_->mapped.push_back({i, element, packs ? planner_.room(inner_, element.bytes) : -1});
    ports_.in.push_back(packs ? element.count : step_of(planner_, s_, v));
  }
  void shared(std::size_t i) { ports_.in.push_back(step_of(planner_, s_, s_.code->in[i])); }
  void stacked(std::size_t o) {
    const int v = s_.code->out[o];
    Value element = unwanted(planner_, s_, type_of_output(o));
    bool unpacks = true;
    if (v >= 0) {
      element.operand = static_cast<int>(output(o));
      const Place& p = planner_.place(v);
      unpacks = s_.form != Form::single && p.output >= 0 && !p.wanted;
      if (!unpacks) planner_.touch_in_parts(v);
    }
    loop_->stacked.push_back({body_.inputs.size() + o, element, unpacks ? planner_.room(inner_, element.bytes) : -1});
    ports_.out.push_back(unpacks ? element.count : step_of(planner_, s_, v));
  }
  void sum(std::size_t o) {
    Sum sum{body_.inputs.size() + o, output_value(o), -1, -1};
    if (!sum.to.dense) sum.sum = planner_.room(inner_, sum.to.bytes);
    sum.next = planner_.room(inner_, sum.to.bytes);
    ports_.out.push_back(sum.to.count);
    loop_->sums.push_back(sum);
  }
};

/// One loop of one step, over some groups.
class Runs {
 public:
  Runs(const Step& s, Chunk& c, Groups groups)
      : s_(s),
        c_(c),
        groups_(groups),
        inner_(inner_of(s, c)),
        loop_(*static_cast<const Loop*>(inner_.detail.get())),
        k_(*s.code->control),
        body_(c, inner_, 0, groups) {}

  void work() {
    for (std::size_t i = k_.carries + k_.mapped; i < s_.code->in.size(); ++i) body_.set(i, at(static_cast<int>(i)));
    for (Index run = 0; run < k_.length; ++run) {
      if (c_.stops() || all_failed()) break;
      const Index t = k_.reverse ? k_.length - 1 - run : run;
      c_.now[loop_.level] = t;
      begin(run, t);
      if (!body_.run()) break;
      end(run, t);
      if (c_.done != nullptr) c_.done->fetch_add(1, std::memory_order_relaxed);
    }
    c_.now[loop_.level] = -1;
    finish();
  }

 private:
  const Step& s_;
  Chunk& c_;
  const Groups groups_;
  const Inner& inner_;
  const Loop& loop_;
  const Control& k_;
  Body body_;

  bool all_failed() const {
    const Chunk& b = body_.chunk;
    return c_.any_failed && std::all_of(b.failed, b.failed + b.items, [](std::int32_t site) { return site >= 0; });
  }
  char* at(int operand) const { return c_.at(ref(s_, c_, operand), groups_.first); }
  Index step(int operand) const { return ref(s_, c_, operand).stride; }
  char* place(int in_room, const Value& to) const { return in_room >= 0 ? room(c_, inner_, in_room) : at(to.operand); }
  /// Where run `run` leaves a carry.
  char* written(const Carry& carry, Index run) const { return place(carry.room[(k_.length - 1 - run) % 2 == 0 ? 0 : 1], carry.to); }

  void begin(Index run, Index t) {
    for (std::size_t i = 0; i < loop_.carries.size(); ++i) {
      const Carry& carry = loop_.carries[i];
      char* from = run > 0 ? written(carry, run - 1) : at(carry.from.operand);
      if (run == 0 && !carry.from.dense) {
        from = place(carry.room[(k_.length - 1) % 2 == 0 ? 1 : 0], carry.to);
        copy_groups(carry.from, groups_.count, from, carry.from.bytes, at(carry.from.operand), step(carry.from.operand));
      }
      body_.set(i, from);
      body_.set(s_.code->in.size() + i, written(carry, run));
    }
    for (const Moving& m : loop_.mapped) body_.set(m.port, m.room < 0 ? at(m.element.operand) + t * m.element.bytes : packed(m, t));
    for (const Moving& m : loop_.stacked)
      body_.set(m.port, m.room < 0 ? at(m.element.operand) + t * m.element.bytes : room(c_, inner_, m.room));
    for (const Sum& sum : loop_.sums) body_.set(sum.port, run == 0 ? place(sum.sum, sum.to) : room(c_, inner_, sum.next));
  }

  void end(Index run, Index t) {
    for (const Moving& m : loop_.stacked)
      if (m.room >= 0 && m.element.operand >= 0) unpack(m, t);
    if (run == 0) return;
    for (const Sum& sum : loop_.sums) {
      char *const to = place(sum.sum, sum.to), *const from = room(c_, inner_, sum.next);
      add_lanes(*body_.chunk.plan, sum.to.dtype, sum.to.count * groups_.count, to, from, body_.chunk.plan->width);
    }
  }

  /// Element t of the items of a list.
  char* packed(const Moving& m, Index t) const {
    const int width = c_.plan->width;
    const auto pack = c_.plan->isa->pack[static_cast<int>(m.element.dtype)];
    const void* const* items = c_.lists + ref(s_, c_, m.element.operand).list * c_.plan->chunk * width;
    char* const to = room(c_, inner_, m.room);
    const Index shift = t * m.element.bytes / width;
    const void* from[kMaxBlock];
    for (Index g = 0; g < groups_.count && m.element.count > 0; ++g) {
      for (int l = 0; l < width; ++l) from[l] = static_cast<const char*>(items[g * width + l]) + shift;
      pack(to + g * m.element.bytes, from, m.element.count, width);
    }
    return to;
  }
  void unpack(const Moving& m, Index t) const {
    const int width = c_.plan->width;
    const auto unpack = c_.plan->isa->unpack[static_cast<int>(m.element.dtype)];
    const Ref& out = ref(s_, c_, m.element.operand);
    const char* const from = room(c_, inner_, m.room);
    const Index shift = t * m.element.bytes / width;
    for (Index g = 0; g < groups_.count && m.element.count > 0; ++g)
      unpack(c_.at(out, g * width) + shift, out.stride, from + g * m.element.bytes, m.element.count, width, used_lanes(c_, g));
  }

  /// Brings to the outputs what is not there.
  void finish() {
    for (const Carry& carry : loop_.carries) {
      if (carry.to.operand < 0) continue;
      if (k_.length == 0)
        copy_groups(carry.from, groups_.count, at(carry.to.operand), step(carry.to.operand), at(carry.from.operand),
                    step(carry.from.operand));
      else if (carry.room[0] >= 0)
        copy_groups(carry.from, groups_.count, at(carry.to.operand), step(carry.to.operand), room(c_, inner_, carry.room[0]),
                    carry.from.bytes);
    }
    for (const Sum& sum : loop_.sums) {
      if (sum.to.operand < 0) continue;
      for (Index g = 0; k_.length == 0 && g < groups_.count; ++g)
        std::fill_n(at(sum.to.operand) + g * step(sum.to.operand), sum.to.bytes, char{0});
      if (k_.length > 0 && sum.sum >= 0)
        copy_groups(sum.to, groups_.count, at(sum.to.operand), step(sum.to.operand), room(c_, inner_, sum.sum), sum.to.bytes);
    }
  }
};

/// Many runs that hand nothing on, for few items, feed lanes and threads as a batch of their own, where lanes over the items are a handful.
Cost cost_loop(const Planner& planner, const Instruction& code, int width) {
  constexpr Index kFew = 64;
  const Control& k = *code.control;
  if (k.carries == 0 && k.length >= kFew && planner.pattern().items < kFew) return {.never = true};
  return cost(planner, code, width);
}

void run(const Step& s, Chunk& c) {
  for_groups(s, c, [&](Groups groups) { Runs(s, c, groups).work(); });
}

void plan(Planner& planner, Step& s, Form form) {
  if (form == Form::single && s.code->control->carries == 0) return plan_batch(planner, s);
  s.run = run;
  planner.count_inner();
  Laying(planner, s).work();
}

}  // namespace

const Family family::loop{"loop", true, computes, in_lanes, check, whole, cost_loop, plan, streams};

}  // namespace backsolve
