// Inputs side by side along an axis.
#include "../exec/steps.h"
#include "families.h"
#include "whole.h"

namespace backsolve {
namespace {

bool computes(const Kernel&, DType) { return true; }
bool in_lanes(const Kernel&, DType, const LanesTable&) { return true; }
Cost cost(const Planner& planner, const Instruction& code, int) { return cost_of_loop(planner.place(code.out[0]).count, 1, 3); }

const char* check(const Kernel&, std::span<const double> attrs, std::span<const Shape> operands) {
  const Shape& out = operands.back();
  if (attrs.size() != 1 || !integer_within(attrs[0], 0, out.rank - 1)) return "bad axis";
  const int axis = static_cast<int>(attrs[0]);
  Index together = 0;
  for (const Shape& in : operands.first(operands.size() - 1)) {
    if (in.rank != out.rank) return "inputs of different ranks";
    for (int d = 0; d < out.rank; ++d) {
      if (d != axis && in.dims[d] != out.dims[d]) return "inputs differ beside the axis";
    }
    together += in.dims[axis];
  }
  return together == out.dims[axis] ? nullptr : "the output is not as long as its inputs together";
}

/// A part of the output: how many runs of elements that lie together, and how long these are in the input and from one to the next.
struct Part {
  Nest nest;
  Index shift;  // where in the output the first run begins
};

/// Calls f(i, part) for each input that has elements; dims(i): its dimensions.
template <class Dims, class F>
void for_parts(const std::vector<Index>& out, int inputs, int axis, Dims&& dims, F&& f) {
  const int rank = static_cast<int>(out.size());
  const Index inner = count_of(out.data() + axis + 1, rank - axis - 1), outer = count_of(out.data(), axis);
  const Index stride = out[static_cast<std::size_t>(axis)] * inner;
  Index shift = 0;
  for (int i = 0; i < inputs; ++i) {
    const Index run = dims(i)[static_cast<std::size_t>(axis)] * inner;
    if (run == 0 || outer == 0) continue;
    Axes axes;
    axes.rank = 2;
    axes.extent[0] = outer, axes.extent[1] = run;
    axes.stride[0][0] = stride, axes.stride[1][0] = run;
    axes.stride[0][1] = axes.stride[1][1] = 1;
    f(i, Part{coalesce(axes, 2), shift});
    shift += run;
  }
}

Outcome whole(const Eager& e, const Kernel&) {
  const std::size_t block = size_of(e.column);
  bool aborted = false;
  const auto dims = [&](int i) -> const std::vector<Index>& { return e.operands[static_cast<std::size_t>(i)].dims; };
  for_parts(e.operands.back().dims, e.inputs(), static_cast<int>(e.attrs[0]), dims, [&](int i, const Part& part) {
    char* const to = data_of(e.operands.back()) + part.shift * static_cast<Index>(block);
    const char* const from = data_of(e.operands[static_cast<std::size_t>(i)]);
    const Loops loops = part.nest.loops();
    aborted = aborted || split_loops(e, loops, [&](Index first, Index last, Index begin, Index end) {
                run_move(loops, to, from, block, first, last, begin, end);
              });
  });
  return {.aborted = aborted, .failures = {}};
}

/// What a step knows.
struct Detail {
  std::size_t block;  // bytes of an element
  struct {
    int loops, rank;  // in Plan::numbers; rank 0: nothing to move
    Index shift;      // bytes
  } part[kMaxOperands];
};

std::int32_t one(const Step& s, const Chunk& c, char* const* operands) {
  const Detail& d = detail<Detail>(s, c);
  for (int i = 0; i < s.inputs; ++i) {
    const auto& [loops, rank, shift] = d.part[i];
    if (rank > 0) run_move({rank, number(c, loops)}, operands[s.inputs] + shift, operands[i], d.block);
  }
  return 0;
}

void plan(Planner& planner, Step& s, Form form) {
  const Instruction& code = *s.code;
  Detail d{};
  d.block = size_of(code.column) * static_cast<std::size_t>(form == Form::lanes ? planner.width() : 1);
  const auto dims = [&](int i) -> const std::vector<Index>& { return planner.type(code.in[static_cast<std::size_t>(i)]).dims; };
  for_parts(planner.type(code.out[0]).dims, s.inputs, static_cast<int>(code.attrs[0]), dims, [&](int i, const Part& part) {
    d.part[i] = {planner.add_numbers(part.nest.data, part.nest.size), part.nest.rank, part.shift * static_cast<Index>(d.block)};
  });
  s.one = one;
  planner.keep(s, d);
}

}  // namespace

const Family family::join{"join", false, computes, in_lanes, check, whole, cost, plan};

}  // namespace backsolve
