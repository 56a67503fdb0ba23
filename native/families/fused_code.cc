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

/// The first of so many that are free, one behind the other.
int Coder::take_slots(int count) {
  const auto free = std::search_n(slots_.begin(), slots_.end(), count, false);
  auto slot = free - slots_.begin();
  if (free == slots_.end()) {
    while (slot > 0 && !slots_[static_cast<std::size_t>(slot) - 1]) --slot;
    slots_.resize(static_cast<std::size_t>(slot) + at(count));
  }
  std::fill_n(slots_.begin() + slot, count, true);
  return static_cast<int>(slot);
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
    code_.push_back(with({is_apart(x.operand) ? Symbol::gather_mask : Symbol::load_mask}, x));
  else if (x.what == Node::word)
    code_.push_back(with({is_apart(x.operand) ? Symbol::gather_word : Symbol::load_word}, x));
  else if (x.what == Node::apart)
    code_.push_back(with({Symbol::gather}, x));
  else if (x.what == Node::pair)
    code_.push_back(whole_pair({Symbol::load_pair}, x.operand, x.behind));
  else if (x.what == Node::integer)
    code_.push_back({.what = Symbol::integer, .a_at = x.behind});
  else if (x.what == Node::call)
    evaluate_call(n);
  else if (x.what == Node::other) {
    evaluate_call(x.args[0]);
    code_.push_back(with({Symbol::load}, x));
  } else
    evaluate_map(n);
  use(n);
  keep(n);
}

/// Somewhere in memory; counts as no use.
void Coder::to_memory(int n) {
  if (in_memory(nodes_[at(n)])) return;
  ++nodes_[at(n)].uses;
  evaluate(n);
}

/// The places of two nodes that are in memory.
Symbol Coder::places(Symbol s, int a, int b) const {
  const Symbol second = with(s, nodes_[at(b)]);
  s = with(s, nodes_[at(a)]);
  s.b = second.a, s.b_at = second.a_at;
  return s;
}

/// A function of complex numbers, between parts in memory; the real part of the result is in the tile, too.
void Coder::evaluate_call(int n) {
  const std::vector<int> args = nodes_[at(n)].args;
  for (const int a : args) to_memory(a);
  code_.push_back({.what = Symbol::call, .b = nodes_[at(n)].which, .a_at = static_cast<Index>(args.size() / 2 + 1)});
  for (std::size_t i = 0; i < args.size(); i += 2) code_.push_back(places({Symbol::place}, args[i], args[i + 1]));
  Node &real = nodes_[at(n)], &other = nodes_[at(n + 1)];
  real.kept = take_slots(2);
  code_.push_back(with({Symbol::place}, real));
  for (const int a : args) use(a);
  if (other.uses > 0)
    other.kept = real.kept + 1, use(n);
  else
    slots_[at(real.kept + 1)] = false;
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
  const Symbol s = places({.what = map == Map::add ? Symbol::add_product : Symbol::sub_product}, factors[0], factors[1]);
  for (const int f : factors) use(f);
  use(product);
  code_.push_back(s);
  return true;
}

void Coder::evaluate_map(int n) {
  if (evaluate_with_product(n)) return;
  const std::vector<int> args = nodes_[at(n)].args;
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
      s = places(s, args[0], args[1]);
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
    s = places(s, args[1], args[2]);
    use(args[1]), use(args[2]);
  }
  code_.push_back(s);
}

/// The tile into memory.
Symbol Coder::stored(const Root& r, int operand) const {
  const bool apart = is_apart(operand);
  if (plan_.loop.flat && !apart && of_pairs(operand)) return whole_pair({Symbol::store_pair}, operand, r.behind);
  Symbol::What what = apart ? Symbol::scatter : Symbol::store;
  const DType t = planner_.type(r.value).dtype;
  if (t == DType::b8) what = apart ? Symbol::scatter_mask : Symbol::store_mask;
  if (t == DType::i32) what = apart ? Symbol::scatter_word : Symbol::store_word;
  return {.what = what, .a = operand, .a_at = r.behind};
}

/// Whether all of a row goes to one element.
bool Coder::sums_in_tile(const Root& r, int operand) const {
  return r.sum >= 0 && !plan_.loop.over_groups && plan_.loop.along[at(operand)].move == 0;
}

/// The tile to a sum: into memory, or, of one item, a tile of its own, which is folded when a row, or the loop, ends. `below`: without the
/// diagonal.
void Coder::accumulate(const Root& r, int operand, int slot, bool below) {
  const Fused& f = plan_.loop;
  const Index behind = slot < 0 ? r.behind : this->behind(slot);
  const int to = slot < 0 ? operand : temporaries();
  Symbol::What what = below ? Symbol::accumulate_below : Symbol::accumulate;
  if (!f.flat && sums_in_tile(r, operand))
    what = below ? Symbol::accumulate_all_below : Symbol::accumulate_all;
  else if (f.flat && slot < 0 && (!side_by_side(operand) || of_pairs(operand)))
    what = below ? Symbol::accumulate_numbers_below : Symbol::accumulate_numbers;
  else if (f.flat)
    what = below ? Symbol::flat_accumulate_below : Symbol::flat_accumulate;
  code_.push_back({.what = what, .which = r.sum, .a = to, .a_at = behind});
  if (slot < 0) return;
  begin_.push_back({.what = Symbol::reset, .which = r.sum, .a = to, .a_at = behind});
  bool rows = false;
  for (std::size_t d = 0; d < f.extent.size(); ++d) rows = rows || f.stride[d * operands_.size() + at(operand)] != 0;
  (rows ? row_end_ : end_).push_back({.what = Symbol::flat_fold, .which = r.sum, .a = to, .b = operand, .a_at = behind, .b_at = r.behind});
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
    if (!f.flat) break;
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
