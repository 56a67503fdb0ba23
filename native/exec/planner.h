// Makes a plan: plan.cc decides where values live, frames.cc how much of them at a time, the family of each kernel how its step computes.
#pragma once
#include <algorithm>
#include <array>
#include <cstring>
#include <type_traits>
#include <utility>

#include "fuse.h"
#include "plan.h"

namespace backsolve {

constexpr Index round_up(Index n) {
  constexpr auto kAlign = static_cast<Index>(Arena::kAlign);
  return (n + kAlign - 1) / kAlign * kAlign;
}

constexpr Index kMaxArena = Index{1} << 30;  // of a thread: a chunk that was asked for is cut to this, one group of lanes must fit

/// What an operand of a step will point to, before slots are known.
struct Pending {
  enum What { null, hoisted_form, item_form, list, output } what;
  int value;
  int which = -1;  // of outputs
};

class Planner {
 public:
  Planner(const Program& program, const Pattern& pattern);
  Plan build();

  // ---- for families ----
  const Type& type(int value) const { return program_.values[static_cast<std::size_t>(value)]; }
  const Program& program() const { return program_; }
  const Place& place(int value) const { return plan_.places[static_cast<std::size_t>(value)]; }
  const Kernel& kernel(const Instruction& code) const { return kernel_of(code); }
  const LanesTable& isa() const { return *plan_.isa; }
  int width() const { return plan_.width; }
  const Pattern& pattern() const { return pattern_; }
  /// Of matrices: whether their halves are known to be equal.
  bool symmetric(int value) const { return symmetric_[static_cast<std::size_t>(value)]; }
  std::array<Shape, kMaxOperands> shapes(const Instruction& code) const;
  /// Where these numbers stand in Plan::numbers.
  int add_numbers(const Index* data, int n);
  /// What a step has to know to run: `detail<T>` of steps.h.
  template <class T>
  void keep(Step& step, const T& detail) {
    static_assert(std::is_trivially_copyable_v<T>);
    step.detail = static_cast<int>(plan_.details.size());
    plan_.details.resize(plan_.details.size() +
                         (sizeof(T) + alignof(std::max_align_t) - 1) / alignof(std::max_align_t) * alignof(std::max_align_t));
    std::memcpy(plan_.details.data() + step.detail, &detail, sizeof(T));
  }
  /// Memory that each thread is to have: for a kernel's workspace, and for lanes as items.
  void need_scratch(std::size_t bytes) { plan_.scratch_bytes = std::max(plan_.scratch_bytes, bytes); }
  void need_items(Index bytes) { plan_.temp_bytes = std::max(plan_.temp_bytes, static_cast<std::size_t>(bytes)); }

  // ---- for families of instructions with bodies ----
  /// How many loops are around the program's instructions.
  int level() const { return level_; }
  /// What it takes to remember who failed in a group.
  Index marks_of_group() const;
  /// What one of its bodies takes.
  Cost cost(const Program& body, int width);
  /// Room for what a step has to know, which is Plan::inners by the number that this returns.
  int add_inner(Step& step);
  void keep(int inner, std::shared_ptr<const void> detail) { inners_[static_cast<std::size_t>(inner)].detail = std::move(detail); }
  /// So many bytes per group in the step's frame. Returns which of Inner::rooms.
  int room(int inner, Index bytes_of_group);
  /// Where a group's part of each port begins, in elements after that of the group before.
  struct Ports {
    std::vector<Index> in, out;
  };
  /// Plans a body, in the step's form; returns its flops. `loops`: whether it runs again and again.
  double nest(int inner, const Step& step, const Program& body, int first_site, bool loops, const Ports& ports);
  /// Plans one that runs as a batch of its own; returns the flops of all of it.
  double nest_batch(int inner, const Step& step, const Program& body, const std::vector<bool>& sums);
  /// In lanes: a value that is touched part by part.
  void touch_in_parts(int value) { mutable_place(value).cold = true; }
  void count_inner() { plan_.counts_inner = plan_.items == 1 && outer_ == nullptr && !plan_.lanes; }

 private:
  const Program& program_;
  const Pattern& pattern_;
  Planner* const outer_ = nullptr;  // of the program whose step runs this body
  int first_site_ = 0, level_ = 0;
  Plan plan_;
  std::vector<Pending> pending_;
  std::vector<bool> symmetric_;  // per value
  struct Lifetime {
    std::vector<int> head, next;
  } born_, dies_;
  struct Nest {
    bool hoisted;
    std::vector<Index> rooms;  // bytes of a group
    std::vector<std::unique_ptr<Planner>> bodies;
    std::vector<Plan> batch;  // at most one
    std::shared_ptr<const void> detail;
  };
  std::vector<Nest> inners_;
  Ports ports_;
  Index hot_bytes_ = 0;  // of the frame that was laid last: what is touched again and again

  Planner(const Program& body, Planner& outer, int first_site, int level, int width);

  Place& mutable_place(int value) { return plan_.places[static_cast<std::size_t>(value)]; }
  Index lane_bytes(int value) { return static_cast<Index>(mutable_place(value).bytes) * plan_.width; }
  bool summed(std::size_t output) const { return outer_ == nullptr && output < pattern_.sums.size() && pattern_.sums[output]; }
  Planner& root() { return outer_ == nullptr ? *this : outer_->root(); }

  void measure_values();
  void place_values();
  void place_ports(const Ports& ports);
  bool hoisted(const Instruction& code) const;
  int lanes_width() const;
  Cost cost_of_code(int width);
  Cost cost_of_program(int width);
  void lay_out(int width);
  void find_symmetric_constants();
  void note_symmetric(const Instruction& code);
  std::vector<Unit> cut(bool hoist) const;
  std::vector<bool> stored_by(const std::vector<Unit>& units) const;
  void add_loop(const FusedLoop& loop, const std::vector<int>& sites, const std::vector<bool>& stored, bool hoist);
  void share(int value);
  /// f() of what runs before all items, of which a loop is laid out as that of one.
  template <class F>
  void as_one_item(F f) {
    const bool lanes = std::exchange(plan_.lanes, false);
    const int width = std::exchange(plan_.width, 1);
    f();
    plan_.lanes = lanes, plan_.width = width;
  }
  void bring_inputs(const Instruction& code, int site);
  void bring(int value, int site);
  void give_outputs(const Instruction& code, int site);
  void give(int value, int site);
  void splat(int value);
  void copy_outputs();
  void give_output(int value, std::size_t output, int site);
  void add_instruction(const Instruction& code, int site, bool hoist);
  void add_operands(const Instruction& code, bool hoist);
  bool streams(const Instruction& code, std::size_t operand) const;
  bool streams_out(const Instruction& code, std::size_t output) const;
  void add_transfer(void (*run)(const Step&, Chunk&), int site, Pending from, Pending to);
  void define(int value);
  void use(int value);
  // frames.cc
  void find_lifetimes();
  Index allocate(Index groups, Index& hot);
  Index splat_bytes() const;
  Index sums_bytes() const;
  Index lay_nest(std::size_t i, Index from, Index groups, Index& hot);
  Index lay_frame(Index groups);
  void choose_chunk();
  void cut_for_sums();
  void finish();
  Ref resolve(const Pending& p) const;
};

}  // namespace backsolve
