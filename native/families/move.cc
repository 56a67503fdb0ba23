// Elements read, written and replaced by strides, and bands of matrices.
#include <cstring>

#include "../exec/steps.h"
#include "families.h"
#include "whole.h"

namespace backsolve {
namespace {

bool computes(const Kernel&, DType) { return true; }
bool in_lanes(const Kernel&, DType, const LanesTable&) { return true; }
Cost cost(const Planner& planner, const Instruction& code, int) { return cost_of_loop(planner.place(code.out[0]).count, 1, 3); }

constexpr double kMaxStride = static_cast<double>(kMaxElements);

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
const char* check_read(const Kernel&, std::span<const double> attrs, std::span<const Shape> operands) {
  return check_strides(attrs, operands[1], operands[0]);
}
const char* check_write(const Kernel&, std::span<const double> attrs, std::span<const Shape> operands) {
  return check_strides(attrs, operands[0], operands[1]);
}
const char* check_update(const Kernel&, std::span<const double> attrs, std::span<const Shape> operands) {
  const Shape &in = operands[0], &out = operands[2];
  if (in.rank != out.rank || !std::equal(in.dims, in.dims + in.rank, out.dims)) return "what is updated keeps its shape";
  return check_strides(attrs, operands[1], out);
}

const char* check_band(const Kernel&, std::span<const double> attrs, std::span<const Shape> operands) {
  const Shape &in = operands[0], &out = operands[1];
  if (attrs.size() != 2 || !integer_within(attrs[0], 0, 1)) return "bad band";
  if (!integer_within(attrs[1], -kMaxStride, kMaxStride)) return "bad band";
  const bool same = in.rank == out.rank && std::equal(in.dims, in.dims + in.rank, out.dims);
  return in.rank >= 2 && same ? nullptr : "band wants matrices of one shape";
}

/// One triangle of the last two axes, from diagonal k on; `matrices` contiguous matrices of rows x cols.
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

/// To read: operands out, in. To write: strides belong to the input, so they are the output's.
Nest loops_of(bool write, const Index* walked, int rank, const double* strides) {
  Axes axes;
  axes.rank = rank;
  broadcast_strides(walked, rank, walked, rank, axes.stride[write ? 1 : 0]);
  for (int d = 0; d < rank; ++d) {
    axes.extent[d] = walked[d];
    axes.stride[write ? 0 : 1][d] = static_cast<Index>(strides[d]);
  }
  return coalesce(axes, 2);
}

Outcome whole_read(const Eager& e, const Kernel&) {
  const Operand &in = e.operands[0], &out = e.operands[1];
  if (count(out) == 0) return {};
  const std::size_t block = size_of(e.column);
  const Nest nest = loops_of(false, out.dims.data(), rank_of(out), e.attrs.data() + 1);
  const char* const from = data_of(in) + static_cast<Index>(e.attrs[0]) * static_cast<Index>(block);
  const bool aborted = split_loops(e, nest.loops(), [&](Index first, Index last, Index begin, Index end) {
    run_move(nest.loops(), data_of(out), from, block, first, last, begin, end);
  });
  return {.aborted = aborted, .failures = {}};
}

/// On one thread: strides may meet, and then the last element in row-major order stays.
Outcome whole_write(const Eager& e, const Kernel&) {
  const Operand &in = e.operands[0], &out = e.operands[1];
  const std::size_t block = size_of(e.column);
  if (count(out) > 0) std::fill_n(data_of(out), static_cast<std::size_t>(count(out)) * block, char{0});
  if (count(in) == 0) return {};
  const Nest nest = loops_of(true, in.dims.data(), rank_of(in), e.attrs.data() + 1);
  run_move(nest.loops(), data_of(out) + static_cast<Index>(e.attrs[0]) * static_cast<Index>(block), data_of(in), block);
  return {};
}

Outcome whole_update(const Eager& e, const Kernel&) {
  const Operand &base = e.operands[0], &in = e.operands[1], &out = e.operands[2];
  const std::size_t block = size_of(e.column);
  const auto size = static_cast<Index>(block);
  const Index all = count(out);
  if (all == 0) return {};
  const bool aborted = tasks(e, (all - 1) / kGrain + 1, [&](Index t) {
    const Index first = t * kGrain * size, bytes = std::min(kGrain, all - t * kGrain) * size;
    std::memcpy(data_of(out) + first, data_of(base) + first, static_cast<std::size_t>(bytes));
  });
  if (count(in) == 0 || aborted) return {.aborted = aborted, .failures = {}};
  const Nest nest = loops_of(true, in.dims.data(), rank_of(in), e.attrs.data() + 1);
  run_move(nest.loops(), data_of(out) + static_cast<Index>(e.attrs[0]) * size, data_of(in), block);
  return {};
}

Outcome whole_band(const Eager& e, const Kernel&) {
  const Operand& in = e.operands[0];
  if (count(in) == 0) return {};
  const Index cols = in.dims.back(), rows = in.dims[in.dims.size() - 2], matrices = count(in) / (rows * cols);
  const std::size_t block = size_of(e.column);
  const Index together = std::max<Index>(kGrain / (rows * cols), 1);
  const bool aborted = tasks(e, (matrices - 1) / together + 1, [&](Index t) {
    const Index first = t * together, shift = first * rows * cols * static_cast<Index>(block);
    run_band(e.attrs[0] != 0, static_cast<Index>(e.attrs[1]), std::min(together, matrices - first), rows, cols,
             data_of(e.operands[1]) + shift, data_of(in) + shift, block);
  });
  return {.aborted = aborted, .failures = {}};
}

std::size_t block_of(const Planner& planner, const Step& s, Form form) {
  return size_of(s.code->column) * static_cast<std::size_t>(form == Form::lanes ? planner.width() : 1);
}

/// What a step of readStrided or writeStrided knows.
struct Moves {
  int loops, rank;            // in Plan::numbers
  std::size_t block;          // bytes of an element
  Index out_shift, in_shift;  // bytes
  std::size_t whole;          // bytes of the output to clear before, or to copy
};

std::int32_t one_move(const Step& s, const Chunk& c, char* const* operands) {
  const Moves& d = detail<Moves>(s, c);
  if (d.whole > 0) std::memset(operands[1], 0, d.whole);
  run_move({d.rank, number(c, d.loops)}, operands[1] + d.out_shift, operands[0] + d.in_shift, d.block);
  return 0;
}

std::int32_t one_update(const Step& s, const Chunk& c, char* const* operands) {
  const Moves& d = detail<Moves>(s, c);
  if (d.whole > 0) std::memcpy(operands[2], operands[0], d.whole);
  run_move({d.rank, number(c, d.loops)}, operands[2] + d.out_shift, operands[1], d.block);
  return 0;
}

/// `from`: the operand whose elements move.
void plan_move(Planner& planner, Step& s, Form form, bool write, std::size_t from = 0) {
  const Instruction& code = *s.code;
  const std::vector<Index>& walked = planner.type(write ? code.in[from] : code.out[0]).dims;
  const Nest nest = loops_of(write, walked.data(), static_cast<int>(walked.size()), code.attrs.data() + 1);
  Moves d{};
  d.rank = nest.rank;
  d.loops = planner.add_numbers(nest.data, nest.size);
  d.block = block_of(planner, s, form);
  // nothing is reached through the offset when there is nothing to move
  const Index shift = nest.loops().count() == 0 ? 0 : static_cast<Index>(code.attrs[0]) * static_cast<Index>(d.block);
  (write ? d.out_shift : d.in_shift) = shift;
  if (write) d.whole = static_cast<std::size_t>(planner.place(code.out[0]).count) * d.block;
  s.one = from == 0 ? one_move : one_update;
  planner.keep(s, d);
}
void plan_read(Planner& planner, Step& s, Form form) { plan_move(planner, s, form, false); }
void plan_write(Planner& planner, Step& s, Form form) { plan_move(planner, s, form, true); }
void plan_update(Planner& planner, Step& s, Form form) { plan_move(planner, s, form, true, 1); }

/// What a step of band knows.
struct Bands {
  bool upper;
  Index diagonal, matrices, rows, cols;
  std::size_t block;  // bytes of an element
};

std::int32_t one_band(const Step& s, const Chunk& c, char* const* operands) {
  const Bands& d = detail<Bands>(s, c);
  run_band(d.upper, d.diagonal, d.matrices, d.rows, d.cols, operands[1], operands[0], d.block);
  return 0;
}

void plan_band(Planner& planner, Step& s, Form form) {
  const std::vector<Index>& in = planner.type(s.code->in[0]).dims;
  const std::size_t lead = in.size() - 2;
  s.one = one_band;
  planner.keep(s, Bands{s.code->attrs[0] != 0, static_cast<Index>(s.code->attrs[1]), count_of(in.data(), static_cast<int>(lead)), in[lead],
                        in[lead + 1], block_of(planner, s, form)});
}

}  // namespace

const Family family::read_strided{"readStrided", false, computes, in_lanes, check_read, whole_read, cost, plan_read};
const Family family::write_strided{"writeStrided", false, computes, in_lanes, check_write, whole_write, cost, plan_write};
const Family family::update_strided{"updateStrided", false, computes, in_lanes, check_update, whole_update, cost, plan_update};
const Family family::band{"band", false, computes, in_lanes, check_band, whole_band, cost, plan_band};

}  // namespace backsolve
