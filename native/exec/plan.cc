#include <algorithm>
#include <atomic>

#include "planner.h"
#include "steps.h"

namespace backsolve {
namespace {

constexpr Index kMaxArena = Index{1} << 30;  // a chunk that was asked for is cut to this
constexpr Index kItemsOfChunk = 64;
constexpr Index kFirstCache = Index{32} << 10;

}  // namespace

Planner::Planner(const Program& program, const Pattern& pattern) : program_(program), pattern_(pattern) {
  plan_.program = &program;
  plan_.isa = pattern.isa;
  plan_.items = pattern.items;
}

Plan Planner::build() {
  place_values();
  if (plan_.items == 0) return std::move(plan_);
  const int width = lanes_width();
  const bool possible = width > 0 && pattern_.layout != Layout::single;
  const bool lanes = possible && (pattern_.layout == Layout::lanes || lanes_pay(width));
  lay_out(lanes ? width : 0);
  if (lanes && pattern_.layout == Layout::automatic && allocate(1) + splat_bytes() > static_cast<Index>(l2_bytes())) {
    Planner again(program_, pattern_);
    again.place_values();
    again.lay_out(0);
    again.choose_chunk();
    again.resolve();
    return std::move(again.plan_);
  }
  choose_chunk();
  resolve();
  return std::move(plan_);
}

void Planner::place_values() {
  plan_.places.resize(program_.values.size());
  for (std::size_t v = 0; v < program_.values.size(); ++v) {
    const Type& t = program_.values[v];
    plan_.places[v].count = count_of(t.dims.data(), static_cast<int>(t.dims.size()));
    plan_.places[v].bytes = static_cast<std::size_t>(plan_.places[v].count) * size_of(t.dtype);
  }
  for (std::size_t i = 0; i < program_.inputs.size(); ++i) {
    Place& p = mutable_place(program_.inputs[i]);
    p.input = static_cast<int>(i);
    p.per_item = pattern_.varies[i];
    auto& alike = p.per_item ? plan_.lists : plan_.shared_inputs;
    p.pointer = static_cast<int>(alike.size());
    alike.push_back(p.input);
  }
  for (std::size_t i = 0; i < program_.constants.size(); ++i)
    mutable_place(program_.constants[i]).absolute = program_.constant_data[i].data();
  for (std::size_t i = 0; i < program_.outputs.size(); ++i) mutable_place(program_.outputs[i]).output = static_cast<int>(i);
  for (const Instruction& code : program_.code) {
    const bool hoist = hoisted(code);
    for (const int v : code.out) {
      if (v >= 0) mutable_place(v).per_item = !hoist;
    }
    for (const int v : code.in) {
      if (v >= 0 && !hoist) mutable_place(v).wanted = true;
    }
  }
}

/// One item gains nothing from a separate first pass, and would copy its outputs.
bool Planner::hoisted(const Instruction& code) {
  if (plan_.items <= 1) return false;
  return std::none_of(code.in.begin(), code.in.end(), [&](int v) { return v >= 0 && place(v).per_item; });
}

/// Items in a group, 0 where lanes are impossible: W is one number for a run, so float32 and float64 do not mix.
int Planner::lanes_width() {
  int real = 0;
  for (std::size_t v = 0; v < program_.values.size(); ++v) {
    const Place& p = plan_.places[v];
    const DType t = program_.values[v].dtype;
    if ((!p.per_item && !p.wanted) || static_cast<int>(t) >= kFloatTypes) continue;
    const int size = t == DType::f64 || t == DType::c128 ? 8 : 4;
    if (real != 0 && real != size) return 0;
    real = size;
  }
  return real == 0 ? 0 : plan_.isa->bytes / real;
}

bool Planner::lanes_pay(int width) {
  if (plan_.items < width) return false;
  bool matrices = false, pays = false, short_loops = false;
  for (const Instruction& code : program_.code) {
    if (hoisted(code)) continue;
    const Vote vote = kernel(code).family->vote(*this, code, width);
    if (vote == Vote::never) return false;
    matrices |= vote == Vote::pays || vote == Vote::costs;
    pays |= vote == Vote::pays;
    short_loops |= vote == Vote::short_loops;
  }
  return matrices ? pays : short_loops;
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
void Planner::use(int value) { mutable_place(value).last = static_cast<int>(plan_.steps.size()); }

void Planner::add_transfer(void (*run)(const Step&, Chunk&), int i, Pending from, Pending to, int value) {
  if (place(value).count == 0) return;
  Step s{};
  s.run = run;
  s.instruction = i;
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
  copy_outputs();
  for (std::size_t i = 0; i < program_.code.size(); ++i) {
    const Instruction& code = program_.code[i];
    const bool hoist = hoisted(code);
    const int at = static_cast<int>(i);
    for (const int v : code.in) {
      if (v < 0 || hoist || !plan_.lanes) continue;
      Place& p = mutable_place(v);
      if (p.per_item && p.input >= 0 && p.first < 0) {
        define(v);
        add_transfer(step_pack, at, {Pending::list, v}, {Pending::item_form, v}, v);
      }
      if (!p.per_item && p.splat < 0) {
        p.splat = static_cast<Index>(plan_.shared_bytes);
        plan_.shared_bytes += static_cast<std::size_t>(round_up(lane_bytes(v)));
        plan_.splats.push_back(v);
      }
    }
    add_instruction(at, hoist);
    for (const int v : code.out) {
      if (v < 0 || hoist || !plan_.lanes || place(v).output < 0) continue;
      use(v);
      add_transfer(step_unpack, at, {Pending::item_form, v}, {Pending::output, v}, v);
    }
  }
}

/// Outputs that no per-item instruction writes.
void Planner::copy_outputs() {
  for (const int v : program_.outputs) {
    const Place& p = place(v);
    if (p.input >= 0 && p.per_item) {
      add_transfer(step_copy, -1, {Pending::list, v}, {Pending::output, v}, v);
    } else if (!p.per_item) {
      add_transfer(step_copy, -1, {Pending::hoisted_form, v}, {Pending::output, v}, v);
    }
  }
}

void Planner::add_instruction(int i, bool hoist) {
  const Instruction& code = program_.code[static_cast<std::size_t>(i)];
  Index outputs = 0;
  for (const int v : code.out) {
    if (v < 0) continue;
    Place& p = mutable_place(v);
    outputs += p.count;
    if (hoist) {
      p.shared = static_cast<Index>(plan_.shared_bytes);
      plan_.shared_bytes += static_cast<std::size_t>(round_up(static_cast<Index>(p.bytes)));
    } else if (plan_.lanes || p.output < 0) {
      define(v);
    }
  }
  const Kernel& k = kernel(code);
  if (outputs == 0 && !k.family->judges) return;
  Step s{};
  s.instruction = i;
  s.refs = static_cast<int>(pending_.size());
  s.inputs = static_cast<int>(code.in.size());
  s.operands = s.inputs + static_cast<int>(code.out.size());
  s.code = &code;
  s.kernel = &k;
  const bool lanes = plan_.lanes && !hoist;
  s.form = !lanes ? Form::single : k.family->in_lanes(k, code.column, *plan_.isa) ? Form::lanes : Form::adapted;
  s.run = s.form == Form::single ? run_items : s.form == Form::lanes ? run_groups : run_adapted;
  k.family->plan(*this, s, s.form);
  plan_.flops += hoist ? s.flops : s.flops * static_cast<double>(plan_.items);
  if (s.form == Form::adapted) need_items(Unpacked::bytes(*this, code));
  for (const auto* ids : {&code.in, &code.out}) {
    for (const int v : *ids) {
      if (v < 0) {
        pending_.push_back({Pending::null, v});
        continue;
      }
      pending_.push_back({hoist ? Pending::hoisted_form : Pending::item_form, v});
      if (!hoist && place(v).first >= 0) use(v);
      const double moved = static_cast<double>(place(v).count);
      plan_.flops += hoist ? moved : moved * static_cast<double>(plan_.items);
    }
  }
  (hoist ? plan_.hoisted : plan_.steps).push_back(s);
}

Index Planner::splat_bytes() {
  Index n = 0;
  for (const int v : plan_.splats) n += round_up(lane_bytes(v));
  return n;
}

void Planner::choose_chunk() {
  const Index one = allocate(1), slots = std::max<Index>(one, 1);
  Index touched = slots;  // single layout reads inputs and writes outputs in place
  if (!plan_.lanes) {
    for (const Place& p : plan_.places) touched += (p.per_item && (p.input >= 0 || p.output >= 0)) ? static_cast<Index>(p.bytes) : 0;
  }
  const int threads = plan_.flops < kWorthAThread ? 1 : pattern_.threads;
  if (pattern_.chunk > 0) {
    plan_.chunk = std::clamp<Index>(kMaxArena / slots, 1, pattern_.chunk);
  } else {
    // In the first-level cache if that leaves enough items to pay for the dispatch, else in half of the second.
    const Index fit = static_cast<Index>(l2_bytes() / 2) / touched, enough = kItemsOfChunk / plan_.width;
    plan_.chunk = std::clamp<Index>(std::max(kFirstCache / touched, enough), 1, std::max<Index>(fit, 1));
    if (threads > 1) plan_.chunk = std::min(plan_.chunk, (plan_.groups - 1) / (4 * threads) + 1);  // some chunks each, for balance
  }
  plan_.chunk = std::min(plan_.chunk, plan_.groups);
  plan_.chunks = (plan_.groups - 1) / plan_.chunk + 1;
  plan_.threads = static_cast<int>(std::min<Index>(threads, plan_.chunks));
  const auto take = [&](std::size_t& offset, Index bytes) {
    offset = plan_.arena_bytes;
    plan_.arena_bytes += static_cast<std::size_t>(round_up(bytes));
  };
  std::size_t slots_offset;
  const Index items = plan_.chunk * plan_.width;
  take(slots_offset, plan_.chunk == 1 ? one : allocate(plan_.chunk));
  take(plan_.temp_offset, static_cast<Index>(plan_.temp_bytes));
  take(plan_.lists_offset, static_cast<Index>(plan_.lists.size()) * items * static_cast<Index>(sizeof(void*)));
  take(plan_.marks_offset, items * 2 * static_cast<Index>(sizeof(std::int32_t)));
  const std::size_t bases = Ref::outputs + program_.outputs.size() + plan_.shared_inputs.size();
  take(plan_.base_offset, static_cast<Index>(bases * sizeof(std::uintptr_t)));
}

Ref Planner::resolve(const Pending& p) {
  Ref r;
  if (p.what == Pending::null) return r;
  const Place& at = place(p.value);
  const auto bytes = static_cast<Index>(at.bytes);
  const bool item = p.what == Pending::item_form;
  if (p.what == Pending::list || (item && at.per_item && at.input >= 0 && !plan_.lanes)) {
    r.list = at.pointer;
  } else if (p.what == Pending::output || (item && at.per_item && at.output >= 0 && !plan_.lanes)) {
    r.base = Ref::outputs + at.output;
    r.stride = bytes;
  } else if (item && at.per_item) {
    r.base = Ref::arena;
    r.offset = at.slot;
    r.stride = bytes * plan_.width;
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

void Planner::resolve() {
  plan_.refs.reserve(pending_.size());
  for (const Pending& p : pending_) plan_.refs.push_back(resolve(p));
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
