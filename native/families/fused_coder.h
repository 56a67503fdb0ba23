// Code for the register machine from the expressions of a loop. They are evaluated with one register, the tile: an operand that is in
// memory is used from there, one that has to be computed is computed first and stored (Sethi, Ullman, "The generation of optimal code for
// arithmetic expressions", J. ACM 17 (1970), with one register).
#pragma once
#include <vector>

#include "fused_nodes.h"

namespace backsolve {

class Coder {
 public:
  Coder(const Planner& planner, Expressions&& of, bool halves)
      : planner_(planner), real_(of.real), operands_(std::move(of.operands)), nodes_(std::move(of.nodes)), roots_(std::move(of.roots)) {
    plan_.loop.extent = std::move(of.extent);
    plan_.loop.flat = planner.width() == 1;
    plan_.loop.halves = halves;
  }
  FusedPlan make();

 private:
  const Planner& planner_;
  DType real_;
  std::vector<Expressions::Operand> operands_;
  std::vector<Expressions::Node> nodes_;
  std::vector<Expressions::Root> roots_;
  std::vector<bool> slots_;  // of what a tile stores, whether they are taken
  std::vector<Symbol> code_, begin_, row_begin_, row_end_, end_;
  FusedPlan plan_;

  using Node = Expressions::Node;
  int temporaries() const { return static_cast<int>(operands_.size()); }
  Index behind(int slot) const { return static_cast<Index>(slot) * (1 << (kFusedTiles - 1)) * planner_.isa().bytes; }
  void count_uses(int n);
  bool in_memory(const Node& n) const { return n.kept >= 0 || n.what == Node::memory; }
  Symbol with(Symbol s, const Node& a) const;
  int take_slots(int count);
  int take_slot() { return take_slots(1); }
  void use(int n);
  void to_memory(int n);
  Symbol places(Symbol s, int a, int b) const;
  void keep(int n);
  void evaluate(int n);
  bool evaluate_with_product(int n);
  void evaluate_map(int n);
  void evaluate_call(int n);
  void merge_axes();
  void choose_tile();
  std::size_t flat_axis();
  Index size_of_element(const Expressions::Operand& o) const { return static_cast<Index>(size_of(planner_.type(o.value).dtype)); }
  int reals() const { return planner_.isa().bytes / static_cast<int>(size_of(real_)); }
  bool side_by_side(int operand) const;
  bool is_apart(int operand) const { return plan_.loop.flat && !side_by_side(operand); }
  bool of_pairs(int operand) const { return is_complex(planner_.type(operands_[at(operand)].value).dtype); }
  Symbol whole_pair(Symbol s, int operand, Index behind) const;
  void place_flat();
  using Root = Expressions::Root;
  Symbol stored(const Root& r, int operand) const;
  bool sums_in_tile(const Root& r, int operand) const;
  void accumulate(const Root& r, int operand, int slot, bool below);
  void emit(const Root& r);
  void emit();
};

}  // namespace backsolve
