// Reductions over axes.
#include <cstring>

#include "../exec/steps.h"
#include "families.h"
#include "whole.h"

namespace backsolve {
namespace {

ReduceInner flat(const Kernel& k, DType column, const LanesTable& isa) {
  return isa.reduce_flat[static_cast<int>(k.reduce)][static_cast<int>(column)];
}
ReduceInner of_lanes(const Kernel& k, DType column, const LanesTable& isa) {
  return isa.reduce_lanes[static_cast<int>(k.reduce)][static_cast<int>(column)];
}
bool is_float(DType column) { return static_cast<int>(column) < kFloatTypes; }
/// Of int32 and bool by code of its own: a sum may fail.
bool computes(const Kernel& k, DType column) {
  return is_float(column) ? flat(k, column, isa()) != nullptr : column == DType::i32 || k.reduce != Reduce::sum;
}
bool in_lanes(const Kernel& k, DType column, const LanesTable& isa) { return is_float(column) && of_lanes(k, column, isa) != nullptr; }

const char* check(const Kernel& kernel, std::span<const double> axes, std::span<const Shape> operands) {
  const Shape &in = operands[0], &out = operands[1];
  bool gone[kMaxRank] = {};
  for (const double a : axes) {
    if (!integer_within(a, 0, in.rank - 1) || gone[static_cast<int>(a)]) return "bad axes";
    gone[static_cast<int>(a)] = true;
  }
  const int kept = in.rank - static_cast<int>(axes.size());
  if (out.rank != kept && out.rank != in.rank) return "output of the wrong rank";
  const bool keeps_rank = out.rank == in.rank;
  Index outputs = 1, combined = 1;
  for (int d = 0, o = 0; d < in.rank; ++d) {
    (gone[d] ? combined : outputs) *= in.dims[d];
    if (gone[d] && !keeps_rank) continue;
    if (out.dims[o++] != (gone[d] ? 1 : in.dims[d])) return "output of the wrong shape";
  }
  if (combined == 0 && outputs > 0 && kernel.reduce != Reduce::sum) return "max or min of nothing";
  return nullptr;
}

/// Partial results as a binary counter: level l holds the combination of 2^l runs.
class Cascade {
 public:
  Cascade(ReduceInner inner, std::size_t block) : inner_(inner), block_(block) {}
  void push(char* partial) {
    int l = 0;
    for (; (runs_ >> l & 1) != 0; ++l) {
      inner_(level_[l], partial, 1, 1, false);
      std::memcpy(partial, level_[l], block_);
    }
    std::memcpy(level_[l], partial, block_);
    ++runs_;
  }
  void finish(char* out) {
    bool first = true;
    for (int l = 0; l < kLevels; ++l) {
      if ((runs_ >> l & 1) == 0) continue;
      inner_(out, level_[l], 1, 1, first);
      first = false;
    }
  }

 private:
  static constexpr int kLevels = 48;
  ReduceInner inner_;
  std::size_t block_;
  std::uint64_t runs_ = 0;
  alignas(64) char level_[kLevels][kMaxBlock];
};

/// Combines all elements that `loops` (one operand) visits into one at `out`, in an order that depends on the loops alone. Runs of about
/// kReduceRun elements are left to `inner`, their results are added as a balanced tree: the rounding error of a sum of n terms is
/// O(eps (kReduceRun + log n)), Higham, "The accuracy of floating point summation", SIAM J. Sci. Comput. 14 (1993), section 2.
constexpr Index kReduceRun = 512;
void run_reduce(ReduceInner inner, const Loops& loops, char* out, const char* in, std::size_t block) {
  const Index n = loops.inner(), rows = loops.rows(), stride = loops.stride(0)[loops.rank - 1];
  if (n == 0 || rows == 0) {  // a sum; an empty max or min is refused before
    std::memset(out, 0, block);
    return;
  }
  char* base[1] = {const_cast<char*>(in)};
  if (n <= kReduceRun && rows * n <= kReduceRun) {
    bool first = true;
    for_rows(loops, 1, &block, base, 0, rows, [&](char* const* p) {
      inner(out, p[0], n, stride, first);
      first = false;
    });
    return;
  }
  alignas(64) char partial[kMaxBlock];
  Cascade cascade(inner, block);
  Index filled = 0;
  for_rows(loops, 1, &block, base, 0, rows, [&](char* const* p) {
    for (Index i = 0; i < n;) {
      const Index take = std::min(n - i, kReduceRun - filled);
      inner(partial, p[0] + i * stride * static_cast<Index>(block), take, stride, filled == 0);
      i += take;
      filled += take;
      if (filled == kReduceRun) {
        cascade.push(partial);
        filled = 0;
      }
    }
  });
  if (filled > 0) cascade.push(partial);
  cascade.finish(out);
}

/// Axes of a reduction as attributes: the dimensions that stay (operands: out, in) and those that go (operand: in).
struct Split {
  Nest kept, reduced;
};
Split split_axes(const Index* dims, int rank, const double* axes, int count) {
  bool gone[kMaxLoops] = {};
  for (int i = 0; i < count; ++i) gone[static_cast<int>(axes[i])] = true;
  Index in[kMaxLoops];
  broadcast_strides(dims, rank, dims, rank, in);
  Axes kept, reduced;
  for (int d = 0; d < rank; ++d) {
    Axes& to = gone[d] ? reduced : kept;
    to.extent[to.rank] = dims[d];
    to.stride[gone[d] ? 0 : 1][to.rank++] = in[d];
  }
  Index step = 1;
  for (int d = kept.rank - 1; d >= 0; --d) {
    kept.stride[0][d] = step;
    step *= kept.extent[d];
  }
  return {coalesce(kept, 2), coalesce(reduced, 1)};
}

/// Where the elements of an output begin in the input.
Index offset_of(const Loops& kept, Index output) {
  Index offset = 0;
  for (int d = kept.rank - 1; d >= 0; output /= kept.extent()[d--]) offset += output % kept.extent()[d] * kept.stride(1)[d];
  return offset;
}

/// The exact sum, in 64 bits, of all elements that `loops` visits; 0 or what is wrong.
std::int32_t sum_integers(const Loops& loops, char* out, const char* in) {
  constexpr std::size_t block = sizeof(std::int32_t);
  char* base[1] = {const_cast<char*>(in)};
  const Index n = loops.inner(), stride = loops.stride(0)[loops.rank - 1];
  std::int64_t total = 0;  // of less than 2^32 elements, which is more than an array holds
  for_rows(loops, 1, &block, base, 0, n == 0 ? 0 : loops.rows(), [&](char* const* p) {
    const auto* x = reinterpret_cast<const std::int32_t*>(p[0]);
    for (Index i = 0; i < n; ++i) total += x[i * stride];
  });
  const auto low = static_cast<std::int32_t>(total);
  std::memcpy(out, &low, block);
  return low == total ? 0 : make_info(Fail::sum_overflow);
}

template <class T, bool largest>
std::int32_t extreme(const Loops& loops, char* out, const char* in) {
  constexpr std::size_t block = sizeof(T);
  char* base[1] = {const_cast<char*>(in)};
  const Index n = loops.inner(), stride = loops.stride(0)[loops.rank - 1];
  const auto value = [](T x) { return std::is_same_v<T, std::uint8_t> ? static_cast<T>(x != 0) : x; };
  T best = value(*reinterpret_cast<const T*>(in));
  for_rows(loops, 1, &block, base, 0, loops.rows(), [&](char* const* p) {
    const auto* x = reinterpret_cast<const T*>(p[0]);
    T own = best;
    const auto combine = [&](T next) { own = largest ? std::max(own, value(next)) : std::min(own, value(next)); };
    if (stride == 1)
      for (Index i = 0; i < n; ++i) combine(x[i]);
    else
      for (Index i = 0; i < n; ++i) combine(x[i * stride]);
    best = own;
  });
  std::memcpy(out, &best, block);
  return 0;
}

/// Of all elements that `loops` visits, which are not floating ones; of bool the largest is whether any is true, the smallest whether all
/// are.
using Integers = std::int32_t (*)(const Loops& loops, char* out, const char* in);
Integers integers(const Kernel& k, DType column) {
  if (k.reduce == Reduce::sum) return sum_integers;
  if (column == DType::b8) return k.reduce == Reduce::max ? extreme<std::uint8_t, true> : extreme<std::uint8_t, false>;
  return k.reduce == Reduce::max ? extreme<std::int32_t, true> : extreme<std::int32_t, false>;
}

/// Outputs one after the other, as many together as make a task.
Outcome whole_integers(const Eager& e, const Kernel& k, const Split& plan) {
  const Loops kept = plan.kept.loops(), reduced = plan.reduced.loops();
  const Operand& out = e.operands[1];
  char *const to = data_of(out), *const from = data_of(e.operands[0]);
  const Index outputs = kept.count(), together = std::max<Index>(kGrain / std::max<Index>(reduced.count(), 1), 1);
  const Integers each = integers(k, e.column);
  const auto size = static_cast<Index>(size_of(e.column));
  std::atomic<std::int32_t> wrong{0};
  const bool aborted = outputs > 0 && tasks(e, (outputs - 1) / together + 1, [&](Index t) {
                         for (Index o = t * together; o < std::min(outputs, (t + 1) * together); ++o) {
                           const std::int32_t info = each(reduced, to + o * size, from + offset_of(kept, o) * size);
                           if (info != 0) wrong.store(info, std::memory_order_relaxed);
                         }
                       });
  if (const std::int32_t info = wrong.load(); info != 0 && !aborted) {
    if (e.collect) std::memset(to, 0, static_cast<std::size_t>(outputs) * 4);
    return {.aborted = false, .failures = {{0, 0, info}}};
  }
  return {.aborted = aborted, .failures = {}};
}

/// One loop over what is kept, or several of which the last is contiguous, and one over what goes: as rows, or as columns. Whether it did.
bool whole_matrix(const Eager& e, const Kernel& k, const Split& plan, Outcome& outcome) {
  const Loops kept = plan.kept.loops(), reduced = plan.reduced.loops();
  const Index n = reduced.inner(), step = reduced.stride(0)[0], side = kept.inner();
  const Index across = kept.stride(1)[kept.rank - 1];
  if (reduced.rank != 1 || n == 0) return false;
  const bool rows = kept.rank == 1 && n <= kReduceRun && (step == 1 || n == 1), columns = across == 1 && side > 1;
  if (!rows && !columns) return false;
  const LanesTable& table = isa();
  const auto r = static_cast<std::size_t>(k.reduce), column = static_cast<std::size_t>(e.column);
  const auto size = static_cast<Index>(size_of(e.column));
  char *const to = data_of(e.operands[1]), *const from = data_of(e.operands[0]);
  const Index together = std::max<Index>(kGrain / n, 1);
  if (rows) {
    outcome.aborted = tasks(e, (side - 1) / together + 1, [&](Index t) {
      const Index first = t * together;
      table.reduce_rows[r][column](to + first * size, from + first * across * size, std::min(together, side - first), across, n);
    });
    return true;
  }
  const Index pieces = (side - 1) / together + 1, many = pieces > 1 ? 1 : std::max<Index>(together / side, 1);
  const Index all = kept.rows() * pieces;
  outcome.aborted = tasks(e, (all - 1) / many + 1, [&](Index t) {
    for (Index p = t * many; p < std::min(all, (t + 1) * many); ++p) {
      const Index row = p / pieces, first = p % pieces * together;
      const Index begin = offset_of(kept, row * side) + first;
      table.reduce_columns[r][column](to + (row * side + first) * size, from + begin * size, std::min(together, side - first), n, step);
    }
  });
  return true;
}

/// A long reduction is cut into pieces along its outermost dimension, each at least kGrain elements; their results are reduced again.
Outcome whole(const Eager& e, const Kernel& k) {
  const Operand& in = e.operands[0];
  const Operand& out = e.operands[1];
  const Split plan = split_axes(in.dims.data(), rank_of(in), e.attrs.data(), static_cast<int>(e.attrs.size()));
  if (!is_float(e.column)) return whole_integers(e, k, plan);
  const ReduceInner inner = flat(k, e.column, isa());
  const Loops kept = plan.kept.loops(), reduced = plan.reduced.loops();
  const Index outputs = kept.count(), each = reduced.count();
  if (outputs == 0) return {};
  const std::size_t block = size_of(e.column);
  const auto size = static_cast<Index>(block);
  char *const to = data_of(out), *const from = data_of(in);
  const auto input_of = [&](Index output) { return from + offset_of(kept, output) * size; };
  if (Outcome outcome; each < 2 * kGrain && whole_matrix(e, k, plan, outcome)) return outcome;
  const Index outer = reduced.extent()[0];
  const Index step = outer == 0 ? 0 : std::max<Index>(kGrain / std::max<Index>(each / outer, 1), 1);
  if (each < 2 * kGrain || step >= outer) {
    const Index together = std::max<Index>(kGrain / std::max<Index>(each, 1), 1);
    const bool aborted = tasks(e, (outputs - 1) / together + 1, [&](Index t) {
      for (Index o = t * together; o < std::min(outputs, (t + 1) * together); ++o)
        run_reduce(inner, reduced, to + o * size, input_of(o), block);
    });
    return {.aborted = aborted, .failures = {}};
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
  return {.aborted = aborted, .failures = {}};
}

Cost cost(const Planner& planner, const Instruction& code, int) { return cost_of_loop(planner.place(code.in[0]).count, 1); }

/// What a step knows.
struct Detail {
  ReduceInner inner;  // null: `integers`
  Integers integers;
  int kept, kept_rank, reduced, reduced_rank;  // in Plan::numbers
  std::size_t block;                           // bytes of an element
};

std::int32_t one(const Step& s, const Chunk& c, char* const* operands) {
  const Detail& d = detail<Detail>(s, c);
  const Loops kept{d.kept_rank, number(c, d.kept)}, reduced{d.reduced_rank, number(c, d.reduced)};
  const std::size_t block[2] = {d.block, d.block};
  const auto size = static_cast<Index>(d.block);
  const Index inner = kept.inner(), out_step = kept.stride(0)[kept.rank - 1] * size, in_step = kept.stride(1)[kept.rank - 1] * size;
  char* base[2] = {operands[1], operands[0]};
  std::int32_t info = 0;
  for_rows(kept, 2, block, base, 0, inner == 0 ? 0 : kept.rows(), [&](char* const* p) {
    for (Index i = 0; i < inner; ++i) {
      char *const out = p[0] + i * out_step, *const in = p[1] + i * in_step;
      if (d.inner != nullptr)
        run_reduce(d.inner, reduced, out, in, d.block);
      else
        info = std::max(info, d.integers(reduced, out, in));
    }
  });
  return info;
}

void plan(Planner& planner, Step& s, Form form) {
  const Instruction& code = *s.code;
  const bool lanes = form == Form::lanes;
  const std::vector<Index>& in = planner.type(code.in[0]).dims;
  const Split split = split_axes(in.data(), static_cast<int>(in.size()), code.attrs.data(), static_cast<int>(code.attrs.size()));
  Detail d{};
  if (is_float(code.column)) d.inner = (lanes ? of_lanes : flat)(*s.kernel, code.column, planner.isa());
  d.integers = is_float(code.column) ? nullptr : integers(*s.kernel, code.column);
  d.kept_rank = split.kept.rank;
  d.kept = planner.add_numbers(split.kept.data, split.kept.size);
  d.reduced_rank = split.reduced.rank;
  d.reduced = planner.add_numbers(split.reduced.data, split.reduced.size);
  d.block = size_of(code.column) * static_cast<std::size_t>(lanes ? planner.width() : 1);
  s.one = one;
  s.flops = s.kernel->flops * static_cast<double>(planner.place(code.in[0]).count);
  planner.keep(s, d);
}

}  // namespace

const Family family::reduce{"reduce", false, computes, in_lanes, check, whole, cost, plan};

}  // namespace backsolve
