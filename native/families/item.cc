// Kernels for one matrix: item after item, or W of them side by side.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "../exec/planner.h"
#include "../exec/steps.h"
#include "families.h"
#include "signature.h"
#include "whole.h"

namespace backsolve {

const char* check_matrix(const Kernel& kernel, std::span<const double> attrs, const Shape* operands) {
  if (attrs.size() != static_cast<std::size_t>(kernel.attrs)) return "wrong number of attributes";
  for (std::size_t i = 0; i < attrs.size(); ++i) {
    if (kernel.attr_max[i] != 'r' && !integer_within(attrs[i], 0, kernel.attr_max[i] - '0')) return "attribute out of range";
  }
  Binding binding;
  return bind(kernel, attrs.data(), operands, binding);
}

namespace {

constexpr double kDirectFlops = 50e3;  // less than this: no plan, no threads

thread_local Scratch direct_scratch;

Axes batch_axes(const Eager& e, const Binding& b) {
  Axes axes;
  axes.rank = b.outer_rank;
  std::copy_n(b.outer, b.outer_rank, axes.extent);
  for (int o = 0; o < b.signature.operands; ++o) {
    const Operand& operand = e.operands[static_cast<std::size_t>(o)];
    std::fill_n(axes.stride[o], b.outer_rank, Index{0});
    if (!operand.present) continue;
    broadcast_strides(operand.dims.data(), rank_of(operand) - b.signature.rank[o], b.outer, b.outer_rank, axes.stride[o]);
    const Index item = b.item_count(o);
    for (int d = 0; d < b.outer_rank; ++d) axes.stride[o][d] *= item;
  }
  return axes;
}

/// Item after item on this thread, without a plan. Not for `collect`, which fills failing outputs.
Outcome run_direct(const Eager& e, const Kernel& k, const Binding& b) {
  const SingleKernel kernel = k.single[static_cast<int>(e.column)];
  const struct Trim {
    ~Trim() { direct_scratch.trim(); }
  } at_end;
  direct_scratch.reserve(k.scratch(b.dims, e.attrs.data(), e.column, 1));
  char* base[kMaxOperands];
  for (int o = 0; o < b.signature.operands; ++o) base[o] = data_of(e.operands[static_cast<std::size_t>(o)]);
  Outcome outcome;
  const auto one = [&](char* const* operands, Index item) {
    direct_scratch.rewind();
    const std::int32_t info = kernel({reinterpret_cast<void* const*>(operands), b.dims, e.attrs.data(), &direct_scratch});
    if (info != 0 && outcome.failures.empty()) outcome.failures.push_back({item, 0, info});
  };
  if (b.outer_count == 1) {
    one(base, 0);
    return outcome;
  }
  Axes axes = batch_axes(e, b);
  axes.extent[axes.rank] = 1;  // for_rows leaves the innermost dimension to its caller
  for (int o = 0; o < b.signature.operands; ++o) axes.stride[o][axes.rank] = 0;
  Index numbers[(1 + kMaxOperands) * kMaxLoops];
  const int rank = axes.rank + 1;
  std::size_t block[kMaxOperands];
  std::copy_n(axes.extent, rank, numbers);
  for (int o = 0; o < b.signature.operands; ++o) {
    std::copy_n(axes.stride[o], rank, numbers + (1 + o) * rank);
    block[o] = size_of(e.operands[static_cast<std::size_t>(o)].dtype);
  }
  Index item = 0;
  for_rows({rank, numbers}, b.signature.operands, block, base, 0, b.outer_count, [&](char* const* p) { one(p, item++); });
  return outcome;
}

Outcome run_as_program(const Eager& e, const Kernel& k, const Binding& b) {
  Program program;
  Run run;
  Instruction code{.kernel = e.kernel, .column = e.column, .attrs = e.attrs, .in = {}, .out = {}};
  const Axes axes = batch_axes(e, b);
  run.batch.assign(b.outer, b.outer + b.outer_rank);
  run.collect = e.collect;
  run.abort = e.abort;
  for (int o = 0; o < b.signature.operands; ++o) {
    const Operand& operand = e.operands[static_cast<std::size_t>(o)];
    auto& ids = o < k.inputs ? code.in : code.out;
    if (!operand.present) {
      ids.push_back(-1);
      continue;
    }
    const int id = static_cast<int>(program.values.size());
    ids.push_back(id);
    program.values.push_back({operand.dtype, {operand.dims.end() - b.signature.rank[o], operand.dims.end()}});
    if (o < k.inputs) {
      program.inputs.push_back(id);
      run.in.push_back(data_of(operand));
      run.strides.emplace_back(axes.stride[o], axes.stride[o] + b.outer_rank);
    } else {
      program.outputs.push_back(id);
      run.out.push_back(data_of(operand));
    }
  }
  program.code.push_back(std::move(code));
  return execute(program, run);
}

}  // namespace

Outcome run_matrix(const Eager& e, const Kernel& k) {
  Shape shapes[kMaxOperands];
  for (std::size_t o = 0; o < e.operands.size(); ++o) {
    const Operand& operand = e.operands[o];
    shapes[o] = {operand.present, operand.dtype, operand.dims.data(), rank_of(operand)};
  }
  Binding b;
  bind(k, e.attrs.data(), shapes, b);
  double outputs = 0, of_item = 0, there = 0;
  for (int o = 0; o < b.signature.operands; ++o) {
    const Operand& operand = e.operands[static_cast<std::size_t>(o)];
    if (!operand.present) continue;
    (o < k.inputs ? there : outputs) += static_cast<double>(count(operand));
    of_item += static_cast<double>(b.item_count(o));
  }
  if (outputs == 0 && unjudged(b.outer_count, of_item, there)) return {};
  const bool one = b.outer_count == 1;
  const Index largest = *std::max_element(b.dims, b.dims + b.signature.letters);
  const bool wide = port_dtype(Port::real, e.column) == DType::f64;
  const bool in_lanes = b.outer_count >= isa().bytes / (wide ? 8 : 4) && lanes_pay_alone(k, isa(), largest);
  const bool little = matrix_flops(k, b) * static_cast<double>(b.outer_count) < kDirectFlops;
  if (!e.collect && (one || (little && !in_lanes))) return run_direct(e, k, b);
  return run_as_program(e, k, b);
}

namespace {

/// Calls f(operands) for each combination of the leading dimensions; strides in Plan::numbers are in bytes, 0 for null operands.
template <class F>
void for_outer(const Step& s, const Chunk& c, char* const* p, F&& f) {
  static constexpr std::size_t kOnes[kMaxOperands] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
  if (s.count == 1) return static_cast<void>(f(p));
  const Loops loops{s.rank, number(c, s.loops)};
  const Index inner = loops.inner();
  for_rows(loops, s.operands, kOnes, p, 0, inner == 0 ? 0 : loops.rows(), [&](char* const* row) {
    char* q[kMaxOperands];
    for (Index k = 0; k < inner; ++k) {
      for (int i = 0; i < s.operands; ++i) q[i] = row[i] + k * loops.stride(i)[loops.rank - 1];
      f(q);
    }
  });
}

Call call_of(const Step& s, const Chunk& c, char* const* operands) {
  c.scratch->rewind();
  return {reinterpret_cast<void* const*>(operands), number(c, s.dims), s.code->attrs.data(), c.scratch};
}

}  // namespace

void step_matrix_single(const Step& s, Chunk& c) {
  char* p[kMaxOperands];
  for (Index g = 0; g < c.groups; ++g) {
    if (skips(c, g)) continue;
    operands_at(s, c, g, p);
    std::int32_t info = 0;
    for_outer(s, c, p, [&](char* const* q) {
      if (info == 0) info = s.single(call_of(s, c, q));
    });
    if (info != 0) c.fail(g, s.instruction, info);
  }
}

namespace {

/// Operands of W lanes as W items each, in the thread's temporary memory.
class Unpacked {
 public:
  Unpacked(const Step& s, const Chunk& c) : s_(s), c_(c), counts_(number(c, s.reduced)) {
    char* room = reinterpret_cast<char*>(c.base[Ref::arena]) + c.plan->temp_offset;
    for (int i = 0; i < s.operands; ++i) {
      for (int l = 0; l < c.plan->width; ++l, room += counts_[s.operands + i]) item_[i][l] = room;
    }
  }
  void unpack(int first, int last, char* const* q, int used) {
    for (int i = first; i < last; ++i) {
      if (q[i] != nullptr) isa().unpack[type(i)](reinterpret_cast<void* const*>(item_[i]), q[i], counts_[i], c_.plan->width, used);
    }
  }
  void pack(int first, int last, char* const* q, int used) {
    for (int i = first; i < last; ++i) {
      if (q[i] == nullptr) continue;
      const void* from[kMaxBlock];
      for (int l = 0; l < c_.plan->width; ++l) from[l] = item_[i][std::min(l, used - 1)];
      isa().pack[type(i)](q[i], from, counts_[i], c_.plan->width);
    }
  }
  std::int32_t run(SingleKernel kernel, char* const* q, int lane) {
    char* operand[kMaxOperands];
    for (int i = 0; i < s_.operands; ++i) operand[i] = q[i] != nullptr ? item_[i][lane] : nullptr;
    return kernel(call_of(s_, c_, operand));
  }

 private:
  const Step& s_;
  const Chunk& c_;
  const Index* counts_;  // elements of an item per operand, then its bytes
  char* item_[kMaxOperands][kMaxBlock];

  const LanesTable& isa() const { return *c_.plan->isa; }
  int type(int i) const { return static_cast<int>(port_dtype(static_cast<Port>(s_.kernel->ports[i]), s_.code->column)); }
};

/// Computes the lanes that a lanes kernel declined, but for items that failed before.
void run_declined(const Step& s, const Chunk& c, char* const* q, Index first, std::int32_t* info, int used) {
  const auto declined = [&](int l) { return info[l] == static_cast<std::int32_t>(Fail::declined); };
  for (int l = 0; l < used; ++l)
    if (declined(l) && skips(c, first + l)) info[l] = 0;
  if (std::find(info, info + used, static_cast<std::int32_t>(Fail::declined)) == info + used) return;
  Unpacked items(s, c);
  items.unpack(0, s.operands, q, used);
  for (int l = 0; l < used; ++l) {
    if (declined(l)) info[l] = items.run(s.instead, q, l);
  }
  items.pack(s.inputs, s.operands, q, used);
}

/// Whether any of these is not 0.
bool any_info(const std::int32_t* info, int used) {
  std::int32_t all = 0;
  for (int l = 0; l < used; ++l) all |= info[l];
  return all != 0;
}

}  // namespace

void step_matrix_lanes(const Step& s, Chunk& c) {
  char* p[kMaxOperands];
  alignas(64) std::int32_t info[kMaxBlock];
  for (Index g = 0; g < c.groups; ++g) {
    operands_at(s, c, g, p);
    for_outer(s, c, p, [&](char* const* q) {
      s.lanes(call_of(s, c, q), info);
      const int used = used_lanes(c, g);
      if (!any_info(info, used)) return;
      const Index first = g * c.plan->width;
      if (s.instead != nullptr) run_declined(s, c, q, first, info, used);
      for (int l = 0; l < used; ++l) {
        if (info[l] != 0) c.fail(first + l, s.instruction, info[l]);
      }
    });
  }
}

/// A kernel without code for lanes: each lane is unpacked, computed and packed again.
void step_matrix_adapted(const Step& s, Chunk& c) {
  const int width = c.plan->width;
  char* p[kMaxOperands];
  Unpacked items(s, c);
  for (Index g = 0; g < c.groups; ++g) {
    const int used = used_lanes(c, g);
    operands_at(s, c, g, p);
    for_outer(s, c, p, [&](char* const* q) {
      items.unpack(0, s.inputs, q, used);
      for (int l = 0; l < used; ++l) {
        if (skips(c, g * width + l)) continue;
        const std::int32_t info = items.run(s.single, q, l);
        if (info != 0) c.fail(g * width + l, s.instruction, info);
      }
      items.pack(s.inputs, s.operands, q, used);
    });
  }
}

void Planner::add_matrix(Step& s, bool hoist) {
  const Instruction& code = *s.code;
  const Kernel& k = *s.kernel;
  const auto operand = shapes(code);
  Binding b;
  bind(k, code.attrs.data(), operand.data(), b);
  s.dims = add_numbers(b.dims, kMaxDims);
  s.count = b.outer_count;
  const bool lanes = plan_.lanes && !hoist;
  const int width = lanes ? plan_.width : 1;
  Axes axes;
  axes.rank = b.outer_rank;
  std::copy_n(b.outer, b.outer_rank, axes.extent);
  Index item[2 * kMaxOperands] = {};
  Index temp = 0;
  for (int o = 0; o < s.operands; ++o) {
    const Shape& shape = operand[static_cast<std::size_t>(o)];
    std::fill_n(axes.stride[o], b.outer_rank, Index{0});
    if (!shape.present) continue;
    const Index bytes = b.item_count(o) * static_cast<Index>(size_of(shape.dtype));
    broadcast_strides(shape.dims, shape.rank - b.signature.rank[o], b.outer, b.outer_rank, axes.stride[o]);
    for (int d = 0; d < b.outer_rank; ++d) axes.stride[o][d] *= bytes * width;
    item[o] = b.item_count(o);
    item[s.operands + o] = round_up(bytes);
    temp += width * round_up(bytes);
  }
  const Nest nest = coalesce(axes, s.operands);
  s.rank = nest.rank;
  s.loops = add_numbers(nest.data, nest.size);
  const double flops = matrix_flops(k, b) * static_cast<double>(b.outer_count);
  plan_.flops += hoist ? flops : flops * static_cast<double>(plan_.items);
  const bool native_lanes = lanes && runs_in_lanes(code), declines = native_lanes && s.kernel->lanes_decline;
  std::size_t scratch = 0;
  if (native_lanes) {
    s.run = step_matrix_lanes;
    s.lanes = (plan_.isa->*k.lanes)[static_cast<int>(code.column)];
    if (k.lanes_scratch != nullptr) scratch = k.lanes_scratch(b.dims, code.attrs.data(), code.column, width);
  }
  if (!native_lanes || declines) {
    (native_lanes ? s.instead : s.single) = k.single[static_cast<int>(code.column)];
    if (!native_lanes) s.run = lanes ? step_matrix_adapted : step_matrix_single;
    s.reduced = add_numbers(item, 2 * s.operands);
    scratch = std::max(scratch, k.scratch(b.dims, code.attrs.data(), code.column, 1));
    if (lanes) plan_.temp_bytes = std::max(plan_.temp_bytes, static_cast<std::size_t>(temp));
  }
  plan_.scratch_bytes = std::max(plan_.scratch_bytes, scratch);
}

}  // namespace backsolve
