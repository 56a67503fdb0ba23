// Kernels for one matrix: item after item, or W of them side by side.
#include "../exec/steps.h"
#include "binding.h"
#include "families.h"
#include "whole.h"

namespace backsolve {
namespace {

bool computes(const Kernel& k, DType column) { return k.single.run[static_cast<int>(column)] != nullptr; }
LanesKernel of_lanes(const Kernel& k, DType column, const LanesTable& isa) {
  return isa.kernels[static_cast<int>(k.lanes)][static_cast<int>(column)].run;
}
bool in_lanes(const Kernel& k, DType column, const LanesTable& isa) {
  return k.lanes != kNoLanes && static_cast<int>(column) < kFloatTypes && of_lanes(k, column, isa) != nullptr;
}

const char* check(const Kernel& kernel, std::span<const double> attrs, std::span<const Shape> operands) {
  if (attrs.size() != static_cast<std::size_t>(kernel.attrs)) return "wrong number of attributes";
  for (std::size_t i = 0; i < attrs.size(); ++i) {
    if (kernel.attr_max[i] != 'r' && !integer_within(attrs[i], 0, kernel.attr_max[i] - '0')) return "attribute out of range";
  }
  Binding binding;
  return bind(kernel, attrs.data(), operands.data(), binding);
}

/// The kernel for calls of that size, if there is one. Operands that are not null only tell that they are there.
GroupsKernel small_of_lanes(const Kernel& k, DType column, const LanesTable& isa, const Call& call) {
  if (!in_lanes(k, column, isa)) return nullptr;
  const auto choose = isa.kernels[static_cast<int>(k.lanes)][static_cast<int>(column)].small;
  return choose != nullptr ? choose(call) : nullptr;
}

constexpr double kDirectFlops = 50e3;  // less than this: no plan, no threads

constexpr Index kMany = 64;          // items of one call of a kernel that takes many
constexpr double kManyFlops = 50e3;  // more than this in an item: a call for each
/// Whether the kernel takes many of such items at once.
bool is_little(const Kernel& k, DType column, const double* attrs, const Binding& b) {
  const Single& single = k.single;
  if (single.many[static_cast<int>(column)] == nullptr || matrix_flops(k, b) > kManyFlops) return false;
  return single.takes_many == nullptr || single.takes_many(attrs);
}

thread_local Scratch direct_scratch;

Axes batch_axes(const Eager& e, const Binding& b) {
  Axes axes;
  axes.rank = b.outer_rank;
  std::copy_n(b.outer, b.outer_rank, axes.extent);
  for (int o = 0; o < b.signature->operands; ++o) {
    const Operand& operand = e.operands[static_cast<std::size_t>(o)];
    std::fill_n(axes.stride[o], b.outer_rank, Index{0});
    if (!operand.present) continue;
    broadcast_strides(operand.dims.data(), rank_of(operand) - b.signature->rank[o], b.outer, b.outer_rank, axes.stride[o]);
    const Index item = b.item_count(o);
    for (int d = 0; d < b.outer_rank; ++d) axes.stride[o][d] *= item;
  }
  return axes;
}

/// Item after item on this thread, without a plan. Not for `collect`, which fills failing outputs.
Outcome run_direct(const Eager& e, const Kernel& k, const Binding& b) {
  const SingleKernel kernel = k.single.run[static_cast<int>(e.column)];
  const struct Trim {
    ~Trim() { direct_scratch.trim(); }
  } at_end;
  char* base[kMaxOperands];
  for (int o = 0; o < b.signature->operands; ++o) base[o] = data_of(e.operands[static_cast<std::size_t>(o)]);
  const auto call = [&](char* const* operands) { return Call{reinterpret_cast<void* const*>(operands), b.dims, e.attrs.data()}; };
  const std::size_t workspace = k.single.workspace[static_cast<int>(e.column)](call(base));
  direct_scratch.reserve(workspace);
  Outcome outcome;
  const auto one = [&](char* const* operands, Index item) {
    const std::int32_t info = kernel(call(operands), direct_scratch.arena(workspace));
    if (info != 0 && outcome.failures.empty()) outcome.failures.push_back({item, 0, info});
  };
  if (b.outer_count == 1) {
    one(base, 0);
    return outcome;
  }
  Axes axes = batch_axes(e, b);
  axes.extent[axes.rank] = 1;  // for_rows leaves the innermost dimension to its caller
  for (int o = 0; o < b.signature->operands; ++o) axes.stride[o][axes.rank] = 0;
  Index numbers[(1 + kMaxOperands) * kMaxLoops];
  const int rank = axes.rank + 1;
  std::size_t block[kMaxOperands];
  std::copy_n(axes.extent, rank, numbers);
  for (int o = 0; o < b.signature->operands; ++o) {
    std::copy_n(axes.stride[o], rank, numbers + (1 + o) * rank);
    block[o] = size_of(e.operands[static_cast<std::size_t>(o)].dtype);
  }
  Index item = 0;
  for_rows({rank, numbers}, b.signature->operands, block, base, 0, b.outer_count, [&](char* const* p) { one(p, item++); });
  return outcome;
}

Outcome run_as_program(const Eager& e, const Kernel& k, const Binding& b) {
  Program program;
  Run run;
  Instruction code{.kernel = e.kernel, .column = e.column, .attrs = e.attrs, .in = {}, .out = {}, .control = nullptr};
  const Axes axes = batch_axes(e, b);
  run.batch.assign(b.outer, b.outer + b.outer_rank);
  run.collect = e.collect;
  run.abort = e.abort;
  for (int o = 0; o < b.signature->operands; ++o) {
    const Operand& operand = e.operands[static_cast<std::size_t>(o)];
    auto& ids = o < k.inputs ? code.in : code.out;
    if (!operand.present) {
      ids.push_back(-1);
      continue;
    }
    const int id = static_cast<int>(program.values.size());
    ids.push_back(id);
    program.values.push_back({operand.dtype, {operand.dims.end() - b.signature->rank[o], operand.dims.end()}});
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

Outcome whole(const Eager& e, const Kernel& k) {
  Shape shapes[kMaxOperands];
  for (std::size_t o = 0; o < e.operands.size(); ++o) {
    const Operand& operand = e.operands[o];
    shapes[o] = {operand.present, operand.dtype, operand.dims.data(), rank_of(operand)};
  }
  Binding b;
  bind(k, e.attrs.data(), shapes, b);
  double outputs = 0, of_item = 0, there = 0;
  for (int o = 0; o < b.signature->operands; ++o) {
    const Operand& operand = e.operands[static_cast<std::size_t>(o)];
    if (!operand.present) continue;
    (o < k.inputs ? there : outputs) += static_cast<double>(count(operand));
    of_item += static_cast<double>(b.item_count(o));
  }
  if (outputs == 0 && unjudged(b.outer_count, of_item, there)) return {};
  const bool one = b.outer_count == 1;
  const bool wide = port_dtype(Port::real, e.column) == DType::f64;
  const bool by_lanes = !is_little(k, e.column, e.attrs.data(), b) && b.outer_count >= isa().bytes / (wide ? 8 : 4) &&
                        extent(k, b) <= lanes_limit(k, isa(), b.outer_count);
  const bool little = matrix_flops(k, b) * static_cast<double>(b.outer_count) < kDirectFlops;
  if (!e.collect && (one || (little && !by_lanes))) return run_direct(e, k, b);
  return run_as_program(e, k, b);
}

/// Of one matrix the rate grows with its size, as LAPACK's does. In lanes it is a multiple of that, ever smaller up to the size that was
/// measured: packing, which was measured with it, is apart here, so that there is no loss until far beyond.
Cost cost(const Planner& planner, const Instruction& code, int) {
  constexpr double kCall = 30, kGain = 2.5, kLeast = 1.2, kLoss = 1.2, kPacked = 0.8;
  const Kernel& k = planner.kernel(code);
  Binding b;
  bind(k, code.attrs.data(), planner.shapes(code).data(), b);
  const Index size = extent(k, b);
  const double rate = k.limits.rate > 0 ? k.limits.rate : std::clamp(0.15 * static_cast<double>(size), 0.5, 15.0);
  const auto outer = static_cast<double>(b.outer_count);
  const double work = matrix_flops(k, b) * outer / rate;
  Cost c{.single = outer * kCall + work};
  if (is_little(k, code.column, code.attrs.data(), b)) {
    void* there[kMaxOperands];
    std::fill_n(there, kMaxOperands, static_cast<void*>(&b));
    const bool small = small_of_lanes(k, code.column, planner.isa(), {there, b.dims, code.attrs.data()}) != nullptr;
    c.single = outer * k.limits.each + work;
    c.lanes = small ? 0.2 * outer + work : outer + 1.2 * work;
  } else if (in_lanes(k, code.column, planner.isa())) {
    const double of_limit =
        static_cast<double>(size) / static_cast<double>(std::max<Index>(lanes_limit(k, planner.isa(), planner.pattern().items), 1));
    const double gain = kGain + (kLeast - kGain) * std::clamp(1.5 * of_limit - 0.5, 0.0, 1.0);
    c.lanes = of_limit <= 1 ? c.single / gain : of_limit <= 2 ? c.single : c.single * kLoss;
    if (k.limits.before > 0) c.single += k.flops * k.limits.before * static_cast<double>(b.dims[0] * b.dims[0]) * outer / rate;
  } else {
    c.lanes = c.single;
    for (const auto* ids : {&code.in, &code.out})
      for (const int v : *ids) c.lanes += v < 0 ? 0 : kPacked * static_cast<double>(planner.place(v).count);
  }
  return c;
}

/// What a step knows.
struct Detail {
  SingleKernel single;
  ManyKernel many;  // or null
  LanesKernel lanes;
  GroupsKernel small;                     // or null
  std::size_t single_bytes, lanes_bytes;  // of workspace
  bool declines;                          // the lanes kernel may leave lanes to `single`
  int counts;                             // in Plan::numbers, of Form::lanes: elements of one matrix per operand
  int loops, rank;                        // in Plan::numbers, over the leading dimensions: strides in bytes, 0 for null operands
  Index outer_count;
  Index dims[kMaxDims];
};

/// Calls f(operands) for each combination of the leading dimensions.
template <class F>
void for_outer(const Detail& d, const Step& s, const Chunk& c, char* const* p, F&& f) {
  static constexpr std::size_t kOnes[kMaxOperands] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
  if (d.outer_count == 1) return static_cast<void>(f(p));
  const Loops loops{d.rank, number(c, d.loops)};
  const Index inner = loops.inner();
  for_rows(loops, s.operands, kOnes, p, 0, inner == 0 ? 0 : loops.rows(), [&](char* const* row) {
    char* q[kMaxOperands];
    for (Index k = 0; k < inner; ++k) {
      for (int i = 0; i < s.operands; ++i) q[i] = row[i] + k * loops.stride(i)[loops.rank - 1];
      f(q);
    }
  });
}

Call call_of(const Detail& d, const Step& s, char* const* operands) {
  return {reinterpret_cast<void* const*>(operands), d.dims, s.code->attrs.data()};
}

std::int32_t one(const Step& s, const Chunk& c, char* const* p) {
  const Detail& d = detail<Detail>(s, c);
  std::int32_t info = 0;
  for_outer(d, s, c, p, [&](char* const* q) {
    if (info == 0) info = d.single(call_of(d, s, q), c.scratch->arena(d.single_bytes));
  });
  return info;
}

/// All items by calls for so many: also failed ones, whose results nobody sees.
void run_many(const Step& s, Chunk& c) {
  const Detail& d = detail<Detail>(s, c);
  const void* room[kMaxOperands][kMany];
  const void* const* lists[kMaxOperands];
  for (Index g = 0; g < c.groups; g += kMany) {
    const Index items = std::min(kMany, c.groups - g);
    for (int o = 0; o < s.operands; ++o) {
      const Ref& r = ref(s, c, o);
      lists[o] = r.list >= 0 ? c.lists + r.list * c.plan->chunk + g : room[o];
      if (r.list >= 0) continue;
      const char* const first = c.at(r, g);
      for (Index i = 0; i < items; ++i) room[o][i] = first + i * r.stride;
    }
    d.many(Call{nullptr, d.dims, s.code->attrs.data()}, lists, items);
  }
}

/// Computes the lanes that a lanes kernel declined, but for items that failed before.
void run_declined(const Detail& d, const Step& s, const Chunk& c, char* const* q, Index first, std::int32_t* info, int used) {
  constexpr auto kDeclined = static_cast<std::int32_t>(Fail::declined);
  for (int l = 0; l < used; ++l)
    if (info[l] == kDeclined && skips(c, first + l)) info[l] = 0;
  if (std::find(info, info + used, kDeclined) == info + used) return;
  Unpacked::Operand operand[kMaxOperands];
  for (int i = 0; i < s.operands; ++i)
    operand[i] = {port_dtype(static_cast<Port>(s.kernel->ports[i]), s.code->column), number(c, d.counts)[i]};
  Unpacked items(c, operand, s.operands);
  items.unpack(0, s.operands, q, used);
  char* one[kMaxOperands];
  for (int l = 0; l < used; ++l) {
    if (info[l] != kDeclined) continue;
    items.item(l, q, one);
    info[l] = d.single(call_of(d, s, one), c.scratch->arena(d.single_bytes));
  }
  items.pack(s.inputs, s.operands, q, used);
}

constexpr int kMostLanes = 16;  // of the widest registers
/// Whether any of these is not 0.
bool any_info(const std::int32_t* info) {
  std::int32_t all = 0;
  for (int l = 0; l < kMostLanes; ++l) all |= info[l];
  return all != 0;
}

/// In lanes no operand is a list, so that groups lie at steps.
void run_lanes(const Step& s, Chunk& c) {
  const Detail& d = detail<Detail>(s, c);
  char* p[kMaxOperands];
  Index step[kMaxOperands];
  for (int i = 0; i < s.operands; ++i) {
    p[i] = c.at(ref(s, c, i), 0);
    step[i] = ref(s, c, i).stride;
  }
  if (d.small != nullptr && d.outer_count == 1 && d.small(call_of(d, s, p), step, c.groups, nullptr)) return;
  alignas(64) std::int32_t info[kMostLanes] = {};
  for (Index g = 0; g < c.groups; ++g) {
    if (g > 0) {
      for (int i = 0; i < s.operands; ++i) p[i] += step[i];
    }
    for_outer(d, s, c, p, [&](char* const* q) {
      if (d.small != nullptr)
        d.small(call_of(d, s, q), step, 1, info);
      else
        d.lanes(call_of(d, s, q), c.scratch->arena(d.lanes_bytes), info);
      if (!any_info(info)) return;
      const int used = used_lanes(c, g);
      const Index first = g * c.plan->width;
      if (d.declines) run_declined(d, s, c, q, first, info, used);
      for (int l = 0; l < used; ++l) {
        if (info[l] != 0) c.fail(first + l, s.instruction, info[l]);
      }
    });
  }
}

/// The leading dimensions, strides in bytes of `width` items side by side.
Axes outer_axes(const Shape* operand, int operands, const Binding& b, int width) {
  Axes axes;
  axes.rank = b.outer_rank;
  std::copy_n(b.outer, b.outer_rank, axes.extent);
  for (int o = 0; o < operands; ++o) {
    const Shape& shape = operand[o];
    std::fill_n(axes.stride[o], b.outer_rank, Index{0});
    if (!shape.present) continue;
    const Index bytes = width * b.item_count(o) * static_cast<Index>(size_of(shape.dtype));
    broadcast_strides(shape.dims, shape.rank - b.signature->rank[o], b.outer, b.outer_rank, axes.stride[o]);
    for (int i = 0; i < b.outer_rank; ++i) axes.stride[o][i] *= bytes;
  }
  return axes;
}

void plan(Planner& planner, Step& s, Form form) {
  const Instruction& code = *s.code;
  const Kernel& k = *s.kernel;
  const auto operand = planner.shapes(code);
  Binding b;
  bind(k, code.attrs.data(), operand.data(), b);
  Detail d{};
  d.outer_count = b.outer_count;
  std::copy_n(b.dims, kMaxDims, d.dims);
  const int column = static_cast<int>(code.column), width = form == Form::lanes ? planner.width() : 1;
  Index counts[kMaxOperands] = {}, items = 0;
  void* there[kMaxOperands] = {};
  const Call counted{there, b.dims, code.attrs.data()};
  for (int o = 0; o < s.operands; ++o) {
    const Shape& shape = operand[static_cast<std::size_t>(o)];
    if (!shape.present) continue;
    there[o] = &d;  // any address: only whether it is null counts
    counts[o] = b.item_count(o);
    items += width * Unpacked::Operand{shape.dtype, counts[o]}.bytes();
  }
  const Nest nest = coalesce(outer_axes(operand.data(), s.operands, b, width), s.operands);
  d.rank = nest.rank;
  d.loops = planner.add_numbers(nest.data, nest.size);
  s.flops = matrix_flops(k, b) * static_cast<double>(b.outer_count);
  if (form == Form::single && b.outer_count == 1 && is_little(k, code.column, code.attrs.data(), b)) {
    d.many = k.single.many[column];
    s.run = run_many;
  }
  if (form == Form::lanes) {
    s.run = run_lanes;
    d.lanes = of_lanes(k, code.column, planner.isa());
    d.lanes_bytes = planner.isa().kernels[static_cast<int>(k.lanes)][column].workspace(counted);
    d.small = small_of_lanes(k, code.column, planner.isa(), counted);
    planner.need_scratch(d.lanes_bytes);
    d.declines = k.limits.declines;
  }
  if (form != Form::lanes || d.declines) {
    s.one = one;
    d.single = k.single.run[column];
    d.single_bytes = k.single.workspace[column](counted);
    planner.need_scratch(d.single_bytes);
  }
  if (d.declines) {
    d.counts = planner.add_numbers(counts, s.operands);
    planner.need_items(items);
  }
  planner.keep(s, d);
}

}  // namespace

const Family family::matrix{"matrix", true, computes, in_lanes, check, whole, cost, plan};

}  // namespace backsolve
