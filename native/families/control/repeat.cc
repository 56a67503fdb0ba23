// A body while a test holds. In lanes until it holds for no item: one that is done, or failed, keeps its carries, and counts as failed
// before.
#include "control.h"

namespace backsolve {
namespace {

using namespace control;

struct Repeat {
  std::vector<Value> from, to;
  std::vector<int> rooms[2];  // per carry: where it is, and where the next one is made
  int answer, mask, marks;    // rooms: of the test, of who goes on, of who failed
  int level;
};

void plan_step(Planner& planner, Step& s) {
  const Control& k = *s.code->control;
  const int inner = planner.add_inner(s);
  auto repeat = std::make_shared<Repeat>();
  Planner::Ports ports;
  for (std::size_t i = 0; i < s.code->in.size(); ++i) {
    if (i >= k.carries) {
      ports.in.push_back(step_of(planner, s, s.code->in[i]));
      continue;
    }
    const Value v = value_of(planner, s, i);
    repeat->from.push_back(v);
    repeat->to.push_back(s.code->out[i] >= 0 ? value_of(planner, s, static_cast<std::size_t>(s.inputs) + i)
                                             : unwanted(planner, s, planner.type(s.code->in[i])));
    for (auto& rooms : repeat->rooms) rooms.push_back(planner.room(inner, v.bytes));
    ports.in.push_back(v.count);
    ports.out.push_back(v.count);
  }
  repeat->answer = planner.room(inner, planner.width());
  repeat->mask = planner.room(inner, planner.width());
  repeat->marks = planner.room(inner, planner.marks_of_group());
  repeat->level = planner.level();
  const Planner::Ports test{ports.in, {1}};
  const double once = planner.nest(inner, s, *k.bodies[0], s.instruction + 1, true, test) +
                      planner.nest(inner, s, *k.bodies[1], s.instruction + 1 + static_cast<int>(k.bodies[0]->sites), true, ports);
  constexpr Index kGuess = 10;
  s.flops = once * static_cast<double>(std::min(k.length, kGuess));
  planner.keep(inner, std::move(repeat));
}

class Repeats {
 public:
  Repeats(const Step& s, Chunk& c, Groups groups)
      : s_(s),
        c_(c),
        groups_(groups),
        inner_(inner_of(s, c)),
        repeat_(*static_cast<const Repeat*>(inner_.detail.get())),
        k_(*s.code->control),
        test_(c, inner_, 0, groups),
        body_(c, inner_, 1, groups),
        width_(in_lanes(s) ? c.plan->width : 1),
        marks_(c, groups, room(c, inner_, repeat_.marks)),
        mask_(room(c, inner_, repeat_.mask)) {}

  void work() {
    for (std::size_t i = 0; i < k_.carries; ++i) {
      const Value& v = repeat_.from[i];
      copy_groups(v, groups_.count, room(c_, inner_, repeat_.rooms[0][i]), v.bytes, at(v.operand), step(v.operand));
    }
    for (std::size_t i = k_.carries; i < s_.code->in.size(); ++i)
      for (Body* body : {&test_, &body_}) body->set(i, at(static_cast<int>(i)));
    int now = 0;
    for (Index run = 0; goes_on(run, now); ++run, now ^= 1) {
      for (std::size_t i = 0; i < k_.carries; ++i) {
        body_.set(i, room(c_, inner_, repeat_.rooms[now][i]));
        body_.set(s_.code->in.size() + i, room(c_, inner_, repeat_.rooms[now ^ 1][i]));
      }
      if (!ran(body_)) break;
      for (std::size_t i = 0; i < k_.carries && !all_; ++i)
        keep_done(repeat_.from[i], room(c_, inner_, repeat_.rooms[now][i]), room(c_, inner_, repeat_.rooms[now ^ 1][i]));
    }
    c_.now[repeat_.level] = -1;
    for (std::size_t i = 0; i < k_.carries; ++i) {
      const Value& v = repeat_.to[i];
      if (v.operand >= 0) copy_groups(v, groups_.count, at(v.operand), step(v.operand), room(c_, inner_, repeat_.rooms[now][i]), v.bytes);
    }
  }

 private:
  const Step& s_;
  Chunk& c_;
  const Groups groups_;
  const Inner& inner_;
  const Repeat& repeat_;
  const Control& k_;
  Body test_, body_;
  const Index width_;
  Marks marks_;
  char* const mask_;
  bool all_ = true;  // items of the chunk go on

  char* at(int operand) const { return c_.at(ref(s_, c_, operand), groups_.first); }
  Index step(int operand) const { return ref(s_, c_, operand).stride; }
  Index items() const { return test_.chunk.items; }

  /// Runs one of the bodies for the items that go on.
  bool ran(Body& body) {
    marks_.use_in(body.chunk);
    if (!body.run()) return false;
    marks_.report();
    return true;
  }

  /// Whether the test holds for any item, and how often it may.
  bool goes_on(Index run, int now) {
    if (c_.stops()) return false;
    c_.now[repeat_.level] = run;
    char* const answer = room(c_, inner_, repeat_.answer);
    for (std::size_t i = 0; i < k_.carries; ++i) test_.set(i, room(c_, inner_, repeat_.rooms[now][i]));
    test_.set(s_.code->in.size(), answer);
    if (!ran(test_)) return false;
    Index on = 0;
    for (Index i = 0; i < items(); ++i) {
      if (marks_.looks_at(i) && answer[i] == 0) marks_.leave_out(i);
      on += marks_.looks_at(i) ? 1 : 0;
    }
    if (run == k_.length && on > 0) give_up();
    all_ = on == groups_.count * width_;
    for (Index i = 0; !all_ && i < groups_.count * width_; ++i) mask_[i] = i < items() && marks_.looks_at(i) ? 1 : 0;
    return on > 0 && run < k_.length;
  }

  void give_up() {
    c_.now[repeat_.level] = -1;
    for (Index i = 0; i < items(); ++i) {
      if (marks_.looks_at(i))
        c_.fail(groups_.first * width_ + i, s_.instruction, make_info(Fail::max_steps, std::min(k_.length, kMaxIndex)));
    }
  }
  static constexpr Index kMaxIndex = INT32_MAX / kFailKinds;

  /// Items that are done keep what they have.
  void keep_done(const Value& v, const char* old, char* next) const {
    if (in_lanes(s_)) select_groups(*c_.plan, v, groups_.count, mask_, width_, next, v.bytes, next, v.bytes, old, v.bytes);
  }
};

void plan(Planner& planner, Step& s, Form) {
  s.run = [](const Step& step, Chunk& c) { for_groups(step, c, [&](Groups groups) { Repeats(step, c, groups).work(); }); };
  plan_step(planner, s);
}

}  // namespace

const Family family::repeat{"while", true, computes, in_lanes, check, whole, control::cost, plan};

}  // namespace backsolve
