// The steps of a plan: how an instruction becomes one, and how it runs. A step goes over all groups of a chunk, so that its dispatch is
// paid once.
#include <algorithm>
#include <cstring>

#include "planner.h"

namespace backsolve {
namespace {

const Ref& ref(const Step& s, const Chunk& c, int i) { return c.plan->refs[static_cast<std::size_t>(s.refs + i)]; }
const Index* number(const Chunk& c, int i) { return c.plan->numbers.data() + i; }

/// A null operand is an absolute reference to address 0.
void operands_at(const Step& s, const Chunk& c, Index g, char** p) {
  for (int i = 0; i < s.operands; ++i) p[i] = c.at(ref(s, c, i), g);
}

/// Valid items of group g.
int used_lanes(const Chunk& c, Index g) { return static_cast<int>(std::min<Index>(c.plan->width, c.items - g * c.plan->width)); }

bool skips(const Chunk& c, Index item) { return c.any_failed && c.failed[item] >= 0; }

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

void step_pack(const Step& s, Chunk& c) {
  const int width = c.plan->width;
  const auto pack = c.plan->isa->pack[static_cast<int>(s.dtype)];
  const void* const* items = c.lists + ref(s, c, 0).list * c.plan->chunk * width;
  for (Index g = 0; g < c.groups; ++g) pack(c.at(ref(s, c, 1), g), items + g * width, s.count, width);
}

void step_unpack(const Step& s, Chunk& c) {
  const int width = c.plan->width;
  const auto unpack = c.plan->isa->unpack[static_cast<int>(s.dtype)];
  const Ref& out = ref(s, c, 1);
  void* items[kMaxBlock];
  for (Index g = 0; g < c.groups; ++g) {
    const int used = used_lanes(c, g);
    for (int l = 0; l < used; ++l) items[l] = c.at(out, g * width + l);
    unpack(items, c.at(ref(s, c, 0), g), s.count, width, used);
  }
}

void step_copy(const Step& s, Chunk& c) {
  const Ref& in = ref(s, c, 0);
  const std::size_t bytes = static_cast<std::size_t>(s.count) * size_of(s.dtype);
  const void* const* items = in.list >= 0 ? c.lists + in.list * c.plan->chunk * c.plan->width : nullptr;
  for (Index i = 0; i < c.items; ++i) std::memcpy(c.at(ref(s, c, 1), i), items != nullptr ? items[i] : c.at(in, i), bytes);
}

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

void step_reduce(const Step& s, Chunk& c) {
  const Loops kept{s.rank, number(c, s.loops)}, reduced{s.reduced_rank, number(c, s.reduced)};
  const std::size_t block[2] = {static_cast<std::size_t>(s.block[0]), static_cast<std::size_t>(s.block[0])};
  const Index inner = kept.inner(), out_step = kept.stride(0)[kept.rank - 1] * s.block[0],
              in_step = kept.stride(1)[kept.rank - 1] * s.block[0];
  for (Index g = 0; g < c.groups; ++g) {
    char* base[2] = {c.at(ref(s, c, 1), g), c.at(ref(s, c, 0), g)};
    for_rows(kept, 2, block, base, 0, inner == 0 ? 0 : kept.rows(), [&](char* const* p) {
      for (Index i = 0; i < inner; ++i) run_reduce(s.reduce, reduced, p[0] + i * out_step, p[1] + i * in_step, block[0]);
    });
  }
}

void step_move(const Step& s, Chunk& c) {
  const Loops loops{s.rank, number(c, s.loops)};
  for (Index g = 0; g < c.groups; ++g) {
    run_move(loops, c.at(ref(s, c, 1), g) + s.shift[0], c.at(ref(s, c, 0), g) + s.shift[1], static_cast<std::size_t>(s.block[0]));
  }
}

void step_scatter(const Step& s, Chunk& c) {
  for (Index g = 0; g < c.groups; ++g) {
    std::memset(c.at(ref(s, c, 1), g), 0, static_cast<std::size_t>(s.count) * static_cast<std::size_t>(s.block[0]));
  }
  step_move(s, c);
}

void step_band(const Step& s, Chunk& c) {
  const bool upper = s.code->attrs[0] != 0;
  const auto k = static_cast<Index>(s.code->attrs[1]);
  for (Index g = 0; g < c.groups; ++g) {
    run_band(upper, k, s.count, s.shift[0], s.shift[1], c.at(ref(s, c, 1), g), c.at(ref(s, c, 0), g), static_cast<std::size_t>(s.block[0]));
  }
}

// ---- from instruction to step ----

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

void Planner::add_mover(Step& s) {
  const Instruction& code = *s.code;
  const std::vector<Index>&in = type(code.in[0]).dims, &out = type(code.out[0]).dims;
  const int in_rank = static_cast<int>(in.size()), out_rank = static_cast<int>(out.size());
  if (s.kernel->family == Family::band) {
    s.run = step_band;
    s.count = count_of(in.data(), in_rank - 2);
    s.shift[0] = in[in.size() - 2];
    s.shift[1] = in[in.size() - 1];
    return;
  }
  if (s.kernel->family == Family::reduce) {
    s.run = step_reduce;
    const ReducePlan r = plan_reduce(in.data(), in_rank, code.attrs.data(), static_cast<int>(code.attrs.size()));
    s.rank = r.kept.rank;
    s.loops = add_numbers(r.kept.data, r.kept.size);
    s.reduced_rank = r.reduced.rank;
    s.reduced = add_numbers(r.reduced.data, r.reduced.size);
    return;
  }
  const bool scatter = s.kernel->family == Family::scatter;
  const Nest nest = plan_move(scatter, scatter ? in.data() : out.data(), scatter ? in_rank : out_rank, code.attrs.data() + 1);
  s.run = scatter ? step_scatter : step_move;
  s.rank = nest.rank;
  s.loops = add_numbers(nest.data, nest.size);
  s.count = place(code.out[0]).count;
  // nothing is reached through the offset when there is nothing to move
  s.shift[scatter ? 0 : 1] = nest.loops().count() == 0 ? 0 : static_cast<Index>(code.attrs[0]) * s.block[0];
}

}  // namespace backsolve
