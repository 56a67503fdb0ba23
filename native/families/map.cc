// Elementwise maps.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "../exec/planner.h"
#include "../exec/steps.h"
#include "families.h"
#include "signature.h"
#include "whole.h"

namespace backsolve {

const char* check_map(const Kernel& kernel, const Shape* operands) {
  const Shape& out = operands[kernel.inputs];
  for (int i = 0; i < kernel.inputs; ++i) {
    const Shape& in = operands[i];
    if (in.rank > out.rank) return "an input has more dimensions than the output";
    for (int d = 0; d < in.rank; ++d) {
      const Index n = in.dims[d];
      if (n != 1 && n != out.dims[out.rank - in.rank + d]) return "an input does not broadcast to the output";
    }
  }
  return nullptr;
}

void run_map(MapInner inner, const Loops& loops, int inputs, char* const* base, const std::size_t* block, Index first, Index last,
             Index from, Index to) {
  if (to <= from) return;
  Index stride[4] = {0, 0, 0, 0};
  char* start[4] = {};
  for (int o = 0; o <= inputs; ++o) {
    stride[o] = loops.stride(o)[loops.rank - 1];
    start[o] = base[o] + from * stride[o] * static_cast<Index>(block[o]);
  }
  for_rows(loops, inputs + 1, block, start, first, last, [&](char* const* p) {
    const void* in[3] = {p[1], inputs > 1 ? p[2] : nullptr, inputs > 2 ? p[3] : nullptr};
    inner(p[0], in, to - from, stride);
  });
}
void run_map(MapInner inner, const Loops& loops, int inputs, char* const* base, const std::size_t* block) {
  run_map(inner, loops, inputs, base, block, 0, loops.rows(), 0, loops.inner());
}

bool run_whole_map(const Eager& e, const Kernel& k) {
  const MapInner inner = isa().map_flat[k.which][static_cast<int>(e.column)];
  const Operand& out = e.operands[static_cast<std::size_t>(k.inputs)];
  char* base[4];
  std::size_t block[4];
  Axes axes;
  axes.rank = rank_of(out);
  std::copy(out.dims.begin(), out.dims.end(), axes.extent);
  for (int o = 0; o <= k.inputs; ++o) {
    const Operand& operand = e.operands[static_cast<std::size_t>(o == 0 ? k.inputs : o - 1)];
    base[o] = data_of(operand);
    block[o] = size_of(operand.dtype);
    broadcast_strides(operand.dims.data(), rank_of(operand), out.dims.data(), axes.rank, axes.stride[o]);
  }
  const Nest nest = coalesce(axes, k.inputs + 1);
  return split_loops(e, nest.loops(), [&](Index first, Index last, Index from, Index to) {
    run_map(inner, nest.loops(), k.inputs, base, block, first, last, from, to);
  });
}

// Operands of a map are the inputs, then the output; its loops want the output first.
void step_map_single(const Step& s, Chunk& c) {
  const Loops loops{s.rank, number(c, s.loops)};
  std::size_t block[4];
  for (int i = 0; i < s.operands; ++i) block[i] = static_cast<std::size_t>(s.block[i]);
  for (Index g = 0; g < c.groups; ++g) {
    if (skips(c, g)) continue;
    char* p[4] = {c.at(ref(s, c, s.inputs), g)};
    for (int i = 0; i < s.inputs; ++i) p[i + 1] = c.at(ref(s, c, i), g);
    run_map(s.map, loops, s.inputs, p, block);
  }
}

/// Groups are one more loop, merged with the item's where every operand is a slot: the outermost extent is groups * count.
void step_map_lanes(const Step& s, Chunk& c) {
  Index numbers[5 * kMaxLoops];
  std::copy_n(number(c, s.loops), (1 + s.operands) * s.rank, numbers);
  numbers[0] = c.groups * s.count;
  std::size_t block[4];
  for (int i = 0; i < s.operands; ++i) block[i] = static_cast<std::size_t>(s.block[i]);
  char* p[4] = {c.at(ref(s, c, s.inputs), 0)};
  for (int i = 0; i < s.inputs; ++i) p[i + 1] = c.at(ref(s, c, i), 0);
  run_map(s.map, {s.rank, numbers}, s.inputs, p, block);
}

void Planner::add_map(Step& s, bool hoist) {
  const Instruction& code = *s.code;
  const bool lanes = plan_.lanes && !hoist;
  const auto& table = lanes ? plan_.isa->map_lanes : plan_.isa->map_flat;
  s.map = table[s.kernel->which][static_cast<int>(code.column)];
  s.run = lanes ? step_map_lanes : step_map_single;
  const Type& out = type(code.out[0]);
  const int rank = static_cast<int>(out.dims.size());
  Axes axes;  // dimension 0: the groups of a chunk, here one
  axes.rank = rank + 1;
  axes.extent[0] = 1;
  std::copy(out.dims.begin(), out.dims.end(), axes.extent + 1);
  for (int o = 0; o < s.operands; ++o) {
    const int v = o == 0 ? code.out[0] : code.in[static_cast<std::size_t>(o) - 1];
    const Type& t = type(v);
    s.block[o] = static_cast<int>(size_of(t.dtype)) * (lanes ? plan_.width : 1);
    broadcast_strides(t.dims.data(), static_cast<int>(t.dims.size()), out.dims.data(), rank, axes.stride[o] + 1);
    axes.stride[o][0] = place(v).per_item ? place(v).count : 0;
  }
  const Nest nest = coalesce(axes, s.operands, lanes);
  s.rank = nest.rank;
  s.loops = add_numbers(nest.data, nest.size);
  s.count = nest.data[0];
  const double flops = s.kernel->flops * static_cast<double>(place(code.out[0]).count);
  plan_.flops += hoist ? flops : flops * static_cast<double>(plan_.items);
}

}  // namespace backsolve
