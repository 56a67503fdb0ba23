#include "loops.h"

#include <algorithm>
#include <cstring>

namespace backsolve {

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

void run_map(MapInner inner, const Loops& loops, int inputs, char* const* base, const std::size_t* block, Index first, Index last,
             Index from, Index to) {
  if (to <= from) return;
  Index stride[4] = {0, 0, 0, 0};
  char* start[4] = {};
  for (int o = 0; o <= inputs; ++o) {
    stride[o] = loops.stride(o)[loops.rank - 1];
    start[o] = base[o] + from * stride[o] * static_cast<Index>(block[o]);
  }
  for_rows(loops, inputs + 1, block, start, first, last, [&](char* const* p) {
    const void* in[3] = {p[1], inputs > 1 ? p[2] : nullptr, inputs > 2 ? p[3] : nullptr};
    inner(p[0], in, to - from, stride);
  });
}
void run_map(MapInner inner, const Loops& loops, int inputs, char* const* base, const std::size_t* block) {
  run_map(inner, loops, inputs, base, block, 0, loops.rows(), 0, loops.inner());
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

namespace {

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

}  // namespace

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

ReducePlan plan_reduce(const Index* dims, int rank, const double* axes, int count) {
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

}  // namespace backsolve
