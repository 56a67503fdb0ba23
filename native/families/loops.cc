#include "loops.h"

#include <algorithm>
#include <cstring>

namespace backsolve {
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

Index Loops::rows() const {
  Index n = 1;
  for (int d = 0; d + 1 < rank; ++d) n *= data[d];
  return n;
}
Index Loops::count() const { return rows() * inner(); }

void broadcast_strides(const Index* dims, int rank, const Index* to, int to_rank, Index* stride) {
  Index step = 1;
  for (int d = to_rank - 1, i = rank - 1; d >= 0; --d, --i) {
    stride[d] = i >= 0 && dims[i] != 1 ? step : 0;
    if (i >= 0) step *= dims[i];
    if (to[d] == 1) stride[d] = 0;
  }
}

Nest coalesce(const Axes& axes, int operands, bool keep_first) {
  Axes merged;
  int rank = 0;
  for (int d = 0; d < axes.rank; ++d) {
    const bool first = keep_first && d == 0;
    if (axes.extent[d] == 1 && !first) continue;
    bool joins = rank > 0;
    for (int o = 0; joins && o < operands; ++o) joins = merged.stride[o][rank - 1] == axes.extent[d] * axes.stride[o][d];
    const int to = joins ? rank - 1 : rank++;
    merged.extent[to] = joins ? merged.extent[to] * axes.extent[d] : axes.extent[d];
    for (int o = 0; o < operands; ++o) merged.stride[o][to] = axes.stride[o][d];
  }
  if (rank == 0) {
    rank = 1;
    merged.extent[0] = 1;
    for (int o = 0; o < operands; ++o) merged.stride[o][0] = 1;
  }
  Nest nest;
  nest.rank = rank;
  nest.size = (1 + operands) * rank;
  std::copy_n(merged.extent, rank, nest.data);
  for (int o = 0; o < operands; ++o) std::copy_n(merged.stride[o], rank, nest.data + (1 + o) * rank);
  return nest;
}

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

}  // namespace backsolve
