#include "loops.h"

#include <algorithm>
#include <cstring>

namespace backsolve {
namespace {

/// Rows of n elements; steps in bytes.
struct Plane {
  Index rows, n, out_row, out_step, in_row, in_step;
};
template <std::size_t kBlock>
void move_plane(char* out, const char* in, const Plane& p) {
  for (Index r = 0; r < p.rows; ++r)
    for (Index i = 0; i < p.n; ++i) std::memcpy(out + r * p.out_row + i * p.out_step, in + r * p.in_row + i * p.in_step, kBlock);
}
/// Every row the same element again and again, side by side.
template <std::size_t kBlock>
void fill_plane(char* out, const char* in, const Plane& p) {
  for (Index r = 0; r < p.rows; ++r) {
    char element[kBlock];
    std::memcpy(element, in + r * p.in_row, kBlock);
    char* const to = out + r * p.out_row;
    for (Index i = 0; i < p.n; ++i) std::memcpy(to + i * static_cast<Index>(kBlock), element, kBlock);
  }
}
void move_whole(char* out, const char* in, const Plane& p) {
  for (Index r = 0; r < p.rows; ++r) std::memcpy(out + r * p.out_row, in + r * p.in_row, static_cast<std::size_t>(p.n * p.out_step));
}

/// Columns to rows, squares of whole cache lines at a time, so that none is fetched or written again for the next row.
template <std::size_t kBlock>
void move_turned(char* out, const char* in, const Plane& p) {
  constexpr Index kSide = 64 / kBlock, size = kBlock;
  const auto square = [&](Index r, Index i, Index rows, Index columns) {
    const char* const from = in + r * size + i * p.in_step;
    char* const to = out + r * p.out_row + i * size;
    for (Index k = 0; k < rows; ++k)
      for (Index c = 0; c < columns; ++c) std::memcpy(to + k * p.out_row + c * size, from + k * size + c * p.in_step, kBlock);
  };
  for (Index r = 0; r < p.rows; r += kSide) {
    const Index rows = std::min(kSide, p.rows - r);
    Index i = 0;
    for (; rows == kSide && i + kSide <= p.n; i += kSide) square(r, i, kSide, kSide);
    if (i < p.n) square(r, i, rows, p.n - i);
  }
}

using MovePlane = void (*)(char*, const char*, const Plane&);

MovePlane move_plane_of(std::size_t block, bool fills, bool turned) {
  if (turned && block == 4) return move_turned<4>;
  if (turned && block == 8) return move_turned<8>;
  if (turned && block == 16) return move_turned<16>;
  if (fills && block == 4) return fill_plane<4>;
  if (fills && block == 8) return fill_plane<8>;
  if (fills && block == 16) return fill_plane<16>;
  switch (block) {
    case 1:
      return move_plane<1>;
    case 2:
      return move_plane<2>;
    case 4:
      return move_plane<4>;
    case 8:
      return move_plane<8>;
    case 16:
      return move_plane<16>;
    case 32:
      return move_plane<32>;
    case 64:
      return move_plane<64>;
    default:
      return move_plane<kMaxBlock>;
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
  const int inner = loops.rank - 1;
  const auto step = [&](int operand, int d) { return d < 0 ? 0 : loops.stride(operand)[d] * size; };
  Plane plane{0, to - from, step(0, inner - 1), step(0, inner), step(1, inner - 1), step(1, inner)};
  const bool whole = plane.out_step == size && plane.in_step == size && plane.n >= 8;
  const bool dense = plane.out_step == size,
             turned = dense && plane.in_row == size && plane.in_step > size && plane.out_row >= plane.n * size;
  const MovePlane move = whole ? move_whole : move_plane_of(block, dense && plane.in_step == 0, turned);
  const Index side = inner > 0 ? loops.extent()[inner - 1] : 1;  // rows that make a plane
  for (Index row = first; row < last; row += plane.rows) {
    plane.rows = std::min(side - row % side, last - row);
    char* to_row = out + from * plane.out_step;
    const char* from_row = in + from * plane.in_step;
    Index rest = row;
    for (int d = inner - 1; d >= 0; --d) {
      const Index at = rest % loops.extent()[d];
      rest /= loops.extent()[d];
      to_row += at * step(0, d);
      from_row += at * step(1, d);
    }
    move(to_row, from_row, plane);
  }
}

}  // namespace backsolve
