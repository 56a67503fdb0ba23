// The axes of a loop, and which of them its tiles lie along.
#include <algorithm>

#include "fused_coder.h"

namespace backsolve {
namespace {

constexpr Index kShort = 4;  // axes below this are no tiles

}  // namespace

/// Axes that every operand walks as one.
void Coder::merge_axes() {
  std::vector<Index>& extent = plan_.loop.extent;
  for (std::size_t d = extent.size(); d-- > 1;) {
    const auto joined = [&](const Expressions::Operand& o) { return o.stride[d - 1] == extent[d] * o.stride[d]; };
    if (!std::all_of(operands_.begin(), operands_.end(), joined)) continue;
    extent[d - 1] *= extent[d];
    extent.erase(extent.begin() + static_cast<std::ptrdiff_t>(d));
    for (Expressions::Operand& o : operands_) {
      o.stride[d - 1] = o.stride[d];
      o.stride.erase(o.stride.begin() + static_cast<std::ptrdiff_t>(d));
    }
  }
}

/// The last of the axes along which most operands lie side by side, or stay, if it fills a vector; else the longest.
std::size_t Coder::flat_axis() {
  std::vector<Index>& extent = plan_.loop.extent;
  if (extent.empty()) {
    extent.push_back(1);
    for (auto& o : operands_) o.stride.push_back(0);
  }
  std::size_t best = 0;
  Index most = -1;
  for (std::size_t d = extent.size(); d-- > 0;) {
    const auto fits = [&](const auto& o) { return o.stride[d] == 0 || o.stride[d] == size_of_element(o); };
    const Index here = extent[d] < reals() ? 0 : 1 + std::count_if(operands_.begin(), operands_.end(), fits);
    if (here > most || (here == 0 && most == 0 && extent[d] > extent[best])) {
      most = here;
      best = d;
    }
  }
  return best;
}

/// The axis of which tiles are made, by the shape alone, as sums are added tile by tile: in lanes the last one that fills most of a tile,
/// or the groups of a chunk.
void Coder::choose_tile() {
  Fused& f = plan_.loop;
  constexpr Index kTile = 1 << (kFusedTiles - 1);
  std::size_t best = f.extent.size();
  Index most = kShort - 1;
  for (std::size_t d = f.extent.size(); d-- > 0 && !f.flat && !f.halves;) {
    if (std::min(f.extent[d], kTile) > most) {
      most = std::min(f.extent[d], kTile);
      best = d;
    }
  }
  if (f.halves)
    best = f.extent.size() - 1;
  else if (f.flat)
    best = flat_axis();
  f.over_groups = best == f.extent.size();
  if (!f.over_groups) {
    f.count = f.extent[best];
    f.extent.erase(f.extent.begin() + static_cast<std::ptrdiff_t>(best));
    const Index unit = f.flat ? reals() : 1;
    while (f.tile + 1 < kFusedTiles && (2 << f.tile) * unit <= f.count) ++f.tile;
  }
  for (const auto& o : operands_) {
    const Index move = f.over_groups ? 0 : o.stride[best];
    f.along.push_back({nullptr, f.flat ? size_of_element(o) * reals() : move, move});
  }
  f.along.push_back({nullptr, planner_.isa().bytes, 0});
  for (std::size_t d = 0; d < f.extent.size() + (f.over_groups ? 0 : 1); ++d) {
    if (!f.over_groups && d == best) continue;
    for (const auto& o : operands_) f.stride.push_back(o.stride[d]);
  }
}

/// Of one item: whether vectors of it can be read and written.
bool Coder::side_by_side(int operand) const {
  return plan_.loop.count >= reals() && plan_.loop.along[at(operand)].move == size_of_element(operands_[at(operand)]);
}

/// One part of complex numbers side by side: which, in b.
Symbol Coder::whole_pair(Symbol s, int operand, Index behind) const {
  const auto part = static_cast<Index>(size_of(real_));
  s.a = operand;
  s.b = behind % (2 * part) == 0 ? 0 : 1;
  s.a_at = behind - s.b * part;
  return s;
}

/// Of one item: a number that stays along a row is repeated once; what is apart is gathered.
void Coder::place_flat() {
  for (Node& n : nodes_) {
    if (n.what != Node::memory || n.uses == 0) continue;
    if (side_by_side(n.operand)) {
      if (of_pairs(n.operand)) n.what = Node::pair;
      continue;
    }
    if (plan_.loop.along[at(n.operand)].move != 0) {
      n.what = Node::apart;
      continue;
    }
    Symbol s = with({Symbol::splat}, n);
    n.kept = take_slot();
    ++n.uses;  // for good
    s.b = temporaries();
    s.b_at = behind(n.kept);
    row_begin_.push_back(s);
  }
}

}  // namespace backsolve
