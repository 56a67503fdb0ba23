#include <algorithm>

#include "fused_coder.h"
#include "fused_mirror.h"

namespace backsolve {

void Coder::count_uses(int n) {
  if (nodes_[at(n)].uses++ > 0) return;
  for (const int a : nodes_[at(n)].args) count_uses(a);
}

/// With operand a at this node.
Symbol Coder::with(Symbol s, const Node& n) const {
  s.a = n.kept >= 0 ? temporaries() : n.operand;
  s.a_at = n.kept >= 0 ? behind(n.kept) : n.behind;
  return s;
}

int Coder::take_slot() {
  const auto free = std::find(slots_.begin(), slots_.end(), false);
  const auto slot = static_cast<int>(free - slots_.begin());
  if (free == slots_.end())
    slots_.push_back(true);
  else
    *free = true;
  return slot;
}

void Coder::use(int n) {
  Node& x = nodes_[at(n)];
  if (--x.uses == 0 && x.kept >= 0) slots_[at(x.kept)] = false;
}

/// The tile holds it and somebody needs it later.
void Coder::keep(int n) {
  Node& x = nodes_[at(n)];
  if (x.uses == 0 || in_memory(x)) return;
  x.kept = take_slot();
  code_.push_back(with({Symbol::store}, x));
}

/// Into the tile.
void Coder::evaluate(int n) {
  const Node& x = nodes_[at(n)];
  if (in_memory(x))
    code_.push_back(with({Symbol::load}, x));
  else if (x.what == Node::mask)
    code_.push_back(with({plan_.loop.flat && !side_by_side(x.operand) ? Symbol::gather_mask : Symbol::load_mask}, x));
  else if (x.what == Node::apart)
    code_.push_back(with({Symbol::gather}, x));
  else if (x.what == Node::pair)
    code_.push_back(whole_pair({Symbol::load_pair}, x.operand, x.behind));
  else if (x.what == Node::integer)
    code_.push_back({.what = Symbol::integer, .a_at = x.behind});
  else
    evaluate_map(n);
  use(n);
  keep(n);
}

/// x + y z and x - y z, where nobody else needs the product and its factors are in memory.
bool Coder::evaluate_with_product(int n) {
  const std::vector<int> args = nodes_[at(n)].args;
  const auto map = static_cast<Map>(nodes_[at(n)].which);
  if (args.size() != 2 || args[0] == args[1] || (map != Map::add && map != Map::sub)) return false;
  const auto is_product = [&](int a) {
    const Node& x = nodes_[at(a)];
    return x.what == Node::map && x.which == static_cast<int>(Map::mul) && x.uses == 1 && x.kept < 0 &&
           std::all_of(x.args.begin(), x.args.end(), [&](int f) { return in_memory(nodes_[at(f)]); });
  };
  const bool second = is_product(args[1]);
  if (!second && (map == Map::sub || !is_product(args[0]))) return false;
  const int product = args[second ? 1 : 0];
  evaluate(args[second ? 0 : 1]);
  const std::vector<int> factors = nodes_[at(product)].args;
  Symbol s = with({.what = map == Map::add ? Symbol::add_product : Symbol::sub_product}, nodes_[at(factors[0])]);
  const Symbol b = with(s, nodes_[at(factors[1])]);
  s.b = b.a, s.b_at = b.a_at;
  for (const int f : factors) use(f);
  use(product);
  code_.push_back(s);
  return true;
}

void Coder::evaluate_map(int n) {
  if (evaluate_with_product(n)) return;
  const std::vector<int> args = nodes_[at(n)].args;
  const auto to_memory = [&](int a) {  // counts as no use
    if (in_memory(nodes_[at(a)])) return;
    ++nodes_[at(a)].uses;
    evaluate(a);
  };
  Symbol s{.what = Symbol::map, .which = nodes_[at(n)].which};
  if (args.size() == 1) {
    evaluate(args[0]);
    s.b = s.which;
  } else if (args.size() == 2 && args[0] == args[1]) {
    use(args[0]);
    evaluate(args[0]);
    s.form = FusedForm::tile_tile;
  } else if (args.size() == 2) {
    const bool left = in_memory(nodes_[at(args[0])]), right = in_memory(nodes_[at(args[1])]);
    if (left && right) {
      const Symbol b = with(s, nodes_[at(args[1])]);
      s = with(s, nodes_[at(args[0])]);
      s.b = b.a, s.b_at = b.a_at;
      s.form = FusedForm::memory_memory;
      use(args[0]), use(args[1]);
    } else if (left) {
      evaluate(args[1]);
      s = with(s, nodes_[at(args[0])]);
      s.form = FusedForm::memory_tile;
      use(args[0]);
    } else {
      to_memory(args[1]);
      evaluate(args[0]);
      s = with(s, nodes_[at(args[1])]);
      use(args[1]);
    }
  } else {
    to_memory(args[1]);
    to_memory(args[2]);
    evaluate(args[0]);
    const Symbol b = with(s, nodes_[at(args[2])]);
    s = with(s, nodes_[at(args[1])]);
    s.b = b.a, s.b_at = b.a_at;
    use(args[1]), use(args[2]);
  }
  code_.push_back(s);
}

/// The tile into memory.
Symbol Coder::stored(const Root& r, int operand) const {
  const bool mask = planner_.type(r.value).dtype == DType::b8, apart = plan_.loop.flat && !side_by_side(operand);
  if (plan_.loop.flat && !apart && of_pairs(operand)) return whole_pair({Symbol::store_pair}, operand, r.behind);
  return {.what = apart ? (mask ? Symbol::scatter_mask : Symbol::scatter) : (mask ? Symbol::store_mask : Symbol::store),
          .a = operand,
          .a_at = r.behind};
}

/// Whether all of a row goes to one element.
bool Coder::sums_in_tile(const Root& r, int operand) const {
  return r.sum >= 0 && !plan_.loop.over_groups && plan_.loop.along[at(operand)].move == 0;
}

/// The tile to a sum: into memory, or a tile of its own, which is folded when a row, or the loop, ends. `below`: without the diagonal.
void Coder::accumulate(const Root& r, int operand, int slot, bool below) {
  const Fused& f = plan_.loop;
  const Index behind = slot < 0 ? r.behind : this->behind(slot);
  const int to = slot < 0 ? operand : temporaries();
  Symbol::What what = below ? Symbol::accumulate_below : Symbol::accumulate;
  if (f.flat && slot < 0 && (!side_by_side(operand) || of_pairs(operand)))
    what = below ? Symbol::accumulate_numbers_below : Symbol::accumulate_numbers;
  else if (f.flat)
    what = below ? Symbol::flat_accumulate_below : Symbol::flat_accumulate;
  code_.push_back({.what = what, .which = r.sum, .a = to, .a_at = behind});
  if (slot < 0) return;
  begin_.push_back({.what = Symbol::reset, .which = r.sum, .a = to, .a_at = behind});
  bool rows = false;
  for (std::size_t d = 0; d < f.extent.size(); ++d) rows = rows || f.stride[d * operands_.size() + at(operand)] != 0;
  (rows ? row_end_ : end_)
      .push_back(
          {.what = f.flat ? Symbol::flat_fold : Symbol::fold, .which = r.sum, .a = to, .b = operand, .a_at = behind, .b_at = r.behind});
}

void Coder::emit(const Root& r) {
  evaluate(r.node);
  if (r.sum < 0) {
    code_.push_back(stored(r, r.operand));
    if (r.image >= 0) code_.push_back(stored(r, r.image));
    return;
  }
  auto& sums = plan_.loop.sums;
  if (std::none_of(sums.begin(), sums.end(), [&](const Fused::Sum& s) { return s.operand == r.operand; }))
    sums.push_back({r.operand, static_cast<Reduce>(r.sum), planner_.place(r.value).count * (of_pairs(r.operand) ? 2 : 1)});
  accumulate(r, r.operand, r.slot, false);
  if (r.image < 0) return;
  if (r.opposite) code_.push_back({.what = Symbol::map, .which = static_cast<int>(Map::neg)});
  accumulate(r, r.image, r.image_slot, r.sum == static_cast<int>(Reduce::sum));
}

void Coder::emit() {
  Fused& f = plan_.loop;
  for (auto& r : roots_) {
    if (sums_in_tile(r, r.operand)) r.slot = take_slot();
    if (r.image >= 0 && sums_in_tile(r, r.image)) r.image_slot = take_slot();
  }
  if (f.flat) place_flat();
  for (const auto& r : roots_) emit(r);
  for (int t = 0; t < kFusedTiles; ++t)
    if (f.over_groups || t == f.tile) f.body[t] = assemble(code_, f.tables[t]);
  f.begin = assemble(begin_, f.tables[f.tile]);
  f.row_begin = assemble(row_begin_, f.tables[f.tile]);
  f.row_end = assemble(row_end_, f.tables[f.tile]);
  f.end = assemble(end_, f.tables[f.tile]);
}

FusedPlan Coder::make() {
  Fused& f = plan_.loop;
  f.tables = planner_.isa().fused[static_cast<int>(real_)];
  for (const auto& r : roots_) count_uses(r.node);
  if (!f.halves) merge_axes();
  choose_tile();
  emit();
  f.operands = static_cast<int>(operands_.size());
  for (const auto& o : operands_) f.values.push_back(o.value);
  plan_.temporary = behind(static_cast<int>(slots_.size()));
  return std::move(plan_);
}

FusedPlan plan_fused(const Planner& planner, const Program& program, const FusedLoop& loop, const std::vector<bool>& stored) {
  Expressions expressions(planner, program, loop, stored);
  Mirror mirror(planner, expressions);
  FusedPlan made = Coder(planner, std::move(expressions), mirror.halves).make();
  made.symmetric = std::move(mirror.symmetric);
  made.loop.copies = std::move(mirror.copies);
  for (const auto& m : loop.members) {
    const Instruction& c = program.code[at(m.instruction)];
    made.loop.instructions.push_back(m.instruction);
    made.flops += kernel_of(c).flops * static_cast<double>(planner.place(is_reduction(c) ? c.in[0] : c.out[0]).count);
  }
  return made;
}

}  // namespace backsolve
