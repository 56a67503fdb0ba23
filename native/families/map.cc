// Elementwise maps.
#include "../exec/steps.h"
#include "families.h"
#include "whole.h"

namespace backsolve {
namespace {

MapInner flat(const Kernel& k, DType column, const LanesTable& isa) {
  return isa.map_flat[static_cast<int>(k.map)][static_cast<int>(column)];
}
MapInner of_lanes(const Kernel& k, DType column, const LanesTable& isa, bool wide) {
  return isa.map_lanes[static_cast<int>(k.map)][lane_column(column, wide)];
}
bool computes(const Kernel& k, DType column) { return flat(k, column, isa()) != nullptr; }
bool in_lanes(const Kernel& k, DType column, const LanesTable& isa) { return of_lanes(k, column, isa, false) != nullptr; }

const char* check(const Kernel& kernel, std::span<const double> attrs, std::span<const Shape> operands) {
  if (!attrs.empty()) return "a map has no attributes";
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

/// Operands: the output, then up to three inputs; `base` and `block` in that order. Rows [first, last), and of each elements [from, to).
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

Outcome whole(const Eager& e, const Kernel& k) {
  const MapInner inner = flat(k, e.column, isa());
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
  const bool aborted = split_loops(e, nest.loops(), [&](Index first, Index last, Index from, Index to) {
    run_map(inner, nest.loops(), k.inputs, base, block, first, last, from, to);
  });
  return {.aborted = aborted, .failures = {}};
}

/// Flat loops pay a call for every row that operands do not walk as one.
Cost cost(const Planner& planner, const Instruction& code, int width) {
  const Type& out = planner.type(code.out[0]);
  const bool whole =
      std::all_of(code.in.begin(), code.in.end(), [&](int v) { return planner.type(v).dims == out.dims || planner.place(v).count == 1; });
  const bool rows = whole || out.dims.back() >= 4 * width;
  return cost_of_loop(planner.place(code.out[0]).count, planner.kernel(code).flops, rows ? 1.5 : 2.5);
}

/// What a step knows. Operands of a step are the inputs, then the output; the loops want the output first.
struct Detail {
  MapInner inner;
  int loops, rank;       // in Plan::numbers
  Index of_group;        // elements of one group in the outermost loop
  std::size_t block[4];  // bytes of an element
};

std::int32_t one(const Step& s, const Chunk& c, char* const* operands) {
  const Detail& d = detail<Detail>(s, c);
  char* p[4] = {operands[s.inputs]};
  std::copy_n(operands, s.inputs, p + 1);
  run_map(d.inner, {d.rank, number(c, d.loops)}, s.inputs, p, d.block);
  return 0;
}

/// Groups are one more loop, merged with the item's where every operand's lie side by side: the outermost extent is groups * of_group.
void run_lanes(const Step& s, Chunk& c) {
  const Detail& d = detail<Detail>(s, c);
  Index numbers[5 * kMaxLoops];
  std::copy_n(number(c, d.loops), (1 + s.operands) * d.rank, numbers);
  numbers[0] = c.groups * d.of_group;
  char* p[4] = {c.at(ref(s, c, s.inputs), 0)};
  for (int i = 0; i < s.inputs; ++i) p[i + 1] = c.at(ref(s, c, i), 0);
  run_map(d.inner, {d.rank, numbers}, s.inputs, p, d.block);
}

void plan(Planner& planner, Step& s, Form form) {
  const Instruction& code = *s.code;
  const bool lanes = form == Form::lanes;
  Detail d{};
  const bool wide = planner.width() * 8 == planner.isa().bytes;
  d.inner = lanes ? of_lanes(*s.kernel, code.column, planner.isa(), wide) : flat(*s.kernel, code.column, planner.isa());
  s.one = one;
  if (lanes) s.run = run_lanes;
  const Type& out = planner.type(code.out[0]);
  const int rank = static_cast<int>(out.dims.size());
  Axes axes;  // dimension 0: the groups of a chunk, here one
  axes.rank = rank + 1;
  axes.extent[0] = 1;
  std::copy(out.dims.begin(), out.dims.end(), axes.extent + 1);
  for (int o = 0; o < s.operands; ++o) {
    const int v = o == 0 ? code.out[0] : code.in[static_cast<std::size_t>(o) - 1];
    const Type& t = planner.type(v);
    d.block[o] = size_of(t.dtype) * static_cast<std::size_t>(lanes ? planner.width() : 1);
    broadcast_strides(t.dims.data(), static_cast<int>(t.dims.size()), out.dims.data(), rank, axes.stride[o] + 1);
    axes.stride[o][0] = planner.place(v).step;
  }
  const Nest nest = coalesce(axes, s.operands, lanes);
  d.rank = nest.rank;
  d.loops = planner.add_numbers(nest.data, nest.size);
  d.of_group = nest.data[0];
  s.flops = s.kernel->flops * static_cast<double>(planner.place(code.out[0]).count);
  planner.keep(s, d);
}

}  // namespace

const Family family::map{"map", false, computes, in_lanes, check, whole, cost, plan};

}  // namespace backsolve
