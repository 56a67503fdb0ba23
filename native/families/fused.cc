// Which instructions become part of a loop, and how its code runs.
#include "fused.h"

#include <algorithm>
#include <limits>

#include "../exec/steps.h"
#include "families.h"
#include "fused_nodes.h"

namespace backsolve {
namespace {

// elements that a tile may sum without a tree of sums, in some 2^11 rounds
constexpr Index kLongest = 1 << 14, kLongestFlat = 1 << 17;
constexpr Index kLargestValue = (Index{1} << 31) - 1;  // bytes

/// One group, or all of a chunk where tiles go over these.
void run_loop(const Fused& f, Chunk& c, const Step& s, FusedOperand* operand, Index g) {
  char* row[kFusedOperands];
  for (int o = 0; o < f.operands; ++o) row[o] = c.at(ref(s, c, o), g);
  const auto once = f.tables[f.tile].once;
  if (!f.begin.empty()) once(f.begin.data(), operand);
  Index index[kMaxLoops] = {};
  const std::size_t rank = f.extent.size();
  const int n = f.operands;
  int tile = f.tile;
  while (f.over_groups && tile + 1 < kFusedTiles && (2 << tile) <= c.groups) ++tile;
  for (;;) {
    for (int o = 0; o < n; ++o) operand[o].at = row[o];
    if (!f.row_begin.empty()) once(f.row_begin.data(), operand);
    const Index count = f.over_groups ? c.groups : f.halves ? index[rank - 1] + 1 : f.count;
    (f.flat ? f.tables[tile].flat_row : f.tables[tile].row)(f.body[tile].data(), operand, n, count, f.halves);
    if (!f.row_end.empty()) once(f.row_end.data(), operand);
    std::size_t d = rank;
    while (d > 0) {
      const Index* stride = f.stride.data() + (d - 1) * static_cast<std::size_t>(n);
      const bool carry = ++index[d - 1] == f.extent[d - 1];
      const Index steps = carry ? 1 - f.extent[d - 1] : 1;
      for (int o = 0; o < n; ++o) row[o] += steps * stride[o];
      if (!carry) break;
      index[--d] = 0;
    }
    if (d == 0) break;
  }
  if (!f.end.empty()) once(f.end.data(), operand);
}

template <class R>
void fill(char* p, Index n, double value) {
  std::fill_n(reinterpret_cast<R*>(p), n, static_cast<R>(value));
}

template <class R>
void copy(char* to, const char* from, Index n, bool opposite) {
  const auto* const x = reinterpret_cast<const R*>(from);
  auto* const y = reinterpret_cast<R*>(to);
  for (Index i = 0; i < n; ++i) y[i] = opposite ? -x[i] : x[i];
}

}  // namespace

bool may_fuse(const Planner& planner, const Instruction& c) {
  if (c.control != nullptr || c.out.size() != 1 || c.out[0] < 0) return false;
  const Kernel& k = kernel_of(c);
  // Places are told by 32 bits.
  const auto unfit = [&](int v) {
    return v < 0 || planner.place(v).count == 0 || planner.place(v).count > kLargestValue / (2 * planner.isa().bytes);
  };
  if (unfit(c.out[0]) || std::any_of(c.in.begin(), c.in.end(), unfit)) return false;
  std::optional<DType> real;
  if (!reals_of(planner.program(), c, real)) return false;
  if (k.family == &family::map)
    return Expressions::has(k.map, c.column) ||
           (c.column == real && planner.isa().fused[static_cast<int>(c.column)][0].map[static_cast<int>(k.map)][0] != nullptr);
  if (k.family == &family::reduce)
    return static_cast<int>(c.column) < kFloatTypes &&
           planner.place(c.in[0]).count / planner.place(c.out[0]).count <= (planner.width() == 1 ? kLongestFlat : kLongest);
  return k.family == &family::read_strided;
}

void run_fused(const Step& s, Chunk& c) {
  const Fused& f = *s.fused;
  FusedOperand operand[kFusedOperands + 1];
  std::copy(f.along.begin(), f.along.end(), operand);
  operand[f.operands].at = reinterpret_cast<char*>(c.base[Ref::arena]) + c.plan->temp_offset;
  if (f.over_groups)
    for (int o = 0; o < f.operands; ++o) operand[o].step = operand[o].move = ref(s, c, o).stride;
  const int width = f.flat ? 1 : c.plan->width;
  const bool wide = f.tables == c.plan->isa->fused[static_cast<std::size_t>(DType::f64)];
  const auto reset_sums = [&](Index g) {
    constexpr double kIdentity[] = {-0.0, -std::numeric_limits<double>::infinity(), std::numeric_limits<double>::infinity()};
    for (const Fused::Sum& sum : f.sums) {
      const double value = kIdentity[static_cast<int>(sum.reduce)];
      (wide ? fill<double> : fill<float>)(c.at(ref(s, c, sum.operand), g), sum.elements * width, value);
    }
  };
  const auto run_copies = [&](Index g) {
    for (const Fused::Copy& p : f.copies)
      (wide ? copy<double> : copy<float>)(c.at(ref(s, c, p.to), g), c.at(ref(s, c, p.from), g), p.elements * width, p.opposite);
  };
  for (Index g = 0; g < c.groups; ++g) {
    if (f.flat && skips(c, g)) continue;
    reset_sums(g);
    if (f.over_groups) continue;
    run_loop(f, c, s, operand, g);
    run_copies(g);
  }
  if (!f.over_groups) return;
  run_loop(f, c, s, operand, 0);
  for (Index g = 0; g < c.groups; ++g) run_copies(g);
}

}  // namespace backsolve
