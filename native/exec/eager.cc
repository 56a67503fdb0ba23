// One kernel over full shapes. Few small matrices go straight to the kernel; larger work becomes a program of one instruction.
#include <algorithm>

#include "../base/pool.h"
#include "../families/loops.h"
#include "plan.h"
#include "program.h"
#include "shape.h"

namespace backsolve {
namespace {

constexpr Index kGrain = 32768;        // elements that one task of a map or reduction takes; fixed, so that bits do not depend on threads
constexpr double kDirectFlops = 50e3;  // less than this: no plan, no threads

thread_local Scratch direct_scratch;

const Kernel& kernel_of(const Eager& e) { return kernels()[static_cast<std::size_t>(e.kernel)]; }

char* data_of(const Operand& o) {
  return o.present && o.data != nullptr ? static_cast<char*>(o.data) + o.offset * static_cast<Index>(size_of(o.dtype)) : nullptr;
}
int rank_of(const Operand& o) { return static_cast<int>(o.dims.size()); }
Index count(const Operand& o) { return count_of(o.dims.data(), rank_of(o)); }

/// Calls body(task) on the pool until the abort flag is seen. Returns whether it was.
template <class F>
bool tasks(const Eager& e, Index n, F&& body) {
  std::atomic<bool> aborted{false};
  pool::parallel(n, 0, [&](Index task) {
    if (e.abort != nullptr && e.abort->load(std::memory_order_relaxed)) {
      aborted.store(true, std::memory_order_relaxed);
      return;
    }
    body(task);
  });
  return aborted.load(std::memory_order_relaxed);
}

// ---- matrix kernels ----

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

// ---- the other families ----

/// Tasks of about kGrain elements: several whole rows, or parts of one.
template <class F>
bool split_loops(const Eager& e, const Loops& loops, F&& part) {
  const Index inner = loops.inner(), rows = loops.rows();
  if (inner == 0 || rows == 0) return false;
  if (inner > kGrain) {
    const Index parts = (inner - 1) / kGrain + 1;
    return tasks(e, rows * parts, [&](Index t) {
      const Index row = t / parts, from = t % parts * kGrain;
      part(row, row + 1, from, std::min(inner, from + kGrain));
    });
  }
  const Index together = std::max<Index>(kGrain / inner, 1);
  return tasks(e, (rows - 1) / together + 1, [&](Index t) { part(t * together, std::min(rows, (t + 1) * together), Index{0}, inner); });
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

/// A long reduction is cut into pieces along its outermost dimension, each at least kGrain elements; their results are reduced again.
bool run_whole_reduce(const Eager& e, const Kernel& k) {
  const ReduceInner inner = isa().reduce_flat[k.which][static_cast<int>(e.column)];
  const Operand& in = e.operands[0];
  const Operand& out = e.operands[1];
  const ReducePlan plan = plan_reduce(in.dims.data(), rank_of(in), e.attrs.data(), static_cast<int>(e.attrs.size()));
  const Loops kept = plan.kept.loops(), reduced = plan.reduced.loops();
  const Index outputs = kept.count(), each = reduced.count();
  if (outputs == 0) return false;
  const std::size_t block = size_of(e.column);
  const auto size = static_cast<Index>(block);
  char *const to = data_of(out), *const from = data_of(in);
  const auto input_of = [&](Index output) {
    Index offset = 0;
    for (int d = kept.rank - 1; d >= 0; output /= kept.extent()[d--]) offset += output % kept.extent()[d] * kept.stride(1)[d];
    return from + offset * size;
  };
  const Index outer = reduced.extent()[0];
  const Index step = outer == 0 ? 0 : std::max<Index>(kGrain / std::max<Index>(each / outer, 1), 1);
  if (each < 2 * kGrain || step >= outer) {
    const Index together = std::max<Index>(kGrain / std::max<Index>(each, 1), 1);
    return tasks(e, (outputs - 1) / together + 1, [&](Index t) {
      for (Index o = t * together; o < std::min(outputs, (t + 1) * together); ++o)
        run_reduce(inner, reduced, to + o * size, input_of(o), block);
    });
  }
  const Index pieces = (outer - 1) / step + 1;
  std::vector<std::byte> partial(static_cast<std::size_t>(outputs * pieces) * block);
  auto* const partials = reinterpret_cast<char*>(partial.data());
  const bool aborted = tasks(e, outputs * pieces, [&](Index t) {
    Nest piece = plan.reduced;
    const Index begin = t % pieces * step;
    piece.data[0] = std::min(step, outer - begin);
    run_reduce(inner, piece.loops(), partials + t * size, input_of(t / pieces) + begin * reduced.stride(0)[0] * size, block);
  });
  const Index again[] = {pieces, 1};
  for (Index o = 0; o < outputs && !aborted; ++o) run_reduce(inner, {1, again}, to + o * size, partials + o * pieces * size, block);
  return aborted;
}

/// Scatter runs on one thread: strides may meet, and then the last element in row-major order stays.
bool run_whole_move(const Eager& e, const Kernel& k) {
  const Operand& in = e.operands[0];
  const Operand& out = e.operands[1];
  const std::size_t block = size_of(e.column);
  const bool scatter = k.family == Family::scatter;
  if (scatter && count(out) > 0) std::fill_n(data_of(out), static_cast<std::size_t>(count(out)) * block, char{0});
  const Operand& walked = scatter ? in : out;
  if (count(walked) == 0) return false;
  const Nest nest = plan_move(scatter, walked.dims.data(), rank_of(walked), e.attrs.data() + 1);
  const Index shift = static_cast<Index>(e.attrs[0]) * static_cast<Index>(block);
  char* const to = data_of(out) + (scatter ? shift : 0);
  const char* const from = data_of(in) + (scatter ? 0 : shift);
  if (scatter) {
    run_move(nest.loops(), to, from, block);
    return false;
  }
  return split_loops(e, nest.loops(), [&](Index first, Index last, Index begin, Index end) {
    run_move(nest.loops(), to, from, block, first, last, begin, end);
  });
}

bool run_whole_band(const Eager& e) {
  const Operand& in = e.operands[0];
  if (count(in) == 0) return false;
  const Index cols = in.dims.back(), rows = in.dims[in.dims.size() - 2], matrices = count(in) / (rows * cols);
  const std::size_t block = size_of(e.column);
  const Index together = std::max<Index>(kGrain / (rows * cols), 1);
  return tasks(e, (matrices - 1) / together + 1, [&](Index t) {
    const Index first = t * together, shift = first * rows * cols * static_cast<Index>(block);
    run_band(e.attrs[0] != 0, static_cast<Index>(e.attrs[1]), std::min(together, matrices - first), rows, cols,
             data_of(e.operands[1]) + shift, data_of(in) + shift, block);
  });
}

}  // namespace

Outcome execute(const Eager& eager) {
  const Kernel& k = kernel_of(eager);
  if (eager.abort != nullptr && eager.abort->load(std::memory_order_relaxed)) return {.aborted = true, .failures = {}};
  bool aborted = false;
  switch (k.family) {
    case Family::matrix:
      return run_matrix(eager, k);
    case Family::map:
      aborted = run_whole_map(eager, k);
      break;
    case Family::reduce:
      aborted = run_whole_reduce(eager, k);
      break;
    case Family::view:
    case Family::scatter:
      aborted = run_whole_move(eager, k);
      break;
    case Family::band:
      aborted = run_whole_band(eager);
      break;
  }
  return {.aborted = aborted, .failures = {}};
}

}  // namespace backsolve
