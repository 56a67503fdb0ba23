// Makes a plan. plan.cc decides where values live; steps.cc says how each family of kernels becomes a step, next to how it runs.
#pragma once
#include <array>

#include "plan.h"

namespace backsolve {

constexpr Index kAlign = 64;
constexpr Index round_up(Index n) { return (n + kAlign - 1) / kAlign * kAlign; }

/// What an operand of a step will point to, before slots are known.
struct Pending {
  enum What { null, hoisted_form, item_form, list, output } what;
  int value;
};

class Planner {
 public:
  Planner(const Program& program, const Pattern& pattern);
  Plan build();

 private:
  const Program& program_;
  const Pattern& pattern_;
  Plan plan_;
  std::vector<Pending> pending_;
  struct Lifetime {
    std::vector<int> head, next;
  } born_, dies_;

  Place& place(int value) { return plan_.places[static_cast<std::size_t>(value)]; }
  const Type& type(int value) const { return program_.values[static_cast<std::size_t>(value)]; }
  const Kernel& kernel(const Instruction& code) const { return kernels()[static_cast<std::size_t>(code.kernel)]; }
  Index lane_bytes(int value) { return static_cast<Index>(place(value).bytes) * plan_.width; }

  void place_values();
  bool hoisted(const Instruction& code);
  int lanes_width();
  bool runs_in_lanes(const Instruction& code) const;
  bool lanes_pay(int width);
  void lay_out(int width);
  void copy_outputs();
  void add_instruction(int i, bool hoist);
  void add_matrix(Step& step, bool hoist);
  void add_map(Step& step, bool hoist);
  void add_mover(Step& step);
  Step step_of(int i, void (*run)(const Step&, Chunk&));
  void add_transfer(void (*run)(const Step&, Chunk&), int i, Pending from, Pending to, int value);
  int add_numbers(const Index* data, int n);
  void define(int value);
  void use(int value);
  void find_lifetimes();
  Index allocate(Index groups);
  Index splat_bytes();
  void choose_chunk();
  void resolve();
  Ref resolve(const Pending& p);
  std::array<Shape, kMaxOperands> shapes(const Instruction& code) const;
};

}  // namespace backsolve
