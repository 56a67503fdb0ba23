// Where values live, and which steps there are.
#include <algorithm>
#include <atomic>

#include "planner.h"
#include "steps.h"

namespace backsolve {

Planner::Planner(const Program& program, const Pattern& pattern) : program_(program), pattern_(pattern), first_site_(pattern.first_site) {
  plan_.program = &program;
  plan_.isa = pattern.isa;
  plan_.items = pattern.items;
}

Plan Planner::build() {
  place_values();
  if (plan_.items == 0) return std::move(plan_);
  const int width = lanes_width();
  const bool asked = pattern_.layout == Layout::lanes;
  bool lanes = width > 0 && (asked || (pattern_.layout == Layout::automatic && plan_.items >= width));
  if (lanes) {
    const Cost cost = cost_of_program(width);
    const auto pays = [&](double more) { return asked || (!cost.never && cost.lanes + more * cost.loops < cost.single); };
    lanes = pays(0);
    if (lanes) {
      lay_out(width);
      const Index one = lay_frame(1);
      constexpr double kFar = 0.9;  // that much more, of what is not in the second-level cache
      const bool far = hot_bytes_ + splat_bytes() > static_cast<Index>(l2_bytes());
      if (one > kMaxArena || (far && !pays(kFar))) {
        Planner again(program_, pattern_);
        again.place_values();
        again.lay_out(0);
        again.choose_chunk();
        again.finish();
        return std::move(again.plan_);
      }
    }
  }
  if (!lanes) lay_out(0);
  choose_chunk();
  finish();
  return std::move(plan_);
}

void Planner::measure_values() {
  plan_.places.resize(program_.values.size());
  for (std::size_t v = 0; v < program_.values.size(); ++v) {
    const Type& t = program_.values[v];
    plan_.places[v].count = count_of(t.dims.data(), static_cast<int>(t.dims.size()));
    plan_.places[v].bytes = static_cast<std::size_t>(plan_.places[v].count) * size_of(t.dtype);
  }
  for (std::size_t i = 0; i < program_.constants.size(); ++i)
    mutable_place(program_.constants[i]).absolute = program_.constant_data[i].data();
}

void Planner::place_values() {
  measure_values();
  for (std::size_t i = 0; i < program_.inputs.size(); ++i) {
    Place& p = mutable_place(program_.inputs[i]);
    p.input = static_cast<int>(i);
    p.per_item = pattern_.varies[i];
    auto& alike = p.per_item ? plan_.lists : plan_.shared_inputs;
    p.pointer = static_cast<int>(alike.size());
    alike.push_back(p.input);
  }
  for (const Instruction& code : program_.code) {
    const bool hoist = hoisted(code);
    for (const int v : code.out) {
      if (v >= 0) mutable_place(v).per_item = !hoist;
    }
    for (std::size_t i = 0; i < code.in.size(); ++i) {
      const int v = code.in[i];
      if (v >= 0 && !hoist && !(place(v).input >= 0 && streams(code, i))) mutable_place(v).wanted = true;
    }
  }
  for (std::size_t i = 0; i < program_.outputs.size(); ++i) {
    Place& p = mutable_place(program_.outputs[i]);
    plan_.sums |= summed(i);
    if (summed(i) || p.output >= 0)
      p.wanted = true;
    else if (p.input < 0 && p.per_item)
      p.output = static_cast<int>(i);
  }
  for (Place& p : plan_.places) p.step = p.per_item ? p.count : 0;
}

/// One item gains nothing from a separate first pass, and would copy its outputs.
bool Planner::hoisted(const Instruction& code) const {
  if (plan_.items <= 1) return false;
  return std::none_of(code.in.begin(), code.in.end(), [&](int v) { return v >= 0 && place(v).per_item; });
}

namespace {

/// Whether these have reals of one size, apart from `real`, which is 0 where there was none yet.
bool same_reals(DType t, int& real) {
  if (static_cast<int>(t) >= kFloatTypes) return true;
  const int size = t == DType::f64 || t == DType::c128 ? 8 : 4;
  if (real != 0 && real != size) return false;
  real = size;
  return true;
}
bool same_reals(const Control& control, int& real) {
  return std::all_of(control.bodies.begin(), control.bodies.end(), [&](const auto& body) {
    return std::all_of(body->values.begin(), body->values.end(), [&](const Type& t) { return same_reals(t.dtype, real); }) &&
           std::all_of(body->code.begin(), body->code.end(),
                       [&](const Instruction& code) { return code.control == nullptr || same_reals(*code.control, real); });
  });
}

}  // namespace

/// Items in a group, 0 where lanes are impossible: W is one number for a run, so float32 and float64 do not mix.
int Planner::lanes_width() const {
  int real = 0;
  for (std::size_t v = 0; v < program_.values.size(); ++v) {
    const Place& p = plan_.places[v];
    if ((p.per_item || p.wanted) && !same_reals(program_.values[v].dtype, real)) return 0;
  }
  for (const Instruction& code : program_.code) {
    if (code.control != nullptr && !hoisted(code) && !same_reals(*code.control, real)) return 0;
  }
  return real == 0 ? 0 : plan_.isa->bytes / real;
}

Cost cost_of_loop(Index elements, double work, double each) {
  constexpr double kElement = 0.1, kCall = 25;
  const double all = kElement * static_cast<double>(elements) * std::max(work / 3, 1.0);
  return {.lanes = 1 + all, .single = kCall + all * each, .loops = all};
}

Cost Planner::cost_of_code(int width) {
  Cost all;
  for (const Instruction& code : program_.code)
    if (!hoisted(code)) all.add(kernel(code).family->cost(*this, code, width));
  return all;
}

/// With what it takes to bring items into lanes and out of them.
Cost Planner::cost_of_program(int width) {
  constexpr double kPacked = 0.3, kPackedNarrow = 0.2;  // narrow: reals of 4 bytes, twice as many side by side
  Cost all = cost_of_code(width);
  const auto moves = [&](int v) {
    if (!place(v).per_item) return;
    const double packed = (type(v).dtype == DType::f32 ? kPackedNarrow : kPacked) * static_cast<double>(place(v).count);
    all.lanes += packed, all.loops += packed;
  };
  for (const int v : program_.inputs) moves(v);
  for (const int v : program_.outputs) moves(v);
  return all;
}

std::array<Shape, kMaxOperands> Planner::shapes(const Instruction& code) const {
  std::array<Shape, kMaxOperands> s{};
  std::size_t n = 0;
  for (const auto* ids : {&code.in, &code.out}) {
    for (const int v : *ids) {
      if (v < 0) {
        s[n++] = {false, code.column, nullptr, 0};
      } else {
        s[n++] = {true, type(v).dtype, type(v).dims.data(), static_cast<int>(type(v).dims.size())};
      }
    }
  }
  return s;
}

int Planner::add_numbers(const Index* data, int n) {
  const int at = static_cast<int>(plan_.numbers.size());
  plan_.numbers.insert(plan_.numbers.end(), data, data + n);
  return at;
}

void Planner::define(int value) {
  Place& p = mutable_place(value);
  p.first = p.last = static_cast<int>(plan_.steps.size());
}
void Planner::use(int value) {
  if (place(value).first >= 0) mutable_place(value).last = static_cast<int>(plan_.steps.size());
}

void Planner::add_transfer(void (*run)(const Step&, Chunk&), int site, Pending from, Pending to) {
  const int value = from.value;
  if (place(value).count == 0) return;
  if (from.what == Pending::item_form) use(value);
  Step s{};
  s.run = run;
  s.instruction = site;
  s.refs = static_cast<int>(pending_.size());
  s.operands = 2;
  s.inputs = 1;
  keep(s, Transfer{place(value).count, type(value).dtype});
  pending_.push_back(from);
  pending_.push_back(to);
  plan_.steps.push_back(s);
}

void Planner::lay_out(int width) {
  plan_.lanes = width > 0;
  plan_.width = std::max(width, 1);
  plan_.groups = (plan_.items - 1) / plan_.width + 1;
  std::vector<int> sites;
  int site = first_site_;
  for (const Instruction& code : program_.code) {
    sites.push_back(site++);
    if (code.control != nullptr)
      for (const auto& body : code.control->bodies) site += static_cast<int>(body->sites);
  }
  find_symmetric_constants();
  std::vector<Unit> units;
  as_one_item([&] { units = cut(true); });
  const auto early = static_cast<std::ptrdiff_t>(units.size());
  for (Unit& unit : cut(false)) units.push_back(std::move(unit));
  const std::vector<bool> stored = stored_by(units);
  for (const Unit& unit : units) {
    const bool hoist = &unit - units.data() < early;
    if (unit.loop) {
      hoist ? as_one_item([&] { add_loop(*unit.loop, sites, stored, true); }) : add_loop(*unit.loop, sites, stored, false);
      continue;
    }
    const Instruction& code = program_.code[static_cast<std::size_t>(unit.instruction)];
    const int at = sites[static_cast<std::size_t>(unit.instruction)];
    if (!hoist) bring_inputs(code, at);
    add_instruction(code, at, hoist);
    if (!hoist) give_outputs(code, at);
    note_symmetric(code);
  }
  copy_outputs();
}

bool Planner::streams(const Instruction& code, std::size_t operand) const {
  const auto asks = kernel(code).family->streams;
  return asks != nullptr && asks(code, operand);
}

/// In lanes: a result that is an output and nothing else, which the step itself unpacks.
bool Planner::streams_out(const Instruction& code, std::size_t output) const {
  const Place& p = place(code.out[output]);
  return p.output >= 0 && !p.wanted && streams(code, code.in.size() + output);
}

/// In lanes: inputs packed before who needs them first, shared values repeated.
void Planner::bring_inputs(const Instruction& code, int site) {
  if (!plan_.lanes) return;
  for (std::size_t i = 0; i < code.in.size(); ++i) {
    const int v = code.in[i];
    if (v >= 0 && (place(v).wanted || !streams(code, i) || !place(v).per_item)) bring(v, site);
  }
}
void Planner::bring(int v, int site) {
  const Place& p = place(v);
  if (!p.per_item) splat(v);
  if (p.pointer < 0 || !p.per_item || p.first >= 0) return;
  define(v);
  add_transfer(step_pack, site, {Pending::list, v}, {Pending::item_form, v});
}

/// All memory of a run is that of its program's plan.
void Planner::share(int value) {
  Place& p = mutable_place(value);
  std::size_t& shared = root().plan_.shared_bytes;
  p.shared = static_cast<Index>(shared);
  shared += static_cast<std::size_t>(round_up(static_cast<Index>(p.bytes)));
}
void Planner::splat(int value) {
  Place& p = mutable_place(value);
  if (p.splat >= 0) return;
  std::size_t& shared = root().plan_.shared_bytes;
  p.splat = static_cast<Index>(shared);
  shared += static_cast<std::size_t>(round_up(lane_bytes(value)));
  plan_.splats.push_back(value);
}

/// In lanes: results that are outputs, unpacked as soon as they are there.
void Planner::give_outputs(const Instruction& code, int site) {
  for (std::size_t o = 0; o < code.out.size(); ++o) {
    const int v = code.out[o];
    if (v >= 0 && !streams_out(code, o)) give(v, site);
  }
}
void Planner::give(int v, int site) {
  if (!plan_.lanes || outer_ != nullptr || place(v).output < 0) return;
  add_transfer(step_unpack, site, {Pending::item_form, v}, {Pending::output, v, place(v).output});
}

/// Outputs that no instruction writes, or not there alone, and sums.
void Planner::copy_outputs() {
  const std::size_t inputs = program_.inputs.size();
  for (std::size_t o = 0; o < program_.outputs.size(); ++o) {
    const int v = program_.outputs[o];
    const int at = static_cast<int>(o);
    if (outer_ == nullptr ? place(v).output != at : place(v).port != static_cast<int>(inputs + o)) give_output(v, o, -1);
  }
}

void Planner::give_output(int v, std::size_t output, int site) {
  const Place& p = place(v);
  const int at = static_cast<int>(output);
  if (outer_ != nullptr || summed(output)) {
    if (plan_.lanes && !p.per_item) splat(v);
    if (plan_.lanes && p.per_item && p.pointer >= 0 && p.first < 0) {
      define(v);
      add_transfer(step_pack, site, {Pending::list, v}, {Pending::item_form, v});
    }
    const Pending::What from = plan_.lanes || p.per_item ? Pending::item_form : Pending::hoisted_form;
    return add_transfer(outer_ != nullptr ? step_pass : step_accumulate, site, {from, v}, {Pending::output, v, at});
  }
  if (p.input >= 0 && p.per_item)
    add_transfer(step_copy, site, {Pending::list, v}, {Pending::output, v, at});
  else if (!p.per_item)
    add_transfer(step_copy, site, {Pending::hoisted_form, v}, {Pending::output, v, at});
  else
    add_transfer(plan_.lanes ? step_unpack : step_copy, site, {Pending::item_form, v}, {Pending::output, v, at});
}

void Planner::add_instruction(const Instruction& code, int site, bool hoist) {
  Index outputs = 0;
  for (std::size_t o = 0; o < code.out.size(); ++o) {
    const int v = code.out[o];
    if (v < 0) continue;
    Place& p = mutable_place(v);
    outputs += p.count;
    if (hoist) {
      share(v);
    } else if (p.port < 0 && (p.output < 0 || (plan_.lanes && !streams_out(code, o)))) {
      define(v);
    }
  }
  const Kernel& k = kernel(code);
  if (outputs == 0 && !k.family->judges) return;
  Step s{};
  s.instruction = site;
  s.refs = static_cast<int>(pending_.size());
  s.inputs = static_cast<int>(code.in.size());
  s.operands = s.inputs + static_cast<int>(code.out.size());
  s.inner = -1;
  s.code = &code;
  s.kernel = &k;
  const bool lanes = plan_.lanes && !hoist;
  s.form = !lanes ? Form::single : k.family->in_lanes(k, code.column, *plan_.isa) ? Form::lanes : Form::adapted;
  s.run = s.form == Form::single ? run_items : s.form == Form::lanes ? run_groups : run_adapted;
  k.family->plan(*this, s, s.form);
  plan_.flops += hoist ? s.flops : s.flops * static_cast<double>(plan_.items);
  if (s.form == Form::adapted) need_items(Unpacked::bytes(*this, code));
  add_operands(code, hoist);
  (hoist ? plan_.hoisted : plan_.steps).push_back(s);
}

void Planner::add_operands(const Instruction& code, bool hoist) {
  std::size_t i = 0;
  for (const auto* ids : {&code.in, &code.out}) {
    for (const int v : *ids) {
      const std::size_t operand = i++;
      if (v < 0) {
        pending_.push_back({Pending::null, v});
        continue;
      }
      const Place& p = place(v);
      const bool stream = plan_.lanes && !hoist && !p.wanted && streams(code, operand);
      if (stream && p.pointer >= 0 && p.per_item)
        pending_.push_back({Pending::list, v});
      else if (stream && p.output >= 0)
        pending_.push_back({Pending::output, v, p.output});
      else
        pending_.push_back({hoist ? Pending::hoisted_form : Pending::item_form, v});
      if (!hoist) use(v);
      const double moved = static_cast<double>(p.count);
      plan_.flops += hoist ? moved : moved * static_cast<double>(plan_.items);
    }
  }
}

namespace {
std::atomic<std::uint64_t> made{0};
}
std::uint64_t plans_made() { return made.load(std::memory_order_relaxed); }
Plan make_plan(const Program& program, const Pattern& pattern) {
  made.fetch_add(1, std::memory_order_relaxed);
  return Planner(program, pattern).build();
}

}  // namespace backsolve
