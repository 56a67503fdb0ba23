// Views, their transposes, and bands of matrices.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "../exec/planner.h"
#include "../exec/steps.h"
#include "families.h"
#include "signature.h"
#include "whole.h"

namespace backsolve {

/// `walked` gives the loops, `indexed` is reached through offset and strides.
const char* check_strides(std::span<const double> attrs, const Shape& walked, const Shape& indexed) {
  if (attrs.size() != static_cast<std::size_t>(walked.rank) + 1) return "wrong number of strides";
  for (const double a : attrs) {
    if (!integer_within(a, -kMaxStride, kMaxStride)) return "bad offset or stride";
  }
  if (count_of(walked.dims, walked.rank) == 0) return nullptr;
  Index low = static_cast<Index>(attrs[0]), high = low;
  for (int d = 0; d < walked.rank; ++d) {
    Index reach;
    const auto stride = static_cast<Index>(attrs[static_cast<std::size_t>(d) + 1]);
    if (__builtin_mul_overflow(walked.dims[d] - 1, stride, &reach)) return "stride out of range";
    Index& end = reach < 0 ? low : high;
    if (__builtin_add_overflow(end, reach, &end)) return "stride out of range";
  }
  return low >= 0 && high < count_of(indexed.dims, indexed.rank) ? nullptr : "a stride leads out of the tensor";
}

namespace {

template <std::size_t kBlock>
void move_row(char* out, Index out_step, const char* in, Index in_step, Index n) {
  for (Index i = 0; i < n; ++i) std::memcpy(out + i * out_step, in + i * in_step, kBlock);
}

using MoveRow = void (*)(char*, Index, const char*, Index, Index);

MoveRow move_row_of(std::size_t block) {
  switch (block) {
    case 1:
      return move_row<1>;
    case 2:
      return move_row<2>;
    case 4:
      return move_row<4>;
    case 8:
      return move_row<8>;
    case 16:
      return move_row<16>;
    case 32:
      return move_row<32>;
    case 64:
      return move_row<64>;
    default:
      return move_row<kMaxBlock>;
  }
}

}  // namespace

void run_move(const Loops& loops, char* out, const char* in, std::size_t block, Index first, Index last, Index from, Index to) {
  if (to <= from) return;
  const auto size = static_cast<Index>(block);
  const Index out_step = loops.stride(0)[loops.rank - 1] * size, in_step = loops.stride(1)[loops.rank - 1] * size;
  const std::size_t blocks[2] = {block, block};
  char* base[2] = {out + from * out_step, const_cast<char*>(in) + from * in_step};
  const bool whole = out_step == size && in_step == size;
  const MoveRow row = move_row_of(block);
  for_rows(loops, 2, blocks, base, first, last, [&](char* const* p) {
    if (whole) {
      std::memcpy(p[0], p[1], static_cast<std::size_t>((to - from) * size));
    } else {
      row(p[0], out_step, p[1], in_step, to - from);
    }
  });
}
void run_move(const Loops& loops, char* out, const char* in, std::size_t block) {
  run_move(loops, out, in, block, 0, loops.rows(), 0, loops.inner());
}

void run_band(bool upper, Index k, Index matrices, Index rows, Index cols, char* out, const char* in, std::size_t block) {
  const std::size_t row_bytes = static_cast<std::size_t>(cols) * block;
  for (Index m = 0; m < matrices; ++m) {
    for (Index i = 0; i < rows; ++i, out += row_bytes, in += row_bytes) {
      // lower keeps j <= i + k, upper j >= i + k
      const std::size_t border = static_cast<std::size_t>(std::clamp<Index>(upper ? i + k : i + k + 1, 0, cols)) * block;
      if (border > 0) upper ? std::memset(out, 0, border) : std::memcpy(out, in, border);
      const std::size_t rest = row_bytes - border;
      if (rest > 0) upper ? std::memcpy(out + border, in + border, rest) : std::memset(out + border, 0, rest);
    }
  }
}

Nest plan_move(bool scatter, const Index* walked, int rank, const double* strides) {
  Axes axes;
  axes.rank = rank;
  broadcast_strides(walked, rank, walked, rank, axes.stride[scatter ? 1 : 0]);
  for (int d = 0; d < rank; ++d) {
    axes.extent[d] = walked[d];
    axes.stride[scatter ? 0 : 1][d] = static_cast<Index>(strides[d]);
  }
  return coalesce(axes, 2);
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
