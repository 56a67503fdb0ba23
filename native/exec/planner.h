// Makes a plan: plan.cc decides where values live, the family of each kernel how its step computes.
#pragma once
#include <algorithm>
#include <array>
#include <cstring>
#include <type_traits>

#include "plan.h"

namespace backsolve {

constexpr Index round_up(Index n) {
  constexpr auto kAlign = static_cast<Index>(Arena::kAlign);
  return (n + kAlign - 1) / kAlign * kAlign;
}

/// What an operand of a step will point to, before slots are known.
struct Pending {
  enum What { null, hoisted_form, item_form, list, output } what;
  int value;
};

class Planner {
 public:
  Planner(const Program& program, const Pattern& pattern);
  Plan build();

  // ---- for families ----
  const Type& type(int value) const { return program_.values[static_cast<std::size_t>(value)]; }
  const Place& place(int value) const { return plan_.places[static_cast<std::size_t>(value)]; }
  const Kernel& kernel(const Instruction& code) const { return kernels()[static_cast<std::size_t>(code.kernel)]; }
  const LanesTable& isa() const { return *plan_.isa; }
  int width() const { return plan_.width; }
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

 private:
  const Program& program_;
  const Pattern& pattern_;
  Plan plan_;
  std::vector<Pending> pending_;
  struct Lifetime {
    std::vector<int> head, next;
  } born_, dies_;

  Place& mutable_place(int value) { return plan_.places[static_cast<std::size_t>(value)]; }
  Index lane_bytes(int value) { return static_cast<Index>(mutable_place(value).bytes) * plan_.width; }

  void place_values();
  bool hoisted(const Instruction& code);
  int lanes_width();
  bool lanes_pay(int width);
  void lay_out(int width);
  void copy_outputs();
  void add_instruction(int i, bool hoist);
  void add_transfer(void (*run)(const Step&, Chunk&), int i, Pending from, Pending to, int value);
  void define(int value);
  void use(int value);
  void find_lifetimes();
  Index allocate(Index groups);
  Index splat_bytes();
  void choose_chunk();
  void resolve();
  Ref resolve(const Pending& p);
};

}  // namespace backsolve
